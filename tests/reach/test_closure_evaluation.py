"""Hold the audit of a closure to planted effects, to a count person by person, and to saying when it cannot tell."""

from collections.abc import Callable
from datetime import date, timedelta
from types import SimpleNamespace

import duckdb
import numpy as np
import polars as pl
import pytest

from pipelines.analysis import closure_evaluation
from pipelines.analysis.closure_evaluation import ClosureAudit, audit
from pipelines.common.errors import SettingsError
from pipelines.reach.closure_estimate import Gap, Sums, gap, trend_apart
from pipelines.warehouse.build import build_model
from tests.sql.case_runner import all_models, create_tables, insert

CLOSED = date(2026, 7, 1)
TABLES = ("core.account", "core.follow", "core.follower_list", "core.engagement", "core.member",
          "core.segment_membership")  # fmt: skip
N_BEFORE, N_AFTER = 8, 9


def audited(con: duckdb.DuckDBPyConnection, account: str, closed_on: date) -> ClosureAudit:
    """Evaluate a closure on a night whose own tables follow from the planted ones."""
    build_shared(con)
    return audit(con, account, closed_on)


def build_shared(con: duckdb.DuckDBPyConnection) -> None:
    """Build the tables that follow from the planted ones."""
    for name in ("core.own_account", "core.segment_person"):
        build_model(con, all_models()[name])


def audiences(
    chance: np.random.Generator, effect: float, drift: float, n_controls: int = 8
) -> tuple[Sums, Sums, float, np.ndarray, np.ndarray]:
    """Plant one closure: 150 people and eight other audiences of 75 to 300, eight weeks before and eight after.

    People interact in a week with a chance of their own (gamma, mean 0.12); weeks are busier and quieter for all (20
    %), after the closure 0.8 times as lively; each account's audience drifts by a lognormal factor of its own. Gives
    the sums, the planted effect in people per week, and the weekly people of both.
    """
    sums, weekly, truth = [], [], 0.0
    shock = np.exp(chance.normal(0, 0.2, 16)) * np.repeat([1, 0.8], 8)
    for number in range(n_controls + 1):
        size = 150 if number == 0 else int(150 * chance.uniform(0.5, 2))
        own = chance.gamma(1, 0.12, size)
        drifted = shock * np.repeat([1, np.exp(chance.normal(0, drift))], 8)
        changed = drifted * np.repeat([1, 1 + effect if number == 0 else 1], 8)
        likely = np.clip(own[:, None] * changed, 0, 0.95)
        acted = chance.random(likely.shape) < likely
        a, b = acted[:, :8].mean(axis=1), acted[:, 8:].mean(axis=1)
        sums.append([a.sum(), b.sum(), (a * a).sum(), (a * b).sum(), (b * b).sum()])
        weekly.append(acted[:, :8].sum(axis=0))
        if number == 0:
            unchanged = np.clip(own[:, None] * drifted, 0, 0.95)
            truth = float((likely[:, 8:] - unchanged[:, 8:]).mean(axis=1).sum())
    table = np.array(sums).T
    return Sums(*table[:, :1]), Sums(*table[:, 1:]), truth, weekly[0], np.sum(weekly[1:], axis=0)


def many(effect: float, drift: float, n_worlds: int = 400) -> tuple[list[Gap], list[float]]:
    chance = np.random.default_rng(3)
    worlds = [audiences(chance, effect, drift) for _ in range(n_worlds)]
    return [gap(one[0], one[1]) for one in worlds], [one[2] for one in worlds]


@pytest.mark.parametrize("drift", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("effect", [0, -0.4, 0.5])
def test_intervals_hold_the_planted_effect(effect: float, drift: float) -> None:
    gaps, truths = many(effect, drift)
    held = np.mean([one.lo <= truth <= one.hi for one, truth in zip(gaps, truths, strict=True)])
    assert 0.93 <= held <= 0.98, held
    assert abs(np.mean([one.effect - truth for one, truth in zip(gaps, truths, strict=True)])) < 0.4


@pytest.mark.parametrize("drift", [0, 0.1, 0.2])
def test_where_nothing_happened_an_effect_is_rarely_seen(drift: float) -> None:
    gaps, _ = many(0, drift)
    assert np.mean([one.hi < 0 or one.lo > 0 for one in gaps]) <= 0.07


def test_an_effect_of_four_in_ten_is_mostly_seen() -> None:
    gaps, _ = many(-0.4, 0.05)
    assert np.mean([one.hi < 0 for one in gaps]) > 0.7
    assert np.mean([one.n_as_far == 0 for one in gaps]) > 0.6


def test_audiences_that_move_alike_are_rarely_called_apart_and_others_mostly() -> None:
    chance = np.random.default_rng(9)
    alike = [trend_apart(*audiences(chance, 0, 0)[3:])[1] for _ in range(500)]
    assert 0.02 <= np.mean(np.array(alike) < 0.05) <= 0.08
    falling = np.exp(-0.15 * np.arange(8))
    apart = [trend_apart(chance.poisson(30 * falling).astype(float), chance.poisson(400, 8).astype(float))
             for _ in range(200)]  # fmt: skip
    assert np.mean([p < 0.05 for _, p in apart]) > 0.7
    assert np.mean([slope for slope, _ in apart]) == pytest.approx(-0.15, abs=0.02)


def planted(effect: float = 0, seed: int = 5, leave: float = 0, falling: float = 0) -> SimpleNamespace:
    """Write a county with a closed account, six kept ones and a seed; people follow one account, every fifth two.

    The closed account's audience acts `1 + effect` times as much after the closure, and `leave` of it go from all
    lists; `falling` is by how much a week it fell before.
    """
    chance = np.random.default_rng(seed)
    starts = CLOSED - timedelta(weeks=N_BEFORE)
    n_people = 7 * 120
    first = np.arange(n_people) % 7
    second = np.where(chance.random(n_people) < 0.2, (first + 1 + chance.integers(0, 6, n_people)) % 7, -1)
    in_audience = (first == 0) | (second == 0)
    weeks = np.arange(N_BEFORE + N_AFTER)
    likely = np.repeat(chance.gamma(2, 0.1, n_people)[:, None], len(weeks), axis=1)
    likely[in_audience] *= np.where(weeks < N_BEFORE, np.exp(-falling * weeks), 1 + effect)
    goes = in_audience & (chance.random(n_people) < leave)
    likely[goes] *= weeks < N_BEFORE
    acted = chance.random(likely.shape) < np.clip(likely, 0, 0.95)
    con = duckdb.connect(":memory:", config={"threads": 1})
    create_tables(con, TABLES)
    accounts = [{"platform": "x", "account_id": f"a{n}", "handle": f"h{n}", "name": f"Account {n}", "role": "own",
                 "is_open": n > 0, "closed_on": None if n else CLOSED} for n in range(7)]  # fmt: skip
    accounts.append({"platform": "x", "account_id": "magazine", "role": "seed", "is_open": True})
    insert(con, "core.account", accounts)
    n_lists = N_BEFORE + N_AFTER + 1
    lists = [{"platform": "x", "account_id": one["account_id"], "observed_on": starts + timedelta(weeks=n),
              "is_complete": True} for one in accounts for n in range(n_lists)
             if one["account_id"] != "a0" or starts + timedelta(weeks=n) < CLOSED]  # fmt: skip
    insert(con, "core.follower_list", lists)
    gone_on = CLOSED + timedelta(weeks=2)
    follows = [(who, account) for who in range(n_people) for account in (first[who], second[who]) if account >= 0]
    insert(con, "core.follow", [
        {"platform": "x", "account_id": f"a{account}", "member_key": who, "first_seen_on": starts,
         "last_seen_on": gone_on if goes[who] else starts + timedelta(weeks=n_lists),
         "ended_on": gone_on if goes[who] and account else None}
        for who, account in follows
    ])  # fmt: skip
    who, week = np.nonzero(acted)
    # Whoever acts after the closure acts with another account: the one they follow, or any.
    found = pl.DataFrame(
        {"who": who, "week": week, "account": np.where((first[who] == 0) & (week >= N_BEFORE), 1, first[who])}
    )
    con.register("found", found)
    con.execute("INSERT INTO core.engagement BY NAME SELECT 'x' AS platform, 'a' || account AS account_id, "
                "CAST(who AS UBIGINT) AS member_key, 'like' AS kind, "
                "$starts + CAST(7 * week + who % 7 AS INTEGER) AS engaged_on FROM found",
                {"starts": starts})  # fmt: skip
    insert(con, "core.member", [{"platform": "x", "member_key": n, "is_present": True} for n in range(n_people)])
    insert(con, "core.segment_membership", [
        {"segment_id": "rider", "platform": "x", "member_key": n, "membership_probability": 0.5 if n % 2 else 1.0}
        for n in range(0, n_people, 3)
    ])  # fmt: skip
    return SimpleNamespace(con=con, acted=acted, in_audience=in_audience, first=first, second=second, goes=goes)


def seen(world: SimpleNamespace, segment: str = "everyone", measure: str = "active") -> closure_evaluation.Effect:
    done = audited(world.con, "x:a0", CLOSED)
    return next(one for one in done.effects if (one.segment_id, one.measure) == (segment, measure))


def test_shares_are_what_following_each_person_gives() -> None:
    world = planted(effect=-0.5)
    for segment, counts in (("everyone", np.ones(840)), ("rider", np.where(np.arange(840) % 2, 0.5, 1.0))):
        counts = counts * (np.arange(840) % 3 == 0) if segment == "rider" else counts
        p, acted = counts[world.in_audience], world.acted[world.in_audience]
        found = seen(world, segment)
        assert found.audience_people == pytest.approx(p.sum())
        assert found.before_share == pytest.approx((p * acted[:, :N_BEFORE].mean(axis=1)).sum() / p.sum())
        assert found.after_share == pytest.approx((p * acted[:, N_BEFORE:].mean(axis=1)).sum() / p.sum())


def test_who_stopped_acting_is_seen_as_lost_and_what_stayed_is_not() -> None:
    lost = seen(planted(effect=-0.7))
    assert lost.verdict == "lost"
    assert lost.effect_people_hi is not None and lost.effect_people_hi < 0
    assert lost.n_as_far == 0
    assert seen(planted(effect=0)).verdict == "no change seen"
    assert seen(planted(effect=1.0)).verdict == "gained"


def test_an_interval_that_holds_all_and_nothing_is_no_answer() -> None:
    """Of few people no effect can be shown: no change seen would read as nothing lost."""
    world = planted(effect=-0.3, seed=6)
    world.con.execute("DELETE FROM core.segment_membership WHERE member_key % 7 = 0 AND member_key > 84")
    found = seen(world, "rider")
    assert found.expected_share is not None and found.effect_people_lo is not None
    assert found.effect_people_lo < -found.expected_share * found.audience_people / 2
    assert (found.verdict, found.reason) == ("cannot tell", "the interval holds no change as well as a loss of half")


def test_an_audience_that_fell_before_says_nothing_of_the_closure() -> None:
    found = seen(planted(effect=-0.7, falling=0.15))
    assert found.verdict == "cannot tell"
    assert "already moved apart" in found.reason


def test_followers_of_the_closed_account_alone_are_lost_by_the_closure() -> None:
    world = planted()
    found = seen(world, measure="follower")
    only = (world.first == 0) & (world.second < 0)
    assert found.before_share == 1
    assert found.after_share == pytest.approx(1 - only.sum() / world.in_audience.sum())
    assert found.verdict == "lost"


def test_former_followers_are_counted_where_they_are_now() -> None:
    world = planted(leave=0.3)
    former = audited(world.con, "x:a0", CLOSED).former.row(0, named=True)
    audience, goes = world.in_audience, world.goes
    another = audience & ((world.first > 0) | (world.second > 0)) & ~goes
    acts = audience & world.acted[:, N_BEFORE:].any(axis=1)
    assert former["segment_id"] == "everyone"
    assert float(former["former_people"]) == audience.sum()
    assert float(former["still_following_people"]) == another.sum()
    assert float(former["still_acting_people"]) == acts.sum()
    assert float(former["still_reached_people"]) == (another | acts).sum()
    assert float(former["gone_people"]) == (audience & ~another & ~acts).sum()
    assert float(former["unreached_people"]) == 0


CANNOT: dict[str, tuple[str, Callable[[duckdb.DuckDBPyConnection], object], date]] = {
    "too early": ("audit again from 2026-09-23 on", lambda con: None, date(2026, 8, 26)),
    "no weeks before": ("no later night brings them", lambda con: None, date(2026, 5, 20)),
    "no lists of it": (
        "needs 4 whole weeks of follower lists and acts before the closure, has 0",
        lambda con: con.execute("DELETE FROM core.follower_list WHERE account_id = 'a0'"),
        CLOSED,
    ),
    "no interactions at all": (
        "needs 4 whole weeks of follower lists and acts before the closure, has 0",
        lambda con: con.execute("DELETE FROM core.engagement"),
        CLOSED,
    ),
    "too few controls": (
        "needs 3 kept accounts on x with follower lists since 2026-05-06 as controls, has 2",
        lambda con: con.execute("UPDATE core.account SET closed_on = DATE '2026-07-20' WHERE account_id > 'a2'"),
        CLOSED,
    ),
}


@pytest.mark.parametrize(("message", "spoil", "closed_on"), CANNOT.values(), ids=CANNOT)
def test_without_enough_to_compare_it_cannot_tell_and_says_what_it_needs(
    message: str, spoil: Callable[[duckdb.DuckDBPyConnection], object], closed_on: date
) -> None:
    con = planted(effect=-0.7).con
    spoil(con)
    done = audited(con, "h0", closed_on)
    assert done.effects
    assert all(one.verdict == "cannot tell" and message in one.reason for one in done.effects)
    assert all(one.effect_people is None for one in done.effects)


def test_an_account_that_is_not_ours_is_refused_with_those_that_are() -> None:
    con = planted().con
    for unknown in ("x:nobody", "x:magazine", "h99"):
        with pytest.raises(SettingsError, match=r"is no account of ours.*Known: x:a0, x:a1"):
            audited(con, unknown, CLOSED)
    con.execute("INSERT INTO core.account (platform, account_id, handle, role) VALUES ('bluesky', 'b', 'h0', 'own')")
    with pytest.raises(SettingsError, match="several accounts"):
        audited(con, "h0", CLOSED)


def test_no_trace_of_a_person_is_left_in_the_connection() -> None:
    con = planted().con
    audited(con, "x:a0", CLOSED)
    assert not con.execute("SELECT 1 FROM duckdb_tables() WHERE temporary").fetchall()
