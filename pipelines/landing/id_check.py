"""Refuse ids that a spreadsheet or a program has rounded: they would end every follow and begin as many new ones.

A spreadsheet keeps 15 digits of a number, JavaScript and R up to 17: the rest becomes zeros, or is cut off. Zeros are
compared with chance, and lengths with the delivery before. Ids of letters are never looked at.
"""

from math import log

import duckdb

from pipelines.common.errors import RoundedIdsError
from pipelines.common.query import query
from pipelines.landing.extract_file import ExtractFile, relation
from pipelines.landing.manifest import LandedFile

KEPT_DIGITS = (15, 16, 17)
# Ids that count milliseconds or machines can all be multiples of a power of two; then one in 5 ends with a zero, one
# in 25 with two. Ids of any other kind end with zeros less often.
ZERO_BY_CHANCE = 0.2
# Of a column of true ids, whatever its length, one in 300 million is refused by chance (three looks at 1e-9 each).
REFUSED_BY_CHANCE = 1e-9
LOOKED_AT = 1_000_000
# From this many rows on, half as many different keys cannot be a list of people: pages read twice give half at least.
FEWEST_ROWS = 50
FEWEST_KEYS_SHARE = 0.5
# Where at least half of the ids had 16 digits and more, fifty without one are no chance: 1 in 10^15.
LONG_IDS_SHARE = 0.5
HLL_ERROR = 0.1  # of the approximate count of keys, four standard errors


def check_ids(
    con: duckdb.DuckDBPyConnection, file: ExtractFile, columns: tuple[str, ...], n_rows: int
) -> dict[str, float]:
    """Compare the ids of a file with chance, and give by column the share of numeric ids that have 16 digits and more.

    Shares are 0 to 1; a column of few numeric ids has none.

    Raises `RoundedIdsError` where more of them end with zeros than chance gives, or most rows repeat a few ids.
    """
    rows = relation(file, columns)
    long_ids: dict[str, float] = {}
    for column in (name for name in ("member_id", "post_id") if name in columns):
        con.execute(f"CREATE OR REPLACE TEMP VIEW arrived_id AS SELECT trim({column}) AS id FROM {rows}")
        endings = con.execute(query("landing/id_ending"), {"one_in": n_rows // LOOKED_AT + 1}).fetchall()
        for kept in KEPT_DIGITS:
            _check_zeros(file.name, column, kept, endings)
        n_long, n_ids = (sum(n for n_digits, _, n in endings if n_digits >= least) for least in (1, 0))
        if n_ids >= FEWEST_ROWS:
            long_ids[column] = round(n_long / n_ids, 4)
    if file.table.name in ("raw.follower", "raw.post") and n_rows >= FEWEST_ROWS:
        _check_repeats(con, file, rows)
    return long_ids


def check_lengths(file: LandedFile, before: LandedFile) -> None:
    """Compare the lengths of a file's ids with those of the same table in the delivery before.

    Raises `RoundedIdsError` where ids of 16 and more digits were usual and there are none: they were cut.
    """
    for column, share in before.long_id_share.items():
        if share >= LONG_IDS_SHARE and file.long_id_share.get(column) == 0:
            raise RoundedIdsError(
                file.name,
                f"holds no {column} of 16 digits or more, and {share:.0%} of those of the delivery before were so long",
                hint="were ids cut or rounded on the way? Export them as text",
            )


def is_beyond_chance(n_rounded: int, expected: float) -> bool:
    """Whether so many would happen less often than `REFUSED_BY_CHANCE`, by Chernoff's bound for independent trials."""
    if n_rounded <= expected:
        return False
    return n_rounded - expected - n_rounded * log(n_rounded / expected) < log(REFUSED_BY_CHANCE)


def _check_zeros(name: str, column: str, kept: int, endings: list[tuple[int, int, int]]) -> None:
    longer = [(n_digits, n_zeros, n_ids) for n_digits, n_zeros, n_ids in endings if n_digits > kept]
    expected = sum(n_ids * ZERO_BY_CHANCE ** (n_digits - kept) for n_digits, _, n_ids in longer)
    n_rounded = sum(n_ids for n_digits, n_zeros, n_ids in longer if n_zeros >= n_digits - kept)
    if n_rounded and is_beyond_chance(n_rounded, expected):
        n_ids = sum(n for _, _, n in longer)
        raise RoundedIdsError(
            name,
            f"holds {column} rounded to {kept} digits: {n_rounded:,} of {n_ids:,} longer ids end with zeros, "
            f"chance gives about {expected:,.1f}",
            hint="export ids as text; a spreadsheet keeps 15 digits of a number",
        )


def _check_repeats(con: duckdb.DuckDBPyConnection, file: ExtractFile, rows: str) -> None:
    key = ", ".join(file.table.key)
    con.execute(f"CREATE OR REPLACE TEMP VIEW arrived_key AS SELECT hash({key}) AS row_key FROM {rows}")
    counted = con.execute(query("landing/repeated_key")).fetchone()
    assert counted
    n_rows, about = counted
    if about > n_rows * (FEWEST_KEYS_SHARE + HLL_ERROR):
        return
    exact = con.execute("SELECT count(DISTINCT row_key) FROM temp.arrived_key").fetchone()
    assert exact
    if exact[0] < n_rows * FEWEST_KEYS_SHARE:
        raise RoundedIdsError(
            file.name,
            f"has {n_rows:,} rows that hold only {exact[0]:,} different ids",
            hint="are the ids rounded, or cut to a few digits? Export them as text",
        )
