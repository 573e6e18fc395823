"""Mutations of mart.reach_trend, for tests/sql/test_mutations.py: the model, what it says, what is put there."""

TREND = "mart.reach_trend"
ENDED_LATELY = "coalesce(follow.ended_on > getvariable('as_of') - INTERVAL 182 DAY, TRUE)"

TREND_MUTATIONS = [
    (
        TREND,
        "CAST(date_trunc('week', observed_on) AS DATE) AS week_on FROM core.follower_list",
        "NULL AS week_on FROM core.follower_list",
    ),
    (TREND, "min(week_on) AS week_on", "max(week_on) AS week_on"),
    (TREND, "first_weeks.week_on <= series_weeks.week_at", "first_weeks.week_on < series_weeks.week_at"),
    (TREND, "'like' AS kind, likes AS n_acts", "'reply' AS kind, likes AS n_acts"),
    (TREND, "AND counted_acts.kind = account_kinds.kind", ""),
    (TREND, "WHERE counted_acts.n_acts > 0", "WHERE counted_acts.n_acts >= 9"),
    (TREND, "SELECT DISTINCT platform, account_id FROM own_posts", "SELECT platform, account_id FROM own_posts"),
    (TREND, "week_on >= account_spans.first_act_on", "week_end_on >= account_spans.first_act_on"),
    (TREND, "week_on >= account_spans.first_act_on", "week_on > account_spans.first_act_on"),
    (TREND, "AND account_series.week_end_on <= platform_spans.last_act_on", ""),
    (TREND, "week_end_on <= platform_spans.last_act_on", "week_end_on < platform_spans.last_act_on"),
    (TREND, "THEN coalesce(post_weeks.n_posts, 0) END", "THEN post_weeks.n_posts END"),
    (TREND, "WHEN account_spans.account_id IS NULL THEN 'no engagement extract'", ""),
    (TREND, "WHEN account_series.week_end_on < account_spans.first_act_on THEN 'before the first act'", ""),
    (TREND, "WHEN platform_weeks.week_on IS NULL THEN 'no act on the platform'", ""),
    (TREND, "WHEN account_weeks.week_on IS NULL AND counted_weeks", "WHEN counted_weeks"),
    (TREND, "platform_weeks.has_undated AND weeks_before.week_on IS NULL", "platform_weeks.has_undated"),
    (TREND, "platform_weeks.has_undated AND weeks_before.week_on IS NULL", "weeks_before.week_on IS NULL"),
    (TREND, "segment_membership.left_on IS NULL OR ( ", "FALSE OR ( "),
    (TREND, "AND segment_membership.definition_hash = segment.definition_hash", ""),
    (TREND, "segment_membership.left_on > getvariable('as_of') - INTERVAL 182 DAY AND ", ""),
    (TREND, "max_by(segment_membership", "min_by(segment_membership"),
    (
        TREND,
        "SELECT DISTINCT platform, account_id, member_key, week_on",
        "SELECT platform, account_id, member_key, week_on",
    ),
    (TREND, "bool_or(is_undated)", "bool_and(is_undated)"),
    (TREND, ENDED_LATELY, "follow.ended_on IS NULL"),
    (TREND, "-people AS change", "people AS change"),
    (TREND, "WHERE has_ended", ""),
    (TREND, "ORDER BY described_series.week_on", ""),
    (TREND, "observed_on FROM core.follower_list WHERE is_complete", "observed_on FROM core.follower_list"),
    (
        TREND,
        "first_lists.observed_on <= account_series.week_end_on",
        "first_lists.observed_on <= account_series.week_on",
    ),
    (TREND, "account_series.platform = first_lists.platform AND ", ""),
    (TREND, "CASE WHEN has_list THEN ", "CASE WHEN true THEN "),
    (
        TREND,
        "CASE WHEN gap_reason IS NULL THEN CAST(coalesce(active_people, 0)",
        "CASE WHEN true THEN CAST(coalesce(active_people, 0)",
    ),
    (TREND, "CAST(coalesce(active_people, 0) AS DOUBLE)", "CAST(active_people AS DOUBLE)"),
]
