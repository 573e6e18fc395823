"""What an account's closure did: its audience's reach before and after, with audiences of kept accounts as controls.

The audience is fixed beforehand: who followed the account when the first week begins. Per segment it is asked what
share of it interacted in a week with any account of ours, and what share followed one. The expected value is that of
the kept accounts' audiences (without people of the closed one's): their ratio of after to before, as a random effect,
for accounts drift apart without any closure. Chance is counted by person, so that an active person's weeks are one
observation and not many.
"""

import math
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import polars as pl

from pipelines.common.errors import SettingsError
from pipelines.common.query import query
from pipelines.reach.closure_estimate import LEAST_CONTROLS, LEAST_PERSON_WEEKS, Gap, Sums, gap, trend_apart

MOST_WEEKS = 13
MEASURES = ("active", "follower")


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
    """The evaluation of a closure: the plan, an effect per segment and measure, and where the former followers are."""

    plan: Plan
    effects: list[Effect]
    former: pl.DataFrame


def audit(con: duckdb.DuckDBPyConnection, account: str, closed_on: date, least_weeks: int = 4) -> ClosureAudit:
    """Audit a closure on a published snapshot (or a night's work file).

    `account` is platform:account_id, or a handle that only one account of ours has.
    Raises `SettingsError` where no account of ours is called so, or the snapshot is older than the closure.
    """
    plan = make_plan(con, account, closed_on)
    _tell(con, plan)
    cannot = _cannot(plan, least_weeks)
    former = con.sql(query("closure/former")).pl()
    if cannot:
        names = former.select("segment_id", "former_people").iter_rows()
        effects = [_untold(name, measure, float(people), cannot) for name, people in names for measure in MEASURES]
        return ClosureAudit(plan, effects, former)
    return ClosureAudit(plan, effects_of(_sums(con, plan), plan), former)


def _tell(con: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    """Set the variables that the queries under `sql/query/closure` read."""
    variables = {
        "platform": plan.platform,
        "account": plan.account_id,
        "accounts": [plan.account_id, *plan.controls],
        "closed_on": plan.closed_on,
        "start": plan.starts_on,
        "n_before": plan.n_before,
        "n_after": plan.n_after,
        "n_weeks": plan.n_before + plan.n_after,
        "before": (1 << plan.n_before) - 1,
    }
    for name, value in variables.items():
        con.execute(f"SET VARIABLE closure_{name} = $value", {"value": value})


def make_plan(con: duckdb.DuckDBPyConnection, account: str, closed_on: date) -> Plan:
    """Choose weeks and controls: as many whole weeks as extracts show on both sides, 13 at most.

    A control is an account of ours on the platform that is open all the while, with follower lists from the start.
    Raises `SettingsError` where no account of ours is called so.
    """
    platform, account_id = _found(con, account)
    con.execute("SET VARIABLE closure_platform = $platform", {"platform": platform})
    listed = con.sql(query("closure/account")).pl().to_dicts()
    closed = next(one for one in listed if one["account_id"] == account_id)
    others = [one for one in listed if one["account_id"] != account_id]
    begins = [day for day in (closed["first_list_on"], closed["first_act_on"]) if day]
    ends = [day for day in (*(one["last_list_on"] for one in listed), closed["last_act_on"]) if day]
    n_before = _whole_weeks((closed_on - max(begins)).days) if len(begins) == 2 else 0
    n_after = _whole_weeks((max(ends) - closed_on).days + 1) if ends else 0
    starts_on, ends_on = closed_on - timedelta(days=7 * n_before), closed_on + timedelta(days=7 * n_after)
    kept = {
        one["account_id"]: str(one["name"])
        for one in others
        if one["first_list_on"] and one["first_list_on"] <= starts_on and not _closes_before(one["closed_on"], ends_on)
    }
    notes = [
        f"{one['name']} is no control: closed, or no list since {starts_on}"
        for one in others
        if one["account_id"] not in kept
    ]
    if closed["closed_on"] != closed_on:
        differs = f"closes it on {closed['closed_on']}" if closed["closed_on"] else "has it open"
        notes.insert(0, f"account.csv {differs}")
    return Plan(platform, account_id, str(closed["name"]), closed_on, n_before, n_after, kept, tuple(notes))


def _whole_weeks(n_days: int) -> int:
    return min(MOST_WEEKS, max(0, n_days // 7))


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


@dataclass(frozen=True)
class AudienceSums:
    """Sums over people: per segment, measure and audience, and for each week before the closure."""

    audiences: pl.DataFrame
    weeks: pl.DataFrame


def _sums(con: duckdb.DuckDBPyConnection, plan: Plan) -> AudienceSums:
    """Ask a snapshot for the sums. People stand in temporary tables that are dropped again."""
    tables = ("cohort", "person", "measured")
    for name in tables:
        con.execute(query(f"closure/{name}"))
    found = AudienceSums(con.sql(query("closure/sums")).pl(), con.sql(query("closure/week")).pl())
    for name in tables:
        con.execute(f"DROP TABLE closure_{name}")
    return found


def effects_of(sums: AudienceSums, plan: Plan) -> list[Effect]:
    """Estimate each segment and measure, everyone first, from the sums over people of each audience."""
    order = pl.col("segment_id") != "everyone"
    parts = sums.audiences.sort(order, "segment_id", "measure").partition_by(
        "segment_id", "measure", maintain_order=True
    )
    return [_effect(part, sums.weeks, plan) for part in parts if plan.account_id in part["account_id"]]


def _effect(part: pl.DataFrame, weeks: pl.DataFrame, plan: Plan) -> Effect:
    """Estimate one segment and measure, where enough people were there before the closure."""
    segment_id, measure = part["segment_id"][0], part["measure"][0]
    is_enough = pl.col("before") * plan.n_before >= LEAST_PERSON_WEEKS
    audience = part.filter(pl.col("account_id") == plan.account_id)
    controls = part.filter(pl.col("account_id").is_in(list(plan.controls)) & is_enough)
    people = float(audience["people"][0])
    if audience.filter(is_enough).is_empty():
        return _untold(segment_id, measure, people, "too few of the audience were there before the closure")
    if len(controls) < LEAST_CONTROLS:
        lack = f"needs {LEAST_CONTROLS} kept accounts with an audience in the segment, has {len(controls)}"
        return _untold(segment_id, measure, people, lack)
    found = gap(_as_sums(audience), _as_sums(controls))
    here = weeks.filter((pl.col("segment_id") == segment_id) & (pl.col("measure") == measure)).sort("week_no")
    slope, p_value = trend_apart(here["audience_people"].to_numpy(), here["control_people"].to_numpy())
    verdict, reason = _verdict(found, len(controls), _Drift(slope, p_value), plan)
    return Effect(
        segment_id,
        measure,
        people,
        before_share=float(audience["before"][0]) / people,
        after_share=float(audience["after"][0]) / people,
        expected_share=found.expected / people,
        effect_people=found.effect,
        effect_people_lo=found.lo,
        effect_people_hi=found.hi,
        n_as_far=found.n_as_far,
        pre_trend_share=math.expm1(slope),
        verdict=verdict,
        reason=reason,
    )


@dataclass(frozen=True)
class _Drift:
    """How the audience moved apart from the controls before the closure: a slope of logs a week, and its p-value."""

    slope: float
    p_value: float


def _verdict(found: Gap, n_controls: int, drift: _Drift, plan: Plan) -> tuple[str, str]:
    """Say what the gap means. A drift from before that would explain half of it, half the time on, leaves it open."""
    would_explain = abs(found.expected * math.expm1(drift.slope * (plan.n_before + plan.n_after) / 2))
    if drift.p_value < 0.05 and would_explain >= abs(found.effect) / 2:
        rate = f"{math.expm1(drift.slope):+.1%} a week"
        return "cannot tell", f"before the closure its audience already moved apart from the controls, {rate}"
    if found.hi < 0 or found.lo > 0:
        verdict = "lost" if found.hi < 0 else "gained"
        return verdict, f"{found.n_as_far} of {n_controls} kept accounts moved as far"
    if found.lo < -found.expected / 2:
        return "cannot tell", "the interval holds no change as well as a loss of half"
    return "no change seen", "the interval holds no change, and no loss of half of it"


def _as_sums(rows: pl.DataFrame) -> Sums:
    return Sums(*(rows[name].to_numpy() for name in ("before", "after", "aa", "ab", "bb")))
