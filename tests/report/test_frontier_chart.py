"""The frontier's picture says its finding, names every line, and hides no exact small count."""

from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.report import canvas
from pipelines.report.frontier_chart import frontier_alt_text, frontier_figure, read_frontier
from tests.reach.closure_world import drawn, fill, snapshot
from tests.report.small_night import BANDS

SEGMENTS = {"rider": "Riders", "farmer": "Farmers", "everyone": "Everyone seen"}


def frame(kept: dict[str, list[int]], reach: dict[str, int], platform: str = "x", gap: float = 0.0) -> pl.DataFrame:
    rows = [
        {
            "as_of": date(2026, 3, 31), "platform": platform, "n_kept": n, "segment_id": segment,
            "kept_account_ids": [f"{platform}:{one}" for one in range(n)], "kept_people": people,
            "net_reach_people": reach[segment], "kept_share": people / reach[segment], "weighted_reach_share": 0.5,
            "is_optimal": gap == 0, "gap_share": gap, "title": SEGMENTS[segment],
            "kept_names": [f"Account {one} $1" for one in range(n)],
        }
        for segment, counts in kept.items()
        for n, people in enumerate(counts, 1)
    ]  # fmt: skip
    return pl.DataFrame(rows)


FRAME = frame({"rider": [200, 950, 1000], "farmer": [60, 91, 100], "everyone": [900, 1500, 2000]},
              {"rider": 1000, "farmer": 100, "everyone": 2000})  # fmt: skip


def texts(rows: pl.DataFrame, platform: str | None = None) -> str:
    figure = frontier_figure(rows, BANDS, platform)
    return " ".join(text.get_text() for text in figure.axes[0].texts)


def test_the_title_states_the_finding_and_the_foot_the_data() -> None:
    reported = texts(FRAME)
    assert "The best 2 of 3 accounts on X by weighted reach keep at least 90\u00a0% of every segment's" in reported
    assert "No other set reaches more, by weighted reach" in reported
    assert "Data of 31\u00a0March 2026. Counts under 10 are not shown" in reported
    assert (
        "Riders  20\u00a0%" in reported and "Farmers  60\u00a0%" in reported and "Everyone seen  45\u00a0%" in reported
    )
    assert "1  Account 0 $1" in reported and "2  + Account 1 $1" in reported
    assert "No other set reaches more than 1.00% more" in texts(frame({"rider": [10, 20]}, {"rider": 20}, gap=0.01))


def test_all_platforms_are_shown_added_up_and_it_says_so() -> None:
    both = pl.concat([FRAME, FRAME.with_columns(platform=pl.lit("all"))])
    assert "counts twice" in texts(both)
    assert "counts twice" not in texts(both, "x")
    with pytest.raises(ValueError, match="no frontier of platform tiktok"):
        frontier_figure(both, BANDS, "tiktok")


def test_small_counts_are_neither_drawn_nor_in_the_bytes(tmp_path: Path) -> None:
    def picture(few: int) -> bytes:
        rows = frame({"rider": [200, 950], "farmer": [few, 40]}, {"rider": 1000, "farmer": 42})
        return canvas.save(frontier_figure(rows, BANDS), tmp_path / "frontier")

    assert picture(3) == picture(7)


def test_where_nothing_is_enough_the_title_says_no_set() -> None:
    assert "No set of accounts on X keeps 90\u00a0%" in texts(frame({"rider": [20, 30]}, {"rider": 100}))


def test_the_alt_text_has_the_finding_and_where_each_line_begins() -> None:
    reported = frontier_alt_text(FRAME, BANDS)
    assert "The best 2 of 3 accounts" in reported
    assert "Farmers 60\u00a0% with 1; Riders 20\u00a0% with 1; Everyone seen 45\u00a0% with 1" in reported


def test_many_accounts_and_one_are_drawn(tmp_path: Path) -> None:
    many = frame({"rider": list(range(40, 103))}, {"rider": 102})
    assert canvas.save(frontier_figure(many, BANDS), tmp_path / "many").startswith(b"<?xml")
    assert "…" in texts(many)
    assert "The best 1 of 1 accounts" in texts(frame({"rider": [100]}, {"rider": 100}))


def test_a_snapshot_gives_titles_and_names() -> None:
    with snapshot(drawn(1)) as con:
        _write(con)
        rows = read_frontier(con)
    assert rows["title"].to_list() == ["Riders"]
    assert rows["kept_names"].to_list() == [["Name a0", "Name a1"]]


def _write(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "CREATE TABLE mart.keep_frontier AS SELECT DATE '2026-03-31' AS as_of, 'x' AS platform, 2 AS n_kept, "
        "'rider' AS segment_id, ['x:a0', 'x:a1'] AS kept_account_ids, 5 AS kept_people, 9 AS net_reach_people, "
        "0.5 AS kept_share, 0.5 AS weighted_reach_share, true AS is_optimal, 0.0 AS gap_share"
    )
    fill(con, "mart.segment_size", segment_id="rider", platform="x", title="Riders")
