"""The landing area in an object store (`s3://...`): every delivery is kept there, this machine holds a copy to read.

The manifest of a delivery is written last; a delivery without one, left by a kill, is never read. Nothing in the store
is overwritten or removed. Two machines that land for one source and day get two numbers, claimed by objects that can
be created only once. Without a store the functions here do nothing.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec

from pipelines.common.errors import LandingStoreError, SettingsError
from pipelines.common.progress import shown
from pipelines.common.settings import Settings, private
from pipelines.landing.declaration import MANIFEST
from pipelines.landing.manifest import ORIGINAL, Delivery, read_manifest

CLAIM = ".claim"


def fetch_manifests(settings: Settings) -> None:
    """Copy the manifests this machine lacks, and put the deliveries that only this machine has into the store.

    Raises `SettingsError` where the store cannot be used, `LandingStoreError` where it does not answer.
    """
    if not settings.landing_url:
        return
    with _opened(settings) as (store, root):
        there = {PurePosixPath(path).relative_to(root).parent for path in _manifests(store, root)}
        for delivery in sorted(there):
            if not (settings.landing / delivery / MANIFEST).exists():
                _copy_here(store, root, settings.landing, delivery / MANIFEST)
        here = {PurePosixPath(path.parent.relative_to(settings.landing)) for path in _local_manifests(settings)}
        for delivery in shown(sorted(here - there), "put into the store"):
            _copy_there(store, root, settings.landing / delivery, delivery)


def fetch(delivery: Delivery, settings: Settings) -> None:
    """Copy the files of a delivery that this machine lacks; `deliveries.verify_files` compares their hashes.

    Raises as `fetch_manifests` does.
    """
    folder = PurePosixPath(delivery.folder(settings).relative_to(settings.landing))
    missing = [one.name for one in delivery.files if not (settings.landing / folder / one.name).exists()]
    if settings.landing_url and missing:
        with _opened(settings) as (store, root):
            for name in missing:
                if store.exists(f"{root}/{folder / name}"):
                    _copy_here(store, root, settings.landing, folder / name)


def claim(settings: Settings, source: str, day: str, number: int) -> int:
    """Take the first number, `number` or higher, that no other machine has taken for this source and day."""
    if not settings.landing_url:
        return number
    with _opened(settings) as (store, root):
        while True:
            try:
                store.pipe_file(f"{root}/{source}/{day}/{number:04d}{CLAIM}", b"", mode="create")
            except FileExistsError:
                number += 1
            else:
                return number


def put(folder: Path, delivery: Delivery, settings: Settings) -> None:
    """Copy a finished delivery from a folder of this machine into the store, its manifest last."""
    if settings.landing_url:
        with _opened(settings) as (store, root):
            place = PurePosixPath(delivery.folder(settings).relative_to(settings.landing))
            _copy_there(store, root, folder, place)


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple[Any, str]]:
    """Open the store and give it with the path in it; its errors become ours, without address or text of an answer."""
    try:
        # No cached listings: what other machines have put there meanwhile must be seen.
        store, root = fsspec.url_to_fs(settings.landing_url, use_listings_cache=False)
        store.invalidate_cache()
        yield store, root.rstrip("/")
    except (ImportError, ValueError) as failure:
        hint = "pip install 'stillreach[s3]'" if isinstance(failure, ImportError) else "s3://bucket/folder"
        raise SettingsError(
            "STILLREACH_LANDING", f"is not a usable store ({type(failure).__name__})", hint=hint
        ) from None
    except PermissionError:
        raise SettingsError("STILLREACH_LANDING", "refuses access", hint="check its credentials and rights") from None
    except FileNotFoundError:
        raise SettingsError("STILLREACH_LANDING", "does not exist", hint="create the bucket first") from None
    except OSError as failure:
        raise LandingStoreError("the landing store", f"does not answer ({type(failure).__name__})") from None


def _manifests(store: Any, root: str) -> list[str]:
    return [path for path in store.find(root) if path.endswith(f"/{MANIFEST}") and f"/{ORIGINAL}/" not in path]


def _local_manifests(settings: Settings) -> list[Path]:
    return sorted(settings.landing.glob(f"[!.]*/*/*/{MANIFEST}"))


def _copy_here(store: Any, root: str, landing: Path, name: PurePosixPath) -> None:
    """Copy one file from the store, under a hidden name first: a kill leaves no half file of a delivery."""
    private(landing)
    target = landing / name
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}-{uuid.uuid4().hex[:8]}")
    try:
        store.get_file(f"{root}/{name}", str(part))
        part.chmod(0o440)
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)


def _copy_there(store: Any, root: str, folder: Path, place: PurePosixPath) -> None:
    """Copy a delivery into the store, its manifest last; a local copy whose files were removed is left out."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    if folder.joinpath(MANIFEST).exists():
        lacking = {one.name for one in read_manifest(folder / MANIFEST).files} - {path.name for path in files}
        if lacking:
            return
    for path in sorted(files, key=lambda path: path == folder / MANIFEST):
        store.put_file(str(path), f"{root}/{place / path.relative_to(folder).as_posix()}")
