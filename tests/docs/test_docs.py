"""What the documents say is so: queries and their answers, commands, marts, the dictionary, an older reader."""

import doctest
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest

from pipelines.cli.app import app
from pipelines.cli.segments import app as segments
from pipelines.common.contract import contracts
from pipelines.common.settings import ROOT, from_environment
from pipelines.demo.world import write_demo_world
from pipelines.warehouse import publish
from pipelines.warehouse.dictionary import dictionary
from tests.docs.queries import PAGE, QUESTION, with_answers
from tests.end_to_end.world import Deployment, use

SCHEMAS = ("raw", "stg", "core", "expansion", "mart", "meta", "ref")
OLDEST_READER = "1.4.5"


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Publish the night of `make demo`: the same county at the same size."""
    folder = tmp_path_factory.mktemp("demo")
    write_demo_world(folder / "demo", people=20_000, seed=1, days=91, until=date(2026, 9, 30))
    with pytest.MonkeyPatch.context() as monkeypatch:
        use(folder, monkeypatch)
        deployed = Deployment(from_environment())
        shutil.copytree(folder / "demo" / "drops", deployed.settings.inbox)
        deployed.night(date(2026, 9, 30))
        return deployed.settings.published / publish.LINK


def test_queries_give_the_answers_the_page_says(snapshot: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(QUESTION.findall(text)) == 21
    with duckdb.connect(str(snapshot), read_only=True) as con:
        assert with_answers(text, con) == text, "run: python tests/docs/queries.py <snapshot>"


def test_the_examples_of_the_api_run(snapshot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILLREACH_DATA", str(snapshot.parents[1]))
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs/API.md").read_text(encoding="utf-8")
    examples = doctest.DocTestParser().get_doctest(text, {}, "API.md", "docs/API.md", 0)
    assert len(examples.examples) >= 15
    shown: list[str] = []
    done = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(examples, out=shown.append)
    assert not done.failed, "".join(shown)


def test_an_older_duckdb_opens_the_snapshot(snapshot: Path, tmp_path: Path) -> None:
    installed = subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--target", str(tmp_path), f"duckdb=={OLDEST_READER}"],
        capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    if installed.returncode:
        pytest.skip(f"duckdb {OLDEST_READER} cannot be installed here: no package registry")
    ask = (
        "import duckdb, sys; con = duckdb.connect(sys.argv[1], read_only=True); "
        "print(duckdb.__version__, *con.execute('SELECT count(*) > 0 FROM mart.segment_reach').fetchone(), "
        "*con.execute('SELECT count(*) > 0 FROM core.follow').fetchone(), "
        "*con.execute('SELECT sum(len(account_ids)) > 0 FROM mart.reach_signature').fetchone(), "
        "*con.execute('SELECT count(*) > 0 FROM mart.what_if(close := [])').fetchone())"
    )
    done = subprocess.run(
        [sys.executable, "-c", ask, str(snapshot)],
        env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.split() == [OLDEST_READER, "True", "True", "True", "True"]


def test_the_dictionary_is_what_the_contracts_say() -> None:
    assert (ROOT / "docs/DATA_DICTIONARY.md").read_text(encoding="utf-8") == dictionary(), "run: make dictionary"


def test_readme_names_every_command_and_every_mart() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = {one.name or one.callback.__name__ for one in app.registered_commands if one.callback}
    commands |= {
        f"segments {(one.name or one.callback.__name__).strip('_')}"
        for one in segments.registered_commands
        if one.callback
    }
    assert len(commands) >= 12
    for command in commands:
        assert f"stillreach {command}" in readme, command
    assert set(re.findall(r"`mart\.(\w+)`", readme)) == {*contracts("mart")}


def test_readme_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    found = set(re.findall(r"[`$] ?make ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert {"demo", "test", "check", "airflow", "bench", "notebooks"} <= found
    assert found <= targets
    assert re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)


def test_extract_contract_is_documented_column_by_column() -> None:
    page = (ROOT / "docs/EXTRACTS.md").read_text(encoding="utf-8")
    for name, table in contracts("raw").items():
        assert f"`{name}`" in page
        for column in table.column_names:
            assert f"`{column}`" in page, (name, column)


def test_links_between_documents_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), (page.name, target)


def test_tables_that_the_documents_name_exist() -> None:
    macros = {f"mart.{path.stem}" for path in (ROOT / "sql" / "macro").glob("*.sql")}
    known = macros | {table.name for schema in SCHEMAS for table in contracts(schema).values()}
    pages = [
        ROOT / "README.md",
        ROOT / "SECURITY.md",
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "docs/methods").glob("*.md"),
    ]
    for page in pages:
        named = set(re.findall(r"`((?:raw|stg|core|expansion|mart|meta)\.[a-z_]+)`", page.read_text(encoding="utf-8")))
        assert named <= known, (page.name, named - known)
