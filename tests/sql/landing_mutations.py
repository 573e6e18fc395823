"""Ways to break how lists, and the times of acts and posts, are read: `test_mutations` runs them."""

EMPTY_LISTS = (
    "UNION ALL SELECT platform, account_id, observed_on, 'complete' AS follower_scope, "
    "NULL AS member_key FROM stg.empty_list"
)

# Model, what its SQL says (once; on one line, without comments), what it is made to say.
LANDING_MUTATIONS = [
    ("core.follower_list", EMPTY_LISTS, ""),
    ("core.follower_list", EMPTY_LISTS, EMPTY_LISTS.replace("'complete'", "'partial'")),
    ("mart.account_scorecard", "coalesce(follower_moves.followers, 0)", "follower_moves.followers"),
    ("mart.account_scorecard", "ELSE CAST(follower_moves.", "ELSE 0 * CAST(follower_moves."),
    ("meta.partial_list", "ORDER BY snapshot_on DESC) AS newest", "ORDER BY snapshot_on) AS newest"),
    ("meta.partial_list", "ORDER BY snapshot_on DESC, n_collected", "ORDER BY n_collected"),
    ("meta.partial_list", "n_collected DESC", "n_collected"),
    ("meta.partial_list", "n_collected DESC, delivery_id DESC", "n_collected DESC, delivery_id"),
    ("meta.partial_list", "WHERE newest = 1", ""),
    ("meta.partial_list", "bool_or(scope = 'complete')", "bool_and(scope = 'complete')"),
    ("meta.partial_list", "AND scopes.is_partial", ""),
    ("meta.partial_list", "AND NOT scopes.is_complete", ""),
    ("meta.partial_list", "numbered_lists.fullest = 1 AND", ""),
    ("meta.partial_list", "numbered_lists.platform = scopes.platform AND", ""),
    ("meta.partial_list", "AND numbered_lists.list_kind = scopes.list_kind", ""),
    ("stg.engagement", "least(", "coalesce("),
    ("stg.engagement", "least(", "greatest("),
    ("stg.post", "least(", "coalesce("),
    ("stg.post", "least(", "greatest("),
    ("stg.tag", "least(", "coalesce("),
    ("stg.tag", "coalesce(engaged_at, indexed_at)", "engaged_at"),
]
