"""What would extend an existing segment: seed accounts and words that its rules do not use and its people do.

Every candidate is judged on counts of present members only:

lift       rate among the segment's members over rate among others, compared within strata of people who follow
           equally many other accounts (for a word: say equally many other words; and on the same platform), because
           whoever is more active follows more of everything. Mantel-Haenszel risk ratio with the interval of
           Greenland & Robins (Biometrics 1985, doi 10.2307/2530643) on the log scale.
adds       people outside the segment whom the rules would count with it: an account's followers who follow k - 1 of
           the used accounts; for a word, those who say it and none of the used ones.
found      of the members whom the used accounts (for a word: the used words) miss, the share that the candidate would
           have found. Those members are held out: other evidence brought them in. Wilson's interval.
recall     how much that raises the recall of this kind of evidence, measured on all members whom other evidence
           brought in. Right if bios and follows are independent given that a person belongs; too high otherwise.
precision  of the people newly counted: with an audit, the weighted share that is labelled right (Wilson on Kish's
           effective n); without one the share that is in the segment today, which is too low, as the segment misses
           people. `precision_corrected` is the usual cure: the other kind of evidence is seen at rate q1 among people
           whom today's rules of this kind hit, q0 among people whom nothing of this kind hits, q among the new:
           (q - q0) / (q1 - q0) (Rogan & Gladen 1978), relative to today's rules; 1 = as good as they are.
change     of the segment's precision if the people are added. Audit: (P_new - P_segment) * share of new people. Else
           today's members count as right, and the bounds reach from "all new people are wrong" up to none.

Where fewer than ten people stand behind a number it is withheld and only bounds are given, as if there were nine.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import polars as pl
from scipy.stats import norm

from pipelines.analysis import keyness
from pipelines.analysis.keyness import Refused
from pipelines.analysis.lift import log_lifts
from pipelines.common.errors import RefError, SegmentDefinitionError
from pipelines.reach.intervals import Z

DRAWS = 4000
AUDIT = "audit"
TODAY = "against today's membership"

# Labels, their weight, the sum of squared weights, and the weight that is right.
Audited = tuple[int, float, float, float]
NO_LABELS: Audited = (0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval; `n` people stand behind it. None: fewer than the least do."""

    value: float | None = None
    lo: float | None = None
    hi: float | None = None
    n: int | None = None


@dataclass(frozen=True)
class Candidate:
    """An account (`platform:account_id`) or a word that the segment's rules do not use. The module says what is what.

    `people` are the segment's who follow or say it.
    """

    value: str
    name: str
    people: int
    lift: Estimate
    adds_people: int | None
    found: Estimate
    recall_gain: Estimate
    precision: Estimate
    precision_basis: str
    precision_corrected: Estimate
    precision_change: Estimate


@dataclass(frozen=True)
class Near:
    """What would extend a segment, the surest lift first. `n_tested_*` is of how many this is the best."""

    segment_id: str
    people: int | None
    accounts: tuple[Candidate, ...] = ()
    words: tuple[Candidate, ...] = ()
    n_tested_accounts: int = 0
    n_tested_words: int = 0


@dataclass(frozen=True)
class Options:
    """What the rules use already, what judges precision, and what is listed.

    `used_accounts` ("platform:account_id"), `used_words` (words or phrases) and `k` are those of the segment's rules.
    `audit` has member_key, label (true or 1: belongs) and weight (people it stands for). With `only_beyond_chance`,
    only candidates are listed whose lift no best-of-all-tested would reach by chance (Bonferroni, 5 %).
    """

    used_accounts: Collection[str]
    used_words: Collection[str]
    k: int = 2
    audit: pl.DataFrame | None = None
    is_refused: Refused = keyness.nothing_refused
    least_people: int = keyness.LEAST_PEOPLE
    most: int = 25
    only_beyond_chance: bool = True


@dataclass(frozen=True)
class _Segment:
    """The segment's people today, and the labels among them."""

    people: int
    labels: Audited


@dataclass(frozen=True)
class _Kind:
    """One kind of evidence: its candidates' counts, everybody's in the same columns, and those who could be hit."""

    hits: pl.DataFrame
    everybody: pl.DataFrame
    population: pl.DataFrame
    audit: dict[tuple[str, bool], Audited]


def near(con: duckdb.DuckDBPyConnection, segment_id: str, options: Options) -> Near:
    """Find accounts and words near a segment.

    Raises `SegmentDefinitionError` where nobody is in the segment, `RefError` where an option is unusable.
    """
    if wrong := sorted(ref for ref in options.used_accounts if ":" not in ref):
        raise RefError("used accounts", f"hold {wrong[0]!r}", hint="platform:account_id")
    platforms = sorted(keyness.rows(con, "segment_platform", segment=segment_id)["platform"])
    if not platforms:
        known = sorted(keyness.rows(con, "segment")["segment_id"])
        raise SegmentDefinitionError(f"segment '{segment_id}'", "has no members today", known=known)
    try:
        _prepare(con, options)
        keyness.keep(con, "word", platforms=platforms, least_people=options.least_people)
        keyness.keep(con, "person", platforms=platforms, k=options.k)
        everybody = keyness.rows(con, "person_count")
        people = int(everybody.filter("in_segment")["n_people"].sum())
        if people < options.least_people:
            return Near(segment_id, None)
        labels = _audited(con, "segment_audit", options.audit).get(("everybody", True), NO_LABELS)
        kinds = _kinds(con, everybody, options)
    finally:
        keyness.forget(con)
    judged = [_judged(kind, _Segment(people, labels), options) for kind in kinds]
    tested = [int(kind.hits["candidate"].n_unique()) for kind in kinds]
    return Near(segment_id, people, judged[0], judged[1], tested[0], tested[1])


def _prepare(con: duckdb.DuckDBPyConnection, options: Options) -> None:
    """Hand over what the rules use, and the audit."""
    refs = [ref.split(":", 1) for ref in sorted(set(options.used_accounts))]
    schema = {"platform": pl.String, "account_id": pl.String}
    keyness.hand_over(con, "used_account", pl.DataFrame(refs, schema=schema, orient="row"))
    phrases = pl.DataFrame({"phrase": sorted(set(options.used_words))}, schema={"phrase": pl.String})
    keyness.hand_over(con, "used_phrase", phrases)
    audit = options.audit
    if audit is None:
        return
    columns: dict[str, pl.DataType] = {"member_key": pl.UInt64(), "label": pl.Int32(), "weight": pl.Decimal(18, 6)}
    if missing := [column for column in columns if column not in audit.columns]:
        raise RefError("audit", f"lacks {missing[0]}", known=columns)
    kept = audit.select(pl.col(column).cast(kind) for column, kind in columns.items())
    keyness.hand_over(con, "audit", kept.filter(pl.col("weight") > 0))


def _kinds(con: duckdb.DuckDBPyConnection, everybody: pl.DataFrame, options: Options) -> tuple[_Kind, _Kind]:
    """Count the candidates: accounts, and words."""
    follows = everybody.rename({"follows_enough": "has_same", "says_used": "has_other", "n_accounts": "activity"})
    says = everybody.rename({"says_used": "has_same", "follows_enough": "has_other", "n_words": "activity"})
    accounts = keyness.rows(con, "near_account", least_people=options.least_people)
    words = keyness.rows(con, "near_word", least_people=options.least_people)
    refused = {word for word in words["candidate"].unique() if word in keyness.STOP_WORDS or options.is_refused(word)}
    words = words.filter(~pl.col("candidate").is_in(refused))
    return (
        _Kind(accounts, follows, follows, _audited(con, "near_account_audit", options.audit)),
        _Kind(words, says, says.filter("has_bio"), _audited(con, "near_word_audit", options.audit)),
    )


def _audited(con: duckdb.DuckDBPyConnection, query: str, audit: pl.DataFrame | None) -> dict[tuple[str, bool], Audited]:
    """The labels by candidate and place, none where there is no audit."""
    if audit is None:
        return {}
    columns = ("candidate", "in_segment", "n_labels", "weight", "weight_squared", "weight_right")
    return {
        (candidate, inside): (int(n), float(weight), float(squared), float(right))
        for candidate, inside, n, weight, squared, right in keyness.rows(con, query).select(columns).iter_rows()
    }


def _judged(kind: _Kind, segment: _Segment, options: Options) -> tuple[Candidate, ...]:
    """Judge one kind's candidates, and the best of them in full."""
    if kind.hits.is_empty():
        return ()
    inside, new = pl.col("in_segment"), pl.col("would_count")
    count = pl.col("n_people")
    table = (
        kind.hits.group_by("candidate")
        .agg(
            pl.col("name").min(),
            pl.col("platform").unique().sort().alias("platforms"),
            count.filter(inside).sum().alias("a"),
            count.filter(~inside).sum().alias("b"),
            count.filter(new).sum().alias("new"),
            count.filter(new & inside).sum().alias("new_inside"),
            count.filter(new & pl.col("has_other")).sum().alias("new_other"),
        )
        .sort("candidate")
    )
    of_accounts = ":" in str(table["candidate"][0])
    log_lift, se, known = log_lifts(kind.hits, kind.population, table, of_accounts, options.least_people)
    lo = log_lift - Z * se
    beyond_chance = log_lift / se > norm.isf(0.025 / len(table))
    best_first = np.lexsort((np.arange(len(table)), -lo))
    judged = []
    for n in [n for n in best_first if beyond_chance[n] or not options.only_beyond_chance][: options.most]:
        row = table.row(int(n), named=True)
        value, hi = (np.exp(log_lift[n]), np.exp(log_lift[n] + Z * se[n])) if known[n] else (None, None)
        lift = _rounded(Estimate(value, float(np.exp(lo[n])), hi, int(row["a"] + row["b"]) if known[n] else None))
        everybody = kind.everybody.filter(pl.col("platform").is_in(row["platforms"])) if of_accounts else kind.everybody
        judged.append(_candidate(row, lift, everybody, kind.audit, segment, options.least_people))
    return tuple(judged)


def _candidate(
    row: dict[str, Any],
    lift: Estimate,
    everybody: pl.DataFrame,
    audit: dict[tuple[str, bool], Audited],
    segment: _Segment,
    least: int,
) -> Candidate:
    """Estimate recall and precision of one candidate; see the module for what each number means."""
    new_inside, adds = row["new_inside"], row["new"] - row["new_inside"]
    inside, same, other = pl.col("in_segment"), pl.col("has_same"), pl.col("has_other")
    missed, otherwise = _people(everybody, inside & ~same, inside & (~same | other))
    corrected = _corrected_precision(row, everybody, least)
    labels = [audit.get((row["candidate"], place), NO_LABELS) for place in (False, True)]
    n, weight, squared, right = (one + two for one, two in zip(*labels, strict=True))
    if n >= least:
        precision, basis = wilson(right / weight, weight**2 / squared, int(n)), AUDIT
        change = _audited_change(labels[0], segment.labels, adds, segment.people, least)
    else:
        shown = [max(part, least - 1) for part in (new_inside, adds)]  # one must not give the other away
        precision, basis = share(shown[0], sum(shown), least) if max(shown) >= least else Estimate(), TODAY
        change = _change_today(corrected, row["new"], new_inside, segment.people, least)
    return Candidate(
        value=row["candidate"],
        name=row["name"],
        people=row["a"],
        lift=lift,
        adds_people=adds if adds >= least else None,
        found=_rounded(share(new_inside, missed, least)),
        recall_gain=_rounded(share(new_inside, otherwise, least)),
        precision=_rounded(precision),
        precision_basis=basis,
        precision_corrected=_rounded(corrected),
        precision_change=_rounded(change),
    )


def _people(everybody: pl.DataFrame, *kinds: pl.Expr) -> list[int]:
    return [int(everybody.filter(kind).select(pl.col("n_people").sum()).item()) for kind in kinds]


def _corrected_precision(row: dict[str, Any], everybody: pl.DataFrame, least: int) -> Estimate:
    """Correct the precision of the new people by the rules' other evidence; nothing where few are new or known."""
    if min(row["new_inside"], row["new"] - row["new_inside"]) < least:
        return Estimate()
    same, other = pl.col("has_same"), pl.col("has_other")
    rules, rules_other, rest, rest_other = _people(everybody, same, same & other, ~same, ~same & other)
    new, new_other = row["new"], row["new_other"]
    return _corrected((new_other, new), (rules_other, rules), (rest_other - new_other, rest - new), least)


def wilson(p: float, effective_n: float, n: int) -> Estimate:
    """Wilson's interval (1927) of a share `p` of `effective_n` people; `n` is what is told."""
    z2 = Z**2 / effective_n
    middle = (p + z2 / 2) / (1 + z2)
    half = Z / (1 + z2) * np.sqrt(p * (1 - p) / effective_n + z2 / (4 * effective_n))
    return Estimate(p, max(0.0, float(middle - half)), min(1.0, float(middle + half)), n)


def share(x: int, n: int, least: int) -> Estimate:
    """The share x / n with Wilson's interval; a bound only where x or n - x is below `least`, nothing where n is."""
    if n < least:
        return Estimate()
    if x < least:
        return Estimate(None, 0.0, wilson(min(least - 1, n) / n, n, n).hi, n)
    if n - x < least:
        return Estimate(None, wilson(max(n - least + 1, 0) / n, n, n).lo, 1.0, n)
    return wilson(x / n, n, n)


def _corrected(new: tuple[int, int], rules: tuple[int, int], rest: tuple[int, int], least: int) -> Estimate:
    """(q - q0) / (q1 - q0) from (hits, people) of each, within 0-1; interval from Beta(x + 1/2, n - x + 1/2) draws."""
    if (
        min(new[1], rules[1], rest[1]) < least
        or min(new[0], rules[0]) < least
        or rules[0] * rest[1] <= rest[0] * rules[1]
    ):
        return Estimate()
    draw = np.random.default_rng(0)
    q, q1, q0 = (draw.beta(x + 0.5, n - x + 0.5, DRAWS) for x, n in (new, rules, rest))
    ratio = np.clip((q - q0) / np.maximum(q1 - q0, 1e-9), 0, 1)
    lo, hi = np.quantile(ratio, (0.025, 0.975))
    p, p1, p0 = (x / n for x, n in (new, rules, rest))
    return Estimate(min(1.0, max(0.0, (p - p0) / (p1 - p0))), float(lo), float(hi), new[1])


def _change_today(corrected: Estimate, new: int, new_inside: int, people: int, least: int) -> Estimate:
    """Change of precision if today's members are right and `corrected` of the new people are."""
    adds = new - new_inside
    if adds < least:
        return Estimate()
    part = adds / (people + adds)
    if corrected.value is None or corrected.lo is None or corrected.hi is None:
        return Estimate(None, -part, 0.0, adds)
    right = [min(1.0, max(0.0, (p * new - new_inside) / adds)) for p in (corrected.value, corrected.lo, corrected.hi)]
    return Estimate(-(1 - right[0]) * part, -(1 - right[1]) * part, -(1 - right[2]) * part, adds)


def _audited_change(
    outside: Audited,
    inside: Audited,
    adds: int,
    people: int,
    least: int,
) -> Estimate:
    """Change of precision by the audit of both parts; Beta draws on Kish's effective numbers."""
    if adds < least or min(outside[0], inside[0]) < least:
        return Estimate()
    part = adds / (people + adds)
    draw = np.random.default_rng(0)
    shares, draws = [], []
    for _, weight, squared, right in (outside, inside):
        effective, p = weight**2 / squared, right / weight
        shares.append(p)
        draws.append(draw.beta(p * effective + 0.5, (1 - p) * effective + 0.5, DRAWS))
    lo, hi = np.quantile((draws[0] - draws[1]) * part, (0.025, 0.975))
    return Estimate((shares[0] - shares[1]) * part, float(lo), float(hi), adds)


def _rounded(one: Estimate) -> Estimate:
    """Four decimals: more would say more than is known, and differ between machines."""
    value, lo, hi = (None if number is None else round(float(number), 4) for number in (one.value, one.lo, one.hi))
    return Estimate(value, lo, hi, one.n)
