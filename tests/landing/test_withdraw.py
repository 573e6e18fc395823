"""A withdrawn delivery is as if it had never landed, and can be brought back."""

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import night
from pipelines.common.errors import DeliveryError
from pipelines.common.settings import Settings
from pipelines.landing.deliveries import current_deliveries
from pipelines.landing.land_drop import land_drop
from pipelines.landing.withdraw import withdraw
from pipelines.warehouse import state

WriteDrop = Callable[[Path, Mapping[str, Any]], Path]
ON = date(2026, 7, 8)
CSV = "platform,account_id,member_id,observed_on\n"


@pytest.fixture
def drops(tmp_path: Path, write_drop: WriteDrop) -> list[Path]:
    """Give three drops of one, two and three followers."""
    rows = [f"x,1,{n},2026-07-08\n" for n in range(3)]
    return [write_drop(tmp_path / str(n), {"follower.csv": CSV + "".join(rows[:n])}) for n in (1, 2, 3)]


def current(settings: Settings) -> str | None:
    found = current_deliveries(settings, until=ON).get(("a", str(ON)))
    return found.delivery_id if found else None


def test_an_earlier_delivery_is_current_again_and_undo_brings_back_the_later(
    settings: Settings, drops: list[Path]
) -> None:
    first, second = (land_drop(drop, "a", ON, settings).delivery.delivery_id for drop in drops[:2])
    assert withdraw(settings, "a", ON, "wrong day").delivery_id == second
    assert current(settings) == first
    withdraw(settings, "a", ON, "wrong too")
    assert current(settings) is None
    assert withdraw(settings, "a", ON, "it was right", undo=True).delivery_id == first
    assert withdraw(settings, "a", ON, "this too", undo=True).delivery_id == second
    assert current(settings) == second
    assert len(list(settings.landing.rglob("withdrawal-*.json"))) == 4


def test_what_lands_after_a_withdrawal_gets_a_number_of_its_own(settings: Settings, drops: list[Path]) -> None:
    land_drop(drops[0], "a", ON, settings)
    land_drop(drops[1], "a", ON, settings)
    withdraw(settings, "a", ON, "wrong")
    third = land_drop(drops[2], "a", ON, settings).delivery
    assert third.number == 3
    assert current(settings) == third.delivery_id
    withdraw(settings, "a", ON, "wrong")
    again = land_drop(drops[1], "a", ON, settings)
    assert again.is_new and again.delivery.number == 4


@pytest.mark.parametrize("undo", [False, True])
def test_nothing_to_withdraw_is_named(undo: bool, settings: Settings, drops: list[Path]) -> None:
    land_drop(drops[0], "b", ON, settings)
    with pytest.raises(DeliveryError, match=r"a 2026-07-08: has no (current|withdrawn) delivery"):
        withdraw(settings, "a", ON, "wrong", undo=undo)
    with pytest.raises(DeliveryError, match="--reason: is empty"):
        withdraw(settings, "b", ON, " ")


def test_a_night_after_a_withdrawal_is_as_if_the_delivery_had_never_landed(
    two_nights: Settings, no_report: None, tmp_path: Path, write_drop: WriteDrop
) -> None:
    on = date(2026, 7, 15)
    before = follows(two_nights, night.run_night(on))
    rows = "".join(f"x,2,new{n},2026-07-15\n" for n in range(90))
    land_drop(write_drop(tmp_path / "bad", {"follower.csv": CSV + rows}), "other", on, two_nights)
    assert follows(two_nights, night.run_night(on)) != before
    withdraw(two_nights, "other", on, "another body's list")
    assert follows(two_nights, night.run_night(on)) == before
    assert follows(two_nights, night.run_night(on, replay=True)) == before


def follows(settings: Settings, run_id: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(state.snapshot_path(settings, run_id)), read_only=True) as con:
        return con.execute("SELECT * FROM core.follow ORDER BY ALL").fetchall()
