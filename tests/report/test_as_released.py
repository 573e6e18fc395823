"""The report's counts are the release's: figures that no released table holds disclose nothing that it withholds."""

import math
from typing import Any

import polars as pl
import pytest

from pipelines.release import disclosure
from pipelines.release.cells import FEW, NOT_SHOWN, SHOWN, Cell, Released
from pipelines.release.disclosure import Limits
from pipelines.release.released_counts import NO_RELEASE, ReleasedCounts
from pipelines.report import as_released

LIMIT = Limits(10, 5)
PLACE = {"segment_id": "rider", "platform": "x", "basis": "follower"}


def cell(measure: str, account_id: str = "1", **others: str) -> Cell:
    return Cell(measure, **{**PLACE, "account_id": account_id, **others})


def shown(number: int) -> Released:
    return Released(number, SHOWN)


def released(**homes: Released) -> ReleasedCounts:
    """A hundred riders reached, with the homes given: `home_area`, `unknown`."""
    bands = {cell("home", home_band=name.replace("_", " ")): one for name, one in homes.items()}
    return ReleasedCounts({cell("reach"): shown(100), **bands})


def visitors(counts: ReleasedCounts, exact: float = 47) -> dict[str, Any]:
    row: dict[str, Any] = PLACE | {
        "account_id": "1",
        "reach_people": 101.0,
        "visitor_people": exact,
        "home_people": 31.0,
    }
    row |= {"visitor_share": exact / (exact + 31), "visitor_share_lo": 0.5, "visitor_share_hi": 0.7}
    return row | as_released.visitor(row, counts, LIMIT)


def test_visitors_are_those_reached_less_locals_and_unknown_homes() -> None:
    counts = released(home_area=shown(30), unknown=shown(25))
    row = visitors(counts)
    assert (row["visitor_people"], row["home_people"]) == (45, 30)
    assert row["visitor_share"] == 45 / 75
    assert row["visitor_share_lo"] == pytest.approx(0.6 - 0.25)
    assert visitors(counts, exact=48)["visitor_people"] == 45, "nothing but the released counts decides"


@pytest.mark.parametrize(
    ("homes", "people"),
    [
        ({"home_area": Released(None, FEW), "unknown": shown(25)}, 75.0),
        ({"home_area": shown(75), "unknown": shown(20)}, 0.0),
        ({"home_area": Released(None, NOT_SHOWN), "unknown": shown(25)}, math.nan),
        ({"home_area": shown(30), "unknown": Released(None, NOT_SHOWN)}, math.nan),
        ({"home_area": shown(30)}, math.nan),
    ],
)
def test_visitors_go_with_what_they_are_made_of(homes: dict[str, Released], people: float) -> None:
    assert visitors(released(**homes))["visitor_people"] == pytest.approx(people, nan_ok=True)


def sets(states: dict[str, Released]) -> dict[str, float]:
    """The people of each set, where the exclusive people of accounts are released so."""
    ids = [[], ["1"], ["2"], ["1", "2"], ["2", "3"], ["3"]]
    people = [40, 12, 7, 30, 20, 50]
    frame = pl.DataFrame(
        [
            PLACE | {"account_ids": one, "people": n, "account_people": [60] * len(one), "segment_people": 159}
            for one, n in zip(ids, people, strict=True)
        ],
        schema_overrides={"account_ids": pl.List(pl.String), "account_people": pl.List(pl.Int64)},
    )
    cells = {cell("segment", "", basis=""): shown(160), cell("reached", ""): shown(120)}
    for account in ("1", "2", "3"):
        cells |= {cell("reach", account): shown(60), cell("exclusive", account): states.get(account, shown(15))}
    made = as_released.signatures(frame, ReleasedCounts(cells), LIMIT)
    assert made["segment_people"].to_list() == [160] * 6
    return {"".join(one): n for one, n in zip(made["account_ids"].to_list(), made["people"].to_list(), strict=True)}


def test_a_set_of_one_account_is_the_released_exclusive_count() -> None:
    assert sets({}) == {"": 40, "1": 15, "2": 15, "12": 30, "23": 20, "3": 15}


def test_a_set_is_withheld_with_a_count_of_any_of_its_accounts() -> None:
    found = sets({"1": Released(None, NOT_SHOWN), "2": Released(None, FEW)})
    assert {one for one, n in found.items() if math.isnan(n)} == {"1", "12", "23"}
    assert found["2"] == 7, "small sets are summed, and never shown by themselves"
    assert found["3"] == 15


def test_without_a_release_every_count_stays() -> None:
    frame = pl.DataFrame([PLACE | {"account_ids": ["1"], "people": 3}])
    assert as_released.signatures(frame, NO_RELEASE, LIMIT).equals(frame)
    row = PLACE | {"account_id": "1", "reach_people": 101.0, "visitor_people": 47.0, "home_people": 31.0}
    assert row | as_released.visitor(row, NO_RELEASE, LIMIT) == row


def test_evidence_of_a_decision_is_the_ratio_of_released_counts() -> None:
    counts = ReleasedCounts(
        {
            Cell("exclusive", "everyone", "x", "1", "active"): shown(20),
            Cell("reached", "everyone", "x", basis="active"): shown(80),
            Cell("reach", "everyone", "x", "1", "active"): Released(None, NOT_SHOWN),
        }
    )
    row = {"platform": "x", "account_id": "1", "segment_id": None, "value_lo": None, "value_hi": None}

    def value(measure: str, exact: float, base: float | None = None) -> Any:
        return as_released.fact(row | {"measure": measure, "value": exact, "n_base": base}, counts).get("value", exact)

    assert value("lost_people", 21) == 20
    assert value("lost_share", 21 / 81, 81) == 20 / 80
    assert math.isnan(value("active_people", 31))
    assert math.isnan(value("alone_share", 21 / 31, 31))
    assert math.isnan(value("visitor_share", 0.4, 20))
    assert value("n_posts", 31) == 31
    assert disclosure.people(value("active_people", 31), LIMIT).text == "not shown"
