"""Planted worlds: people with hidden interests who follow accounts, some by interest and some because all do."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.warehouse.build import build_model
from pipelines.warehouse.catalogue import sql_models
from tests.sql.case_runner import build_shared, create_tables

AS_OF = date(2026, 9, 30)
READS = (
    "core.account",
    "core.follow",
    "core.engagement",
    "core.member",
    "core.segment_membership",
    "core.time_window",
    "ref.band",
    "ref.segment",
)
MARTS = ("segment_expansion", "segment_account_affinity")


@dataclass(frozen=True)
class World:
    """Who follows what (each pair once), and who truly has each interest (members x interests)."""

    member: NDArray[np.int64]
    account: NDArray[np.int64]
    interests: NDArray[np.bool_]
    n_accounts: int

    @property
    def n_members(self) -> int:
        return len(self.interests)

    def followed(self) -> NDArray[np.int64]:
        """How many accounts each member follows."""
        return np.bincount(self.member, minlength=self.n_members)


def planted_world(
    rng: np.random.Generator,
    prevalence: float,
    n_members: int = 30_000,
    n_accounts: int = 3_000,
    n_interests: int = 25,
    signal: float = 0.57,
    popularity: float = 0.9,
    typical_follows: float = 15,
) -> World:
    """Plant 25 overlapping interests, the first of the given prevalence, the others of 3 to 30 %.

    Accounts' popularity is a power law, and each interest has its share of popular ones; how much people follow is
    log-normal. 57 % of the follows of somebody with interests are of an account of one of theirs, the rest of any.
    Calibrated on what is published of such a world (20 seeds; mean of 24 draws, prevalence 2 % / .5 %): counting
    followed top accounts .030 / .008 (published .043 / .007), one pass of log-odds .306 / .155 (.306 / .116): the
    rarer one is somewhat easier here. One draw differs from another by .15 / .07: only means over draws tell.
    """
    shares = np.geomspace(0.03, 0.3, n_interests)
    rng.shuffle(shares)
    shares[0] = prevalence
    interests = rng.random((n_members, n_interests)) < shares
    appeal = (1.0 + np.arange(n_accounts)) ** -popularity
    theme = np.concatenate([rng.permutation(n_interests) for _ in range(-(-n_accounts // n_interests))])[:n_accounts]
    follows = np.clip(np.rint(rng.lognormal(np.log(typical_follows), 1.0, n_members)), 1, 400).astype(np.int64)
    member = np.repeat(np.arange(n_members), follows)
    account = _drawn(rng, appeal, len(member))
    n_own = interests.sum(axis=1)
    by_interest = (rng.random(len(member)) < signal) & (n_own[member] > 0)
    theirs = np.argsort(~interests, axis=1, kind="stable")
    one_of = (rng.random(int(by_interest.sum())) * n_own[member[by_interest]]).astype(np.int64)
    chosen = theirs[member[by_interest], one_of]
    by_theme = np.empty(len(chosen), dtype=np.int64)
    for interest in range(n_interests):
        of_interest = np.flatnonzero(theme == interest)
        here = chosen == interest
        by_theme[here] = of_interest[_drawn(rng, appeal[of_interest], int(here.sum()))]
    account[by_interest] = by_theme
    pairs = np.unique(member * n_accounts + account)
    return World(pairs // n_accounts, pairs % n_accounts, interests, n_accounts)


def _drawn(rng: np.random.Generator, weights: NDArray[np.floating], n: int) -> NDArray[np.int64]:
    upto = np.cumsum(weights)
    return np.minimum(np.searchsorted(upto / upto[-1], rng.random(n)), len(weights) - 1)


def average_precision(score: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Mean of the precision at each true member, best score first."""
    hits = truth[np.argsort(-score, kind="stable")]
    return float((np.cumsum(hits)[hits] / (np.flatnonzero(hits) + 1)).mean())


def counted_top_accounts(world: World, seeds: NDArray[np.int64], n_top: int = 20) -> NDArray[np.float64]:
    """The simple baseline: how many of the 20 accounts that most seeds follow each member follows."""
    by_seed = np.isin(world.member, seeds)
    top = np.argsort(-np.bincount(world.account[by_seed], minlength=world.n_accounts), kind="stable")[:n_top]
    followed = np.isin(world.account, top)
    return np.bincount(world.member[followed], minlength=world.n_members).astype(np.float64)


def new_keys(rng: np.random.Generator, n: int) -> NDArray[np.uint64]:
    """Pseudonyms as an HMAC makes them: any 64 bits, each once."""
    return rng.integers(0, 2**64, n, dtype=np.uint64)


def connect(threads: int = 2, memory: str = "3GB", path: str = ":memory:") -> duckdb.DuckDBPyConnection:
    """Open a database with every table that expansion reads, none with a row."""
    con = reopened(path, threads, memory)
    create_tables(con, READS)
    return con


def reopened(path: str, threads: int = 2, memory: str = "3GB") -> duckdb.DuckDBPyConnection:
    """Open a database that `connect` made."""
    con = duckdb.connect(path, config={"threads": threads, "memory_limit": memory})
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET preserve_insertion_order = false")
    con.execute("SET enable_progress_bar = false")
    return con


def give_world(
    con: duckdb.DuckDBPyConnection, world: World, keys: NDArray[np.uint64], platform: str = "x", own: int = 0
) -> None:
    """Make a world a platform: its accounts (the last `own` of them ours), its members, its follows."""
    accounts = pa.table({"account_id": [f"{n}" for n in range(world.n_accounts)]})  # noqa: F841
    ours = [f"{n}" for n in range(world.n_accounts - own, world.n_accounts)]
    con.execute(
        "INSERT INTO core.account BY NAME SELECT $platform AS platform, account_id, true AS is_open, "
        "CASE WHEN account_id IN (SELECT unnest($ours)) THEN 'own' ELSE 'seed' END AS role FROM accounts",
        {"platform": platform, "ours": ours},
    )
    members = pa.table({"member_key": keys})  # noqa: F841
    con.execute(
        "INSERT INTO core.member BY NAME SELECT $platform AS platform, member_key, true AS is_present FROM members",
        {"platform": platform},
    )
    follows = pa.table({"account": world.account, "member_key": keys[world.member]})  # noqa: F841
    con.execute(
        "INSERT INTO core.follow BY NAME SELECT $platform AS platform, CAST(account AS VARCHAR) AS account_id, "
        "member_key, DATE '2026-01-01' AS first_seen_on, DATE '2026-09-30' AS last_seen_on FROM follows",
        {"platform": platform},
    )


def give_segment(
    con: duckdb.DuckDBPyConnection, segment_id: str, keys: NDArray[np.uint64], platform: str = "x"
) -> None:
    """Add a segment whose members by rule are these, expanded where it is new."""
    con.execute(
        "INSERT INTO ref.segment BY NAME SELECT $id AS segment_id, 'audited' AS expansion "
        "WHERE $id NOT IN (SELECT segment_id FROM ref.segment)",
        {"id": segment_id},
    )
    members = pa.table({"member_key": keys})  # noqa: F841
    con.execute(
        "INSERT INTO core.segment_membership BY NAME SELECT $id AS segment_id, $platform AS platform, member_key, "
        "'rule' AS evidence, 1 AS membership_probability FROM members",
        {"id": segment_id, "platform": platform},
    )


def expand(con: duckdb.DuckDBPyConnection, marts: Iterable[str] = MARTS) -> None:
    """Build every model of expansion, then its marts, each held to its contract."""
    con.execute("CREATE SCHEMA IF NOT EXISTS expansion")
    con.execute("SET VARIABLE as_of = $as_of", {"as_of": AS_OF})
    build_shared(con, "expansion.edge")
    for model in sql_models("expansion"):
        build_model(con, model)
    con.execute("CREATE SCHEMA IF NOT EXISTS mart")
    for model in sql_models("mart"):
        if model.name in marts:
            build_model(con, model)


def scores_of_all(
    con: duckdb.DuckDBPyConnection, segment_id: str, keys: NDArray[np.uint64], platform: str = "x"
) -> NDArray[np.float64]:
    """Everybody's score in the order of `keys`, whatever the guard said; lowest where somebody follows nothing."""
    (model,) = (model for model in sql_models("expansion") if model.name == "member_score")
    guard = " AND guard.guard IN ('good', 'weak')"
    assert guard in model.sql
    found = con.execute(
        f"SELECT member_key, expansion_score FROM ({model.sql.replace(guard, '')}) "
        "WHERE segment_id = $segment_id AND platform = $platform AND channel = 'follow'",
        {"segment_id": segment_id, "platform": platform},
    ).fetchnumpy()
    order = np.argsort(keys)
    scores = np.full(len(keys), -np.inf)
    scores[order[np.searchsorted(keys[order], found["member_key"])]] = found["expansion_score"]
    return scores


def one_draw(prevalence: float, draw: int, n_seeds: int = 20) -> tuple[float, float]:
    """Average precision among all who are no seeds: of expansion, and of counting the seeds' top accounts."""
    rng = np.random.default_rng([draw, int(prevalence * 1000)])
    world = planted_world(rng, prevalence)
    seeds = rng.choice(np.flatnonzero(world.interests[:, 0]), n_seeds, replace=False)
    keys = new_keys(rng, world.n_members)
    con = connect()
    give_world(con, world, keys)
    give_segment(con, "planted", keys[seeds])
    expand(con, marts=())
    others = ~np.isin(np.arange(world.n_members), seeds)
    truth = world.interests[others, 0]
    expanded, counted = scores_of_all(con, "planted", keys), counted_top_accounts(world, seeds)
    return average_precision(expanded[others], truth), average_precision(counted[others], truth)
