"""The planted county: drops of an invented police force whose truth is known, for the demo and for tests.

Everything is drawn in `sql/demo` from a hash of the seed and a member's place, never from a random generator:
the same arguments give the same rows on any number of threads. Files that hold follower lists may keep their
rows in another order. DuckDB promises hash() within one release only: another one may plant another county.
"""

import json
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from pipelines.common.errors import SettingsError
from pipelines.common.settings import SHIPPED_REF, SQL

DEMO_SQL = SQL / "demo"
LEAST_PEOPLE = 100
MOST_PEOPLE = 100_000_000
MEMORY_LIMIT = "4GB"
# Before it some of the accounts and their followers did not exist yet.
EARLIEST_DAY = date(2025, 9, 1)

# Python builds these in order; the two after them are built anew for every drop.
WORLD_STEPS = (
    "00_chance",
    "01_drop",
    "02_account",
    "03_crowd",
    "04_profile_words",
    "05_post_words",
    "06_member",
    "07_follow",
    "08_post",
    "10_account_day",
    "11_contact",
)
DROP_STEPS = ("09_engagement", "12_post_count")

# After a step: what turns the story round, for tests that must see every answer turn with it.
TURNED_STEPS = {"02_account": "turned_account", "05_post_words": "turned_tone", "11_contact": "turned_contact"}

PARQUET = ("parquet", "FORMAT parquet, COMPRESSION zstd")
CSV = ("csv", "FORMAT csv, HEADER true")
CSV_GZ = ("csv.gz", "FORMAT csv, HEADER true, COMPRESSION gzip")
JSONL_GZ = ("jsonl.gz", "FORMAT json, COMPRESSION gzip")

# Every platform delivers in another shape, so that the demo night reads all of them.
DROP_FILES: dict[str, dict[str, tuple[str, str]]] = {
    "x": {"follower": PARQUET, "post": PARQUET, "engagement": PARQUET, "account_day": CSV},
    "bluesky": {"follower": JSONL_GZ, "post": JSONL_GZ, "engagement": JSONL_GZ},
    "mastodon": {"follower": CSV_GZ, "post": CSV, "engagement": CSV},
    "facebook": {"post": CSV, "account_day": CSV},
    "contact": {"contact": CSV},
}


def write_demo_world(
    to: Path, people: int, seed: int, days: int, until: date = date(2026, 9, 30), *, turned: bool = False
) -> None:
    """Write the county's drops to `to/drops` and what is true of it to `to/truth`.

    `people` counts members of all platforms, those of Facebook in totals only. Drops are a week apart, the
    last on `until`; their events cover the `days` up to it. With `turned` the story is the opposite one. All is
    written to a sibling folder that takes the name `to` at the end. Raises `SettingsError` for arguments of no
    use and where `to` holds something.
    """
    _refuse_nonsense(to, people, seed, days, until)
    to = to.absolute()
    to.parent.mkdir(parents=True, exist_ok=True)
    unfinished = to.parent / f".{to.name}.{secrets.token_hex(4)}.tmp"
    unfinished.mkdir()
    try:
        _write_unfinished(unfinished, people, seed, days, until, turned)
        if to.exists():
            to.rmdir()  # empty, or it would have been refused
        unfinished.rename(to)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _refuse_nonsense(to: Path, people: int, seed: int, days: int, until: date) -> None:
    if not LEAST_PEOPLE <= people <= MOST_PEOPLE:
        raise SettingsError("demo people", f"is {people}", hint=f"a whole number from {LEAST_PEOPLE} to {MOST_PEOPLE}")
    if days < 1:
        raise SettingsError("demo days", f"is {days}", hint="a whole number from 1; 91 shows the whole story")
    if seed < 0 or seed >= 2**63:
        raise SettingsError("demo seed", f"is {seed}", hint="a whole number from 0, below 2^63")
    if (until - EARLIEST_DAY).days < days:
        found = f"{days} days until {until} begin before {EARLIEST_DAY}"
        raise SettingsError("demo window", found, hint="fewer days, or a later date")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise SettingsError(str(to), "is there and not empty", hint="name a new folder, or empty this one")


def _write_unfinished(folder: Path, people: int, seed: int, days: int, until: date, turned: bool) -> None:
    drop_dates = sorted(until - timedelta(days=back) for back in range(0, days, 7))
    scratch = folder / "scratch"
    scratch.mkdir()
    writes_per_drop = sum(len(tables) for tables in DROP_FILES.values())
    n_steps = len(WORLD_STEPS) + len(drop_dates) * (len(DROP_STEPS) + writes_per_drop) + 3
    with (
        _progress(n_steps) as step,
        duckdb.connect(
            str(scratch / "county.duckdb"),
            config={"memory_limit": MEMORY_LIMIT, "temp_directory": str(scratch / "spill")},
        ) as county,
    ):
        county.execute("SET preserve_insertion_order = false")
        county.execute("SET TimeZone = 'UTC'")
        _set(county, "seed", seed)
        _set(county, "people", people)
        _set(county, "days", days)
        _set(county, "until", until)
        _set(county, "account_csv", str(SHIPPED_REF / "account.csv"))
        for name in WORLD_STEPS:
            step(f"county: {name[3:]}")
            county.execute(_sql(name))
            if turned and name in TURNED_STEPS:
                county.execute(_sql(TURNED_STEPS[name]))
        for drop_on in drop_dates:
            _write_drop(county, folder / "drops", drop_on, step)
        _write_truth(county, folder / "truth", _arguments(people, seed, days, until), step)
    shutil.rmtree(scratch)


def _write_drop(county: duckdb.DuckDBPyConnection, drops: Path, drop_on: date, step: Callable[[str], None]) -> None:
    _set(county, "drop_on", drop_on)
    for name in DROP_STEPS:
        step(f"{drop_on}: {name[3:]}")
        county.execute(_sql(name))
    for platform, tables in DROP_FILES.items():
        _set(county, "platform", platform)
        folder = drops / f"demo_{platform}" / drop_on.isoformat()
        folder.mkdir(parents=True)
        for table, (suffix, options) in tables.items():
            step(f"{drop_on}: {platform} {table}")
            _copy(county, f"drop_{table}", folder / f"{table}.{suffix}", options)


def _write_truth(
    county: duckdb.DuckDBPyConnection, truth: Path, arguments: dict[str, Any], step: Callable[[str], None]
) -> None:
    truth.mkdir()
    step("truth: members")
    _copy(county, "truth_member", truth / "member.parquet", PARQUET[1])
    step("truth: follows")
    _copy(county, "truth_follow", truth / "follow.parquet", PARQUET[1])
    step("truth: reach")
    facts = {
        "arguments": arguments,
        "platform_people": dict(
            county.execute("SELECT platform, people FROM platform_people ORDER BY platform").fetchall()
        ),
        "present": _records(county, "truth_present"),
        "reach": _records(county, "truth_reach"),
    }
    text = json.dumps(facts, indent=1, ensure_ascii=False)
    (truth / "truth.json").write_text(text + "\n", encoding="utf-8")


def _arguments(people: int, seed: int, days: int, until: date) -> dict[str, Any]:
    return {"people": people, "seed": seed, "days": days, "until": until.isoformat()}


def _sql(name: str) -> str:
    return (DEMO_SQL / f"{name}.sql").read_text(encoding="utf-8")


def _set(county: duckdb.DuckDBPyConnection, name: str, value: int | str | date) -> None:
    county.execute(f"SET VARIABLE {name} = ?", [value])


def _copy(county: duckdb.DuckDBPyConnection, query: str, file: Path, options: str) -> None:
    """Write a query's rows to a file; a query without rows leaves no file, as an extract would."""
    _set(county, "file", str(file))
    county.execute(f"COPY ({_sql(query)}) TO (getvariable('file')) ({options})")
    copied = county.fetchone()
    if copied is None or copied[0] == 0:
        file.unlink(missing_ok=True)


def _records(county: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    rows = county.execute(_sql(query))
    names = [column[0] for column in rows.description or []]
    return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


@contextmanager
def _progress(n_steps: int) -> Iterator[Callable[[str], None]]:
    """Show a bar over the steps where a person watches, else say nothing."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("county", total=n_steps)

        def step(name: str) -> None:
            bar.update(task, description=name, advance=1)

        yield step
