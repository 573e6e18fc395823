"""The picture of quality: its finding, intervals, and what must not stand in it."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from pipelines.report import canvas
from pipelines.report.canvas import BAR
from pipelines.report.quality_chart import TONE_LINE, quality_alt_text, quality_figure
from tests.report import answer_rows as rows
from tests.report.small_night import BANDS


@pytest.fixture
def quality() -> pl.DataFrame:
    return rows.named(
        [
            rows.interactions("2", (0.04, 0.01, 0.1), applause=24.0),
            rows.interactions("3", (0.57, 0.4, 0.76)),
            rows.interactions("1", None),
        ]
    )


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_the_title_says_where_answers_are_hostile(quality: pl.DataFrame) -> None:
    finding = (
        "Dale Roads on X is met with most hostility: 57\u00a0% (40\u00a0% to 76\u00a0%); "
        "least: Dale Riders on X, 4\u00a0% (1\u00a0% to 10\u00a0%)"
    )
    assert finding in " ".join(texts(quality_figure(quality, BANDS)))
    assert finding in quality_alt_text(quality, BANDS)


def test_overlapping_intervals_only_seem_so() -> None:
    close = [rows.interactions("1", (0.3, 0.2, 0.4)), rows.interactions("2", (0.25, 0.15, 0.35))]
    assert "Dale Police on X seems to be met with most hostility" in quality_alt_text(rows.named(close), BANDS)
    assert "Dale Police on X is met with hostility: 30" in quality_alt_text(rows.named(close[:1]), BANDS)


def test_no_text_is_no_zero(quality: pl.DataFrame) -> None:
    reported = texts(quality_figure(quality, BANDS))
    assert "under 20 texts" in reported
    silent = rows.named([rows.interactions("1", None, applause=None, conversation=None, amplification=None)])
    figure = quality_figure(silent, BANDS)
    assert "How people answer: of no account are there enough texts to tell their tone" in texts(figure)
    assert texts(figure).count("–") == 3
    assert not [one for one in figure.axes[0].patches if to_hex(one.get_facecolor()) == BAR]


def test_what_few_people_did_is_not_shown(tmp_path: Path, quality: pl.DataFrame) -> None:
    def picture(few: int, likes: float) -> bytes:
        lone = rows.interactions("1", (0.5, 0.2, 0.8), engaged_people=few, applause=likes)
        frame = rows.named([rows.interactions("2", (0.04, 0.01, 0.1)), lone])
        assert "under 10 people interacted" in texts(quality_figure(frame, BANDS))
        return canvas.save(quality_figure(frame, BANDS), tmp_path / "quality")

    assert picture(3, 1.5) == picture(9, 4.2)


def test_dots_and_intervals_stand_at_their_shares(quality: pl.DataFrame) -> None:
    axes = quality_figure(quality, BANDS).axes[0]
    wide: list[Any] = [line.get_xdata() for line in axes.lines if line.get_linewidth() == 5]
    assert [(end - start) / TONE_LINE for start, end in wide] == pytest.approx([0.36, 0.09])
    zero = next(float(np.asarray(line.get_xdata())[0]) for line in axes.lines if line.get_linewidth() < 1)
    dots: list[Any] = [one.get_offsets() for one in axes.collections]
    assert [(float(dot[0][0]) - zero) / TONE_LINE for dot in dots] == pytest.approx([0.57, 0.04])


def test_bars_are_as_long_as_their_numbers(quality: pl.DataFrame) -> None:
    bars = [one for one in quality_figure(quality, BANDS).axes[0].patches if to_hex(one.get_facecolor()) == BAR]
    likes = [one.get_width() for one in bars[::3]]  # type: ignore[attr-defined]
    assert [one / max(likes) for one in likes] == pytest.approx([0.5, 1, 0.5])


def test_the_labeller_is_not_trusted_in_silence(quality: pl.DataFrame) -> None:
    assert "find 77\u00a0% of hostile texts, and 78\u00a0% of those they find are hostile" in " ".join(
        texts(quality_figure(quality, BANDS))
    )


def test_a_segment_speaks_for_itself() -> None:
    riders = [rows.interactions("2", (0.04, 0.01, 0.1), segment_id="rider", by_whom="segment")]
    reported = texts(quality_figure(rows.named(riders), BANDS, "rider", "segment"))
    assert "Interactions of the last 90 days by motorcyclists, as far as we received them" in reported


def test_what_is_not_there_is_refused(quality: pl.DataFrame) -> None:
    for ask in (quality_figure, quality_alt_text):
        with pytest.raises(ValueError, match="answers by passers-by"):
            ask(quality, BANDS, "everyone", "passers-by")


def test_long_names_and_large_numbers_stay_on_the_sheet(tmp_path: Path) -> None:
    name = "A £5 & $10 account of Donaudampfschifffahrtsgesellschaftskapitäne that goes on and on and on"
    many = rows.named(
        [
            rows.interactions(str(n), (0.9, 0.81, 1.0), name=name, applause=123456.7, amplification=99.9)
            for n in range(20)
        ]
    )
    figures = [quality_figure(many, BANDS) for _ in range(2)]
    assert len({canvas.save(figure, tmp_path / "quality") for figure in figures}) == 1
    assert any("4 accounts more." in text for text in texts(figures[0]))
    renderer = FigureCanvasAgg(figures[0]).get_renderer()  # type: ignore[no-untyped-call]
    for text in figures[0].axes[0].texts:
        extent = text.get_window_extent(renderer)
        assert 0 <= extent.x0 <= extent.x1 <= figures[0].get_size_inches()[0] * figures[0].dpi, text.get_text()
