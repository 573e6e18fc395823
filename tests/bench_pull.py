"""Time pulling 20,000 followers from a server on loopback through each platform's real client.

Prints wall seconds, the peak memory of the pulling process and the requests, from the first request to the written
drop; fails above 20 seconds or 500 MB. The server is a process of its own; nobody in it is a person.
"""

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from rich.console import Console
from rich.table import Table

from tests.extract.loopback import Answer, Request, Server, serve

SOURCES = ("bluesky", "mastodon", "x_api")
MOST_SECONDS, MOST_MB = 20, 500
N_FOLLOWERS = 20_000
BIO = "Two wheels, wet roads and strong tea. "


@dataclass
class Counted:
    """A scripted platform, and how often it was asked."""

    answer: Callable[[Request], Answer]
    folder: Path
    n: int = field(default=0)

    def __call__(self, request: Request) -> Answer:
        self.n += 1
        (self.folder / "n_requests").write_text(str(self.n))
        return self.answer(request)


def platform(source: str, n: int) -> Callable[[Request], Answer]:
    """Make a platform with one account of ours, its followers, and no post."""
    if source == "bluesky":
        from tests.extract.samples import bluesky

        people = [bluesky.person(f"rider{k}", description=BIO * (k % 6)) for k in range(n)]
        return bluesky.Town(profiles=[bluesky.us(followersCount=n)], followers=people)
    if source == "mastodon":
        from tests.extract.samples import mastodon

        riders = [mastodon.person(f"rider{k}", note=f"<p>{BIO * (k % 6)}</p>") for k in range(n)]
        at = {one["id"]: k for k, one in enumerate(riders, start=1)}

        def answer(request: Request) -> Answer:
            name = request.path.rpartition("/")[2]
            if name == "statuses":
                return Answer(200, [])
            if name != "followers":
                return Answer(200, mastodon.person("police", id="1171", followers_count=n))
            start = at.get(request.first("max_id") or "", 0)
            return mastodon.paged(riders[start : start + 81], Request("GET", request.path, {}, {}), 80)

        return answer
    from tests.extract.samples import x_api

    followers = [x_api.user(str(500 + k), description=BIO * (k % 6)) for k in range(n)]
    return x_api.World("post", {"1": followers}, {"1": []}, {})


def measure(source: str, n: int) -> dict[str, Any]:
    """Pull once and measure this process; the server runs in a child, made before anything heavy is imported."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        child = os.fork()
        if child == 0:
            with serve(Counted(platform(source, n), folder)) as server:
                (folder / "part").write_text(server.url)
                (folder / "part").rename(folder / "url")
                signal.pause()
        while not (folder / "url").exists():
            time.sleep(0.01)
        samples = __import__(f"tests.extract.samples.{source}", fromlist=["pulled"])
        server = cast(Server, SimpleNamespace(url=(folder / "url").read_text()))
        began = time.monotonic()
        lists = samples.pulled(server, folder / "a" / "b" / "c" / "d", folder / "out", concurrency=4)
        seconds = time.monotonic() - began
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        one = next(one for one in lists if one.listing.kind == "follower")
        assert (one.scope, one.n_collected, one.n_reported) == ("complete", n, n), (
            one.scope,
            one.n_collected,
            one.reason,
        )
        with (folder / "out" / "follower.csv").open() as rows:
            assert sum(1 for _ in rows) == n + 1
        n_requests = int((folder / "n_requests").read_text())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"source": source, "seconds": round(seconds, 1), "peak_mb": peak, "n_requests": n_requests}


def main() -> None:
    """Measure each source in a fresh process; exit 1 where a bar is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--followers", type=int, default=N_FOLLOWERS)
    parser.add_argument("--one", choices=SOURCES, help="measure this one, in this process, as JSON")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, given.followers)))
        return
    table = Table(title=f"pull {given.followers:,} followers")
    for column in ("source", "seconds", "peak MB", "requests", "requests per 1,000"):
        table.add_column(column, justify="left" if column == "source" else "right")
    is_broken = False
    for source in SOURCES:
        done = subprocess.run(
            [sys.executable, __file__, "--one", source, "--followers", str(given.followers)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(done.stderr)
        one = json.loads(done.stdout.splitlines()[-1])
        per_thousand = f"{1000 * one['n_requests'] / given.followers:.1f}"
        table.add_row(source, str(one["seconds"]), str(one["peak_mb"]), str(one["n_requests"]), per_thousand)
        is_broken |= one["seconds"] > MOST_SECONDS or one["peak_mb"] > MOST_MB
    Console().print(table)
    sys.exit(1 if is_broken else 0)


if __name__ == "__main__":
    main()
