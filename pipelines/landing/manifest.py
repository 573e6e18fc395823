"""One landed delivery and its record, `manifest.json`: files, row counts, and what the sender declared."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pipelines.common.errors import LandedFileChangedError
from pipelines.common.settings import Settings
from pipelines.landing.declaration import FOLLOWER, MANIFEST, DeclaredList

IGNORED = "unknown columns ignored"
NAMED_COLUMNS = ": ignored unknown columns "  # manifests before version 0.3 name them
ORIGINAL = "original"  # folder of the export that a drop was converted from


@dataclass(frozen=True)
class LandedFile:
    """One file of a delivery, as it was when it landed.

    `integrity` says what proves that its bytes are the sender's (`file_copy.PROOFS`); manifests before version 0.3 do
    not say. `long_id_share` is the share of numeric ids that have 16 digits and more, by column.
    """

    name: str
    table: str
    bytes: int
    sha256: str
    rows: int
    columns: list[str]
    unknown_columns: list[str]
    integrity: str = "unproven"
    long_id_share: dict[str, float] = field(default_factory=dict)


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
    """One landed drop. Its fields are the keys of `manifest.json`: renaming one breaks landed manifests.

    `came_as` gives the sha256 of files that were stored in another form, and of the original export.
    """

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
    completeness: list[DeclaredList] = field(default_factory=list)

    @property
    def empty_lists(self) -> list[DeclaredList]:
        """The follower lists verified empty: no row can show them."""
        return [one for one in self.completeness if one.is_verified_empty and self.follower_scope == "complete"]

    def partial_follower_lists(self, reported_apart: float) -> dict[tuple[str, str], str]:
        """Why follower lists are partial, by platform and account.

        Their sender declares it of each or of all, or the platform's own count differs by more than the share
        `reported_apart`, and by more than one.
        """
        declared = {(one.platform, one.account_id): one for one in self.completeness if one.kind == FOLLOWER}
        counts = {key: (one.n_collected + one.n_null_rows, one.n_reported) for key, one in declared.items()}
        for one in self.accounts:
            if one.table == FOLLOWER:
                counts.setdefault((one.platform, one.account_id), (one.collected, one.reported))
        reasons = {}
        for key, (found, reported) in counts.items():
            if reported is not None and abs(found - reported) > max(1, reported_apart * reported):
                reasons[key] = "differs from the platform's own count"
            if self.follower_scope == "partial":
                reasons[key] = "declared partial by its sender"
        return reasons | {key: one.reason for key, one in declared.items() if one.scope == "partial"}

    @property
    def has_content(self) -> bool:
        return bool(self.files or self.empty_lists)

    @property
    def has_follower_lists(self) -> bool:
        return bool(self.empty_lists) or any(file.table == FOLLOWER for file in self.files)

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    @property
    def published_notes(self) -> list[str]:
        """The notes without the unknown columns that an earlier version named."""
        return [note.split(NAMED_COLUMNS)[0] + f": {IGNORED}" if NAMED_COLUMNS in note else note for note in self.notes]

    @property
    def number(self) -> int:
        """The delivery's number among those of its source and day, from 1; the highest is current."""
        return int(self.delivery_id.split(".")[-1].split("-")[0])

    def folder(self, settings: Settings) -> Path:
        """The folder in the landing area."""
        return settings.landing / self.source / self.snapshot_on / self.delivery_id.split(".")[-1]

    def content_hash(self) -> str:
        """Hash the files and how complete they are; pages and requests are not content."""
        parts = [self.follower_scope, *sorted(f"{file.name} {file.sha256}" for file in self.files)]
        parts += sorted(f"{name} {sha256}" for name, sha256 in self.came_as.items() if name.startswith(ORIGINAL))
        parts += sorted(
            f"{one.platform} {one.account_id} {one.kind} {one.scope} {one.n_lists} {one.n_collected} "
            f"{one.n_reported} {one.reason}"
            for one in self.completeness
        )
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def write_manifest(delivery: Delivery, folder: Path) -> None:
    """Write the record of a delivery into its folder, synced to the disk."""
    with (folder / MANIFEST).open("x", encoding="utf-8") as target:
        json.dump(asdict(delivery), target, indent=1, ensure_ascii=False)
        target.flush()
        os.fsync(target.fileno())


def read_manifest(path: Path) -> Delivery:
    """Read the record of a delivery.

    Raises `LandedFileChangedError` where it is not as landing wrote it.
    """
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        read["files"] = [LandedFile(**file) for file in read["files"]]
        read["accounts"] = [Collected(**account) for account in read["accounts"]]
        read["completeness"] = [DeclaredList(**one) for one in read.get("completeness", [])]
        return Delivery(**read)
    except (ValueError, KeyError, TypeError):
        raise LandedFileChangedError(str(path), "is not readable as a manifest", hint="restore it") from None
