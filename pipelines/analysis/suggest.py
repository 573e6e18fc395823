"""Suggest on the published night: audiences that nobody named, and what would extend a segment. Nothing is added."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path

import duckdb
import polars as pl

from pipelines.analysis.communities import Discovery, State, discover
from pipelines.analysis.expand import Candidate, Estimate, Near, Options, near
from pipelines.analysis.preview import current
from pipelines.analysis.sandbox import opened_on
from pipelines.common.errors import SettingsError
from pipelines.common.settings import Settings, private
from pipelines.segments import label_history
from pipelines.segments.definition import Definition, Known
from pipelines.segments.policy import is_refused
from pipelines.segments.rule import FollowsAtLeast, leaves

__all__ = ["Candidate", "Discovery", "Estimate", "Near", "State", "suggest", "suggest_near", "write_drafts"]


def suggest(settings: Settings, known: Known) -> Discovery:
    """Find the published night's communities, starting from those of an earlier day; the same day gives the same.

    Which account was in which community is kept under `work/suggestions`; no person is in it.
    """
    snapshot_id = current(settings)
    day = snapshot_id[:10]
    folder = private(settings.work) / "suggestions"
    before = sorted(path for path in folder.glob("*.json") if path.stem < day)
    last = State.from_json(before[-1].read_text(encoding="utf-8")) if before else None
    with _people_of(settings, snapshot_id) as con:
        found = discover(con, last=last, is_refused=partial(is_refused, known.policy))
    folder.mkdir(exist_ok=True)
    unfinished = folder / f"{day}.unfinished"
    unfinished.write_text(found.state.to_json(), encoding="utf-8")
    unfinished.rename(folder / f"{day}.json")
    return found


def suggest_near(settings: Settings, definition: Definition, known: Known) -> Near:
    """Find the accounts and words that would extend a segment, with what each would change.

    Precision is judged by the labels of the segment's latest audit where there are enough.
    Raises `SegmentDefinitionError` where the segment has no members in the published night.
    """
    snapshot_id = current(settings)
    rules = list(leaves((*definition.rules, *definition.exclude)))
    follows = [rule for rule in rules if isinstance(rule, FollowsAtLeast)]
    accounts = {value for rule in rules if rule.names_accounts for value in rule.values}
    words = {value for rule in rules if rule.evidence_kind == "word" for value in rule.values}
    options = Options(
        used_accounts=accounts | set(definition.header.seeds),
        used_words=words,
        k=min((rule.least for rule in follows), default=2),
        audit=_labels(settings, definition.segment_id, snapshot_id),
        is_refused=partial(is_refused, known.policy),
    )
    with _people_of(settings, snapshot_id) as con:
        return near(con, definition.segment_id, options)


def write_drafts(found: Discovery, folder: Path) -> list[Path]:
    """Write the draft of every community that no segment covers; never over a file.

    Raises `SettingsError` where a file of that name is there.
    """
    drafts = [one.portrait for one in found.communities if one.portrait and one.portrait.is_new and one.portrait.draft]
    paths = [folder / f"{one.segment_id}.yml" for one in drafts]
    if there := [path for path in paths if path.exists()]:
        raise SettingsError(str(there[0]), "is there already", hint="name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    for path, draft in zip(paths, drafts, strict=True):
        path.write_text(draft.draft or "", encoding="utf-8")
    return paths


@contextmanager
def _people_of(settings: Settings, snapshot_id: str) -> Iterator[duckdb.DuckDBPyConnection]:
    with opened_on(settings, snapshot_id) as con:
        for table, source in (
            ("core.segment_membership", "snapshot.core.segment_membership"),
            ("stg.member", "state.stg.member"),
        ):
            con.execute(f"DROP TABLE {table}")
            con.execute(f"CREATE VIEW {table} AS SELECT * FROM {source}")
        yield con


def _labels(settings: Settings, segment_id: str, snapshot_id: str) -> pl.DataFrame | None:
    """The labels of the segment's latest audit, each with the people it stands for."""
    kept = label_history.read_audits(settings, date.fromisoformat(snapshot_id[:10]))
    own = [one for one in kept if one.audit.segment_id == segment_id]
    if not own:
        return None
    latest = max(own, key=lambda one: one.audit.labelled_on)
    weights = pl.DataFrame(
        [(str(one["stratum"]), one["weight"]) for one in latest.audit.strata],
        schema={"stratum": pl.String, "weight": pl.Float64},
        orient="row",
    )
    return (
        latest.labels.filter(pl.col("label") != "unsure")
        .join(weights, on="stratum")
        .select("member_key", (pl.col("label") == "yes").alias("label"), "weight")
    )
