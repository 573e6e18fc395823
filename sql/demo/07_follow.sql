-- One row per member and account it follows at any time of the window, with the member's profile beside.
-- A view, never stored: drawing the edges anew costs less than keeping them, and every reader sees the same ones.

CREATE VIEW follow AS
WITH edge AS (
    SELECT
        member.*,
        affinity.account_no,
        affinity.is_own,
        affinity.is_roads,
        affinity.acts_per_week,
        (member.anchor >= affinity.anchor_from AND member.anchor < affinity.anchor_to)
        OR (member.follows_roads AND affinity.is_roads_companion) AS is_steady
    FROM member
    INNER JOIN affinity ON member.crowd_no = affinity.crowd_no
    WHERE
        chance(member.draw_key, affinity.account_no) < affinity.p_follow
        OR (member.anchor >= affinity.anchor_from AND member.anchor < affinity.anchor_to)
        OR (member.follows_roads AND (affinity.is_roads OR affinity.is_roads_companion))
)

SELECT
    *,
    -- A few follows begin within the window; never the one that keeps the member in the lists, nor the companion's.
    greatest(joined_on, CASE
        WHEN NOT is_steady AND chance(draw_key, account_no + 1000) < 0.04 * getvariable('story')
            THEN getvariable('first_drop') + 1
                + floor(chance(draw_key, account_no + 2000) * getvariable('span_days'))::INTEGER
    END::DATE) AS starts_on
FROM edge;

-- One row per follower on the lists of the day of `drop_on`.
CREATE VIEW follow_on_drop AS
SELECT *
FROM follow
WHERE
    (starts_on IS NULL OR starts_on <= getvariable('drop_on'))
    AND (left_on IS NULL OR left_on > getvariable('drop_on'));
