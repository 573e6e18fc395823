"""Describe the copied files of a drop as a delivery: tables, columns, row counts by account, the oldest list."""

from datetime import UTC, date, datetime

import duckdb

from pipelines.common import database
from pipelines.common.errors import UnreadableFileError
from pipelines.common.settings import Settings
from pipelines.landing.declaration import FOLLOWER, Declaration
from pipelines.landing.extract_file import FileContents, inspect
from pipelines.landing.file_copy import CopiedFile
from pipelines.landing.manifest import Collected, Delivery, LandedFile


def describe(files: list[CopiedFile], declaration: Declaration, source: str, on: date, settings: Settings) -> Delivery:
    """Inspect each file, compare it with the declaration, and give the delivery, without an id yet.

    Raises `UnreadableFileError` or `SchemaError`.
    """
    con = database.connect(None, settings)
    landed: list[LandedFile] = []
    n_rows: dict[tuple[str, str, str], int] = {}
    oldest_on = on
    try:
        for copied in files:
            file, contents = _inspected(con, copied)
            landed.append(file)
            oldest_on = min(oldest_on, contents.oldest_on or oldest_on)
            for account, n in contents.rows.items():
                if account:
                    key = (file.table, *account)
                    n_rows[key] = n_rows.get(key, 0) + n
    finally:
        con.close()
    accounts = [
        Collected(table, platform, account_id, n, declaration.n_reported(table, platform, account_id))
        for (table, platform, account_id), n in n_rows.items()
    ]
    declaration.check_files(
        {one.sent_name: (one.sent_sha256, file.rows) for one, file in zip(files, landed, strict=True)}
    )
    declaration.check_follower_lists({key[1:]: n for key, n in n_rows.items() if key[0] == FOLLOWER})
    ignored = [
        f"{one.name}: ignored unknown columns {', '.join(one.unknown_columns)}" for one in landed if one.unknown_columns
    ]
    return Delivery(
        delivery_id="",
        source=source,
        snapshot_on=on.isoformat(),
        landed_at=datetime.now(UTC).isoformat(timespec="seconds"),
        follower_scope=declaration.follower_scope,
        first_observed_on=oldest_on.isoformat(),
        files=landed,
        accounts=accounts,
        came_as={one.sent_name: one.sent_sha256 for one in files if one.sent_name != one.file.name},
        notes=ignored + declaration.notes,
        completeness=declaration.completeness,
    )


def _inspected(con: duckdb.DuckDBPyConnection, copied: CopiedFile) -> tuple[LandedFile, FileContents]:
    file = copied.file
    with database.without_values(UnreadableFileError, file.name, hint="it is cut off, corrupted or misnamed"):
        contents = inspect(con, file)
    landed = LandedFile(
        file.name,
        file.table.name.removeprefix("raw."),
        copied.bytes,
        copied.sha256,
        sum(contents.rows.values()),
        list(contents.columns),
        list(contents.unknown_columns),
    )
    return landed, contents
