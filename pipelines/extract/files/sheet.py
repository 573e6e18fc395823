"""Read an exported file as a grid of cells: CSV in UTF-8 or UTF-16, XLSX, XLS. What the cells mean is for others."""

import csv
import datetime
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import python_calamine

from pipelines.common.errors import DeliveryError, UnreadableFileError

Cell = str | int | float | bool | datetime.date | datetime.datetime | datetime.time | datetime.timedelta
AGAIN = "export it again and do not open it in a spreadsheet on the way"
CSV = (".csv", ".csv.gz")
WORKBOOK = (".xlsx", ".xls")
MOST_BYTES = 256 << 20
MOST_CELLS = 20_000_000
SHEET_PART = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)
CELL_PLACE = re.compile(rb"""\br\s*=\s*["']([A-Z]{1,3})(\d{1,7})["']""")


@dataclass(frozen=True)
class Row:
    """One row that is not blank, with the line (CSV) or row number (workbook) it begins on."""

    line: int
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Sheet:
    """One table of a file: `name` is None for a CSV; `merged` are (first row, last row, first, last column), from 1."""

    name: str | None
    rows: Sequence[Row]
    merged: Sequence[tuple[int, int, int, int]] = ()
    is_hidden: bool = False


def files_below(path: Path, endings: tuple[str, ...], notes: list[str]) -> list[tuple[Path, str]]:
    """List the exports at or below a path, each with the name errors call it by; note what is left unread.

    Raises `DeliveryError` where there is none.
    """
    if path.is_file():
        return [(path, path.name)]
    found = [one for one in path.rglob("*") if one.is_file() and not one.name.startswith((".", "~$"))]
    exports = sorted(one for one in found if one.name.lower().endswith(endings))
    if not exports:
        raise DeliveryError(path.name, f"no {' or '.join(endings)} there", hint="give the folder the exports lie in")
    if len(exports) < len(found):
        n = len(found) - len(exports)
        notes.append(f"not read: {n} {'file' if n == 1 else 'files'} other than {' and '.join(endings)}")
    return [(one, one.relative_to(path).as_posix()) for one in exports]


def read(file: Path, name: str, delimiter: str = ",") -> list[Sheet]:
    """Read every sheet of a file.

    Raises `UnreadableFileError` where it is cut off, corrupted, too big, locked, or in no known encoding.
    """
    lower = file.name.lower()
    if lower.endswith(WORKBOOK):
        return _workbook(file, name)
    if not lower.endswith(CSV):
        raise UnreadableFileError(name, "is neither CSV nor a workbook", hint=f"known: {', '.join(CSV + WORKBOOK)}")
    return [read_csv(file, name, delimiter)]


def read_csv(file: Path, name: str, delimiter: str = ",") -> Sheet:
    """Read a CSV, whatever its file is called.

    Raises `UnreadableFileError` where it is cut off, corrupted, too big, or in no known encoding.
    """
    return Sheet(None, [Row(line, cells) for line, cells in _csv_rows(_text(file, name), name, delimiter)])


def _text(file: Path, name: str) -> str:
    """A text file's characters: UTF-16 where its first bytes say so, else UTF-8."""
    if file.stat().st_size > MOST_BYTES:
        raise UnreadableFileError(name, f"is larger than {MOST_BYTES >> 20} MiB", hint="export shorter periods")
    raw = file.read_bytes()
    try:
        raw = _unpacked(raw) if file.name.lower().endswith(".gz") else raw
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise UnreadableFileError(name, "the gzip is cut off or corrupted", hint="copy it again") from None
    if len(raw) > MOST_BYTES:
        raise UnreadableFileError(name, f"unpacks to more than {MOST_BYTES >> 20} MiB", hint="export shorter periods")
    try:
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UnreadableFileError(name, f"line {line} is not UTF-8", hint=AGAIN) from None
    if not text.strip() or "\0" in text:
        raise UnreadableFileError(name, "it holds NUL bytes" if "\0" in text else "it is empty", hint=AGAIN)
    return text


def _unpacked(raw: bytes) -> bytes:
    """Unpack a gzip no further than the limit needs."""
    with gzip.open(io.BytesIO(raw)) as source:
        return source.read(MOST_BYTES + 1)


def _csv_rows(text: str, name: str, delimiter: str) -> Iterator[tuple[int, list[Cell]]]:
    """Yield each row that is not blank, with the line it begins on."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    line = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield line, list(row)
            line = reader.line_num + 1
    except csv.Error:
        found = f"the row that begins on line {line} is cut off or a quote in it is not closed"
        raise UnreadableFileError(name, found, hint=AGAIN) from None


def _workbook(file: Path, name: str) -> list[Sheet]:
    """Read a workbook; a formula is its stored value, a cell with an error is empty."""
    _check_packing(file, name)
    try:
        with python_calamine.load_workbook(file) as book:
            return [_sheet(book, one, name) for one in book.sheets_metadata if _is_table(one)]
    except python_calamine.PasswordError:
        raise UnreadableFileError(name, "is locked with a password", hint="save it without") from None
    except (python_calamine.CalamineError, OSError, ValueError):
        raise UnreadableFileError(name, "is no workbook, or a damaged one", hint=AGAIN) from None


def _check_packing(file: Path, name: str) -> None:
    """Refuse a workbook that would unpack to more than the limit: a bomb, or no table people made."""
    if file.stat().st_size > MOST_BYTES:
        raise UnreadableFileError(name, f"is larger than {MOST_BYTES >> 20} MiB", hint="export shorter periods")
    if not zipfile.is_zipfile(file):
        return
    try:
        with zipfile.ZipFile(file) as packed:
            size = sum(member.file_size for member in packed.infolist())
            if size <= MOST_BYTES:
                _check_cells(packed, name)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        raise UnreadableFileError(name, "is no workbook, or a damaged one", hint=AGAIN) from None
    if size > MOST_BYTES:
        raise UnreadableFileError(name, f"unpacks to more than {MOST_BYTES >> 20} MiB", hint="export shorter periods")


def _check_cells(packed: zipfile.ZipFile, name: str) -> None:
    """Refuse a sheet whose corners are far apart: the reader would make room for every cell between them."""
    for member in packed.infolist():
        if not SHEET_PART.fullmatch(member.filename):
            continue
        rows, columns, rest = 0, 0, b""
        with packed.open(member) as part:
            while chunk := part.read(1 << 20):
                for letters, row in CELL_PLACE.findall(rest + chunk):
                    rows, columns = max(rows, int(row)), max(columns, _column_number(letters))
                rest = chunk[-32:]
        if rows * columns > MOST_CELLS:
            found = f"spreads over {rows:,} rows and {columns:,} columns"
            raise UnreadableFileError(name, found, hint="delete the lone cell at the edge of the sheet, and save again")


def _column_number(letters: bytes) -> int:
    """Count a column by its letters: A is 1, XFD is 16,384."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _is_table(about: python_calamine.SheetMetadata) -> bool:
    return about.typ == python_calamine.SheetTypeEnum.WorkSheet


def _sheet(book: python_calamine.CalamineWorkbook, about: python_calamine.SheetMetadata, name: str) -> Sheet:
    sheet = book.get_sheet_by_name(about.name)
    if sheet.total_height * sheet.total_width > MOST_CELLS:
        raise UnreadableFileError(name, f"sheet '{about.name}' has more than {MOST_CELLS:,} cells", hint="save less")
    filled = enumerate(sheet.to_python(skip_empty_area=False), start=1)
    rows = [Row(line, cells) for line, cells in filled if any(cell != "" for cell in cells)]
    merged = [
        (top + 1, bottom + 1, left + 1, right + 1) for (top, left), (bottom, right) in sheet.merged_cell_ranges or []
    ]
    is_hidden = about.visible != python_calamine.SheetVisibleEnum.Visible
    return Sheet(about.name, rows, merged, is_hidden)
