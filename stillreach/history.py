"""The verdicts of every kept night, beside each other."""

from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from pipelines.report import answers, figures

SNAPSHOTS = "snapshots"
COLUMNS = (
    "segment_id",
    "platform",
    "account_id",
    "name",
    "verdict",
    "active_people",
    "active_people_lo",
    "active_people_hi",
)


def verdict_history(snapshot: Path) -> pl.DataFrame:
    """Read the verdicts of all snapshots in the folder of one, the last run of each day; of a copied file its own."""
    paths = sorted(snapshot.parent.glob("*.duckdb")) if snapshot.parent.name == SNAPSHOTS else [snapshot]
    nights: dict[date, pl.DataFrame] = {}
    for path in paths:
        with duckdb.connect(str(path), read_only=True) as con:
            snapshot_id, as_of = figures.run(con, path)
            rows = answers.verdicts(con).select(COLUMNS)
        nights[as_of] = rows.select(pl.lit(as_of).alias("as_of"), pl.lit(snapshot_id).alias("snapshot_id"), pl.all())
    return pl.concat([nights[as_of] for as_of in sorted(nights)])
