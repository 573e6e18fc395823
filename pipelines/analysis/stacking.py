"""Stack two scores by logistic regression: that of accepted and that of rejected people.

The positive field is the expansion score with accepted people as seeds, the negative field the one with rejected
people. A person without edges has 0 in both: the score is a sum over edges.

Assumed: a labelled person's fields come from runs that left this person out of the seeds; otherwise a field knows the
answer that it is asked for. Labels are taken without weights: who was drawn depends on score and rule alone, which
are in the model, so weighting would add noise and take no bias away.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST = 30  # accepted, and rejected: below it a stack collapses (METHODS: .755 -> .836 with enough)
RIDGE = 1.0
FOLDS = 10
FIELDS = ("positive_score", "negative_score", "is_rule_member")


@dataclass(frozen=True)
class Stack:
    """The log-odds to belong: intercept + w_positive·positive + w_negative·negative + w_rule for rule members.

    `log_loss` and `log_loss_without` (the negative field) are cross-validated means per label, in nats.
    """

    intercept: float
    w_positive: float
    w_negative: float
    w_rule: float
    n_accepted: int
    n_rejected: int
    log_loss: float
    log_loss_without: float

    def score(self, people: pl.DataFrame) -> Floats:
        """Each person's log-odds, in order: larger is likelier; to be calibrated by an audit like any other score."""
        log_odds: Floats = self.intercept + _fields(people) @ np.array([self.w_positive, self.w_negative, self.w_rule])
        return log_odds


def fit_stack(people: pl.DataFrame) -> tuple[Stack | None, str]:
    """Fit a stack to labelled people, or give None and the reason why the positive field is to be used alone.

    `people`: member_key, label (yes or no; others are left out), positive_score, negative_score (null: no edges),
    is_rule_member. Used only where, over ten folds, the negative field lowers the log loss by more than one standard
    error of the difference (the one-standard-error rule; Breiman, Friedman, Olshen & Stone 1984).
    """
    judged = people.filter(pl.col("label").is_in(("yes", "no"))).sort("label", "member_key")
    truth = (judged["label"] == "yes").to_numpy() * 1.0
    n_accepted, n_rejected = int(truth.sum()), int((1 - truth).sum())
    if min(n_accepted, n_rejected) < LEAST:
        return None, f"{n_accepted} accepted and {n_rejected} rejected: a stack needs {LEAST} of each"
    fields = _fields(judged)
    losses = _losses(fields, truth)
    without = _losses(fields[:, [0, 2]], truth)
    gain = without - losses
    if gain.mean() <= gain.std(ddof=1) / np.sqrt(len(gain)):
        return None, f"the negative field does not help: log loss {losses.mean():.3f}, without it {without.mean():.3f}"
    intercept, positive, negative, rule = (float(number) for number in _fit(fields, truth))
    means = (float(losses.mean()), float(without.mean()))
    return Stack(intercept, positive, negative, rule, n_accepted, n_rejected, *means), "the negative field helps"


def _fields(people: pl.DataFrame) -> Floats:
    """The fields (people x 3), null as 0."""
    return people.select(pl.col(FIELDS).cast(pl.Float64).fill_null(0.0)).to_numpy()


def _fit(fields: Floats, truth: Floats) -> Floats:
    """Fit intercept and weights by ridge logistic regression on standardised fields; weights are for the raw ones.

    The intercept is not penalised: shrinking it would pull the share of accepted people towards one half.
    """
    from sklearn.linear_model import LogisticRegression  # takes a second to import
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(fields)
    ridge = LogisticRegression(
        C=1 / RIDGE, solver="newton-cholesky", tol=1e-10
    )  # few fields: the fastest of its solvers
    found = ridge.fit(scaler.transform(fields), truth)
    weights = found.coef_[0] / scaler.scale_
    return np.array([found.intercept_[0] - weights @ scaler.mean_, *weights])


def _losses(fields: Floats, truth: Floats) -> Floats:
    """Each label's log loss when it was left out: every tenth one at a time, of people sorted by label and key."""
    losses = np.empty(len(truth))
    fold = np.arange(len(truth)) % FOLDS
    for one in range(FOLDS):
        weights = _fit(fields[fold != one], truth[fold != one])
        odds = weights[0] + fields[fold == one] @ weights[1:]
        losses[fold == one] = np.logaddexp(0, odds) - truth[fold == one] * odds
    return losses
