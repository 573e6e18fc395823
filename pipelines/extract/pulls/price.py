"""What one read of a paid platform costs: `price.csv` of the reference folder."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from pipelines.common.errors import RefError
from pipelines.common.settings import Settings
from pipelines.reference.reader import Day, Row, YesOrNo, read_rows

MICRO = 1_000_000  # money is counted in whole millionths of a dollar: sums are exact


class PriceRow(Row):
    """One row of `price.csv`."""

    resource: str
    usd: Annotated[
        Decimal,
        Field(
            ge=0, decimal_places=6, allow_inf_nan=False, description="dollars for one resource, six decimals at most"
        ),
    ]
    is_owned: YesOrNo
    valid_from: Day
    n_most_per_month: Annotated[int, Field(ge=0, description="a whole number, or nothing")] | None
    source: str
    reason: str


@dataclass(frozen=True)
class Charge:
    """What a read is charged as: a resource of `price.csv`, and whether X counts it as an owned read."""

    resource: str
    is_owned: bool = False


@dataclass(frozen=True)
class Price:
    """One line of `price.csv`: millionths of a dollar for one resource from a day on, and the month's cap if any."""

    charge: Charge
    micro: int
    valid_from: date
    n_most: int | None


class Prices:
    """The prices that are valid on any day."""

    def __init__(self, prices: Iterable[Price]) -> None:
        self._prices = sorted(prices, key=lambda price: price.valid_from)

    def at(self, charge: Charge, day: date) -> Price:
        """The price that is valid on a day; what has no price as an owned read has the ordinary one.

        Raises `RefError` where there is none on that day.
        """
        for wanted in dict.fromkeys((charge, Charge(charge.resource))):
            fit = [one for one in self._prices if one.charge == wanted and one.valid_from <= day]
            if fit:
                return fit[-1]
        known = sorted({price.charge.resource for price in self._prices})
        raise RefError("price.csv", f"has no price of {charge.resource} on {day}", known=known)


def read_prices(settings: Settings) -> Prices:
    """Read `price.csv`: the deployment's own, else the shipped one.

    Raises `RefError` naming the line where a price does not fit, gives no reason, or is listed twice.
    """
    path = settings.ref_file("price.csv")
    found: dict[tuple[Charge, date], Price] = {}
    for line, row in read_rows(path, PriceRow):
        price = Price(Charge(row.resource, row.is_owned), int(row.usd * MICRO), row.valid_from, row.n_most_per_month)
        if (key := (price.charge, price.valid_from)) in found:
            raise RefError(f"{path.name} line {line}", "prices a resource twice for one day")
        found[key] = price
    return Prices(found.values())
