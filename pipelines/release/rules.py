"""What may leave, read from `release.yml` and held against the contracts: tables, counts, ratios, words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.common.contract import Table, contracts
from pipelines.common.errors import RefError
from pipelines.common.settings import Settings
from pipelines.reference.reader import read_yaml
from pipelines.release.cells import MEASURES, Cell

KEYS = {"title", "why", "key", "complete", "counts", "intervals", "ratios", "indices", "words", "told_with"}
# No column of a person, whatever a table is called.
PERSONAL = ("member", "handle", "bio", "location", "text", "tag", "email", "phone")


@dataclass(frozen=True)
class Meaning:
    """Which cell a count of a row is: its measure, and the fields that do not come from the row."""

    measure: str
    fixed: tuple[tuple[str, str], ...]

    def cell(self, row: Mapping[str, Any]) -> Cell:
        """The row's cell."""
        given = dict(self.fixed)
        return Cell(self.measure, **{name: given.get(name) or str(row[name]) for name in MEASURES[self.measure]})


@dataclass(frozen=True)
class Complete:
    """A table gets a row for each value of a column wherever another table (`like`) has a count, with nobody in it."""

    column: str
    values: tuple[str, ...]
    like: str


@dataclass(frozen=True)
class Leaving:
    """One mart that leaves. Each name is a column of its contract; `told_with`: words told where cells are shown."""

    name: str
    title: str
    why: str
    key: tuple[str, ...]
    counts: dict[str, Meaning]
    intervals: dict[str, tuple[str, ...]]
    ratios: dict[str, tuple[str, ...]]
    indices: dict[str, tuple[str, ...]]
    words: tuple[str, ...]
    told_with: dict[str, tuple[Meaning, ...]]
    complete: Complete | None

    @property
    def stem(self) -> str:
        return self.name.split(".")[1]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read from the mart."""
        bounds = tuple(bound for pair in self.intervals.values() for bound in pair)
        return ("as_of", *self.key, *self.words, *self.told_with, *self.counts, *bounds)


def read_rules(settings: Settings) -> list[Leaving]:
    """Read `release.yml`; tables that no contract knows (yet) are left out.

    Raises `RefError` where a table is no mart, a column is not its own or is of persons, or a cell is unknown.
    """
    read = read_yaml(settings.ref_file("release.yml"))
    if set(read) != {"tables"} or not isinstance(read["tables"], dict):
        raise RefError("release.yml", f"has the keys {', '.join(map(str, read))}", known=("tables",))
    found = []
    for name, about in read["tables"].items():
        if not str(name).startswith("mart."):
            raise RefError(f"release.yml: {name}", "is no mart", hint="only marts leave")
        contract = contracts("mart").get(str(name).removeprefix("mart."))
        one = _leaving(str(name), about)
        if contract:
            _hold_against(one, contract)
            found.append(one)
    return found


def _leaving(name: str, about: Any) -> Leaving:
    where = f"release.yml: {name}"
    if not isinstance(about, dict) or not {"title", "why", "key"} <= set(about) <= KEYS:
        raise RefError(where, "is no table that leaves", known=sorted(KEYS))
    counts = {column: _meaning(where, meaning) for column, meaning in about.get("counts", {}).items()}
    one = Leaving(
        name=name,
        title=str(about["title"]),
        why=str(about["why"]),
        key=tuple(about["key"]),
        counts=counts,
        intervals=_columns(about, "intervals"),
        ratios=_columns(about, "ratios"),
        indices=_columns(about, "indices"),
        words=tuple(about.get("words", ())),
        told_with={
            column: tuple(_meaning(where, one) for one in listed)
            for column, listed in about.get("told_with", {}).items()
        },
        complete=_complete(where, about["complete"]) if "complete" in about else None,
    )
    for what, n_parts in (("ratios", 2), ("indices", 4)):
        for column, parts in getattr(one, what).items():
            if len(parts) != n_parts or not set(parts) <= set(counts):
                raise RefError(where, f"makes {column} of {', '.join(parts)}", known=counts, hint=f"{n_parts} counts")
    for column, bounds in one.intervals.items():
        if len(bounds) != 2 or column not in counts:
            raise RefError(where, f"gives bounds of {column}", known=counts, hint="a count: [lower, upper]")
    return one


def _complete(where: str, found: Any) -> Complete:
    if not isinstance(found, dict) or set(found) != {"column", "values", "like"}:
        raise RefError(where, "completes its rows with too little said", known=("column", "values", "like"))
    return Complete(str(found["column"]), tuple(map(str, found["values"])), str(found["like"]))


def _columns(about: dict[str, Any], what: str) -> dict[str, tuple[str, ...]]:
    return {str(column): tuple(parts) for column, parts in about.get(what, {}).items()}


def _meaning(where: str, found: Any) -> Meaning:
    fixed = dict(found) if isinstance(found, dict) else {}
    measure = fixed.pop("cell", None)
    if measure not in MEASURES:
        raise RefError(where, f"names the cell {measure}", known=MEASURES)
    if unknown := sorted(set(fixed) - set(MEASURES[measure])):
        raise RefError(where, f"gives {unknown[0]} to the cell {measure}", known=MEASURES[measure])
    return Meaning(measure, tuple((str(name), str(value)) for name, value in fixed.items()))


def _hold_against(one: Leaving, contract: Table) -> None:
    where = f"release.yml: {one.name}"
    types = {column.name: column.type for column in contract.columns}
    for column in (*one.columns, *one.ratios, *one.indices):
        if column not in types:
            raise RefError(where, f"names the column {column}", known=types)
        if any(word in PERSONAL for word in column.split("_")):
            raise RefError(where, f"would release {column}", hint="nothing of a person leaves")
        if "[]" in types[column] or "(" in types[column]:
            raise RefError(where, f"would release the sets of {column}", hint="sets of accounts single people out")
    uncounted = {column for column, kind in types.items() if kind in ("BIGINT", "INTEGER", "DOUBLE")}
    if loose := sorted(uncounted & {*one.words, *one.key, *one.told_with} - {"threshold"}):
        raise RefError(where, f"would release the number {loose[0]} as words", hint="name it as a count, with its cell")
    missing = {
        field
        for meaning in (*one.counts.values(), *(one_ for meanings in one.told_with.values() for one_ in meanings))
        for field in MEASURES[meaning.measure]
        if field not in dict(meaning.fixed) and field not in one.key
    }
    if missing:
        raise RefError(where, f"lacks {', '.join(sorted(missing))} in its key", known=one.key)
