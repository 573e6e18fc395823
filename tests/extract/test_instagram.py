"""Instagram exports → a drop: both shapes, numbered files, zips; what lies beside stays shut; errors name no person."""

import csv
import datetime
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.common.errors import DeliveryError, SchemaError, StillreachError, UnreadableFileError
from pipelines.extract.exports.instagram import convert, mended
from tests.extract.samples.instagram import FOLDER, OURS, SEEN, follower, lay, read, wrapped, write

SECRET = "jane.private"


def table(tmp: Path) -> list[dict[str, str]]:
    with (tmp / "out" / "follower.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, strict=True))


def handles(tmp: Path, *files: str) -> list[str]:
    read(lay(tmp / "in", *files), tmp / "out")
    return [row["member_id"] for row in table(tmp)]


def pack(file: Path, members: dict[str, str]) -> Path:
    """Write a zip as Meta does, with messages and the lists of others beside."""
    beside = dict.fromkeys(("messages/inbox/1.json", f"{FOLDER}/close_friends.json"), f'"{SECRET}"')
    file.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name, text in (beside | members).items():
            target.writestr(name, text)
    return file


def refused(tmp: Path, kind: type[StillreachError], *parts: str, account: str | None = None) -> None:
    """Convert a bad export; it must say what and a hint, name nobody, and leave no drop."""
    with pytest.raises(kind) as caught:
        convert(tmp / "in", tmp / "out", OURS, SEEN, account)
    message = str(caught.value)
    assert type(caught.value) is kind
    for part in ("Hint: ", *parts):
        assert part in message
    assert SECRET not in message
    assert not list(tmp.glob("out/*"))


# --- what becomes what ----------------------------------------------------------------------------


def test_a_follower_has_a_handle_and_a_day(tmp_path: Path) -> None:
    notes = read(write(tmp_path / "in", "as known"), tmp_path / "out")
    assert table(tmp_path) == [
        {
            "platform": "instagram",
            "account_id": "17841400001",
            "member_id": "jane.rides",
            "observed_on": "2026-07-15",
            "followed_on": "2023-02-14",
            "handle": "jane.rides",
        }
    ]
    assert "followers: 1, files: 1, as of 2026-07-15" in notes[0]
    assert not any("jane" in note for note in notes)


@pytest.mark.parametrize(
    ("timestamp", "day"),
    [
        (1676419199, "2023-02-14"),
        (1676419200, "2023-02-15"),
        (0, ""),
        (None, ""),
        (-1, ""),
        (10**20, ""),
        (1286323199, ""),
        (1286323200, "2010-10-06"),
    ],
)
def test_a_day_is_in_utc_and_no_day_stays_empty(tmp_path: Path, timestamp: int | None, day: str) -> None:
    notes = read(lay(tmp_path / "in", json.dumps([follower(timestamp=timestamp)])), tmp_path / "out")
    assert table(tmp_path)[0]["followed_on"] == day
    assert any("without a day" in note for note in notes) == (not day)


@pytest.mark.parametrize("shape", [json.dumps, wrapped], ids=["bare", "wrapped"])
def test_both_shapes_and_several_files_are_one_list_in_the_order_of_the_numbers(tmp_path: Path, shape: Any) -> None:
    people = [f"p{n}" for n in range(11)]
    assert handles(tmp_path, *(shape([follower(one)]) for one in people)) == people


@given(st.text(min_size=1))
def test_text_that_meta_spoilt_is_mended_and_other_text_left(text: str) -> None:
    spoilt = text.encode("utf-8", "ignore").decode("latin-1")
    assert mended(spoilt) == text.encode("utf-8", "ignore").decode()


def test_whole_text_beyond_ascii_is_left(tmp_path: Path) -> None:
    assert mended("José") == "José"
    assert mended("日本") == "日本"
    assert handles(tmp_path, json.dumps([follower("jos\u00c3\u00a9")])) == ["josé"]


@pytest.mark.parametrize(("years_ago", "warned"), [(2, True), (4, False)])
def test_a_list_with_nobody_of_old_is_warned_of(tmp_path: Path, years_ago: int, warned: bool) -> None:
    then = int(datetime.datetime(2026 - years_ago, 7, 1, tzinfo=datetime.UTC).timestamp())
    notes = read(lay(tmp_path / "in", json.dumps([follower(timestamp=then)])), tmp_path / "out")
    assert any("all time" in note for note in notes) == warned


# --- zips -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "instagram-sp_motor-2026-07-15-x1/"])
def test_a_zip_is_read_as_meta_packs_it_and_nothing_beside_is_opened(
    tmp_path: Path, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = {f"{prefix}{FOLDER}/followers_{n}.json": json.dumps([follower(f"p{n}")]) for n in (1, 2)}
    was_opened: list[str] = []
    really_open = zipfile.ZipFile.open

    def spy(self: zipfile.ZipFile, name: Any, *args: Any, **more: Any) -> Any:
        was_opened.append(name.filename if isinstance(name, zipfile.ZipInfo) else name)
        return really_open(self, name, *args, **more)

    file = pack(tmp_path / "a.zip", members)
    monkeypatch.setattr(zipfile.ZipFile, "open", spy)
    notes = convert(file, tmp_path / "out", OURS, SEEN, "sp_news")
    assert [(row["account_id"], row["member_id"]) for row in table(tmp_path)] == [
        ("17841400002", "p1"),
        ("17841400002", "p2"),
    ]
    assert sorted(was_opened) == sorted(members)
    assert notes[0].startswith("a.zip: followers: 2, files: 2")


def test_a_zip_with_html_is_refused_with_advice(tmp_path: Path) -> None:
    pack(tmp_path / "in" / "sp_motor" / "a.zip", {f"{FOLDER}/followers_1.html": "<html>"})
    refused(tmp_path, DeliveryError, "sp_motor/a.zip: has no connections", "JSON")


def test_two_exports_in_one_zip_are_refused(tmp_path: Path) -> None:
    members = {f"{place}{FOLDER}/followers_1.json": json.dumps([follower(SECRET)]) for place in ("a/", "b/")}
    pack(tmp_path / "in" / "sp_motor" / "a.zip", members)
    refused(tmp_path, DeliveryError, "two exports")


# --- whose, and which files -----------------------------------------------------------------------


def test_one_file_may_be_passed_with_its_account(tmp_path: Path) -> None:
    lay(tmp_path / "in", json.dumps([follower()]), account="download")
    file = tmp_path / "in" / "download" / FOLDER / "followers_1.json"
    assert convert(file, tmp_path / "out", OURS, SEEN, "@SP_Motor")[0].startswith("followers_1.json: followers: 1")
    assert table(tmp_path)[0]["account_id"] == "17841400001"


def test_each_account_has_a_folder(tmp_path: Path) -> None:
    for account in OURS:
        lay(tmp_path / "in", json.dumps([follower(f"fan_of_{account}")]), account=account)
    read(tmp_path / "in", tmp_path / "out")
    assert [(row["account_id"], row["member_id"]) for row in table(tmp_path)] == [
        ("17841400001", "fan_of_sp_motor"),
        ("17841400002", "fan_of_sp_news"),
    ]
    (tmp_path / "out" / "follower.csv").unlink()
    refused(tmp_path, DeliveryError, "two exports of one account", account="sp_motor")


def test_an_account_is_never_guessed(tmp_path: Path) -> None:
    lay(tmp_path / "in", json.dumps([follower(SECRET)]), account="download")
    refused(tmp_path, DeliveryError, "cannot tell whose export", "Known: sp_motor, sp_news")
    refused(tmp_path, DeliveryError, "not an Instagram account of ours", account="77")


@pytest.mark.parametrize(("gone", "message"), [(2, "followers_2.json is missing"), (1, "followers_1.json is missing")])
def test_a_gap_in_the_numbers_is_refused(tmp_path: Path, gone: int, message: str) -> None:
    lay(tmp_path / "in", *(json.dumps([follower(SECRET)]) for _ in range(3)))
    (tmp_path / "in" / "sp_motor" / FOLDER / f"followers_{gone}.json").unlink()
    refused(tmp_path, UnreadableFileError, message, "followers_3.json is there")


def test_a_folder_without_followers_is_refused(tmp_path: Path) -> None:
    lay(tmp_path / "in")
    refused(tmp_path, DeliveryError, "no followers_1.json there")


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    lay(tmp_path / "in", json.dumps([follower()]))
    (tmp_path / "elsewhere.json").write_text(json.dumps([follower(SECRET)]))
    (tmp_path / "in" / "sp_motor" / FOLDER / "followers_2.json").symlink_to(tmp_path / "elsewhere.json")
    assert "files: 1" in read(tmp_path / "in", tmp_path / "out")[0]


def test_an_export_of_nobody_leaves_no_file_and_says_so(tmp_path: Path) -> None:
    assert "followers: 0" in read(lay(tmp_path / "in", "[]"), tmp_path / "out")[0]
    assert not (tmp_path / "out").exists()


# --- drift ----------------------------------------------------------------------------------------


def test_unknown_fields_are_named(tmp_path: Path) -> None:
    entries = [follower(is_verified=True), follower("b") | {"fbid": SECRET}]
    notes = read(lay(tmp_path / "in", json.dumps(entries)), tmp_path / "out")
    assert any(note.endswith("unknown fields, not read: fbid, is_verified") for note in notes)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (follower(None), "lacks value, the handle; it has the fields href, timestamp"),
        (follower(5), "has value as int, known is text"),
        (follower(""), "has a value that is no handle"),
        (follower("jane smith"), "has a value that is no handle"),
        (follower(SECRET, "2023"), "has timestamp as str, known is a whole number"),
        (follower(SECRET, 1.5), "has timestamp as float, known is a whole number"),
        (follower(SECRET, True), "has timestamp as bool, known is a whole number"),
        ({"title": SECRET}, "lacks string_list_data with one object; it has the fields title"),
        ({"string_list_data": []}, "lacks string_list_data with one object"),
        ({"string_list_data": [{"value": SECRET}, {"value": SECRET}]}, "lacks string_list_data with one object"),
    ],
)
def test_an_entry_that_is_not_as_known_stops(tmp_path: Path, entry: dict[str, Any], message: str) -> None:
    lay(tmp_path / "in", json.dumps([follower()]), json.dumps([follower("a"), entry]))
    refused(tmp_path, SchemaError, "followers_2.json, entry 2: ", message)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", UnreadableFileError),
        ('{"relationships_following": []}', SchemaError),
        ('{"relationships_followers": [], "jane.private": 1}', SchemaError),
        ("[] []", UnreadableFileError),
        (json.dumps([follower(SECRET)])[:-1], UnreadableFileError),
        ("<html>jane.private</html>", SchemaError),
    ],
)
def test_a_file_that_is_no_list_of_followers_stops(tmp_path: Path, text: str, kind: type[StillreachError]) -> None:
    lay(tmp_path / "in", text)
    refused(tmp_path, kind, "followers_1.json")
