"""The reference folder as tables: `ref.account`, `ref.segment` and the rules, for SQL to join."""

import duckdb

from pipelines.contract import contracts
from pipelines.reference import AcceptedList, Account
from pipelines.segments.definition import Definition


def load(
    con: duckdb.DuckDBPyConnection,
    accounts: list[Account],
    accepted: list[AcceptedList],
    definitions: list[Definition],
) -> None:
    """Replace every table of schema `ref`."""
    con.execute("CREATE SCHEMA IF NOT EXISTS ref")
    rows: dict[str, list[tuple[object, ...]]] = {
        "account": [
            (one.platform, one.account_id, one.handle, one.name, one.role, one.purpose, one.opened_on, one.closed_on)
            for one in accounts
        ],
        "accepted_list": [(one.platform, one.account_id, one.observed_on, one.reason) for one in accepted],
        "segment": [(one.segment_id, one.title, one.question, one.owner, one.definition_hash) for one in definitions],
        "segment_rule": [
            (one.segment_id, rule.rule_id, effect, rule.match, rule.evidence_kind, rule.k, rule.why)
            for one in definitions
            for effect, rules in (("include", one.rules), ("exclude", one.exclude))
            for rule in rules
        ],
        "segment_rule_value": [
            (one.segment_id, rule.rule_id, rule.match, value, *_account_of(rule.evidence_kind, value), rule.k)
            for one in definitions
            for rule in (*one.rules, *one.exclude)
            for value in rule.values
        ],
    }
    for name, table in contracts("ref").items():
        columns = ", ".join(f"{column.name} {column.type}" for column in table.columns)
        con.execute(f"CREATE OR REPLACE TABLE ref.{name} ({columns})")
        if rows[name]:
            con.executemany(f"INSERT INTO ref.{name} VALUES ({', '.join('?' * len(table.columns))})", rows[name])


def _account_of(evidence_kind: str, value: str) -> tuple[str | None, str | None]:
    if evidence_kind != "connection":
        return None, None
    platform, account_id = value.split(":", 1)
    return platform, account_id
