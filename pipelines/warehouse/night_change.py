"""`meta.night_change`: what differs from the nights before, so that nobody has to compare two snapshots.

Rows are counted in the deliveries themselves; actions and verdicts are compared with those of the last snapshot of an
earlier day. Without such a snapshot there are none.
"""

import logging
from datetime import date

import duckdb

from pipelines.common import database
from pipelines.common.query import query
from pipelines.common.settings import Settings
from pipelines.warehouse import publish, state

log = logging.getLogger(__name__)

TABLE = "meta.night_change"


def write(con: duckdb.DuckDBPyConnection, settings: Settings, as_of: date) -> None:
    """Fill `meta.night_change` of a night whose marts are built."""
    con.execute("SET VARIABLE as_of = $as_of", {"as_of": as_of})
    con.execute(f"DELETE FROM {TABLE}")
    con.execute(f"INSERT INTO {TABLE} BY NAME {query('warehouse/changed_rows')}")
    earlier = [one for one in publish.snapshots(settings) if one[:10] < as_of.isoformat()]
    if not earlier:
        return
    last = max(earlier)
    con.execute(f"ATTACH '{database.quoted(state.snapshot_path(settings, last))}' AS last_night (READ_ONLY)")
    try:
        for name in ("changed_actions", "changed_verdicts"):
            con.execute(f"INSERT INTO {TABLE} BY NAME {query(f'warehouse/{name}')}")
    except (duckdb.CatalogException, duckdb.BinderException):
        log.info("%s was made by an older version: its actions and verdicts are not compared", last)
    finally:
        con.execute("DETACH last_night")
