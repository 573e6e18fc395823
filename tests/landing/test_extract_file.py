"""A file of a drop is read whole, the same in every format and packing, or refused by name without a value of it."""

import gzip
import io
import json
import time
import traceback
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from pipelines.common import database
from pipelines.common.contract import table_of
from pipelines.common.errors import DeliveryError, SchemaError, UnreadableFileError
from pipelines.common.settings import Settings
from pipelines.landing import extract_file, file_copy

WriteDrop = Callable[[Path, Mapping[str, Any]], Path]
Read = Callable[[Path], list[tuple[str | None, ...]]]

SECRET = "Jane Q Marker"
HEADER = "platform,account_id,member_id,observed_on,bio\n"
ROW = f"x,1,7,2026-07-08,{SECRET}\n"
FIT = '{"platform": "x", "account_id": 1, "member_id": 7, "observed_on": "2026-07-08"}\n'
SHOWN = ("platform", "account_id", "member_id", "observed_on", "bio", "followers_count")

# Two lines in one cell, commas, quotes, an accent, an id whose last digits a float would lose, and a missing bio.
PEOPLE: list[dict[str, Any]] = [
    {"platform": "x", "account_id": "1", "member_id": "1221584638123456789", "observed_on": "2026-07-08"}
    | {"bio": 'rides, "mostly"\nin the dales', "followers_count": 12, "mood": "sunny"},
    {"platform": "x", "account_id": "1", "member_id": "8", "observed_on": "2026-07-08"}
    | {"bio": "café racer", "followers_count": 0, "mood": "wet"},
    {"platform": "x", "account_id": "2", "member_id": "9", "observed_on": "2026-07-08"}
    | {"bio": None, "followers_count": None, "mood": None},
]
READ = [tuple(None if row[name] is None else str(row[name]) for name in SHOWN) for row in PEOPLE]


@pytest.fixture
def con(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    con = database.connect(None, settings)
    yield con
    con.close()


@pytest.fixture
def read(con: duckdb.DuckDBPyConnection) -> Read:
    """Check a file, inspect it, and give its rows as the night would read them."""

    def rows(path: Path) -> list[tuple[str | None, ...]]:
        file = extract_file.extract_file(path)
        file_copy.check_integrity(file)
        with database.without_values(UnreadableFileError, path.name, hint="it is cut off, corrupted or misnamed"):
            found = extract_file.inspect(con, file)
        relation = extract_file.relation(file, found.columns)
        loaded = con.execute(f"SELECT {', '.join(SHOWN)} FROM {relation} ORDER BY ALL").fetchall()
        assert len(loaded) == sum(found.rows.values())
        return [tuple(value or None for value in row) for row in loaded]

    return rows


def refused(read: Read, path: Path) -> DeliveryError:
    """Read a file that must be refused, and give the error; it holds no value of the file."""
    with pytest.raises(DeliveryError) as refusal:
        read(path)
    assert path.name in str(refusal.value)
    assert SECRET not in refusal.value.message() + "".join(traceback.format_exception(refusal.value))
    return refusal.value


@pytest.mark.parametrize("name", ["follower.csv", "follower.jsonl", "follower-2.csv", "follower-a.b-3.jsonl"])
@pytest.mark.parametrize("packed", ["", ".gz", ".zst"])
def test_every_format_and_packing_reads_equal(
    name: str, packed: str, tmp_path: Path, write_drop: WriteDrop, read: Read
) -> None:
    drop = write_drop(tmp_path, {name + packed: PEOPLE})
    assert read(drop / (name + packed)) == sorted(READ)


def test_parquet_reads_equal_too(tmp_path: Path, write_drop: WriteDrop, read: Read) -> None:
    assert read(write_drop(tmp_path, {"follower.parquet": PEOPLE}) / "follower.parquet") == sorted(READ)


@pytest.mark.parametrize("name", ["follower.csv", "follower.jsonl", "follower.parquet"])
def test_a_column_nobody_knows_is_ignored_and_named(
    name: str, tmp_path: Path, write_drop: WriteDrop, con: duckdb.DuckDBPyConnection
) -> None:
    path = write_drop(tmp_path, {name: PEOPLE}) / name
    found = extract_file.inspect(con, extract_file.extract_file(path))
    assert found.unknown_columns == ("mood",)
    assert set(found.columns) == set(SHOWN)
    assert found.rows == {("x", "1"): 2, ("x", "2"): 1}
    assert found.oldest_on == date(2026, 7, 8)


@pytest.mark.parametrize(
    ("what", "content"),
    [
        ("byte order mark", "\ufeff" + HEADER + ROW),
        ("carriage returns", (HEADER + ROW).replace("\n", "\r\n")),
        ("all cells quoted", '"platform","account_id","member_id","observed_on","bio"\n' + ROW),
        ("columns in another order", f"bio,observed_on,member_id,account_id,platform\n{SECRET},2026-07-08,7,1,x\n"),
        ("blank line at the end", HEADER + ROW + "\n"),
        ("blanks round the column names", HEADER.replace(",", " , ") + ROW),
    ],
)
def test_what_spreadsheets_do_to_a_csv_is_read(
    what: str, content: str, tmp_path: Path, write_drop: WriteDrop, read: Read
) -> None:
    path = write_drop(tmp_path, {"follower.csv": content}) / "follower.csv"
    assert read(path) == [("x", "1", "7", "2026-07-08", SECRET, None)], what


def test_line_breaks_in_quotes_stay_in_a_file_of_carriage_returns(
    tmp_path: Path, write_drop: WriteDrop, read: Read
) -> None:
    content = HEADER.strip() + '\r\nx,1,7,2026-07-08,"one, ""two""\nthree\r\nfour"\r\n'
    path = write_drop(tmp_path, {"follower.csv": content}) / "follower.csv"
    assert read(path) == [("x", "1", "7", "2026-07-08", 'one, "two"\nthree\r\nfour', None)]


@pytest.mark.parametrize("member_id", [7, 1221584638123456789, 2**64 - 1, 12345678901234567890123])
@pytest.mark.parametrize("name", ["follower.jsonl", "follower.jsonl.gz"])
def test_an_id_written_as_a_json_number_keeps_every_digit(
    member_id: int, name: str, tmp_path: Path, write_drop: WriteDrop, read: Read
) -> None:
    row = {"platform": "x", "account_id": 1, "member_id": member_id, "observed_on": "2026-07-08"}
    assert read(write_drop(tmp_path, {name: [row]}) / name)[0][:3] == ("x", "1", str(member_id))


@pytest.mark.parametrize("name", ["follower.csv.gz", "follower.csv.zst"])
def test_a_file_packed_in_pieces_is_read_to_the_last_piece(name: str, tmp_path: Path, read: Read) -> None:
    pack = gzip.compress if name.endswith("gz") else zstandard.compress
    pieces = [HEADER + ROW, ROW.replace(",7,", ",8,"), ROW.replace(",7,", ",9,")]
    (tmp_path / name).write_bytes(b"".join(pack(piece.encode()) for piece in pieces))
    assert [row[2] for row in read(tmp_path / name)] == ["7", "8", "9"]


def _whole(name: str) -> bytes:
    bios = [SECRET, f'"a, ""{SECRET}"""', '"two\nlines"']
    csv = HEADER + "".join(f"x,1,{n},2026-07-08,{bio}\n" for n, bio in enumerate(bios))
    rows = [
        {"platform": "x", "account_id": 1, "member_id": n, "observed_on": "2026-07-08", "bio": bio}
        for n, bio in enumerate([SECRET, f'a, "{SECRET}"', "two\nlines"])
    ]
    if name.startswith("follower.parquet"):
        buffer = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows), buffer, write_statistics=False, store_schema=False)
        return buffer.getvalue()
    text = csv if ".csv" in name else "".join(json.dumps(row) + "\n" for row in rows)
    if name.endswith(".gz"):
        return gzip.compress(text.encode(), mtime=0)
    if name.endswith(".zst"):
        return zstandard.compress(text.encode())
    return text.encode()


@pytest.mark.parametrize(
    "name",
    ["follower.csv.gz", "follower.csv.zst", "follower.jsonl.gz", "follower.jsonl.zst", "follower.parquet"],
)
def test_a_packed_file_cut_off_anywhere_is_refused(name: str, tmp_path: Path, read: Read) -> None:
    whole = _whole(name)
    path = tmp_path / name
    path.write_bytes(whole)
    assert len(read(path)) == 3
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        refused(read, path)


@pytest.mark.parametrize("name", ["follower.csv", "follower.jsonl"])
def test_a_text_cut_off_anywhere_is_refused_unless_it_ends_where_a_row_ends(
    name: str, tmp_path: Path, read: Read
) -> None:
    whole = _whole(name)
    path = tmp_path / name
    path.write_bytes(whole)
    all_rows = read(path)
    accepted = {}
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        try:
            accepted[length] = read(path)
        except DeliveryError:
            refused(read, path)
    assert all(rows == all_rows[: len(rows)] for rows in accepted.values())
    ends = {1: whole.find(b"\n", whole.find(SECRET.encode())) + 1, 3: len(whole)}
    assert {len(accepted[end]) for end in ends.values()} == {1, 3}
    # A CSV says where it ends by its last line break; an object of JSON Lines by its last brace.
    assert len(accepted) == (3 if name.endswith("csv") else 6)


def test_a_gzip_with_a_flipped_byte_anywhere_is_refused(tmp_path: Path, read: Read) -> None:
    whole = gzip.compress(_whole("follower.csv") * 20, mtime=0)
    path = tmp_path / "follower.csv.gz"
    for at in range(10, len(whole)):  # before that lies the header, with its time stamp
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        refused(read, path)


def test_a_zst_with_a_flipped_byte_is_refused_or_says_the_same(tmp_path: Path, read: Read) -> None:
    whole = zstandard.ZstdCompressor(write_checksum=True).compress(_whole("follower.csv"))
    path = tmp_path / "follower.csv.zst"
    path.write_bytes(whole)
    as_sent = read(path)
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            assert read(path) == as_sent, at
        except DeliveryError:
            refused(read, path)


BAD: list[tuple[str, str, str | bytes, type[DeliveryError], str]] = [
    ("no byte at all", "follower.csv", b"", UnreadableFileError, "is empty"),
    ("no byte, packed", "follower.csv.gz", gzip.compress(b""), UnreadableFileError, "is empty"),
    ("no byte, packed by zstd", "follower.jsonl.zst", zstandard.compress(b""), UnreadableFileError, "is empty"),
    ("header alone", "follower.csv", HEADER, UnreadableFileError, "has no rows"),
    ("blank line alone", "follower.jsonl", "\n", DeliveryError, "follower.jsonl"),
    (
        "Latin-1",
        "follower.csv",
        (HEADER + ROW + "x,1,8,2026-07-08,é\n").encode("latin-1"),
        UnreadableFileError,
        "UTF-8",
    ),
    (
        "UTF-16",
        "follower.csv",
        (HEADER + ROW).encode("utf-16"),
        UnreadableFileError,
        "is UTF-16. Hint: in Excel",
    ),
    ("UTF-8 cut in a letter", "follower.jsonl", f'{{"bio": "{SECRET} é'.encode()[:-1], UnreadableFileError, "UTF-8"),
    ("NUL", "follower.csv", HEADER + ROW.replace("7", "7\0"), UnreadableFileError, "NUL"),
    ("NUL in JSON", "follower.jsonl", f'{{"bio": "{SECRET}\0"}}\n', UnreadableFileError, "NUL"),
    ("plain text named .gz", "follower.csv.gz", (HEADER + ROW).encode(), UnreadableFileError, "unpack"),
    ("plain text named .zst", "follower.csv.zst", (HEADER + ROW).encode(), UnreadableFileError, "unpack"),
    ("gzip named .csv", "follower.csv", gzip.compress((HEADER + ROW).encode()), UnreadableFileError, "UTF-8"),
    ("gzip and rubbish", "follower.csv.gz", gzip.compress(b"a\n") + b"rubbish", UnreadableFileError, "unpack"),
    ("zstd and rubbish", "follower.csv.zst", zstandard.compress(b"a\n") + b"rubbish", UnreadableFileError, "unpack"),
    ("no Parquet", "follower.parquet", f"PAR1 {SECRET} PAR1", UnreadableFileError, "cut off, corrupted or misnamed"),
    ("CSV named .jsonl", "follower.jsonl", HEADER + ROW, UnreadableFileError, "cut off, corrupted or misnamed"),
    ("CSV named .parquet", "follower.parquet", HEADER + ROW, UnreadableFileError, "cut off, corrupted or misnamed"),
    ("JSON named .csv", "follower.csv", f'{{"bio": "{SECRET}"}}\n', SchemaError, "lacks the required columns"),
    ("semicolons", "follower.csv", (HEADER + ROW).replace(",", ";"), SchemaError, "a column map with `delimiter: ';'`"),
    ("no header", "follower.csv", ROW + ROW, SchemaError, "lacks the required columns"),
    ("too few cells", "follower.csv", HEADER + ROW + f"x,{SECRET}\n", UnreadableFileError, "at line 3"),
    ("too many cells", "follower.csv", HEADER + ROW + ROW.strip() + f",{SECRET}\n", UnreadableFileError, "at line 3"),
    ("open quote", "follower.csv", HEADER + ROW + f'x,1,8,2026-07-08,"{SECRET}\n', UnreadableFileError, "quote"),
    ("a list for a document", "follower.jsonl", f'[{{"bio": "{SECRET}"}}]\n', DeliveryError, "follower.jsonl"),
    ("a list for a line", "follower.jsonl", FIT + f'["{SECRET}"]\n', UnreadableFileError, "at line 2"),
    ("a word for a line", "follower.jsonl", FIT + f'"{SECRET}"\n', UnreadableFileError, "at line 2"),
    ("two on a line", "follower.jsonl", f'{{"bio": "{SECRET}"}}{{"bio": "a"}}\n', UnreadableFileError, "misnamed"),
    ("indented JSON", "follower.jsonl", json.dumps({"bio": SECRET}, indent=1), UnreadableFileError, "misnamed"),
    ("a key twice", "follower.jsonl", f'{{"bio": "a", "bio": "{SECRET}"}}\n', DeliveryError, "follower.jsonl"),
]


@pytest.mark.parametrize(("what", "name", "content", "error", "found"), BAD, ids=[bad[0] for bad in BAD])
def test_a_bad_file_is_refused_by_name(
    what: str, name: str, content: str | bytes, error: type[DeliveryError], found: str, tmp_path: Path, read: Read
) -> None:
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    refusal = refused(read, tmp_path / name)
    assert isinstance(refusal, error), refusal.message()
    assert found in str(refusal)


@pytest.mark.parametrize(
    ("what", "header", "message"),
    [
        ("a blank column", HEADER.replace("bio", ""), "column"),
        ("a column twice", HEADER.replace("bio", "platform"), "twice"),
    ],
)
def test_a_header_that_names_no_table_is_refused_in_our_words(
    what: str, header: str, message: str, tmp_path: Path, read: Read
) -> None:
    (tmp_path / "follower.csv").write_text(header + ROW, encoding="utf-8")
    refusal = refused(read, tmp_path / "follower.csv")
    assert "Binder" not in str(refusal) and message in str(refusal)


@pytest.mark.parametrize("name", ["follower.csv", "follower.jsonl", "follower.parquet"])
def test_a_missing_required_column_is_named_with_the_one_that_may_be_meant(
    name: str, tmp_path: Path, write_drop: WriteDrop, read: Read
) -> None:
    rows = [{"platform": "x", "account_id": "1", "member_ids": "7", "observed_on": "2026-07-08", "bio": SECRET}]
    refusal = refused(read, write_drop(tmp_path, {name: rows}) / name)
    assert isinstance(refusal, SchemaError)
    assert "lacks the required column member_id;" in str(refusal)
    assert "Hint: is column 3 meant for member_id?" in str(refusal)


def test_the_hint_for_a_missing_header_quotes_no_cell(tmp_path: Path, read: Read) -> None:
    (tmp_path / "follower.csv").write_text("x,1,7,2026-07-08,Platform Nine\n", encoding="utf-8")
    assert "Nine" not in str(refused(read, tmp_path / "follower.csv"))


@pytest.mark.parametrize("column", ["account_id", "member_id"])
@pytest.mark.parametrize("kind", [pa.float32(), pa.float64()])
def test_an_id_that_parquet_holds_as_a_float_is_refused(
    column: str, kind: pa.DataType, tmp_path: Path, read: Read
) -> None:
    ids = {"account_id": ["1"], "member_id": ["7"]} | {column: pa.array([7.0], kind)}
    pq.write_table(pa.table({"platform": ["x"], "observed_on": ["2026-07-08"], **ids}), tmp_path / "follower.parquet")
    refusal = refused(read, tmp_path / "follower.parquet")
    assert isinstance(refusal, SchemaError)
    assert f"holds {column} as a floating-point number" in str(refusal)


@pytest.mark.parametrize(
    ("name", "near"),
    [("followers.csv", "follower"), ("folower.jsonl.gz", "follower"), ("posts.parquet", "post"), ("notes.txt", "")],
)
def test_a_misnamed_file_is_refused_with_the_name_that_may_be_meant(name: str, near: str) -> None:
    with pytest.raises(SchemaError) as refusal:
        table_of(name)
    assert name in str(refusal.value) and "follower.csv|.jsonl|.parquet (.gz|.zst)" in str(refusal.value)
    assert f"did you mean {near}?" in str(refusal.value) if near else "did you mean" not in str(refusal.value)


@pytest.mark.parametrize("name", ["follower.csv.bz2", "Follower.csv", "follower.CSV", "follower.csv.gz.gz", "follower"])
def test_a_name_that_is_nearly_one_of_the_contract_is_none(name: str) -> None:
    with pytest.raises(SchemaError):
        table_of(name)


@pytest.mark.parametrize("name", ["follower.jsonl", "follower.csv"])
def test_a_line_longer_than_sixteen_mebibytes_is_refused(name: str, tmp_path: Path, read: Read) -> None:
    with (tmp_path / name).open("wb") as target:
        target.write(b'{"bio": "' if name.endswith("jsonl") else HEADER.encode())
        target.write(b"a" * (extract_file.LONGEST_LINE + 1))
        target.write(b'"}\n' if name.endswith("jsonl") else b"\n")
    assert "longer than 16 MiB" in str(refused(read, tmp_path / name))


def test_a_line_of_fifteen_mebibytes_is_read(tmp_path: Path, write_drop: WriteDrop, read: Read) -> None:
    rows = [{**PEOPLE[0], "bio": "a" * (15 << 20)}, PEOPLE[1]]
    assert len(read(write_drop(tmp_path, {"follower.jsonl": rows}) / "follower.jsonl")) == 2


def test_two_gigabytes_on_one_line_are_refused_quickly_in_little_memory(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "follower.jsonl.gz"
    piece = gzip.compress(b'{"bio": "aaaaaaaaa"}, ' * (3 << 20), 1)
    path.write_bytes(gzip.compress(b"[") + piece * 32)
    started = time.monotonic()
    tracemalloc.start()
    try:
        refusal = refused(read, path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "longer than 16 MiB" in str(refusal)
    assert time.monotonic() - started < 60
    assert peak < 64 << 20
