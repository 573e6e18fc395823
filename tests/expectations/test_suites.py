"""Break each expectation alone: it must fail, no other may, and its message must name nobody."""

import importlib
import logging
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pytest

from pipelines.common.errors import ModelError
from pipelines.common.settings import Settings
from pipelines.reference.files import read_bands
from tests.sql.case_runner import Row, build, create_tables, every_table, insert

AS_OF = date(2026, 9, 30)
TABLES = re.compile(r"\b(?:raw|stg|ref|core|mart|meta)\.\w+")
LAYERS = ("raw", "core", "mart")
# A person's number, and words only a person could have written: neither may ever leave a check.
PERSON = 424242424242
WORDS = "SECRET"

ACCOUNT: Row = {"platform": "x", "account_id": "news"}
FOLLOWER_LIST: Row = ACCOUNT | {"is_complete": True, "is_declared_complete": True}
ACCOUNT_FLOW: Row = {"segment_id": "rider", "platform": "x", "dormancy_reason": "no engagement extract"}
DELIVERY: Row = {"delivery_id": "d1", "table_name": "follower", "n_rows": 1000, "n_rows_loaded": 980}
LIST: Row = ACCOUNT | {"delivery_id": "d1", "source": "pull", "snapshot_on": date(2026, 9, 29)}
GOOD_ROWS: dict[str, list[Row]] = {
    "ref.segment": [{"segment_id": "rider", "title": "Riders"}],
    "meta.delivery": [DELIVERY | {"n_rows_quarantined": 10, "n_rows_duplicate": 10}],
    "meta.completeness": [
        LIST | {"list_kind": "follower", "n_collected": 105, "scope": "complete", "is_declared_complete": True},
        LIST | {"list_kind": "like", "n_collected": 90, "n_reported": 100, "scope": "complete"},
    ],
    "meta.source_arrival": [{"source": "bluesky", "is_here": True}],
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
        FOLLOWER_LIST | {"observed_on": date(2026, 9, 8), "list_people": 50},
        FOLLOWER_LIST | {"observed_on": date(2026, 9, 15), "list_people": 45, "list_people_before": 50},
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
    "mart.closure_effect": [
        ACCOUNT
        | {
            "segment_id": "rider",
            "basis": "follower",
            "reach_people": 10,
            "net_reach_people": 12,
            "lost_people": 4,
            "lost_people_lo": 2.5,
            "lost_people_hi": 6.0,
            "lost_visitor_people": 3,
            "kept_people": 6,
            "next_account_people": 5,
            "reach_status": "exact",
        },
        ACCOUNT
        | {"segment_id": "rider", "basis": "engaged"}
        | {"reach_status": "unknown", "reach_reason": "no engagement extract"},
    ],
    "mart.visitor_reach": [
        ACCOUNT
        | {"segment_id": "everyone", "basis": "follower", "reach_people": 100.0, "home_people": 4.0}
        | {"visitor_people": 1.0, "unknown_people": 95.0}
        | {"visitor_share": 0.2, "visitor_share_lo": 0.0, "visitor_share_hi": 0.2},
        ACCOUNT | {"segment_id": "everyone", "basis": "engaged", "visitor_reason": "no engagement extract"},
    ],
    "mart.keep_frontier": [
        {
            "platform": "x",
            "n_kept": n,
            "segment_id": "rider",
            "kept_account_ids": ["x:a", "x:b"][:n],
            "kept_share": share,
            "weighted_reach_share": share,
        }
        for n, share in ((1, 0.8), (2, 1.0))
    ],
    "mart.account_overlap": [
        {"segment_id": "rider", "platform": "x", "basis": "follower", "account_id": one, "other_account_id": other}
        | {"overlap_people": 3, "overlap_jaccard": 0.2, "overlap_of_base": of_base, "overlap_of_smaller": 0.5}
        for one, other, of_base in (("news", "bikers", 0.25), ("bikers", "news", 0.5))
    ],
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
    "mart.community_flow": [
        ACCOUNT_FLOW
        | {"week_on": date(2026, 9, 14), "present_people": 100, "newly_listed_people": 100}
        | {"flow_reason": "first lists: nobody is seen to come or go"},
        ACCOUNT_FLOW
        | {"week_on": date(2026, 9, 21), "present_people": 52, "newly_listed_people": 0}
        | {"arrived_people": 2, "departed_people": 50, "unseen_people": 0},
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
    "mart.reach_trend": [
        ACCOUNT | {"segment_id": "everyone", "week_on": date(2026, 9, 21), "active_people": 3},
        ACCOUNT | {"segment_id": "rider", "week_on": date(2026, 9, 21), "active_people": 3},
        ACCOUNT | {"segment_id": "rider", "week_on": date(2026, 9, 14), "gap_reason": "no interaction on the platform"},
    ],
    "mart.reach_verdict": [
        ACCOUNT
        | {"segment_id": segment_id, "verdict": verdict, "verdict_reason": "Why.", "threshold_measure": measure}
        | {"threshold": threshold, "active_people": people, "active_people_lo": lo, "active_people_hi": hi}
        | {"active_share": 0.5, "active_share_lo": 0.25, "active_share_hi": 0.75}
        for segment_id, verdict, measure, threshold, people, lo, hi in (
            ("everyone", "reaches", "people", 20, 30, 20, 40),
            ("rider", "no longer reaches", "coverage", 0.76, 30, 20, 40),
            ("walker", "cannot tell", "people", 20, None, None, None),
        )
    ],
    "core.interaction_count": [
        ACCOUNT
        | {
            "segment_id": segment,
            "by_whom": by_whom,
            "engaged_people": n,
            "n_applause": n,
            "n_conversation": n,
            "n_amplification": 0,
            "n_mentions": 0,
            "n_worded": n,
            "n_texts": n,
            "n_judged": n,
            "n_hostile": n / 2,
            "n_substantive": 0,
        }
        for segment, by_whom, n in (
            ("everyone", "followers", 30),
            ("everyone", "passers-by", 10),
            ("rider", "segment", 25.5),
            ("rider", "other followers", 9.5),
            ("rider", "passers-by", 5),
        )
    ],
    "mart.interaction_quality": [
        ACCOUNT
        | {
            "segment_id": "everyone",
            "by_whom": "followers",
            "n_texts": 30,
            "n_judged": 15,
            "applause": 1,
            "hostile_share": 0.2,
            "hostile_share_lo": 0.1,
            "hostile_share_hi": 0.3,
        },
        ACCOUNT
        | {
            "segment_id": "everyone",
            "by_whom": "passers-by",
            "n_texts": 10,
            "n_judged": 1,
            "applause": 0,
            "quality_reason": "under 20 texts",
        },
    ],
    "mart.moderation_load": [
        ACCOUNT
        | {"week_on": date(2026, 9, 7), "n_texts": 9, "hostile_texts": 3, "hostile_texts_lo": 0, "hostile_texts_hi": 9},
        ACCOUNT | {"week_on": date(2026, 9, 14), "n_texts": 0, "quality_reason": "no text in the extract"},
    ],
    "mart.reporting_value": [
        {"month_on": date(2026, 8, 1), "kind": "report", "n_all_channels": 100} | row
        for row in (
            ACCOUNT | {"channel": "x", "n": 80, "contacts_per_1000_active": 4.0},
            {"channel": "none recorded", "n": 20, "channel_share": 0.2, "reporting_reason": "no channel recorded"},
        )
    ],
    "mart.decision": [ACCOUNT | {"action": "close", "lost_people": 0.0}],
    "mart.decision_evidence": [
        ACCOUNT | {"measure": "lost_people", "value": 3.0, "value_lo": 2.0, "value_hi": 4.0, "unit": "people"},
        ACCOUNT | {"measure": "impact", "evidence_reason": "not measured here"},
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
    "follower_list_is_not_from_tomorrow": Break(
        "raw", "critical", 1, f"UPDATE stg.follower SET observed_on = DATE '2026-10-01' WHERE member_key = {PERSON}"
    ),
    "follower_count_agrees_with_platform": Break(
        "raw", "warning", 1, "UPDATE meta.completeness SET scope = 'partial' WHERE list_kind = 'follower'"
    ),
    "complete_list_holds_what_the_platform_counts": Break(
        "raw", "warning", 1, "UPDATE meta.completeness SET n_collected = 89 WHERE list_kind = 'like'"
    ),
    "every_source_landed_before_the_night": Break(
        "raw", "warning", 1, "INSERT INTO meta.source_arrival (source, is_here) VALUES ('mastodon', FALSE)"
    ),
    "delivery_brought_a_file": Break(
        "raw",
        "warning",
        1,
        "INSERT INTO meta.delivery BY NAME SELECT 'd2' AS delivery_id, 'nothing' AS table_name, 'pull' AS source, "
        "DATE '2026-09-29' AS snapshot_on, 0 AS n_files, 0 AS n_rows, 0 AS n_rows_loaded, 0 AS n_rows_quarantined, "
        "0 AS n_rows_duplicate",
    ),
    "quarantine_is_empty": Break(
        "raw", "warning", None, "INSERT INTO meta.quarantine BY NAME SELECT 'd1' AS delivery_id, 1 AS n_rows"
    ),
    "account_has_an_extract": Break(
        "core", "warning", 1, "UPDATE core.account SET is_open = true WHERE account_id = 'roads'"
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
    "follower_list_lost_no_crowd": Break(
        "core",
        "warning",
        1,
        "INSERT INTO core.follower_list VALUES ('x', 'magazine', DATE '2026-09-28', true, 95, 99, 95, .2, true), "
        "('x', 'roads', DATE '2026-09-29', false, 99, 99, 49, .2, true)",
    ),
    "follower_list_did_not_collapse": Break(
        "core",
        "critical",
        1,
        # Two of three newest complete lists; both are too old for a warning of their own.
        "INSERT INTO core.follower_list VALUES ('x', 'magazine', DATE '2026-09-14', false, 9, 99, 9, .2, true), "
        "('x', 'roads', DATE '2026-09-14', false, 9, 99, 9, .2, true)",
    ),
    "follower_list_is_used": Break(
        "core",
        "warning",
        1,
        "INSERT INTO core.list_reading VALUES ('x', 'magazine', DATE '2026-09-29', true, 95, 7, 'repeated')",
    ),
    "follower_list_is_fresh": Break(
        "core", "warning", 1, "UPDATE core.follower_list SET observed_on = observed_on - 1"
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
    "no_account_goes_on_missing_evidence": Break("mart", "critical", 1, "UPDATE mart.decision SET lost_people = NULL"),
    "every_open_account_is_decided": Break("mart", "critical", 1, "DELETE FROM mart.decision"),
    "missing_evidence_has_its_reason": Break(
        "mart", "critical", 1, "UPDATE mart.decision_evidence SET evidence_reason = NULL"
    ),
    "evidence_lies_in_its_interval": Break(
        "mart", "critical", 1, "UPDATE mart.decision_evidence SET value_lo = 4 WHERE value IS NOT NULL"
    ),
    "signature_holds_people": Break(
        "mart",
        "critical",
        1,
        "INSERT INTO mart.reach_signature BY NAME SELECT 'rider' AS segment_id, 'x' AS platform, 'follower' AS basis, "
        "['none'] AS account_ids, 0 AS n_members, 0 AS people",
    ),
    "signatures_add_up_to_everyone": Break(
        "mart",
        "critical",
        1,
        "UPDATE mart.reach_signature SET people = people + 1 WHERE segment_id = 'everyone' AND basis = 'follower'",
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
    "closure_adds_up": Break("mart", "critical", 1, "UPDATE mart.closure_effect SET kept_people = 7"),
    "lost_people_lie_in_their_bounds": Break(
        "mart", "critical", 1, "UPDATE mart.closure_effect SET lost_people_hi = 3.4"
    ),
    "missing_closure_has_its_reason": Break(
        "mart", "critical", 1, "UPDATE mart.closure_effect SET reach_reason = NULL"
    ),
    "frontier_keeps_a_share": Break(
        "mart", "critical", 1, "UPDATE mart.keep_frontier SET kept_share = 1.1 WHERE n_kept = 2"
    ),
    "frontier_counts_its_accounts": Break(
        "mart", "critical", 1, "UPDATE mart.keep_frontier SET kept_account_ids = ['x:a', 'x:a'] WHERE n_kept = 2"
    ),
    "frontier_never_falls": Break(
        "mart", "critical", 1, "UPDATE mart.keep_frontier SET weighted_reach_share = 0.7 WHERE n_kept = 2"
    ),
    "changes_add_up_to_members": Break("mart", "critical", 1, "UPDATE mart.segment_change SET people_in = 4"),
    "estimate_lies_in_its_interval": Break("mart", "critical", 1, "UPDATE mart.segment_quality SET estimate = 2.5"),
    "audit_has_not_drifted": Break(
        "mart", "warning", 1, "UPDATE mart.segment_quality SET has_drifted = true WHERE measure = 'size_people'"
    ),
    "flow_adds_up": Break(
        "mart", "critical", 1, "UPDATE mart.community_flow SET arrived_people = 6 WHERE arrived_people = 2"
    ),
    "missing_flow_has_its_reason": Break(
        "mart", "critical", 1, "UPDATE mart.community_flow SET flow_reason = NULL WHERE arrived_people IS NULL"
    ),
    "community_is_not_leaving_in_one_week": Break(
        "mart",
        "warning",
        1,
        "UPDATE mart.community_flow SET present_people = 49, arrived_people = 0 WHERE arrived_people = 2",
    ),
    "count_lies_in_its_bounds": Break(
        "core",
        "critical",
        1,
        "UPDATE core.reach_interval SET people_lo = people + 1 "
        "WHERE segment_id = 'rider' AND basis = 'follower' AND counted_as = 'segment'",
    ),
    "overlap_is_of_both": Break(
        "mart", "critical", 2, "UPDATE mart.account_overlap SET overlap_people = 4 WHERE account_id = 'news'"
    ),
    "overlap_shares_are_in_order": Break(
        "mart", "critical", 1, "UPDATE mart.account_overlap SET overlap_jaccard = 0.3 WHERE account_id = 'news'"
    ),
    "missing_overlap_has_its_reason": Break(
        "mart", "critical", 1, "UPDATE mart.account_overlap SET overlap_of_smaller = NULL WHERE account_id = 'news'"
    ),
    "reach_lies_in_its_bounds": Break(
        "mart",
        "critical",
        1,
        "UPDATE mart.segment_reach SET reach_people_lo = 2 WHERE segment_id = 'rider' AND basis = 'follower'",
    ),
    "missing_reach_has_its_reason": Break(
        "mart",
        "critical",
        1,
        "UPDATE mart.segment_reach SET reach_status = 'lower_bound' WHERE segment_id = 'rider' AND basis = 'follower'",
    ),
    "home_bands_add_up_to_everyone": Break(
        "core",
        "critical",
        1,
        "UPDATE core.home_signature SET people = people + 1 WHERE segment_id = 'everyone' AND basis = 'follower'",
    ),
    "visitors_locals_and_unknown_add_up": Break(
        "mart", "critical", 1, "UPDATE mart.visitor_reach SET home_people = 5 WHERE basis = 'follower'"
    ),
    "visitor_share_lies_in_its_interval": Break(
        "mart", "critical", 1, "UPDATE mart.visitor_reach SET visitor_share_hi = 0.19 WHERE basis = 'follower'"
    ),
    "missing_visitor_share_has_its_reason": Break(
        "mart", "critical", 1, "UPDATE mart.visitor_reach SET visitor_reason = NULL WHERE basis = 'engaged'"
    ),
    "declared_places_are_read": Break(
        "mart",
        "warning",
        1,
        "UPDATE mart.visitor_reach SET unknown_people = 96, home_people = 3 WHERE basis = 'follower'",
    ),
    "totals_have_no_reach": Break(
        "mart",
        "critical",
        1,
        "UPDATE mart.segment_reach SET reach_status = 'unknown', reach_reason = 'totals only' "
        "WHERE segment_id = 'rider' AND basis = 'follower'",
    ),
    "week_has_a_figure_or_a_gap": Break(
        "mart", "critical", 1, "UPDATE mart.reach_trend SET gap_reason = NULL WHERE week_on = DATE '2026-09-14'"
    ),
    "segment_is_part_of_everyone": Break(
        "mart", "critical", 1, "UPDATE mart.reach_trend SET active_people = 2 WHERE segment_id = 'everyone'"
    ),
    "verdict_follows_from_its_bounds": Break(
        "mart",
        "critical",
        2,
        "UPDATE mart.reach_verdict SET threshold = CASE WHEN segment_id = 'rider' THEN 0.75 ELSE 20.5 END "
        "WHERE verdict <> 'cannot tell'",
    ),
    "bounds_hold_the_active_people": Break(
        "mart", "critical", 1, "UPDATE mart.reach_verdict SET active_share = 0.76 WHERE segment_id = 'rider'"
    ),
    "verdict_has_its_reason": Break(
        "mart", "critical", 1, "UPDATE mart.reach_verdict SET verdict_reason = NULL WHERE segment_id = 'rider'"
    ),
    "who_is_not_counted_cannot_be_told": Break(
        "mart",
        "critical",
        1,
        "UPDATE mart.reach_verdict SET active_people = NULL, active_people_lo = NULL WHERE segment_id = 'rider'",
    ),
    "hidden_people_are_behind_hidden_acts": Break(
        "core", "critical", 1, "UPDATE core.hidden_engagement SET hidden_people_hi = 1 WHERE segment_id = 'rider'"
    ),
    "groups_add_up_to_all_acts": Break(
        "core", "critical", 1, "UPDATE core.interaction_count SET n_applause = 6 WHERE by_whom = 'segment'"
    ),
    "acts_are_in_order": Break(
        "core", "critical", 1, "UPDATE core.interaction_count SET n_hostile = 26 WHERE by_whom = 'segment'"
    ),
    "hostile_share_lies_in_its_interval": Break(
        "mart", "critical", 1, "UPDATE mart.interaction_quality SET hostile_share = 0.31 WHERE n_texts = 30"
    ),
    "missing_quality_has_its_reason": Break(
        "mart", "critical", 1, "UPDATE mart.interaction_quality SET quality_reason = NULL WHERE n_texts = 10"
    ),
    "texts_can_be_judged": Break(
        "mart", "warning", 1, "UPDATE mart.interaction_quality SET n_judged = 14 WHERE n_texts = 30"
    ),
    "hostile_texts_lie_in_their_interval": Break(
        "mart", "critical", 1, "UPDATE mart.moderation_load SET hostile_texts_hi = 10 WHERE n_texts = 9"
    ),
    "missing_load_has_its_reason": Break(
        "mart", "critical", 1, "UPDATE mart.moderation_load SET quality_reason = NULL WHERE n_texts = 0"
    ),
    "channels_add_up_to_the_month": Break(
        "mart", "critical", 1, "UPDATE mart.reporting_value SET n = 81 WHERE channel = 'x'"
    ),
    "unrecorded_channels_are_not_spread": Break(
        "mart",
        "critical",
        1,
        "UPDATE mart.reporting_value SET contacts_per_1000_active = 1 WHERE channel = 'none recorded'",
    ),
    "missing_reporting_value_has_its_reason": Break(
        "mart", "critical", 1, "UPDATE mart.reporting_value SET contacts_per_1000_active = NULL WHERE channel = 'x'"
    ),
    "contacts_have_a_channel": Break(
        "mart", "warning", 1, "UPDATE mart.reporting_value SET channel_share = 0.21 WHERE channel = 'none recorded'"
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
        Break(
            "core",
            "critical",
            1,
            "INSERT INTO core.segment_membership BY NAME SELECT 'rider' AS segment_id, 999 AS member_key, "
            "1.0 AS membership_probability",
        ),
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
        Break("mart", "critical", 3, "DELETE FROM mart.reach_signature WHERE segment_id = 'everyone'"),
    ),
    "members of a platform who are not there": (
        "signatures_add_up_to_everyone",
        Break(
            "mart",
            "critical",
            3,
            "UPDATE core.member SET is_present = false; DELETE FROM core.home_signature",
        ),
    ),
    "a reach that no follower list bears out": (
        "totals_have_no_reach",
        Break(
            "mart",
            "critical",
            1,
            "UPDATE mart.segment_reach SET reach_status = 'unknown', reach_reason = 'no follower list' "
            "WHERE segment_id = 'rider' AND basis = 'follower'",
        ),
    ),
    "more people than were found": (
        "count_lies_in_its_bounds",
        Break(
            "core",
            "critical",
            1,
            "UPDATE core.reach_interval SET people_hi = found_people + 1 "
            "WHERE segment_id = 'rider' AND basis = 'follower' AND counted_as = 'segment'",
        ),
    ),
    "an overlap that stands one way": (
        "overlap_is_of_both",
        Break("mart", "critical", 1, "DELETE FROM mart.account_overlap WHERE account_id = 'news'"),
    ),
    "a zero where no engagement extract came": (
        "totals_have_no_reach",
        Break(
            "mart",
            "critical",
            1,
            "UPDATE mart.segment_reach SET reach_status = 'unknown', reach_reason = 'no engagement extract' "
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
        # 98 of 99 rows rejected: too few rows to stop a night for, the quarantine's warning says it.
        "INSERT INTO meta.delivery BY NAME SELECT 'd2' AS delivery_id, 99 AS n_rows, 1 AS n_rows_loaded, "
        "98 AS n_rows_quarantined, 0 AS n_rows_duplicate",
        # Five per cent below the platform's count is still near it, and no count is nothing to compare with.
        # What is called partial may lack as much as it does, and a list of posts reaches back some days only.
        # What lacked on an earlier day and came since is nobody's work any more.
        "INSERT INTO meta.completeness BY NAME SELECT 'x' AS platform, make_date(2026, 9, day) AS snapshot_on, "
        "listed.* EXCLUDE (day) FROM (VALUES ('news', 'follower', 29, 95, 100, 'complete'), "
        "('roads', 'follower', 29, 7, NULL, 'complete'), ('news', 'follower', 29, 5, 100, 'partial'), "
        "('news', 'like', 29, 5, 100, 'partial'), ('news', 'post', 29, 5, 100, 'complete'), "
        "('news', 'engagement', 29, 5, 100, 'unknown'), ('news', 'follower', 28, 5, 100, 'complete'), "
        "('news', 'like', 28, 5, 100, 'complete')) "
        "AS listed (account_id, list_kind, day, n_collected, n_reported, scope)",
        # A source that brought nothing one day and rows the next is all right again.
        "INSERT INTO meta.delivery BY NAME SELECT * FROM (VALUES (DATE '2026-09-29', 'nothing', 0, 0, 0), "
        "(DATE '2026-09-30', 'post', 1, 8, 8)) AS listed (snapshot_on, table_name, n_files, n_rows, n_rows_loaded), "
        "(SELECT 'pull' AS source, 0 AS n_rows_quarantined, 0 AS n_rows_duplicate)",
    ],
    "core": [
        # A partial list is short by nature, and one that was not believed long ago is nobody's work any more.
        "INSERT INTO core.follower_list VALUES ('x', 'magazine', DATE '2026-08-28', false, 1, 90, 1, .2, true), "
        "('x', 'magazine', DATE '2026-09-28', true, 90, 1, 1, .2, true), "
        "('x', 'news', DATE '2026-09-10', false, 1, NULL, NULL, .2, false)",
        # A list that was not used long ago is nobody's work any more, and one that was used never was.
        "INSERT INTO core.list_reading VALUES ('x', 'magazine', DATE '2026-08-28', true, 95, 7, 'repeated'), "
        "('x', 'magazine', DATE '2026-09-28', true, 95, 7, NULL)",
        # The old list of an account that closed is no news, and neither is that of a seed.
        "INSERT INTO core.follower_list VALUES ('x', 'roads', DATE '2020-01-01', true, 1, NULL, NULL, .2, true)",
        # One who left and came back has two spells, one of them open.
        "INSERT INTO core.follow VALUES ('x', 'news', 2, NULL, DATE '2026-09-20', DATE '2026-09-20', NULL)",
        # Somebody's ended spell of one account shows nothing about another's.
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
        "UPDATE mart.segment_reach SET reach_status = 'lower_bound', reach_reason = 'partial list: at least this many' "
        "WHERE basis = 'follower'",
        "UPDATE mart.segment_reach SET reach_people = NULL, reach_status = 'unknown', "
        "reach_reason = 'no engagement extract' "
        "WHERE basis = 'engaged'",
        # A share of nobody is unknown, and everybody may be reached.
        "UPDATE mart.segment_reach SET coverage_share = NULL WHERE segment_id = 'rider' AND basis = 'follower'",
        "UPDATE mart.segment_reach SET coverage_share = 1 WHERE segment_id = 'everyone' AND basis = 'follower'",
    ],
}


@pytest.fixture(scope="module")
def validate() -> ModuleType:
    """Import Great Expectations late: only whoever runs these tests waits for it."""
    return importlib.import_module("pipelines.validation.validate")


@pytest.fixture(scope="module")
def good_night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a small night in which everything holds; its marts are built by the models."""
    path = tmp_path_factory.mktemp("night") / "good.duckdb"
    con = duckdb.connect(str(path))
    con.execute("SET VARIABLE as_of = $as_of", {"as_of": AS_OF})
    create_tables(con, every_table())
    for table, rows in GOOD_ROWS.items():
        insert(con, table, rows)
    build(con, "core.reach_set", "core.home_signature", "mart.reach_signature", "core.reach_interval")
    build(con, "core.hidden_engagement", "mart.segment_reach", "mart.segment_size", "mart.account_scorecard")
    con.close()
    return path


@pytest.fixture(scope="module")
def written(validate: ModuleType) -> dict[str, list[Any]]:
    """Give the suites written by hand, by layer."""
    tonight = validate.NightContext(AS_OF, read_bands(Settings(data=Path(), ref=Path(), key_file=Path())))
    return {layer: validate.written_suites(layer, tonight) for layer in LAYERS}


@pytest.fixture
def check(
    tmp_path: Path, good_night: Path, validate: ModuleType, written: dict[str, list[Any]]
) -> Callable[..., list[Any]]:
    """Give a checker: a layer, and the SQL that changes the good night before."""
    settings = Settings(data=tmp_path, ref=tmp_path / "ref", key_file=tmp_path / "member.key", threads=1)

    def check_changed(layer: str, *changes: str, suites: list[Any] | None = None) -> list[Any]:
        path = tmp_path / "night.duckdb"
        shutil.copyfile(good_night, path)
        con = duckdb.connect(str(path))
        for sql in changes:
            changed = con.execute(sql).fetchone()
            assert changed
            assert changed[0] > 0, f"changes nothing: {sql}"
        con.close()
        results: list[Any] = validate.check_suites(path, layer, written[layer] if suites is None else suites, settings)
        return results

    return check_changed


def readers(suites: list[Any], sql: str) -> list[Any]:
    """Find the suites that read the table which an SQL changes.

    The others see what they saw in the good night, and that they pass there is a test of its own.
    """
    changed = TABLES.findall(sql)[0]
    reported = {
        suite: " ".join([suite.name, *(str(one.configuration) for one in suite.expectations)]) for suite in suites
    }
    return [suite for suite, text in reported.items() if changed in TABLES.findall(text)]


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
    written: dict[str, list[Any]],
    name: str,
    how: Break,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with caplog.at_level(logging.DEBUG):
        results = check(how.layer, how.sql, suites=readers(written[how.layer], how.sql))
    assert failed(results) == {name}
    broken = next(one for one in results if one.expectation_id == name)
    assert (broken.severity, broken.n_unexpected) == (how.severity, how.n_unexpected)
    assert broken.notes
    message = repr(results) + caplog.text + "".join(capfd.readouterr())
    assert str(PERSON) not in message
    assert WORDS not in message


@pytest.mark.parametrize("layer", LAYERS)
def test_what_stands_at_the_edge_is_right(check: Callable[..., list[Any]], layer: str) -> None:
    assert not failed(check(layer, *EDGES[layer]))


def test_every_expectation_has_its_break_and_says_what_to_do(written: dict[str, list[Any]]) -> None:
    wanted = [(layer, one) for layer in LAYERS for suite in written[layer] for one in suite.expectations]
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
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    query: str,
) -> None:
    no_rows = importlib.import_module("expectations").no_rows
    wanted = no_rows("misspelt", "warning", "Mend the query.", query)
    suite = validate.Suite("stg.member", "SELECT * FROM stg.member", (wanted,))
    with caplog.at_level(logging.DEBUG), pytest.raises(ModelError) as failure:
        check("raw", suites=[suite])
    assert "misspelt" in str(failure.value)
    message = str(failure.value) + repr(failure.value) + caplog.text + "".join(capfd.readouterr())
    assert WORDS not in message


def test_a_column_that_is_not_there_is_an_error(check: Callable[..., list[Any]], validate: ModuleType) -> None:
    gxe = importlib.import_module("great_expectations.expectations")
    about = importlib.import_module("expectations").about
    wanted = gxe.ExpectColumnValuesToNotBeNull(column="no_such_column", **about("misspelt", "warning", "Mend it."))
    suite = validate.Suite("stg.member", "SELECT * FROM stg.member", (wanted,))
    with pytest.raises(ModelError, match="misspelt"):
        check("raw", suites=[suite])
