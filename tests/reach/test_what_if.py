"""What-if equals counting people one by one, whichever way it is asked."""

from itertools import combinations
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

from pipelines.analysis.what_if import BASES, totals, what_if, who_else
from pipelines.common.errors import SettingsError
from tests.reach.closure_world import World, drawn, fill, planted, snapshot

KEY = ["segment_id", "platform", "basis", "home_band"]


def by_hand(world: World, close: set[str], critical_only: set[str] = frozenset()) -> dict[tuple, tuple]:  # type: ignore[assignment]
    """Count, person by person: reached, lost, their variance, lost only together, by the key of what_if."""
    found: dict[tuple, list[float]] = {}
    for row in world.people.to_dicts():
        for basis in BASES:
            gone = close | (critical_only if basis == "engaged" else set())
            own = {f"{row['platform']}:{one}" for one in row[basis]}
            is_lost = bool(own) and own <= gone
            alone = any(own <= {one} for one in gone)
            sums = found.setdefault((row["segment_id"], row["platform"], basis, row["home_band"]), [0.0] * 4)
            p = row["p"]
            for n, one in enumerate((p * bool(own), p * is_lost, p * (1 - p) * is_lost, p * (is_lost and not alone))):
                sums[n] += one
    return {key: tuple(sums) for key, sums in found.items()}


def asked(con: duckdb.DuckDBPyConnection, close: set[str], critical_only: set[str] = frozenset()) -> dict[tuple, tuple]:  # type: ignore[assignment]
    rows = what_if(con, sorted(close), sorted(critical_only))
    assert (rows["kept_people"] - (rows["reach_people"] - rows["lost_people"])).abs().max() == pytest.approx(
        0, abs=1e-9
    )
    figures = ("reach_people", "lost_people", "lost_variance", "only_together_people")
    return {tuple(row[one] for one in KEY): tuple(row[one] for one in figures) for row in rows.to_dicts()}


def assert_same(one: dict[tuple, tuple], other: dict[tuple, tuple]) -> None:
    assert one.keys() == other.keys()
    keys = list(one)
    assert np.allclose([one[key] for key in keys], [other[key] for key in keys], rtol=0, atol=1e-5)


def test_two_hundred_worlds_equal_counting_people() -> None:
    """Each segment is a world of its own; two questions are asked of twenty worlds at a time."""
    for seed in range(10):
        world = drawn(seed, n_people=30, n_segments=20)
        refs = [f"{platform}:{one}" for platform, one in world.accounts]
        chance = np.random.default_rng(seed)
        with snapshot(world) as con:
            for _ in range(2):
                close, cut_back = (set(chance.choice(refs, chance.integers(0, 4), replace=False)) for _ in range(2))
                assert_same(asked(con, close, cut_back), by_hand(world, close, cut_back))


def test_every_subset_of_eight_accounts_equals_counting_people() -> None:
    world = drawn(7, n_accounts=8, n_people=90)
    world = World(world.accounts[:8], world.people.filter(pl.col("platform") == "x"))
    refs = [f"{platform}:{one}" for platform, one in world.accounts]
    reached = {basis: [frozenset(f"x:{one}" for one in ids) for ids in world.people[basis]] for basis in BASES}
    p = world.people["p"].to_list()
    with snapshot(world) as con:
        for size in range(9):
            for close in combinations(refs, size):
                gone = set(close)
                found = dict(
                    con.execute(
                        "SELECT basis, sum(lost_people) FROM mart.what_if(close := $close) GROUP BY basis",
                        {"close": list(close)},
                    ).fetchall()
                )
                for basis in BASES:
                    lost = sum(one for one, own in zip(p, reached[basis], strict=True) if own and own <= gone)
                    assert found[basis] == pytest.approx(lost, abs=1e-6)


def test_the_macro_and_the_call_are_one_answer_in_any_order_of_accounts(tmp_path: Path) -> None:
    world = drawn(3)
    with snapshot(world, tmp_path / "night.duckdb"):
        pass
    with duckdb.connect(str(tmp_path / "night.duckdb"), read_only=True) as con:
        called = what_if(con, ["x:a1", "X:HANDLE_A0", "x:a1"], ["Name did:plc:b"])
        plain = con.sql("FROM mart.what_if(critical_only := ['mastodon:did:plc:b'], close := ['x:a0', 'x:a1'])").pl()
        assert called.sort(KEY).equals(plain.sort(KEY))
        assert con.sql("FROM mart.what_if()").pl()["lost_people"].sum() == 0


def test_macros_take_an_account_by_its_id_or_its_handle(tmp_path: Path) -> None:
    with snapshot(drawn(3), tmp_path / "night.duckdb") as con:
        for macro in ("what_if", "who_else"):
            by_id = con.sql(f"FROM mart.{macro}(close := ['x:a0']) ORDER BY ALL").fetchall()
            assert by_id
            assert con.sql(f"FROM mart.{macro}(close := ['X:Handle_A0']) ORDER BY ALL").fetchall() == by_id
            assert con.sql(f"FROM mart.{macro}(close := ['x:a0', 'x:handle_a0']) ORDER BY ALL").fetchall() == by_id


def test_critical_updates_only_lose_what_is_day_to_day() -> None:
    with snapshot(drawn(4)) as con:
        closed, cut_back = totals(what_if(con, ["x:a0"])), totals(what_if(con, [], ["x:a0"]))
    for basis, is_lost in (("follower", False), ("active", False), ("engaged", True)):
        lost = cut_back.filter(platform="x", basis=basis)["lost_people"].sum()
        assert lost == (closed.filter(platform="x", basis=basis)["lost_people"].sum() if is_lost else 0)
    assert closed.filter(platform="x", basis="follower")["lost_people"].sum() > 0


def test_who_else_reaches_the_rest_equals_counting_people() -> None:
    world = drawn(5, n_segments=3)
    gone = {"x:a0", "x:a3"}
    with snapshot(world) as con:
        rows = who_else(con, gone)
    wanted: dict[tuple, float] = {}
    rest: dict[tuple, float] = {}
    for row in world.people.to_dicts():
        for basis in BASES:
            own = {f"{row['platform']}:{one}" for one in row[basis]}
            key: tuple = (row["segment_id"], row["platform"], basis)
            if own & gone and own - gone:
                rest[key] = rest.get(key, 0.0) + row["p"]
                for one in own - gone:
                    wanted[*key, one.split(":", 1)[1]] = wanted.get((*key, one.split(":", 1)[1]), 0.0) + row["p"]
    found = {(row["segment_id"], row["platform"], row["basis"], row["account_id"]): row for row in rows.to_dicts()}
    assert found.keys() == wanted.keys()
    for each, row in found.items():
        assert row["still_reached_people"] == pytest.approx(wanted[each])
        assert row["rest_people"] == pytest.approx(rest[each[:3]])


def test_intervals_cover_the_lost_in_95_of_100_planted_worlds() -> None:
    """People who belong by chance p: what is really lost lies in the bounds in 93 to 98 % of 400 worlds."""
    world = planted(11, n_worlds=400, n_people=250)
    with snapshot(world) as con:
        found = totals(what_if(con, ["x:a0", "x:a1"])).filter(basis="follower")
    belongs = pl.Series(np.random.default_rng(12).random(world.people.height)) < world.people["p"]
    is_lost = (pl.col("follower").list.len() > 0) & ~pl.col("follower").list.contains("a2")
    truth = world.people.with_columns(belongs=belongs).group_by("segment_id").agg(n=(is_lost & pl.col("belongs")).sum())
    joined = found.join(truth, on="segment_id")
    covered = joined["n"].is_between(joined["lost_people_lo"], joined["lost_people_hi"]).mean()
    assert joined.height == 400
    assert 0.93 <= covered <= 0.98, covered  # type: ignore[operator]


def test_what_is_not_measured_is_not_nobody() -> None:
    with snapshot(drawn(6)) as con:
        for platform, account_id in (("facebook", "f"), ("x", "mute")):
            fill(con, "core.account", platform=platform, account_id=account_id, role="own", is_open=True)
            for basis in BASES:
                fill(con, "mart.segment_reach", platform=platform, account_id=account_id, segment_id="everyone",
                     basis=basis, reach_reason="totals only")  # fmt: skip
        on_facebook = what_if(con, ["facebook:f"])
        alone, beside = (what_if(con, one).filter(platform="x") for one in (["x:mute"], ["x:mute", "x:a0"]))
    assert on_facebook.filter(platform="facebook").select("lost_people", "kept_people").null_count().row(0) == (3, 3)
    assert set(on_facebook.filter(platform="facebook")["lost_reason"]) == {"facebook:f totals only"}
    assert on_facebook.filter(platform="x")["lost_people"].sum() == 0
    assert alone["lost_people"].null_count() == alone.height
    assert totals(alone)["lost_people"].null_count() == totals(alone).height
    assert beside["lost_people"].null_count() == 0
    assert set(beside["lost_reason"]) == {"x:mute totals only"}


@pytest.mark.parametrize("word", ["x:a9", "a9", "x:", "mastodon:a1", "seed"])
def test_an_unknown_account_is_refused_with_those_that_are_known(word: str) -> None:
    with snapshot(drawn(8)) as con:
        fill(con, "core.account", platform="x", account_id="seed", role="seed", is_open=True)
        with pytest.raises(SettingsError, match=r"Known: .*x:Handle_a1"):
            what_if(con, [word])
        with pytest.raises(duckdb.Error, match="no open account of ours"):
            con.sql("FROM mart.what_if(close := ['x:nobody', 'x:a0'])").fetchall()


def test_an_account_of_two_platforms_must_be_told_apart_and_main_is_the_largest() -> None:
    world = drawn(9)
    with snapshot(world) as con:
        with pytest.raises(SettingsError, match="several of ours"):
            what_if(con, ["a0"])
        reach = {
            one: max(
                world.people.filter(platform="x").filter(pl.col(basis).list.contains(one)).height for basis in BASES
            )
            for platform, one in world.accounts
            if platform == "x"
        }
        largest = min(reach, key=lambda one: (-reach[one], one))
        assert what_if(con, ["x:main"]).equals(what_if(con, [f"x:{largest}"]))
        with pytest.raises(SettingsError, match="did you mean x:Handle_a1"):
            what_if(con, ["x:Hande_a1"])
