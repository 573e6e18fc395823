"""What an export takes from its viewer: the language of its headers, and the zone of its times.

Both are data with a reason: `column_alias.csv` and `export.yml` in the reference folder.
"""

import csv
import unicodedata
import zoneinfo
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.common.errors import RefError
from pipelines.common.settings import SHIPPED_REF, Settings
from pipelines.reference.files import read_yaml

ALIASES = "column_alias.csv"
ALIAS_COLUMNS = ("source", "alias", "column", "language", "reason")
ZONES = "export.yml"


@dataclass(frozen=True)
class Zone:
    """The zone in which an export writes its times, why that is believed, and where it is said."""

    name: str
    reason: str
    said_in: str = ZONES

    @property
    def info(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.name)


@dataclass
class Clock:
    """Turn an export's local times into UTC, and count those that a change of the clocks makes doubtful."""

    zone: Zone
    n_twice: int = 0
    n_never: int = 0

    def utc(self, local: datetime) -> datetime:
        """The instant of a local time: of two the earlier; one that never was is moved on by the hour left out."""
        first, second = (local.replace(tzinfo=self.zone.info, fold=fold) for fold in (0, 1))
        instant = first.astimezone(UTC)
        if first.utcoffset() != second.utcoffset():
            never = instant.astimezone(self.zone.info).replace(tzinfo=None) != local
            self.n_never += never
            self.n_twice += not never
        return instant

    def notes(self) -> list[str]:
        """Say which zone was assumed, and how many times it makes doubtful."""
        said = [f"times read as {self.zone.name}, for the export names no zone ({self.zone.said_in})"]
        if self.n_twice:
            said.append(f"{self.n_twice} times exist twice when clocks go back: the earlier is taken")
        if self.n_never:
            said.append(f"{self.n_never} times never were in {self.zone.name} (clocks went forward): is it the zone?")
        return said


def stamp(instant: datetime) -> str:
    """Write an instant as the extract contract does."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def plain(name: str) -> str:
    """A header's name for comparing: no case, no byte order mark, single blanks, straight quotes."""
    name = unicodedata.normalize("NFKC", name).translate(
        {0xFEFF: None, 0x2019: "'", 0x2018: "'", 0x201C: '"', 0x201D: '"'}
    )
    return " ".join(name.strip(' "').split()).casefold()


def read_aliases(settings: Settings, source: str, columns: tuple[str, ...]) -> dict[str, str]:
    """Read what each header is called here: the shipped aliases of a source, and over them the deployment's own.

    Raises `RefError` where a line is unusable or names a column that the reader has not.
    """
    aliases = {}
    for path in dict.fromkeys((SHIPPED_REF / ALIASES, settings.ref_file(ALIASES))):
        for line, row in _alias_rows(path):
            if row["source"] != source:
                continue
            if row["column"] not in columns:
                found = f"gives {row['alias']!r} the column {row['column']!r}, which {source} has not"
                raise RefError(f"{ALIASES} line {line}", found, known=columns)
            aliases[plain(row["alias"])] = row["column"]
    return aliases


def read_zone(settings: Settings, source: str) -> Zone:
    """Read the zone of a source's times from the deployment's `export.yml`, else the shipped one.

    Raises `RefError` where the source is missing, or its zone is no zone or has no reason.
    """
    path = settings.ref_file(ZONES)
    said = read_yaml(path)
    where = f"{ZONES}: {source}"
    given = said.get(source)
    if given is None:
        raise RefError(where, "is not there", known=sorted(map(str, said)), hint=f"copy it from {SHIPPED_REF / ZONES}")
    if not isinstance(given, Mapping) or set(given) != {"zone", "reason"}:
        raise RefError(where, "is no zone with a reason", known=("zone", "reason"))
    if not str(given["reason"] or "").strip():
        raise RefError(where, "gives no reason")
    return Zone(checked_zone(where, given["zone"]), str(given["reason"]))


def checked_zone(where: str, name: object) -> str:
    """Give a zone's name back; raise `RefError` where the zone database has it not."""
    try:
        return zoneinfo.ZoneInfo(str(name)).key
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise RefError(where, f"has the zone {name!r}", hint="a name as in Europe/London or UTC") from None


def _alias_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            reader = csv.DictReader(source, strict=True)
            found = tuple(reader.fieldnames or ())
            if found != ALIAS_COLUMNS:
                raise RefError(path.name, f"has the columns {', '.join(found)}", known=ALIAS_COLUMNS)
            for row in reader:
                if None in row or not all(cell and cell.strip() for cell in row.values()):
                    raise RefError(f"{path.name} line {reader.line_num}", "lacks a value", known=ALIAS_COLUMNS)
                yield reader.line_num, {name: cell.strip() for name, cell in row.items()}
    except (csv.Error, UnicodeDecodeError) as failure:
        raise RefError(path.name, f"is no UTF-8 CSV ({type(failure).__name__})", hint="save it as UTF-8 CSV") from None
