"""The landing area: one landing at a time, prepared in a hidden folder and renamed into place when it is complete."""

import fcntl
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pipelines.common import database
from pipelines.common.disk import sync_folder
from pipelines.common.errors import BusyError
from pipelines.common.settings import Settings, private
from pipelines.landing import object_store
from pipelines.landing.declaration import MANIFEST
from pipelines.landing.manifest import ORIGINAL, Delivery, write_manifest


@contextmanager
def prepared_folder(settings: Settings) -> Iterator[Path]:
    """Hold the landing lock and give a hidden folder in the landing area, which is removed unless it was published.

    It also removes what a killed landing left. Raises `BusyError` where another landing runs, `NoRoomError`.
    """
    with database.with_room("landing"):
        private(settings.landing)
    with database.with_room("landing"), (settings.landing / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError("landing", "another landing runs", hint="try again shortly") from None
        for left in settings.landing.glob(".landing-*"):
            shutil.rmtree(left, ignore_errors=True)
        folder = settings.landing / f".landing-{uuid.uuid4().hex[:12]}"
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def copy_original(original: Path, folder: Path) -> dict[str, str]:
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
            hashes[f"{ORIGINAL}/{name}"] = hashlib.file_digest(written, "sha256").hexdigest()
    return hashes


def publish(delivery: Delivery, folder: Path, settings: Settings) -> Delivery:
    """Give the delivery its id and manifest, and rename the finished folder into place: from then on it is landed."""
    # A withdrawn delivery keeps its number.
    day = settings.landing / delivery.source / delivery.snapshot_on
    numbers = [int(path.parent.name.split("-")[0]) for path in day.glob(f"*/{MANIFEST}")]
    number = object_store.claim(settings, delivery.source, delivery.snapshot_on, max(numbers, default=0) + 1)
    delivery = replace(
        delivery,
        delivery_id=f"{delivery.source}.{delivery.snapshot_on}.{number:04d}-{delivery.content_hash()[:12]}",
    )
    write_manifest(delivery, folder)
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
    return delivery
