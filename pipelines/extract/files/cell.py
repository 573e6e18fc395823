"""Read one cell of an export as the extract contract wants it: text, id, day, instant, count, number.

A cell is a text (CSV) or what a workbook holds: number, day, time, yes or no. Every reader gives text or None, which
is unknown, and raises `ValueError` where a cell cannot be what it should be; no error holds the cell.
"""

import datetime
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from pipelines.common.errors import RefError
from pipelines.extract.files.sheet import Cell

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
LONG_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
# A number of a workbook keeps fifteen digits; beyond, the last ones are made up.
LONGEST_NUMBER = 10**15
DAMAGED = re.compile(r"[0-9](?:[.,][0-9]+)?[Ee]\+?[0-9]+")
PARTS = {
    "Y": "[0-9]{4}", "m": "[0-9]{1,2}", "d": "[0-9]{1,2}", "H": "[0-9]{1,2}", "I": "[0-9]{1,2}", "M": "[0-9]{2}",
    "S": "[0-9]{2}", "b": "[A-Za-z]{3}", "B": "[A-Za-z]{3,9}", "p": "[AaPp][Mm]", "z": "Z|[+-][0-9]{2}:?[0-9]{2}",
}  # fmt: skip


@dataclass(frozen=True)
class Numbers:
    """How an export writes numbers."""

    thousands: str | None = None
    decimal: str = "."


class DamagedIdError(ValueError):
    """An id that a spreadsheet has turned into a number."""


def text_of(cell: Cell) -> str:
    """A cell as the text it would be in a CSV; a whole number without its `.0`."""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < LONGEST_NUMBER:
        return str(int(cell))
    return str(cell).strip()


def id_of(cell: Cell) -> str | None:
    """Read an id as text; raise where it is a number too long to be whole, or `1.22E+17`."""
    if isinstance(cell, bool | datetime.date | datetime.time | datetime.timedelta):
        raise DamagedIdError("no id")
    if isinstance(cell, int | float) and not (float(cell).is_integer() and 0 <= cell < LONGEST_NUMBER):
        raise DamagedIdError("a number that has lost digits")
    text = text_of(cell)
    if DAMAGED.fullmatch(text):
        raise DamagedIdError("a spreadsheet's number")
    return text or None


def count_of(cell: Cell, numbers: Numbers) -> str | None:
    """Read a count as bare digits."""
    number = number_of(cell, numbers)
    if number is None:
        return None
    if not number.isdigit() or len(number) > 15:
        raise ValueError("no count")
    return number


def number_of(cell: Cell, numbers: Numbers) -> str | None:
    """Read a number; `1203.0` is 1203, separators only as the map says."""
    if isinstance(cell, bool | datetime.date | datetime.time | datetime.timedelta):
        raise ValueError("no number")
    if isinstance(cell, int | float):
        if not math.isfinite(cell):
            raise ValueError("no number")
        return text_of(cell) if float(cell).is_integer() else repr(cell)
    if not cell.strip():
        return None
    whole = "[0-9]{1,15}"
    if numbers.thousands:
        whole = f"(?:{whole}|[0-9]{{1,3}}(?:{re.escape(numbers.thousands)}[0-9]{{3}}){{1,4}})"
    match = re.fullmatch(
        f"(-?)({whole})(?:{re.escape(numbers.decimal)}([0-9]{{1,6}}))?", cell.strip().replace("\xa0", " ")
    )
    if not match:
        raise ValueError("no number")
    digits = str(int(re.sub("[^0-9]", "", match[2])))
    rest = (match[3] or "").rstrip("0")
    if match[3] == "000":
        raise ValueError("1.000 may be a thousand")
    return f"{match[1] if digits != '0' or rest else ''}{digits}{'.' if rest else ''}{rest}"


def boolean_of(cell: Cell) -> str | None:
    """Read yes or no."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    known = {"true": "true", "yes": "true", "1": "true", "false": "false", "no": "false", "0": "false", "": None}
    text = text_of(cell).lower()
    if text not in known:
        raise ValueError("neither yes nor no")
    return known[text]


def moment_of(cell: Cell, read: Callable[[str], datetime.datetime] | None) -> datetime.datetime | None:
    """Read a day or a time: a workbook's own as it is, a text as its format says; ISO where the map has none."""
    if isinstance(cell, datetime.datetime):
        return cell
    if isinstance(cell, datetime.date):
        return datetime.datetime(cell.year, cell.month, cell.day)
    if not isinstance(cell, str):
        raise ValueError("no day")
    if not cell.strip():
        return None
    return read(cell.strip()) if read else datetime.datetime.fromisoformat(cell.strip())


def day_of(cell: Cell, read: Callable[[str], datetime.datetime] | None) -> str | None:
    """Read a day; raise where it has a time that is not midnight."""
    moment = moment_of(cell, read)
    if moment is None:
        return None
    if moment.time() != datetime.time():
        raise ValueError("a time, not a day")
    return moment.date().isoformat()


@cache
def read_format(where: str, format: str) -> Callable[[str], datetime.datetime]:
    """Compile a format of dates; month names are English whatever the machine's language.

    Raises `RefError` where a part of it is unknown or it lacks year, month or day.
    """
    pattern, parts = "", []
    for literal, part in re.findall(r"([^%]+)|%(.?)", format):
        if part == "%" or literal:
            pattern += re.escape(literal or "%").replace(r"\ ", " +")
        elif part in PARTS and part not in parts:
            parts.append(part)
            pattern += f"(?P<{part}>{PARTS[part]})"
        else:
            found = f"has %{part} in its format" + (" twice" if part in parts else "")
            raise RefError(where, found, known=[f"%{known}" for known in PARTS])
    if not ({"Y", "d"} <= set(parts) and {"m", "b", "B"} & set(parts)) or ("I" in parts) != ("p" in parts):
        hint = "as in %m/%d/%Y or %b %d, %Y; %I goes with %p"
        raise RefError(where, f"has the format {format!r}, which says no day", hint=hint)
    compiled = re.compile(pattern)

    def read(text: str) -> datetime.datetime:
        if not (match := compiled.fullmatch(text)):
            raise ValueError("not in the format")
        return _moment(match.groupdict())

    return read


def _moment(parts: dict[str, str]) -> datetime.datetime:
    """Put the parts of a date together; raise `ValueError` where there is no such day."""
    if name := parts.get("b") or parts.get("B"):
        month = (MONTHS if "b" in parts else LONG_MONTHS).index(name.lower()) + 1
    else:
        month = int(parts["m"])
    hour = int(parts.get("H") or 0)
    if "I" in parts:
        if not 1 <= int(parts["I"]) <= 12:
            raise ValueError("no such hour")
        hour = int(parts["I"]) % 12 + 12 * (parts["p"].lower() == "pm")
    zone = None
    if "z" in parts:
        zone = datetime.datetime.fromisoformat(f"2000-01-01T00:00:00{parts['z']}").tzinfo
    minute, second = int(parts.get("M") or 0), int(parts.get("S") or 0)
    return datetime.datetime(int(parts["Y"]), month, int(parts["d"]), hour, minute, second, tzinfo=zone)
