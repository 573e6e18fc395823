"""A tiny X Analytics export of one post, as known or with one drift."""

import csv
import datetime
import io
from pathlib import Path

from pipelines.extract.exports.x_analytics import FIGURES as FIGURES
from pipelines.extract.exports.x_analytics import convert

OURS = {"sp_motor": "1001"}
HEADER = {
    "Post id": "1944",
    "Date": "Tue, Jul 14, 2026",
    "Post text": "Ride safe",
    "Post Link": "https://x.com/sp_motor/status/1944",
}
NAMES = {
    "impressions": "Impressions",
    "likes": "Likes",
    "replies": "Replies",
    "reposts": "Reposts",
    "clicks": "URL Clicks",
}


def write(folder: Path, drift: str, figures: dict[str, int | None] | None = None) -> Path:
    """Write an export of one post; a figure that is None is an empty cell."""
    given = dict.fromkeys(FIGURES, 7) | (figures or {})
    cells = HEADER | {NAMES[name]: "" if value is None else str(value) for name, value in given.items()}
    if drift == "unknown column":
        cells["Grok asks"] = "3"
    elif drift == "missing column":
        del cells["Post id"]
    elif drift == "retyped column":
        cells["Likes"] = "many"
    else:
        assert drift == "as known"
    text = io.StringIO(newline="")
    csv.writer(text).writerows([cells.keys(), cells.values()])
    file = folder / "sp_motor" / "content.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text.getvalue(), encoding="utf-8-sig", newline="")
    return folder


def read(path: Path, out: Path) -> list[str]:
    """Run the reader."""
    return convert(path, out, OURS, datetime.date(2026, 7, 15))
