"""Which definitions were valid when: kept once for each day that changed something, and never changed after."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipelines.common.settings import Settings
from pipelines.segments import history
from pipelines.segments.history import ALWAYS, FOREVER, Version


def made(**hashes: str) -> dict[str, Any]:
    """What definitions come down to: each segment with one rule, whose hash is the definition's too."""
    return {
        "segments": {
            one: {"definition_hash": name, "rule": [[[name], []]], "expansion": [], "audit": []}
            for one, name in hashes.items()
        },
        "rules": {
            name: {"match": "any_word", "values": [name], "evidence_kind": "word", "least": 1}
            for name in hashes.values()
        },
    }


@pytest.fixture
def kept(tmp_path: Path) -> Settings:
    """Give a deployment without a history."""
    return Settings(data=tmp_path, ref=tmp_path, key_file=tmp_path)


def night(settings: Settings, day: int, **hashes: str) -> list[Version]:
    """Run a night as far as its definitions go: look up what is valid, and keep it."""
    as_of = date(2026, 5, day)
    versions = history.versions_of_night(settings, as_of, made(**hashes))
    history.keep(settings, as_of, versions[-1].compiled)
    return versions


def days(versions: list[Version]) -> list[tuple[int, str]]:
    return [(one.from_day.day, one.compiled["segments"]["a"]["definition_hash"]) for one in versions]


def test_only_a_change_is_kept(kept: Settings) -> None:
    for day, name in ((1, "h1"), (2, "h1"), (3, "h2"), (4, "h2")):
        night(kept, day, a=name)
    assert [path.name for path in sorted(kept.definitions.iterdir())] == ["2026-05-01-1.json", "2026-05-03-1.json"]
    assert days(history.read_versions(kept)) == [(1, "h1"), (3, "h2")]


def test_the_last_edit_of_a_day_holds(kept: Settings) -> None:
    night(kept, 1, a="h1")
    for name in ("h2", "h3"):
        night(kept, 2, a=name)
    assert days(history.read_versions(kept)) == [(1, "h1"), (2, "h3")]
    assert days(night(kept, 2, a="h1")) == [(1, "h1")]
    assert days(history.read_versions(kept)) == [(1, "h1")]


def test_more_than_nine_edits_of_a_day_keep_their_order(kept: Settings) -> None:
    for n in range(12):
        night(kept, 1, a=f"h{n}")
    assert days(history.read_versions(kept)) == [(1, "h11")]


def test_an_earlier_day_goes_by_what_was_in_force_then(kept: Settings) -> None:
    night(kept, 2, a="h1")
    night(kept, 4, a="h2")
    assert days(night(kept, 3, a="h9")) == [(2, "h1")]
    assert days(night(kept, 1, a="h9")) == [(2, "h1")]
    assert days(history.read_versions(kept)) == [(2, "h1"), (4, "h2")]


def test_a_history_is_told_apart_up_to_a_day(kept: Settings) -> None:
    night(kept, 1, a="h1")
    before = history.read_versions(kept)
    night(kept, 5, a="h2")
    after = history.read_versions(kept)
    upto = [history.history_hash(versions, date(2026, 5, 4)) for versions in (before, after)]
    assert upto[0] == upto[1] != history.history_hash(after, date(2026, 5, 5))
    other = [Version(date(2026, 5, 1), made(a="h7"))]
    assert history.history_hash(other, date(2026, 5, 4)) != upto[0]


def test_a_night_before_the_first_version_is_under_the_first(kept: Settings) -> None:
    night(kept, 4, a="h1")
    versions = history.read_versions(kept)
    assert history.history_hash(versions, date(2026, 5, 1)) == history.history_hash(versions, date(2026, 5, 4))


def test_versions_become_tables() -> None:
    first, second, third = date(2026, 5, 1), date(2026, 5, 3), date(2026, 5, 6)
    rows = history.tables(
        [
            Version(first, made(a="h1", b="h7")),
            Version(second, made(a="h2", b="h7")),
            Version(third, made(a="h1")),
        ]
    )
    assert rows["segment_version"] == [
        ("a", "h1", ALWAYS, second),
        ("a", "h2", second, third),
        ("a", "h1", third, FOREVER),
        ("b", "h7", ALWAYS, third),  # untouched by the edit of the other, gone with its file
    ]
    assert rows["rule_range"] == [
        ("h1", ALWAYS, date(2026, 5, 4)),  # the day after its last, to tell the edit from people
        ("h1", third, FOREVER),
        ("h2", second, date(2026, 5, 7)),
        ("h7", ALWAYS, date(2026, 5, 7)),
    ]
    assert ("a", "h1", "rule", 0, "h1", True, 1) in rows["segment_way"]
    assert [row[0] for row in rows["rule"]] == ["h1", "h2", "h7"]
