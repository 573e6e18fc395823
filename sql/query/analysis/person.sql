-- One row per present member on the segment's platforms: in it or not, and what its accounts and words say of them.
-- Temporary and restricted. A rule's words may stand in the bio or the name, as the word rules read them; accounts are
-- open seed accounts followed now, those of the rules and others apart.
WITH current_follows AS (
    SELECT DISTINCT platform, account_id, member_key
    FROM core.follow
    WHERE ended_on IS NULL
),

follows AS (
    SELECT
        follow.platform,
        follow.member_key,
        sum(CASE WHEN used_account.account_id IS NULL THEN 0 ELSE 1 END) AS n_used_accounts,
        sum(CASE WHEN used_account.account_id IS NULL THEN 1 ELSE 0 END) AS n_other_accounts
    FROM current_follows AS follow
    INNER JOIN core.account ON follow.platform = account.platform AND follow.account_id = account.account_id
    LEFT JOIN temp.suggest_used_account AS used_account
        ON follow.platform = used_account.platform AND follow.account_id = used_account.account_id
    WHERE account.role = 'seed' AND account.is_open
    GROUP BY follow.platform, follow.member_key
),

used_phrases AS (
    SELECT DISTINCT trim(regexp_replace(lower(strip_accents(phrase)), '[^\p{L}\p{N}]+', ' ', 'g')) AS folded_phrase
    FROM temp.suggest_used_phrase
),

texts AS (
    SELECT
        platform,
        member_key,
        trim(coalesce(bio, '')) <> '' AS has_bio,
        ' ' || trim(regexp_replace(lower(strip_accents(coalesce(bio, ''))), '[^\p{L}\p{N}]+', ' ', 'g')) || ' | '
        || trim(regexp_replace(lower(strip_accents(coalesce(name, ''))), '[^\p{L}\p{N}]+', ' ', 'g')) || ' '
            AS folded_text
    FROM stg.member
),

sayers AS (
    SELECT DISTINCT texts.platform, texts.member_key
    FROM texts
    INNER JOIN used_phrases ON contains(texts.folded_text, ' ' || used_phrases.folded_phrase || ' ')
    WHERE used_phrases.folded_phrase <> ''
),

words AS (
    SELECT said.member_key, count(*) AS n_words
    FROM temp.suggest_word AS said
    LEFT JOIN used_phrases ON said.word = used_phrases.folded_phrase
    WHERE used_phrases.folded_phrase IS NULL
    GROUP BY said.member_key
),

segment_members AS (
    SELECT DISTINCT platform, member_key
    FROM core.segment_membership
    WHERE segment_id = getvariable('suggest_segment') AND left_on IS NULL
)

SELECT
    member.platform,
    member.member_key,
    segment_members.member_key IS NOT NULL AS in_segment,
    coalesce(follows.n_used_accounts, 0) >= getvariable('suggest_k') AS follows_enough,
    coalesce(follows.n_used_accounts, 0) = getvariable('suggest_k') - 1 AS follows_one_short,
    sayers.member_key IS NOT NULL AS says_used,
    coalesce(texts.has_bio, FALSE) AS has_bio,
    CAST(least(coalesce(follows.n_other_accounts, 0), 64) AS INTEGER) AS n_accounts,
    CAST(least(coalesce(words.n_words, 0), 64) AS INTEGER) AS n_words
FROM core.member
LEFT JOIN follows ON member.platform = follows.platform AND member.member_key = follows.member_key
LEFT JOIN texts ON member.platform = texts.platform AND member.member_key = texts.member_key
LEFT JOIN sayers ON member.platform = sayers.platform AND member.member_key = sayers.member_key
LEFT JOIN words ON member.member_key = words.member_key
LEFT JOIN segment_members
    ON member.platform = segment_members.platform AND member.member_key = segment_members.member_key
WHERE member.is_present AND array_contains(getvariable('suggest_platforms'), member.platform)
