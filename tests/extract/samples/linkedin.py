"""A tiny content export of a LinkedIn page, read through its column map, as known or with one drift."""

import datetime
from pathlib import Path

from pipelines.common.settings import SHIPPED_REF
from pipelines.extract.exports.mapped import convert
from pipelines.extract.files.column_map import read_map
from tests.extract.workbook import Value, xls

FIGURES: tuple[str, ...] = ("impressions", "likes", "replies", "reposts", "clicks")
"""The contract's figures of a post that the export can carry."""

OURS = {"sp_motor": "7700001"}
SEEN = datetime.date(2026, 10, 1)
CALLED = dict(zip(FIGURES, ("Impressions", "Likes", "Comments", "Reposts", "Clicks"), strict=True))
KNOWN: dict[str, int | None] = dict(zip(FIGURES, (900, 8, 4, 1, 20), strict=True))


def write(folder: Path, drift: str, figures: dict[str, int | None] | None = None) -> Path:
    """Write an export of one post below its title row; a figure of None is an empty cell."""
    given = KNOWN | (figures or {})
    row: dict[str, Value] = {
        "Post title": "Ride safe",
        "Post link": "https://www.linkedin.com/feed/update/urn:li:activity:7123456789012345678",
        "Created date": "09/28/2026",
    }
    row |= {CALLED[name]: figure for name, figure in given.items()}
    if drift == "unknown column":
        row["Mood"] = "calm"
    elif drift == "missing column":
        del row["Created date"]
    elif drift == "retyped column":
        row["Impressions"] = "many"
    else:
        assert drift == "as known"
    file = folder / "sp_motor" / "content.xls"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(xls({"All posts": [["What posts did"], list(row), list(row.values())]}))
    return folder


def read(path: Path, out: Path) -> list[str]:
    """Run the reader."""
    mapping = read_map(SHIPPED_REF / "column_map" / "linkedin.yml")
    return convert(path, out, OURS, SEEN, mapping=mapping)
