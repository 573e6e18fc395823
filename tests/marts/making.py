"""Make a mart of Python as a night does: from the tables that its module declares."""

from datetime import date

import duckdb
import polars as pl

from pipelines.common.settings import Settings
from pipelines.warehouse import build
from pipelines.warehouse.catalogue import PythonModel, models


def make(name: str, con: duckdb.DuckDBPyConnection, settings: Settings, as_of: date) -> pl.DataFrame:
    """Give the rows of `mart.<name>`."""
    (model,) = (one for one in models("mart") if one.name == name)
    assert isinstance(model, PythonModel)
    return build.make(con, model, settings, as_of)
