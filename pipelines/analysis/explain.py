"""Why somebody is in a segment, and why its size moved."""

from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from pipelines.common import database
from pipelines.common.errors import PublishError, SettingsError
from pipelines.common.query import query
from pipelines.common.settings import Settings
from pipelines.warehouse.state import snapshot_path, state_path

PARTS = ("explain_rules", "explain_spells", "explain_accounts")

# The columns of sql/query/analysis/size_change.sql between its first and its last size.
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
            raise SettingsError(
                "the member key",
                "is of nobody in the published night",
                hint="core.segment_membership of the published night holds keys: copy one whole",
            )
        parts = (con.sql(query(f"analysis/{name}"), params=who).pl() for name in PARTS)
        return Explanation(*parts)
    finally:
        con.close()


def changes(con: duckdb.DuckDBPyConnection, segment_id: str, first: date, last: date) -> pl.DataFrame:
    """Split a segment's change of size between the ends of two days into its causes, by platform.

    One row per platform: `people_first`, a column for each of `CAUSES` (net people), `people_last`. The causes add up
    to the difference exactly; counts are as the newest night knows them, late extracts included.
    Raises `SettingsError` where the segment is unknown or the days are not in order or not yet known.
    """
    versions = con.execute("SELECT DISTINCT segment_id FROM ref.segment_version ORDER BY ALL").fetchall()
    known = [row[0] for row in versions]
    if segment_id not in known:
        raise SettingsError(f"segment {segment_id!r}", "is not in the published night", known=known)
    newest = con.execute("SELECT max(as_of) FROM mart.segment_size").fetchall()[0][0]
    if not first < last <= newest:
        raise SettingsError(
            f"{first} to {last}", "are no two days in order up to the published one", known=[str(newest)]
        )
    between = {"segment_id": segment_id, "first": first, "last": last}
    split: pl.DataFrame = con.sql(query("analysis/size_change"), params=between).pl()
    return split
