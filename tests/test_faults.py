"""Whatever is killed, whenever: readers have a whole snapshot, and the next night is as if nothing had happened."""

import errno
import multiprocessing
import os
import random
import resource
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import night
from pipelines.common import database
from pipelines.common.errors import LandedFileChangedError, NoRoomError, NotWritableError, StillreachError
from pipelines.common.settings import Settings, from_environment
from pipelines.landing.inbox import remove_drop
from pipelines.landing.land_drop import land_drop
from pipelines.landing.withdraw import withdraw
from pipelines.warehouse import pseudonym, publish, runs, state

WriteDrop = Callable[[Path, Mapping[str, Any]], Path]
County = Callable[..., dict[str, Any]]
Marts = dict[str, list[tuple[Any, ...]]]

ON = date(2026, 7, 22)
WHOLE_REPORT = night.report
STEPS = ("build_core", "build_mart", "publish")

# A server that has imported everything and done nothing: its children start a night in no time.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.test_faults"])

pytestmark = pytest.mark.usefixtures("no_report", "no_check")


@pytest.fixture
def no_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(night, "check", lambda run_id, layer: None)


@pytest.fixture
def county_before_third_night(two_nights: Settings, write_drop: WriteDrop, county: County) -> Settings:
    """Give a county with two nights published and the third one's drops in the inbox."""
    write_drop(two_nights.inbox / "x_extract" / str(ON), county(str(ON), 70))
    declared = {"follower_scope": "partial"}
    bluesky = [{"platform": "mastodon", "account_id": "5", "member_id": "zqid99", "observed_on": str(ON)}]
    write_drop(two_nights.inbox / "other" / str(ON), {"follower.csv": bluesky, "manifest.json": declared})
    return two_nights


def published(settings: Settings) -> Marts:
    """Every row of core and mart of the published snapshot."""
    with duckdb.connect(str(settings.published / publish.LINK), read_only=True) as con:
        return {
            table.name: con.execute(f"SELECT * FROM {table.name} ORDER BY ALL").fetchall()
            for schema in ("core", "mart")
            for table in publish.published_tables(schema)
        }


_NEVER_KILLED: Marts = {}


@pytest.fixture
def never_killed(county_before_third_night: Settings, tmp_path_factory: pytest.TempPathFactory) -> Marts:
    """Run the third night in a copy that nothing happens to; once."""
    if not _NEVER_KILLED:
        copy = tmp_path_factory.mktemp("never_killed") / "data"
        shutil.copytree(county_before_third_night.data, copy, symlinks=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STILLREACH_DATA", str(copy))
            night.run_night(ON)
            _NEVER_KILLED.update(published(from_environment()))
    return _NEVER_KILLED


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_before(owner: Any, name: str) -> None:
    setattr(owner, name, die)


def _die_after(owner: Any, name: str) -> None:
    whole = getattr(owner, name)

    def and_die(*given: Any, **named: Any) -> None:
        whole(*given, **named)
        die()

    setattr(owner, name, and_die)


def _die_after_step(name: str) -> None:
    whole = night.STEPS[name]

    def step(run_id: str) -> None:
        whole(run_id)
        die()

    night.STEPS[name] = step


def _die_at_rename(parent: str, name: str) -> None:
    """Die when a finished file is about to get its name."""
    rename = Path.rename

    def or_die(path: Path, target: Any) -> Path:
        if path.parent.name == parent and path.match(name):
            die()
        return rename(path, target)

    Path.rename = or_die  # type: ignore[method-assign, assignment]


KILLS: dict[str, Callable[[], None]] = {
    "before a delivery has its name": lambda: _die_at_rename("landing", ".landing-*"),
    "between landing and leaving the inbox": lambda: _die_before(shutil, "rmtree"),
    "before load": lambda: _die_before(night, "load"),
    "after load": lambda: _die_after(night, "load"),
    **{f"after {name}": partial(_die_after_step, name) for name in STEPS},
    "before the snapshot has its name": lambda: _die_at_rename("snapshots", "*.unfinished"),
    "between snapshot and restricted half": lambda: _die_before(state, "save_state"),
    "before the restricted half has its name": lambda: _die_at_rename("state", "*.unfinished"),
    "between restricted half and flip": lambda: _die_before(publish, "flip"),
    "in the flip": lambda: _die_at_rename("published", ".current*"),
    "after the flip": lambda: _die_after(publish, "flip"),
    "before old snapshots are removed": lambda: _die_before(publish, "prune"),
}


def in_a_child(environment: dict[str, str], kill: str, limit: int) -> None:
    """Run the third night in this process, which is to be killed, or to find the disk full."""
    os.environ.update(environment)
    night.check = lambda run_id, layer: None
    night.STEPS["report"] = lambda run_id: None
    if kill:
        KILLS[kill]()
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        night.run_night(ON)
    except StillreachError:
        os._exit(20)
    except OSError:
        os._exit(21)
    except BaseException:
        os._exit(22)
    os._exit(0)


def start(kill: str = "", limit: int = 0) -> Any:
    environment = {name: value for name, value in os.environ.items() if name.startswith("STILLREACH_")}
    child = FORKS.Process(target=in_a_child, args=(environment, kill, limit))
    child.start()
    return child


def check_that_readers_are_served(settings: Settings, before: str) -> None:
    """The published snapshot is whole, and yesterday's or today's."""
    current = publish.current_snapshot(settings)
    assert current is not None
    assert current == before or current.startswith(str(ON))
    publish.smoke_test(settings.published / publish.LINK, settings)


@pytest.mark.parametrize("kill", KILLS)
def test_a_night_killed_at_any_step_leaves_a_whole_snapshot_and_no_trace_in_the_next(
    kill: str, county_before_third_night: Settings, never_killed: Marts
) -> None:
    settings = county_before_third_night
    before = publish.snapshots(settings)[-1]
    child = start(kill)
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    check_that_readers_are_served(settings, before)
    night.run_night(ON)
    assert published(settings) == never_killed


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(n, marks=pytest.mark.harness) for n in range(3, 60))])
def test_a_night_killed_at_any_moment_leaves_a_whole_snapshot_and_no_trace_in_the_next(
    seed: int, county_before_third_night: Settings, never_killed: Marts
) -> None:
    settings = county_before_third_night
    before = publish.snapshots(settings)[-1]
    child = start()
    time.sleep(random.Random(seed).uniform(0.05, 1.5))
    child.kill()
    child.join(60)
    check_that_readers_are_served(settings, before)
    night.run_night(ON)
    assert published(settings) == never_killed


def test_a_night_killed_while_a_landed_drop_leaves_the_inbox_loses_nothing(
    county_before_third_night: Settings, never_killed: Marts, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = county_before_third_night
    drop = settings.inbox / "x_extract" / str(ON)
    land_drop(drop, "x_extract", ON, settings)

    def killed(path: Path) -> None:
        """Remove one file of the folder, and die."""
        next(path.glob("follower*")).unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("pipelines.landing.inbox.shutil.rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            remove_drop(drop)
    night.run_night(ON)
    assert list(settings.inbox.glob("*/*")) == []
    assert published(settings) == never_killed


@pytest.mark.parametrize("kill", ["before the snapshot has its name", "before the restricted half has its name"])
def test_nothing_unfinished_outlives_the_next_night(kill: str, county_before_third_night: Settings) -> None:
    settings = county_before_third_night
    start(kill).join(60)
    night.run_night(ON)
    assert list(settings.data.rglob("*.unfinished")) == []


@pytest.mark.parametrize("limit", [1_000, 200_000, 2_000_000])
def test_a_full_disk_is_an_error_and_publishes_nothing(
    limit: int, county_before_third_night: Settings, never_killed: Marts
) -> None:
    settings = county_before_third_night
    before = publish.snapshots(settings)
    child = start(limit=limit)
    child.join(60)
    assert child.exitcode == 20
    assert publish.current_snapshot(settings) == before[-1]
    assert publish.snapshots(settings) == before
    night.run_night(ON)
    assert published(settings) == never_killed


@pytest.mark.parametrize("limit", [1_000, 5_000])
def test_a_full_disk_is_said_in_a_sentence(limit: int, county_before_third_night: Settings) -> None:
    child = start(limit=limit)
    child.join(60)
    assert child.exitcode == 20


@pytest.mark.parametrize(
    ("number", "error"), [(errno.ENOSPC, NoRoomError), (errno.EDQUOT, NoRoomError), (errno.EROFS, NotWritableError)]
)
@pytest.mark.parametrize("step", ["land_drop", "runs.begin", "write_snapshot", "flip", "prune", "rollback", "report"])
def test_a_disk_that_takes_nothing_is_a_named_error_at_every_step_and_the_next_night_runs(
    step: str,
    number: int,
    error: type[StillreachError],
    county_before_third_night: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, "zqname of a person")

    owner: Any = {"land_drop": night, "runs.begin": runs, "rollback": publish}.get(step, publish)
    name = {"runs.begin": "begin", "rollback": "_point"}.get(step, step)
    with monkeypatch.context() as patched:
        if step == "report":
            patched.setattr(night, "group_folder", refuse)
            act = partial(WHOLE_REPORT, publish.snapshots(county_before_third_night)[0])
        else:
            patched.setattr(owner, name, refuse)
            act = (
                partial(publish.rollback, county_before_third_night)
                if step == "rollback"
                else partial(night.run_night, ON)
            )
        with pytest.raises(error) as caught:
            act()
    assert caught.value.exit_code == 10
    assert "zqname" not in caught.value.message()
    night.run_night(ON)
    assert publish.current_snapshot(county_before_third_night) in publish.snapshots(county_before_third_night)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("IO Error: No space left on device zqname", NoRoomError),
        ("IO Error: Read-only file system zqname", NotWritableError),
    ],
)
def test_duckdbs_own_words_about_a_disk_do_not_come_out(text: str, error: type[StillreachError]) -> None:
    with pytest.raises(error) as caught, database.with_room("step"):
        raise duckdb.IOException(text)
    assert "zqname" not in caught.value.message() and caught.value.__suppress_context__


def test_half_a_key_is_not_left_behind(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.key_file.unlink()

    def refuse(handle: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        with pytest.raises(NoRoomError):
            pseudonym.new_key(settings)
    pseudonym.new_key(settings)
    assert pseudonym.read_key(settings)


def test_half_a_withdrawal_is_not_left_behind(two_nights: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        with pytest.raises(NoRoomError):
            withdraw(two_nights, "x_extract", date(2026, 7, 15), "wrong file")
    assert list(two_nights.landing.rglob("withdraw*")) == []
    assert withdraw(two_nights, "x_extract", date(2026, 7, 15), "wrong file").is_withdrawn


def test_the_folder_of_a_killed_night_goes_when_the_next_one_starts(
    county_before_third_night: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    start("after build_core").join(60)
    folders = county_before_third_night.work / "runs"
    killed = {path.name for path in folders.iterdir()}
    assert killed
    run_id = night.load(ON)
    assert {path.name for path in folders.iterdir()} == {run_id}


def test_a_landed_file_that_changed_stops_the_night(county_before_third_night: Settings) -> None:
    settings = county_before_third_night
    before = publish.current_snapshot(settings)
    landed = night.land_inbox(ON)[-1].delivery
    path = landed.folder(settings) / landed.files[0].name
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(LandedFileChangedError):
        night.run_night(ON)
    assert publish.current_snapshot(settings) == before
    assert runs.records(settings)[-1]["status"] == "stopped"


@pytest.mark.parametrize("damage", ["rubbish", "empty", "cut off"])
def test_a_restricted_half_that_cannot_be_read_costs_a_replay_and_no_number(
    damage: str, county_before_third_night: Settings, never_killed: Marts
) -> None:
    settings = county_before_third_night
    for one in publish.snapshots(settings):
        path = state.state_path(settings, one)
        whole = path.read_bytes()
        path.write_bytes({"rubbish": b"rubbish" * 1000, "empty": b"", "cut off": whole[: len(whole) // 2]}[damage])
    night.run_night(ON)
    assert runs.records(settings)[-1]["base_snapshot_id"] is None
    assert published(settings) == never_killed


def test_a_lost_restricted_half_costs_a_replay_and_no_number(
    county_before_third_night: Settings, never_killed: Marts
) -> None:
    settings = county_before_third_night
    for one in publish.snapshots(settings):
        state.state_path(settings, one).unlink()
    night.run_night(ON)
    assert runs.records(settings)[-1]["base_snapshot_id"] is None
    assert published(settings) == never_killed


def test_a_lost_link_comes_back_with_the_next_night(county_before_third_night: Settings, never_killed: Marts) -> None:
    settings = county_before_third_night
    (settings.published / publish.LINK).unlink()
    night.run_night(ON)
    assert published(settings) == never_killed
