"""How a count of people is shown outside: small counts are not shown, the others are rounded.

After the ONS's 10-5 rule and OpenSAFELY, who round numerator and denominator before they divide. Three
states, never mixed up: a number that is shown, a count that is *suppressed* ("under 10"), and a figure that
is *missing* ("–"). Zero is suppressed like one to nine: where "0" and "under 10" are shown as different, "under 10"
means "somebody", and a person who knows of one member learns that nobody else is there.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.common.errors import RefError

MISSING = "–"
WITHHELD = "not shown"  # of a share or an index, where "under 10" would read as a value


@dataclass(frozen=True)
class Shown:
    """One figure as it may leave: `number` is None where it is suppressed or missing, `text` says which."""

    number: float | None
    text: str
    is_suppressed: bool = False

    @property
    def is_missing(self) -> bool:
        return self.number is None and not self.is_suppressed

    @property
    def is_withheld(self) -> bool:
        """Whether it is withheld for another count's sake: then it need not be small."""
        return self.text == WITHHELD


@dataclass(frozen=True)
class Limits:
    """The least count of people that is shown, and the step (people) that shown counts are rounded to."""

    least: int
    step: int

    @property
    def suppressed_below(self) -> int:
        """Also what would round to zero: with steps of 100, 30 people are "under 50", not "0"."""
        return max(self.least, math.ceil(self.step / 2))

    @property
    def words(self) -> str:
        return f"under {self.suppressed_below}"


NOT_KNOWN = Shown(None, MISSING)
NOT_SHOWN = Shown(None, WITHHELD, is_suppressed=True)


def limits(bands: Mapping[str, float]) -> Limits:
    """Take the two limits from the bands.

    Raises `RefError` where one is missing or is no whole number from 1.
    """
    read = []
    for name in ("shown_people_at_least", "shown_people_rounded_to"):
        value = bands.get(name)
        if value is None or value < 1 or value != int(value):
            raise RefError("bands.yml", f"{name} is {value}", hint="a whole number from 1")
        read.append(int(value))
    return Limits(*read)


def people(count: float | None, limit: Limits) -> Shown:
    """Show a count of people (or a fair share of them), rounded half up.

    NaN stands for a count that the release withholds for another count's sake (`released_counts`).
    Raises `ValueError` for a negative count, which is a fault of ours.
    """
    if count is None:
        return NOT_KNOWN
    if math.isnan(count):
        return NOT_SHOWN
    if count < 0:
        raise ValueError("a count of people cannot be negative")
    if count < limit.suppressed_below:
        return Shown(None, limit.words, is_suppressed=True)
    rounded = math.floor(count / limit.step + 0.5) * limit.step
    return Shown(rounded, f"{rounded:,}")


def change(difference: float | None, limit: Limits) -> Shown:
    """Show how many people more (+) or fewer (−): the size by the rule of counts, whichever way it went."""
    if difference is None:
        return NOT_KNOWN
    size = people(abs(difference), limit)
    if size.number is None:
        return size
    signed = size.number if difference > 0 else -size.number
    return Shown(signed, f"{'+' if difference > 0 else '−'}{size.text}")


def share(part: float | None, whole: float | None, limit: Limits) -> Shown:
    """Show part / whole (0 to 1, as a percentage) of the two rounded counts.

    Withheld where either is suppressed, and missing where either is missing.
    """
    return ratio(people(part, limit), people(whole, limit))


def ratio(part: Shown, whole: Shown) -> Shown:
    """Divide two counts that are ready to be shown; withheld or missing as `share` says."""
    if part.is_missing or whole.is_missing:
        return NOT_KNOWN
    if part.number is None or not whole.number:
        return NOT_SHOWN
    value = part.number / whole.number
    return Shown(value, percent(value))


def affinity_index(
    reached: float | None, account: float | None, segment: float | None, everyone: float | None, limit: Limits
) -> Shown:
    """Show 100 x (reached / account) / (segment / everyone), of four rounded counts; 100 is average."""
    composition, baseline = share(reached, account, limit), share(segment, everyone, limit)
    if composition.is_missing or baseline.is_missing:
        return NOT_KNOWN
    if composition.number is None or not baseline.number:
        return NOT_SHOWN
    index = 100 * composition.number / baseline.number
    return Shown(index, f"{math.floor(index + 0.5):,}")


def percent(value: float) -> str:
    """A share of 0 to 1 in words: whole per cent, half up, with a space that does not break."""
    if 0 < value < 0.005:
        return "<1\u00a0%"
    return f"{math.floor(100 * value + 0.5)}\u00a0%"
