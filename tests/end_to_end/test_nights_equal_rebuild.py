"""Whatever comes in whatever order, an incremental night equals a replay from nothing."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipelines import night
from pipelines.analysis import examples
from pipelines.landing.deliveries import current_deliveries
from pipelines.segments import definition
from pipelines.warehouse import runs
from tests.end_to_end.world import Deployment, deploy

FIRST = date(2026, 5, 4)
ACCOUNTS = [
    {"platform": "x", "account_id": "1", "role": "own"},
    {"platform": "x", "account_id": "2", "role": "own", "closed_on": "2026-05-07"},
    {"platform": "x", "account_id": "91", "role": "seed"},
    {"platform": "mastodon", "account_id": "5", "role": "own"},
]
RULES = {
    "words": "{rule_id: says_so, match: any_word, values: [rider], why: They say so.}",
    "other_words": "{rule_id: says_so, match: any_word, values: [rider, gardener], why: They say so.}",
    "follows": "{rule_id: reads_it, match: follows_at_least, k: 1, values: ['x:91'], why: They read it.}",
    "acts": "{rule_id: acts, match: engages_at_least, k: 1, within_days: 3, values: ['x:1'], why: They act.}",
    "tags": "{rule_id: tags, match: used_tag, within_days: 4, values: [ride], why: They say so in answers.}",
}
HEADER = """
segment_id: rider
title: Riders
question: Who rides?
owner: Roads
status: active
warnings: [defined_by_own_accounts]
"""


def segment(rules: Iterable[str], exclude: Iterable[str] = ()) -> str:
    """Write a definition of these rules; its examples are a matter of other tests."""
    lines = [HEADER, "rules:\n", *(f"  - {RULES[one]}\n" for one in rules)]
    if exclude:
        lines += ["exclude:\n", *(f"  - {RULES[one]}\n" for one in exclude)]
    return "".join(lines)


DEFINITIONS = (
    segment(["words", "follows"]),
    segment(["other_words", "acts"]),
    segment(["words", "acts", "tags"]),
    segment(["acts", "follows"], exclude=["words"]),
)
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
            "kind": "reply",
            "engaged_at": draw(st.sampled_from(["", "2026-05-03T10:00:00Z"])),
            "text": draw(st.sampled_from(["", "lovely #Ride today", "You idiots.", "Gravel on the bend by the farm"])),
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
    """Drops in the order in which they come, with nights between some: late, repeated and superseding ones too.

    Between any two of them the segment's definition may be edited.
    """
    sources = draw(st.lists(st.sampled_from(["one", "two"]), min_size=1, max_size=5))
    events: list[dict[str, Any]] = []
    for source in sources:
        events.append({"land": draw(deliveries(source=source))})
        if draw(st.booleans()):
            events.append({"edit": draw(st.sampled_from(DEFINITIONS))})
        if draw(st.booleans()):
            events.append({"night": FIRST + timedelta(days=draw(st.integers(0, 7)))})
    if draw(st.booleans()):
        events.append(draw(st.sampled_from([event for event in events if "land" in event])))
    return events


@pytest.fixture
def no_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave audits to their own tests: lists of four people may well halve, and definitions need no examples here."""
    monkeypatch.setattr(examples, "check_examples", lambda definitions, ran: None)
    monkeypatch.setattr(definition, "FEWEST_EXAMPLES", 0)
    for name in night.STEPS:
        if name.startswith("check_"):
            monkeypatch.setitem(night.STEPS, name, lambda run_id: None)


@settings(
    max_examples=6,
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
    rider = folder / "ref" / "segments" / "rider.yml"
    rider.write_text(DEFINITIONS[0], encoding="utf-8")
    for event in history:
        if "edit" in event:
            rider.write_text(event["edit"], encoding="utf-8")
            continue
        if "land" in event:
            drop = event["land"]
            deployed.land(drop["source"], drop["on"], **drop["tables"])
        elif current_deliveries(deployed.settings, until=event["night"]):
            deployed.night(event["night"])
    last = FIRST + timedelta(days=9)
    carried = published(deployed, last, replay=False)
    replayed = published(deployed, last, replay=True)
    assert carried == replayed
    sizes = "SELECT count(*) FROM core.segment_membership WHERE left_on IS NULL"
    assert deployed.rows(sizes) == deployed.rows(
        "SELECT coalesce(sum(people_in - people_out), 0) FROM mart.segment_change"
    )


def published(deployed: Deployment, as_of: date, *, replay: bool) -> dict[str, list[tuple[Any, ...]]]:
    """Run a night and read what it published, deliveries and their fates included."""
    deployed.night(as_of, replay=replay)
    tables = deployed.tables("ref", "core", "mart", "meta")
    return {name: rows for name, rows in tables.items() if name not in ("meta.run", "meta.validation_result")}


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
    records = runs.records(deployed.settings)
    assert [record["base_snapshot_id"] for record in records[1:]] == [record["run_id"] for record in records[:-1]]
    assert deployed.rows("SELECT count(*), count(ended_on) FROM core.follow") == [(3, 2)]
    assert deployed.rows("SELECT count(*) FROM meta.delivery") == [(3,)]
    assert deployed.rows(f"SELECT base_snapshot_id FROM meta.run WHERE run_id = '{run_id}'") == [
        (records[1]["run_id"],)
    ]


def test_edits_between_nights_are_carried_forward_as_they_came(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, no_audit: None
) -> None:
    """Every night continues from the one before, under another definition; only the last edit of a day is undone."""
    folder = tmp_path_factory.mktemp("edited")
    deployed = deploy(folder, ACCOUNTS, monkeypatch)
    bios = ["keen rider", "gardener", "", "keen rider", "gardener"]
    for n, text in enumerate((*DEFINITIONS, DEFINITIONS[0])):
        (folder / "ref" / "segments" / "rider.yml").write_text(text, encoding="utf-8")
        on = FIRST + timedelta(days=n)
        rows = [
            {"platform": "x", "account_id": one, "member_id": f"m{who}", "observed_on": on, "bio": bios[(n + who) % 5]}
            for one in ("1", "91")
            for who in range(5)
            if (who + n) % 4
        ]
        deployed.land("one", on, follower=rows)
        deployed.night(on)
    records = runs.records(deployed.settings)
    assert [record["base_snapshot_id"] for record in records[1:]] == [record["run_id"] for record in records[:-1]]
    assert deployed.rows("SELECT count(*) FROM ref.segment_version") == [(5,)]
    assert deployed.rows("SELECT count(DISTINCT cause) FROM mart.segment_change")[0][0] >= 3
    last = FIRST + timedelta(days=9)
    carried = published(deployed, last, replay=False)
    assert runs.records(deployed.settings)[-1]["base_snapshot_id"] == records[-1]["run_id"]
    assert carried == published(deployed, last, replay=True)


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
    assert runs.records(deployed.settings)[-1]["base_snapshot_id"] is None
    assert deployed.rows("SELECT count(*) FROM core.follow") == [(2,)]
