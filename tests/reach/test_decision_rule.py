"""Rules are data that is held strictly: every slip is named with its line, and every action can be reached."""

import re
from pathlib import Path

import pytest

from pipelines.common.errors import RefError
from pipelines.common.settings import SHIPPED_REF
from pipelines.reach.decision_rule import ACTIONS, Condition, read_rules, read_rules_file
from tests.marts.planted_decision import PLANTED, DecidedNight, settings

GOOD = """\
rules:
  - rule_id: quiet
    action: close
    when:
      - measure: lost_share
        segment: all
        bound: hi
        is: below
        value: 0.01
        why: Hardly anybody.
    reason: "{account} would lose {lost_people}."
    mitigation: redirect
    why: Nobody depends on it.
  - rule_id: rest
    action: not enough evidence
    when: []
    reason: No rule fits {account}.
    mitigation: none
    why: Nothing is guessed.
"""


def refused(tmp_path: Path, old: str, new: str) -> str:
    """Read the good file with one slip, and give its error."""
    assert old in GOOD
    path = tmp_path / "decision_rule.yml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RefError) as failure:
        read_rules_file(path)
    return str(failure.value)


def test_the_good_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "decision_rule.yml"
    path.write_text(GOOD, encoding="utf-8")
    rules = read_rules_file(path)
    assert [rule.rule_id for rule in rules.rules] == ["quiet", "rest"]
    assert rules.rules[0].when == (Condition("lost_share", "all", "hi", "below", 0.01, "Hardly anybody."),)
    path.write_text(GOOD + "\n", encoding="utf-8")
    assert read_rules_file(path).rules_hash != rules.rules_hash


@pytest.mark.parametrize(("old", "new", "line", "says"), [
    ("action: close", "action: shut", 3, "action 'shut'. Known: keep active, critical updates only"),
    ("mitigation: redirect", "mitigation: pray", 12, "mitigation 'pray'. Known: none, redirect"),
    ("measure: lost_share", "measure: lost_shares", 5, "measure 'lost_shares'. Known: followers"),
    ("measure: lost_share", "measure: impact", 5, "measure 'impact'"),
    ("segment: all", "segment: some", 6, "segment 'some'. Known: any, all, largest"),
    ("        segment: all\n", "        segment: all\n        segments: all\n", 7, "unknown key segments"),
    ("bound: hi", "bound: upper", 7, "bound 'upper'. Known: lo, hi, value"),
    ("is: below", "is: less", 8, "is 'less'. Known: at_least"),
    ("value: 0.01", "value: few", 9, "value 'few'"),
    ("value: 0.01", "value: yes", 9, "value True"),
    ("value: 0.01", "value: .inf", 9, "value inf"),
    ("        why: Hardly anybody.\n", "", 5, "lacks why"),
    ("why: Hardly anybody.", "why: ''", 10, "no why"),
    ("        bound: hi\n", "", 5, "lacks bound"),
    ("measure: lost_share\n        segment: all", "measure: coverage_share", 5, "of communities, not of the account"),
    ("measure: lost_share", "measure: posts_per_week", 5, "of the account, not of a community"),
    ("measure: lost_share", "measure: followers_change_share", 7, "which has no interval"),
    ("{lost_people}", "{lost_poeple}", 11, "{lost_poeple}"),
    ("{lost_people}", "{all.account}", 11, "{all.account}"),
    ("rule_id: rest", "rule_id: quiet", 14, "a second time"),
    ("rule_id: quiet", "rule_id: Quiet One", 2, "rule_id 'Quiet One'"),
    ("    why: Nobody depends on it.\n", "", 2, "lacks why"),
    ("    why: Nobody depends on it.\n", "    why: Nobody.\n    score: 5\n", 14, "unknown key score"),
    ("action: not enough evidence", "action: close", 14, "without a condition"),
    ("rules:\n", "rules: []\nrule:\n", 2, "unknown key rule"),
])  # fmt: skip
def test_a_slip_is_named_with_its_line(tmp_path: Path, old: str, new: str, line: int, says: str) -> None:
    reported = refused(tmp_path, old, new)
    assert says in reported
    assert reported.startswith(f"decision_rule.yml line {line}:"), reported


def test_a_rule_that_always_holds_must_be_the_last(tmp_path: Path) -> None:
    text = re.sub(r"when:\n(      .*\n|        .*\n)+", "when: []\n", GOOD, count=1)
    path = tmp_path / "decision_rule.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RefError, match="line 4: rule quiet has no condition"):
        read_rules_file(path)


@pytest.mark.parametrize("comparison", ["at_least", "at_most", "below", "above", "equals"])
def test_what_is_missing_holds_in_no_comparison(comparison: str) -> None:
    condition = Condition("posts_per_week", None, "value", comparison, 0.0, "why")
    assert not condition.holds(None)
    assert Condition("posts_per_week", None, "value", "missing", None, "why").holds(None)
    assert not Condition("posts_per_week", None, "value", "missing", None, "why").holds(0.0)


def test_every_action_of_the_house_is_reached_by_a_shipped_rule() -> None:
    assert {action for _, action in PLANTED.values()} == set(ACTIONS)
    assert [rule.rule_id for rule in read_rules(settings()).rules] == list(PLANTED)


@pytest.mark.parametrize("rule_id", PLANTED)
def test_planted_evidence_leads_to_its_rule(rule_id: str) -> None:
    planted, action = PLANTED[rule_id]
    (decided,) = DecidedNight({("x", "1"): planted}).decide()
    assert (decided["rule_id"], decided["action"]) == (rule_id, action)
    assert "{" not in decided["decision_reason"]


def test_the_rules_say_nothing_of_an_account() -> None:
    text = (SHIPPED_REF / "decision_rule.yml").read_text(encoding="utf-8")
    for line in (SHIPPED_REF / "account.csv").read_text(encoding="utf-8").splitlines()[1:]:
        _, account_id, handle, *_ = line.split(",")
        assert account_id not in text
        assert handle not in text
