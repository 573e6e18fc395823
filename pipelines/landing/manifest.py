"""What a delivery is: its files, its counts, and what its sender said of it; written once as `manifest.json`."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, NonNegativeInt, StringConstraints, ValidationError, model_validator
from pydantic.dataclasses import dataclass as strict_dataclass

from pipelines.common.errors import DeliveryError, LandedFileChangedError, UnreadableFileError
from pipelines.common.settings import Settings

MANIFEST = "manifest.json"
FOLLOWER = "follower"

Name = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class ToldFile(BaseModel):
    """What a sender says of one file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    rows: NonNegativeInt | None = None
    sha256: str | None = None


@strict_dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class ToldList:
    """How one account's lists of a kind came out, as whoever pulled them says: the platform's count beside ours.

    `n_collected` is how many entries the drop holds; a list is `whole` if its last page was reached. The lists of
    likers of many posts are added up: partial if one of them is. `n_null_rows` are entries without a person or post.
    """

    platform: Name
    account_id: Name
    kind: Literal["follower", "post", "like", "repost", "quote", "reply", "mention"]
    n_lists: NonNegativeInt
    n_reported: NonNegativeInt | None
    n_collected: NonNegativeInt
    n_pages: NonNegativeInt
    n_requests: NonNegativeInt
    n_repeats: NonNegativeInt
    n_null_rows: NonNegativeInt
    scope: Literal["whole", "partial"]
    reason: str = ""

    @property
    def found_nobody(self) -> bool:
        """Whether nobody follows the account any more: read to the end, and the platform counts nobody either."""
        return (self.kind, self.scope, self.n_collected, self.n_reported) == (FOLLOWER, "whole", 0, 0)


class Told(BaseModel):
    """What a sender may say of a drop: whether its lists are complete, the platform's own counts, its files."""

    model_config = ConfigDict(extra="forbid", strict=True)

    follower_scope: Literal["complete", "partial"] = "complete"
    reported: dict[Literal["follower", "post", "engagement", "account_day", "contact"], dict[str, NonNegativeInt]] = {}
    files: dict[str, ToldFile] = {}
    completeness: list[ToldList] = []
    notes: list[str] = []

    @model_validator(mode="after")
    def _each_list_once_and_why_it_is_partial(self) -> Self:
        if len({(one.platform, one.account_id, one.kind) for one in self.completeness}) < len(self.completeness):
            raise ValueError("completeness: an account and kind stands there twice")
        if any(one.scope == "partial" and not one.reason.strip() for one in self.completeness):
            raise ValueError("completeness: a partial list gives no reason")
        return self


@dataclass(frozen=True)
class LandedFile:
    """One file of a delivery, as it was when it landed."""

    name: str
    table: str
    bytes: int
    sha256: str
    rows: int
    columns: list[str]
    unknown_columns: list[str]


@dataclass(frozen=True)
class Collected:
    """How many rows of a table a delivery holds for one account, beside the platform's own count."""

    table: str
    platform: str
    account_id: str
    collected: int
    reported: int | None


@dataclass(frozen=True)
class Delivery:
    """One landed drop: what came, from whom, for which day."""

    delivery_id: str
    source: str
    snapshot_on: str
    landed_at: str
    follower_scope: str
    first_observed_on: str
    files: list[LandedFile]
    accounts: list[Collected]
    came_as: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    completeness: list[ToldList] = field(default_factory=list)

    @property
    def empty_lists(self) -> list[ToldList]:
        """The follower lists that were read to their end and hold nobody: no row can say so."""
        return [one for one in self.completeness if one.found_nobody and self.follower_scope == "complete"]

    @property
    def has_content(self) -> bool:
        return bool(self.files or self.empty_lists)

    @property
    def has_follower_lists(self) -> bool:
        return bool(self.empty_lists) or any(file.table == FOLLOWER for file in self.files)

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    def folder(self, settings: Settings) -> Path:
        return settings.landing / self.source / self.snapshot_on / self.delivery_id.split(".")[-1]


def read_manifest(path: Path) -> Delivery:
    """Read one manifest back.

    Raises `LandedFileChangedError` where it is not as landing wrote it.
    """
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        read["files"] = [LandedFile(**file) for file in read["files"]]
        read["accounts"] = [Collected(**account) for account in read["accounts"]]
        read["completeness"] = [ToldList(**one) for one in read.get("completeness", [])]
        return Delivery(**read)
    except (ValueError, KeyError, TypeError):
        raise LandedFileChangedError(str(path), "is not readable as a manifest", hint="restore it") from None


def told_of(drop: Path) -> Told:
    """What the sender says of the drop in a `manifest.json` of their own; nothing where there is none."""
    path = drop / MANIFEST
    if not path.is_file():
        return Told()
    try:
        return Told.model_validate_json(path.read_bytes())
    except ValidationError as failure:
        first = failure.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DeliveryError(
            MANIFEST, f"cannot be used: {where}: {first['msg']}", known=Told.model_fields, hint="see docs/EXTRACTS.md"
        ) from None


def added_up(found: list[Collected]) -> list[Collected]:
    """One count per table and account, however many files it came in."""
    total: dict[tuple[str, str, str], Collected] = {}
    for one in found:
        key = (one.table, one.platform, one.account_id)
        total[key] = replace(one, collected=one.collected + (total[key].collected if key in total else 0))
    return list(total.values())


def check_lists(told: Told, accounts: list[Collected]) -> None:
    """Hold each follower list against its rows: one cut short after it was counted would end spells.

    Raises `UnreadableFileError`.
    """
    rows = {(one.platform, one.account_id): one.collected for one in accounts if one.table == FOLLOWER}
    for one in told.completeness:
        held = rows.get((one.platform, one.account_id), 0)
        if one.kind == FOLLOWER and one.n_collected != held:
            raise UnreadableFileError(
                f"follower list of {one.platform}:{one.account_id}",
                f"has {held:,} rows, its sender says {one.n_collected:,}",
                hint="fetch it again",
            )
