"""Landing refuses what a night would stumble over; the error names file, column and rows, and no value."""

import random
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import night
from pipelines.common.errors import DeliveryError, RoundedIdsError, SchemaError, UnusableRowsError
from pipelines.common.settings import Settings
from pipelines.landing.id_check import is_beyond_chance

WriteDrop = Callable[[Path, Mapping[str, Any]], Path]
ON = date(2026, 7, 8)
SECRET = "Jane Q Marker"
PERSON = {"platform": "x", "account_id": "1", "member_id": "7", "observed_on": "2026-07-08", "bio": SECRET}
POST = {"platform": "x", "post_id": "70", "account_id": "1", "posted_at": "2026-07-07T10:00:00Z"}
ENGAGED = {"platform": "x", "post_id": "70", "account_id": "1", "member_id": "7", "kind": "like"}
CONTACT = {"day": "2026-07-07", "channel": "phone_101", "kind": "report", "n": "3"}
FIGURE = {"platform": "x", "account_id": "1", "day": "2026-07-07", "metric": "impressions", "value": "3"}


def refused(drop: Path, settings: Settings) -> DeliveryError:
    """Land a drop that must be refused; the error holds no value, and nothing has landed."""
    for only_check in (True, False):
        with pytest.raises(DeliveryError) as refusal:
            night.land_drop(drop, "x_extract", ON, only_check=only_check)
        assert refusal.value.exit_code == 4
        assert SECRET not in refusal.value.message()
    assert not list(settings.landing.rglob("manifest.json"))
    return refusal.value


CASES = [
    ("follower", PERSON, "observed_on", "08/07/2026", "observed_on is no day (YYYY-MM-DD)"),
    ("follower", PERSON, "observed_on", "2026-07-09", "observed_on is later than the day of the delivery"),
    ("follower", PERSON, "observed_on", "1970-01-01", "observed_on is before 1990"),
    ("follower", PERSON, "observed_on", "", "observed_on is empty"),
    ("follower", PERSON, "member_id", "1.22158E+17", "member_id is no id"),
    ("follower", PERSON, "member_id", " ", "member_id is empty"),
    ("follower", PERSON, "account_id", "3", "account_id is not in account.csv"),
    ("follower", PERSON, "platform", "mastodon", "account_id is not in account.csv"),
    ("follower", PERSON, "followers_count", "1.2K", "followers_count is no whole number from 0"),
    ("follower", PERSON, "followed_on", "8 July", "followed_on is no day (YYYY-MM-DD)"),
    ("follower", PERSON, "is_protected", "perhaps", "is_protected is no true or false"),
    ("post", POST, "posted_at", "2026-07-07T10:00:00", "posted_at is no instant with a zone"),
    ("post", POST, "posted_at", "2026-07-10T00:00:00Z", "posted_at is later than the day of the delivery"),
    ("post", POST, "likes", "many", "likes is no whole number from 0"),
    ("engagement", ENGAGED, "kind", "love", "kind is no word of the contract"),
    ("contact", CONTACT, "n", "1,000", "n is no whole number from 0"),
    ("account_day", FIGURE, "value", "NaN", "value is no number"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "fit", "column", "value", "found"), CASES)
@pytest.mark.parametrize("ending", ["csv", "jsonl.gz", "parquet"])
def test_an_unusable_value_is_refused_with_column_and_row(
    table: str,
    fit: dict[str, str],
    column: str,
    value: str,
    found: str,
    ending: str,
    settings: Settings,
    tmp_path: Path,
    write_drop: WriteDrop,
) -> None:
    name = f"{table}.{ending}"
    refusal = refused(write_drop(tmp_path / "drop", {name: [fit, fit | {column: value}, fit]}), settings)
    assert isinstance(refusal, UnusableRowsError)
    assert f"{name}: {found}" in str(refusal)
    assert f" in row {3 if ending == 'csv' else 2}. " in str(refusal)  # the header of a CSV is row 1


def test_many_unusable_rows_are_counted_and_the_first_ones_named(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    rows = [PERSON | {"member_id": str(n), "observed_on": "" if n % 100 == 7 else "2026-07-08"} for n in range(20_000)]
    refusal = refused(write_drop(tmp_path / "drop", {"follower.csv": rows}), settings)
    assert "observed_on is empty in rows 9, 109, 209, 309, 409 and 195 more" in str(refusal)


def test_every_file_is_looked_at_before_a_drop_is_refused(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    files = {"follower.csv": [PERSON | {"member_id": ""}], "post.csv": [POST, POST | {"likes": "many"}]}
    refusal = str(refused(write_drop(tmp_path / "drop", files), settings))
    assert "follower.csv: member_id is empty in row 2; post.csv: likes is no whole number from 0 in row 3" in refusal


def test_a_time_that_people_can_forge_is_no_reason_to_refuse(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    forged = PERSON | {"created_at": "2031-01-01T00:00:00Z", "followed_on": "2026-07-09"}
    assert night.land_drop(write_drop(tmp_path / "drop", {"follower.csv": [forged]}), "x_extract", ON).is_new


def test_check_says_that_a_drop_can_land_and_lands_nothing(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    drop = write_drop(tmp_path / "drop", {"follower.csv": [PERSON]})
    checked = night.land_drop(drop, "x_extract", ON, only_check=True)
    assert checked.message() == "checked 1 rows in 1 files: they can land; nothing was landed"
    assert not list(settings.landing.rglob("manifest.json"))
    assert night.land_drop(drop, "x_extract", ON).is_new


@pytest.mark.parametrize("member_id", [{"id": 7}, ["7"], True, False, "7\0", 7.5])
def test_an_id_that_is_no_text_or_number_in_json_is_refused(
    member_id: object, settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    rows = [PERSON, PERSON | {"member_id": member_id}]
    refusal = refused(write_drop(tmp_path / "drop", {"follower.jsonl": rows}), settings)
    assert "member_id is no id in row 2" in str(refusal)


@pytest.mark.parametrize(
    "values",
    [
        pa.array([{"id": "7"}]),
        pa.array([["7"]]),
        pa.array([True]),
        pa.array([Decimal("7.0")]),
        pa.array([date(2026, 7, 8)]),
        pa.array([b"\x007"]),
    ],
    ids=["struct", "list", "boolean", "decimal", "date", "bytes"],
)
def test_an_id_that_is_no_text_or_number_in_parquet_is_refused(
    values: pa.Array, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "drop").mkdir()
    columns = {"platform": ["x"], "account_id": ["1"], "observed_on": ["2026-07-08"], "member_id": values}
    pq.write_table(pa.table(columns), tmp_path / "drop" / "follower.parquet")
    refusal = refused(tmp_path / "drop", settings)
    assert isinstance(refusal, SchemaError)
    assert "holds member_id as" in str(refusal)


def ids(n: int, digits: int = 19, seed: int = 1) -> list[int]:
    """Give different ids as X gives them: all multiples of 4,096, the worst case for zeros at their ends."""
    chance = random.Random(seed)
    return [(chance.randrange(10 ** (digits - 1), 2 * 10 ** (digits - 1)) >> 12) << 12 for _ in range(n)]


def people(some: list[Any]) -> list[dict[str, Any]]:
    return [PERSON | {"member_id": str(one)} for one in some]


@pytest.mark.parametrize(("kept", "digits"), [(15, 17), (15, 19), (16, 18), (17, 19)])
def test_ids_that_a_spreadsheet_rounded_are_refused_with_their_count(
    kept: int, digits: int, settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    cut = 10 ** (digits - kept)
    rows = people([one // cut * cut for one in ids(60, digits)])
    refusal = refused(write_drop(tmp_path / "drop", {"follower.csv": rows}), settings)
    assert isinstance(refusal, RoundedIdsError)
    assert "60 of 60 longer ids end with zeros" in str(refusal)


def test_a_list_of_which_a_twentieth_was_rounded_is_refused(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    rows = people([one // 10_000 * 10_000 if n % 20 == 0 else one for n, one in enumerate(ids(2_000))])
    assert isinstance(refused(write_drop(tmp_path / "drop", {"follower.csv": rows}), settings), RoundedIdsError)


@pytest.mark.parametrize("some", [[2_000_000_000_000_000_000], ids(3), ids(200), ids(5_000, seed=2), ids(5_000, 17)])
def test_true_ids_are_never_refused_by_chance(
    some: list[int], settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    assert night.land_drop(write_drop(tmp_path / "drop", {"follower.csv": people(some)}), "x_extract", ON).is_new


def test_ids_of_letters_and_short_ids_are_not_looked_at(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    rows = people([*(f"did:plc:{n}0000" for n in range(500)), *range(100_000, 600_000, 1_000)])
    assert night.land_drop(write_drop(tmp_path / "drop", {"follower.csv": rows}), "x_extract", ON).is_new


def test_ids_that_were_cut_are_refused_where_those_of_the_delivery_before_were_longer(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    old = [*range(100_000, 140_000, 1_000), *ids(60)]
    before = [one | {"observed_on": str(ON - timedelta(7))} for one in people(old)]
    night.land_drop(write_drop(tmp_path / "before", {"follower.csv": before}), "x_extract", ON - timedelta(7))
    cut = people([str(one)[:15] for one in old])
    write_drop(tmp_path / "cut", {"follower.csv": cut})
    with pytest.raises(RoundedIdsError, match="holds no member_id of 16 digits or more, and 60% of those of the"):
        night.land_drop(tmp_path / "cut", "x_extract", ON)
    other_source = night.land_drop(tmp_path / "cut", "another", ON)
    assert other_source.is_new, "lengths are compared with deliveries of the same source alone"


def test_another_platforms_ids_are_not_compared_in_length(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    before = [one | {"observed_on": str(ON - timedelta(7))} for one in people(ids(60))]
    night.land_drop(write_drop(tmp_path / "one", {"follower.csv": before}), "x_extract", ON - timedelta(7))
    names = people([f"member{n}@example.org" for n in range(60)])
    assert night.land_drop(write_drop(tmp_path / "two", {"follower.csv": names}), "x_extract", ON).is_new
    few = people(list(range(100, 140)))
    assert night.land_drop(write_drop(tmp_path / "three", {"follower.csv": few}), "x_extract", ON).is_new


def test_many_rows_of_few_ids_are_refused_with_their_counts(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    rows = people([f"12{n % 12}" for n in range(1_000)])
    refusal = refused(write_drop(tmp_path / "drop", {"follower.csv": rows}), settings)
    assert "has 1,000 rows that hold only 12 different ids" in str(refusal)


def test_a_list_read_twice_is_no_list_of_rounded_ids(settings: Settings, tmp_path: Path, write_drop: WriteDrop) -> None:
    rows = people([f"id{n % 500}" for n in range(1_000)])
    assert night.land_drop(write_drop(tmp_path / "drop", {"follower.csv": rows}), "x_extract", ON).is_new


@pytest.mark.parametrize(("n_ids", "chance"), [(1, 0.2), (5, 0.2), (40, 0.2), (1_000, 0.2), (5, 0.04), (1_000, 0.0016)])
def test_the_probability_of_a_false_refusal_is_below_one_in_a_billion(n_ids: int, chance: float) -> None:
    from scipy.stats import binom

    least = next((n for n in range(n_ids + 1) if is_beyond_chance(n, n_ids * chance)), n_ids + 1)
    assert binom.sf(least - 1, n_ids, chance) < 1e-9
