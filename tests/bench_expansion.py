"""Time the expansion of ten segments over ten million follows, its guard included, and measure how well it finds.

Prints wall seconds and peak resident memory of a process of its own, then average precision and refusals of the
planted worlds over more draws than the tests have time for.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from tests.segments import planted

RUN = """
import sys, time
from tests.segments import planted
import duckdb, os
from pipelines.warehouse import build
con = duckdb.connect({path!r}, config={{"threads": 2, "memory_limit": "3GB"}})
con.execute("SET preserve_insertion_order = false")
began = time.monotonic()
whole = build._build
def timed(con, model):
    at = time.monotonic()
    whole(con, model)
    n = con.execute("SELECT count(*) FROM " + model.full_name).fetchone()[0]
    print(model.full_name, round(time.monotonic() - at, 1), n, flush=True)
build._build = timed
planted.expand(con)
print("all", round(time.monotonic() - began, 1))
for row in con.execute("SELECT segment_id, n_seeds, n_scored, auc, auc_se, guard, segment_people_hi FROM mart.segment_expansion ORDER BY 1").fetchall(): print(row)
sys.stdout.flush()
os._exit(0)
"""


def main():
    folder = Path(tempfile.mkdtemp(prefix="h1bench"))
    folder = Path("/tmp/h1/bench")
    folder.mkdir(exist_ok=True)
    path = folder / "w.duckdb"
    if not path.exists():
        rng = np.random.default_rng(1)
        w = planted.planted_world(rng, 0.02, n_members=1_000_000, typical_follows=7.5)
        print(len(w.member))
        keys = planted.new_keys(rng, w.n_members)
        con = planted.connect(path=str(path))
        planted.give_world(con, w, keys)
        for i in range(10):
            m = np.flatnonzero(w.interests[:, i])
            s = m[rng.random(len(m)) < 0.12]
            print(i, len(m), len(s))
            planted.give_segment(con, f"s{i}", keys[s])
        con.close()
    began = time.monotonic()
    p = subprocess.Popen([sys.executable, "-c", RUN.format(path=str(path))])
    _, status, usage = os.wait4(p.pid, 0)
    print(status, time.monotonic() - began, usage.ru_maxrss // 1024)


if __name__ == "__main__":
    main()
