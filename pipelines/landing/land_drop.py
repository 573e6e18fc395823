"""Land a drop: check it, copy it, describe it, and publish it as a delivery, or change nothing at all.

A drop is what a sender hands in; a delivery is what landed, in `landing/<source>/<day>/<number>-<content hash>/`, its
files unchanged beside a `manifest.json`. The same content twice makes no new delivery; of several deliveries for one
source and day the last is current.
"""

import fcntl
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

from pipelines.common import database
from pipelines.common.contract import table_of
from pipelines.common.disk import sha256_of, sync_folder
from pipelines.common.errors import BusyError, DeliveryError
from pipelines.common.settings import Settings, private
from pipelines.landing import object_store
from pipelines.landing.declaration import MANIFEST, Declaration, read_declaration
from pipelines.landing.deliveries import current_deliveries
from pipelines.landing.describe import describe
from pipelines.landing.file_integrity import copy_files
from pipelines.landing.manifest import ORIGINAL, Delivery, write_manifest

SOURCE_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Landed:
    """What landing did: the current delivery, whether it is new, and the delivery it supersedes."""

    delivery: Delivery
    is_new: bool
    supersedes: Delivery | None
    was_empty: bool = False

    def message(self) -> str:
        """One sentence for people, without a value of a person."""
        one = self.delivery
        if self.was_empty:
            return f"{one.delivery_id}: stays current; the later drop for this day holds no file"
        if not self.is_new:
            return f"{one.delivery_id}: the same content has landed already; nothing to do"
        text = f"{one.delivery_id}: landed {one.rows:,} rows in {len(one.files)} files"
        if partial := [declared for declared in one.completeness if declared.scope == "partial"]:
            text += f"; {len(partial)} of {len(one.completeness)} kinds of lists are partial"
        if self.supersedes:
            text += f"; supersedes {self.supersedes.delivery_id}"
            if missing := _missing_accounts(self.supersedes, one):
                text += f", and lacks its {missing}"
        return text


def land_drop(
    drop: Path,
    source: str,
    on: date,
    settings: Settings,
    *,
    original: Path | None = None,
    notes: list[str] | None = None,
) -> Landed:
    """Land a drop (a folder, or one file) and make it the current delivery of its source and day.

    `original` is the export that the drop was converted from: a copy is kept in the delivery. A drop that declares
    lists and holds no file lands, too, so that missing data is on record; it never supersedes a delivery with rows.
    Raises `DeliveryError` or a subclass with nothing landed and the drop untouched; `BusyError` where another
    landing runs.
    """
    _check_name_and_day(source, on)
    declaration = read_declaration(drop)
    files = _files_of(drop, declaration)
    with database.with_room("landing"), _landing_lock(settings), _temporary_folder(settings) as folder:
        copied = copy_files(files, folder)
        delivery = describe(copied.files, declaration, source, on, settings)
        stored = copied.unpacked | (_copy_original(original, folder) if original else {})
        delivery = replace(delivery, came_as=stored, notes=[*delivery.notes, *(notes or [])])
        before = current_deliveries(settings, until=on).get((source, on.isoformat()))
        if before and before.content_hash() == delivery.content_hash():
            return Landed(before, is_new=False, supersedes=None)
        if before and before.has_content and not delivery.has_content:
            return Landed(before, is_new=False, supersedes=None, was_empty=True)
        delivery = replace(delivery, delivery_id=_next_id(delivery, before, settings))
        write_manifest(delivery, folder)
        _publish(folder, delivery, settings)
    return Landed(delivery, is_new=True, supersedes=before)


def _check_name_and_day(source: str, on: date) -> None:
    if not SOURCE_NAME.fullmatch(source):
        hint = "lower-case letters, digits and underscores"
        raise DeliveryError(f"source {source!r}", "is not a usable name", hint=hint)
    if on > datetime.now(UTC).date():
        raise DeliveryError(f"snapshot day {on}", "is in the future", hint="give the day the extract was read")


def _files_of(drop: Path, declaration: Declaration) -> list[Path]:
    """List the files of a drop, without the declaration; raise where one is not of the extract contract."""
    if not drop.exists():
        raise DeliveryError(str(drop), "does not exist")
    paths = [drop] if drop.is_file() else sorted(drop.iterdir())
    files = [path for path in paths if not path.name.startswith(".") and path.name != MANIFEST]
    if not files and not declaration.completeness:
        raise DeliveryError(str(drop), "holds no files", hint="see docs/EXTRACTS.md for what a drop is")
    for file in files:
        if not file.is_file() or file.is_symlink():
            raise DeliveryError(file.name, "is not a plain file", hint="a drop is a flat folder of files")
        table_of(file.name)
    if missing := sorted(set(declaration.files) - {file.name for file in files}):
        raise DeliveryError(str(drop), f"lacks the declared file {missing[0]}", hint="fetch it again")
    return files


def _copy_original(original: Path, folder: Path) -> dict[str, str]:
    """Copy an export unchanged into `original/`, so that nothing of it is lost; give names and hashes."""
    files = [original] if original.is_file() else sorted(path for path in original.rglob("*") if path.is_file())
    hashes = {}
    for file in files:
        name = file.name if file == original else file.relative_to(original).as_posix()
        copy = folder / ORIGINAL / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
        with copy.open("rb") as written:
            os.fsync(written.fileno())
        hashes[f"{ORIGINAL}/{name}"] = sha256_of(copy)
    return hashes


def _next_id(delivery: Delivery, before: Delivery | None, settings: Settings) -> str:
    number = before.number + 1 if before else 1
    number = object_store.claim(settings, delivery.source, delivery.snapshot_on, number)
    return f"{delivery.source}.{delivery.snapshot_on}.{number:04d}-{delivery.content_hash()[:12]}"


def _publish(folder: Path, delivery: Delivery, settings: Settings) -> None:
    """Make the finished folder read-only and rename it into place: from then on it is a delivery."""
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(0o440)
    object_store.put(folder, delivery, settings)
    place = delivery.folder(settings)
    place.parent.mkdir(parents=True, exist_ok=True)
    sync_folder(folder)
    folder.rename(place)
    for parent in (place.parent, place.parent.parent, settings.landing):
        sync_folder(parent)


def _missing_accounts(before: Delivery, after: Delivery) -> str:
    """Name the lists that only the earlier delivery has, five at most."""
    kept = {(one.table, one.platform, one.account_id) for one in after.accounts}
    missing = [one for one in before.accounts if (one.table, one.platform, one.account_id) not in kept]
    more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
    return ", ".join(f"{one.table} of {one.platform}:{one.account_id}" for one in missing[:5]) + more


@contextmanager
def _temporary_folder(settings: Settings) -> Iterator[Path]:
    """A hidden folder in the landing area; the next landing removes what a killed one left."""
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
