"""Copy the files of a drop, and check that each copy is intact: every byte is read before a row is."""

import codecs
import hashlib
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import zstandard

from pipelines.common.errors import DeliveryError, UnreadableFileError
from pipelines.landing.extract_file import LONGEST_LINE, ExtractFile, extract_file, open_unpacked
from pipelines.landing.parquet_pages import Pages, decode_apart

CHUNK = 1 << 20
MOST_BLANK = 1 << 19
FRAME_HEADER = 18  # bytes at most
MOST_BYTES = 64 << 30
# Tables pack to a tenth, figures of zeros to a hundredth: more is a bomb. Small files are taken whatever they pack to.
MOST_TIMES = 500
ALWAYS_TAKEN = 32 << 20

# What proves that a file holds the bytes its sender wrote, strongest first: `meta.delivery.integrity_status`.
DECLARED_HASH = "declared hash"
CHECKSUM = "checksum"
PAGE_CHECKSUM = "page checksum"
UNPROVEN = "unproven"
PROOFS = (DECLARED_HASH, CHECKSUM, PAGE_CHECKSUM, UNPROVEN)


@dataclass(frozen=True)
class CopiedFile:
    """The copy of a file: its bytes and hash, beside the name and hash of the file as it was sent."""

    file: ExtractFile
    bytes: int
    sha256: str
    sent_name: str
    sent_sha256: str
    integrity: str


def copy_files(files: list[ExtractFile], folder: Path) -> list[CopiedFile]:
    """Copy the files of a drop into a folder and check the copies.

    Raises `UnreadableFileError`, or `DeliveryError` where two copies would have one name.
    """
    return [_copy_file(file, folder) for file in files]


def _copy_file(file: ExtractFile, folder: Path) -> CopiedFile:
    """Copy a file and check the copy; packed Parquet is kept unpacked, for no engine reads it packed."""
    unpacked = folder / (file.path.stem if file.format == "parquet" and file.packed else file.name)
    if unpacked.exists():
        raise DeliveryError(
            file.name, f"would land as {unpacked.name}, which the drop has too", hint="keep one of them"
        )
    copy = ExtractFile(folder / file.name, file.table, file.format, file.packed)
    try:
        size, sha256 = _copy(_chunks(file.path.open("rb")), copy.path)
    except (FileNotFoundError, PermissionError) as failure:
        found = "is no longer there" if isinstance(failure, FileNotFoundError) else "may not be read"
        raise UnreadableFileError(file.name, found, hint="copy it completely before you land it") from None
    integrity = check_integrity(copy)
    if unpacked != copy.path:
        size, unpacked_sha256 = _copy(_chunks(open_unpacked(copy)), unpacked)
        copy.path.unlink()
        pages = _check_pages(unpacked)
        return CopiedFile(extract_file(unpacked), size, unpacked_sha256, file.name, sha256, integrity or pages)
    if file.format == "parquet":
        integrity = _check_pages(copy.path)
    return CopiedFile(copy, size, sha256, file.name, sha256, integrity or UNPROVEN)


def check_integrity(file: ExtractFile) -> str:
    """Read every byte once: packing and encoding are valid, no line is endless, the last row is complete.

    A CSV must end with a line break and its quotes must pair: DuckDB reads a file cut off inside a quoted
    cell without an error. Gives what proves the bytes: `CHECKSUM` where the packing has one, or nothing. Raises
    `UnreadableFileError`.
    """
    is_text = file.format != "parquet"
    decoder = codecs.getincrementaldecoder("utf-8")()
    size, quotes, line_length, last = 0, 0, 0, b""
    proof = CHECKSUM if file.packed == "gz" else ""
    try:
        for chunk in _chunks(open_unpacked(file)):
            size += len(chunk)
            last = chunk[-1:]
            _check_size(file, size)
            if is_text:
                decoder.decode(chunk)
                quotes += chunk.count(b'"')
                line_length = _check_lines(file, chunk, line_length)
        decoder.decode(b"", final=True)
        if file.packed == "zst":
            proof = CHECKSUM if _has_zst_checksums(file) else ""
    except UnicodeDecodeError:
        with open_unpacked(file) as source:
            is_utf_16 = source.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        found = "is UTF-16" if is_utf_16 else "is not UTF-8"
        hint = "in Excel: File, Save As, type 'CSV UTF-8 (Comma delimited)'; 'Unicode Text' is UTF-16"
        raise UnreadableFileError(file.name, found, hint=hint) from None
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as failure:
        found = f"cannot be unpacked ({type(failure).__name__})"
        raise UnreadableFileError(file.name, found, hint="it is cut off or corrupted: fetch it again") from None
    if size == 0:
        raise UnreadableFileError(file.name, "is empty", hint="leave the file out where there are no rows")
    if file.format == "csv" and (last != b"\n" or quotes % 2):
        found = "has a quote that is not closed" if quotes % 2 else "does not end with a line break"
        raise UnreadableFileError(file.name, found, hint="it may be cut off: fetch it again")
    return proof


def _check_size(file: ExtractFile, size: int) -> None:
    """Raise where a file unpacks to more than is taken: nobody sends such a table, but somebody may send a bomb."""
    packed_size = file.path.stat().st_size
    if size > MOST_BYTES or (file.packed and size > packed_size * MOST_TIMES and size > ALWAYS_TAKEN):
        limit = f"{MOST_BYTES >> 30} GiB" if size > MOST_BYTES else f"{MOST_TIMES:,} times its size"
        raise UnreadableFileError(file.name, f"unpacks to more than {limit}", hint="deliver it in several files")


def _check_pages(path: Path) -> str:
    """Decode a Parquet file completely; give what proves its bytes. Raises `UnreadableFileError`."""
    pages = decode_apart(path, MOST_BYTES)
    if pages == Pages.TOO_LARGE:
        found = f"unpacks to more than {MOST_BYTES >> 30} GiB"
        raise UnreadableFileError(path.name, found, hint="deliver it in several files")
    if pages == Pages.DAMAGED:
        hint = "it is cut off, corrupted or misnamed: fetch it again"
        raise UnreadableFileError(path.name, "cannot be decoded", hint=hint)
    return PAGE_CHECKSUM if pages == Pages.WITH_CHECKSUMS else UNPROVEN


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    """Read a file to its end, a MiB at a time, and close it; checksums of gzip are verified on the way."""
    with source:
        while chunk := source.read(CHUNK):
            yield chunk


def _copy(chunks: Iterator[bytes], to: Path) -> tuple[int, str]:
    """Write a new file, synced to the disk; give its size and sha256."""
    digest = hashlib.sha256()
    with to.open("xb") as target:
        for chunk in chunks:
            digest.update(chunk)
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
        return target.tell(), digest.hexdigest()


def _check_lines(file: ExtractFile, chunk: bytes, carried: int) -> int:
    """Give the length so far of the chunk's last, unfinished line; raise on NUL or a line that is too long."""
    if len(chunk) > MOST_BLANK and not chunk.strip():
        raise UnreadableFileError(file.name, "holds blank lines alone over half a MiB", hint="export it again")
    if b"\0" in chunk:
        raise UnreadableFileError(file.name, "holds NUL bytes", hint="it is corrupted or not UTF-8")
    first_break = chunk.find(b"\n")
    ended = carried + (first_break if first_break >= 0 else len(chunk))
    if ended > LONGEST_LINE:
        raise UnreadableFileError(
            file.name,
            f"has a line longer than {LONGEST_LINE >> 20} MiB",
            hint="JSON Lines has one object a line, not one document on one line",
        )
    return ended if first_break < 0 else len(chunk) - chunk.rfind(b"\n") - 1


def _has_zst_checksums(file: ExtractFile) -> bool:
    """Whether every frame has a checksum.

    Raises `EOFError` where the last frame is cut off: zstandard's reader ends there without an error.
    """
    unpacker = zstandard.ZstdDecompressor().decompressobj()
    with file.path.open("rb") as source:
        has_checksums = zstandard.get_frame_parameters(source.read(FRAME_HEADER)).has_checksum
    for chunk in _chunks(file.path.open("rb")):
        while chunk:
            if unpacker.eof:
                unpacker = zstandard.ZstdDecompressor().decompressobj()
                has_checksums &= zstandard.get_frame_parameters(chunk[:FRAME_HEADER]).has_checksum
            unpacker.decompress(chunk)
            chunk = unpacker.unused_data if unpacker.eof else b""
    if not unpacker.eof:
        raise EOFError
    return bool(has_checksums)
