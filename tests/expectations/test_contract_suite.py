"""What the contracts imply is checked of every table: each expectation has a row, a change or a copy that breaks it."""

import importlib
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pytest

from pipelines.common.contract import Column, Table, contracts, read_contract
from pipelines.common.errors import ModelError
from pipelines.common.settings import Settings
from pipelines.reach.decision_rule import ACTIONS
from pipelines.reference.gazetteer import BANDS

LAYERS = ("raw", "core", "mart")
SCHEMAS = ("ref", "stg", "core", "meta", "expansion", "mart")
EXAMPLES = {
    "VARCHAR": "'word'",
    "VARCHAR[]": "['word']",
    "DATE": "DATE '2026-09-30'",
    "TIMESTAMPTZ": "TIMESTAMPTZ '2026-09-30 08:00:00+00'",
    "BOOLEAN": "true",
}
UNKNOWN = "SECRET"


@pytest.fixture(scope="module")
def validate() -> ModuleType:
    """Import Great Expectations late: only whoever runs these tests waits for it."""
    return importlib.import_module("pipelines.validation.validate")


@pytest.fixture(scope="module")
def suite_of(validate: ModuleType) -> Callable[[str], Any]:
    """Give the generated suite of a layer."""
    return lambda layer: validate.contract_suite(layer)


@pytest.fixture(scope="module")
def good_night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a file that holds every table, each with one row that its contract allows."""
    path = tmp_path_factory.mktemp("contracts") / "good.duckdb"
    with duckdb.connect(str(path)) as con:
        for schema in SCHEMAS:
            con.execute(f"CREATE SCHEMA {schema}")
            for table in contracts(schema).values():
                columns = ", ".join(f"{column.name} {column.type}" for column in table.columns)
                con.execute(f"CREATE TABLE {table.name} ({columns})")
                con.execute(f"INSERT INTO {table.name} VALUES ({', '.join(map(example, table.columns))})")
    return path


def example(column: Column) -> str:
    """Write a value that a column may hold; none where it need not have one."""
    if not column.required:
        return "NULL"
    return f"'{column.values[-1]}'" if column.values else EXAMPLES.get(column.type, "1")


def breaks(table: Table) -> dict[str, str]:
    """For each expectation of a table, a statement that breaks it and no other."""
    found = {
        "columns_are_as_declared": f"ALTER TABLE {table.name} ADD COLUMN undeclared VARCHAR",
        "key_is_unique": f"INSERT INTO {table.name} SELECT * FROM {table.name}",
    }
    if table.required:
        found["values_are_not_null"] = f"UPDATE {table.name} SET {table.required[-1]} = NULL"
    for column in table.columns:
        if column.values:
            found[f"{column.name}_is_known"] = f"UPDATE {table.name} SET {column.name} = '{UNKNOWN}'"
    return {f"{table.name}.{what}": how for what, how in found.items()}


@pytest.mark.parametrize("layer", LAYERS)
def test_each_expectation_of_a_contract_breaks_alone_and_names_nobody(
    layer: str, validate: ModuleType, suite_of: Callable[[str], Any], good_night: Path, tmp_path: Path
) -> None:
    """Break every table in one way at a time; the tables are independent, so one file holds one break of each."""
    settings = Settings(data=tmp_path, ref=tmp_path, key_file=tmp_path, threads=1)
    tables = validate.contract_tables(layer)
    plans = [list(breaks(table).items()) for table in tables]
    broken: set[str] = set()
    for turn in range(max(map(len, plans))):
        wanted = dict(plan[turn] for plan in plans if turn < len(plan))
        path = tmp_path / "night.duckdb"
        shutil.copyfile(good_night, path)
        with duckdb.connect(str(path)) as con:
            for sql in wanted.values():
                con.execute(sql)
        touched = [table for table, plan in zip(tables, plans, strict=True) if turn < len(plan)]
        wanted_of = tuple(one for table in touched for one in validate.contract_expectations(table))
        suite = validate.Suite("contracts", "SELECT 1 AS contract", wanted_of)
        results = validate.check_suites(path, layer, [suite], settings)
        failed = {one.expectation_id: one for one in results if not one.is_success}
        assert set(failed) == set(wanted), "exactly what was broken fails"
        assert all(one.n_unexpected and one.severity == "critical" for one in failed.values())
        assert UNKNOWN not in repr(results)
        broken |= set(failed)
    every = {one.meta["expectation_id"] for one in suite_of(layer).expectations}
    assert broken == every, "every expectation was broken once"


def test_every_required_column_and_every_misnamed_or_mistyped_one_is_found(
    validate: ModuleType, good_night: Path
) -> None:
    with duckdb.connect(str(good_night), read_only=True) as con:
        for table in (one for layer in LAYERS for one in validate.contract_tables(layer)):
            queries = {
                one.meta["expectation_id"].rpartition(".")[2]: one.unexpected_rows_query
                for one in validate.contract_expectations(table)
            }
            for name in table.required:
                missing = f"(SELECT * REPLACE (NULL AS {name}) FROM {table.name})"
                query = queries["values_are_not_null"].replace(f"FROM {table.name}", f"FROM {missing}")
                assert len(con.execute(query).fetchall()) == 1, f"{table.name}.{name}"
            first = table.columns[0]
            for message in (
                f"('{first.name}', ",
                f"'{first.type.replace('TIMESTAMPTZ', 'TIMESTAMP WITH TIME ZONE')}')",
            ):
                assert message in queries["columns_are_as_declared"]
                query = queries["columns_are_as_declared"].replace(message, message.replace("'", "'x", 1), 1)
                assert len(con.execute(query).fetchall()) == 2, f"{table.name}: declared beside found"


@pytest.mark.parametrize("layer", LAYERS)
def test_what_a_contract_allows_passes(
    layer: str, validate: ModuleType, suite_of: Callable[[str], Any], good_night: Path, tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path, ref=tmp_path, key_file=tmp_path, threads=1)
    results = validate.check_suites(good_night, layer, [suite_of(layer)], settings)
    assert not [one.expectation_id for one in results if not one.is_success]
    assert {one.table for one in results} == {table.name for table in validate.contract_tables(layer)}
    assert all(len(one.notes.split()) > 4 for one in results)


def test_every_table_is_held_to_its_contract_by_one_layer(validate: ModuleType) -> None:
    checked = [table.name for layer in LAYERS for table in validate.contract_tables(layer)]
    assert sorted(checked) == sorted(table.name for schema in SCHEMAS for table in contracts(schema).values())


def test_two_keys_with_one_hash_are_two_keys(validate: ModuleType, tmp_path: Path) -> None:
    """The key check groups hashes first; a macro that gives every key the same hash must not make it fail."""
    table = Table("core.thing", "A thing.", ("a", "b"), (Column("a", "INTEGER", ""), Column("b", "INTEGER", "")))
    query = next(one for one in validate.contract_expectations(table) if "key_is_unique" in one.meta["expectation_id"])
    found = query.unexpected_rows_query.replace("hash(a, b)", "(a * 0)")
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA core; CREATE TABLE core.thing AS SELECT a, 1 AS b FROM range(9) AS one (a)")
        assert not con.execute(found).fetchall()
        con.execute("INSERT INTO core.thing VALUES (3, 1), (3, NULL), (3, NULL)")
        assert len(con.execute(found).fetchall()) == 2


def test_the_lists_that_code_uses_are_those_of_the_contracts() -> None:
    values = {
        f"{table.name}.{column.name}": column.values
        for schema in SCHEMAS
        for table in contracts(schema).values()
        for column in table.columns
    }
    assert values["mart.decision.action"] == values["mart.decision_check.action"] == ACTIONS
    assert values["ref.gazetteer.home_band"] == BANDS


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("varchar", "'varchar' is not TYPE"),
        ("VARCHAR not null", "is not TYPE"),
        ("VARCHAR one of", "is not TYPE"),
    ],
)
def test_a_column_that_a_contract_cannot_mean_is_refused(line: str, found: str, tmp_path: Path) -> None:
    path = tmp_path / "thing.yml"
    path.write_text(f"table: core.thing\nrow: A thing.\nkey: [platform]\ncolumns:\n  platform: {line}\n")
    with pytest.raises(ModelError, match=found):
        read_contract(path)


def test_a_key_names_columns_only(tmp_path: Path) -> None:
    path = tmp_path / "thing.yml"
    path.write_text("table: core.thing\nrow: A thing.\nkey: [account_id]\ncolumns:\n  platform: VARCHAR\n")
    with pytest.raises(ModelError, match="the key names account_id"):
        read_contract(path)
