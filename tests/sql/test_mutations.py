"""Break each model a little: some case must notice. A case that nothing can break proves nothing."""

import re

import duckdb
import pytest

from tests.sql.case_runner import all_cases, all_models, differences, run_case
from tests.sql.closure_mutations import CLOSURE_MUTATIONS
from tests.sql.expansion_mutations import EXPANSION_MUTATIONS
from tests.sql.flow_mutations import FLOW_MUTATIONS
from tests.sql.home_mutations import HOME_MUTATIONS
from tests.sql.landing_mutations import LANDING_MUTATIONS
from tests.sql.quality_mutations import QUALITY_MUTATIONS
from tests.sql.reach_mutations import REACH_MUTATIONS
from tests.sql.source_mutations import SOURCE_MUTATIONS
from tests.sql.trend_mutations import TREND_MUTATIONS

# Pieces of the models that more than one mutation changes, as they stand on one line.
LATELY = "engaged_on > getvariable('as_of') - INTERVAL 90 DAY"
POSTED_LATELY = "CAST(posted_at AS DATE) > getvariable('as_of') - INTERVAL 90 DAY"
LISTS_ONLY = "WHEN newest_lists.follower_list_on IS NOT NULL THEN 'partial lists'"
ACTS_ONLY = "WHEN accounts_with_engagements.account_id IS NOT NULL THEN 'engagements only'"
TOTALS_ONLY = "WHEN totals.account_id IS NOT NULL THEN 'totals only'"

MOVED_BY_AUDIT = "WHEN moved_by_audits.member_key IS NOT NULL THEN 're-audits'"
NEW_EXTRACT = "WHEN shown_by_new_extracts.member_key IS NOT NULL THEN 'new extracts'"
HELD_THAT_DAY = "segment_spell.spell_from <= edits.edited_on AND segment_spell.spell_to > edits.edited_on"

# Model, what its SQL says (once; on one line, without comments), what it is made to say.
MUTATIONS = [
    ("core.account", "opened_on <= getvariable", "opened_on < getvariable"),
    ("core.account", "closed_on > getvariable", "closed_on >= getvariable"),
    ("core.account", "true) AND coalesce", "true) OR coalesce"),
    ("core.account_day", "ORDER BY CASE WHEN value IS NULL THEN 1 ELSE 0 END, ", "ORDER BY "),
    ("core.account_day", "snapshot_on DESC", "snapshot_on"),
    ("core.account_day", "delivery_id DESC", "delivery_id"),
    ("core.account_day", "PARTITION BY platform, account_id", "PARTITION BY account_id"),
    ("core.account_day", "WHERE newest = 1", ""),
    ("core.account_day_restatement", "WHERE value IS NOT NULL", ""),
    ("core.account_day_restatement", "value <> value_before", "value > value_before"),
    ("core.account_day_restatement", "ORDER BY snapshot_on, delivery_id", "ORDER BY delivery_id"),
    ("core.contact", "ORDER BY snapshot_on DESC", "ORDER BY n DESC, snapshot_on DESC"),
    ("core.contact", "PARTITION BY day, channel, kind, platform, account_id", "PARTITION BY day, channel, kind"),
    ("core.engagement", "min(engaged_on)", "max(engaged_on)"),
    ("core.engagement", "coalesce(CAST(engaged_at AS DATE), snapshot_on)", "snapshot_on"),
    ("core.follow", "sum(CASE WHEN is_complete THEN 1 ELSE 0 END)", "sum(1)"),
    ("core.follow", "FROM list_days WHERE is_complete", "FROM list_days"),
    ("core.follow", "first_list.n_lists - CASE WHEN first_list.is_complete THEN 1 ELSE 0 END", "first_list.n_lists"),
    ("core.follow", "n_lists_before > lag", "n_lists_before >= lag"),
    ("core.follow", "n_lists_before > lag", "n_lists_before > 1 + lag"),
    ("core.follow", "max(n_lists_upto)", "min(n_lists_upto)"),
    ("core.follow", "max(last_seen_on)", "min(last_seen_on)"),
    ("core.follow", "spells.n_lists_upto + 1 = next_list.n_lists", "spells.n_lists_upto < next_list.n_lists"),
    ("core.follow", "LEFT JOIN complete_lists", "INNER JOIN complete_lists"),
    ("core.follow", "WHERE ended_on IS NULL )", ")"),
    ("core.follow", "WHERE ended_on IS NOT NULL", ""),
    ("core.follow", "AND sightings.last_seen_on = last_list", "AND sightings.first_seen_on = last_list"),
    ("core.follower_list", "bool_or", "bool_and"),
    ("core.follower_list", "count(DISTINCT member_key)", "count(member_key)"),
    ("core.follower_list", "account_id, is_complete ORDER", "account_id ORDER"),
    ("core.member", "> getvariable", ">= getvariable"),
    ("core.member", "90 DAY", "89 DAY"),
    ("core.member", "ended_on IS NULL", "ended_on IS NOT NULL"),
    ("core.member", "bool_or(is_present)", "bool_and(is_present)"),
    ("core.post", "ORDER BY snapshot_on, delivery_id", "ORDER BY delivery_id"),
    ("core.post", "max_by(likes, reading) FILTER (WHERE likes IS NOT NULL)", "max(likes)"),
    ("core.post", "max_by(impressions, reading)", "min_by(impressions, reading)"),
    ("core.audit_hit", "sqrt(n_accounts + 3)", "sqrt(n_accounts)"),
    ("core.audit_hit", "-weight.log_odds_z AS change", "0 AS change"),
    ("core.audit_hit", "-1 AS account_change", "0 AS account_change"),
    ("core.audit_hit", "WHERE n_accounts > 0", ""),
    (
        "core.audit_hit",
        "ON follow.platform = weight.platform AND follow.account_id = weight.account_id UNION",
        "ON follow.account_id = weight.account_id UNION",
    ),
    ("core.audit_hit", "audit_step.score_from AND", "audit_step.score_from + 0.001 AND"),
    ("core.audit_hit", "expansion_score < audit_step.score_to", "expansion_score <= audit_step.score_to"),
    ("core.audit_hit", "audit_step.probability >= segment", "audit_step.probability > segment"),
    ("core.audit_hit", "WHERE audit_step.probability >= segment_audit.probability_floor", ""),
    ("core.audit_hit", "greatest(scores.scored_from, segment_audit.in_force_from)", "scores.scored_from"),
    ("core.audit_hit", "least(scores.scored_to, segment_audit.followed_to)", "scores.scored_to"),
    ("core.audit_hit", "segment_audit.followed_to)", "segment_audit.in_force_to)"),
    ("core.audit_hit", "WHERE hit_from < hit_to", ""),
    ("core.audit_hit", "ON scores.audit_id = segment_audit.audit_id", "ON scores.audit_id >= segment_audit.audit_id"),
    ("core.audit_hit", "ON scores.audit_id = audit_step.audit_id AND", "ON"),
    (
        "core.audit_hit",
        "PARTITION BY audit_id, member_key ORDER BY changed_on) AS sum_of_weights",
        "PARTITION BY member_key ORDER BY changed_on) AS sum_of_weights",
    ),
    (
        "core.audit_hit",
        "PARTITION BY audit_id, member_key ORDER BY changed_on) AS n_accounts",
        "PARTITION BY member_key ORDER BY changed_on) AS n_accounts",
    ),
    ("core.audit_hit", "CASE WHEN is_member THEN 'audit yes:' ELSE", "CASE WHEN NOT is_member THEN 'audit yes:' ELSE"),
    ("core.audit_hit", "CASE WHEN is_member THEN 1 ELSE 0 END", "1"),
    ("core.connection_hit", "WHEN account_rules.counted = 'accounts' THEN engagement.account_id", ""),
    ("core.connection_hit", "WHEN account_rules.match = 'stopped' THEN 'any'", ""),
    ("core.connection_hit", "ON engagement.platform = account_rules.platform AND", "ON"),
    ("core.connection_hit", "ON follow.platform = account_rules.platform AND", "ON"),
    ("core.connection_hit", "WHERE account_rules.match = 'follows_at_least'", ""),
    ("core.connection_hit", "coalesce(follow.ended_on, DATE '9000-01-01')", "DATE '9000-01-01'"),
    ("core.connection_hit", "engaged_on + within_days", "engaged_on + within_days + 1"),
    ("core.connection_hit", "engaged_on + not_within_days", "engaged_on + not_within_days - 1"),
    ("core.connection_hit", "-1 AS counts", "0 AS counts"),
    ("core.connection_hit", "max(unit_to) AS unit_to", "min(unit_to) AS unit_to"),
    (
        "core.connection_hit",
        "rule_hash, member_key, unit ORDER BY unit_from, unit_to )",
        "rule_hash ORDER BY unit_from )",
    ),
    ("core.connection_hit", "n_units >= rule.least AS is_hit", "n_units > rule.least AS is_hit"),
    ("core.connection_hit", "AND NOT coalesce(was_hit, false)", ""),
    ("core.connection_hit", "WHERE is_hit", ""),
    ("core.segment_membership", "least(spell_to, in_force_to)", "spell_to"),
    ("core.segment_membership", "spell_from <= held_to", "spell_from < held_to"),
    (
        "core.segment_membership",
        "BY segment_id, member_key ORDER BY spell_from, spell_to ROWS",
        "BY member_key ORDER BY spell_from, spell_to ROWS",
    ),
    ("core.segment_membership", "min(spell_from) AS entered_on", "max(spell_from) AS entered_on"),
    (
        "core.segment_membership",
        "CASE WHEN evidence.spell_to <= getvariable('as_of') THEN evidence.spell_to END",
        "evidence.spell_to",
    ),
    ("core.segment_membership", "<= getvariable", "< getvariable"),
    ("core.segment_membership", "least(max(spell_to) - 1, getvariable('as_of'))", "getvariable('as_of')"),
    ("core.segment_membership", "least(max(spell_to) - 1, getvariable('as_of'))", "max(spell_to) - 1"),
    (
        "core.segment_membership",
        "least(max(spell_to) - 1, getvariable('as_of'))",
        "least(max(spell_to), getvariable('as_of'))",
    ),
    ("core.segment_membership", "times.spell_to > spells.latest_on", "times.spell_to >= spells.latest_on"),
    ("core.segment_membership", "bool_or(times.evidence = 'rule')", "bool_and(times.evidence = 'rule')"),
    ("core.segment_membership", "bool_or(times.evidence = 'audit')", "bool_and(times.evidence = 'audit')"),
    ("core.segment_membership", "WHEN evidence.has_label THEN 1", ""),
    ("core.segment_membership", "WHEN evidence.has_label THEN 'audit'", ""),
    ("core.segment_membership", "coalesce(segment_audit.rule_probability, 1)", "1"),
    ("core.segment_membership", "coalesce(segment_audit.rule_probability, 1)", "segment_audit.rule_probability"),
    (
        "core.segment_membership",
        "WHEN evidence.has_rule THEN coalesce(segment_audit.rule_probability, 1)",
        "WHEN evidence.has_rule THEN coalesce(audit_hit.probability, segment_audit.rule_probability, 1)",
    ),
    ("core.segment_membership", "WHEN evidence.has_rule AND evidence.has_expansion THEN 'both'", ""),
    ("core.segment_membership", "AND evidence.platform = segment_audit.platform", ""),
    (
        "core.segment_membership",
        "evidence.latest_on >= segment_audit.in_force_from",
        "evidence.latest_on > segment_audit.in_force_from",
    ),
    (
        "core.segment_membership",
        "evidence.latest_on < segment_audit.in_force_to",
        "evidence.latest_on <= segment_audit.in_force_to",
    ),
    ("core.segment_membership", "AND evidence.definition_hash = audit_hit.definition_hash", ""),
    ("core.segment_membership", "AND 'expansion:' || evidence.segment_id = audit_hit.rule_hash", ""),
    ("core.segment_membership", "evidence.latest_on >= audit_hit.hit_from", "evidence.latest_on > audit_hit.hit_from"),
    ("core.segment_membership", "evidence.latest_on < audit_hit.hit_to", "evidence.latest_on <= audit_hit.hit_to"),
    ("core.segment_rule_hit", "hits.hit_from <= getvariable", "hits.hit_from < getvariable"),
    ("core.segment_rule_hit", "hits.hit_from <= getvariable('as_of') AND", ""),
    ("core.segment_rule_hit", "hits.hit_to > getvariable", "hits.hit_to >= getvariable"),
    ("core.segment_rule_hit", "AND hits.hit_to > getvariable('as_of')", ""),
    ("core.segment_rule_hit", "AND member.is_present", ""),
    ("core.segment_rule_hit", "INNER JOIN ref.segment_rule", "LEFT JOIN ref.segment_rule"),
    (
        "core.segment_rule_hit",
        "ON hits.rule_hash = segment_rule.rule_hash",
        "ON hits.rule_hash >= segment_rule.rule_hash",
    ),
    ("core.segment_evidence", "AND segment_version.definition_hash = segment_way.definition_hash", ""),
    ("core.segment_evidence", "segment_way.effect IN ('rule', 'expansion', 'audit') AND", ""),
    ("core.segment_evidence", "greatest(hits.hit_from, segment_version.in_force_from)", "hits.hit_from"),
    ("core.segment_evidence", "segment_version.in_force_to + 1", "segment_version.in_force_to"),
    (
        "core.segment_evidence",
        "hits.hit_from <= segment_version.in_force_to",
        "hits.hit_from < segment_version.in_force_to",
    ),
    ("core.segment_evidence", "coalesce(ended_on, DATE '9000-01-01')", "DATE '9000-01-01'"),
    ("core.segment_evidence", "engaged_on + 90", "engaged_on + 91"),
    ("core.segment_evidence", "max(present_to) AS present_to", "min(present_to) AS present_to"),
    ("core.segment_evidence", "THEN 1 ELSE -1000", "THEN 1 ELSE -1"),
    ("core.segment_evidence", "THEN -1 ELSE 1000", "THEN -1 ELSE 0"),
    ("core.segment_evidence", "n_shown = n_required + 1", "n_shown >= n_required"),
    ("core.segment_evidence", "changed_on <= held_to", "changed_on < held_to"),
    ("core.segment_evidence", "INNER JOIN core.member", "LEFT JOIN core.member"),
    ("core.segment_evidence", "WHERE spells.spell_from <= getvariable('as_of')", ""),
    ("core.segment_evidence", "spells.spell_from <= getvariable", "spells.spell_from < getvariable"),
    (
        "core.segment_evidence",
        "AND coalesce(hits.definition_hash, segment_version.definition_hash) = segment_version.definition_hash",
        "",
    ),
    (
        "core.segment_evidence",
        "coalesce(hits.definition_hash, segment_version.definition_hash) =",
        "hits.definition_hash =",
    ),
    (
        "core.segment_evidence",
        "BY segment_id, in_force_from, effect, way_id, member_key ORDER BY changed_on ) AS n_shown",
        "BY segment_id, in_force_from, way_id, member_key ORDER BY changed_on ) AS n_shown",
    ),
    (
        "core.segment_evidence",
        "BY segment_id, in_force_from, effect, member_key ORDER BY changed_on, next_changed_on ROWS",
        "BY segment_id, in_force_from, member_key ORDER BY changed_on, next_changed_on ROWS",
    ),
    ("core.segment_spell", "spell_from <= held_to", "spell_from < held_to"),
    ("core.segment_spell", "max(spell_to) AS spell_to", "min(spell_to) AS spell_to"),
    ("core.segment_spell", "min(spell_from) AS spell_from", "max(spell_from) AS spell_from"),
    (
        "core.segment_spell",
        "BY segment_id, in_force_from, member_key ORDER BY spell_from, spell_to ROWS",
        "BY in_force_from, member_key ORDER BY spell_from, spell_to ROWS",
    ),
    (
        "core.segment_spell",
        "BY segment_id, in_force_from, member_key ORDER BY spell_from, spell_to ROWS",
        "BY segment_id, in_force_from ORDER BY spell_from, spell_to ROWS",
    ),
    ("core.word_hit", "lower(strip_accents(coalesce(bio, '')))", "lower(coalesce(bio, ''))"),
    ("core.word_hit", "lower(strip_accents(coalesce(bio, '')))", "strip_accents(coalesce(bio, ''))"),
    ("core.word_hit", "coalesce(name, '')", "''"),
    ("core.word_hit", "|| ' | ' ||", "|| ' ' ||"),
    ("core.word_hit", "coalesce(next_shown_on, shown_on + 180), shown_on + 180)", "next_shown_on, shown_on + 181)"),
    ("core.word_hit", "least(coalesce(next_shown_on, shown_on + 180), shown_on + 180)", "shown_on + 180"),
    ("core.word_hit", "next_shown_on > shown_on + 180", "next_shown_on >= shown_on + 180"),
    ("core.word_hit", "' ' || phrases.phrase || ' ')", "' ' || phrases.phrase)"),
    ("core.word_hit", "count(DISTINCT phrases.phrase)", "count(phrases.phrase)"),
    ("core.word_hit", ">= max(phrases.least)", ">= 1"),
    ("core.word_hit", "length(known_places.place) DESC", "length(known_places.place)"),
    ("core.word_hit", "known_places.place ASC", "known_places.place DESC"),
    ("core.word_hit", "AND declared_places.guess = 1", ""),
    ("core.word_hit", "uses_of_tags.used_on + rule.within_days", "uses_of_tags.used_on + 1 + rule.within_days"),
    ("core.word_hit", "min(profile_on)", "max(profile_on)"),
    ("core.word_hit", "rule.evidence_kind <> 'tag' AND", ""),
    ("core.word_hit", "first_shown_tonight.shown_on > before.hit_to", "first_shown_tonight.shown_on >= before.hit_to"),
    ("core.word_hit", "FROM prior.word_hit AS before", "FROM (SELECT * FROM prior.word_hit WHERE false) AS before"),
    ("core.word_hit", "greatest(matches.hit_from, rule_range.in_force_from)", "matches.hit_from"),
    ("core.word_hit", "least(matches.hit_to, rule_range.in_force_to)", "matches.hit_to"),
    ("core.word_hit", "AND matches.hit_to <= rule_range.in_force_to", ""),
    ("core.word_hit", "matches.hit_to <= rule_range.in_force_to", "matches.hit_to < rule_range.in_force_to"),
    ("core.word_hit", "hit_from <= held_to", "hit_from < held_to"),
    ("core.word_hit", "max_by(is_forgotten", "min_by(is_forgotten"),
    ("mart.segment_change", "min(observed_on)", "max(observed_on)"),
    ("mart.segment_change", "SELECT DISTINCT follow.member_key", "SELECT follow.member_key"),
    ("mart.segment_change", "follow.platform = first_lists.platform AND", ""),
    ("mart.segment_change", "AND segment_spell.spell_from = shown_by_new_extracts.first_list_on", ""),
    ("mart.segment_change", "SELECT DISTINCT word_hit.member_key", "SELECT word_hit.member_key"),
    ("mart.segment_change", "WHERE word_hit.is_forgotten", ""),
    ("mart.segment_change", "AND segment_spell.spell_to = forgotten.forgotten_on", ""),
    ("mart.segment_change", "spell_from > segment_spell.in_force_from", "spell_from >= segment_spell.in_force_from"),
    ("mart.segment_change", "least(segment_spell.in_force_to, getvariable('as_of'))", "getvariable('as_of')"),
    ("mart.segment_change", "least(segment_spell.in_force_to, getvariable('as_of'))", "segment_spell.in_force_to"),
    ("mart.segment_change", "WHERE in_force_from > DATE '0001-01-01' UNION", "WHERE false UNION"),
    ("mart.segment_change", "WHERE in_force_to < DATE '9000-01-01'", "WHERE false"),
    ("mart.segment_change", "UNION SELECT", "UNION ALL SELECT"),
    (
        "mart.segment_change",
        "ON edits.segment_id = segment_spell.segment_id AND edits.edited_on = segment_spell.in_force_to",
        "ON edits.edited_on = segment_spell.in_force_to",
    ),
    (
        "mart.segment_change",
        f"in_force_to WHERE {HELD_THAT_DAY}",
        f"in_force_to WHERE {HELD_THAT_DAY.replace('> ', '>= ')}",
    ),
    ("mart.segment_change", f"in_force_from WHERE {HELD_THAT_DAY}", "in_force_from"),
    ("mart.segment_change", "FULL JOIN", "LEFT JOIN"),
    ("mart.segment_change", "FULL JOIN", "RIGHT JOIN"),
    ("mart.segment_change", "AND by_new_rules.member_key = by_old_rules.member_key", ""),
    ("mart.segment_change", "CASE WHEN by_old_rules.member_key IS NULL THEN 1 ELSE 0 END", "1"),
    (
        "mart.segment_change",
        "segment_audit.in_force_from IN (audit_hit.hit_from, audit_hit.hit_to)",
        "segment_audit.in_force_from = audit_hit.hit_from",
    ),
    (
        "mart.segment_change",
        "segment_audit.in_force_from IN (audit_hit.hit_from, audit_hit.hit_to)",
        "segment_audit.in_force_from = audit_hit.hit_to",
    ),
    ("mart.segment_change", "WHERE segment_audit.in_force_from IN (audit_hit.hit_from, audit_hit.hit_to) AND", "WHERE"),
    ("mart.segment_change", "audit_hit.rule_hash = 'expansion:' || segment_audit.segment_id AND", "false AND"),
    ("mart.segment_change", "AND moved_by_rules.member_key IS NULL", ""),
    ("mart.segment_change", "'audit yes:' || segment_audit.segment_id", "''"),
    ("mart.segment_change", "'audit no:' || segment_audit.segment_id", "''"),
    ("mart.segment_change", "AND moved_by_rules.evidence = 'rule'", ""),
    ("mart.segment_change", "IN (moved_by_rules.spell_from, moved_by_rules.spell_to)", "= moved_by_rules.spell_from"),
    ("mart.segment_change", "IN (moved_by_rules.spell_from, moved_by_rules.spell_to)", "= moved_by_rules.spell_to"),
    ("mart.segment_change", "IN (moved_by_rules.spell_from, moved_by_rules.spell_to)", "IS NOT NULL"),
    (
        "mart.segment_change",
        "AND segment_spell.definition_hash = moved_by_audits.definition_hash AND segment_spell.spell_from",
        "AND segment_spell.spell_from",
    ),
    (
        "mart.segment_change",
        f"{MOVED_BY_AUDIT} WHEN shown_by",
        "WHEN false THEN 're-audits' WHEN shown_by",
    ),
    (
        "mart.segment_change",
        f"{MOVED_BY_AUDIT} WHEN forgotten",
        "WHEN false THEN 're-audits' WHEN forgotten",
    ),
    ("mart.segment_change", f"{MOVED_BY_AUDIT} {NEW_EXTRACT}", f"{NEW_EXTRACT} {MOVED_BY_AUDIT}"),
    ("mart.segment_quality", "LEFT JOIN ref.segment_audit", "INNER JOIN ref.segment_audit"),
    ("mart.segment_quality", "in_force.audit_id IS NOT NULL", "true"),
    ("mart.segment_quality", "measure.audit_id = in_force.audit_id AND", ""),
    ("mart.segment_quality", "in_force.in_force_from <= getvariable", "in_force.in_force_from < getvariable"),
    ("mart.segment_quality", "in_force.in_force_to > getvariable", "in_force.in_force_to >= getvariable"),
    ("mart.segment_quality", "AND in_force.in_force_to > getvariable('as_of')", ""),
    ("mart.segment_quality", "in_force.in_force_to >", "in_force.followed_to >"),
    ("mart.account_scorecard", "28 DAY", "27 DAY"),
    ("mart.account_scorecard", "28 DAY", "29 DAY"),
    ("mart.account_scorecard", "follower_list.is_complete AND ", ""),
    ("mart.account_scorecard", "max_by(value, day)", "max(value)"),
    ("mart.account_scorecard", "metric = 'followers' AND ", ""),
    ("mart.account_scorecard", " AND day <= getvariable('as_of')", ""),
    ("mart.account_scorecard", "WHERE segment_id = 'everyone'", ""),
    ("mart.account_scorecard", "max(CASE WHEN CAST(posted_at AS DATE)", "min(CASE WHEN CAST(posted_at AS DATE)"),
    ("mart.account_scorecard", "max(CASE WHEN CAST(posted_at AS DATE) <=", "max(CASE WHEN CAST(posted_at AS DATE) <"),
    (
        "mart.account_scorecard",
        "max(CASE WHEN CAST(posted_at AS DATE) <= getvariable('as_of') THEN",
        "max(CASE WHEN true THEN",
    ),
    ("mart.account_scorecard", "last_posted_on FROM core.post", f"last_posted_on FROM core.post WHERE {POSTED_LATELY}"),
    ("mart.account_scorecard", ACTS_ONLY, ""),
    ("mart.account_scorecard", f"{ACTS_ONLY} {TOTALS_ONLY}", f"{TOTALS_ONLY} {ACTS_ONLY}"),
    ("mart.account_scorecard", f"{LISTS_ONLY} {ACTS_ONLY}", f"{ACTS_ONLY} {LISTS_ONLY}"),
    (
        "mart.account_scorecard",
        "SELECT DISTINCT platform, account_id FROM core.e",
        "SELECT platform, account_id FROM core.e",
    ),
    *CLOSURE_MUTATIONS,
    *EXPANSION_MUTATIONS,
    *REACH_MUTATIONS,
    *TREND_MUTATIONS,
    *FLOW_MUTATIONS,
    *HOME_MUTATIONS,
    *LANDING_MUTATIONS,
    *SOURCE_MUTATIONS,
    *QUALITY_MUTATIONS,
]


def test_every_model_from_core_on_is_broken_in_some_way() -> None:
    assert {model for model, _, _ in MUTATIONS} >= {name for name in all_models() if not name.startswith("stg.")}


@pytest.mark.parametrize(("name", "old", "new"), MUTATIONS, ids=lambda part: " ".join(part.split()) or "nothing")
def test_some_case_notices_the_change(name: str, old: str, new: str) -> None:
    sql = _on_one_line(all_models()[name].sql)
    assert sql.count(old) == 1, "the model says this no longer, or more than once: renew the mutation"
    assert _is_noticed(name, sql.replace(old, new)), "no case notices"


def _on_one_line(sql: str) -> str:
    return " ".join(re.sub("--.*", "", sql).split())


def _is_noticed(name: str, sql: str) -> bool:
    for case in all_cases():
        if case.model == name and not case.xfail:
            try:
                got = run_case(case, sql)
            except duckdb.Error as failure:
                pytest.fail(f"no SQL: {failure}")
            if differences(case.expect, got):
                return True
    return False
