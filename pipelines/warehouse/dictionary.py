"""Write the data dictionary as Markdown from the contracts: published tables and columns, and the extract contract."""

from pipelines.common.contract import Table
from pipelines.warehouse.publish import published_tables

SCHEMAS = {
    "mart": "Marts: one table per question",
    "core": "Core: platform-free nouns, with people under pseudonyms",
    "meta": "Meta: runs, deliveries, validation",
    "ref": "Ref: what people decide",
    "raw": "The extract contract (not published; docs/EXTRACTS.md explains it)",
}


def dictionary() -> str:
    """Write the whole dictionary."""
    parts = [
        "# Data dictionary",
        "`make dictionary` writes this page from the contracts under `sql/`; a test compares the two.",
    ]
    for schema, title in SCHEMAS.items():
        parts.append(f"## {title}")
        parts += [_table(table) for table in published_tables(schema)]
    return "\n\n".join(parts) + "\n"


def _table(table: Table) -> str:
    lines = [
        f"### `{table.name}`",
        "",
        f"{table.row} Key: {', '.join(f'`{name}`' for name in table.key)}.",
        "",
        "| column | type | meaning |",
        "|---|---|---|",
    ]
    for column in table.columns:
        wanted = (" (required)" if table.name.startswith("raw.") else " NOT NULL") if column.required else ""
        one_of = f" One of {', '.join(column.values)}." if column.values else ""
        lines.append(f"| `{column.name}` | {column.type}{wanted} | {column.description}{one_of} |")
    return "\n".join(lines)
