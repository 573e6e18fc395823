"""Choosing accounts without a solver: every subset where there are few accounts, greedy steps where there are many.

Kept people of every subset come from one pass (a zeta transform over subsets: Yates 1937): people whose accounts lie
within the complement are lost. Greedy steps for a sum of covered people reach at least 63 % of the best (Nemhauser,
Wolsey and Fisher 1978); what they really miss is bounded here from the gains that are left.
"""

import numpy as np

from pipelines.reach.coverage_matrix import Bools, Floats, Question
from pipelines.reach.milp import SAME, Solved, Task

# 2^16 subsets of 8 segments take 30 ms; each account more doubles it.
MOST_FOR_EVERY_SUBSET = 16


def every_subset(question: Question, people: Floats | None = None) -> Floats:
    """People kept by each subset of the free accounts, pinned ones included: 2^F x S.

    Subset n holds the account f where n has the bit 2^f. `people` takes the place of the question's own.
    """
    n_free = len(question.free)
    within = np.zeros((1 << n_free, question.people.shape[1]))
    np.add.at(within, question.reaches @ (1 << np.arange(n_free)), question.people if people is None else people)
    total = within.sum(axis=0)
    for bit in range(n_free):
        halves = within.reshape(-1, 2, 1 << bit, within.shape[1])
        halves[:, 1] += halves[:, 0]
    kept: Floats = question.base + total - within[::-1]
    return kept


def best_subset(task: Task, kept: Floats) -> Bools | None:
    """Pick the best subset from the people that each keeps; of equally good ones that with most weighted reach.

    Of those the fewest, then the one whose accounts come first. None where no subset holds the floors and limits.
    """
    subsets = np.arange(len(kept), dtype=np.int64)
    bits = (subsets[:, None] >> np.arange(len(task.question.free))) & 1
    n_picked, cost = bits.sum(axis=1), bits @ task.question.costs
    fits = (kept >= task.floors - SAME * task.reach).all(axis=1) & (n_picked <= task.n_most)
    fits &= cost <= task.budget + SAME * np.maximum(1.0, cost)
    if not fits.any():
        return None
    for value in (*_values(task, kept, cost), -(kept @ task.weights), n_picked.astype(float)):
        tolerance = SAME * max(1.0, float(np.abs(value[fits]).max()))
        fits &= value <= value[fits].min() + tolerance
    first = min(subsets[fits].tolist(), key=lambda one: tuple(np.flatnonzero(bits[one])))
    found: Bools = bits[first].astype(bool)
    return found


def _values(task: Task, kept: Floats, cost: Floats) -> tuple[Floats, ...]:
    if task.aim == "cheapest":
        return (cost,)
    if task.aim == "worst":
        share = kept[:, task.counted] / task.reach[task.counted]
        return (-share.min(axis=1, initial=1.0),)
    return ()


def greedy(task: Task) -> Solved:
    """Pick the account that adds most for its cost until the aim is met, then drop what is no longer needed.

    Towards floors, only what a segment still lacks counts; towards the worst segment, that segment does. The bound is
    a proved one for `reach`, and for the other aims what no choice can beat at all.
    """
    question = task.question
    picked = np.zeros(len(question.free), dtype=bool)
    while True:
        gains = _useful(task, picked)
        can = ~picked & (gains > 0) & (task.question.costs <= task.budget - task.cost(picked) + SAME)
        if not can.any() or picked.sum() >= task.n_most or (task.aim == "cheapest" and task.holds(picked)):
            break
        if task.aim == "cheapest" or task.budget < np.inf:
            gains = gains / np.maximum(question.costs, 1e-12)
        picked[int(np.argmax(np.where(can, gains, -1.0)))] = True
    picked = pruned(task, picked)
    return Solved(picked if task.holds(picked) else None, _loose_bound(task, picked), False)


def pruned(task: Task, picked: Bools) -> Bools:
    """Drop accounts, the last first, that the answer does not need: those that nobody or no floor needs."""
    left = picked.copy()
    for one in np.flatnonzero(picked)[::-1]:
        without = left.copy()
        without[one] = False
        loses_nobody = np.allclose(task.question.kept(without), task.question.kept(left), rtol=0, atol=1e-7)
        if loses_nobody or (task.aim == "cheapest" and task.question.costs[one] > 0 and task.holds(without)):
            left = without
    return left


def _useful(task: Task, picked: Bools) -> Floats:
    """What each free account would add to what the aim still wants, 0 where nothing."""
    question = task.question
    missed = ~question.reaches[:, picked].any(axis=1)
    adds = question.reaches[missed].astype(float).T @ question.people[missed]
    kept = question.kept(picked)
    scale = np.maximum(task.reach, 1e-12)
    lacks = np.maximum(task.floors - kept, 0)
    lacks[lacks <= SAME * task.reach] = 0
    if lacks.any():
        gains: Floats = (np.minimum(adds, lacks) / scale).sum(axis=1)
        return gains
    if task.aim == "reach":
        gains = adds @ task.weights
    else:
        share = np.where(task.counted, kept / scale, np.inf)
        worst = share <= share.min() + SAME
        gains = (adds[:, worst] / scale[worst]).sum(axis=1) + 1e-6 * (adds @ task.weights) / max(
            float(task.reach @ task.weights), 1e-12
        )
    return gains


def _loose_bound(task: Task, picked: Bools) -> float:
    if task.aim == "reach":
        return reach_bound(task.question, task.weights, picked, task.n_most)
    return 0.0 if task.aim == "cheapest" else 1.0


def reach_bound(question: Question, weights: Floats, picked: Bools, n_most: float) -> float:
    """Weighted people that no choice of `n_most` free accounts can exceed.

    Any set's gain over the picked one is at most the sum of its accounts' single gains over it, as gains only shrink.
    """
    missed = ~question.reaches[:, picked].any(axis=1)
    gains = question.reaches[missed].astype(float).T @ (question.people[missed] @ weights)
    n_best = int(min(n_most, len(gains)))
    return float(question.kept(picked) @ weights + np.sort(gains)[::-1][:n_best].sum())


def greedy_path(question: Question, weights: Floats) -> list[Bools]:
    """Good sets of 0, 1, ... F free accounts: each step adds the account with the largest gain, then exchanges.

    An exchange of one account for another is made as long as it gains; no set keeps less than the one before.
    """
    worth = question.people @ weights
    ties = question.reaches.astype(np.float64)
    weighted = ties * worth[:, None]
    picked: list[int] = []
    sets = []
    for size in range(len(question.free) + 1):
        mask = np.zeros(len(question.free), dtype=bool)
        mask[picked] = True
        sets.append(mask)
        if size < len(question.free):
            gains = (ties[:, picked].sum(axis=1) == 0) @ weighted
            gains[picked] = -np.inf
            picked = _exchanged([*picked, int(np.argmax(gains))], ties, weighted, float(worth.sum()))
    return sets


def _exchanged(picked: list[int], ties: Floats, weighted: Floats, whole: float) -> list[int]:
    """Exchange one account for another as long as that gains, each time the pair that gains most; few times at most."""
    for _ in range(len(picked)):
        covered = ties[:, picked].sum(axis=1)
        open_gains = (covered == 0) @ weighted
        once = covered == 1
        best, pair = SAME * max(whole, 1.0), None
        # gains of each account over the picked ones without one of them, all at once: what is reached by nobody, and
        # what only the one that goes reaches
        alone = (ties[once][:, picked]).T @ weighted[once]
        for place, out in enumerate(picked):
            gains = open_gains + alone[place] - alone[place, out]
            gains[picked] = -np.inf
            into = int(np.argmax(gains))
            if gains[into] > best:
                best, pair = float(gains[into]), (place, into)
        if pair is None:
            break
        picked = [one if place != pair[0] else pair[1] for place, one in enumerate(picked)]
    return picked
