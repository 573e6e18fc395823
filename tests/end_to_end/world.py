"""Small deployments for end-to-end tests: a folder each, drops written by hand or by the demo world."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import night
from pipelines.common.settings import SHIPPED_REF, Settings, from_environment
from pipelines.landing.land_drop import Landed, land_drop
from pipelines.warehouse import publish

ACCOUNT_COLUMNS = ("platform", "account_id", "handle", "name", "role", "purpose", "opened_on", "closed_on")


@dataclass(frozen=True)
class Deployment:
    """One deployment: its settings, and short words for what a test does with it."""

    settings: Settings

    def land(self, source: str, on: date, **tables: Iterable[Mapping[str, Any]]) -> Landed:
        """Land rows, a table each, as a drop of CSV files."""
        folder = self.settings.data / "drop"
        folder.mkdir(exist_ok=True)
        for path in folder.iterdir():
            path.unlink()
        for table, rows in tables.items():
            write_csv(folder / f"{table}.csv", rows)
        return land_drop(folder, source, on, self.settings)

    def night(self, as_of: date, *, replay: bool = False) -> str:
        """Run a whole night, without a report, however old its data are."""
        return night.run_night(as_of, replay=replay, allow_stale=True)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the published snapshot."""
        with duckdb.connect(str(self.settings.published / publish.LINK), read_only=True) as con:
            return con.execute(query).fetchall()

    def tables(self, *schemas: str) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every published table of some schemas, in a fixed order."""
        with duckdb.connect(str(self.settings.published / publish.LINK), read_only=True) as con:
            names = con.execute(
                "SELECT table_schema || '.' || table_name FROM information_schema.tables ORDER BY ALL"
            ).fetchall()
            wanted = [name for (name,) in names if name.split(".")[0] in schemas]
            return {name: con.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for name in wanted}


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as the extract contract wants a CSV; None is empty."""
    rows = list(rows)
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def deploy(folder: Path, accounts: Iterable[Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """Set up a deployment with its own accounts and no segment."""
    (folder / "ref" / "segments").mkdir(parents=True)
    write_csv(folder / "ref" / "account.csv", [{name: one.get(name) for name in ACCOUNT_COLUMNS} for one in accounts])
    use(folder, monkeypatch, ref=folder / "ref")
    return Deployment(from_environment())


def use(folder: Path, monkeypatch: pytest.MonkeyPatch, ref: Path | None = None) -> Settings:
    """Point the environment at a deployment, make its key, and leave reports to the tests of reports."""
    monkeypatch.setenv("STILLREACH_DATA", str(folder / "data"))
    monkeypatch.delenv("STILLREACH_KEY_FILE", raising=False)
    monkeypatch.setenv("STILLREACH_REF", str(ref or SHIPPED_REF))
    monkeypatch.setitem(night.STEPS, "report", lambda run_id: None)
    settings = from_environment()
    if not settings.key_file.exists():
        # Always the same: who is drawn for an audit depends on it.
        settings.key_file.parent.mkdir(parents=True, exist_ok=True)
        settings.key_file.write_text(bytes(range(32)).hex() + "\n", encoding="ascii")
        settings.key_file.chmod(0o400)
    settings.data.mkdir(exist_ok=True)
    return settings
