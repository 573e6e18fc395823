"""Say which columns of which tables each column of a SQL model comes from.

`sqlglot` qualifies a model's columns; from there each output column is followed through CTEs, subqueries and unions
down to the tables. A column that reads no column at all (`count(*)`, a constant, the night's date) says that instead.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby

from sqlglot import exp, parse_one
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from pipelines.common.contract import contracts
from pipelines.common.errors import ModelError
from pipelines.warehouse.catalogue import SqlModel

SCHEMAS = ("raw", "stg", "core", "meta", "expansion", "mart", "ref")


@dataclass(frozen=True)
class Origin:
    """Where one column comes from: columns (`schema.table.column`), counted tables, variables of the run.

    All three empty: the column is a constant, or `is_computed` by Python from the tables that the module reads.
    """

    columns: frozenset[str] = frozenset()
    rows_of: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()
    is_computed: bool = False

    def __or__(self, other: "Origin") -> "Origin":
        return Origin(self.columns | other.columns, self.rows_of | other.rows_of, self.variables | other.variables)

    def sentence(self) -> str:
        """Say the origin in Markdown, table by table."""
        by_table = groupby(sorted(self.columns), key=lambda name: name.rpartition(".")[0])
        parts = [f"`{table}`: {', '.join(name.rpartition('.')[2] for name in names)}" for table, names in by_table]
        if self.rows_of:
            parts.append(f"count of rows of {', '.join(f'`{name}`' for name in sorted(self.rows_of))}")
        if not self.columns:
            parts += ["the night's day" if name == "as_of" else f"variable `{name}`" for name in sorted(self.variables)]
        return "<br>".join(parts) or ("computed by the module" if self.is_computed else "a constant of the model")


@cache
def known_columns() -> dict[str, object]:
    """Every table's columns by schema; types do not matter here, so all are text."""
    return {
        schema: {name: dict.fromkeys(table.column_names, "TEXT") for name, table in contracts(schema).items()}
        for schema in SCHEMAS
    }


def lineage(model: SqlModel) -> dict[str, Origin]:
    """Give the origin of every column of a SQL model, in contract order.

    Raises `ModelError` where a column cannot be followed to a table.
    """
    tree = qualify(
        parse_one(model.sql, dialect="duckdb"), dialect="duckdb", schema=known_columns(),
        quote_identifiers=False, identify=False, validate_qualify_columns=False,
    )  # fmt: skip
    scope = build_scope(tree)
    assert scope
    walk = _Walk()
    return {name: walk.output(scope, place) for place, name in enumerate(model.contract.column_names)}


@dataclass
class _Walk:
    """Follows columns through one model's scopes; each is followed once."""

    seen: dict[tuple[int, int], Origin] = field(default_factory=dict)

    def output(self, scope: Scope, place: int) -> Origin:
        """Follow a scope's output column, by its place: unions match by place."""
        key = (id(scope), place)
        if key not in self.seen:
            self.seen[key] = Origin()  # A recursive CTE reads itself: its own rows add nothing.
            self.seen[key] = self._follow(scope, place)
        return self.seen[key]

    def _follow(self, scope: Scope, place: int) -> Origin:
        if scope.set_operation_scopes:
            both = [self.output(part, place) for part in scope.set_operation_scopes]
            return both[0] | both[1]
        projections = scope.expression.selects if isinstance(scope.expression, exp.Query) else []
        return self._expression(scope, projections[place]) if place < len(projections) else Origin()

    def _expression(self, scope: Scope, expression: exp.Expr) -> Origin:
        """Union the origins of everything an expression names, in its own scope and in subqueries."""
        found = Origin(variables=frozenset(_variables(expression)))
        inner = [part for part in scope.subquery_scopes if _within(part.expression, expression)]
        for column in expression.find_all(exp.Column):
            if not any(_within(column, part.expression) for part in inner):
                found |= self._column(scope, column)
        for part in inner:
            outputs = part.expression.selects if isinstance(part.expression, exp.Query) else []
            for place in range(len(outputs)):
                found |= self.output(part, place)
        if not found.columns and any(expression.find_all(exp.Count)):
            found |= Origin(rows_of=self._tables(scope))
        return found

    def _column(self, scope: Scope, column: exp.Column) -> Origin:
        source = scope.sources.get(column.table)
        if isinstance(source, exp.Table) and source.db:
            return Origin(columns=frozenset({f"{source.db}.{source.name}.{column.name}"}))
        if isinstance(source, Scope) and isinstance(source.expression, exp.Query):
            names = source.expression.named_selects
            if column.name in names:
                return self.output(source, names.index(column.name))
        elif isinstance(source, Scope):
            # VALUES are constants; unnest() gives what its argument reads.
            return self._expression(source, source.expression)
        raise ModelError(column.sql(), "comes from no table that the model reads")

    def _tables(self, scope: Scope) -> frozenset[str]:
        found: set[str] = set()
        for _, source in scope.selected_sources.values():
            if isinstance(source, exp.Table):
                found.add(f"{source.db}.{source.name}")
            elif isinstance(source, Scope):
                parts = source.set_operation_scopes or [source]
                found.update(*(self._tables(part) for part in parts))
        return frozenset(found)


def _within(node: exp.Expr, ancestor: exp.Expr) -> bool:
    at: exp.Expr | None = node
    while at is not None and at is not ancestor:
        at = at.parent
    return at is ancestor


def _variables(expression: exp.Expr) -> Iterator[str]:
    for call in expression.find_all(exp.Anonymous):
        if call.name.lower() == "getvariable":
            yield call.expressions[0].name
