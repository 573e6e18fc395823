"""Build a layer's models into the night's work file, each as its file says, and hold it to its contract."""

from datetime import date

import duckdb

from pipelines import engine
from pipelines.errors import ModelError
from pipelines.progress import shown
from pipelines.warehouse.catalog import Model, models


def build_layer(con: duckdb.DuckDBPyConnection, layer: str, as_of: date) -> None:
    """Build every model of a layer in the order of what they read.

    Raises `ModelError` where a model fails or its table is not what its contract says.
    """
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {layer}")
    con.execute("SET VARIABLE as_of = $as_of", {"as_of": as_of})
    for model in shown(models(layer), f"build {layer}"):
        build_model(con, model)


def build_model(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Build one model, as its file says.

    Raises `ModelError`.
    """
    with engine.without_values(ModelError, model.full_name):
        con.execute(f"CREATE OR REPLACE TABLE {model.full_name} AS {model.sql}")
    check_contract(con, model)


def check_contract(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Compare a built table with its contract, column by column.

    Raises `ModelError` with the first difference.
    """
    built = list(engine.columns_of(con, model.full_name).items())
    promised = [
        (column.name, column.type.replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"))
        for column in model.contract.columns
    ]
    for found, wanted in zip(built, promised, strict=False):
        if found != wanted:
            raise ModelError(model.full_name, f"gives {' '.join(found)}, its contract says {' '.join(wanted)}")
    if len(built) != len(promised):
        raise ModelError(model.full_name, f"gives {len(built)} columns, its contract says {len(promised)}")
