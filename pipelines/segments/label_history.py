"""The audits that count: which one is current on which day, and its estimates, as tables that SQL can join.

An audit counts from the day it was scored until the next one of its segment, platform and definition, and only while
that definition is valid: one of an edited definition neither counts nor ends another. What accounts weigh is frozen
with it: its probabilities were found for these very scores.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pipelines.common.errors import RefError
from pipelines.common.settings import Settings
from pipelines.segments.history import FOREVER, Version
from pipelines.segments.history import tables as version_tables
from pipelines.segments.label_audit import RULE, Change, drift
from pipelines.segments.label_file import Audit, erase_labels, kept_labels, latest_audits

WEIGHTS = "weights.json"
HIGHEST = 1.7e308
Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Kept:
    """One scored audit: its record, its platform, what each account weighs, and the labels that are not erased."""

    audit: Audit
    platform: str
    weights: Mapping[str, str]
    labels: pl.DataFrame


def write_weights(folder: Path, platform: str, weights: Mapping[str, str], basis: str) -> None:
    """Freeze what each account weighs beside an audit's design; decimals as text, no person.

    `basis` says whether rejected people of earlier audits count in it, and why.
    """
    path = folder / WEIGHTS
    frozen = {"platform": platform, "basis": basis, "accounts": dict(weights)}
    path.write_text(json.dumps(frozen, indent=1), encoding="utf-8")
    path.chmod(0o600)


def read_weights(folder: Path) -> tuple[str, dict[str, str]]:
    """Read platform and weights back.

    Raises `RefError` where they are not as they were written.
    """
    try:
        read = json.loads((folder / WEIGHTS).read_text(encoding="utf-8"))
        return str(read["platform"]), {str(one): str(weight) for one, weight in read["accounts"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise RefError(f"{folder.name}/{WEIGHTS}", "is not readable as an audit's weights", hint="restore it") from None


def read_audits(settings: Settings, until: date) -> list[Kept]:
    """Read every audit scored up to a day, by segment and oldest first.

    Raises `RefError` for a record that is not as it was written.
    """
    labels = kept_labels(settings, until)
    kept = []
    for audits in latest_audits(settings, until).values():
        for one in audits:
            platform, weights = read_weights(settings.work / "audits" / one.segment_id / one.audit_id)
            kept.append(Kept(one, platform, weights, labels.filter(_is_of(one))))
    return sorted(kept, key=lambda one: (one.audit.segment_id, one.platform, one.audit.labelled_on, one.audit.audit_id))


def _is_of(audit: Audit) -> pl.Expr:
    """Whether a label is an audit's: two segments drawn from one night have audits of the same id."""
    return (pl.col("segment_id") == audit.segment_id) & (pl.col("audit_id") == audit.audit_id)


def _name(audit: Audit) -> str:
    """An audit's name among those of all segments: its folder's."""
    return f"{audit.segment_id}/{audit.audit_id}"


def erase_gone(con: duckdb.DuckDBPyConnection, settings: Settings, until: date) -> int:
    """Erase the labels of people whom no current delivery holds any more; count them.

    `con` holds the night that is now published: `core.member` has everybody ever seen.
    """
    labelled = {int(key) for key in kept_labels(settings, until)["member_key"].unique()}
    if not labelled:
        return 0
    seen = con.sql("SELECT member_key FROM core.member").pl()["member_key"]
    gone = labelled - set(seen.filter(seen.is_in(sorted(labelled))))
    return erase_labels(settings, gone) if gone else 0


def tables(kept: list[Kept], versions: list[Version]) -> Rows:
    """The rows of `ref.segment_audit`, `audit_account_weight`, `audit_step`, `audit_measure` and `audit_label`."""
    in_force = [row[:4] for row in version_tables(versions)["segment_version"]]
    rows: Rows = {
        name: [] for name in ("segment_audit", "audit_account_weight", "audit_step", "audit_measure", "audit_label")
    }
    for _, group in groupby(kept, key=lambda one: (one.audit.segment_id, one.platform)):
        audits = list(group)
        for n, (one, before) in enumerate(zip(audits, [None, *audits[:-1]], strict=True)):
            rows["segment_audit"] += _times(one, _until(one.audit, audits[n + 1 :]), in_force)
            rows["audit_account_weight"] += [
                (_name(one.audit), one.platform, account_id, weight) for account_id, weight in one.weights.items()
            ]
            rows["audit_step"] += _steps(one.audit)
            rows["audit_measure"] += _measures(one, before.audit if before else None)
        rows["audit_label"] += _labels(audits, in_force)
    return rows


def judgements(kept: list[Kept]) -> list[tuple[Any, ...]]:
    """The rows of `ref.audit_judgement`: what an audit's model says of each labelled person, and what the label says.

    Only of people whom the model finds, by rule or by a probability above the audit's floor. A label stands for its
    stratum's people over its labels, unsure ones left out, as in `audit.tally`.
    """
    rows: list[tuple[Any, ...]] = []
    for one in kept:
        decided = one.labels.filter(pl.col("label") != "unsure")
        weights = {str(row["stratum"]): row["weight"] for row in one.audit.strata}
        people = decided.with_columns(is_rule_member=pl.col("stratum") == RULE)
        likely = people.with_columns(probability=pl.Series(one.audit.calibration.of(people), dtype=pl.Float64))
        by_score = pl.col("expansion_score").is_not_null() & (
            pl.col("probability") >= one.audit.quality.probability_floor
        )
        found = likely.filter(pl.col("is_rule_member") | by_score)
        for member_key, label, probability, stratum in found.select(
            "member_key", "label", "probability", "stratum"
        ).iter_rows():
            about = (one.audit.segment_id, one.platform, _name(one.audit), member_key, label == "yes")
            rows.append((*about, probability, weights[stratum]))
    return rows


def _until(audit: Audit, later: Iterable[Kept]) -> date:
    """The day of the next audit of the same definition."""
    same = (one.audit for one in later if one.audit.definition_hash == audit.definition_hash)
    return next((one.labelled_on for one in same), FOREVER)


def _pieces(
    audit: Audit, start: date, end: date, in_force: Iterable[tuple[Any, ...]]
) -> Iterable[tuple[date, date, date]]:
    """The times between two days in which the audited definition was current, and how far each is followed.

    An edit's own day is followed under the old definition too, to tell the edit from people.
    """
    for segment_id, definition_hash, version_from, version_to in in_force:
        if (segment_id, definition_hash) != (audit.segment_id, audit.definition_hash):
            continue
        begins, ends = max(start, version_from), min(end, version_to)
        if begins < ends:
            yield begins, ends, ends + timedelta(days=1) if ends == version_to != FOREVER else ends


def _times(one: Kept, end: date, in_force: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    audit = one.audit
    return [
        (
            audit.segment_id,
            one.platform,
            _name(audit),
            audit.definition_hash,
            *piece,
            audit.calibration.rule_probability,
            audit.quality.probability_floor,
        )
        for piece in _pieces(audit, audit.labelled_on, end, in_force)
    ]


def _steps(audit: Audit) -> list[tuple[Any, ...]]:
    steps = [(float(start), float(probability)) for start, probability in audit.calibration.table().iter_rows()]
    ends = [*(start for start, _ in steps), HIGHEST][1:]
    return [(_name(audit), start, end, probability) for (start, probability), end in zip(steps, ends, strict=True)]


def _measures(one: Kept, before: Audit | None) -> list[tuple[Any, ...]]:
    quality = one.audit.quality
    changes: dict[str, Change] = {}
    if before:
        changes = {change.measure: change for change in drift(quality, before.quality)}
    about = (one.audit.segment_id, one.platform, _name(one.audit), one.audit.labelled_on, one.audit.definition_hash)
    counts = (quality.n_yes + quality.n_no, quality.n_unsure)
    rows: list[tuple[Any, ...]] = []
    for measure, estimate in quality.estimates.items():
        change = changes.get(measure)
        moved = (change.difference, change.lo, change.hi, change.has_drifted) if change else (None, None, None, None)
        rows.append((*about, *counts, measure, estimate.value, estimate.lo, estimate.hi, *moved))
    error = ("calibration_error", quality.calibration_error, None, None, None, None, None, None)
    return [*rows, (*about, *counts, *error)]


def _labels(audits: list[Kept], in_force: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Each labelled person's label, until a later label of the same person by the same definition."""
    labelled: dict[tuple[int, str], list[tuple[Kept, str]]] = {}
    for one in audits:
        for member_key, label in one.labels.select("member_key", "label").iter_rows():
            if label != "unsure":
                labelled.setdefault((member_key, one.audit.definition_hash), []).append((one, label))
    rows: list[tuple[Any, ...]] = []
    for (member_key, definition_hash), by_audit in labelled.items():
        ends = [*(later.audit.labelled_on for later, _ in by_audit[1:]), FOREVER]
        for (one, label), end in zip(by_audit, ends, strict=True):
            row = (one.audit.segment_id, one.platform, member_key, label == "yes", definition_hash)
            for begins, _, followed_to in _pieces(one.audit, one.audit.labelled_on, end, in_force):
                rows.append((*row, begins, followed_to))
    return rows
