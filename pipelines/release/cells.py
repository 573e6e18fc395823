"""A released count, named by what it means: the same count in two tables is one cell, shown or withheld in both."""

from dataclasses import dataclass
from typing import NamedTuple

EVERYONE = "everyone"


class Cell(NamedTuple):
    """One count of people; a field that the measure does not have is empty."""

    measure: str
    segment_id: str
    platform: str
    account_id: str = ""
    basis: str = ""
    home_band: str = ""

    @property
    def place(self) -> tuple[str, str, str]:
        """The segment, platform and basis of the count."""
        return self.segment_id, self.platform, self.basis

    def of(self, **changed: str) -> "Cell":
        """The same cell with other fields."""
        return self._replace(**changed)


# What each measure is of. `kept` is never rounded by itself: it is released as reach less exclusive, both as released.
MEASURES: dict[str, tuple[str, ...]] = {
    "segment": ("segment_id", "platform"),
    "reached": ("segment_id", "platform", "basis"),
    "reach": ("segment_id", "platform", "account_id", "basis"),
    "exclusive": ("segment_id", "platform", "account_id", "basis"),
    "kept": ("segment_id", "platform", "account_id", "basis"),
    "home": ("segment_id", "platform", "account_id", "basis", "home_band"),
}

SHOWN, FEW, NOT_SHOWN = "shown", "few", "not shown"


@dataclass(frozen=True)
class Released:
    """One cell as it leaves: a number, or why there is none: `few`, or `not shown` for another cell's sake.

    `is_kept`: the number is last release's, and may be further from the count than tonight's rounding would be.
    """

    number: int | None
    state: str
    is_kept: bool = False
