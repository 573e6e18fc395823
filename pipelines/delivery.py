"""What a delivery is: its files, its counts, and what its sender said of it; written once as `manifest.json`."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from pipelines.errors import DeliveryError, LandedFileChangedError
from pipelines.settings import Settings

MANIFEST = "manifest.json"


class ToldFile(BaseModel):
    """What a sender says of one file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    rows: NonNegativeInt | None = None
    sha256: str | None = None


class Told(BaseModel):
    """What a sender may say of a drop: whether its lists are complete, the platform's own counts, its files."""

    model_config = ConfigDict(extra="forbid", strict=True)

    follower_scope: Literal["complete", "partial"] = "complete"
    reported: dict[Literal["follower", "post", "engagement", "account_day", "contact"], dict[str, NonNegativeInt]] = {}
    files: dict[str, ToldFile] = {}


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
