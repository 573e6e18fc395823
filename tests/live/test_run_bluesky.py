"""Whoever starts the live test without what it needs is told everything that is missing, at once."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.run_bluesky import missing, wait_for


def node(folder: Path, version: str) -> str:
    """Put a stand-in for Node.js into a folder, and give the PATH that finds it."""
    script = folder / "node"
    script.write_text(f"#!/bin/sh\necho {version}\n", encoding="utf-8")
    script.chmod(0o700)
    return str(folder)


@pytest.mark.parametrize("version", [None, "v20.20.2"])
def test_all_that_is_missing_is_said_at_once(tmp_path: Path, version: str | None) -> None:
    path = node(tmp_path, version) if version else str(tmp_path)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        env = {"PATH": path, "STILLREACH_DATA": str(tmp_path), "REDIS_HOST": f"127.0.0.1:{nobody.getsockname()[1]}"}
        reported = missing(env)
    assert [line.partition(":")[0].partition(" (")[0] for line in reported] == [
        "Node.js 22 or newer", "@atproto/dev-env", "PostgreSQL", "Redis",
    ]  # fmt: skip
    assert f"here: {version or 'none'}" in reported[0] and "nothing listens" in reported[3]


def test_nothing_is_missing_where_all_is_there(tmp_path: Path) -> None:
    entry = tmp_path / "node_modules/@atproto/dev-env/dist/index.js"
    entry.parent.mkdir(parents=True)
    entry.touch()
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = f"127.0.0.1:{server.getsockname()[1]}"
        env = {"PATH": node(tmp_path, "v22.1.0"), "STILLREACH_LIVE_MODULES": str(tmp_path), "REDIS_HOST": where}
        assert missing(env | {"DB_POSTGRES_URL": f"postgresql://somebody@{where}/atproto"}) == []


def test_a_network_that_ends_or_is_late_is_not_waited_for(tmp_path: Path) -> None:
    planted = tmp_path / "planted.json"
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert wait_for(planted, ended, 60) == ""
    running = subprocess.Popen(["sleep", "60"])
    try:
        assert wait_for(planted, running, 0.01) == ""
        planted.write_text(json.dumps({"url": "http://localhost:1"}), encoding="utf-8")
        assert wait_for(planted, running, 5) == "http://localhost:1"
    finally:
        running.kill()
        running.wait()
