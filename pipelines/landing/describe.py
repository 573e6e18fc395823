"""Describe the copied files of a drop as a delivery: tables, columns, row counts by account, the oldest list."""

from collections import Counter
from collections.abc import Set
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime

import duckdb

from pipelines.common import database
from pipelines.common.errors import UnreadableFileError
from pipelines.common.settings import Settings
from pipelines.landing.declaration import FOLLOWER, Declaration
from pipelines.landing.extract_file import FileContents, inspect
from pipelines.landing.file_copy import DECLARED_HASH, CopiedFile
from pipelines.landing.id_check import check_ids
from pipelines.landing.manifest import IGNORED, Collected, Delivery, LandedFile
from pipelines.landing.row_check import RowCheck


@dataclass(frozen=True)
class InspectedFile:
    """The copy of a file and what it holds."""

    copied: CopiedFile
    contents: FileContents
    long_id_share: dict[str, float]

    def landed(self, declaration: Declaration) -> LandedFile:
        """The file as its delivery's manifest describes it."""
        return LandedFile(
            self.copied.file.name,
            self.copied.file.table.name.removeprefix("raw."),
            self.copied.bytes,
            self.copied.sha256,
            self.contents.n_rows,
            list(self.contents.columns),
            list(self.contents.unknown_columns),
            DECLARED_HASH if declaration.has_hash(self.copied.sent_name) else self.copied.integrity,
            self.long_id_share,
        )


def inspect_files(
    copies: list[CopiedFile], on: date, settings: Settings, *, every_row_fits: bool
) -> list[InspectedFile]:
    """Inspect the files of a drop, their ids, and with `every_row_fits` each row.

    Raises `UnreadableFileError`, `SchemaError`, `RoundedIdsError`, `UnusableRowsError`.
    """
    with closing(database.connect(None, settings)) as con:
        rows = RowCheck(con, on, settings) if every_row_fits else None
        inspected = [_inspect_file(con, copied, rows) for copied in copies]
        if rows:
            rows.end()
    return inspected


def describe(
    files: list[InspectedFile], declaration: Declaration, source: str, on: date, listed: Set[tuple[str, str]]
) -> Delivery:
    """Compare the files with the declaration and give the delivery, without an id yet. `listed` accounts may be named.

    Raises `UnreadableFileError` where they differ.
    """
    landed = [one.landed(declaration) for one in files]
    n_rows: Counter[tuple[str, str, str]] = Counter()
    for file, one in zip(landed, files, strict=True):
        n_rows.update({(file.table, *account): n for account, n in one.contents.rows.items() if account})
    declaration.check_files({one.copied.sent_name: (one.copied.sent_sha256, one.contents.n_rows) for one in files})
    declaration.check_follower_lists({key[1:]: n for key, n in n_rows.items() if key[0] == FOLLOWER}, listed)
    # By their number: in a file without a header, or with swapped columns, a name is a value of a person.
    notes = [f"{one.table}: {len(one.unknown_columns)} {IGNORED}" for one in landed if one.unknown_columns]
    notes += [_one_list(one) for one in files if one.contents.n_lists_of_days]
    return Delivery(
        delivery_id="",
        source=source,
        snapshot_on=on.isoformat(),
        landed_at=datetime.now(UTC).isoformat(timespec="seconds"),
        follower_scope=declaration.follower_scope,
        first_observed_on=min([on, *(one.contents.oldest_on for one in files if one.contents.oldest_on)]).isoformat(),
        files=landed,
        accounts=[Collected(*key, n, declaration.n_reported(*key)) for key, n in n_rows.items()],
        came_as={
            one.copied.sent_name: one.copied.sent_sha256
            for one in files
            if one.copied.sent_name != one.copied.file.name
        },
        notes=notes + declaration.notes,
        completeness=declaration.completeness,
    )


def _one_list(file: InspectedFile) -> str:
    n = file.contents.n_lists_of_days
    lists = "the list of 1 account has" if n == 1 else f"the lists of {n} accounts have"
    return f"{file.copied.file.name}: {lists} rows of several days; each is one list, of its latest day"


def _inspect_file(con: duckdb.DuckDBPyConnection, copied: CopiedFile, rows: RowCheck | None) -> InspectedFile:
    with database.without_values(UnreadableFileError, copied.file.name, hint="it is cut off, corrupted or misnamed"):
        contents = inspect(con, copied.file)
        if rows:
            rows.look(copied.file, contents.columns)
        long_id_share = check_ids(con, copied.file, contents.columns, contents.n_rows)
    return InspectedFile(copied, contents, long_id_share)
