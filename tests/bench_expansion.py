"""Time the expansion of ten segments over ten million follows, guard and all, and measure how well it finds.

Prints wall seconds and peak resident memory of a process of its own with two threads; then, over more draws than the
tests have time for, average precision on planted worlds, and how often shuffled seeds are refused, and true ones.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np
from rich.console import Console
from rich.table import Table

from tests.segments import planted

EXPAND = (
    "from tests.segments import planted; import os, sys; con = planted.reopened({path!r}); planted.expand(con); "
    "con.close(); sys.stdout.flush(); os._exit(0)"
)


def main() -> None:
    """Measure what expansion costs, then what it is worth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--draws", type=int, default=24, help="planted worlds of each prevalence")
    parser.add_argument("--shuffles", type=int, default=200)
    arguments = parser.parse_args()
    screen = Console(width=110)
    with tempfile.TemporaryDirectory(prefix="stillreach-bench-") as folder:
        screen.print(cost(Path(folder) / "planted_world.duckdb", arguments.people))
    screen.print(worth(arguments.draws))
    screen.print(refusals(arguments.shuffles))


def cost(path: Path, people: int) -> Table:
    """Expand ten segments whose rules find an eighth of their members."""
    rng = np.random.default_rng(1)
    world = planted.planted_world(rng, 0.02, n_members=people, typical_follows=7.2)
    keys = planted.new_keys(rng, people)
    con = planted.connect(path=str(path))
    planted.give_world(con, world, keys)
    for interest in range(10):
        by_rule = world.interests[:, interest] & (rng.random(people) < 0.12)
        planted.give_segment(con, f"interest {interest}", keys[by_rule])
    con.close()
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-c", EXPAND.format(path=str(path))])
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit("the expansion failed")
    table = Table("segment", "seeds", "members", "at most", "AUC", "guard")
    table.title = (
        f"{len(world.member):,} follows of {people:,} people: "
        f"{time.monotonic() - began:.1f} s, {usage.ru_maxrss // 1024:,} MiB"
    )
    with duckdb.connect(str(path), read_only=True) as done:
        rows = done.execute(
            "SELECT segment_id, n_seeds, segment_people_hi, auc, guard FROM mart.segment_expansion "
            "WHERE channel = 'follow' ORDER BY segment_id"
        ).fetchall()
    for segment_id, n_seeds, people_hi, auc, guard in rows:
        members = world.interests[:, int(segment_id.split()[1])].sum()
        table.add_row(segment_id, f"{n_seeds:,}", f"{members:,}", f"{people_hi:,}", f"{auc:.3f}", guard)
    return table


def worth(draws: int) -> Table:
    """Average precision with 20 seeds, against counting the accounts that most of them follow."""
    table = Table(
        "prevalence", "expansion", "to beat", "counting", "to beat 1.5 times", title=f"{draws} draws, 20 seeds"
    )
    for prevalence, to_beat in ((0.02, 0.344), (0.005, 0.081)):
        found, counted = [], []
        for draw in range(draws):
            one, other = planted.one_draw(prevalence, draw)
            found.append(one)
            counted.append(other)
        table.add_row(
            f"{prevalence:.1%}",
            f"{np.mean(found):.3f}",
            f"{to_beat}",
            f"{np.mean(counted):.3f}",
            f"{1.5 * np.mean(counted):.3f}",
        )
    return table


def refusals(shuffles: int) -> Table:
    """How many seeds drawn at random are refused, and how many drawn from true members."""
    table = Table("seeds", "shuffled refused", "true refused", title=f"{shuffles} draws")
    for n_seeds in (10, 20, 40, 100):
        con = planted.connect()
        for n in range(5):
            rng = np.random.default_rng([n_seeds, n])
            world = planted.planted_world(rng, 0.05, n_members=4_000, n_accounts=300)
            keys = planted.new_keys(rng, world.n_members)
            planted.give_world(con, world, keys, platform=f"world {n}")
            members = keys[world.interests[:, 0]]
            for draw in range(shuffles // 5):
                for kind, among in (("shuffled", keys), ("true", members)):
                    drawn = rng.choice(among, n_seeds, replace=False)
                    planted.give_segment(con, f"{kind} {draw}", drawn, platform=f"world {n}")
        planted.expand(con)
        shares = dict(
            con.execute(
                "SELECT split_part(segment_id, ' ', 1), avg(CASE WHEN guard = 'refused' THEN 1 ELSE 0 END) "
                "FROM expansion.guard GROUP BY 1"
            ).fetchall()
        )
        table.add_row(f"{n_seeds}", f"{shares['shuffled']:.1%}", f"{shares['true']:.1%}")
    return table


if __name__ == "__main__":
    main()
