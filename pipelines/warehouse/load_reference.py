"""The reference folder as tables: `ref.account`, `ref.segment`, its versions and rules, for SQL to join."""

from collections.abc import Mapping, Sequence

import duckdb
import polars as pl

from pipelines.common import database
from pipelines.common.contract import contracts
from pipelines.reference.files import AcceptedList
from pipelines.segments import label_history
from pipelines.segments.definition import Definition, Known
from pipelines.segments.history import Version, tables
from pipelines.segments.rule import weighted


def load(
    con: duckdb.DuckDBPyConnection,
    known: Known,
    accepted: list[AcceptedList],
    definitions: list[Definition],
    versions: list[Version],
    kept: list[label_history.Kept] | None = None,
    bands: Mapping[str, float] | None = None,
    weights: Mapping[str, float] | None = None,
    placed: Mapping[str, pl.DataFrame] | None = None,
    metric_changes: Sequence[tuple[object, ...]] = (),
) -> None:
    """Replace every table of schema `ref`; without audits, bands or places theirs stay empty.

    Segments are those of the newest version; one whose file is gone or changed since, as in a night of an earlier
    day, keeps its id for a title.
    """
    con.execute("CREATE SCHEMA IF NOT EXISTS ref")
    in_force = versions[-1].compiled["segments"] if versions else {}
    named = {one.segment_id: one for one in definitions}
    rows: dict[str, list[tuple[object, ...]]] = {
        "account": [
            (one.platform, one.account_id, one.handle, one.name, one.role, one.purpose, one.opened_on, one.closed_on)
            for one in known.accounts
        ],
        "accepted_list": [(one.platform, one.account_id, one.observed_on, one.reason) for one in accepted],
        "place": [
            (one.place, one.region, one.country, one.latitude, one.longitude, one.is_home) for one in known.places
        ],
        "segment": [
            _segment(segment_id, named.get(segment_id), segment["definition_hash"], (weights or {}).get(segment_id))
            for segment_id, segment in in_force.items()
        ],
        "segment_rule": [
            (one.segment_id, rule.rule_id, effect, rule.match, rule.evidence_kind, weight, rule.why, rule.rule_hash)
            for one in definitions
            if one.segment_id in in_force
            for effect, items in (("include", one.rules), ("exclude", one.exclude))
            for item in items
            for rule, weight in weighted(item)
        ],
    }
    rows |= tables(versions)
    frames = placed or {}
    rows |= label_history.tables(kept or [], versions)
    rows["audit_judgement"] = label_history.judgements(kept or [])
    rows["band"] = list((bands or {}).items())
    rows["metric_change"] = list(metric_changes)
    for name, table in contracts("ref").items():
        columns = ", ".join(f"{column.name} {column.type}" for column in table.columns)
        con.execute(f"CREATE OR REPLACE TABLE ref.{name} ({columns})")
        if name in frames:
            con.register("placed", frames[name])
            con.execute(f"INSERT INTO ref.{name} BY NAME SELECT * FROM placed")
            con.unregister("placed")
        else:
            database.insert(con, f"ref.{name}", rows.get(name, []))


def _segment(
    segment_id: str, definition: Definition | None, definition_hash: str, weight: float | None
) -> tuple[object, ...]:
    if definition is None:
        return (segment_id, segment_id, None, None, weight, "rules_only", None, None, None, definition_hash)
    header = definition.header
    return (
        segment_id,
        header.title,
        header.question,
        header.owner,
        header.policy_weight if weight is None else weight,
        header.evidence.expansion,
        ", ".join(header.warnings) or None,
        header.lawful_basis,
        header.approved_by,
        definition_hash,
    )
