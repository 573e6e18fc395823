"""A segment's definition is read as written, or refused by file, line, rule and hint."""

import contextlib
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from pipelines.common.errors import RefError, RefusedSegmentError, SegmentDefinitionError
from pipelines.common.settings import SHIPPED_REF, Settings
from pipelines.segments import definition, history
from pipelines.segments.definition import Definition
from pipelines.segments.rule import Group, folded, leaves


def read(settings: Settings) -> list[Definition]:
    return definition.read_definitions(settings, definition.read_known(settings))


def hash_of(settings: Settings) -> str:
    return str(history.compiled(read(settings))["segments"]["rider"]["definition_hash"])


def edit(settings: Settings, old: str, new: str) -> Path:
    """Replace words of the tiny deployment's one definition, which must hold them once."""
    path = settings.ref / "segments" / "rider.yml"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def copy(settings: Settings, segment_id: str, *edits: tuple[str, str]) -> None:
    """Add another segment, made from the tiny deployment's one."""
    text = (settings.ref / "segments" / "rider.yml").read_text(encoding="utf-8")
    for old, new in (("segment_id: rider", f"segment_id: {segment_id}"), *edits):
        assert old in text, old
        text = text.replace(old, new)
    (settings.ref / "segments" / f"{segment_id}.yml").write_text(text, encoding="utf-8")


def test_a_definition_is_read_as_written(settings: Settings) -> None:
    (rider,) = read(settings)
    header = rider.header
    assert (rider.segment_id, header.title, header.owner, header.status) == (
        "rider",
        "Riders",
        "Roads policing",
        "active",
    )
    assert [(rule.rule_id, rule.match, rule.evidence_kind, rule.least) for rule in leaves(rider.rules)] == [
        ("bio_says_rider", "any_word", "word", 1),
        ("follows_riders_pages", "follows_at_least", "follow", 2),
    ]
    assert next(leaves(rider.rules[1:])).values == header.seeds == ("x:91", "x:92")
    assert [rule.rule_id for rule in leaves(rider.exclude)] == ["mountain_biker"]
    assert header.evidence.threshold == header.policy_weight == 1


def test_definitions_come_by_segment_id(settings: Settings) -> None:
    for name in ("angler", "zebra"):
        copy(settings, name)
    assert [one.segment_id for one in read(settings)] == ["angler", "rider", "zebra"]


WORDS = "[biker, motorcyclist]"


@pytest.mark.parametrize(
    ("what", "old", "new", "found"),
    [
        ("an unknown key", "owner:", "ownr:", "rider.yml"),
        (
            "an unknown key",
            "owner:",
            "since: 2020\nowner:",
            "line 4: has the unknown key since. Known: segment_id, title",
        ),
        ("an unknown key of a rule", "    k: 2", "    q: 2", "has the unknown key q. Known: rule_id, match"),
        ("a key of another rule", "values: [biker, motorcyclist]", "k: 2", "line 9: has the unknown key k"),
        ("SQL", "values: [biker, motorcyclist]", "sql: select 1", "has the unknown key sql"),
        ("no owner", "owner: Roads policing\n", "", "lacks owner"),
        ("a status of nothing", "status: active", "status: live", "line 5: status: input should be 'draft', 'active'"),
        ("a blank title", "title: Riders", "title: ' '", "title: string should have at least 1 character"),
        ("a number for a title", "title: Riders", "title: 1", "title: input should be a valid string"),
        ("no reason", "    why: People who say so themselves.\n", "", "lacks why"),
        ("no rules", "rules:\n", "rulez:\n", "`rules` is missing"),
        ("no values", WORDS, "[]", "rule 'bio_says_rider' has no values"),
        (
            "values twice",
            "values_from: seeds",
            "values_from: seeds\n    values: ['x:91']",
            "has both values and values_from",
        ),
        ("a list unknown", "values_from: seeds", "values_from: clubs", "lists/clubs.yml: is not there"),
        ("a blank value", WORDS, "[biker, '']", "values.1"),
        ("no for a word", WORDS, "[biker, no]", "values.1: input should be a valid string"),
        ("a word for a list", WORDS, "biker", "values: input should be a valid tuple"),
        (
            "a regex",
            "match: any_word",
            "match: regex",
            "rule 'bio_says_rider' uses match 'regex'. Known: any_word, any_ph",
        ),
        ("a name with a dash", "rule_id: bio_says_rider", "rule_id: bio-says", "rule_id: string should match"),
        ("k of nothing", "k: 2", "k: 0", "k: input should be greater"),
        ("half a k", "k: 2", "k: 1.5", "k: input should be a valid integer"),
        ("a weight of nothing", "    k: 2", "    k: 2\n    weight: 0", "weight: input should be greater"),
        ("a threshold of nothing", "seeds:", "evidence: {threshold: 0}\nseeds:", "evidence.threshold: input should be"),
        (
            "a threshold too high",
            "seeds:",
            "evidence: {threshold: 3}\nseeds:",
            "contradicts itself: nobody can ever belong",
        ),
        (
            "evidence of nothing",
            "seeds:",
            "evidence: {treshold: 1}\nseeds:",
            "has the unknown key evidence.treshold. Known: thr",
        ),
        ("a rule id twice", "rule_id: mountain_biker", "rule_id: bio_says_rider", "has rule_id bio_says_rider twice"),
        ("a value twice", WORDS, "[biker, biker]", "rule 'bio_says_rider': has a value twice"),
        ("no letters", WORDS, "['--']", "has the value '--', which holds no letter"),
        (
            "a phrase",
            WORDS,
            "[motor cyclist]",
            "has the words 'motor cyclist'. Hint: one word each, or match: any_phrase",
        ),
        (
            "a seed unknown",
            '["x:91", "x:92"]\nex',
            '["x:91", "x:93"]\nex',
            "names x:93, which is no seed account of account.csv. Hint: did you mean x:9",
        ),
        (
            "a seed without platform",
            '["x:91", "x:92"]\nex',
            '["x:91", "92a"]\nex',
            "which is no seed account of account.csv",
        ),
        (
            "an account of ours",
            '["x:91", "x:92"]\nex',
            '["x:91", "x:1"]\nex',
            "seeds: names our own account x:1. Hint: a segment defined by",
        ),
        (
            "more than there are",
            "k: 2",
            "k: 3",
            "line 11: rule 'follows_riders_pages': wants 3 of 2 accounts. Hint: lower k",
        ),
        (
            "another file's name",
            "segment_id: rider",
            "segment_id: biker",
            "line 1: has segment_id 'biker'. Hint: the file is named",
        ),
        ("no name", "segment_id: rider", "segment_id: Rider", "segment_id: string should match pattern"),
        ("no mapping", "segment_id: rider\n", "- a\n", "rider.yml"),
        (
            "a warning of its own",
            "seeds:",
            "warnings: [careful]\nseeds:",
            "warnings.0: input should be 'defined_by_own_accounts'",
        ),
        (
            "an example of nobody",
            'member: in, bio: "Biker since 1989"',
            "member: maybe",
            "examples.0.member: input should be 'in' or 'out'",
        ),
        (
            "an example's unknown key",
            'name: "A motorcyclist"',
            "nickname: A",
            "has the unknown key examples.1.nickname. Known: member",
        ),
        (
            "an example's account",
            'member: out, follows: ["x:91"]',
            'member: out, follows: ["x:9"]',
            "line 27: names x:9, no account of account.csv",
        ),
        (
            "two examples out",
            'member: out, bio: "Bikerton',
            'member: in, bio: "Bikerton',
            "has 2 of people who are out, an active segment needs 3",
        ),
        ("half an override", "seeds:", "approved_by: DPO\nseeds:", "overrides the policy by halves"),
        ("an empty group", "rules:\n", "rules:\n  - any: []\n", "line 7: the group any is empty"),
        (
            "a group's unknown key",
            "rules:\n",
            "rules:\n  - any: []\n    why: x\n",
            "has the unknown key why. Known: any, weight",
        ),
        (
            "a group of none alone",
            "rules:\n",
            "rules:\n  - none:\n    - {rule_id: a, match: any_word, values: [b], why: c}\n",
            "takes people in for what they do not show",
        ),
        (
            "a place without places",
            "rules:\n",
            "rules:\n  - {rule_id: a, match: place_in, values: [Leeds], why: c}\n",
            "rule 'a': names Leeds, no place or region of place.csv. Hint: add it to place.csv",
        ),
        (
            "a distance without home",
            "rules:\n",
            "rules:\n  - {rule_id: a, match: distance_from_home_at_least, km: 9, why: c}\n",
            "needs a home",
        ),
        (
            "acts on ours, unsaid",
            "rules:\n",
            "rules:\n  - {rule_id: a, match: engages_at_least, values: ['x:1'], why: c}\n",
            "the file does not warn of it. Hint: warnings: [defined_by_own_accounts]",
        ),
        (
            "stopped before it began",
            "rules:\n",
            "rules:\n  - {rule_id: a, match: stopped, within_days: 9, not_within_days: 9, values: ['x:91'], why: c}\n",
            "can never hold",
        ),
        (
            "a segment unknown",
            "rules:\n",
            "rules:\n  - {rule_id: a, match: in_segment, values: [walker], why: c}\n",
            "line 7: rule 'a': refers to walker, no active segment. Known: rider",
        ),
        (
            "itself",
            "rules:\n",
            "rules:\n  - {rule_id: a, match: in_segment, values: [rider], why: c}\n",
            "line 7: rule 'a': is defined by itself: rider -> rider",
        ),
    ],
)
def test_a_definition_that_is_not_usable_is_refused(
    what: str, old: str, new: str, found: str, settings: Settings
) -> None:
    edit(settings, old, new)
    with pytest.raises(RefError) as refusal:
        history.compiled(read(settings))
    assert str(refusal.value).startswith(("rider.yml", "lists/")), what
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


def test_a_circle_of_segments_is_named(settings: Settings) -> None:
    refer = "rules:\n  - {rule_id: a, match: in_segment, values: [%s], why: c}\n"
    copy(settings, "angler", ("rules:\n", refer % "rider"))
    edit(settings, "rules:\n", refer % "angler")
    with pytest.raises(SegmentDefinitionError, match=r"is defined by itself: (rider -> angler|angler -> rider)"):
        read(settings)


def test_the_hash_is_of_what_decides_membership(settings: Settings) -> None:
    before = hash_of(settings)
    edit(settings, "title: Riders", "title: People who ride")
    assert hash_of(settings) == before
    edit(settings, "rule_id: bio_says_rider", "rule_id: says_so")
    assert hash_of(settings) == before
    edit(settings, WORDS, "[biker, motorcyclist, bikers]")
    assert hash_of(settings) != before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    k: 2", "    k: 1"),
        ("    k: 2", "    k: 2\n    weight: 2"),
        ("seeds: ", "evidence: rules_only\nseeds: "),
        ("mountain biker]", "mountain biker, hill biker]"),
    ],
)
def test_every_part_that_decides_is_in_the_hash(old: str, new: str, settings: Settings) -> None:
    before = hash_of(settings)
    edit(settings, old, new)
    assert hash_of(settings) != before


def test_an_edit_changes_the_hash_of_segments_that_refer_to_it(settings: Settings) -> None:
    copy(settings, "angler", ("rules:\n", "rules:\n  - {rule_id: a, match: in_segment, values: [rider], why: c}\n"))
    before = history.compiled(read(settings))["segments"]["angler"]["definition_hash"]
    edit(settings, WORDS, "[biker]")
    assert history.compiled(read(settings))["segments"]["angler"]["definition_hash"] != before


def test_a_k_left_out_is_two(settings: Settings) -> None:
    edit(settings, "    k: 2\n", "")
    assert [rule.least for rule in leaves(read(settings)[0].rules)] == [1, 2]


def test_evidence_may_be_said_shortly(settings: Settings) -> None:
    assert read(settings)[0].header.evidence.expansion == "audited"
    edit(settings, "seeds:", "evidence: rules_only\nseeds:")
    assert read(settings)[0].header.evidence.expansion == "rules_only"


def test_a_group_counts_with_its_own_weight(settings: Settings) -> None:
    edit(
        settings,
        "rules:\n",
        "rules:\n  - all:\n    - {rule_id: a, match: any_word, values: [b], weight: 3, why: c}\n    weight: 2\n",
    )
    group = read(settings)[0].rules[0]
    assert isinstance(group, Group)
    assert (group.op, group.weight, group.items[0].weight) == ("all", 2, 3)


@pytest.mark.parametrize("status", ["draft", "retired"])
def test_only_active_segments_are_found(status: str, settings: Settings) -> None:
    edit(settings, "status: active", f"status: {status}")
    edit(settings, '  - {member: out, follows: ["x:91"], why: One page may be chance.}\n', "")
    assert history.compiled(read(settings)) == {"segments": {}, "rules": {}}


def test_what_the_policy_refuses_is_refused_with_word_and_policy(settings: Settings) -> None:
    edit(settings, "title: Riders", "title: Cancer survivors")
    with pytest.raises(
        RefusedSegmentError, match=r"rider\.yml: title: says '.*cancer.*', refused as health by docs/POLICY"
    ):
        read(settings)


def test_an_override_names_basis_and_approver(settings: Settings) -> None:
    edit(settings, "title: Riders", "title: Cancer survivors")
    edit(settings, "seeds:", "lawful_basis: UK GDPR Art. 9(2)(a)\napproved_by: Data protection officer\nseeds:")
    assert read(settings)[0].is_override


def test_a_handle_is_refused_whoever_approves(settings: Settings) -> None:
    edit(settings, "title: Riders", "title: Friends of @somebody")
    edit(settings, "seeds:", "lawful_basis: UK GDPR Art. 9(2)(a)\napproved_by: Data protection officer\nseeds:")
    with pytest.raises(RefusedSegmentError, match="named_person"):
        read(settings)


def test_the_shipped_definitions_are_usable(settings: Settings) -> None:
    shipped = read(replace(settings, ref=SHIPPED_REF))
    assert [one.segment_id for one in shipped] == [
        "cyclist", "farmer", "football", "motorcycle", "recruits", "resident", "student",
    ]  # fmt: skip
    assert all(one.header.status == "active" for one in shipped)


def test_words_are_folded_as_the_models_fold_them() -> None:
    texts = ["Café ÀÉ ß", "İstanbul", "x_y #Tag", "मोटर साइकिल", "naïve—ok", "Ελλάδα"]
    fold = r"trim(regexp_replace(lower(strip_accents(?)), '[^\p{L}\p{N}]+', ' ', 'g'))"
    with duckdb.connect() as con:
        assert [con.execute(f"SELECT {fold}", [text]).fetchall()[0][0] for text in texts] == list(map(folded, texts))


@pytest.mark.parametrize("bracket", ["[", "{a: "])
def test_fifty_thousand_nested_brackets_are_refused_with_their_line(bracket: str, settings: Settings) -> None:
    path = settings.ref / "segments" / "nested.yml"
    path.write_text("segment_id: nested\nrules: " + bracket * 50_000, encoding="utf-8")
    with pytest.raises(RefError, match=r"nested\.yml line 2: .*(more than 50 deep|maximum nesting depth)"):
        definition.read_definitions(settings, definition.read_known(settings))


@pytest.mark.parametrize(("rules", "kind"), [("{a: 1}", "a mapping"), ("biker", "a text"), ("3", "a number")])
def test_rules_of_the_wrong_type_are_named_with_what_was_found(rules: str, kind: str, settings: Settings) -> None:
    path = settings.ref / "segments" / "rider.yml"
    path.write_text(f"segment_id: rider\nrules: {rules}\n", encoding="utf-8")
    with pytest.raises(RefError, match=f"rider.yml line 2: `rules` must be a list; found {kind}. Hint: start"):
        definition.read_definitions(settings, definition.read_known(settings))


def test_a_definition_that_does_not_exist_is_named(settings: Settings) -> None:
    known = definition.read_known(settings)
    with pytest.raises(RefError, match=r"nowhere\.yml: does not exist"):
        definition.read_definition(settings.ref / "nowhere.yml", settings, known)
