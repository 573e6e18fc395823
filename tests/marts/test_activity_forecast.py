"""Hold the forecast of activity to planted worlds: its error, its calibration, its intervals, its memory."""

import math
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest

from pipelines.common.settings import SHIPPED_REF, Settings
from pipelines.reach import forecast
from tests.marts.making import derive, make
from tests.sql.case_runner import create_tables

AS_OF = date(2026, 9, 30)
N_DAYS = 28 * 11
TABLES = ("core.account", "core.engagement", "core.member", "core.segment_membership", "ref.segment")


@pytest.fixture
def shipped(tmp_path: Any) -> Settings:
    return Settings(data=tmp_path, ref=SHIPPED_REF, key_file=tmp_path / "key")


def planted(
    seed: int, n_people: int = 3000, n_accounts: int = 1, n_days: int = N_DAYS, lively: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make a decay world: member, account, day of each interaction; days run from 1 to `n_days` + 28, with the future.

    Everybody arrives on a day spread evenly over the time, acts at a rate of their own (gamma, mean 0.35 a day, shape
    0.8) and stops for good after a lifetime (exponential, mean 60 days): the story of whoever follows a cause for a
    season. `lively` is what accounts' rates differ by: a factor between 1 / lively and lively.
    """
    chance = np.random.default_rng(seed)
    arrives = chance.uniform(-60, n_days + 28, n_people)
    lives = chance.exponential(60, n_people)
    rate = chance.gamma(0.8, 0.35 / 0.8, n_people)
    account = chance.integers(0, n_accounts, n_people)
    rate = rate * np.geomspace(1 / lively, lively, n_accounts)[account]
    n_acts = chance.poisson(rate * lives)
    who = np.repeat(np.arange(n_people), n_acts)
    day = np.floor(arrives[who] + lives[who] * chance.random(len(who))).astype(int)
    known = (day >= 1) & (day <= n_days + 28)
    return who[known], account[who][known], day[known]


def a_night(acts: tuple[np.ndarray, np.ndarray, np.ndarray], n_days: int = N_DAYS) -> duckdb.DuckDBPyConnection:
    """Write the acts up to the day `n_days`, which is `AS_OF`; every third person is a rider."""
    who, account, day = (one[acts[2] <= n_days] for one in acts)
    con = duckdb.connect(":memory:", config={"threads": 1})
    create_tables(con, TABLES)
    found = pl.DataFrame({"who": who, "account": account, "day": day})
    con.register("found", found)
    con.execute("""
        INSERT INTO core.engagement BY NAME
        SELECT 'x' AS platform, 'a' || account AS account_id, CAST(who AS UBIGINT) AS member_key, 'like' AS kind,
            CAST($as_of AS DATE) - CAST($n_days - day AS INTEGER) AS engaged_on
        FROM found
    """, {"as_of": AS_OF, "n_days": n_days})  # fmt: skip
    con.execute("""
        INSERT INTO core.account BY NAME
        SELECT DISTINCT 'x' AS platform, 'a' || account AS account_id, 'own' AS role, true AS is_open FROM found
    """)
    con.execute("INSERT INTO core.account BY NAME SELECT 'facebook' AS platform, 'f' AS account_id, 'own' AS role, "
                "true AS is_open")  # fmt: skip
    con.execute("INSERT INTO ref.segment (segment_id) VALUES ('rider')")
    con.execute("""
        INSERT INTO core.member BY NAME
        SELECT 'x' AS platform, member_key, true AS is_present, max(engaged_on) AS last_seen_on
        FROM core.engagement GROUP BY member_key
    """)
    con.execute("""
        INSERT INTO core.segment_membership BY NAME
        SELECT 'rider' AS segment_id, 'x' AS platform, member_key, 1.0 AS membership_probability
        FROM core.member WHERE member_key % 3 = 0
    """)
    return con


def test_on_a_decay_world_the_error_is_small_and_a_third_below_the_flags(shipped: Settings) -> None:
    made = make("forecast_backtest", a_night(planted(1)), shipped, AS_OF).filter(pl.col("platform") == "x")
    assert made["period_on"].to_list() == [AS_OF - timedelta(days=28 * n - 1) for n in (1, 2, 3)]
    assert made["backtest_reason"].null_count() == 3
    assert (made["n_pairs"] > 1000).all()
    assert (made["brier_score"] <= 0.10).all(), made["brier_score"]
    assert (made["brier_score"] / made["brier_flag"] <= 2 / 3).all(), made.select("brier_score", "brier_flag")


def test_what_is_expected_comes(shipped: Settings) -> None:
    """Calibrated: over the three periods the expected number of active pairs is within four standard errors."""
    made = make("forecast_backtest", a_night(planted(2)), shipped, AS_OF).filter(pl.col("platform") == "x")
    off = (made["n_active_pairs"] - made["expected_pairs"]).to_numpy()
    assert (np.abs(off) <= 4 * np.sqrt(made["n_active_pairs"].to_numpy())).all(), off


def test_intervals_hold_the_people_who_come(shipped: Settings) -> None:
    """In 20 worlds of eight accounts, some nine times as lively as others, 93 to 98 % of intervals hold the truth."""
    held, everyone = [], []
    for seed in range(20):
        acts = planted(100 + seed, n_people=1500, n_accounts=8, lively=3.0, n_days=28 * 7)
        made = make("activity_forecast", a_night(acts, 28 * 7), shipped, AS_OF).filter(pl.col("platform") == "x")
        who, account = (one[acts[2] > 28 * 7] for one in acts[:2])
        for row in made.iter_rows(named=True):
            mine = (account == int(row["account_id"][1:])) & ((row["segment_id"] == "everyone") | (who % 3 == 0))
            came = len(np.unique(who[mine]))
            held.append(row["expected_people_lo"] <= came <= row["expected_people_hi"])
            everyone.append(row["expected_people"] - came)
    assert 0.93 <= np.mean(held) <= 0.98, np.mean(held)
    assert abs(np.mean(everyone)) < 1.5, "no leaning to either side"


def counted(con: duckdb.DuckDBPyConnection, settings: Settings) -> pl.DataFrame:
    """Give the rows of `core.activity_count`."""
    derive(con, frozenset({"core.activity_count"}), settings, AS_OF)
    rows: pl.DataFrame = con.sql("FROM core.activity_count").pl()
    return rows


def test_a_livelier_audience_is_expected_to_be_so(shipped: Settings) -> None:
    """Scores alone pull accounts together; the factor of the period before keeps them apart."""
    acts = planted(7, n_people=6000, n_accounts=2, lively=4.0)
    counts = counted(a_night(acts), shipped)
    days = {"x": N_DAYS}
    came = counts.filter((pl.col("periods_ago") == 1) & pl.col("is_active_next") & (pl.col("segment_id") == "everyone"))
    truth = dict(came.group_by("account_id").agg(pl.col("people").sum()).iter_rows())
    predicted = forecast.predict(counts, days, 1).filter(pl.col("segment_id") == "everyone")
    for row in predicted.iter_rows(named=True):
        assert row["expected_people"] == pytest.approx(truth[row["account_id"]], rel=0.15)


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_sums_over_acts(seed: int, shipped: Settings) -> None:
    """Bins, quiet periods and outcomes of every pair, now and one to four periods ago, as plain Python has them."""
    acts = planted(seed, n_people=40, n_accounts=2)
    counts = counted(a_night(acts), shipped).filter(pl.col("segment_id") == "everyone")
    got = {}
    for row in counts.iter_rows(named=True):
        is_new = row["quiet_periods"] is None
        state = (None, None) if is_new else (row["quiet_periods"], row["score_bin"])
        got[row["account_id"], row["periods_ago"], *state, row["is_active_next"]] = row["n_members"]
    wanted: dict[Any, int] = {}
    days: dict[tuple[int, int], list[int]] = {}
    for who, account, day in zip(*acts, strict=True):
        if 28 < day <= N_DAYS:
            days.setdefault((who, account), []).append(N_DAYS - day)
    for (_, account), ages in days.items():
        for period in range(5):
            known = [age - 28 * period for age in ages if age >= 28 * period]
            came = any(28 * (period - 1) <= age < 28 * period for age in ages)
            if not known and not came:
                continue
            score = sum(math.exp(-age * math.log(2) / 9.7) for age in known)
            state = (min(known) // 28, math.floor(math.log(score) * 12)) if known else (None, None)
            key = (f"a{account}", period, *state, came)
            wanted[key] = wanted.get(key, 0) + 1
    assert got == wanted


def test_isotonic_probabilities_rise_and_keep_their_mean() -> None:
    learnt = forecast.fit(
        np.array([1, 1, 2, 2, 3, 3]), np.array([0, 1, 0, 1, 0, 1]), np.array([90, 10, 50, 50, 60, 40.0])
    )
    assert learnt.predict(np.array([1])) == pytest.approx([10.5 / 101])
    assert learnt.predict(np.array([2, 3])) == pytest.approx([90.5 / 201] * 2), "bins out of order are one block"
    assert learnt.predict(np.array([0, 9])) == pytest.approx([10.5 / 101, 90.5 / 201]), "beyond the bins the next one's"


def test_without_history_there_is_a_reason_and_no_number(shipped: Settings) -> None:
    con = a_night(planted(3, n_days=50), 50)
    back = make("forecast_backtest", con, shipped, AS_OF)
    made = make("activity_forecast", con, shipped, AS_OF)
    assert set(made["forecast_reason"]) == {"needs 6 more days of interactions", "no engagement extract"}
    assert made["expected_people"].null_count() == len(made)
    assert set(back["backtest_reason"]) >= {"needs 34 more days of interactions", "no engagement extract"}
    assert back["brier_score"].null_count() == len(back)
    assert not con.execute("SELECT 1 FROM duckdb_tables() WHERE temporary").fetchall(), "nobody's scores stay behind"


def test_a_young_history_gives_bounds_of_chance_and_says_so(shipped: Settings) -> None:
    made = make("activity_forecast", a_night(planted(4, n_days=60), 60), shipped, AS_OF).filter(
        pl.col("platform") == "x"
    )
    assert set(made["forecast_reason"]) == {"bounds hold chance alone: no earlier forecast to measure"}
    assert made["expected_people"].null_count() == 0
