"""A definition about what the law protects is refused by word, place and policy; its near miss is not."""

import csv
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipelines.common.errors import RefError, SegmentDefinitionError
from pipelines.common.settings import ROOT, SHIPPED_REF
from pipelines.segments import policy as policies
from pipelines.segments.policy import Policy, Refusal

REFUSED_YML = SHIPPED_REF / "refused.yml"
POLICY: Policy = policies.read_policy(REFUSED_YML)
LISTED: dict[str, dict[str, Any]] = yaml.safe_load(REFUSED_YML.read_text(encoding="utf-8"))
EACH_TOPIC = pytest.mark.parametrize("topic", policies.TOPICS)


def found(*texts: str) -> list[Refusal]:
    return policies.refusals(POLICY, {"title": texts}, segment="angler.yml")


def words(*texts: str) -> list[str]:
    return [refusal.word for refusal in found(*texts)]


@pytest.mark.parametrize(
    ("topic", "refused", "near_miss"),
    [
        ("health", "People with diabetes", "Riders of two-stroke and four-stroke engines"),
        ("health", "blind", "Blind spots on the A66"),
        ("health", "mental health", "mental health nurse"),
        ("politics", "labour", "labour of love"),
        ("politics", "conservative", "a conservative estimate"),
        ("politics", "green party", "Green lanes"),
        ("politics", "left wing", "left wing back"),
        ("religion", "catholic school", "Old School riders"),
        ("religion", "jesus", "jesus college"),
        ("ethnicity", "black women", "Black Country bikers"),
        ("ethnicity", "indian", "indian motorcycle"),
        ("ethnicity", "irish traveller", "world traveller"),
        ("ethnicity", "ethnic", "race day at Cadwell"),
        ("sex_life", "gay", "Gayton residents"),
        ("sex_life", "swingers", "Bend Swingers"),
        ("trade_union", "trade union", "student union"),
        ("trade_union", "rmt", "National Farmers' Union"),
        ("trade_union", "unison", "They ride in unison"),
        ("trade_union", "rugby union members", "rugby union"),
        ("crime", "criminals", "criminal justice student"),
        ("crime", "crime", "crime prevention"),
        ("crime", "hare coursers", "hare"),
        ("crime", "gang members", "chain gang"),
        ("named_person", "Fans of Harry Kane", "Harry"),
        ("named_person", "email address", "address"),
    ],
)
def test_each_topic_is_refused_and_its_near_miss_is_not(topic: str, refused: str, near_miss: str) -> None:
    assert [refusal.topic for refusal in found(refused)] == [topic]
    assert found(near_miss) == []


@EACH_TOPIC
def test_every_listed_word_is_refused_and_every_allowed_phrase_is_not(topic: str) -> None:
    for word in LISTED[topic]["words"]:
        assert topic in [refusal.topic for refusal in found(word)], word
    for phrase in LISTED[topic]["allowed"]:
        assert found(phrase) == [], phrase


@EACH_TOPIC
def test_every_topic_has_its_section_in_the_policy(topic: str) -> None:
    page, _, anchor = POLICY.topics[topic].policy.partition("#")
    headings = re.findall(r"^## (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}


def test_the_policy_page_shows_a_refusal_as_it_is_said() -> None:
    page = " ".join((ROOT / "docs/POLICY.md").read_text(encoding="utf-8").split())
    reported = policies.message_of(policies.refusals(POLICY, {"title": ["trade union"]}, segment="stewards.yml"))
    assert f"{reported.thing}: {reported.found}. Hint:" in page


def said_of(definition: Any) -> Iterator[str]:
    """Everything a definition says, however its rules are nested, but for its examples."""
    if isinstance(definition, dict):
        for key, part in definition.items():
            if key != "examples":
                yield from said_of(part)
    elif isinstance(definition, list):
        for part in definition:
            yield from said_of(part)
    else:
        yield str(definition)


@pytest.mark.parametrize("path", sorted((SHIPPED_REF / "segments").glob("*.yml")), ids=lambda path: path.stem)
def test_the_shipped_segments_pass(path: Path) -> None:
    reported = list(said_of(yaml.safe_load(path.read_text(encoding="utf-8"))))
    assert path.stem in reported
    assert policies.refusals(POLICY, {"all of it": reported}, segment=path.name) == []


def test_the_names_of_the_shipped_accounts_pass() -> None:
    with (SHIPPED_REF / "account.csv").open(encoding="utf-8", newline="") as source:
        names = [row["name"] for row in csv.DictReader(source)]
    assert names
    assert policies.refusals(POLICY, {"seed account names": names}) == []


def test_a_segment_of_recruits_passes() -> None:
    assert not found(
        "recruits",
        "People interested in joining the police",
        "Which of our accounts still reach people who may apply to us?",
        *("recruit", "future police officer", "special constable", "student officer", "pcso", "apply", "criminology"),
        *("Join Thornmere Police", "Police Federation", "College of Policing", "police cadet", "career change"),
    )


def test_the_message_names_file_place_word_policy_and_override() -> None:
    texts = {"title": ["Members"], "rule 'bio_says'": ["gmb", "shop steward", "tuc", "rmt", "aslef", "usdaw"]}
    thing, sentence, hint = policies.message_of(policies.refusals(POLICY, texts, segment="members.yml"))
    wording = SegmentDefinitionError(thing, sentence, hint=hint).message()
    assert wording.startswith(
        "SegmentDefinitionError: members.yml: rule 'bio_says': says 'gmb', refused as trade_union by "
        "docs/POLICY.md#trade-union (Trade-union membership is"
    )
    assert (
        "; also 'shop steward' (rule 'bio_says'), 'tuc' (rule 'bio_says'), 'rmt' (rule 'bio_says') and 2 more."
        in wording
    )
    assert "Hint: " in wording and "lawful_basis and approved_by" in wording and ".." not in wording


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("trade_union_members", "trade union"),
        ("TRADE UNIONS", "trade unions"),
        ("Trade-Unionists", "trade unionists"),
        ("#TradeUnion", "trade union"),
        ("#votelabour", "vote labour"),
        ("Mùslïms", "muslims"),
        ("mus\u200blims", "muslims"),
        ("ＭＵＳＬＩＭ", "muslim"),
        ("Alzheimer’s", "alzheimer's"),
        ("LGBT+ riders", "lgbt"),
        ("ex-offenders", "ex offenders"),
        ("bio_says_catholic", "catholic"),
        ("Pregnant?", "pregnant"),
    ],
)
def test_a_word_is_refused_however_it_is_written(text: str, word: str) -> None:
    assert words(text) == [word]


@given(word=st.sampled_from(sorted(word for topic in LISTED.values() for word in topic["words"])), around=st.data())
def test_a_refused_word_inside_another_word_is_not_refused(word: str, around: st.DataObject) -> None:
    letters = st.text(alphabet="qxz", min_size=1, max_size=3)  # no listed word begins or ends so
    before, after = around.draw(letters), around.draw(letters)
    assert word not in words(f"{before}{word}{after}")


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    for refusal in found(text):
        assert refusal.topic in policies.TOPICS


def test_a_longer_allowed_phrase_excuses_only_the_word_inside_it() -> None:
    assert words("a labour of love for labour") == ["labour"]
    assert words("labour market, labour party") == ["labour party"]
    assert words("child labour party") == ["labour party"], "the phrase reaches beyond what excuses it"


def test_each_place_names_a_word_once_in_the_order_of_the_text() -> None:
    texts = {"title": ["Muslim and Catholic", "catholic, muslim"], "question": ["catholic?"]}
    assert [(refusal.where, refusal.word) for refusal in policies.refusals(POLICY, texts)] == [
        ("title", "muslim"),
        ("title", "catholic"),
        ("question", "catholic"),
    ]


@pytest.mark.parametrize("text", ["@jo_rider", "follows @jo", "＠jo", "jo@mail.example", "@jo@server.example"])
def test_a_handle_is_refused_and_no_override_lifts_it(text: str) -> None:
    (refusal,) = found(text)
    assert (refusal.word, refusal.topic, refusal.overridable) == ("@…", "named_person", False)


def test_a_refusal_that_nothing_lifts_is_said_first() -> None:
    reported = policies.message_of(found("gmb and @jo_rider"))
    assert reported.found.startswith("says '@…'") and "no override lifts this" in reported.hint
    assert "lawful_basis" not in reported.hint and "jo_rider" not in reported.found


@pytest.mark.parametrize(
    "text",
    [
        "Fans of Harry Kane",
        "Siân, Gareth Llewellyn",
        "Sean O'Brien's followers",
        "MOHAMMED HUSSAIN",
        "Priya-Rose Sharma",
        "Zoë Quayside",
        "sarah jones",
        "bio_says_gurpreet_kaur",
        "mark walker",
        "Mark Walker",
        "Mr Thornmere",
        "Saint Bob and Bob Evans",
    ],
)
def test_a_full_name_is_refused_and_not_repeated(text: str) -> None:
    (refusal,) = found(text)
    assert refusal.topic == "named_person" and refusal.overridable
    assert re.fullmatch(r"\w+ …", refusal.word), "an error names nobody"


@pytest.mark.parametrize(
    "text",
    [
        "Sarah",
        "Victoria Park",
        "Charlotte Street Residents",
        "St James Park",
        "St. George's Day",
        "St John Ambulance",
        "Jack Russell Owners",
        "Elizabeth Line",
        "King George Hospital",
        "Will Motorcyclists Follow Us?",
        "Mark Your Bike",
        "Grace Period",
        "harry and meghan",
        "Friends of Harry. Cyclists of Aldermouth",
        "James, Cyclist",
        "George and Dragon",
        "Lee Valley",
        "Ross County",
        "mark up",
        "smith jones",
        "walker",
    ],
)
def test_what_only_looks_like_a_name_is_not_refused(text: str) -> None:
    assert found(text) == []


def test_a_suggestion_is_held_to_the_same_and_is_no_given_name() -> None:
    refused = ("Muslim", "trade union", "#votelabour", "sarah", "Mohammed", "@jo", "sarah jones")
    free = ("biker", "union", "green", "grace", "mark", "bend swinger", "smith", "", "!", "🏍")
    assert [word for word in refused if not policies.is_refused(POLICY, word)] == []
    assert [word for word in free if policies.is_refused(POLICY, word)] == []


@pytest.mark.parametrize(
    "unit",
    [
        "trade ",
        "trade union ",
        "crime prevention ",
        "labour of ",
        "Mark ",
        "A",
        "A ",
        "@",
        "_",
        "\u0301\u0316",
        "\ufdfa",
    ],
)
def test_the_time_of_a_check_grows_with_the_length_of_the_text_and_not_with_its_square(unit: str) -> None:
    # Twenty times the text costs twenty times the time; a square would cost four hundred times.
    assert seconds_of_a_check(unit, 200_000) < 100 * seconds_of_a_check(unit, 10_000)


def seconds_of_a_check(unit: str, n_bytes: int) -> float:
    """Processor time that a check of so many bytes of a repeated unit takes, in seconds: the quickest of three."""
    text = unit * (n_bytes // len(unit.encode()))
    taken = []
    for _ in range(3):
        started = time.process_time()
        found(text)
        taken.append(time.process_time() - started)
    return min(taken)


def edited(folder: Path, **topics: Any) -> Path:
    """Write the shipped list with some of its topics replaced, or left out where the new one is None."""
    edited_topics = {name: topic for name, topic in {**LISTED, **topics}.items() if topic is not None}
    path = folder / "refused.yml"
    path.write_text(yaml.safe_dump(edited_topics, allow_unicode=True), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"words": []}, "health.words: is no list of words, or an empty one"),
        ({"allowed": []}, "health.allowed: is no list of words, or an empty one"),
        ({"words": "hiv"}, "health.words: is no list of words"),
        (
            {"words": ["hiv", False], "allowed": ["hiv clinic"]},
            "health.words: has False. Hint: a word or phrase in lower",
        ),
        ({"words": ["HIV"], "allowed": ["hiv clinic"]}, "health.words: has 'HIV'"),
        ({"words": ["--"], "allowed": ["hiv clinic"]}, "health.words: has '--'"),
        ({"words": ["hiv", "híV".lower()]}, "health.words: has 'hív', which stands in refused.yml twice"),
        ({"words": ["gmb"]}, "has 'gmb', which stands in refused.yml twice"),
        ({"allowed": ["labour day"]}, "health.allowed: has 'labour day', which contains no refused word"),
        ({"allowed": ["blind"]}, "health.allowed: has 'blind', which contains no refused word"),
        ({"policy": "health"}, "health.policy: is 'health', which names no section. Hint: docs/POLICY.md#health"),
        ({"policy": None}, "health.policy: is no sentence"),
        ({"why": " "}, "health.why: is no sentence"),
        ({"weight": 3}, "health: has the unknown key weight. Known: policy, why, words, allowed."),
        ({"given_names": ["ann"]}, "health: has the unknown key given_names"),
    ],
)
def test_a_list_that_is_not_usable_is_refused(change: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    with pytest.raises(RefError) as refusal:
        policies.read_policy(edited(tmp_path, health={**LISTED["health"], **change}))
    assert str(refusal.value).startswith("refused.yml: ") and complaint in str(refusal.value)


def test_a_list_names_every_topic_and_no_other(tmp_path: Path) -> None:
    with pytest.raises(RefError, match=r"has no topic crime\. Known: health, politics"):
        policies.read_policy(edited(tmp_path, crime=None))
    with pytest.raises(RefError, match="has the unknown topic wealth"):
        policies.read_policy(edited(tmp_path, wealth=LISTED["health"]))
    with pytest.raises(RefError, match="crime: is no mapping"):
        policies.read_policy(edited(tmp_path, crime=["theft"]))
    without = {key: value for key, value in LISTED["crime"].items() if key != "why"}
    with pytest.raises(RefError, match="crime: has no why"):
        policies.read_policy(edited(tmp_path, crime=without))


@pytest.mark.parametrize("key", ["given_names", "given_names_also_words", "not_surnames"])
def test_a_name_that_is_matched_as_one_word_is_one(key: str, tmp_path: Path) -> None:
    longer = LISTED["named_person"] | {key: [*LISTED["named_person"][key], "mary ann"]}
    with pytest.raises(RefError, match=f"named_person.{key}: has 'mary ann', which is more than one word"):
        policies.read_policy(edited(tmp_path, named_person=longer))
