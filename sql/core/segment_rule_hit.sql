-- One row per rule and present member it speaks for, with the kind of evidence; never the words themselves.
-- Words are compared folded: lower case, no accents, whole words only ("biker" is not in "bikers").
WITH bios AS (
    SELECT
        member.platform,
        member.member_key,
        trim(regexp_replace(lower(strip_accents(member.bio)), '[^\p{L}\p{N}]+', ' ', 'g')) AS folded_bio
    FROM stg.member
    INNER JOIN core.member AS present ON member.member_key = present.member_key
    WHERE present.is_present AND member.bio IS NOT NULL
),

phrases AS (
    SELECT
        segment_id,
        rule_id,
        trim(regexp_replace(lower(strip_accents(value)), '[^\p{L}\p{N}]+', ' ', 'g')) AS folded_phrase
    FROM ref.segment_rule_value
    WHERE match IN ('any_word', 'any_phrase')
),

-- A phrase can only stand where its first word does: the join is by one word, not everybody by every phrase.
first_words AS (
    SELECT DISTINCT split_part(folded_phrase, ' ', 1) AS first_word FROM phrases
),

words AS (
    SELECT member_key, unnest(string_split(folded_bio, ' ')) AS word FROM bios
),

promising_bios AS (
    SELECT DISTINCT words.member_key, words.word
    FROM words
    INNER JOIN first_words ON words.word = first_words.first_word
),

word_hits AS (
    SELECT DISTINCT phrases.segment_id, phrases.rule_id, bios.platform, bios.member_key
    FROM promising_bios
    INNER JOIN phrases ON promising_bios.word = split_part(phrases.folded_phrase, ' ', 1)
    INNER JOIN bios ON promising_bios.member_key = bios.member_key
    WHERE contains(' ' || bios.folded_bio || ' ', ' ' || phrases.folded_phrase || ' ')
),

rule_accounts AS (
    SELECT segment_id, rule_id, platform, account_id, least_accounts
    FROM ref.segment_rule_value
    WHERE match = 'follows_or_engages_at_least'
),

rule_account_names AS (
    SELECT DISTINCT platform, account_id FROM rule_accounts
),

connections AS (
    SELECT follow.platform, follow.account_id, follow.member_key
    FROM core.follow
    INNER JOIN rule_account_names
        ON follow.platform = rule_account_names.platform AND follow.account_id = rule_account_names.account_id
    WHERE follow.ended_on IS NULL
    UNION
    SELECT engagement.platform, engagement.account_id, engagement.member_key
    FROM core.engagement
    INNER JOIN rule_account_names
        ON engagement.platform = rule_account_names.platform AND engagement.account_id = rule_account_names.account_id
    WHERE engagement.engaged_on > getvariable('as_of') - INTERVAL 90 DAY
),

connection_hits AS (
    SELECT rule_accounts.segment_id, rule_accounts.rule_id, connections.platform, connections.member_key
    FROM connections
    INNER JOIN rule_accounts
        ON connections.platform = rule_accounts.platform AND connections.account_id = rule_accounts.account_id
    GROUP BY rule_accounts.segment_id, rule_accounts.rule_id, connections.platform, connections.member_key
    HAVING count(*) >= max(rule_accounts.least_accounts)
),

hits AS (
    SELECT segment_id, rule_id, platform, member_key FROM word_hits
    UNION ALL
    SELECT segment_id, rule_id, platform, member_key FROM connection_hits
)

SELECT
    hits.segment_id,
    hits.rule_id,
    segment_rule.effect,
    segment_rule.evidence_kind,
    hits.platform,
    hits.member_key
FROM hits
INNER JOIN ref.segment_rule ON hits.segment_id = segment_rule.segment_id AND hits.rule_id = segment_rule.rule_id
