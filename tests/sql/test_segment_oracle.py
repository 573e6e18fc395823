"""Compare segments with a day-by-day reading of their definitions, on small generated worlds.

The oracle asks on every day of everybody what the rules as written, the current audit and its labels say; it knows
no spells, no ways and no hits.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import duckdb
import polars as pl
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pipelines.common.errors import SegmentDefinitionError
from pipelines.segments import history, label_history
from pipelines.segments.definition import Definition, Evidence, Header
from pipelines.segments.label_audit import LOWEST, Calibration, Quality
from pipelines.segments.label_file import Audit
from pipelines.segments.rule import (
    AllWords,
    AnyPhrase,
    AnyWord,
    EngagesAtLeast,
    FollowsAtLeast,
    Group,
    InSegment,
    Item,
    PlaceIn,
    Rule,
    Stopped,
    UsedTag,
    leaves,
)
from tests.sql.case_runner import Row, build, filled_bench, insert, select, table_columns

FIRST = date(2026, 1, 1)
NEAR = 11  # most things happen in twelve days
FAR = (96, 101, 180, 181, 184, 188, 191, 192, 196)
MEMBERS = {1: "x", 2: "x", 3: "x", 4: "x", 105: "mastodon"}
ACCOUNTS = ("a", "b", "c")
PLACES = ("Leek", "North Leek", "Stone", "Dale")
MODELS = (
    "stg.member",
    "stg.member_tag",
    "core.member",
    "core.word_hit",
    "core.connection_hit",
    "core.audit_hit",
    "core.segment_rule_hit",
    "core.segment_evidence",
    "core.segment_spell",
    "core.segment_membership",
    "mart.segment_change",
)
SEGMENTS = ("rider", "tourer")
CARRIED = {"member": "stg.member", "member_tag": "stg.member_tag", "word_hit": "core.word_hit"}

Definitions = dict[str, Definition]


@dataclass(frozen=True)
class Profile:
    """What a list showed of somebody on a day."""

    day: int
    bio: str | None = None
    name: str | None = None
    location: str | None = None


@dataclass(frozen=True)
class Act:
    """An interaction with a post of an account."""

    day: int
    account: str
    post: str


@dataclass(frozen=True)
class Tag:
    """A hash tag used on a day, and the day of the delivery that reports it."""

    day: int
    tag: str
    declared: int


@dataclass(frozen=True)
class Member:
    """One person: profiles, acts and tags by day, and follow spells (first day, day after the last or none)."""

    key: int
    platform: str
    profiles: list[Profile] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    follows: dict[str, list[tuple[int, int | None]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Audited:
    """One audit: of which definition, scored when, what accounts weigh, what scores mean, who was judged what."""

    segment: str
    platform: str
    definition_hash: str
    day: int
    weights: dict[str, str]
    steps: tuple[tuple[float, float], ...]
    floor: float
    rule_probability: float
    labels: dict[int, str]

    def likely(self, member: "Member", day: int) -> float:
        """Somebody's probability by score on a day; none below the floor."""
        followed = [Decimal(weight) for account, weight in self.weights.items() if follows(member, account, day)]
        if not followed:
            return 0
        score = float(sum(followed)) / (len(followed) + 3) ** 0.5
        probability = next(probability for start, probability in self.steps if start <= score)
        return probability if probability >= self.floor else 0


@dataclass(frozen=True)
class World:
    """A small county, what was meant by its segments from which day on, and what audits found of them."""

    as_of: int
    members: list[Member]
    versions: list[tuple[int, Definitions]]
    audits: list[Audited]

    @property
    def compiled(self) -> list[history.Version]:
        return [history.Version(on(day), history.compiled(meant.values())) for day, meant in self.versions]

    def version(self, day: int) -> int:
        """The number of the valid version on a day; the first one always was."""
        return max(n for n, (from_day, _) in enumerate(self.versions) if n == 0 or from_day <= day)

    def first_list(self, platform: str, account: str) -> int | None:
        first = [
            since
            for member in self.members
            if member.platform == platform
            for since, _ in member.follows.get(account, [])
        ]
        return min(first, default=None)


def on(day: int) -> date:
    return FIRST + timedelta(days=day)


# What the oracle says.


def words(text: str | None) -> list[str]:
    return re.findall(r"[a-z0-9]+", (text or "").lower().replace("é", "e"))


def stand_in(phrase: list[str], text: list[str]) -> bool:
    return any(text[n : n + len(phrase)] == phrase for n in range(len(text)))


def shown(member: Member, day: int) -> Profile:
    """The last profile shown, unless it is forgotten."""
    last = max((one for one in member.profiles if one.day <= day), key=lambda one: one.day, default=None)
    return last if last and day < last.day + 180 else Profile(day)


def place_of(location: str | None) -> str | None:
    named = [place for place in PLACES if stand_in(words(place), words(location))]
    return min(named, key=lambda place: (-len(place), place), default=None)


def says(rule: Rule, profile: Profile) -> bool:
    """Whether a profile meets a rule on words or places."""
    texts = (words(profile.bio), words(profile.name))
    reported = [any(stand_in(words(value), text) for text in texts) for value in rule.values]
    match rule:
        case AllWords():
            return all(reported)
        case PlaceIn():
            return place_of(profile.location) in rule.values
    return any(reported)


def holds(rule: Rule, member: Member, day: int) -> bool:
    """Whether a single rule speaks for somebody on a day."""
    accounts = [value.split(":")[1] for value in rule.values if value.startswith(f"{member.platform}:")]
    acts = [(day - act.day, act) for act in member.acts if act.account in accounts and act.day <= day]
    match rule:
        case AnyWord() | AnyPhrase() | AllWords() | PlaceIn():
            return says(rule, shown(member, day))
        case UsedTag():
            wanted = [value.lower().lstrip("#") for value in rule.values]
            return any(0 <= day - one.day < rule.within_days and one.tag in wanted for one in member.tags)
        case FollowsAtLeast():
            return sum(follows(member, account, day) for account in accounts) >= rule.k
        case EngagesAtLeast():
            lately = [act for age, act in acts if age < rule.within_days]
            return len({act.account if rule.counted == "accounts" else act.post for act in lately}) >= rule.k
        case Stopped():
            return min((age for age, _ in acts), default=-1) in range(rule.not_within_days, rule.within_days)
    raise AssertionError(rule.match)


def follows(member: Member, account: str, day: int) -> bool:
    return any(since <= day and (until is None or day < until) for since, until in member.follows.get(account, []))


def is_present(member: Member, day: int) -> bool:
    return any(follows(member, account, day) for account in ACCOUNTS) or any(
        0 <= day - act.day < 90 for act in member.acts
    )


class Oracle:
    """What definitions say of people, one day at a time."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.compiled = [version.compiled["segments"] for version in world.compiled]
        self.holds = cache(lambda rule, n, day: holds(rule, world.members[n], day))
        self.by_rules = cache(self._by_rules)
        self.evidence = cache(self._evidence)

    def _by_rules(self, version: int, segment: str, n: int, day: int) -> bool:
        """Whether rules put somebody into a segment on a day, by a valid version that day or not."""
        definition = self.world.versions[version][1].get(segment)
        if definition is None or self._is_excluded(version, segment, n, day):
            return False
        weights = [item.weight for item in definition.rules if self._item(version, item, n, day)]
        return is_present(self.world.members[n], day) and sum(weights) >= definition.header.evidence.threshold

    def _is_excluded(self, version: int, segment: str, n: int, day: int) -> bool:
        return any(self._item(version, item, n, day) for item in self.world.versions[version][1][segment].exclude)

    def _item(self, version: int, item: Item, n: int, day: int) -> bool:
        match item:
            case Group():
                held = [self._item(version, one, n, day) for one in item.items]
                return {"all": all(held), "any": any(held), "none": not any(held)}[item.op]
            case InSegment():
                return any(self.by_rules(version, segment, n, day) for segment in item.values)
        return bool(self.holds(item, n, day))

    def meant(self, version: int, segment: str) -> str | None:
        """The hash of what a version means by a segment."""
        found = self.compiled[version].get(segment)
        return found["definition_hash"] if found else None

    def audits_of(self, version: int, segment: str, platform: str, day: int) -> list[Audited]:
        """The audits that can count on a day by a version, newest last; none begins after its definition has ended."""
        meant = self.meant(version, segment)
        upto = day if meant == self.meant(self.world.version(day), segment) else day - 1
        return [
            one
            for one in self.world.audits
            if (one.segment, one.platform, one.definition_hash) == (segment, platform, meant) and one.day <= upto
        ]

    def label(self, version: int, segment: str, n: int, day: int) -> str | None:
        """The newest label somebody has: yes or no."""
        member = self.world.members[n]
        declared = [one.labels.get(member.key) for one in self.audits_of(version, segment, member.platform, day)]
        return next((label for label in reversed(declared) if label in ("yes", "no")), None)

    def likely(self, version: int, segment: str, n: int, day: int) -> float:
        """The probability that the current audit gives somebody's score, where that is enough."""
        member = self.world.members[n]
        counting = self.audits_of(version, segment, member.platform, day)
        return counting[-1].likely(member, day) if counting else 0

    def _evidence(self, version: int, segment: str, n: int, day: int) -> frozenset[str]:
        """Why somebody is in a segment on a day by a version of the definitions; nothing where they are not."""
        definition = self.world.versions[version][1].get(segment)
        if definition is None or not is_present(self.world.members[n], day):
            return frozenset()
        label = self.label(version, segment, n, day)
        is_scored = definition.header.evidence.expansion == "audited" and self.likely(version, segment, n, day)
        found = {
            "rule": self.by_rules(version, segment, n, day) and label != "no",
            "expansion": is_scored and label != "no" and not self._is_excluded(version, segment, n, day),
            "audit": label == "yes",
        }
        return frozenset(name for name, speaks in found.items() if speaks)

    def belongs(self, version: int, segment: str, n: int, day: int) -> bool:
        return bool(self.evidence(version, segment, n, day))

    def is_in(self, segment: str, n: int, day: int) -> bool:
        return self.belongs(self.world.version(day), segment, n, day)

    def spells(self) -> set[tuple[Any, ...]]:
        """Runs of days in a segment, as core.segment_membership has them."""
        world, found = self.world, set()
        for segment in SEGMENTS:
            for n, member in enumerate(world.members):
                days = [day for day in range(world.as_of + 1) if self.is_in(segment, n, day)]
                starts = [day for day in days if day - 1 not in days]
                ends = [day for day in days if day + 1 not in days]
                for start, end in zip(starts, ends, strict=True):
                    left_on = None if end == world.as_of else on(end + 1)
                    about = (segment, member.platform, member.key, on(start), left_on)
                    found.add((*about, *self._why(segment, n, end), self.meant(world.version(end), segment)))
        return found

    def _why(self, segment: str, n: int, day: int) -> tuple[str, float]:
        """Evidence and probability of a member on a day."""
        version = self.world.version(day)
        evidence = self.evidence(version, segment, n, day)
        if "audit" in evidence:
            return "audit", 1
        if "rule" not in evidence:
            return "expansion", self.likely(version, segment, n, day)
        counting = self.audits_of(version, segment, self.world.members[n].platform, day)
        return "both" if "expansion" in evidence else "rule", counting[-1].rule_probability if counting else 1

    def rule_hits(self) -> set[tuple[Any, ...]]:
        """Who shows what today, as core.segment_rule_hit has it."""
        day = self.world.as_of
        return {
            (segment, rule.rule_id, effect, member.platform, member.key)
            for segment, definition in self.world.versions[-1][1].items()
            for effect, items in (("include", definition.rules), ("exclude", definition.exclude))
            for rule in leaves(items)
            for n, member in enumerate(self.world.members)
            if not isinstance(rule, InSegment) and is_present(member, day) and self.holds(rule, n, day)
        }

    def changes(self) -> Counter[tuple[Any, ...]]:
        """People who came and went, by segment, platform, day, cause and direction."""
        declared: Counter[tuple[Any, ...]] = Counter()
        for day in range(self.world.as_of + 1):
            before, now = self.world.version(day - 1), self.world.version(day)
            for segment in SEGMENTS:
                for n, member in enumerate(self.world.members):
                    was = self.belongs(before, segment, n, day - 1)
                    by_old = self.belongs(before, segment, n, day)
                    by_new = self.belongs(now, segment, n, day)
                    moved = self._is_moved_by_audit(before, segment, n, day)
                    if by_old > was:
                        cause = "new extracts" if self._is_first_list(member, day) else "people in"
                        cause = "re-audits" if moved else cause
                        declared[segment, member.platform, on(day), cause, "in"] += 1
                    if by_old < was:
                        cause = "lost extracts" if self._is_forgotten(member, day) else "people out"
                        cause = "re-audits" if moved else cause
                        declared[segment, member.platform, on(day), cause, "out"] += 1
                    if by_new != by_old:
                        declared[segment, member.platform, on(day), "rule edits", "in" if by_new else "out"] += 1
        return declared

    def _is_moved_by_audit(self, version: int, segment: str, n: int, day: int) -> bool:
        """Whether an audit begins that day and judged somebody, or alone speaks for them or did the day before."""
        member = self.world.members[n]
        new = [one for one in self.audits_of(version, segment, member.platform, day) if one.day == day]
        if not new:
            return False
        if any(one.labels.get(member.key) in ("yes", "no") for one in new):
            return True
        by_rule = {"rule" in self.evidence(version, segment, n, one) for one in (day - 1, day)}
        return len(by_rule) == 1 and any(self.likely(version, segment, n, one) for one in (day - 1, day))

    def _is_first_list(self, member: Member, day: int) -> bool:
        return any(
            since == day == self.world.first_list(member.platform, account)
            for account, spells in member.follows.items()
            for since, _ in spells
        )

    def _is_forgotten(self, member: Member, day: int) -> bool:
        """Whether words that a rule looked for yesterday were shown 180 days ago and not since, today neither."""
        profile = next((one for one in member.profiles if one.day == day - 180), None)
        if profile is None or any(day - 180 < one.day <= day for one in member.profiles):
            return False
        # A rule that was edited out is still asked on the day of the edit.
        asked = {self.world.version(day - 1), self.world.version(day - 2)}
        return any(
            says(rule, profile)
            for version in asked
            for definition in self.world.versions[version][1].values()
            for rule in leaves((*definition.rules, *definition.exclude))
            if rule.evidence_kind in ("word", "place")
        )


# Worlds are drawn.

WORLDS = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
NIGHTS = settings(WORLDS, max_examples=15)
EVERYWHERE = ("x:a", "x:b", "mastodon:a")
ON_X = ("x:a", "x:b", "x:c")
NAMED: Any = {"rule_id": "r", "why": "-"}
RULES: list[Rule] = [
    AnyWord(match="any_word", values=("Biker", "moto"), **NAMED),
    AnyWord(match="any_word", values=("café",), **NAMED),
    AnyWord(match="any_word", values=("biker", "MOTO", "mountain", "bikers"), **NAMED),
    AnyPhrase(match="any_phrase", values=("mountain bike", "moto cafe"), **NAMED),
    AllWords(match="all_words", values=("mountain", "biker"), **NAMED),
    PlaceIn(match="place_in", values=("Leek", "Stone"), **NAMED),
    PlaceIn(match="place_in", values=("North Leek",), **NAMED),
    UsedTag(match="used_tag", values=("#ride", "#Tour"), within_days=3, **NAMED),
    UsedTag(match="used_tag", values=("#ride",), within_days=180, **NAMED),
    FollowsAtLeast(match="follows_at_least", values=EVERYWHERE, k=1, **NAMED),
    FollowsAtLeast(match="follows_at_least", values=ON_X, k=2, **NAMED),
    EngagesAtLeast(match="engages_at_least", values=EVERYWHERE, k=1, within_days=100, **NAMED),
    EngagesAtLeast(match="engages_at_least", values=ON_X, k=2, within_days=4, **NAMED),
    EngagesAtLeast(match="engages_at_least", values=ON_X, k=2, counted="accounts", within_days=4, **NAMED),
    Stopped(match="stopped", values=ON_X, within_days=6, not_within_days=2, **NAMED),
    Stopped(match="stopped", values=EVERYWHERE, within_days=120, not_within_days=5, **NAMED),
]
IN_RIDER = InSegment(match="in_segment", values=("rider",), **NAMED)
WEIGHTS = st.sampled_from([1.0, 1.0, 2.0])
BIOS = st.sampled_from([None, "", "A BIKER.", "bikers", "mountain-bike & moto", "biker moto café", "mountain"])
NAMES = st.sampled_from([None, None, "Moto", "Biker", "Café Mountain"])
LOCATIONS = st.sampled_from([None, "Leek", "North Leek, by Leek", "north leeky", "Dale/Stone", "Moon"])


def items(rules: list[Rule], depth: int = 2) -> st.SearchStrategy[Item]:
    """Single rules with a weight, and groups of them; groups of what must not show come with what must."""
    single = st.builds(lambda rule, weight: rule.model_copy(update={"weight": weight}), st.sampled_from(rules), WEIGHTS)
    if not depth:
        return single
    inner = st.lists(items(rules, depth - 1), min_size=1, max_size=2).map(tuple)
    but_not = st.builds(lambda shown, not_shown: (shown, Group("none", not_shown)), items(rules, depth - 1), inner)
    groups = st.builds(Group, st.just("any"), inner, WEIGHTS) | st.builds(
        Group, st.just("all"), inner | but_not, WEIGHTS
    )
    return single | single | groups


@st.composite
def definitions(draw: st.DrawFn, segment_id: str, rules: list[Rule]) -> Definition:
    """Draw what a segment means: rules that can add up to the threshold, and what takes people out."""
    included = draw(st.lists(items(rules), min_size=1, max_size=3))
    excluded = draw(st.just([]) | st.lists(items(rules, 1), max_size=2))
    threshold = draw(st.sampled_from([1.0, 1.0, min(2.0, sum(item.weight for item in included))]))
    named = iter(f"r{n}" for n in range(99))
    header = Header(
        segment_id=segment_id,
        title="-",
        question="-",
        owner="-",
        status="active",
        evidence=Evidence(threshold=threshold, expansion=draw(st.sampled_from(["audited", "audited", "rules_only"]))),
    )
    included_rules, excluded_rules = (tuple(renamed(one, named) for one in of) for of in (included, excluded))
    return Definition(f"{segment_id}.yml", header, included_rules, excluded_rules)


def renamed(item: Item, names: Iterator[str]) -> Item:
    """Give every rule an id of its own."""
    if isinstance(item, Group):
        return Group(item.op, tuple(renamed(one, names) for one in item.items), item.weight)
    return item.model_copy(update={"rule_id": next(names)})


@st.composite
def meanings(draw: st.DrawFn, days: st.SearchStrategy[int]) -> list[tuple[int, Definitions]]:
    """Draw up to four versions of two segments; each may come, go, change, or come back as it was."""
    riders = [None, *draw(st.lists(definitions("rider", RULES), min_size=1, max_size=3))]
    tourers = [None, *draw(st.lists(definitions("tourer", [*RULES, IN_RIDER, IN_RIDER]), max_size=2))]
    versions = []
    for day in sorted(draw(st.sets(days, min_size=2, max_size=4))):
        rider, tourer = draw(st.sampled_from([*riders[1:], *riders])), draw(st.sampled_from(tourers))
        if rider is None and tourer and tourer.others:
            tourer = None
        meant = {one.segment_id: one for one in (rider, tourer) if one}
        try:
            history.compiled(meant.values())
        except SegmentDefinitionError:
            assume(False)  # says what nobody can meet
        versions.append((day, meant))
    return versions


@st.composite
def members(draw: st.DrawFn, key: int, days: st.SearchStrategy[int], as_of: int) -> Member:
    """Draw one person's days."""
    platform = MEMBERS[key]
    shown_on = draw(st.just({0}) | st.sets(days, max_size=3))
    acts = draw(st.lists(st.tuples(days, st.sampled_from(ACCOUNTS), st.sampled_from("12")), max_size=4))
    tags = draw(
        st.lists(st.tuples(days, st.sampled_from(["ride", "tour", "rid"]), st.sampled_from([0, 0, 6])), max_size=2)
    )
    turns = {account: sorted(draw(st.just({1}) | st.sets(days, max_size=3))) for account in ACCOUNTS}
    return Member(
        key,
        platform,
        [Profile(day, draw(BIOS), draw(NAMES), draw(LOCATIONS)) for day in sorted(shown_on)],
        [Act(day, account, f"{account}{post}") for day, account, post in acts],
        [Tag(day, tag, min(day + late, as_of)) for day, tag, late in tags],
        {account: [*zip(of[::2], [*of[1::2], None], strict=False)] for account, of in turns.items()},
    )


@st.composite
def audited(draw: st.DrawFn, segment: str, versions: list[tuple[int, str]], days: st.SearchStrategy[int]) -> Audited:
    """Draw one audit of a segment, mostly of what is meant on its day, sometimes of what was meant before or later."""
    day = draw(days)
    meant = [name for from_day, name in versions if from_day <= day][-1:] or [versions[0][1]]
    platform = draw(st.sampled_from(["x", "x", "x", "mastodon"]))
    weight = st.sampled_from(["2", "2", "1.500000001", "0.5", "-1"])
    steps = st.sampled_from([((LOWEST, 0.6),), ((1.0, 0.9), (LOWEST, 0.2)), ((1.2, 0.9), (0.5, 0.5), (LOWEST, 0.01))])
    likely = st.sampled_from(["yes", "no", "no", "unsure"])
    return Audited(
        segment,
        platform,
        draw(st.sampled_from([*meant * 3, *(name for _, name in versions)])),
        day,
        draw(st.dictionaries(st.sampled_from(ACCOUNTS), weight, min_size=1, max_size=2)),
        draw(steps),
        draw(st.sampled_from([0.5, 0.5, 0.9])),
        draw(st.sampled_from([0.8, 0.95])),
        draw(
            st.dictionaries(st.sampled_from([key for key, of in MEMBERS.items() if of == platform]), likely, max_size=2)
        ),
    )


@st.composite
def audits_of(draw: st.DrawFn, versions: list[tuple[int, Definitions]], days: st.SearchStrategy[int]) -> list[Audited]:
    """Draw none, one or two audits a segment, oldest first."""
    found: list[Audited] = []
    for segment, most in zip(SEGMENTS, (2, 1), strict=True):
        hashes = [
            (day, history.compiled(meant.values())["segments"][segment]["definition_hash"])
            for day, meant in versions
            if segment in meant
        ]
        if hashes:
            drawn = draw(st.lists(audited(segment, hashes, days), min_size=draw(st.integers(0, most)), max_size=most))
            found += sorted(drawn, key=lambda one: (one.platform, one.day))
    return found


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw a county of at most five people and twelve days, and sometimes of days far enough to forget."""
    as_of = draw(st.sampled_from([NEAR, 101, 197, 197, NEAR]))
    near = st.integers(0, NEAR)
    days = near | near | st.sampled_from([day for day in FAR if day <= as_of]) if as_of > NEAR else near
    keys = draw(st.sets(st.sampled_from([*MEMBERS]), min_size=1))
    versions = draw(meanings(days))
    people = [draw(members(key, days, as_of)) for key in sorted(keys)]
    return World(as_of, people, versions, draw(audits_of(versions, days)))


# Worlds are told to the models.


def kept(n: int, one: Audited) -> label_history.Kept:
    """Write an audit as it is kept; its id is its number among its segment's, so that segments share ids."""
    calibration = Calibration(one.steps, one.rule_probability, 0.01)
    quality = Quality({}, one.floor, 0, 0.0, 1, 1, 0, 2)
    about = (one.segment, f"a{n}", one.definition_hash, "night", on(one.day), on(one.day))
    labels = pl.DataFrame({"member_key": [*one.labels], "label": [*one.labels.values()]})
    return label_history.Kept(Audit(*about, (), calibration, quality), one.platform, one.weights, labels)


def reference_rows(versions: list[tuple[int, Definitions]], audited: list[Audited]) -> dict[str, list[Row]]:
    """Write versions and audits as the tables of `ref` that the models read."""
    declared = [history.Version(on(day), history.compiled(meant.values())) for day, meant in versions]
    of_segment = [[one for one in audited if one.segment == segment] for segment in SEGMENTS]
    records = [kept(n, one) for ones in of_segment for n, one in enumerate(ones)]
    rows = {
        f"ref.{name}": [dict(zip(table_columns(f"ref.{name}"), row, strict=True)) for row in found]
        for name, found in {**history.tables(declared), **label_history.tables(records, declared)}.items()
    }
    return rows | {
        "ref.place": [{"place": place} for place in PLACES],
        "ref.segment_rule": [
            {"segment_id": segment, "rule_id": rule.rule_id, "effect": effect, "rule_hash": rule.rule_hash}
            for segment, definition in versions[-1][1].items()
            for effect, of in (("include", definition.rules), ("exclude", definition.exclude))
            for rule in leaves(of)
        ],
    }


def seen_rows(world: World, since: int, until: int) -> dict[str, list[Row]]:
    """Write what the deliveries of some days show of people's words and tags."""
    named = {member.key: {"platform": member.platform, "member_key": member.key} for member in world.members}
    return {
        "stg.member_key": [row | {"key_check": "c"} for row in named.values()],
        "stg.profile": [
            named[member.key] | {"profile_on": on(one.day), "bio": one.bio, "name": one.name, "location": one.location}
            for member in world.members
            for one in member.profiles
            if since <= one.day <= until
        ],
        "stg.tag": [
            named[member.key] | {"tag": tag, "used_on": on(day)}
            for member in world.members
            for day, tag in {(one.day, one.tag) for one in member.tags if since <= one.declared <= until}
        ],
    }


def connection_rows(world: World) -> dict[str, list[Row]]:
    """Write everybody's follow spells and acts, and the lists that showed the follows."""
    follows_of = [
        (member, account, since, until)
        for member in world.members
        for account, spells in member.follows.items()
        for since, until in spells
    ]
    return {
        "core.follower_list": [
            {"platform": platform, "account_id": account, "observed_on": on(day), "is_complete": True}
            for platform, account, day in {(one.platform, account, since) for one, account, since, _ in follows_of}
        ],
        "core.follow": [
            {
                "platform": member.platform,
                "account_id": account,
                "member_key": member.key,
                "first_seen_on": on(since),
                "last_seen_on": on(since),
                "ended_on": None if until is None else on(until),
            }
            for member, account, since, until in follows_of
        ],
        "core.engagement": [
            {
                "platform": member.platform,
                "post_id": act.post,
                "account_id": act.account,
                "member_key": member.key,
                "kind": f"k{n}",
                "engaged_on": on(act.day),
            }
            for member in world.members
            for n, act in enumerate(member.acts)
        ],
    }


def run_night(con: duckdb.DuckDBPyConnection, world: World, since: int, until: int) -> None:
    """Carry last night's tables forward and build tonight's; what follows and acts say only the last night tells."""
    is_last = until == world.as_of
    con.execute("SET VARIABLE as_of = $as_of", {"as_of": on(until)})
    for name, table in CARRIED.items():
        con.execute(f"DELETE FROM prior.{name}")
        con.execute(f"INSERT INTO prior.{name} BY NAME SELECT * FROM {table}")
    known = [one for n, one in enumerate(world.versions) if n == 0 or one[0] <= until]
    audited = [one for one in world.audits if one.day <= until]
    given_rows = (
        reference_rows(known, audited) | seen_rows(world, since, until) | (connection_rows(world) if is_last else {})
    )
    for table in (*given_rows, *MODELS):
        con.execute(f"DELETE FROM {table}")
    for table, rows in given_rows.items():
        insert(con, table, rows)
    build(con, *(MODELS if is_last else CARRIED.values()))


def built(con: duckdb.DuckDBPyConnection, table: str, columns: str = "*") -> set[tuple[Any, ...]]:
    rows = [tuple(row.values()) for row in select(con, f"SELECT {columns} FROM {table}")]
    assert len(rows) == len(set(rows)), f"{table} has a row twice"
    return set(rows)


MEMBERSHIP = "segment_id, platform, member_key, entered_on, left_on, evidence, membership_probability, definition_hash"


@WORLDS
@given(world=worlds())
def test_people_belong_on_the_days_on_which_the_rules_as_written_say_so(world: World) -> None:
    oracle = Oracle(world)
    with filled_bench({}, on(world.as_of)) as con:
        run_night(con, world, 0, world.as_of)
        spells = built(con, "core.segment_membership", MEMBERSHIP)
        hits = built(con, "core.segment_rule_hit", "segment_id, rule_id, effect, platform, member_key")
    assert spells == oracle.spells()
    assert hits == oracle.rule_hits()


@WORLDS
@given(world=worlds())
def test_changes_by_cause_add_up_to_the_size_on_every_day(world: World) -> None:
    oracle = Oracle(world)
    with filled_bench({}, on(world.as_of)) as con:
        run_night(con, world, 0, world.as_of)
        rows = select(con, "SELECT * FROM mart.segment_change")
    declared: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        for direction in ("in", "out"):
            named = (row["segment_id"], row["platform"], row["changed_on"], row["cause"], direction)
            declared[named] += row[f"people_{direction}"]
    assert +declared == oracle.changes()
    for segment in SEGMENTS:
        for day in range(world.as_of + 1):
            upto = [row for row in rows if row["segment_id"] == segment and row["changed_on"] <= on(day)]
            size = sum(oracle.is_in(segment, n, day) for n in range(len(world.members)))
            assert sum(row["people_in"] - row["people_out"] for row in upto) == size


@NIGHTS
@given(world=worlds(), ends=st.sets(st.integers(0, NEAR) | st.sampled_from(FAR), min_size=1, max_size=2))
def test_nights_one_after_the_other_give_what_one_replay_gives(world: World, ends: set[int]) -> None:
    tables = {
        "core.word_hit": "*",
        "core.segment_membership": MEMBERSHIP,
        "mart.segment_change": "*",
        "stg.member": "*",
    }
    with filled_bench({}, on(world.as_of)) as con:
        run_night(con, world, 0, world.as_of)
        at_once = {table: built(con, table, columns) for table, columns in tables.items()}
    with filled_bench({}, on(world.as_of)) as con:
        since = 0
        for until in sorted({end for end in ends if end < world.as_of} | {world.as_of}):
            run_night(con, world, since, until)
            since = until + 1
        for table, columns in tables.items():
            assert built(con, table, columns) == at_once[table], table
