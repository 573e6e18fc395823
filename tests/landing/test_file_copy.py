"""A damaged, endless or vanished file is refused by name; a delivery says what proves its bytes."""

import gzip
import hashlib
import io
import random
import shutil
import time
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from pipelines.common.errors import DeliveryError, UnreadableFileError
from pipelines.common.settings import Settings
from pipelines.landing import drop as drops
from pipelines.landing import file_copy
from pipelines.landing.deliveries import current_deliveries
from pipelines.landing.land_drop import land_drop
from pipelines.landing.parquet_pages import Pages, decode, decode_apart

WriteDrop = Callable[[Path, Mapping[str, Any]], Path]
ON = date(2026, 7, 8)
CSV = "platform,account_id,member_id,observed_on\nx,1,7,2026-07-08\n"
MOST = 1 << 30


def parquet(n: int = 300, *, checksums: bool) -> bytes:
    """Write a follower list as Parquet."""
    table = pa.table(
        {
            "platform": ["x"] * n,
            "account_id": ["1"] * n,
            "member_id": [f"id{one * 7919}" for one in range(n)],
            "observed_on": ["2026-07-08"] * n,
            "mood": list(range(n)),  # a column that no query names
        }
    )
    packed = io.BytesIO()
    pq.write_table(table, packed, write_page_checksum=checksums)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "proof"),
    [
        ("follower.csv", CSV, "unproven"),
        ("follower.csv.gz", CSV, "checksum"),
        ("follower.csv.zst", zstandard.ZstdCompressor(write_checksum=True).compress(CSV.encode()), "checksum"),
        ("follower.csv.zst", zstandard.ZstdCompressor(write_checksum=False).compress(CSV.encode()), "unproven"),
        (
            "follower.csv.zst",
            zstandard.ZstdCompressor(write_checksum=True).compress(CSV.encode())
            + zstandard.ZstdCompressor(write_checksum=False).compress(b"x,1,8,2026-07-08\n"),
            "unproven",
        ),
        ("follower.parquet", parquet(checksums=True), "page checksum"),
        ("follower.parquet", parquet(checksums=False), "unproven"),
        ("follower.parquet.gz", gzip.compress(parquet(checksums=False)), "checksum"),
    ],
)
def test_a_delivery_says_what_proves_its_bytes(
    name: str, content: Any, proof: str, settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    delivery = land_drop(write_drop(tmp_path / "drop", {name: content}), "a_source", ON, settings).delivery
    assert [file.integrity for file in delivery.files] == [proof]
    assert current_deliveries(settings, until=ON)["a_source", str(ON)] == delivery


@pytest.mark.parametrize("name", ["follower.csv", "follower.parquet", "follower.parquet.gz"])
def test_a_hash_that_the_sender_declared_proves_a_file(
    name: str, settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    content = CSV.encode() if name.endswith("csv") else parquet(checksums=False)
    content = gzip.compress(content) if name.endswith("gz") else content
    declared = {"files": {name: {"sha256": hashlib.sha256(content).hexdigest()}}}
    drop = write_drop(tmp_path / "drop", {name: content, "manifest.json": declared})
    assert [file.integrity for file in land_drop(drop, "a_source", ON, settings).delivery.files] == ["declared hash"]


def test_a_flipped_bit_in_any_page_with_a_checksum_is_noticed(tmp_path: Path) -> None:
    whole = parquet(checksums=True)
    path = tmp_path / "follower.parquet"
    path.write_bytes(whole)
    about = pq.ParquetFile(path).metadata.row_group(0)
    columns = [about.column(n) for n in range(about.num_columns)]
    # The last bytes of a chunk are its last page's values, which the checksum covers.
    for column in columns:
        start = column.dictionary_page_offset or column.data_page_offset
        for at in range(start + column.total_compressed_size - 8, start + column.total_compressed_size):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            assert decode(path, MOST) == Pages.DAMAGED


def test_a_damaged_column_that_nobody_reads_is_noticed_too(tmp_path: Path) -> None:
    whole = parquet(20_000, checksums=False)
    path = tmp_path / "follower.parquet"
    path.write_bytes(whole)
    column = pq.ParquetFile(path).metadata.row_group(0).column(4)
    start = column.dictionary_page_offset
    path.write_bytes(whole[: start + 5] + bytes(400) + whole[start + 405 :])
    assert decode_apart(path, MOST) == Pages.DAMAGED


def test_a_file_that_aborts_its_reader_is_damaged_and_stops_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "follower.parquet"
    path.write_bytes(parquet(checksums=True))
    monkeypatch.setattr("sys.executable", shutil.which("false"))
    assert decode_apart(path, MOST) == Pages.DAMAGED


def test_parquet_that_unpacks_to_more_than_the_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "follower.parquet"
    path.write_bytes(parquet(checksums=True))
    assert decode(path, 100) == Pages.TOO_LARGE


@pytest.mark.parametrize("name", ["follower.csv", "follower.jsonl", "follower.csv.gz", "follower.jsonl.zst"])
def test_two_hundred_mebibytes_of_line_breaks_are_refused_at_once(
    name: str, settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    header = CSV if ".csv" in name else ""
    drop = write_drop(tmp_path / "drop", {name: header + "\n" * (200 << 20)})
    started = time.process_time()
    with pytest.raises(UnreadableFileError, match="blank lines alone"):
        land_drop(drop, "a_source", ON, settings)
    assert time.process_time() - started < 10  # read to their end, they take about 20


def test_a_file_that_unpacks_to_very_many_times_its_size_is_refused(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_copy, "MOST_TIMES", 100)
    drop = write_drop(tmp_path / "drop", {"follower.csv.gz": CSV + "x,1,7,2026-07-08\n" * (3 << 20)})
    with pytest.raises(UnreadableFileError, match="unpacks to more than 100 times its size"):
        land_drop(drop, "a_source", ON, settings)


@pytest.mark.parametrize("failure", [FileNotFoundError, PermissionError])
def test_a_file_that_vanishes_while_it_is_landed_is_named(
    failure: type[OSError], settings: Settings, tmp_path: Path, write_drop: WriteDrop, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = write_drop(tmp_path / "drop", {"follower.csv": CSV, "post.csv": CSV})
    read = drops.files_of

    def vanishing(*args: Any) -> Any:
        files = read(*args)
        if failure is FileNotFoundError:
            (drop / "post.csv").unlink()
        return files

    monkeypatch.setattr("pipelines.landing.land_drop.files_of", vanishing)
    if failure is PermissionError:
        monkeypatch.setattr(Path, "open", _refusing(Path.open, drop / "post.csv"))
    with pytest.raises(UnreadableFileError, match=r"post\.csv: (is no longer there|may not be read)"):
        land_drop(drop, "a_source", ON, settings)
    assert not list(settings.landing.rglob("follower.csv"))


def _refusing(open_: Any, refused: Path) -> Any:
    """Open every file but one: tests run as root, whom no mode refuses."""

    def opened(path: Path, *args: Any, **options: Any) -> Any:
        if path == refused:
            raise PermissionError
        return open_(path, *args, **options)

    return opened


@pytest.mark.parametrize("key", ["reported", "rows", "n_reported"])
def test_a_count_of_thirty_digits_is_refused(
    key: str, settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    many = 10**29
    one = {"platform": "x", "account_id": "1", "kind": "post", "n_lists": 1, "n_reported": many, "n_collected": 1}
    declared: Any = {
        "reported": {"reported": {"follower": {"x:1": many}}},
        "rows": {"files": {"follower.csv": {"rows": many}}},
        "n_reported": {
            "completeness": [
                one | {"n_pages": 1, "n_requests": 1, "n_repeats": 0, "n_null_rows": 0, "scope": "complete"}
            ]
        },
    }[key]
    drop = write_drop(tmp_path / "drop", {"follower.csv": CSV, "manifest.json": declared})
    with pytest.raises(DeliveryError, match=r"manifest\.json: cannot be used: .*less than or equal to"):
        land_drop(drop, "a_source", ON, settings)


def test_random_bits_of_parquet_never_end_the_process(tmp_path: Path) -> None:
    whole, chance = parquet(checksums=True), random.Random(1)
    path = tmp_path / "follower.parquet"
    for _ in range(6):
        content = bytearray(whole)
        content[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
        assert decode_apart(path, MOST) in Pages
