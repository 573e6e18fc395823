"""What the tests share: a tiny deployment in a temporary folder, and a writer of drops."""

import csv
import gzip
import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from pipelines import night
from pipelines.common.settings import Settings, from_environment

KEY = bytes(range(32)).hex()
TESTS = Path(__file__).parent

# Files that take longest go first: whichever worker is free takes the next, and none is left alone with one at the end.
LONGEST_FIRST = (
    "test_nights_equal_rebuild.py",
    "test_faults.py",
    "test_review.py",
    "test_docs.py",
    "test_audit_night.py",
    "test_bad_input.py",
    "test_segment_oracle.py",
    "test_demo_night.py",
    "test_segments.py",
    "test_mutants.py",
    "test_cases.py",
    "test_label_audit.py",
    "test_suites.py",
    "test_app.py",
    "test_reach_oracle.py",
)

# What is not fast, by folder or file under tests/; a test that uses a fixture of NIGHT_FIXTURES is a `night`, too.
TIERS = {
    "night": (
        "cli/test_app.py",
        "demo",
        "docs",
        "end_to_end",
        "release",
        "test_bad_input.py",
        "test_faults.py",
    ),
    "airflow": ("dags",),
    "slow": (
        "analysis",
        "conventions/test_plain_words.py",
        "expectations",
        "live",
        "report",
        "sql",
    ),
}
NIGHT_FIXTURES = {"no_report", "two_nights_template"}

ACCOUNT_CSV = """\
platform,account_id,handle,name,role,purpose,opened_on,closed_on
x,1,force,The Force,own,News of the county.,2010-01-01,
x,2,force_bikes,The Force on Bikes,own,For riders.,2014-01-01,
x,91,throttle,Throttle,seed,,,
x,92,chain,Chain,seed,,,
mastodon,5,force@social.example,The Force,own,News of the county.,2022-01-01,
"""

RIDER_YML = """\
segment_id: rider
title: Riders
question: Which of our accounts still reach riders?
owner: Roads policing
status: active
rules:
  - rule_id: bio_says_rider
    match: any_word
    values: [biker, motorcyclist]
    why: People who say so themselves.
  - rule_id: follows_riders_pages
    match: follows_at_least
    k: 2
    values_from: seeds
    why: Two pages are no chance.
exclude:
  - rule_id: mountain_biker
    match: any_phrase
    values: [mountain biker]
    why: Pedals, not engines.
seeds: ["x:91", "x:92"]
examples:
  - {member: in, bio: "Biker since 1989", why: Says so.}
  - {member: in, name: "A motorcyclist", why: A name may say it too.}
  - {member: in, follows: ["x:91", "x:92"], why: Two pages.}
  - {member: out, bio: "Mountain biker", why: Pedals.}
  - {member: out, follows: ["x:91"], why: One page may be chance.}
  - {member: out, bio: "Bikerton born", why: A word in a word.}
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Make a deployment of five accounts and one segment, and point the environment at it."""
    return make_deployment(tmp_path, monkeypatch)


def make_deployment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Write reference folder and key, and set `STILLREACH_*`: the night reads its settings from there."""
    ref = folder / "ref"
    (ref / "segments").mkdir(parents=True)
    (ref / "account.csv").write_text(ACCOUNT_CSV, encoding="utf-8")
    (ref / "segments" / "rider.yml").write_text(RIDER_YML, encoding="utf-8")
    key_file = folder / "secret" / "member.key"
    key_file.parent.mkdir()
    key_file.write_text(KEY + "\n", encoding="ascii")
    key_file.chmod(0o400)
    (folder / "data").mkdir()
    monkeypatch.setenv("STILLREACH_DATA", str(folder / "data"))
    monkeypatch.setenv("STILLREACH_REF", str(ref))
    monkeypatch.setenv("STILLREACH_KEY_FILE", str(key_file))
    monkeypatch.setenv("STILLREACH_MEMORY_LIMIT", "1GB")
    monkeypatch.setenv("STILLREACH_THREADS", "2")
    return from_environment()


@pytest.fixture
def new_deployment(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Settings]:
    """Give a maker of further deployments; the environment points at the one made last."""
    return lambda: make_deployment(tmp_path_factory.mktemp("deployment"), monkeypatch)


@pytest.fixture(scope="session")
def county() -> Callable[..., dict[str, Any]]:
    """Give a maker of one day's drop: lists of every account, posts, engagements, figures and contacts."""
    return county_drop


def county_drop(on: str, n_people: int = 60, mark: str = "zq") -> dict[str, Any]:
    """Write a day of the tiny county, with a marker in every field that says something of a person.

    Half of the followers of x:1 also follow x:2; every third says that they ride, every fourth follows both seeds.
    """
    person = {
        "handle": f"{mark}handle",
        "name": f"{mark}name",
        "location": f"{mark}location",
        "created_at": "2020-01-01T00:00:00Z",
        "followers_count": 5,
    }
    everybody = range(n_people)
    lists = {"1": everybody, "2": everybody[::2], "91": everybody[::4], "92": everybody[::4]}
    follower = [
        {"platform": "x", "account_id": account_id, "member_id": f"{mark}id{n}", "observed_on": on}
        | person
        | {"bio": f"{mark}bio {'biker' if n % 3 == 0 else 'walker'}"}
        for account_id, people in lists.items()
        for n in people
    ]
    follower += [
        {"platform": "mastodon", "account_id": "5", "member_id": f"{mark}id{n}", "observed_on": on} | person
        for n in everybody[:9]
    ]
    return {
        "follower.jsonl.gz": follower,
        "post.jsonl": [
            {"platform": "x", "post_id": f"{on}-{n}", "account_id": "1", "posted_at": f"{on}T06:00:00Z", "likes": n}
            | {"text": f"{mark}post"}
            for n in range(3)
        ],
        "engagement.jsonl": [
            {"platform": "x", "post_id": f"{on}-0", "account_id": "1", "member_id": f"{mark}id{n}", "kind": "reply"}
            | {"engaged_at": f"{on}T07:00:00Z", "text": f"{mark}reply"}
            for n in everybody[:6]
        ],
        "account_day.csv": [
            {"platform": "x", "account_id": "1", "day": on, "metric": "impressions", "value": 1000},
        ],
        "contact.csv": [{"day": on, "channel": "phone_101", "kind": "report", "n": 4}],
    }


@pytest.fixture(scope="session")
def two_nights_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Publish two nights of the tiny county once, audits and all, and give the deployment's folder."""
    folder = tmp_path_factory.mktemp("two_nights")
    with pytest.MonkeyPatch.context() as patch:
        settings = make_deployment(folder, patch)
        patch.setitem(night.STEPS, "report", lambda run_id: None)
        for on, n_people in (("2026-07-08", 60), ("2026-07-15", 64)):
            _write_drop(settings.inbox / "x_extract" / on, county_drop(on, n_people))
            night.run_night(date.fromisoformat(on))
    return folder


@pytest.fixture
def two_nights(settings: Settings, two_nights_template: Path) -> Settings:
    """Give a deployment of its own in which two nights were published, 2026-07-08 and 2026-07-15."""
    settings.data.rmdir()
    shutil.copytree(two_nights_template / "data", settings.data, symlinks=True)
    return settings


@pytest.fixture
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the report out of the night: its drawings cost more than all the rest of a tiny one."""
    monkeypatch.setitem(night.STEPS, "report", lambda run_id: None)


@pytest.fixture(scope="session")
def write_drop() -> Callable[[Path, Mapping[str, Any]], Path]:
    """Give a writer of drops: a folder, and for each file name its bytes, its text or its rows."""
    return _write_drop


def _write_drop(folder: Path, files: Mapping[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(_as_bytes(name, content))
    return folder


def _as_bytes(name: str, content: Any) -> bytes:
    """Write rows in the format a file's name says and pack them so; bytes and text stay what they are, packed."""
    if isinstance(content, bytes):
        return content
    text = content.encode() if isinstance(content, str) else _formatted(name, content)
    if name.endswith(".gz"):
        return gzip.compress(text, mtime=0)
    if name.endswith(".zst"):
        return zstandard.compress(text)
    return text


def _formatted(name: str, rows: Any) -> bytes:
    if ".json" in name and isinstance(rows, dict):  # a manifest of the sender's
        return json.dumps(rows).encode()
    if ".jsonl" in name:
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    columns = list(dict.fromkeys(column for row in rows for column in row))
    if ".parquet" in name:
        packed = io.BytesIO()
        pq.write_table(pa.table({column: [row.get(column) for row in rows] for column in columns}), packed)
        return packed.getvalue()
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


@pytest.fixture(scope="session")
def followers() -> Callable[..., list[dict[str, Any]]]:
    """Give a maker of follower rows: account, ids, day, and what else each row says."""

    def rows(account_id: str, ids: Any, on: str, platform: str = "x", **profile: Any) -> list[dict[str, Any]]:
        return [
            {"platform": platform, "account_id": account_id, "member_id": str(one), "observed_on": on} | profile
            for one in ids
        ]

    return rows


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is not fast. Put the longest files first; a file's own tests stay in their order."""
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))
    for item in items:
        for tier in _tiers(item):
            item.add_marker(tier)


def _tiers(item: pytest.Item) -> set[str]:
    path = item.path.relative_to(TESTS).as_posix() if item.path.is_relative_to(TESTS) else ""
    tiers = {tier for tier, places in TIERS.items() if any(path == one or path.startswith(f"{one}/") for one in places)}
    return tiers | ({"night"} if NIGHT_FIXTURES & set(getattr(item, "fixturenames", ())) else set())


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave without Python's own shutdown, in which DuckDB's client prints pages about "leaked" objects."""
    if getattr(config, "_exit_status", None) is not None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config._exit_status)  # type: ignore[attr-defined]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Remember how the session ended, for `pytest_unconfigure`."""
    session.config._exit_status = int(exitstatus)  # type: ignore[attr-defined]
