"""Column maps: which column of somebody's export is which of the extract contract, as data, checked before use.

A map is `column_map/<source>.yml` in the reference folder: a deployment's own, else the shipped one. No map holds
code: names, formats, constants, and one pattern for an id inside a link. `docs/MAPPED.md` explains each key.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipelines.common.contract import Table, contracts
from pipelines.common.errors import RefError
from pipelines.common.settings import SHIPPED_REF, Settings
from pipelines.extract.files.cell import read_format
from pipelines.extract.files.export_locale import checked_zone
from pipelines.reference.reader import Entry, Text, read_entry

FOLDER = "column_map"
# What the reader fills in: the account may also be a column of the export.
FILLED = ("platform", "account_id", "observed_at", "observed_on")
# The platforms of account.csv, each as people write it.
PLATFORMS = {
    "bluesky": "a Bluesky",
    "mastodon": "a Mastodon",
    "x": "an X",
    "facebook": "a Facebook",
    "instagram": "an Instagram",
    "linkedin": "a LinkedIn",
    "youtube": "a YouTube",
}
TableName = Literal["follower", "post", "engagement", "account_day", "contact"]


class From(Entry):
    """One column of ours: what theirs is called (the first name that is there counts), and how to read its cells.

    `format` as strptime's, months in English; `zone` for times that name none; `values` turns their words into ours;
    `pattern` takes its one group out of a text; `unknown` are texts that mean no value, beside the empty cell.
    """

    from_: str | list[str] = Field(alias="from")
    format: str | None = None
    zone: str | None = None
    thousands: Literal[",", ".", " ", "'"] | None = None
    decimal: Literal[".", ","] = "."
    unknown: list[str] = Field(default=[])
    values: dict[str, str] | None = None
    pattern: str | None = None
    optional: bool = False

    @property
    def names(self) -> list[str]:
        return [self.from_] if isinstance(self.from_, str) else self.from_


class SkipRows(Entry):
    """Rows to pass over: totals, footers. `column` is theirs."""

    column: str
    values: list[str] = Field(alias="is", min_length=1)


class TableMap(Entry):
    """One table of the contract: where it stands in the export, and its columns.

    `metrics` turns a row of many figures into rows of `account_day`. Where `header_row` is not given the header is the
    first row that holds every needed name.
    """

    table: TableName
    sheet: str | None = None
    header_row: int | None = Field(default=None, ge=1)
    skip_rows_where: SkipRows | None = None
    columns: dict[str, From] = Field(default={})
    metrics: dict[str, From] = Field(default={})
    constants: dict[str, str] = Field(default={})

    @property
    def contract(self) -> Table:
        return contracts("raw")[self.table]

    def sources(self) -> Iterable[From]:
        yield from self.columns.values()
        yield from self.metrics.values()


class ColumnMap(Entry):
    """What one source's exports are: of which platform, why they are read so, and their tables."""

    source: str
    platform: str
    reason: Text
    delimiter: Literal[",", ";", "\t"] = ","
    tables: list[TableMap] = Field(min_length=1)


def find(source: str, settings: Settings) -> ColumnMap | None:
    """The map of a source, the deployment's before the shipped one; None where there is neither.

    Raises `RefError` naming the key, what was found and what is known.
    """
    for folder in (settings.ref, SHIPPED_REF):
        path = folder / FOLDER / f"{source}.yml"
        if path.is_file():
            return read_map(path)
    return None


def known_sources(settings: Settings) -> list[str]:
    """The sources that have a map."""
    return sorted({path.stem for folder in (settings.ref, SHIPPED_REF) for path in (folder / FOLDER).glob("*.yml")})


def read_map(path: Path) -> ColumnMap:
    """Read and check one map; raise `RefError`."""
    found = read_entry(path, ColumnMap)
    if found.source != path.stem:
        raise RefError(f"{path.name}: source", f"is {found.source!r}", known=[path.stem], hint="as the file's name")
    if found.platform not in PLATFORMS:
        raise RefError(f"{path.name}: platform", f"is {found.platform!r}", known=PLATFORMS)
    for n, table in enumerate(found.tables):
        _check_table(f"{path.name}: tables.{n}", table)
    return found


def _check_table(where: str, table: TableMap) -> None:
    """Raise `RefError` where a table names columns the contract has not, or lacks what it needs."""
    contract = table.contract
    types: dict[str, str] = {column.name: column.type for column in contract.columns}
    given = [*table.columns, *table.constants]
    if table.metrics:
        if table.table != "account_day":
            raise RefError(f"{where}.metrics", f"stands under {table.table}", known=["account_day"])
        given += ["metric", "value"]
        known = next(column.values for column in contract.columns if column.name == "metric")
        if unknown := sorted(set(table.metrics) - set(known)):
            raise RefError(f"{where}.metrics", f"has {unknown[0]}, which account_day does not list", known=known)
    for name in given:
        if name not in types:
            near = get_close_matches(name, types, n=1)
            hint = f"did you mean {near[0]}?" if near else "docs/EXTRACTS.md says what each means"
            raise RefError(where, f"gives the column {name}, which {table.table} has not", known=types, hint=hint)
    if twice := sorted({name for name in given if given.count(name) > 1}):
        raise RefError(where, f"gives {', '.join(twice)} twice")
    if "platform" in given:
        raise RefError(where, "gives platform", hint="it stands at the top of the map")
    if missing := [name for name in contract.required if name not in (*given, *FILLED)]:
        raise RefError(where, f"lacks {', '.join(missing)}", known=types, hint=f"{table.table} needs it")
    if not table.columns:
        raise RefError(where, "maps no column", known=types)
    for name, one in (*table.columns.items(), *table.metrics.items()):
        _check_from(f"{where}.{name}", one, types.get(name, "number"), name in contract.required)


def _check_from(where: str, one: From, kind: str, is_required: bool) -> None:
    """Raise `RefError` where a column's reading is not possible."""
    if not one.names or not all(name.strip() for name in one.names):
        raise RefError(where, "has a from without a name", hint="write the column as the export does")
    if one.optional and is_required:
        raise RefError(where, "is optional", hint="the extract contract needs it in every row")
    if one.format is not None and kind not in ("date", "instant"):
        raise RefError(where, f"has a format, but is a {kind}", known=("date", "instant"))
    if one.format is not None:
        read_format(where, one.format)
    if one.zone is not None:
        checked_zone(where, one.zone)
    if kind == "instant" and one.zone is None and "%z" not in (one.format or ""):
        raise RefError(where, "has no zone", hint="zone: Europe/London, or %z in its format where the export says it")
    if one.thousands == one.decimal:
        raise RefError(where, f"has {one.decimal!r} for thousands and for decimals")
    if one.pattern is not None:
        _check_pattern(where, one.pattern)


def _check_pattern(where: str, pattern: str) -> None:
    try:
        groups = re.compile(pattern).groups
    except re.error as failure:
        raise RefError(where, f"has a pattern that is none ({failure.msg})") from None
    if groups != 1:
        raise RefError(where, f"has a pattern with {groups} groups", known=["1"], hint="put what is wanted in ( )")
