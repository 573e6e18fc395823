"""What one read of a paid platform costs: `price.csv` of the reference folder, data with a day and a reason."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from pipelines.common.errors import RefError
from pipelines.common.settings import Settings

COLUMNS = ("resource", "usd", "is_owned", "valid_from", "n_most_per_month", "source", "reason")
MICRO = 1_000_000  # money is counted in whole millionths of a dollar: sums are exact


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
    """The prices in force on any day."""

    def __init__(self, prices: Iterable[Price]) -> None:
        self._prices = sorted(prices, key=lambda price: price.valid_from)

    def at(self, charge: Charge, day: date) -> Price:
        """The price in force; what has no price as an owned read has the ordinary one.

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

    Raises `RefError` naming the line where a price is unusable, gives no reason, or stands twice.
    """
    path = settings.ref_file("price.csv")
    found: dict[tuple[Charge, date], Price] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            if set(reader.fieldnames or ()) != set(COLUMNS):
                raise RefError(path.name, f"has the columns {', '.join(reader.fieldnames or ())}", known=COLUMNS)
            for row in reader:
                price = _price(path, reader.line_num, row)
                if (key := (price.charge, price.valid_from)) in found:
                    raise RefError(f"{path.name} line {reader.line_num}", "prices a resource twice for one day")
                found[key] = price
    except (csv.Error, UnicodeDecodeError) as failure:
        raise RefError(path.name, f"is no UTF-8 CSV ({type(failure).__name__})", hint="save it as UTF-8 CSV") from None
    return Prices(found.values())


def _price(path: Path, line: int, row: dict[str, str]) -> Price:
    where = f"{path.name} line {line}"
    if None in row or None in row.values():
        raise RefError(where, "has too many or too few cells")
    told = {name: value.strip() for name, value in row.items()}
    if not (told["resource"] and told["source"] and told["reason"]):
        raise RefError(where, "lacks a value", known=("resource", "source", "reason"))
    if told["is_owned"] not in ("yes", "no"):
        raise RefError(where, f"has {told['is_owned']!r} for is_owned", known=("yes", "no"))
    most = told["n_most_per_month"]
    if most and not (most.isascii() and most.isdecimal()):
        raise RefError(where, f"has {most!r} for n_most_per_month", hint="a whole number, or nothing")
    try:
        valid_from = date.fromisoformat(told["valid_from"])
    except ValueError:
        raise RefError(where, f"has {told['valid_from']!r} for valid_from", hint="YYYY-MM-DD") from None
    charge = Charge(told["resource"], told["is_owned"] == "yes")
    return Price(charge, _micro(where, told["usd"]), valid_from, int(most) if most else None)


def _micro(where: str, text: str) -> int:
    try:
        micro = Decimal(text) * MICRO
    except InvalidOperation:
        micro = Decimal(-1)
    if not micro.is_finite() or micro < 0 or micro != micro.to_integral_value():
        raise RefError(where, f"has {text!r} for usd", hint="dollars for one resource, six decimals at most")
    return int(micro)
