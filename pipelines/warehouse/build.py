"""Build a layer's models into the night's work file, each as its file says, and hold it to its contract."""

from datetime import date

import duckdb
import polars as pl

from pipelines.common import database
from pipelines.common.contract import Table, contracts
from pipelines.common.errors import ModelError
from pipelines.common.progress import shown
from pipelines.common.settings import Settings
from pipelines.marts import Inputs
from pipelines.warehouse.catalogue import PythonModel, SqlModel, models


def build_layer(con: duckdb.DuckDBPyConnection, layer: str, settings: Settings, as_of: date) -> None:
    """Build every model of a layer in the order of what they read.

    Raises `ModelError` where a model fails or its table is not what its contract says, `RefError` where a mart needs a
    reference file that is not usable.
    """
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {layer}")
    con.execute("SET VARIABLE as_of = $as_of", {"as_of": as_of})
    for model in shown(models(layer), f"build {layer}"):
        if isinstance(model, SqlModel):
            build_model(con, model)
        elif isinstance(model, PythonModel):
            write_table(con, model.full_name, make(con, model, settings, as_of))


def build_model(con: duckdb.DuckDBPyConnection, model: SqlModel) -> None:
    """Build one model of SQL, as its file says.

    Raises `ModelError`.
    """
    with database.without_values(ModelError, model.full_name):
        con.execute(f"CREATE OR REPLACE TABLE {model.full_name} AS {model.sql}")
    check_contract(con, model.contract)


def make(con: duckdb.DuckDBPyConnection, model: PythonModel, settings: Settings, as_of: date) -> pl.DataFrame:
    """Make the rows of one mart of Python from the tables it declares.

    Raises `ModelError` where it reads another one, `RefError` where a reference file is not usable.
    """
    return model.make(Inputs(con, settings, as_of, model.full_name, model.reads))


def create_table(con: duckdb.DuckDBPyConnection, contract: Table, name: str = "") -> None:
    """Create the empty table of a contract, under another name where one is given; replace what is there."""
    columns = ", ".join(f"{column.name} {column.type}" for column in contract.columns)
    con.execute(f"CREATE OR REPLACE TABLE {name or contract.name} ({columns})")


def write_table(con: duckdb.DuckDBPyConnection, name: str, rows: pl.DataFrame) -> None:
    """Replace a table (`schema.table`) that has a contract and no SQL by the rows that Python made for it.

    Raises `ModelError` where columns are missing, too many or of another type.
    """
    schema, table = name.split(".")
    contract = contracts(schema)[table]
    if tuple(rows.columns) != contract.column_names:
        raise ModelError(name, f"was made with the columns {', '.join(rows.columns)}", known=contract.column_names)
    columns = ", ".join(f"CAST({column.name} AS {column.type}) AS {column.name}" for column in contract.columns)
    with database.without_values(ModelError, name):
        con.register("made_rows", rows)
        con.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT {columns} FROM made_rows")
        con.unregister("made_rows")
    check_contract(con, contract)


def check_contract(con: duckdb.DuckDBPyConnection, contract: Table) -> None:
    """Compare a built table with its contract, column by column.

    Raises `ModelError` with the first difference.
    """
    built = list(database.columns_of(con, contract.name).items())
    promised = [
        (column.name, column.type.replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")) for column in contract.columns
    ]
    for found, wanted in zip(built, promised, strict=False):
        if found != wanted:
            raise ModelError(contract.name, f"gives {' '.join(found)}, its contract says {' '.join(wanted)}")
    if len(built) != len(promised):
        raise ModelError(contract.name, f"gives {len(built)} columns, its contract says {len(promised)}")
