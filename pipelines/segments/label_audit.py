"""The audit of a segment: what the labels of a sample say of everybody's probability to belong.

The sample is stratified: rule members are one stratum, the others are cut by the rank of their expansion score, people
without a score are a stratum of their own. Each labelled person stands for population / labelled people of the stratum.

One assumption turns a hundred labels into a probability for everybody, that of isotonic regression: nobody is likelier
to belong than somebody with a higher score. Plain isotonic regression gives a stratum of 9,000 people with 0 of 9
labels "yes" a probability of 0, with 1 of 9 a tenth of them; here the fit is Bayesian. Going down the scores, the
probability stays as it is or falls to a uniform share of itself; `STAY` is how likely it stays through one stratum.
That is a hidden Markov chain over a grid of probabilities, so its posterior is summed, not sampled (forward and
backward messages; Scott 2002, doi 10.1198/016214502753479464). Where labels abound it equals isotonic regression.

Intervals are melded (Fay, Proschan & Brittain 2015, doi 10.1111/biom.12231): a lower bound comes from a chain that
believes falling is the rule, an upper bound from one that believes staying is. What the labels leave open, such as a
large stratum with 0 "yes", widens the upper bound instead of moving the estimate.
"""

import math
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.common.errors import ModelError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RULE = "rule"
NO_SCORE = "no score"
CUTS = (0, 1, 2, 5, 10, 20, 30, 50, 70, 100)  # percent of the ranks, from the highest score
NAMES = (RULE, *(f"score {high}-{low} %" for high, low in pairwise(CUTS)), NO_SCORE)
LABELS = ("yes", "no", "unsure")

# Chosen on planted worlds (tests/bench_audit.py): least error, and bounds that hold where scores say little.
STAY = 0.35
STAY_FOR_LOWER = 0.2
STAY_FOR_UPPER = 0.6
TAIL = 0.025  # outside the interval on either side
CHOSEN_TAIL = 0.005  # of the precision of a group that the same labels chose: it looks better than it is
DRAWS, SEED, FOLDS = 2_000, 20_260_101, 5
# Bins of `calibration_error`: fine where most people are, near 0.
BINS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
LOWEST = -sys.float_info.max  # a score below every other that JSON and SQL can hold

GRID: Floats = 1 / (1 + np.exp(-np.linspace(-13.8, 7.6, 400)))  # 1e-6 to .9995, even in log-odds
WIDTH: Floats = GRID * (1 - GRID)  # dp per step of the grid: the measure of a uniform probability
UP_TO: Floats = np.cumsum(WIDTH)


@dataclass(frozen=True)
class Stratum:
    """One stratum of a sample: its people, how many of them were sampled, the lowest score in it."""

    name: str
    population: int
    sampled: int
    score_lowest: float | None = None


@dataclass(frozen=True)
class Calibration:
    """What a member's probability is: by score from `steps` (score_from, probability), else one of two rates.

    `steps` falls from the highest `score_from`; a score takes the step with the largest `score_from` at or below it.
    """

    steps: tuple[tuple[float, float], ...]
    rule_probability: float
    no_score_probability: float

    def table(self) -> pl.DataFrame:
        """The steps by rising score_from, for a range join."""
        schema = {"score_from": pl.Float64, "probability": pl.Float64}
        return pl.DataFrame(list(self.steps), schema=schema, orient="row").sort("score_from")

    def of(self, people: pl.DataFrame) -> Floats:
        """Each person's probability, in order; takes is_rule_member and expansion_score (null: no score)."""
        starts, values = (self.table()[name].to_numpy() for name in ("score_from", "probability"))
        scores = people["expansion_score"].cast(pl.Float64)
        step = np.searchsorted(starts, scores.fill_null(LOWEST).to_numpy(), side="right")
        by_score = np.array([self.no_score_probability, *values])[step]
        by_score = np.where(scores.is_null().to_numpy(), self.no_score_probability, by_score)
        return np.where(people["is_rule_member"].fill_null(False).to_numpy(), self.rule_probability, by_score)


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval; all three None where there is nothing to divide by."""

    value: float | None
    lo: float | None
    hi: float | None


@dataclass(frozen=True)
class Quality:
    """What an audit says of a segment, weighted to its population.

    `estimates`: size_people; precision and recall of rules, of rules and expansion at `probability_floor`, and of
    everybody weighted by probability. `calibration_error`: see the function, of probabilities from the other folds.
    """

    estimates: dict[str, Estimate]
    probability_floor: float
    expansion_people: int
    calibration_error: float
    n_yes: int
    n_no: int
    n_unsure: int
    population: int

    def row(self) -> dict[str, float | int | None]:
        """All of it as one flat row: `size_people`, `size_people_lo`, `size_people_hi`, and so on."""
        flat: dict[str, float | int | None] = {}
        for name, one in self.estimates.items():
            flat |= {name: one.value, f"{name}_lo": one.lo, f"{name}_hi": one.hi}
        return flat | {name: value for name, value in asdict(self).items() if name != "estimates"}


@dataclass(frozen=True)
class Change:
    """A measure's difference between two audits, with its interval; `has_drifted` where that excludes 0."""

    measure: str
    difference: float
    lo: float
    hi: float

    @property
    def has_drifted(self) -> bool:
        return self.lo > 0 or self.hi < 0


def strata(people: pl.DataFrame) -> pl.DataFrame:
    """Add each person's `stratum` to member_key, platform, is_rule_member and expansion_score.

    Equal scores are ranked by member_key, which a keyed hash made, so that a cut through them is a random one.
    Raises `ModelError` for a person twice or a score that is no finite number.
    """
    scores = people["expansion_score"].cast(pl.Float64)
    if people["member_key"].n_unique() < people.height or people["member_key"].null_count():
        raise ModelError("an audit's people", "hold a member_key twice or none", hint="one row per member")
    if not scores.drop_nulls().is_finite().all():
        raise ModelError("an audit's people", "hold an expansion_score that is no finite number")
    is_rule = people["is_rule_member"].fill_null(False)
    ranked = np.flatnonzero((~is_rule & scores.is_not_null()).to_numpy())
    keys = people["member_key"].to_numpy()
    ranked = ranked[np.lexsort((keys[ranked], -scores.to_numpy()[ranked]))]
    place = np.where(is_rule.to_numpy(), 0, len(NAMES) - 1)
    ends = [-(-percent * len(ranked) // 100) for percent in CUTS[1:]]
    place[ranked] = 1 + np.searchsorted(ends, np.arange(len(ranked)), side="right")
    return people.with_columns(pl.Series("stratum", [NAMES[n] for n in place], dtype=pl.String))


def tally(design: tuple[Stratum, ...], labels: pl.DataFrame) -> pl.DataFrame:
    """Count labels by stratum: population, sampled, n_yes, n_no, n_unsure, n_blank and the weight of one label.

    `labels` holds stratum, expansion_score and label (yes, no or unsure), one row per judged person. The weight is
    population / (n_yes + n_no), null where nobody was labelled: unsure people are taken to be like the labelled ones.
    """
    given = Counter(zip(labels["stratum"], labels["label"], strict=True))
    rows = []
    for one in design:
        yes, no, unsure = (given[one.name, label] for label in LABELS)
        rows.append((one.name, one.population, one.sampled, yes, no, unsure, one.sampled - yes - no - unsure))
    columns = ("stratum", "population", "sampled", "n_yes", "n_no", "n_unsure", "n_blank")
    schema = dict.fromkeys(columns, pl.Int64) | {"stratum": pl.String}
    n_labelled = pl.col("n_yes") + pl.col("n_no")
    weight = pl.when(n_labelled > 0).then(pl.col("population") / n_labelled).alias("weight")
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(weight)


def calibrate(design: tuple[Stratum, ...], labels: pl.DataFrame) -> Calibration:
    """Turn labels (as for `tally`) into everybody's probability to belong."""
    cells = _cells(design, labels)
    means = _means(cells, STAY)
    parts: dict[float, list[int]] = {}
    for n in range(1, len(means) - 1):
        parts.setdefault(float(cells.score_from[n]), []).append(n)
    steps = [(start, float(np.average(means[at], weights=cells.population[at]))) for start, at in parts.items()]
    steps[-1:] = [(LOWEST, probability) for _, probability in steps[-1:]]
    return Calibration(tuple(steps), float(means[0]), float(means[-1]))


def quality(
    design: tuple[Stratum, ...], labels: pl.DataFrame, probability_floor: float = 0.5, draws: int = DRAWS
) -> Quality:
    """Estimate the segment's size and three ways to say who is in it; labels as for `tally`.

    Truths are people: precision is the share of a group that is in the segment, recall the share of the segment that
    is in the group. Weighted by probability p, they are Σ p·truth / Σ p and Σ p·truth / Σ truth.
    """
    cells = _cells(design, labels)
    p = _means(cells, STAY)
    truth = _Truth(
        (cells.yes + (cells.population - cells.labelled) * p)[:, None],
        _people(cells, STAY_FOR_LOWER, draws, is_upper=False),
        _people(cells, STAY_FOR_UPPER, draws, is_upper=True),
    )
    everybody = np.ones(len(p))
    in_rules = np.eye(len(p))[0]
    in_expansion = in_rules.copy()
    in_expansion[cells.scored] = p[cells.scored] >= probability_floor
    estimates = {"size_people": truth.share(everybody, None, 1.0)}
    for name, weight in (("rule", in_rules), ("expansion", in_expansion), ("membership", p)):
        tail = TAIL if name == "rule" else CHOSEN_TAIL
        estimates[f"{name}_precision"] = truth.share(weight, None, float(weight @ cells.population), tail)
        estimates[f"{name}_recall"] = truth.share(weight, everybody)
    counts = tally(design, labels)
    n_yes, n_no, n_unsure = (int(counts[f"n_{label}"].sum()) for label in LABELS)
    return Quality(
        estimates=estimates,
        probability_floor=probability_floor,
        expansion_people=int(in_expansion @ cells.population),
        calibration_error=_error_across_folds(design, labels),
        n_yes=n_yes,
        n_no=n_no,
        n_unsure=n_unsure,
        population=sum(one.population for one in design),
    )


def calibration_error(probability: Floats, truth: Floats, weight: Floats | None = None) -> float:
    """The weighted mean over bins of |mean probability - mean truth|; bins of probability are cut at `BINS`.

    Measured on a hundred labels instead of everybody it comes out about twice too large: the labels' own noise.
    """
    weight = np.ones(len(probability)) if weight is None else weight
    gap = np.bincount(np.digitize(probability, BINS), weights=weight * (probability - truth))
    return float(np.abs(gap).sum() / weight.sum())


def drift(now: Quality, last: Quality) -> tuple[Change, ...]:
    """Compare two audits, measure by measure, where both could say something.

    The interval of a difference comes from the two intervals (MOVER; Zou & Donner 2008, doi 10.1002/sim.3095).
    """
    changes = []
    for name, new in now.estimates.items():
        old = last.estimates.get(name, Estimate(None, None, None))
        if new.value is None or new.lo is None or new.hi is None or old.value is None or old.lo is None:
            continue
        difference = new.value - old.value
        lo = difference - math.hypot(new.value - new.lo, (old.hi or 0.0) - old.value)
        hi = difference + math.hypot(new.hi - new.value, old.value - old.lo)
        changes.append(Change(name, difference, lo, hi))
    return tuple(changes)


@dataclass(frozen=True)
class _Cells:
    """Rows of people who share a probability: rule members, then down the scores, then those without a score.

    `labelled`, `yes`, `population`: people. `share`: how much of its stratum a step down to this row goes through.
    """

    labelled: Ints
    yes: Ints
    population: Ints
    share: Floats
    score_from: Floats

    @property
    def scored(self) -> slice:
        return slice(1, len(self.labelled) - 1)


def _cells(design: tuple[Stratum, ...], labels: pl.DataFrame) -> _Cells:
    """Make every labelled score a row that stands for its part of the stratum; people of equal score share a row."""
    judged: dict[str, list[tuple[float, bool]]] = {name: [] for name in NAMES}
    for name, score, label in labels.select("stratum", "expansion_score", "label").iter_rows():
        if label in ("yes", "no"):
            judged[name].append((0.0 if score is None else score, label == "yes"))
    known = {one.name: one for one in design}
    rows: list[list[float]] = []
    before = math.nan
    for name, part in judged.items():
        one = known.get(name, Stratum(name, 0, 0))
        if name in (RULE, NO_SCORE):
            rows.append([len(part), sum(yes for _, yes in part), one.population, 0.0, math.nan])
            continue
        lowest = math.nan if one.score_lowest is None else one.score_lowest
        part = sorted(part, reverse=True)
        n, scores = max(len(part), 1), [score for score, _ in part] or [lowest] * bool(one.population)
        ends = [high / 2 + low / 2 for high, low in pairwise(scores)] + [lowest]
        for at, score in enumerate(scores):
            people = one.population * (at + 1) // n - one.population * at // n
            new = [min(len(part), 1), part[at][1] if part else 0, people, 1 / n, ends[at]]
            if score == before:
                rows[-1] = [*(old + more for old, more in zip(rows[-1][:3], new[:3], strict=True)), rows[-1][3], new[4]]
            else:
                rows.append(new)
            before = score
    table = np.array(rows)
    labelled, yes_, population = (table[:, n].astype(np.int64) for n in range(3))
    return _Cells(labelled, yes_, population, table[:, 3], table[:, 4])


def _messages(cells: _Cells, stay: float) -> tuple[Floats, Floats, Floats]:
    """Send what the lower scores say upwards.

    Gives per scored row and point of the grid the likelihood of its own labels, and the same times that of all rows
    below; and per scored row the probability that the step to it stays.
    """
    yes, no = cells.yes[cells.scored, None], (cells.labelled - cells.yes)[cells.scored, None]
    own = yes * np.log(GRID) + no * np.log1p(-GRID)
    own = np.exp(own - own.max(axis=1, keepdims=True)) if len(own) else own
    stays = stay ** cells.share[cells.scored]
    below = own.copy()
    for n in range(len(own) - 2, -1, -1):
        message = stays[n + 1] * below[n + 1] + (1 - stays[n + 1]) * np.cumsum(below[n + 1] * WIDTH) / UP_TO
        below[n] *= message
        below[n] /= below[n].max()
    return own, below, stays


def _means(cells: _Cells, stay: float) -> Floats:
    """Each row's mean probability given the labels; without any, Jeffreys' prior at the top and for rule members.

    People without a score start, with the say of one label, from the mean of those who have one.
    """
    own, below, stays = _messages(cells, stay)
    means = np.empty(len(own))
    above = np.sqrt(WIDTH)
    for n in range(len(own)):
        posterior = above * below[n]
        means[n] = posterior @ GRID / posterior.sum()
        above = above * own[n]
        if n + 1 < len(own):
            fallen = np.cumsum((above / UP_TO)[::-1])[::-1] * WIDTH
            above = stays[n + 1] * above + (1 - stays[n + 1]) * fallen
            above /= above.max()
    means = np.minimum.accumulate(means)
    start = float(np.average(means, weights=cells.population[cells.scored])) if len(means) else 0.5
    rule = (cells.yes[0] + 0.5) / (cells.labelled[0] + 1)
    return np.array([rule, *means, (cells.yes[-1] + start) / (cells.labelled[-1] + 1)])


def _people(cells: _Cells, stay: float, draws: int, *, is_upper: bool) -> Floats:
    """Draw how many people of each row are in the segment: labelled ones are known, the others follow the chain."""
    rng = np.random.default_rng(SEED)
    _, below, stays = _messages(cells, stay)
    p = np.empty((len(cells.labelled), draws))
    yes, no = int(cells.yes[0]) + is_upper, int(cells.labelled[0] - cells.yes[0]) + (not is_upper)
    p[0] = rng.beta(max(yes, 1e-9), max(no, 1e-9), draws)  # Clopper & Pearson's bound
    at = np.full(draws, len(GRID) - 1)
    for n, message in enumerate(below):
        summed = np.cumsum(message * (WIDTH if n else np.sqrt(WIDTH)))
        fall = (1 - stays[n]) * summed[at] / UP_TO[at] if n else np.ones(draws)
        moves = np.flatnonzero(rng.random(draws) * (fall + (stays[n] * message[at] if n else 0)) < fall)
        at[moves] = np.minimum(np.searchsorted(summed, rng.random(len(moves)) * summed[at[moves]]), at[moves])
        p[n + 1] = GRID[at]
    start = 0.5 if is_upper or not len(below) else np.average(p[1:-1], axis=0, weights=cells.population[cells.scored])
    p[-1] = rng.beta(cells.yes[-1] + start, cells.labelled[-1] - cells.yes[-1] + 1 - start, draws)
    people: Floats = cells.yes[:, None] + rng.binomial((cells.population - cells.labelled)[:, None], p) * 1.0
    return people


@dataclass(frozen=True)
class _Truth:
    """How many people of each row are in the segment (rows x draws): the mean, and draws for either bound."""

    mean: Floats
    low: Floats
    high: Floats

    def share(self, weight: Floats, of: Floats | None, people: float = 0.0, tail: float = TAIL) -> Estimate:
        """Estimate Σ weight·truth / Σ of·truth, or / people. A row whose ratio is above the whole's raises it."""
        if of is None and people <= 0:
            return Estimate(None, None, None)

        def ratio(truth: Floats, empty: float) -> Floats:
            above = weight @ truth
            below = np.full(above.shape, people) if of is None else of @ truth
            shares: Floats = np.divide(above, below, out=np.full(above.shape, empty), where=below > 0)
            return shares

        middle = float(ratio(self.mean, 0.0)[0])
        raises = (weight > (0 if of is None else middle * of))[:, None]
        # A draw without anybody in the segment has no share of it: it counts for the wider interval.
        low = np.quantile(ratio(np.where(raises, self.low, self.high), 0.0), tail)
        high = np.quantile(ratio(np.where(raises, self.high, self.low), 1.0), 1 - tail)
        return Estimate(middle, min(middle, float(low)), max(middle, float(high)))


def _error_across_folds(design: tuple[Stratum, ...], labels: pl.DataFrame) -> float:
    """The calibration error of probabilities that did not see the label: every fifth label in turn is left out."""
    weights = tally(design, labels).select("stratum", "weight")
    judged = labels.filter(pl.col("label").is_in(("yes", "no"))).join(weights, on="stratum", maintain_order="left")
    judged = judged.sort("stratum", "expansion_score", "member_key").with_row_index("nth")
    judged = judged.with_columns(fold=pl.col("nth") % FOLDS, is_rule_member=pl.col("stratum") == RULE)
    p = np.empty(judged.height)
    for fold in range(FOLDS):
        p[fold::FOLDS] = calibrate(design, judged.filter(pl.col("fold") != fold)).of(judged[fold::FOLDS])
    return calibration_error(p, (judged["label"] == "yes").to_numpy() * 1.0, judged["weight"].to_numpy())
