"""One segment's definition: a YAML file that an analyst reads and a reviewer signs. Closed keys, no SQL."""

import hashlib
import json
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from pipelines.errors import SegmentDefinitionError
from pipelines.reference import Account, read_yaml
from pipelines.settings import Settings

EVERYONE = "everyone"
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Rule(BaseModel):
    """One reason to be in a segment (or out): what to look for, and why it speaks for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule_id: Name
    match: Literal["any_word", "any_phrase", "follows_or_engages_at_least"]
    values: tuple[Words, ...] = Field(min_length=1)
    k: int = Field(default=2, ge=1)
    why: Words

    @property
    def evidence_kind(self) -> str:
        return "connection" if self.match == "follows_or_engages_at_least" else "word"


class Definition(BaseModel):
    """One segment: the question it answers, who answers for it, the rules, and what takes people out again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    segment_id: Name
    title: Words
    question: Words
    owner: Words
    rules: tuple[Rule, ...] = Field(min_length=1)
    exclude: tuple[Rule, ...] = ()

    @property
    def definition_hash(self) -> str:
        """A hash of what decides membership: editing a title does not change it, editing a rule does."""
        deciding = self.model_dump(mode="json", include={"segment_id", "rules", "exclude"})
        return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:16]


def read_definitions(settings: Settings, accounts: Iterable[Account]) -> list[Definition]:
    """Read every `segments/*.yml`, by segment id.

    Raises `SegmentDefinitionError` naming file, key and hint for the first definition that is unusable.
    """
    folder = settings.ref_file("segments")
    seeds = {account.ref for account in accounts if account.role == "seed"}
    own = {account.ref for account in accounts if account.role == "own"}
    files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    if strange := [path.name for path in files if path.suffix != ".yml"]:
        raise SegmentDefinitionError(strange[0], "is no segment's file", hint="name it <segment_id>.yml")
    definitions = [_read(path, seeds, own) for path in files]
    return sorted(definitions, key=lambda definition: definition.segment_id)


def _read(path: Path, seeds: set[str], own: set[str]) -> Definition:
    read = read_yaml(path)
    try:
        definition = Definition.model_validate(read)
    except ValidationError as failure:
        raise _named(path, failure) from None
    if definition.segment_id != path.stem or definition.segment_id == EVERYONE:
        raise SegmentDefinitionError(
            path.name, f"has segment_id {definition.segment_id!r}", hint="the file is named for its segment"
        )
    rules = [*definition.rules, *definition.exclude]
    names = [rule.rule_id for rule in rules]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SegmentDefinitionError(path.name, f"has rule_id {twice[0]} twice", hint="a hit must name one rule")
    for rule in rules:
        _check_values(path, rule, seeds, own)
    return definition


def _check_values(path: Path, rule: Rule, seeds: set[str], own: set[str]) -> None:
    thing = f"{path.name}: rule '{rule.rule_id}'"
    if len({value.casefold() for value in rule.values}) < len(rule.values):
        raise SegmentDefinitionError(thing, "has a value twice")
    if rule.evidence_kind == "word":
        if unusable := [value for value in rule.values if not any(letter.isalnum() for letter in value)]:
            raise SegmentDefinitionError(thing, f"has the value {unusable[0]!r}, which holds no letter")
        if rule.match == "any_word" and (spaced := [value for value in rule.values if len(value.split()) > 1]):
            raise SegmentDefinitionError(thing, f"has the words {spaced[0]!r}", hint="match: any_phrase")
        return
    for value in rule.values:
        if value in own:
            raise SegmentDefinitionError(
                thing, f"names our own account {value}", hint="a segment defined by its reach would prove itself"
            )
        if value not in seeds:
            near = get_close_matches(value, seeds, n=1)
            raise SegmentDefinitionError(
                thing,
                f"names {value}, which is no seed account of account.csv",
                hint=f"did you mean {near[0]}?" if near else "platform:account_id, with role seed",
            )
    if rule.k > len(rule.values):
        raise SegmentDefinitionError(thing, f"wants {rule.k} of {len(rule.values)} accounts", hint="lower k")


def _named(path: Path, failure: ValidationError) -> SegmentDefinitionError:
    """The first complaint of pydantic, in our words: where, what was found, what is known."""
    first = failure.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    known: tuple[str, ...] = ()
    if first["type"] == "extra_forbidden":
        model = Rule if where.startswith(("rules.", "exclude.")) else Definition
        known = tuple(model.model_fields)
        return SegmentDefinitionError(path.name, f"has the unknown key {where}", known=known)
    return SegmentDefinitionError(path.name, f"{where}: {first['msg'][0].lower()}{first['msg'][1:]}", known=known)
