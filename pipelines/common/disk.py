"""Files that survive a power cut, and who may read them."""

import hashlib
import os
import stat
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make a rename in this folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of(path: Path) -> str:
    """Hash a file's bytes."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def for_group(path: Path, group: int | None, *, file_mode: int = 0o640) -> None:
    """Let a group read a file, or a folder with everything in it, and nobody else; None keeps the owner's group."""
    for one in (path, *path.rglob("*")):
        _give(one, 0o750 if one.is_dir() else file_mode, group)


def group_folder(path: Path, group: int | None, *, mode: int = 0o750) -> None:
    """Make a folder that a group may enter and, unless `mode` says more, nobody else."""
    path.mkdir(parents=True, exist_ok=True)
    _give(path, mode, group)


def for_everybody(folder: Path) -> None:
    """Let everybody read a folder with everything in it, and nobody change a file."""
    for one in (folder, *folder.rglob("*")):
        _give(one, 0o755 if one.is_dir() else 0o444, None)


def _give(path: Path, mode: int, group: int | None) -> None:
    """Set mode and group where they differ: only the owner may, and another user of the pipeline need not."""
    found = path.stat()
    if group is not None and found.st_gid != group:
        os.chown(path, -1, group)
    if stat.S_IMODE(found.st_mode) != mode:
        path.chmod(mode)
