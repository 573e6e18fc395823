"""Deliveries: land a drop once, whole and unchanging, or not at all; know which one is current.

`landing/<source>/<snapshot day>/<number>-<content hash>/` holds the files as they came and `manifest.json`.
The same content twice is no new delivery; a later one for the same source and day supersedes.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from pipelines.common import database
from pipelines.common.contract import Table, table_of
from pipelines.common.errors import BusyError, DeliveryError, LandedFileChangedError, UnreadableFileError
from pipelines.common.progress import shown
from pipelines.common.settings import Settings, private
from pipelines.landing import extract_file, object_store
from pipelines.landing.manifest import (
    MANIFEST,
    Collected,
    Delivery,
    LandedFile,
    Told,
    ToldFile,
    added_up,
    check_lists,
    read_manifest,
    told_of,
)

LANDED_MARK = ".landed-"
ORIGINAL = "original"
SOURCE_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Landed:
    """What landing did: the delivery, whether it is new, and what it put out of force."""

    delivery: Delivery
    is_new: bool
    supersedes: Delivery | None
    found_nothing: bool = False

    def said(self) -> str:
        """One sentence for people, without a value of a person."""
        one = self.delivery
        if self.found_nothing:
            return f"{one.delivery_id}: stays in force; what came for this day since holds not one file"
        if not self.is_new:
            return f"{one.delivery_id}: the same content is landed already; nothing to do"
        said = f"{one.delivery_id}: landed {one.rows:,} rows in {len(one.files)} files"
        if partial := [told for told in one.completeness if told.scope == "partial"]:
            said += f"; of {len(partial)} of {len(one.completeness)} kinds of lists a part only"
        if self.supersedes:
            said += f"; supersedes {self.supersedes.delivery_id}"
            if lost := _no_longer_delivered(self.supersedes, one):
                said += f", which alone had {lost}"
        return said


def land(
    drop: Path,
    source: str,
    on: date,
    settings: Settings,
    *,
    made_from: Path | None = None,
    notes: list[str] | None = None,
) -> Landed:
    """Copy a drop (a folder, or one file) into the landing area, prove it whole, and put it in force.

    `made_from` is the export that an extract module made the drop from: it is kept beside. A drop that accounts for
    lists and holds no file lands, too, so that what did not come is known; but never in the place of one with rows.
    Raises `DeliveryError` or a subclass with nothing landed and the drop untouched; `BusyError` where another
    landing runs.
    """
    _check_name_and_day(source, on)
    told = told_of(drop)
    came = _files_of(drop, may_be_none=bool(told.completeness))
    if missing := sorted(set(told.files) - {path.name for path in came}):
        raise DeliveryError(str(drop), f"lacks {missing[0]}, which its sender says is there", hint="fetch it again")
    with database.with_room("landing"), _landing_lock(settings), _temporary_folder(settings) as temporary:
        files, packed = _copy(came, temporary)
        delivery = _describe(files, told, source, on, settings, temporary)
        exported = _keep_export(made_from, temporary) if made_from else {}
        delivery = replace(delivery, came_as=packed | exported, notes=[*delivery.notes, *(notes or [])])
        before = current_deliveries(settings, until=on).get((source, on.isoformat()))
        if before and _content(before) == _content(delivery):
            return Landed(before, is_new=False, supersedes=None)
        if before and before.has_content and not delivery.has_content:
            return Landed(before, is_new=False, supersedes=None, found_nothing=True)
        delivery = replace(delivery, delivery_id=_next_id(delivery, before, settings))
        _put(delivery, temporary, settings)
    return Landed(delivery, is_new=True, supersedes=before)


def current_deliveries(settings: Settings, until: date) -> dict[tuple[str, str], Delivery]:
    """The delivery in force for each source and snapshot day up to `until`, oldest day first."""
    object_store.fetch_manifests(settings)
    found: dict[tuple[str, str], Delivery] = {}
    for manifest in sorted(settings.landing.glob(f"[!.]*/*/*/{MANIFEST}")):
        day = manifest.parent.parent.name
        if day <= until.isoformat():
            delivery = read_manifest(manifest)  # sorted by number: the last one read is in force
            found[delivery.source, day] = delivery
    return dict(sorted(found.items(), key=lambda item: (item[0][1], item[0][0])))


def verify(delivery: Delivery, settings: Settings) -> None:
    """Compare each landed file with its hash.

    Raises `LandedFileChangedError`: Parquet and gzip do not notice flipped bytes by themselves.
    """
    object_store.fetch(delivery, settings)
    for file in delivery.files:
        path = delivery.folder(settings) / file.name
        if not path.exists() or _sha256(path) != file.sha256:
            raise LandedFileChangedError(
                f"{delivery.delivery_id}/{file.name}", "is not the file that landed", hint="restore it from a backup"
            )


def inbox_drops(settings: Settings, until: date) -> list[tuple[Path, str, date]]:
    """The drops in `inbox/<source>/<day>/` up to `until`: path, source, day, oldest first.

    Raises `DeliveryError` for a folder that is not named for a day.
    """
    drops = []
    for path in sorted(settings.inbox.glob("[!.]*/[!.]*")):
        try:
            day = date.fromisoformat(path.name)
        except ValueError:
            raise DeliveryError(f"inbox/{path.parent.name}/{path.name}", "is no day", hint="YYYY-MM-DD") from None
        if day <= until:
            drops.append((path, path.parent.name, day))
    return sorted(drops, key=lambda drop: (drop[2], drop[1]))


def _check_name_and_day(source: str, on: date) -> None:
    if not SOURCE_NAME.fullmatch(source):
        raise DeliveryError(f"source {source!r}", "is no name", hint="lower-case letters, digits and underscores")
    if on > datetime.now(UTC).date():
        raise DeliveryError(f"snapshot day {on}", "lies in the future", hint="give the day the extract was read")


def remove_drop(path: Path) -> None:
    """Take a landed drop out of the inbox at one stroke: half of one, left by a kill, would land as another drop."""
    gone = path.with_name(f"{LANDED_MARK}{path.name}-{uuid.uuid4().hex[:8]}")
    path.rename(gone)
    shutil.rmtree(gone)


def sweep_inbox(settings: Settings) -> None:
    """Remove what is left of drops that had landed when a kill came."""
    for left in settings.inbox.glob(f"*/{LANDED_MARK}*"):
        shutil.rmtree(left, ignore_errors=True)


def _files_of(drop: Path, *, may_be_none: bool) -> list[Path]:
    if not drop.exists():
        raise DeliveryError(str(drop), "is not there")
    paths = [drop] if drop.is_file() else sorted(drop.iterdir())
    files = [path for path in paths if not path.name.startswith(".") and path.name != MANIFEST]
    if not files and not may_be_none:
        raise DeliveryError(str(drop), "holds no files", hint="see docs/EXTRACTS.md for what a drop is")
    for path in files:
        if not path.is_file() or path.is_symlink():
            raise DeliveryError(path.name, "is no plain file", hint="a drop is a flat folder of files")
        table_of(path.name)
    return files


def _copy(files: list[Path], to: Path) -> tuple[list[Path], dict[str, str]]:
    """Copy and prove each file; a packed Parquet file, which no engine reads, lands unpacked."""
    copied, packed = [], {}
    for path in files:
        extract_file.check_whole(path)
        unpack = extract_file.format_of(path) == "parquet" and path.suffix != ".parquet"
        name = path.stem if unpack else path.name
        if (to / name).exists():
            raise DeliveryError(path.name, f"would land as {name}, which the drop has too", hint="keep one of them")
        with (to / name).open("xb") as target:
            if unpack:
                packed[path.name] = _sha256(path)
                target.writelines(extract_file.unpacked_chunks(path))
            else:
                with path.open("rb") as origin:
                    shutil.copyfileobj(origin, target, extract_file.CHUNK)
            target.flush()
            os.fsync(target.fileno())
        copied.append(to / name)
    return copied, packed


def _keep_export(made_from: Path, temporary: Path) -> dict[str, str]:
    """Copy an export as it came into `original/`: what its reader left out is not lost. Names and hashes."""
    files = [made_from] if made_from.is_file() else sorted(path for path in made_from.rglob("*") if path.is_file())
    kept = {}
    for path in files:
        name = path.name if path == made_from else path.relative_to(made_from).as_posix()
        copy = temporary / ORIGINAL / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        with copy.open("rb") as written:
            os.fsync(written.fileno())
        kept[f"{ORIGINAL}/{name}"] = _sha256(copy)
    return kept


def _describe(files: list[Path], told: Told, source: str, on: date, settings: Settings, temporary: Path) -> Delivery:
    con = database.connect(None, settings)
    landed, accounts, first = [], [], on.isoformat()
    try:
        for path in shown(files, f"inspect {source} {on}"):
            table = table_of(path.name)
            contents = extract_file.inspect(con, path, table)
            sha256 = _sha256(path)
            _check_told(path.name, sha256, contents.rows, told)
            landed.append(
                LandedFile(
                    path.name,
                    table.name.removeprefix("raw."),
                    path.stat().st_size,
                    sha256,
                    contents.rows,
                    list(contents.columns),
                    list(contents.unknown_columns),
                )
            )
            accounts += _collected(con, path, table, contents.columns, told)
            first = min(first, _first_observed_on(con, path, table, contents.columns) or first)
    finally:
        con.close()
    accounts = added_up(accounts)
    check_lists(told, accounts)
    return Delivery(
        delivery_id="",
        source=source,
        snapshot_on=on.isoformat(),
        landed_at=datetime.now(UTC).isoformat(timespec="seconds"),
        follower_scope=told.follower_scope,
        first_observed_on=first,
        files=landed,
        accounts=accounts,
        notes=[f"{file.name}: kept aside {', '.join(file.unknown_columns)}" for file in landed if file.unknown_columns]
        + told.notes,
        completeness=told.completeness,
    )


def _check_told(name: str, sha256: str, rows: int, told: Told) -> None:
    about = told.files.get(name, ToldFile())
    if about.sha256 not in (None, sha256):
        raise UnreadableFileError(name, "has not the sha256 its sender says", hint="fetch it again")
    if about.rows not in (None, rows):
        raise UnreadableFileError(name, f"has {rows:,} rows, its sender says {about.rows:,}", hint="fetch it again")


def _collected(
    con: duckdb.DuckDBPyConnection, path: Path, table: Table, present: tuple[str, ...], told: Told
) -> list[Collected]:
    if "account_id" not in present or "platform" not in present:
        return []
    rows = con.execute(
        f"SELECT platform, account_id, count(*) FROM {extract_file.relation(path, table, present)} "
        "WHERE platform IS NOT NULL AND account_id IS NOT NULL GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    name = table.name.removeprefix("raw.")
    reported = dict(told.reported).get(name, {})  # type: ignore[call-overload]
    return [
        Collected(name, platform, account_id, n, reported.get(f"{platform}:{account_id}"))
        for platform, account_id, n in rows
    ]


def _first_observed_on(
    con: duckdb.DuckDBPyConnection, path: Path, table: Table, present: tuple[str, ...]
) -> str | None:
    """The oldest follower list in the file: spells before it may have to be told anew."""
    if "observed_on" not in table.required:
        return None
    row = con.execute(
        "SELECT CAST(min(listed_on) AS VARCHAR) FROM ("
        f"SELECT TRY_CAST(observed_on AS DATE) AS listed_on FROM {extract_file.relation(path, table, present)}"
        ") WHERE listed_on >= DATE '1990-01-01'"
    ).fetchone()
    return str(row[0]) if row and row[0] else None


def _content(delivery: Delivery) -> str:
    """Hash what a delivery brings and how whole it says that is; how it was fetched (pages, requests) is no content."""
    said = [delivery.follower_scope, *sorted(f"{file.name} {file.sha256}" for file in delivery.files)]
    said += sorted(f"{name} {sha256}" for name, sha256 in delivery.came_as.items() if name.startswith(ORIGINAL))
    said += sorted(
        f"{one.platform} {one.account_id} {one.kind} {one.scope} {one.n_lists} {one.n_collected} {one.n_reported} "
        f"{one.reason}"
        for one in delivery.completeness
    )
    return hashlib.sha256("\n".join(said).encode()).hexdigest()


def _next_id(delivery: Delivery, before: Delivery | None, settings: Settings) -> str:
    number = int(before.delivery_id.split(".")[-1].split("-")[0]) + 1 if before else 1
    number = object_store.claim(settings, delivery.source, delivery.snapshot_on, number)
    return f"{delivery.source}.{delivery.snapshot_on}.{number:04d}-{_content(delivery)[:12]}"


def _put(delivery: Delivery, temporary: Path, settings: Settings) -> None:
    with (temporary / MANIFEST).open("x", encoding="utf-8") as target:
        json.dump(asdict(delivery), target, indent=1, ensure_ascii=False)
        target.flush()
        os.fsync(target.fileno())
    for path in temporary.rglob("*"):
        if path.is_file():
            path.chmod(0o440)
    object_store.put(temporary, delivery, settings)
    folder = delivery.folder(settings)
    folder.parent.mkdir(parents=True, exist_ok=True)
    sync_folder(temporary)
    temporary.rename(folder)
    for parent in (folder.parent, folder.parent.parent, settings.landing):
        sync_folder(parent)


def _no_longer_delivered(before: Delivery, after: Delivery) -> str:
    kept = {(one.table, one.platform, one.account_id) for one in after.accounts}
    lost = [one for one in before.accounts if (one.table, one.platform, one.account_id) not in kept]
    return ", ".join(f"{one.table} of {one.platform}:{one.account_id}" for one in lost[:5]) + (
        f" and {len(lost) - 5} more" if len(lost) > 5 else ""
    )


@contextmanager
def _temporary_folder(settings: Settings) -> Iterator[Path]:
    """A hidden folder in the landing area; what a killed landing left is swept by the next one."""
    for left in settings.landing.glob(".landing-*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = settings.landing / f".landing-{uuid.uuid4().hex[:12]}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _landing_lock(settings: Settings) -> Iterator[None]:
    private(settings.landing)
    with (settings.landing / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError("landing", "another landing runs", hint="try again shortly") from None
        yield


def _sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Make a rename in this folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
