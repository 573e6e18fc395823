"""What an account's closure did: its audience's reach before and after, with audiences of kept accounts as controls.

The audience is fixed beforehand: who followed the account when the first week begins. Per segment it is asked what
share of it acted in a week with any account of ours, and what share followed one. What would have come is what came of
the kept accounts' audiences (without people of the closed one's): their ratio of after to before, as a random effect,
for accounts drift apart without any closure. Chance is counted by person, so that a lively person's weeks are one
observation and not many.
"""

import math
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
import polars as pl

from pipelines.common.errors import SettingsError
from pipelines.reach.closure_estimate import LEAST_CONTROLS, LEAST_PERSON_WEEKS, Sums, gap, trend_apart
from pipelines.reach.segment_person import MEMBERS

MOST_WEEKS = 13
MEASURES = ("active", "follower")

PLAN = """
    WITH lists AS (
        SELECT account_id, min(observed_on) AS first_list_on, max(observed_on) AS last_list_on
        FROM core.follower_list
        WHERE platform = $platform AND is_complete
        GROUP BY account_id
    )
    SELECT account.account_id, coalesce(account.name, account.account_id) AS name, account.closed_on,
        lists.first_list_on, lists.last_list_on,
        (SELECT min(engaged_on) FROM core.engagement WHERE platform = $platform) AS first_act_on,
        (SELECT max(engaged_on) FROM core.engagement WHERE platform = $platform) AS last_act_on
    FROM core.account
    LEFT JOIN lists USING (account_id)
    WHERE account.platform = $platform AND account.role = 'own'
    ORDER BY account.account_id
"""

COHORT = """
    CREATE OR REPLACE TEMP TABLE closure_cohort AS
    SELECT DISTINCT account_id, member_key
    FROM core.follow
    WHERE platform = $platform AND list_contains($accounts, account_id)
        AND first_seen_on <= $start AND coalesce(ended_on > $start, true)
"""

# A bit per week. At a week's end a spell holds if it has begun and not ended; the closed account's ends with it.
PEOPLE = """
    CREATE OR REPLACE TEMP TABLE closure_person AS
    WITH people AS (
        SELECT member_key, bool_or(account_id = $account) AS is_audience FROM closure_cohort GROUP BY member_key
    ),
    acts AS (
        SELECT engagement.member_key, bit_or(CAST(1 AS BIGINT) << CAST((engaged_on - $start) // 7 AS INTEGER)) AS acted
        FROM core.engagement
        INNER JOIN people USING (member_key)
        INNER JOIN core.account USING (platform, account_id)
        WHERE account.role = 'own' AND engaged_on >= $start AND engaged_on < $start + 7 * $n_weeks
            AND NOT (account_id = $account AND engaged_on >= $closed_on)
        GROUP BY engagement.member_key
    ),
    spells AS (
        SELECT follow.member_key,
            greatest(0, (first_seen_on - $start) // 7) AS from_week,
            least(
                $n_weeks,
                (coalesce(least(ended_on, account.closed_on, if(account_id = $account, $closed_on, NULL)),
                    $start + 7 * $n_weeks) - $start) // 7
            ) AS to_week
        FROM core.follow
        INNER JOIN people USING (member_key)
        INNER JOIN core.account USING (platform, account_id)
        WHERE account.role = 'own'
    ),
    follows AS (
        SELECT member_key,
            bit_or(((CAST(1 AS BIGINT) << to_week) - 1) - ((CAST(1 AS BIGINT) << from_week) - 1)) AS followed
        FROM spells
        WHERE to_week > from_week
        GROUP BY member_key
    )
    SELECT member_key, is_audience, coalesce(acted, 0) AS acted, coalesce(followed, 0) AS followed
    FROM people
    LEFT JOIN acts USING (member_key)
    LEFT JOIN follows USING (member_key)
"""

# Sums per segment and audience: of the weekly share before (a) and after (b), their squares, and of each week.
SUMS = """
    WITH members AS ({members}),
    audiences AS (
        SELECT account_id, member_key, acted, followed FROM closure_cohort
        INNER JOIN closure_person USING (member_key)
        WHERE account_id = $account OR NOT is_audience
        UNION ALL
        SELECT NULL AS account_id, member_key, acted, followed FROM closure_person WHERE NOT is_audience
    ),
    measured AS (
        SELECT account_id, member_key, 'active' AS measure, acted AS weeks FROM audiences
        UNION ALL
        SELECT account_id, member_key, 'follower' AS measure, followed AS weeks FROM audiences
    ),
    shares AS (
        SELECT account_id, measure, weeks, segment_id, CAST(counts_as AS DOUBLE) AS p,
            bit_count(weeks & $before) / $n_before AS a, bit_count(weeks & ~CAST($before AS BIGINT)) / $n_after AS b
        FROM measured
        INNER JOIN members USING (member_key)
    )
    SELECT segment_id, account_id, measure, count(*) AS n_members, sum(p) AS people, sum(p * a) AS before,
        sum(p * b) AS after, sum(p * p * a * a) AS aa, sum(p * p * a * b) AS ab, sum(p * p * b * b) AS bb,
        [{weeks}] AS by_week
    FROM shares
    GROUP BY segment_id, account_id, measure
    ORDER BY ALL
"""

FORMER = f"""
    WITH members AS ({MEMBERS}),
    former AS (
        SELECT DISTINCT member_key FROM core.follow
        WHERE platform = $platform AND account_id = $account AND first_seen_on < $closed_on
            AND coalesce(ended_on >= $closed_on, true)
    ),
    others AS (
        SELECT account_id, role FROM core.account WHERE platform = $platform AND is_open AND account_id <> $account
    ),
    following AS (
        SELECT member_key, bool_or(role = 'own') AS of_ours
        FROM core.follow
        INNER JOIN former USING (member_key)
        INNER JOIN others USING (account_id)
        WHERE ended_on IS NULL AND platform = $platform
        GROUP BY member_key
    ),
    acting AS (
        SELECT DISTINCT member_key FROM core.engagement
        INNER JOIN former USING (member_key)
        INNER JOIN others USING (account_id)
        WHERE platform = $platform AND role = 'own' AND engaged_on >= $closed_on
    )
    SELECT segment_id, sum(counts_as) AS former_people,
        sum(CASE WHEN of_ours THEN counts_as ELSE 0 END) AS still_following_people,
        sum(CASE WHEN acting.member_key IS NOT NULL THEN counts_as ELSE 0 END) AS still_acting_people,
        sum(CASE WHEN of_ours OR acting.member_key IS NOT NULL THEN counts_as ELSE 0 END) AS still_reached_people,
        sum(CASE WHEN following.member_key IS NULL AND acting.member_key IS NULL THEN counts_as ELSE 0 END)
            AS gone_people,
        sum(CASE WHEN NOT of_ours AND acting.member_key IS NULL THEN counts_as ELSE 0 END) AS unreached_people
    FROM former
    INNER JOIN members USING (member_key)
    LEFT JOIN following USING (member_key)
    LEFT JOIN acting USING (member_key)
    GROUP BY segment_id
    ORDER BY segment_id = 'everyone' DESC, segment_id
"""


@dataclass(frozen=True)
class Plan:
    """What an audit compares: the weeks on either side, and the kept accounts whose audiences are the controls."""

    platform: str
    account_id: str
    name: str
    closed_on: date
    n_before: int
    n_after: int
    controls: dict[str, str]
    notes: tuple[str, ...]

    @property
    def starts_on(self) -> date:
        return self.closed_on - timedelta(days=7 * self.n_before)


@dataclass(frozen=True)
class Effect:
    """One segment and measure: the weekly share of the audience before and after, what would have come, and the gap.

    `effect_people` are people per week, of the audience; figures are None where `verdict` is 'cannot tell' for want of
    data.
    """

    segment_id: str
    measure: str
    audience_people: float
    before_share: float | None
    after_share: float | None
    expected_share: float | None
    effect_people: float | None
    effect_people_lo: float | None
    effect_people_hi: float | None
    n_as_far: int | None
    pre_trend_share: float | None
    verdict: str
    reason: str


@dataclass(frozen=True)
class ClosureAudit:
    """What came of a closure: the plan, an effect per segment and measure, and where the former followers are."""

    plan: Plan
    effects: list[Effect]
    former: pl.DataFrame


def audit(con: duckdb.DuckDBPyConnection, account: str, closed_on: date, least_weeks: int = 4) -> ClosureAudit:
    """Audit a closure on a published snapshot (or a night's work file).

    `account` is platform:account_id, or a handle that only one account of ours has.
    Raises `SettingsError` where no account of ours is called so, or the snapshot is older than the closure.
    """
    plan = make_plan(con, account, closed_on)
    cannot = _cannot(plan, least_weeks)
    former = con.sql(FORMER, params=_wanted(plan)).pl()
    if cannot:
        names = former.select("segment_id", "former_people").iter_rows()
        effects = [_untold(name, measure, float(people), cannot) for name, people in names for measure in MEASURES]
        return ClosureAudit(plan, effects, former)
    return ClosureAudit(plan, effects_of(_sums(con, plan), plan), former)


def _wanted(plan: Plan) -> dict[str, object]:
    return {"platform": plan.platform, "account": plan.account_id, "closed_on": plan.closed_on}


def make_plan(con: duckdb.DuckDBPyConnection, account: str, closed_on: date) -> Plan:
    """Choose weeks and controls: as many whole weeks as extracts show on both sides, 13 at most.

    A control is an account of ours on the platform that is open all the while, with follower lists from the start.
    Raises `SettingsError` where no account of ours is called so.
    """
    platform, account_id = _found(con, account)
    listed = con.sql(PLAN, params={"platform": platform}).pl().to_dicts()
    closed = next(one for one in listed if one["account_id"] == account_id)
    begins = [day for day in (closed["first_list_on"], closed["first_act_on"]) if day]
    n_before = min(MOST_WEEKS, max(0, (closed_on - max(begins)).days // 7)) if len(begins) == 2 else 0
    ends = [day for day in (*(one["last_list_on"] for one in listed), closed["last_act_on"]) if day]
    n_after = min(MOST_WEEKS, max(0, ((max(ends) - closed_on).days + 1) // 7)) if ends else 0
    starts_on, ends_on = closed_on - timedelta(days=7 * n_before), closed_on + timedelta(days=7 * n_after)
    others = [one for one in listed if one["account_id"] != account_id]
    kept = {
        one["account_id"]: str(one["name"])
        for one in others
        if one["first_list_on"] and one["first_list_on"] <= starts_on and not _closes_before(one["closed_on"], ends_on)
    }
    notes = [f"{one['name']} is no control: closed, or no list since {starts_on}" for one in others
             if one["account_id"] not in kept]  # fmt: skip
    if closed["closed_on"] != closed_on:
        said = f"closes it on {closed['closed_on']}" if closed["closed_on"] else "has it open"
        notes.insert(0, f"account.csv {said}")
    return Plan(platform, account_id, str(closed["name"]), closed_on, n_before, n_after, kept, tuple(notes))


def _closes_before(closed_on: date | None, day: date) -> bool:
    return closed_on is not None and closed_on < day


def _found(con: duckdb.DuckDBPyConnection, account: str) -> tuple[str, str]:
    rows = con.execute(
        "SELECT platform, account_id, handle FROM core.account WHERE role = 'own' ORDER BY platform, account_id"
    ).fetchall()
    hits = [row for row in rows if account in (f"{row[0]}:{row[1]}", row[2])]
    if len(hits) != 1:
        found = "is no account of ours" if not hits else "is the handle of several accounts of ours"
        raise SettingsError(f"account {account!r}", found, known=[f"{row[0]}:{row[1]}" for row in hits or rows])
    return hits[0][0], hits[0][1]


def _cannot(plan: Plan, least_weeks: int) -> str:
    """Say what is missing for any estimate; nothing where nothing is."""
    if plan.n_before < least_weeks:
        return (
            f"needs {least_weeks} whole weeks of follower lists and acts before the closure, has {plan.n_before}: "
            "no later night brings them"
        )
    if plan.n_after < least_weeks:
        ready = plan.closed_on + timedelta(days=7 * least_weeks)
        return f"needs {least_weeks} whole weeks after the closure, has {plan.n_after}: audit again from {ready} on"
    if len(plan.controls) < LEAST_CONTROLS:
        return (
            f"needs {LEAST_CONTROLS} kept accounts on {plan.platform} with follower lists since {plan.starts_on} as "
            f"controls, has {len(plan.controls)}"
        )
    return ""


def _untold(segment_id: str, measure: str, people: float, reason: str) -> Effect:
    nothing = (None,) * 8
    return Effect(segment_id, measure, people, *nothing, "cannot tell", reason)


def _sums(con: duckdb.DuckDBPyConnection, plan: Plan) -> pl.DataFrame:
    n_weeks = plan.n_before + plan.n_after
    accounts = [plan.account_id, *plan.controls]
    con.execute(COHORT, {"platform": plan.platform, "accounts": accounts, "start": plan.starts_on})
    period = {"start": plan.starts_on, "n_weeks": n_weeks, "closed_on": plan.closed_on}
    con.execute(PEOPLE, {"account": plan.account_id, **period})
    weeks = ", ".join(f"sum(p * ((weeks >> {n}) & 1))" for n in range(n_weeks))
    wanted = {
        "account": plan.account_id,
        "before": (1 << plan.n_before) - 1,
        "n_before": plan.n_before,
        "n_after": plan.n_after,
    }
    found: pl.DataFrame = con.sql(SUMS.format(members=MEMBERS, weeks=weeks), params=wanted).pl()
    con.execute("DROP TABLE closure_person")
    con.execute("DROP TABLE closure_cohort")
    return found


def effects_of(sums: pl.DataFrame, plan: Plan) -> list[Effect]:
    """Estimate each segment and measure, everyone first, from the sums over people of each audience."""
    order = pl.col("segment_id") != "everyone"
    parts = sums.sort(order, "segment_id", "measure").partition_by("segment_id", "measure", maintain_order=True)
    return [_effect(part, plan) for part in parts if plan.account_id in part["account_id"]]


def _effect(part: pl.DataFrame, plan: Plan) -> Effect:
    segment_id, measure = part["segment_id"][0], part["measure"][0]
    audience = part.filter(pl.col("account_id") == plan.account_id)
    others = part.filter(pl.col("account_id").is_null())
    lively = pl.col("before") * plan.n_before >= LEAST_PERSON_WEEKS
    controls = part.filter(pl.col("account_id").is_in(list(plan.controls)) & lively)
    people = float(audience["people"][0])
    if audience.filter(lively).is_empty():
        return _untold(segment_id, measure, people, "too few of the audience were there before the closure")
    if len(controls) < LEAST_CONTROLS:
        said = f"needs {LEAST_CONTROLS} kept accounts with an audience in the segment, has {len(controls)}"
        return _untold(segment_id, measure, people, said)
    found = gap(_as_sums(audience), _as_sums(controls))
    by_week = [np.asarray(one["by_week"][0])[: plan.n_before] for one in (audience, others)]
    slope, p_value = trend_apart(*by_week)
    would_explain = abs(found.expected * math.expm1(slope * (plan.n_before + plan.n_after) / 2))
    verdict, reason = "no change seen", "the interval holds no change, and no loss of half of it"
    if p_value < 0.05 and would_explain >= abs(found.effect) / 2:
        verdict = "cannot tell"
        reason = (
            f"before the closure its audience already moved apart from the controls, {math.expm1(slope):+.1%} a week"
        )
    elif found.hi < 0 or found.lo > 0:
        verdict = "lost" if found.hi < 0 else "gained"
        reason = f"{found.n_as_far} of {len(controls)} kept accounts moved as far"
    elif found.lo < -found.expected / 2:
        verdict, reason = "cannot tell", "the interval holds no change as well as a loss of half"
    return Effect(
        segment_id,
        measure,
        people,
        float(audience["before"][0]) / people,
        float(audience["after"][0]) / people,
        found.expected / people,
        found.effect,
        found.lo,
        found.hi,
        found.n_as_far,
        math.expm1(slope),
        verdict,
        reason,
    )


def _as_sums(rows: pl.DataFrame) -> Sums:
    return Sums(*(rows[name].to_numpy() for name in ("before", "after", "aa", "ab", "bb")))
