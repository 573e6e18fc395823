"""A planted world of overlapping communities, and how long discovery takes on a large one.

`python -m tests.bench_discover --people 1000000` prints seconds, peak memory and agreement with what was planted.
"""

import argparse
import resource
import time
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import gammaln

from pipelines.analysis.communities import discover
from pipelines.analysis.expand import Options, near


@dataclass(frozen=True)
class Planted:
    """A world: follows (member, account), the community planted for each account, the first of each member.

    The last `n_general` accounts are of no community (-1): everybody follows them.
    """

    follows: NDArray[np.int64]
    of_account: NDArray[np.int64]
    of_member: NDArray[np.int64]
    bios: list[str | None]


def planted(
    seed: int,
    n_accounts: int = 600,
    n_communities: int = 12,
    n_members: int = 20_000,
    n_general: int = 12,
    follows_each: float = 9.0,
    n_words: int = 300,
    at_home: float = 0.8,
) -> Planted:
    """Plant communities: members have one to three, follow mostly their accounts, and say some of their words.

    Of the follows, 1 - `at_home` go anywhere; general accounts are followed by two in five; sizes and popularity are
    skewed.
    """
    draw = np.random.default_rng(seed)
    of_account = np.arange(n_accounts) % n_communities
    popularity = draw.pareto(1.5, n_accounts) + 0.3
    appeal = draw.pareto(2, n_communities) + 0.5
    n_own = 1 + (draw.random(n_members) < 0.4) + (draw.random(n_members) < 0.1)
    own = draw.choice(n_communities, (n_members, 3), p=appeal / appeal.sum())
    n_follows = np.maximum(1, draw.negative_binomial(2, 2 / (2 + follows_each), n_members))
    member = np.repeat(np.arange(n_members), n_follows)
    topic = own[member, (draw.random(len(member)) * n_own[member]).astype(np.int64)]
    account = draw.choice(n_accounts, len(member), p=popularity / popularity.sum())
    stays = draw.random(len(member)) < at_home
    for community in range(n_communities):
        here = np.flatnonzero(stays & (topic == community))
        ids = np.flatnonzero(of_account == community)
        account[here] = draw.choice(ids, len(here), p=popularity[ids] / popularity[ids].sum())
    generals = [(np.flatnonzero(draw.random(n_members) < 0.4), n_accounts + n) for n in range(n_general)]
    follows = np.concatenate(
        [np.stack([member, account], axis=1)]
        + [np.stack([who, np.full(len(who), general)], axis=1) for who, general in generals]
    )
    follows = np.unique(follows, axis=0)
    return Planted(
        follows,
        np.concatenate([of_account, np.full(n_general, -1)]),
        own[:, 0],
        _bios(draw, own[:, 0], n_words),
    )


def _bios(draw: np.random.Generator, of_member: NDArray[np.int64], n_words: int) -> list[str | None]:
    """Bios of seven words in ten: chance words, and with probability .2 each, two words of the own community."""
    n = len(of_member)
    noise = draw.integers(0, n_words, (n, 5))
    has_first, has_second, has_bio = draw.random(n) < 0.2, draw.random(n) < 0.2, draw.random(n) < 0.7
    bios: list[str | None] = []
    for m in range(n):
        if not has_bio[m]:
            bios.append(None)
            continue
        words = [f"noise{word}" for word in noise[m]] + ["the", "and"]
        words += [f"Wörd{of_member[m]}a"] if has_first[m] else []
        words += [f"word{of_member[m]}b!"] if has_second[m] else []
        bios.append(" ".join(words))
    return bios


def world_of(one: Planted, follows: NDArray[np.int64] | None = None) -> duckdb.DuckDBPyConnection:
    """Show a planted world as the night's tables."""
    follows = one.follows if follows is None else follows
    con = duckdb.connect()
    con.execute("SET threads = 2")
    con.execute("SET preserve_insertion_order = false")
    con.execute("CREATE SCHEMA core; CREATE SCHEMA stg")
    n_accounts = len(one.of_account)
    tables: dict[str, pl.DataFrame] = {
        "core.account": pl.DataFrame(
            {
                "platform": ["x"] * (n_accounts + 1),
                "account_id": [account_id(n) for n in range(n_accounts)] + ["own"],
                "name": [f"Page {n} of {community}" for n, community in enumerate(one.of_account)] + ["The Force"],
                "handle": [None] * (n_accounts + 1),
                "role": ["seed"] * n_accounts + ["own"],
                "is_open": [True] * (n_accounts + 1),
            },
            schema_overrides={"handle": pl.String},
        ),
        "core.follow": pl.DataFrame({"member": follows[:, 0], "account": follows[:, 1]}).select(
            platform=pl.lit("x"),
            account_id="a" + pl.col("account").cast(pl.String).str.zfill(4),
            member_key=pl.col("member").cast(pl.UInt64),
            ended_on=pl.lit(None, dtype=pl.Date),
        ),
        "core.member": pl.DataFrame({"member": np.arange(len(one.bios))}).select(
            platform=pl.lit("x"), member_key=pl.col("member").cast(pl.UInt64), is_present=pl.lit(True)
        ),
        "stg.member": pl.DataFrame({"member": np.arange(len(one.bios)), "bio": one.bios}).select(
            platform=pl.lit("x"),
            member_key=pl.col("member").cast(pl.UInt64),
            name="Jane Secret " + pl.col("member").cast(pl.String),
            bio=pl.col("bio"),
            location=pl.lit("Secretham"),
        ),
        "core.segment_membership": membership("nobody", np.array([], dtype=np.int64)),
    }
    for table, frame in tables.items():
        show(con, table, frame)
    return con


def membership(segment_id: str, members: NDArray[np.int64]) -> pl.DataFrame:
    """Rows of core.segment_membership for members who are in today."""
    return pl.DataFrame({"member": members}, schema={"member": pl.Int64}).select(
        segment_id=pl.lit(segment_id),
        platform=pl.lit("x"),
        member_key=pl.col("member").cast(pl.UInt64),
        left_on=pl.lit(None, dtype=pl.Date),
        membership_probability=pl.lit(1.0),
    )


def show(con: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    """Make a table of a frame."""
    con.register("frame", frame)
    con.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM frame")
    con.unregister("frame")


def account_id(number: int) -> str:
    """Number accounts so that they sort as they count."""
    return f"a{number:04d}"


def adjusted_mutual_information(one: Any, other: Any) -> float:
    """Agreement of two labellings beyond chance: (MI - E[MI]) / (mean entropy - E[MI]).

    Vinh, Epps & Bailey (JMLR 2010), eq. 24a and the arithmetic mean; E[MI] is over the hypergeometric model.
    """
    u, v = np.unique(one, return_inverse=True)[1], np.unique(other, return_inverse=True)[1]
    n = len(u)
    table = np.zeros((u.max() + 1, v.max() + 1))
    np.add.at(table, (u, v), 1)
    a, b = table.sum(axis=1), table.sum(axis=0)
    joint = table[table > 0]
    mutual = float((joint / n * np.log(n * joint / np.outer(a, b)[table > 0])).sum())
    entropy = [-float((size / n * np.log(size / n)).sum()) for size in (a, b)]
    expected = 0.0
    for ai in a:
        for bj in b:
            k = np.arange(max(1, ai + bj - n), min(ai, bj) + 1)
            chance = np.exp(
                gammaln(ai + 1)
                + gammaln(bj + 1)
                + gammaln(n - ai + 1)
                + gammaln(n - bj + 1)
                - gammaln(n + 1)
                - gammaln(k + 1)
                - gammaln(ai - k + 1)
                - gammaln(bj - k + 1)
                - gammaln(n - ai - bj + k + 1)
            )
            expected += float((k / n * np.log(n * k / (ai * bj)) * chance).sum())
    return (mutual - expected) / (sum(entropy) / 2 - expected)


def main() -> None:
    """Plant a large world, discover it, go near one segment of it, print what that cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--accounts", type=int, default=3_000)
    arguments = parser.parse_args()
    one = planted(1, arguments.accounts, 60, arguments.people, 12, 9.0, 20_000)
    con = world_of(one)
    print(f"{arguments.people:,} people, {len(one.follows):,} follows, {arguments.accounts:,} accounts")
    last = None
    for night in ("first", "second"):
        began = time.perf_counter()
        found = discover(con, last=last)
        print(f"{night} night: {time.perf_counter() - began:.1f} s")
        last = found.state
    place = {account: community for _, account, community in found.state.labels}
    known = [n for n, community in enumerate(one.of_account) if community >= 0]
    labels = [place.get(account_id(n), f"none{n}") for n in known]
    print(
        f"{len(set(place.values()))} communities, AMI {adjusted_mutual_information(labels, one.of_account[known]):.3f}"
    )
    members = np.flatnonzero(one.of_member == 0)
    show(con, "core.segment_membership", membership("zero", members))
    began = time.perf_counter()
    used = [f"x:{account_id(n)}" for n in known if one.of_account[n] == 0][:5]
    close = near(con, "zero", Options(used, ["word0a"]))
    print(
        f"near: {time.perf_counter() - began:.1f} s, {close.n_tested_accounts} accounts, {close.n_tested_words} words"
    )
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024:,} MiB")


if __name__ == "__main__":
    main()
