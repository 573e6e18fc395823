"""Read a Parquet file to its end: every page is decoded, and its checksum compared where it has one.

DuckDB, like most readers, ignores the checksums of pages, and reads the columns alone that a query names. A damaged
file can abort its reader's whole process: it is read in one of its own, `python -m pipelines.landing.parquet_pages`.
"""

import subprocess
import sys
from enum import IntEnum
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

MOST_ROWS = 2_000_000_000
ROWS_AT_ONCE = 65_536
CRC_FIELD = 4
I32 = 5


class Pages(IntEnum):
    """What was found in a file's pages; the exit code of the process that reads them."""

    WITH_CHECKSUMS = 20
    WITHOUT_CHECKSUMS = 21
    TOO_LARGE = 22
    DAMAGED = 23


def decode_apart(path: Path, most_bytes: int) -> Pages:
    """Decode a file in a process of its own; one that crashes has read a damaged file."""
    command = [sys.executable, "-m", __name__, str(path), str(most_bytes)]
    code = subprocess.run(command, capture_output=True, check=False).returncode
    return Pages(code) if code in list(Pages) else Pages.DAMAGED


def decode(path: Path, most_bytes: int) -> Pages:
    """Decode every page of every column; `most_bytes` is how large the file may be unpacked."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            groups = [file.metadata.row_group(n) for n in range(file.metadata.num_row_groups)]
            if file.metadata.num_rows > MOST_ROWS or sum(one.total_byte_size for one in groups) > most_bytes:
                return Pages.TOO_LARGE
            columns = [one.column(n) for one in groups for n in range(one.num_columns)]
            starts = [one.dictionary_page_offset or one.data_page_offset for one in columns]
            for _ in file.iter_batches(batch_size=ROWS_AT_ONCE):
                pass
        with path.open("rb") as source:
            headers = [source.seek(start) >= 0 and source.read(32) for start in starts]
        are_checked = bool(headers) and all(_has_checksum(one or b"") for one in headers)
        return Pages.WITH_CHECKSUMS if are_checked else Pages.WITHOUT_CHECKSUMS
    except (pa.ArrowException, OSError, ValueError, OverflowError):
        return Pages.DAMAGED


def _has_checksum(header: bytes) -> bool:
    """Whether a page header has field 4, `crc`: Thrift's compact protocol, whose fields 1 to 3 are required i32.

    https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift, PageHeader.
    """
    at, field = 0, 0
    while at < len(header):
        step, kind = header[at] >> 4, header[at] & 0x0F
        field += step
        if not step or kind != I32:
            return False
        if field == CRC_FIELD:
            return True
        at += 1
        while at < len(header) and header[at] & 0x80:
            at += 1
        at += 1
    return False


if __name__ == "__main__":
    sys.exit(decode(Path(sys.argv[1]), int(sys.argv[2])))
