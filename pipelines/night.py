"""One night, step by step: the one module that calls every package. The command line and the DAGs both call it.

A step takes and returns names only, can be repeated after a kill, and writes into the run's own folder until
`publish`. A run's record in `data/runs/` holds the steps, their time, and why the run stopped.
"""

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from pipelines.analysis import examples
from pipelines.common import database
from pipelines.common.disk import group_folder
from pipelines.common.errors import (
    DeliveryError,
    ModelError,
    NothingLandedError,
    SettingsError,
    StillreachError,
    ValidationStop,
)
from pipelines.common.progress import shown
from pipelines.common.settings import Settings, from_environment
from pipelines.extract.exports.land_export import land_export
from pipelines.extract.pulls import ledger, source
from pipelines.landing.deliveries import current_deliveries, verify_files
from pipelines.landing.inbox import inbox_drops, refused_drops, remove_drop, set_aside, sweep_inbox
from pipelines.landing.land_drop import Landed
from pipelines.landing.manifest import Delivery
from pipelines.reach import decision_rule
from pipelines.reference import files as reference
from pipelines.reference import gazetteer
from pipelines.segments import definition, history, label_file, label_history
from pipelines.warehouse import (
    build,
    freshness,
    night_change,
    pseudonym,
    publish,
    raw,
    reconciliation,
    runs,
    state,
    text_labels,
)
from pipelines.warehouse import load_reference as reference_tables

log = logging.getLogger(__name__)

DEFINITIONS = "definitions.json"
KEEP_SAMPLES = "audit_sample_kept_days"
LIST_BANDS = (
    "follower_list_loses_at_most",
    "follower_list_loses_times_average",
    "follower_list_own_limit_from",
    "follower_list_shrink_matters_from",
    "repeated_list_longer_by_people",
    "reported_followers_apart",
)


@database.with_room("landing the inbox")
def land_inbox(as_of: date) -> list[Landed]:
    """Land every drop in the inbox up to a day; a landed drop leaves the inbox.

    A drop that cannot be landed stays there and is set aside with its error; the others land, and the night goes on
    from what has landed.
    """
    settings = from_environment()
    done = []
    for path, sender, day in shown(inbox_drops(settings, until=as_of), "land the inbox"):
        try:
            done.append(land_drop(path, sender, day))
        except DeliveryError as refusal:
            set_aside(path, refusal)
            continue
        log.info("%s", done[-1].message())
        remove_drop(path)
    for drop, refused in refused_drops(settings):
        log.warning("set aside, not landed: %s: %s", drop, refused)
    sweep_inbox(settings)
    return done


def land_drop(path: Path, source: str, on: date, account_id: str | None = None, *, only_check: bool = False) -> Landed:
    """Land one drop, or with `only_check` find out whether it can land; an export is first converted to a drop.

    Raises `DeliveryError` or a subclass with nothing landed.
    """
    return land_export(path, source, on, from_environment(), account_id, only_check=only_check)


def load_if_due(as_of: date, run_type: str, *, allow_stale: bool = False) -> str | None:
    """Load, unless the run is automatic and the day's night is already published from the same deliveries.

    `run_type` is Airflow's: `scheduled` is the daily hour; `asset_triggered` means that every source has landed, which
    starts no night where no source is configured. A run started by hand always loads.
    """
    settings = from_environment()
    deliveries = current_deliveries(settings, until=as_of).values()
    is_published = runs.published_from(settings, as_of, deliveries)
    if run_type in ("scheduled", "asset_triggered") and is_published:
        log.info("the night of %s is already published from all landed deliveries", as_of)
        return None
    if run_type == "asset_triggered" and not source.configured(settings):
        log.info("no source is configured: the night of %s waits for its schedule", as_of)
        return None
    return load(as_of, allow_stale=allow_stale)


@database.with_room("load")
def load(as_of: date, *, replay: bool = False, allow_stale: bool = False, in_one_process: bool = False) -> str:
    """Begin a run: choose its incremental base, load the deliveries since, and make them typed and pseudonymous.

    With `replay`, the run has no base and loads every landed delivery. With `allow_stale`, it is published even where
    all data are too old. `in_one_process` says that all steps run in this process: a later night sees when it was
    killed. Gives the run's id.
    Raises `NothingLandedError`, `KeyFileError`, `RefError`, `UnreadableFileError`.
    """
    settings = from_environment()
    key = pseudonym.read_key(settings)
    decided = _read_reference(settings, as_of)
    wanted = _wanted(settings, as_of)
    built_hash = state.build_hash(_decides_core(decided), pseudonym.fingerprint(key), text_labels.fingerprint(settings))
    history_hash = partial(history.history_hash, decided.versions)
    base = state.Base(None, tuple(wanted))
    if not replay:
        base = state.choose_base(settings, as_of, wanted, built_hash, history_hash)
    runs.sweep(settings)
    run_id = runs.begin(settings, as_of, base, (built_hash, history_hash(as_of)), wanted, allow_stale=allow_stale)
    if in_one_process:
        runs.own(settings, run_id)
    with _step(settings, run_id, "load") as con:
        for delivery in base.missing:
            verify_files(delivery, settings)
        state.attach_prior(con, settings, base.snapshot_id)
        reconciliation.create_meta(con, is_incremental=base.snapshot_id is not None)
        reference_tables.load(con, decided)
        history.write(runs.folder(settings, run_id) / DEFINITIONS, decided.versions[-1].compiled)
        apart = decided.bands["reported_followers_apart"]
        raw.load(con, list(base.missing), settings, reported_apart=apart)
        text_labels.label(con, settings)
        pseudonym.give_key(con, key)
        build.build_layer(con, "stg", settings, as_of)
        reconciliation.account_for(con, base.missing, reported_apart=apart)
        reconciliation.await_sources(con, source.configured(settings), wanted, as_of)
        ledger.write_cost(con, settings, as_of)
    return run_id


def _wanted(settings: Settings, as_of: date) -> list[Delivery]:
    """List the current deliveries up to a day.

    Raises `NothingLandedError`.
    """
    wanted = list(current_deliveries(settings, until=as_of).values())
    if not wanted:
        n_refused = len(refused_drops(settings))
        aside = f"; drops set aside in the inbox: {n_refused}" if n_refused else ""
        found = f"holds no delivery up to {as_of}{aside}"
        raise NothingLandedError(str(settings.landing), found, hint="stillreach land")
    return wanted


def _decides_core(decided: reference_tables.Reference) -> list[str]:
    """Give what people decide that changes `core`: the accounts, the accepted lists, and when a list is believed."""
    return [
        *(account.ref for account in decided.known.accounts),
        *(f"accepted {one.platform}:{one.account_id} {one.observed_on}" for one in decided.accepted),
        *(f"{band} {decided.bands[band]}" for band in LIST_BANDS),
    ]


def _read_reference(settings: Settings, as_of: date) -> reference_tables.Reference:
    """Read and check all reference data before the night begins.

    Raises `RefError`.
    """
    known = definition.read_known(settings)
    definitions = definition.read_definitions(settings, known)
    weights = reference.read_policy_weights(settings, [one.segment_id for one in definitions])
    examples.check_examples(definitions, examples.run_examples(settings, definitions, known))
    decision_rule.read_rules(settings)
    return reference_tables.Reference(
        known,
        definitions,
        history.versions_of_night(settings, as_of, history.compiled(definitions)),
        accepted=reference.read_accepted_lists(settings),
        audits=label_history.read_audits(settings, as_of),
        bands=reference.read_bands(settings),
        weights=weights,
        frames=gazetteer.tables(settings, known.places, known.accounts),
        metric_changes=reference.read_metric_changes(settings),
    )


def check(run_id: str, layer: str) -> None:
    """Validate a layer and store the results.

    Raises `ValidationStop` where a critical expectation failed: nothing of this run will be published.
    """
    from expectations import NightContext  # these take seconds to import
    from pipelines.validation import validate

    settings = from_environment()
    tonight = NightContext(runs.as_of_run(run_id), reference.read_bands(settings))
    with _step(settings, run_id, f"check {layer}", connect=False):
        checked = validate.check_layer(runs.night_file(settings, run_id), layer, tonight, settings)
        con = database.connect(runs.night_file(settings, run_id), settings)
        con.execute("DELETE FROM meta.validation_result WHERE layer = $layer", {"layer": layer})
        database.insert(con, "meta.validation_result", [(run_id, *astuple(one)) for one in checked])
        rejected = reconciliation.rejections(con, tonight.bands["quarantined_share_of_delivery"], settings)
        con.close()
        failed = [one for one in checked if not one.is_success]
        for one in failed:
            log.warning("%s %s: %s", one.severity, one.expectation_id, one.notes)
        if critical := [one for one in failed if one.severity == "critical"]:
            raise ValidationStop(
                f"{layer} layer of {run_id}",
                f"{len(critical)} critical expectations failed: {', '.join(one.expectation_id for one in critical)}"
                f"{rejected if layer == 'raw' else ''}",
                hint=critical[0].notes.rstrip("."),
            )


def build_core(run_id: str) -> None:
    """Build the `core` and `meta` tables from the night's rows and the state of the night before.

    Raises `StaleDataError` where all data are too old, unless the run was begun with `allow_stale`.
    """
    settings, as_of = from_environment(), runs.as_of_run(run_id)
    record = runs.read(settings, run_id)
    with _step(settings, run_id, "build core") as con:
        state.attach_prior(con, settings, record["base_snapshot_id"])
        build.build_layer(con, "core", settings, as_of)
        build.build_layer(con, "meta", settings, as_of)
        found = freshness.summary(con)
        log.info(
            "of %d accounts and kinds of data %d are fresh, %d too old", found.n_kinds, found.n_fresh, found.n_stale
        )
        if not record.get("allow_stale"):
            freshness.refuse_old(found, as_of)


def build_expansion(run_id: str) -> None:
    """Score everybody against each segment's members, and test whether the scores predict membership."""
    settings = from_environment()
    with _step(settings, run_id, "build expansion") as con:
        build.build_layer(con, "expansion", settings, runs.as_of_run(run_id))


def build_mart(run_id: str) -> None:
    """Build the tables that answer questions."""
    settings = from_environment()
    with _step(settings, run_id, "build mart") as con:
        build.build_layer(con, "mart", settings, runs.as_of_run(run_id))
        night_change.write(con, settings, runs.as_of_run(run_id))


@database.with_room("publish")
def publish_night(run_id: str) -> bool:
    """Write the snapshot, check that it can be read, and flip the link to it; True where it is now the current one.

    A night before the published day (a backfill) gets its snapshot but not the link.
    """
    settings = from_environment()
    with _step(settings, run_id, "publish") as con:
        runs.write_runs(con, settings, run_id)
        with publish.publishing(settings):
            publish.write_snapshot(con, settings, run_id)
            record = runs.read(settings, run_id)
            state.save_state(con, settings, run_id, (record["build_hash"], record["history_hash"]))
            history.keep(settings, runs.as_of_run(run_id), history.read(runs.folder(settings, run_id) / DEFINITIONS))
            is_current = publish.flip(settings, run_id)
        if is_current:
            label_history.erase_gone(con, settings, runs.as_of_run(run_id))
    runs.end(settings, run_id, "published")
    shutil.rmtree(runs.folder(settings, run_id), ignore_errors=True)
    publish.prune(settings)
    label_file.forget_samples(settings, datetime.now(UTC).date(), int(reference.read_bands(settings)[KEEP_SAMPLES]))
    runs.sweep(settings)
    return is_current


@database.with_room("report")
@database.without_values(ModelError, "report")
def report(run_id: str) -> str:
    """Write the release, the report and the review of a published night and give the report's path.

    A night that is not the current one (a backfill) is not released: the difference of two releases discloses counts.
    """
    from pipelines.release import released_counts, write_release
    from pipelines.report import review, write_report  # imports matplotlib, which is slow

    settings = from_environment()
    started = time.monotonic()
    snapshot, bands = state.snapshot_path(settings, run_id), reference.read_bands(settings)
    key = pseudonym.read_key(settings)
    if publish.current_snapshot(settings) == run_id:
        write_release(snapshot, settings, runs.as_of_run(run_id), bands, key)
        runs.note_step(settings, run_id, "release", started)
        started = time.monotonic()
    folder = settings.reports / runs.as_of_run(run_id).isoformat()
    group_folder(settings.reports, settings.group)
    counts = released_counts(snapshot, settings, runs.as_of_run(run_id), bands, key)
    path = write_report(snapshot, folder, bands, settings.group, counts)
    review.review_snapshot(settings, run_id)
    runs.note_step(settings, run_id, "report", started)
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


def run_night(as_of: date, *, replay: bool = False, allow_stale: bool = False) -> str:
    """Run the whole night without Airflow and give the run's id: the same steps in the same order."""
    land_inbox(as_of)
    run_id = load(as_of, replay=replay, allow_stale=allow_stale, in_one_process=True)
    for name in STEPS:
        run_step(run_id, name)
    return run_id


def day(text: str) -> date:
    """Read a day.

    Raises `SettingsError` where the text is not one.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"day {text!r}", "is not a day", hint="YYYY-MM-DD") from None


def moment(text: str) -> datetime:
    """Read an instant with its zone.

    Raises `SettingsError` where the text is not one.
    """
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise SettingsError(f"moment {text!r}", "is not an instant", hint="YYYY-MM-DDTHH:MM:SS+00:00") from None


def days(first: str, last: str) -> list[str]:
    """Every day of a range, both ends included, oldest first: later nights continue from earlier ones.

    Raises `SettingsError` where the range is empty, or an end is not a day.
    """
    n_days = (day(last) - day(first)).days + 1
    if n_days < 1:
        raise SettingsError(f"{first} to {last}", "is empty", hint="the first day must not be after the last")
    return [(day(first) + timedelta(days=n)).isoformat() for n in range(n_days)]


@contextmanager
def _step(settings: Settings, run_id: str, name: str, *, connect: bool = True) -> Iterator[Any]:
    """Run one step: open and close the work file, note its cost, and keep personal data out of errors."""
    started = time.monotonic()
    con = None
    try:
        with database.with_room(name), database.without_values(ModelError, name):
            con = database.connect(runs.night_file(settings, run_id), settings) if connect else None
            yield con
    except StillreachError as stop:
        with suppress(OSError):  # a full disk takes no record either: the error is the first one
            runs.end(settings, run_id, "stopped", stop.message())
        raise
    except Exception as failure:
        with suppress(OSError):
            runs.end(settings, run_id, "failed", type(failure).__name__)
        raise
    finally:
        if con:
            con.close()
    with database.with_room(name):
        runs.note_step(settings, run_id, name, started)
