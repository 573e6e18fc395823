"""Verdicts on planted worlds: what is reached is said to be, what is not is not, and who cannot tell says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipelines.common.settings import SHIPPED_REF, Settings
from pipelines.marts import reach_verdict
from pipelines.reach.trend import Flags, Floats
from pipelines.reference.files import read_bands

AS_OF = date(2026, 9, 27)  # a Sunday: the 13 weeks of active reach are whole ones
WEEKS, WINDOW = 26, 13
BANDS: Mapping[str, float] = {
    "still_reaches_coverage_share": 0.1,
    "still_reaches_people": 1000.0,
    "dormant_after_days": 28.0,
    "trend_false_discovery_share": 0.1,
    "trend_change_share_at_least": 0.1,
    "trend_steady_within_share": 0.25,
}


@dataclass(frozen=True)
class World:
    """One account and one segment each: who interacted in which week (worlds x people x weeks), and the present truth.

    `truth` is how many people 13 weeks of today's habits would show, on average.
    """

    acted: Flags
    truth: Floats

    def extract(self, weeks: Flags | None = None) -> tuple[Floats, Floats]:
        """What extracts of some weeks (all of them) show: active people of the last 13, and weekly series with gaps."""
        there = np.ones(WEEKS, dtype=bool) if weeks is None else weeks
        recent = self.acted[:, :, WEEKS - WINDOW :] & there[WEEKS - WINDOW :]
        series = np.where(there, self.acted.sum(axis=1), np.nan)
        return recent.any(axis=2).sum(axis=1).astype(np.float64), series


def worlds(seed: int, n: int, n_people: int = 240, busy: float = 0.15, leaving: float = 0.0) -> World:
    """Plant worlds of followers of whom each has a rate of their own, with busier and quieter weeks.

    `leaving` is the share of people who leave the platform each week; their follows stand until a list says else.
    """
    rng = np.random.default_rng(seed)
    rate = rng.gamma(1.0, 0.06, (n, n_people, 1))
    shock = np.exp(busy * rng.normal(size=(n, 1, WEEKS)) - busy**2 / 2)
    acted = rng.random((n, n_people, WEEKS)) < 1 - np.exp(-rate * shock)
    last_week = rng.geometric(leaving, (n, n_people, 1)) if leaving else np.full((n, n_people, 1), WEEKS + 1)
    is_there = last_week[:, :, 0] > WEEKS
    truth = ((1 - np.exp(-rate[:, :, 0] * WINDOW)) * is_there).sum(axis=1)
    return World(acted & (np.arange(WEEKS) < last_week), truth)


def pairs_of(people: Floats, **columns: Any) -> pl.DataFrame:
    """Lay out one account and one segment of 2,000 people each, complete lists, nothing left open."""
    share = people / 2000
    row = {
        "platform": "x",
        "account_id": [f"a{n:03}" for n in range(len(people))],
        "segment_id": [f"s{n:03}" for n in range(len(people))],
        "reach_people": people,
        "reach_people_lo": people,
        "reach_people_hi": people,
        "coverage_share": share,
        "coverage_share_lo": share,
        "coverage_share_hi": share,
        "segment_people": 2000,
        "data_on": AS_OF,
        "has_follower_list": True,
        "reach_reason": None,
        "stale_reason": None,
        "last_posted_on": AS_OF,
    } | columns
    typed = {
        "reach_reason": pl.String,
        "stale_reason": pl.String,
        "data_on": pl.Date,
        "last_posted_on": pl.Date,
        "reach_people": pl.Float64,
    }
    return pl.DataFrame(
        [
            pl.Series(name, values if isinstance(values, list | np.ndarray) else [values] * len(people), strict=False)
            for name, values in row.items()
        ]
    ).with_columns(pl.col(name).cast(type_) for name, type_ in typed.items())


def weeks_of(series: Floats) -> pl.DataFrame:
    rows = [
        ("x", f"a{n:03}", f"s{n:03}", AS_OF - timedelta(days=7 * (WEEKS - week) - 1), people)
        for n, one in enumerate(series)
        for week, people in enumerate(one.tolist())
        if people == people
    ]
    schema = ["platform", "account_id", "segment_id", "week_on", "active_people"]
    return pl.DataFrame(rows, schema=schema, orient="row", schema_overrides={"active_people": pl.Float64})


def bands_of(thresholds: Floats) -> dict[str, float]:
    return dict(BANDS) | {f"still_reaches_people.s{n:03}": float(one) for n, one in enumerate(thresholds)}


def judged(people: Floats, series: Floats, thresholds: Floats, **columns: Any) -> pl.DataFrame:
    return reach_verdict.judge(pairs_of(people, **columns), weeks_of(series), bands_of(thresholds), AS_OF)


def covered_share(table: pl.DataFrame, truth: Floats) -> float:
    """How often the interval of active people holds the present truth."""
    lo, hi = table["active_people_lo"].to_numpy(), table["active_people_hi"].to_numpy()
    return float(((lo <= truth) & (truth <= hi)).mean())


def share_of(table: pl.DataFrame, message: str) -> float:
    return float((table["verdict"] == message).mean())  # type: ignore[arg-type]


@pytest.mark.parametrize(("busy", "n_people"), [(0.0, 240), (0.15, 240), (0.4, 240), (0.15, 40)])
def test_at_the_margin_it_is_seldom_said_that_an_account_no_longer_reaches(busy: float, n_people: int) -> None:
    planted = worlds(1, 400, n_people, busy)
    table = judged(*planted.extract(), planted.truth)
    assert share_of(table, "no longer reaches") <= 0.05
    assert share_of(table, "reaches") <= 0.05
    # Without the control over all pairs, too: that one alone would say it.
    assert (table["active_people_hi"].to_numpy() < planted.truth).mean() <= 0.05
    assert 0.93 <= covered_share(table, planted.truth) <= 0.98


def test_planted_truths_are_recovered() -> None:
    planted = worlds(2, 400)
    factor = np.where(np.arange(400) % 2 == 0, 0.5, 2.0)
    table = judged(*planted.extract(), planted.truth * factor)
    reaches = table.filter(factor < 1)
    not_any_more = table.filter(factor > 1)
    assert share_of(reaches, "reaches") >= 0.9
    assert share_of(reaches, "no longer reaches") == 0
    assert share_of(not_any_more, "no longer reaches") >= 0.9
    assert share_of(not_any_more, "reaches") == 0
    assert 0.93 <= covered_share(table, planted.truth) <= 0.98


def test_people_who_left_since_are_in_the_error() -> None:
    """Of an audience that leaves, 90 days show more than are there: it is not said to be reached at today's level."""
    planted = worlds(3, 400, n_people=600, leaving=0.05)
    people, series = planted.extract()
    assert (people > planted.truth * 1.3).mean() > 0.9
    table = judged(people, series, planted.truth * 1.02)
    assert share_of(table, "reaches") <= 0.05
    assert share_of(judged(people, series, planted.truth * 0.3), "reaches") >= 0.9
    slower = worlds(31, 400, n_people=400, leaving=0.02)
    assert covered_share(judged(*slower.extract(), slower.truth), slower.truth) >= 0.92
    falls = table["trend_change_share"].to_numpy()
    assert np.median(falls) == pytest.approx(0.95**25 - 1, abs=0.05)
    assert (table["trend"] == "falling").mean() > 0.9  # type: ignore[operator]


def test_a_gap_never_reads_as_a_fall_and_weeks_that_fill_it_tell() -> None:
    planted = worlds(4, 400)
    first_four = np.arange(WEEKS) >= WEEKS - 4
    people, series = planted.extract(first_four)
    asked = planted.truth * 0.8
    assert (people < asked).mean() > 0.9
    table = judged(people, series, asked)
    assert share_of(table, "no longer reaches") <= 0.05
    assert not (table["trend"] == "falling").any()
    hole = ~np.isin(np.arange(WEEKS), [14, 15, 16, 17, 20, 21])
    for_holes = judged(*planted.extract(hole), planted.truth)
    assert share_of(for_holes, "no longer reaches") <= 0.05
    assert not (for_holes["trend"] == "falling").any()
    assert for_holes["verdict_reason"].str.contains("extracts cover 7 of the 13 weeks").any()


def test_the_weeks_that_are_said_to_tell_do() -> None:
    planted = worlds(5, 400)
    asked = planted.truth * 0.5
    now = planted.extract(np.arange(WEEKS) >= WEEKS - 2)
    table = judged(*now, asked)
    needed = table["needed_weeks"].to_numpy()
    waiting = (table["verdict"] == "cannot tell").to_numpy() & np.isfinite(needed)
    assert waiting.mean() > 0.3
    found = []
    for weeks in np.unique(needed[waiting]):
        later = judged(*planted.extract(np.arange(WEEKS) >= WEEKS - 2 - int(weeks)), asked)
        found += later.filter(waiting & (needed == weeks))["verdict"].to_list()
    assert len(found) == waiting.sum()
    assert found.count("reaches") / len(found) >= 0.8
    assert found.count("no longer reaches") == 0
    assert table.filter(pl.col("verdict") != "cannot tell")["needed_weeks"].null_count() == (~waiting).sum() - (
        table.filter((pl.col("verdict") == "cannot tell") & pl.col("needed_weeks").is_null()).height
    )


def test_the_number_of_people_that_is_said_to_tell_does() -> None:
    planted = worlds(6, 60)
    people, series = planted.extract()
    table = judged(people, series, planted.truth)
    needed = table["needed_people"].to_numpy()
    at = np.flatnonzero(np.isfinite(needed))
    assert len(at) > 50
    found = 0
    for n in at[:20]:
        message = "reaches" if needed[n] > people[n] else "no longer reaches"
        for way, expected in ((1.0, message), (1.1, message), (0.5, "cannot tell")):
            factor = np.ones(len(people))
            factor[n] = 1 + way * (needed[n] - people[n]) / people[n]
            table = judged(people * factor, series * factor[:, None], planted.truth)
            found += way == 1.0 and table["verdict"][int(n)] == expected
            assert way == 1.0 or table["verdict"][int(n)] == expected
    # More people also mean slightly busier weeks: the exact number that would decide may just miss.
    assert found >= 17


def test_the_order_of_rows_decides_nothing() -> None:
    planted = worlds(7, 60)
    people, series = planted.extract()
    pairs, weeks, bands = pairs_of(people), weeks_of(series), bands_of(planted.truth * 0.8)
    expected = reach_verdict.judge(pairs, weeks, bands, AS_OF)
    shuffled = reach_verdict.judge(
        pairs.sample(fraction=1, shuffle=True, seed=1), weeks.sample(fraction=1, shuffle=True, seed=2), bands, AS_OF
    )
    assert shuffled.equals(expected)


STEADY: Floats = np.full((1, WEEKS), 40.0)


def one(people: float, threshold: float = 100, series: Floats = STEADY, **columns: Any) -> dict[str, Any]:
    """Judge one pair, beside twenty of the same platform that say how weeks differ."""
    others = np.random.default_rng(8).poisson(40, (20, WEEKS)).astype(np.float64)
    counts = np.array([people, *[200.0] * 20])
    both = pairs_of(counts)
    given = pairs_of(np.array([people]), **columns).fill_nan(None).cast(both.schema)
    bands = bands_of(np.array([threshold, *[100.0] * 20]))
    pairs = pl.concat([given, both.slice(1)])
    return reach_verdict.judge(pairs, weeks_of(np.vstack([series, others])), bands, AS_OF).row(0, named=True)


def test_a_silent_account_does_not_reach_for_certain() -> None:
    assert one(400)["verdict"] == "reaches"
    reported = one(400, last_posted_on=AS_OF - timedelta(days=28))
    assert reported["verdict"] == "cannot tell"
    assert "No post of it came since 2026-08-30" in reported["verdict_reason"]
    assert (reported["active_people_lo"], reported["needed_weeks"], reported["needed_people"]) == (0, None, None)
    assert one(400, last_posted_on=AS_OF - timedelta(days=27))["verdict"] == "reaches"
    assert one(20, last_posted_on=AS_OF - timedelta(days=99))["verdict"] == "no longer reaches"
    assert one(400, last_posted_on=None)["verdict"] == "reaches"


def test_a_partial_list_can_say_that_it_reaches_and_not_that_it_does_not() -> None:
    partial: dict[str, Any] = {
        "reach_reason": "partial list: at least this many",
        "reach_people_hi": np.array([np.nan]),
    }
    assert one(400, **partial)["verdict"] == "reaches"
    reported = one(20, **partial)
    assert (reported["verdict"], reported["active_people_hi"], reported["p_value"]) == ("cannot tell", None, None)
    assert "partial list" in reported["verdict_reason"]
    bounded = one(20, reach_reason="partial list: at least this many", reach_people_hi=np.array([40.0]))
    assert bounded["verdict"] == "no longer reaches"
    assert bounded["active_people_hi"] > 40


def test_without_people_nobody_can_tell() -> None:
    nothing = np.array([np.nan])
    columns: dict[str, Any] = dict.fromkeys(["reach_people", "reach_people_lo", "reach_people_hi"], nothing)
    for is_listed, asks in ((False, "Follower lists"), (True, "13 weeks of engagement")):
        reason = "no engagement extract" if is_listed else "totals only"
        missing: dict[str, Any] = {"has_follower_list": is_listed, "reach_reason": reason}
        reported = one(np.nan, **columns, **missing, segment_people=nothing, data_on=None)
        assert (reported["verdict"], reported["active_people"], reported["needed_weeks"]) == ("cannot tell", None, 13)
        assert reported["verdict_reason"].startswith(asks)
        assert reason in reported["verdict_reason"]
    nobody = one(0, segment_people=0)
    assert (nobody["verdict"], nobody["q_value"]) == ("cannot tell", None)
    assert one(0)["verdict"] == "no longer reaches"


def test_what_membership_leaves_open_is_in_the_error() -> None:
    assert one(140)["verdict"] == "reaches"
    assert one(140, reach_people_lo=np.array([80.0]), reach_people_hi=np.array([200.0]))["verdict"] == "cannot tell"
    old = one(140, data_on=AS_OF - timedelta(days=70))
    assert old["active_people_lo"] < one(140)["active_people_lo"]


@pytest.mark.parametrize(
    ("bands", "size", "threshold", "measure"),
    [
        ({}, 2000, 0.1, "coverage"),
        ({}, 20_000, 1000, "people"),
        ({"still_reaches_people.s000": 50}, 2000, 50, "people"),
        ({"still_reaches_coverage_share.s000": 0.3}, 20_000, 0.3, "coverage"),
        ({"still_reaches_coverage_share.s000": 0.3, "still_reaches_people.s000": 50}, 2000, 50, "people"),
        ({"still_reaches_coverage_share.s000": 0.3, "still_reaches_people.s000": 50}, 100, 0.3, "coverage"),
        ({"still_reaches_people.s001": 50}, 2000, 0.1, "coverage"),
    ],
)
def test_a_segments_own_threshold_decides(bands: dict[str, float], size: int, threshold: float, measure: str) -> None:
    pairs = pairs_of(np.array([60.0]), segment_people=size)
    table = reach_verdict.judge(pairs, weeks_of(STEADY), dict(BANDS) | bands, AS_OF)
    assert (table["threshold"][0], table["threshold_measure"][0]) == (threshold, measure)


def test_among_many_pairs_a_lucky_one_is_no_find() -> None:
    series = np.random.default_rng(9).poisson(5, (100, WEEKS)).astype(np.float64)
    people = np.full(100, 60.0)
    among = judged(people, series, np.array([43.0, *[60.0] * 99]))
    assert among["p_value"][0] < 0.05
    assert among["q_value"][0] > 0.1
    assert among["verdict"][0] == "cannot tell"
    assert among["verdict_reason"][0].startswith("Among so many pairs")
    proof = judged(people, series, np.array([43.0, *[20.0] * 99]))
    assert proof["verdict"].to_list() == ["reaches"] * 100


def test_trends_are_named_by_what_is_sure() -> None:
    level = np.arange(WEEKS) / (WEEKS - 1)
    falling, rising = 400 * np.exp(np.log(0.5) * level), 200 * np.exp(np.log(2.0) * level)
    series = np.vstack([falling, rising, np.full(WEEKS, 400.0), np.full(WEEKS, 1.0), np.full(WEEKS, 0.0)]).round()
    table = judged(np.full(5, 500.0), series, np.full(5, 100.0))
    assert table["trend"].to_list() == ["falling", "rising", "steady", "cannot tell", "cannot tell"]
    assert table["trend_change_share"][0] == pytest.approx(-0.5, abs=0.02)
    assert table["trend_change_share_lo"][0] < -0.5 < table["trend_change_share_hi"][0] < -0.1
    assert table["trend_change_share"].null_count() == 1


def test_no_account_no_row_and_the_shipped_bands_are_enough(tmp_path: Path) -> None:
    nothing = pairs_of(np.array([60.0])).clear()
    empty = reach_verdict.judge(nothing, weeks_of(STEADY), BANDS, AS_OF)
    assert empty.height == 0
    shipped = read_bands(Settings(data=tmp_path, ref=SHIPPED_REF, key_file=tmp_path / "member.key"))
    assert set(BANDS) <= set(shipped)
    assert "still_reaches_people.recruits" in shipped
    table = reach_verdict.judge(pairs_of(np.array([60.0])), weeks_of(STEADY), shipped, AS_OF)
    assert table["verdict"][0] == "no longer reaches"


def test_a_reason_holds_no_count_of_people() -> None:
    planted = worlds(10, 40)
    people, series = planted.extract()
    table = judged(people, series, np.full(40, 100.0))
    for row in table.iter_rows(named=True):
        words = row["verdict_reason"].replace("100 people", "")
        assert not any(mark.isdigit() for mark in words), words
