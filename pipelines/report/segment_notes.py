"""What a reader must know about a segment before its numbers: warnings, overrides, audits and estimates."""

from typing import Any

from pipelines.release import disclosure
from pipelines.release.disclosure import Limits
from pipelines.report.figures import Night
from pipelines.report.labels import platform_name
from pipelines.segments.definition import WARNINGS

Row = dict[str, Any]

QUALITY_TITLES = {
    "rule_precision": "of those its rules find belong",
    "rule_recall": "of its people are found by its rules",
}
SIGNALS = {"good": "a good estimate", "weak": "a weak estimate"}


def notes(night: Night, limit: Limits) -> dict[str, list[str]]:
    """Sentences by segment id, in the order a reader needs them; counts pass through disclosure."""
    sentences: dict[str, list[str]] = {}
    for row in night.definitions.to_dicts():
        sentences[row["segment_id"]] = [*_override(row), *_warnings(row)]
    for row in night.quality.to_dicts():
        sentences.setdefault(row["segment_id"], []).append(_audited(row, limit))
    for row in night.expansion.to_dicts():
        sentences.setdefault(row["segment_id"], []).append(_unaudited(row, limit))
    return sentences


def _override(row: Row) -> list[str]:
    if not row["approved_by"]:
        return []
    return [
        f"Overrides the policy on what a segment may be about. Lawful basis: {row['lawful_basis']}. "
        f"Approved by: {row['approved_by']}."
    ]


def _warnings(row: Row) -> list[str]:
    names = [name for name in (row["usage_warnings"] or "").split(", ") if name]
    texts = [WARNINGS.get(name, name) for name in names]
    return [f"{text[0].upper()}{text[1:]}." for text in texts]


def _audited(row: Row, limit: Limits) -> str:
    size, lo, hi = (
        disclosure.people(None if row[name] is None else round(row[name]), limit).text
        for name in ("size_people", "size_people_lo", "size_people_hi")
    )
    audit = (
        f"Audited on {platform_name(row['platform'])}, {row['labelled_on']}, {row['n_labels']} labels: {size} people"
    )
    parts = [f"{audit} ({lo} to {hi}, 95 %)"]
    for measure, title in QUALITY_TITLES.items():
        if row[measure] is not None:
            interval = f"{row[f'{measure}_lo']:.0%} to {row[f'{measure}_hi']:.0%}"
            parts.append(f"{row[measure]:.0%} ({interval}) {title}")
    return "; ".join(parts) + "."


def _unaudited(row: Row, limit: Limits) -> str:
    where = platform_name(row["platform"])
    if row["guard"] not in ("good", "weak"):
        return f"No estimate for {where} beyond the people its rules find: {row['guard_reason']}."
    lo, hi = (disclosure.people(row[name], limit).text for name in ("segment_people_lo", "segment_people_hi"))
    return (
        f"Not audited on {where}. Judged by whom its people follow, it may have {lo} to {hi} people "
        f"({SIGNALS[row['guard']]}). The figures count only those whom its rules find, until an audit."
    )
