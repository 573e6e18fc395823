"""Planted accounts whose true engaged people are known, and lists of likers that show only a part of them.

Each world is a platform of its own with two accounts of ours: everybody follows the one, and likes posts of both, of
very different popularity; some like every other post and most of them one. What a platform shows is drawn in one of
the ways of `SHOWS`, of each account's posts by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tests.sql.case_runner import all_models, build_shared, create_tables, every_table, insert

AS_OF = date(2026, 9, 30)
BANDS = {"acts_extrapolated_from_share": 0.4, "acts_collected_at_least": 0.9}
MODELS = (
    "core.reach_set",
    "core.home_signature",
    "mart.reach_signature",
    "core.reach_interval",
    "core.hidden_engagement",
    "mart.segment_reach",
)
RIDERS = 0.2

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class World:
    """Likes of people (rows) on posts (columns, the first `n_own` of them of the account they follow).

    Which of them a list shows, and who of the people rides.
    """

    likes: Flags
    shown: Flags
    rides: Flags
    n_own: int

    @property
    def seen_shares(self) -> tuple[float, float]:
        """The seen shares of the two accounts' likes, the smaller first."""
        own, others = (slice(None), slice(self.n_own)), (slice(None), slice(self.n_own, None))
        low, high = sorted(float(self.shown[part].sum() / self.likes[part].sum()) for part in (own, others))
        return low, high

    def truth(self, basis: str, *, riders: bool) -> int:
        """How many people the account reaches that they follow: by likes of its own posts, or of any."""
        liked = self.likes[:, : self.n_own] if basis == "engaged" else self.likes
        return int((liked.any(axis=1) & (self.rides | (not riders))).sum())


def any_likes(likes: Flags, share: float, rng: np.random.Generator) -> Flags:
    """Show that share of all likes, each as likely as another."""
    shown = np.zeros_like(likes)
    at = rng.permutation(np.argwhere(likes))[: round(share * likes.sum())]
    shown[tuple(at.T)] = True
    return shown


def first_of_each_post(likes: Flags, share: float, rng: np.random.Generator) -> Flags:
    """Show no more than so many of each post, drawn from its likers, as a platform with a limit does."""
    return _limited(likes, share, rng.random(likes.shape))


def newest_of_each_post(likes: Flags, share: float, rng: np.random.Generator) -> Flags:
    """The same, but those who liked last; the keenest are the first to like."""
    keen = likes.mean(axis=1, keepdims=True)
    return _limited(likes, share, keen + 0.3 * keen.mean() * rng.standard_normal(likes.shape))


def oldest_of_each_post(likes: Flags, share: float, rng: np.random.Generator) -> Flags:
    """The same, but those who liked first, and who like most: whom a list hides are those who come by once."""
    keen = likes.mean(axis=1, keepdims=True)
    return _limited(likes, share, -keen + 0.3 * keen.mean() * rng.standard_normal(likes.shape))


def whole_posts(likes: Flags, share: float, rng: np.random.Generator) -> Flags:
    """Show all likers of some posts, and of the others none, as where a budget ends."""
    counts = likes.sum(axis=0)
    order = rng.permutation(likes.shape[1])
    before = np.cumsum(counts[order]) - counts[order]
    asked = np.isin(np.arange(likes.shape[1]), order[before < share * likes.sum()])
    return likes & asked


def _limited(likes: Flags, share: float, lots: NDArray[np.float64]) -> Flags:
    """Show of each post the likers with the smallest lots, up to the least limit that shows this share of all."""
    counts = likes.sum(axis=0)
    limit = next(n for n in range(1, counts.max() + 2) if np.minimum(counts, n).sum() >= share * counts.sum())
    place = np.argsort(np.argsort(np.where(likes, lots, np.inf), axis=0), axis=0)
    return likes & (place < limit)


SHOWS: dict[str, Callable[[Flags, float, np.random.Generator], Flags]] = {
    "any likes": any_likes,
    "a limit a post": first_of_each_post,
    "some posts only": whole_posts,
    "the newest a post": newest_of_each_post,
    "the oldest a post": oldest_of_each_post,
}


def plant(rng: np.random.Generator, shows: str, shares: tuple[float, ...], n_worlds: int) -> list[World]:
    """Plant accounts of 30 to 600 people and 5 to 40 posts; most people like once, a few nearly everything."""
    worlds: list[World] = []
    while len(worlds) < n_worlds:
        n_people, n_posts = int(rng.choice([30, 150, 600])), int(rng.choice([5, 15, 40]))
        shape = rng.choice([0.1, 0.3, 1.0, 5.0])
        keen = rng.gamma(shape, 1 / shape, n_people)
        popular = rng.lognormal(0, rng.choice([0.3, 1.0, 1.8]), n_posts)
        likes = rng.random((n_people, n_posts)) < 1 - np.exp(
            -np.outer(keen, popular / popular.mean()) * rng.choice([0.03, 0.1, 0.3])
        )
        n_own = n_posts - n_posts // 3
        own, others = likes[:, :n_own], likes[:, n_own:]
        if own.sum() < 20 or others.sum() < 5:
            continue
        shown = np.hstack([SHOWS[shows](part, float(rng.choice(shares)), rng) for part in (own, others)])
        if shown[:, :n_own].any() and shown[:, n_own:].any():
            worlds.append(World(likes, shown, rng.random(n_people) < RIDERS, n_own))
    return worlds


def built(worlds: list[World]) -> duckdb.DuckDBPyConnection:
    """Build the marts of reach from planted likes: world n is platform `wn`, everybody follows its account `own`."""
    con = duckdb.connect(":memory:", config={"threads": 2})
    create_tables(con, every_table())
    con.execute("SET VARIABLE as_of = $as_of", {"as_of": AS_OF})
    insert(con, "ref.band", [{"band": band, "value": value} for band, value in BANDS.items()])
    insert(con, "ref.segment", [{"segment_id": "rider"}])
    own = [{"platform": f"w{n}", "account_id": "own"} for n in range(len(worlds))]
    both = own + [one | {"account_id": "other"} for one in own]
    insert(con, "core.account", [one | {"role": "own", "is_open": True} for one in both])
    insert(con, "core.follower_list", [one | {"observed_on": AS_OF, "is_complete": True} for one in own])
    first = np.cumsum([0] + [len(one.rides) for one in worlds])
    people = pa.table(  # noqa: F841
        {
            "n": np.repeat(np.arange(len(worlds)), [len(one.rides) for one in worlds]),
            "member_key": np.arange(first[-1], dtype=np.uint64),
            "rides": np.concatenate([one.rides for one in worlds]),
        }
    )
    acts = [np.argwhere(one.shown) for one in worlds]
    likes = pa.table(  # noqa: F841
        {
            "n": np.repeat(np.arange(len(worlds)), [len(one) for one in acts]),
            "member_key": np.concatenate([at[:, 0] + start for at, start in zip(acts, first[:-1], strict=True)]),
            "post": np.concatenate([at[:, 1] for at in acts]),
            "account_id": np.concatenate([_account(at[:, 1], one) for at, one in zip(acts, worlds, strict=True)]),
        }
    )
    posts = pa.table(  # noqa: F841
        {
            "n": np.repeat(np.arange(len(worlds)), [one.likes.shape[1] for one in worlds]),
            "post": np.concatenate([np.arange(one.likes.shape[1]) for one in worlds]),
            "likes": np.concatenate([one.likes.sum(axis=0) for one in worlds]),
            "account_id": np.concatenate([_account(np.arange(one.likes.shape[1]), one) for one in worlds]),
        }
    )
    for table, sql in {
        "core.member": "SELECT 'w' || n AS platform, member_key, true AS is_present FROM people",
        "core.follow": "SELECT 'w' || n AS platform, 'own' AS account_id, member_key, "
        "DATE '2026-01-01' AS first_seen_on FROM people",
        "core.segment_membership": "SELECT 'rider' AS segment_id, 'w' || n AS platform, member_key, "
        "1 AS membership_probability FROM people WHERE rides",
        "core.post": "SELECT 'w' || n AS platform, account_id, 'p' || post AS post_id, "
        "TIMESTAMPTZ '2026-09-01 08:00:00+00' AS posted_at, likes, 0 AS replies FROM posts",
        "core.engagement": "SELECT 'w' || n AS platform, account_id, 'p' || post AS post_id, member_key, "
        "'like' AS kind, DATE '2026-09-02' AS engaged_on FROM likes",
    }.items():
        con.execute(f"INSERT INTO {table} BY NAME {sql}")
    for name in MODELS:
        build_shared(con, name)
        con.execute(f"INSERT INTO {name} BY NAME {all_models()[name].sql}")
    return con


def _account(posts: NDArray[np.int64], world: World) -> NDArray[np.str_]:
    """Whose posts these are."""
    return np.where(posts < world.n_own, "own", "other")


@dataclass(frozen=True)
class Found:
    """Per world: true people of everyone or of riders, those seen, the bound, the account's unlisted interactions."""

    truth: NDArray[np.int64]
    seen: NDArray[np.int64]
    most: NDArray[np.int64]
    n_hidden_acts: NDArray[np.int64]

    @property
    def covered(self) -> float:
        return float((self.truth <= self.most).mean())

    @property
    def of_hard_width(self) -> float:
        """How wide the bounds are, of those that take every unlisted interaction for somebody new."""
        return float((self.most - self.seen).sum() / self.n_hidden_acts.sum())


def found(worlds: list[World], con: duckdb.DuckDBPyConnection, segment_id: str, basis: str = "engaged") -> Found:
    """Read what mart.segment_reach says of a segment's people on a basis, in the order of the worlds."""
    rows = con.execute(
        """
        SELECT reach_people, reach_people_hi, n_hidden_acts FROM mart.segment_reach
        INNER JOIN core.hidden_engagement USING (segment_id, platform, account_id)
        WHERE basis = $basis AND segment_id = $segment_id AND account_id = 'own'
        ORDER BY CAST(platform[2:] AS INTEGER)
        """,
        {"segment_id": segment_id, "basis": basis},
    ).fetchnumpy()
    truth = np.array([one.truth(basis, riders=segment_id == "rider") for one in worlds])
    return Found(truth, *(np.asarray(rows[name]) for name in ("reach_people", "reach_people_hi", "n_hidden_acts")))
