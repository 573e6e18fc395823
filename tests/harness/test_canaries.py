"""Marked persons: no byte outside the restricted folders holds a mark, whatever the night did."""

import logging
import random
import re
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import night
from pipelines.common.errors import StillreachError
from pipelines.common.settings import Settings
from pipelines.landing.land_drop import land_drop
from pipelines.warehouse import publish
from tests.cli.command import runner

WriteDrop = Callable[[Path, Mapping[str, Any]], Path]
County = Callable[..., dict[str, Any]]

ON = date(2026, 7, 22)
# Only the pipeline's user reads them (SECURITY.md).
RESTRICTED = {"landing", "work", "inbox", "secret", "ref", "pulled"}
# Long enough that no packed byte holds one by chance.
MARK = re.compile(rb"zq(?:id|handle|name|bio|location|post|reply|key|column|value|metric|file)", re.IGNORECASE)
N_MARKS = 200

pytestmark = pytest.mark.harness


def county_of_marks(county: County) -> dict[str, Any]:
    """Give the tiny county with 200 marked persons: marks in every text, id, an unknown column and JSON keys.

    Ids of our own posts and channels of contacts are ours and are published.
    """
    files = county(str(ON), N_MARKS)
    chance = random.Random(1)
    for row in files["follower.jsonl.gz"]:
        row[f"zqkey{chance.randrange(9)}"] = "zqvalue"
    files["account_day.csv"][0]["zqcolumn"] = "zqvalue"
    return files


def swapped(files: dict[str, Any]) -> list[dict[str, Any]]:
    """Swap account and member in half of the rows."""
    return [
        row | {"account_id": row["member_id"], "member_id": row["account_id"]} if n % 2 else row
        for n, row in enumerate(files["follower.jsonl.gz"])
    ]


def marks_in_tables(path: Path) -> set[bytes]:
    with duckdb.connect(str(path), read_only=True) as con:
        tables = con.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
        texts = [str(con.execute(f"SELECT * FROM {schema}.{name}").fetchall()) for schema, name in tables]
    return {mark for text in texts for mark in MARK.findall(text.encode())}


def marked_files(root: Path) -> dict[str, set[bytes]]:
    """Give the marks in every file outside the restricted folders: in its name, its bytes, and a snapshot's tables."""
    found: dict[str, set[bytes]] = {}
    for path in (one for one in root.rglob("*") if one.is_file()):
        place = path.relative_to(root)
        if not RESTRICTED & set(place.parts[:2]):
            marks = set(MARK.findall(str(place).encode() + path.read_bytes()))
            marks |= marks_in_tables(path) if path.suffix == ".duckdb" else set()
            found |= {str(place): marks} if marks else {}
    return found


def lay_in_inbox(settings: Settings, files: dict[str, Any], odd: dict[str, Any], write_drop: WriteDrop) -> None:
    """Lay a good drop into the inbox, and others that each fail in another way."""
    write_drop(settings.inbox / "x_extract" / str(ON), files)
    headless = "zqid1,zqhandle,zqname,zqbio\nzqid2,zqhandle,zqname,zqbio\n"
    bad_type = [row | {"followers_count": "zqvalue"} for row in files["follower.jsonl.gz"][:9]]
    failing: dict[str, dict[str, Any]] = {
        "bad_type": {"follower.jsonl": bad_type},
        "headless": {"follower.csv": headless},
        "odd_key": {"manifest.json": {"zqkey": 1}, "follower.jsonl": bad_type},
        "odd_metric": {"account_day.jsonl": [odd]},
        "swapped": {"follower.jsonl": swapped(files)},
        "unreadable": {"follower.parquet": b"PAR1zqvalue"},
    }
    for source, drop in failing.items():
        write_drop(settings.inbox / source / str(ON), drop)


def test_no_mark_leaves_the_restricted_folders_in_a_good_night_or_a_failing_one(
    settings: Settings,
    tmp_path: Path,
    write_drop: WriteDrop,
    county: County,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG, logger="pipelines")
    stillreach = runner(capsys, monkeypatch)
    files = county_of_marks(county)
    odd = {"platform": "x", "account_id": "1", "day": str(ON), "metric": "zqmetric", "value": 1}
    lay_in_inbox(settings, files, odd, write_drop)
    shown = list(stillreach("nightly", "--as-of", str(ON)))
    assert publish.current_snapshot(settings), shown
    assert list(settings.release.rglob("index.html"))
    # As a pull lands: nobody looks at each row, and half of them are of accounts that nobody listed.
    pulled = write_drop(tmp_path / "pulled", {"follower.jsonl": swapped(files), "account_day.jsonl": [odd]})
    shown.append(land_drop(pulled, "pulled", ON, settings).message())
    with pytest.raises(StillreachError) as stop:
        night.run_night(ON)
    shown.append(stop.value.message())
    for command in ("status", "show", "quarantine"):
        shown += stillreach(command)
    assert MARK.findall(" ".join(map(str, shown)).encode()) == []
    assert MARK.findall(caplog.text.encode()) == []
    assert marked_files(tmp_path) == {}
    assert marked_files(tmp_path / "data" / "landing"), "the marks are there to be found"
