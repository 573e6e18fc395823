"""The pseudonym is HMAC-SHA-256 of "platform:id" under a key that is made once and well kept."""

import hashlib
import hmac
import stat
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import hypothesis
import pytest
from hypothesis import strategies as st

from pipelines import night
from pipelines.common.errors import KeyFileError
from pipelines.common.settings import SQL, Settings
from pipelines.warehouse import pseudonym, runs

WriteDrop = Callable[[Path, Mapping[str, Any]], Path]
Rows = Callable[..., list[dict[str, Any]]]

ON = date(2026, 7, 8)
MODEL = (SQL / "stg" / "member_key.sql").read_text(encoding="utf-8")


def write_key(settings: Settings, text: str, mode: int = 0o400) -> None:
    settings.key_file.unlink()
    settings.key_file.write_text(text, encoding="utf-8")
    settings.key_file.chmod(mode)


def pseudonyms(key: bytes, ids: list[tuple[str, str]]) -> dict[tuple[str, str], tuple[int, str]]:
    """Run the model over some ids: what stands for each, and its check."""
    con = duckdb.connect()
    for table in ("follower", "engagement"):
        con.execute("CREATE SCHEMA IF NOT EXISTS raw")
        con.execute(f"CREATE TABLE raw.{table} (platform VARCHAR, member_id VARCHAR, quarantine_reason VARCHAR)")
    con.executemany("INSERT INTO raw.follower VALUES (?, ?, NULL)", ids)
    con.execute("INSERT INTO raw.engagement VALUES ('x', 'rejected', 'for some reason')")
    pseudonym.give_key(con, key)
    rows = con.execute(f"SELECT platform, member_id, member_key, key_check FROM ({MODEL})").fetchall()
    con.close()
    return {(platform, member_id): (member_key, check) for platform, member_id, member_key, check in rows}


@hypothesis.given(
    st.binary(min_size=32, max_size=100),
    st.lists(
        st.tuples(
            st.sampled_from(["x", "bluesky"]),
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
        ),
        min_size=1,
        max_size=20,
    ),
)
@hypothesis.settings(max_examples=30, deadline=None)
def test_a_pseudonym_is_the_hmac_of_platform_and_id(key: bytes, ids: list[tuple[str, str]]) -> None:
    digests = {one: hmac.new(key, ":".join(one).encode(), hashlib.sha256).hexdigest() for one in ids}
    assert pseudonyms(key, ids) == {one: (int(digest[:16], 16), digest[16:32]) for one, digest in digests.items()}


@pytest.mark.parametrize("length", [32, 63, 64, 65, 128])
def test_keys_shorter_and_longer_than_a_block_are_padded_and_hashed_as_the_rfc_says(length: int) -> None:
    key = bytes(range(length))
    digest = hmac.new(key, b"mastodon:7", hashlib.sha256).hexdigest()
    assert pseudonyms(key, [("mastodon", "7")]) == {("mastodon", "7"): (int(digest[:16], 16), digest[16:32])}


def test_one_id_on_two_platforms_is_two_people_and_another_key_makes_everybody_another() -> None:
    ids = [("x", "7"), ("bluesky", "7")]
    one, other = pseudonyms(b"a" * 32, ids), pseudonyms(b"b" * 32, ids)
    assert len({*one.values(), *other.values()}) == 4


def test_a_night_gives_the_pseudonyms_of_its_key_file(
    settings: Settings, write_drop: WriteDrop, followers: Rows
) -> None:
    write_drop(settings.inbox / "a" / "2026-07-08", {"follower.csv": followers("1", ["7"], "2026-07-08")})
    night.land_inbox(ON)
    run_id = night.load(ON)
    con = duckdb.connect(str(settings.work / "runs" / run_id / "night.duckdb"), read_only=True)
    found = con.execute("SELECT member_key FROM stg.follower").fetchall()
    con.close()
    digest = hmac.new(bytes(range(32)), b"x:7", hashlib.sha256).hexdigest()
    assert found == [(int(digest[:16], 16),)]


def test_a_new_key_is_random_and_its_owner_alone_reads_it(settings: Settings, tmp_path: Path) -> None:
    keys = []
    for name in ("one", "two"):
        fresh = replace(settings, key_file=tmp_path / name / "member.key")
        pseudonym.new_key(fresh)
        assert stat.S_IMODE(fresh.key_file.stat().st_mode) == 0o400
        assert stat.S_IMODE(fresh.key_file.parent.stat().st_mode) == 0o700
        keys.append(pseudonym.read_key(fresh))
    assert [len(key) for key in keys] == [32, 32]
    assert keys[0] != keys[1]


def test_a_key_is_never_overwritten(settings: Settings) -> None:
    before = settings.key_file.read_bytes()
    with pytest.raises(KeyFileError, match="is there already"):
        pseudonym.new_key(settings)
    assert settings.key_file.read_bytes() == before


@pytest.mark.parametrize("mode", [0o600, 0o440, 0o404, 0o444, 0o644, 0o500, 0o401, 0o777])
def test_a_key_that_others_may_read_is_refused(mode: int, settings: Settings) -> None:
    settings.key_file.chmod(mode)
    with pytest.raises(KeyFileError, match=f"has mode {mode:04o}"):
        pseudonym.read_key(settings)


@pytest.mark.parametrize("text", ["", "\n", "ab" * 31, "no key at all", "xy" * 32, "ab" * 31 + "a", "ключ" * 20])
def test_a_key_too_short_or_none_is_refused_without_being_shown(text: str, settings: Settings) -> None:
    write_key(settings, text)
    with pytest.raises(KeyFileError, match="holds no key of 32 bytes") as refusal:
        pseudonym.read_key(settings)
    assert not text.strip() or text not in str(refusal.value)


@pytest.mark.parametrize("what", ["missing", "too short", "readable by all"])
def test_no_key_no_run(what: str, settings: Settings, write_drop: WriteDrop, followers: Rows) -> None:
    write_drop(settings.inbox / "a" / "2026-07-08", {"follower.csv": followers("1", ["7"], "2026-07-08")})
    night.land_inbox(ON)
    match what:
        case "missing":
            settings.key_file.unlink()
        case "too short":
            write_key(settings, "ab")
        case "readable by all":
            settings.key_file.chmod(0o444)
    with pytest.raises(KeyFileError):
        night.load(ON)
    assert runs.records(settings) == []
    assert not (settings.work / "runs").exists()


def test_another_key_carries_nothing_forward(
    settings: Settings, write_drop: WriteDrop, followers: Rows, no_report: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(night, "check", lambda run_id, layer: None)
    write_drop(settings.inbox / "a" / "2026-07-08", {"follower.csv": followers("1", ["7"], "2026-07-08")})
    first = night.run_night(ON)
    write_key(settings, "cd" * 32)
    night.run_night(ON)
    assert [record["base_snapshot_id"] for record in runs.records(settings)] == [None, None]
    write_key(settings, bytes(range(32)).hex())
    night.run_night(ON)
    assert runs.records(settings)[-1]["base_snapshot_id"] == first


def test_a_fingerprint_tells_two_keys_apart_and_nothing_of_either() -> None:
    keys = [bytes(range(32)), bytes(range(1, 33))]
    assert len({pseudonym.fingerprint(key) for key in keys}) == 2
    assert all(pseudonym.fingerprint(key) not in key.hex() for key in keys)
