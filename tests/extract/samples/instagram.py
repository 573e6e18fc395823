"""A tiny Instagram export of one follower, as known or with one drift."""

import datetime
import json
from pathlib import Path
from typing import Any

from pipelines.extract.exports.instagram import convert

FIGURES: tuple[str, ...] = ()
"""The export holds no figure of a post."""

OURS = {"sp_motor": "17841400001", "sp_news": "17841400002"}
SEEN = datetime.date(2026, 7, 15)
FOLDER = "connections/followers_and_following"


def follower(handle: object = "jane.rides", timestamp: object = 1676354318, **more: object) -> dict[str, Any]:
    """Write one entry; a handle or an instant of None is left out."""
    reported = {"href": f"https://www.instagram.com/{handle}", "value": handle, "timestamp": timestamp}
    reported = {name: value for name, value in reported.items() if value is not None}
    return {"title": "", "media_list_data": [], "string_list_data": [reported | more]}


def wrapped(entries: list[Any]) -> str:
    """Write a list as exports did before 2023."""
    return json.dumps({"relationships_followers": entries})


def lay(folder: Path, *files: str, account: str = "sp_motor") -> Path:
    """Lay out an unpacked export, with lists beside the followers that nobody may open."""
    place = folder / account / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    for n, text in enumerate(files, start=1):
        (place / f"followers_{n}.json").write_text(text, encoding="utf-8")
    for name in ("following.json", "close_friends.json", "blocked_profiles.json"):
        (place / name).write_text("not JSON at all", encoding="utf-8")
    return folder


def write(folder: Path, drift: str, figures: dict[str, int | None] | None = None) -> Path:
    """Write an export of one follower."""
    assert not figures, "it holds no figure"
    entry = follower()
    if drift == "unknown column":
        entry = follower(is_verified=True)
    elif drift == "missing column":
        entry = follower(handle=None)
    elif drift == "retyped column":
        entry = follower(timestamp="2023-02-14")
    else:
        assert drift == "as known"
    return lay(folder, json.dumps([entry]))


def read(path: Path, out: Path) -> list[str]:
    """Run the reader."""
    return convert(path, out, OURS, SEEN)
