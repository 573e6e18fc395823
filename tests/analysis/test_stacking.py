"""A stack learns from the rejected where they carry information, and stays off where they do not."""

import json
from dataclasses import asdict

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from pipelines.analysis import stacking


def planted(rng: np.random.Generator, n: int, prevalence: float, declared: float) -> pl.DataFrame:
    """People whose negative field lies `told` standard deviations lower in the segment than out of it."""
    truth = rng.random(n) < prevalence
    return pl.DataFrame(
        {
            "member_key": rng.permutation(n).astype(np.uint64),
            "label": np.where(truth, "yes", "no"),
            "positive_score": 40 * (rng.normal(size=n) + 1.2 * truth),
            "negative_score": 30 * (rng.normal(size=n) - declared * truth),
            "is_rule_member": rng.random(n) < np.where(truth, 0.12, 0.002),
        }
    )


def average_precision(truth: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    hits = truth[np.argsort(-score)]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


def labelled(rng: np.random.Generator, declared: float, n_each: int) -> pl.DataFrame:
    """As many accepted as rejected people."""
    people = planted(rng, 3 * n_each, 0.5, declared)
    return pl.concat([people.filter(pl.col("label") == label).head(n_each) for label in ("yes", "no")])


def test_it_lifts_average_precision_where_the_negative_field_tells() -> None:
    rng = np.random.default_rng(1)
    lifts = []
    for _ in range(12):
        fitted, _ = stacking.fit_stack(labelled(rng, 1.0, 60))
        if fitted is None:
            continue
        assert fitted.w_positive > 0 > fitted.w_negative and fitted.log_loss < fitted.log_loss_without
        world = planted(rng, 4_000, 0.1, 1.0)
        truth = (world["label"] == "yes").to_numpy()
        alone = average_precision(truth, world["positive_score"].to_numpy())
        lifts.append(average_precision(truth, fitted.score(world)) - alone)
    assert len(lifts) >= 10, "it is used where it helps"
    assert np.mean(lifts) > 0.1 and min(lifts) > 0


def test_it_is_off_where_the_negative_field_tells_nothing() -> None:
    rng = np.random.default_rng(2)
    used = [stacking.fit_stack(labelled(rng, 0.0, 60)) for _ in range(30)]
    assert sum(fitted is not None for fitted, _ in used) <= 5  # one standard error: 16 % by chance at most
    assert all("does not help" in reason for fitted, reason in used if fitted is None)


@pytest.mark.parametrize(("accepted", "rejected", "is_on"), [(29, 200, False), (200, 29, False), (30, 30, True)])
def test_it_needs_thirty_of_each(accepted: int, rejected: int, is_on: bool) -> None:
    people = labelled(np.random.default_rng(3), 2.0, 200)
    parts = [
        people.filter(pl.col("label") == "yes").head(accepted),
        people.filter(pl.col("label") == "no").head(rejected),
    ]
    unsure = people.tail(50).with_columns(label=pl.lit("unsure"), member_key=pl.col("member_key") + 10**6)
    fitted, reason = stacking.fit_stack(pl.concat([*parts, unsure]))
    assert (fitted is not None) == is_on
    assert is_on or reason == f"{accepted} accepted and {rejected} rejected: a stack needs 30 of each"


def test_its_weights_minimise_the_penalised_loss() -> None:
    """Newton's method on the standardised fields, against the fit."""
    people = labelled(np.random.default_rng(4), 1.0, 80)
    fields, truth = stacking._fields(people), (people["label"] == "yes").to_numpy() * 1.0
    standard = np.column_stack([np.ones(len(fields)), (fields - fields.mean(axis=0)) / fields.std(axis=0)])
    ridge = np.diag([0.0, *[stacking.RIDGE] * 3])
    weights = np.zeros(4)
    for _ in range(30):
        p = 1 / (1 + np.exp(-standard @ weights))
        hessian = standard.T @ (standard * (p * (1 - p))[:, None]) + ridge
        weights -= np.linalg.solve(hessian, standard.T @ (p - truth) + ridge @ weights)
    fitted = stacking._fit(fields, truth)
    assert fitted[0] + fields @ fitted[1:] == pytest.approx(standard @ weights, abs=1e-4)


def test_labels_that_the_fields_part_wholly_still_give_finite_weights() -> None:
    people = labelled(np.random.default_rng(5), 1.0, 40)
    sign = pl.when(pl.col("label") == "yes").then(1.0).otherwise(-1.0)
    fitted, _ = stacking.fit_stack(people.with_columns(negative_score=-sign, positive_score=pl.lit(3.0)))
    assert fitted is not None
    assert np.isfinite([fitted.intercept, fitted.w_positive, fitted.w_negative, fitted.w_rule]).all()


def test_order_of_rows_does_not_matter_and_missing_scores_are_nought() -> None:
    people = labelled(np.random.default_rng(6), 1.0, 50)
    people = people.with_columns(
        pl.when(pl.col("positive_score") > 60).then(None).otherwise("positive_score").alias("positive_score")
    )
    first, second = (stacking.fit_stack(frame)[0] for frame in (people, people.reverse()))
    assert first is not None and second is not None
    assert json.dumps(asdict(first)) == json.dumps(asdict(second))
    empty = people.head(1).with_columns(
        pl.lit(None, pl.Float64).alias("positive_score"),
        pl.lit(None, pl.Float64).alias("negative_score"),
        is_rule_member=pl.lit(True),
    )
    assert first.score(empty)[0] == pytest.approx(first.intercept + first.w_rule)
