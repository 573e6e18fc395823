"""Check that a file of the extract contract is intact, and copy it: every byte is read before a row is."""

import codecs
import gzip
import os
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import zstandard

from pipelines.common.contract import FILE_NAME
from pipelines.common.disk import sha256_of
from pipelines.common.errors import DeliveryError, UnreadableFileError

CHUNK = 1 << 20
LONGEST_LINE = 16 << 20  # a JSON document on one line is not JSON Lines, and would fill the memory


@dataclass(frozen=True)
class CopiedFiles:
    """Copies of a drop's files, and the sha256 of those files that were unpacked on the way."""

    files: list[Path]
    unpacked: dict[str, str]


def copy_files(files: list[Path], to: Path) -> CopiedFiles:
    """Check each file and copy it; a packed Parquet file is copied unpacked, for no engine reads it packed.

    Raises `UnreadableFileError`, or `DeliveryError` where two copies would have one name.
    """
    copies, unpacked = [], {}
    for file in files:
        check_integrity(file)
        unpack = format_of(file) == "parquet" and file.suffix != ".parquet"
        copy = to / (file.stem if unpack else file.name)
        if copy.exists():
            found = f"would land as {copy.name}, which the drop has too"
            raise DeliveryError(file.name, found, hint="keep one of them")
        with copy.open("xb") as target:
            if unpack:
                unpacked[file.name] = sha256_of(file)
                target.writelines(unpacked_chunks(file))
            else:
                with file.open("rb") as source:
                    shutil.copyfileobj(source, target, CHUNK)
            target.flush()
            os.fsync(target.fileno())
        copies.append(copy)
    return CopiedFiles(copies, unpacked)


def format_of(path: Path) -> str:
    """`csv`, `jsonl` or `parquet`, by the file's name."""
    match = FILE_NAME.fullmatch(path.name)
    assert match, path.name
    return match["format"]


def check_integrity(path: Path) -> None:
    """Read every byte once: packing and encoding are valid, no line is endless, the last row is complete.

    A CSV must end with a line break and its quotes must pair: DuckDB reads a file cut off inside a quoted
    cell without an error. Raises `UnreadableFileError`.
    """
    is_text = format_of(path) != "parquet"
    decoder = codecs.getincrementaldecoder("utf-8")()
    size, quotes, line_length, last = 0, 0, 0, b""
    try:
        for chunk in unpacked_chunks(path):
            size += len(chunk)
            last = chunk[-1:]
            if is_text:
                decoder.decode(chunk)
                quotes += chunk.count(b'"')
                line_length = _check_lines(path, chunk, line_length)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise UnreadableFileError(path.name, "is not UTF-8", hint="export it as UTF-8") from None
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as failure:
        found = f"cannot be unpacked ({type(failure).__name__})"
        raise UnreadableFileError(path.name, found, hint="it is cut off or corrupted: fetch it again") from None
    if size == 0:
        raise UnreadableFileError(path.name, "is empty", hint="leave the file out where there are no rows")
    if format_of(path) == "csv" and (last != b"\n" or quotes % 2):
        found = "has a quote that is not closed" if quotes % 2 else "does not end with a line break"
        raise UnreadableFileError(path.name, found, hint="it may be cut off: fetch it again")


def _check_lines(path: Path, chunk: bytes, carried: int) -> int:
    """Give the length so far of the chunk's last, unfinished line; raise on NUL or a line that is too long."""
    if b"\0" in chunk:
        raise UnreadableFileError(path.name, "holds NUL bytes", hint="it is corrupted or not UTF-8")
    first_break = chunk.find(b"\n")
    ended = carried + (first_break if first_break >= 0 else len(chunk))
    if ended > LONGEST_LINE:
        raise UnreadableFileError(
            path.name,
            f"has a line longer than {LONGEST_LINE >> 20} MiB",
            hint="JSON Lines has one object a line, not one document on one line",
        )
    return ended if first_break < 0 else len(chunk) - chunk.rfind(b"\n") - 1


def unpacked_chunks(path: Path) -> Iterator[bytes]:
    """The file's bytes unpacked, a MiB at a time; checksums of the packing are verified."""
    with open_unpacked(path) as source:
        while chunk := source.read(CHUNK):
            yield chunk
    if path.suffix == ".zst":
        _check_zst_end(path)


def open_unpacked(path: Path) -> IO[bytes]:
    """Open a file for reading, unpacked where its name ends in `.gz` or `.zst`."""
    if path.suffix == ".gz":
        return cast(IO[bytes], gzip.open(path, "rb"))
    if path.suffix == ".zst":
        return cast(IO[bytes], zstandard.open(path, "rb"))
    return path.open("rb")


def _check_zst_end(path: Path) -> None:
    """Raise `EOFError` where the last frame is cut off: zstandard's reader ends there without an error."""
    unpacker = zstandard.ZstdDecompressor().decompressobj()
    with path.open("rb") as source:
        while chunk := source.read(CHUNK):
            while chunk:
                if unpacker.eof:
                    unpacker = zstandard.ZstdDecompressor().decompressobj()
                unpacker.decompress(chunk)
                chunk = unpacker.unused_data if unpacker.eof else b""
    if not unpacker.eof:
        raise EOFError
