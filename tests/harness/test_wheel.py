"""The wheel works anywhere: built, installed in an environment of its own, and used in an empty folder."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from pipelines.common.settings import ROOT

pytestmark = pytest.mark.harness

# What a checkout has at its root, and an installed package in pipelines/shipped.
SHIPPED = ("sql", "dags", "notebooks")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a new environment that finds the locked packages, and nothing of the checkout."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], timeout=120, check=True)
    python = folder / "bin" / "python"
    # A path that a .pth file adds is searched for modules; .pth files in it, the checkout's among them, are not read.
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "locked.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*install, "--ignore-installed", str(wheel)], timeout=120, check=True)
    return python


class Place:
    """A folder in which the installed commands run."""

    def __init__(self, python: Path, folder: Path) -> None:
        self.python, self.folder = python, folder

    def stillreach(self, *words: str, exit_code: int = 0) -> str:
        return self._run(str(self.python.with_name("stillreach")), *words, exit_code=exit_code)

    def ask(self, code: str) -> str:
        return self._run(str(self.python), "-c", code).strip()

    def _run(self, *command: str, exit_code: int = 0) -> str:
        env = {"PATH": os.environ["PATH"], "HOME": str(self.python.parents[2]), "COLUMNS": "200"}
        done = subprocess.run(
            command, cwd=self.folder, env=env, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == exit_code, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout


@pytest.fixture
def place(python: Path, tmp_path: Path) -> Place:
    (tmp_path / "empty").mkdir()
    return Place(python, tmp_path / "empty")


def tracked(*folders: str) -> set[str]:
    done = subprocess.run(["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name for name in done.stdout.splitlines() if (ROOT / name).exists()}


def test_the_wheel_holds_every_file_that_the_packages_and_their_data_have(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
    assert {f"pipelines/shipped/{name}" for name in tracked(*SHIPPED)} <= names
    assert tracked("pipelines", "expectations", "stillreach") <= names
    assert not {name for name in names if name.startswith(("tests/", "docs/", "data/"))}


def test_nothing_of_the_checkout_is_used(place: Place) -> None:
    where = place.ask("import pipelines.common.settings as s; print(s.ROOT, s.SQL, s.DAGS, s.IS_INSTALLED)").split()
    assert all(path.startswith(str(place.python.parents[1])) for path in where[:3])
    assert where[3] == "True"


def test_a_new_deployment_says_what_is_missing_and_never_takes_the_demos_accounts(place: Place) -> None:
    assert place.stillreach("--version").startswith("stillreach ")
    place.stillreach("status", exit_code=3)
    assert not any(place.folder.iterdir())
    place.stillreach("init", "ours")
    ours = Place(place.python, place.folder / "ours")
    findings = json.loads(ours.stillreach("doctor", "--json", exit_code=3))["findings"]
    assert {one["check"] for one in findings if one["status"] == "problem"} == {"key", "reference files"}
    ours.stillreach("new-key")
    assert (ours.folder / "data/secret/member.key").is_file()
    ours.stillreach("doctor", exit_code=5)
    ours.stillreach("segments", "check", exit_code=5)
    ours.stillreach("nightly", exit_code=5)


@pytest.mark.parametrize("way", ["--airflow", "--no-airflow"])
def test_the_demo_runs_its_night_and_leaves_the_package_as_it_was(place: Place, way: str) -> None:
    site = next(place.python.parents[1].glob("lib/python*/site-packages"))
    before = {path for path in site.rglob("*") if "__pycache__" not in path.parts}
    out = place.stillreach("demo", "--people", "2000", "--days", "14", way)
    assert "Thornmere Bikers" in out
    demo = Place(place.python, place.folder / "stillreach-demo")
    rows = json.loads(demo.stillreach("show", "--json"))["reach"]
    assert {one["as_of"] for one in rows} == {"2026-09-30"}
    asked = "import stillreach; print(stillreach.open().reach('motorcycle')['reach_people'].max())"
    assert demo.ask(asked) == str(max(one["reach_people"] or 0 for one in rows if one["segment_id"] == "motorcycle"))
    assert (demo.folder / "reports" / "2026-09-30" / "index.html").is_file()
    assert {path for path in site.rglob("*") if "__pycache__" not in path.parts} == before
    assert {path.name for path in place.folder.iterdir()} == {"stillreach-demo"}
