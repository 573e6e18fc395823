"""Attack the release: 1,000 nights one by one, and 1,000 pairs of nights between which exactly one person moved.

Prints how many withheld counts were attacked, how many values the attacker is left with, and how much was withheld;
then how long the release takes for a county of many accounts. Worlds and attacker: tests/release/worlds.py.
"""

import argparse
import time
from collections import Counter

import numpy as np
from rich.console import Console

from pipelines.release.cells import Cell
from pipelines.release.disclosure import Limits
from pipelines.release.protect import Rule, protect
from tests.release.worlds import attack, attack_pair, first_nights, pairs

HOW = Rule(Limits(10, 5), until=13, values=5, key=bytes(range(32)))
STACK = 10


def one_by_one(n_nights: int) -> tuple[Counter[int], Counter[str]]:
    """Attack first releases; how many values are left (5 stands for 5 or more), and what became of the cells."""
    left: Counter[int] = Counter()
    states: Counter[str] = Counter()
    for start in range(0, n_nights, STACK):
        nights = first_nights(range(start, start + STACK), HOW)
        states.update(one.state for night in nights for one in night.released.values())
        for found in attack(nights, HOW, HOW.values):
            left.update(min(n, HOW.values) for n in found.values())
    return left, states


def two_by_two(n_pairs: int) -> tuple[Counter[int], int, int]:
    """Attack pairs of nights; how many values are left, how many cells were said otherwise the second night, of all."""
    left: Counter[int] = Counter()
    n_changed = n_cells = 0
    for start in range(0, n_pairs, STACK):
        for first, second, change in pairs(range(start, start + STACK), HOW):
            left.update(min(n, HOW.values) for n in attack_pair(first, second, HOW, HOW.values, change).values())
            found = [(one.number, second.released[cell].number) for cell, one in first.released.items()]
            n_changed += sum(a != b for a, b in found)
            n_cells += len(found)
    return left, n_changed, n_cells


def county(n_accounts: int, n_segments: int) -> dict[Cell, int]:
    """Counts of a county of many accounts whose sizes fall off as 1 / rank: 200,000 people, six homes."""
    draw = np.random.default_rng(1)
    n_people = 200_000
    segment = draw.choice(n_segments + 1, n_people)
    home = draw.choice(6, n_people, p=[0.4, 0.05, 0.05, 0.1, 0.1, 0.3])
    reached = np.stack([draw.random(n_people) < 0.3 / (1 + n) for n in range(n_accounts)], axis=1)
    n_sets = reached.sum(axis=1)
    found: dict[Cell, int] = {}
    for name in ("everyone", *(f"s{n}" for n in range(n_segments))):
        of = np.ones(n_people, dtype=bool) if name == "everyone" else segment == int(name[1:])
        found[Cell("segment", name, "x")] = int(of.sum())
        found[Cell("reached", name, "x", basis="follower")] = int((of & (n_sets > 0)).sum())
        for account in range(n_accounts):
            of_account = of & reached[:, account]
            one = Cell("reach", name, "x", str(account), "follower")
            found[one] = int(of_account.sum())
            found[one.of(measure="exclusive")] = int((of_account & (n_sets == 1)).sum())
            found[one.of(measure="kept")] = int((of_account & (n_sets > 1)).sum())
            for band in range(6):
                found[one.of(measure="home", home_band=str(band))] = int((of_account & (home == band)).sum())
    return found


def main() -> None:
    """Run what the options ask for."""
    options = argparse.ArgumentParser()
    options.add_argument("--nights", type=int, default=1000)
    options.add_argument("--pairs", type=int, default=1000)
    options.add_argument("--accounts", type=int, default=68)
    options.add_argument("--segments", type=int, default=8)
    asked = options.parse_args()
    screen = Console()
    if asked.nights:
        started = time.perf_counter()
        left, states = one_by_one(asked.nights)
        screen.print(f"{asked.nights} nights, values left: {sorted(left.items())}; cells: {states}")
        screen.print(f"  {time.perf_counter() - started:.0f} s")
    if asked.pairs:
        started = time.perf_counter()
        left, n_changed, n_cells = two_by_two(asked.pairs)
        screen.print(f"{asked.pairs} pairs, values left: {sorted(left.items())}; changed {n_changed} of {n_cells}")
        screen.print(f"  {time.perf_counter() - started:.0f} s")
    if asked.accounts:
        counts = county(asked.accounts, asked.segments)
        started = time.perf_counter()
        released = protect(counts, {}, HOW)
        screen.print(f"{asked.accounts} accounts: {Counter(one.state for one in released.values())}")
        screen.print(f"  {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
