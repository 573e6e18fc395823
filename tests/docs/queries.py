"""The queries of docs/QUERIES.md and their answers on the demo world; run as a script it writes the answers."""

import re
import sys
from pathlib import Path

import duckdb

from pipelines.common.settings import ROOT

PAGE = ROOT / "docs" / "QUERIES.md"
QUESTION = re.compile(r"(## \d+\. .*?```sql\n)(.*?)(\n```\n)(\n\|.*?\n(?=\n|\Z))?", re.DOTALL)


def answer(con: duckdb.DuckDBPyConnection, query: str) -> str:
    """Run a query and lay its rows out as a Markdown table."""
    cursor = con.execute(query)
    names = [column[0] for column in cursor.description or []]
    rows = [["" if value is None else f"{value:,}" if isinstance(value, int) else str(value) for value in row]
            for row in cursor.fetchall()]  # fmt: skip
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def page_query(number: int) -> str:
    """Give the query of a question of the page."""
    (found,) = (one[2] for one in QUESTION.finditer(PAGE.read_text("utf-8")) if one[1].startswith(f"## {number}. "))
    return found


def with_answers(text: str, con: duckdb.DuckDBPyConnection) -> str:
    """Give the page with every answer as it is on a snapshot."""
    return QUESTION.sub(lambda found: f"{found[1]}{found[2]}{found[3]}\n{answer(con, found[2])}\n", text)


if __name__ == "__main__":
    with duckdb.connect(sys.argv[1], read_only=True) as snapshot:
        PAGE.write_text(with_answers(PAGE.read_text(encoding="utf-8"), snapshot), encoding="utf-8")
    print(f"wrote the answers into {Path(PAGE).name}")
