"""Expectations that follow from the contracts: unique keys, not-null columns, closed lists, declared columns.

Every table with a contract gets them, so that a new table is checked without anybody writing a suite. They are one
suite per layer, not one per table: a suite costs Great Expectations a quarter of a second before its first query.
"""

from collections.abc import Iterator

from expectations import ExpectNoRows, about
from pipelines.common.contract import Column, Table, contracts
from pipelines.common.settings import SQL

# The schemas that each check can see complete. Tables of `meta` are checked where they are written: by the load, or,
# where they are models, with the core layer.
SCHEMAS = {"raw": ("ref", "stg"), "core": ("core",), "mart": ("expansion", "mart")}


def contract_tables(layer: str) -> list[Table]:
    """Every table that a check of a layer holds to its contract."""
    tables = [table for schema in SCHEMAS[layer] for table in contracts(schema).values()]
    models = {path.stem for path in (SQL / "meta").glob("*.sql")}
    wanted = {"raw": contracts("meta").keys() - models, "core": models}.get(layer, set())
    return tables + [table for name, table in contracts("meta").items() if name in wanted]


def contract_expectations(table: Table) -> Iterator[ExpectNoRows]:
    """Give what a table's contract implies; each expectation names its table in `meta`."""
    fault = f"A fault of ours in how {table.name} is made: keep the data and report it."
    file = f"its contract ({table.name.split('.')[1]}.yml)"
    yield _expect(
        table, "columns_are_as_declared", f"The table's columns or types differ from {file}. {fault}", _columns(table)
    )
    yield _expect(
        table,
        "key_is_unique",
        table.key_notes or f"Two rows share the key {', '.join(table.key)}. {fault}",
        _repeated_keys(table),
    )
    if table.required:
        empty = " OR ".join(f"{name} IS NULL" for name in table.required)
        yield _expect(
            table,
            "values_are_not_null",
            f"A column that {file} declares NOT NULL has no value; find it with WHERE {empty}. {fault}",
            f"SELECT 1 AS broken FROM {table.name} WHERE {empty}",
        )
    for column in table.columns:
        if column.values:
            yield _expect(
                table,
                f"{column.name}_is_known",
                f"{column.name} holds a value that {file} does not list: {', '.join(column.values)}. {fault}",
                f"SELECT 1 AS broken FROM {table.name} WHERE {column.name} NOT IN ({_literals(column.values)})",
            )


def _expect(table: Table, what: str, notes: str, query: str) -> ExpectNoRows:
    described = about(f"{table.name}.{what}", "critical", notes)
    described["meta"]["table"] = table.name
    return ExpectNoRows(unexpected_rows_query=query, **described)


def _repeated_keys(table: Table) -> str:
    """A query that finds each key with more than one row.

    Grouping tens of millions of keys of several texts spills to disk; grouping their 64-bit hashes takes a third of the
    time. Two keys may share a hash by chance, so keys with a repeated hash (usually none) are grouped by themselves.
    """
    key = ", ".join(table.key)
    suspects = f"SELECT hash({key}) FROM {table.name} GROUP BY 1 HAVING count(*) > 1"
    return f"SELECT 1 AS broken FROM {table.name} WHERE hash({key}) IN ({suspects}) GROUP BY {key} HAVING count(*) > 1"


def _columns(table: Table) -> str:
    """A query over the catalogue (no row of the table is read) that finds undeclared and missing columns."""
    schema, name = table.name.split(".")
    declared = ", ".join(f"({_literals((column.name, _catalogue_type(column)))})" for column in table.columns)
    found = (
        "SELECT column_name, data_type FROM duckdb_columns() "
        f"WHERE database_name = current_database() AND schema_name = '{schema}' AND table_name = '{name}'"
    )
    return (
        f"SELECT 1 AS broken FROM (VALUES {declared}) AS declared (column_name, data_type) "
        f"FULL JOIN ({found}) AS found "
        "ON declared.column_name = found.column_name AND declared.data_type = found.data_type "
        "WHERE declared.column_name IS NULL OR found.column_name IS NULL"
    )


def _catalogue_type(column: Column) -> str:
    return column.type.replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")


def _literals(values: tuple[str, ...]) -> str:
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values)
