"""Time choosing accounts and asking what-if on made-up signatures of 1 million people.

Prints wall seconds: the integer programme for 12, 40 and 63 accounts with each aim, with its gap; the frontier; and the
table macros on a snapshot of 68 accounts. Nothing here is a person: people are drawn, then counted by signature.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from pipelines.analysis.what_if import BANDS, BASES, what_if, who_else
from pipelines.common.contract import read_contract
from pipelines.common.settings import SQL
from pipelines.marts import keep_frontier
from pipelines.reach import keep
from pipelines.reach.coverage_matrix import Cover, cover_of

SEGMENTS = ("cyclist", "farmer", "football", "motorcycle", "recruits", "resident", "student")


def made_signatures(n_people: int, n_accounts: int, seed: int = 1) -> pl.DataFrame:
    """Draw people and what reaches them, and count them by segment, basis, home band and set of accounts.

    Accounts' sizes fall off as 1 / rank; each account is four times likelier for its own segment and a tenth as likely
    for the others, the three largest are for everyone. A third of the followers are active, a tenth engaged.
    """
    chance = np.random.default_rng(seed)
    segment = chance.choice(len(SEGMENTS) + 1, n_people, p=[0.02, 0.03, 0.06, 0.03, 0.01, 0.25, 0.05, 0.55])
    likely = 0.5 / (1 + np.arange(n_accounts))
    # accounts of a set are the bits of two numbers: 1 million x 68 booleans would be fine, a list of each is not
    low, high = np.zeros(n_people, dtype=np.uint64), np.zeros(n_people, dtype=np.uint64)
    for n in range(n_accounts):
        own = n % len(SEGMENTS)
        factor = np.where(segment == own, 4.0, 0.1) if n >= 3 else np.ones(n_people)
        follows = chance.random(n_people) < np.minimum(likely[n] * factor, 0.9)
        bit = np.uint64(1 << (n % 34))
        low[follows] |= bit if n < 34 else np.uint64(0)
        high[follows] |= bit if n >= 34 else np.uint64(0)
    life = chance.random(n_people)
    people = pl.DataFrame(
        {
            "segment_no": segment,
            "low": low,
            "high": high,
            "home_band": chance.choice(BANDS, n_people, p=[0.25, 0.08, 0.08, 0.1, 0.03, 0.46]),
            "life": life,
            "p": np.where(chance.random(n_people) < 0.2, 0.7, 1.0),
        }
    )
    parts = []
    for basis, least in zip(BASES, (0.0, 0.67, 0.9), strict=True):
        silent = pl.col("life") < least
        found = people.with_columns(
            pl.when(silent).then(0).otherwise(pl.col(one)).alias(one) for one in ("low", "high")
        )
        parts += [
            of.group_by("segment_id", "home_band", "low", "high")
            .agg(
                n_members=pl.len().cast(pl.Int64),
                people=pl.col("p").sum(),
                people_variance=(pl.col("p") * (1 - pl.col("p"))).sum(),
            )
            .with_columns(basis=pl.lit(basis))
            for of in (
                found.filter(pl.col("segment_no") < len(SEGMENTS)).with_columns(
                    segment_id=pl.col("segment_no").replace_strict(
                        range(len(SEGMENTS)), SEGMENTS, default="", return_dtype=pl.String
                    )
                ),
                found.with_columns(segment_id=pl.lit("everyone"), p=pl.lit(1.0)),
            )
        ]
    rows = pl.concat(parts)
    ids = [f"{n:02d}" for n in range(n_accounts)]
    lists = [
        [ids[n] for n in range(n_accounts) if (one if n < 34 else other) >> (n % 34) & 1]
        for one, other in rows.select("low", "high").iter_rows()
    ]
    return rows.select(
        "segment_id", "basis", "home_band", "n_members", "people", "people_variance",
        platform=pl.lit("x"), account_ids=pl.Series(lists, dtype=pl.List(pl.String)),
    )  # fmt: skip


def write_snapshot(path: Path, rows: pl.DataFrame, n_accounts: int) -> None:
    """Write what the macros read, and the macros, as a snapshot has them."""
    with duckdb.connect(str(path)) as con:
        for name in ("core.account", "mart.segment_reach", "mart.reach_signature", "core.home_signature"):
            schema, table = name.split(".")
            contract = read_contract(SQL / schema / f"{table}.yml")
            con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            columns = ", ".join(f"{column.name} {column.type}" for column in contract.columns)
            con.execute(f"CREATE TABLE {name} ({columns})")
        for n in range(n_accounts):
            account = {"platform": "x", "account_id": f"{n:02d}"}
            con.execute(
                "INSERT INTO core.account (platform, account_id, role, is_open) "
                "VALUES ($platform, $account_id, 'own', true)",
                account,
            )
            con.execute(
                "INSERT INTO mart.segment_reach (platform, account_id, segment_id, basis, reach_people) "
                "SELECT $platform, $account_id, 'everyone', unnest(['follower', 'active', 'engaged']), 1",
                account,
            )
        con.register("made", rows)
        con.execute("INSERT INTO core.home_signature BY NAME SELECT * FROM made")
        con.execute(
            "INSERT INTO mart.reach_signature BY NAME SELECT segment_id, platform, basis, account_ids, "
            "sum(n_members) AS n_members, sum(people) AS people, sum(people_variance) AS people_variance "
            "FROM made GROUP BY ALL"
        )
        con.unregister("made")
        for macro in sorted((SQL / "macro").glob("*.sql")):
            con.execute(macro.read_text(encoding="utf-8"))


def made_cover(n_people: int, n_accounts: int) -> Cover:
    """Draw a world and lay its active reach out."""
    rows = made_signatures(n_people, n_accounts).filter(pl.col("basis") == "active")
    return cover_of(rows, [], {"motorcycle": 3, "resident": 2})


def main() -> None:
    """Print what everything costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    arguments = parser.parse_args()
    screen = Console(width=110)
    table = Table("what", "accounts", "seconds", "answer", title=f"{arguments.people:,} people")
    for n_accounts in (12, 40, 63):
        cover = made_cover(arguments.people, n_accounts)
        floors = keep.floors_for(cover, 0.9, {"motorcycle": 0.95})
        for what, wish in (
            ("fewest that keep 90 % of each", keep.Wish("cheapest", floors)),
            ("most reach of a third", keep.Wish("reach", n_accounts=n_accounts // 3)),
            ("best worst of a third", keep.Wish("worst", n_accounts=n_accounts // 3)),
        ):
            done = keep.keep(cover, wish)
            proof = done.found_by if done.is_optimal else f"gap {done.gap_share:.2%}"
            table.add_row(what, str(n_accounts), f"{done.seconds:.2f}", f"{len(done.kept)} kept, {proof}")
        began = time.monotonic()
        path = keep_frontier.frontier_of(cover)
        seconds = time.monotonic() - began
        gap = max(one.gap_share for one in path)
        table.add_row("frontier", str(n_accounts), f"{seconds:.2f}", f"{len(path)} sizes, gap at most {gap:.2%}")
    with tempfile.TemporaryDirectory() as folder:
        rows = made_signatures(arguments.people, 68)
        write_snapshot(Path(folder) / "night.duckdb", rows, 68)
        with duckdb.connect(str(Path(folder) / "night.duckdb"), read_only=True) as con:
            for what, ask in (("what_if", what_if), ("who_else", who_else)):
                with timed() as took:
                    for _ in range(5):
                        found = ask(con, ["x:00", "x:03", "x:17"], ["x:05"])
                table.add_row(what, "68", f"{took[0] / 5:.3f}", f"{found.height} rows from {rows.height:,}")
    screen.print(table)


@contextmanager
def timed() -> Iterator[list[float]]:
    """Give a list that holds the wall seconds once the block is left."""
    took: list[float] = []
    began = time.monotonic()
    yield took
    took.append(time.monotonic() - began)


if __name__ == "__main__":
    main()
