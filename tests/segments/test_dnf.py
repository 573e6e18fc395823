"""The ways into a segment say exactly what its rules, weights, groups and exclusions say: tried on every person."""

from itertools import chain, combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.common.errors import SegmentDefinitionError
from pipelines.segments.definition import Definition, Evidence, Header
from pipelines.segments.dnf import Way, expansion_ways, ways_into
from pipelines.segments.rule import AnyWord, Group, InSegment, Item

LETTERS = "abcde"


def word(letter: str, weight: float = 1) -> AnyWord:
    return AnyWord(rule_id=f"r_{letter}", match="any_word", values=(letter,), weight=weight, why="x")


def within(segment_id: str, weight: float = 1) -> InSegment:
    return InSegment(rule_id=f"in_{segment_id}", match="in_segment", values=(segment_id,), weight=weight, why="x")


def defined(segment_id: str, rules: Any, exclude: Any = (), threshold: float = 1) -> Definition:
    header = Header(
        segment_id=segment_id,
        title="T",
        question="Q",
        owner="O",
        status="active",
        evidence=Evidence(threshold=threshold),
    )
    return Definition(f"{segment_id}.yml", header, tuple(rules), tuple(exclude))


def holds(item: Item, person: frozenset[str], by_id: dict[str, Definition]) -> bool:
    """Whether an item holds for somebody who shows some words: read straight off the rules."""
    if isinstance(item, Group):
        held = [holds(one, person, by_id) for one in item.items]
        return {"all": all(held), "any": any(held), "none": not any(held)}[item.op]
    if isinstance(item, InSegment):
        return any(belongs(by_id[one], person, by_id) for one in item.values)
    return item.values[0] in person


def belongs(one: Definition, person: frozenset[str], by_id: dict[str, Definition]) -> bool:
    weight = sum(item.weight for item in one.rules if holds(item, person, by_id))
    return weight >= one.header.evidence.threshold and not any(holds(item, person, by_id) for item in one.exclude)


def goes(ways: list[Way], person: frozenset[str], *also: str) -> bool:
    shown = {word(letter).rule_hash for letter in person} | set(also)
    return any(way.required <= shown and not way.forbidden & shown for way in ways)


EVERYBODY = [frozenset(some) for some in chain.from_iterable(combinations(LETTERS, n) for n in range(len(LETTERS) + 1))]

words = st.sampled_from(LETTERS).map(word)
weights = st.sampled_from([0.5, 1.0, 2.0])


def groups(inner: Any) -> Any:
    return st.builds(
        Group, st.sampled_from(["all", "any", "none"]), st.lists(inner, min_size=1, max_size=3).map(tuple), weights
    )


def items(*others: str) -> Any:
    plain = st.one_of(words, *(st.just(within(one)) for one in others))
    weighted = st.builds(lambda item, weight: item.model_copy(update={"weight": weight}), plain, weights)
    return st.one_of(weighted, groups(st.one_of(plain, groups(plain))))


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Definition]:
    made: dict[str, Definition] = {}
    for segment_id in ("one", "two", "three"):
        rules = draw(st.lists(items(*made), min_size=1, max_size=3))
        exclude = draw(st.lists(items(*made), max_size=2))
        made[segment_id] = defined(segment_id, rules, exclude, draw(st.sampled_from([0.5, 1.0, 2.0, 2.5])))
    return made


@settings(max_examples=200, deadline=None)
@given(made=definitions())
def test_ways_hold_for_exactly_the_people_the_rules_hold_for(made: dict[str, Definition]) -> None:
    for segment_id, one in made.items():
        people = [person for person in EVERYBODY if belongs(one, person, made)]
        if not people or frozenset() in people:
            with pytest.raises(SegmentDefinitionError, match=r"nobody can ever belong|takes people in"):
                ways_into(made, segment_id)
            continue
        ways = ways_into(made, segment_id)
        assert [person for person in EVERYBODY if goes(ways, person)] == people
        open_to_scores = [
            person for person in EVERYBODY if goes(expansion_ways(made, segment_id), person, "expansion:" + segment_id)
        ]
        rejected = [person for person in EVERYBODY if any(holds(item, person, made) for item in one.exclude)]
        assert open_to_scores == [person for person in EVERYBODY if person not in rejected]


def test_no_way_asks_for_more_than_another() -> None:
    one = defined("one", [word("a"), Group("all", (word("a"), word("b")))])
    assert len(ways_into({"one": one}, "one")) == 1


def test_weights_below_the_threshold_add_up() -> None:
    one = defined("one", [word("a", 0.5), word("b", 0.5), word("c", 0.3)])
    (way,) = ways_into({"one": one}, "one")
    assert way.required == {word("a").rule_hash, word("b").rule_hash}


def test_a_tenth_ten_times_is_one() -> None:
    one = defined("one", [word(letter, 0.1) for letter in "abcdefghij"])
    assert len(ways_into({"one": one}, "one")[0].required) == 10


PAIRS = tuple(zip("abcdefghij", "klmnopqrst", strict=True))


@pytest.mark.parametrize(
    ("made", "found"),
    [
        (defined("one", [word("a", 0.5)]), "nobody can ever belong"),
        (defined("one", [word("a")], [word("a")]), "nobody can ever belong"),
        (defined("one", [Group("none", (word("a"),))]), "takes people in for what they do not show"),
        (
            defined("one", [Group("all", tuple(Group("any", (word(a), word(b))) for a, b in PAIRS))]),
            "says more than 500 ways",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(made: Definition, found: str) -> None:
    with pytest.raises(SegmentDefinitionError, match=found):
        ways_into({"one": made}, "one")


def test_rules_that_look_for_the_same_share_a_hash() -> None:
    assert word("a").rule_hash == word("a", 2).rule_hash != word("b").rule_hash
    twice = AnyWord(rule_id="x", match="any_word", values=("a", "b"), why="x")
    assert twice.rule_hash == twice.model_copy(update={"values": ("b", "a")}).rule_hash
