"""Damaged files of every format: landing refuses them by name, loads what was sent, or says that nothing proves it."""

import random
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipelines.common import database
from pipelines.common.errors import StillreachError
from pipelines.common.settings import Settings
from pipelines.landing.extract_file import extract_file, relation
from pipelines.landing.file_copy import UNPROVEN
from pipelines.landing.land_drop import LandOptions, land_drop

WriteDrop = Callable[[Path, Mapping[str, Any]], Path]

ON = date(2026, 7, 22)
FORMATS = ("csv", "csv.gz", "csv.zst", "jsonl", "jsonl.gz", "jsonl.zst", "parquet", "parquet.gz", "parquet.zst")
N_FILES = 45  # of each format: 405 in all

pytestmark = pytest.mark.harness


def flip(data: bytearray, chance: random.Random) -> None:
    """Flip some bits."""
    for _ in range(chance.choice((1, 1, 2, 8))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def cut(data: bytearray, chance: random.Random) -> None:
    """Cut the end off."""
    del data[chance.randrange(len(data)) :]


def double(data: bytearray, chance: random.Random) -> None:
    """Write a part twice."""
    start = chance.randrange(len(data))
    data[start:start] = data[start : start + chance.randrange(1, 400)]


def insert(data: bytearray, chance: random.Random) -> None:
    """Insert bytes."""
    start = chance.randrange(len(data))
    data[start:start] = chance.randbytes(chance.choice((1, 3, 64)))


def lose(data: bytearray, chance: random.Random) -> None:
    """Lose some bytes in the middle."""
    start = chance.randrange(len(data))
    del data[start : start + chance.choice((1, 3, 64))]


DAMAGES = (flip, cut, double, insert, lose)


def people() -> list[dict[str, Any]]:
    chance = random.Random(7)
    return [
        {
            "platform": "x",
            "account_id": chance.choice("12"),
            "member_id": str(chance.randrange(10**17, 10**18)),
            "observed_on": str(ON),
            "bio": f'Biker, "{n}" zqbio',
        }
        for n in range(120)
    ]


def rows_of(path: Path, columns: tuple[str, ...], settings: Settings) -> list[tuple[Any, ...]]:
    with closing(database.connect(None, settings)) as con:
        return con.execute(f"SELECT * FROM {relation(extract_file(path), columns)} ORDER BY ALL").fetchall()


@pytest.mark.parametrize("packing", FORMATS)
def test_a_damaged_file_is_refused_by_name_or_loads_what_was_sent_or_is_unproven(
    packing: str, settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    name = f"follower.{packing}"
    whole = (write_drop(tmp_path / "whole", {name: people()}) / name).read_bytes()
    sent = land_drop(tmp_path / "whole", "whole", ON, settings, LandOptions(every_row_fits=True)).delivery
    (file,) = sent.files
    expected = rows_of(sent.folder(settings) / file.name, tuple(file.columns), settings)
    assert len(expected) == 120
    chance, refusals = random.Random(packing), list[str]()
    for n in range(N_FILES):
        data, damage = bytearray(whole), DAMAGES[n % len(DAMAGES)]
        damage(data, chance)
        folder = write_drop(tmp_path / f"damaged{n}", {name: bytes(data)})
        try:
            landed = land_drop(folder, f"damaged{n}", ON, settings, LandOptions(every_row_fits=True)).delivery
        except StillreachError as refusal:
            refusals.append(str(refusal))
            continue
        (found,) = landed.files
        if rows_of(landed.folder(settings) / found.name, tuple(found.columns), settings) != expected:
            assert found.integrity == UNPROVEN, f"{damage.__name__} {n}: other rows, {found.integrity}"
    assert len(refusals) > N_FILES // 4
    assert not [one for one in refusals if "follower." not in one or "zq" in one]


@pytest.mark.parametrize("packing", FORMATS)
def test_a_file_with_swapped_columns_is_refused_without_a_value(
    packing: str, settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    swapped = [row | {"account_id": row["member_id"], "member_id": row["account_id"]} for row in people()]
    folder = write_drop(tmp_path / "swapped", {f"follower.{packing}": swapped})
    with pytest.raises(StillreachError) as refusal:
        land_drop(folder, "swapped", ON, settings, LandOptions(every_row_fits=True))
    assert not [row for row in people() if row["member_id"] in str(refusal.value)]
