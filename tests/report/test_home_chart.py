"""The picture of homes: its finding, unknown homes, and what must not stand in it."""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from pipelines.report import canvas
from pipelines.report.home_chart import BAND_COLOURS, home_alt_text, home_figure
from tests.report import answer_rows as rows
from tests.report.small_night import BANDS

RIDERS = {"home area": 177, "under 25 km": 23, "over 100 km": 403, "abroad": 152, "unknown": 814}
POLICE = {"home area": 52, "over 100 km": 12, "unknown": 60}


def frames(people: Mapping[str, Mapping[str, float]], **others: Any) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Homes and visitors of accounts, from their people by band."""
    homes = [row for account_id, bands in people.items() for row in rows.homes(account_id, bands)]
    return rows.named(homes), rows.named([rows.visitors(one, bands, **others) for one, bands in people.items()])


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def parts_of(figure: Figure) -> list[tuple[str, float]]:
    """Bands as they stand in the bars (not in the legend), with the widths of their parts."""
    bands = {colour: band for band, colour in BAND_COLOURS.items()}
    found = [(one, bands.get(to_hex(one.get_facecolor()))) for one in figure.axes[0].patches]
    return [(band, one.get_width()) for one, band in found if band and one.get_height() > 0.2]  # type: ignore[attr-defined]


def test_the_title_says_who_reaches_visitors() -> None:
    homes, visitors = frames({"2": RIDERS, "1": POLICE})
    finding = "Motorcyclists on X: Dale Riders reaches 77\u00a0% visitors, by known homes"
    assert finding in texts(home_figure(homes, visitors, "rider", "x", BANDS))
    reported = home_alt_text(homes, visitors, "rider", "x", BANDS)
    assert finding in reported
    assert "Dale Police: 15\u00a0% (under 15\u00a0% to 23\u00a0%)" in reported


def test_too_few_locals_are_said_in_the_title_and_beside_the_bar() -> None:
    reading = "fewer locals than a local account needs"
    homes, visitors = frames({"2": RIDERS}, visitor_reading=reading, audience="local")
    message = " ".join(texts(home_figure(homes, visitors, "rider", "x", BANDS)))
    assert "; too few locals: Dale Riders" in message
    assert reading[:20] in message.split("; too few locals")[1]


def test_parts_are_as_wide_as_their_people_and_unknown_homes_stand() -> None:
    homes, visitors = frames({"2": RIDERS})
    parts = dict(parts_of(home_figure(homes, visitors, "rider", "x", BANDS)))
    assert list(parts) == ["home area", "under 25 km", "over 100 km", "abroad", "unknown"]
    assert parts["unknown"] / parts["home area"] == pytest.approx(815 / 175)


def test_a_small_part_is_neither_drawn_nor_written(tmp_path: Path) -> None:
    homes, visitors = frames({"1": POLICE | {"abroad": 6}})
    figure = home_figure(homes, visitors, "rider", "x", BANDS)
    assert [band for band, _ in parts_of(figure)] == ["home area", "over 100 km", "unknown"]

    def picture(few: int) -> bytes:
        homes, visitors = frames({"1": {"home area": 9 - few, "under 25 km": few, "over 100 km": 22, "unknown": 60}})
        svg = canvas.save(home_figure(homes, visitors, "rider", "x", BANDS), tmp_path / "homes")
        return svg + home_alt_text(homes, visitors, "rider", "x", BANDS).encode()

    assert picture(3) == picture(8)


def test_a_share_that_would_tell_a_small_count_is_withheld() -> None:
    """With 15 visitors, "94 %" would say that one local is reached."""
    homes, visitors = frames({"1": {"home area": 1, "over 100 km": 15, "unknown": 22}})
    reported = home_alt_text(homes, visitors, "rider", "x", BANDS)
    assert "Dale Police: under 10 locals." in reported
    assert "94" not in reported
    assert "of no account can a share of visitors be shown" in reported
    homes, visitors = frames({"1": {"home area": 30, "abroad": 4}})
    assert "Dale Police: under 10 visitors." in home_alt_text(homes, visitors, "rider", "x", BANDS)


def test_an_account_without_a_figure_says_why() -> None:
    homes, visitors = frames({"2": RIDERS, "1": POLICE, "3": {"home area": 4.0}})
    gone = ["reach_people", "home_people", "visitor_people", "unknown_people", "visitor_share"]
    is_police = pl.col("account_id") == "1"
    visitors = visitors.with_columns(
        *(pl.when(is_police).then(None).otherwise(pl.col(name)).alias(name) for name in gone),
        visitor_reason=pl.when(is_police).then(pl.lit("totals only")),
    )
    reported = texts(home_figure(homes, visitors, "rider", "x", BANDS))
    assert "totals only" in reported
    assert "under 10 people" in reported and "too few to be shown" in reported
    assert "4" not in reported


def test_what_is_not_there_is_refused() -> None:
    homes, visitors = frames({"2": RIDERS})
    for ask in (home_figure, home_alt_text):
        with pytest.raises(ValueError, match="no row of segment surfer"):
            ask(homes, visitors, "surfer", "x", BANDS)
        with pytest.raises(ValueError, match="basis engaged"):
            ask(homes, visitors, "rider", "x", BANDS, basis="engaged")


def test_more_accounts_than_fit_are_counted() -> None:
    many = {str(n): {"home area": 100 + 10 * n, "abroad": 50} for n in range(15)}
    homes = rows.named([row | {"name": f"No {one}"} for one, of in many.items() for row in rows.homes(one, of)])
    visitors = rows.named([rows.visitors(one, of, name=f"No {one}") for one, of in many.items()])
    reported = texts(home_figure(homes, visitors, "rider", "x", BANDS))
    assert "No 14" in reported and "No 2" not in reported
    assert reported[-1].endswith("3 accounts more.")


def test_neighbouring_colours_are_told_apart_without_colour() -> None:
    """Also printed in grey, and with any colour vision, two bands that touch differ in lightness."""
    light = {band: canvas._luminance(colour) for band, colour in BAND_COLOURS.items()}
    for one, other in itertools.pairwise(["home area", "under 25 km", "25 to 100 km", "over 100 km"]):
        assert (light[one] + 0.05) / (light[other] + 0.05) > 1.4, (one, other)


def test_the_same_people_give_the_same_bytes_on_the_sheet(tmp_path: Path) -> None:
    homes, visitors = frames({"2": RIDERS, "1": POLICE})
    name = "A £5 & $10 account of Donaudampfschifffahrtsgesellschaftskapitäne that goes on and on and on"
    visitors = visitors.with_columns(name=pl.lit(name))
    figures = [home_figure(homes, visitors, "rider", "x", BANDS) for _ in range(2)]
    assert len({canvas.save(figure, tmp_path / "homes") for figure in figures}) == 1
    renderer = FigureCanvasAgg(figures[0]).get_renderer()  # type: ignore[no-untyped-call]
    for text in figures[0].axes[0].texts:
        extent = text.get_window_extent(renderer)
        assert 0 <= extent.x0 <= extent.x1 <= figures[0].get_size_inches()[0] * figures[0].dpi, text.get_text()
