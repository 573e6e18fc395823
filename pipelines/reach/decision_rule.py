"""The rules that lead from evidence to an action: data with a reason, read from `decision_rule.yml` and held strictly.

Rules are ordered and the first that holds decides. A rule holds where all its conditions do; each compares one
measure with one threshold. Nothing is added up, weighted or scored. A measure that is missing holds in no condition
but `missing`, so that a gap in the data never closes an account.
"""

import hashlib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.common.errors import RefError
from pipelines.common.settings import Settings
from pipelines.reach.metrics import MEASURES, YES_OR_NO, known_measures
from pipelines.reference.reader import line_of, read_yaml

FILE = "decision_rule.yml"

NOT_ENOUGH = "not enough evidence"
ACTIONS = (
    "keep active", "critical updates only", "dormant, retained", "merge into", "close", "redirect", NOT_ENOUGH,
)  # fmt: skip
ANY, ALL, LARGEST = "any", "all", "largest"
SEGMENTS = (ANY, ALL, LARGEST)
BOUNDS = ("lo", "hi", "value")
MISSING = "missing"
COMPARISONS = ("at_least", "at_most", "below", "above", "equals", MISSING)
NONE, REDIRECT = "none", "redirect"
MITIGATIONS = (NONE, REDIRECT)

RULE_KEYS = ("rule_id", "action", "when", "reason", "mitigation", "why")
CONDITION_KEYS = ("measure", "segment", "bound", "is", "value", "why")
# What a reason may name beside the measures.
WORDS = ("account", "segment", "next_account")

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
WHOLE = "all."  # before a measure: of the account as a whole, whatever community the rule is because of
_NAME = re.compile(r"[a-z][a-z0-9_]*")

Keys = tuple[str | int, ...]


@dataclass(frozen=True)
class Condition:
    """One comparison: `segment` says in which community, None means the account as a whole."""

    measure: str
    segment: str | None
    bound: str
    comparison: str
    threshold: float | None
    why: str

    def holds(self, bound: float | None) -> bool:
        """Say whether a figure satisfies it; an unknown one satisfies `missing` alone."""
        if self.comparison == MISSING:
            return bound is None
        if bound is None or self.threshold is None:
            return False
        return {
            "at_least": bound >= self.threshold,
            "at_most": bound <= self.threshold,
            "below": bound < self.threshold,
            "above": bound > self.threshold,
            "equals": bound == self.threshold,
        }[self.comparison]


@dataclass(frozen=True)
class Rule:
    """One rule: the action it leads to, all that must hold, the sentence for the board, why there is such a rule."""

    rule_id: str
    action: str
    when: tuple[Condition, ...]
    reason: str
    mitigation: str
    why: str

    @property
    def placeholders(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(PLACEHOLDER.findall(self.reason)))


@dataclass(frozen=True)
class Rules:
    """The rules in their order, and a hash of the file that a decision is recorded with."""

    rules: tuple[Rule, ...]
    rules_hash: str


def read_rules(settings: Settings) -> Rules:
    """Read the deployment's `decision_rule.yml`, else the shipped one.

    Raises `RefError` naming file and line, what was found and what is known: unknown or missing keys, actions,
    measures, comparisons, thresholds that are no numbers, a rule that stands twice or can never be asked, and a list
    that does not end with `not enough evidence` for whatever no rule fits.
    """
    return read_rules_file(settings.ref_file(FILE))


def read_rules_file(path: Path) -> Rules:
    """Read a file of rules; `read_rules` says what is refused."""
    read = read_yaml(path)
    _keys(path, (), read, ("rules",), required=("rules",))
    if not isinstance(read["rules"], list) or not read["rules"]:
        raise _error(path, ("rules",), "rules is no list of rules, or an empty one")
    rules = tuple(_rule(path, ("rules", n), one) for n, one in enumerate(read["rules"]))
    for n, rule in enumerate(rules):
        if rule.rule_id in {one.rule_id for one in rules[:n]}:
            raise _error(path, ("rules", n, "rule_id"), f"names the rule {rule.rule_id} a second time")
        if not rule.when and n + 1 < len(rules):
            found = f"rule {rule.rule_id} has no condition, so that no rule after it is ever asked"
            raise _error(path, ("rules", n, "when"), found, hint="only the last rule may hold always")
    last = rules[-1]
    if last.when or last.action != NOT_ENOUGH:
        raise _error(
            path,
            ("rules", len(rules) - 1),
            f"the last rule, {last.rule_id}, is not `{NOT_ENOUGH}` without a condition",
            hint=f"end with action: {NOT_ENOUGH} and when: [], for whatever no rule fits",
        )
    return Rules(rules, hashlib.sha256(path.read_bytes()).hexdigest()[:16])


def _rule(path: Path, keys: Keys, read: Any) -> Rule:
    if not isinstance(read, dict):
        raise _error(path, keys, "is no rule", known=RULE_KEYS)
    _keys(path, keys, read, RULE_KEYS, required=RULE_KEYS)
    rule_id = read["rule_id"]
    if not isinstance(rule_id, str) or not _NAME.fullmatch(rule_id):
        raise _error(path, (*keys, "rule_id"), f"has rule_id {rule_id!r}", hint="lower case letters, digits and _")
    _one_of(path, (*keys, "action"), f"rule {rule_id}", "action", read["action"], ACTIONS)
    _one_of(path, (*keys, "mitigation"), f"rule {rule_id}", "mitigation", read["mitigation"], MITIGATIONS)
    if not isinstance(read["when"], list):
        raise _error(path, (*keys, "when"), f"rule {rule_id} has a when that is no list of conditions")
    when = tuple(_condition(path, (*keys, "when", n), rule_id, one) for n, one in enumerate(read["when"]))
    rule = Rule(
        rule_id,
        read["action"],
        when,
        _sentence(path, (*keys, "reason"), f"rule {rule_id}", read["reason"]),
        read["mitigation"],
        _sentence(path, (*keys, "why"), f"rule {rule_id}", read["why"]),
    )
    for name in rule.placeholders:
        if name.removeprefix(WHOLE) not in (*known_measures(), *(() if name.startswith(WHOLE) else WORDS)):
            raise _error(
                path, (*keys, "reason"), f"rule {rule_id} has the reason's {{{name}}}",
                known=(*WORDS, *known_measures()),
            )  # fmt: skip
    return rule


def _condition(path: Path, keys: Keys, rule_id: str, read: Any) -> Condition:
    where = f"rule {rule_id}"
    if not isinstance(read, dict):
        raise _error(path, keys, f"{where} has a condition that is none", known=CONDITION_KEYS)
    comparison: str = read.get("is", "")
    _one_of(path, (*keys, "is"), where, "is", comparison, COMPARISONS)
    required = ("measure", "is", "why") if comparison == MISSING else ("measure", "bound", "is", "value", "why")
    allowed = ("segment", *required)
    _keys(path, keys, read, allowed, required=required)
    measure = read["measure"]
    _one_of(path, (*keys, "measure"), where, "measure", measure, known_measures())
    segment = read.get("segment")
    if segment is not None:
        _one_of(path, (*keys, "segment"), where, "segment", segment, SEGMENTS)
    if not (MEASURES[measure].of_account if segment is None else MEASURES[measure].of_segment):
        found = "of communities, not of the account" if segment is None else "of the account, not of a community"
        hint = f"give segment: {', '.join(SEGMENTS)}" if segment is None else "leave segment out"
        raise _error(path, (*keys, "measure"), f"{where} asks for {measure}, which is known {found}", hint=hint)
    bound: str = read.get("bound", "value")
    threshold = None
    _one_of(path, (*keys, "bound"), where, "bound", bound, BOUNDS)
    if bound != "value" and not MEASURES[measure].has_interval:
        found = f"{where} asks for the bound {bound} of {measure}, which has no interval"
        raise _error(path, (*keys, "bound"), found, hint="bound: value")
    if comparison != MISSING:
        threshold = _threshold(path, (*keys, "value"), where, read["value"], MEASURES[measure].unit == YES_OR_NO)
    why = _sentence(path, (*keys, "why"), where, read["why"])
    return Condition(measure, segment, bound, comparison, threshold, why)


def _threshold(path: Path, keys: Keys, where: str, value: Any, is_yes_or_no: bool) -> float:
    """A number; of a measure that is yes or no, `yes` (1) or `no` (0)."""
    if is_yes_or_no:
        if not isinstance(value, bool):
            raise _error(path, keys, f"{where} has the value {value!r}", known=("yes", "no"))
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _error(path, keys, f"{where} has the value {value!r}", hint="a number; shares are 0 to 1")
    return float(value)


def _sentence(path: Path, keys: Keys, where: str, text: Any) -> str:
    if not isinstance(text, str) or not text.strip():
        raise _error(path, keys, f"{where} has no {keys[-1]}", hint="a sentence that a board understands")
    return " ".join(text.split())


def _one_of(path: Path, keys: Keys, where: str, key: str, found: Any, known: Iterable[str]) -> None:
    if not isinstance(found, str) or found not in tuple(known):
        raise _error(path, keys, f"{where} has {key} {found!r}", known=known)


def _keys(path: Path, keys: Keys, read: dict[Any, Any], known: Iterable[str], *, required: Iterable[str]) -> None:
    for name in read:
        if name not in tuple(known):
            raise _error(path, (*keys, str(name)), f"has the unknown key {name}", known=known)
    for name in required:
        if name not in read:
            raise _error(path, keys, f"lacks {name}", known=known)


def _error(path: Path, keys: Keys, found: str, *, known: Iterable[str] = (), hint: str = "") -> RefError:
    line = line_of(path, keys)
    return RefError(f"{path.name} line {line}" if line else path.name, found, known=known, hint=hint)
