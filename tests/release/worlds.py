"""Small worlds of people, their released counts, and an attacker who knows everything but the people and the key.

A person is of a type: which segments, which accounts on which basis, which home. The attacker's unknowns are how many
people of each type there are, so that every law holds by itself that counts of real people keep, also those that
`pipelines.release.relations` does not name.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from scipy import sparse

from pipelines.release.bounds import Knowledge, Ranges, ranges
from pipelines.release.cells import EVERYONE, SHOWN, Cell, Released
from pipelines.release.protect import Rule, knowledge, protect
from pipelines.release.relations import Rows


@dataclass(frozen=True)
class Kind:
    """What a world can hold: accounts, segments, homes, and bases from the widest to the narrowest."""

    n_accounts: int
    n_segments: int
    n_bands: int
    bases: tuple[str, ...]


KINDS = (
    Kind(3, 2, 3, ("follower",)),
    Kind(2, 3, 2, ("follower",)),
    Kind(4, 1, 3, ("follower",)),
    Kind(5, 1, 1, ("follower",)),
    Kind(1, 2, 3, ("follower",)),
    Kind(2, 1, 3, ("active", "engaged")),
    Kind(3, 1, 2, ("active", "engaged")),
)


@cache
def types_of(kind: Kind) -> list[tuple[tuple[bool, ...], tuple[int, ...], int]]:
    """The types of people: of which segments, how near to each account (0: not reached), with which home."""
    return list(
        product(
            product((False, True), repeat=kind.n_segments),
            product(range(len(kind.bases) + 1), repeat=kind.n_accounts),
            range(kind.n_bands),
        )
    )


@cache
def cells_of(kind: Kind) -> tuple[list[Cell], sparse.csr_array]:
    """Every cell of such a world, and which types of people each counts: (cells, types) of 0 and 1."""
    types = types_of(kind)
    segment = {EVERYONE: np.ones(len(types), dtype=bool)} | {
        f"s{n}": np.array([one[0][n] for one in types]) for n in range(kind.n_segments)
    }
    home = np.array([one[2] for one in types])
    found: dict[Cell, np.ndarray] = {}
    for name, of_segment in segment.items():
        found[Cell("segment", name, "x")] = of_segment
        for depth, basis in enumerate(kind.bases, 1):
            reached = np.array([[step >= depth for step in one[1]] for one in types])
            found[Cell("reached", name, "x", basis=basis)] = of_segment & reached.any(axis=1)
            for account in range(kind.n_accounts):
                of_account = of_segment & reached[:, account]
                only = of_account & (reached.sum(axis=1) == 1)
                named = {"segment_id": name, "platform": "x", "account_id": str(account), "basis": basis}
                found[Cell("reach", **named)] = of_account
                found[Cell("exclusive", **named)] = only
                found[Cell("kept", **named)] = of_account & ~only
                for band in range(kind.n_bands):
                    found[Cell("home", **named, home_band=f"b{band}")] = of_account & (home == band)
    return list(found), sparse.csr_array(np.array(list(found.values()), dtype=float))


def people(kind: Kind, draw: np.random.Generator) -> np.ndarray:
    """Draw how many people of each type there are (types): most types rare, a few large, many empty."""
    n_types = cells_of(kind)[1].shape[1]
    size = draw.lognormal(draw.uniform(-0.5, 1.5), draw.uniform(0.8, 1.8), n_types)
    found: np.ndarray = np.floor(size * (draw.random(n_types) < draw.uniform(0.2, 0.9)))
    return found


def counted(kind: Kind, of_types: np.ndarray) -> dict[Cell, int]:
    """The exact cells of a world."""
    cells, matrix = cells_of(kind)
    return dict(zip(cells, (matrix @ of_types).astype(int).tolist(), strict=True))


def withheld(released: Mapping[Cell, Released]) -> list[Cell]:
    """The cells that an attacker is after: but not what everybody knows to be 0, whom one lone account keeps."""
    accounts = {one.account_id for one in released if one.account_id}
    return [
        one
        for one, reported in released.items()
        if reported.state != SHOWN and (one.measure != "kept" or len(accounts) > 1)
    ]


def protected(
    exact: Sequence[Mapping[Cell, int]], last: Sequence[Mapping[Cell, Released]], how: Rule
) -> list[dict[Cell, Released]]:
    """Release many worlds at once, each as a platform of its own: platforms share no law."""

    def named(worlds: Sequence[Mapping[Cell, Any]]) -> dict[Cell, Any]:
        return {one.of(platform=f"x{n}"): value for n, world in enumerate(worlds) for one, value in world.items()}

    released = protect(named(exact), named(last), how)
    return [{one: released[one.of(platform=f"x{n}")] for one in world} for n, world in enumerate(exact)]


def first_nights(seeds: Iterable[int], how: Rule, kinds: Sequence[Kind] = KINDS) -> list["Night"]:
    """The first release of a world for each seed; kinds take turns."""
    worlds = [(kinds[seed % len(kinds)], np.random.default_rng(seed)) for seed in seeds]
    drawn = [(kind, people(kind, draw)) for kind, draw in worlds]
    exact = [counted(kind, of_types) for kind, of_types in drawn]
    reported = protected(exact, [{} for _ in exact], how)
    return [Night(kind, of_types, one, {}) for (kind, of_types), one in zip(drawn, reported, strict=True)]


def pairs(seeds: Iterable[int], how: Rule) -> list[tuple["Night", "Night", int]]:
    """Two nights of a world for each seed, after an earlier one, and whether a person joined (1) or left (-1)."""
    drawn = [_three_days(KINDS[seed % len(KINDS)], np.random.default_rng(10_000 + seed)) for seed in seeds]
    before: list[dict[Cell, Released]] = [{} for _ in drawn]
    nights: list[list[Night]] = [[] for _ in drawn]
    for day in range(3):
        exact = [counted(kind, days[day]) for kind, days, _ in drawn]
        reported = protected(exact, before, how)
        for of_world, (kind, days, _), one, last in zip(nights, drawn, reported, before, strict=True):
            of_world.append(Night(kind, days[day], one, last))
        before = reported
    return [(second, third, change) for (_, second, third), (_, _, change) in zip(nights, drawn, strict=True)]


def _three_days(kind: Kind, draw: np.random.Generator) -> tuple[Kind, tuple[np.ndarray, ...], int]:
    """People of a first day, of a week later when one in twenty came or went, and of the next day: one person moved."""
    first = people(kind, draw)
    second = first + draw.poisson(first * 0.05 + 0.02) - draw.binomial(first.astype(int), 0.05)
    leaves = draw.random() < 0.5 and second.any()
    weights = second if leaves else second + 0.1
    third = second.copy()
    third[draw.choice(len(third), p=weights / weights.sum())] += -1 if leaves else 1
    return kind, (first, second, third), -1 if leaves else 1


@dataclass(frozen=True)
class Night:
    """One released night of a world: its people by type, what was released, and what was released before."""

    kind: Kind
    of_types: np.ndarray
    released: Mapping[Cell, Released]
    before: Mapping[Cell, Released]

    def exact(self) -> dict[Cell, int]:
        """The counts as they are."""
        return counted(self.kind, self.of_types)

    def known(self, how: Rule) -> tuple[np.ndarray, np.ndarray]:
        """The least and the most that each cell can be by the rules alone (cells)."""
        reported = knowledge(self.released, self.before, how)
        lo, hi = np.array([reported[one] for one in cells_of(self.kind)[0]]).T
        return lo, hi


def attack(nights: Sequence[Night], how: Rule, enough: int) -> list[dict[Cell, int]]:
    """Attack many nights at once, each by itself: how many values each withheld cell can still have.

    Numbers of `enough` and more are lower bounds: there the attacker stops.
    """
    return attack_with(nights, how, enough, [[] for _ in nights])


def attack_with(
    nights: Sequence[Night], how: Rule, enough: int, more: Sequence[Sequence[tuple[np.ndarray, float, float]]]
) -> list[dict[Cell, int]]:
    """Attack as `attack` does, knowing `more` of each night: weights of types, the least and the most of their sum."""
    blocks, aims, at, lows, highs, truths = [], [], 0, [], [], []
    for night, known in zip(nights, more, strict=True):
        cells, matrix = cells_of(night.kind)
        sums = np.array([weights for weights, _, _ in known]).reshape(len(known), matrix.shape[1])
        every = sparse.vstack([matrix, sparse.csr_array(sums)], format="csr")
        blocks.append(sparse.hstack([sparse.eye_array(every.shape[0]), -every]))
        place = {one: at + n for n, one in enumerate(cells)}
        aims.append({one: place[one] for one in withheld(night.released)})
        at += sum(every.shape)
        lo, hi = night.known(how)
        n_types = matrix.shape[1]
        lows += [lo, np.array([low for _, low, _ in known]), np.zeros(n_types)]
        highs += [hi, np.array([high for _, _, high in known]), np.full(n_types, np.inf)]
        truths += [every @ night.of_types, night.of_types]
    found = _ranges(
        sparse.block_diag(blocks, format="csr"),
        np.concatenate(lows),
        np.concatenate(highs),
        [place for aim in aims for place in aim.values()],
        enough,
        np.concatenate(truths),
    ).n_values()
    return [{one: int(found[place]) for one, place in aim.items()} for aim in aims]


def attack_pair(first: Night, second: Night, how: Rule, enough: int, change: int) -> dict[tuple[int, Cell], int]:
    """Attack two nights together, knowing that exactly one person joined (+1) or left (-1) and nobody else moved."""
    cells, matrix = cells_of(first.kind)
    n_cells, n_types = matrix.shape
    laws = sparse.block_array(
        [
            [sparse.eye_array(n_cells), None, -matrix, None],
            [None, sparse.eye_array(n_cells), -matrix, -change * matrix],
        ],
        format="csr",
    )
    one_person = sparse.csr_array(np.concatenate([np.zeros(2 * n_cells + n_types), np.ones(n_types)])[None, :])
    lo_1, hi_1 = first.known(how)
    lo_2, hi_2 = second.known(how)
    places = {(night, one): night * n_cells + n for night in (0, 1) for n, one in enumerate(cells)}
    aims = {
        (night, one): places[night, one]
        for night, reported in enumerate((first.released, second.released))
        for one in withheld(reported)
    }
    stepped = change * (second.of_types - first.of_types)
    found = _ranges(
        sparse.vstack([laws, one_person], format="csr"),
        np.concatenate([lo_1, lo_2, np.zeros(2 * n_types)]),
        np.concatenate([hi_1, hi_2, np.full(n_types, np.inf), np.ones(n_types)]),
        list(aims.values()),
        enough,
        np.concatenate([matrix @ first.of_types, matrix @ second.of_types, first.of_types, stepped]),
        np.concatenate([np.zeros(2 * n_cells), [1.0]]),
    ).n_values()
    return {aim: int(found[place]) for aim, place in aims.items()}


def _ranges(
    laws: sparse.csr_array,
    lo: np.ndarray,
    hi: np.ndarray,
    aims: list[int],
    enough: int,
    truth: np.ndarray,
    sums: np.ndarray | None = None,
) -> Ranges:
    equal = np.zeros(laws.shape[0]) if sums is None else sums
    return ranges(Knowledge(lo, hi, Rows(laws, equal, equal)), np.array(aims, dtype=int), enough, truth)


def _joined(parts: Iterable[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    return np.concatenate([one for pair in parts for one in pair])
