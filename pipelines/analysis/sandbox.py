"""A small warehouse in memory, to try definitions outside a night: the same models on other tables."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date

import duckdb

from pipelines.common import database
from pipelines.common.contract import contracts
from pipelines.common.errors import PublishError
from pipelines.common.settings import Settings
from pipelines.segments import history
from pipelines.segments.definition import Definition, Known
from pipelines.warehouse import build, load_reference
from pipelines.warehouse.catalogue import CARRIED, sql_models
from pipelines.warehouse.state import snapshot_path, state_path

RULE_MODELS = (
    "word_hit",
    "connection_hit",
    "audit_hit",
    "segment_rule_hit",
    "segment_evidence",
    "segment_spell",
    "segment_membership",
)
PUBLISHED = ("account", "engagement", "follow", "follower_list", "member")
RESTRICTED = ("member", "member_tag")


@contextmanager
def opened(settings: Settings, as_of: date) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory that has every table a model may read, all empty."""
    con = database.connect(None, settings)
    try:
        con.execute("SET VARIABLE as_of = $as_of", {"as_of": as_of})
        for schema in ("stg", "core", "expansion", "mart", "ref"):
            con.execute(f"CREATE SCHEMA {schema}")
            for contract in contracts(schema).values():
                build.create_table(con, contract)
        con.execute("CREATE SCHEMA prior")
        for name, source in CARRIED.items():
            schema, table = source.split(".")
            build.create_table(con, contracts(schema)[table], f"prior.{name}")
        yield con
    finally:
        con.close()


@contextmanager
def opened_on(settings: Settings, snapshot_id: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a sandbox over a published night: its people, read-only, and the stored words about them.

    Raises `PublishError` where the night's restricted file is gone.
    """
    state = state_path(settings, snapshot_id)
    if not state.exists():
        raise PublishError(snapshot_id, "no longer has its restricted file", hint="run stillreach nightly")
    with opened(settings, date.fromisoformat(snapshot_id[:10])) as con:
        for path, name in ((snapshot_path(settings, snapshot_id), "snapshot"), (state, "state")):
            con.execute(f"ATTACH '{database.quoted(path)}' AS {name} (READ_ONLY)")
        for name in PUBLISHED:
            con.execute(f"DROP TABLE core.{name}")
            con.execute(f"CREATE VIEW core.{name} AS SELECT * FROM snapshot.core.{name}")
        for name in RESTRICTED:
            con.execute(f"DROP TABLE prior.{name}")
            con.execute(f"CREATE VIEW prior.{name} AS SELECT * FROM state.stg.{name}")
        yield con


def find_members(con: duckdb.DuckDBPyConnection, definitions: Iterable[Definition], known: Known) -> None:
    """Build rule hits and membership by some definitions, as if they had always been current."""
    wanted = list(definitions)
    version = history.Version(history.ALWAYS, history.compiled(wanted))
    load_reference.load(con, load_reference.Reference(known, wanted, [version]))
    for model in sql_models("core"):
        if model.name in RULE_MODELS:
            build.build_model(con, model)
