"""The picture of a trend: its finding, its gaps, and what must not stand in it."""

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pipelines.report import canvas
from pipelines.report.canvas import LINE
from pipelines.report.trend_chart import trend_alt_text, trend_figure
from tests.report import answer_rows as rows
from tests.report.small_night import BANDS

Floats = npt.NDArray[np.float64]
FALLING: dict[str, Any] = {
    "trend": "falling",
    "trend_change_share": -0.34,
    "trend_change_share_lo": -0.45,
    "trend_change_share_hi": -0.2,
}


@pytest.fixture
def trend() -> pl.DataFrame:
    return rows.named(
        [*rows.weeks("2", [203, 198, 151, 122]), *rows.weeks("1", [31, None, 28, 33]), *rows.weeks("3", [4, 7, 2, 0])]
    )


@pytest.fixture
def verdicts() -> pl.DataFrame:
    return rows.named(
        [
            rows.verdict("2", "reaches", **FALLING),
            rows.verdict("1", "cannot tell"),
            rows.verdict("3", "no longer reaches", **FALLING),
        ]
    )


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def lines_of(figure: Figure) -> list[Floats]:
    """The lines with dots: those that stand for counts."""
    return [np.asarray(line.get_xydata()) for line in figure.axes[0].lines if line.get_marker() == "o"]


def bases_of(figure: Figure) -> list[float]:
    """Where nought stands in each strip, from the top."""
    return [float(np.asarray(line.get_ydata())[0]) for line in figure.axes[0].lines if line.get_color() == LINE]


def test_the_title_says_the_finding(trend: pl.DataFrame, verdicts: pl.DataFrame) -> None:
    message = " ".join(texts(trend_figure(trend, verdicts, "rider", "x", BANDS)))
    finding = (
        "Motorcyclists on X: Dale Riders still reaches them, 1 no longer does, "
        "fewer every week with Dale Riders and Dale Roads"
    )
    assert finding in message
    assert finding in trend_alt_text(trend, verdicts, "rider", "x", BANDS)


def test_nobody_can_tell_is_a_finding_too(trend: pl.DataFrame) -> None:
    verdicts = rows.named([rows.verdict("1", "cannot tell")])
    assert "of no account can anybody tell" in trend_alt_text(trend, verdicts, "rider", "x", BANDS)
    gone = rows.named([rows.verdict("1", "no longer reaches")])
    assert "no account surely reaches them, 1 no longer does" in trend_alt_text(trend, gone, "rider", "x", BANDS)


def test_the_alt_text_says_each_verdict_and_its_change(trend: pl.DataFrame, verdicts: pl.DataFrame) -> None:
    reported = trend_alt_text(trend, verdicts, "rider", "x", BANDS)
    assert "Dale Riders: reaches, falling: −34\u00a0% (−45\u00a0% to −20\u00a0%)" in reported
    assert "Dale Police: cannot tell, trend not known" in reported
    assert "Dale Roads: no longer reaches, falling." in reported  # how much would rest on counts that are not shown


def test_a_gap_is_hatched_and_never_zero(trend: pl.DataFrame, verdicts: pl.DataFrame) -> None:
    figure = trend_figure(trend, verdicts, "rider", "x", BANDS)
    assert [len(line) for line in lines_of(figure)] == [4, 1, 2]  # riders; police before and after the gap; no roads
    assert sum(bool(patch.get_hatch()) for patch in figure.axes[0].patches) == 1
    assert all(abs(y - base) > 0.05 for base in bases_of(figure) for line in lines_of(figure) for _, y in line)


def test_an_unfinished_week_of_an_account_is_a_gap(verdicts: pl.DataFrame) -> None:
    trend = rows.named([*rows.weeks("2", [200, 200, 200]), *rows.weeks("1", [40, 50, 60])]).with_columns(
        pl.when((pl.col("account_id") == "1") & (pl.col("week_on") == rows.MONDAY))
        .then(False)
        .otherwise("is_whole_week")
        .alias("is_whole_week")
    )
    assert [len(line) for line in lines_of(trend_figure(trend, verdicts, "rider", "x", BANDS))] == [3, 2]


def test_a_week_that_is_complete_for_nobody_is_left_out(trend: pl.DataFrame, verdicts: pl.DataFrame) -> None:
    begun = rows.named(
        [*rows.weeks("2", [200, 190]), *(row | {"is_whole_week": False} for row in rows.weeks("2", [1, 1, 20])[2:])]
    )
    assert [len(line) for line in lines_of(trend_figure(begun, verdicts, "rider", "x", BANDS))] == [2]


def test_an_account_without_any_extract_says_why(verdicts: pl.DataFrame) -> None:
    trend = rows.named([*rows.weeks("2", [200, 180]), *rows.weeks("1", [None, None], gap_reason="totals only")])
    assert "totals only" in texts(trend_figure(trend, verdicts, "rider", "x", BANDS))
    nobody = trend.filter(pl.col("account_id") == "1")
    assert "totals only" in texts(trend_figure(nobody, verdicts, "rider", "x", BANDS))


def test_small_counts_are_neither_written_nor_drawn(
    trend: pl.DataFrame, verdicts: pl.DataFrame, tmp_path: Path
) -> None:
    reported = texts(trend_figure(trend, verdicts, "rider", "x", BANDS))
    assert "under 10 in every week" in reported
    assert "205" in reported and "203" not in reported

    def picture(few: float, fewer: float) -> bytes:
        weeks = [*rows.weeks("2", [203, few, 151]), *rows.weeks("3", [few, fewer, 1])]
        return canvas.save(trend_figure(rows.named(weeks), verdicts, "rider", "x", BANDS), tmp_path / "trend")

    assert picture(3, 9) == picture(0, 4)


def test_the_band_is_the_interval_of_a_count(verdicts: pl.DataFrame) -> None:
    """Of 100 people the exact Poisson interval is 81.4 to 121.6; the square root comes near."""
    figure = trend_figure(rows.named(rows.weeks("2", [100, 100])), verdicts, "rider", "x", BANDS)
    (band,) = figure.axes[0].collections
    ys = np.asarray(band.get_paths()[0].vertices)[:, 1]
    (line,) = lines_of(figure)
    (base,) = bases_of(figure)
    scale = 100 / (base - line[0][1])
    assert (base - ys.max()) * scale == pytest.approx(81.4, abs=1)
    assert (base - ys.min()) * scale == pytest.approx(121.6, abs=1.5)


def test_what_is_not_there_is_refused(trend: pl.DataFrame, verdicts: pl.DataFrame) -> None:
    for ask in (trend_figure, trend_alt_text):
        with pytest.raises(ValueError, match="no week of segment surfer"):
            ask(trend, verdicts, "surfer", "x", BANDS)


def test_more_accounts_than_fit_are_counted(verdicts: pl.DataFrame) -> None:
    many = [row | {"name": f"Account {n:02}"} for n in range(15) for row in rows.weeks(str(n), [100 + 10 * n, 60])]
    reported = texts(trend_figure(rows.named(many), verdicts, "rider", "x", BANDS))
    assert "Account 14" in reported and "Account 02" not in reported
    assert any("3 accounts more in the table." in text for text in reported)


def test_long_names_stay_on_the_sheet_and_are_text(verdicts: pl.DataFrame, tmp_path: Path) -> None:
    name = "A £5 & $10 <b>account</b> of Donaudampfschifffahrtsgesellschaftskapitäne that goes on and on and on"
    weeks = [row | {"name": name} for row in rows.weeks("2", [200, 180])]
    figure = trend_figure(rows.named(weeks), verdicts.with_columns(name=pl.lit(name)), "rider", "x", BANDS)
    svg = canvas.save(figure, tmp_path / "one")
    assert svg == canvas.save(
        trend_figure(rows.named(weeks), verdicts.with_columns(name=pl.lit(name)), "rider", "x", BANDS), tmp_path / "two"
    )
    assert not any(element.tag.endswith("}b") for element in ET.fromstring(svg).iter())
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    for text in figure.axes[0].texts:
        extent = text.get_window_extent(renderer)
        assert 0 <= extent.x0 <= extent.x1 <= figure.get_size_inches()[0] * figure.dpi, text.get_text()
