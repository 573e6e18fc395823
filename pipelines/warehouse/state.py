"""The base of an incremental night: the newest earlier snapshot whose deliveries are all still current.

A snapshot holds `core`. Its restricted half, `work/state/<snapshot id>.duckdb`, holds the profiles of people, which a
snapshot may not. Together they are last night's state. A delivery that is late, or that supersedes one already
loaded, makes a state unusable: the night then uses an older state, or loads every delivery again. So a night always
gives the same tables as a rebuild, and its cost depends on the change and the audience, not on the length of history.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from pipelines.common import database
from pipelines.common.contract import contracts
from pipelines.common.query import query
from pipelines.common.settings import SQL, Settings, private
from pipelines.landing import extract_file, manifest, row_rules
from pipelines.landing.manifest import Delivery
from pipelines.warehouse import raw
from pipelines.warehouse.catalogue import CARRIED

STATE_TABLES = ("stg.member", "stg.member_tag")


@dataclass(frozen=True)
class Base:
    """The state to continue from (`snapshot_id` None: there is none), and the deliveries that it lacks."""

    snapshot_id: str | None
    missing: tuple[Delivery, ...]


def snapshot_path(settings: Settings, snapshot_id: str) -> Path:
    return settings.published / "snapshots" / f"{snapshot_id}.duckdb"


def state_path(settings: Settings, snapshot_id: str) -> Path:
    return settings.work / "state" / f"{snapshot_id}.duckdb"


def build_hash(decided: list[str], key_fingerprint: str, tone_fingerprint: str) -> str:
    """Hash what decides how deliveries become `core`: our SQL, what judges rows and texts, people's decisions, the key.

    A state built under another hash is never used as a base.
    """
    digest = hashlib.sha256()
    deciding = [path for layer in ("raw", "stg", "core", "query/warehouse") for path in sorted((SQL / layer).iterdir())]
    deciding += sorted((SQL / "meta").glob("*.yml"))  # these tables are carried over, too
    for path in (*deciding, *(Path(str(module.__file__)) for module in (raw, extract_file, manifest, row_rules))):
        digest.update(f"{path.parent.name}/{path.name}\n".encode() + path.read_bytes())
    digest.update("\n".join([*sorted(decided), key_fingerprint, tone_fingerprint]).encode())
    return digest.hexdigest()[:16]


def choose_base(
    settings: Settings,
    as_of: date,
    wanted: list[Delivery],
    wanted_hash: str,
    history_hash: Callable[[date], str],
) -> Base:
    """Find the newest state to continue from, and the deliveries still to be loaded.

    `history_hash` hashes the definitions current up to a day: a state built under others is unusable.
    """
    for path in sorted((settings.work / "state").glob("*.duckdb"), reverse=True):
        snapshot_id = path.stem
        if snapshot_id[:10] > as_of.isoformat() or not snapshot_path(settings, snapshot_id).exists():
            continue
        built = (wanted_hash, history_hash(date.fromisoformat(snapshot_id[:10])))
        missing = _missing(settings, path, snapshot_id, wanted, built)
        if missing is not None:
            return Base(snapshot_id, missing)
    return Base(None, tuple(wanted))


def _missing(
    settings: Settings, path: Path, snapshot_id: str, wanted: list[Delivery], built: tuple[str, str]
) -> tuple[Delivery, ...] | None:
    """The wanted deliveries that a state lacks, or None where a night cannot continue from it."""
    con = None
    try:
        con = database.connect(path, settings, read_only=True)
        _attach(con, settings, snapshot_id, with_state=False)
        state = con.execute("SELECT build_hash, history_hash FROM meta.state").fetchone()
        held = {row[0] for row in con.execute("SELECT delivery_id FROM last_snapshot.meta.delivery").fetchall()}
        newest = con.execute(query("warehouse/newest_days")).fetchone()
    except duckdb.Error:
        return None  # not readable as a state: older states or the deliveries hold the same data
    finally:
        if con:
            con.close()
    if state != built or not newest or held - {one.delivery_id for one in wanted}:
        return None
    missing = tuple(one for one in wanted if one.delivery_id not in held)
    late = [
        one
        for one in missing
        if one.snapshot_on <= (newest[0] or "")
        or (one.has_follower_lists and newest[1] and one.first_observed_on <= newest[1])
    ]
    return None if late else missing


def attach_prior(con: duckdb.DuckDBPyConnection, settings: Settings, snapshot_id: str | None) -> None:
    """Create views `prior.*` of last night's tables, empty where there is no earlier night."""
    con.execute("CREATE SCHEMA IF NOT EXISTS prior")
    if snapshot_id:
        _attach(con, settings, snapshot_id, with_state=True)
    for name, was in CARRIED.items():
        schema, table = was.split(".")
        contract = contracts(schema)[table]
        con.execute(f"DROP VIEW IF EXISTS prior.{name}")
        if snapshot_id:
            database = "last_state" if was in STATE_TABLES else "last_snapshot"
            source = f"SELECT {', '.join(contract.column_names)} FROM {database}.{was}"
        else:
            nothing = (f"CAST(NULL AS {column.type}) AS {column.name}" for column in contract.columns)
            source = f"SELECT {', '.join(nothing)} WHERE false"
        con.execute(f"CREATE VIEW prior.{name} AS {source}")


def _attach(con: duckdb.DuckDBPyConnection, settings: Settings, snapshot_id: str, *, with_state: bool) -> None:
    snapshot = database.quoted(snapshot_path(settings, snapshot_id))
    con.execute(f"ATTACH '{snapshot}' AS last_snapshot (READ_ONLY)")
    if with_state:
        con.execute(f"ATTACH '{database.quoted(state_path(settings, snapshot_id))}' AS last_state (READ_ONLY)")


def save_state(con: duckdb.DuckDBPyConnection, settings: Settings, snapshot_id: str, built: tuple[str, str]) -> None:
    """Write the restricted half of tonight's state beside its snapshot, completely or not at all."""
    path = state_path(settings, snapshot_id)
    private(path.parent)
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    con.execute(f"ATTACH '{database.quoted(unfinished)}' AS state")
    con.execute("CREATE SCHEMA state.stg")
    con.execute("CREATE SCHEMA state.meta")
    for table in STATE_TABLES:
        con.execute(f"CREATE TABLE state.{table} AS SELECT * FROM {table}")
    con.execute("CREATE TABLE state.meta.state AS SELECT ? AS build_hash, ? AS history_hash", list(built))
    con.execute("DETACH state")
    unfinished.chmod(0o600)
    unfinished.rename(path)
