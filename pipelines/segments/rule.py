"""The rules a segment may use: a small closed list, each with its own few keys. No SQL, no patterns."""

import hashlib
import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
LONGEST_WINDOW_DAYS = 730
WORDS_KEPT_DAYS = 180  # words of people are forgotten after that long: no rule can look further back


class Rule(BaseModel):
    """One reason to be in a segment, or out of it: what is looked for, and why it speaks for it.

    `weight` counts towards the definition's threshold; within a group the group's own weight does.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    evidence_kind: ClassVar[str]
    names_accounts: ClassVar[bool] = False

    rule_id: Name
    match: str
    values: tuple[Words, ...] = ()
    values_from: Name | None = None
    weight: float = Field(default=1, gt=0, le=100, allow_inf_nan=False)
    why: Words

    @property
    def least(self) -> int:
        """How many of its values, or units of them, a member must show."""
        return 1

    @property
    def days(self) -> int | None:
        """How far back acts count, for rules about acts."""
        return None

    @property
    def deciding(self) -> dict[str, Any]:
        """What of the rule decides membership: not its name, its reason or its weight."""
        left_out = {"rule_id", "why", "weight", "values_from"}
        return {name: value for name, value in self.model_dump(mode="json").items() if name not in left_out}

    @property
    def rule_hash(self) -> str:
        """A hash of what the rule looks for: equal rules of two segments share it."""
        deciding = self.deciding | {"values": sorted(self.values)}
        return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:16]


class AnyWord(Rule):
    """Any of these single words stands in the bio or the name; case and accents are folded."""

    evidence_kind = "word"
    match: Literal["any_word"]


class AnyPhrase(Rule):
    """Any of these phrases stands in the bio or the name, words side by side."""

    evidence_kind = "word"
    match: Literal["any_phrase"]


class AllWords(Rule):
    """All of these single words stand in the bio or the name, in any order."""

    evidence_kind = "word"
    match: Literal["all_words"]

    @property
    def least(self) -> int:
        return len({folded(value) for value in self.values})


class FollowsAtLeast(Rule):
    """Follows `k` or more of these accounts, not ours."""

    evidence_kind = "follow"
    names_accounts = True
    match: Literal["follows_at_least"]
    k: int = Field(default=2, ge=1)

    @property
    def least(self) -> int:
        return self.k


class EngagesAtLeast(Rule):
    """Acted on `k` different posts, or accounts, of these within `within_days`."""

    evidence_kind = "engagement"
    names_accounts = True
    match: Literal["engages_at_least"]
    k: int = Field(default=2, ge=1)
    counted: Literal["posts", "accounts"] = "posts"
    within_days: int = Field(default=90, ge=1, le=LONGEST_WINDOW_DAYS)

    @property
    def least(self) -> int:
        return self.k

    @property
    def days(self) -> int | None:
        return self.within_days


class Stopped(Rule):
    """Acted on a post of these accounts within `within_days`, and no longer within `not_within_days`."""

    evidence_kind = "engagement"
    names_accounts = True
    match: Literal["stopped"]
    within_days: int = Field(default=180, ge=2, le=LONGEST_WINDOW_DAYS)
    not_within_days: int = Field(default=56, ge=1)

    @property
    def days(self) -> int | None:
        return self.within_days


class UsedTag(Rule):
    """Used any of these hash tags, in an answer to us or a mention, within `within_days`."""

    evidence_kind = "tag"
    match: Literal["used_tag"]
    within_days: int = Field(default=90, ge=1, le=WORDS_KEPT_DAYS)

    @property
    def days(self) -> int | None:
        return self.within_days


class PlaceIn(Rule):
    """Declares a place that is one of these, or lies in one of these regions, by place.csv."""

    evidence_kind = "place"
    match: Literal["place_in"]


class DistanceFromHome(Rule):
    """Declares a place at least `km` kilometres from the nearest home place of place.csv; unknown is not far."""

    evidence_kind = "place"
    match: Literal["distance_from_home_at_least"]
    km: float = Field(gt=0, le=20_000, allow_inf_nan=False)


class InSegment(Rule):
    """Belongs, by its rules, to any of these segments."""

    evidence_kind = "segment"
    match: Literal["in_segment"]


MATCHES: dict[str, type[Rule]] = {
    "any_word": AnyWord,
    "any_phrase": AnyPhrase,
    "all_words": AllWords,
    "follows_at_least": FollowsAtLeast,
    "engages_at_least": EngagesAtLeast,
    "used_tag": UsedTag,
    "place_in": PlaceIn,
    "distance_from_home_at_least": DistanceFromHome,
    "in_segment": InSegment,
    "stopped": Stopped,
}
GROUPS = ("all", "any", "none")


@dataclass(frozen=True)
class Group:
    """Rules taken together: `all`, `any` or `none` of them must hold. Its weight counts, theirs do not."""

    op: str
    items: tuple["Item", ...]
    weight: float = 1


Item = Rule | Group


def leaves(items: tuple[Item, ...]) -> Iterator[Rule]:
    """Every single rule of some items, groups opened, in the order written."""
    for item in items:
        if isinstance(item, Group):
            yield from leaves(item.items)
        else:
            yield item


def weighted(item: Item) -> Iterator[tuple[Rule, float]]:
    """Every single rule of an item with what its hit counts: its own weight, or its outermost group's."""
    for rule in leaves((item,)):
        yield rule, item.weight


def place_of(file: str, lines: Mapping[str, int], rule_id: str) -> str:
    """Where a rule stands: file, line and id."""
    line = f" line {lines[rule_id]}" if rule_id in lines else ""
    return f"{file}{line}: rule '{rule_id}'"


def folded(text: str) -> str:
    """Fold a text as the models do: lower case, no accents, words of letters and digits with one blank between."""
    bare = "".join(one for one in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(one)[0] != "M")
    return " ".join("".join(one if one.isalnum() else " " for one in bare).split())
