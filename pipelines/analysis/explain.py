"""Why somebody is in a segment, and why its size moved."""

from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from pipelines.common import database
from pipelines.common.errors import PublishError, SettingsError
from pipelines.common.settings import Settings
from pipelines.warehouse.state import snapshot_path, state_path

N_REASONS = 5

CAUSES = ("people in", "people out", "rule edits", "new extracts", "lost extracts", "re-audits")


@dataclass(frozen=True)
class Explanation:
    """Why a member is in a segment, or not: the rules that hit, the spells, the accounts that speak most for it.

    `rules`: rule_id, effect, match, weight, hit_from, why. `spells`: entered_on, left_on, membership_probability,
    evidence. `accounts`: account name and platform, log_odds_z, of the accounts that the member follows.
    """

    rules: pl.DataFrame
    spells: pl.DataFrame
    accounts: pl.DataFrame


def explain(settings: Settings, snapshot_id: str, segment_id: str, member_key: int) -> Explanation:
    """Say what speaks for one pseudonymous member, to whoever may read the restricted work files.

    Raises `PublishError` where the night's restricted half cannot be read, `SettingsError` where the segment or
    the member is not in it.
    """
    state = state_path(settings, snapshot_id)
    try:
        with state.open("rb"):
            pass
    except OSError:
        raise PublishError(
            "explain", "needs the restricted work files, which are not there or not yours to read"
        ) from None
    con = database.connect(snapshot_path(settings, snapshot_id), settings, read_only=True)
    try:
        known = [row[0] for row in con.execute("SELECT segment_id FROM ref.segment ORDER BY ALL").fetchall()]
        if segment_id not in known:
            raise SettingsError(f"segment {segment_id!r}", "is not in the published night", known=known)
        who = {"segment_id": segment_id, "member_key": member_key}
        if not con.execute("SELECT 1 FROM core.member WHERE member_key = ?", [member_key]).fetchall():
            raise SettingsError("the member key", "is of nobody in the published night", hint="copy it whole")
        return Explanation(
            con.sql(RULES, params=who).pl(), con.sql(SPELLS, params=who).pl(), con.sql(ACCOUNTS, params=who).pl()
        )
    finally:
        con.close()


def changes(con: duckdb.DuckDBPyConnection, segment_id: str, first: date, last: date) -> pl.DataFrame:
    """Split a segment's change of size between the ends of two days into its causes, by platform.

    One row per platform: `people_first`, a column for each of `CAUSES` (net people), `people_last`. The causes add up
    to the difference exactly; counts are as the newest night knows them, late extracts included.
    Raises `SettingsError` where the segment is unknown or the days are not in order or not yet known.
    """
    known = [
        row[0] for row in con.execute("SELECT DISTINCT segment_id FROM ref.segment_version ORDER BY ALL").fetchall()
    ]
    if segment_id not in known:
        raise SettingsError(f"segment {segment_id!r}", "is not in the published night", known=known)
    newest = con.execute("SELECT max(as_of) FROM mart.segment_size").fetchall()[0][0]
    if not first < last <= newest:
        raise SettingsError(
            f"{first} to {last}", "are no two days in order up to the published one", known=[str(newest)]
        )
    split: pl.DataFrame = con.sql(WHY, params={"segment_id": segment_id, "first": first, "last": last}).pl()
    return split


RULES = """
    SELECT segment_rule.rule_id, segment_rule.effect, segment_rule.match, hit.weight, hit.hit_from, segment_rule.why
    FROM core.segment_rule_hit AS hit
    INNER JOIN ref.segment_rule ON hit.segment_id = segment_rule.segment_id AND hit.rule_id = segment_rule.rule_id
    WHERE hit.segment_id = $segment_id AND hit.member_key = $member_key
    ORDER BY segment_rule.effect DESC, hit.weight DESC, segment_rule.rule_id
"""

SPELLS = """
    SELECT entered_on, left_on, membership_probability, evidence
    FROM core.segment_membership
    WHERE segment_id = $segment_id AND member_key = $member_key
    ORDER BY entered_on
"""

ACCOUNTS = f"""
    SELECT
        affinity.platform,
        affinity.account_id,
        coalesce(account.name, affinity.account_id) AS name,
        affinity.channel,
        affinity.log_odds_z
    FROM mart.segment_account_affinity AS affinity
    INNER JOIN core.account
        ON affinity.platform = account.platform AND affinity.account_id = account.account_id
    INNER JOIN core.follow
        ON affinity.platform = follow.platform AND affinity.account_id = follow.account_id
    WHERE
        affinity.segment_id = $segment_id
        AND affinity.channel = 'follow'
        AND follow.member_key = $member_key
        AND follow.ended_on IS NULL
    ORDER BY affinity.log_odds_z DESC, affinity.account_id
    LIMIT {N_REASONS}
"""

WHY = """
    SELECT
        platform,
        CAST(sum(CASE WHEN changed_on <= $first THEN people_in - people_out ELSE 0 END) AS BIGINT) AS people_first,
{causes},
        CAST(sum(CASE WHEN changed_on <= $last THEN people_in - people_out ELSE 0 END) AS BIGINT) AS people_last
    FROM mart.segment_change
    WHERE segment_id = $segment_id
    GROUP BY platform
    ORDER BY platform
""".format(
    causes=",\n".join(
        f"        CAST(sum(CASE WHEN changed_on > $first AND changed_on <= $last AND cause = '{cause}' "
        f'THEN people_in - people_out ELSE 0 END) AS BIGINT) AS "{cause}"'
        for cause in CAUSES
    )
)
