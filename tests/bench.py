"""Time two nights of a large demo county, step by step, each step in a process of its own as Airflow runs it.

Prints wall seconds and peak resident memory per step; the second night continues from the first one's state.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipelines import night
from pipelines.common.settings import SHIPPED_REF

LAST = date(2026, 9, 30)
RUN = "from pipelines import night; {call}; import os, sys; sys.stdout.flush(); os._exit(0)"


def main() -> None:
    """Write the county, run its two nights, print what they cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="a folder to keep the county and its nights in")
    arguments = parser.parse_args()
    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="stillreach-bench-"))
    screen = Console(width=100)
    try:
        os.environ["STILLREACH_DATA"] = str(folder / "data")
        os.environ["STILLREACH_REF"] = str(SHIPPED_REF)
        screen.print(f"{arguments.people:,} people, {os.cpu_count()} processors")
        seconds, mib, _ = measured(
            "from pipelines.demo.world import write_demo_world; from pathlib import Path; "
            f"write_demo_world(Path({str(folder / 'demo')!r}), {arguments.people}, 1, 8)"
        )
        screen.print(f"demo world: {seconds:.1f} s, {mib:,} MiB, {size(folder / 'demo' / 'drops'):,} MiB of drops")
        measured("from pipelines import pseudonym, settings; pseudonym.new_key(settings.from_environment())")
        shutil.copytree(folder / "demo" / "drops", folder / "data" / "inbox")
        for as_of in (LAST - timedelta(days=7), LAST):
            screen.print(one_night(as_of))
    finally:
        if not arguments.keep:
            shutil.rmtree(folder)


def one_night(as_of: date) -> Table:
    """Run a night step by step and lay its costs out."""
    day = f"night.day('{as_of}')"
    steps = [("land", *measured(f"night.land_inbox({day})")), ("load", *measured(f"print(night.load({day}))"))]
    run_id = steps[-1][3]
    steps += [(name, *measured(f"night.run_step('{run_id}', '{name}')")) for name in night.STEPS]
    table = Table("step", "seconds", "peak MiB", title=f"the night of {as_of}")
    for name, seconds, mib, _ in steps:
        table.add_row(name, f"{seconds:.1f}", f"{mib:,}")
    table.add_section()
    table.add_row("whole night", f"{sum(step[1] for step in steps):.1f}", f"{max(step[2] for step in steps):,}")
    return table


def measured(call: str) -> tuple[float, int, str]:
    """Run a call in a fresh process: wall seconds, peak MiB, and the last line it printed."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as printed:
        process = subprocess.Popen([sys.executable, "-c", RUN.format(call=call)], stdout=printed)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit(f"failed: {call}")
        printed.seek(0)
        lines = printed.read().split()
    return time.monotonic() - began, usage.ru_maxrss // 1024, lines[-1] if lines else ""


def size(folder: Path) -> int:
    """MiB of the files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) >> 20


if __name__ == "__main__":
    main()
