"""The ways into a segment: its rules, weights, groups and exclusions as alternatives that SQL can count.

A way is a set of rules that must hit and a set that must not; a member is in while any way holds (disjunctive normal
form). A rule on another segment is replaced by that segment's own ways, so all segments are found in one pass.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import combinations, product

from pipelines.common.errors import SegmentDefinitionError
from pipelines.segments.definition import Definition
from pipelines.segments.rule import Group, InSegment, Item

MOST_WAYS = 500


@dataclass(frozen=True)
class Way:
    """Rules that must hit and rules that must not, by rule hash."""

    required: frozenset[str]
    forbidden: frozenset[str]

    def __or__(self, other: "Way") -> "Way":
        return Way(self.required | other.required, self.forbidden | other.forbidden)

    def __le__(self, other: "Way") -> bool:
        return self.required <= other.required and self.forbidden <= other.forbidden


class _TooManyError(Exception):
    pass


def ways_into(definitions: Mapping[str, Definition], segment_id: str) -> list[Way]:
    """The fewest alternatives that say the same as a definition, in a fixed order.

    Raises `SegmentDefinitionError` where there are more than 500, where none can ever hold, or where one asks for
    no evidence at all.
    """
    definition = definitions[segment_id]
    try:
        ways = _segment(definitions, definition)
    except _TooManyError:
        raise SegmentDefinitionError(
            definition.file, f"says more than {MOST_WAYS} ways into it", hint="fewer groups, or a segment in between"
        ) from None
    if not ways:
        raise SegmentDefinitionError(definition.file, "contradicts itself: nobody can ever belong")
    if any(not way.required for way in ways):
        raise SegmentDefinitionError(
            definition.file, "takes people in for what they do not show", hint="a group none goes inside a group all"
        )
    return _sorted(ways)


def expansion_ways(definitions: Mapping[str, Definition], segment_id: str) -> list[Way]:
    """The alternatives by which a score takes somebody in: it is likely enough, and no exclusion hits."""
    likely = frozenset({Way(frozenset({f"expansion:{segment_id}"}), frozenset())})
    out = _any([_item(definitions, item) for item in definitions[segment_id].exclude])
    return _sorted(_all([likely, _not(out)]))


def unless_labelled(ways: Iterable[Way], segment_id: str) -> list[Way]:
    """The same ways, closed to whom an audit's label says no."""
    return [Way(way.required, way.forbidden | {f"audit no:{segment_id}"}) for way in ways]


def label_way(segment_id: str) -> Way:
    """The way in of whom an audit's label says yes, whatever the rules say."""
    return Way(frozenset({f"audit yes:{segment_id}"}), frozenset())


def _segment(definitions: Mapping[str, Definition], definition: Definition) -> frozenset[Way]:
    enough = _enough(definitions, definition.rules, definition.header.evidence.threshold)
    out = _any([_item(definitions, item) for item in definition.exclude])
    return _all([enough, _not(out)])


def _enough(definitions: Mapping[str, Definition], items: tuple[Item, ...], threshold: float) -> frozenset[Way]:
    """The smallest sets of items whose weights add up to the threshold, and the ways each can hold."""
    if all(item.weight >= threshold for item in items):
        return _any([_item(definitions, item) for item in items])
    least: list[tuple[int, ...]] = []
    for size in range(1, len(items) + 1):
        for chosen in combinations(range(len(items)), size):
            if any(set(smaller) <= set(chosen) for smaller in least):
                continue
            if sum(items[n].weight for n in chosen) >= threshold - 1e-9:
                least.append(chosen)
            if len(least) > MOST_WAYS:
                raise _TooManyError
    return _any([_all([_item(definitions, items[n]) for n in chosen]) for chosen in least])


def _item(definitions: Mapping[str, Definition], item: Item) -> frozenset[Way]:
    if isinstance(item, Group):
        inner = [_item(definitions, one) for one in item.items]
        if item.op == "all":
            return _all(inner)
        return _any(inner) if item.op == "any" else _not(_any(inner))
    if isinstance(item, InSegment):
        return _any([_segment(definitions, definitions[one]) for one in item.values])
    return frozenset({Way(frozenset({item.rule_hash}), frozenset())})


def _any(of: Iterable[frozenset[Way]]) -> frozenset[Way]:
    return _fewest(way for ways in of for way in ways)


def _all(of: Iterable[frozenset[Way]]) -> frozenset[Way]:
    nothing = frozenset({Way(frozenset(), frozenset())})
    return reduce(lambda one, other: _fewest(a | b for a, b in product(one, other)), of, nothing)


def _not(ways: frozenset[Way]) -> frozenset[Way]:
    """Neither way holds: of each, one required rule does not hit or one forbidden rule does (De Morgan)."""
    return _all(
        frozenset(
            {Way(frozenset(), frozenset({one})) for one in way.required}
            | {Way(frozenset({one}), frozenset()) for one in way.forbidden}
        )
        for way in _sorted(ways)
    )


def _fewest(ways: Iterable[Way]) -> frozenset[Way]:
    """Drop ways that contradict themselves, and ways that ask for more than another does."""
    possible = {way for way in ways if not way.required & way.forbidden}
    if len(possible) > 4 * MOST_WAYS:
        raise _TooManyError
    kept = frozenset(way for way in possible if not any(other <= way and other != way for other in possible))
    if len(kept) > MOST_WAYS:
        raise _TooManyError
    return kept


def _sorted(ways: Iterable[Way]) -> list[Way]:
    return sorted(ways, key=lambda way: (sorted(way.required), sorted(way.forbidden)))
