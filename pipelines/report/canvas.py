"""What every chart shares: a sheet measured in inches, text that wraps to its place, colours, and files.

Bytes are the same for the same data: no date, no random ids. Text stays text in the SVG, in fonts of which
every machine has one; it is laid out for DejaVu Sans, the widest of them: a narrower one never overflows.
"""

import re
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.textpath import text_to_path

from pipelines.common.visible import visible

INK, QUIET, LINE, PAPER, BLACK = "#1b2733", "#56636f", "#d5dbe0", "#ffffff", "#05080b"
BAR, ALONE, WITHHELD, STRIPE = "#2f5d8a", "#b4500f", "#eceff1", "#f5f7f8"
SHARES: Colormap = matplotlib.colormaps["YlGnBu"]

STYLE: dict[Any, Any] = {
    "svg.hashsalt": "stillreach",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "Helvetica", "sans-serif"],
    "hatch.linewidth": 0.6,
}
DOTS_PER_INCH = 160
SCREEN_DOTS_PER_INCH = 96
MARGIN = 0.2
NOT_IN_XML = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class Sheet(Figure):
    """A figure that notebooks show by itself: without pyplot, they know only of its name and size.

    Drawn finely and shown at 96 dots to the inch: with few dots letters grow wider than they were measured.
    """

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        picture = BytesIO()
        with matplotlib.rc_context(STYLE):
            self.savefig(picture, format="png", dpi=2 * SCREEN_DOTS_PER_INCH, metadata={"Software": None})
        width, height = (round(SCREEN_DOTS_PER_INCH * inches) for inches in self.get_size_inches())
        return picture.getvalue(), {"width": width, "height": height}


def sheet(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty figure whose one pair of axes is measured in inches from the top left."""
    figure = Sheet(figsize=(width, height), facecolor=PAPER)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.axis("off")
    return figure, axes


def write(axes: Axes, x: float, y: float, text: str, size: float = 9, **options: Any) -> None:
    """Write text at a place in inches; a `$` in a name is a `$`, never a formula."""
    style: dict[str, Any] = {
        "color": INK,
        "va": "center",
        "family": "sans-serif",
        "parse_math": False,
    } | options
    axes.text(x, y, NOT_IN_XML.sub(" ", text), fontsize=size, **style)


@lru_cache(maxsize=4096)
def width_of(text: str, size: float, weight: str = "normal") -> float:
    """Width of one line of text in inches."""
    font = FontProperties(family="DejaVu Sans", size=size, weight=weight)
    clean = NOT_IN_XML.sub(" ", text)
    return float(text_to_path.get_text_width_height_descent(clean, font, ismath=False)[0]) / 72


def wrapped(text: str, width: float, size: float, weight: str = "normal") -> list[str]:
    """Break text into lines of at most `width` inches, inside a word only where it alone is too wide."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if width_of(longer, size, weight) <= width:
            lines[-1] = longer
            continue
        pieces = _pieces(word, width, size, weight)
        lines = [line for line in lines if line] + pieces
    return lines


def shortened(text: str, width: float, size: float) -> str:
    """Cut text to one line of at most `width` inches, with an ellipsis where something is gone."""
    if width_of(text, size) <= width:
        return text
    while text and width_of(f"{text}…", size) > width:
        text = text[:-1]
    return f"{text.rstrip()}…"


def title_lines(text: str, width: float) -> list[str]:
    """Break a chart's title to the width of its sheet."""
    return wrapped(text, width - 2 * MARGIN, 13, "bold")


def write_title(axes: Axes, lines: list[str]) -> float:
    """Write a title at the top of a sheet and give the place below it, in inches."""
    for number, line in enumerate(lines):
        write(axes, MARGIN, 0.3 + 0.25 * number, line, 13, weight="bold")
    return 0.3 + 0.25 * len(lines)


def box(axes: Axes, x: float, y: float, width: float, height: float, **options: Any) -> None:
    """Fill a rectangle, sizes in inches."""
    axes.add_patch(Rectangle((x, y), width, height, **({"linewidth": 0} | options)))


def hatched(axes: Axes, x: float, y: float, width: float, height: float) -> None:
    """Fill a rectangle with the hatching that means: there is no figure."""
    box(axes, x, y, width, height, facecolor="#f7f8f9", edgecolor="#b9c2ca", hatch="////")


def shade(share: float) -> Any:
    """Colour of a share of 0 to 1, one scale for every night; never too dark for its figure to be read."""
    return SHARES(0.62 * share)


def readable_on(colour: Any) -> str:
    """Near-black or paper, whichever stands out more from a colour (contrast by WCAG 2)."""
    back = _luminance(colour)
    dark, light = _luminance(BLACK), 1.0
    return BLACK if (back + 0.05) / (dark + 0.05) >= (light + 0.05) / (back + 0.05) else PAPER


def save(figure: Figure, stem: Path) -> bytes:
    """Write `<stem>.png` and `<stem>.svg` and give the bytes of the SVG."""
    png, svg = stem.with_name(f"{stem.name}.png"), stem.with_name(f"{stem.name}.svg")
    for text in figure.findobj(Text):
        text.set_text(visible(text.get_text()))
    with matplotlib.rc_context(STYLE):
        figure.savefig(png, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    return svg.read_bytes()


def _pieces(word: str, width: float, size: float, weight: str) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and width_of(pieces[-1] + letter, size, weight) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces


def _luminance(colour: Any) -> float:
    parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
