"""Check the rows of a drop before anything lands: what a night would reject is refused while its sender can correct it.

An error names file, column and row numbers, and no value. Rows are numbered as a spreadsheet shows them: the header of
a CSV is row 1; the first line of JSON Lines and the first row of Parquet are row 1, too.
"""

from dataclasses import dataclass
from datetime import date

import duckdb

from pipelines.common import database
from pipelines.common.errors import UnusableRowsError
from pipelines.common.query import query
from pipelines.common.settings import Settings
from pipelines.landing import row_rules
from pipelines.landing.extract_file import ExtractFile, relation
from pipelines.reference.files import read_accounts

SHOWN = 6
HINTS = {
    row_rules.NO_ACCOUNT: "add the account to account.csv, or leave its rows out",
    "is later than": "give as --on the day on which the extract was read, or correct the day",
    "is no id": "an id is text, written in full: do not open the file in a spreadsheet on the way",
    "is empty": "every row needs this value",
    "metric is no": "docs/EXTRACTS.md lists the metrics: leave the rows of others out",
}
OTHER_HINT = "leave a cell empty where its value is unknown"


@dataclass(frozen=True)
class Problem:
    """What is wrong with some rows of a file: their number and the first of them."""

    file: str
    text: str
    n_rows: int
    first_rows: list[int]

    def sentence(self) -> str:
        """Name file, column and rows."""
        shown = ", ".join(f"{one:,}" for one in self.first_rows)
        more = self.n_rows - len(self.first_rows)
        return f"{self.file}: {self.text} in {'row' if self.n_rows == 1 else 'rows'} {shown}" + (
            f" and {more:,} more" if more else ""
        )


class RowCheck:
    """The check of one drop's rows: `look` at each file, then `end`."""

    def __init__(self, con: duckdb.DuckDBPyConnection, on: date, settings: Settings) -> None:
        self._con = con
        self._on = on
        self._found: list[Problem] = []
        con.execute("CREATE SCHEMA ref")
        con.execute("CREATE TABLE ref.account (platform VARCHAR, account_id VARCHAR)")
        database.insert(con, "ref.account", [(one.platform, one.account_id) for one in read_accounts(settings)])

    def look(self, file: ExtractFile, columns: tuple[str, ...]) -> None:
        """Note what is wrong with the rows of a file, of which `columns` are present."""
        rows = f"SELECT {row_rules.trimmed(file.table)}, DATE '{self._on}' AS snapshot_on"
        numbered = f"row_number() OVER () + {int(file.format == 'csv')} AS row_number"
        came = f"({rows}, {numbered} FROM {relation(file, columns)})"
        source = f"FROM {came} AS came {row_rules.account_join(file.table)}"
        tested = f"SELECT row_number, {row_rules.problems(file.table)} AS row_problems {source}"
        self._con.execute(f"CREATE OR REPLACE TEMP VIEW arrived_problem AS {tested}")
        # Row numbers are true only in the order of the file.
        self._con.execute("SET preserve_insertion_order = true")
        found = self._con.execute(query("landing/row_problems")).fetchall()
        self._con.execute("SET preserve_insertion_order = false")
        self._found += [Problem(file.name, text, n, first) for text, n, first in found]

    def end(self) -> None:
        """Raise `UnusableRowsError` where a row cannot be used."""
        if not self._found:
            return
        sentences = [one.sentence() for one in self._found[:SHOWN]]
        if more := len(self._found) - SHOWN:
            sentences += [f"{more} more problems"] if more > 0 else []
        hints = (hint for text, hint in HINTS.items() if text in self._found[0].text)
        raise UnusableRowsError("rows that cannot be used", "; ".join(sentences), hint=next(hints, OTHER_HINT))
