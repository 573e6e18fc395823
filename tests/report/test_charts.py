"""The charts: what stands in them, and what must not."""

import re
import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from pipelines.release import disclosure
from pipelines.report import canvas, charts, figures, labels
from pipelines.report.figures import Night
from tests.report.small_night import BANDS, SmallNight

RIDERS = ("rider", "x", "follower")


def read(night: SmallNight, folder: Path) -> Night:
    return figures.read_night(night.write(folder / "night.duckdb"))


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_the_heat_map_names_what_it_has_no_figure_for(small_night: SmallNight, tmp_path: Path) -> None:
    small_night.partial = {"1"}
    reported = texts(charts.heat_map(read(small_night, tmp_path).reach, BANDS))
    assert "totals only" in reported
    assert "<10" in reported
    assert "89\u00a0%" in reported
    assert "≥ 13\u00a0%" in reported
    assert (
        "Data of 31\u00a0March 2026. People who follow. Counts under 10 are not shown, others are rounded to 5."
        in reported
    )


def test_a_map_of_the_engaged_speaks_of_the_engaged(small_night: SmallNight, tmp_path: Path) -> None:
    message = " ".join(texts(charts.heat_map(read(small_night, tmp_path).reach, BANDS, "engaged")))
    assert "reaches 42\u00a0% of them, and 33\u00a0% engage with no other account of ours" in message


def test_the_overlap_merges_what_is_too_small(small_night: SmallNight, tmp_path: Path) -> None:
    small_night.sets[RIDERS] = {(): 100, ("2",): 801, ("1",): 9, ("3",): 8, ("1", "2"): 7}
    reported = texts(charts.overlap_figure(read(small_night, tmp_path).signatures, "rider", "x", BANDS))
    assert "other sets" in reported
    assert "none of ours" in reported
    assert "25" in reported
    assert not {"7", "8", "9", "24"} & set(reported)


def test_the_overlap_shows_at_most_twelve_sets(small_night: SmallNight, tmp_path: Path) -> None:
    names = [str(n) for n in range(7)]
    small_night.names = {("x", one): f"Account {one}" for one in names}
    small_night.sets[RIDERS] = {pair: 100 + 10 * n for n, pair in enumerate(combinations(names, 2))}
    overlap = charts._overlap(
        read(small_night, tmp_path).signatures, "rider", "x", "follower", disclosure.limits(BANDS)
    )
    assert [bar.words for bar in overlap.bars] == [""] * 12 + ["other sets"]
    assert overlap.bars[-1].people.number == sum(100 + 10 * n for n in range(21 - 12))


def test_no_exact_small_count_hides_in_the_bytes(small_night: SmallNight, tmp_path: Path) -> None:
    """Two nights that differ in nothing but small counts give the same pictures."""

    def pictures(few: int) -> list[bytes]:
        small_night.sets[RIDERS] = {(): 100, ("2",): 801, ("1", "2"): 200, ("1",): few, ("3",): 10 - few}
        small_night.sets["farmer", "x", "follower"] = {(): 400, ("2",): few, ("1",): 58}
        night = read(small_night, tmp_path)
        return [
            canvas.save(charts.overlap_figure(night.signatures, "rider", "x", BANDS), tmp_path / "overlap"),
            canvas.save(charts.heat_map(night.reach, BANDS), tmp_path / "map"),
        ]

    assert pictures(3) == pictures(4)


def test_an_order_tells_nothing_that_rounding_hides(small_night: SmallNight, tmp_path: Path) -> None:
    def picture(one: int, other: int) -> bytes:
        small_night.sets[RIDERS] = {(): 100, ("1",): one, ("3",): other}
        night = read(small_night, tmp_path)
        return canvas.save(charts.overlap_figure(night.signatures, "rider", "x", BANDS), tmp_path / "overlap")

    assert picture(201, 202) == picture(202, 201)


def test_bars_are_as_long_as_their_numbers(small_night: SmallNight, tmp_path: Path) -> None:
    small_night.sets[RIDERS] = {(): 100, ("2",): 800, ("1",): 400, ("1", "2"): 200}
    figure = charts.overlap_figure(read(small_night, tmp_path).signatures, "rider", "x", BANDS)
    shapes = [one for one in figure.axes[0].patches if isinstance(one, Rectangle)]
    high = [one.get_height() for one in shapes if one.get_height() > 0.2 and one.get_width() < 0.5]
    assert [height / max(high) for height in high[-4:]] == pytest.approx([1, 1 / 2, 1 / 4, 1 / 8])
    wide = [one.get_width() for one in shapes if one.get_height() == pytest.approx(0.18)]
    assert [width / max(wide) for width in wide] == pytest.approx([1, 6 / 10])


def test_long_names_wrap_or_are_cut_and_dollars_stay(small_night: SmallNight, tmp_path: Path) -> None:
    small_night.names["x", "2"] = "A £5 & $10 account of $ome name that goes on and on beyond every column and sheet"
    small_night.titles["rider"] = "Donaudampfschifffahrtsgesellschaftskapitänswitwenverein and friends"
    night = read(small_night, tmp_path)
    for figure in (
        charts.heat_map(night.reach, BANDS),
        charts.overlap_figure(night.signatures, "rider", "x", BANDS),
    ):
        canvas.save(figure, tmp_path / "chart")
        axes, width = figure.axes[0], figure.get_size_inches()[0]
        renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
        for text in axes.texts:
            extent = text.get_window_extent(renderer)
            assert 0 <= extent.x0 <= extent.x1 <= width * figure.dpi, text.get_text()


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", 'x" onload="alert(1)', "]]>&amp;", "$5 & $6", "bell \x07"]
)
def test_a_name_is_text_and_nothing_else_in_the_svg(name: str, small_night: SmallNight, tmp_path: Path) -> None:
    small_night.names["x", "2"] = name
    small_night.titles["rider"] = name
    night = read(small_night, tmp_path)
    for figure in (
        charts.heat_map(night.reach, BANDS),
        charts.overlap_figure(night.signatures, "rider", "x", BANDS),
    ):
        root = ET.fromstring(canvas.save(figure, tmp_path / "chart"))
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert tags <= {
            "svg",
            "g",
            "path",
            "text",
            "tspan",
            "defs",
            "style",
            "metadata",
            "use",
            "clipPath",
            "rect",
            "pattern",
            "RDF",
            "Work",
            "type",
            "format",
            "creator",
            "Agent",
            "title",
        }
        assert not any(key.startswith("on") for element in root.iter() for key in element.attrib)
        assert any(name[:5] in "".join(element.itertext()) for element in root.iter() if element.tag.endswith("text"))


def test_an_svg_asks_for_nothing_outside(small_night: SmallNight, tmp_path: Path) -> None:
    svg = canvas.save(charts.heat_map(read(small_night, tmp_path).reach, BANDS), tmp_path / "map").decode()
    assert all(target.startswith("#") for target in re.findall(r"""(?:href=["']|url\()([^"')]*)""", svg))
    assert "<text" in svg
    assert "dc:date" not in svg


@pytest.mark.parametrize("share", [n / 50 for n in range(51)])
def test_cell_text_can_be_read_on_every_colour(share: float) -> None:
    back = canvas.shade(share)
    light, dark = sorted((canvas._luminance(back), canvas._luminance(canvas.readable_on(back))), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 5.5


def test_a_segment_that_is_not_there_is_refused(small_night: SmallNight, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no row of segment surfer"):
        charts.overlap_figure(read(small_night, tmp_path).signatures, "surfer", "x", BANDS)


def test_alt_texts_say_the_finding(small_night: SmallNight, tmp_path: Path) -> None:
    night = read(small_night, tmp_path)
    assert "4 accounts by 3 segments" in charts.heat_map_alt_text(night.reach, BANDS)
    reported = charts.overlap_alt_text(night.signatures, "rider", "x", BANDS)
    assert "800 of 1,200 follow only Dale Riders" in reported
    assert "Dale Police and Dale Riders: 205" in reported


def test_a_notebook_shows_a_chart_as_a_picture(small_night: SmallNight, tmp_path: Path) -> None:
    """Without pyplot, which draws into the process's own state, it would print the figure's name."""
    from IPython.core.formatters import DisplayFormatter

    figure = charts.heat_map(read(small_night, tmp_path).reach, BANDS)
    shown, sizes = DisplayFormatter().format(figure)  # type: ignore[no-untyped-call]
    assert shown["image/png"].startswith(b"\x89PNG")
    assert sizes["image/png"]["width"] == round(96 * figure.get_size_inches()[0])


@pytest.mark.parametrize("basis", list(labels.BASIS_TITLES))
def test_every_basis_has_its_words_and_they_fit(basis: str, small_night: SmallNight, tmp_path: Path) -> None:
    night = read(small_night, tmp_path)
    for figure in (
        charts.heat_map(night.reach, BANDS, basis),
        charts.overlap_figure(night.signatures, "rider", "x", BANDS, basis),
    ):
        source = " ".join(texts(figure)).replace("\n", " ")
        assert f"{labels.BASIS_TITLES[basis]}. Counts" in source
        renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
        sides = figure.get_size_inches() * figure.dpi
        for text in figure.axes[0].texts:
            extent = text.get_window_extent(renderer)
            assert 0 <= extent.x0 <= extent.x1 <= sides[0], text.get_text()
            assert 0 <= extent.y0 <= extent.y1 <= sides[1], text.get_text()
