"""What the sender of a drop declares about it: a `manifest.json` of their own, checked before anything is copied."""

from collections.abc import Set
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic.dataclasses import dataclass as strict_dataclass

from pipelines.common.errors import DeliveryError, UnreadableFileError

MANIFEST = "manifest.json"
FOLLOWER = "follower"

# No platform counts further; a longer number would not fit a column.
Count = Annotated[int, Field(ge=0, le=10**15)]
Name = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
ListScope = Annotated[
    Literal["complete", "partial"],
    # Manifests written before version 0.2 call a complete list `whole`.
    BeforeValidator(lambda scope: "complete" if scope == "whole" else scope),
]


class DeclaredFile(BaseModel):
    """What a sender declares about one file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    rows: Count | None = None
    sha256: str | None = None


@strict_dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class DeclaredList:
    """How one account's lists of a kind ended: the number of entries collected beside the platform's own count.

    `n_collected` is how many entries the drop holds; a list is `complete` if its last page was reached. The lists of
    likers of many posts are added up: partial if one of them is. `n_null_rows` are entries without a person or post.
    """

    platform: Name
    account_id: Name
    kind: Literal["follower", "post", "like", "repost", "quote", "reply", "mention"]
    n_lists: Count
    n_reported: Count | None
    n_collected: Count
    n_pages: Count
    n_requests: Count
    n_repeats: Count
    n_null_rows: Count
    scope: ListScope
    reason: str = ""

    @property
    def is_verified_empty(self) -> bool:
        """Whether nobody follows the account: the list was read to its end, and the platform counts nobody either."""
        return (self.kind, self.scope, self.n_collected, self.n_reported) == (FOLLOWER, "complete", 0, 0)


class Declaration(BaseModel):
    """All that a sender may declare: whether lists are complete, the platform's own counts, the files."""

    model_config = ConfigDict(extra="forbid", strict=True)

    follower_scope: Literal["complete", "partial"] = "complete"
    reported: dict[Literal["follower", "post", "engagement", "account_day", "contact"], dict[str, Count]] = {}
    files: dict[str, DeclaredFile] = {}
    completeness: list[DeclaredList] = []
    notes: list[str] = []

    @model_validator(mode="after")
    def _lists_are_unique_and_explained(self) -> Self:
        if len({(one.platform, one.account_id, one.kind) for one in self.completeness}) < len(self.completeness):
            raise ValueError("completeness: an account and kind is listed twice")
        if any(one.scope == "partial" and not one.reason.strip() for one in self.completeness):
            raise ValueError("completeness: a partial list gives no reason")
        return self

    def n_reported(self, table: str, platform: str, account_id: str) -> int | None:
        """The platform's own count of an account's rows in a table, where it was declared."""
        counts: dict[str, int] = dict(self.reported).get(table, {})  # type: ignore[call-overload]
        return counts.get(f"{platform}:{account_id}")

    def has_hash(self, name: str) -> bool:
        """Whether the sender declared the hash of a file."""
        return self.files.get(name, DeclaredFile()).sha256 is not None

    def check_files(self, found: dict[str, tuple[str, int]]) -> None:
        """Raise `UnreadableFileError` where a file's hash or number of rows, by its name, differs from the declared."""
        for name, (sha256, rows) in found.items():
            declared = self.files.get(name, DeclaredFile())
            if declared.sha256 not in (None, sha256):
                raise UnreadableFileError(name, "differs from its declared sha256", hint="fetch it again")
            if declared.rows not in (None, rows):
                differs = f"has {rows:,} rows, its sender declared {declared.rows:,}"
                raise UnreadableFileError(name, differs, hint="fetch it again")

    def check_follower_lists(self, n_rows: dict[tuple[str, str], int], listed: Set[tuple[str, str]]) -> None:
        """Compare each declared follower list with its rows, counted by platform and account; name listed accounts.

        A list that lost rows after it was counted would end follows. Raises `UnreadableFileError`.
        """
        for one in self.completeness:
            found = n_rows.get((one.platform, one.account_id), 0)
            is_listed = (one.platform, one.account_id) in listed
            account = f"{one.platform}:{one.account_id}" if is_listed else "an account that account.csv does not name"
            if one.kind == FOLLOWER and one.n_collected != found:
                raise UnreadableFileError(
                    f"follower list of {account}",
                    f"has {found:,} rows, its sender declared {one.n_collected:,}",
                    hint="fetch it again",
                )


def read_declaration(drop: Path) -> Declaration:
    """Read the sender's `manifest.json` of a drop; an empty declaration where there is none.

    Raises `DeliveryError` naming the key that cannot be used.
    """
    path = drop / MANIFEST
    if not path.is_file():
        return Declaration()
    try:
        return Declaration.model_validate_json(path.read_bytes())
    except ValidationError as failure:
        first = failure.errors(include_url=False, include_context=False, include_input=False)[0]
        # Keys of the sender's own are not named: they may be names of people.
        fields = {
            *Declaration.model_fields,
            *DeclaredFile.model_fields,
            *(one.name for one in dataclass_fields(DeclaredList)),
        }
        where = ".".join(str(part) if isinstance(part, int) or part in fields else "a key" for part in first["loc"])
        raise DeliveryError(
            MANIFEST,
            f"cannot be used: {where or 'the file'}: {first['msg']}",
            known=Declaration.model_fields,
            hint="see docs/EXTRACTS.md",
        ) from None
