"""A segment's definition is read as written, or refused by file, rule and hint."""

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines import reference
from pipelines.errors import RefError, SegmentDefinitionError
from pipelines.segments import definition
from pipelines.segments.definition import Definition
from pipelines.settings import SHIPPED_REF, Settings


def read(settings: Settings) -> list[Definition]:
    return definition.read_definitions(settings, reference.read_accounts(settings))


def edit(settings: Settings, old: str, new: str) -> Path:
    """Replace words of the tiny deployment's one definition, which must hold them once."""
    path = settings.ref / "segments" / "rider.yml"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def test_a_definition_is_read_as_written(settings: Settings) -> None:
    (rider,) = read(settings)
    assert (rider.segment_id, rider.title, rider.owner) == ("rider", "Riders", "Roads policing")
    assert [(rule.rule_id, rule.match, rule.evidence_kind, rule.k) for rule in rider.rules] == [
        ("bio_says_rider", "any_word", "word", 2),
        ("follows_riders_pages", "follows_or_engages_at_least", "connection", 2),
    ]
    assert rider.rules[1].values == ("x:91", "x:92")
    assert [rule.rule_id for rule in rider.exclude] == ["mountain_biker"]


def test_definitions_come_by_segment_id(settings: Settings) -> None:
    text = edit(settings, "Riders", "Riders").read_text(encoding="utf-8")
    for name in ("angler", "zebra"):
        path = settings.ref / "segments" / f"{name}.yml"
        path.write_text(text.replace("segment_id: rider", f"segment_id: {name}"), encoding="utf-8")
    assert [one.segment_id for one in read(settings)] == ["angler", "rider", "zebra"]


@pytest.mark.parametrize(
    ("what", "old", "new", "found"),
    [
        ("an unknown key", "owner:", "ownr:", "rider.yml"),
        ("an unknown key", "owner:", "since: 2020\nowner:", "has the unknown key since. Known: segment_id, title"),
        (
            "an unknown key of a rule",
            "    k: 2",
            "    k: 2\n    weight: 3",
            "has the unknown key rules.1.weight. Known: rule",
        ),
        ("SQL", "values: [biker, motorcyclist]", "sql: select 1", "rider.yml"),
        ("no owner", "owner: Roads policing\n", "", "owner: field required"),
        ("a blank title", "title: Riders", "title: ' '", "title: string should have at least 1 character"),
        ("a number for a title", "title: Riders", "title: 1", "title: input should be a valid string"),
        ("no reason", "    why: People who say so themselves.\n", "", "rules.0.why: field required"),
        ("no values", "[biker, motorcyclist]", "[]", "rules.0.values: tuple should have at least 1 item"),
        ("a blank value", "[biker, motorcyclist]", "[biker, '']", "rules.0.values.1"),
        ("no for a word", "[biker, motorcyclist]", "[biker, no]", "rules.0.values.1: input should be a valid string"),
        ("a word for a list", "[biker, motorcyclist]", "biker", "rules.0.values: input should be a valid tuple"),
        ("a regex", "match: any_word", "match: regex", "rules.0.match"),
        ("a name with a dash", "rule_id: bio_says_rider", "rule_id: bio-says", "rules.0.rule_id"),
        ("k of nothing", "k: 2", "k: 0", "rules.1.k"),
        ("half a k", "k: 2", "k: 1.5", "rules.1.k"),
        ("a rule id twice", "rule_id: mountain_biker", "rule_id: bio_says_rider", "has rule_id bio_says_rider twice"),
        ("a value twice", "[biker, motorcyclist]", "[biker, biker]", "rule 'bio_says_rider': has a value twice"),
        ("no letters", "[biker, motorcyclist]", "['--']", "has the value '--', which holds no letter"),
        (
            "a phrase",
            "[biker, motorcyclist]",
            "[motor cyclist]",
            "has the words 'motor cyclist'. Hint: match: any_phrase",
        ),
        (
            "a seed unknown",
            '"x:92"',
            '"x:93"',
            "names x:93, which is no seed account of account.csv. Hint: did you mean x:9",
        ),
        ("a seed without platform", '"x:92"', '"92a"', "which is no seed account of account.csv. Hint: "),
        (
            "an account of ours",
            '"x:92"',
            '"x:1"',
            "names our own account x:1. Hint: a segment defined by its reach would",
        ),
        ("more than there are", "k: 2", "k: 3", "rule 'follows_riders_pages': wants 3 of 2 accounts. Hint: lower k"),
        (
            "another file's name",
            "segment_id: rider",
            "segment_id: biker",
            "has segment_id 'biker'. Hint: the file is named",
        ),
        ("no name", "segment_id: rider", "segment_id: Rider", "segment_id: string should match pattern"),
        ("no mapping", "segment_id: rider\n", "- a\n", "rider.yml"),
    ],
)
def test_a_definition_that_is_not_usable_is_refused(
    what: str, old: str, new: str, found: str, settings: Settings
) -> None:
    edit(settings, old, new)
    with pytest.raises(RefError) as refusal:
        read(settings)
    assert str(refusal.value).startswith("rider.yml"), what
    assert found in str(refusal.value)


def test_no_segment_is_everyone(settings: Settings) -> None:
    path = edit(settings, "segment_id: rider", "segment_id: everyone")
    path.rename(path.with_name("everyone.yml"))
    with pytest.raises(SegmentDefinitionError, match="has segment_id 'everyone'"):
        read(settings)


def test_an_exclusion_is_held_to_the_same(settings: Settings) -> None:
    edit(settings, "match: any_phrase", "match: any_word")
    with pytest.raises(SegmentDefinitionError, match="rule 'mountain_biker': has the words"):
        read(settings)


@pytest.mark.parametrize(
    ("what", "old", "new"),
    [
        ("rules twice", "exclude:", "rules:\n  - {rule_id: a, match: any_word, values: [b], why: c}\nexclude:"),
        ("a control character", "title: Riders", "title: Ri\x01ders"),
        ("one word in two spellings", "[biker, motorcyclist]", "[biker, Biker]"),
    ],
)
def test_a_definition_that_cannot_be_meant_is_refused(what: str, old: str, new: str, settings: Settings) -> None:
    edit(settings, old, new)
    with pytest.raises(RefError, match=r"rider\.yml"):
        read(settings)


def test_a_definition_under_another_ending_is_not_passed_over(settings: Settings) -> None:
    path = settings.ref / "segments" / "rider.yml"
    path.rename(path.with_suffix(".yaml"))
    with contextlib.suppress(RefError):  # refused or read, not passed over
        assert len(read(settings)) == 1


def test_the_hash_is_of_what_decides_membership(settings: Settings) -> None:
    before = read(settings)[0].definition_hash
    edit(settings, "title: Riders", "title: People who ride")
    assert read(settings)[0].definition_hash == before
    edit(settings, "[biker, motorcyclist]", "[biker, motorcyclist, bikers]")
    assert read(settings)[0].definition_hash != before


def test_a_k_left_out_is_two(settings: Settings) -> None:
    edit(settings, "    k: 2\n", "")
    assert read(settings)[0].rules[1].k == 2


def test_the_shipped_definitions_are_usable(settings: Settings) -> None:
    assert len(read(replace(settings, ref=SHIPPED_REF))) == 6
