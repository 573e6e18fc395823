"""Hold one account's evidence against the rules: which conditions hold, in which community, and what the rule says.

Pure functions on small mappings: nothing here reads a table.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipelines.reach.decision_rule import ALL, ANY, LARGEST, NONE, NOT_ENOUGH, PLACEHOLDER, WHOLE, Condition, Rule
from pipelines.reach.metrics import CHANGE, PEOPLE, SHARE_OF_PEOPLE, SHARE_OF_TEXTS, YES_OR_NO

Row = dict[str, Any]
# The rows of mart.decision_evidence of one account, by measure and community (None: the account as a whole).
Facts = Mapping[tuple[str, str | None], Row]
COLUMN = {"value": "value", "lo": "value_lo", "hi": "value_hi"}

EXTRACT_IS_LATE = Rule(
    "extract_is_late",
    NOT_ENOUGH,
    (),
    reason="Nothing can be decided on {account} before its data are here: ",
    mitigation=NONE,
    why="No account is closed, kept or changed because an extract is late.",
)


@dataclass(frozen=True)
class Check:
    """One condition held against the evidence: where it was looked at, what was found, whether it holds.

    `late`: why the data it asks of are too old, so that nobody can tell whether it holds.
    """

    condition: Condition
    segment_id: str | None
    found: float | None
    is_held: bool
    late: str | None = None


@dataclass(frozen=True)
class Judged:
    """One rule held against the evidence; it holds where all its checks do."""

    rule: Rule
    checks: tuple[Check, ...]
    because_segment_id: str | None

    @property
    def holds(self) -> bool:
        return all(check.is_held for check in self.checks)

    @property
    def late(self) -> str | None:
        """Why nobody can tell whether the rule holds: it would, but for data that are too old. Else None."""
        reasons = [check.late for check in self.checks if check.late]
        is_open = all(check.is_held or check.late for check in self.checks)
        return reasons[0] if reasons and is_open else None


def served_segment(facts: Facts) -> str | None:
    """The community of which the account reaches most active people; most followers where nobody knows who is active.

    Of equals the one whose id comes first. None where no community is known to be reached.
    """
    for measure in ("active_people", "reach_people"):
        found = {
            segment: row["value"]
            for (name, segment), row in facts.items()
            if name == measure and segment is not None and row["value"]
        }
        if found:
            return min(found, key=lambda segment: (-found[segment], segment))
    return None


def judge(rule: Rule, facts: Facts) -> Judged:
    """Hold a rule against the evidence of one account.

    Conditions for `any` community must hold in one and the same; of several the one that would lose most people, then
    the one with most active people, then the first id, is what the decision is because of. A rule that asks for no one
    community is because of none.
    """
    served = served_segment(facts)
    candidates = _candidates(rule, facts)
    together = candidates[0] if candidates else None
    checks = []
    for condition in rule.when:
        if late := _late(condition, facts):
            checks.append(Check(condition, None, None, is_held=False, late=late))
        elif condition.segment == ALL:
            checks.append(_check_all(condition, facts))
        else:
            place = {ANY: together, LARGEST: served}.get(condition.segment or "")
            is_placed = condition.segment is None or place is not None
            checks.append(_check(condition, facts, place, is_placed=is_placed))
    scopes = {condition.segment for condition in rule.when}
    because = together if ANY in scopes else served if LARGEST in scopes else None
    return Judged(rule, tuple(checks), because)


def first_that_holds(rules: tuple[Rule, ...], facts: Facts) -> tuple[Judged, list[Judged]]:
    """Give the rule that decides, and all rules as they were judged. The last of the rules always holds.

    Where a rule before it would hold but for data that are too old, nothing is decided: an action must not change
    because an extract is late.
    """
    judged = [judge(rule, facts) for rule in rules]
    decided = next(one for one in judged if one.holds or one.late)
    if decided.late:
        return Judged(replace(EXTRACT_IS_LATE, reason=EXTRACT_IS_LATE.reason + decided.late + "."), (), None), judged
    return decided, judged


def segments_of(facts: Facts) -> list[str]:
    """Every community of which any figure of the account is told."""
    return sorted({segment for _, segment in facts if segment is not None})


def sentence(
    template: str, words: Mapping[str, str], facts: Facts, because: str | None, say: Callable[[Row], str]
) -> str:
    """Fill a rule's reason: names from `words`, figures of the because-community, else of the account as a whole.

    `{all.<measure>}` is of the account as a whole in any case.
    """

    def filled(found: re.Match[str]) -> str:
        name = found[1]
        if name in words:
            return words[name]
        measure = name.removeprefix(WHOLE)
        row = facts.get((measure, None)) if name.startswith(WHOLE) else None
        row = row or facts.get((measure, because)) or facts.get((measure, None))
        return say(row) if row else "not known"

    return PLACEHOLDER.sub(filled, template)


def exactly(row: Row) -> str:
    """Say a figure exactly, with its interval where it has one."""
    if row["value"] is None:
        return "not known"
    shown = figure(row["value"], row["unit"])
    if row["value_lo"] is None or row["value_hi"] is None:
        return shown
    low, high = figure(row["value_lo"], row["unit"]), figure(row["value_hi"], row["unit"])
    return shown if low == high == shown else f"{shown} ({low} to {high})"


def figure(value: float, unit: str) -> str:
    """Say one number in its unit: shares as per cent with one decimal, people whole, rates to one decimal."""
    if unit in (SHARE_OF_PEOPLE, SHARE_OF_TEXTS):
        return f"{100 * value:.1f} %"
    if unit == CHANGE:
        return f"{100 * value:+.1f} %".replace("-", "−")
    if unit == YES_OR_NO:
        return "yes" if value else "no"
    if unit == PEOPLE or value == int(value):
        return f"{round(value):,}"
    return f"{value:,.1f}"


def _candidates(rule: Rule, facts: Facts) -> list[str]:
    """Communities for the `any` conditions: those that satisfy most of them, then by whom they would lose."""
    wanted = [condition for condition in rule.when if condition.segment == ANY]
    if not wanted:
        return []

    def rank(segment: str) -> tuple[int, float, float, str]:
        held = sum(_check(condition, facts, segment).is_held for condition in wanted)
        return -held, -_value(facts, "lost_people", segment), -_value(facts, "active_people", segment), segment

    return sorted(segments_of(facts), key=rank)


def _value(facts: Facts, measure: str, segment: str) -> float:
    row = facts.get((measure, segment))
    return float(row["value"]) if row and row["value"] is not None else 0.0


def _bound(condition: Condition, facts: Facts, segment: str | None) -> float | None:
    row = facts.get((condition.measure, segment))
    found = row[COLUMN[condition.bound]] if row else None
    return None if found is None else float(found)


def _late(condition: Condition, facts: Facts) -> str | None:
    """Why the data that a condition asks of are too old; they are of the account, and so of all its communities."""
    late = [row["evidence_reason"] for (name, _), row in facts.items() if name == condition.measure and row["is_stale"]]
    return late[0] if late else None


def _check(condition: Condition, facts: Facts, segment: str | None, *, is_placed: bool = True) -> Check:
    """Check one condition at one place; a condition on a community that there is not does not hold."""
    found = _bound(condition, facts, segment) if is_placed else None
    return Check(condition, segment, found, is_placed and condition.holds(found))


def _check_all(condition: Condition, facts: Facts) -> Check:
    """Check a condition in every community with a row of the measure; shown is the one furthest from holding.

    Without any such community nothing is known, and it does not hold.
    """
    places = sorted(segment for name, segment in facts if name == condition.measure and segment is not None)
    checks = [_check(condition, facts, segment) for segment in places]
    if not checks:
        return Check(condition, None, None, is_held=False)

    def furthest(check: Check) -> tuple[bool, bool, float, str]:
        found = check.found if check.found is not None else 0.0
        is_upper = condition.comparison in ("below", "at_most")
        return check.is_held, check.found is not None, -found if is_upper else found, str(check.segment_id)

    worst = min(checks, key=furthest)
    return Check(condition, worst.segment_id, worst.found, all(check.is_held for check in checks))
