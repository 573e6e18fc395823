"""One segment's definition: a YAML file that an analyst reads and a reviewer signs. Closed keys, no SQL."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pipelines.common.errors import RefusedSegmentError, SegmentDefinitionError
from pipelines.common.settings import SHIPPED_REF, Settings
from pipelines.reference.files import Account, Place, read_accounts, read_list, read_places
from pipelines.reference.reader import line_of, lines_of_values, read_yaml
from pipelines.segments import parse, values
from pipelines.segments.policy import Policy, message_of, read_policy, refusals
from pipelines.segments.rule import Group, InSegment, Item, Name, Words, leaves, place_of

EVERYONE = "everyone"
FEWEST_EXAMPLES = 3

# What a reader of a segment's numbers must know; shown wherever they are.
WARNINGS = {
    "defined_by_own_accounts": "membership rests partly on acts on our own accounts: their reach of it is too high",
    "self_declared_only": "only people who say so are in it: it is smaller than the community",
    "followers_of_seeds_only": "people are in it for whom they follow: some only read about the community",
    "much_overlap": "its people are mostly in another segment too",
    "seasonal": "its people come and go with the season: compare with the same weeks of another year",
    "suggested": "found by an algorithm, not yet reviewed by a person",
}


class Evidence(BaseModel):
    """How much evidence makes a member: the weights that must add up, and whether scores may add people."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold: float = Field(default=1, gt=0, le=1000, allow_inf_nan=False)
    expansion: Literal["audited", "rules_only"] = "audited"


class Act(BaseModel):
    """An act of an example's person on a post of an account, so many days ago."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    account: Words
    days_ago: int = Field(default=1, ge=0)
    n_posts: int = Field(default=1, ge=1, le=100)


class Example(BaseModel):
    """An invented person who must be in the segment, or must not; near misses teach most."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    member: Literal["in", "out"]
    name: str = ""
    bio: str = ""
    location: str = ""
    follows: tuple[Words, ...] = ()
    acts: tuple[Act, ...] = ()
    tags: tuple[Words, ...] = ()
    why: Words


class Header(BaseModel):
    """All of a definition but its rules."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    segment_id: Name
    title: Words
    question: Words
    owner: Words
    status: Literal["draft", "active", "retired"]
    policy_weight: float = Field(default=1, ge=0, le=1000, allow_inf_nan=False)
    evidence: Evidence = Evidence()
    seeds: tuple[Words, ...] = ()
    examples: tuple[Example, ...] = ()
    warnings: tuple[Literal[tuple(WARNINGS)], ...] = ()  # type: ignore[valid-type]
    lawful_basis: Words | None = None
    approved_by: Words | None = None

    @field_validator("evidence", mode="before")
    @classmethod
    def _shortened(cls, evidence: Any) -> Any:
        return {"expansion": "rules_only"} if evidence == "rules_only" else evidence


@dataclass(frozen=True)
class Definition:
    """One segment: its header, the rules with their values, and the rules that exclude people."""

    file: str
    header: Header
    rules: tuple[Item, ...]
    exclude: tuple[Item, ...]
    lines: Mapping[str, int] = field(default_factory=dict)  # of its rules, by rule id

    @property
    def segment_id(self) -> str:
        return self.header.segment_id

    def place(self, rule_id: str) -> str:
        """Where a rule stands, for an error to say."""
        return place_of(self.file, self.lines, rule_id)

    @property
    def is_override(self) -> bool:
        """Whether a person took responsibility for what the policy refuses."""
        return bool(self.header.lawful_basis and self.header.approved_by)

    @property
    def others(self) -> tuple[str, ...]:
        """The segments that its rules refer to."""
        rules = leaves((*self.rules, *self.exclude))
        return tuple(sorted({one for rule in rules if isinstance(rule, InSegment) for one in rule.values}))

    @property
    def deciding(self) -> dict[str, Any]:
        """What decides membership: a new title does not change it, a new value does."""
        return {
            "rules": [_deciding(item) for item in self.rules],
            "exclude": [_deciding(item) for item in self.exclude],
            "evidence": self.header.evidence.model_dump(),
        }


def _deciding(item: Item) -> dict[str, Any]:
    if isinstance(item, Group):
        return {item.op: [_deciding(one) for one in item.items], "weight": item.weight}
    return item.deciding | {"weight": item.weight}


def definition_hashes(definitions: Mapping[str, Definition]) -> dict[str, str]:
    """Hash what decides each segment, together with the segments it refers to, by segment id."""
    hashes: dict[str, str] = {}
    others = {segment_id: one.others for segment_id, one in definitions.items()}
    for segment_id in TopologicalSorter(others).static_order():
        parts = [definitions[segment_id].deciding, [hashes[one] for one in others[segment_id]]]
        hashes[segment_id] = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
    return hashes


@dataclass(frozen=True)
class Known:
    """What definitions may refer to."""

    accounts: tuple[Account, ...]
    places: tuple[Place, ...]
    policy: Policy


def read_known(settings: Settings) -> Known:
    """Read what definitions may refer to: accounts, places, the policy.

    Raises `RefError`.
    """
    policy = read_policy(SHIPPED_REF / "refused.yml")
    return Known(tuple(read_accounts(settings)), tuple(read_places(settings)), policy)


def read_definitions(settings: Settings, known: Known) -> list[Definition]:
    """Read every `segments/*.yml`, by segment id.

    Raises `SegmentDefinitionError` naming file, line, key and hint for the first definition that is unusable.
    """
    folder = settings.ref_file("segments")
    files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    if strange := [path.name for path in files if path.suffix != ".yml"]:
        raise SegmentDefinitionError(strange[0], "is no segment's file", hint="name it <segment_id>.yml")
    definitions = [read_definition(path, settings, known) for path in files]
    check_together(definitions)
    return definitions


def read_definition(path: Path, settings: Settings, known: Known) -> Definition:
    """Read one segment's file, alone.

    Raises `SegmentDefinitionError`, and `RefusedSegmentError` where the policy refuses what it is about.
    """
    read = dict(read_yaml(path))
    rules = parse.items(path, "rules", read.pop("rules", None))
    exclude = parse.items(path, "exclude", read.pop("exclude", None) or [])
    header = parse.model(path, Header, read, known=("rules", "exclude"))
    _check_names(path, header, (*rules, *exclude))
    lists = {
        rule.values_from: read_list(settings, rule.values_from)
        for rule in leaves((*rules, *exclude))
        if rule.values_from and rule.values_from != "seeds"
    } | {"seeds": header.seeds}
    lines = lines_of_values(path, "rule_id")
    filled = values.Filler(path.name, lines, lists, known.accounts, known.places, header.warnings)
    filled.check_accounts(f"{path.name} line {line_of(path, ('seeds',))}: seeds", header.seeds, own_allowed=False)
    definition = Definition(
        path.name,
        header,
        tuple(filled.item(item) for item in rules),
        tuple(filled.item(item) for item in exclude),
        lines,
    )
    _check_examples(path, definition, known.accounts)
    _check_policy(known.policy, definition, known.accounts)
    return definition


def check_together(definitions: Iterable[Definition]) -> None:
    """Check what only all definitions together show: references between them.

    Raises `SegmentDefinitionError` for a reference to no active segment, and for a circle.
    """
    by_id = {definition.segment_id: definition for definition in definitions}
    active = {one for one, definition in by_id.items() if definition.header.status == "active"}
    for definition in by_id.values():
        if unknown := [one for one in definition.others if one not in active]:
            raise SegmentDefinitionError(
                definition.place(_referring(definition, unknown[0])),
                f"refers to {unknown[0]}, no active segment",
                known=sorted(active),
                hint="its file is missing, misspelt or not active",
            )
    try:
        list(TopologicalSorter({one: definition.others for one, definition in by_id.items()}).static_order())
    except CycleError as failure:
        circle = list(reversed(failure.args[1]))  # each refers to the next
        first = by_id[circle[0]]
        raise SegmentDefinitionError(
            first.place(_referring(first, circle[1])),
            f"is defined by itself: {' -> '.join(circle)}",
            hint="break the circle",
        ) from None


def _referring(definition: Definition, segment_id: str) -> str:
    rules = leaves((*definition.rules, *definition.exclude))
    return next(rule.rule_id for rule in rules if isinstance(rule, InSegment) and segment_id in rule.values)


def _check_names(path: Path, header: Header, items: tuple[Item, ...]) -> None:
    if header.segment_id != path.stem or header.segment_id == EVERYONE:
        raise SegmentDefinitionError(
            f"{path.name} line {line_of(path, ('segment_id',))}",
            f"has segment_id {header.segment_id!r}",
            hint="the file is named for its segment",
        )
    names = [rule.rule_id for rule in leaves(items)]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        place = place_of(path.name, lines_of_values(path, "rule_id"), twice[0])
        raise SegmentDefinitionError(place, f"has rule_id {twice[0]} twice", hint="a hit must name one rule")
    if bool(header.lawful_basis) != bool(header.approved_by):
        raise SegmentDefinitionError(
            path.name, "overrides the policy by halves", known=("lawful_basis", "approved_by"), hint="give both"
        )


def _check_examples(path: Path, definition: Definition, accounts: Iterable[Account]) -> None:
    refs = {account.ref for account in accounts}
    for n, example in enumerate(definition.header.examples):
        where = f"{path.name} line {line_of(path, ('examples', n))}"
        named = [*example.follows, *(act.account for act in example.acts)]
        if unknown := [one for one in named if one not in refs]:
            raise SegmentDefinitionError(where, f"names {unknown[0]}, no account of account.csv")
        if len({one.split(":")[0] for one in named}) > 1:
            raise SegmentDefinitionError(where, "is a person on two platforms", hint="one example for each")
    if definition.header.status != "active":
        return
    for side in ("in", "out"):
        n_there = sum(example.member == side for example in definition.header.examples)
        if n_there < FEWEST_EXAMPLES:
            raise SegmentDefinitionError(
                f"{path.name}: examples",
                f"has {n_there} of people who are {side}, an active segment needs {FEWEST_EXAMPLES}",
                hint="near misses teach most, or status: draft",
            )


def _check_policy(policy: Policy, definition: Definition, accounts: Iterable[Account]) -> None:
    refused = refusals(policy, _texts(definition, accounts), segment=definition.file)
    if definition.is_override:
        refused = [one for one in refused if not one.overridable]
    if refused:
        thing, found, hint = message_of(refused)
        raise RefusedSegmentError(thing, found, hint=hint)


def _texts(definition: Definition, accounts: Iterable[Account]) -> dict[str, list[str]]:
    """What a definition says, by place, for the policy to read."""
    header = definition.header
    names = {account.ref: account.name or account.handle or "" for account in accounts}
    texts = {"segment_id": [header.segment_id], "title": [header.title], "question": [header.question]}
    for rule in leaves((*definition.rules, *definition.exclude)):
        shown = [names[one] for one in rule.values] if rule.names_accounts else list(rule.values)
        texts[f"rule '{rule.rule_id}'"] = [rule.rule_id, rule.why, *shown]
    return texts | {"seeds": [names[one] for one in header.seeds]}
