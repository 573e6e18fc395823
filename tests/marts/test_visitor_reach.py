"""The visitor share's interval covers planted truths, its bounds always do, and the mart says what it means."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from pipelines.common.settings import SHIPPED_REF, Settings
from pipelines.reach.visitor_share import Homes, visitor_share
from pipelines.reference.gazetteer import BANDS
from tests.marts.making import make
from tests.sql.case_runner import Row, build, create_tables, every_table, insert, select

AS_OF = date(2026, 9, 30)
SHIPPED = Settings(data=Path("nowhere"), ref=SHIPPED_REF, key_file=Path("none"))
WORLDS = 400
CHECKED = 60  # readings counted by hand


def planted(
    rng: np.random.Generator, people: int, share: float, declared: float, right: float, probability: tuple[float, float]
) -> tuple[Homes, np.ndarray, np.ndarray, np.ndarray]:
    """Plant worlds: what is told in each, the share among those who truly belong, and the two bounds.

    Shapes (worlds, people). A misread place says a side by chance, whoever's it is; the confidence of each side is
    counted on a sample of its own, as by hand.
    """
    shape = (WORLDS, people)
    p = rng.beta(*probability, shape) if probability != (1, 0) else np.ones(shape)
    is_visitor = rng.random(shape) < share
    belongs = rng.random(shape) < p
    is_told = rng.random(shape) < declared
    is_right = rng.random(shape) < right
    reads_visitor = np.where(is_right, is_visitor, rng.random(shape) < 0.5)
    side = {True: right * share + (1 - right) / 2, False: right * (1 - share) + (1 - right) / 2}
    confidences, variance = [], np.zeros(WORLDS)
    for at_home in (True, False):
        # Of a misread place, the person is like the others.
        rate = right * (1 - share if at_home else share) / side[not at_home] if side[not at_home] else 1.0
        counted = (rng.binomial(CHECKED, min(rate, 1), WORLDS) + 0.5) / (CHECKED + 1)
        confidences.append(counted)
        variance += counted * (1 - counted) / (CHECKED + 2) / counted**2
    home, visitor, unknown = (
        (p * part).sum(axis=1) for part in (is_told & ~reads_visitor, is_told & reads_visitor, ~is_told)
    )
    variances = (p * (1 - p)).sum(axis=1)
    found = Homes(home, visitor, unknown, variances, confidences[0], confidences[1], variance)
    truth = (belongs & is_visitor).sum(axis=1) / belongs.sum(axis=1)
    return found, truth, visitor / (home + visitor + unknown), (visitor + unknown) / (home + visitor + unknown)


@pytest.mark.parametrize(
    ("people", "share", "declared", "right", "probability"),
    [
        (1000, 0.78, 0.54, 1.0, (1, 0)),
        (1000, 0.78, 0.54, 0.97, (1, 0)),
        (300, 0.2, 0.5, 0.97, (1, 0)),
        (300, 0.5, 0.5, 0.95, (4, 2)),
        (1000, 0.7, 0.9, 0.97, (8, 2)),
        (100, 0.4, 0.5, 1.0, (3, 3)),
        (500, 0.1, 0.55, 1.0, (1, 0)),
        (60, 0.75, 0.5, 1.0, (1, 0)),
    ],
)
def test_the_interval_covers_the_truth(
    people: int, share: float, declared: float, right: float, probability: tuple[float, float]
) -> None:
    covered = []
    for seed in range(3):
        rng = np.random.default_rng([seed, people, int(100 * share)])
        found, truth, _, _ = planted(rng, people, share, declared, right, probability)
        estimate, lo, hi = visitor_share(found)
        assert ((lo <= estimate) & (estimate <= hi)).all()
        covered.append(float(((lo <= truth) & (truth <= hi)).mean()))
    assert 0.93 <= np.mean(covered) <= 0.98, covered


@pytest.mark.parametrize("share", [0.0, 0.03, 0.5, 1.0])
@pytest.mark.parametrize("declared", [0.0, 0.1, 0.6, 1.0])
def test_the_bounds_always_hold_the_truth(share: float, declared: float) -> None:
    rng = np.random.default_rng([7, int(100 * share), int(100 * declared)])
    _, truth, least, most = planted(rng, 40, share, declared, 1.0, (1, 0))
    assert ((least <= truth + 1e-12) & (truth <= most + 1e-12)).all()


def test_the_bounds_hold_where_telling_depends_on_home() -> None:
    """Visitors who do not say so bias the share; the bounds need no belief about them."""
    rng = np.random.default_rng(3)
    is_visitor = rng.random((WORLDS, 200)) < 0.6
    is_told = rng.random((WORLDS, 200)) < np.where(is_visitor, 0.2, 0.9)
    home, visitor, unknown = ((is_told & ~is_visitor), (is_told & is_visitor), ~is_told)
    truth, n = is_visitor.mean(axis=1), 200
    assert (visitor.sum(axis=1) / n <= truth).all()
    assert (truth <= (visitor.sum(axis=1) + unknown.sum(axis=1)) / n).all()
    share = visitor.sum(axis=1) / (visitor.sum(axis=1) + home.sum(axis=1))
    assert (share < truth).mean() > 0.99, "the world is biased, or this proves nothing"


def one(home: float, visitor: float, unknown: float, variance: float = 0.0, confidence: float = 1.0) -> Homes:
    """A single cell, with sure or equally unsure readings."""
    proof = np.array([confidence])
    found = [np.array([n]) for n in (home, visitor, unknown, variance)]
    return Homes(found[0], found[1], found[2], found[3], proof, proof, np.array([0.0]))


def test_who_is_all_known_is_no_estimate() -> None:
    share, lo, hi = visitor_share(one(60, 40, 0))
    assert (share[0], lo[0], hi[0]) == pytest.approx((0.4, 0.4, 0.4))


def test_less_known_is_less_sure() -> None:
    widths = [np.ptp([bound[0] for bound in visitor_share(found)]) for found in (
        one(60, 40, 10), one(60, 40, 10, variance=30), one(60, 40, 100), one(60, 40, 100, confidence=0.8),
    )]  # fmt: skip
    assert widths == sorted(widths) and len(set(widths)) == 4


def test_nobody_known_is_no_number() -> None:
    assert all(np.isnan(bound[0]) for bound in visitor_share(one(0, 0, 10)))
    assert visitor_share(one(10, 0, 10))[2][0] > 0.05, "none of ten is not none"


def test_a_side_that_is_read_worse_counts_for_less() -> None:
    half, none = np.array([50.0]), np.array([0.0])
    found = Homes(half, half, none, none, np.array([0.9]), np.array([0.6]), np.array([0.01]))
    assert visitor_share(found)[0][0] == pytest.approx(0.6 / 1.5)


@pytest.fixture
def night() -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a night's database, empty."""
    with duckdb.connect(config={"threads": 1}) as con:
        con.execute("SET VARIABLE as_of = $as_of", {"as_of": AS_OF})
        create_tables(con, every_table())
        yield con


ACCOUNTS = ("bikers", "district", "main", "unsaid", "silent", "nobody", "unlisted")


def fill(con: duckdb.DuckDBPyConnection, *, has_home: bool = True) -> None:
    """Accounts for every reading: who reaches whom, from where, and whom each is for."""
    reached: dict[str, dict[str, float]] = {
        "bikers": {"home area": 20, "over 100 km": 60, "abroad": 20, "unknown": 100},
        "district": {"home area": 15, "25 to 100 km": 45, "unknown": 40},
        "main": {"home area": 50, "abroad": 1},
        "unsaid": {"home area": 50, "abroad": 1},
        "silent": {"unknown": 30},
    }
    cell = {"segment_id": "everyone", "platform": "x", "basis": "follower"}
    people: list[Row] = [
        cell | {"account_id": account, "home_band": band, "people": float(n), "people_variance": 0.0}
        for account, bands in reached.items()
        for band, n in bands.items()
    ]
    people += [row | {"segment_id": "rider"} for row in people if row["account_id"] == "district"]
    insert(con, "mart.reach_home", people)
    cells: list[Row] = [cell | {"account_id": account, "reach_people": 1} for account in ACCOUNTS[:-1]]
    cells += [cell | {"account_id": "unlisted", "reach_reason": "totals only"}]
    cells += [cell | {"account_id": "district", "segment_id": "rider", "reach_people": 1}]
    insert(con, "mart.segment_reach", cells)
    reported = {"bikers": "visitors", "district": "local", "main": "anyone", "silent": "local", "unlisted": "local"}
    insert(
        con,
        "ref.account_audience",
        [{"platform": "x", "account_id": account, "audience": audience} for account, audience in reported.items()],
    )
    insert(con, "ref.place_rule", [{"place_rule_id": "own_place", "place_confidence": 0.98, "n_checked": 60}])
    reading = {"segment_id": "everyone", "platform": "x", "place_rule_id": "own_place", "place_confidence": 0.98}
    insert(
        con,
        "mart.place_reading",
        [reading | {"home_band": band, "people": 50.0} for band in ("home area", "over 100 km")],
    )
    insert(con, "ref.gazetteer", [{"place_name": "dale", "home_band": "home area" if has_home else "unknown"}])


def made(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], dict[str, Any]]:
    """The mart's rows by segment and account."""
    rows = make("visitor_reach", con, SHIPPED, AS_OF).iter_rows(named=True)
    return {(row["segment_id"], row["account_id"]): row for row in rows}


def test_a_low_local_share_is_a_fault_in_one_account_and_the_point_of_another(night: duckdb.DuckDBPyConnection) -> None:
    fill(night)
    rows = made(night)
    readings = {account: rows["everyone", account]["visitor_reading"] for account in ACCOUNTS}
    assert readings == {
        "bikers": "as intended",
        "district": "fewer locals than a local account needs",
        "main": "for anyone",
        "unsaid": "nobody has said whom it is for",
        "silent": "cannot tell",
        "nobody": "nobody has said whom it is for",
        "unlisted": "cannot tell",
    }
    assert rows["rider", "district"]["visitor_reading"] is None, "judged on everyone it reaches"
    assert rows["rider", "district"]["visitor_share"] == pytest.approx(0.75)


def test_every_cell_has_a_share_or_the_reason_why_not(night: duckdb.DuckDBPyConnection) -> None:
    fill(night)
    rows = made(night)
    reasons = {account: rows["everyone", account]["visitor_reason"] for account in ACCOUNTS}
    assert {account: reason for account, reason in reasons.items() if reason} == {
        "silent": "nobody it reaches says where they live",
        "nobody": "it reaches nobody",
        "unlisted": "totals only",
    }
    bikers, unlisted = rows["everyone", "bikers"], rows["everyone", "unlisted"]
    assert bikers["reach_people"] == bikers["home_people"] + bikers["visitor_people"] + bikers["unknown_people"] == 200
    assert bikers["visitor_share"] == pytest.approx(0.8)
    assert (bikers["visitor_share_least"], bikers["visitor_share_most"]) == (0.4, 0.9)
    assert bikers["visitor_share_lo"] < 0.8 < bikers["visitor_share_hi"]
    figures = [name for name in unlisted if name.endswith("_people") or name.startswith("visitor_share")]
    assert all(unlisted[name] is None for name in figures), "missing is never zero"


def test_without_a_home_the_mart_says_so(night: duckdb.DuckDBPyConnection) -> None:
    fill(night, has_home=False)
    assert made(night)["everyone", "silent"]["visitor_reason"].startswith("home is not known")


def test_bands_of_a_signature_add_up_to_it() -> None:
    rng = np.random.default_rng(11)
    with duckdb.connect(config={"threads": 1}) as con:
        con.execute("SET VARIABLE as_of = $as_of", {"as_of": AS_OF})
        create_tables(con, every_table())
        for _ in range(12):
            _generated_world(con, rng)
        _one_world(con, rng)


def _generated_world(con: duckdb.DuckDBPyConnection, rng: np.random.Generator) -> None:
    con.execute("BEGIN")
    try:
        _one_world(con, rng)
    finally:
        con.execute("ROLLBACK")


def _one_world(con: duckdb.DuckDBPyConnection, rng: np.random.Generator) -> None:
    """Compare with counting by hand, band by band, and with the signature that knows no bands."""
    people = range(1, 1 + int(rng.integers(1, 40)))
    sets = {
        (basis, key): sorted(rng.choice(["a", "b", "c"], size=int(rng.integers(1, 4)), replace=False).tolist())
        for basis in ("follower", "engaged", "active")
        for key in people
        if rng.random() < 0.6
    }
    bands = {key: str(rng.choice(BANDS)) for key in people if rng.random() < 0.8}
    riders = {key: float(rng.integers(0, 1001)) / 1000 for key in people if rng.random() < 0.5}
    x = {"platform": "x"}
    insert(con, "core.account", [x | {"account_id": one, "role": "own", "is_open": True} for one in "abc"])
    insert(con, "core.follower_list", [x | {"account_id": "a", "observed_on": AS_OF}])
    insert(con, "core.engagement", [x | {"account_id": "a", "member_key": 1, "kind": "like", "engaged_on": AS_OF}])
    insert(con, "core.member", [x | {"member_key": key, "is_present": True} for key in people])
    insert(con, "core.member_home", [x | {"member_key": key, "home_band": band} for key, band in bands.items()])
    insert(
        con,
        "core.reach_set",
        [x | {"basis": basis, "member_key": key, "account_ids": ids} for (basis, key), ids in sets.items()],
    )
    insert(
        con,
        "core.segment_membership",
        [x | {"segment_id": "rider", "member_key": key, "membership_probability": p} for key, p in riders.items()],
    )
    build(con, "core.home_signature", "mart.reach_signature", "mart.reach_home")
    counted: Counter[tuple[str, ...]] = Counter()
    for basis in ("follower", "engaged", "active"):
        for segment, members in (("everyone", dict.fromkeys(people, 1.0)), ("rider", riders)):
            for key, p in members.items():
                ids = ",".join(sets.get((basis, key), []))
                counted[segment, basis, bands.get(key, "unknown"), ids] += round(1000 * p)  # type: ignore[assignment]
    found = {
        (row["segment_id"], row["basis"], row["home_band"], ",".join(row["account_ids"])): round(1000 * row["people"])
        for row in select(con, "SELECT * FROM core.home_signature")
    }
    assert found == counted
    apart = select(
        con,
        """
        SELECT 1 AS apart FROM mart.reach_signature AS whole
        FULL JOIN (
            SELECT segment_id, platform, basis, account_ids, sum(n_members) AS n_members,
                sum(people::DECIMAL(18, 6)) AS people, sum(people_variance::DECIMAL(18, 6)) AS people_variance
            FROM core.home_signature GROUP BY ALL
        ) AS parts USING (segment_id, platform, basis, account_ids)
        WHERE whole.n_members IS DISTINCT FROM parts.n_members
            OR whole.people::DECIMAL(18, 6) IS DISTINCT FROM parts.people
            OR whole.people_variance::DECIMAL(18, 6) IS DISTINCT FROM parts.people_variance
        """,
    )
    assert not apart
    by_account = {
        (row["segment_id"], row["account_id"], row["basis"]): row["people"]
        for row in select(
            con, "SELECT segment_id, account_id, basis, sum(people) AS people FROM mart.reach_home GROUP BY ALL"
        )
    }
    for (segment, account, basis), reach in by_account.items():
        members = riders if segment == "rider" else dict.fromkeys(people, 1.0)
        assert reach == pytest.approx(sum(p for key, p in members.items() if account in sets.get((basis, key), [])))
