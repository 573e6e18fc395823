"""Expansion by log-odds: the SQL is the method, finds what was planted, and refuses what is not there."""

from dataclasses import dataclass

import duckdb
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.segments.planted import (
    World,
    connect,
    expand,
    give_segment,
    give_world,
    new_keys,
    one_draw,
    planted_world,
)

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


# The method once more, after METHODS.md, on a full matrix and one segment at a time.


@dataclass(frozen=True)
class Fit:
    """What one run learnt: for each account labelled followers, log-odds and z; 0 where nobody in the fit follows."""

    labelled: Floats
    log_odds: Floats
    z: Floats

    def score(self, follows: Floats) -> Floats:
        return np.asarray(follows @ self.z / np.sqrt(follows.sum(axis=1) + 3))


def fitted(follows: Floats, seed: Bools, weight: Floats) -> Fit:
    """Fit on members (rows) who count `weight` times each, some of them seeds."""
    n_followed = follows.sum(axis=1)
    followers = weight @ follows
    pull = np.where(seed, 1 / np.sqrt(np.maximum(n_followed, 1)), 0.0)
    mean_pull = (weight * pull * n_followed).sum() / followers.sum()
    account_affinity = ((weight * pull) @ follows + 3 * mean_pull) / (followers + 3)
    member_affinity = (follows @ account_affinity + 3 * mean_pull) / (n_followed + 3)
    excess = np.where(seed | (weight == 0) | (n_followed == 0), 0.0, np.maximum(0, member_affinity - mean_pull))
    excess[excess < 1e-15] = 0
    ranked = np.argsort(-excess, kind="stable")
    ranked = ranked[excess[ranked] > 0]
    enough = np.flatnonzero(np.cumsum(weight[ranked]) >= 5 * weight[seed].sum() - 1e-6)
    threshold = excess[ranked[enough[0]]] if len(enough) else excess[ranked[-1]]
    label = np.where(seed, 1.0, 0.5 * np.minimum(1, excess / threshold))
    y = (weight * label) @ follows
    n = followers - y
    prior = 500 * followers / followers.sum()
    known = followers > 0
    log_odds, z = np.zeros(len(y)), np.zeros(len(y))
    labelled, unlabelled = (y + prior)[known], (n + prior)[known]
    log_odds[known] = np.log(labelled / (y.sum() + 500 - labelled)) - np.log(unlabelled / (n.sum() + 500 - unlabelled))
    z[known] = log_odds[known] / np.sqrt(1 / labelled + 1 / unlabelled)
    return Fit(y, log_odds, z)


@dataclass(frozen=True)
class Guarded:
    """What the five folds say: AUC, its error, the upper bound of the size, and each fold's fit."""

    auc: float
    auc_se: float
    people_hi: int
    fits: dict[int, Fit]
    held_out: dict[int, tuple[Floats, Floats]]


def lowest(keys: NDArray[np.uint64], which: Bools, n: int) -> Bools:
    """The n lowest keys among some."""
    chosen = np.flatnonzero(which)[np.argsort(keys[which])][:n]
    return np.isin(np.arange(len(keys)), chosen)


def guarded(follows: Floats, seed: Bools, keys: NDArray[np.uint64]) -> Guarded:
    """Cross-validate on a sample, pair by pair."""
    other = ~seed
    fold = (keys % np.uint64(5)).astype(int) + 1
    in_sample = np.where(seed, lowest(keys, seed, 1000), lowest(keys, np.ones_like(seed), 10_000))
    weight = np.zeros(len(keys))
    for group in (seed, other):
        weight[group & in_sample] = group.sum() / (group & in_sample).sum()
    seed_places, other_places, depths, fits, held_out = [], [], [], {}, {}
    for held in range(1, 6):
        fits[held] = fitted(follows, seed & (weight > 0) & (fold != held), np.where(fold == held, 0, weight))
        score = np.round(fits[held].score(follows), 8)
        inside, outside = (score[group & in_sample & (fold == held)] for group in (seed, other))
        held_out[held] = inside, outside
        wins = (inside[:, None] > outside) + 0.5 * (inside[:, None] == outside)
        seed_places.append(wins.mean(axis=1))
        other_places.append(wins.mean(axis=0))
        depths.append((outside >= inside[:, None]).mean(axis=1))
    one, two, depth = (np.concatenate(parts) for parts in (seed_places, other_places, depths))
    m, n, n_others = len(one), len(two), int(other.sum())
    variance = max(one.var(ddof=1), 1 / 12) / m * (m + 1) / (m - 1) + max(two.var(ddof=1), 1 / 12) / n
    seed_doubt = np.sqrt(np.log(40) / (2 * m))
    other_doubt = np.sqrt(np.log(40) / (2 * n) * (1 - n / n_others))
    bounds = [
        (np.sqrt(np.log(40) / 2) + np.sqrt(np.log(40) / 2 + n_others * (at + other_doubt))) ** 2
        / ((depth <= at).mean() - seed_doubt)
        for at in depth
        if (depth <= at).mean() > seed_doubt
    ]
    unknown = min(n_others, *bounds)
    return Guarded(
        float(one.mean()), float(1.5 * np.sqrt(variance)), int(np.ceil(seed.sum() + unknown)), fits, held_out
    )


# The SQL against it.


@dataclass(frozen=True)
class Small:
    """A world of 14,000 in a database, expanded: more people than the guard's sample holds."""

    con: duckdb.DuckDBPyConnection
    follows: Floats
    keys: NDArray[np.uint64]
    seeds: dict[str, Bools]


@pytest.fixture(scope="module")
def small() -> Small:
    rng = np.random.default_rng(7)
    world = planted_world(rng, 0.2, n_members=14_000, n_accounts=60, n_interests=6, typical_follows=4)
    keys = new_keys(rng, world.n_members)
    follows = matrix(world)
    seeds = {
        "many": world.interests[:, 0] & (rng.random(world.n_members) < 0.6),
        "some": world.interests[:, 1] & (rng.random(world.n_members) < 0.05),
        "faint": (world.interests[:, 2] & (rng.random(world.n_members) < 0.3)) | (rng.random(world.n_members) < 0.04),
        "chance": rng.random(world.n_members) < 0.002,
    }
    assert seeds["many"].sum() > 1000
    con = connect()
    give_world(con, world, keys)
    for segment_id, seed in seeds.items():
        give_segment(con, segment_id, keys[seed])
    give_segment(con, "few", keys[:9])
    give_segment(con, "by_rules", keys[:3000])
    con.execute("UPDATE ref.segment SET expansion = 'rules_only' WHERE segment_id = 'by_rules'")
    expand(con)
    return Small(con, follows, keys, seeds)


def matrix(world: World) -> Floats:
    follows = np.zeros((world.n_members, world.n_accounts))
    follows[world.member, world.account] = 1
    return follows


def by_account(con: duckdb.DuckDBPyConnection, segment_id: str, fold: int, column: str, n: int) -> Floats:
    """One column of account_weight, by account; 0 where there is no row."""
    found = con.execute(
        f"SELECT CAST(account_id AS INTEGER) AS n, {column} AS value FROM expansion.account_weight "
        "JOIN expansion.run USING (run_no) JOIN expansion.account USING (account_no) "
        "WHERE segment_id = $segment_id AND fold = $fold",
        {"segment_id": segment_id, "fold": fold},
    ).fetchnumpy()
    values = np.zeros(n)
    values[found["n"]] = found["value"]
    return values


@pytest.mark.parametrize("segment_id", ["many", "some", "faint", "chance"])
def test_the_sql_is_the_method(small: Small, segment_id: str) -> None:
    seed, follows = small.seeds[segment_id], small.follows
    whole = fitted(follows, seed, np.ones(len(seed)))
    five = guarded(follows, seed, small.keys)
    for fold, fit in {0: whole, **five.fits}.items():
        for column, wanted in (
            ("labelled_followers", fit.labelled),
            ("log_odds", fit.log_odds),
            ("log_odds_z", fit.z),
        ):
            found = by_account(small.con, segment_id, fold, column, follows.shape[1])
            np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9 * np.abs(wanted).max(), err_msg=f"{fold}")
    row = small.con.execute(
        "SELECT auc, auc_se, segment_people_hi, guard FROM expansion.guard WHERE segment_id = $id", {"id": segment_id}
    ).fetchone()
    assert row is not None
    assert row[:2] == pytest.approx((five.auc, five.auc_se), rel=1e-9)
    assert abs(row[2] - five.people_hi) <= 1
    surely = five.auc - 1.64 * five.auc_se > 0.5
    assert row[3] == (("weak" if five.auc < 0.65 else "good") if surely else "refused")


@pytest.mark.parametrize("segment_id", ["many", "some"])
def test_everybody_is_scored_and_ranked(small: Small, segment_id: str) -> None:
    found = small.con.execute(
        "SELECT member_key, expansion_score, score_rank_share, is_seed FROM expansion.member_score "
        "WHERE segment_id = $id ORDER BY member_key",
        {"id": segment_id},
    ).fetchnumpy()
    order = np.argsort(small.keys)
    assert (found["member_key"] == small.keys[order]).all()
    seed = small.seeds[segment_id][order]
    assert (found["is_seed"] == seed).all()
    score = fitted(small.follows, small.seeds[segment_id], np.ones(len(seed))).score(small.follows)[order]
    np.testing.assert_allclose(found["expansion_score"], score, rtol=1e-9, atol=1e-9 * np.abs(score).max())
    ranked = np.sort(-found["expansion_score"])
    shares = np.searchsorted(ranked, -found["expansion_score"], side="right") / len(ranked)
    np.testing.assert_allclose(found["score_rank_share"], shares, rtol=1e-12)


def test_who_follows_the_same_scores_the_same(small: Small) -> None:
    patterns = np.unique(small.follows, axis=0, return_inverse=True)[1].ravel()[np.argsort(small.keys)]
    score = small.con.execute(
        "SELECT expansion_score FROM expansion.member_score WHERE segment_id = 'many' ORDER BY member_key"
    ).fetchnumpy()["expansion_score"]
    assert len(np.unique(np.stack([patterns, score]), axis=1).T) == len(np.unique(patterns))


def test_twice_the_same_input_gives_the_same_tables_to_the_last_bit(small: Small) -> None:
    tables = ("account_weight", "held_out_score", "guard", "member_score")

    def contents() -> list[object]:
        sums = ", ".join(f"(SELECT sum(hash(t)) FROM expansion.{table} AS t)" for table in tables)
        return list(small.con.execute(f"SELECT {sums}").fetchone() or ())

    before = contents()
    try:
        for threads in (1, 2):
            small.con.execute(f"SET threads = {threads}")
            expand(small.con)
            assert contents() == before
    finally:
        small.con.execute("SET threads = 2")


def test_segments_that_do_not_expand_say_why(small: Small) -> None:
    rows = small.con.execute(
        "SELECT segment_id, guard, n_seeds, n_scored, segment_people_lo, segment_people_hi, guard_reason "
        "FROM mart.segment_expansion WHERE channel = 'follow'"
    ).fetchall()
    reported = {row[0]: row[1:] for row in rows}
    assert {segment_id: row[0] for segment_id, row in reported.items()} == {
        "many": "good",
        "some": "good",
        "faint": "weak",
        "chance": "refused",
        "few": "too few seeds",
        "by_rules": "off",
    }
    assert reported["by_rules"][1] == 3000 and reported["few"][1] == 9
    for segment_id in ("chance", "few", "by_rules"):
        assert reported[segment_id][2:5] == (None, None, None) and reported[segment_id][5]
    ran = {row[0] for row in small.con.execute("SELECT DISTINCT segment_id FROM expansion.run").fetchall()}
    assert ran == {"many", "some", "faint", "chance"}
    shown = small.con.execute("SELECT DISTINCT segment_id FROM mart.segment_account_affinity").fetchall()
    assert {row[0] for row in shown} == {"many", "some", "faint"}


def test_the_five_best_reasons_are_the_largest_z(small: Small) -> None:
    reasons = small.con.execute(
        "SELECT CAST(account_id AS INTEGER), log_odds_z FROM mart.segment_account_affinity "
        "WHERE segment_id = 'some' AND account_rank <= 5 ORDER BY account_rank"
    ).fetchall()
    fit = fitted(small.follows, small.seeds["some"], np.ones(len(small.keys)))
    assert [row[0] for row in reasons] == np.argsort(-fit.z)[:5].tolist()


# What was planted is found, what was not is refused.


@pytest.mark.parametrize(("prevalence", "at_least"), [(0.02, 0.344), (0.005, 0.081)])
def test_twenty_seeds_find_what_was_planted(prevalence: float, at_least: float) -> None:
    found, counted = np.mean([one_draw(prevalence, draw) for draw in range(5)], axis=0)
    assert found >= at_least
    assert found >= 1.5 * counted


def test_shuffled_seeds_are_refused_and_true_ones_accepted() -> None:
    con = connect()
    for n in range(2):
        rng = np.random.default_rng([99, n])
        world = planted_world(rng, 0.05, n_members=4_000, n_accounts=300)
        keys = new_keys(rng, world.n_members)
        give_world(con, world, keys, platform=f"world {n}")
        for draw in range(40):
            give_segment(con, f"shuffled {draw}", rng.choice(keys, 40, replace=False), platform=f"world {n}")
        members = keys[world.interests[:, 0]]
        for draw in range(5):
            give_segment(con, f"true {draw}", rng.choice(members, 40, replace=False), platform=f"world {n}")
    expand(con)
    judged = con.execute(
        "SELECT split_part(segment_id, ' ', 1), guard, count(*), min(segment_people_hi) FROM mart.segment_expansion "
        "WHERE n_seeds > 0 GROUP BY ALL"
    ).fetchall()
    refused = {kind: sum(n for of, guard, n, _ in judged if of == kind and guard == "refused") for kind, *_ in judged}
    assert refused["shuffled"] >= 0.95 * 80
    assert refused["true"] == 0


def test_the_size_is_within_its_bounds() -> None:
    con = connect()
    sizes = {}
    for n in range(3):
        rng = np.random.default_rng([5, n])
        world = planted_world(rng, 0.05, n_members=6_000, n_accounts=300)
        keys = new_keys(rng, world.n_members)
        give_world(con, world, keys, platform=f"world {n}")
        for interest in range(8):
            members = keys[world.interests[:, interest]]
            give_segment(con, f"interest {interest}", members[rng.random(len(members)) < 0.3], platform=f"world {n}")
            sizes[f"world {n}", f"interest {interest}"] = len(members)
    expand(con)
    rows = con.execute(
        "SELECT platform, segment_id, segment_people_lo, segment_people_hi FROM mart.segment_expansion "
        "WHERE guard IN ('good', 'weak')"
    ).fetchall()
    assert len(rows) > 15
    assert all(lo <= sizes[platform, segment_id] <= hi for platform, segment_id, lo, hi in rows)
    assert np.median([hi / sizes[platform, segment_id] for platform, segment_id, _, hi in rows]) < 2


# Nobody's score depends on who has nothing to do with it.


@pytest.fixture
def tiny() -> tuple[World, NDArray[np.uint64], Bools]:
    rng = np.random.default_rng(3)
    world = planted_world(rng, 0.1, n_members=2_000, n_accounts=100, n_interests=8, typical_follows=6)
    return world, new_keys(rng, world.n_members), world.interests[:, 0] & (rng.random(world.n_members) < 0.3)


def scores(con: duckdb.DuckDBPyConnection) -> dict[int, float]:
    return dict(con.execute("SELECT member_key, expansion_score FROM expansion.member_score").fetchall())


def test_an_isolated_member_changes_nobodys_order(tiny: tuple[World, NDArray[np.uint64], Bools]) -> None:
    world, keys, seed = tiny
    con = connect()
    give_world(con, world, keys)
    give_segment(con, "planted", keys[seed])
    expand(con)
    before = scores(con)
    stranger = 2**64 - 1
    con.execute(
        "INSERT INTO core.member BY NAME SELECT 'x' AS platform, $key::UBIGINT AS member_key, true AS is_present",
        {"key": stranger},
    )
    expand(con)
    assert scores(con) == before

    # With an account that only they follow there is one edge more: a thousandth of a step, and a place for them.
    con.execute("INSERT INTO core.account BY NAME SELECT 'x' AS platform, 'alone' AS account_id, 'seed' AS role")
    con.execute(
        "INSERT INTO core.follow BY NAME SELECT 'x' AS platform, 'alone' AS account_id, $key::UBIGINT AS member_key",
        {"key": stranger},
    )
    expand(con)
    after = scores(con)
    assert after.keys() - before.keys() == {stranger}
    one, two = (np.array([of[key] for key in before]) for of in (before, after))
    assert np.abs(one - two).max() < 0.005 * one.std()
    apart = np.abs(one[:, None] - one) > 0.01 * one.std()
    assert (np.sign(one[:, None] - one) == np.sign(two[:, None] - two))[apart].all()


def test_our_own_accounts_never_count(tiny: tuple[World, NDArray[np.uint64], Bools]) -> None:
    world, keys, seed = tiny
    con = connect()
    give_world(con, world, keys)
    give_segment(con, "planted", keys[seed])
    expand(con)
    before = scores(con)
    con.execute("INSERT INTO core.account BY NAME SELECT 'x' AS platform, 'ours' AS account_id, 'own' AS role")
    con.execute(
        "INSERT INTO core.follow BY NAME SELECT platform, 'ours' AS account_id, member_key FROM core.segment_membership"
    )
    con.execute(
        "INSERT INTO core.engagement BY NAME SELECT platform, 'ours' AS account_id, member_key, "
        "DATE '2026-09-29' AS engaged_on FROM core.segment_membership"
    )
    expand(con)
    assert scores(con) == before


def test_who_is_held_out_teaches_nothing(tiny: tuple[World, NDArray[np.uint64], Bools]) -> None:
    world, keys, seed = tiny
    held = keys % np.uint64(5) == 2
    fits = []
    for change in (False, True):
        account = world.account.copy()
        if change:
            # Everybody of fold 3 follows other accounts, as many as before, seeds and others alike.
            theirs = held[world.member]
            account[theirs] = (world.n_accounts - 1) - account[theirs]
        con = connect()
        give_world(con, World(world.member, account, world.interests, world.n_accounts), keys)
        give_segment(con, "planted", keys[seed])
        expand(con)
        fits.append({fold: by_account(con, "planted", fold, "log_odds_z", world.n_accounts) for fold in range(6)})
    assert (fits[0][3] == fits[1][3]).all()
    assert all((fits[0][fold] != fits[1][fold]).any() for fold in (0, 1, 2, 4, 5))
