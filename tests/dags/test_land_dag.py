"""A landing DAG through Airflow itself: our account is asked, and all that came lands as one delivery."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.common.settings import ROOT
from tests.extract.loopback import serve
from tests.extract.samples import bluesky

ACCOUNTS = f"""\
platform,account_id,handle,name,role,purpose,opened_on,closed_on
bluesky,{bluesky.DID},bikers.test,Bikers,own,,,
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Give the variables of a deployment, and an Airflow of its own with its database and pools."""
    (tmp_path / "ref").mkdir()
    (tmp_path / "ref" / "account.csv").write_text(ACCOUNTS, encoding="utf-8")
    variables = {
        **os.environ,
        "STILLREACH_DATA": str(tmp_path / "data"),
        "STILLREACH_REF": str(tmp_path / "ref"),
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONWARNINGS": "ignore",
    }
    airflow(variables, "db", "migrate")
    return variables


def airflow(variables: dict[str, str], *words: str) -> str:
    """Run one of Airflow's commands."""
    command = [sys.executable, "-m", "airflow", *words]
    done = subprocess.run(command, env=variables, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout


def test_a_source_is_pulled_and_landed(environment: dict[str, str], tmp_path: Path) -> None:
    with serve(bluesky.folder_server(bluesky.write(tmp_path / "answers", "as known"))) as server:
        source = f"bluesky: {{base_url: '{server.url}', follower_lists: [own]}}\n"
        (tmp_path / "ref" / "source.yml").write_text(source, encoding="utf-8")
        airflow(environment, "dags", "test", "land_bluesky")
        assert 0 < len(server.requests) <= 8
    (manifest,) = (tmp_path / "data" / "landing" / "bluesky").glob("*/*/manifest.json")
    found = json.loads(manifest.read_text(encoding="utf-8"))["completeness"]
    assert {(one["kind"], one["scope"]) for one in found} == {
        (kind, "complete") for kind in ("follower", "post", "like", "repost", "quote", "reply")
    }
