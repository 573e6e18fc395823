"""Check a deployment: key, modes, disk, versions, reference files, tokens, age of the data, Airflow's pools.

Nothing is changed, and no token, key or person is printed. A problem has the exit code of the error that it causes.
"""

import json
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Literal

import duckdb
from packaging.requirements import Requirement

from pipelines.common.errors import (
    KeyFileError,
    NoRoomError,
    PublishError,
    RefError,
    SettingsError,
    StaleDataError,
    StillreachError,
)
from pipelines.common.settings import DAGS, ENV_FILE, Settings, airflow_home, from_environment
from pipelines.deployment.reference_files import missing_files
from pipelines.extract.pulls import source
from pipelines.landing.inbox import refused_drops
from pipelines.reach import decision_rule
from pipelines.reference import files as reference
from pipelines.reference import gazetteer
from pipelines.segments import definition
from pipelines.warehouse import freshness, pseudonym, publish, runs

GIB = 1024**3
LEAST_FREE_BYTES, FEW_FREE_BYTES = GIB, 10 * GIB
NIGHT_IS_LATE_DAYS = 2
LISTED_VERSIONS = ("duckdb", "polars", "great-expectations", "apache-airflow")
AIRFLOW_SECONDS = 120


@dataclass(frozen=True)
class Finding:
    """The outcome of one check; `exit_code` is that of the error which a problem would cause."""

    check: str
    status: Literal["ok", "warning", "problem"]
    found: str
    hint: str = ""
    exit_code: int = 0


def examine(today: date) -> Iterator[Finding]:
    """Give the findings of all checks, in the order in which they are worth mending."""
    yield from _versions()
    try:
        settings = from_environment()
    except StillreachError as failure:
        yield _problem("settings", failure)
        return
    yield Finding("settings", "ok", f"data in {settings.data}, reference files in {settings.ref}")
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (_key, _modes, _disk, _reference, _sources, _drops)
    for check in checks:
        yield from check(settings)
    yield from _data(settings, today)
    yield from _airflow()


def _problem(check: str, failure: StillreachError) -> Finding:
    text, _, hint = str(failure).partition(" Hint: ")
    return Finding(check, "problem", text, hint.rstrip("."), failure.exit_code)


def _versions() -> Iterator[Finding]:
    """Compare every installed library with what the package asks for."""
    wrong = []
    for text in metadata.requires("stillreach") or ():
        wanted = Requirement(text)
        if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{wanted.name} is missing")
            continue
        if not wanted.specifier.contains(installed, prereleases=True):
            wrong.append(f"{wanted.name} {installed} is not {wanted.specifier}")
    if wrong:
        hint = "install the wheel again with pip, in an environment of its own"
        yield Finding("versions", "problem", "; ".join(wrong), hint, SettingsError.exit_code)
        return
    listed = ", ".join(f"{name} {metadata.version(name)}" for name in LISTED_VERSIONS)
    python = ".".join(map(str, sys.version_info[:3]))
    yield Finding("versions", "ok", f"stillreach {metadata.version('stillreach')}, Python {python}, {listed}")


def _key(settings: Settings) -> Iterator[Finding]:
    try:
        pseudonym.read_key(settings)
    except KeyFileError as failure:
        yield _problem("key", failure)
    else:
        yield Finding("key", "ok", f"{settings.key_file}: mode 0400 and long enough", "keep a copy elsewhere")


def _modes(settings: Settings) -> Iterator[Finding]:
    """Look for restricted folders that others may enter, and settings that others may write."""
    open_to_others = [
        f"{path} has mode {mode:04o}"
        for path, forbidden in (
            (settings.work, 0o077),
            (settings.published, 0o007),
            (settings.reports, 0o007),
            (Path(ENV_FILE).absolute(), 0o022),
        )
        if path.exists() and (mode := stat.S_IMODE(path.stat().st_mode)) & forbidden
    ]
    if open_to_others:
        hint = "chmod o= for published and reports, go= for work, go-w for .env"
        yield Finding("modes", "problem", "; ".join(open_to_others), hint, SettingsError.exit_code)
    else:
        yield Finding("modes", "ok", "restricted folders are closed to others")


def _disk(settings: Settings) -> Iterator[Finding]:
    there = next(path for path in (settings.data, *settings.data.parents) if path.exists())
    free = shutil.disk_usage(there).free
    found = f"{free / GIB:.1f} GiB free for {settings.data}"
    hint = "make room, or set STILLREACH_KEEP_SNAPSHOTS lower"
    if free < LEAST_FREE_BYTES:
        yield Finding("disk", "problem", found, hint, NoRoomError.exit_code)
    elif free < FEW_FREE_BYTES:
        yield Finding("disk", "warning", found, hint)
    else:
        yield Finding("disk", "ok", found)


def _reference(settings: Settings) -> Iterator[Finding]:
    """Name each missing file with its effect, then read all that are there as a night does."""
    for one in missing_files(settings.ref):
        found = f"{one.name} {'is missing' if one.has_template else 'is not there'} ({one.says}): {one.without}"
        hint = "stillreach init DIR writes a template of it" if one.has_template else ""
        if one.is_needed:
            yield Finding("reference files", "problem", found, hint, RefError.exit_code)
        else:
            yield Finding("reference files", "warning" if one.has_template else "ok", found, hint)
    try:
        known = definition.read_known(settings)
        definitions = definition.read_definitions(settings, known)
        reference.read_bands(settings)
        reference.read_accepted_lists(settings)
        reference.read_policy_weights(settings, [one.segment_id for one in definitions])
        gazetteer.tables(settings, known.places, known.accounts)
        decision_rule.read_rules(settings)
        source.configured(settings)
    except RefError as failure:
        yield _problem("reference files", failure)
        return
    own = sum(one.role == "own" for one in known.accounts)
    active = sum(one.header.status == "active" for one in definitions)
    yield Finding("reference files", "ok", f"{own} accounts of yours, {active} active segments")
    if not any(place.is_home for place in known.places) and not (settings.ref / "home_area.geojson").exists():
        yield Finding("places", "warning", "place.csv has no home: visitors are unknown", "is_home yes for your towns")
    if not active:
        yield Finding("segments", "warning", "none is active: only everyone is counted", "docs/SEGMENTS.md")


def _sources(settings: Settings) -> Iterator[Finding]:
    """See whether each configured source has the token that its entry names; tokens are not printed."""
    try:
        names = source.configured(settings)
    except RefError:
        return
    if not names:
        yield Finding("sources", "ok", "source.yml names none: drops and exports are landed")
    for name in names:
        try:
            read = source.read_source(settings, name)
        except StillreachError as failure:
            yield _problem(f"source {name}", failure)
        else:
            yield Finding(f"source {name}", "ok", "token present" if read.secret else "no token named")


def _drops(settings: Settings) -> Iterator[Finding]:
    if aside := refused_drops(settings):
        names = ", ".join(name for name, _ in aside)
        yield Finding("inbox", "warning", f"set aside, not landed: {names}", "stillreach status says why")


def _data(settings: Settings, today: date) -> Iterator[Finding]:
    """Say how old the published night and its data are."""
    current = publish.current_snapshot(settings)
    if not current:
        hint = "stillreach land, then stillreach nightly"
        yield Finding("data", "warning", "no night is published yet", hint)
        return
    as_of = runs.as_of_run(current)
    try:
        with duckdb.connect(str(settings.published / publish.LINK), read_only=True) as con:
            summary = freshness.summary(con)
    except duckdb.Error as failure:
        found = f"{current} does not read ({type(failure).__name__})"
        yield Finding("data", "problem", found, "stillreach rollback", PublishError.exit_code)
        return
    found = f"night of {as_of}: {summary.n_fresh} of {summary.n_kinds} kinds of data are fresh"
    if summary.is_all_stale:
        yield Finding("data", "problem", found, "land newer extracts", StaleDataError.exit_code)
    elif (today - as_of).days > NIGHT_IS_LATE_DAYS or summary.n_stale:
        yield Finding("data", "warning", found, "stillreach status names what is late; stillreach nightly runs a night")
    else:
        yield Finding("data", "ok", found)


def _airflow() -> Iterator[Finding]:
    """Compare the pools of this machine's Airflow, if it has one, with those that the DAGs use."""
    home = airflow_home()
    if not home:
        yield Finding("airflow", "ok", "not set up here: nights run with stillreach nightly")
        return
    hint = f"airflow pools import {DAGS / 'pools.json'}"
    try:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", "pools", "list", "--output", "json"],
            capture_output=True, text=True, timeout=AIRFLOW_SECONDS, check=True,
        )  # fmt: skip
        pools = {one["pool"]: int(one["slots"]) for one in json.loads(done.stdout[done.stdout.index("[") :])}
    except (subprocess.SubprocessError, ValueError, KeyError) as failure:
        found = f"pools of {home} cannot be listed ({type(failure).__name__})"
        yield Finding("airflow", "problem", found, f"airflow db migrate, then {hint}", SettingsError.exit_code)
        return
    wanted = json.loads((DAGS / "pools.json").read_text(encoding="utf-8"))
    if missing := sorted(set(wanted) - set(pools)):
        found = f"pools are missing: {', '.join(missing)}"
        yield Finding("airflow", "problem", found, hint, SettingsError.exit_code)
    elif pools["warehouse"] != 1:
        found = f"pool warehouse has {pools['warehouse']} slots, and the work file has one writer"
        yield Finding("airflow", "problem", found, hint, SettingsError.exit_code)
    else:
        yield Finding("airflow", "ok", f"pools of {home}: {', '.join(sorted(wanted))}")
