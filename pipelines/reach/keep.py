"""Which accounts to keep: the fewest or cheapest that hold a floor for every segment, or the most reach for a budget.

Reach is today's on one basis, from `mart.reach_signature`. Nobody is matched between platforms: over all of them, a
segment's reach is a sum in which somebody on two platforms counts twice.
"""

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from pipelines.common.errors import SettingsError
from pipelines.reach import heuristics, milp
from pipelines.reach.coverage_matrix import EVERYONE, Bools, Cover, Floats, reduced
from pipelines.reach.milp import SAME, Aim, Solved, Task

SECONDS = 10.0
BOOTSTRAPS = 200
SEED = 0


@dataclass(frozen=True)
class Wish:
    """What a board asks for: floors are shares (0 to 1) of a segment's reach, accounts are references.

    Without costs every account costs 1. `cheapest` needs floors; `reach` and `worst` a number of accounts or a budget.
    """

    aim: Aim = "cheapest"
    floors: Mapping[str, float] = field(default_factory=dict)
    must_keep: frozenset[str] = frozenset()
    must_close: frozenset[str] = frozenset()
    costs: Mapping[str, float] | None = None
    budget: float | None = None
    n_accounts: int | None = None


@dataclass(frozen=True)
class Choice:
    """The accounts to keep (references, sorted), what they keep, and whether it is proven that nothing is better.

    value and bound: cost, weighted people, or the worst share, as the aim says; gap_share: |bound - value| / value;
    kept_people and reach_people by segment; n_best: in how many of n_bootstraps each account was in the best set.
    """

    kept: tuple[str, ...]
    closed: tuple[str, ...]
    kept_people: dict[str, float]
    reach_people: dict[str, float]
    value: float
    bound: float
    is_optimal: bool
    found_by: str
    seconds: float
    n_bootstraps: int = 0
    n_best: Mapping[str, int] = field(default_factory=dict)

    @property
    def gap_share(self) -> float:
        """How far the best possible may be from this, as a share of it; 0 where it is proved."""
        if self.is_optimal:
            return 0.0
        return abs(self.bound - self.value) / max(abs(self.value), 1e-12)


def floors_for(cover: Cover, at_least: float, own: Mapping[str, float]) -> dict[str, float]:
    """Floors of every segment that is reached, with those that a person sets apart; everyone has one only if named.

    Raises `SettingsError` for a share that is none, and for a segment that nobody of ours reaches.
    """
    for name, share in (("--at-least", at_least), *own.items()):
        if not 0 <= share <= 1:
            raise SettingsError(str(name), f"has the share {share}", hint="0 to 1")
    if unknown := sorted(set(own) - set(cover.segments)):
        raise SettingsError(f"segment {unknown[0]!r}", "is not reached on this basis", known=cover.segments)
    return {one: at_least for one in cover.segments if one != EVERYONE} | dict(own)


def keep(cover: Cover, wish: Wish, seconds: float = SECONDS, n_bootstraps: int = 0) -> Choice:
    """Choose accounts, exactly; greedy steps stand in where the time runs out before a better set is found.

    Raises `SettingsError` where the wish contradicts itself or cannot be met, saying which floor and why.
    """
    began = time.monotonic()
    _check(cover, wish)
    task = _task(cover, wish)
    _check_floors(cover, wish)
    solved, found_by = _best(task, seconds)
    if solved.picked is None:
        raise _too_little(cover, wish, task, seconds, proved=solved.is_optimal)
    question = task.question
    chosen = question.chosen(heuristics.pruned(task, solved.picked))
    counts = _bootstraps(task, n_bootstraps) if n_bootstraps else np.zeros(len(question.free), dtype=int)
    n_best = dict.fromkeys(cover.accounts, 0) | dict.fromkeys(wish.must_keep, n_bootstraps)
    n_best |= {cover.accounts[one]: int(n) for one, n in zip(question.free, counts, strict=True)}
    return Choice(
        kept=cover.refs(chosen),
        closed=cover.refs(~chosen),
        kept_people=_by_segment(cover, cover.kept(chosen)),
        reach_people=_by_segment(cover, cover.reach),
        value=_whole(task, wish, cover, task.value(solved.picked)),
        bound=_whole(task, wish, cover, solved.bound),
        is_optimal=solved.is_optimal,
        found_by=found_by,
        seconds=time.monotonic() - began,
        n_bootstraps=n_bootstraps,
        n_best=n_best if n_bootstraps else {},
    )


def costs_of(cover: Cover, wish: Wish) -> Floats:
    """What each of the cover's accounts costs; 1 each where nothing is said.

    Raises `SettingsError` for an account without a cost.
    """
    if wish.costs is None:
        return np.ones(len(cover.accounts))
    if without := [one for one in cover.accounts if one not in wish.costs]:
        raise SettingsError(f"the cost of {without[0]}", "is not given", known=wish.costs)
    return np.array([wish.costs[one] for one in cover.accounts], dtype=float)


def _task(cover: Cover, wish: Wish) -> Task:
    costs = costs_of(cover, wish)
    stays, goes = cover.mask(wish.must_keep), cover.mask(wish.must_close)
    share = np.array([wish.floors.get(one, 0.0) for one in cover.segments])
    weights = cover.weights
    if not weights.any():  # no segment counts for anything: then everyone does
        weights = np.array([float(one == EVERYONE) for one in cover.segments])
    matters = (weights > 0) | (share > 0)
    return Task(
        question=reduced(cover, costs, stays, goes, matters),
        aim=wish.aim,
        floors=share * cover.reach,
        reach=cover.reach,
        weights=weights,
        budget=math.inf if wish.budget is None else wish.budget - float(costs[stays].sum()),
        n_most=math.inf if wish.n_accounts is None else wish.n_accounts - int(stays.sum()),
    )


def _best(task: Task, seconds: float) -> tuple[Solved, str]:
    """Look at every subset where accounts are few, else solve by HiGHS.

    Where that stops early, greedy steps' set is taken if it is better, with HiGHS's bound.
    """
    if len(task.question.free) <= heuristics.MOST_FOR_EVERY_SUBSET:
        picked = heuristics.best_subset(task, heuristics.every_subset(task.question))
        return Solved(picked, math.nan if picked is None else task.value(picked), True), "looking at every set"
    solved = milp.solve(task, seconds)
    if solved.is_optimal:
        ties = "" if solved.is_tie_broken else " (but not every set as good was looked at)"
        return solved, f"integer programming{ties}"
    by_steps = heuristics.greedy(task)
    tighter = min if task.aim != "cheapest" else max
    bounds = [one for one in (solved.bound, by_steps.bound) if not math.isnan(one)]
    if solved.picked is not None and (by_steps.picked is None or not _is_better(task, by_steps.picked, solved.picked)):
        return Solved(solved.picked, tighter(bounds), False), "integer programming, stopped at its time limit"
    return Solved(by_steps.picked, tighter(bounds), False), "greedy steps, as the time limit came first"


def _is_better(task: Task, one: Bools, other: Bools) -> bool:
    better = task.value(one) < task.value(other) if task.aim == "cheapest" else task.value(one) > task.value(other)
    return bool(better)


def _bootstraps(task: Task, n: int) -> np.ndarray:
    """In how many of n bootstraps each free account is in the best set.

    Each row's people are drawn anew from a Poisson around how many persons it is the sum of, times their mean
    probability: segment by segment, so that who is in two segments is drawn twice. Floors are shares of the drawn
    reach. Up to sixteen free accounts the best set is exact, beyond that greedy steps find it.
    """
    chance = np.random.default_rng(SEED)
    question = task.question
    share = np.divide(task.floors, task.reach, out=np.zeros_like(task.floors), where=task.reach > 0)
    counts = np.zeros(len(question.free), dtype=int)
    mean = np.divide(
        question.people, question.n_members, out=np.zeros_like(question.people), where=question.n_members > 0
    )
    lost = np.maximum(task.reach - question.base - question.people.sum(axis=0), 0)
    for _ in range(n):
        people = chance.poisson(question.n_members).astype(float) * mean
        base, gone = (chance.poisson(one).astype(float) for one in (question.base, lost))
        reach = base + people.sum(axis=0) + gone
        drawn = replace(task, question=replace(question, people=people, base=base), floors=share * reach, reach=reach)
        if len(question.free) <= heuristics.MOST_FOR_EVERY_SUBSET:
            picked = heuristics.best_subset(drawn, heuristics.every_subset(drawn.question))
        else:
            picked = heuristics.greedy(drawn).picked
        if picked is not None:
            counts += picked
    return counts


def _check(cover: Cover, wish: Wish) -> None:
    if not cover.accounts:
        raise SettingsError("the snapshot", "has no account whose reach is measured on this basis")
    if both := sorted(wish.must_keep & wish.must_close):
        raise SettingsError(both[0], "must be kept and must be closed")
    for one in sorted(wish.must_keep | wish.must_close):
        if one not in cover.accounts:
            raise SettingsError(one, "has no reach that is measured on this basis and platform", known=cover.accounts)
    if wish.aim != "cheapest" and wish.budget is None and wish.n_accounts is None:
        raise SettingsError("the aim", "has no limit", hint="say how many accounts, or a budget")
    if wish.n_accounts is not None and wish.n_accounts < max(1, len(wish.must_keep)):
        raise SettingsError(
            f"{wish.n_accounts} accounts", f"are fewer than the {len(wish.must_keep)} that must be kept"
        )
    pinned = float(costs_of(cover, wish)[cover.mask(wish.must_keep)].sum())
    if wish.budget is not None and wish.budget < pinned:
        raise SettingsError(f"a budget of {wish.budget:g}", f"is less than the {pinned:g} of what must be kept")


def _check_floors(cover: Cover, wish: Wish) -> None:
    """Refuse floors that all accounts that may stay cannot hold, naming each and what closes it.

    Raises `SettingsError`.
    """
    possible = cover.kept(~cover.mask(wish.must_close))
    reach = cover.reach
    short = []
    for n, segment in enumerate(cover.segments):
        floor = wish.floors.get(segment, 0.0)
        if possible[n] >= floor * reach[n] - SAME * reach[n]:
            continue
        losses = {one: reach[n] - cover.kept(~cover.mask([one]))[n] for one in wish.must_close}
        most = max(losses, key=lambda one: (losses[one], one))
        why = f"most of it only {most} reaches" if losses[most] > 0 else "together they reach it alone"
        short.append(f"{segment} can keep {possible[n] / reach[n]:.1%} at most, not {floor:.1%} ({why})")
    if short:
        raise SettingsError("these floors", f"cannot be held without {_listed(wish.must_close)}: {'; '.join(short)}")


def _too_little(cover: Cover, wish: Wish, task: Task, seconds: float, *, proved: bool) -> SettingsError:
    """Explain why no set within the limits holds the floors: which alone is out of reach, or what all would take."""
    limit = f"{wish.n_accounts} accounts" if wish.budget is None else f"a budget of {wish.budget:g}"
    if not proved:
        return SettingsError(limit, f"gave no set that holds the floors within {seconds:g} s", hint="give it more time")
    short = []
    for n, segment in enumerate(cover.segments):
        if not task.floors[n]:
            continue
        alone = Task(
            task.question, "reach", np.zeros_like(task.floors), task.reach,
            np.eye(len(cover.segments))[n], task.budget, task.n_most,
        )  # fmt: skip
        best = milp.solve(alone, seconds / len(cover.segments))
        kept = task.reach[n] if best.picked is None else best.bound
        if best.is_optimal and kept < task.floors[n] - SAME * task.reach[n]:
            floor = task.floors[n] / task.reach[n]
            short.append(f"{segment} can keep {kept / task.reach[n]:.1%} at most, not {floor:.1%}")
    if short:
        return SettingsError(limit, f"cannot hold these floors: {'; '.join(short)}")
    cheapest = milp.solve(Task(task.question, "cheapest", task.floors, task.reach, task.weights), seconds)
    needs = "" if cheapest.picked is None else _needs(task, wish, cheapest.picked)
    return SettingsError(limit, "cannot hold these floors together, though each alone", hint=needs)


def _needs(task: Task, wish: Wish, picked: Bools) -> str:
    if wish.budget is None and wish.costs is None:
        return f"together they take {int(picked.sum() + task.question.pinned.sum())} accounts"
    return f"together they take accounts that cost {task.cost(picked):g} beyond those that must be kept"


def _whole(task: Task, wish: Wish, cover: Cover, value: float) -> float:
    """An aim's figure with the accounts that must be kept: their cost stands outside the task."""
    if task.aim != "cheapest":
        return value
    return value + float(costs_of(cover, wish)[task.question.pinned].sum())


def _by_segment(cover: Cover, people: Floats) -> dict[str, float]:
    return dict(zip(cover.segments, people.tolist(), strict=True))


def _listed(refs: Iterable[str]) -> str:
    return ", ".join(sorted(refs))
