"""`stillreach --help` and `--version` answer at once: no library that is slow to import is imported for them."""

import json
import subprocess
import sys
from importlib.metadata import version

import pytest

SLOW = {
    "airflow", "atproto", "duckdb", "great_expectations", "highspy", "matplotlib", "numpy", "pandas", "polars",
    "pyarrow", "scipy", "sklearn", "sknetwork", "sqlalchemy", "yaml",
}  # fmt: skip
ASK = (
    "import json, os, sys; from pipelines.cli import app; "
    "os._exit = lambda code: (sys.stdout.flush(), print(json.dumps([code, sorted(sys.modules)]))); "
    "app.main()"
)


def asked(*words: str) -> tuple[int, set[str], str]:
    """Run a command in a new process; give its exit code, the top-level modules imported by then, and its output."""
    done = subprocess.run([sys.executable, "-c", ASK, *words], capture_output=True, text=True, timeout=60, check=True)
    *shown, last = done.stdout.splitlines()
    code, modules = json.loads(last)
    return code, {name.partition(".")[0] for name in modules}, "\n".join(shown)


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("keep", "--help"), ("segments", "--help")])
def test_help_imports_no_slow_library(words: tuple[str, ...]) -> None:
    code, modules, _ = asked(*words)
    assert code == 0
    assert {"typer", "rich", "pipelines"} <= modules
    assert not modules & SLOW


def test_the_check_notices_a_slow_library() -> None:
    _, modules, _ = asked("dictionary")
    assert {"duckdb", "yaml"} & modules


def test_the_version_is_that_of_the_installed_package() -> None:
    assert asked("--version")[2] == f"stillreach {version('stillreach')}"
