"""Run the live test against a real AT Protocol network on this machine: `make live-bluesky`, see docs/LIVE.md.

Says at once all that is missing; starts the network, waits until it has planted its town, tests, stops the network.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NODE_NEEDED = 22
PATIENCE = 900.0  # seconds; 130 people took 70
EXIT_MISSING = 3


def modules(env: Mapping[str, str]) -> Path:
    """The folder in which `npm install @atproto/dev-env` was run."""
    return Path(env.get("STILLREACH_LIVE_MODULES") or Path(env.get("STILLREACH_DATA") or ROOT / "data") / "live")


def missing(env: Mapping[str, str]) -> list[str]:
    """Say everything that is not there, each with what to do."""
    found = []
    node = shutil.which("node", path=env.get("PATH"))
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip() if node else ""
    major = re.match(r"v(\d+)\.", version)
    if not major or int(major[1]) < NODE_NEEDED:
        found.append(f"Node.js {NODE_NEEDED} or newer (here: {version or 'none'}): put it first in PATH")
    if not (modules(env) / "node_modules/@atproto/dev-env/dist/index.js").is_file():
        found.append(f"@atproto/dev-env: npm install --prefix {modules(env)} @atproto/dev-env")
    for name, what, example in (
        ("DB_POSTGRES_URL", "PostgreSQL", "postgresql://atproto@127.0.0.1:5432/atproto"),
        ("REDIS_HOST", "Redis", "127.0.0.1:6379"),
    ):
        given = env.get(name, "")
        if not given:
            found.append(f"{what}: set {name}, as in {name}={example}")
        elif not _listens(given):
            found.append(f"{what}: nothing listens where {name} says")
    return found


def _listens(where: str) -> bool:
    url = urlsplit(where if "//" in where else f"//{where}")
    try:
        address = (url.hostname or "127.0.0.1", url.port or (5432 if url.scheme.startswith("postgres") else 6379))
        with socket.create_connection(address, timeout=3):
            return True
    except (OSError, ValueError):
        return False


def wait_for(planted: Path, network: subprocess.Popen[bytes], patience: float) -> str:
    """Wait for the network to say where it listens; empty where it ended or took too long."""
    until = time.monotonic() + patience
    while time.monotonic() < until and network.poll() is None:
        if planted.exists():
            return str(json.loads(planted.read_text(encoding="utf-8"))["url"])
        time.sleep(0.5)
    return ""


def main() -> int:
    """Test on a fresh network; exit 3 where something is missing, else as the network or the test ended."""
    if lacks := missing(os.environ):
        print("live-bluesky needs (docs/LIVE.md):", *(f"  {one}" for one in lacks), sep="\n", file=sys.stderr)
        return EXIT_MISSING
    with tempfile.TemporaryDirectory() as folder:
        planted, log = Path(folder) / "planted.json", Path(folder) / "network.log"
        command = ["node", str(HERE / "bluesky_network.mjs"), str(modules(os.environ)), str(planted), *sys.argv[1:]]
        with log.open("wb") as stream:
            quiet = {"LOG_ENABLED": "false"} | os.environ
            network = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT, env=quiet)
        print("starting the network and planting its town, a minute or two ...", flush=True)
        try:
            if not (url := wait_for(planted, network, PATIENCE)):
                print(*log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:], sep="\n", file=sys.stderr)
                print("the network did not come up", file=sys.stderr)
                return 1
            live = {"STILLREACH_LIVE_BLUESKY": url, "STILLREACH_LIVE_PLANTED": str(planted)}
            tests = [sys.executable, "-m", "pytest", "-v", str(HERE / "test_live_bluesky.py")]
            return subprocess.run(tests, cwd=ROOT, env=os.environ | live).returncode
        finally:
            network.terminate()
            try:
                network.wait(30)
            except subprocess.TimeoutExpired:
                network.kill()


if __name__ == "__main__":
    sys.exit(main())
