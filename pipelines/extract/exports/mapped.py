"""Turn any export with a column map (CSV, XLSX, XLS) into a drop: LinkedIn, YouTube Studio, vendors' tables.

What a map says and what is refused: `docs/MAPPED.md`.
"""

import datetime
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pipelines.common.errors import DeliveryError, RefError, SchemaError, UnreadableFileError
from pipelines.common.settings import Settings
from pipelines.extract.files import account_resolution
from pipelines.extract.files import cell as cells
from pipelines.extract.files.column_map import PLATFORMS, ColumnMap, From, TableMap, find, known_sources
from pipelines.extract.files.dedupe import Sighting, count, had_columns, settle
from pipelines.extract.files.drop import Converter, write_tables
from pipelines.extract.files.export_locale import Clock, Zone, plain, stamp
from pipelines.extract.files.sheet import AGAIN, CSV, WORKBOOK, Cell, Row, Sheet, files_below, read

HEADER_WITHIN = 20
FIGURES = {
    "post": ("impressions", "reach", "likes", "replies", "reposts", "quotes", "clicks"),
    "account_day": ("value",),
    "contact": ("n",),
}
DAYS = {
    "post": "posted_at",
    "account_day": "day",
    "contact": "day",
    "follower": "observed_on",
    "engagement": "engaged_at",
}
NOUNS = {"account_day": "figure", "contact": "figure"}


@dataclass(frozen=True)
class Found:
    """One table found in a file: which map fits, the sheet, its header, and the rows below."""

    file: str
    map: TableMap
    sheet: Sheet
    header: Sequence[str]
    header_line: int
    rows: Sequence[Row]

    def place(self, one: From) -> int | None:
        """Where the column stands: the first of its names that the header has."""
        return next((at for name in one.names if (at := _at(self.header, name)) is not None), None)

    @property
    def called(self) -> str:
        return self.file if self.sheet.name is None else f"{self.file}, sheet '{self.sheet.name}'"


def converter(source: str, settings: Settings) -> Converter:
    """Give what converts an export by the column map of its source; raise `RefError` where the map is not usable."""
    mapping = find(source, settings)
    if mapping is None:
        raise RefError(f"column_map/{source}.yml", "does not exist", known=known_sources(settings))
    return partial(convert, mapping=mapping)


def convert(
    path: Path,
    out: Path,
    accounts: Mapping[str, str],
    observed_on: datetime.date,
    account_id: str | None = None,
    *,
    mapping: ColumnMap,
) -> list[str]:
    """Convert one export, or a folder of them, to the tables of its map; return notes.

    An account is the one a column names, else `account_id`, else the one the file's folder is named for. All is read
    before anything is written. Raises `DeliveryError`, `SchemaError`, `UnreadableFileError`.
    """
    account_resolution.check_asked(account_id, accounts, PLATFORMS[mapping.platform])
    notes: list[str] = []
    seen: dict[str, list[Sighting]] = {}
    for file, name in files_below(path, (*CSV, *WORKBOOK), notes):
        declared = account_resolution.declared_account(file, path, accounts, account_id)
        for found in _tables(read(file, name, mapping.delimiter), name, mapping, notes):
            fixed = _fixed(found.map, mapping.platform, declared, observed_on)
            rows = _rows(found, fixed, accounts, notes)
            seen.setdefault(found.map.table, []).extend(_sightings(found, rows, observed_on))
    tables = {}
    for table, sightings in seen.items():
        settled = settle(sightings, NOUNS.get(table, "row"), notes)
        contract = next(one.contract for one in mapping.tables if one.table == table)
        tables[out / f"{table}.csv"] = (had_columns(contract.column_names, settled), settled)
    write_tables(tables)
    return list(dict.fromkeys(notes))


def _tables(sheets: Sequence[Sheet], name: str, mapping: ColumnMap, notes: list[str]) -> list[Found]:
    """Find every mapped table of a file; raise where there is none."""
    if sheets and sheets[0].name is None:
        return [_best(sheets[0], mapping.tables, name)]
    found: list[Found] = []
    for sheet in sheets:
        fitting = [one for one in mapping.tables if one.sheet and plain(one.sheet) == plain(sheet.name or "")]
        if fitting:
            found.append(_best(sheet, fitting, name))
            if sheet.is_hidden:
                notes.append(f"{name}: sheet '{sheet.name}' is hidden, read all the same")
    shown = [sheet for sheet in sheets if not sheet.is_hidden]
    nameless = [one for one in mapping.tables if one.sheet is None]
    if not found and nameless and len(shown) == 1:
        return [_best(shown[0], nameless, name)]
    if not found:
        wanted = sorted({one.sheet for one in mapping.tables if one.sheet}) or ["one sheet alone"]
        has = ", ".join(f"'{sheet.name}'" for sheet in sheets) or "none"
        hint = f"name the sheet in column_map/{mapping.source}.yml"
        raise SchemaError(name, f"has no sheet of the map; its sheets: {has}", known=wanted, hint=hint)
    if left := len(sheets) - len(found):
        notes.append(f"{name}: {count(left, 'sheet')} not read")
    return found


def _best(sheet: Sheet, maps: Sequence[TableMap], name: str) -> Found:
    """Choose the map whose required columns are all present, of several the one that reads most; raise if none."""
    fitting = [found for one in maps if (found := _found(sheet, one, name))]
    if not fitting:
        raise _no_header(sheet, maps, name)
    return max(fitting, key=lambda found: sum(found.place(one) is not None for one in found.map.sources()))


def _found(sheet: Sheet, one: TableMap, name: str) -> Found | None:
    """Find the row of a sheet that holds all required names."""
    needed = [source for source in one.sources() if not source.optional]
    for n, row in enumerate(sheet.rows[:HEADER_WITHIN]):
        if one.header_row not in (None, row.line):
            continue
        header = [cells.text_of(cell) for cell in row.cells]
        if all(any(_at(header, name) is not None for name in source.names) for source in needed):
            return Found(name, one, sheet, header, row.line, sheet.rows[n + 1 :])
    return None


def _no_header(sheet: Sheet, maps: Sequence[TableMap], name: str) -> SchemaError:
    """Name the missing columns of the closest row and map; a row that is not a header is not shown."""
    best: tuple[int, list[str], list[str]] = (0, [], [])
    for one in maps:
        names = [source.names for source in one.sources()]
        for row in sheet.rows[:HEADER_WITHIN]:
            header = [cells.text_of(cell) for cell in row.cells]
            had = sum(any(_at(header, each) is not None for each in each_name) for each_name in names)
            lacks = [
                " or ".join(source.names)
                for source in one.sources()
                if not source.optional and all(_at(header, each) is None for each in source.names)
            ]
            best = max(best, (had, lacks, header), key=lambda near: near[0])
    known = [source.names[0] for one in maps for source in one.sources()]
    where = name if sheet.name is None else f"{name}, sheet '{sheet.name}'"
    if best[0] < 2:
        found = f"none of its first {HEADER_WITHIN} rows is a header of the map"
        return SchemaError(where, found, known=dict.fromkeys(known), hint="export with English column names")
    had_names = ", ".join(cell for cell in best[2] if cell)
    hint = "if the platform renamed it, add the new name to `from` in the column map"
    return SchemaError(where, f"lacks {', '.join(best[1])}; it has {had_names}", known=dict.fromkeys(known), hint=hint)


def _rows(
    found: Found, fixed: Mapping[str, str | None], accounts: Mapping[str, str], notes: list[str]
) -> list[dict[str, str | None]]:
    """Read every row of a table; `fixed` are the columns that are alike in all rows.

    Raises where a column cannot be read, with how many rows and the first of them.
    """
    kept, skipped = _kept(found)
    _check_merged(found, kept)
    clock: list[Clock] = []
    columns = {
        name: read
        for name, one in found.map.columns.items()
        if (read := _column(found, kept, one, _type(found.map, name), clock, name)) is not None
    }
    if "account_id" in columns:
        columns["account_id"] = _own(found, columns["account_id"], accounts)
    elif "account_id" in found.map.contract.required and not fixed.get("account_id"):
        raise account_resolution.unknown_account(found.file, accounts)
    metrics = _unpivoted(found, kept, clock) if found.map.metrics else [[{}] for _ in kept]
    rows = [
        {**fixed, **row, **metric}
        for row, of_row in zip(_by_row(columns, len(kept)), metrics, strict=True)
        for metric in of_row
    ]
    own = [row for row in rows if row.get("account_id", "") is not None]
    notes += _notes(found, len(kept), skipped, len(rows) - len(own), clock)
    return own


def _by_row(columns: Mapping[str, Sequence[str | None]], n_rows: int) -> list[dict[str, str | None]]:
    """Turn columns of `n_rows` cells each, maybe none, into rows."""
    if not columns:
        return [{} for _ in range(n_rows)]
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def _type(one: TableMap, name: str) -> str:
    return next(column.type for column in one.contract.columns if column.name == name)


def _fixed(one: TableMap, platform: str, declared: str | None, observed_on: datetime.date) -> dict[str, str | None]:
    """Give the columns that are alike in all rows: platform, account, day of the export, the map's constants."""
    names = one.contract.column_names
    fixed: dict[str, str | None] = dict(one.constants)
    if one.table != "contact" or declared or "account_id" in one.columns:  # else a contact through no account of ours
        fixed |= {"platform": platform, "account_id": declared}
    if "observed_at" in names:
        fixed["observed_at"] = f"{observed_on.isoformat()}T00:00:00Z"
    if "observed_on" in names:
        fixed["observed_on"] = observed_on.isoformat()
    return fixed


def _kept(found: Found) -> tuple[list[Row], int]:
    """The rows to read, and how many the map passes over; raise where a row is longer than its header."""
    skip = found.map.skip_rows_where
    at = _at(found.header, skip.column) if skip else None
    if skip and at is None:
        raise SchemaError(found.called, f"lacks {skip.column}, by which totals are passed over", known=found.header)
    kept = []
    for row in found.rows:
        if found.sheet.name is None and len(row.cells) != len(found.header):
            line = f"the row that begins on line {row.line} has {len(row.cells)} of {len(found.header)} columns"
            raise UnreadableFileError(found.called, line, hint=AGAIN)
        if skip is None or at is None or cells.text_of(row.cells[at]) not in skip.values:
            kept.append(row)
    return kept, len(found.rows) - len(kept)


def _check_merged(found: Found, rows: Sequence[Row]) -> None:
    """Raise where cells below the header are merged: which rows a merged value is of, nobody can tell."""
    places = {at + 1 for one in found.map.sources() if (at := found.place(one)) is not None}
    lines = {row.line for row in rows}
    for top, bottom, left, right in found.sheet.merged:
        if places & set(range(left, right + 1)) and lines & set(range(max(top, found.header_line + 1), bottom + 1)):
            raise SchemaError(
                found.called, f"has merged cells in row {max(top, found.header_line + 1)}", hint="unmerge them"
            )


def _column(
    found: Found, rows: Sequence[Row], one: From, kind: str, clocks: list[Clock], name: str
) -> list[str | None] | None:
    """One column read; None where an optional one is not there."""
    at = found.place(one)
    if at is None:
        return None
    thing = f"{found.called}, column '{found.header[at]}'"
    if [plain(cell) for cell in found.header].count(plain(found.header[at])) > 1:
        raise SchemaError(thing, "is listed twice", hint="which of the two is meant, nobody can tell")
    parse = _reader(one, kind, clocks, name.endswith("_id"), thing)
    values: list[str | None] = []
    bad: list[int] = []
    damaged = False
    for row in rows:
        try:
            values.append(parse(row.cells[at]))
        except cells.DamagedIdError:
            damaged = True
            bad.append(row.line)
        except ValueError:
            bad.append(row.line)
    where = f"the first in {'row' if found.sheet.name else 'line'} {bad[0]}" if bad else ""
    if damaged:
        raise UnreadableFileError(thing, f"{len(bad)} of {len(rows)} ids damaged by a spreadsheet, {where}", hint=AGAIN)
    if bad:
        found_bad = f"{len(bad)} of {len(rows)} rows cannot be read as a {kind}, {where}"
        raise SchemaError(thing, found_bad, known=_shapes(one, kind), hint="see the column map")
    return values


def _shapes(one: From, kind: str) -> list[str]:
    """What a column may hold, for an error."""
    if one.values is not None:
        return sorted(one.values)
    if kind in ("date", "instant"):
        return [one.format or "2026-09-30"]
    if kind in ("count", "number"):
        return ["1203", *([f"1{one.thousands}203"] if one.thousands else []), "empty"]
    return [one.pattern] if one.pattern else ["text"]


def _reader(one: From, kind: str, clocks: list[Clock], is_id: bool, where: str) -> Callable[[Cell], str | None]:
    """How one column's cells are read."""
    unknown = {text.strip() for text in one.unknown}
    numbers = cells.Numbers(one.thousands, one.decimal)
    in_format = cells.read_format(where, one.format) if one.format else None
    pattern = re.compile(one.pattern) if one.pattern else None
    clock = Clock(Zone(one.zone, "", "the column map")) if one.zone else None
    if clock:
        clocks.append(clock)

    def read(cell: Cell) -> str | None:
        if isinstance(cell, str) and (not cell.strip() or cell.strip() in unknown):
            return None
        if kind == "count":
            return cells.count_of(cell, numbers)
        if kind == "number":
            return cells.number_of(cell, numbers)
        if kind == "boolean":
            return cells.boolean_of(cell)
        if kind == "date":
            return cells.day_of(cell, in_format)
        if kind == "instant":
            return _instant(cells.moment_of(cell, in_format), clock)
        return _text(cells.id_of(cell) if is_id else cells.text_of(cell), one.values, pattern)

    return read


def _instant(moment: datetime.datetime | None, clock: Clock | None) -> str | None:
    if moment is None:
        return None
    if moment.tzinfo is not None:
        return stamp(moment)
    if clock is None:
        raise ValueError("no zone")
    return stamp(clock.utc(moment))


def _text(text: str | None, values: Mapping[str, str] | None, pattern: re.Pattern[str] | None) -> str | None:
    """A text, turned into our word or cut to what is wanted of it; raise where that is not possible."""
    if not text:
        return None
    if pattern:
        if not (match := pattern.search(text)):
            raise ValueError("not the pattern")
        text = match[1]
    if values is None:
        return text
    if text not in values:
        raise ValueError("no known word")
    return values[text]


def _own(found: Found, named: Sequence[str | None], accounts: Mapping[str, str]) -> list[str | None]:
    """Give the account of each row; None where it is not ours; raise where no row is ours."""
    own = [account_resolution.own_account(name, accounts) if name else None for name in named]
    if own and not any(own):
        hint = "list the account in account.csv"
        raise DeliveryError(found.called, f"none of its {len(own)} rows is of ours", known=sorted(accounts), hint=hint)
    return own


def _unpivoted(found: Found, rows: Sequence[Row], clocks: list[Clock]) -> list[list[dict[str, str | None]]]:
    """Turn each row of many metrics into rows of one metric each; a missing column gives none."""
    metrics = {
        metric: values
        for metric, one in found.map.metrics.items()
        if (values := _column(found, rows, one, "number", clocks, metric)) is not None
    }
    by_row = _by_row(metrics, len(rows))
    return [[{"metric": metric, "value": value} for metric, value in row.items()] for row in by_row]


def _sightings(found: Found, rows: Sequence[dict[str, str | None]], observed_on: datetime.date) -> Iterable[Sighting]:
    """Give each row with its key and the last day of its export."""
    table = found.map.table
    days = [day[:10] for row in rows if (day := row.get(DAYS[table]))]
    last_day = datetime.date.fromisoformat(max(days)) if days else observed_on
    figures = FIGURES.get(table, ())
    for row in rows:
        key = tuple(row.get(name) or "" for name in found.map.contract.key)
        yield Sighting(key, last_day, tuple(row.get(name) or "" for name in figures), row)


def _notes(found: Found, n_rows: int, skipped: int, others: int, clocks: Iterable[Clock]) -> list[str]:
    """Note which table was read and what was left out."""
    notes = [f"{found.map.table}, {count(n_rows, 'row')} below line {found.header_line}"]
    if skipped:
        notes.append(f"{count(skipped, 'row')} skipped, as the map says")
    if others:
        notes.append(f"{count(others, 'row')} of accounts that are not ours left out")
    taken = {found.place(one) for one in found.map.sources()}
    if found.map.skip_rows_where:
        taken.add(_at(found.header, found.map.skip_rows_where.column))
    left = [name for at, name in enumerate(found.header) if name and at not in taken]
    if left:
        notes.append(f"columns left out: {', '.join(left)}")
    for clock in clocks:
        notes += clock.notes()
    return [f"{found.called}: {note}" for note in dict.fromkeys(notes)]


def _at(header: Sequence[str], name: str) -> int | None:
    """Find the position of a name in a header, ignoring case and blanks."""
    wanted = plain(name)
    return next((at for at, cell in enumerate(header) if plain(cell) == wanted), None)
