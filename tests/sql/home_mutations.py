"""Mutations of the models of home, for tests/sql/test_mutations.py: the model, what it says, what is put there."""

HOME_MUTATIONS = [
    (
        "core.member_home",
        "coalesce(declared_place.home_band, 'unknown')",
        "coalesce(declared_place.home_band, 'abroad')",
    ),
    ("core.member_home", "coalesce(declared_place.place_rule_id, 'nothing_declared')", "declared_place.place_rule_id"),
    ("core.member_home", "LEFT JOIN stg.declared_place", "INNER JOIN stg.declared_place"),
    ("mart.home_signature", "LEFT JOIN core.member_home", "INNER JOIN core.member_home"),
    ("mart.place_reading", "LEFT JOIN core.member_home", "INNER JOIN core.member_home"),
    ("mart.place_reading", "LEFT JOIN ref.place_rule", "INNER JOIN ref.place_rule"),
    ("mart.reach_home", "sum(n_members) AS n_members", "max(n_members) AS n_members"),
    ("mart.reach_home", "sum(CAST(people_variance AS DECIMAL(18, 6)))", "max(CAST(people_variance AS DECIMAL(18, 6)))"),
    ("mart.reach_home", "reached.segment_id = totals.segment_id AND ", ""),
    ("mart.reach_home", "AND reached.platform = totals.platform ", ""),
    ("mart.reach_home", "AND reached.basis = totals.basis", ""),
    ("mart.reach_home", "AND reached.account_id = totals.account_id ", ""),
]
