"""Marts that need statistics: one module each, named for its table.

A module has `TABLE` (its full name), `READS` (the tables it reads) and `make(inputs)`, which gives the mart's rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import duckdb
import polars as pl

from pipelines.common.contract import contracts
from pipelines.common.errors import ModelError
from pipelines.common.settings import Settings
from pipelines.reference.files import read_bands
from pipelines.reference.text_rules import Labeller, read_labeller

TYPES: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "VARCHAR": pl.String,
    "VARCHAR[]": pl.List(pl.String),
    "DATE": pl.Date,
    "DOUBLE": pl.Float64,
    "BIGINT": pl.Int64,
    "BOOLEAN": pl.Boolean,
}


def typed_frame(mart: str, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Lay out a mart's rows as its contract says, with types also where a column has no value at all."""
    return pl.DataFrame(rows, schema={column.name: TYPES[column.type] for column in contracts("mart")[mart].columns})


@dataclass(frozen=True)
class Inputs:
    """What one mart is made from: the tables it declares, the reference files, and the day of the night."""

    con: duckdb.DuckDBPyConnection
    settings: Settings
    as_of: date
    table: str
    reads: frozenset[str]

    def read(self, name: str, *columns: str) -> pl.DataFrame:
        """Read a table in a fixed order: all of its columns, or those named.

        Raises `ModelError` where the mart's module does not declare that it reads the table.
        """
        if name not in self.reads:
            raise ModelError(self.table, f"reads {name}, which its READS does not name", known=sorted(self.reads))
        rows: pl.DataFrame = self.con.sql(f"SELECT {', '.join(columns) or '*'} FROM {name} ORDER BY ALL").pl()
        return rows

    @cached_property
    def stale(self) -> Mapping[tuple[str, str, str], str]:
        """Why data are too old to answer with, by platform, account and kind; what is fresh or never came is absent."""
        return {
            (row["platform"], row["account_id"], row["kind"]): row["freshness_reason"]
            for row in self.read("meta.freshness").iter_rows(named=True)
            if row["freshness_status"] in ("late", "missing")
        }

    def stale_accounts(self, *kinds: str) -> pl.DataFrame:
        """List the accounts of which data of one of these kinds are too old: platform, account_id, stale_reason."""
        rows = [(*key, reason) for (*key, kind), reason in self.stale.items() if kind in kinds]
        schema = {"platform": pl.String, "account_id": pl.String, "stale_reason": pl.String}
        return pl.DataFrame(rows, schema=schema, orient="row").unique(
            ["platform", "account_id"], keep="first", maintain_order=True
        )

    @cached_property
    def bands(self) -> Mapping[str, float]:
        """The thresholds of bands.yml."""
        return read_bands(self.settings)

    @cached_property
    def labeller(self) -> Labeller:
        """What tone.yml says of the labeller of texts."""
        return read_labeller(self.settings)
