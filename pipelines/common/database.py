"""DuckDB as we use it: the one place that connects, and the boundary where its messages lose their values."""

import errno
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
from polars.exceptions import PolarsError

from pipelines.common.errors import BusyError, NoRoomError, NotWritableError, StillreachError, UserError
from pipelines.common.settings import Settings, private

ROWS_AT_ONCE = 200
NO_ROOM = re.compile(r"[Nn]o space left|[Ff]ile too large|[Cc]ould not write|[Cc]annot write|[Qq]uota exceeded")

NOT_WRITABLE = re.compile(r"[Rr]ead-only file system|[Pp]ermission denied|[Oo]peration not permitted")
ROOM_NUMBERS = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
WRITE_NUMBERS = (errno.EROFS, errno.EACCES, errno.EPERM)


def connect(path: Path | None, settings: Settings, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open a database file, or an in-memory one for `None`.

    Instants are UTC, nothing is fetched from outside, and big steps spill into the work folder.
    Raises `BusyError` where another process holds the file.
    """
    try:
        con = duckdb.connect(str(path) if path else ":memory:", read_only=read_only)
    except duckdb.IOException as failure:
        if "lock" in str(failure).lower():
            raise BusyError(_name(path), "another process has it open", hint="try again shortly") from None
        if full := _disk_error(_name(path), failure):
            raise full from None
        raise
    spill = private(settings.work) / "spill"
    spill.mkdir(exist_ok=True)
    con.execute("SET autoinstall_known_extensions = false")
    con.execute("SET autoload_known_extensions = false")
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET preserve_insertion_order = false")
    con.execute(f"SET memory_limit = '{settings.memory_limit}'")
    con.execute(f"SET temp_directory = '{quoted(spill)}'")
    if settings.threads:
        con.execute(f"SET threads = {settings.threads}")
    return con


@contextmanager
def without_values(error: type[StillreachError], thing: str, hint: str = "") -> Iterator[None]:
    """Turn DuckDB's and polars' exceptions into ours: their messages quote cells, so only kind and line survive.

    Raises `error` about `thing`; the original exception is dropped, not chained. A complaint about a query of ours
    comes before any row is read, holds no value, and keeps its words; one about a file may quote its header.
    """
    try:
        yield
    except (duckdb.IOException, duckdb.OutOfMemoryException) as failure:
        if full := _disk_error(thing, failure):
            raise full from None
        raise error(thing, "cannot be read or written", hint=hint) from None
    except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException) as failure:
        words = f"{_kind(failure)} error" if issubclass(error, UserError) else str(failure).splitlines()[0]
        raise error(thing, words, hint=hint) from None
    except (duckdb.Error, PolarsError) as failure:
        line = re.search(r"[Ll]ine:? (\d+)", str(failure).split("LINE ")[0])
        where = f" at line {line[1]}" if line else ""
        raise error(thing, f"{_kind(failure)} error{where}", hint=hint) from None


@contextmanager
def with_room(thing: str) -> Iterator[None]:
    """Turn a full disk and a read-only folder into a sentence, whether Python or DuckDB found it.

    Raises `NoRoomError` or `NotWritableError`.
    """
    try:
        yield
    except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as failure:
        if full := _disk_error(thing, failure):
            raise full from None
        raise


def no_room(thing: str) -> NoRoomError:
    """The error of a full disk or memory."""
    return NoRoomError(thing, "there is no room left", hint="make room on the disk, or raise STILLREACH_MEMORY_LIMIT")


def _disk_error(thing: str, failure: Exception) -> NoRoomError | NotWritableError | None:
    """The error of a full or read-only disk for what Python or DuckDB raised; None for anything else.

    DuckDB's own text is dropped: it may quote a row.
    """
    number, text = getattr(failure, "errno", None), "" if isinstance(failure, OSError) else str(failure)
    if isinstance(failure, duckdb.OutOfMemoryException) or number in ROOM_NUMBERS:
        return no_room(thing)
    if number in WRITE_NUMBERS or NOT_WRITABLE.search(text):
        hint = "mount it for writing, or give the pipeline's user the folder"
        return NotWritableError(thing, "a file or folder is read-only, or permission is denied", hint=hint)
    return no_room(thing) if NO_ROOM.search(text) else None


def quoted(value: object) -> str:
    """Escape a value for a single-quoted SQL literal."""
    return str(value).replace("'", "''")


def insert(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Sequence[object]]) -> None:
    """Insert rows of all columns of a table: many in a statement, as one a row costs half a millisecond each."""
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = rows[start : start + ROWS_AT_ONCE]
        marks = f"({', '.join('?' * len(some[0]))})"
        con.execute(
            f"INSERT INTO {table} VALUES {', '.join([marks] * len(some))}", [value for row in some for value in row]
        )


def columns_of(con: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Name and type of each column of a table or query, in order."""
    described = con.execute(f"DESCRIBE {relation}").fetchall()
    return {str(row[0]): str(row[1]) for row in described}


def _kind(failure: Exception) -> str:
    return type(failure).__name__.removesuffix("Exception").removesuffix("Error")


def _name(path: Path | None) -> str:
    return path.name if path else "memory"
