"""Decisions follow from evidence alone, are counted together where accounts go together, and never from a gap."""

import math
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from pipelines.common.settings import SHIPPED_REF
from pipelines.marts import decision
from pipelines.reach import contacts
from pipelines.reach.metrics import MEASURES
from tests.marts.making import make
from tests.marts.planted_decision import (
    AS_OF,
    BASE,
    FALLS,
    KEEPS_VISITORS,
    PLANTED,
    TABLES,
    UNNEEDED,
    DecidedNight,
    settings,
)
from tests.sql.case_runner import create_tables, insert

ONE, OTHER = ("x", "1"), ("x", "2")
OPEN_RULES = ("activity_not_known", "no_people_known", "no_rule_fits")


def by_id(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["account_id"]: row for row in rows}


@pytest.mark.parametrize("rule_id", [one for one in PLANTED if one not in OPEN_RULES])
def test_any_figure_that_a_rule_needs_and_that_is_missing_undoes_it(rule_id: str) -> None:
    planted, _ = PLANTED[rule_id]
    con = duckdb.connect(":memory:")
    DecidedNight({ONE: planted}).fill(con)
    checks = make("decision_check", con, settings(), AS_OF).to_dicts()
    for check in (one for one in checks if one["has_decided"]):
        con.execute("BEGIN")
        con.execute(
            "UPDATE mart.decision_evidence SET value = NULL, value_lo = NULL, value_hi = NULL WHERE measure = $measure",
            {"measure": check["measure"]},
        )
        (without,) = make("decision", con, settings(), AS_OF).to_dicts()
        con.execute("ROLLBACK")
        assert without["rule_id"] != rule_id, check["measure"]
        assert without["action"] not in ("close", "merge into")


def test_conditions_on_any_community_must_hold_in_the_same_one() -> None:
    """It reaches the riders, whom others reach too, and alone has farmers, of whom nobody can say whether enough."""
    apart = BASE | {
        "active_people": {None: 500.0, "rider": 400.0, "farmer": 90.0}, "reaches": {"rider": 1.0, "farmer": None},
        "lost_share": {"rider": (0.015, 0.01, 0.02), "farmer": (0.06, 0.05, 0.07)},
    }  # fmt: skip
    (decided,) = DecidedNight({ONE: apart}).decide()
    assert decided["rule_id"] == "no_rule_fits"
    (decided,) = DecidedNight({ONE: apart | {"reaches": {"farmer": 1.0}}}).decide()
    assert (decided["rule_id"], decided["because_segment_id"]) == ("reaches_and_is_needed", "farmer")


def test_a_few_visitors_of_a_small_community_are_not_what_an_account_is_for() -> None:
    shares = {"rider": (0.1, 0.05, 0.2), "farmer": (0.9, 0.8, 0.95)}
    both = {"active_people": {None: 500.0, "rider": 400.0, "farmer": 11.0}, "visitor_share": shares}
    (decided,) = DecidedNight({ONE: KEEPS_VISITORS | both}).decide()
    assert decided["rule_id"] == "reaches_and_is_needed"


def test_what_is_asked_of_a_community_that_is_not_there_does_not_hold(tmp_path: Path) -> None:
    """Not even `missing`: an account that reaches no community has no largest one whose figure could be missing."""
    rules = (SHIPPED_REF / "decision_rule.yml").read_text(encoding="utf-8")
    asked = """rules:
  - rule_id: largest_is_unknown
    action: close
    when: [{measure: reaches, segment: largest, is: missing, why: A test.}]
    reason: Nothing is known.
    mitigation: none
    why: A test.
"""
    shutil.copytree(SHIPPED_REF, tmp_path / "ref")
    (tmp_path / "ref/decision_rule.yml").write_text(rules.replace("rules:\n", asked, 1), encoding="utf-8")
    (nobody,) = DecidedNight({ONE: {}}).decide(tmp_path / "ref")
    assert nobody["rule_id"] == "no_people_known"
    riders = {"active_people": {None: 9.0, "rider": 9.0}, "reaches": {"rider": None}}
    (some,) = DecidedNight({ONE: riders}).decide(tmp_path / "ref")
    assert some["rule_id"] == "largest_is_unknown"


def test_one_community_that_would_lose_people_keeps_an_account_open() -> None:
    shares = {"rider": (0.0, 0.0, 0.0), "farmer": (0.012, 0.011, 0.013)}
    (decided,) = DecidedNight({ONE: UNNEEDED | {"lost_share": shares}}).decide()
    assert decided["action"] not in ("close", "merge into")


def test_a_threshold_is_met_by_the_bound_that_the_rule_names() -> None:
    (decided,) = DecidedNight({ONE: FALLS | {"hostile_share": (0.35, 0.14, 0.5)}}).decide()
    assert decided["action"] != "critical updates only"
    (decided,) = DecidedNight({ONE: FALLS | {"contacts_change_share": (-0.2, -0.5, 0.1)}}).decide()
    assert decided["action"] != "critical updates only"


def test_two_accounts_that_stand_in_for_each_other_are_not_both_closed() -> None:
    """Alone neither would lose anybody; of two with the same people the smaller goes, the other stays."""
    sets = {("1", "2"): 400.0, ("1", "2", "3"): 60.0, ("1", "3"): 5.0, ("3",): 4000.0}
    few, many = UNNEEDED | {"active_people": {None: 460.0}}, UNNEEDED | {"active_people": {None: 465.0}}
    third = KEEPS_VISITORS
    decided = by_id(DecidedNight({ONE: many, OTHER: few, ("x", "3"): third}, sets=sets).decide())
    assert decided["2"]["action"] == "close"
    assert decided["2"]["closes_with"] == []
    assert decided["1"]["action"] != "close"
    assert decided["1"]["closes_with"] == ["x:2"]
    assert decided["1"]["lost_people"] == 400
    assert "together with those of Account 2" in decided["1"]["decision_reason"]


def test_accounts_that_lose_nobody_together_may_all_go() -> None:
    sets = {("1", "3"): 300.0, ("2", "3"): 200.0, ("3",): 4000.0}
    decided = by_id(DecidedNight({ONE: UNNEEDED, OTHER: UNNEEDED, ("x", "3"): KEEPS_VISITORS}, sets=sets).decide())
    assert {decided["1"]["action"], decided["2"]["action"]} == {"close"}
    assert {decided["1"]["redirect_account_id"], decided["2"]["redirect_account_id"]} == {"3"}


def test_accounts_that_go_never_lose_more_together_than_one_alone_may() -> None:
    """In 20 random worlds whoever goes, all of them together leave under one in a hundred reached by none."""
    rng = np.random.default_rng(11)
    n_gone = 0
    for _ in range(20):
        ids = [str(n) for n in range(5)]
        drawn = [tuple(one for one in ids if rng.random() < 0.55) for _ in range(8)]
        sets = {one: float(rng.integers(1, 200)) for one in drawn if len(one) > 1}
        net = sum(sets.values())
        accounts = {}
        for one in ids:
            reached = sum(people for each, people in sets.items() if one in each)
            others = [other for other in ids if other != one]
            shared = max(sum(n for each, n in sets.items() if {one, other} <= set(each)) for other in others)
            if reached:
                accounts["x", one] = UNNEEDED | {
                    "active_people": {None: reached}, "overlap_of_base": shared / reached,
                    "lost_share": {"rider": (0.0, 0.0, 0.0)}, "lost_people": {None: 0.0},
                }  # fmt: skip
        decided = DecidedNight(accounts, sets=sets).decide()
        going = {row["account_id"] for row in decided if row["action"] in decision.GOING}
        lost = sum(people for each, people in sets.items() if set(each) <= going)
        assert lost < 0.01 * net
        n_gone += len(going)
    assert n_gone > 20  # most worlds let somebody go: the test could fail


def test_people_are_sent_to_an_account_that_stays_and_has_most_of_them() -> None:
    sets = {("1", "2", "3"): 200.0, ("1", "2", "4"): 150.0, ("3",): 900.0, ("4",): 9000.0}
    small, large = (UNNEEDED | {"active_people": {None: n}} for n in (350.0, 351.0))
    stays = {("x", "3"): KEEPS_VISITORS, ("x", "4"): KEEPS_VISITORS}
    decided = by_id(DecidedNight({ONE: large, OTHER: small, **stays}, sets=sets).decide())
    assert decided["1"]["action"] == "close"
    assert decided["2"]["action"] == "close"
    assert decided["1"]["redirect_account_id"] == "3"
    assert not any(letter.isdigit() for letter in decided["1"]["redirect_reason"].replace("Account 3", ""))


def test_another_platform_is_a_suggestion_only() -> None:
    con = duckdb.connect(":memory:")
    night = DecidedNight({ONE: UNNEEDED, ("mastodon", "9"): KEEPS_VISITORS}, sets={("1",): 1.0})
    night.fill(con)
    insert(con, "mart.reach_signature", [
        {"segment_id": "everyone", "platform": "mastodon", "basis": "active", "account_ids": ["9"], "people": 70.0},
    ])  # fmt: skip
    decided = by_id(make("decision", con, settings(), AS_OF).to_dicts())
    assert decided["1"]["redirect_platform"] == "mastodon"
    assert decided["1"]["redirect_reason"].startswith("A suggestion only")
    assert decided["9"]["redirect_reason"] is None


def test_the_owner_is_that_of_the_largest_community_and_the_review_has_its_day() -> None:
    (decided,) = DecidedNight({ONE: KEEPS_VISITORS}).decide()
    assert decided["owner"] == "Roads"
    assert decided["review_on"] == AS_OF + timedelta(days=182)
    (unknown,) = DecidedNight({ONE: PLANTED["no_people_known"][0]}).decide()
    assert unknown["owner"] is None


def test_the_order_of_rows_decides_nothing() -> None:
    accounts = {("x", str(n)): planted for n, (planted, _) in enumerate(PLANTED.values())}
    first = DecidedNight(accounts).decide()
    assert DecidedNight(dict(reversed(accounts.items()))).decide() == first


def test_a_reason_holds_numbers_and_intervals() -> None:
    (decided,) = DecidedNight({ONE: FALLS}).decide()
    assert "35.0 % (25.0 % to 45.0 %)" in decided["decision_reason"]
    assert "−40.0 % (−50.0 % to −30.0 %)" in decided["decision_reason"]
    assert "120 active people" in decided["decision_reason"]  # of the account, not of the farmers


def test_evidence_without_any_mart_is_missing_with_reasons() -> None:
    con = duckdb.connect(":memory:")
    create_tables(con, ("core.account", "core.post", "core.contact"))
    insert(con, "core.account", [
        {"platform": "x", "account_id": "1", "role": "own", "is_open": True},
        {"platform": "x", "account_id": "2", "role": "own", "is_open": False},
        {"platform": "x", "account_id": "3", "role": "seed", "is_open": True},
    ])  # fmt: skip
    rows = make("decision_evidence", con, settings(), AS_OF).to_dicts()
    assert {row["account_id"] for row in rows} == {"1"}
    assert {row["measure"] for row in rows} == {name for name, one in MEASURES.items() if one.of_account}
    assert all(row["value"] is None and row["evidence_reason"] for row in rows)


def test_evidence_says_what_the_marts_say() -> None:
    con = duckdb.connect(":memory:")
    create_tables(con, TABLES)
    account = {"platform": "x", "account_id": "1"}
    insert(con, "core.account", [account | {"role": "own", "is_open": True}])
    insert(con, "mart.account_scorecard", [
        account | {"followers_reported": 7000, "n_posts": 26, "last_posted_on": AS_OF - timedelta(days=3)},
    ])  # fmt: skip
    insert(con, "core.post", [account | {"post_id": "p", "posted_at": f"{AS_OF - timedelta(days=90)} 08:00:00+00"}])
    cell = account | {"basis": "active", "reach_reason": None}
    insert(con, "mart.segment_reach", [
        cell | {"segment_id": "everyone", "reach_people": 500, "reach_people_lo": 480.0, "reach_people_hi": 520.0},
        cell | {"segment_id": "rider", "reach_people": 200, "segment_people": 400, "coverage_share": 0.5},
        cell | {"basis": "engaged", "segment_id": "everyone", "reach_people": 9},
    ])  # fmt: skip
    insert(con, "mart.closure_effect", [
        cell | {"basis": "follower", "segment_id": "everyone", "reach_people": 700, "net_reach_people": 3000,
                "lost_people": 600, "lost_share": 0.2},
        cell | {"segment_id": "everyone", "reach_people": 500, "net_reach_people": 2000, "lost_people": 100,
                "lost_people_lo": 90.0, "lost_people_hi": 110.0, "lost_share": 0.05, "next_account_people": 300},
        cell | {"segment_id": "farmer", "reach_people": 0, "net_reach_people": 0, "lost_people": 0},
    ])  # fmt: skip
    insert(con, "mart.reach_verdict", [
        account | {"segment_id": "rider", "verdict": "reaches", "trend": "falling", "trend_change_share": -0.3},
        account | {"segment_id": "farmer", "verdict": "cannot tell", "verdict_reason": "too few"},
    ])  # fmt: skip
    insert(con, "mart.reach_trend", [
        account | {"segment_id": "rider", "week_on": date(2026, 7, 6), "followers": None},
        account | {"segment_id": "rider", "week_on": date(2026, 7, 13), "followers": 200},
        account | {"segment_id": "rider", "week_on": date(2026, 9, 21), "followers": 150},
    ])  # fmt: skip
    found = {
        (row["measure"], row["segment_id"]): row for row in make("decision_evidence", con, settings(), AS_OF).to_dicts()
    }
    assert found["followers", None]["value"] == 7000
    assert found["followers", None]["evidence_reason"] == "the platform's own count: no list of people"
    assert found["days_since_post", None]["value"] == 3
    assert found["posts_per_week", None]["value"] is None  # a post on the 91st day is outside the window
    assert [found["active_people", None][name] for name in ("value", "value_lo", "value_hi")] == [500, 480, 520]
    assert found["coverage_share", "rider"]["n_base"] == 400
    assert found["lost_share", None]["value_hi"] == pytest.approx(110 / 2000)
    assert found["overlap_of_base", None]["value"] == pytest.approx(0.6)
    assert found["alone_share", None]["value"] == pytest.approx(0.2)
    assert ("lost_share", "farmer") not in found  # nobody there to lose
    assert found["reaches", "rider"]["value"] == 1
    assert (found["reaches", "farmer"]["value"], found["reaches", "farmer"]["evidence_reason"]) == (None, "too few")
    assert found["n_segments_reached", None]["value"] == 1
    assert found["followers_change_share", "rider"]["value"] == pytest.approx(-0.25)
    assert found["impact", None]["evidence_reason"].startswith("not measured here")
    for row in found.values():
        assert (row["value"] is None) <= (row["evidence_reason"] is not None)


def contact_night(daily: list[int]) -> list[contacts.Contacts]:
    """Plant one account's contacts a day, oldest first, the last on the day itself."""
    con = duckdb.connect(":memory:")
    create_tables(con, ["core.contact"])
    insert(con, "core.contact", [
        {"day": AS_OF - timedelta(days=len(daily) - 1 - n), "channel": "x", "kind": "report", "platform": "x",
         "account_id": "1", "n": count}
        for n, count in enumerate(daily)
    ] + [{"day": AS_OF, "channel": "none recorded", "kind": "report", "n": 999}])  # fmt: skip
    return list(contacts.contacts(con.sql("FROM core.contact").pl(), AS_OF))


def test_contacts_are_counted_a_month_and_compared_with_the_first_four_weeks() -> None:
    (one,) = contact_night([20] * 45 + [10] * 46)
    assert one.per_month == pytest.approx((45 * 20 + 46 * 10) / 91 * contacts.DAYS_IN_MONTH)
    change = one.change
    assert change.share == pytest.approx(-0.5)
    assert change.lo is not None
    assert change.hi is not None
    assert change.lo < -0.5 < change.hi < 0


def test_too_few_weeks_of_contacts_tell_no_change() -> None:
    (one,) = contact_night([20] * 50)
    assert one.change.share is None
    assert one.change.reason == "under 8 whole weeks of contacts"
    (none,) = contact_night([0] * 45 + [10] * 46)
    assert none.change.reason == "four weeks without a contact"


def test_the_interval_of_a_change_of_contacts_covers_the_truth() -> None:
    """400 worlds of overdispersed weeks around a true fall of 30 %: 95 % intervals cover it in 93 to 98 %."""
    rng = np.random.default_rng(5)
    means = np.concatenate([np.full(4, 120.0), np.full(5, 100.0), np.full(4, 84.0)])
    covered = 0
    for _ in range(400):
        weeks = rng.poisson(rng.gamma(40, means / 40)).astype(float)
        change = contacts.change(weeks)
        assert change.lo is not None
        assert change.hi is not None
        covered += math.log1p(change.lo) <= math.log(0.7) <= math.log1p(change.hi)
    assert 0.93 <= covered / 400 <= 0.98
