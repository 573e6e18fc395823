"""The reference folder as tables: `ref.account`, `ref.segment`, its versions and rules, for SQL to join."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import polars as pl

from pipelines.common import database
from pipelines.common.contract import contracts
from pipelines.reference.files import AcceptedList
from pipelines.segments import label_history
from pipelines.segments.definition import Definition, Known
from pipelines.segments.history import Version, tables
from pipelines.segments.rule import weighted
from pipelines.warehouse import build

Row = tuple[object, ...]


@dataclass(frozen=True)
class Reference:
    """What people decided, as read and checked; what is left out gives empty tables.

    `versions` of the definitions are oldest first. `bands` and `weights` (by segment) are numbers by name;
    `frames` holds whole tables by name: the gazetteer and its rules.
    """

    known: Known
    definitions: Sequence[Definition]
    versions: list[Version]
    accepted: Sequence[AcceptedList] = ()
    audits: list[label_history.Kept] = field(default_factory=list)
    bands: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    frames: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    metric_changes: Sequence[Row] = ()

    @property
    def current(self) -> dict[str, dict[str, Any]]:
        """The compiled segments of the newest version, by id."""
        return self.versions[-1].compiled["segments"] if self.versions else {}


def load(con: duckdb.DuckDBPyConnection, reference: Reference) -> None:
    """Replace every table of schema `ref`.

    Segments are those of the newest version; one whose file is gone or changed since, as in a night of an earlier
    day, has its id as its title.
    """
    con.execute("CREATE SCHEMA IF NOT EXISTS ref")
    rows = _rows(reference)
    for name, table in contracts("ref").items():
        build.create_table(con, table)
        if name in reference.frames:
            con.register("placed", reference.frames[name])
            con.execute(f"INSERT INTO ref.{name} BY NAME SELECT * FROM placed")
            con.unregister("placed")
        else:
            database.insert(con, f"ref.{name}", rows.get(name, []))


def _rows(reference: Reference) -> dict[str, list[Row]]:
    """Give the rows of every table of schema `ref` that is not a frame, by its name."""
    known, versions = reference.known, reference.versions
    named = {one.segment_id: one for one in reference.definitions}
    rows: dict[str, list[Row]] = {
        "account": [
            (one.platform, one.account_id, one.handle, one.name, one.role, one.purpose, one.opened_on, one.closed_on)
            for one in known.accounts
        ],
        "accepted_list": [(one.platform, one.account_id, one.observed_on, one.reason) for one in reference.accepted],
        "place": [
            (one.place, one.region, one.country, one.latitude, one.longitude, one.is_home) for one in known.places
        ],
        "segment": [
            _segment(segment_id, named.get(segment_id), segment["definition_hash"], reference.weights.get(segment_id))
            for segment_id, segment in reference.current.items()
        ],
        "segment_rule": [
            row for one in reference.definitions if one.segment_id in reference.current for row in _rule_rows(one)
        ],
        "audit_judgement": label_history.judgements(reference.audits),
        "band": list(reference.bands.items()),
        "metric_change": list(reference.metric_changes),
    }
    return rows | dict(tables(versions)) | label_history.tables(reference.audits, versions)


def _rule_rows(definition: Definition) -> Iterator[Row]:
    for effect, items in (("include", definition.rules), ("exclude", definition.exclude)):
        for item in items:
            for rule, weight in weighted(item):
                about = (definition.segment_id, rule.rule_id, effect, rule.match, rule.evidence_kind)
                yield (*about, weight, rule.why, rule.rule_hash)


def _segment(segment_id: str, definition: Definition | None, definition_hash: str, weight: float | None) -> Row:
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
