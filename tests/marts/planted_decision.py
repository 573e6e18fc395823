"""A night made by hand for decisions: evidence planted figure by figure, and the sets of accounts that reach people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from pipelines.common.settings import SHIPPED_REF, Settings
from pipelines.marts import decision_evidence
from pipelines.reach.metrics import MEASURES
from pipelines.warehouse import build
from tests.marts.making import make
from tests.sql.case_runner import create_tables, insert

AS_OF = date(2026, 9, 30)
RUN_ID = "2026-09-30-20261001T010203000000-abcd"
Row = dict[str, Any]
# A figure: a number, or (value, lower, upper), or None for missing; of one community by its name.
Planted = dict[str, Any]
TABLES = (
    "core.account", "core.contact", "core.post", "ref.segment", "meta.freshness", "meta.run", "mart.account_scorecard",
    "mart.segment_reach", "mart.closure_effect", "mart.reach_signature", "mart.reach_verdict", "mart.reach_trend",
    "mart.visitor_reach", "core.interaction_count", "mart.interaction_quality", "mart.moderation_load",
    "mart.decision_evidence", "mart.decision", "mart.decision_check",
)  # fmt: skip


def settings(ref: Path = SHIPPED_REF) -> Settings:
    """Settings with the shipped rules and bands, or those of a folder."""
    return Settings(data=Path("nowhere"), ref=ref, key_file=Path("nowhere"))


@dataclass
class DecidedNight:
    """Accounts with their evidence, and how many active people exactly each set of accounts reaches (x, rider)."""

    evidence: dict[tuple[str, str], Planted] = field(default_factory=dict)
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    sets: dict[tuple[str, ...], float] = field(default_factory=dict)
    closures: list[Row] = field(default_factory=list)

    def decide(self, ref: Path = SHIPPED_REF) -> list[Row]:
        """Decide, and give the rows of `mart.decision`."""
        con = duckdb.connect(":memory:")
        self.fill(con)
        return make("decision", con, settings(ref), AS_OF).to_dicts()

    def fill(self, con: duckdb.DuckDBPyConnection) -> None:
        """Create the tables and plant what is known."""
        create_tables(con, TABLES)
        insert(
            con,
            "ref.segment",
            [
                {"segment_id": "rider", "title": "Riders", "owner": "Roads", "definition_hash": "h1"},
                {"segment_id": "farmer", "title": "Farmers", "owner": "Rural", "definition_hash": "h2"},
            ],
        )
        own = [
            {"platform": platform, "account_id": one, "name": self.names.get((platform, one), f"Account {one}"),
             "handle": f"h{one}", "role": "own", "is_open": True}
            for platform, one in self.evidence
        ]  # fmt: skip
        insert(con, "core.account", own)
        insert(con, "mart.decision_evidence", [row for key in self.evidence for row in self.rows(key)])
        insert(con, "mart.reach_signature", [
            {"as_of": AS_OF, "segment_id": segment, "platform": "x", "basis": "active", "account_ids": list(ids),
             "n_members": int(people), "people": people, "people_variance": 0.0}
            for ids, people in self.sets.items() for segment in ("rider", "everyone")
        ])  # fmt: skip
        insert(con, "mart.closure_effect", self.closures)

    def rows(self, key: tuple[str, str]) -> list[Row]:
        """Give the evidence rows of an account; what is not planted is missing with a reason."""
        planted = self.evidence[key]
        rows = []
        for name, measure in MEASURES.items():
            figure = planted.get(name)
            places = figure if isinstance(figure, Mapping) else {None: figure}
            if not measure.of_account and not isinstance(figure, Mapping):
                continue
            for segment, one in places.items():
                value, low, high = one if isinstance(one, tuple) else (one, one, one)
                base = planted.get("n_base", 1000.0)
                missing = decision_evidence.IMPACT_REASON if name == "impact" else "nothing came"
                rows.append({
                    "as_of": AS_OF, "platform": key[0], "account_id": key[1], "stage": measure.stage, "measure": name,
                    "segment_id": segment, "value": value,
                    "value_lo": low if measure.has_interval else None,
                    "value_hi": high if measure.has_interval else None, "unit": measure.unit, "n_base": base,
                    "evidence_reason": None if value is not None else missing, "source_table": measure.source,
                })  # fmt: skip
        return rows

    def write(self, path: Path, ref: Path = SHIPPED_REF, on: date = AS_OF) -> Path:
        """Write the night as a snapshot with its decisions."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        con = duckdb.connect(str(path))
        self.fill(con)
        build.write_table(con, "mart.decision", make("decision", con, settings(ref), on))
        build.write_table(con, "mart.decision_check", make("decision_check", con, settings(ref), on))
        started = datetime(2026, 10, 1, tzinfo=UTC)
        run = {"run_id": path.stem, "as_of": on, "status": "published", "started_at": started}
        insert(con, "meta.run", [run])
        con.close()
        return path


# Figures that satisfy each shipped rule and none before it, with the action it must lead to.
BASE: Planted = {"active_people": 500.0, "posts_per_week": 5.0, "days_since_post": 1.0}
KEEPS_VISITORS: Planted = BASE | {
    "active_people": {None: 500.0, "rider": 400.0}, "reaches": {"rider": 1.0}, "coverage_share": {"rider": 0.8},
    "lost_people": {None: 350.0, "rider": (300.0, 290.0, 310.0)}, "lost_share": {"rider": (0.6, 0.55, 0.65)},
    "visitor_share": {"rider": (0.8, 0.7, 0.85)},
}  # fmt: skip
FALLS: Planted = BASE | {
    "active_people": {None: 500.0, "farmer": 400.0}, "followers_change_share": {"farmer": -0.5},
    "hostile_share": (0.35, 0.25, 0.45), "contacts_change_share": (-0.4, -0.5, -0.3),
    "lost_share": {None: (0.2, 0.19, 0.21), "farmer": (0.1, 0.09, 0.11)}, "lost_people": {None: 120.0, "farmer": 80.0},
}  # fmt: skip
SILENT: Planted = BASE | {
    "days_since_post": 40.0, "posts_per_week": 0.0, "lost_share": {"rider": (0.05, 0.04, 0.06)},
    "lost_people": {"rider": 40.0}, "overlap_of_base": 0.6,
}  # fmt: skip
UNNEEDED: Planted = BASE | {
    "lost_share": {"rider": (0.0, 0.0, 0.0), "farmer": (0.001, 0.0, 0.005)}, "lost_people": {None: 1.0},
    "overlap_of_base": 0.9, "posts_per_week": 0.5, "alone_share": 0.01,
}  # fmt: skip
PLANTED: dict[str, tuple[Planted, str]] = {
    "activity_not_known": ({"followers": 390.0, "reach_people": {None: 390.0}}, "not enough evidence"),
    "no_people_known": ({"followers": 9000.0}, "not enough evidence"),
    "keeps_visitors": (KEEPS_VISITORS, "keep active"),
    "falls_away_and_is_met_with_hostility": (FALLS, "critical updates only"),
    "silent_but_another_has_its_people": (SILENT, "redirect"),
    "silent_and_alone": (SILENT | {"overlap_of_base": 0.1}, "dormant, retained"),
    "nobody_lost_and_hardly_posts": (UNNEEDED, "close"),
    "nobody_lost_but_posts": (UNNEEDED | {"posts_per_week": 9.0}, "merge into"),
    "reaches_and_is_needed": (KEEPS_VISITORS | {"visitor_share": {"rider": (0.1, 0.05, 0.2)}}, "keep active"),
    "many_have_no_other": (
        BASE | {"alone_share": 0.4, "lost_share": {"rider": (0.04, 0.03, 0.05)}, "lost_people": {"rider": 30.0}},
        "keep active",
    ),
    "no_rule_fits": (BASE | {"lost_share": {"rider": (0.015, 0.012, 0.02)}}, "not enough evidence"),
}  # fmt: skip
