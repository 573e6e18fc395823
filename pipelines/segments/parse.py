"""Turn what a YAML file says into rules and headers; every complaint names file, line and key, and what is known."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from pipelines.common.errors import SegmentDefinitionError
from pipelines.reference.reader import line_of
from pipelines.segments.rule import GROUPS, MATCHES, Group, Item, Rule

Model = TypeVar("Model", bound=BaseModel)
Keys = tuple[str | int, ...]
MOST_NESTED = 4


def items(path: Path, key: str, read: Any) -> tuple[Item, ...]:
    """Read the rules and groups under a key.

    Raises `SegmentDefinitionError`.
    """
    if not isinstance(read, list):
        found = "is missing" if read is None else f"must be a list; found {_kind(read)}"
        raise _error(path, (key,), f"`{key}` {found}", hint="start each rule with `- rule_id: ...`")
    if key == "rules" and not read:
        raise _error(path, (key,), "rules is empty", hint="nobody would belong")
    return tuple(_item(path, (key, n), one) for n, one in enumerate(read))


def model(path: Path, wanted: type[Model], read: Any, keys: Keys = (), known: Iterable[str] = ()) -> Model:
    """Read a model of ours.

    Raises `SegmentDefinitionError` for the first complaint: where, what was found, what is known.
    """
    try:
        return wanted.model_validate(read)
    except ValidationError as failure:
        first = failure.errors(include_url=False, include_context=False, include_input=False)[0]
    at = tuple(part for part in first["loc"] if not str(part).startswith("function-"))
    where = ".".join(str(part) for part in at)
    if first["type"] == "extra_forbidden":
        fields = _fields(wanted, at[:-1])
        raise _error(
            path, (*keys, *at), f"has the unknown key {where}", known=[*fields, *(known if len(at) == 1 else ())]
        )
    if first["type"] == "missing":
        raise _error(path, keys, f"lacks {where}", known=[*wanted.model_fields, *known])
    raise _error(path, (*keys, *at), f"{where}: {first['msg'][0].lower()}{first['msg'][1:]}")


def _item(path: Path, keys: Keys, read: Any) -> Item:
    if not isinstance(read, dict):
        raise _error(path, keys, "is no rule", hint="- rule_id: ... , match: ... , values: ... , why: ...")
    ops = [op for op in GROUPS if op in read]
    if ops:
        return _group(path, keys, read, ops)
    match = read.get("match")
    if match not in MATCHES:
        name = read.get("rule_id", "?")
        raise _error(path, (*keys, "match"), f"rule '{name}' uses match {match!r}", known=MATCHES)
    rule: Rule = model(path, MATCHES[match], read, keys)
    _check_values(path, keys, rule)
    return rule


def _group(path: Path, keys: Keys, read: dict[str, Any], ops: list[str]) -> Group:
    if len(keys) // 2 > MOST_NESTED:
        raise _error(path, keys, f"nests groups more than {MOST_NESTED} deep", hint="use in_segment")
    op = ops[0]
    if unknown := sorted(set(map(str, read)) - {op, "weight"}):
        raise _error(path, (*keys, unknown[0]), f"has the unknown key {unknown[0]}", known=(op, "weight"))
    if not isinstance(read[op], list) or not read[op]:
        raise _error(path, (*keys, op), f"the group {op} is empty", hint="a list of rules")
    weight = read.get("weight", 1)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight <= 100:
        raise _error(path, (*keys, "weight"), f"has weight {weight!r}", hint="a number above 0, up to 100")
    return Group(op, tuple(_item(path, (*keys, op, n), one) for n, one in enumerate(read[op])), float(weight))


def _check_values(path: Path, keys: Keys, rule: Rule) -> None:
    what = f"rule '{rule.rule_id}'"
    if rule.match == "distance_from_home_at_least":
        if rule.values or rule.values_from:
            raise _error(path, keys, f"{what} has values", hint="it needs km only; home is in place.csv")
        return
    if bool(rule.values) == bool(rule.values_from):
        found = "both values and values_from" if rule.values else "no values"
        raise _error(path, keys, f"{what} has {found}", known=("values", "values_from"), hint="give one of them")


def _fields(wanted: type[BaseModel], at: tuple[str | int, ...]) -> list[str]:
    """The keys that a model, or the model nested in it at a place, knows."""
    for part in at:
        if isinstance(part, str) and part in wanted.model_fields:
            inner: Any = wanted.model_fields[part].annotation
            for candidate in (inner, *getattr(inner, "__args__", ())):
                if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                    wanted = candidate
    return list(wanted.model_fields)


def _kind(read: object) -> str:
    kinds = {dict: "a mapping", str: "a text", bool: "yes or no", int: "a number", float: "a number"}
    return kinds.get(type(read), "something else")


def _error(path: Path, keys: Keys, found: str, *, known: Iterable[str] = (), hint: str = "") -> SegmentDefinitionError:
    line = line_of(path, keys)
    return SegmentDefinitionError(f"{path.name} line {line}" if line else path.name, found, known=known, hint=hint)
