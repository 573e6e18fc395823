"""Hold the curves of activity to a known example, to a count person by person, and to planted truth."""

from collections import defaultdict
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest

from pipelines.common.settings import SHIPPED_REF, Settings
from pipelines.marts import activity_survival
from pipelines.reach import survival
from tests.marts.making import make
from tests.sql.case_runner import Row, create_tables, insert

AS_OF = date(2026, 9, 30)
SILENT = 8
TABLES = ("core.engagement", "core.member", "core.segment_membership")


@pytest.fixture
def shipped(tmp_path: Any) -> Settings:
    return Settings(data=tmp_path, ref=SHIPPED_REF, key_file=tmp_path / "key")


def a_night(rows: dict[str, list[Row]]) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(":memory:", config={"threads": 1})
    create_tables(con, TABLES)
    for table, some in rows.items():
        for n in range(0, len(some), 1000):
            insert(con, table, some[n : n + 1000])
    return con


def test_the_curve_is_the_textbooks() -> None:
    """Remission of leukaemia under 6-MP (Freireich et al. 1963), the example of every textbook on survival."""
    ends = {6: (3, 1), 7: (1, 0), 9: (0, 1), 10: (1, 1), 11: (0, 1), 13: (1, 0), 16: (1, 0), 17: (0, 1), 19: (0, 1),
            20: (0, 1), 22: (1, 0), 23: (1, 0), 25: (0, 1), 32: (0, 2), 34: (0, 1), 35: (0, 1)}  # fmt: skip
    rows = [
        {"segment_id": "everyone", "platform": "x", "week_no": week, "n_members": sum(both),
         "silent_people": float(both[0]), "censored_people": float(both[1])}
        for week, both in ends.items()
    ]  # fmt: skip
    curve = activity_survival.curve(pl.DataFrame(rows))
    at = {row["week_no"]: row for row in curve.iter_rows(named=True)}
    assert at[0]["n_at_risk"] == 21
    known = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
    assert {week: round(at[week]["survival_share"], 3) for week in known} == known
    assert at[5]["survival_share"] == 1
    assert at[35]["survival_share"] == at[23]["survival_share"]
    # The log-log bounds that R's survfit(conf.type = "log-log") gives at the last silence.
    assert at[23]["survival_share_lo"] == pytest.approx(0.188, abs=0.001)
    assert at[23]["survival_share_hi"] == pytest.approx(0.680, abs=0.001)


def test_nobody_silent_yet_is_no_certainty() -> None:
    share, lo, hi = survival.kaplan_meier(np.array([10.0, 10.0, 4.0]), np.array([0.0, 0.0, 0.0]))
    assert share.tolist() == hi.tolist() == [1, 1, 1]
    assert lo[0] == 1, "who enters is active by definition"
    assert lo[1] == pytest.approx(0.025 ** (1 / 10))
    assert lo[2] == pytest.approx(0.025 ** (1 / 4))


def test_everybody_silent_is_no_certainty_either() -> None:
    share, lo, hi = survival.kaplan_meier(np.array([10.0, 10.0]), np.array([0.0, 10.0]))
    assert (share[1], lo[1]) == (0, 0)
    assert hi[1] == pytest.approx(1 - 0.025 ** (1 / 10))


def random_night(seed: int) -> SimpleNamespace:
    """Make up who interacted in which of 30 weeks, on two platforms, one of them with a gap in its extracts."""
    chance = np.random.default_rng(seed)
    night = SimpleNamespace(rows=defaultdict(list), acts={}, weight={})
    for key in range(1, 60):
        platform = "x" if key % 2 else "bluesky"
        rate, stops = chance.choice([0.05, 0.3, 0.8]), chance.integers(0, 31)
        weeks = [n for n in range(30) if n < stops and chance.random() < rate]
        weeks = [n for n in weeks if platform == "x" or not 12 <= n < 15]  # nobody collected those
        if not weeks:
            continue
        night.acts[key] = (platform, weeks)
        is_present = 29 - weeks[-1] < 12
        days = [AS_OF - timedelta(days=int(7 * (29 - n) + chance.integers(0, 7))) for n in weeks for _ in range(2)]
        night.rows["core.engagement"] += [{"platform": platform, "member_key": key, "engaged_on": day} for day in days]
        seen = {"platform": platform, "member_key": key}
        night.rows["core.member"].append(seen | {"is_present": is_present, "last_seen_on": max(days)})
        probability = chance.choice([0.25, 1.0])
        how = chance.choice(["stays", "went", "had left"])
        left = None if how == "stays" else max(days) + timedelta(days=90 if how == "went" else -1)
        night.rows["core.segment_membership"].append(
            seen | {"segment_id": "rider", "left_on": left, "membership_probability": probability}
        )
        counts = left is None or (how == "went" and not is_present)
        night.weight[key] = {"everyone": 1.0, "rider": probability if counts else 0.0}
    return night


def brute_curve(night: SimpleNamespace, segment: str, platform: str) -> list[float]:
    """Follow every person through the weeks: the chance of not falling silent is multiplied week by week."""
    people = {key: [n - 4 for n in weeks if n >= 4] for key, (where, weeks) in night.acts.items() if where == platform}
    people = {key: weeks for key, weeks in people.items() if weeks}
    collected = sorted({n for weeks in people.values() for n in weeks})
    place = {week: n for n, week in enumerate(collected)}
    lives = []
    for key, weeks in people.items():
        acted = [place[week] for week in weeks]
        until: int | None = next((n for n in acted if not any(n < other <= n + SILENT for other in acted)), None)
        last = len(collected) - 1 - SILENT
        fell = until is not None and until <= last
        ended = (until if until is not None and fell else last) - acted[0] + 1
        if acted[0] <= last and night.weight[key][segment]:
            lives.append((ended, fell, night.weight[key][segment]))
    share, shares = 1.0, []
    for week in range(max((ended for ended, _, _ in lives), default=-1) + 1):
        at_risk = sum(p for ended, _, p in lives if ended >= week)
        silent = sum(p for ended, fell, p in lives if fell and ended == week)
        share *= 1 - silent / at_risk
        shares.append(share)
    return shares


@pytest.mark.parametrize("seed", range(20))
def test_curves_are_what_following_each_person_gives(seed: int, shipped: Settings) -> None:
    night = random_night(seed)
    made = make("activity_survival", a_night(night.rows), shipped, AS_OF)
    assert tuple(made.columns) == tuple(activity_survival.COLUMNS)
    for segment in ("everyone", "rider"):
        for platform in ("x", "bluesky"):
            part = made.filter((pl.col("segment_id") == segment) & (pl.col("platform") == platform)).sort("week_no")
            wanted = brute_curve(night, segment, platform)
            assert len(wanted) > 1 or segment == "rider"
            assert part["survival_share"].to_list() == pytest.approx(wanted, abs=1e-9)


def test_bounds_cover_a_planted_curve() -> None:
    """People fall silent with probability 0.1 a week, seen for a random time: 93 to 98 of 100 intervals hold 0.9^n."""
    chance = np.random.default_rng(4)
    n_worlds, n_people = 2000, 120
    silent_at = chance.geometric(0.1, (n_worlds, n_people))
    censored_at = chance.integers(3, 15, (n_worlds, n_people))
    held = []
    for ends, limits in zip(silent_at, censored_at, strict=True):
        week_no = np.minimum(ends, limits)
        silent = np.bincount(week_no[ends <= limits], minlength=16).astype(float)
        at_risk = (week_no[None, :] >= np.arange(16)[:, None]).sum(axis=1).astype(float)
        _, lo, hi = survival.kaplan_meier(at_risk, silent)
        held.append([lo[n] <= 0.9**n <= hi[n] for n in (2, 5, 10)])
    assert all(0.93 <= share <= 0.98 for share in np.mean(held, axis=0)), np.mean(held, axis=0)


def test_a_platform_without_acts_has_no_curve(shipped: Settings) -> None:
    assert make("activity_survival", a_night({}), shipped, AS_OF).is_empty()
