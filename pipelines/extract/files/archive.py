"""Read a few members of a zip that a platform made, in chunks, and nothing else of it; refuse zips that play tricks.

Such a zip holds far more than we may see (direct messages, addresses, lists of other people): a member that is not on
the reader's list is never opened, and none is ever written to disk.
"""

import re
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipelines.common.errors import DeliveryError, UnreadableFileError

CHUNK = 1 << 20
AGAIN = "fetch it from the platform again and hand it in as it came"
END, END_64, LOCATOR_64 = b"PK\5\6", b"PK\6\6", b"PK\6\7"
LOCAL_HEADER = 30  # bytes before a member's name
LOCKED, UTF_8 = 0x1, 0x800  # a member's flags
READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class Limits:
    """What a zip may cost, in bytes unpacked, in bytes of its table of contents, and in bytes out for one byte in.

    An X archive of a million followers holds some 150 MB of them; text of this kind packs to a tenth of its size,
    and nothing that deflate packed grows more than 1032-fold.
    """

    member: int = 1 << 30
    total: int = 4 << 30
    contents: int = 64 << 20
    ratio: int = 200


LIMITS = Limits()


class Archive:
    """An open zip: the members wanted of it, and their bytes."""

    def __init__(self, name: str, opened: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo]) -> None:
        self.name = name
        self._opened = opened
        self._members = members

    @property
    def members(self) -> list[str]:
        """The names of the members wanted, sorted; no other can be read."""
        return sorted(self._members)

    def chunks(self, member: str) -> Iterator[bytes]:
        """A member's bytes, at most a MiB at a time and never more than it declares; its checksum is verified.

        Raises `UnreadableFileError` where it is cut off or corrupted.
        """
        wanted = self._members[member]
        try:
            with self._opened.open(wanted) as source:
                while chunk := source.read(CHUNK):
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, struct.error):
            raise UnreadableFileError(f"{self.name}, {member}", "is cut off or corrupted", hint=AGAIN) from None


@contextmanager
def opened(file: Path, name: str, wanted: re.Pattern[str], limits: Limits = LIMITS) -> Iterator[Archive]:
    """Open a zip, called `name` in errors, for the members whose whole name matches `wanted`.

    Raises `UnreadableFileError` where it is no whole zip, and `DeliveryError` where it is one made to do harm: its
    names lead elsewhere, its members overlap or stand twice, or it would unpack to more than the limits.
    """
    _check_contents_size(file, name, limits)
    try:
        found = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, struct.error, NotImplementedError):
        raise UnreadableFileError(name, "is no whole zip", hint=AGAIN) from None
    with found:
        infos = found.infolist()
        for info in infos:
            _check_name(info, name)
        _check_no_overlap(infos, found.start_dir, name)
        members = [info for info in infos if wanted.fullmatch(info.filename)]
        _check_members(members, name, limits)
        yield Archive(name, found, {info.filename: info for info in members})


def _check_contents_size(file: Path, name: str, limits: Limits) -> None:
    """Refuse a huge table of contents before it is read: each entry of it costs a KiB of memory."""
    with file.open("rb") as source:
        size = source.seek(0, 2)
        source.seek(max(0, size - (1 << 16) - 22 - 20))
        tail = source.read()
        at = tail.rfind(END)
        if at < 0 or len(tail) - at < 22:
            raise UnreadableFileError(name, "is no whole zip", hint=AGAIN)
        claimed = struct.unpack_from("<L", tail, at + 12)[0]
        if at >= 20 and tail[at - 20 : at - 16] == LOCATOR_64:
            source.seek(min(size, struct.unpack_from("<Q", tail, at - 12)[0]))
            record = source.read(56)
            claimed = struct.unpack_from("<Q", record, 40)[0] if record[:4] == END_64 and len(record) == 56 else size
    if claimed > limits.contents:
        raise DeliveryError(name, f"lists more than {limits.contents >> 20} MiB of members", hint=AGAIN)


def _check_name(info: zipfile.ZipInfo, name: str) -> None:
    """Refuse a member whose name leads out of the zip, or that is a link; the name is not repeated."""
    path = info.orig_filename
    kind = stat.S_IFMT(info.external_attr >> 16)
    if "\\" in path or "\0" in path or path.startswith("/") or re.match("[A-Za-z]:", path):
        found = "a member's name is no plain relative path"
    elif ".." in PurePosixPath(path).parts:
        found = "a member's name leads out of the zip"
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        found = "a member is a link or a device"
    else:
        return
    raise DeliveryError(name, found, hint=AGAIN)


def _check_no_overlap(infos: list[zipfile.ZipInfo], end: int, name: str) -> None:
    """Refuse members that share bytes: a small zip can so unpack to terabytes."""
    ends = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < ends:
            raise DeliveryError(name, "two of its members overlap", hint=AGAIN)
        named = len(info.orig_filename.encode("utf-8" if info.flag_bits & UTF_8 else "cp437"))
        ends = info.header_offset + LOCAL_HEADER + named + info.compress_size
    if ends > end:
        raise UnreadableFileError(name, "a member runs over its end", hint=AGAIN)


def _check_members(members: list[zipfile.ZipInfo], name: str, limits: Limits) -> None:
    """Refuse wanted members that stand twice, are locked, packed in another way, or too large."""
    twice = [member for member, n in Counter(info.filename for info in members).items() if n > 1]
    if twice:
        raise DeliveryError(f"{name}, {twice[0]}", "stands in the zip twice", hint=AGAIN)
    for info in members:
        thing = f"{name}, {info.filename}"
        if info.flag_bits & LOCKED:
            raise DeliveryError(thing, "is locked with a password", hint="hand the zip in as the platform made it")
        if info.compress_type not in READABLE:
            raise DeliveryError(thing, "is packed in a way no platform packs", hint=AGAIN)
        if info.file_size > limits.member:
            raise DeliveryError(thing, f"unpacks to more than {limits.member >> 20:,} MiB", hint=AGAIN)
        if info.file_size > max(CHUNK, limits.ratio * info.compress_size):
            raise DeliveryError(thing, f"unpacks to more than {limits.ratio} times its size", hint=AGAIN)
    if sum(info.file_size for info in members) > limits.total:
        raise DeliveryError(name, f"unpacks to more than {limits.total >> 20:,} MiB", hint=AGAIN)
