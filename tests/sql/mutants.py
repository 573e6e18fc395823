"""Make mutants of a model: its SELECT with one small change to its syntax tree, as a slip of the hand would make it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice

import sqlglot
from sqlglot import exp

DIALECT = "duckdb"
Tree = exp.Expr
Change = Callable[[Tree], Iterator[Tree | None]]

BOUNDARIES: dict[type[Tree], type[Tree]] = {exp.LT: exp.LTE, exp.LTE: exp.LT, exp.GT: exp.GTE, exp.GTE: exp.GT}
EQUALITIES: dict[type[Tree], type[Tree]] = {exp.EQ: exp.NEQ, exp.NEQ: exp.EQ}
CONNECTORS: dict[type[Tree], type[Tree]] = {exp.And: exp.Or, exp.Or: exp.And}
ARITHMETIC: dict[type[Tree], type[Tree]] = {exp.Add: exp.Sub, exp.Sub: exp.Add, exp.Mul: exp.Div, exp.Div: exp.Mul}
AGGREGATES: dict[type[Tree], type[Tree]] = {
    exp.Min: exp.Max,
    exp.Max: exp.Min,
    exp.Sum: exp.Max,
    exp.Avg: exp.Max,
    exp.ArgMax: exp.ArgMin,
    exp.ArgMin: exp.ArgMax,
    exp.LogicalOr: exp.LogicalAnd,
    exp.LogicalAnd: exp.LogicalOr,
    exp.Least: exp.Greatest,
    exp.Greatest: exp.Least,
    exp.Lag: exp.Lead,
    exp.Lead: exp.Lag,
}


@dataclass(frozen=True)
class Mutant:
    """One change of a model: the CTE it is in, what was there, what is there now, and the whole SELECT."""

    model: str
    operator: str
    cte: str
    was: str
    now: str
    sql: str


@cache
def mutants(model: str, sql: str) -> tuple[Mutant, ...]:
    """Make every mutant of a model, in the order of its syntax tree.

    Two changes that give the same SELECT are one mutant.
    """
    tree = sqlglot.parse_one(sql, dialect=DIALECT)
    original = _text(tree)
    found: dict[str, Mutant] = {}
    for name, piece in _pieces(tree):
        piece_text = _text(piece)
        assert original.count(piece_text) == 1, f"{model}: {name} is written twice"
        for change in _changes(piece):
            mutated = original.replace(piece_text, change.text)
            if mutated != original:
                found.setdefault(mutated, Mutant(model, change.operator, name, change.was, change.now, mutated))
    return tuple(found.values())


def _pieces(tree: Tree) -> Iterator[tuple[str, Tree]]:
    """Take a SELECT apart, so that a change writes only its own piece anew: each CTE, and what follows them."""
    last = tree.copy()
    for cte in last.find_all(exp.With):
        if cte.parent is last:
            yield from ((one.alias, one.copy()) for one in cte.expressions)
    last.set("with_", None)
    yield "the last SELECT", last


@dataclass(frozen=True)
class _Change:
    """One change of a piece: what was there, what is there now, the text of the piece."""

    operator: str
    was: str
    now: str
    text: str


def _changes(piece: Tree) -> Iterator[_Change]:
    for place, node in enumerate(piece.walk()):
        for operator, change in OPERATORS.items():
            for replacement in change(node):
                mutated = piece.copy()
                target = next(islice(mutated.walk(), place, None))
                # A constant or a sort key says little alone: it is shown with what it stands in.
                shown = target.parent if isinstance(target, exp.Literal | exp.Boolean | exp.Ordered) else None
                was = _text(shown or target)
                if target is mutated:
                    assert replacement is not None
                    mutated = replacement
                else:
                    target.replace(replacement)
                yield _Change(operator, was, _text(shown or replacement), _text(mutated))


def _text(tree: Tree | None) -> str:
    return tree.sql(dialect=DIALECT, comments=False) if tree is not None else ""


def _exchange(pairs: dict[type[Tree], type[Tree]]) -> Change:
    """Exchange a kind of node by another with the same arguments."""

    def change(node: Tree) -> Iterator[Tree | None]:
        if other := pairs.get(type(node)):
            copy = node.copy()
            yield other(**{name: value for name, value in copy.args.items() if name in other.arg_types})

    return change


def _drop_condition(node: Tree) -> Iterator[Tree | None]:
    """Leave out one side of an AND, or a whole WHERE, HAVING, QUALIFY or FILTER."""
    if isinstance(node, exp.And):
        yield node.left.copy()
        yield node.right.copy()
    elif isinstance(node, exp.Where | exp.Having | exp.Qualify) and not isinstance(node.parent, exp.Filter):
        yield None
    elif isinstance(node, exp.Filter):
        yield node.this.copy()


def _change_join(node: Tree) -> Iterator[Tree | None]:
    """LEFT JOIN for JOIN and the other way round; an anti join for a semi join."""
    if not isinstance(node, exp.Join) or not (node.args.get("on") or node.args.get("using")):
        return
    copy = node.copy()
    kind = (copy.side or copy.kind or "").upper()
    if kind in ("LEFT", "FULL", "RIGHT"):
        copy.set("side", None)
        copy.set("kind", "INNER")
    elif kind in ("SEMI", "ANTI"):
        copy.set("kind", "ANTI" if kind == "SEMI" else "SEMI")
    else:
        copy.set("side", "LEFT")
        copy.set("kind", None)
    yield copy


def _drop_distinct(node: Tree) -> Iterator[Tree | None]:
    if isinstance(node, exp.Select) and node.args.get("distinct"):
        copy = node.copy()
        copy.set("distinct", None)
        yield copy
    elif isinstance(node, exp.Distinct) and not isinstance(node.parent, exp.Select) and len(node.expressions) == 1:
        yield node.expressions[0].copy()


def _change_union(node: Tree) -> Iterator[Tree | None]:
    """UNION for UNION ALL and the other way round.

    Parts that differ in a constant ('follow' and 'engagement') have no row in common: there both say the same.
    """
    if isinstance(node, exp.Union) and not _differ_in_a_constant(node):
        copy = node.copy()
        copy.set("distinct", not node.args.get("distinct"))
        yield copy


def _differ_in_a_constant(union: exp.Union) -> bool:
    left, right = ([one.unalias() for one in part.selects] for part in (union.left, union.right))
    pairs = zip(left, right, strict=False)
    return any(isinstance(one, exp.Literal) and isinstance(two, exp.Literal) and one != two for one, two in pairs)


def _change_constant(node: Tree) -> Iterator[Tree | None]:
    """One more and one less for a whole number, a tenth more for another, false for true."""
    if isinstance(node, exp.Boolean):
        yield exp.Boolean(this=not node.this)
    if not isinstance(node, exp.Literal) or isinstance(node.parent, exp.DataTypeParam | exp.WindowSpec):
        return
    if node.find_ancestor(exp.Ordered):  # a rank in ORDER BY: one more or less of it orders the same
        return
    if node.is_string and not isinstance(node.parent, exp.Interval):
        return
    if str(node.this).isdigit():
        for value in (int(node.this) + 1, int(node.this) - 1):
            yield exp.Literal(this=str(value), is_string=node.is_string)
    else:
        yield exp.Literal(this=repr(float(node.this) * 1.1), is_string=node.is_string)


def _change_null(node: Tree) -> Iterator[Tree | None]:
    """The first or the last argument of a COALESCE; IS NOT NULL for IS NULL and the other way round."""
    if isinstance(node, exp.Coalesce) and node.expressions:
        yield node.this.copy()
        yield node.expressions[-1].copy()
    elif isinstance(node, exp.Is) and not isinstance(node.parent, exp.Not):
        yield exp.Not(this=node.copy())
    elif isinstance(node, exp.Not):
        yield node.this.copy()


def _change_order(node: Tree) -> Iterator[Tree | None]:
    """The other direction of an ORDER BY key, or one key less; the order of a whole SELECT decides nothing."""
    if isinstance(node, exp.Ordered) and isinstance(node.parent, exp.Order) and _decides(node.parent):
        copy = node.copy()
        copy.set("desc", not node.args.get("desc"))
        copy.set("nulls_first", None)
        yield copy
        if len(node.parent.expressions) > 1:
            yield None


def _decides(order: exp.Order) -> bool:
    return not isinstance(order.parent, exp.Select) or bool(order.parent.args.get("limit"))


def _drop_partition(node: Tree) -> Iterator[Tree | None]:
    """One key of a window's PARTITION BY less."""
    if isinstance(node, exp.Window):
        for n in range(len(node.args.get("partition_by") or [])):
            copy = node.copy()
            copy.set("partition_by", [one for k, one in enumerate(copy.args["partition_by"]) if k != n])
            yield copy


def _drop_branch(node: Tree) -> Iterator[Tree | None]:
    """One branch of a CASE less, or its ELSE."""
    if not isinstance(node, exp.Case):
        return
    for n in range(len(node.args["ifs"])):
        copy = node.copy()
        rest = [one for k, one in enumerate(copy.args["ifs"]) if k != n]
        if rest:
            copy.set("ifs", rest)
            yield copy
        elif node.args.get("default"):
            yield copy.args["default"]
    if node.args.get("default"):
        copy = node.copy()
        copy.set("default", None)
        yield copy


def _drop_listed(node: Tree) -> Iterator[Tree | None]:
    """One value of an IN list less."""
    if isinstance(node, exp.In) and len(node.expressions) > 1:
        for n in range(len(node.expressions)):
            copy = node.copy()
            copy.set("expressions", [one for k, one in enumerate(copy.expressions) if k != n])
            yield copy


OPERATORS: dict[str, Change] = {
    "boundary of a comparison": _exchange(BOUNDARIES),
    "equality": _exchange(EQUALITIES),
    "AND and OR": _exchange(CONNECTORS),
    "arithmetic": _exchange(ARITHMETIC),
    "aggregate": _exchange(AGGREGATES),
    "condition dropped": _drop_condition,
    "join type": _change_join,
    "DISTINCT dropped": _drop_distinct,
    "UNION and UNION ALL": _change_union,
    "constant": _change_constant,
    "NULL handling": _change_null,
    "ORDER BY": _change_order,
    "PARTITION BY": _drop_partition,
    "CASE branch dropped": _drop_branch,
    "listed value dropped": _drop_listed,
}
