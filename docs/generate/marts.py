"""Write one page per mart: what a row is, its columns, and where each column comes from."""

import re
from collections.abc import Iterable
from pathlib import Path

from docs.generate.lineage import Origin, lineage
from pipelines.common.contract import Column, Table, contracts
from pipelines.common.settings import ROOT
from pipelines.warehouse.catalogue import Model, SqlModel, models

METHODS = ROOT / "docs" / "methods"


def mart_pages() -> dict[str, str]:
    """Write the page of every mart, and `index`, by file name without ending."""
    by_name = {model.name: model for model in models("mart")}
    pages = {name: _page(by_name[name], by_name.values()) for name in sorted(by_name)}
    return {"index": _index(by_name[name].contract for name in sorted(by_name)), **pages}


def _index(tables: Iterable[Table]) -> str:
    rows = [f"| [`{table.name}`]({table.name.split('.')[1]}.md) | {table.row} |" for table in tables]
    return "\n".join(["# Marts", "", "One table per question.", "", "| table | a row is |", "|---|---|", *rows, ""])


def _page(model: Model, others: Iterable[Model]) -> str:
    name, table = model.name, model.contract
    is_sql = isinstance(model, SqlModel)
    source = f"sql/mart/{name}.sql" if is_sql else f"pipelines/marts/{name}.py"
    read_by = (other.full_name for other in others if model.full_name in other.reads)
    lines = [
        f"# `{table.name}`", "", table.row, "",
        f"* **Key:** {', '.join(f'`{column}`' for column in table.key)}",
        f"* **Built by:** `{source}`; contract `sql/mart/{name}.yml`",
        f"* **Reads:** {_links(model.reads)}",
        f"* **Read by:** {_links(read_by)}",
        f"* **Method:** {_methods(table.name)}", "",
        "## Columns", "", "| column | type | meaning |", "|---|---|---|",
    ]  # fmt: skip
    lines += [f"| `{column.name}` | {column.type} | {_meaning(column)} |" for column in table.columns]
    lines += ["", "## Lineage", "", "| column | comes from |", "|---|---|"]
    origins = lineage(model) if isinstance(model, SqlModel) else _python_origins(model)
    lines += [f"| `{name}` | {origin.sentence()} |" for name, origin in origins.items()]
    return "\n".join([*lines, ""])


def _meaning(column: Column) -> str:
    values = f" One of {', '.join(column.values)}." if column.values else ""
    return f"{column.description}{values}".replace("|", "\\|")


def _python_origins(model: Model) -> dict[str, Origin]:
    """Say which tables that a Python mart reads have a column of the same name; its module computes the others."""
    return {
        name: Origin(
            columns=frozenset(f"{read}.{name}" for read in model.reads if name in _columns(read)),
            variables=frozenset({"as_of"} if name == "as_of" else ()),
            is_computed=True,
        )
        for name in model.contract.column_names
    }


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


def _links(tables: Iterable[str]) -> str:
    """Link marts to their pages; other tables to the data dictionary."""
    links = []
    for table in sorted(tables):
        page = f"{table.split('.')[1]}.md" if table.startswith("mart.") else "../DATA_DICTIONARY.md"
        links.append(f"[`{table}`]({page})")
    return ", ".join(links) or "nothing"
