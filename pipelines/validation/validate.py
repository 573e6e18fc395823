"""Validate a layer with Great Expectations inside DuckDB: no row leaves it, and no value of a row is kept.

A layer's suites are one generated from the contracts of its tables, and one per module under `expectations/`.
Importing this module takes seconds: import it late, in the step that needs it.
"""

import builtins
import importlib
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Literal

# Before the import: no usage statistics are sent, and the library's own log lines stay out of ours.
os.environ["GX_ANALYTICS_ENABLED"] = "false"
logging.getLogger("great_expectations").setLevel(logging.CRITICAL)

import great_expectations as gx
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.datasource.fluent.sql_datasource import SQLDatasource
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool

import expectations
from expectations import NightContext
from pipelines.common.errors import ModelError
from pipelines.common.settings import Settings
from pipelines.validation.contract_suite import contract_expectations, contract_tables

# Counts without examples: a result never carries the values that failed.
COUNTS_ONLY: dict[str, Any] = {"result_format": "BASIC", "partial_unexpected_count": 0}
NO_BARS = ProgressBarsConfig(globally=False)
NO_ROWS = "expect_no_rows"


@dataclass(frozen=True)
class Checked:
    """One expectation's outcome; `n_unexpected` is None where its kind counts nothing."""

    layer: str
    table: str
    expectation_id: str
    expectation_type: str
    severity: str
    is_success: bool
    n_unexpected: int | None
    notes: str
    checked_at: datetime


class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):
    """SQLAlchemy's engine with one connection kept open: DuckDB's cursor is its connection.

    Great Expectations makes more than one engine of a source, so each is remembered and closed at the end.
    """

    _kept: Connection | None = None
    _opened: ClassVar[list["DuckDBExecutionEngine"]] = []

    @contextmanager
    def get_connection(self) -> Iterator[Connection]:
        if self._kept is None:
            self._kept = self.engine.connect()
            self._opened.append(self)
        yield self._kept

    @classmethod
    def close_all(cls) -> None:
        while cls._opened:
            opened = cls._opened.pop()
            if opened._kept is not None:
                opened._kept.close()
                opened._kept = None
            opened.engine.dispose()


class DuckDBDatasource(SQLDatasource):
    """A data source of type `duckdb`; defining it registers `context.data_sources.add_duckdb`."""

    type: Literal["duckdb"] = "duckdb"  # type: ignore[assignment]

    @property
    def execution_engine_type(self) -> builtins.type[DuckDBExecutionEngine]:
        return DuckDBExecutionEngine


@dataclass(frozen=True)
class Suite:
    """Expectations that are checked together: `{batch}` in their queries stands for `query`."""

    name: str
    query: str
    expectations: tuple[Any, ...]


def contract_suite(layer: str) -> Suite:
    """Everything that the contracts of a layer's tables imply; each query names its table."""
    wanted = (one for table in contract_tables(layer) for one in contract_expectations(table))
    return Suite(f"contracts of {layer}", "SELECT 1 AS contract", tuple(wanted))


def written_suites(layer: str, tonight: NightContext) -> list[Suite]:
    """The expectation modules of a layer, by name: what must hold beyond the contracts."""
    folder = Path(expectations.__file__).parent / layer
    names = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    modules = [importlib.import_module(f"expectations.{layer}.{name}") for name in names]
    return [
        Suite(module.TABLE, f"SELECT * FROM {module.TABLE}", tuple(module.expectations(tonight))) for module in modules
    ]


def check_layer(path: Path, layer: str, tonight: NightContext, settings: Settings) -> list[Checked]:
    """Check every expectation of a layer against a database file that nobody else has open.

    Raises `ModelError` where an expectation could not be evaluated: unchecked is never passed.
    """
    return check_suites(path, layer, [contract_suite(layer), *written_suites(layer, tonight)], settings)


def check_suites(path: Path, layer: str, suites: Iterable[Suite], settings: Settings) -> list[Checked]:
    """Check some suites against a database file that nobody else has open.

    Raises `ModelError` where an expectation could not be evaluated: unchecked is never passed.
    """
    in_memory = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    context = gx.get_context(
        mode="ephemeral", project_config=DataContextConfig(store_backend_defaults=in_memory, progress_bars=NO_BARS)
    )
    source = context.data_sources.add_duckdb(
        name=layer,
        connection_string=f"duckdb:///{path}",
        create_temp_table=False,
        kwargs={"connect_args": {"config": _config(settings)}, "poolclass": NullPool},
    )
    try:
        return [checked for suite in suites for checked in _check_suite(source, layer, suite)]
    finally:
        DuckDBExecutionEngine.close_all()


def _config(settings: Settings) -> dict[str, str]:
    config = {"memory_limit": settings.memory_limit, "temp_directory": str(settings.work / "spill")}
    return config | ({"threads": str(settings.threads)} if settings.threads else {})


def _check_suite(source: Any, layer: str, suite: Suite) -> list[Checked]:
    asset = source.add_query_asset(suite.name, query=suite.query)
    batch = asset.add_batch_definition_whole_table(suite.name).get_batch()
    wanted = gx.ExpectationSuite(name=suite.name, expectations=list(suite.expectations))
    results = batch.validate(wanted, result_format=COUNTS_ONLY).results
    if len(results) != len(suite.expectations):
        raise ModelError(suite.name, f"{len(results)} of {len(suite.expectations)} expectations were evaluated")
    return [_checked(layer, suite.name, result) for result in results]


def _checked(layer: str, suite: str, result: Any) -> Checked:
    config = result.expectation_config
    expectation_id = config.meta["expectation_id"]
    if _raised(result.exception_info):
        raise ModelError(expectation_id, "could not be evaluated", hint="its query does not fit its table")
    n_unexpected = result.result.get("observed_value" if config.type == NO_ROWS else "unexpected_count")
    return Checked(
        layer=layer,
        table=config.meta.get("table", suite),
        expectation_id=expectation_id,
        expectation_type=config.type,
        severity=str(config.severity.value),
        is_success=bool(result.success),
        n_unexpected=None if n_unexpected is None else int(n_unexpected),
        notes=str(config.notes),
        checked_at=datetime.now(UTC),
    )


def _raised(about: Any) -> bool:
    """Whether an exception stands anywhere in a result: Great Expectations nests them by metric."""
    if not isinstance(about, dict):
        return False
    return bool(about.get("raised_exception")) or any(_raised(value) for value in about.values())
