"""Snapshots, reports and reviews are for one group; the release is for everybody."""

import grp
import os
import stat
from datetime import date
from pathlib import Path

import pytest

from pipelines import night
from pipelines.common.disk import for_everybody, for_group, group_folder
from pipelines.common.errors import SettingsError
from pipelines.common.settings import Settings, from_environment
from pipelines.warehouse import publish

OWN = os.getegid()


def modes(*paths: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in paths}


def below(folder: Path) -> tuple[set[int], set[int]]:
    """The modes of all folders, the given one included, and of all files below."""
    found = [folder, *(path for path in folder.rglob("*") if not path.is_symlink())]
    return modes(*(one for one in found if one.is_dir())), modes(*(one for one in found if one.is_file()))


def test_a_published_night_is_for_its_group_and_its_release_for_everybody(two_nights: Settings) -> None:
    night.report(publish.snapshots(two_nights)[-1])
    assert below(two_nights.published / "snapshots") == ({0o750}, {0o440})
    assert modes(two_nights.published) == {0o750}
    assert modes(two_nights.published / "order.json") == {0o640}
    assert below(two_nights.reports) == ({0o750}, {0o640})
    assert below(two_nights.release) == ({0o755}, {0o444})


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files to a group it may choose")
def test_the_named_group_gets_the_files(two_nights: Settings, no_report: None, monkeypatch: pytest.MonkeyPatch) -> None:
    other = next(one for one in grp.getgrall() if one.gr_gid != OWN)
    monkeypatch.setattr(os, "getgroups", lambda: [other.gr_gid])
    monkeypatch.setenv("STILLREACH_GROUP", other.gr_name)
    monkeypatch.setattr(night, "check", lambda run_id, layer: None)
    run_id = night.run_night(date(2026, 7, 16))
    given = [two_nights.published, two_nights.published / "snapshots", two_nights.published / "order.json"]
    given += [two_nights.published / "snapshots" / f"{run_id}.duckdb"]
    assert {path.stat().st_gid for path in given} == {other.gr_gid}


def test_a_report_is_for_the_group_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o000)
    try:
        group_folder(tmp_path / "reports", OWN)
        (tmp_path / "reports" / "day").mkdir()
        (tmp_path / "reports" / "day" / "index.html").touch()
        for_group(tmp_path / "reports" / "day", OWN)
        os.umask(0o077)
        (tmp_path / "release").mkdir()
        (tmp_path / "release" / "index.html").touch()
        for_everybody(tmp_path / "release")
    finally:
        os.umask(before)
    assert below(tmp_path / "reports") == ({0o750}, {0o640})
    assert below(tmp_path / "release") == ({0o755}, {0o444})


@pytest.mark.parametrize("by", ["name", "number"])
def test_a_group_is_found_by_name_and_by_number(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILLREACH_GROUP", grp.getgrgid(OWN).gr_name if by == "name" else str(OWN))
    assert from_environment().group == OWN


@pytest.mark.parametrize("named", ["no-such-group", "99999999", "9" * 30])
def test_an_unknown_group_is_an_error_of_the_settings(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILLREACH_GROUP", named)
    with pytest.raises(SettingsError, match="STILLREACH_GROUP: there is no group") as caught:
        from_environment()
    assert caught.value.exit_code == 3


def test_a_group_that_the_user_is_not_in_is_an_error_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    other = next(one for one in grp.getgrall() if one.gr_gid != OWN)
    monkeypatch.setattr(os, "getgroups", lambda: [OWN])
    monkeypatch.setenv("STILLREACH_GROUP", other.gr_name)
    with pytest.raises(SettingsError, match="is not in the group") as caught:
        from_environment()
    assert caught.value.exit_code == 3
