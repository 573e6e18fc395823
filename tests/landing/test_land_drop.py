"""A drop lands once, whole and unchanging, or not at all; the current delivery is always known."""

import fcntl
import gzip
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from pipelines.common.errors import BusyError, DeliveryError, LandedFileChangedError, SchemaError, UnreadableFileError
from pipelines.common.settings import Settings
from pipelines.landing.deliveries import current_deliveries, verify_files
from pipelines.landing.inbox import inbox_drops, refused_drops
from pipelines.landing.land_drop import Landed, land_drop
from pipelines.landing.manifest import read_manifest

WriteDrop = Callable[[Path, Mapping[str, Any]], Path]
Rows = Callable[..., list[dict[str, Any]]]

ON = date(2026, 7, 8)
LATER = date(2026, 7, 31)
CSV = "platform,account_id,member_id,observed_on\n"
ONE = CSV + "x,1,7,2026-07-08\n"
TWO = CSV + "x,1,7,2026-07-08\nx,1,8,2026-07-08\n"


def landed_files(settings: Settings) -> list[Path]:
    """Every file that stands in the landing area, hidden ones too, without its lock."""
    if not settings.landing.exists():
        return []
    return [path for path in settings.landing.rglob("*") if path.is_file() and path.name != ".lock"]


def manifest_of(landed: Landed, settings: Settings) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((landed.delivery.folder(settings) / "manifest.json").read_text(encoding="utf-8"))
    return read


def test_the_manifest_says_what_came(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop, followers: Rows
) -> None:
    rows = [*followers("1", [7, 8], "2026-07-08", mood="sunny"), *followers("2", [7], "2026-07-01")]
    files = {
        "follower.csv": rows,
        "contact.jsonl.gz": [{"day": "2026-07-07", "channel": "x", "kind": "report", "n": 3}],
        "manifest.json": {"reported": {"follower": {"x:1": 3}}, "follower_scope": "partial"},
    }
    drop = write_drop(tmp_path / "drop", files)
    landed = land_drop(drop, "x_extract", ON, settings)
    assert landed.is_new and landed.supersedes is None
    manifest = manifest_of(landed, settings)
    content = (drop / "follower.csv").read_bytes()
    assert manifest["files"][1] == {
        "name": "follower.csv",
        "table": "follower",
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "rows": 3,
        "columns": ["platform", "account_id", "member_id", "observed_on"],
        "unknown_columns": ["mood"],
        "integrity": "unproven",
        "long_id_share": {},
    }
    assert [(file["name"], file["table"], file["rows"]) for file in manifest["files"]] == [
        ("contact.jsonl.gz", "contact", 1),
        ("follower.csv", "follower", 3),
    ]
    assert manifest["accounts"] == [
        {"table": "follower", "platform": "x", "account_id": "1", "collected": 2, "reported": 3},
        {"table": "follower", "platform": "x", "account_id": "2", "collected": 1, "reported": None},
    ]
    assert manifest["follower_scope"] == "partial"
    assert (manifest["source"], manifest["snapshot_on"]) == ("x_extract", "2026-07-08")
    assert manifest["first_observed_on"] == "2026-07-01"
    assert manifest["notes"] == ["follower: 1 unknown columns ignored"]
    assert datetime.now(UTC) - datetime.fromisoformat(manifest["landed_at"]) < timedelta(minutes=5)
    assert landed.delivery.rows == 4
    assert landed.message() == f"{landed.delivery.delivery_id}: landed 4 rows in 2 files"
    assert read_manifest(landed.delivery.folder(settings) / "manifest.json") == landed.delivery


def test_landed_files_are_the_bytes_that_came_and_read_only(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    drop = write_drop(tmp_path / "drop", {"follower.csv": ONE, "follower-2.csv.gz": TWO, ".DS_Store": b"\0"})
    came = {path.name: path.read_bytes() for path in drop.iterdir() if not path.name.startswith(".")}
    folder = land_drop(drop, "x_extract", ON, settings).delivery.folder(settings)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"} == came
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o440}
    assert drop.joinpath(".DS_Store").exists()
    assert {path.name for path in settings.landing.iterdir()} == {"x_extract", ".lock"}


def test_one_file_is_a_drop_too(settings: Settings, tmp_path: Path, write_drop: WriteDrop) -> None:
    drop = write_drop(tmp_path / "drop", {"follower.csv": ONE, "post.csv": "half a"})
    landed = land_drop(drop / "follower.csv", "x_extract", ON, settings)
    assert [file.name for file in landed.delivery.files] == ["follower.csv"]


@pytest.mark.parametrize("packed", [".gz", ".zst"])
def test_packed_parquet_lands_unpacked_and_says_what_it_came_as(
    packed: str, settings: Settings, tmp_path: Path, write_drop: WriteDrop, followers: Rows
) -> None:
    drop = write_drop(tmp_path / "drop", {f"follower.parquet{packed}": followers("1", [7, 8], "2026-07-08")})
    landed = land_drop(drop, "x_extract", ON, settings)
    came = (drop / f"follower.parquet{packed}").read_bytes()
    assert [(file.name, file.rows) for file in landed.delivery.files] == [("follower.parquet", 2)]
    assert landed.delivery.came_as == {f"follower.parquet{packed}": hashlib.sha256(came).hexdigest()}
    verify_files(landed.delivery, settings)


def test_a_parquet_file_beside_itself_packed_is_refused(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop, followers: Rows
) -> None:
    rows = followers("1", [7], "2026-07-08")
    drop = write_drop(tmp_path / "drop", {"follower.parquet": rows, "follower.parquet.gz": rows})
    with pytest.raises(DeliveryError):
        land_drop(drop, "x_extract", ON, settings)


def test_the_same_content_twice_is_no_new_delivery_and_says_so(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    first = land_drop(write_drop(tmp_path / "one", {"follower.csv": ONE}), "x_extract", ON, settings)
    before = landed_files(settings)
    again = land_drop(write_drop(tmp_path / "two", {"follower.csv": ONE}), "x_extract", ON, settings)
    assert not again.is_new and again.supersedes is None
    assert again.delivery == first.delivery
    assert again.message() == f"{first.delivery.delivery_id}: the same content has landed already; nothing to do"
    assert landed_files(settings) == before


def test_the_same_rows_declared_partial_are_another_delivery(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    land_drop(write_drop(tmp_path / "one", {"follower.csv": ONE}), "x_extract", ON, settings)
    partial = {"follower.csv": ONE, "manifest.json": {"follower_scope": "partial"}}
    assert land_drop(write_drop(tmp_path / "two", partial), "x_extract", ON, settings).is_new


def test_a_b_a_puts_the_first_content_back_in_force(settings: Settings, tmp_path: Path, write_drop: WriteDrop) -> None:
    drops = [write_drop(tmp_path / name, {"follower.csv": text}) for name, text in (("a", ONE), ("b", TWO))]
    landed = [land_drop(drop, "x_extract", ON, settings) for drop in (drops[0], drops[1], drops[0])]
    assert all(one.is_new for one in landed)
    assert [one.supersedes.delivery_id if one.supersedes else None for one in landed] == [
        None,
        landed[0].delivery.delivery_id,
        landed[1].delivery.delivery_id,
    ]
    assert len({one.delivery.delivery_id for one in landed}) == 3
    current = current_deliveries(settings, until=LATER)
    assert list(current.values()) == [landed[2].delivery]
    assert current["x_extract", "2026-07-08"].rows == 1


def test_a_tenth_delivery_of_one_day_supersedes_the_ninth(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    for n in range(11):
        drop = write_drop(tmp_path / str(n), {"follower.csv": CSV + f"x,1,{n},2026-07-08\n"})
        landed = land_drop(drop, "x_extract", ON, settings)
    assert current_deliveries(settings, until=ON)["x_extract", "2026-07-08"] == landed.delivery
    assert ".0011-" in landed.delivery.delivery_id


def test_another_day_or_source_supersedes_nothing(settings: Settings, tmp_path: Path, write_drop: WriteDrop) -> None:
    drop = write_drop(tmp_path / "drop", {"follower.csv": ONE})
    landed = [
        land_drop(drop, "x_extract", ON, settings),
        land_drop(drop, "x_extract", ON + timedelta(days=1), settings),
        land_drop(drop, "other", ON, settings),
    ]
    assert all(one.is_new and one.supersedes is None for one in landed)
    assert list(current_deliveries(settings, until=ON)) == [
        ("other", "2026-07-08"),
        ("x_extract", "2026-07-08"),
    ]
    assert len(current_deliveries(settings, until=LATER)) == 3


def test_a_superseding_delivery_that_lacks_an_account_says_so(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop, followers: Rows
) -> None:
    both = [*followers("1", [7], "2026-07-08"), *followers("2", [7], "2026-07-08")]
    first = land_drop(write_drop(tmp_path / "one", {"follower.csv": both}), "x_extract", ON, settings)
    second = land_drop(write_drop(tmp_path / "two", {"follower.csv": ONE}), "x_extract", ON, settings)
    assert second.message().endswith(
        f"landed 1 rows in 1 files; supersedes {first.delivery.delivery_id}, and lacks its follower of x:2"
    )


def test_many_accounts_that_are_no_longer_delivered_are_counted(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop, followers: Rows
) -> None:
    many = [row for n in range(9) for row in followers(str(n), [7], "2026-07-08")]
    land_drop(write_drop(tmp_path / "one", {"follower.csv": many}), "x_extract", ON, settings)
    second = land_drop(write_drop(tmp_path / "two", {"follower.csv": ONE}), "x_extract", ON, settings)
    assert second.message().endswith("and lacks its follower of x:2 and 7 more")


def test_a_declared_list_of_an_account_that_is_not_listed_is_refused_without_its_id(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    drop = write_drop(tmp_path / "drop", accounted(told_list(account_id="zqid7"), follower=ONE))
    with pytest.raises(UnreadableFileError, match=r"an account that account\.csv does not name: has 0 rows") as refusal:
        land_drop(drop, "pull", ON, settings)
    assert "zq" not in str(refusal.value)


def test_notes_of_earlier_manifests_are_published_without_names_of_columns(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    landed = land_drop(write_drop(tmp_path / "one", {"follower.csv": ONE}), "x_extract", ON, settings).delivery
    old = replace(landed, notes=["follower.csv: ignored unknown columns zqjane, zqjohn", "a note"])
    assert old.published_notes == ["follower.csv: unknown columns ignored", "a note"]


BAD_DROPS: list[tuple[str, Mapping[str, Any], type[DeliveryError], str]] = [
    ("cut off", {"follower.csv": ONE.strip()}, UnreadableFileError, "follower.csv: does not end with a line break"),
    ("one bad of two", {"follower.csv": ONE, "post.csv": b""}, UnreadableFileError, "post.csv: is empty"),
    ("last bad", {"follower.csv": ONE, "post.jsonl": '{"a": 1}\n'}, SchemaError, "post.jsonl: lacks the required"),
    ("misnamed", {"followers.csv": ONE}, SchemaError, "did you mean follower?"),
    (
        "stray file",
        {"follower.csv": ONE, "Thumbs.db": b"\0"},
        SchemaError,
        "Thumbs.db: is not named for a table",
    ),
    ("nothing", {}, DeliveryError, "holds no files"),
    ("a manifest alone", {"manifest.json": {}}, DeliveryError, "holds no files"),
    ("hidden files alone", {".follower.csv": ONE}, DeliveryError, "holds no files"),
    ("no JSON", {"follower.csv": ONE, "manifest.json": "{'a': 1}"}, DeliveryError, "Invalid JSON"),
    ("a list", {"follower.csv": ONE, "manifest.json": "[1]"}, DeliveryError, "manifest.json: cannot be used"),
    (
        "unknown keys",
        {"follower.csv": ONE, "manifest.json": {"scope": 1, "by": 2}},
        DeliveryError,
        "Extra inputs are not permitted",
    ),
    (
        "scope",
        {"follower.csv": ONE, "manifest.json": {"follower_scope": "some"}},
        DeliveryError,
        "follower_scope: Input should be",
    ),
    (
        "told another hash",
        {"follower.csv": ONE, "manifest.json": {"files": {"follower.csv": {"sha256": "0" * 64}}}},
        UnreadableFileError,
        "follower.csv: differs from its declared sha256",
    ),
    (
        "told other rows",
        {"follower.csv": ONE, "manifest.json": {"files": {"follower.csv": {"rows": 2000}}}},
        UnreadableFileError,
        "follower.csv: has 1 rows, its sender declared 2,000",
    ),
]


@pytest.mark.parametrize(("what", "files", "error", "found"), BAD_DROPS, ids=[bad[0] for bad in BAD_DROPS])
def test_a_drop_that_cannot_land_leaves_nothing_landed_and_itself_as_it_was(
    what: str,
    files: Mapping[str, Any],
    error: type[DeliveryError],
    found: str,
    settings: Settings,
    tmp_path: Path,
    write_drop: WriteDrop,
) -> None:
    drop = write_drop(tmp_path / "drop", files)
    came = {path.name: path.read_bytes() for path in drop.iterdir()}
    with pytest.raises(error) as refusal:
        land_drop(drop, "x_extract", ON, settings)
    assert found in str(refusal.value)
    assert landed_files(settings) == []
    assert list(settings.landing.glob(".landing-*")) == []
    assert {path.name: path.read_bytes() for path in drop.iterdir()} == came
    assert current_deliveries(settings, until=LATER) == {}


@pytest.mark.parametrize(
    "declared",
    [
        {"files": ["follower.csv"]},
        {"files": {"follower.csv": 1}},
        {"files": {"follower.csv": {"rows": "many"}}},
        {"reported": [1]},
        {"reported": {"follower": 3}},
        {"reported": {"follower": {"x:1": "many"}}},
        {"reported": {"follower": {"x:1": -3}}},
        {"reported": {"followers": {"x:1": 3}}},
    ],
    ids=str,
)
def test_a_senders_manifest_of_another_shape_is_refused(
    declared: dict[str, Any], settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    drop = write_drop(tmp_path / "drop", {"follower.csv": ONE, "manifest.json": declared})
    with pytest.raises(DeliveryError, match=r"manifest\.json"):
        land_drop(drop, "x_extract", ON, settings)


def test_a_file_that_its_sender_lists_and_that_did_not_come_is_missed(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    declared = {"files": {"follower.csv": {"rows": 1}, "post.csv": {"rows": 9}}}
    drop = write_drop(tmp_path / "drop", {"follower.csv": ONE, "manifest.json": declared})
    with pytest.raises(DeliveryError, match=r"post\.csv"):
        land_drop(drop, "x_extract", ON, settings)


def test_a_senders_manifest_that_agrees_is_taken(settings: Settings, tmp_path: Path, write_drop: WriteDrop) -> None:
    declared = {"files": {"follower.csv": {"rows": 1, "sha256": hashlib.sha256(ONE.encode()).hexdigest()}}}
    drop = write_drop(tmp_path / "drop", {"follower.csv": ONE, "manifest.json": declared})
    landed = land_drop(drop, "x_extract", ON, settings)
    assert landed.delivery.follower_scope == "complete"
    assert [file.name for file in landed.delivery.files] == ["follower.csv"]


@pytest.mark.parametrize("kind", ["link to a file", "link to a folder", "folder", "pipe"])
def test_what_is_no_plain_file_is_refused(kind: str, settings: Settings, tmp_path: Path, write_drop: WriteDrop) -> None:
    elsewhere = write_drop(tmp_path / "elsewhere", {"follower.csv": ONE})
    drop = write_drop(tmp_path / "drop", {"post.csv": ONE})
    odd = drop / "follower.csv"
    match kind:
        case "link to a file":
            odd.symlink_to(elsewhere / "follower.csv")
        case "link to a folder":
            odd.symlink_to(elsewhere)
        case "folder":
            odd.mkdir()
        case "pipe":
            os.mkfifo(odd)
    with pytest.raises(DeliveryError, match=r"follower\.csv: is not a plain file"):
        land_drop(drop, "x_extract", ON, settings)
    assert landed_files(settings) == []


def test_a_drop_that_is_not_there_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="does not exist"):
        land_drop(tmp_path / "nowhere", "x_extract", ON, settings)


def test_a_day_in_the_future_is_refused(settings: Settings, tmp_path: Path, write_drop: WriteDrop) -> None:
    drop = write_drop(tmp_path / "drop", {"follower.csv": ONE})
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    with pytest.raises(DeliveryError, match="is in the future"):
        land_drop(drop, "x_extract", tomorrow, settings)
    assert landed_files(settings) == []


@pytest.mark.parametrize("source", ["", "X", "x-extract", "1x", "../x", "x extract", "é", ".x", "x\n"])
def test_a_source_needs_a_name(source: str, settings: Settings, tmp_path: Path, write_drop: WriteDrop) -> None:
    drop = write_drop(tmp_path / "drop", {"follower.csv": ONE})
    with pytest.raises(DeliveryError, match="is not a usable name"):
        land_drop(drop, source, ON, settings)


def test_two_landings_at_once_are_one_too_many(settings: Settings, tmp_path: Path, write_drop: WriteDrop) -> None:
    drop = write_drop(tmp_path / "drop", {"follower.csv": ONE})
    settings.landing.mkdir(parents=True)
    with (settings.landing / ".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(BusyError, match="another landing runs"):
            land_drop(drop, "x_extract", ON, settings)
    assert land_drop(drop, "x_extract", ON, settings).is_new


def test_what_a_killed_landing_left_is_no_delivery_and_is_swept(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    left = write_drop(settings.landing / ".landing-0123456789ab", {"follower.csv": ONE, "manifest.json": {}})
    assert current_deliveries(settings, until=LATER) == {}
    land_drop(write_drop(tmp_path / "drop", {"follower.csv": TWO}), "x_extract", ON, settings)
    assert not left.exists()


@pytest.mark.parametrize("name", ["follower.csv", "follower.csv.gz", "follower.parquet"])
def test_a_flipped_byte_of_a_landed_file_is_noticed(
    name: str, settings: Settings, tmp_path: Path, write_drop: WriteDrop, followers: Rows
) -> None:
    drop = write_drop(tmp_path / "drop", {name: followers("1", range(20), "2026-07-08")})
    delivery = land_drop(drop, "x_extract", ON, settings).delivery
    verify_files(delivery, settings)
    path = delivery.folder(settings) / name
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(LandedFileChangedError, match="is not the file that landed"):
        verify_files(delivery, settings)


def test_a_lost_landed_file_is_noticed(settings: Settings, tmp_path: Path, write_drop: WriteDrop) -> None:
    delivery = land_drop(write_drop(tmp_path / "drop", {"follower.csv": ONE}), "x_extract", ON, settings).delivery
    (delivery.folder(settings) / "follower.csv").unlink()
    with pytest.raises(LandedFileChangedError):
        verify_files(delivery, settings)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"source": 1}', '{"files": [{"name": "a"}]}'])
def test_a_manifest_that_is_none_is_noticed(
    content: str, settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    delivery = land_drop(write_drop(tmp_path / "drop", {"follower.csv": ONE}), "x_extract", ON, settings).delivery
    manifest = delivery.folder(settings) / "manifest.json"
    manifest.chmod(0o600)
    manifest.write_text(content, encoding="utf-8")
    with pytest.raises(LandedFileChangedError, match="is not readable as a manifest"):
        current_deliveries(settings, until=LATER)


def test_the_inbox_gives_its_drops_oldest_day_first_and_later_ones_not_yet(
    settings: Settings, write_drop: WriteDrop
) -> None:
    for name in ("b/2026-07-08", "a/2026-07-15", "a/2026-07-08", "a/2026-07-01", "a/2026-08-01", ".x/oops", "a/.oops"):
        write_drop(settings.inbox / name, {"follower.csv": ONE})
    drops = inbox_drops(settings, until=LATER)
    assert [(source, str(day)) for _, source, day in drops] == [
        ("a", "2026-07-01"),
        ("a", "2026-07-08"),
        ("b", "2026-07-08"),
        ("a", "2026-07-15"),
    ]


def test_an_inbox_folder_that_is_named_for_no_day_is_set_aside(settings: Settings, write_drop: WriteDrop) -> None:
    write_drop(settings.inbox / "a" / "8 July", {"follower.csv": ONE})
    write_drop(settings.inbox / "a" / "2026-07-08", {"follower.csv": ONE})
    assert [drop.name for drop, _, _ in inbox_drops(settings, until=LATER)] == ["2026-07-08"]
    ((name, refused),) = refused_drops(settings)
    assert (name, refused[:39]) == ("inbox/a/8 July", "DeliveryError: inbox/a/8 July: is not a")


def test_an_empty_inbox_holds_no_drops(settings: Settings) -> None:
    assert inbox_drops(settings, until=LATER) == []


@pytest.mark.parametrize("observed_on", ["0044-03-15 (BC)", "-infinity", "infinity"])
def test_a_day_before_christ_or_beyond_time_lands_without_an_exception(
    observed_on: str, settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    drop = write_drop(tmp_path / "drop", {"follower.csv": ONE + f"x,1,8,{observed_on}\n"})
    assert land_drop(drop, "x_extract", ON, settings).delivery.rows == 2


# A landing: source, day, content, and whether it is declared partial.
LANDINGS = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from((ON, ON + timedelta(days=1))), st.integers(0, 2), st.booleans()),
    max_size=7,
)


@hypothesis.given(LANDINGS, st.sampled_from((ON - timedelta(days=1), ON, LATER)))
@hypothesis.settings(
    max_examples=15, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
def test_whatever_lands_the_last_of_a_source_and_day_is_current(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop, landings: list[tuple[str, date, int, bool]], until: date
) -> None:
    shutil.rmtree(settings.landing, ignore_errors=True)
    model: dict[tuple[str, str], tuple[int, str]] = {}
    for source, day, content, is_partial in landings:
        scope = "partial" if is_partial else "complete"
        files = {"follower.csv": ONE + ONE.removeprefix(CSV) * content, "manifest.json": {"follower_scope": scope}}
        landed = land_drop(write_drop(tmp_path / "drop", files), source, day, settings)
        assert landed.is_new == (model.get((source, day.isoformat())) != (content, scope))
        model[source, day.isoformat()] = (content, scope)
    current = current_deliveries(settings, until=until)
    assert {key: (one.rows - 1, one.follower_scope) for key, one in current.items()} == {
        key: delivery for key, delivery in model.items() if key[1] <= until.isoformat()
    }
    assert list(current) == sorted(current, key=lambda key: (key[1], key[0]))
    for one in current.values():
        verify_files(one, settings)


def test_gzip_that_only_its_trailer_betrays_is_refused(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    packed = bytearray(gzip.compress(ONE.encode(), mtime=0))
    packed[-5] ^= 1  # the checksum, which DuckDB does not compare
    drop = write_drop(tmp_path / "drop", {"follower.csv.gz": bytes(packed)})
    with pytest.raises(UnreadableFileError, match="cannot be unpacked"):
        land_drop(drop, "x_extract", ON, settings)


def test_nobody_else_can_enter_where_people_are(settings: Settings, tmp_path: Path, write_drop: WriteDrop) -> None:
    land_drop(write_drop(tmp_path / "drop", {"follower.csv": ONE}), "x_extract", ON, settings)
    for folder in (settings.landing, settings.work):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder


def told_list(account_id: str = "1", kind: str = "follower", **more: Any) -> dict[str, Any]:
    """One list as a puller accounts for it; whole unless told otherwise."""
    fetched = {"n_pages": 1, "n_requests": 1, "n_repeats": 0, "n_null_rows": 0}
    counted = {"n_lists": 1, "n_reported": None, "n_collected": 1, "scope": "complete", "reason": ""}
    return {"platform": "x", "account_id": account_id, "kind": kind} | fetched | counted | more


def accounted(*lists: dict[str, Any], **files: str) -> dict[str, Any]:
    """A drop's files with a manifest that accounts for lists."""
    named = {f"{name}.csv": text for name, text in files.items()}
    return named | {"manifest.json": {"completeness": list(lists), "notes": ["x.csv: ignored mood"]}}


CUT = {"scope": "partial", "reason": "deadline"}
NOTHING_CAME = told_list(n_collected=0, n_pages=0, scope="partial", reason="the platform did not answer")


def test_a_delivery_keeps_what_its_sender_says_of_its_lists(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    lists = (told_list(n_reported=2), told_list(kind="like", n_lists=9, n_collected=40, n_reported=60, **CUT))
    landed = land_drop(write_drop(tmp_path / "drop", accounted(*lists, follower=ONE)), "pull", ON, settings)
    assert manifest_of(landed, settings)["completeness"] == list(lists)
    assert landed.delivery.notes == ["x.csv: ignored mood"]
    assert read_manifest(landed.delivery.folder(settings) / "manifest.json") == landed.delivery
    assert landed.message().endswith("landed 1 rows in 1 files; 1 of 2 kinds of lists are partial")


def test_a_manifest_of_before_there_was_completeness_is_still_read(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    landed = land_drop(write_drop(tmp_path / "drop", {"follower.csv": ONE}), "x_extract", ON, settings)
    path = landed.delivery.folder(settings) / "manifest.json"
    path.chmod(0o600)
    written = manifest_of(landed, settings)
    del written["completeness"]
    path.write_text(json.dumps(written), encoding="utf-8")
    assert read_manifest(path) == landed.delivery


def test_a_manifest_that_calls_a_complete_list_whole_is_still_read_and_is_the_same_content(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    drop = accounted(told_list(n_reported=1), follower=ONE)
    landed = land_drop(write_drop(tmp_path / "one", drop), "pull", ON, settings)
    path = landed.delivery.folder(settings) / "manifest.json"
    path.chmod(0o600)
    path.write_text(path.read_text(encoding="utf-8").replace('"complete",\n   "reason"', '"whole",\n   "reason"'))
    assert '"scope": "whole"' in path.read_text(encoding="utf-8")
    assert read_manifest(path) == landed.delivery
    assert not land_drop(write_drop(tmp_path / "two", drop), "pull", ON, settings).is_new
    whole = accounted(told_list(n_reported=1, scope="whole"), follower=ONE)
    assert not land_drop(write_drop(tmp_path / "three", whole), "pull", ON, settings).is_new


@pytest.mark.parametrize(
    ("lists", "found"),
    [
        ([told_list(n_collected=-1)], "completeness.0.n_collected"),
        ([told_list(n_collected="1")], "completeness.0.n_collected"),
        ([told_list(kind="followers")], "completeness.0.kind"),
        ([told_list(scope="unknown")], "completeness.0.scope"),
        ([told_list(account_id="")], "completeness.0.account_id"),
        ([told_list(mood="sunny")], "completeness.0.a key: Unexpected keyword"),
        ([told_list() | {"n_reported": 1.5}], "completeness.0.n_reported"),
        ([{"platform": "x"}], "completeness.0.account_id"),
        ([told_list(), told_list()], "is listed twice"),
        ([told_list(scope="partial", reason=" ")], "a partial list gives no reason"),
    ],
    ids=str,
)
def test_an_account_of_lists_of_another_shape_is_refused(
    lists: list[dict[str, Any]], found: str, settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    with pytest.raises(DeliveryError, match=r"manifest\.json") as refusal:
        land_drop(write_drop(tmp_path / "drop", accounted(*lists, follower=ONE)), "pull", ON, settings)
    assert found in str(refusal.value)
    assert "sunny" not in str(refusal.value)
    assert landed_files(settings) == []


@pytest.mark.parametrize(
    ("n_collected", "text"), [(2, ONE), (1, TWO), (0, ONE), (1, None)], ids=["fewer", "more", "some", "none"]
)
def test_a_follower_list_that_has_not_the_rows_its_sender_counted_is_refused(
    n_collected: int, text: str | None, settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    files = {"follower": text} if text else {}
    drop = write_drop(tmp_path / "drop", accounted(told_list(n_collected=n_collected), **files))
    with pytest.raises(UnreadableFileError, match=f"follower list of x:1: has .* its sender declared {n_collected}"):
        land_drop(drop, "pull", ON, settings)
    assert landed_files(settings) == []


def test_a_follower_list_in_several_files_is_one_list(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    files = accounted(told_list(n_collected=3), follower=ONE) | {"follower-2.csv.gz": TWO}
    delivery = land_drop(write_drop(tmp_path / "drop", files), "pull", ON, settings).delivery
    assert [(one.table, one.collected) for one in delivery.accounts] == [("follower", 3)]


def test_what_did_not_come_is_landed_too_and_superseded_by_what_does(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    nothing = land_drop(write_drop(tmp_path / "one", accounted(NOTHING_CAME)), "pull", ON, settings)
    assert nothing.is_new
    assert nothing.delivery.files == [] and nothing.delivery.rows == 0
    assert nothing.delivery.completeness[0].reason == "the platform did not answer"
    assert current_deliveries(settings, until=ON)["pull", "2026-07-08"] == nothing.delivery
    whole = land_drop(write_drop(tmp_path / "two", accounted(told_list(), follower=ONE)), "pull", ON, settings)
    assert whole.supersedes == nothing.delivery
    assert current_deliveries(settings, until=ON)["pull", "2026-07-08"] == whole.delivery


def test_a_later_attempt_that_brings_nothing_takes_nothing_away(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    whole = land_drop(write_drop(tmp_path / "one", accounted(told_list(), follower=ONE)), "pull", ON, settings)
    again = land_drop(write_drop(tmp_path / "two", accounted(NOTHING_CAME)), "pull", ON, settings)
    assert not again.is_new
    assert again.message() == (
        f"{whole.delivery.delivery_id}: stays current; the later drop for this day holds no file"
    )
    assert current_deliveries(settings, until=ON)["pull", "2026-07-08"] == whole.delivery
    # That nobody follows any more is no nothing.
    nobody = accounted(told_list(n_collected=0, n_reported=0))
    assert land_drop(write_drop(tmp_path / "three", nobody), "pull", ON, settings).supersedes == whole.delivery


@pytest.mark.parametrize(
    ("change", "is_new"),
    [
        ({"n_requests": 9, "n_pages": 4, "n_repeats": 3, "n_null_rows": 1}, False),
        (CUT, True),
        ({"n_reported": 8}, True),
        ({"kind": "like"}, True),
        ({"account_id": "2", "kind": "like"}, True),
    ],
    ids=str,
)
def test_the_same_lists_fetched_in_another_way_are_the_same_content(
    change: dict[str, Any], is_new: bool, settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    land_drop(write_drop(tmp_path / "one", accounted(told_list(), follower=ONE)), "pull", ON, settings)
    again = write_drop(tmp_path / "two", accounted(told_list(**change), follower=ONE))
    assert land_drop(again, "pull", ON, settings).is_new == is_new
