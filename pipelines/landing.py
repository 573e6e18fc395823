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
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from pipelines import contract_file, engine
from pipelines.contract import Table, table_of
from pipelines.errors import BusyError, DeliveryError, LandedFileChangedError, UnreadableFileError
from pipelines.settings import Settings

MANIFEST = "manifest.json"
SCOPES = ("complete", "partial")
SOURCE_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class LandedFile:
    """One file of a delivery, as it was when it landed."""

    name: str
    table: str
    bytes: int
    sha256: str
    rows: int
    columns: list[str]
    unknown_columns: list[str]


@dataclass(frozen=True)
class Collected:
    """How many rows of a table a delivery holds for one account, beside the platform's own count."""

    table: str
    platform: str
    account_id: str
    collected: int
    reported: int | None


@dataclass(frozen=True)
class Delivery:
    """One landed drop: what came, from whom, for which day."""

    delivery_id: str
    source: str
    snapshot_on: str
    landed_at: str
    follower_scope: str
    first_observed_on: str
    files: list[LandedFile]
    accounts: list[Collected]
    came_as: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    def folder(self, settings: Settings) -> Path:
        return settings.landing / self.source / self.snapshot_on / self.delivery_id.split(".")[-1]


@dataclass(frozen=True)
class Landed:
    """What landing did: the delivery, whether it is new, and what it put out of force."""

    delivery: Delivery
    is_new: bool
    supersedes: Delivery | None

    def said(self) -> str:
        """One sentence for people, without a value of a person."""
        one = self.delivery
        if not self.is_new:
            return f"{one.delivery_id}: the same content is landed already; nothing to do"
        said = f"{one.delivery_id}: landed {one.rows:,} rows in {len(one.files)} files"
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
    came_as: dict[str, str] | None = None,
    notes: list[str] | None = None,
) -> Landed:
    """Copy a drop (a folder, or one file) into the landing area, prove it whole, and put it in force.

    `came_as` names and hashes the files that an extract module made the drop from. Raises `DeliveryError`
    or a subclass with nothing landed and the drop untouched; `BusyError` where another landing runs.
    """
    _check_name_and_day(source, on)
    told = _told_manifest(drop)
    with _landing_lock(settings), _temporary_folder(settings) as temporary:
        files, packed = _copy(_files_of(drop), temporary)
        delivery = _describe(files, told, source, on, settings, temporary)
        delivery = replace(delivery, came_as={**packed, **(came_as or {})}, notes=[*delivery.notes, *(notes or [])])
        before = current_deliveries(settings, until=on).get((source, on.isoformat()))
        if before and _content(before) == _content(delivery):
            return Landed(before, is_new=False, supersedes=None)
        delivery = replace(delivery, delivery_id=_next_id(delivery, before))
        _put(delivery, temporary, settings)
    return Landed(delivery, is_new=True, supersedes=before)


def current_deliveries(settings: Settings, until: date) -> dict[tuple[str, str], Delivery]:
    """The delivery in force for each source and snapshot day up to `until`, oldest day first."""
    found: dict[tuple[str, str], Delivery] = {}
    for manifest in sorted(settings.landing.glob(f"[!.]*/*/*/{MANIFEST}")):
        day = manifest.parent.parent.name
        if day <= until.isoformat():
            delivery = read_manifest(manifest)  # sorted by number: the last one read is in force
            found[delivery.source, day] = delivery
    return dict(sorted(found.items(), key=lambda item: (item[0][1], item[0][0])))


def read_manifest(path: Path) -> Delivery:
    """Read one manifest back.

    Raises `LandedFileChangedError` where it is not as landing wrote it.
    """
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        read["files"] = [LandedFile(**file) for file in read["files"]]
        read["accounts"] = [Collected(**account) for account in read["accounts"]]
        return Delivery(**read)
    except (ValueError, KeyError, TypeError):
        raise LandedFileChangedError(str(path), "is not readable as a manifest", hint="restore it") from None


def verify(delivery: Delivery, settings: Settings) -> None:
    """Compare each landed file with its hash.

    Raises `LandedFileChangedError`: Parquet and gzip do not notice flipped bytes by themselves.
    """
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


def _told_manifest(drop: Path) -> dict[str, Any]:
    """What the sender says of the drop in a `manifest.json` of their own; nothing where there is none."""
    path = drop / MANIFEST
    if not path.is_file():
        return {}
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise UnreadableFileError(MANIFEST, "is not JSON") from None
    known = ("follower_scope", "reported", "files")
    unknown = sorted(set(told) - set(known)) if isinstance(told, dict) else ["a list"]
    if unknown:
        raise DeliveryError(MANIFEST, f"has {', '.join(unknown)}", known=known, hint="see docs/EXTRACTS.md")
    if told.get("follower_scope", "complete") not in SCOPES:
        raise DeliveryError(MANIFEST, "has an unknown follower_scope", known=SCOPES)
    return dict(told)


def _files_of(drop: Path) -> list[Path]:
    if not drop.exists():
        raise DeliveryError(str(drop), "is not there")
    paths = [drop] if drop.is_file() else sorted(drop.iterdir())
    files = [path for path in paths if not path.name.startswith(".") and path.name != MANIFEST]
    if not files:
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
        contract_file.check_whole(path)
        unpack = contract_file.format_of(path) == "parquet" and path.suffix != ".parquet"
        name = path.stem if unpack else path.name
        with (to / name).open("xb") as target:
            if unpack:
                packed[path.name] = _sha256(path)
                target.writelines(contract_file.unpacked_chunks(path))
            else:
                with path.open("rb") as origin:
                    shutil.copyfileobj(origin, target, contract_file.CHUNK)
            target.flush()
            os.fsync(target.fileno())
        copied.append(to / name)
    return copied, packed


def _describe(
    files: list[Path], told: dict[str, Any], source: str, on: date, settings: Settings, temporary: Path
) -> Delivery:
    con = engine.connect(None, settings)
    landed, accounts, first = [], [], on.isoformat()
    try:
        for path in files:
            table = table_of(path.name)
            contents = contract_file.inspect(con, path, table)
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
    return Delivery(
        delivery_id="",
        source=source,
        snapshot_on=on.isoformat(),
        landed_at=datetime.now(UTC).isoformat(timespec="seconds"),
        follower_scope=told.get("follower_scope", "complete"),
        first_observed_on=first,
        files=landed,
        accounts=accounts,
        notes=[f"{file.name}: kept aside {', '.join(file.unknown_columns)}" for file in landed if file.unknown_columns],
    )


def _check_told(name: str, sha256: str, rows: int, told: dict[str, Any]) -> None:
    about = (told.get("files") or {}).get(name) or {}
    if about.get("sha256", sha256) != sha256:
        raise UnreadableFileError(name, "has not the sha256 its sender says", hint="fetch it again")
    if about.get("rows", rows) != rows:
        raise UnreadableFileError(name, f"has {rows:,} rows, its sender says {about['rows']:,}", hint="fetch it again")


def _collected(
    con: duckdb.DuckDBPyConnection, path: Path, table: Table, present: tuple[str, ...], told: dict[str, Any]
) -> list[Collected]:
    if "account_id" not in present or "platform" not in present:
        return []
    rows = con.execute(
        f"SELECT platform, account_id, count(*) FROM {contract_file.relation(path, table, present)} "
        "WHERE platform IS NOT NULL AND account_id IS NOT NULL GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    name = table.name.removeprefix("raw.")
    reported = (told.get("reported") or {}).get(name) or {}
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
        f"SELECT min(TRY_CAST(observed_on AS DATE)) FROM {contract_file.relation(path, table, present)}"
    ).fetchone()
    return row[0].isoformat() if row and row[0] else None


def _content(delivery: Delivery) -> str:
    said = [delivery.follower_scope, *sorted(f"{file.name} {file.sha256}" for file in delivery.files)]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()


def _next_id(delivery: Delivery, before: Delivery | None) -> str:
    number = int(before.delivery_id.split(".")[-1].split("-")[0]) + 1 if before else 1
    return f"{delivery.source}.{delivery.snapshot_on}.{number:04d}-{_content(delivery)[:12]}"


def _put(delivery: Delivery, temporary: Path, settings: Settings) -> None:
    with (temporary / MANIFEST).open("x", encoding="utf-8") as target:
        json.dump(asdict(delivery), target, indent=1, ensure_ascii=False)
        target.flush()
        os.fsync(target.fileno())
    for path in temporary.iterdir():
        path.chmod(0o440)
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
    settings.landing.mkdir(parents=True, exist_ok=True)
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
