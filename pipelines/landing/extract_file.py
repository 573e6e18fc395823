"""One file of the extract contract: is it whole, what does it hold, and how SQL reads it.

The same file serves landing (is it fit to keep?) and the night (load it): both read it through here.
"""

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import IO, cast

import duckdb
import zstandard

from pipelines.common import database
from pipelines.common.contract import FILE_NAME, Table
from pipelines.common.errors import SchemaError, UnreadableFileError

CHUNK = 1 << 20
LONGEST_LINE = 16 << 20  # a JSON document on one line is no JSON Lines file, and would fill the memory


@dataclass(frozen=True)
class FileContents:
    """What a file was found to hold: rows, the contract's columns present, and columns nobody knows."""

    rows: int
    columns: tuple[str, ...]
    unknown_columns: tuple[str, ...]


def format_of(path: Path) -> str:
    """`csv`, `jsonl` or `parquet`, by the file's name."""
    match = FILE_NAME.fullmatch(path.name)
    assert match, path.name
    return match["format"]


def check_whole(path: Path) -> None:
    """Read every byte once: unpacks to its end, UTF-8, ends where a writer ends, no endless line.

    A CSV must end with a line break and its quotes must pair: DuckDB reads a file cut inside a quoted
    cell without complaint. Raises `UnreadableFileError`.
    """
    text_format = format_of(path) != "parquet"
    decoder = codecs.getincrementaldecoder("utf-8")()
    size, quotes, line_length, last = 0, 0, 0, b""
    try:
        for chunk in unpacked_chunks(path):
            size += len(chunk)
            last = chunk[-1:]
            if text_format:
                decoder.decode(chunk)
                quotes += chunk.count(b'"')
                line_length = _check_lines(path, chunk, line_length)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise UnreadableFileError(path.name, "is not UTF-8", hint="export it as UTF-8") from None
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as failure:
        raise UnreadableFileError(
            path.name, f"does not unpack ({type(failure).__name__})", hint="it is cut off or corrupted: fetch it again"
        ) from None
    if size == 0:
        raise UnreadableFileError(path.name, "is empty", hint="leave the file out if there is nothing to say")
    if format_of(path) == "csv" and (last != b"\n" or quotes % 2):
        found = "has a quote that never closes" if quotes % 2 else "does not end with a line break"
        raise UnreadableFileError(path.name, found, hint="it may be cut off: fetch it again")


def _check_lines(path: Path, chunk: bytes, carried: int) -> int:
    """Length of the line that goes on after this chunk; raises where a line is too long or holds NUL."""
    if b"\0" in chunk:
        raise UnreadableFileError(path.name, "holds NUL bytes", hint="it is corrupted or not UTF-8")
    first_break = chunk.find(b"\n")
    ended = carried + (first_break if first_break >= 0 else len(chunk))
    if ended > LONGEST_LINE:
        raise UnreadableFileError(
            path.name,
            f"has a line longer than {LONGEST_LINE >> 20} MiB",
            hint="JSON Lines wants one object a line, not one document on one line",
        )
    return ended if first_break < 0 else len(chunk) - chunk.rfind(b"\n") - 1


def unpacked_chunks(path: Path) -> Iterator[bytes]:
    """The file's bytes without its packing, a MiB at a time; checksums of the packing are verified."""
    with _unpacked(path) as source:
        while chunk := source.read(CHUNK):
            yield chunk
    if path.suffix == ".zst":
        _check_zst_end(path)


def _unpacked(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast(IO[bytes], gzip.open(path, "rb"))
    if path.suffix == ".zst":
        return cast(IO[bytes], zstandard.open(path, "rb"))
    return path.open("rb")


def _check_zst_end(path: Path) -> None:
    """zstandard's reader ends quietly where a frame was cut: feed the frames again and ask for their end."""
    unpacker = zstandard.ZstdDecompressor().decompressobj()
    with path.open("rb") as source:
        while chunk := source.read(CHUNK):
            while chunk:
                if unpacker.eof:
                    unpacker = zstandard.ZstdDecompressor().decompressobj()
                unpacker.decompress(chunk)
                chunk = unpacker.unused_data if unpacker.eof else b""
    if not unpacker.eof:
        raise EOFError


def inspect(con: duckdb.DuckDBPyConnection, path: Path, table: Table) -> FileContents:
    """Count the rows and name the columns of a file that is whole.

    Raises `UnreadableFileError` where DuckDB cannot parse all of it, `SchemaError` where a required
    column is missing or an id is a floating-point number (it has lost its last digits).
    """
    with database.without_values(UnreadableFileError, path.name, hint="it is cut off, corrupted or misnamed"):
        found = _found_columns(con, path)
        _check_schema(path, table, found)
        present = tuple(name for name in table.column_names if name in found)
        read_all = ", ".join(f'count("{name}")' for name in present)
        counted = con.execute(f"SELECT count(*), {read_all} FROM {relation(path, table, present)}").fetchone()
    assert counted
    if counted[0] == 0:
        raise UnreadableFileError(path.name, "has no rows", hint="leave the file out if there is nothing to say")
    return FileContents(counted[0], present, tuple(name for name in found if name not in table.column_names))


def relation(path: Path, table: Table, present: tuple[str, ...]) -> str:
    """The SQL that reads a file's contract columns as text; columns it lacks are NULL."""
    if format_of(path) == "csv":
        header = _csv_header(path)
        types = ", ".join(f"'{database.quoted(name)}': 'VARCHAR'" for name in header)
        source = (
            f"read_csv('{database.quoted(path)}', columns = {{{types}}}, auto_detect = false, header = true, "
            "delim = ',', quote = '\"', escape = '\"', strict_mode = true, max_line_size = 16777216)"
        )
    elif format_of(path) == "jsonl":
        types = ", ".join(f"'{name}': 'VARCHAR'" for name in table.column_names)
        source = (
            f"read_json('{database.quoted(path)}', columns = {{{types}}}, format = 'newline_delimited', "
            f"maximum_object_size = {LONGEST_LINE})"
        )
    else:
        source = f"read_parquet('{database.quoted(path)}')"
    columns = (
        f'CAST("{name}" AS VARCHAR) AS {name}' if name in present else f"CAST(NULL AS VARCHAR) AS {name}"
        for name in table.column_names
    )
    return f"(SELECT {', '.join(columns)} FROM {source})"


def _found_columns(con: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    if format_of(path) == "csv":
        return dict.fromkeys(_csv_header(path), "VARCHAR")
    if format_of(path) == "jsonl":
        rows = con.execute(
            "SELECT DISTINCT unnest(json_keys(json)) FROM "
            f"read_ndjson_objects('{database.quoted(path)}', maximum_object_size = {LONGEST_LINE})"
        ).fetchall()
        return dict.fromkeys(sorted(row[0] for row in rows), "VARCHAR")
    return database.columns_of(con, f"SELECT * FROM read_parquet('{database.quoted(path)}')")


def _csv_header(path: Path) -> list[str]:
    with _unpacked(path) as source:
        text = io.TextIOWrapper(source, encoding="utf-8-sig", newline="")
        header = [name.strip() for name in next(csv.reader(text), [])]
    nameless = [n for n, name in enumerate(header, start=1) if not name]
    if nameless:
        raise SchemaError(path.name, f"has no name for column {nameless[0]}", hint="does its header end with a comma?")
    if len(set(header)) < len(header):
        raise SchemaError(path.name, "has a column twice in its header")
    return header


def _check_schema(path: Path, table: Table, found: dict[str, str]) -> None:
    missing = [name for name in table.required if name not in found]
    if missing:
        unknown = [name for name in found if name not in table.column_names]
        near = get_close_matches(missing[0], unknown, n=1)
        # By its place, not its name: a file without a header has people's values there.
        place = f"is column {list(found).index(near[0]) + 1} meant for {missing[0]}?" if near else ""
        raise SchemaError(
            path.name,
            f"lacks the required column{'s' * (len(missing) > 1)} {', '.join(missing)}; it has {len(found)} columns",
            known=table.column_names,
            hint=place or "see docs/EXTRACTS.md",
        )
    floats = [name for name, kind in found.items() if name.endswith("_id") and kind in ("DOUBLE", "FLOAT")]
    if floats:
        raise SchemaError(
            path.name,
            f"holds {', '.join(floats)} as floating-point numbers",
            hint="ids are text: a float has lost their last digits",
        )
