"""A small published night, made by hand: every figure of the report can be told from these few lines."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from pipelines.common.contract import contracts

AS_OF = date(2026, 3, 31)
RUN_ID = "2026-03-31-20260401T010203-abcd"
SCHEMAS = ("ref", "core", "mart", "meta")
BANDS = {"shown_people_at_least": 10.0, "shown_people_rounded_to": 5.0}
Set = tuple[str, ...]


@dataclass
class SmallNight:
    """What a made-up night holds. `sets`: people by segment, platform, basis and set of accounts."""

    run_id: str = RUN_ID
    names: dict[tuple[str, str], str] = field(
        default_factory=lambda: {
            ("x", "1"): "Dale Police",
            ("x", "2"): "Dale Riders",
            ("x", "3"): "Dale Roads",
            ("facebook", "f"): "Dale Police",
        }
    )
    titles: dict[str, str] = field(default_factory=lambda: {"rider": "Motorcyclists", "farmer": "Farmers"})
    sets: dict[tuple[str, str, str], dict[Set, int]] = field(
        default_factory=lambda: {
            ("rider", "x", "follower"): {(): 100, ("2",): 801, ("1",): 37, ("1", "2"): 203, ("2", "3"): 61},
            ("farmer", "x", "follower"): {(): 400, ("1",): 58, ("3",): 3, ("1", "3"): 4},
            ("rider", "x", "engaged"): {(): 700, ("2",): 400, ("1", "2"): 102},
            ("farmer", "x", "engaged"): {(): 460, ("1",): 5},
            ("everyone", "x", "follower"): {
                (): 4000, ("1",): 2001, ("2",): 903, ("3",): 6, ("1", "2"): 250, ("1", "3"): 300, ("2", "3"): 61,
            },
            ("everyone", "x", "engaged"): {(): 6000, ("1",): 900, ("2",): 500, ("1", "2"): 121},
            ("rider", "x", "active"): {(): 400, ("2",): 602, ("1",): 20, ("1", "2"): 180},
            ("farmer", "x", "active"): {(): 425, ("1",): 40},
            ("everyone", "x", "active"): {(): 5521, ("1",): 1200, ("2",): 600, ("1", "2"): 200},
        }
    )  # fmt: skip
    reasons: dict[tuple[str, str], str] = field(default_factory=lambda: {("facebook", "f"): "totals only"})
    partial: set[str] = field(default_factory=set)
    warnings: dict[str, str] = field(default_factory=dict)
    quarantine: dict[str, int] = field(default_factory=dict)
    n_restated: int = 0
    more: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def write(self, path: Path) -> Path:
        """Write the night as a snapshot with every table of the contracts, most of them empty."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        con = duckdb.connect(str(path))
        for schema in SCHEMAS:
            con.execute(f"CREATE SCHEMA {schema}")
            for table in contracts(schema).values():
                columns = ", ".join(f"{column.name} {column.type}" for column in table.columns)
                con.execute(f"CREATE TABLE {table.name} ({columns})")
        for name, rows in [*self._tables().items(), *self.more.items()]:
            for row in rows:
                marks = ", ".join(f"${column}" for column in row)
                con.execute(f"INSERT INTO {name} ({', '.join(row)}) VALUES ({marks})", row)
        con.close()
        return path

    def _tables(self) -> dict[str, list[dict[str, Any]]]:
        return {
            "core.account": [
                {
                    "platform": platform, "account_id": one, "handle": f"h{one}", "name": name, "role": "own",
                    "is_open": True,
                }
                for (platform, one), name in self.names.items()
            ],
            "mart.reach_signature": [
                {
                    "as_of": AS_OF, "segment_id": s, "platform": p, "basis": b, "account_ids": list(ids), "people": n,
                    "n_members": n, "people_variance": 0.0,
                }
                for (s, p, b), sets in self.sets.items()
                for ids, n in sets.items()
            ],
            "mart.segment_reach": [
                self._reach(segment, platform, one, basis)
                for segment in (*self.titles, "everyone")
                for platform, one in self.names
                for basis in ("follower", "active", "engaged")
            ],
            "mart.segment_size": [self._size(segment) for segment in (*self.titles, "everyone")],
            "mart.account_scorecard": [self._scorecard(platform, one) for platform, one in self.names],
            "meta.run": [
                {
                    "run_id": self.run_id, "as_of": AS_OF, "status": "published",
                    "started_at": datetime(2026, 4, 1, tzinfo=UTC),
                }
            ],
            "meta.validation_result": self._checks(),
            "meta.delivery": [
                {
                    "delivery_id": "d1", "source": "x_lists", "snapshot_on": AS_OF, "table_name": "follower",
                    "n_rows": 9007,
                    "n_rows_loaded": 9000, "n_rows_quarantined": sum(self.quarantine.values()), "n_rows_duplicate": 7,
                }
            ],
            "meta.quarantine": [
                {
                    "delivery_id": "d1", "table_name": "follower", "quarantine_effect": "row kept out",
                    "quarantine_reason": reason, "n_rows": n,
                }
                for reason, n in self.quarantine.items()
            ],
            "core.account_day_restatement": [
                {"platform": "x", "account_id": str(n), "metric": "impressions", "restated_on": AS_OF}
                for n in range(self.n_restated)
            ],
        }  # fmt: skip

    def _people(self, segment: str, platform: str, basis: str) -> dict[Set, int]:
        return self.sets.get((segment, platform, basis), {})

    def _reach(self, segment: str, platform: str, one: str, basis: str) -> dict[str, Any]:
        """One row as the mart's SQL would give it, by adding up the sets."""
        row = {"as_of": AS_OF, "segment_id": segment, "platform": platform, "account_id": one, "basis": basis}
        if (platform, one) in self.reasons:
            return row | {"reach_status": "unknown", "reach_reason": self.reasons[platform, one]}
        sets, everyone = self._people(segment, platform, basis), self._people("everyone", platform, basis)
        is_partial = one in self.partial and basis != "engaged"
        reach = sum(n for ids, n in sets.items() if one in ids)
        account_people = sum(n for ids, n in everyone.items() if one in ids)
        segment_people, everyone_people = sum(sets.values()), sum(everyone.values())
        found: dict[str, float | None] = {
            "reach_people": reach,
            "exclusive_people": sets.get((one,), 0),
            "fair_share_people": sum(n / len(ids) for ids, n in sets.items() if one in ids),
            "coverage_share": reach / segment_people if segment_people else None,
            "composition_share": reach / account_people if account_people else None,
            "frequency": sum(n * len(ids) for ids, n in sets.items() if one in ids) / reach if reach else None,
        }
        bounds = {f"{name}_lo": value for name, value in found.items()}
        bounds |= {f"{name}_hi": None if is_partial else value for name, value in found.items()}
        size = dict.fromkeys(("segment_people", "segment_people_lo", "segment_people_hi"), segment_people)
        return row | found | bounds | size | {
            "account_people": account_people,
            "everyone_people": everyone_people,
            "n_audited": 0,
            "data_on": AS_OF,
            "reach_status": "lower_bound" if is_partial else "exact",
            "reach_reason": "partial list: at least this many" if is_partial else None,
        }  # fmt: skip

    def _size(self, segment: str) -> dict[str, Any]:
        sets = self._people(segment, "x", "follower")
        return {
            "as_of": AS_OF, "segment_id": segment, "platform": "x", "title": self.titles.get(segment, "Everyone seen"),
            "segment_people": sum(sets.values()),
            **dict.fromkeys(
                ("reached_people", "reached_people_lo", "reached_people_hi"), sum(n for ids, n in sets.items() if ids)
            ),
            "everyone_people": sum(self._people("everyone", "x", "follower").values()),
        }  # fmt: skip

    def _scorecard(self, platform: str, one: str) -> dict[str, Any]:
        row = {
            "as_of": AS_OF,
            "platform": platform,
            "account_id": one,
            "handle": f"h{one}",
            "name": self.names[platform, one],
        }
        if (platform, one) in self.reasons:
            declared = {"n_impressions": 4321, "usage_warnings": "impressions changed their meaning on 2026-02-01"}
            return row | {"is_open": True, "data_basis": self.reasons[platform, one]} | declared
        reach = self._reach("everyone", platform, one, "follower")
        return row | {
            "is_open": True, "data_basis": "people", "follower_list_on": AS_OF, "followers": reach["reach_people"],
            "reach_people": reach["reach_people"], "exclusive_people": reach["exclusive_people"], "n_posts": 12,
            "earlier_list_on": date(2026, 3, 1), "net_new_followers": -3, "churn_share": 0.001,
        }  # fmt: skip

    def _checks(self) -> list[dict[str, Any]]:
        held = {"run_id": self.run_id, "layer": "raw", "table_name": "meta.delivery", "severity": "critical"}
        return [held | {"expectation_id": "rows_are_accounted_for", "is_success": True, "n_unexpected": 0}] + [
            held
            | {
                "expectation_id": name,
                "severity": "warning",
                "is_success": False,
                "n_unexpected": 4711,
                "notes": notes,
            }
            for name, notes in self.warnings.items()
        ]
