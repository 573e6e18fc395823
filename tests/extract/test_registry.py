"""The registry of sources: light to import, complete, and read by pools, documentation and column maps alike."""

import json
import re
import subprocess
import sys
from datetime import date
from importlib import import_module

import pytest

from pipelines.common.errors import RefError
from pipelines.common.settings import ROOT, SHIPPED_REF, Settings
from pipelines.extract.exports.land_export import export_source
from pipelines.extract.files import column_map
from pipelines.extract.pulls import session
from pipelines.extract.pulls.source import Source
from pipelines.extract.registry import EXPORTS, MAPPED, PULLED, SOURCES, pulled_source

SHIPPED = Settings(data=ROOT, ref=SHIPPED_REF, key_file=ROOT / "no key")
HEAVY = ("duckdb", "pydantic", "yaml", "atproto", "mastodon", "xdk", "httpx")


def test_it_imports_nothing_heavy() -> None:
    code = f"import sys, pipelines.extract.registry; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_source_raises_and_never_reaches_the_paid_client() -> None:
    with pytest.raises(RefError, match=r"'myspace': is not a source that can be pulled.*Known: bluesky, mastodon"):
        pulled_source("myspace")
    with pytest.raises(RefError, match="myspace"):
        session.connector_of(Source("myspace"), SHIPPED, date(2026, 11, 1))


@pytest.mark.parametrize("name", SOURCES)
def test_every_connector_is_there(name: str) -> None:
    module = import_module(SOURCES[name].connector)
    assert hasattr(module, "Connector" if SOURCES[name].is_pulled else "converter")


@pytest.mark.parametrize("name", PULLED)
def test_a_connector_has_a_limit_for_each_kind_of_list(name: str) -> None:
    connector = import_module(PULLED[name].connector).Connector
    assert set(connector.limits(connector.__new__(connector))) == set(PULLED[name].kinds)
    assert connector.platform == PULLED[name].platform


def test_every_shipped_column_map_is_registered_with_its_platform_and_tables() -> None:
    mapped = {name for name, one in EXPORTS.items() if one.connector == MAPPED}
    assert mapped == set(column_map.known_sources(SHIPPED))
    for name in mapped:
        mapping = column_map.find(name, SHIPPED)
        assert mapping
        assert (mapping.platform,) == EXPORTS[name].platforms
        assert {table.table for table in mapping.tables} == set(EXPORTS[name].kinds)
        assert export_source(name, SHIPPED) == EXPORTS[name]


def test_every_platform_that_is_pulled_has_its_pool() -> None:
    pools = json.loads((ROOT / "dags/pools.json").read_text(encoding="utf-8"))
    assert set(pools) == {"warehouse", *(one.platform for one in PULLED.values())}


def test_the_documentation_lists_the_sources_that_are_pulled() -> None:
    text = (ROOT / "docs/SOURCES.md").read_text(encoding="utf-8")
    table = text.split("| source | platform |", 1)[1].split("\n\n", 1)[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(PULLED)


@pytest.mark.parametrize("name", EXPORTS)
def test_the_documentation_names_every_export(name: str) -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))
    assert f"`{name}`" in pages or f"--source {name}" in pages
