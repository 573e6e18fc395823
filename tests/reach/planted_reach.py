"""Planted segments whose true members are known: many at once, each a segment of one audited platform.

People found by the definition follow sets of five accounts and have one of four probabilities to belong. What is true
is drawn: each set of people may be likelier to belong than the model says, by a deviation of its own accounts, and all
of them by the audit's own error. Labels are drawn as `stillreach segments label-sample` draws them: equally many of
each probability, each standing for its share of the people.
"""

from dataclasses import dataclass
from datetime import date
from itertools import combinations

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tests.sql.case_runner import all_models, build_shared, create_tables, every_table, insert

AS_OF = date(2026, 9, 30)
ACCOUNTS = tuple("abcde")
SETS = [tuple(one) for n in range(6) for one in combinations(ACCOUNTS, n)]
HOW_MANY = [len(one) for one in SETS]
# How many found people follow exactly none, one, two ... of the five accounts, and how many people of everybody.
FOUND_PER_SET = (400, 90, 30, 12, 6, 4)
EVERYONE_PER_SET = (20_000, 3_000, 500, 120, 50, 30)
LIKELY = np.array([0.8, 0.65, 0.45, 0.3])
MEASURES = (
    "reach_people", "exclusive_people", "fair_share_people", "coverage_share", "composition_share", "affinity_index",
    "frequency",
)  # fmt: skip
MODELS = ("mart.reach_signature", "core.reach_interval", "mart.segment_reach", "mart.segment_size")


@dataclass(frozen=True)
class Planting:
    """What is planted: standard deviations of an account's deviation and of the audit's error, and labels a class."""

    apart: float = 0.0
    relative_error: float = 0.0
    n_labels_each: int = 0
    size: float = 1.0


@dataclass(frozen=True)
class Planted:
    """The tables of many planted segments, and of each segment x account the true value of every measure."""

    signatures: pa.Table
    labels: pa.Table
    label_sets: pa.Table
    truth: dict[str, NDArray[np.float64]]
    net_reach: NDArray[np.float64]
    n_segments: int
    planting: Planting


def plant(rng: np.random.Generator, planting: Planting, n_segments: int = 400) -> Planted:
    """Plant segments `s0` ... on platform x, follower basis."""
    belongs = np.array([[account in one for account in ACCOUNTS] for one in SETS])
    per_set = np.array([max(round(FOUND_PER_SET[n] * planting.size), 0) for n in HOW_MANY])
    people_set = np.repeat(np.arange(len(SETS)), per_set)
    shape = (n_segments, len(people_set))
    likely = LIKELY[rng.integers(0, len(LIKELY), shape)]
    own = rng.normal(0, planting.apart, (n_segments, len(ACCOUNTS))) if planting.apart else np.zeros((n_segments, 5))
    moved = own @ (belongs / np.sqrt(np.maximum(HOW_MANY, 1))[:, None]).T
    level = 1 + rng.normal(0, planting.relative_error or 1e-9, (n_segments, 1))
    is_true = rng.random(shape) < np.clip(likely * level + moved[:, people_set], 0, 1)
    is_labelled, weight = _labelled(rng, likely, planting.n_labels_each)
    found = np.where(is_labelled, is_true, likely)
    is_found = ~is_labelled | is_true
    truth, net_reach = _truth(is_true, people_set, belongs)
    key = np.arange(is_true.size, dtype=np.uint64).reshape(shape)
    at = np.nonzero(is_labelled)
    labels = pa.table(
        {
            "segment": at[0],
            "member_key": key[at],
            "is_member": is_true[at],
            "model_probability": likely[at],
            "label_people": weight[at],
        }
    )
    label_sets = pa.table({"member_key": key[at], "set_no": people_set[at[1]]})
    return Planted(_signatures(found, is_found, people_set), labels, label_sets, truth, net_reach, n_segments, planting)


def _labelled(
    rng: np.random.Generator, likely: NDArray[np.float64], n_each: int
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Draw equally many people of each probability per segment, and what each of them stands for."""
    drawn = np.zeros(likely.shape, dtype=bool)
    weight = np.zeros(likely.shape)
    if not n_each:
        return drawn, weight
    lots = rng.random(likely.shape)
    for one in LIKELY:
        own = likely == one
        cut = np.partition(np.where(own, lots, 2.0), n_each - 1, axis=1)[:, n_each - 1 : n_each]
        drawn |= own & (lots <= cut)
        weight = np.where(own, own.sum(axis=1, keepdims=True) / n_each, weight)
    return drawn, weight


def _signatures(declared: NDArray[np.float64], is_found: NDArray[np.bool_], people_set: NDArray[np.int64]) -> pa.Table:
    n_segments = len(declared)
    cell = np.arange(n_segments)[:, None] * len(SETS) + people_set
    size = n_segments * len(SETS)
    sums = [
        np.bincount(cell.ravel(), (is_found * values).ravel(), size)
        for values in (1.0, declared, declared * (1 - declared))
    ]
    return pa.table(
        {
            "segment": np.arange(size) // len(SETS),
            "set_no": np.arange(size) % len(SETS),
            "n_members": sums[0].astype(np.int64),
            "people": sums[1],
            "people_variance": sums[2],
        }
    )


def _truth(
    is_true: NDArray[np.bool_], people_set: NDArray[np.int64], belongs: NDArray[np.bool_]
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.float64]]:
    counts = np.stack([is_true[:, people_set == n].sum(axis=1) for n in range(len(SETS))], axis=1).astype(float)
    n_accounts = np.array(HOW_MANY)
    everyone = np.array([EVERYONE_PER_SET[n] for n in HOW_MANY])
    account_people = everyone @ belongs
    reach = counts @ belongs
    total = counts.sum(axis=1, keepdims=True)
    truth = {
        "reach_people": reach,
        "exclusive_people": counts @ (belongs & (n_accounts == 1)[:, None]),
        "fair_share_people": counts @ (belongs / np.maximum(n_accounts, 1)[:, None]),
        "coverage_share": reach / total,
        "composition_share": reach / account_people,
        "affinity_index": 100 * (reach / account_people) / (total / everyone.sum()),
        "frequency": counts @ (belongs * n_accounts[:, None]) / np.maximum(reach, 1e-9),
    }
    return truth, counts[:, n_accounts > 0].sum(axis=1)


def built(planted: Planted) -> duckdb.DuckDBPyConnection:
    """Build the marts of reach from planted tables."""
    con = duckdb.connect(":memory:", config={"threads": 2})
    create_tables(con, every_table())
    con.execute("SET VARIABLE as_of = $as_of", {"as_of": AS_OF})
    account = [{"platform": "x", "account_id": one} for one in ACCOUNTS]
    insert(con, "core.account", [row | {"role": "own", "is_open": True} for row in account])
    insert(con, "core.follower_list", [row | {"observed_on": AS_OF, "is_complete": True} for row in account])
    insert(con, "ref.band", [{"band": "account_share_apart", "value": planted.planting.apart}])
    sets = pa.table({"set_no": range(len(SETS)), "account_ids": [list(one) for one in SETS]})  # noqa: F841
    everyone = pa.table({"set_no": range(len(SETS)), "n": [EVERYONE_PER_SET[n] for n in HOW_MANY]})  # noqa: F841
    signatures, labels, label_sets = planted.signatures, planted.labels, planted.label_sets  # noqa: F841
    con.execute(
        """
        INSERT INTO core.home_signature BY NAME
        SELECT 's' || segment AS segment_id, 'x' AS platform, 'follower' AS basis, 'unknown' AS home_band, account_ids,
            n_members, people, people_variance
        FROM signatures JOIN sets USING (set_no) WHERE n_members > 0
        UNION ALL
        SELECT 'everyone' AS segment_id, 'x' AS platform, 'follower' AS basis, 'unknown' AS home_band, account_ids,
            n, n, 0
        FROM everyone JOIN sets USING (set_no)
        """
    )
    con.execute(
        "INSERT INTO core.reach_set BY NAME SELECT 'follower' AS basis, 'x' AS platform, member_key, account_ids "
        "FROM label_sets JOIN sets USING (set_no) WHERE len(account_ids) > 0"
    )
    con.execute(
        "INSERT INTO ref.audit_judgement BY NAME SELECT 's' || segment AS segment_id, 'x' AS platform, "
        "'s' || segment || '/1' AS audit_id, * EXCLUDE (segment) FROM labels"
    )
    error = 2.5758 * planted.planting.relative_error
    con.execute(
        "INSERT INTO ref.segment BY NAME SELECT 's' || range AS segment_id FROM range($n)", {"n": planted.n_segments}
    )
    con.execute(
        "INSERT INTO ref.segment_audit BY NAME SELECT segment_id, 'x' AS platform, segment_id || '/1' AS audit_id, "
        "DATE '2026-09-01' AS in_force_from, DATE '9000-01-01' AS in_force_to FROM ref.segment"
    )
    con.execute(
        "INSERT INTO ref.audit_measure BY NAME SELECT segment_id, platform, audit_id, "
        "'expansion_precision' AS measure, 0.5 AS estimate, 0.5 * (1 - $error) AS estimate_lo, "
        "0.5 * (1 + $error) AS estimate_hi FROM ref.segment_audit",
        {"error": error},
    )
    for name in MODELS:
        build_shared(con, name)
        con.execute(f"INSERT INTO {name} BY NAME {all_models()[name].sql}")
    return con


def coverages(planted: Planted, con: duckdb.DuckDBPyConnection) -> dict[str, float]:
    """For each measure, in which share of all segments and accounts the interval holds the truth."""
    rows = con.sql("SELECT * FROM mart.segment_reach WHERE basis = 'follower' AND segment_id <> 'everyone'").pl()
    segment = rows["segment_id"].str.slice(1).cast(int).to_numpy()
    account = rows["account_id"].replace_strict(dict(zip(ACCOUNTS, range(5), strict=True)), return_dtype=int).to_numpy()
    found = {}
    for measure in MEASURES:
        true = planted.truth[measure][segment, account]
        lo, hi = (rows[f"{measure}_{end}"].to_numpy() for end in ("lo", "hi"))
        found[measure] = float(((lo - 1e-9 <= true) & (true <= hi + 1e-9)).mean())
    return found


def net_coverage(planted: Planted, con: duckdb.DuckDBPyConnection) -> float:
    """The same of how many people all accounts reach together, per segment."""
    rows = con.sql("SELECT * FROM mart.segment_size WHERE segment_id <> 'everyone'").pl()
    true = planted.net_reach[rows["segment_id"].str.slice(1).cast(int).to_numpy()]
    lo, hi = (rows[f"reached_people_{end}"].to_numpy() for end in ("lo", "hi"))
    return float(((lo - 1e-9 <= true) & (true <= hi + 1e-9)).mean())
