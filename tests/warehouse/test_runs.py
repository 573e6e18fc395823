"""A night at its appointed hour: run once per set of deliveries, and always when somebody asks."""

from datetime import date
from typing import Any

import pytest

from pipelines import night
from pipelines.common.settings import Settings
from pipelines.landing.land_drop import land_drop
from pipelines.warehouse import runs

SECOND = date(2026, 7, 15)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[date]:
    """Note which days are loaded instead of loading them."""
    days: list[date] = []

    def load(as_of: date, *, allow_stale: bool) -> str:
        days.append(as_of)
        return "a run"

    monkeypatch.setattr(night, "load", load)
    return days


@pytest.mark.parametrize("run_type", ["scheduled", "asset_triggered"])
def test_a_night_that_is_published_is_not_run_again_by_itself(
    run_type: str, two_nights: Settings, loaded: list[date]
) -> None:
    assert night.load_if_due(SECOND, run_type) is None
    assert loaded == []


@pytest.mark.parametrize("run_type", ["manual", "backfill"])
def test_whoever_asks_gets_a_night(run_type: str, two_nights: Settings, loaded: list[date]) -> None:
    assert night.load_if_due(SECOND, run_type) == "a run"
    assert loaded == [SECOND]


def test_sources_that_nobody_configured_call_for_no_night(two_nights: Settings, loaded: list[date]) -> None:
    assert night.load_if_due(date(2026, 7, 16), "asset_triggered") is None
    (two_nights.ref / "source.yml").write_text("bluesky: {}\n", encoding="utf-8")
    assert night.load_if_due(date(2026, 7, 16), "asset_triggered") == "a run"


def test_what_landed_since_brings_another_night(
    two_nights: Settings, loaded: list[date], tmp_path: Any, write_drop: Any, followers: Any
) -> None:
    drop = write_drop(tmp_path / "late", {"follower.csv": followers("2", range(3), "2026-07-15")})
    land_drop(drop, "late_source", SECOND, two_nights)
    assert night.load_if_due(SECOND, "scheduled") == "a run"


def test_another_day_is_another_night(two_nights: Settings, loaded: list[date]) -> None:
    assert night.load_if_due(date(2026, 7, 16), "scheduled") == "a run"


def test_a_night_that_stopped_is_run_again(two_nights: Settings, loaded: list[date]) -> None:
    for record in runs.records(two_nights):
        runs.end(two_nights, record["run_id"], "stopped", "on purpose")
    assert night.load_if_due(SECOND, "scheduled") == "a run"
