"""The frontier: proved where there are few accounts, bounded where there are many, and never falling."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

from pipelines.common.contract import read_contract
from pipelines.common.settings import SQL, Settings
from pipelines.marts import keep_frontier
from pipelines.reach import heuristics
from pipelines.reach.keep import Wish, keep
from tests.marts.making import make
from tests.reach.closure_world import World, cover, drawn, snapshot

AS_OF = date(2026, 9, 30)


def made(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    return make("keep_frontier", con, Settings(data=Path(), ref=Path(), key_file=Path()), AS_OF)


def test_each_size_is_the_best_of_its_size_and_one_more_never_keeps_less() -> None:
    for seed in range(12):
        found = cover(seed, 7, 60)
        if not found.weights.any():
            continue
        path = keep_frontier.frontier_of(found)
        whole = float(found.reach @ found.weights)
        shares = [one.weighted_reach_share for one in path]
        assert [int(one.chosen.sum()) for one in path] == list(range(1, 8))
        assert shares == sorted(shares)
        assert shares[-1] == pytest.approx(1)
        for one in path:
            best = keep(found, Wish("reach", n_accounts=int(one.chosen.sum())))
            assert one.is_optimal and one.gap_share == 0
            assert one.weighted_reach_share == pytest.approx(best.value / whole)
            assert one.weighted_reach_share == pytest.approx(found.kept(one.chosen) @ found.weights / whole)


def test_beyond_every_subset_steps_stay_within_their_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(6):
        found = cover(seed, 9, 120)
        exact = keep_frontier.frontier_of(found)
        monkeypatch.setattr(heuristics, "MOST_FOR_EVERY_SUBSET", 3)
        steps = keep_frontier.frontier_of(found)
        monkeypatch.undo()
        shares = [one.weighted_reach_share for one in steps]
        assert np.all(np.diff(shares) >= -1e-12)
        for one, best in zip(steps, exact, strict=True):
            assert one.weighted_reach_share <= best.weighted_reach_share + 1e-9
            assert one.weighted_reach_share + one.gap_share >= best.weighted_reach_share - 1e-9
            assert one.weighted_reach_share >= 0.95 * best.weighted_reach_share
            if one.is_optimal:
                assert one.weighted_reach_share == pytest.approx(best.weighted_reach_share)


def test_the_mart_has_each_platform_and_all_of_them_in_any_order_of_rows() -> None:
    world = drawn(2, n_people=120, n_segments=3)
    everyone = world.people.with_columns(segment_id=pl.lit("everyone"), p=pl.lit(1.0))
    world = World(world.accounts, pl.concat([world.people, everyone]))
    with snapshot(world) as con:
        rows = made(con)
    shuffled = World(world.accounts, world.people.sample(fraction=1, shuffle=True, seed=1))
    with snapshot(shuffled) as con:
        again = made(con)
    assert rows.columns == list(read_contract(SQL / "mart" / "keep_frontier.yml").column_names)
    keys = ["platform", "n_kept", "segment_id"]
    assert rows.select(keys).is_unique().all()
    assert rows.drop("kept_share", "weighted_reach_share").equals(again.drop("kept_share", "weighted_reach_share"))
    assert dict(rows.group_by("platform").agg(pl.col("n_kept").max()).iter_rows()) == {"x": 5, "mastodon": 2, "all": 7}
    for row in rows.to_dicts():
        assert len(row["kept_account_ids"]) == row["n_kept"]
        assert 0 <= row["kept_people"] <= row["net_reach_people"]
        here = world.people.filter(pl.col("segment_id") == row["segment_id"]).to_dicts()
        own = [(one["p"], {f"{one['platform']}:{each}" for each in one["active"]}) for one in here]
        own = [(p, ids) for p, ids in own if row["platform"] in ("all", *(each.split(":")[0] for each in ids))]
        kept = sum(p for p, ids in own if ids & set(row["kept_account_ids"]))
        reach = sum(p for p, ids in own if ids)
        assert row["kept_share"] == pytest.approx(kept / reach)
    last = rows.filter(pl.col("n_kept") == pl.col("n_kept").max().over("platform"))
    assert last["kept_share"].to_list() == pytest.approx([1.0] * last.height)


def test_where_nobody_is_measured_there_is_no_frontier() -> None:
    with snapshot(drawn(1)) as con:
        con.execute("DELETE FROM mart.reach_signature")
        assert made(con).height == 0
        assert made(con).columns[0] == "as_of"


def test_where_no_segment_counts_everyone_does() -> None:
    found = cover(1, 5)
    nobody = keep_frontier.frontier_of(replace(found, weights=np.zeros(len(found.segments))))
    assert nobody[-1].weighted_reach_share == pytest.approx(1)
