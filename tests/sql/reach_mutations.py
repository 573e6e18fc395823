"""Mutations of the models of reach, for tests/sql/test_mutations.py: the model, what it says, what is put there."""

# Pieces of the models that more than one mutation changes, as they stand on one line.
LATELY = "engaged_on > getvariable('as_of') - INTERVAL 90 DAY"
SAME_PLATFORM = "engagement.platform = open_own_accounts.platform AND "
SAME_ACCOUNT = " AND engagement.account_id = open_own_accounts.account_id"
MEASURED_BY_ACTS = (
    f"FROM core.engagement INNER JOIN open_own_accounts ON {SAME_PLATFORM}{SAME_ACCOUNT.removeprefix(' AND ')}"
)
ENGAGED_BASIS = f"'engaged' AS basis {MEASURED_BY_ACTS}"
ACTIVE_BASIS = f"'active' AS basis {MEASURED_BY_ACTS}"
LIVELY = "coalesce(follow.followed_on, follow.first_seen_on) > getvariable('as_of') - INTERVAL 90 DAY"
NEW_TO_ITS_LIST = "AND (follow.followed_on IS NOT NULL OR follow.first_seen_on > first_lists.observed_on)"
ACTIVE_PEOPLE = "INNER JOIN lively_members ON followers.member_key = lively_members.member_key"
LISTED = "WHEN list_on IS NOT NULL THEN 'partial list: at least this many'"
NO_LIST = "WHEN acts_on IS NOT NULL THEN 'no follower list'"
NO_ACTS = "WHEN list_on IS NOT NULL THEN 'no engagement extract'"
TOTALS = "WHEN has_totals THEN 'totals only'"
UNCOUNTED = "WHEN has_uncounted_acts THEN 'acts not counted: at least this many'"
HIDDEN = "WHEN has_hidden_acts THEN 'acts collected in part: at least this many'"
UNCOUNTED_ENGAGED = UNCOUNTED.replace("WHEN", "WHEN acts_on IS NOT NULL AND")
HIDDEN_ENGAGED = HIDDEN.replace("WHEN", "WHEN acts_on IS NOT NULL AND")

REACH_SET_MUTATIONS = [
    ("core.reach_set", "min(observed_on)", "max(observed_on)"),
    ("core.reach_set", f"core.engagement WHERE {LATELY}", "core.engagement"),
    ("core.reach_set", f"core.engagement WHERE {LATELY}", f"core.engagement WHERE {LATELY.replace('>', '>=')}"),
    ("core.reach_set", f"core.engagement WHERE {LATELY}", f"core.engagement WHERE {LATELY.replace('90', '89')}"),
    ("core.reach_set", LIVELY, "true"),
    ("core.reach_set", LIVELY, LIVELY.replace(">", ">=")),
    ("core.reach_set", LIVELY, LIVELY.replace("90", "89")),
    (
        "core.reach_set",
        LIVELY,
        LIVELY.replace("coalesce(follow.followed_on, follow.first_seen_on)", "follow.first_seen_on"),
    ),
    ("core.reach_set", NEW_TO_ITS_LIST, ""),
    ("core.reach_set", "follow.followed_on IS NOT NULL OR ", ""),
    ("core.reach_set", "follow.platform = first_lists.platform AND ", ""),
    ("core.reach_set", " AND follow.account_id = first_lists.account_id", ""),
    ("core.reach_set", "SELECT DISTINCT engagement.platform", "SELECT engagement.platform"),
    ("core.reach_set", ACTIVE_PEOPLE, ""),
    ("core.reach_set", "SELECT platform, member_key, account_id FROM engaged_people UNION SELECT", "SELECT"),
    ("core.reach_set", "FROM engaged_people UNION SELECT", "FROM engaged_people UNION ALL SELECT"),
    ("core.reach_set", "array_sort(array_agg(account_id))", "array_reverse_sort(array_agg(account_id))"),
    (
        "core.reach_set",
        "SELECT basis, platform, member_key, array_sort",
        "SELECT 'follower' AS basis, platform, member_key, array_sort",
    ),
]

SIGNATURE_MUTATIONS: list[tuple[str, str, str]] = []

INTERVAL_MUTATIONS = [
    ("mart.reach_interval", "band.band = 'account_share_apart'", "band.band <> ''"),
    ("mart.reach_interval", "AND audit_measure.measure = 'expansion_precision'", ""),
    ("mart.reach_interval", "segment_audit.segment_id = audit_measure.segment_id AND ", ""),
    ("mart.reach_interval", "AND segment_audit.platform = audit_measure.platform ", ""),
    ("mart.reach_interval", "AND segment_audit.audit_id = audit_measure.audit_id ", ""),
    ("mart.reach_interval", "in_force_from <= getvariable", "in_force_from < getvariable"),
    ("mart.reach_interval", "segment_audit.in_force_from <= getvariable('as_of') AND ", ""),
    ("mart.reach_interval", "in_force_to > getvariable", "in_force_to >= getvariable"),
    ("mart.reach_interval", "/ (2 * 2.5758)", "/ (2 * 1.959964)"),
    (
        "mart.reach_interval",
        "CASE WHEN array_length(account_ids) > 0 THEN 1 ELSE 0 END AS is_reached",
        "1 AS is_reached",
    ),
    ("mart.reach_interval", "WHEN account_counts.n_accounts = 1 THEN 1", "WHEN account_counts.n_accounts <= 2 THEN 1"),
    ("mart.reach_interval", "CAST(1 AS DOUBLE) / account_counts.n_accounts", "CAST(1 AS DOUBLE)"),
    ("mart.reach_interval", "sum(CAST(part * n_members", "sum(CAST(n_members"),
    ("mart.reach_interval", "part * part * people_variance", "part * people_variance"),
    ("mart.reach_interval", "INNER JOIN audits_in_force ON audit_judgement.audit_id = audits_in_force.audit_id", ""),
    ("mart.reach_interval", "THEN 1 ELSE 0 END - audit_judgement.model_probability", "THEN 1 ELSE 0 END"),
    ("mart.reach_interval", "CAST(1 AS DOUBLE) / account_labels.n_accounts", "CAST(1 AS DOUBLE)"),
    ("mart.reach_interval", "WHERE ways_of_counting.counted_as <> 'exclusive' OR account_labels.n_accounts = 1", ""),
    ("mart.reach_interval", "CAST(part * is_member AS", "CAST(part AS"),
    ("mart.reach_interval", "CAST(part * label_people * residual AS", "CAST(part * residual AS"),
    ("mart.reach_interval", "CAST(part * label_people * part * label_people AS", "CAST(part * label_people AS"),
    ("mart.reach_interval", "weight * weight / square_weight AS n_equal", "n_audited AS n_equal"),
    ("mart.reach_interval", "- (residuals / weight) * (residuals / weight), 0)", ", 0)"),
    ("mart.reach_interval", "residuals.spread + 0.25", "residuals.spread + 0.000001"),
    ("mart.reach_interval", "(residuals.n_equal + 1)", "residuals.n_equal"),
    ("mart.reach_interval", "WHEN counts.counted_as = 'segment' THEN", "WHEN counts.counted_as = 'net reach' THEN"),
    ("mart.reach_interval", "counts.segment_id = audits_in_force.segment_id AND ", ""),
    ("mart.reach_interval", "AND counts.platform = audits_in_force.platform", ""),
    ("mart.reach_interval", "AND counts.basis = residuals.basis ", ""),
    ("mart.reach_interval", "AND counts.account_id = residuals.account_id ", ""),
    ("mart.reach_interval", "AND counts.counted_as = residuals.counted_as", ""),
    ("mart.reach_interval", "greatest(found_people - certain_people, 0)", "found_people"),
    ("mart.reach_interval", "0.5 / (unsure_people + 1)", "0.0001"),
    ("mart.reach_interval", "+ apart_variance + audit_variance) AS share_error", "+ apart_variance) AS share_error"),
    (
        "mart.reach_interval",
        "CASE WHEN share_error > 0 THEN least(people, lower_people) ELSE people END",
        "lower_people",
    ),
    ("mart.reach_interval", "THEN greatest(people, upper_people)", "THEN least(people, upper_people)"),
]

SEGMENT_REACH_MUTATIONS = [
    ("core.own_account", "WHERE role = 'own'", ""),
    ("core.measured_basis", "UNION ALL SELECT DISTINCT engagement.platform", "UNION ALL SELECT engagement.platform"),
    ("core.segment_person", "NOT member.is_present AND ", ""),
    ("core.segment_person", "segment_membership.left_on > member.last_seen_on", "true"),
    ("core.segment_person", "max(segment_membership", "min(segment_membership"),
    ("mart.reach_signature", "sum(n_members)", "max(n_members)"),
    ("mart.home_signature", "WHERE segment_person.is_current", ""),
    ("mart.segment_reach", "max(engaged_on)", "min(engaged_on)"),
    ("mart.segment_reach", "FROM core.engagement", f"FROM core.engagement WHERE {LATELY}"),
    ("mart.segment_reach", NO_LIST, ""),
    ("mart.segment_reach", UNCOUNTED_ENGAGED, ""),
    ("mart.segment_reach", HIDDEN_ENGAGED, ""),
    ("mart.segment_reach", f"many' {UNCOUNTED} {HIDDEN}", f"many' {HIDDEN}"),
    ("mart.segment_reach", f"many' {UNCOUNTED} {HIDDEN}", f"many' {UNCOUNTED}"),
    ("mart.segment_reach", "seen_act_share < collected_at_least", "seen_act_share <= collected_at_least"),
    ("mart.segment_reach", "band = 'acts_collected_at_least'", "band <> ''"),
    (
        "mart.segment_reach",
        "AND hidden_engagement.segment_id = 'everyone'",
        "AND hidden_engagement.segment_id = 'rider'",
    ),
    ("mart.segment_reach", "- coalesce(max(CASE WHEN basis = 'active' THEN reach_people END), 0)", ""),
    ("mart.segment_reach", "+ coalesce(max(CASE WHEN basis = 'engaged' THEN reach_people END), 0)", ""),
    (
        "mart.segment_reach",
        "ELSE account_bases.unlisted_people + hidden_engagement.hidden_people_hi",
        "ELSE hidden_engagement.hidden_people_hi",
    ),
    (
        "mart.segment_reach",
        "ELSE account_bases.unlisted_people + hidden_engagement.hidden_people_hi",
        "ELSE account_bases.unlisted_people",
    ),
    ("mart.segment_reach", "WHEN account_bases.data_on IS NULL THEN 0 ", ""),
    (
        "mart.segment_reach",
        "WHEN account_bases.basis = 'active' THEN least",
        "WHEN account_bases.basis <> 'follower' THEN least",
    ),
    ("mart.segment_reach", "least(hidden_engagement.awake_people_hi, coalesce(silent", "least(1e12, coalesce(silent"),
    ("mart.segment_reach", ", coalesce(silent_followers.silent_people, 0)", ", 1e12"),
    ("mart.segment_reach", "account_bases.basis = 'follower' OR account_bases.has_complete_list THEN 0", "true THEN 0"),
    ("mart.segment_reach", "OR account_bases.has_complete_list THEN 0", "THEN 0"),
    (
        "mart.segment_reach",
        "max(CASE WHEN segment_id = 'everyone' THEN new_people + awake_people END)",
        "max(new_people)",
    ),
    ("mart.segment_reach", "WHEN newest_lists.has_complete_list THEN 0 ", ""),
    ("mart.segment_reach", "account_people + reach_people_most - reach_people_hi", "account_people"),
    ("mart.segment_reach", "account_people + reach_people_most - reach_people_hi", "account_people + hidden_people"),
    (
        "mart.segment_reach",
        ", greatest(segment_people_hi, reach_people_hi) + unheard_people",
        ", greatest(segment_people_hi, reach_people_hi)",
    ),
    ("mart.segment_reach", f"{NO_LIST} {TOTALS}", f"{TOTALS} {NO_LIST}"),
    ("mart.segment_reach", f"{LISTED} {NO_LIST}", f"{NO_LIST} {LISTED}"),
    ("mart.segment_reach", f"WHEN acts_on IS NOT NULL THEN NULL {NO_ACTS}", NO_ACTS),
    ("mart.segment_reach", f"{NO_ACTS} {TOTALS}", f"{TOTALS} {NO_ACTS}"),
    ("mart.segment_reach", "WHEN NOT platform_has_acts THEN 'no engagement extract'", ""),
    (
        "mart.segment_reach",
        "CASE WHEN platform_has_acts THEN greatest(list_on, acts_on) END",
        "greatest(list_on, acts_on)",
    ),
    ("mart.segment_reach", "greatest(list_on, acts_on)", "list_on"),
    ("mart.segment_reach", "greatest(list_on, acts_on)", "acts_on"),
    ("mart.segment_reach", "WHEN list_on IS NULL THEN 'no follower list: at least this many'", ""),
    ("mart.segment_reach", "WHEN NOT has_complete_list THEN 'partial list: at least this many'", ""),
    ("mart.segment_reach", "WHEN acts_on IS NULL THEN 'no engagement extract: at least this many'", ""),
    *(
        ("mart.segment_reach", f"account.{column} = {of}.{column}", "true")
        for of in ("newest_lists", "newest_engagements", "accounts_with_totals", "reported_followers", "listed")
        for column in ("platform", "account_id")
    ),
    ("mart.segment_reach", "AND listed.segment_id = 'everyone' ", ""),
    ("mart.segment_reach", "AND listed.basis = 'follower'", ""),
    ("mart.segment_reach", "max_by(value, day)", "max(value)"),
    ("mart.segment_reach", "metric = 'followers' AND ", ""),
    ("mart.segment_reach", " AND day <= getvariable('as_of')", ""),
    (
        "mart.segment_reach",
        "AND reported_followers.followers_reported IS NOT NULL "
        "THEN greatest(reported_followers.followers_reported - coalesce(listed.reach_people, 0), 0) END",
        "THEN greatest(coalesce(reported_followers.followers_reported, 0) - coalesce(listed.reach_people, 0), 0) END",
    ),
    ("mart.segment_reach", "WHEN account_bases.basis = 'follower' THEN account_bases.unlisted_people", ""),
    ("mart.segment_reach", "- CAST(coalesce(new_people, 1e12) AS DECIMAL(38, 9)) AS DOUBLE", "AS DOUBLE"),
    *(
        (
            "mart.segment_reach",
            "OVER (PARTITION BY segment_id, platform, basis) - CAST",
            f"OVER (PARTITION BY {keys}) - CAST",
        )
        for keys in ("segment_id, basis", "platform, basis", "segment_id, platform")
    ),
    ("mart.segment_reach", "sum(people * n_accounts)", "sum(people)"),
    ("mart.segment_reach", "* CAST(shared_people.people_variance AS DOUBLE)", ""),
    ("mart.segment_reach", "counted_as = 'exclusive' THEN apart_variance", "counted_as = 'reach' THEN apart_variance"),
    ("mart.segment_reach", "(found_people - certain_people) * deviation END", "found_people * deviation END"),
    ("mart.segment_reach", "* (found_people - certain_people) * apart_variance", "* found_people * apart_variance"),
    (
        "mart.segment_reach",
        "segment_totals.square_audit_error - reached.square_audit_error",
        "segment_totals.square_audit_error",
    ),
    ("mart.segment_reach", "(1 - likely_share) * (1 - likely_share) * (people_variance", "(people_variance"),
    ("mart.segment_reach", "+ likely_share * likely_share * others_variance", ""),
    ("mart.segment_reach", "reach_people + moved_people) / nullif", "reach_people) / nullif"),
    ("mart.segment_reach", "WHERE segment_id = 'everyone' ), intervals", "), intervals"),
    ("mart.segment_reach", "reached_of_everyone.segment_id = 'everyone'", "reached_of_everyone.segment_id <> ''"),
    (
        "mart.segment_reach",
        "least( reach_people_hi + hidden_people, greatest(segment_people_hi, reach_people_hi) + unheard_people )",
        "reach_people_hi + hidden_people",
    ),
    ("mart.segment_reach", "greatest(exclusive_people_lo - others_hidden_people, 0)", "exclusive_people_lo"),
    (
        "mart.segment_reach",
        "fair_share_people_lo - others_hidden_people / 2",
        "fair_share_people_lo - others_hidden_people",
    ),
    *(
        (
            "mart.segment_reach",
            "nullif(account_people, 0) + hidden_of_everyone AS",
            f"nullif(account_people, 0){more} AS",
        )
        for more in ("", " + hidden_people")
    ),
    ("mart.segment_reach", "CAST(round(reach_people) AS BIGINT)", "CAST(floor(reach_people) AS BIGINT)"),
    ("mart.segment_reach", "CAST(round(exclusive_people) AS BIGINT)", "CAST(floor(exclusive_people) AS BIGINT)"),
    ("mart.segment_reach", "CAST(round(segment_people) AS BIGINT)", "CAST(floor(segment_people) AS BIGINT)"),
    ("mart.segment_reach", "CAST(floor(round(reach_people_lo, 6)) AS BIGINT)", "CAST(ceil(reach_people_lo) AS BIGINT)"),
    (
        "mart.segment_reach",
        "CAST(ceil(round(reach_people_most, 6)) AS BIGINT)",
        "CAST(floor(reach_people_most) AS BIGINT)",
    ),
    ("mart.segment_reach", "THEN fair_share_people END", "THEN round(fair_share_people) END"),
    (
        "mart.segment_reach",
        "hidden_people * n_known_accounts + others_hidden_people",
        "hidden_people * n_known_accounts",
    ),
    ("mart.segment_reach", "(frequency_least * reach_people + hidden_people)", "(frequency_least * reach_people)"),
    ("mart.segment_reach", "least(coverage_share_listed + hidden_people / segment_people, 1)", "coverage_share_listed"),
    (
        "mart.segment_reach",
        "WHEN hidden_of_everyone = 0 THEN 100 * coverage_share_least",
        "WHEN false THEN 100 * coverage_share_least",
    ),
    (
        "mart.segment_reach",
        "CROSS JOIN account_bases",
        "INNER JOIN account_bases ON segments.segment_id = 'everyone'",
    ),
    (
        "mart.segment_reach",
        "CASE WHEN data_on IS NOT NULL THEN CAST(round(exclusive_people) AS BIGINT) END",
        "CAST(round(exclusive_people) AS BIGINT)",
    ),
]

HIDDEN_MUTATIONS = [
    ("mart.hidden_engagement", "'reply' AS kind, replies AS n_counted", "'reply' AS kind, likes AS n_counted"),
    ("mart.hidden_engagement", "'quote' AS kind, quotes AS n_counted", "'quote' AS kind, 0 AS n_counted"),
    ("mart.hidden_engagement", "'repost' AS kind, reposts AS n_counted", "'repost' AS kind, 0 AS n_counted"),
    ("mart.hidden_engagement", f"WHEN {LATELY} THEN 1", "WHEN true THEN 1"),
    (
        "mart.hidden_engagement",
        "WHERE n_counted IS NOT NULL OR kind IN ('like', 'reply')",
        "WHERE n_counted IS NOT NULL",
    ),
    ("mart.hidden_engagement", "WHERE n_counted IS NOT NULL OR kind IN ('like', 'reply')", ""),
    ("mart.hidden_engagement", "UNION SELECT platform, kind FROM seen_lists", ""),
    ("mart.hidden_engagement", "FULL OUTER JOIN seen_lists", "LEFT JOIN seen_lists"),
    ("mart.hidden_engagement", "FULL OUTER JOIN seen_lists", "INNER JOIN seen_lists"),
    ("mart.hidden_engagement", "counted_lists.platform = seen_lists.platform AND ", ""),
    ("mart.hidden_engagement", "AND counted_lists.post_id = seen_lists.post_id ", ""),
    ("mart.hidden_engagement", "AND counted_lists.kind = seen_lists.kind ", ""),
    ("mart.hidden_engagement", "seen_lists.n_seen_lately > 0 OR", ""),
    ("mart.hidden_engagement", "posted_at AS DATE) > getvariable", "posted_at AS DATE) >= getvariable"),
    ("mart.hidden_engagement", "INTERVAL 90 DAY AND CAST", "INTERVAL 89 DAY AND CAST"),
    ("mart.hidden_engagement", "AND CAST(counted_lists.posted_at AS DATE) <= getvariable('as_of')", ""),
    (
        "mart.hidden_engagement",
        "greatest(coalesce(counted_lists.n_counted, 0), coalesce(seen_lists.n_seen, 0))",
        "coalesce(counted_lists.n_counted, seen_lists.n_seen, 0)",
    ),
    (
        "mart.hidden_engagement",
        "sum(CASE WHEN lists.n_seen > 0 THEN lists.n_collectable ELSE 0 END)",
        "sum(lists.n_collectable)",
    ),
    ("mart.hidden_engagement", "lists.platform = kinds.platform AND ", ""),
    ("mart.hidden_engagement", "posting_accounts.account_id IS NOT NULL AND NOT", "NOT"),
    (
        "mart.hidden_engagement",
        "IS NOT NULL AND NOT coalesce(bool_or(account_kinds.is_uncounted), FALSE)",
        "IS NOT NULL",
    ),
    ("mart.hidden_engagement", "CASE WHEN account_kinds.n_seen = 0 THEN account_kinds.n_collectable END", "0"),
    ("mart.hidden_engagement", "lists.n_seen - 1 AS odds", "lists.n_seen AS odds"),
    ("mart.hidden_engagement", "/ account_kinds.n_collectable_where_seen", "/ account_kinds.n_collectable"),
    (
        "mart.hidden_engagement",
        f"WHERE {LATELY} GROUP BY platform, account_id, member_key",
        "GROUP BY platform, account_id, member_key",
    ),
    ("mart.hidden_engagement", "account_id, member_key HAVING count(*) = 1", "account_id, member_key"),
    ("mart.hidden_engagement", "single_people.post_id = list_odds.post_id AND ", ""),
    ("mart.hidden_engagement", "CAST(is_single * weight * odds * (1 + odds) AS", "CAST(is_single * weight * odds AS"),
    ("mart.hidden_engagement", "(1 - is_single) * weight * odds * (1 + odds)", "(1 - is_single) * weight * odds"),
    ("mart.hidden_engagement", "CAST((1 - is_single) * weight * odds AS", "CAST(weight * odds AS"),
    ("mart.hidden_engagement", "CAST(is_single * weight * odds AS", "CAST(weight * odds AS"),
    ("mart.hidden_engagement", "WHERE band = 'acts_extrapolated_from_share'", ""),
    ("mart.hidden_engagement", ">= extrapolated_from.collected_share", "> extrapolated_from.collected_share"),
    ("mart.hidden_engagement", "coalesce(bool_or(NOT other.is_counted), FALSE)", "FALSE"),
    ("mart.hidden_engagement", "account_acts.platform = other.platform AND ", ""),
    ("mart.hidden_engagement", "AND account_acts.account_id <> other.account_id", ""),
    (
        "mart.hidden_engagement",
        "THEN other.n_of_hidden_kinds ELSE other.n_hidden END",
        "THEN 0 ELSE other.n_hidden END",
    ),
    (
        "mart.hidden_engagement",
        "THEN other.n_of_hidden_kinds ELSE other.n_hidden END",
        "THEN other.n_of_hidden_kinds END",
    ),
    ("mart.hidden_engagement", "sum(CASE WHEN other.is_extrapolated THEN other.n_seen END)", "sum(other.n_seen)"),
    (
        "mart.hidden_engagement",
        "CAST(sum(CASE WHEN other.is_extrapolated THEN other.n_hidden END)",
        "CAST(sum(other.n_hidden)",
    ),
    ("mart.hidden_engagement", f"WHERE {LATELY} GROUP BY platform, member_key", "GROUP BY platform, member_key"),
    ("mart.hidden_engagement", "GROUP BY platform, member_key HAVING count(*) = 1", "GROUP BY platform, member_key"),
    ("mart.hidden_engagement", "AND account_acts.is_extrapolated INNER JOIN", "INNER JOIN"),
    ("mart.hidden_engagement", "AND lone_people.account_id <> follow.account_id", ""),
    ("mart.hidden_engagement", "lone_people.member_key = follow.member_key AND ", ""),
    ("mart.hidden_engagement", "WHERE follow.ended_on IS NULL", ""),
    ("mart.hidden_engagement", "n_of_hidden_kinds + likely_people + mean_odds", "likely_people + mean_odds"),
    ("mart.hidden_engagement", "n_of_hidden_kinds + likely_people + mean_odds", "n_of_hidden_kinds + likely_people"),
    (
        "mart.hidden_engagement",
        "sqrt(likely_variance + mean_odds * (1 + mean_odds)), n_hidden",
        "sqrt(likely_variance), n_hidden",
    ),
    ("mart.hidden_engagement", "mean_odds * (1 + mean_odds)), n_hidden", "mean_odds * (1 + mean_odds)), 1e12"),
    ("mart.hidden_engagement", "WHEN NOT is_counted THEN NULL", ""),
    ("mart.hidden_engagement", "ELSE CAST(n_hidden AS DOUBLE) END", "END"),
    ("mart.hidden_engagement", "CASE WHEN NOT others_have_uncounted THEN", "CASE WHEN TRUE THEN"),
    (
        "mart.hidden_engagement",
        "others_n_of_anybody + awake_people + others_mean_odds",
        "awake_people + others_mean_odds",
    ),
    (
        "mart.hidden_engagement",
        "others_n_of_anybody + awake_people + others_mean_odds",
        "others_n_of_anybody + awake_people",
    ),
    (
        "mart.hidden_engagement",
        "sqrt(awake_variance + others_mean_odds * (1 + others_mean_odds))",
        "sqrt(awake_variance)",
    ),
    ("mart.hidden_engagement", "(1 + others_mean_odds)), others_n_hidden", "(1 + others_mean_odds)), 1e12"),
]

SIZE_MUTATIONS = [
    ("mart.segment_size", "WHERE basis = 'follower' AND counted_as", "WHERE counted_as"),
    ("mart.segment_size", "FROM mart.reach_signature WHERE basis = 'follower'", "FROM mart.reach_signature"),
    ("mart.segment_size", "coalesce(sizes.reached_people, 0)", "sizes.reached_people"),
    ("mart.segment_size", " AND platforms.platform = sizes.platform", ""),
    ("mart.segment_size", " AND platforms.platform = gross.platform", ""),
    ("mart.segment_size", "round(coalesce(sizes.segment_people, 0))", "floor(coalesce(sizes.segment_people, 0))"),
    (
        "mart.segment_size",
        "CAST(round(coalesce(sizes.reached_people, 0))",
        "CAST(floor(coalesce(sizes.reached_people, 0))",
    ),
    (
        "mart.segment_size",
        "floor(round(coalesce(sizes.reached_people_lo, 0), 6))",
        "ceil(coalesce(sizes.reached_people_lo, 0))",
    ),
    (
        "mart.segment_size",
        "ceil(round(coalesce(sizes.reached_people_hi, 0), 6))",
        "floor(coalesce(sizes.reached_people_hi, 0))",
    ),
    (
        "mart.segment_size",
        "coalesce(sizes.segment_people, 0) / nullif",
        "round(coalesce(sizes.segment_people, 0)) / nullif",
    ),
    ("mart.segment_size", "* array_length(account_ids)", ""),
]

OVERLAP_MUTATIONS = [
    ("mart.account_overlap", "AND base.account_id <> other.account_id", "AND base.account_id < other.account_id"),
    ("mart.account_overlap", "base.segment_id = other.segment_id AND ", ""),
    ("mart.account_overlap", "AND base.platform = other.platform AND base.basis", "AND base.basis"),
    (
        "mart.account_overlap",
        "base.reach_people IS NOT NULL AND other.reach_people IS NOT NULL AS is_known",
        "true AS is_known",
    ),
    ("mart.account_overlap", "base_people + other_people - overlap_people", "base_people + other_people"),
    ("mart.account_overlap", "least(base_people, other_people)", "greatest(base_people, other_people)"),
    ("mart.account_overlap", "base_variance + other_variance - overlap_variance", "base_variance + other_variance"),
    ("mart.account_overlap", "ELSE greatest(base_variance, other_variance)", "ELSE base_variance"),
    (
        "mart.account_overlap",
        "coalesce(greatest(doubts.apart_variance, other_doubts.apart_variance), 0)",
        "coalesce(doubts.apart_variance, 0)",
    ),
    ("mart.account_overlap", "WHERE counted_as = 'exclusive'", "WHERE counted_as <> ''"),
    ("mart.account_overlap", "(1 - overlap_share) * (1 - overlap_share) * (overlap", "(overlap"),
    ("mart.account_overlap", "greatest(whole_variance - overlap_variance, 0)", "whole_variance"),
    ("mart.account_overlap", "overlap_members * overlap_members * apart_variance", "apart_variance"),
    ("mart.account_overlap", "WHEN overlap_reason IS NOT NULL THEN overlap_reason", ""),
    (
        "mart.account_overlap",
        "WHEN share_of = 'smaller' AND whole_people = 0 THEN 'one of them reaches nobody of the segment'",
        "",
    ),
    ("mart.account_overlap", "THEN coalesce(base.reach_reason, other.reach_reason)", "THEN base.reach_reason"),
]

REACH_MUTATIONS = [
    *REACH_SET_MUTATIONS,
    *INTERVAL_MUTATIONS,
    *HIDDEN_MUTATIONS,
    *SEGMENT_REACH_MUTATIONS,
    *SIZE_MUTATIONS,
    *OVERLAP_MUTATIONS,
]
