"""The command line says what it did in a sentence, and how it went in its exit code."""

import fcntl
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines import night
from pipelines.cli import app
from pipelines.common import errors
from pipelines.common.settings import Settings
from pipelines.warehouse import publish, runs
from tests.cli.command import Stillreach

pytestmark = pytest.mark.usefixtures("no_report")

WriteDrop = Callable[[Path, Mapping[str, Any]], Path]
County = Callable[..., dict[str, Any]]

CSV = "platform,account_id,member_id,observed_on,bio\n"
ONE = CSV + "x,1,zqid7,2026-07-08,zqbio\n"


def all_errors(kind: type[errors.StillreachError] = errors.StillreachError) -> list[type[errors.StillreachError]]:
    return [one for child in kind.__subclasses__() for one in [child, *all_errors(child)]]


DOCUMENTED = {
    3: "settings",
    4: "delivery",
    5: "reference",
    6: "model",
    7: "validation stop",
    8: "landed",
    9: "publish",
    10: "busy",
    11: "refused",
    12: "all data too old",
}
GENERAL = {errors.UserError, errors.NotRetryable, errors.Retryable}


def test_every_exit_code_is_documented() -> None:
    words = " ".join((app.__doc__ or "").split())
    for code, word in DOCUMENTED.items():
        assert f"{code} {word}" in words or f"{code} nothing {word}" in words
    assert {error.exit_code for error in all_errors() if error not in GENERAL} == set(DOCUMENTED)


@pytest.mark.parametrize("error", [one for one in all_errors() if one not in GENERAL])
def test_an_error_of_ours_is_a_sentence_and_its_exit_code(
    error: type[errors.StillreachError], settings: Settings, stillreach: Stillreach, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> str:
        raise error("a thing", "was found", known=("this", "that"), hint="do so")

    monkeypatch.setattr(night, "run_night", stop)
    code, out, message = stillreach("nightly", "--as-of", "2026-07-08")
    assert code == error.exit_code
    assert message == f"{error.__name__}: a thing: was found. Known: this, that. Hint: do so.\n"
    assert out == ""


@pytest.mark.parametrize(
    "words",
    [
        ("no-such-command",),
        ("land",),
        ("land", "somewhere"),
        ("land", "somewhere", "--source", "a", "--on", "8 July"),
        ("nightly", "--as-of", "08/07/2026"),
        ("show", "--no-such-option"),
        ("rollback", "2026-07-08"),
    ],
)
def test_a_mistyped_command_is_a_matter_of_usage(
    words: tuple[str, ...], settings: Settings, stillreach: Stillreach
) -> None:
    assert stillreach(*words)[0] == 2


def test_help_names_every_command(settings: Settings, stillreach: Stillreach) -> None:
    code, out, _ = stillreach("--help")
    assert code == 0
    for command in ("new-key", "land", "nightly", "rebuild", "rollback", "status", "show", "demo-world"):
        assert command in out


def test_new_key_makes_one_and_never_a_second(settings: Settings, stillreach: Stillreach) -> None:
    assert stillreach("new-key")[0] == 3
    assert stillreach("new-key", "--if-missing")[0] == 0
    before = settings.key_file.read_bytes()
    settings.key_file.unlink()
    code, out, _ = stillreach("new-key")
    assert (code, out) == (0, f"made {settings.key_file}\n")
    key = settings.key_file.read_bytes()
    assert key != before
    assert key.decode().strip() not in out


def test_land_says_what_came(settings: Settings, tmp_path: Path, write_drop: WriteDrop, stillreach: Stillreach) -> None:
    drop = write_drop(tmp_path / "drop", {"follower.csv": ONE.replace("bio", "mood", 1)})
    words = ("land", str(drop), "--source", "x_extract", "--on", "2026-07-08")
    code, out, _ = stillreach(*words)
    assert code == 0
    assert "landed 1 rows in 1 files\n  follower: 1 unknown columns ignored\n" in out
    code, out, _ = stillreach(*words)
    assert code == 0
    assert "the same content has landed already; nothing to do" in out
    assert drop.exists()


@pytest.mark.parametrize(
    ("source", "on", "content", "code", "found"),
    [
        ("x_extract", "2026-07-08", ONE[:-1], 4, "UnreadableFileError: follower.csv: does not end with a line break"),
        ("x_extract", "2026-07-08", ONE.replace("bio", "member_id"), 4, "follower.csv"),
        ("x_extract", "2026-07-08", CSV, 4, "UnreadableFileError: follower.csv: has no rows"),
        ("X extract", "2026-07-08", ONE, 4, "DeliveryError: source 'X extract': is not a usable name"),
        ("x_extract", "tomorrow", ONE, 4, "is in the future"),
    ],
)
def test_land_refuses(
    source: str,
    on: str,
    content: str,
    code: int,
    found: str,
    settings: Settings,
    tmp_path: Path,
    write_drop: WriteDrop,
    stillreach: Stillreach,
) -> None:
    day = str(datetime.now(UTC).date() + timedelta(days=1)) if on == "tomorrow" else on
    drop = write_drop(tmp_path / "drop", {"follower.csv": content})
    ended, out, errors = stillreach("land", str(drop), "--source", source, "--on", day)
    assert ended == code
    assert found in errors
    assert errors.count("\n") == 1
    assert "zq" not in out + errors
    assert (drop / "follower.csv").read_text(encoding="utf-8") == content


def test_a_busy_landing_asks_for_another_try(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop, stillreach: Stillreach
) -> None:
    drop = write_drop(tmp_path / "drop", {"follower.csv": ONE})
    settings.landing.mkdir()
    with (settings.landing / ".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert stillreach("land", str(drop), "--source", "x_extract", "--on", "2026-07-08")[0] == 10


def test_land_takes_an_x_analytics_export(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop, stillreach: Stillreach
) -> None:
    export = (
        "Post id,Date,Post text,Post Link,Impressions,Likes,Engagements,Bookmarks,Shares,New follows,Replies,Reposts,"
        "Profile visits,Detail Expands,URL Clicks,Hashtag Clicks,Permalink Clicks\n"
        '70,"Tue, Jul 7, 2026",zqpost,https://x.com/force/status/70,100,5,9,0,0,0,1,2,3,0,0,0,0\n'
    )
    path = write_drop(tmp_path / "export", {"account_analytics_content.csv": export}) / "account_analytics_content.csv"
    code, out, errors = stillreach("land", str(path), "--source", "x_analytics", "--on", "2026-07-08")
    assert code == 0, errors
    assert "x_analytics.2026-07-08.0001-" in out
    assert "landed 1 rows" in out


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STILLREACH_REF", "/nowhere/at/all"),
        ("STILLREACH_THREADS", "many"),
        ("STILLREACH_THREADS", "-1"),
        ("STILLREACH_KEEP_SNAPSHOTS", "0"),
        ("STILLREACH_KEY_FILE", "/nowhere/member.key"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    name: str, value: str, settings: Settings, stillreach: Stillreach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    code, _, errors = stillreach("nightly", "--as-of", "2026-07-08")
    assert code == 3
    assert name in errors or value in errors


def test_where_nothing_is_published_there_is_nothing_to_show(settings: Settings, stillreach: Stillreach) -> None:
    assert stillreach("show")[0] == 9
    assert stillreach("rollback")[0] == 9
    assert stillreach("nightly", "--as-of", "2026-07-08")[0] == 8
    assert stillreach("rebuild", "--as-of", "2026-07-08")[0] == 8
    code, out, _ = stillreach("status")
    assert code == 0
    assert "published: nothing yet" in out
    assert "kept: no snapshot" in out


def test_show_status_and_rollback_of_published_nights(two_nights: Settings, stillreach: Stillreach) -> None:
    first, second = publish.snapshots(two_nights)
    code, out, _ = stillreach("show")
    assert code == 0
    assert "2026-07-15" in out
    assert "The Force on Bikes" in out
    assert str(two_nights.published / publish.LINK) in out
    assert "rider" in out
    assert "zq" not in out
    assert stillreach("show", "--basis", "engaged")[0] == 0
    assert stillreach("show", "--basis", "liked")[0] == 3
    code, out, _ = stillreach("status")
    assert code == 0
    assert f"published: {second}" in out
    assert f"kept: {first}, {second}" in out
    assert f"run {second} published" in out
    assert stillreach("rollback")[:2] == (0, f"published: {first}\n")
    assert stillreach("rollback")[0] == 9
    assert "zq" not in out


def test_status_names_what_did_not_come(two_nights: Settings, stillreach: Stillreach, write_drop: WriteDrop) -> None:
    assert "partial" not in stillreach("status")[1]
    key = {"platform": "x", "account_id": "2", "n_lists": 1, "n_pages": 1, "n_requests": 1}
    counts = {"n_repeats": 0, "n_null_rows": 0, "scope": "partial"}
    found = [
        key | counts | {"kind": "follower", "n_collected": 0, "n_reported": 1030, "reason": "the platform was down"},
        key | counts | {"kind": "like", "n_collected": 0, "n_reported": None, "reason": "[deadline]"},
    ]
    drop = {"manifest.json": {"completeness": found}}
    write_drop(two_nights.inbox / "pull" / "2026-07-16", drop)
    assert stillreach("nightly", "--as-of", "2026-07-16")[0] == 0
    out = stillreach("status")[1]
    assert "warning delivery_brought_a_file: A source was asked and brought nothing" in out
    assert [line for line in out.splitlines() if line.startswith("partial")] == [
        "partial follower list of The Force on Bikes (x), 2026-07-16: 0 of the platform's 1,030: the platform was down",
        "partial like list of The Force on Bikes (x), 2026-07-16: 0 of an unknown number: [deadline]",
    ]


def test_nightly_publishes_and_says_so_and_a_backfill_says_what_stays(
    two_nights: Settings, stillreach: Stillreach, monkeypatch: pytest.MonkeyPatch, write_drop: WriteDrop, county: County
) -> None:
    monkeypatch.setattr(night, "check", lambda run_id, layer: None)
    write_drop(two_nights.inbox / "x_extract" / "2026-07-22", county("2026-07-22", 66))
    code, out, errors = stillreach("nightly", "--as-of", "2026-07-22")
    current = publish.current_snapshot(two_nights)
    assert code == 0, errors
    assert out == f"published: {current}\n"
    assert not (two_nights.inbox / "x_extract" / "2026-07-22").exists()
    code, out, _ = stillreach("rebuild", "--as-of", "2026-07-16")
    assert code == 0
    assert out.endswith(f"(current stays {current})\n")
    assert runs.records(two_nights)[-1]["base_snapshot_id"] is None


def in_a_process(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from pipelines.cli.app import main; main()", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_process_of_its_own_ends_with_the_exit_code_and_one_line(
    settings: Settings, tmp_path: Path, write_drop: WriteDrop
) -> None:
    drop = write_drop(tmp_path / "drop", {"follower.csv": ONE[:-1]})
    ended = in_a_process("land", str(drop), "--source", "x_extract", "--on", "2026-07-08")
    assert ended.returncode == 4
    assert ended.stdout == ""
    assert ended.stderr.startswith("UnreadableFileError: follower.csv: does not end with a line break.")
    assert ended.stderr.count("\n") == 1
    ended = in_a_process("nightly", "--as-of", "2026-07-08")
    assert ended.returncode == 8
    assert ended.stderr.startswith("NothingLandedError: ")
