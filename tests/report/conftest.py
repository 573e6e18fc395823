"""Fixtures of the report: a night made by hand, and its page."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.report import canvas, write_report
from tests.report.small_night import BANDS, SmallNight


@pytest.fixture(autouse=True)
def coarse_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw PNGs coarsely: nothing here looks at their dots."""
    monkeypatch.setattr(canvas, "DOTS_PER_INCH", 20)


@pytest.fixture
def small_night() -> SmallNight:
    return SmallNight()


@pytest.fixture
def bands() -> dict[str, float]:
    return dict(BANDS)


@pytest.fixture
def page_of(tmp_path: Path, bands: dict[str, float]) -> Callable[[SmallNight], str]:
    """Write a night's report and give the page's text."""

    def write(night: SmallNight) -> str:
        snapshot = night.write(tmp_path / f"{night.run_id}.duckdb")
        return write_report(snapshot, tmp_path / "report", bands).read_text(encoding="utf-8")

    return write
