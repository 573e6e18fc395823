"""A tiny per-post export of Meta Business Suite, as known or with one drift."""

import csv
import datetime
from pathlib import Path

from pipelines.common.settings import SHIPPED_REF, Settings
from pipelines.extract.exports.meta import COLUMNS, Setting, convert
from pipelines.extract.files.export_locale import Zone, read_aliases

FIGURES: tuple[str, ...] = ("impressions", "reach", "likes", "replies", "reposts", "clicks")
"""The contract's figures of a post that the export can carry."""

PAGE = "100045700821521"
SEEN = datetime.date(2026, 10, 1)
CALLED = dict(
    zip(FIGURES, ("Views", "Reach", "Reactions", "Comments", "Shares", "Total clicks"), strict=True),
)
KNOWN: dict[str, int | None] = dict(zip(FIGURES, (270, 200, 8, 4, 1, 20), strict=True))


def write(folder: Path, drift: str, figures: dict[str, int | None] | None = None) -> Path:
    """Write an export of one post; a figure of None is an empty cell."""
    given = KNOWN | (figures or {})
    row: dict[str, object] = {
        "Post ID": "1827720132094663",
        "Page ID": PAGE,
        "Title": "Ride safe",
        "Publish time": "09/28/2026 18:12",
        "Permalink": "https://www.facebook.com/sp_motor/posts/pfbid1",
        "Post type": "Photos",
        "Date": "Lifetime",
    }
    row |= {CALLED[name]: "" if figure is None else figure for name, figure in given.items()}
    if drift == "unknown column":
        row["Mood"] = "calm"
    elif drift == "missing column":
        del row["Publish time"]
    elif drift == "retyped column":
        row["Reach"] = "many"
    else:
        assert drift == "as known"
    file = folder / "sp_motor" / "export.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, list(row))
        writer.writeheader()
        writer.writerow(row)
    return folder


def read(path: Path, out: Path) -> list[str]:
    """Run the reader."""
    shipped = Settings(data=path, ref=SHIPPED_REF, key_file=path / "key")
    accounts = {"facebook": {"sp_motor": PAGE}, "instagram": {}}
    setting = Setting(read_aliases(shipped, "meta", COLUMNS), Zone("Europe/London", "a test"), accounts)
    return convert(path, out, {"sp_motor": PAGE}, SEEN, setting=setting)
