"""The accounts to keep are the best ones: the solver agrees with looking at every subset, and says why not."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.analysis.reach_cover import read_cover
from pipelines.common.errors import SettingsError
from pipelines.reach import heuristics, milp
from pipelines.reach import keep as keeping
from pipelines.reach.coverage_matrix import Cover, cover_of, reduced
from pipelines.reach.keep import Wish, floors_for, keep
from tests.reach.closure_world import cover, drawn, snapshot


def every_mask(n: int) -> np.ndarray:
    return (np.arange(1 << n)[:, None] >> np.arange(n) & 1).astype(bool)


def by_exhaustion(found: Cover, wish: Wish) -> tuple[float, float] | None:
    """The best value of all subsets, counted set by set, and of the sets that have it the most weighted people."""
    masks = every_mask(len(found.accounts))
    kept = ((masks.astype(np.float32) @ found.reaches.T.astype(np.float32)) > 0).astype(float) @ found.people
    weights = found.weights if found.weights.any() else np.array([float(s == "everyone") for s in found.segments])
    least = np.array([wish.floors.get(one, 0.0) for one in found.segments]) * found.reach
    costs = np.array([1.0 if wish.costs is None else wish.costs[one] for one in found.accounts])
    fits = (kept >= least - 1e-9 * found.reach).all(axis=1)
    fits &= masks[:, found.mask(wish.must_keep)].all(axis=1) & ~masks[:, found.mask(wish.must_close)].any(axis=1)
    fits &= masks @ costs <= (np.inf if wish.budget is None else wish.budget + 1e-9)
    fits &= masks.sum(axis=1) <= (np.inf if wish.n_accounts is None else wish.n_accounts)
    if not fits.any():
        return None
    counted = (weights > 0) & (found.reach > 0)
    value = {
        "cheapest": -(masks @ costs),
        "reach": kept @ weights,
        "worst": (kept[:, counted] / found.reach[counted]).min(axis=1, initial=1.0),
    }[wish.aim]
    best = value[fits].max()
    ties = fits & (value >= best - 1e-9 * max(1.0, abs(best)))
    return abs(float(best)), float((kept @ weights)[ties].max())


def wish_of(found: Cover, chance: np.random.Generator, aim: str) -> Wish:
    n = len(found.accounts)
    order = [found.accounts[one] for one in chance.permutation(n)]
    share = {one: float(chance.choice([0, 0.3, 0.5, 0.8, 0.9, 1])) for one in found.segments[:-1]}
    costs = {one: float(chance.integers(0, 5)) for one in found.accounts} if chance.random() < 0.5 else None
    is_limited = aim != "cheapest"
    return Wish(
        aim=aim,  # type: ignore[arg-type]
        floors=share if aim == "cheapest" or chance.random() < 0.3 else {},
        must_keep=frozenset(order[: chance.integers(0, 2)]),
        must_close=frozenset(order[2 : 2 + chance.integers(0, 3)]),
        costs=costs,
        budget=float(chance.integers(1, 12)) if is_limited and costs else None,
        n_accounts=int(chance.integers(1, n + 1)) if is_limited else None,
    )


# How an answer is found: subsets looked at up to so many accounts, and sets that HiGHS gives a variable each.
WAYS = {"every subset": (16, 0), "HiGHS, sets as variables": (0, 1500), "HiGHS, tangents": (0, 0)}


@pytest.fixture(params=list(WAYS.values()), ids=list(WAYS))
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer in one of the three ways."""
    most, own = request.param
    monkeypatch.setattr(heuristics, "MOST_FOR_EVERY_SUBSET", most)
    monkeypatch.setattr(milp, "SETS_OF_THEIR_OWN", own)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("aim", ["cheapest", "reach", "worst"])
def test_the_answer_equals_exhaustive_search(aim: str) -> None:
    """Forty small worlds an aim, with pins, costs, budgets and floors; refusals exactly where no subset fits."""
    refused = 0
    for seed in range(40):
        chance = np.random.default_rng(seed)
        found = cover(seed, int(chance.integers(1, 10)), int(chance.integers(1, 60)))
        if not found.segments or found.segments[-1] != "everyone":
            continue
        wish = wish_of(found, chance, aim)
        best = by_exhaustion(found, wish)
        try:
            choice = keep(found, wish)
        except SettingsError:
            refused += 1
            assert best is None, wish
            continue
        assert best is not None, wish
        weights = found.weights if found.weights.any() else np.array([float(s == "everyone") for s in found.segments])
        assert choice.is_optimal
        assert choice.gap_share == 0
        assert choice.value == pytest.approx(best[0], abs=1e-6)
        assert found.kept(found.mask(choice.kept)) @ weights == pytest.approx(best[1], abs=1e-6)
        assert set(choice.kept) | set(choice.closed) == set(found.accounts)
        assert wish.must_keep <= set(choice.kept) and not wish.must_close & set(choice.kept)
    assert refused < 25


@pytest.mark.parametrize("aim", ["cheapest", "reach", "worst"])
def test_sixteen_accounts_equal_exhaustive_search(aim: str) -> None:
    found = cover(1, 16, 70)
    floors = floors_for(found, 0.85, {"a": 0.9})
    wish = Wish("cheapest", floors) if aim == "cheapest" else Wish(aim, n_accounts=6)  # type: ignore[arg-type]
    best = by_exhaustion(found, wish)
    assert best
    assert keep(found, wish).value == pytest.approx(best[0], abs=1e-6)
    task = keeping._task(found, wish)
    solved = milp.solve(task, 30)
    assert solved.is_optimal and solved.picked is not None
    assert task.value(solved.picked) == pytest.approx(best[0], abs=1e-6)


def test_more_accounts_than_subsets_can_be_looked_at_are_solved_and_proved() -> None:
    """Twenty-four accounts: what HiGHS proves, greedy steps and a dearer set do not beat."""
    found = cover(3, 24, 60)
    choice = keep(found, Wish("cheapest", floors_for(found, 0.8, {})))
    assert choice.is_optimal
    assert choice.found_by == "integer programming"
    task = keeping._task(found, Wish("cheapest", floors_for(found, 0.8, {})))
    by_steps = heuristics.greedy(task)
    assert by_steps.picked is not None
    assert len(choice.kept) <= by_steps.picked.sum()
    assert all(choice.kept_people[one] >= 0.8 * choice.reach_people[one] - 1e-6 for one in "abc")


def test_every_subset_of_ten_accounts_keeps_what_counting_says() -> None:
    found = cover(5, 10, 300)
    nobody = found.mask(())
    question = reduced(found, np.ones(10), nobody, nobody, np.ones(len(found.segments), dtype=bool))
    kept = heuristics.every_subset(question)
    assert len(question.free) == 10
    for mask, people in zip(every_mask(10), kept, strict=True):
        assert np.allclose(found.kept(question.chosen(mask)), people)


def test_the_best_subset_and_the_solver_agree_where_sets_tie() -> None:
    for seed in range(10):
        found = cover(seed, 8, 40)
        task = keeping._task(found, Wish("cheapest", floors_for(found, 0.8, {})))
        solved = milp.solve(task, 10).picked
        picked = heuristics.best_subset(task, heuristics.every_subset(task.question))
        assert solved is not None and picked is not None
        assert solved.sum() == picked.sum()
        assert task.question.kept(solved) @ task.weights == pytest.approx(task.question.kept(picked) @ task.weights)


def test_the_order_of_rows_and_accounts_changes_nothing() -> None:
    world = drawn(3, n_accounts=7, n_people=200, n_segments=3)
    rows = world.signatures().filter(basis="follower")
    answers = []
    for seed in range(5):
        chance = np.random.default_rng(seed)
        mixed = rows.sample(fraction=1, shuffle=True, seed=seed).with_columns(
            rows.sample(fraction=1, shuffle=True, seed=seed)["account_ids"].list.reverse()
        )
        accounts = chance.permutation([f"{platform}:{one}" for platform, one in world.accounts]).tolist()
        found = cover_of(mixed, accounts, {"s1": 2})
        choice = keep(found, Wish("cheapest", floors_for(found, 0.8, {})), n_bootstraps=20)
        answers.append((found.people.tolist(), replace(choice, seconds=0)))
    assert all(one == answers[0] for one in answers)


def test_greedy_steps_hold_the_floors_and_never_beat_the_best() -> None:
    for seed in range(15):
        found = cover(seed, 8, 40)
        for wish in (Wish("cheapest", floors_for(found, 0.8, {})), Wish("reach", n_accounts=4)):
            task = keeping._task(found, wish)
            by_steps, best_set = (
                heuristics.greedy(task),
                heuristics.best_subset(task, heuristics.every_subset(task.question)),
            )
            assert by_steps.picked is not None and best_set is not None
            assert task.holds(by_steps.picked)
            if wish.aim == "cheapest":
                assert task.value(by_steps.picked) >= task.value(best_set)
            else:
                best = task.value(best_set)
                assert 0.63 * best <= task.value(by_steps.picked) <= best + 1e-6
                assert by_steps.bound >= best - 1e-6


def test_without_time_greedy_steps_answer_and_say_their_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    found = cover(2, 9, 80)
    best = keep(found, Wish("reach", n_accounts=4))
    monkeypatch.setattr(heuristics, "MOST_FOR_EVERY_SUBSET", 0)
    monkeypatch.setattr(milp, "solve", lambda task, seconds: milp.Solved(None, float("nan"), False))
    choice = keep(found, Wish("reach", n_accounts=4))
    assert not choice.is_optimal
    assert "greedy" in choice.found_by
    assert choice.bound >= best.value - 1e-6
    assert choice.gap_share == pytest.approx((choice.bound - choice.value) / choice.value)


def test_bootstraps_count_certain_accounts_always_and_useless_ones_never() -> None:
    found = cover(4, 6, 80)
    left = found.reaches & ~found.mask(["x:05"])
    rows = left.any(axis=1)
    useless = replace(found, reaches=left[rows], people=found.people[rows] * 50, n_members=found.n_members[rows] * 50)
    choice = keep(
        useless, Wish("cheapest", floors_for(useless, 0.9, {}), must_keep=frozenset(["x:00"])), n_bootstraps=50
    )
    assert choice.n_best["x:05"] == 0
    assert choice.n_best["x:00"] == 50
    assert all(0 <= n <= 50 for n in choice.n_best.values())
    assert all(choice.n_best[one] > 25 for one in choice.kept)
    assert keep(useless, Wish("cheapest", floors_for(useless, 0.9, {}))).n_best == {}


def test_floors_out_of_reach_are_explained() -> None:
    found = cover(1, 6, 80)
    closed = frozenset(["x:00", "x:01", "x:02"])
    kept = found.kept(~found.mask(closed)) / found.reach
    floors = floors_for(found, 0.99, {})
    with pytest.raises(SettingsError, match="cannot be held without x:00, x:01, x:02") as refusal:
        keep(found, Wish("cheapest", floors, must_close=closed))
    for segment, share in zip(found.segments, kept, strict=True):
        assert (f"{segment} can keep {share:.1%} at most, not 99.0%" in str(refusal.value)) == (segment != "everyone")
    with pytest.raises(SettingsError, match=r"1 accounts: cannot hold these floors: .*a can keep \d+\.\d% at most"):
        keep(found, Wish("reach", floors, n_accounts=1))
    fewest = len(keep(found, Wish("cheapest", floors_for(found, 0.9, {}))).kept)
    with pytest.raises(SettingsError, match=f"together they take {fewest} accounts|can keep"):
        keep(found, Wish("reach", floors_for(found, 0.9, {}), n_accounts=fewest - 1))


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (Wish("reach"), "the aim: has no limit"),
        (Wish(must_keep=frozenset(["x:01"]), must_close=frozenset(["x:01"])), "must be kept and must be closed"),
        (Wish(must_keep=frozenset(["x:99"])), "x:99: has no reach that is measured"),
        (Wish("reach", n_accounts=1, must_keep=frozenset(["x:01", "x:02"])), "fewer than the 2 that must be kept"),
        (Wish("reach", budget=1, must_keep=frozenset(["x:01", "x:02"])), "less than the 2 of what must be kept"),
        (Wish("cheapest", costs={"x:00": 1}), "the cost of x:01: is not given"),
    ],
)
def test_a_wish_that_contradicts_itself_is_refused(wish: Wish, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        keep(cover(0, 4), wish)


def test_floors_are_shares_of_segments_that_are_reached() -> None:
    found = cover(0, 4)
    assert floors_for(found, 0.9, {"a": 0.5}) == {"a": 0.5, "b": 0.9, "c": 0.9}
    assert floors_for(found, 0.9, {"everyone": 0.5})["everyone"] == 0.5
    for own in ({"a": 1.5}, {"z": 0.5}):
        with pytest.raises(SettingsError):
            floors_for(found, 0.9, own)


def test_a_cover_is_read_with_weights_and_without_who_is_not_reached() -> None:
    world = drawn(6, n_segments=2)
    with snapshot(world) as con:
        con.execute("INSERT INTO ref.segment VALUES ('s0', 3), ('s1', NULL)")
        whole, one = (read_cover(con, "active", platform) for platform in (None, "mastodon"))
    assert whole.accounts == tuple(sorted(f"{platform}:{one}" for platform, one in world.accounts))
    assert one.accounts == ("mastodon:a0", "mastodon:did:plc:b")
    assert whole.weights.tolist() == [3, 1]
    reached = [row for row in world.people.to_dicts() if row["active"]]
    for n, segment in enumerate(whole.segments):
        assert whole.reach[n] == pytest.approx(sum(row["p"] for row in reached if row["segment_id"] == segment))
