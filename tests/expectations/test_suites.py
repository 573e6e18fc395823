"""Break each expectation alone: it must fail, no other may, and what is said of it must name nobody."""

import importlib
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import duckdb
import pytest

from pipelines.errors import ModelError
from pipelines.reference import read_bands
from pipelines.settings import Settings
from tests.sql.case_runner import Row, build, create_tables, every_table, insert

AS_OF = date(2026, 9, 30)
LAYERS = ("raw", "core", "mart")
# A person's number, and words only a person could have written: neither may ever leave a check.
PERSON = 424242424242
WORDS = "SECRET"

ACCOUNT: Row = {"platform": "x", "account_id": "news"}
DELIVERY: Row = {"delivery_id": "d1", "table_name": "follower", "n_rows": 1000, "n_rows_loaded": 980}
GOOD_ROWS: dict[str, list[Row]] = {
    "ref.segment": [{"segment_id": "rider", "title": "Riders"}],
    "meta.delivery": [DELIVERY | {"n_rows_quarantined": 10, "n_rows_duplicate": 10}],
    "meta.follower_count": [ACCOUNT | {"delivery_id": "d1", "n_collected": 105, "n_reported": 100}],
    "stg.follower": [ACCOUNT | {"member_key": PERSON, "observed_on": AS_OF}, ACCOUNT | {"member_key": 1}],
    "stg.member": [
        {"platform": "x", "member_key": PERSON, "name": WORDS, "bio": WORDS},
        {"platform": "x", "member_key": 1},
        {"platform": "x", "member_key": 2},
    ],
    "core.account": [
        ACCOUNT | {"role": "own", "is_open": True},
        {"platform": "x", "account_id": "roads", "role": "own", "is_open": False},
        {"platform": "x", "account_id": "magazine", "role": "seed", "is_open": True},
    ],
    "core.follower_list": [
        ACCOUNT | {"observed_on": date(2026, 9, 8), "is_complete": True, "list_people": 50},
        ACCOUNT | {"observed_on": date(2026, 9, 15), "is_complete": True, "list_people": 25, "list_people_before": 50},
    ],
    "core.follow": [
        ACCOUNT | {"member_key": PERSON, "first_seen_on": date(2026, 9, 8), "last_seen_on": date(2026, 9, 15)},
        ACCOUNT | {"member_key": 1, "first_seen_on": date(2026, 9, 15), "last_seen_on": date(2026, 9, 15)},
        ACCOUNT
        | {
            "member_key": 2,
            "first_seen_on": date(2026, 9, 8),
            "last_seen_on": date(2026, 9, 8),
            "ended_on": date(2026, 9, 15),
        },
    ],
    "core.member": [
        {"platform": "x", "member_key": PERSON, "is_present": True},
        {"platform": "x", "member_key": 1, "is_present": True},
        {"platform": "x", "member_key": 2, "is_present": False},
    ],
    "core.engagement": [
        ACCOUNT | {"post_id": "p1", "member_key": PERSON, "kind": kind, "engaged_on": date(2004, 1, 1)}
        for kind in ("like", "reply", "repost", "quote", "mention")
    ],
    # Every kind of extract of this account: none may stand in for those of its namesake on another platform.
    "core.post": [ACCOUNT | {"post_id": "p1", "posted_at": datetime(2026, 9, 15, 8, tzinfo=UTC)}],
    "core.account_day": [ACCOUNT | {"day": date(2026, 9, 15), "metric": "followers", "value": 2}],
    "mart.segment_change": [
        {
            "segment_id": "rider",
            "platform": "x",
            "changed_on": date(2026, 9, 1),
            "cause": "people in",
            "people_in": 3,
            "people_out": 1,
        },
    ],
    "mart.segment_quality": [
        {
            "segment_id": "rider",
            "measure": "size_people",
            "estimate": 2,
            "estimate_lo": 1,
            "estimate_hi": 2,
            "is_in_force": True,
            "has_drifted": False,
        },
        {"segment_id": "rider", "measure": "calibration_error", "estimate": 0.01, "is_in_force": True},
    ],
    "core.segment_membership": [
        {
            "segment_id": "rider",
            "platform": "x",
            "member_key": PERSON,
            "entered_on": date(2026, 9, 1),
            "membership_probability": 1.0,
        },
        {
            "segment_id": "rider",
            "platform": "x",
            "member_key": 1,
            "entered_on": date(2026, 9, 1),
            "membership_probability": 0.0,
        },
        {
            "segment_id": "rider",
            "platform": "x",
            "member_key": 1,
            "entered_on": date(2026, 8, 1),
            "left_on": date(2026, 9, 1),
            "membership_probability": 1.0,
        },
    ],
}


@dataclass(frozen=True)
class Break:
    """One way to break one expectation alone: its layer, how grave it is, how many rows or groups break, the SQL."""

    layer: str
    severity: str
    n_unexpected: int | None
    sql: str


BREAKS = {
    "delivery_rows_are_accounted_for": Break(
        "raw", "critical", 1, "UPDATE meta.delivery SET n_rows_loaded = n_rows_loaded - 1"
    ),
    "delivery_is_mostly_fit": Break(
        "raw",
        "critical",
        1,
        "INSERT INTO meta.delivery BY NAME SELECT 'd2' AS delivery_id, 100 AS n_rows, 98 AS n_rows_loaded, "
        "2 AS n_rows_quarantined, 0 AS n_rows_duplicate",
    ),
    "delivery_holds_something": Break(
        "raw",
        "critical",
        1,
        "INSERT INTO meta.delivery BY NAME SELECT 'd2' AS delivery_id, 9 AS n_rows, 0 AS n_rows_loaded, "
        "9 AS n_rows_quarantined, 0 AS n_rows_duplicate",
    ),
    "delivery_repeats_little": Break(
        "raw",
        "warning",
        1,
        "UPDATE meta.delivery SET n_rows_loaded = n_rows_loaded - 1, n_rows_duplicate = n_rows_duplicate + 1",
    ),
    "follower_names_its_account": Break(
        "raw", "critical", 1, f"UPDATE stg.follower SET account_id = NULL WHERE member_key = {PERSON}"
    ),
    "follower_has_a_pseudonym": Break(
        "raw", "critical", 1, f"UPDATE stg.follower SET member_key = NULL WHERE member_key = {PERSON}"
    ),
    "follower_list_is_not_from_tomorrow": Break(
        "raw", "critical", 1, f"UPDATE stg.follower SET observed_on = DATE '2026-10-01' WHERE member_key = {PERSON}"
    ),
    "follower_count_agrees_with_platform": Break(
        "raw", "warning", 1, "UPDATE meta.follower_count SET n_collected = 94"
    ),
    "member_key_stands_for_one_person": Break(
        "raw", "critical", 2, f"UPDATE stg.member SET member_key = {PERSON} WHERE member_key = 1"
    ),
    "quarantine_is_empty": Break(
        "raw", "warning", None, "INSERT INTO meta.quarantine BY NAME SELECT 'd1' AS delivery_id, 1 AS n_rows"
    ),
    "account_has_an_extract": Break(
        "core", "warning", 1, "UPDATE core.account SET is_open = true WHERE account_id = 'roads'"
    ),
    "engagement_is_of_a_known_kind": Break(
        "core", "critical", 1, f"UPDATE core.engagement SET kind = '{WORDS}' WHERE kind = 'mention'"
    ),
    "engagement_is_younger_than_social_media": Break(
        "core", "warning", 1, "UPDATE core.engagement SET engaged_on = DATE '2003-12-31' WHERE kind = 'like'"
    ),
    "follow_runs_forward": Break(
        "core", "critical", 1, f"UPDATE core.follow SET last_seen_on = DATE '2026-09-07' WHERE member_key = {PERSON}"
    ),
    "follow_is_open_once": Break(
        "core", "critical", 1, f"INSERT INTO core.follow SELECT * FROM core.follow WHERE member_key = {PERSON}"
    ),
    "follow_does_not_overlap": Break(
        "core",
        "critical",
        2,
        "INSERT INTO core.follow VALUES "
        "('x', 'news', 2, NULL, DATE '2026-09-10', DATE '2026-09-10', DATE '2026-09-12')",
    ),
    "follower_list_did_not_collapse": Break(
        "core", "critical", 1, "UPDATE core.follower_list SET list_people = 24 WHERE list_people = 25"
    ),
    "follower_list_is_fresh": Break(
        "core", "warning", 1, "UPDATE core.follower_list SET observed_on = observed_on - 1"
    ),
    "member_is_one_row": Break(
        "core", "critical", 2, f"INSERT INTO core.member SELECT * FROM core.member WHERE member_key = {PERSON}"
    ),
    "membership_is_one_row": Break(
        "core",
        "critical",
        2,
        f"INSERT INTO core.segment_membership SELECT * FROM core.segment_membership WHERE member_key = {PERSON}",
    ),
    "membership_spells_do_not_overlap": Break(
        "core",
        "critical",
        1,
        "UPDATE core.segment_membership SET left_on = DATE '2026-09-02' WHERE left_on IS NOT NULL",
    ),
    "membership_probability_is_one": Break(
        "core",
        "critical",
        1,
        f"UPDATE core.segment_membership SET membership_probability = 1.5 WHERE member_key = {PERSON}",
    ),
    "members_are_present": Break(
        "core",
        "critical",
        1,
        "INSERT INTO core.segment_membership BY NAME SELECT 'rider' AS segment_id, 2 AS member_key, "
        "1.0 AS membership_probability",
    ),
    "segment_has_members": Break("core", "warning", 1, "INSERT INTO ref.segment (segment_id) VALUES ('farmer')"),
    "signature_holds_people": Break(
        "mart",
        "critical",
        1,
        "INSERT INTO mart.reach_signature BY NAME SELECT 'rider' AS segment_id, 'x' AS platform, 'follower' AS basis, "
        "['none'] AS account_ids, 0 AS n_members, 0 AS people",
    ),
    "signature_stands_once": Break(
        "mart",
        "critical",
        1,
        "INSERT INTO mart.reach_signature SELECT * FROM mart.reach_signature "
        "WHERE segment_id = 'rider' AND basis = 'follower'",
    ),
    "signatures_add_up_to_everyone": Break(
        "mart",
        "critical",
        1,
        "UPDATE mart.reach_signature SET people = people + 1 WHERE segment_id = 'everyone' AND basis = 'follower'",
    ),
    "reach_is_one_row": Break(
        "mart",
        "critical",
        2,
        "INSERT INTO mart.segment_reach SELECT * FROM mart.segment_reach "
        "WHERE segment_id = 'rider' AND basis = 'follower'",
    ),
    "coverage_is_a_share": Break(
        "mart",
        "critical",
        1,
        "UPDATE mart.segment_reach SET coverage_share = 1.01 WHERE segment_id = 'rider' AND basis = 'follower'",
    ),
    "reach_is_in_order": Break(
        "mart",
        "critical",
        1,
        "UPDATE mart.segment_reach SET fair_share_people = 2.6 WHERE segment_id = 'rider' AND basis = 'follower'",
    ),
    "changes_add_up_to_members": Break("mart", "critical", 1, "UPDATE mart.segment_change SET people_in = 4"),
    "estimate_lies_in_its_interval": Break("mart", "critical", 1, "UPDATE mart.segment_quality SET estimate = 2.5"),
    "audit_has_not_drifted": Break(
        "mart", "warning", 1, "UPDATE mart.segment_quality SET has_drifted = true WHERE measure = 'size_people'"
    ),
    "missing_reach_has_its_reason": Break(
        "mart",
        "critical",
        1,
        "UPDATE mart.segment_reach SET reach_people = NULL WHERE segment_id = 'rider' AND basis = 'follower'",
    ),
    "totals_have_no_reach": Break(
        "mart",
        "critical",
        1,
        "UPDATE mart.segment_reach SET reach_reason = 'totals only' WHERE segment_id = 'rider' AND basis = 'follower'",
    ),
    "size_is_in_order": Break(
        "mart", "critical", 1, "UPDATE mart.segment_size SET reached_people = 3 WHERE segment_id = 'rider'"
    ),
    "segment_is_reached_somewhere": Break(
        "mart", "warning", 1, "UPDATE mart.segment_size SET reached_people = 0 WHERE segment_id = 'rider'"
    ),
    "scorecard_agrees_with_reach": Break(
        "mart", "critical", 1, "UPDATE mart.account_scorecard SET reach_people = 1 WHERE account_id = 'news'"
    ),
    "followers_agree_with_platform": Break(
        "mart", "warning", 1, "UPDATE mart.account_scorecard SET followers_reported = 3 WHERE account_id = 'news'"
    ),
}

# Other ways to break an expectation, each one that a laxer query would let pass.
OTHER_BREAKS = {
    "rows that nobody counted": (
        "delivery_rows_are_accounted_for",
        Break("raw", "critical", 1, "UPDATE meta.delivery SET n_rows_quarantined = NULL"),
    ),
    "a namesake with extracts elsewhere": (
        "account_has_an_extract",
        Break(
            "core",
            "warning",
            1,
            "INSERT INTO core.account (platform, account_id, role, is_open) VALUES ('mastodon', 'news', 'own', true)",
        ),
    ),
    "an open spell before the earlier has ended": (
        "follow_does_not_overlap",
        Break(
            "core",
            "critical",
            1,
            "INSERT INTO core.follow VALUES ('x', 'news', 2, NULL, DATE '2026-09-14', DATE '2026-09-20', NULL)",
        ),
    ),
    "a probability that nobody knows": (
        "membership_probability_is_one",
        Break(
            "core",
            "critical",
            1,
            f"UPDATE core.segment_membership SET membership_probability = NULL WHERE member_key = {PERSON}",
        ),
    ),
    "a probability below nothing": (
        "membership_probability_is_one",
        Break(
            "core",
            "critical",
            1,
            f"UPDATE core.segment_membership SET membership_probability = -0.1 WHERE member_key = {PERSON}",
        ),
    ),
    "a member whom nobody ever saw": (
        "members_are_present",
        Break("core", "critical", 1, "DELETE FROM core.member WHERE member_key = 1"),
    ),
    "everyone missing on one basis": (
        "signatures_add_up_to_everyone",
        Break(
            "mart",
            "critical",
            1,
            "DELETE FROM mart.reach_signature WHERE segment_id = 'everyone' AND basis = 'engaged'",
        ),
    ),
    "everyone missing on every basis": (
        "signatures_add_up_to_everyone",
        Break("mart", "critical", 2, "DELETE FROM mart.reach_signature WHERE segment_id = 'everyone'"),
    ),
    "members of a platform who are not there": (
        "signatures_add_up_to_everyone",
        Break("mart", "critical", 2, "UPDATE core.member SET is_present = false"),
    ),
    "a reach that no follower list bears out": (
        "totals_have_no_reach",
        Break(
            "mart",
            "critical",
            1,
            "UPDATE mart.segment_reach SET reach_reason = 'no follower list' "
            "WHERE segment_id = 'rider' AND basis = 'follower'",
        ),
    ),
    "a zero where no engagement extract came": (
        "totals_have_no_reach",
        Break(
            "mart",
            "critical",
            1,
            "UPDATE mart.segment_reach SET reach_reason = 'no engagement extract' "
            "WHERE segment_id = 'rider' AND basis = 'engaged'",
        ),
    ),
    "followers without a reach": (
        "scorecard_agrees_with_reach",
        Break("mart", "critical", 1, "UPDATE mart.account_scorecard SET reach_people = NULL WHERE account_id = 'news'"),
    ),
    "a reach without followers": (
        "scorecard_agrees_with_reach",
        Break("mart", "critical", 1, "UPDATE mart.account_scorecard SET followers = NULL WHERE account_id = 'news'"),
    ),
}
ALL_BREAKS = {name: (name, how) for name, how in BREAKS.items()} | OTHER_BREAKS

# What looks wrong and is not: each stands at the edge of an expectation, on its right side.
EDGES = {
    "raw": [
        # 98 of 99 rows kept out: too few rows to stop a night for, the quarantine's warning says it.
        "INSERT INTO meta.delivery BY NAME SELECT 'd2' AS delivery_id, 99 AS n_rows, 1 AS n_rows_loaded, "
        "98 AS n_rows_quarantined, 0 AS n_rows_duplicate",
        # Five per cent below the platform's count is still near it, and no count is nothing to compare with.
        "INSERT INTO meta.follower_count VALUES ('d2', 'x', 'news', 95, 100), ('d2', 'x', 'roads', 7, NULL)",
    ],
    "core": [
        # Below fifty a list may halve by chance; a partial list is short by nature; a person said the third is right.
        "INSERT INTO core.follower_list VALUES ('x', 'magazine', DATE '2026-09-28', true, 1, 49), "
        "('x', 'news', DATE '2026-09-20', false, 1, NULL), ('x', 'magazine', DATE '2026-09-29', true, 1, 90)",
        "INSERT INTO ref.accepted_list VALUES ('x', 'magazine', DATE '2026-09-29', 'a purge of fake accounts')",
        # The old list of an account that closed is no news, and neither is that of a seed.
        "INSERT INTO core.follower_list VALUES ('x', 'roads', DATE '2020-01-01', true, 1, NULL)",
        # One who left and came back has two spells, one of them open.
        "INSERT INTO core.follow VALUES ('x', 'news', 2, NULL, DATE '2026-09-20', DATE '2026-09-20', NULL)",
        # Somebody's ended spell of one account says nothing of another's.
        "INSERT INTO core.follow VALUES ('x', 'magazine', 2, NULL, DATE '2026-09-10', DATE '2026-09-20', NULL)",
        # A probability of one is as likely as can be.
        f"UPDATE core.segment_membership SET membership_probability = 1 WHERE member_key <> {PERSON}",
        # Totals are an extract, and so are posts and engagements.
        "INSERT INTO core.account (platform, account_id, role, is_open) "
        "VALUES ('x', 'rural', 'own', true), ('x', 'dogs', 'own', true), ('x', 'talk', 'own', true)",
        "INSERT INTO core.engagement (platform, account_id, kind, engaged_on) "
        "VALUES ('x', 'talk', 'like', DATE '2026-09-28')",
        "INSERT INTO core.account_day (platform, account_id) VALUES ('x', 'rural')",
        "INSERT INTO core.post (platform, account_id) VALUES ('x', 'dogs')",
    ],
    "mart": [
        # A platform's count of another day than the list's is not compared with it.
        "UPDATE mart.account_scorecard SET followers_reported = 900, followers_reported_on = DATE '2026-09-16' "
        "WHERE account_id = 'news'",
        # A segment that is reached on one platform may be missed on another.
        "INSERT INTO mart.segment_size BY NAME SELECT 'rider' AS segment_id, 'mastodon' AS platform, "
        "1 AS segment_people, 0 AS reached_people, 1 AS everyone_people",
        # An account that closed keeps its followers and reaches nobody.
        "UPDATE mart.account_scorecard SET followers = 5 WHERE account_id = 'roads'",
        # A partial list gives a lower bound; of an account whose engagements nobody collected nothing is known.
        "UPDATE mart.segment_reach SET reach_reason = 'partial list: at least this many' WHERE basis = 'follower'",
        "UPDATE mart.segment_reach SET reach_people = NULL, reach_reason = 'no engagement extract' "
        "WHERE basis = 'engaged'",
        # A share of nobody is unknown, and everybody may be reached.
        "UPDATE mart.segment_reach SET coverage_share = NULL WHERE segment_id = 'rider' AND basis = 'follower'",
        "UPDATE mart.segment_reach SET coverage_share = 1 WHERE segment_id = 'everyone' AND basis = 'follower'",
    ],
}


@pytest.fixture(scope="module")
def validate() -> ModuleType:
    """Import Great Expectations late: only whoever runs these tests waits for it."""
    return importlib.import_module("pipelines.validate")


@pytest.fixture(scope="module")
def good_night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a small night in which everything holds; its marts are built by the models."""
    path = tmp_path_factory.mktemp("night") / "good.duckdb"
    con = duckdb.connect(str(path))
    con.execute("SET VARIABLE as_of = $as_of", {"as_of": AS_OF})
    create_tables(con, every_table())
    for table, rows in GOOD_ROWS.items():
        insert(con, table, rows)
    build(con, "mart.reach_signature", "mart.segment_reach", "mart.segment_size", "mart.account_scorecard")
    con.close()
    return path


@pytest.fixture
def check(tmp_path: Path, good_night: Path, validate: ModuleType) -> Callable[..., list[Any]]:
    """Give a checker: a layer, and the SQL that changes the good night before."""
    settings = Settings(data=tmp_path, ref=tmp_path / "ref", key_file=tmp_path / "member.key", threads=1)
    tonight = validate.Tonight(AS_OF, read_bands(settings))

    def check_changed(layer: str, *changes: str) -> list[Any]:
        path = tmp_path / "night.duckdb"
        shutil.copyfile(good_night, path)
        con = duckdb.connect(str(path))
        for sql in changes:
            changed = con.execute(sql).fetchone()
            assert changed
            assert changed[0] > 0, f"changes nothing: {sql}"
        con.close()
        results: list[Any] = validate.check_layer(path, layer, tonight, settings)
        return results

    return check_changed


def failed(results: list[Any]) -> set[str]:
    return {one.expectation_id for one in results if not one.is_success}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_good_night_passes(check: Callable[..., list[Any]], layer: str) -> None:
    results = check(layer)
    assert not failed(results)
    assert {one.layer for one in results} == {layer}
    assert {one.expectation_id for one in results} == {name for name, one in BREAKS.items() if one.layer == layer}


@pytest.mark.parametrize(("name", "how"), ALL_BREAKS.values(), ids=ALL_BREAKS)
def test_an_expectation_breaks_alone_and_names_nobody(
    check: Callable[..., list[Any]],
    name: str,
    how: Break,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with caplog.at_level(logging.DEBUG):
        results = check(how.layer, how.sql)
    assert failed(results) == {name}
    broken = next(one for one in results if one.expectation_id == name)
    assert (broken.severity, broken.n_unexpected) == (how.severity, how.n_unexpected)
    assert broken.notes
    said = repr(results) + caplog.text + "".join(capfd.readouterr())
    assert str(PERSON) not in said
    assert WORDS not in said


@pytest.mark.parametrize("layer", LAYERS)
def test_what_stands_at_the_edge_is_right(check: Callable[..., list[Any]], layer: str) -> None:
    assert not failed(check(layer, *EDGES[layer]))


def test_every_expectation_has_its_break_and_says_what_to_do(validate: ModuleType, tmp_path: Path) -> None:
    bands = read_bands(Settings(data=tmp_path, ref=tmp_path, key_file=tmp_path))
    tonight = validate.Tonight(AS_OF, bands)
    wanted = [
        (layer, one) for layer in LAYERS for module in validate.suites(layer) for one in module.expectations(tonight)
    ]
    ids = [one.meta["expectation_id"] for _, one in wanted]
    assert len(ids) == len(set(ids)), "an id names one expectation"
    assert set(ids) == set(BREAKS)
    for layer, one in wanted:
        assert BREAKS[one.meta["expectation_id"]].layer == layer
        assert str(one.severity.value) in ("critical", "warning")
        assert len(str(one.notes).split()) > 4


QUERIES = {
    "a column that is not there": "SELECT 1 AS broken FROM {batch} WHERE no_such_column > 0",
    "a table that is not there": "SELECT 1 AS broken FROM {batch} INNER JOIN core.nothing USING (member_key)",
    "no SQL at all": "SELECT FROM {batch} WHERE",
    "a value that is no number": "SELECT 1 AS broken FROM {batch} WHERE CAST(name AS INTEGER) > 0",
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_an_expectation_that_cannot_be_evaluated_is_an_error_and_names_nobody(
    check: Callable[..., list[Any]],
    validate: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    query: str,
) -> None:
    no_rows = importlib.import_module("expectations").no_rows
    wanted = no_rows("misspelt", "warning", "Mend the query.", query)
    module = SimpleNamespace(TABLE="stg.member", expectations=lambda tonight: [wanted])
    monkeypatch.setattr(validate, "suites", lambda layer: [module])
    with caplog.at_level(logging.DEBUG), pytest.raises(ModelError) as failure:
        check("raw")
    assert "misspelt" in str(failure.value)
    said = str(failure.value) + repr(failure.value) + caplog.text + "".join(capfd.readouterr())
    assert WORDS not in said


def test_a_column_that_is_not_there_is_an_error(
    check: Callable[..., list[Any]], validate: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    gxe = importlib.import_module("great_expectations.expectations")
    about = importlib.import_module("expectations").about
    wanted = gxe.ExpectColumnValuesToNotBeNull(column="no_such_column", **about("misspelt", "warning", "Mend it."))
    module = SimpleNamespace(TABLE="stg.member", expectations=lambda tonight: [wanted])
    monkeypatch.setattr(validate, "suites", lambda layer: [module])
    with pytest.raises(ModelError, match="misspelt"):
        check("raw")
