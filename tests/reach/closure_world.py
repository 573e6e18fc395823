"""Small generated worlds of people and accounts: the truth person by person, and the tables that count them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl

from pipelines.analysis.what_if import BANDS, BASES
from pipelines.common.contract import read_contract
from pipelines.common.settings import SQL
from pipelines.reach.coverage_matrix import Cover, cover_of
from tests.sql.case_runner import all_models

TABLES = ("core.account", "mart.segment_reach", "mart.reach_signature", "core.home_signature", "mart.segment_size")


@dataclass(frozen=True)
class World:
    """People of several segments on two platforms: a row each, with what reaches them on each basis."""

    accounts: tuple[tuple[str, str], ...]
    people: pl.DataFrame  # segment_id, platform, home_band, p, and a list of account ids per basis

    def signatures(self, *by: str) -> pl.DataFrame:
        """Count people by set of accounts: the rows of a mart of signatures."""
        parts = [
            self.people.select("segment_id", "platform", "home_band", "p", account_ids=basis, basis=pl.lit(basis))
            for basis in BASES
        ]
        return (
            pl.concat(parts)
            .group_by("segment_id", "platform", "basis", *by, "account_ids")
            .agg(n_members=pl.len().cast(pl.Int64), people=pl.col("p").sum(),
                 people_variance=(pl.col("p") * (1 - pl.col("p"))).sum())
        )  # fmt: skip


def drawn(seed: int, n_accounts: int = 5, n_people: int = 60, n_segments: int = 1) -> World:
    """Draw a world: engaged within active within followed accounts, but that some engage without following."""
    chance = np.random.default_rng(seed)
    accounts = [("x", f"a{n}") for n in range(n_accounts)] + [("mastodon", "a0"), ("mastodon", "did:plc:b")]
    rows = []
    for segment in range(n_segments):
        appeal = chance.random(len(accounts)) * 0.7
        for _ in range(n_people):
            platform = "x" if chance.random() < 0.8 else "mastodon"
            own = [(one, p) for (where, one), p in zip(accounts, appeal, strict=True) if where == platform]
            follows = {one for one, p in own if chance.random() < p}
            engaged = {one for one, p in own if chance.random() < 0.3 * p}
            active = engaged | (follows if chance.random() < 0.6 else set())
            rows.append(
                (f"s{segment}", platform, str(chance.choice(BANDS)), float(chance.choice([1, 1, 0.4, 0.75])),
                 *(sorted(one) for one in (follows, active, engaged)))
            )  # fmt: skip
    schema: dict[str, Any] = {"segment_id": pl.String, "platform": pl.String, "home_band": pl.String, "p": pl.Float64}
    lists = dict.fromkeys(BASES, pl.List(pl.String))
    return World(tuple(accounts), pl.DataFrame(rows, schema=schema | lists, orient="row"))


def planted(seed: int, n_worlds: int, n_people: int) -> World:
    """Draw many worlds of people on one platform who belong to it by chance p; each world is a segment."""
    chance = np.random.default_rng(seed)
    n = n_worlds * n_people
    sets = pl.Series([[f"a{one}" for one in range(3) if bits >> one & 1] for bits in range(8)])
    own = sets.gather(chance.integers(0, 8, n))
    return World(
        (("x", "a0"), ("x", "a1"), ("x", "a2")),
        pl.DataFrame(
            {
                "segment_id": [f"s{one // n_people}" for one in range(n)],
                "platform": "x",
                "home_band": "unknown",
                "p": chance.uniform(0.05, 0.95, n),
            }
        ).with_columns(own.alias(basis) for basis in BASES),
    )


@contextmanager
def snapshot(world: World, path: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Write a world as the tables that the questions read, with the macros of a snapshot."""
    with duckdb.connect(str(path) if path else ":memory:", config={"threads": 1}) as con:
        for name in TABLES:
            schema, table = name.split(".")
            columns = ", ".join(
                f"{one.name} {one.type}" for one in read_contract(SQL / schema / f"{table}.yml").columns
            )
            con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            con.execute(f"CREATE TABLE {name} ({columns})")
        con.execute(f"CREATE VIEW core.own_account AS {all_models()['core.own_account'].sql}")
        con.execute("CREATE SCHEMA ref")
        con.execute("CREATE TABLE ref.segment (segment_id VARCHAR, policy_weight DOUBLE)")
        for platform, account_id in world.accounts:
            fill(con, "core.account", platform=platform, account_id=account_id, role="own", is_open=True,
                 handle=f"Handle_{account_id}", name=f"Name {account_id}")  # fmt: skip
            for basis in BASES:
                reach = world.people.filter(pl.col("platform") == platform, pl.col(basis).list.contains(account_id))
                fill(con, "mart.segment_reach", platform=platform, account_id=account_id, segment_id="everyone",
                     basis=basis, reach_people=reach.height)  # fmt: skip
        for table, rows in (
            ("core.home_signature", world.signatures("home_band")),
            ("mart.reach_signature", world.signatures()),
        ):
            con.register("rows", rows)
            con.execute(f"INSERT INTO {table} BY NAME SELECT * FROM rows")
            con.unregister("rows")
        for macro in sorted((SQL / "macro").glob("*.sql")):
            con.execute(macro.read_text(encoding="utf-8"))
        yield con


def fill(con: duckdb.DuckDBPyConnection, table: str, **row: Any) -> None:
    """Insert one row that names the columns it needs."""
    marks = ", ".join(f"${name}" for name in row)
    con.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", row)


def cover(seed: int, n_accounts: int, n_sets: int = 60, n_segments: int = 4) -> Cover:
    """Draw a cover of some sets of accounts; counts are whole or parts of it, the last segment is everyone."""
    chance = np.random.default_rng(seed)
    names = [*"abcdefgh"[: n_segments - 1], "everyone"]
    likely = chance.uniform(0.1, 0.4)
    rows = [
        (names[segment], "x", [f"{n:02d}" for n in range(n_accounts) if chance.random() < likely], float(n), n)
        for _ in range(n_sets)
        for segment, n in enumerate(chance.integers(0, 30, n_segments))
        if chance.random() < 0.6
    ]
    frame = pl.DataFrame(rows, schema=["segment_id", "platform", "account_ids", "people", "n_members"], orient="row")
    weights = dict(zip(names, chance.integers(0, 4, n_segments).tolist(), strict=True))
    return cover_of(
        frame.with_columns(pl.col("people") * pl.Series(chance.choice([1.0, 0.37], frame.height))),
        [f"x:{n:02d}" for n in range(n_accounts)],
        weights,
    )
