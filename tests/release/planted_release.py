"""A published night with the marts that leave, made from a small world of `tests.release.worlds`."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from pipelines.common.contract import contracts
from pipelines.release.cells import Cell

AS_OF = date(2026, 3, 31)
BANDS = {
    "shown_people_at_least": 10.0,
    "shown_people_rounded_to": 5.0,
    "withheld_until_people": 13.0,
    "withheld_values_at_least": 5.0,
}
KEY = bytes(range(32))
HOMES = {"b0": "home area", "b1": "abroad", "b2": "unknown"}
TABLES = ("segment_reach", "segment_size", "closure_effect", "reach_home", "reach_verdict", "account_scorecard")


def write_snapshot(path: Path, counts: Mapping[Cell, int], as_of: date = AS_OF, **words: str) -> Path:
    """Write the marts of a world; `words` are further columns of `mart.segment_reach`. Homes of nobody have no row."""
    path.unlink(missing_ok=True)
    con = duckdb.connect(str(path))
    con.execute("CREATE SCHEMA mart")
    for name in TABLES:
        columns = ", ".join(f"{column.name} {column.type}" for column in contracts("mart")[name].columns)
        con.execute(f"CREATE TABLE mart.{name} ({columns})")
    con.execute("CREATE SCHEMA meta")
    freshness = ", ".join(f"{column.name} {column.type}" for column in contracts("meta")["freshness"].columns)
    con.execute(f"CREATE TABLE meta.freshness ({freshness})")
    for one, count in counts.items():
        for table, row in _rows(one, count, counts, words):
            row = {"as_of": as_of, "segment_id": one.segment_id, "platform": one.platform} | row
            marks = ", ".join(f"${name}" for name in row)
            con.execute(f"INSERT INTO mart.{table} ({', '.join(row)}) VALUES ({marks})", row)
    con.close()
    return path


def _rows(
    one: Cell, count: int, counts: Mapping[Cell, int], words: Mapping[str, str]
) -> list[tuple[str, dict[str, Any]]]:
    everyone = counts[Cell("segment", "everyone", one.platform)]
    if one.measure == "segment":
        reached = counts[Cell("reached", *one[1:3], basis="follower")]
        size = {"title": f"={one.segment_id}", "segment_people": count, "reached_people": reached}
        return [("segment_size", size | {"everyone_people": everyone})]
    of: dict[str, Any] = {"account_id": one.account_id, "basis": one.basis}
    if one.measure == "home" and count:
        return [("reach_home", of | {"home_band": HOMES[one.home_band], "people": count})]
    if one.measure != "reach":
        return []
    lost = counts[one.of(measure="exclusive")]
    segment = counts[Cell("segment", *one[1:3])]
    reach: dict[str, Any] = {
        "reach_people": count, "reach_people_lo": count, "reach_people_hi": count + 3, "exclusive_people": lost,
        "segment_people": segment, "account_people": counts[one.of(segment_id="everyone")],
        "everyone_people": everyone, "data_on": AS_OF,
    }  # fmt: skip
    net = counts[Cell("reached", *one[1:3], basis=one.basis)]
    closed = {"reach_people": count, "net_reach_people": net, "lost_people": lost, "kept_people": count - lost}
    verdict = {"account_id": one.account_id, "verdict": "reaches", "trend": "steady"}
    return [("segment_reach", of | reach | dict(words)), ("closure_effect", of | closed), ("reach_verdict", verdict)]
