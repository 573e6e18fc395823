"""Write a drop: the extract contract's tables as CSV, streamed, whole or not at all."""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TextIO

Row = Mapping[str, str | None]
Rows = tuple[Sequence[str], Iterable[Row]]
"""A table's columns in contract order, and its rows."""

Converter = Callable[[Path, Path, Mapping[str, str], date, str | None], list[str]]
"""From an export to a drop: `convert(export, drop, accounts, observed_on, account_id)` gives notes."""


def write_table(file: Path, columns: Sequence[str], rows: Iterable[Row]) -> int:
    """Write one table and give its number of rows; no rows, no file; an error while writing leaves no file."""
    return write_tables({file: (columns, rows)})[file]


def write_tables(tables: Mapping[Path, Rows]) -> dict[Path, int]:
    """Write several tables one after the other, all of them or none; give each file's number of rows.

    A column that is absent from a row, or None, is an empty cell: unknown. A row is never held longer than it is
    written. NUL, which no text file may hold, is left out; half a surrogate pair becomes `?`.
    """
    parts = {file: file.with_name(f"{file.name}.part") for file in tables}
    try:
        written = {file: _write(parts[file], *table) for file, table in tables.items()}
        for file, n in written.items():
            if n:
                parts[file].replace(file)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
    return written


class _WithoutNul:
    """What the CSV writer writes to: the file, without NUL characters."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(text.replace("\0", ""))


def _write(part: Path, columns: Sequence[str], rows: Iterable[Row]) -> int:
    """Write a file with its header and its rows; without a row there is neither file nor folder."""
    rest = iter(rows)
    first = next(rest, None)
    if first is None:
        return 0
    part.parent.mkdir(parents=True, exist_ok=True)
    with part.open("w", encoding="utf-8", errors="replace", newline="") as stream:
        # \r\n makes the writer quote a lone \r in a text too.
        writer = csv.DictWriter(_WithoutNul(stream), columns, restval="", lineterminator="\r\n")
        writer.writeheader()
        writer.writerow(first)
        n = 1
        for n, row in enumerate(rest, start=2):  # noqa: B007 - the last number is the count
            writer.writerow(row)
    return n
