"""The marts that leave: their counts collected as cells, and their rows written again from what may be shown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from pipelines.common.errors import ModelError
from pipelines.release.cells import FEW, NOT_SHOWN, SHOWN, Cell, Released
from pipelines.release.disclosure import MISSING
from pipelines.release.protect import PARTS_OF_KEPT, Rule
from pipelines.release.rules import Leaving

Row = dict[str, Any]

UNKNOWN = Released(None, MISSING)
# Widths of intervals are rounded up to one of these: an exact width would disclose the exact count it belongs to.
WIDTHS = tuple(digit * 10**power for power in range(1, 9) for digit in (1, 2, 5))


def completed(frames: Sequence[tuple[Leaving, pl.DataFrame]]) -> list[tuple[Leaving, pl.DataFrame]]:
    """The tables with the rows that stand for nobody, where a mart leaves them out.

    Raises `ModelError` where a row has a value that the rules do not know.
    """
    by_name = {one.name: (one, frame) for one, frame in frames}
    return [(one, _complete(one, frame, by_name)) for one, frame in frames]


def _complete(one: Leaving, frame: pl.DataFrame, by_name: Mapping[str, tuple[Leaving, pl.DataFrame]]) -> pl.DataFrame:
    if not one.complete or one.complete.like not in by_name:
        return frame
    column, (like, rows) = one.complete.column, by_name[one.complete.like]
    if not set(frame[column].unique()) <= set(one.complete.values):
        raise ModelError(one.name, f"has a {column} that release.yml does not list")
    known = rows.filter(pl.all_horizontal(pl.col(name).is_not_null() for name in list(like.counts)[:1]))
    shared = [name for name in ("as_of", *one.key) if name != column]
    every = known.select(shared).unique().join(pl.DataFrame({column: one.complete.values}), how="cross")
    filled = every.join(frame, on=[*shared, column], how="full", coalesce=True).select(frame.columns)
    return filled.with_columns(pl.col(name).fill_null(0) for name in one.counts).sort(*one.key)


def counts(frames: Sequence[tuple[Leaving, pl.DataFrame]]) -> dict[Cell, int]:
    """Every count that the tables hold, once; whom closing an account keeps is told by reach and exclusive.

    Raises `ModelError` where two tables give one cell two values, or a count is below 0.
    """
    found: dict[Cell, int] = {}
    for one, frame in frames:
        for row in frame.to_dicts():
            for column, meaning in one.counts.items():
                if row[column] is None:
                    continue
                cell, count = meaning.cell(row), round(row[column])
                if found.setdefault(cell, count) != count:
                    raise ModelError(one.name, f"gives {column} another value than a table before it")
                if count < 0:
                    raise ModelError(one.name, f"gives {column} below 0")
    for cell in [cell for cell in found if cell.measure == "exclusive"]:
        reach = found.get(cell.of(measure="reach"))
        if reach is not None:
            found.setdefault(cell.of(measure="kept"), reach - found[cell])
    return found


def derived(released: Mapping[Cell, Released], how: Rule) -> dict[Cell, Released]:
    """Give the same, with `kept` computed from the released reach and exclusive: it then discloses nothing more."""
    made = dict(released)
    for cell, one in released.items():
        if cell.measure == "kept":
            reach, lost = (released[cell.of(measure=part)].number for part in PARTS_OF_KEPT)
            rest = None if one.state != SHOWN or reach is None or lost is None else reach - lost
            is_told = rest is not None and rest >= how.limit.suppressed_below
            made[cell] = Released(rest, SHOWN) if is_told else Released(None, NOT_SHOWN)
    return made


def released_frame(
    one: Leaving, frame: pl.DataFrame, exact: Mapping[Cell, int], released: Mapping[Cell, Released], how: Rule
) -> pl.DataFrame:
    """A table as it leaves: words, then each count with its `_shown` text, bounds, ratios and indices.

    A number that is withheld or missing is NULL; beside it `_shown` says which.
    """
    rows = [_row(one, row, exact, released, how) for row in frame.to_dicts()]
    return pl.DataFrame(rows, schema=_schema(one, frame), orient="row").sort(*one.key)


def read_back(one: Leaving, frame: pl.DataFrame) -> Iterable[tuple[Cell, Released]]:
    """The cells of a released table, as they were released."""
    for row in frame.to_dicts():
        for column, meaning in one.counts.items():
            shown = row[f"{column}_shown"]
            if shown == MISSING:
                continue
            state = shown if shown in (FEW, NOT_SHOWN) else SHOWN
            yield meaning.cell(row), Released(row[column], state)


def _row(one: Leaving, row: Row, exact: Mapping[Cell, int], released: Mapping[Cell, Released], how: Rule) -> Row:
    cells = {
        column: released[meaning.cell(row)] if row[column] is not None else UNKNOWN
        for column, meaning in one.counts.items()
    }
    numbers = {column: cell.number for column, cell in cells.items()}
    shown: Row = {name: row[name] for name in ("as_of", *one.key, *one.words)}
    for column, needed in one.told_with.items():
        is_told = all((found := released.get(meaning.cell(row))) is None or found.state == SHOWN for meaning in needed)
        shown[column] = row[column] if is_told else NOT_SHOWN
    for column, cell in cells.items():
        shown |= {column: cell.number, f"{column}_shown": _text(cell)}
        if bounds := one.intervals.get(column):
            count = None if row[column] is None else exact[one.counts[column].cell(row)]
            shown |= _interval(bounds, row, count, cell, how)
    for column, (part, whole) in one.ratios.items():
        shown[column] = _divided(numbers[part], numbers[whole])
    for column, (reached, account, segment, everyone) in one.indices.items():
        composition = _divided(numbers[reached], numbers[account])
        baseline = _divided(numbers[segment], numbers[everyone])
        shown[column] = 100 * composition / baseline if composition is not None and baseline else None
    return shown


def _text(cell: Released) -> str:
    return f"{cell.number:,}" if cell.number is not None else cell.state


def _interval(bounds: tuple[str, ...], row: Row, count: int | None, cell: Released, how: Rule) -> Row:
    """Bounds around the released number that hold the exact bounds, whatever the number's own distance from its count.

    Coarse on purpose: bounds as exact as the mart's would tell the exact count in their middle.
    """
    lower, upper = bounds
    if cell.number is None or count is None:
        return {lower: None, upper: None}
    shown: Row = {lower: None, upper: None}
    if row[lower] is not None:
        shown[lower] = max(0, cell.number - _width(count - row[lower], how))
    if row[upper] is not None:
        shown[upper] = cell.number + _width(row[upper] - count, how)
    return shown


def _width(people: float, how: Rule) -> int:
    """The next coarse width that holds the exact one and what a released number may be off."""
    needed = max(0.0, people) + how.away - 1
    found: int = min(width for width in WIDTHS if width >= needed)
    return found


def _divided(part: int | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole else None


def _schema(one: Leaving, frame: pl.DataFrame) -> dict[str, Any]:
    schema: dict[str, Any] = {name: frame.schema[name] for name in ("as_of", *one.key, *one.words, *one.told_with)}
    for column in one.counts:
        schema |= {column: pl.Int64, f"{column}_shown": pl.String}
        schema |= dict.fromkeys(one.intervals.get(column, ()), pl.Int64)
    return schema | dict.fromkeys((*one.ratios, *one.indices), pl.Float64)
