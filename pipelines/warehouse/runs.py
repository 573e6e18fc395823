"""The records of runs: `data/runs/<run id>.json` holds the day of a run, its steps, and how it ended.

A run's own folder in the work area holds its files until it has ended; its record stays.
"""

import fcntl
import hashlib
import json
import logging
import resource
import secrets
import shutil
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import duckdb

from pipelines.common.settings import Settings, private
from pipelines.landing.manifest import Delivery
from pipelines.warehouse import state

log = logging.getLogger(__name__)

ABANDONED_AFTER = timedelta(days=2)
LOCK = ".lock"
_OWNED: dict[str, IO[str]] = {}


def as_of_run(run_id: str) -> date:
    """The day a run describes: its id begins with it."""
    return date.fromisoformat(run_id[:10])


def records(settings: Settings) -> list[dict[str, Any]]:
    """Every run's record, oldest first."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in _records_folder(settings).glob("*.json")]
    for record in found:
        if record["status"] == "running" and state.snapshot_path(settings, record["run_id"]).exists():
            record["status"] = "published"  # killed after its snapshot was complete, before the record was updated
    return sorted(found, key=lambda record: str(record["started_at"]))


def published_from(settings: Settings, as_of: date, deliveries: Iterable[Delivery]) -> bool:
    """Tell whether a day's night is published from just these deliveries."""
    wanted = (as_of.isoformat(), "published", deliveries_hash(deliveries))
    return any((one["as_of"], one["status"], one.get("deliveries_hash")) == wanted for one in records(settings))


def deliveries_hash(deliveries: Iterable[Delivery]) -> str:
    """Hash which deliveries a night is made of."""
    return hashlib.sha256("\n".join(sorted(one.delivery_id for one in deliveries)).encode()).hexdigest()[:16]


def begin(
    settings: Settings,
    as_of: date,
    base: state.Base,
    built: tuple[str, str],
    wanted: list[Delivery],
    *,
    allow_stale: bool = False,
) -> str:
    """Begin a run that continues from `base` to the wanted deliveries; give its id."""
    now = datetime.now(UTC)
    run_id = f"{as_of}-{now:%Y%m%dT%H%M%S%f}-{secrets.token_hex(2)}"  # ids sort by day, then by when the run began
    _records_folder(settings).mkdir(parents=True, exist_ok=True)
    private(settings.work)
    folder(settings, run_id).mkdir(parents=True)
    record: dict[str, Any] = {
        "run_id": run_id,
        "as_of": as_of.isoformat(),
        "status": "running",
        "started_at": now.isoformat(timespec="microseconds"),
        "ended_at": None,
        "base_snapshot_id": base.snapshot_id,
        "build_hash": built[0],
        "history_hash": built[1],
        "n_deliveries": len(wanted),
        "deliveries_hash": deliveries_hash(wanted),
        "allow_stale": allow_stale,
        "stopped_reason": None,
        "steps": [],
    }
    _write(settings, record)
    came = ", ".join(one.delivery_id for one in base.missing[:3]) + (" ..." if len(base.missing) > 3 else "")
    log.info("%s continues from %s and loads %d: %s", run_id, base.snapshot_id or "nothing", len(base.missing), came)
    return run_id


def note_step(settings: Settings, run_id: str, name: str, started: float) -> None:
    """Note what a step that began at `started` (monotonic seconds) took, and the most memory so far."""
    record = read(settings, run_id)
    seconds = round(time.monotonic() - started, 2)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    record["steps"].append({"step": name, "seconds": seconds, "peak_mib": peak})
    _write(settings, record)
    log.info("%s: %s took %.1f s, %d MiB at the most", run_id, name, seconds, peak)


def end(settings: Settings, run_id: str, status: str, reason: str | None = None) -> None:
    """Say how a run ended: published, stopped or failed, and why."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    _write(settings, read(settings, run_id) | {"status": status, "ended_at": now, "stopped_reason": reason})


def write_runs(con: duckdb.DuckDBPyConnection, settings: Settings, run_id: str) -> None:
    """Fill `meta.run`: this run as the published one it will be, the others as they ended."""
    names = ("run_id", "as_of", "status", "started_at", "ended_at", "base_snapshot_id", "n_deliveries")
    con.execute("DELETE FROM meta.run")
    for record in records(settings):
        if record["run_id"] == run_id:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            record |= {"status": "published", "ended_at": now, "stopped_reason": None}
        con.execute(
            f"INSERT INTO meta.run VALUES ({', '.join('?' * 8)})",
            [*(record[name] for name in names), record["stopped_reason"]],
        )


def own(settings: Settings, run_id: str) -> None:
    """Hold a run's lock until this process ends: a whole night in one process, which is dead when the lock is free."""
    _OWNED[run_id] = (folder(settings, run_id) / LOCK).open("w")
    fcntl.flock(_OWNED[run_id], fcntl.LOCK_EX)


def sweep(settings: Settings) -> None:
    """Remove the folders of runs that ended, were killed, or began days ago as steps of Airflow; their records stay."""
    for record in records(settings):
        begun, left = datetime.fromisoformat(record["started_at"]), folder(settings, record["run_id"])
        if record["ended_at"] or _was_killed(left) or datetime.now(UTC) - begun > ABANDONED_AFTER:
            shutil.rmtree(left, ignore_errors=True)
            if lock := _OWNED.pop(record["run_id"], None):
                lock.close()


def _was_killed(left: Path) -> bool:
    """Whether a night in one process is over: nobody holds its lock. Airflow's steps have none."""
    if not (left / LOCK).exists():
        return False
    with (left / LOCK).open("r") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def folder(settings: Settings, run_id: str) -> Path:
    """Where a run keeps its files until it has ended."""
    return settings.work / "runs" / run_id


def night_file(settings: Settings, run_id: str) -> Path:
    """The work file: the night's database until it is published."""
    return folder(settings, run_id) / "night.duckdb"


def _records_folder(settings: Settings) -> Path:
    return settings.data / "runs"


def read(settings: Settings, run_id: str) -> dict[str, Any]:
    """Read one run's record back."""
    record: dict[str, Any] = json.loads((_records_folder(settings) / f"{run_id}.json").read_text(encoding="utf-8"))
    return record


def _write(settings: Settings, record: dict[str, Any]) -> None:
    path = _records_folder(settings) / f"{record['run_id']}.json"
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(record, indent=1), encoding="utf-8")
    unfinished.rename(path)
