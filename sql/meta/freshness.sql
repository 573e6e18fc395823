-- One row per open account of ours and kind of data: how old what we have of it is, and whether that is too old to
-- answer with. An extract covers an account where it holds a row of it, or where its sender says that it looked. It
-- also covers an account without a row where it holds most of the accounts that came with it the last time: such an
-- account is silent. Where most of them are absent, the extract was cut short, and nothing is known of the absent ones.
WITH limits AS (
    SELECT
        max(CASE WHEN band = 'expected_every_days' THEN value END) AS every_days,
        max(CASE WHEN band = 'late_after_rhythms' THEN value END) AS late_after,
        max(CASE WHEN band = 'missing_after_rhythms' THEN value END) AS missing_after,
        max(CASE WHEN band = 'extract_holds_accounts_share' THEN value END) AS accounts_share,
        max(CASE WHEN band = 'posts_in_no_extract_at_least' THEN value END) AS posts_at_least,
        max(CASE WHEN band = 'dormant_after_days' THEN value END) AS dormant_days
    FROM ref.band
),

-- What a delivery of posts or interactions holds of each account; a sender may list kinds of interactions one by one.
deliveries AS (
    SELECT
        source,
        platform,
        account_id,
        snapshot_on AS extract_on,
        CASE WHEN list_kind = 'post' THEN 'post' ELSE 'engagement' END AS kind,
        max(CASE WHEN scope = 'unknown' THEN 0 ELSE 1 END) AS is_declared
    FROM meta.completeness
    WHERE list_kind <> 'follower' AND snapshot_on <= getvariable('as_of')
    GROUP BY source, platform, account_id, snapshot_on, CASE WHEN list_kind = 'post' THEN 'post' ELSE 'engagement' END
),

last_deliveries AS (
    SELECT source, platform, kind, account_id, max(extract_on) AS last_on
    FROM deliveries
    GROUP BY source, platform, kind, account_id
),

-- The accounts that came together with each account the last time that it came.
companions AS (
    SELECT
        last_deliveries.source,
        last_deliveries.platform,
        last_deliveries.kind,
        last_deliveries.account_id,
        last_deliveries.last_on,
        deliveries.account_id AS companion_id,
        count(*) OVER (
            PARTITION BY
                last_deliveries.source, last_deliveries.platform, last_deliveries.kind, last_deliveries.account_id
        ) AS n_companions
    FROM last_deliveries
    INNER JOIN deliveries
        ON
            last_deliveries.source = deliveries.source
            AND last_deliveries.platform = deliveries.platform
            AND last_deliveries.kind = deliveries.kind
            AND last_deliveries.last_on = deliveries.extract_on
            AND last_deliveries.account_id <> deliveries.account_id
),

silent_deliveries AS (
    SELECT
        companions.platform,
        companions.kind,
        companions.account_id,
        deliveries.extract_on
    FROM companions
    INNER JOIN deliveries
        ON
            companions.source = deliveries.source
            AND companions.platform = deliveries.platform
            AND companions.kind = deliveries.kind
            AND companions.companion_id = deliveries.account_id
            AND companions.last_on < deliveries.extract_on
    CROSS JOIN limits
    GROUP BY
        companions.platform,
        companions.kind,
        companions.account_id,
        deliveries.source,
        deliveries.extract_on,
        companions.n_companions,
        limits.accounts_share
    HAVING count(DISTINCT companions.companion_id) >= limits.accounts_share * companions.n_companions
),

-- The newest day of what people did or we wrote, per account.
data_days AS (
    SELECT platform, account_id, 'post' AS kind, CAST(posted_at AS DATE) AS day FROM core.post
    UNION ALL
    SELECT platform, account_id, 'engagement' AS kind, engaged_on AS day FROM core.engagement
),

newest_days AS (
    SELECT platform, account_id, kind, max(day) AS newest_on
    FROM data_days
    WHERE day <= getvariable('as_of')
    GROUP BY platform, account_id, kind
),

-- Where several accounts fall silent on one day, the extract ends there: an old file that was landed for a later day.
extract_ends AS (
    SELECT platform, kind, max(newest_on) AS ends_on
    FROM newest_days
    GROUP BY platform, kind
    HAVING count(*) >= 3
),

undeclared_deliveries AS (
    SELECT platform, kind, account_id, extract_on FROM deliveries
    WHERE is_declared = 0
    UNION ALL
    SELECT platform, kind, account_id, extract_on FROM silent_deliveries
),

extracts AS (
    SELECT platform, account_id, kind, extract_on FROM deliveries
    WHERE is_declared = 1
    UNION
    SELECT
        undeclared_deliveries.platform,
        undeclared_deliveries.account_id,
        undeclared_deliveries.kind,
        least(undeclared_deliveries.extract_on, coalesce(extract_ends.ends_on, undeclared_deliveries.extract_on))
            AS extract_on
    FROM undeclared_deliveries
    LEFT JOIN extract_ends
        ON undeclared_deliveries.platform = extract_ends.platform AND undeclared_deliveries.kind = extract_ends.kind
    UNION
    SELECT platform, account_id, 'follower' AS kind, observed_on AS extract_on FROM core.follower_list
    UNION
    SELECT platform, account_id, 'account_day' AS kind, day AS extract_on FROM core.account_day
    WHERE value IS NOT NULL
    UNION
    SELECT named_accounts.platform, named_accounts.account_id, 'contact' AS kind, contact_days.day AS extract_on
    FROM (
        SELECT DISTINCT platform, account_id FROM core.contact
        WHERE account_id IS NOT NULL
    ) AS named_accounts
    CROSS JOIN (SELECT DISTINCT day FROM core.contact) AS contact_days
),

steps AS (
    SELECT
        *,
        date_diff(
            'day', lag(extract_on) OVER (PARTITION BY platform, account_id, kind ORDER BY extract_on), extract_on
        ) AS gap_days
    FROM extracts
    WHERE extract_on <= getvariable('as_of')
),

-- Three extracts are the fewest that show a rhythm.
rhythms AS (
    SELECT
        platform,
        account_id,
        kind,
        max(extract_on) AS extract_on,
        CASE WHEN count(*) >= 3 THEN CAST(quantile_cont(gap_days, 0.5) AS DOUBLE) END AS learnt_days
    FROM steps
    GROUP BY platform, account_id, kind
),

own_kinds AS (
    SELECT own_account.platform, own_account.account_id, kinds.kind, kinds.what
    FROM core.own_account
    CROSS JOIN (
        VALUES
        ('follower', 'follower list'),
        ('post', 'post'),
        ('engagement', 'interaction'),
        ('account_day', 'daily figure'),
        ('contact', 'contact about it')
    ) AS kinds (kind, what)
    WHERE own_account.is_open
),

-- What people interacted with within the time after which an account is called dormant: posts that no extract shows are
-- missing posts.
acted_posts AS (
    SELECT DISTINCT engagement.platform, engagement.account_id, engagement.post_id
    FROM core.engagement
    INNER JOIN rhythms
        ON
            engagement.platform = rhythms.platform
            AND engagement.account_id = rhythms.account_id
            AND rhythms.kind = 'post'
    CROSS JOIN limits
    WHERE
        engagement.kind <> 'mention'
        AND engagement.engaged_on <= rhythms.extract_on
        AND date_diff('day', engagement.engaged_on, rhythms.extract_on) < limits.dormant_days
),

missing_posts AS (
    SELECT
        acted_posts.platform,
        acted_posts.account_id,
        'post' AS kind,
        count(*) AS n_acted_posts,
        sum(CASE WHEN post.post_id IS NULL THEN 1 ELSE 0 END) AS n_missing_posts
    FROM acted_posts
    LEFT JOIN core.post ON acted_posts.platform = post.platform AND acted_posts.post_id = post.post_id
    GROUP BY acted_posts.platform, acted_posts.account_id
),

facts AS (
    SELECT
        own_kinds.*,
        rhythms.extract_on,
        coalesce(newest_days.newest_on, rhythms.extract_on) AS newest_on,
        date_diff('day', rhythms.extract_on, getvariable('as_of')) AS days_old,
        coalesce(own_rhythm.value, rhythms.learnt_days, limits.every_days) AS every_days,
        CASE
            WHEN own_rhythm.value IS NOT NULL THEN 'reference'
            WHEN rhythms.learnt_days IS NOT NULL THEN 'history'
            ELSE 'default'
        END AS rhythm_from,
        limits.late_after,
        limits.missing_after,
        CASE
            WHEN
                missing_posts.n_missing_posts >= limits.posts_at_least
                AND missing_posts.n_missing_posts * 2 > missing_posts.n_acted_posts
                THEN missing_posts.n_missing_posts
        END AS n_missing_posts
    FROM own_kinds
    CROSS JOIN limits
    LEFT JOIN rhythms
        ON
            own_kinds.platform = rhythms.platform
            AND own_kinds.account_id = rhythms.account_id
            AND own_kinds.kind = rhythms.kind
    LEFT JOIN newest_days
        ON
            own_kinds.platform = newest_days.platform
            AND own_kinds.account_id = newest_days.account_id
            AND own_kinds.kind = newest_days.kind
    LEFT JOIN ref.band AS own_rhythm ON 'expected_every_days.' || own_kinds.kind = own_rhythm.band
    LEFT JOIN missing_posts
        ON
            own_kinds.platform = missing_posts.platform
            AND own_kinds.account_id = missing_posts.account_id
            AND own_kinds.kind = missing_posts.kind
),

judged AS (
    SELECT
        *,
        CASE
            WHEN extract_on IS NULL THEN 'never'
            WHEN n_missing_posts IS NOT NULL OR days_old > missing_after * every_days + 1 THEN 'missing'
            WHEN days_old > late_after * every_days + 1 THEN 'late'
            ELSE 'fresh'
        END AS freshness_status
    FROM facts
)

SELECT
    platform,
    account_id,
    kind,
    newest_on,
    extract_on,
    CAST(days_old AS BIGINT) AS days_old,
    CAST(every_days AS DOUBLE) AS every_days,
    rhythm_from,
    freshness_status,
    CASE
        WHEN freshness_status = 'fresh' THEN NULL
        WHEN freshness_status = 'never' THEN 'no ' || what || ' ever came'
        WHEN n_missing_posts IS NOT NULL
            THEN 'people interacted with ' || n_missing_posts || ' of its posts that are in no post extract'
        ELSE
            'the last ' || what || ' we have is ' || date_diff('day', newest_on, getvariable('as_of'))
            || ' days old, because no ' || replace(kind, '_', ' ') || ' extract came since '
            || strftime(extract_on, '%-d %B %Y')
    END AS freshness_reason
FROM judged
