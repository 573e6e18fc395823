"""Which audit counts when: until the next one, while its definition is valid; and what it says, as tables."""

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.common.errors import RefError
from pipelines.common.settings import Settings
from pipelines.segments import label_file, label_history
from pipelines.segments.history import ALWAYS, FOREVER, Version
from pipelines.segments.label_audit import LOWEST, Calibration, Estimate, Quality
from pipelines.segments.label_file import Audit, Design
from pipelines.segments.label_history import HIGHEST, Kept

STEPS = ((2.0, 0.9), (0.5, 0.4), (LOWEST, 0.01))


def day(n: int) -> date:
    return date(2026, 5, n)


def kept(
    audit_id: str,
    on: int,
    definition_hash: str = "h1",
    segment_id: str = "rider",
    platform: str = "x",
    labels: dict[int, str] | None = None,
    precision: float = 0.8,
    steps: tuple[tuple[float, float], ...] = STEPS,
) -> Kept:
    """Give one scored audit."""
    estimates = {"rule_precision": Estimate(precision, precision - 0.05, precision + 0.05)}
    quality = Quality(estimates, 0.5, 0, 0.03, 60, 30, 10, 1000)
    about = (segment_id, audit_id, definition_hash, "night-1", day(on), day(on))
    found = pl.DataFrame(
        list((labels or {}).items()), schema={"member_key": pl.UInt64, "label": pl.String}, orient="row"
    )
    return Kept(Audit(*about, (), Calibration(steps, 0.85, 0.01), quality), platform, {"a": "1.5", "b": "-0.25"}, found)


def versions(*edits: tuple[int, str | None]) -> list[Version]:
    """Give what was meant by rider from which day on; none: its file was taken away."""
    return [
        Version(
            day(n),
            {"segments": {"rider": {"definition_hash": h, "rule": [], "expansion": [], "audit": []}} if h else {}}
            | {"rules": {}},
        )
        for n, h in edits
    ]


def times(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Audit, and the days from which, to which and through which it is followed."""
    return [(row[2], *row[4:7]) for row in rows]


ALL_ALONG = versions((1, "h1"))


def test_the_next_audit_ends_the_last() -> None:
    rows = label_history.tables([kept("1", 5), kept("2", 9)], ALL_ALONG)["segment_audit"]
    assert times(rows) == [("rider/1", day(5), day(9), day(9)), ("rider/2", day(9), FOREVER, FOREVER)]
    assert rows[0] == ("rider", "x", "rider/1", "h1", day(5), day(9), day(9), 0.85, 0.5)


def test_of_two_audits_of_one_day_the_last_counts() -> None:
    rows = label_history.tables([kept("1", 5), kept("2", 5)], ALL_ALONG)["segment_audit"]
    assert times(rows) == [("rider/2", day(5), FOREVER, FOREVER)]


def test_platforms_and_segments_end_only_their_own() -> None:
    of_tourer = kept("1", 8, "h7", "tourer")
    rows = label_history.tables([kept("1", 5, platform="mastodon"), kept("2", 7), of_tourer], ALL_ALONG)[
        "segment_audit"
    ]
    assert times(rows) == [("rider/1", day(5), FOREVER, FOREVER), ("rider/2", day(7), FOREVER, FOREVER)]


def test_an_edit_ends_an_audit_and_its_day_is_followed_too() -> None:
    rows = label_history.tables([kept("1", 5)], versions((1, "h1"), (9, "h2")))["segment_audit"]
    assert times(rows) == [("rider/1", day(5), day(9), day(10))]


def test_a_segment_whose_file_is_taken_away_loses_its_audit_in_the_same_way() -> None:
    rows = label_history.tables([kept("1", 5)], versions((1, "h1"), (9, None)))["segment_audit"]
    assert times(rows) == [("rider/1", day(5), day(9), day(10))]


def test_the_same_definition_coming_back_puts_its_audit_in_force_again() -> None:
    rows = label_history.tables([kept("1", 5)], versions((1, "h1"), (9, "h2"), (12, "h1")))["segment_audit"]
    assert times(rows) == [("rider/1", day(5), day(9), day(10)), ("rider/1", day(12), FOREVER, FOREVER)]


def test_an_edit_of_another_segment_ends_nothing() -> None:
    rows = label_history.tables([kept("1", 5)], versions((1, "h1"), (9, "h1")))["segment_audit"]
    assert times(rows) == [("rider/1", day(5), FOREVER, FOREVER)]


def test_an_audit_scored_after_its_definition_was_edited_counts_not_and_ends_none() -> None:
    two = [kept("1", 5), kept("new", 10, "h2"), kept("old", 11, "h1")]
    edited = versions((1, "h1"), (9, "h2"))
    assert times(label_history.tables(two, edited)["segment_audit"]) == [
        ("rider/1", day(5), day(9), day(10)),
        ("rider/new", day(10), FOREVER, FOREVER),
    ]
    undone = versions((1, "h1"), (9, "h2"), (14, "h1"))
    assert times(label_history.tables(two, undone)["segment_audit"]) == [
        ("rider/1", day(5), day(9), day(10)),
        ("rider/new", day(10), day(14), day(15)),
        ("rider/old", day(14), FOREVER, FOREVER),
    ]


def test_an_audit_on_the_day_of_an_edit_is_of_the_new_definition() -> None:
    rows = label_history.tables([kept("1", 5), kept("2", 9, "h2")], versions((1, "h1"), (9, "h2")))["segment_audit"]
    assert times(rows) == [("rider/1", day(5), day(9), day(10)), ("rider/2", day(9), FOREVER, FOREVER)]


def test_a_label_holds_until_a_later_label_of_the_same_person() -> None:
    first = kept("1", 5, labels={1: "yes", 2: "no", 3: "unsure", 4: "yes"})
    second = kept("2", 9, labels={1: "no", 2: "unsure", 3: "yes"})
    assert sorted(label_history.tables([first, second], ALL_ALONG)["audit_label"]) == [
        ("rider", "x", 1, False, "h1", day(9), FOREVER),
        ("rider", "x", 1, True, "h1", day(5), day(9)),
        ("rider", "x", 2, False, "h1", day(5), FOREVER),  # unsure takes nothing back
        ("rider", "x", 3, True, "h1", day(9), FOREVER),
        ("rider", "x", 4, True, "h1", day(5), FOREVER),  # not judged again
    ]


def test_a_label_ends_and_comes_back_with_the_definition_it_was_given_by() -> None:
    found = [kept("1", 5, labels={1: "yes"}), kept("2", 10, "h2", labels={1: "no"})]
    rows = label_history.tables(found, versions((1, "h1"), (9, "h2"), (12, "h1")))["audit_label"]
    assert rows == [
        ("rider", "x", 1, True, "h1", day(5), day(10)),
        ("rider", "x", 1, True, "h1", day(12), FOREVER),
        ("rider", "x", 1, False, "h2", day(10), day(13)),
    ]


def test_steps_become_ranges_that_cover_every_score() -> None:
    rows = label_history.tables([kept("1", 5)], ALL_ALONG)["audit_step"]
    assert rows == [
        ("rider/1", LOWEST, 0.5, 0.01),
        ("rider/1", 0.5, 2.0, 0.4),
        ("rider/1", 2.0, HIGHEST, 0.9),
    ]
    assert label_history.tables([kept("1", 5, steps=((LOWEST, 0.1),))], ALL_ALONG)["audit_step"] == [
        ("rider/1", LOWEST, HIGHEST, 0.1)
    ]


def test_an_audit_of_people_without_a_score_has_no_steps() -> None:
    rows = label_history.tables([kept("1", 5, steps=())], ALL_ALONG)
    assert rows["audit_step"] == []
    assert len(rows["segment_audit"]) == 1


def test_weights_are_each_audits_own_also_where_two_segments_share_an_id() -> None:
    rows = label_history.tables([kept("1", 5), kept("1", 5, "h7", "tourer")], ALL_ALONG)
    assert rows["audit_account_weight"] == [
        (audit_id, "x", account_id, weight)
        for audit_id in ("rider/1", "tourer/1")
        for account_id, weight in (("a", "1.5"), ("b", "-0.25"))
    ]


def test_measures_are_compared_with_the_audit_before() -> None:
    rows = label_history.tables([kept("1", 5), kept("2", 9, precision=0.6)], ALL_ALONG)["audit_measure"]
    about = [("rider", "x", f"rider/{n}", day(on), "h1", 90, 10) for n, on in ((1, 5), (2, 9))]
    none = (None,) * 4
    assert rows[0] == (*about[0], "rule_precision", 0.8, pytest.approx(0.75), pytest.approx(0.85), *none)
    assert rows[1] == (*about[0], "calibration_error", 0.03, None, None, *none)
    *_, change, lo, hi, has_drifted = rows[2]
    assert (change, has_drifted) == (pytest.approx(-0.2), True)
    assert lo < change < hi < 0
    assert rows[3] == (*about[1], "calibration_error", 0.03, None, None, *none)


def test_without_an_audit_every_table_is_empty() -> None:
    assert not any(label_history.tables([], [Version(ALWAYS, {"segments": {}, "rules": {}})]).values())


@pytest.fixture
def where(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", ref=tmp_path, key_file=tmp_path / "key")


def scored(where: Settings, segment_id: str, label: str) -> None:
    """Keep one audit of a segment, its id the same whatever the segment: both were drawn of one night."""
    one = kept("2026-05-05-x-1", 5, segment_id=segment_id).audit
    people = {"member_key": [1], "platform": ["x"], "stratum": ["rule"], "expansion_score": [None]}
    sample = label_file.Sample(pl.DataFrame(people, schema=label_file.PEOPLE), ())
    design = Design(segment_id, one.audit_id, "h1", "night-1", day(5), day(5), sample)
    words = pl.DataFrame({"member_key": [1], "name": ["-"]}, schema_overrides={"member_key": pl.UInt64})
    path = label_file.write_sample(where, design, words)
    label_history.write_weights(path.parent, "x", {"a": "1.5"}, "seeds only")
    labels = sample.people.with_columns(label=pl.lit(label)).drop("platform")
    label_file.keep(where, design, labels, one.calibration, one.quality, day(5))


def test_two_segments_of_one_night_keep_their_labels_apart(where: Settings) -> None:
    scored(where, "rider", "yes")
    scored(where, "tourer", "no")
    read = label_history.read_audits(where, day(5))
    assert [(one.audit.segment_id, one.platform, one.weights, one.labels["label"].to_list()) for one in read] == [
        ("rider", "x", {"a": "1.5"}, ["yes"]),
        ("tourer", "x", {"a": "1.5"}, ["no"]),
    ]
    assert label_history.read_audits(where, day(4)) == []


def test_weights_that_cannot_be_read_are_named(where: Settings) -> None:
    scored(where, "rider", "yes")
    path = where.work / "audits" / "rider" / "2026-05-05-x-1" / label_history.WEIGHTS
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(RefError, match="is not readable as an audit's weights"):
        label_history.read_audits(where, day(5))
