"""Make a mart of Python as a night does: from the tables that its module declares."""

from datetime import date

import duckdb
import polars as pl

from pipelines.common.settings import Settings
from pipelines.reference.files import read_bands
from pipelines.warehouse import build
from pipelines.warehouse.catalogue import PythonModel, models
from tests.sql.case_runner import all_models, create_tables

# Tables of core that a test does not plant: they follow from those it does.
DERIVED = (
    "core.time_window",
    "core.own_account",
    "core.segment_person",
    "core.collection_start",
    "core.activity_end",
    "core.activity_count",
    "core.collected_engagement",
    "core.moderation_week",
)


def make(name: str, con: duckdb.DuckDBPyConnection, settings: Settings, as_of: date) -> pl.DataFrame:
    """Give the rows of `mart.<name>`, from planted tables and what follows from them."""
    (model,) = (one for one in models("mart") if one.name == name)
    assert isinstance(model, PythonModel)
    derive(con, model.reads, settings, as_of)
    return build.make(con, model, settings, as_of)


def derive(con: duckdb.DuckDBPyConnection, wanted: frozenset[str], settings: Settings, as_of: date) -> None:
    """Build the derived tables among some, and what these read; a table that nobody planted is empty."""
    con.execute("SET VARIABLE as_of = $as_of", {"as_of": as_of})
    needed = set(wanted)
    for name in reversed(DERIVED):
        if name in needed:
            needed |= all_models()[name].reads
    there = {f"{schema}.{table}" for schema, table in con.execute(
        "SELECT schema_name, table_name FROM duckdb_tables()").fetchall()}  # fmt: skip
    create_tables(con, sorted(needed - there))
    con.execute("CREATE SCHEMA IF NOT EXISTS ref")
    bands = pl.DataFrame(list(read_bands(settings).items()), schema=["band", "value"], orient="row")
    con.register("bands", bands)
    con.execute("CREATE OR REPLACE TABLE ref.band AS SELECT band, CAST(value AS DOUBLE) AS value FROM bands")
    con.unregister("bands")
    for name in DERIVED:
        if name in needed:
            build.build_model(con, all_models()[name])
