"""The first screen's two questions: how fresh are the data, and what changed since the last night?"""

from typing import Any

import polars as pl

from pipelines.release.disclosure import Limits
from pipelines.report.figures import Night
from pipelines.report.labels import counted, listed
from pipelines.report.tables import few_seen

KIND_WORDS = {
    "follower": "follower list",
    "post": "posts",
    "engagement": "what people do",
    "account_day": "daily figures",
    "contact": "contacts",
}
MOST = 8  # changes listed one by one; a page that lists them all hides them


def data_status(night: Night, limit: Limits) -> dict[str, Any]:
    """Give the banner (or None), the sentence and list of late data, and the changes since the last night."""
    changes = _changes(night, limit)
    return {
        "banner": night.freshness.banner(night.as_of),
        "status": _sentence(night),
        "late": _late(night.stale),
        "changes": changes[:MOST],
        "more_changes": max(len(changes) - MOST, 0),
    }


def _sentence(night: Night) -> str:
    found = night.freshness
    if not found.n_fresh + found.n_stale:
        return "No extract of any open account has come"
    if not found.n_stale:
        return "All data that come are as fresh as their rhythm allows"
    late = counted(found.n_stale, "extract is", "extracts are")
    return f"{late} late or missing, of {found.n_fresh + found.n_stale}: nothing is answered with them"


def _late(stale: pl.DataFrame) -> list[str]:
    """Give one sentence for each kind and reason, with all accounts that it holds for."""
    grouped = stale.group_by("kind", "platform", "freshness_reason", maintain_order=True).agg("name")
    return [
        f"{listed(row['name'])} ({row['platform']}), {KIND_WORDS[row['kind']]}: {row['freshness_reason']}"
        for row in grouped.iter_rows(named=True)
    ]


def _changes(night: Night, limit: Limits) -> list[str]:
    """Give one line for each action, delivery and verdict that changed; none of a community that is too small."""
    few = few_seen(night.sizes, limit)
    lines = []
    for row in night.changes.iter_rows(named=True):
        if (row["segment_id"], row["platform"]) in few:
            continue
        if row["change_of"] == "rows":
            lines.append(f"{row['what']}: {row['change_reason']}")
        else:
            lines.append(f"{row['what']}: {row['changed_from']}, now {row['changed_to']}")
    return lines
