"""The commands about segments: what they say, and how they end."""

import csv
import json
from datetime import date
from pathlib import Path

import duckdb
import pytest

from pipelines import night
from pipelines.analysis import suggest
from pipelines.cli.screen import screen
from pipelines.common.settings import Settings
from pipelines.segments import label_file, label_history
from pipelines.warehouse import publish
from tests.cli.command import Stillreach


def edit(settings: Settings, old: str, new: str) -> None:
    path = settings.ref / "segments" / "rider.yml"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")


def some_member(settings: Settings) -> int:
    with duckdb.connect(str(settings.published / publish.LINK), read_only=True) as con:
        found = con.execute("SELECT min(member_key) FROM core.segment_rule_hit WHERE segment_id = 'rider'").fetchall()
        return int(found[0][0])


def test_check_prints_hits_and_examples(two_nights: Settings, stillreach: Stillreach) -> None:
    code, out, _ = stillreach("segments", "check")
    assert code == 0
    assert "rider (active): Riders" in out
    (line,) = [line for line in out.splitlines() if "bio_says_rider" in line]
    assert line.split()[:3] == ["bio_says_rider", "any_word", "22"]
    assert "6 of 6 correct" in out
    assert "1 definitions, 6 examples: all correct" in out


def test_check_works_before_the_first_night(settings: Settings, stillreach: Stillreach) -> None:
    code, out, _ = stillreach("segments", "check")
    assert code == 0
    (line,) = [line for line in out.splitlines() if "bio_says_rider" in line]
    assert line.split()[2] == "-"


def test_check_shows_what_fails_and_ends_with_5(two_nights: Settings, stillreach: Stillreach) -> None:
    edit(two_nights, "values: [mountain biker]", "values: [quad biker]")
    code, out, err = stillreach("segments", "check")
    assert code == 5
    assert "must be out: Pedals." in out
    assert "SegmentDefinitionError: rider.yml: example 4 (Pedals): comes out in" in err
    assert "Traceback" not in err


def test_an_override_is_shown_wherever_the_segment_is(two_nights: Settings, stillreach: Stillreach) -> None:
    edit(two_nights, "title: Riders", "title: Cancer charity riders")
    code, _, err = stillreach("segments", "check")
    assert code == 5
    assert "refused as health by docs/POLICY.md#health" in err
    edit(two_nights, "seeds:", "lawful_basis: consent of the charity's members\napproved_by: the DPO\nseeds:")
    code, out, _ = stillreach("segments", "check")
    assert code == 0
    assert "overrides the policy: consent of the charity's members; approved by the DPO" in out
    assert stillreach("nightly", "--as-of", "2026-07-16")[0] == 0
    _, shown, _ = stillreach("show")
    assert "rider overrides the policy: consent of the charity's members; approved by the DPO" in shown
    page = (two_nights.reports / "2026-07-16" / "index.html").read_text(encoding="utf-8")
    assert "Overrides the policy" in page and "the DPO" in page


def test_a_failing_example_stops_the_night_before_it_begins(two_nights: Settings, stillreach: Stillreach) -> None:
    edit(two_nights, "values: [mountain biker]", "values: [quad biker]")
    before = publish.current_snapshot(two_nights)
    code, _, err = stillreach("nightly", "--as-of", "2026-07-16")
    assert code == 5
    assert "comes out in, it must be out" in err
    assert publish.current_snapshot(two_nights) == before


def test_show_keeps_names_on_a_narrow_screen(
    two_nights: Settings, stillreach: Stillreach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "width", 30)
    code, out, _ = stillreach("show")
    assert code == 0
    assert out.count("The Force on") == 2  # a table for everyone, one for riders
    assert "everyone" in out and "rider" in out


def test_try_prints_what_a_draft_would_give(two_nights: Settings, stillreach: Stillreach, tmp_path: Path) -> None:
    text = (two_nights.ref / "segments" / "rider.yml").read_text(encoding="utf-8")
    path = tmp_path / "walker.yml"
    path.write_text(
        text.replace("segment_id: rider", "segment_id: walker").replace("[biker, motorcyclist]", "[walker]"),
        encoding="utf-8",
    )
    code, out, _ = stillreach("segments", "try", str(path))
    assert code == 0
    for wanted in ("Size", "Rules", "Overlap with other segments", "Accounts that reach it", "<- wrong", "tried in"):
        assert wanted in out
    assert not (two_nights.ref / "segments" / "walker.yml").exists()


def test_why_adds_up(two_nights: Settings, stillreach: Stillreach) -> None:
    code, out, _ = stillreach("segments", "why", "rider", "--from", "2026-07-08", "--to", "2026-07-15")
    assert code == 0
    (line,) = [line for line in out.splitlines() if line.strip().startswith("x ")]
    assert [int(cell) for cell in line.split()[1:]] == [30, 2, 0, 0, 0, 0, 0, 32]


def test_explain_says_rules_spells_and_accounts(two_nights: Settings, stillreach: Stillreach) -> None:
    code, out, _ = stillreach("explain", "rider", str(some_member(two_nights)))
    assert code == 0
    assert "Rules" in out and "Spells" in out and "2026-07-08" in out
    assert "zq" not in out  # no word of a person


@pytest.mark.parametrize("key", ["7", "x", "-1", str(2**64)])
def test_explain_refuses_a_key_of_nobody(two_nights: Settings, stillreach: Stillreach, key: str) -> None:
    code, out, _ = stillreach("explain", "rider", "--", key)
    assert code in (2, 3)
    assert "Rules" not in out


def audited(settings: Settings, stillreach: Stillreach) -> Path:
    """Draw a sample, judge it by the words that the county planted, score it; give the sample's place."""
    code, out, _ = stillreach("segments", "label-sample", "rider", "--n", "60")
    assert code == 0
    path = Path(out.splitlines()[0].strip())
    with path.open(encoding="utf-8-sig", newline="") as source:
        rows = list(csv.DictReader(source))
    assert len(rows) == 60
    for row in rows:
        row["label"] = "yes" if "biker" in row["bio"] else "no"
    judged = settings.data / "judged.csv"
    with judged.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    code, out, _ = stillreach("segments", "score", "rider", str(judged), "--on", "2026-07-15")
    assert code == 0, out
    assert "rule_precision" in out and "size_people" in out
    return path


def test_a_sample_is_drawn_judged_and_scored(two_nights: Settings, stillreach: Stillreach) -> None:
    path = audited(two_nights, stillreach)
    assert not path.exists()
    assert (path.parent / label_file.RECORD).exists()


def test_labels_are_erased_with_their_person(two_nights: Settings, stillreach: Stillreach) -> None:
    """A night shows everybody ever seen; whom it does not show any more, no current delivery does."""
    audited(two_nights, stillreach)
    until = date(2026, 7, 15)
    labelled = label_file.kept_labels(two_nights, until)["member_key"].to_list()
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA core")
        con.execute("CREATE TABLE core.member (member_key UBIGINT)")
        con.executemany("INSERT INTO core.member VALUES (?)", [[key] for key in labelled])
        assert label_history.erase_gone(con, two_nights, until) == 0
        con.execute("DELETE FROM core.member WHERE member_key = ?", [labelled[0]])
        assert label_history.erase_gone(con, two_nights, until) == 1
    assert label_file.kept_labels(two_nights, until)["member_key"].to_list() == labelled[1:]
    folder = two_nights.work / "audits"
    assert str(labelled[0]).encode() not in b"".join(path.read_bytes() for path in folder.rglob("*.json"))


def test_words_of_a_sample_nobody_judged_are_deleted_by_the_night(
    two_nights: Settings, stillreach: Stillreach, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, out, _ = stillreach("segments", "label-sample", "rider", "--n", "60")
    path = Path(out.splitlines()[0].strip())
    monkeypatch.setitem(night.STEPS, "report", lambda run_id: None)
    assert stillreach("nightly", "--as-of", "2026-07-16")[0] == 0
    assert path.exists()
    design = path.with_name(label_file.DESIGN)
    text = design.read_text(encoding="utf-8")
    drawn_on = json.loads(text)["drawn_on"]
    design.write_text(text.replace(f'"drawn_on": "{drawn_on}"', '"drawn_on": "2026-01-01"'), encoding="utf-8")
    assert stillreach("nightly", "--as-of", "2026-07-17")[0] == 0
    assert not path.exists()


def test_a_sample_of_an_edited_definition_waits_for_a_night(two_nights: Settings, stillreach: Stillreach) -> None:
    edit(two_nights, "[biker, motorcyclist]", "[biker, motorcyclist, bikers]")
    code, _, err = stillreach("segments", "label-sample", "rider")
    assert code == 5
    assert "is not what the published night went by. Hint: run stillreach nightly" in err


def test_segments_that_refer_to_each_other_are_checked_and_sampled(
    two_nights: Settings, stillreach: Stillreach, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (two_nights.ref / "segments" / "rider.yml").read_text(encoding="utf-8")
    for name, other in (("tourer", "rider"), ("camper", "tourer")):
        rule = f"rules:\n  - {{rule_id: of_{other}, match: in_segment, values: [{other}], why: They are.}}\n"
        path = two_nights.ref / "segments" / f"{name}.yml"
        path.write_text(text.replace("segment_id: rider", f"segment_id: {name}").replace("rules:\n", rule), "utf-8")
    code, out, err = stillreach("segments", "check")
    assert code == 0, err
    (line,) = [line for line in out.splitlines() if "of_tourer" in line]
    assert line.split()[:3] == ["of_tourer", "in_segment", "32"]
    monkeypatch.setitem(night.STEPS, "report", lambda run_id: None)
    assert stillreach("nightly", "--as-of", "2026-07-16")[0] == 0
    code, _, err = stillreach("segments", "label-sample", "camper", "--n", "50")
    assert code == 0, err


def test_an_unknown_segment_is_named_with_the_known(two_nights: Settings, stillreach: Stillreach) -> None:
    for words in (("label-sample", "walker"), ("suggest", "--near", "walker")):
        code, _, err = stillreach("segments", *words)
        assert code == 3
        assert "segment 'walker': has no definition. Known: rider" in err


def test_a_platform_without_members_is_named(two_nights: Settings, stillreach: Stillreach) -> None:
    code, _, err = stillreach("segments", "label-sample", "rider", "--platform", "mastodon")
    assert code == 5
    assert "has nobody on mastodon" in err


def test_suggest_keeps_its_state_and_adds_nothing(
    two_nights: Settings, stillreach: Stillreach, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted((two_nights.ref / "segments").iterdir())
    code, out, _ = stillreach("segments", "suggest", "--to", str(tmp_path / "drafts"))
    assert code == 0
    assert "Communities" in out
    assert [path.name for path in (two_nights.work / "suggestions").iterdir()] == ["2026-07-15.json"]
    assert sorted((two_nights.ref / "segments").iterdir()) == before


def test_near_says_what_would_extend_a_segment(two_nights: Settings, stillreach: Stillreach) -> None:
    code, out, _ = stillreach("segments", "suggest", "--near", "rider")
    assert code == 0
    assert "Accounts near rider" in out and "Words near rider" in out


def test_drafts_are_never_written_over_a_file(two_nights: Settings, tmp_path: Path) -> None:
    found = suggest.Discovery((), suggest.State())
    assert suggest.write_drafts(found, tmp_path) == []
