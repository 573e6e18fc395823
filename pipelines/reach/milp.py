"""Choosing accounts as an integer programme, solved by HiGHS through scipy: exact, with its proof or its gap.

One binary x per account; a set's people are kept up to the sum of x over its accounts, and at most once (Church and
ReVelle's maximal covering, 1974). Where sets are few, each is a variable y of its own. Thousands sum to something
concave in x, so tangents stand for them, added where the last answer promised too much (Benders' cuts; Cordeau, Furini
and Ljubic, 2019). The answer is that of the whole programme, in a fraction of its time.
"""

import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from pipelines.reach.coverage_matrix import Bools, Floats, Question

Aim = Literal["cheapest", "reach", "worst"]
# Shares are sums of floats: what differs by less is the same.
SAME = 1e-9
# How far a relaxed answer may promise too much before it is refined: a thousandth of a per cent.
ROUGH = 1e-5
# Up to so many sets each is a variable, and one search gives the answer; beyond that tangents are faster (measured).
SETS_OF_THEIR_OWN = 1500


@dataclass(frozen=True)
class Task:
    """What to choose: `cheapest` that holds the floors, most weighted `reach`, or the best `worst` segment.

    floors: S, least people to keep of each segment, 0 for none; reach: S, people today; weights: S; budget: cost of
    the free accounts at most; n_most: number of the free accounts at most.
    """

    question: Question
    aim: Aim
    floors: Floats
    reach: Floats
    weights: Floats
    budget: float = math.inf
    n_most: float = math.inf

    def cost(self, picked: Bools) -> float:
        """Cost of the free accounts picked."""
        return float(self.question.costs[picked].sum())

    def value(self, picked: Bools) -> float:
        """The aim's own figure: cost, weighted people, or the least share of a segment."""
        if self.aim == "cheapest":
            return self.cost(picked)
        kept = self.question.kept(picked)
        if self.aim == "reach":
            return float(kept @ self.weights)
        return float((kept[self.counted] / self.reach[self.counted]).min(initial=1.0))

    @property
    def counted(self) -> Bools:
        """The segments whose worst share counts."""
        found: Bools = (self.weights > 0) & (self.reach > 0)
        return found

    def holds(self, picked: Bools) -> bool:
        """Whether a choice keeps every floor and every limit."""
        is_short = self.question.kept(picked) < self.floors - SAME * self.reach
        within = self.cost(picked) <= self.budget + SAME * max(1.0, abs(self.budget) if self.budget < math.inf else 1)
        return bool(not is_short.any() and within and picked.sum() <= self.n_most)


@dataclass(frozen=True)
class Solved:
    """A choice (mask over the free accounts, None where there is none), the bound on its value, whether it is proven.

    `is_optimal` also where there is none: then it is proved that none exists. `is_tie_broken` unless the time ran out
    before the one with most weighted reach was found among the best.
    """

    picked: Bools | None
    bound: float
    is_optimal: bool
    is_tie_broken: bool = True


def solve(task: Task, seconds: float) -> Solved:
    """Solve a task, then break ties: of equally good sets the one that keeps most weighted reach.

    The first answer's proof is the aim's; the second search, of a third of the time at most, only ever replaces it by
    one as good.
    """
    until = time.monotonic() + seconds
    first = _solved(task, until)
    if first.picked is None or task.aim == "reach" or time.monotonic() >= until:
        return first
    worth = task.value(first.picked)
    held = {"budget": min(task.budget, worth)} if task.aim == "cheapest" else {"floors": _raised(task, worth)}
    until = min(until, time.monotonic() + seconds / 3)
    second = _solved(replace(task, aim="reach", **held), until)  # type: ignore[arg-type]
    first = replace(first, is_tie_broken=second.is_optimal)
    if second.picked is None or not task.holds(second.picked):
        return first
    no_worse = task.value(second.picked) <= worth + SAME * max(1.0, worth)
    if task.aim == "worst":
        no_worse = task.value(second.picked) >= worth - SAME
    return replace(first, picked=second.picked) if no_worse else first


def _raised(task: Task, share: float) -> Floats:
    """Floors that hold the worst share that was found."""
    least: Floats = np.where(task.counted, np.maximum(task.floors, share * task.reach), task.floors)
    return least


class _Programme:
    """The rows that stand for a task so far: coefficients over the accounts and one promised share, each >= a number.

    The last variable is what the aim promises, a share: of weighted reach, or of the worst segment.
    """

    def __init__(self, task: Task, most_own: int = 0) -> None:
        self.task = task
        question = task.question
        self.n = len(question.free)
        whole = max(float(task.reach @ task.weights), 1e-12)
        per_share = 1 / np.maximum(task.reach, 1e-12)
        bound = np.flatnonzero((task.floors > 0) & (task.reach > 0))
        # each line: segments' people to a share, what it must be at least, whether it is promised
        self.lines = np.diag(per_share)[bound]
        self.least = (task.floors * per_share)[bound] - SAME
        self.is_promised = np.zeros(len(bound))
        if task.aim != "cheapest":
            counted = np.diag(per_share)[task.counted] if task.aim == "worst" else (task.weights / whole)[None]
            self.lines = np.vstack([self.lines, counted])
            self.least = np.r_[self.least, np.zeros(len(counted))]
            self.is_promised = np.r_[self.is_promised, np.ones(len(counted))]
        worth, self.base = question.people @ self.lines.T, self.lines @ question.base
        ties = question.reaches.astype(np.float64)
        # a set of one account is linear in x, and its tangent exact
        has_own = (ties.sum(axis=1) > 1) & (len(ties) <= most_own)
        self.own_ties, self.own_worth = ties[has_own], worth[has_own]
        self.ties, self.worth = ties[~has_own], worth[~has_own]
        self.rows: list[Floats] = []
        self.at_least: list[float] = []
        self.line_of: list[int] = []  # the line a row is a tangent of; -1 for none
        self.slack = np.zeros(0)
        for values, most in ((question.costs, task.budget), (np.ones(self.n), task.n_most)):
            if most < math.inf:
                self.add(np.append(-values, 0.0), -most)
        is_goal = task.aim == "cheapest"
        self.objective = np.append(question.costs, 0.0) if is_goal else np.append(np.zeros(self.n), -1.0)

    def add(self, row: Floats, at_least: float, line: int = -1) -> None:
        """Add one row: coefficients of the accounts and of the promise; a line's also counts the sets of their own."""
        self.rows.append(row)
        self.at_least.append(at_least)
        self.line_of.append(line)

    def system(self) -> tuple[sparse.csr_array, Floats]:
        """All rows over accounts, promise and the sets with a variable of their own, and what each is at least."""
        n_own = len(self.own_ties)
        lines = np.array(self.line_of, dtype=int)
        counted = np.zeros((len(lines), n_own))
        counted[lines >= 0] = self.own_worth.T[lines[lines >= 0]]
        tangents = np.hstack([np.array(self.rows).reshape(len(lines), self.n + 1), counted])
        kept_by = np.hstack([self.own_ties, np.zeros((n_own, 1)), -np.eye(n_own)])
        stacked = sparse.vstack([sparse.csr_array(tangents), sparse.csr_array(kept_by)], format="csr")
        return stacked, np.r_[np.array(self.at_least), np.zeros(n_own)]

    def refine(self, answer: Floats, tolerance: float) -> int:
        """Add the tangent at an answer for every line that it overrates, and give how many.

        Sets with a sum of x of 1 or more count whole, the others by their sum: exact at the answer, too much nowhere.
        """
        is_met = self.ties @ answer[: self.n] >= 1 - SAME
        base = self.base + is_met @ self.worth
        own = np.minimum(self.own_ties @ answer[: self.n], 1.0) @ self.own_worth
        slopes = np.where(is_met[:, None], 0.0, self.worth).T @ self.ties
        lacks = self.least + self.is_promised * answer[self.n] - base - own - slopes @ answer[: self.n]
        overrated = np.flatnonzero(lacks > tolerance)
        for n in overrated:
            self.add(np.append(slopes[n], -self.is_promised[n]), self.least[n] - base[n], int(n))
        return len(overrated)

    def relax(self, tolerance: float = ROUGH, until: float = math.inf) -> float:
        """Refine where fractions of accounts are allowed: cheap, and most of the rows that will matter.

        Gives the objective of the last relaxed answer, which no choice of whole accounts can beat; nan for none.
        """
        answer, objective = np.append(np.zeros(self.n), 1.0), math.nan
        while self.refine(answer, tolerance) or math.isnan(objective):
            left = until - time.monotonic()
            rows, least = self.system()
            found = linprog(
                np.append(self.objective, np.zeros(rows.shape[1] - self.n - 1)),
                A_ub=-rows,
                b_ub=-least,
                bounds=(0, 1),
                options={} if left == math.inf else {"time_limit": max(0.05, left)},
            )
            if found.x is None:
                break
            answer, objective, self.slack = found.x, float(found.fun), found.slack[: len(self.rows)]
            if left <= 0:
                break
        return objective

    def forget(self, first: int) -> None:
        """Drop the rows that the last relaxed answer did not lean on, but for the `first`."""
        leant_on = np.r_[np.ones(first, dtype=bool), self.slack[first:] < 3e-4]
        leant_on = np.r_[leant_on, np.ones(len(self.rows) - len(leant_on), dtype=bool)]
        self.rows = [row for row, is_kept in zip(self.rows, leant_on, strict=True) if is_kept]
        self.at_least = [least for least, is_kept in zip(self.at_least, leant_on, strict=True) if is_kept]
        self.line_of = [line for line, is_kept in zip(self.line_of, leant_on, strict=True) if is_kept]

    def whole(self, until: float) -> tuple[Floats | None, float, int]:
        """Solve for whole accounts: answer, bound of the objective, and scipy's status (0 done, 2 infeasible)."""
        rows, least = self.system()
        rest = np.zeros(rows.shape[1] - self.n)
        with _quiet():
            found = milp(
                np.append(self.objective, rest[1:]),
                constraints=LinearConstraint(rows, least, np.inf),
                integrality=np.append(np.ones(self.n), rest),
                bounds=Bounds(0, 1),
                options={"time_limit": max(0.05, until - time.monotonic()), "mip_rel_gap": 0},
            )
        bound = math.nan if found.mip_dual_bound is None else float(found.mip_dual_bound)
        return found.x, bound, int(found.status)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what HiGHS says of its own inner searches, past Python, out of a command's output."""
    sys.stdout.flush()
    kept = os.dup(1)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _solved(task: Task, until: float) -> Solved:
    """Solve, refine, and solve again, until the answer keeps its promise or the time is up.

    A set that misses a floor is cut off with all that lies within it: fewer accounts never reach more people.
    """
    nothing = np.zeros(len(task.question.free), dtype=bool)
    if not len(nothing):
        return Solved(nothing if task.holds(nothing) else None, task.value(nothing), True)
    programme = _Programme(task, SETS_OF_THEIR_OWN)
    programme.relax(until=until)
    best: Bools | None = None
    bound = math.nan
    seen: set[bytes] = set()
    while True:
        answer, proved, status = programme.whole(until)
        bound = bound if math.isnan(proved) else _in_units(task, proved)
        if answer is None:
            return Solved(best, bound, status == 2)
        picked: Bools = answer[: programme.n] > 0.5
        holds = task.holds(picked)
        if holds and (best is None or _is_better(task, picked, best)):
            best = picked
        exact = np.append(picked.astype(float), answer[programme.n])
        is_refined = programme.refine(exact, SAME) and picked.tobytes() not in seen
        seen.add(picked.tobytes())
        if not holds:
            programme.add(np.append((~picked).astype(float), 0.0), 1.0)
        elif status == 0 and not is_refined:
            return Solved(best, task.value(best) if best is not None else bound, True)
        if status != 0 or time.monotonic() >= until:
            return Solved(best, bound, False)


def reach_bounds(question: Question, weights: Floats, reach: Floats, sets: list[Bools]) -> Floats:
    """Weighted people that no 0, 1, ... F free accounts can exceed, from the relaxed programme: F + 1 numbers.

    `sets` are good ones of each size, to begin with. What one size taught holds for the next, so that all of them cost
    little more than one; within a hundredth of a per cent, the bound is not pursued.
    """
    programme = _Programme(Task(question, "reach", np.zeros(len(reach)), reach, weights, n_most=0))
    bounds = []
    for size, picked in enumerate(sets):
        programme.at_least[0] = -float(size)
        programme.refine(np.append(picked.astype(float), 2.0), 0.0)
        bounds.append(_in_units(programme.task, programme.relax(10 * ROUGH)))
        programme.forget(1)
    return np.array(bounds)


def _is_better(task: Task, one: Bools, other: Bools) -> bool:
    change = task.value(one) - task.value(other)
    return change < 0 if task.aim == "cheapest" else change > 0


def _in_units(task: Task, objective: float) -> float:
    """An objective of the programme in the aim's own unit: cost, weighted people, or a share."""
    if task.aim == "cheapest":
        return max(0.0, objective)
    share = -objective
    return share * float(task.reach @ task.weights) if task.aim == "reach" else share
