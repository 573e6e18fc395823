"""Break each model a little: some case must notice. A case that nothing can break proves nothing."""

import re

import duckdb
import pytest

from tests.sql.case_runner import all_cases, all_models, differences, run_case

# Pieces of the models that more than one mutation changes, as they stand on one line.
LATELY = "engaged_on > getvariable('as_of') - INTERVAL 90 DAY"
POSTED_LATELY = "CAST(posted_at AS DATE) > getvariable('as_of') - INTERVAL 90 DAY"
SAME_PLATFORM = "engagement.platform = open_own_accounts.platform AND "
SAME_ACCOUNT = " AND engagement.account_id = open_own_accounts.account_id"
MEASURED_BY_ACTS = (
    f"FROM core.engagement INNER JOIN open_own_accounts ON {SAME_PLATFORM}{SAME_ACCOUNT.removeprefix(' AND ')}"
)
PARTIAL_LIST = "WHEN newest_lists.data_on IS NOT NULL THEN 'partial list: at least this many'"
NO_LIST = "WHEN newest_engagements.data_on IS NOT NULL THEN 'no follower list'"
NO_ACTS = "WHEN newest_lists.data_on IS NOT NULL THEN 'no engagement extract'"
TOTALS = "WHEN accounts_with_totals.account_id IS NOT NULL THEN 'totals only'"
JOINED_ACTS, JOINED_LISTS = (
    f"LEFT JOIN {of} ON account.platform = {of}.platform AND account.account_id = {of}.account_id"
    for of in ("newest_engagements", "newest_lists")
)
LISTS_ONLY = "WHEN newest_lists.follower_list_on IS NOT NULL THEN 'partial lists'"
ACTS_ONLY = "WHEN accounts_with_engagements.account_id IS NOT NULL THEN 'engagements only'"
TOTALS_ONLY = "WHEN totals.account_id IS NOT NULL THEN 'totals only'"

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
    ("core.segment_membership", "WHERE spell_from < in_force_to", "WHERE spell_from <= in_force_to"),
    ("core.segment_membership", "WHERE spell_from < in_force_to", ""),
    ("core.segment_membership", "spell_from <= held_to", "spell_from < held_to"),
    (
        "core.segment_membership",
        "BY segment_id, member_key ORDER BY spell_from, spell_to ROWS",
        "BY member_key ORDER BY spell_from, spell_to ROWS",
    ),
    ("core.segment_membership", "min(spell_from) AS entered_on", "max(spell_from) AS entered_on"),
    (
        "core.segment_membership",
        "CASE WHEN max(spell_to) <= getvariable('as_of') THEN max(spell_to) END",
        "max(spell_to)",
    ),
    ("core.segment_membership", "<= getvariable", "< getvariable"),
    ("core.segment_membership", "max_by(definition_hash", "min_by(definition_hash"),
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
    ("mart.reach_signature", "WHERE role = 'own' AND is_open", "WHERE role = 'own'"),
    ("mart.reach_signature", "WHERE role = 'own' AND is_open", "WHERE is_open"),
    ("mart.reach_signature", "WHERE follow.ended_on IS NULL", ""),
    ("mart.reach_signature", "SELECT DISTINCT 'engaged'", "SELECT 'engaged'"),
    ("mart.reach_signature", "engaged_on > getvariable", "engaged_on >= getvariable"),
    ("mart.reach_signature", "90 DAY", "89 DAY"),
    ("mart.reach_signature", f"{MEASURED_BY_ACTS} )", "FROM core.engagement )"),
    ("mart.reach_signature", f"{MEASURED_BY_ACTS} )", MEASURED_BY_ACTS.replace(SAME_ACCOUNT, "") + " )"),
    ("mart.reach_signature", f"{MEASURED_BY_ACTS} )", MEASURED_BY_ACTS.replace(SAME_PLATFORM, "") + " )"),
    ("mart.reach_signature", f"{MEASURED_BY_ACTS} )", f"{MEASURED_BY_ACTS} WHERE {LATELY} )"),
    ("mart.reach_signature", f"{MEASURED_BY_ACTS} WHERE", "FROM core.engagement WHERE"),
    ("mart.reach_signature", "WHERE is_present", ""),
    ("mart.reach_signature", "LEFT JOIN member_signatures", "INNER JOIN member_signatures"),
    ("mart.reach_signature", "WHERE left_on IS NULL", ""),
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
    ("mart.segment_reach", "n_accounts = 1", "n_accounts <= 2"),
    ("mart.segment_reach", "people / n_accounts", "people"),
    ("mart.segment_reach", "coalesce(reached.reach_people, 0)", "reached.reach_people"),
    (
        "mart.segment_reach",
        "CASE WHEN account_bases.data_on IS NOT NULL THEN coalesce(reached.exclusive_people, 0) END",
        "coalesce(reached.exclusive_people, 0)",
    ),
    ("mart.segment_reach", "reached_of_everyone.segment_id = 'everyone'", "reached_of_everyone.segment_id <> ''"),
    (
        "mart.segment_reach",
        "100 * (reach_people / nullif(account_people",
        "100 * (reach_people / nullif(segment_people",
    ),
    ("mart.segment_reach", "max(engaged_on)", "min(engaged_on)"),
    ("mart.segment_reach", "FROM core.engagement", f"FROM core.engagement WHERE {LATELY}"),
    ("mart.segment_reach", NO_LIST, ""),
    ("mart.segment_reach", f"{NO_LIST} {TOTALS}", f"{TOTALS} {NO_LIST}"),
    ("mart.segment_reach", f"{PARTIAL_LIST} {NO_LIST}", f"{NO_LIST} {PARTIAL_LIST}"),
    ("mart.segment_reach", NO_ACTS, ""),
    ("mart.segment_reach", f"{NO_ACTS} {TOTALS}", f"{TOTALS} {NO_ACTS}"),
    ("mart.segment_reach", f"WHEN newest_engagements.data_on IS NOT NULL THEN NULL {NO_ACTS}", NO_ACTS),
    *(
        ("mart.segment_reach", f"{joined} LEFT JOIN {after}", f"{joined.replace(lost, '')} LEFT JOIN {after}")
        for joined, after in (
            (JOINED_ACTS, "accounts_with_totals"),
            (JOINED_ACTS, "newest_lists"),
            (JOINED_LISTS, "newest_engagements"),
            (JOINED_LISTS, "accounts_with_totals"),
        )
        for lost in (
            *re.findall(r"account\.platform = \S+ AND ", joined),
            *re.findall(r" AND account\.account_id.*", joined),
        )
    ),
    ("mart.segment_reach", "CROSS JOIN account_bases", "INNER JOIN account_bases ON segments.segment_id = 'everyone'"),
    ("mart.segment_size", "WHERE basis = 'follower'", ""),
    ("mart.segment_size", "array_length(account_ids) > 0", "array_length(account_ids) > 1"),
    ("mart.segment_size", "coalesce(sizes.reached_people, 0)", "sizes.reached_people"),
    ("mart.segment_size", " AND platforms.platform = sizes.platform", ""),
    ("mart.account_scorecard", "WHERE account.role = 'own'", ""),
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
    ("mart.account_scorecard", "account.platform = accounts_with_engagements.platform AND ", ""),
    ("mart.account_scorecard", " AND account.account_id = accounts_with_engagements.account_id", ""),
]


def test_every_model_of_core_and_mart_is_broken_in_some_way() -> None:
    assert {model for model, _, _ in MUTATIONS} == {name for name in all_models() if not name.startswith("stg.")}


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
