"""One night, step by step: the one place where the rooms meet. The command line and the DAGs both call this.

Every step takes and gives names only, can be repeated after a kill, and writes into the run's own folder until
`publish`. A run's record in `data/runs/` says what each step did, how long it took, and why it stopped.
"""

import json
import logging
import resource
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from pipelines import engine, landing, places, pseudonym, publish, reference
from pipelines.errors import (
    DeliveryError,
    ModelError,
    NothingLandedError,
    SettingsError,
    StillreachError,
    ValidationStop,
)
from pipelines.extract import x_analytics
from pipelines.landing import Landed
from pipelines.progress import shown
from pipelines.reach import answers, decision_rule
from pipelines.segments import audit_file, audits, definition, examples, history
from pipelines.settings import Settings, from_environment, private
from pipelines.warehouse import accounting, build, raw, state, tone
from pipelines.warehouse import reference as reference_tables

log = logging.getLogger(__name__)

X_ANALYTICS = "x_analytics"
DEFINITIONS = "definitions.json"
KEEP_SAMPLES = "audit_sample_kept_days"
ABANDONED_AFTER = timedelta(days=2)


def land_inbox(as_of: date) -> list[Landed]:
    """Land every drop in the inbox up to a day; a landed drop leaves the inbox.

    Raises `DeliveryError` at the first drop that cannot be landed: it stays where it is, and the night stops.
    """
    settings = from_environment()
    done = []
    for path, source, day in shown(landing.inbox_drops(settings, until=as_of), "land the inbox"):
        done.append(land_drop(path, source, day))
        log.info("%s", done[-1].said())
        landing.remove_drop(path)
    landing.sweep_inbox(settings)
    return done


def land_drop(path: Path, source: str, on: date, account_id: str | None = None) -> Landed:
    """Land one drop; an export of a source with a reader of its own becomes one first.

    Raises `DeliveryError` or a subclass with nothing landed.
    """
    settings = from_environment()
    if source != X_ANALYTICS:
        return landing.land(path, source, on, settings)
    handles = {
        (one.handle or one.account_id).lower().removeprefix("@"): one.account_id
        for one in reference.read_accounts(settings)
        if one.role == "own" and one.platform == "x"
    }
    with tempfile.TemporaryDirectory() as folder:
        notes = x_analytics.convert(path, Path(folder), handles, on, account_id)
        if not any(Path(folder).iterdir()):
            raise DeliveryError(path.name, "holds no posts and no days", hint="; ".join(notes))
        return landing.land(Path(folder), source, on, settings, made_from=path, notes=notes)


def load(as_of: date, *, replay: bool = False) -> str:
    """Begin a run: choose what to carry forward, load what came since, make it typed and pseudonymous.

    With `replay`, every landed delivery is loaded from nothing. Gives the run's id.
    Raises `NothingLandedError`, `KeyFileError`, `RefError`, `UnreadableFileError`.
    """
    settings = from_environment()
    key = pseudonym.read_key(settings)
    known = definition.read_known(settings)
    definitions = definition.read_definitions(settings, known)
    weights = reference.read_policy_weights(settings, [one.segment_id for one in definitions])
    examples.check_examples(definitions, examples.run_examples(settings, definitions, known))
    decision_rule.read_rules(settings)  # what is wrong with them is said before a night is spent
    versions = history.versions_of_night(settings, as_of, history.compiled(definitions))
    wanted = list(landing.current_deliveries(settings, until=as_of).values())
    if not wanted:
        raise NothingLandedError(str(settings.landing), f"holds no delivery up to {as_of}", hint="stillreach land")
    refs = [account.ref for account in known.accounts]
    built_hash = state.build_hash(refs, pseudonym.fingerprint(key), tone.fingerprint(settings))
    told = partial(history.history_hash, versions)
    base = state.Base(None, tuple(wanted))
    if not replay:
        base = state.choose_base(settings, as_of, wanted, built_hash, told)
    run_id = _begin(settings, as_of, base, (built_hash, told(as_of)), len(wanted))
    with _step(settings, run_id, "load") as con:
        for delivery in base.missing:
            landing.verify(delivery, settings)
        state.attach_prior(con, settings, base.snapshot_id)
        accounting.create_meta(con, goes_on=base.snapshot_id is not None)
        accepted = reference.read_accepted_lists(settings)
        kept = audits.read_audits(settings, as_of)
        bands = reference.read_bands(settings)
        placed = places.tables(settings, known.places, known.accounts)
        reference_tables.load(con, known, accepted, definitions, versions, kept, bands, weights, placed)
        history.write(_folder(settings, run_id) / DEFINITIONS, versions[-1].compiled)
        raw.load(con, list(base.missing), settings)
        tone.label(con, settings)
        pseudonym.give_key(con, key)
        build.build_layer(con, "stg", as_of)
        accounting.account_for(con, base.missing)
    return run_id


def check(run_id: str, layer: str) -> None:
    """Audit a layer and keep the results.

    Raises `ValidationStop` where a critical expectation failed: nothing of this run will be published.
    """
    from expectations import Tonight  # these take seconds to import: not before they are needed
    from pipelines import validate

    settings = from_environment()
    tonight = Tonight(as_of_run(run_id), reference.read_bands(settings))
    with _step(settings, run_id, f"check {layer}", connect=False):
        checked = validate.check_layer(_night_file(settings, run_id), layer, tonight, settings)
        con = engine.connect(_night_file(settings, run_id), settings)
        con.execute("DELETE FROM meta.validation_result WHERE layer = $layer", {"layer": layer})
        con.executemany(
            f"INSERT INTO meta.validation_result VALUES ({', '.join('?' * 10)})",
            [(run_id, *astuple(one)) for one in checked],
        )
        con.close()
        failed = [one for one in checked if not one.is_success]
        for one in failed:
            log.warning("%s %s: %s", one.severity, one.expectation_id, one.notes)
        if critical := [one for one in failed if one.severity == "critical"]:
            raise ValidationStop(
                f"{layer} layer of {run_id}",
                f"{len(critical)} critical expectations failed: {', '.join(one.expectation_id for one in critical)}",
                hint=critical[0].notes.rstrip("."),
            )


def build_core(run_id: str) -> None:
    """Build platform-free nouns and spells from tonight's rows and last night's state."""
    settings = from_environment()
    with _step(settings, run_id, "build core") as con:
        state.attach_prior(con, settings, _record(settings, run_id)["base_snapshot_id"])
        build.build_layer(con, "core", as_of_run(run_id))


def build_expansion(run_id: str) -> None:
    """Score everybody against each segment's members, and test whether such scores mean anything."""
    settings = from_environment()
    with _step(settings, run_id, "build expansion") as con:
        build.build_layer(con, "expansion", as_of_run(run_id))


def build_mart(run_id: str) -> None:
    """Build the tables that answer questions."""
    settings = from_environment()
    with _step(settings, run_id, "build mart") as con:
        build.build_layer(con, "mart", as_of_run(run_id))
        answers.answer(con, settings, as_of_run(run_id))


def publish_night(run_id: str) -> bool:
    """Write the snapshot, prove it readable, and flip the link to it; tell whether it is now the current one.

    A night before the published day (a backfill) gets its snapshot but not the link.
    """
    settings = from_environment()
    with _step(settings, run_id, "publish") as con:
        _write_runs(con, settings, run_id)
        with publish.publishing(settings):
            publish.write_snapshot(con, settings, run_id)
            record = _record(settings, run_id)
            state.save_state(con, settings, run_id, (record["build_hash"], record["history_hash"]))
            history.keep(settings, as_of_run(run_id), history.read(_folder(settings, run_id) / DEFINITIONS))
            is_current = publish.flip(settings, run_id)
        if is_current:
            audits.erase_gone(con, settings, as_of_run(run_id))
    _end(settings, run_id, "published")
    shutil.rmtree(_folder(settings, run_id), ignore_errors=True)
    publish.prune(settings)
    audit_file.forget_samples(settings, datetime.now(UTC).date(), int(reference.read_bands(settings)[KEEP_SAMPLES]))
    _sweep(settings)
    return is_current


def report(run_id: str) -> str:
    """Write the release, the report and the review of a published night and give the report's path.

    A night that is not the current one (a backfill) is not released: two releases of one past are subtracted.
    """
    from pipelines.release import write_release
    from pipelines.report import review, write_report  # draws with matplotlib: not before it is needed

    settings = from_environment()
    started = time.monotonic()
    if publish.current_snapshot(settings) == run_id:
        snapshot, bands = state.snapshot_path(settings, run_id), reference.read_bands(settings)
        write_release(snapshot, settings, as_of_run(run_id), bands, pseudonym.read_key(settings))
        _note_step(settings, run_id, "release", started)
        started = time.monotonic()
    folder = settings.reports / as_of_run(run_id).isoformat()
    path = write_report(state.snapshot_path(settings, run_id), folder, reference.read_bands(settings))
    review.review_snapshot(settings, run_id)
    _note_step(settings, run_id, "report", started)
    return str(path)


# The steps after `load`, in order: every one takes the run's id. dags/nightly_reach.py names the same.
STEPS: dict[str, Callable[[str], object]] = {
    "check_raw": lambda run_id: check(run_id, "raw"),
    "build_core": build_core,
    "check_core": lambda run_id: check(run_id, "core"),
    "build_expansion": build_expansion,
    "build_mart": build_mart,
    "check_mart": lambda run_id: check(run_id, "mart"),
    "publish": publish_night,
    "report": report,
}


def run_step(run_id: str, name: str) -> None:
    """Run one of `STEPS`."""
    STEPS[name](run_id)


def run_night(as_of: date, *, replay: bool = False) -> str:
    """Run the whole night without Airflow and give the run's id: the same steps in the same order."""
    land_inbox(as_of)
    run_id = load(as_of, replay=replay)
    for name in STEPS:
        run_step(run_id, name)
    return run_id


def day(text: str) -> date:
    """Read a day.

    Raises `SettingsError` where it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"day {text!r}", "is no day", hint="YYYY-MM-DD") from None


def days(first: str, last: str) -> list[str]:
    """Every day of a range, both ends included, oldest first: later nights go on from earlier ones.

    Raises `SettingsError` where the range is empty or no range of days.
    """
    n_days = (day(last) - day(first)).days + 1
    if n_days < 1:
        raise SettingsError(f"{first} to {last}", "holds no day", hint="the first day comes first")
    return [(day(first) + timedelta(days=n)).isoformat() for n in range(n_days)]


def as_of_run(run_id: str) -> date:
    """The day a run describes: its id begins with it."""
    return date.fromisoformat(run_id[:10])


def records(settings: Settings) -> list[dict[str, Any]]:
    """Every run's record, oldest first."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in _runs_folder(settings).glob("*.json")]
    for record in found:
        if record["status"] == "running" and state.snapshot_path(settings, record["run_id"]).exists():
            record["status"] = "published"  # killed after its snapshot was whole, before its record said so
    return sorted(found, key=lambda record: str(record["started_at"]))


def _begin(settings: Settings, as_of: date, base: state.Base, built: tuple[str, str], n_deliveries: int) -> str:
    now = datetime.now(UTC)
    run_id = f"{as_of}-{now:%Y%m%dT%H%M%S%f}-{secrets.token_hex(2)}"  # ids sort by day, then by when the run began
    _runs_folder(settings).mkdir(parents=True, exist_ok=True)
    private(settings.work)
    _folder(settings, run_id).mkdir(parents=True)
    record: dict[str, Any] = {
        "run_id": run_id,
        "as_of": as_of.isoformat(),
        "status": "running",
        "started_at": now.isoformat(timespec="microseconds"),
        "ended_at": None,
        "base_snapshot_id": base.snapshot_id,
        "build_hash": built[0],
        "history_hash": built[1],
        "n_deliveries": n_deliveries,
        "stopped_reason": None,
        "steps": [],
    }
    _write_record(settings, record)
    came = ", ".join(one.delivery_id for one in base.missing[:3]) + (" ..." if len(base.missing) > 3 else "")
    log.info("%s goes on from %s and loads %d: %s", run_id, base.snapshot_id or "nothing", len(base.missing), came)
    return run_id


@contextmanager
def _step(settings: Settings, run_id: str, name: str, *, connect: bool = True) -> Iterator[Any]:
    """One step: the work file opened and closed, its cost noted, and no value of a person in what it raises."""
    started = time.monotonic()
    con = None
    try:
        con = engine.connect(_night_file(settings, run_id), settings) if connect else None
        with engine.with_room(name), engine.without_values(ModelError, name):
            yield con
    except StillreachError as stop:
        _end(settings, run_id, "stopped", stop.said())
        raise
    except Exception as failure:
        _end(settings, run_id, "failed", type(failure).__name__)
        raise
    finally:
        if con:
            con.close()
    _note_step(settings, run_id, name, started)


def _note_step(settings: Settings, run_id: str, name: str, started: float) -> None:
    record = _record(settings, run_id)
    seconds = round(time.monotonic() - started, 2)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    record["steps"].append({"step": name, "seconds": seconds, "peak_mib": peak})
    _write_record(settings, record)
    log.info("%s: %s took %.1f s, %d MiB at the most", run_id, name, seconds, peak)


def _end(settings: Settings, run_id: str, status: str, reason: str | None = None) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    _write_record(settings, _record(settings, run_id) | {"status": status, "ended_at": now, "stopped_reason": reason})


def _write_runs(con: duckdb.DuckDBPyConnection, settings: Settings, run_id: str) -> None:
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


def _sweep(settings: Settings) -> None:
    """Remove the folders of runs that ended, or were killed days ago; their records stay."""
    for record in records(settings):
        folder = _folder(settings, record["run_id"])
        begun = datetime.fromisoformat(record["started_at"])
        if record["ended_at"] or datetime.now(UTC) - begun > ABANDONED_AFTER:
            shutil.rmtree(folder, ignore_errors=True)


def _folder(settings: Settings, run_id: str) -> Path:
    return settings.work / "runs" / run_id


def _night_file(settings: Settings, run_id: str) -> Path:
    return _folder(settings, run_id) / "night.duckdb"


def _runs_folder(settings: Settings) -> Path:
    return settings.data / "runs"


def _record(settings: Settings, run_id: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((_runs_folder(settings) / f"{run_id}.json").read_text(encoding="utf-8"))
    return read


def _write_record(settings: Settings, record: dict[str, Any]) -> None:
    path = _runs_folder(settings) / f"{record['run_id']}.json"
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(record, indent=1), encoding="utf-8")
    unfinished.rename(path)
