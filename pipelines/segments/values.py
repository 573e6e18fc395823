"""Put a rule's values in place (lists, seeds, places), and check that what they name is there and may be named."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

from pipelines.common.errors import SegmentDefinitionError
from pipelines.reference.files import Account, Place
from pipelines.segments.rule import DistanceFromHome, Group, Item, PlaceIn, Rule, Stopped, folded, place_of

EARTH_RADIUS_KM = 6371.0088  # mean radius, IUGG


@dataclass(frozen=True)
class Filler:
    """What one file's rules may take their values from."""

    file: str
    lines: Mapping[str, int]
    lists: Mapping[str, tuple[str, ...]]
    accounts: tuple[Account, ...]
    places: tuple[Place, ...]
    warnings: tuple[str, ...]

    def item(self, item: Item) -> Item:
        """Give a rule, or every rule of a group, its values.

        Raises `SegmentDefinitionError`.
        """
        if isinstance(item, Group):
            return replace(item, items=tuple(self.item(one) for one in item.items))
        values = self.lists[item.values_from] if item.values_from else item.values
        if isinstance(item, PlaceIn):
            values = self._places_in(item, values)
        elif isinstance(item, DistanceFromHome):
            values = self._places_from_home(item)
        filled = item.model_copy(update={"values": tuple(values), "values_from": None})
        self._check(filled)
        return filled

    def check_accounts(self, what: str, values: Iterable[str], *, own_allowed: bool) -> None:
        """Check that values are seed accounts, or ours where that is allowed.

        Raises `SegmentDefinitionError`.
        """
        own = {account.ref for account in self.accounts if account.role == "own"}
        seeds = {account.ref for account in self.accounts if account.role == "seed"}
        for value in values:
            if value in own and not own_allowed:
                raise self._error(
                    what, f"names our own account {value}", "a segment defined by its reach would prove itself"
                )
            if value not in seeds | own:
                near = get_close_matches(value, sorted(seeds), n=1)
                hint = f"did you mean {near[0]}?" if near else "platform:account_id, with role seed"
                raise self._error(what, f"names {value}, which is no seed account of account.csv", hint)

    def _check(self, rule: Rule) -> None:
        what = place_of(self.file, self.lines, rule.rule_id)
        if not rule.values:
            raise self._error(what, "has no values", "its values_from is empty" if rule.match != "any_word" else "")
        if len({value.casefold() for value in rule.values}) < len(rule.values):
            raise self._error(what, "has a value twice")
        if rule.names_accounts:
            self._check_accounts(what, rule)
        elif rule.evidence_kind in ("word", "tag", "place"):
            self._check_words(what, rule)
        if isinstance(rule, Stopped) and rule.not_within_days >= rule.within_days:
            raise self._error(what, "can never hold", "not_within_days is shorter than within_days")

    def _check_accounts(self, what: str, rule: Rule) -> None:
        is_act = rule.evidence_kind == "engagement"
        self.check_accounts(what, rule.values, own_allowed=is_act)
        own = {account.ref for account in self.accounts if account.role == "own"}
        if own & set(rule.values) and "defined_by_own_accounts" not in self.warnings:
            raise self._error(
                what, "counts acts on our own accounts, and the file does not warn of it",
                "warnings: [defined_by_own_accounts]",
            )  # fmt: skip
        counts_accounts = rule.match == "follows_at_least" or getattr(rule, "counted", "") == "accounts"
        if counts_accounts and rule.least > len(rule.values):
            raise self._error(what, f"wants {rule.least} of {len(rule.values)} accounts", "lower k")

    def _check_words(self, what: str, rule: Rule) -> None:
        if unusable := [value for value in rule.values if not folded(value)]:
            raise self._error(what, f"has the value {unusable[0]!r}, which holds no letter")
        single = rule.match in ("any_word", "all_words", "used_tag")
        if single and (spaced := [value for value in rule.values if len(folded(value).split()) > 1]):
            raise self._error(what, f"has the words {spaced[0]!r}", "one word each, or match: any_phrase")

    def _places_in(self, rule: PlaceIn, values: Iterable[str]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for value in values:
            wanted = folded(value)
            here = [one.place for one in self.places if wanted in (folded(one.place), folded(one.region or ""))]
            if not here:
                names = sorted({one.place for one in self.places} | {one.region for one in self.places if one.region})
                near = get_close_matches(value, names, n=1)
                hint = f"did you mean {near[0]}?" if near else "add it to place.csv"
                raise self._error(
                    place_of(self.file, self.lines, rule.rule_id),
                    f"names {value}, no place or region of place.csv",
                    hint,
                )
            found |= dict.fromkeys(here)
        return tuple(found)

    def _places_from_home(self, rule: DistanceFromHome) -> tuple[str, ...]:
        homes = [one for one in self.places if one.is_home]
        if not homes:
            raise self._error(
                place_of(self.file, self.lines, rule.rule_id), "needs a home", "place.csv with is_home yes"
            )
        far = [one.place for one in self.places if min(kilometres(one, home) for home in homes) >= rule.km]
        if not far:
            raise self._error(
                place_of(self.file, self.lines, rule.rule_id), f"no place of place.csv is {rule.km:g} km away"
            )
        return tuple(far)

    def _error(self, what: str, found: str, hint: str = "") -> SegmentDefinitionError:
        return SegmentDefinitionError(what, found, hint=hint)


def kilometres(one: Place, other: Place) -> float:
    """Great-circle distance by the haversine formula (Sinnott 1984)."""
    lat1, lat2 = math.radians(one.latitude), math.radians(other.latitude)
    half_lat = (lat2 - lat1) / 2
    half_lon = math.radians(other.longitude - one.longitude) / 2
    h = math.sin(half_lat) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, h)))
