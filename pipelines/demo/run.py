"""The demo: write the county's drops, put them into the inbox of a data folder, and run the night of its last day."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipelines import night
from pipelines.common.errors import ModelError, SettingsError
from pipelines.common.settings import DAGS, DEMO, ENV_FILE, from_environment, use_demo
from pipelines.demo.world import write_demo_world
from pipelines.warehouse import pseudonym

LOG_LINES_SHOWN = 40


@dataclass(frozen=True)
class County:
    """A county to write: `people` over all platforms, `days` of events up to `until`."""

    people: int = 20_000
    seed: int = 1
    days: int = 91
    until: date = date(2026, 9, 30)


def run_demo(data: Path, county: County, say: Callable[[str], None], *, through_airflow: bool = True) -> None:
    """Land a county in a data folder of its own and publish its night.

    Raises `SettingsError` where the folder holds anything but a demo.
    """
    data = data.absolute()
    if data.exists() and not (data / DEMO).is_dir() and any((data / one).exists() for one in ("landing", "published")):
        raise SettingsError(str(data), "holds data that are not a demo's", hint="stillreach demo --to a new folder")
    world = data / DEMO / f"{county.people}-{county.seed}-{county.days}"
    if not world.exists():
        say(f"the county's drops, in {world} ...")
        write_demo_world(world, county.people, county.seed, county.days, county.until)
    use_demo(data)
    (data / ENV_FILE).write_text(
        "# The demo: commands that start in this folder read it.\nSTILLREACH_DATA=.\n", "utf-8"
    )
    settings = from_environment()
    if not settings.key_file.exists():
        pseudonym.new_key(settings)
    shutil.copytree(world / "drops", settings.inbox, copy_function=_link, dirs_exist_ok=True)
    if through_airflow:
        say(f"the night of {county.until}, through Airflow ...")
        _run_airflow(data, county.until)
    else:
        say(f"the night of {county.until}, without Airflow ...")
        night.run_night(county.until)


def _link(source: str, target: str) -> None:
    """Give a drop's file a second name: the inbox needs no copy."""
    if not Path(target).exists():
        os.link(source, target)


def _run_airflow(data: Path, day: date) -> None:
    """Run the DAG of the night in an Airflow of the demo's own, which is made where it is missing."""
    home = data / "airflow"
    home.mkdir(parents=True, exist_ok=True)
    if not (home / ".ready").exists():
        _airflow(home, "db", "migrate")
        _airflow(home, "pools", "import", str(DAGS / "pools.json"))
        (home / ".ready").touch()
    _airflow(home, "dags", "test", "nightly_reach", day.isoformat())


def _airflow(home: Path, *words: str) -> None:
    """Run one of Airflow's commands; its output goes into a log.

    Raises `ModelError` with the log's name where it fails; the log's end is printed.
    """
    log = home / "demo.log"
    with log.open("a", encoding="utf-8") as target:
        done = subprocess.run([sys.executable, "-m", "airflow", *words], stdout=target, stderr=target, check=False)
    if done.returncode:
        print(*log.read_text(encoding="utf-8").splitlines()[-LOG_LINES_SHOWN:], sep="\n", file=sys.stderr)
        raise ModelError(
            f"airflow {' '.join(words[:2])}", f"failed, see {log}", hint="try stillreach demo --no-airflow"
        )
