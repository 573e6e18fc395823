"""Figures of a review as text: counts of people pass through disclosure, shares are of the shown counts.

A review is read outside: counts of people are rounded and small ones withheld, in sentences too. Counts of posts, texts
and contacts are exact, except rates that would disclose a count of people.
"""

import math
from typing import Any

from pipelines.reach.metrics import CHANGE, MEASURES, PEOPLE, RATE, SHARE_OF_PEOPLE, SHARE_OF_TEXTS, YES_OR_NO
from pipelines.reach.rule_engine import figure
from pipelines.release import disclosure
from pipelines.release.disclosure import MISSING, WITHHELD, Limits

Row = dict[str, Any]

BOUND_WORDS = {"lo": ", lower bound", "hi": ", upper bound", "value": ""}
COMPARISON_WORDS = {
    "at_least": "at least {}", "at_most": "at most {}", "below": "below {}", "above": "above {}", "equals": "{}",
    "missing": "not known",
}  # fmt: skip
SCOPE_WORDS = {"any": "in one community", "all": "in every community", "largest": "in its largest community"}
NOT_KNOWN = "not known"


def value_text(row: Row, limit: Limits) -> str:
    """Say a figure as it may leave; missing figures are a dash."""
    return MISSING if row["value"] is None else one_text(row, float(row["value"]), limit)


def interval_text(row: Row, limit: Limits) -> str:
    """Say a figure's 95 % interval as it may leave; nothing where the figure itself is held back or has none."""
    if row["value"] is None or row["value_lo"] is None or row["value_hi"] is None:
        return ""
    text = value_text(row, limit)
    if text == WITHHELD or _is_suppressed(row, limit):
        return ""
    low, high = (one_text(row, float(row[name]), limit) for name in ("value_lo", "value_hi"))
    return "" if low == high == text else f"{low} to {high}"


def _is_suppressed(row: Row, limit: Limits) -> bool:
    """Whether the figure counts too few people to be shown, or is a share of so few."""
    of = {PEOPLE: 1.0, SHARE_OF_PEOPLE: row["n_base"]}.get(row["unit"])
    return of is not None and disclosure.people(max(0.0, row["value"] * of), limit).number is None


def in_sentence(row: Row, limit: Limits) -> str:
    """Say a figure with its interval, for a sentence."""
    if row["value"] is None:
        return NOT_KNOWN
    interval = interval_text(row, limit)
    return f"{value_text(row, limit)} ({interval})" if interval else value_text(row, limit)


def one_text(row: Row, value: float, limit: Limits) -> str:
    """Say one number of a row, by its unit: `n_base` is what a share or a rate is of."""
    if math.isnan(value):
        return WITHHELD
    unit, base = row["unit"], row["n_base"]
    if unit == PEOPLE:
        return disclosure.people(max(0.0, value), limit).text
    if unit == SHARE_OF_PEOPLE:
        return share_text(value, base, limit)
    if unit == SHARE_OF_TEXTS:
        return disclosure.percent(value) if (base or 0) >= limit.suppressed_below else WITHHELD
    if unit == CHANGE:
        return change_text(row["measure"], value, base, limit)
    if unit == RATE and row["measure"] == "contacts_per_1000_reached":
        shown = disclosure.people(base, limit)
        return WITHHELD if not shown.number else figure(value * base / shown.number, RATE)
    if unit == YES_OR_NO:
        return "yes" if value else "no"
    return figure(value, unit)


def share_text(value: float, base: float | None, limit: Limits) -> str:
    """Say a share of people as the ratio of two shown counts; of a part too small to show, what it stays under."""
    if base is None or math.isnan(value):
        return WITHHELD
    part, whole = disclosure.people(max(0.0, value * base), limit), disclosure.people(base, limit)
    if not whole.number:
        return WITHHELD
    if part.number is None:
        return f"under {max(1, math.ceil(100 * limit.suppressed_below / whole.number))}\u00a0%"
    return disclosure.percent(min(1.0, part.number / whole.number))


def change_text(measure: str, value: float, base: float | None, limit: Limits) -> str:
    """Say a change: of followers as the ratio of two shown counts, of records and modelled series as it is."""
    change = value
    if measure == "followers_change_share":
        before = disclosure.people(base, limit)
        after = disclosure.people((base or 0) * (1 + value), limit)
        if not before.number or after.number is None:
            return WITHHELD
        change = after.number / before.number - 1
    size = disclosure.percent(abs(change))
    return f"{'−' if change < 0 else '+'}{size}" if round(100 * change) else size


def threshold_text(check: Row) -> str:
    """Say what a rule asks of a measure: "at least 20 %, lower bound"."""
    if check["threshold"] is None:
        return NOT_KNOWN
    unit = MEASURES[check["measure"]].unit if check["measure"] in MEASURES else RATE
    if unit in (SHARE_OF_PEOPLE, SHARE_OF_TEXTS):
        asked = f"{100 * check['threshold']:g}\u00a0%"
    elif unit == CHANGE:
        asked = f"{100 * check['threshold']:+g}\u00a0%".replace("-", "−").replace("+0\u00a0%", "0\u00a0%")
    elif unit == YES_OR_NO:
        asked = "yes" if check["threshold"] else "no"
    else:
        asked = f"{check['threshold']:g}"
    return COMPARISON_WORDS[check["comparison"]].format(asked) + BOUND_WORDS[check["bound"]]


def title_of(measure: str) -> str:
    """A measure's words; of one that a later version no longer knows, its name."""
    return MEASURES[measure].title if measure in MEASURES else measure
