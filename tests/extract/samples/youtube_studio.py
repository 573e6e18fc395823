"""A tiny `Table data.csv` of YouTube Studio, read through its column map, as known or with one drift."""

import csv
import datetime
from pathlib import Path

from pipelines.common.settings import SHIPPED_REF
from pipelines.extract.exports.mapped import convert
from pipelines.extract.files.column_map import read_map

FIGURES: tuple[str, ...] = ("impressions", "likes", "replies", "reposts")
"""The contract's figures of a post that the export can carry."""

OURS = {"sp_motor": "UCmotor"}
SEEN = datetime.date(2026, 10, 1)
CALLED = dict(zip(FIGURES, ("Impressions", "Likes", "Comments added", "Shares"), strict=True))
KNOWN: dict[str, int | None] = dict(zip(FIGURES, (90000, 80, 4, 1), strict=True))


def write(folder: Path, drift: str, figures: dict[str, int | None] | None = None) -> Path:
    """Write an export of one video below its total; a figure of None is an empty cell."""
    given = KNOWN | (figures or {})
    row: dict[str, object] = {
        "Content": "dQw4w9WgXcQ",
        "Video title": "Ride safe",
        "Video publish time": "Sep 10, 2026",
        "Views": 5000,
    }
    row |= {CALLED[name]: "" if figure is None else figure for name, figure in given.items()}
    if drift == "unknown column":
        row["Mood"] = "calm"
    elif drift == "missing column":
        del row["Video publish time"]
    elif drift == "retyped column":
        row["Impressions"] = "many"
    else:
        assert drift == "as known"
    file = folder / "sp_motor" / "Table data.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, list(row), restval="")
        writer.writeheader()
        writer.writerow({"Content": "Total", "Views": 5000})
        writer.writerow(row)
    return folder


def read(path: Path, out: Path) -> list[str]:
    """Run the reader."""
    mapping = read_map(SHIPPED_REF / "column_map" / "youtube_studio.yml")
    return convert(path, out, OURS, SEEN, mapping=mapping)
