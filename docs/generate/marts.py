"""Write one page per mart: what a row is, its columns, and where each column comes from."""

import re
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from docs.generate.lineage import Origin, lineage
from pipelines.common.contract import Column, Table, contracts
from pipelines.common.settings import ROOT
from pipelines.warehouse.catalogue import Model, models

METHODS = ROOT / "docs" / "methods"


def mart_pages() -> dict[str, str]:
    """Write the page of every mart, and `index`, by file name without ending."""
    by_name = {model.name: model for model in models("mart")}
    reads = {name: _reads(name, by_name.get(name)) for name in contracts("mart")}
    pages = {name: _page(table, by_name.get(name), reads) for name, table in contracts("mart").items()}
    return {"index": _index(contracts("mart").values()), **pages}


def _index(tables: Iterable[Table]) -> str:
    rows = [f"| [`{table.name}`]({table.name.split('.')[1]}.md) | {table.row} |" for table in tables]
    return "\n".join(["# Marts", "", "One table per question.", "", "| table | a row is |", "|---|---|", *rows, ""])


def _page(table: Table, model: Model | None, reads: dict[str, frozenset[str]]) -> str:
    name = table.name.split(".")[1]
    sql = getattr(model, "sql", None)
    source = f"sql/mart/{name}.sql" if sql else f"pipelines/marts/{name}.py"
    origins = lineage(model) if sql and model else {}
    lines = [
        f"# `{table.name}`", "", table.row, "",
        f"* **Key:** {_codes(table.key)}",
        f"* **Built by:** `{source}`; contract `sql/mart/{name}.yml`",
        f"* **Reads:** {_links(reads[name])}",
        f"* **Read by:** {_links(f'mart.{other}' for other, read in reads.items() if table.name in read)}",
        f"* **Method:** {_methods(table.name)}", "",
        "## Columns", "", "| column | type | meaning |", "|---|---|---|",
    ]  # fmt: skip
    lines += [f"| `{column.name}` | {column.type} | {_meaning(column)} |" for column in table.columns]
    lines += ["", "## Lineage", "", "| column | comes from |", "|---|---|"]
    for column in table.columns:
        origin = origins[column.name].sentence() if sql else _python_origin(column, reads[name])
        lines.append(f"| `{column.name}` | {origin} |")
    return "\n".join([*lines, ""])


def _reads(name: str, model: Model | None) -> frozenset[str]:
    if model or not find_spec(f"pipelines.marts.{name}"):
        return model.reads if model else frozenset()
    return frozenset(getattr(import_module(f"pipelines.marts.{name}"), "READS", ()))


def _meaning(column: Column) -> str:
    values = f" One of {', '.join(column.values)}." if column.values else ""
    return f"{column.description}{values}".replace("|", "\\|")


def _python_origin(column: Column, reads: frozenset[str]) -> str:
    """Say which tables have a column of the same name; others are computed by the mart's module."""
    same = Origin(
        columns=frozenset(f"{read}.{column.name}" for read in reads if column.name in _columns(read)),
        variables=frozenset({"as_of"} if column.name == "as_of" else ()),
    )
    return same.sentence() if same != Origin() else "computed by the module"


def _columns(table: str) -> tuple[str, ...]:
    schema, name = table.split(".")
    return contracts(schema)[name].column_names if name in contracts(schema) else ()


def _methods(table: str) -> str:
    pages = [path for path in sorted(METHODS.glob("*.md")) if f"`{table}`" in path.read_text(encoding="utf-8")]
    return ", ".join(f"[{_title(path)}](../methods/{path.name})" for path in pages) or "counts; no estimate"


def _title(path: Path) -> str:
    found = re.match(r"# (.+)", path.read_text(encoding="utf-8"))
    assert found, path
    return found[1]


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _links(tables: Iterable[str]) -> str:
    """Link marts to their pages; other tables to the data dictionary."""
    links = []
    for table in sorted(tables):
        page = f"{table.split('.')[1]}.md" if table.startswith("mart.") else "../DATA_DICTIONARY.md"
        links.append(f"[`{table}`]({page})")
    return ", ".join(links) or "nothing"
