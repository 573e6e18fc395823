"""What a reader must know of a segment stands before its numbers, and no small count slips through it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.release import disclosure
from pipelines.report import figures, segment_notes, write_report
from tests.report.small_night import AS_OF, BANDS, SmallNight

Told = Callable[..., dict[str, list[str]]]


def changed(night: SmallNight, path: Path, *statements: str) -> Path:
    """Write the small night with some rows changed."""
    night.write(path)
    with duckdb.connect(str(path)) as con:
        con.execute("INSERT INTO ref.segment (segment_id) VALUES ('rider'), ('farmer')")
        for statement in statements:
            con.execute(statement)
    return path


@pytest.fixture
def declared(small_night: SmallNight, tmp_path: Path) -> Told:
    """Give the notes of the small night after some statements."""

    def notes(*statements: str) -> dict[str, list[str]]:
        path = changed(small_night, tmp_path / f"{small_night.run_id}.duckdb", *statements)
        return segment_notes.notes(figures.read_night(path), disclosure.limits(BANDS))

    return notes


def quality(measure: str, estimate: Any, lo: Any, hi: Any, is_in_force: bool = True) -> str:
    return (
        "INSERT INTO mart.segment_quality BY NAME SELECT 'rider' AS segment_id, 'x' AS platform, 'a1' AS audit_id, "
        f"DATE '2026-03-30' AS labelled_on, {is_in_force} AS is_in_force, 200 AS n_labels, '{measure}' AS measure, "
        f"{estimate} AS estimate, {lo} AS estimate_lo, {hi} AS estimate_hi"
    )


def expansion(guard: str, lo: Any, hi: Any, channel: str = "follow") -> str:
    return (
        "INSERT INTO mart.segment_expansion BY NAME SELECT 'rider' AS segment_id, 'x' AS platform, "
        f"'{channel}' AS channel, 40 AS n_seeds, 0.81 AS auc, '{guard}' AS guard, 'held out' AS guard_reason, "
        f"{lo} AS segment_people_lo, {hi} AS segment_people_hi, DATE '{AS_OF}' AS as_of"
    )


def test_a_segment_without_anything_to_know_has_no_notes(declared: Told) -> None:
    assert declared() == {"rider": [], "farmer": []}


def test_warnings_and_overrides_come_first_in_words(declared: Told) -> None:
    notes = declared(
        "UPDATE ref.segment SET usage_warnings = 'seasonal, defined_by_own_accounts', lawful_basis = 'Art. 9(2)(a)', "
        "approved_by = 'the DPO' WHERE segment_id = 'rider'",
        expansion("good", 1204, 1391),
    )["rider"]
    assert notes[0].startswith("Overrides the policy") and "Art. 9(2)(a)" in notes[0] and "the DPO" in notes[0]
    assert notes[1] == "Its people come and go with the season: compare with the same weeks of another year."
    assert notes[2].startswith("Membership rests partly on acts on our own accounts")
    assert notes[3].startswith("Not audited on X") and len(notes) == 4


def test_an_unaudited_size_is_a_rounded_range_with_its_signal(declared: Told) -> None:
    (note,) = declared(expansion("good", 1204, 1391), expansion("good", 1, 2, channel="engagement"))["rider"]
    assert "it may have 1,205 to 1,390 people (a good estimate)" in note
    assert "count only those whom its rules find, until an audit" in note


def test_a_small_count_is_not_shown(declared: Told) -> None:
    (note,) = declared(expansion("weak", 7, 1391))["rider"]
    assert "under 10 to 1,390 people (a weak estimate)" in note


@pytest.mark.parametrize("guard", ["refused", "too few seeds"])
def test_scores_that_mean_nothing_say_so(declared: Told, guard: str) -> None:
    assert declared(expansion(guard, "NULL", "NULL"))["rider"] == [
        "No estimate for X beyond the people its rules find: held out."
    ]


def test_a_segment_by_rules_only_says_nothing_of_scores(declared: Told) -> None:
    assert declared(expansion("off", "NULL", "NULL"))["rider"] == []


def test_an_audit_in_force_replaces_the_unaudited_size(declared: Told) -> None:
    (note,) = declared(
        expansion("good", 1204, 1391),
        quality("size_people", 1303.4, 1188.2, 1421.9),
        quality("rule_precision", 0.91, 0.8, 0.97),
        quality("rule_recall", "NULL", "NULL", "NULL"),
    )["rider"]
    assert "Audited on X, 2026-03-30, 200 labels: 1,305 people (1,190 to 1,420, 95 %)" in note
    assert "91% (80% to 97%) of those its rules find belong" in note
    assert "found by its rules" not in note


def test_an_audit_that_ended_says_nothing(declared: Told) -> None:
    (note,) = declared(expansion("good", 1204, 1391), quality("size_people", 1303, 1188, 1421, is_in_force=False))[
        "rider"
    ]
    assert note.startswith("Not audited")


def test_notes_stand_in_the_page_and_cannot_break_it(small_night: SmallNight, tmp_path: Path) -> None:
    path = changed(
        small_night,
        tmp_path / f"{small_night.run_id}.duckdb",
        "UPDATE ref.segment SET lawful_basis = '<b>Art. 9</b>', approved_by = 'me & you' WHERE segment_id = 'rider'",
    )
    page = write_report(path, tmp_path / "report", dict(BANDS)).read_text(encoding="utf-8")
    assert "&lt;b&gt;Art. 9&lt;/b&gt;" in page and "me &amp; you" in page and "<b>Art. 9" not in page
