"""Lay out the site's source: the pages of docs/ and of the root, the generated pages, and the configuration."""

import re
import shutil
from pathlib import Path

import yaml

from docs.generate.commands import command_reference
from docs.generate.formulas import with_mathml
from docs.generate.marts import mart_pages
from pipelines.common.settings import ROOT

ROOT_PAGES = ("README", "CONTRIBUTING", "GLOSSARY", "DECISIONS", "SECURITY", "CHANGELOG")
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


def stage(folder: Path) -> None:
    """Write `folder/docs` and `folder/mkdocs.yml`; whatever was in `folder/docs` goes."""
    pages = folder / "docs"
    shutil.rmtree(pages, ignore_errors=True)
    for path in sorted((ROOT / "docs").rglob("*.md")):
        _write(pages / path.relative_to(ROOT / "docs"), path.read_text(encoding="utf-8"))
    for ending in ("svg", "css"):
        for path in (ROOT / "docs").rglob(f"*.{ending}"):
            shutil.copy(path, pages / path.relative_to(ROOT / "docs"))
    for name in ROOT_PAGES:
        page = "index" if name == "README" else name
        _write(pages / f"{page}.md", (ROOT / f"{name}.md").read_text(encoding="utf-8"))
    marts = mart_pages()
    for name, text in marts.items():
        _write(pages / "marts" / f"{name}.md", text)
    _write(pages / "CLI.md", command_reference())
    _write_configuration(folder, list(marts))


def site_page(text: str) -> str:
    """Turn a page as it reads in the repository into one for the site: links, formulas, diagrams."""
    text = LINK.sub(lambda found: f"]({_site_link(found[1])}", text)
    # The site shows the SVG; mermaid's source stays as text, since its script would come from outside.
    return with_mathml(text.replace("```mermaid", "```text"))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(site_page(text), encoding="utf-8")


def _site_link(target: str) -> str:
    """Rewrite a link: root pages link into docs/, pages of docs/ link up; on the site they all lie together."""
    target = re.sub(r"^docs/", "", target)
    name = "|".join(ROOT_PAGES)
    target = re.sub(rf"^\.\./((\.\./)?)({name})\.md$", r"\1\3.md", target)
    return target.replace("README.md", "index.md")


def _write_configuration(folder: Path, marts: list[str]) -> None:
    configuration = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    for section in configuration["nav"]:
        if "Marts" in section:
            section["Marts"] = [f"marts/{name}.md" for name in marts]
    (folder / "mkdocs.yml").write_text(yaml.safe_dump(configuration, sort_keys=False), encoding="utf-8")
