"""Definitions tried outside a night give what a night gives, and keep nothing."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from pipelines.analysis import examples, explain, preview
from pipelines.common import database
from pipelines.common.errors import PublishError, SegmentDefinitionError, SettingsError
from pipelines.common.settings import Settings
from pipelines.segments import definition
from pipelines.warehouse import publish
from pipelines.warehouse.state import state_path


def tried(settings: Settings, path: Path) -> preview.Trial:
    known = definition.read_known(settings)
    return preview.try_draft(settings, path, definition.read_definitions(settings, known), known)


def draft(settings: Settings, *edits: tuple[str, str], name: str = "draft") -> Path:
    """Write a draft made from the tiny county's one segment, outside its reference folder."""
    text = (settings.ref / "segments" / "rider.yml").read_text(encoding="utf-8")
    for old, new in (("segment_id: rider", f"segment_id: {name}"), *edits):
        assert old in text, old
        text = text.replace(old, new)
    path = settings.data / f"{name}.yml"
    path.write_text(text, encoding="utf-8")
    return path


def published(settings: Settings, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(settings.published / publish.LINK), read_only=True) as con:
        return con.execute(query).fetchall()


def test_a_draft_of_a_published_segment_has_its_size_and_reach(two_nights: Settings) -> None:
    done = tried(two_nights, draft(two_nights))
    sizes = published(
        two_nights, "SELECT platform, segment_people FROM mart.segment_size WHERE segment_id = 'rider' ORDER BY ALL"
    )
    assert done.size.select("platform", "segment_people").rows() == sizes
    reach = published(
        two_nights,
        "SELECT platform, account_id, reach_people FROM mart.segment_reach "
        "WHERE segment_id = 'rider' AND basis = 'follower' AND reach_people > 0 ORDER BY ALL",
    )
    assert sorted(done.reach.select("platform", "account_id", "reach_people").rows()) == reach
    assert done.overlap.select("segment_id", "platform", "overlap_of_base", "overlap_jaccard").rows() == [
        ("rider", "x", 1.0, 1.0)
    ]
    assert all(one.is_right for one in done.ran)


def test_each_rule_says_what_it_alone_brings(two_nights: Settings) -> None:
    rules = {row["rule_id"]: row for row in tried(two_nights, draft(two_nights)).rules.to_dicts()}
    # Of 64 people every third says so and every fourth follows both pages.
    assert rules["bio_says_rider"]["people"] == 22
    assert rules["follows_riders_pages"]["people"] == 16
    assert rules["bio_says_rider"]["only_this"] == 22 - 6
    assert rules["mountain_biker"] == {
        "rule_id": "mountain_biker", "effect": "exclude", "match": "any_phrase", "people": 0, "only_this": 0,
    }  # fmt: skip


def test_an_edited_draft_is_tried_in_the_place_of_the_published_one(two_nights: Settings) -> None:
    path = draft(two_nights, ("[biker, motorcyclist]", "[walker]"), name="rider")
    done = tried(two_nights, path)
    assert done.overlap.height == 0
    assert dict(done.size.select("platform", "segment_people").rows())["x"] == 42 + 6
    assert [one.is_right for one in done.ran].count(False) == 2


def test_nothing_is_kept_of_a_trial(two_nights: Settings) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in two_nights.data.rglob("*") if path.is_file())
    path = draft(two_nights)
    tried(two_nights, path)
    path.unlink()
    assert sorted((path, path.stat().st_mtime_ns) for path in two_nights.data.rglob("*") if path.is_file()) == before


def test_a_draft_may_refer_to_published_segments(two_nights: Settings) -> None:
    refer = "rules:\n  - {rule_id: rides, match: in_segment, values: [rider], why: They ride.}\n"
    path = draft(two_nights, ("rules:\n", refer), ("status: active", "status: draft"))
    done = tried(two_nights, path)
    assert done.overlap.row(0)[2] == 32  # every third or every fourth of 64


def test_a_draft_that_is_not_usable_says_so(two_nights: Settings) -> None:
    with pytest.raises(SegmentDefinitionError, match=r"draft\.yml line 8: rule 'bio_says_rider' uses match 'sql'"):
        tried(two_nights, draft(two_nights, ("match: any_word", "match: sql")))


def test_a_trial_needs_a_published_night_and_its_restricted_file(settings: Settings, two_nights: Settings) -> None:
    state_path(two_nights, preview.current(two_nights)).unlink()
    with pytest.raises(PublishError, match="no longer has its restricted file"):
        tried(two_nights, draft(two_nights))
    (two_nights.published / publish.LINK).unlink()
    with pytest.raises(PublishError, match="is not there"):
        tried(two_nights, draft(two_nights))


def test_rules_are_timed_one_by_one(two_nights: Settings) -> None:
    known = definition.read_known(two_nights)
    done = preview.time_rules(two_nights, definition.read_definitions(two_nights, known), known)
    assert [(one.rule_id, one.people) for one in done] == [
        ("bio_says_rider", 22), ("follows_riders_pages", 16), ("mountain_biker", 0),
    ]  # fmt: skip
    assert all(one.seconds > 0 for one in done)


# Examples


def ran(settings: Settings) -> tuple[list[definition.Definition], list[examples.Ran]]:
    known = definition.read_known(settings)
    definitions = definition.read_definitions(settings, known)
    return definitions, examples.run_examples(settings, definitions, known)


def edit(settings: Settings, old: str, new: str) -> None:
    path = settings.ref / "segments" / "rider.yml"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_examples_name_the_rules_that_hit_them(settings: Settings) -> None:
    done = {one.example.why: one for one in ran(settings)[1]}
    assert done["Pedals."].rules_hit == ("bio_says_rider", "mountain_biker")
    assert done["Two pages."].rules_hit == ("follows_riders_pages",)
    assert not done["One page may be chance."].is_member
    assert all(one.is_right for one in done.values())


def test_an_example_that_fails_stops_with_what_hit_it(settings: Settings) -> None:
    edit(settings, "values: [mountain biker]", "values: [quad biker]")
    with pytest.raises(SegmentDefinitionError) as refusal:
        examples.check_examples(*ran(settings))
    assert "rider.yml: example 4 (Pedals): comes out in, it must be out" in str(refusal.value)
    assert "rules that hit it: bio_says_rider" in str(refusal.value)


def test_a_rule_that_no_example_exercises_is_named(settings: Settings) -> None:
    edit(settings, "rules:\n", "rules:\n  - {rule_id: idle, match: any_word, values: [sidecar], why: Rides.}\n")
    with pytest.raises(SegmentDefinitionError, match=r"rider\.yml line 7: rule 'idle': is exercised by no example"):
        examples.check_examples(*ran(settings))


def test_a_draft_is_not_held_to_its_examples(settings: Settings) -> None:
    edit(settings, "status: active", "status: draft")
    edit(settings, "values: [mountain biker]", "values: [quad biker]")
    examples.check_examples(*ran(settings))


# Questions


def test_the_parts_of_a_change_add_up(two_nights: Settings) -> None:
    with duckdb.connect(str(two_nights.published / publish.LINK), read_only=True) as con:
        (split,) = explain.changes(con, "rider", date(2026, 7, 8), date(2026, 7, 15)).to_dicts()
    assert split["people_first"] + sum(split[cause] for cause in explain.CAUSES) == split["people_last"] == 32
    assert split["people_first"] == 30
    assert split["people in"] == 2


@pytest.mark.parametrize(
    ("segment_id", "first", "last", "found"),
    [
        ("walker", date(2026, 7, 8), date(2026, 7, 15), "'walker': is not in the published night. Known: rider"),
        ("rider", date(2026, 7, 15), date(2026, 7, 8), "no two days in order"),
        ("rider", date(2026, 7, 8), date(2026, 7, 16), "up to the published one. Known: 2026-07-15"),
    ],
)
def test_a_change_that_cannot_be_told_is_refused(
    two_nights: Settings, segment_id: str, first: date, last: date, found: str
) -> None:
    with (
        duckdb.connect(str(two_nights.published / publish.LINK), read_only=True) as con,
        pytest.raises(SettingsError, match=found),
    ):
        explain.changes(con, segment_id, first, last)


def member_of(settings: Settings, rule_id: str) -> int:
    con = database.connect(settings.published / publish.LINK, settings, read_only=True)
    try:
        found = con.execute("SELECT min(member_key) FROM core.segment_rule_hit WHERE rule_id = ?", [rule_id]).fetchall()
        return int(found[0][0])
    finally:
        con.close()


def test_a_member_is_explained_by_the_rules_that_hit(two_nights: Settings) -> None:
    snapshot_id = preview.current(two_nights)
    found = explain.explain(two_nights, snapshot_id, "rider", member_of(two_nights, "follows_riders_pages"))
    assert "follows_riders_pages" in found.rules["rule_id"].to_list()
    assert found.spells.select("left_on", "evidence").rows() == [(None, "rule")]


def test_only_members_of_the_night_can_be_explained(two_nights: Settings) -> None:
    snapshot_id = preview.current(two_nights)
    with pytest.raises(SettingsError, match="the member key: is of nobody"):
        explain.explain(two_nights, snapshot_id, "rider", 7)
    with pytest.raises(SettingsError, match="segment 'walker'"):
        explain.explain(two_nights, snapshot_id, "walker", 7)


def test_without_the_restricted_files_nobody_is_explained(two_nights: Settings) -> None:
    snapshot_id = preview.current(two_nights)
    key = member_of(two_nights, "bio_says_rider")
    state_path(two_nights, snapshot_id).unlink()
    with pytest.raises(PublishError, match="needs the restricted work files"):
        explain.explain(two_nights, snapshot_id, "rider", key)
