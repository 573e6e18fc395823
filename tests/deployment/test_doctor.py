"""`stillreach doctor` finds each fault that is planted, with the exit code of the error that it would cause."""

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipelines.common.settings import DAGS, Settings
from pipelines.deployment import doctor
from pipelines.deployment.doctor import Finding, examine
from pipelines.warehouse import publish
from tests.cli.command import Stillreach

TODAY = date(2026, 7, 16)
TOKEN = "zq-a-token-of-ours"


@pytest.fixture(autouse=True)
def without_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "airflow_home", lambda: None)


def found(check: str) -> Finding:
    """Give the worst finding of a check."""
    ranks = {"ok": 0, "warning": 1, "problem": 2}
    return max((one for one in examine(TODAY) if one.check == check), key=lambda one: ranks[one.status])


def test_a_good_deployment_has_no_problem(two_nights: Settings) -> None:
    findings = list(examine(TODAY))
    assert not [one for one in findings if one.status == "problem"]
    assert {one.check for one in findings} >= {"versions", "settings", "key", "modes", "disk", "reference files"}
    assert found("data").found.startswith("night of 2026-07-15")


def test_settings_that_cannot_be_used_end_the_checks(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILLREACH_THREADS", "many")
    assert [(one.check, one.exit_code) for one in examine(TODAY) if one.status == "problem"] == [("settings", 3)]


def test_a_key_that_others_read_is_a_problem(settings: Settings) -> None:
    settings.key_file.chmod(0o444)
    assert (found("key").status, found("key").exit_code) == ("problem", 3)
    assert "chmod 0400" in found("key").hint


@pytest.mark.parametrize(("folder", "mode"), [("work", 0o750), ("published", 0o755), ("reports", 0o755)])
def test_a_folder_that_others_enter_is_a_problem(settings: Settings, folder: str, mode: int) -> None:
    assert found("modes").status == "ok"
    path = settings.data / folder
    path.mkdir()
    path.chmod(mode)
    assert (found("modes").status, found("modes").exit_code) == ("problem", 3)
    assert f"{path} has mode {mode:04o}" in found("modes").found


def test_settings_that_others_may_write_are_a_problem(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").touch()
    (tmp_path / ".env").chmod(0o666)
    assert ".env has mode 0666" in found("modes").found


@pytest.mark.parametrize(("free", "status", "exit_code"), [(5e8, "problem", 10), (5e9, "warning", 0), (5e10, "ok", 0)])
def test_a_disk_that_fills_up_is_noticed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, free: float, status: str, exit_code: int
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=int(free)))
    assert (found("disk").status, found("disk").exit_code) == (status, exit_code)


def test_an_old_and_a_missing_library_are_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    version = metadata.version

    def installed(name: str) -> str:
        if name == "polars":
            raise metadata.PackageNotFoundError(name)
        return "1.5.0" if name == "duckdb" else version(name)

    monkeypatch.setattr(metadata, "version", installed)
    assert found("versions").status == "problem"
    assert "duckdb 1.5.0 is not" in found("versions").found and "polars is missing" in found("versions").found


@pytest.mark.parametrize("name", ["account.csv", "segments", "bands.yml"])
def test_a_missing_reference_file_is_named_with_its_effect(settings: Settings, name: str) -> None:
    path = settings.ref / name
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    (one,) = (one for one in examine(TODAY) if one.found.startswith(f"{name} is missing"))
    expected = ("warning", 0, "thresholds of Stillreach") if name == "bands.yml" else ("problem", 5, "no night runs")
    assert (one.status, one.exit_code) == expected[:2] and expected[2] in one.found


def test_a_reference_file_that_a_night_would_refuse_is_a_problem(settings: Settings) -> None:
    (settings.ref / "bands.yml").write_text("no_such_band: {value: 1, reason: None.}\n", encoding="utf-8")
    assert (found("reference files").status, found("reference files").exit_code) == ("problem", 5)
    assert "no_such_band" in found("reference files").found


def test_a_token_is_present_or_absent_and_never_printed(
    settings: Settings, tmp_path: Path, stillreach: Stillreach
) -> None:
    token = tmp_path / "mastodon.token"
    entry = f"mastodon: {{base_url: 'https://social.example', token_file: '{token}'}}\n"
    (settings.ref / "source.yml").write_text(entry, encoding="utf-8")
    assert (found("source mastodon").status, found("source mastodon").exit_code) == ("problem", 3)
    token.write_text(TOKEN, encoding="ascii")
    token.chmod(0o400)
    assert (found("source mastodon").status, found("source mastodon").found) == ("ok", "token present")
    assert not any(TOKEN in "".join(stillreach("doctor", *words)[1:]) for words in ((), ("--json",)))


def test_old_and_unreadable_data_are_noticed(two_nights: Settings) -> None:
    assert any(one.check == "data" and one.status == "warning" for one in examine(date(2026, 9, 1)))
    link = two_nights.published / publish.LINK
    snapshot = link.resolve()
    snapshot.chmod(0o640)
    snapshot.write_bytes(b"no database")
    assert (found("data").status, found("data").exit_code) == ("problem", 9)


def test_a_drop_set_aside_is_named(settings: Settings, write_drop: Callable[[Path, Any], Path]) -> None:
    drop = write_drop(settings.inbox / "x_extract" / "2026-07-08", {"follower.csv": "a\n"})
    drop.with_name(".refused-2026-07-08.txt").write_text("SchemaError: follower.csv.\n", encoding="utf-8")
    assert (found("inbox").status, found("inbox").found) == (
        "warning",
        "set aside, not landed: inbox/x_extract/2026-07-08",
    )


SHIPPED_POOLS = json.loads((DAGS / "pools.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("slots", "status", "says"),
    [
        ({}, "ok", "warehouse"),
        ({"warehouse": 4}, "problem", "has 4 slots"),
        ({"bluesky": None, "x": None}, "problem", "missing: bluesky, x"),
    ],
)
def test_pools_of_airflow_are_compared_with_those_of_the_dags(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, slots: dict[str, int | None], status: str, says: str
) -> None:
    pools = {name: one["slots"] for name, one in SHIPPED_POOLS.items()} | slots
    listed = json.dumps([{"pool": name, "slots": str(n)} for name, n in pools.items() if n is not None])
    monkeypatch.setattr(doctor, "airflow_home", lambda: settings.data)
    done = subprocess.CompletedProcess((), 0, f"a line of a log\n{listed}\n", "")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    assert found("airflow").status == status and says in found("airflow").found


def test_an_airflow_that_does_not_answer_is_a_problem(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*words: Any, **_: Any) -> None:
        raise subprocess.CalledProcessError(1, "airflow")

    monkeypatch.setattr(doctor, "airflow_home", lambda: settings.data)
    monkeypatch.setattr(subprocess, "run", fail)
    assert (found("airflow").status, found("airflow").exit_code) == ("problem", 3)


def test_the_exit_code_is_that_of_the_first_problem_and_json_is_printed_all_the_same(
    settings: Settings, stillreach: Stillreach
) -> None:
    settings.key_file.unlink()
    code, out, _ = stillreach("doctor", "--json")
    statuses = {one["check"]: one["status"] for one in json.loads(out)["findings"]}
    assert code == 3 and statuses["key"] == "problem"
