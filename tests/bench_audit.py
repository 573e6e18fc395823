"""Measure an audit on planted worlds: calibration error, size error, and how often the intervals hold the truth.

Prints one row per world, prevalence and number of labels; `isotonic` is plain weighted isotonic regression's error.
"""

import argparse
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.optimize import isotonic_regression

from pipelines.segments import label_audit, label_file
from pipelines.segments.label_audit import Stratum

PEOPLE = 30_000
PER_WORLD = 10  # audits of one world before the next is planted
RULE_PRECISION, RULE_RECALL = 0.85, 0.12
# How far the scores of the segment's people lie above the others', in standard deviations; the share of them
# that the scores do not see at all; the share of everybody without a score (of the segment's people: half of it).
WORLDS = {
    "plain": (1.97, 0.0, 0.0),
    "half seen": (2.4, 0.2, 0.0),
    "unscored": (1.97, 0.0, 0.3),
    "weak": (0.7, 0.0, 0.0),
    "strong": (3.2, 0.0, 0.0),
}
MEASURES = ("size_people", "rule_precision", "rule_recall", "expansion_precision", "expansion_recall",
            "membership_precision", "membership_recall")  # fmt: skip


@dataclass(frozen=True)
class World:
    """Planted people: the frame that `label_audit.strata` made, and who is in the segment."""

    people: pl.DataFrame
    truth: NDArray[np.bool_]

    def labels(self, sample: label_file.Sample) -> pl.DataFrame:
        """Judge a sample without a mistake."""
        judged = pl.Series("label", np.where(self.truth, "yes", "no"), dtype=pl.String)
        known = self.people.select("member_key").with_columns(judged)
        return sample.people.join(known, on="member_key", how="left", maintain_order="left")


def plant(rng: np.random.Generator, prevalence: float, name: str = "plain") -> World:
    """Plant a world of 30,000 people, with rule members of precision .85 and recall .12."""
    apart, unseen, unscored = WORLDS[name]
    truth = np.arange(PEOPLE) < prevalence * PEOPLE
    score = rng.normal(size=PEOPLE) + apart * (truth & (rng.random(PEOPLE) >= unseen))
    false_hits = RULE_RECALL * (1 - RULE_PRECISION) / RULE_PRECISION * prevalence / (1 - prevalence)
    is_rule = rng.random(PEOPLE) < np.where(truth, RULE_RECALL, false_hits)
    has_none = rng.random(PEOPLE) < np.where(truth, unscored / 2, unscored)
    people = pl.DataFrame(
        {
            "member_key": rng.permutation(PEOPLE).astype(np.uint64) * np.uint64(2**40) + np.uint64(7),
            "platform": ["x"] * PEOPLE,
            "is_rule_member": is_rule,
            "expansion_score": np.where(has_none, np.nan, score),
        }
    ).with_columns(pl.col("expansion_score").fill_nan(None))
    return World(label_audit.strata(people), truth)


def truths(world: World, probability: NDArray[np.float64], floor: float) -> dict[str, float]:
    """What an audit ought to have said, by measure."""
    is_rule = world.people["is_rule_member"].to_numpy()
    unscored = world.people["expansion_score"].is_null().to_numpy()
    found = {"size_people": float(world.truth.sum())}
    groups = {"rule": is_rule, "expansion": is_rule | ((probability >= floor) & ~unscored), "membership": probability}
    for name, group in groups.items():
        hit = float((group * world.truth).sum())
        found |= {f"{name}_precision": hit / float(group.sum()), f"{name}_recall": hit / float(world.truth.sum())}
    return found


def plain_isotonic(design: tuple[Stratum, ...], labels: pl.DataFrame, people: pl.DataFrame) -> NDArray[np.float64]:
    """What weighted isotonic regression says of people who have a score and are no rule members."""
    counts = label_audit.tally(design, labels)
    judged = labels.join(counts, on="stratum").filter(pl.col("stratum").str.starts_with("score"))
    judged = judged.sort("expansion_score")
    truth = (judged["label"] == "yes").to_numpy() * 1.0
    fitted = isotonic_regression(truth, weights=judged["weight"].to_numpy()).x
    at = np.searchsorted(judged["expansion_score"].to_numpy(), people["expansion_score"].to_numpy(), side="right") - 1
    return np.asarray(fitted[np.maximum(at, 0)])


def measure(name: str, prevalence: float, n: int, audits: int, seed: int = 1, draws: int = 600) -> dict[str, float]:
    """Audit one world after another; give mean errors, median sizes and the coverage of every interval."""
    rng = np.random.default_rng(seed)
    rows = []
    world = plant(rng, prevalence, name)
    for nth in range(audits):
        world = world if nth % PER_WORLD else plant(rng, prevalence, name)
        sample = label_file.draw_sample(world.people, n, str(rng.integers(2**60)))
        labels = world.labels(sample)
        probability = label_audit.calibrate(sample.strata, labels).of(world.people)
        quality = label_audit.quality(sample.strata, labels, draws=draws)
        truth = truths(world, probability, quality.probability_floor)
        scored = (~world.people["is_rule_member"] & world.people["expansion_score"].is_not_null()).to_numpy()
        plain = plain_isotonic(sample.strata, labels, world.people.filter(pl.Series(scored)))
        size = quality.estimates["size_people"]
        assert size.value is not None and size.lo is not None and size.hi is not None
        row = {
            "error": label_audit.calibration_error(probability, world.truth.astype(np.float64)),
            "error_told": quality.calibration_error,
            "isotonic": label_audit.calibration_error(plain, world.truth[scored].astype(np.float64)),
            "size": size.value / truth["size_people"],
            "size_lo": size.lo / truth["size_people"],
            "size_hi": size.hi / truth["size_people"],
        }
        for measure_name in MEASURES:
            found = quality.estimates[measure_name]
            assert found.lo is not None and found.hi is not None
            row[measure_name] = float(found.lo <= truth[measure_name] <= found.hi)
        rows.append(row)
    frame = pl.DataFrame(rows)
    means = {column: float(frame[column].to_numpy().mean()) for column in frame.columns}
    medians = {column: float(np.median(frame[column].to_numpy())) for column in ("size", "size_lo", "size_hi")}
    off = float(np.median(np.abs(frame["size"].to_numpy() - 1)))
    return means | medians | {"size_off": off}


def main() -> None:
    """Measure every world, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audits", type=int, default=300)
    parser.add_argument("--worlds", nargs="*", default=list(WORLDS))
    parser.add_argument("--labels", nargs="*", type=int, default=[100, 200, 300])
    arguments = parser.parse_args()
    columns = ("error", "isotonic", "error_told", "size", "size_off", "size_lo", "size_hi", *MEASURES)
    heads = ("error", "isotonic", "told", "size", "off", "lo", "hi", "size", "rule p", "rule r", "exp p", "exp r",
             "mem p", "mem r")  # fmt: skip
    table = Table(
        "world", "prev.", "n", *heads, title=f"{arguments.audits} audits each; from the second size: coverage"
    )
    for name in arguments.worlds:
        for prevalence in (0.02, 0.005):
            for n in arguments.labels:
                found = measure(name, prevalence, n, arguments.audits)
                table.add_row(name, f"{prevalence:.1%}", str(n), *(f"{found[column]:.3f}" for column in columns))
    Console(width=170).print(table)


if __name__ == "__main__":
    main()
