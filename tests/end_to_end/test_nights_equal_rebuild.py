"""Whatever comes in whatever order, a night that carries forward gives what a replay from nothing gives."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipelines import landing, night
from tests.end_to_end.world import Deployment, deploy

FIRST = date(2026, 5, 4)
ACCOUNTS = [
    {"platform": "x", "account_id": "1", "role": "own"},
    {"platform": "x", "account_id": "2", "role": "own", "closed_on": "2026-05-07"},
    {"platform": "x", "account_id": "91", "role": "seed"},
    {"platform": "mastodon", "account_id": "5", "role": "own"},
]
SEGMENT = """
segment_id: rider
title: Riders
question: Who rides?
owner: Roads
rules:
  - {rule_id: says_so, match: any_word, values: [rider], why: They say so.}
  - {rule_id: reads_it, match: follows_or_engages_at_least, k: 1, values: ["x:91"], why: They read it.}
"""
people = st.sampled_from(["a", "b", "c", "d"])


@st.composite
def deliveries(draw: st.DrawFn, source: str) -> dict[str, Any]:
    """One drop: lists of some accounts, some acts, posts and figures, for one day of six."""
    n_day = draw(st.integers(0, 5))
    on = FIRST + timedelta(days=n_day)
    accounts = draw(
        st.lists(st.sampled_from(ACCOUNTS), min_size=1, max_size=3, unique_by=lambda one: one["account_id"])
    )
    followers = [
        {
            "platform": account["platform"],
            "account_id": account["account_id"],
            "member_id": who,
            "observed_on": on - timedelta(days=draw(st.integers(0, min(1, n_day)))),
            "bio": draw(st.sampled_from(["", "keen rider", "gardener"])),
        }
        for account in accounts
        for who in draw(st.sets(people, min_size=1))
    ]
    acts = [
        {
            "platform": "x",
            "post_id": draw(st.sampled_from(["p1", "p2"])),
            "account_id": "1",
            "member_id": who,
            "kind": "like",
            "engaged_at": draw(st.sampled_from(["", "2026-05-03T10:00:00Z"])),
        }
        for who in draw(st.lists(people, max_size=2))
    ]
    figures = [{"platform": "x", "account_id": "1", "day": FIRST, "metric": "followers",
                "value": draw(st.sampled_from(["", "3", "4"]))}]  # fmt: skip
    posts = [{"platform": "x", "post_id": "p1", "account_id": "1", "posted_at": "2026-05-01T08:00:00Z",
              "likes": draw(st.sampled_from(["", "1", "2"])), "replies": draw(st.sampled_from(["", "5"]))}]  # fmt: skip
    tables = {"follower": followers, "account_day": figures, "post": posts} | ({"engagement": acts} if acts else {})
    return {"source": source, "on": on, "tables": tables}


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Drops in the order in which they come, with nights between some: late, repeated and superseding ones too."""
    sources = draw(st.lists(st.sampled_from(["one", "two"]), min_size=1, max_size=5))
    events: list[dict[str, Any]] = []
    for source in sources:
        events.append({"land": draw(deliveries(source=source))})
        if draw(st.booleans()):
            events.append({"night": FIRST + timedelta(days=draw(st.integers(0, 7)))})
    if draw(st.booleans()):
        events.append(draw(st.sampled_from([event for event in events if "land" in event])))
    return events


@pytest.fixture
def no_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave audits to their own tests: lists of four people may well halve."""
    for name in night.STEPS:
        if name.startswith("check_"):
            monkeypatch.setitem(night.STEPS, name, lambda run_id: None)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(history=histories())
def test_nights_equal_a_rebuild(
    history: list[dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    no_audit: None,
) -> None:
    folder = tmp_path_factory.mktemp("history")
    deployed = deploy(folder, ACCOUNTS, monkeypatch)
    (folder / "ref" / "segments" / "rider.yml").write_text(SEGMENT, encoding="utf-8")
    for event in history:
        if "land" in event:
            drop = event["land"]
            deployed.land(drop["source"], drop["on"], **drop["tables"])
        elif landing.current_deliveries(deployed.settings, until=event["night"]):
            deployed.night(event["night"])
    last = FIRST + timedelta(days=9)
    carried = published(deployed, last, replay=False)
    replayed = published(deployed, last, replay=True)
    assert carried == replayed


def published(deployed: Deployment, as_of: date, *, replay: bool) -> dict[str, list[tuple[Any, ...]]]:
    """Run a night and read what it published, deliveries and their fates included."""
    deployed.night(as_of, replay=replay)
    return deployed.tables("ref", "core", "mart") | {
        name: rows for name, rows in deployed.tables("meta").items() if name in ("meta.delivery", "meta.quarantine")
    }


def test_a_state_is_really_carried_forward(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, no_audit: None
) -> None:
    """Lest the equality above be that of two replays: the second night loads its own delivery only."""
    deployed = deploy(tmp_path_factory.mktemp("carried"), ACCOUNTS, monkeypatch)
    for n in range(3):
        on = FIRST + timedelta(days=n)
        row = {"platform": "x", "account_id": "1", "member_id": f"m{n}", "observed_on": on}
        deployed.land("one", on, follower=[row])
        run_id = deployed.night(on)
    records = night.records(deployed.settings)
    assert [record["base_snapshot_id"] for record in records[1:]] == [record["run_id"] for record in records[:-1]]
    assert deployed.rows("SELECT count(*), count(ended_on) FROM core.follow") == [(3, 2)]
    assert deployed.rows("SELECT count(*) FROM meta.delivery") == [(3,)]
    assert deployed.rows(f"SELECT base_snapshot_id FROM meta.run WHERE run_id = '{run_id}'") == [
        (records[1]["run_id"],)
    ]


def test_another_key_or_account_replays_everything(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, no_audit: None
) -> None:
    folder = tmp_path_factory.mktemp("changed")
    deployed = deploy(folder, ACCOUNTS, monkeypatch)
    rows = [{"platform": "x", "account_id": one, "member_id": "m", "observed_on": FIRST} for one in ("1", "77")]
    deployed.land("one", FIRST, follower=rows)
    deployed.night(FIRST)
    assert deployed.rows("SELECT count(*) FROM core.follow") == [(1,)]
    assert deployed.rows("SELECT quarantine_reason, n_rows FROM meta.quarantine") == [
        ("account_id is not in account.csv", 1)
    ]
    with (folder / "ref" / "account.csv").open("a", encoding="utf-8") as target:
        target.write("x,77,,,own,,,\n")
    deployed.night(FIRST)
    assert night.records(deployed.settings)[-1]["base_snapshot_id"] is None
    assert deployed.rows("SELECT count(*) FROM core.follow") == [(2,)]
