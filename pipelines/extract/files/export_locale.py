"""What an export takes from its viewer: the language of its headers, and the zone of its times.

Both are data with a reason: `column_alias.csv` and `export.yml` in the reference folder.
"""

import unicodedata
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, datetime

from pipelines.common.errors import RefError
from pipelines.common.settings import SHIPPED_REF, Settings
from pipelines.reference.reader import Entry, Row, Text, checked_part, line_of, read_rows, read_yaml

ALIASES = "column_alias.csv"
ZONES = "export.yml"


class Alias(Row):
    """One row of `column_alias.csv`: what a header is called in one language."""

    source: str
    alias: str
    column: str
    language: str
    reason: str


class ZoneEntry(Entry):
    """The zone of one source's times: an entry of `export.yml`."""

    zone: Text
    reason: Text


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
        notes = [f"times read as {self.zone.name}, for the export names no zone ({self.zone.said_in})"]
        if self.n_twice:
            notes.append(f"{self.n_twice} times exist twice when clocks go back: the earlier is taken")
        if self.n_never:
            notes.append(f"{self.n_never} times never were in {self.zone.name} (clocks went forward): is it the zone?")
        return notes


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
        for line, row in read_rows(path, Alias):
            if row.source != source:
                continue
            if row.column not in columns:
                found = f"gives {row.alias!r} the column {row.column!r}, which {source} does not have"
                raise RefError(f"{ALIASES} line {line}", found, known=columns)
            aliases[plain(row.alias)] = row.column
    return aliases


def read_zone(settings: Settings, source: str) -> Zone:
    """Read the zone of a source's times from the deployment's `export.yml`, else the shipped one.

    Raises `RefError` where the source is missing, or its zone is no zone or has no reason.
    """
    path = settings.ref_file(ZONES)
    given = read_yaml(path)
    if source not in given:
        known, hint = sorted(map(str, given)), f"copy it from {SHIPPED_REF / ZONES}"
        raise RefError(f"{ZONES}: {source}", "is not there", known=known, hint=hint)
    zone = checked_part(ZoneEntry, given[source], path, (source,))
    return Zone(checked_zone(f"{ZONES} line {line_of(path, (source, 'zone'))}: {source}", zone.zone), zone.reason)


def checked_zone(where: str, name: object) -> str:
    """Give a zone's name back; raise `RefError` where the zone database has it not."""
    try:
        return zoneinfo.ZoneInfo(str(name)).key
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise RefError(where, f"has the zone {name!r}", hint="a name as in Europe/London or UTC") from None
