"""The documentation site: a page and a lineage for everything, formulas and diagrams that need nothing from outside."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from docs.generate.formulas import with_mathml
from docs.generate.lineage import Origin, lineage
from docs.generate.marts import mart_pages
from docs.generate.stage import site_page, stage
from pipelines.common.contract import contracts
from pipelines.common.settings import ROOT
from pipelines.warehouse.catalogue import models, sql_models

# What a browser loads by itself; a link that somebody may follow is none of it.
LOADED = re.compile(r"<(?:script|img|iframe|link)\b[^>]*?(?:src|href)=\"?(https?:)?//[^\s\">]+")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    stage(folder)
    zensical = Path(sys.executable).with_name("zensical")
    done = subprocess.run(
        [zensical, "build", "--strict", "-f", folder / "mkdocs.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


def test_no_page_loads_anything_from_outside(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > len(contracts("mart"))
    for page in pages:
        found = LOADED.search(page.read_text(encoding="utf-8"))
        assert not found, (page.name, found and found[0])


def test_a_script_from_outside_would_be_found() -> None:
    assert LOADED.search('<script src="https://cdn.example/x.js">')
    assert not LOADED.search('<a href="https://example.org">')


def test_the_menu_names_every_page() -> None:
    named = set(re.findall(r"[\w/]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    written = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    assert written <= named, written - named


def test_every_column_of_a_sql_mart_has_an_origin() -> None:
    for model in sql_models("mart"):
        found = lineage(model)
        assert tuple(found) == model.contract.column_names
        night = found["as_of"]
        assert night.variables == {"as_of"} or all(name.endswith(".as_of") for name in night.columns), model.full_name
        assert night != Origin(), model.full_name
        read = {column.rpartition(".")[0] for origin in found.values() for column in origin.columns}
        assert read <= model.reads, model.full_name


def test_lineage_follows_ctes_down_to_the_tables() -> None:
    by_name = {model.name: model for model in sql_models("mart")}
    assert lineage(by_name["segment_size"])["title"] == Origin(columns=frozenset({"ref.segment.title"}))
    expansion = lineage(by_name["segment_expansion"])
    assert expansion["n_seeds"] == Origin(rows_of=frozenset({"expansion.seed"}))
    assert "expansion.guard.auc" in expansion["auc"].columns


def test_every_mart_has_a_page_that_names_its_columns_and_what_it_reads() -> None:
    pages = mart_pages()
    for name, table in contracts("mart").items():
        assert all(pages[name].count(f"| `{column}` |") == 2 for column in table.column_names), name
    for model in models("mart"):
        assert all(f"`{read}`" in pages[model.name] for read in model.reads), model.name


def test_formulas_become_mathml() -> None:
    shown = with_mathml("A $`p_m`$ and\n\n```math\n\\sum_m \\frac{p_m}{d}\n```\n")
    assert shown.count("<math") == 2
    assert "<msub>" in shown
    assert "$" not in shown


def test_links_of_the_repository_lead_to_pages_of_the_site() -> None:
    assert site_page("[a](docs/SEGMENTS.md#x) [b](../SECURITY.md) [c](../../README.md) [d](https://e.org/docs/)") == (
        "[a](SEGMENTS.md#x) [b](SECURITY.md) [c](../index.md) [d](https://e.org/docs/)"
    )


def test_the_drawn_architecture_has_the_nodes_of_its_source() -> None:
    source = (ROOT / "docs/ARCHITECTURE.md").read_text(encoding="utf-8").split("```mermaid")[1].split("```")[0]
    labels = set(re.findall(r"\w+\[\(?([^\])]+)\)?\]", source))
    svg = (ROOT / "docs/architecture.svg").read_text(encoding="utf-8")
    drawn = set(re.findall(r"<text[^>]*>([^<]+)</text>", svg)) - {"stops or warns"}
    assert labels == drawn
    assert svg.count("marker-end") == len(re.findall(r"-->|-\.->", source))


def test_hooks_and_configuration_are_yaml_that_names_real_targets() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (entry,) = [hook["entry"] for repo in hooks["repos"] for hook in repo["hooks"]]
    assert entry == "make check"
