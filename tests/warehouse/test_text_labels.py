"""The labeller is as good as tone.yml says, the same words always get the same flags, and no word goes on."""

import re
from collections import Counter
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.common.errors import RefError
from pipelines.common.settings import SQL, Settings
from pipelines.reference import text_rules
from pipelines.warehouse import text_labels

SENTENCES = pl.read_csv(Path(__file__).with_name("tone_sentences.csv"))
ANSWER = re.compile(r"\('(friendly|question|hostile)', \d+, '([^']*)'\)")


def flagged(texts: list[str], settings: Settings) -> pl.DataFrame:
    """Flag texts at the shipped threshold by the shipped rules."""
    rows = pl.DataFrame({"text_digest": [str(n) for n in range(len(texts))], "text": texts})
    return text_labels.label_texts(
        rows, text_rules.read_labeller(settings).threshold, text_rules.read_substance(settings)
    )


def test_the_shipped_counts_are_what_the_sentences_measure(settings: Settings) -> None:
    assert SENTENCES.height >= 60 and SENTENCES["text"].is_unique().all()
    found = flagged(SENTENCES["text"].to_list(), settings)["is_hostile"]
    counts = Counter(zip(SENTENCES["is_hostile"], found, strict=True))
    labeller = text_rules.read_labeller(settings)
    # A version of the model that does otherwise needs other counts in tone.yml.
    assert (labeller.true_positives, labeller.false_negatives) == (counts["yes", True], counts["yes", False])
    assert (labeller.false_positives, labeller.true_negatives) == (counts["no", True], counts["no", False])
    assert labeller.true_positives / (labeller.true_positives + labeller.false_positives) >= 0.75
    assert labeller.true_positives / (labeller.true_positives + labeller.false_negatives) >= 0.75
    assert counts["no", None] + counts["yes", None] == 1


def test_the_rule_of_substance_is_crude_and_measured(settings: Settings) -> None:
    found = flagged(SENTENCES["text"].to_list(), settings)["is_substantive"]
    counts = Counter(zip(SENTENCES["is_substantive"], found, strict=True))
    assert counts["yes", True] / (counts["yes", True] + counts["no", True]) >= 0.74
    assert counts["yes", True] / (counts["yes", True] + counts["yes", False]) >= 0.85


@pytest.mark.parametrize(
    ("text", "is_substantive"),
    [
        ("What time does it open?", True),
        ("??", False),
        ("Thank you so much!", False),
        ("@ForceHandle https://example.org/a-long-path-of-words thanks", False),
        ("here tomorrow", True),
        ("queue on the A19", True),
        ("at 7.30 again", True),
        ("a burnt out caravan behind blue garages", True),
        ("caravan behind garages", False),
        ("blue blue blue blue garages", False),
        ("There’s been a break-in", True),
        ("You idiots on Mill Lane at 7.30, what are you doing?", False),  # hostile, whatever it names
    ],
)
def test_a_text_is_of_substance_by_rules_that_can_be_read(text: str, is_substantive: bool, settings: Settings) -> None:
    assert flagged([text], settings)["is_substantive"].to_list() == [is_substantive]


def test_a_text_without_an_english_word_is_not_judged(settings: Settings) -> None:
    texts = ["👏👏👏", "Dziękujemy bardzo", "Тільки", "1040", "At last!"]
    assert flagged(texts, settings)["is_hostile"].to_list() == [None, None, None, None, False]


def test_a_text_gets_the_same_flags_in_any_company(settings: Settings) -> None:
    texts = SENTENCES["text"].to_list()
    together = flagged(texts, settings)
    alone = [flagged([text], settings).row(0)[1:] for text in texts[::9]]
    assert [row[1:] for row in together[::9].rows()] == alone
    assert (text_labels.hostile_probabilities(texts[:5]) == text_labels.hostile_probabilities(texts)[:5]).all()


def test_the_demo_county_is_labelled_about_as_well_as_the_sample(settings: Settings) -> None:
    words = ANSWER.findall((SQL / "demo/05_post_words.sql").read_text(encoding="utf-8"))
    found = flagged([text for _, text in words], settings)["is_hostile"]
    share = {
        kind: [bool(one) for (of, _), one in zip(words, found, strict=True) if of == kind]
        for kind in ("friendly", "question", "hostile")
    }
    assert all(len(one) >= 16 for one in share.values())
    labeller = text_rules.read_labeller(settings)
    recall = labeller.true_positives / (labeller.true_positives + labeller.false_negatives)
    false_rate = labeller.false_positives / (labeller.false_positives + labeller.true_negatives)
    assert sum(share["hostile"]) / len(share["hostile"]) == pytest.approx(recall, abs=0.06)
    for kind in ("friendly", "question"):
        assert sum(share[kind]) / len(share[kind]) == pytest.approx(false_rate, abs=0.04)


@pytest.fixture
def raw() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("CREATE SCHEMA raw")
    con.execute("CREATE TABLE raw.engagement (kind VARCHAR, text VARCHAR, quarantine_reason VARCHAR)")
    return con


def test_different_texts_are_labelled_once_and_only_flags_go_on(
    raw: duckdb.DuckDBPyConnection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_labels, "BATCH", 2)
    raw.execute("""INSERT INTO raw.engagement VALUES
        ('reply', 'You idiots.', NULL), ('quote', 'You idiots.', NULL), ('mention', 'When is it open?', NULL),
        ('reply', 'Good.', NULL), ('like', 'a like says nothing', NULL), ('reply', NULL, NULL),
        ('reply', 'rejected', 'for a reason'), ('reply', '👏', NULL)""")
    text_labels.label(raw, settings)
    digests = "SELECT md5(t) FROM (VALUES ('You idiots.'), ('When is it open?'), ('Good.'), ('👏')) AS texts (t)"
    assert raw.execute(f"SELECT count(*) FROM stg.text_tone WHERE text_digest IN ({digests})").fetchall() == [(4,)]
    assert raw.execute("SELECT is_hostile, is_substantive FROM stg.text_tone ORDER BY ALL").fetchall() == [
        (False, False),
        (False, True),
        (True, False),
        (None, False),
    ]
    assert [row[0] for row in raw.execute("DESCRIBE stg.text_tone").fetchall()] == [
        "text_digest",
        "is_hostile",
        "is_substantive",
    ]


def test_a_night_without_texts_does_not_wake_the_model(
    raw: duckdb.DuckDBPyConnection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw.execute("INSERT INTO raw.engagement VALUES ('like', NULL, NULL), ('reply', NULL, NULL)")
    monkeypatch.setattr(text_labels, "hostile_probabilities", lambda texts: pytest.fail("nothing to judge"))
    text_labels.label(raw, settings)
    assert raw.execute("SELECT count(*) FROM stg.text_tone").fetchall() == [(0,)]


GOOD = """\
threshold: 0.2
true_positives: 8
false_negatives: 2
false_positives: 1
true_negatives: 9
source: ours
reason: r
"""


def test_a_deployment_brings_its_own_sample_whole(settings: Settings) -> None:
    (settings.ref / "tone.yml").write_text(GOOD, encoding="utf-8")
    assert text_rules.read_labeller(settings) == text_rules.Labeller(
        threshold=0.2,
        true_positives=8,
        false_negatives=2,
        false_positives=1,
        true_negatives=9,
        source="ours",
        reason="r",
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0.2", "1.2", "tone.yml line 1: has 1.2 for threshold"),
        ("0.2", "yes", "has True for threshold. Hint: a probability"),
        (": 8", ": 8.5", "line 2: has 8.5 for true_positives. Hint: a whole number from 0"),
        (": 8", ": -1", "has -1 for true_positives"),
        ("source: ours\n", "", "has no source. Known: threshold"),
        ("ours", "''", "line 6: has no source"),
        ("reason: r", "reason: ' '", "has no reason"),
        (
            "_positives: 1\ntrue_negatives: 9",
            "_positives: 0\ntrue_negatives: 0",
            "counts no hostile texts, or no others",
        ),
    ],
)
def test_an_unusable_sample_is_said_in_a_sentence(old: str, new: str, message: str, settings: Settings) -> None:
    assert old in GOOD
    (settings.ref / "tone.yml").write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(RefError, match=re.escape(message)):
        text_rules.read_labeller(settings)


def test_other_rules_of_substance_are_read_and_unusable_ones_refused(settings: Settings) -> None:
    shipped = (SQL / "ref/substance.yml").read_text(encoding="utf-8")
    path = settings.ref / "substance.yml"
    path.write_text(shipped.replace("least: 4", "least: 2"), encoding="utf-8")
    assert text_rules.read_substance(settings).content_words_at_least == 2
    path.write_text(shipped.replace("least: 4", "least: four"), encoding="utf-8")
    with pytest.raises(RefError, match="whole number"):
        text_rules.read_substance(settings)
    path.write_text(re.sub(r'"no"', "no", shipped), encoding="utf-8")
    with pytest.raises(
        RefError, match=r"has False for small_words\.\d+\. Hint: a list of texts; put numbers, yes and no in quotes"
    ):
        text_rules.read_substance(settings)


def test_other_flags_are_another_fingerprint_and_other_counts_are_not(settings: Settings) -> None:
    before = text_labels.fingerprint(settings)
    shipped = (SQL / "ref/tone.yml").read_text(encoding="utf-8")
    (settings.ref / "tone.yml").write_text(shipped.replace("positives: 69", "positives: 70"), encoding="utf-8")
    assert text_labels.fingerprint(settings) == before
    (settings.ref / "tone.yml").write_text(shipped.replace("0.15", "0.2"), encoding="utf-8")
    assert text_labels.fingerprint(settings) != before
