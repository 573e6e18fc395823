"""Read a published snapshot's sets of accounts and the people they reach, to choose accounts from."""

import duckdb

from pipelines.reach.coverage_matrix import Cover, CoverTables


def read_cover(con: duckdb.DuckDBPyConnection, basis: str, platform: str | None = None) -> Cover:
    """Read one basis of `mart.reach_signature`, of one platform or all: nobody is matched between them."""
    tables = ("mart.reach_signature", "mart.segment_reach", "ref.segment")
    return CoverTables(*(con.sql(f"FROM {name}").pl() for name in tables)).cover(basis, platform)
