"""Which definitions were current on which day. A published night stores its definitions under its day.

Membership has a history, and a rebuild must give the same one: so versions of definitions are kept as deliveries are,
one immutable file for each day that changed something. The first version counts for all time before it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from pipelines.common.settings import Settings
from pipelines.segments.definition import Definition, definition_hashes
from pipelines.segments.dnf import Way, expansion_ways, label_way, unless_labelled, ways_into
from pipelines.segments.rule import InSegment, leaves

ALWAYS = date(1, 1, 1)
FOREVER = date(9000, 1, 1)
EVIDENCE = ("rule", "expansion", "audit")

# What definitions come down to: {"segments": {id: {hash, ways}}, "rules": {hash: what it looks for}}.
Compiled = dict[str, Any]


@dataclass(frozen=True)
class Version:
    """The definitions that are current from a day until the next version's day."""

    from_day: date
    compiled: Compiled


def compiled(definitions: Iterable[Definition]) -> Compiled:
    """Reduce the active definitions to what decides membership.

    Raises `SegmentDefinitionError` where one says nothing that anybody could meet.
    """
    active = {one.segment_id: one for one in definitions if one.header.status == "active"}
    hashes = definition_hashes(active)
    rules = [rule for one in active.values() for rule in leaves((*one.rules, *one.exclude))]
    return {
        "segments": {
            segment_id: {
                "definition_hash": hashes[segment_id],
                "rule": _plain(unless_labelled(ways_into(active, segment_id), segment_id)),
                "expansion": _plain(unless_labelled(expansion_ways(active, segment_id), segment_id))
                if one.header.evidence.expansion == "audited"
                else [],
                "audit": _plain([label_way(segment_id)]),
            }
            for segment_id, one in sorted(active.items())
        },
        "rules": {
            rule.rule_hash: rule.deciding | {"evidence_kind": rule.evidence_kind, "least": rule.least}
            for rule in sorted(rules, key=lambda rule: rule.rule_hash)
            if not isinstance(rule, InSegment)
        },
    }


def _plain(ways: Iterable[Way]) -> list[list[list[str]]]:
    return [[sorted(way.required), sorted(way.forbidden)] for way in ways]


def read_versions(settings: Settings) -> list[Version]:
    """Read every kept version, oldest first; of several of one day the last one written holds."""
    of_day: dict[str, Path] = {}
    for path in sorted(settings.definitions.glob("*.json"), key=_place):
        of_day[path.stem[:10]] = path
    versions: list[Version] = []
    for day, path in of_day.items():
        version = Version(date.fromisoformat(day), read(path))
        if not versions or versions[-1].compiled != version.compiled:
            versions.append(version)
    return versions


def _place(path: Path) -> tuple[str, int]:
    return path.stem[:10], int(path.stem[11:] or 0)


def versions_of_night(settings: Settings, as_of: date, today: Compiled) -> list[Version]:
    """The versions up to a night's day, today's files included where they are new.

    A night of an earlier day than the last kept version uses what was valid on that day, not today's files.
    """
    kept = read_versions(settings)
    if kept and as_of < kept[-1].from_day:
        return [one for one in kept if one.from_day <= as_of] or kept[:1]
    before = [one for one in kept if one.from_day < as_of]
    current = next((one for one in reversed(kept) if one.from_day <= as_of), None)
    if current and current.compiled == today:
        return kept
    if before and before[-1].compiled == today:
        return before
    return [*before, Version(as_of, today)]


def keep(settings: Settings, as_of: date, in_force: Compiled) -> None:
    """Keep what a published night was defined by, where that is new; whole or not at all."""
    kept = read_versions(settings)
    before = next((one.compiled for one in reversed(kept) if one.from_day <= as_of), None)
    if before == in_force or (kept and as_of < kept[-1].from_day):
        return
    settings.definitions.mkdir(parents=True, exist_ok=True)
    n_today = sum(1 for _ in settings.definitions.glob(f"{as_of}-*.json"))
    path = settings.definitions / f"{as_of}-{n_today + 1}.json"
    write(path.with_suffix(".unfinished"), in_force)
    path.with_suffix(".unfinished").rename(path)


def write(path: Path, in_force: Compiled) -> None:
    """Write what definitions come down to, the same bytes for the same definitions."""
    path.write_text(json.dumps(in_force, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read(path: Path) -> Compiled:
    """Read what `write` wrote."""
    in_force: Compiled = json.loads(path.read_text(encoding="utf-8"))
    return in_force


def history_hash(versions: Iterable[Version], until: date) -> str:
    """Hash the definitions current up to a day: a state built under another history is no base."""
    upto = [one for one in versions if one.from_day <= until] or list(versions)[:1]
    versions_so_far = [(str(one.from_day) if n else "", one.compiled) for n, one in enumerate(upto)]
    return hashlib.sha256(json.dumps(versions_so_far, sort_keys=True).encode()).hexdigest()[:16]


def tables(versions: list[Version]) -> Mapping[str, list[tuple[object, ...]]]:
    """The rows of `ref.segment_version`, `segment_way`, `rule`, `rule_value` and `rule_range`."""
    ends = [*(one.from_day for one in versions[1:]), FOREVER]
    starts = [ALWAYS, *(one.from_day for one in versions[1:])]
    segments: list[tuple[str, str, date, date]] = []
    ranges: list[tuple[str, str, date, date]] = []
    ways: dict[tuple[object, ...], None] = {}
    rules: dict[str, dict[str, Any]] = {}
    for version, start, end in zip(versions, starts, ends, strict=True):
        rules |= version.compiled["rules"]
        for segment_id, segment in version.compiled["segments"].items():
            segments.append((segment_id, segment["definition_hash"], start, end))
            ways |= dict.fromkeys(_way_rows(segment_id, segment))
        after = end if end == FOREVER else end + timedelta(days=1)
        ranges += [(rule_hash, "", start, after) for rule_hash in version.compiled["rules"]]
    return {
        "segment_version": [*_joined(segments)],
        "segment_way": [*ways],
        "rule": [_rule_row(rule_hash, rule) for rule_hash, rule in sorted(rules.items())],
        "rule_value": [row for rule_hash, rule in sorted(rules.items()) for row in _value_rows(rule_hash, rule)],
        "rule_range": [(rule_hash, start, end) for rule_hash, _, start, end in _joined(ranges)],
    }


def _joined(times: list[tuple[str, str, date, date]]) -> list[tuple[str, str, date, date]]:
    """Times of the same thing that touch or overlap, as one."""
    done: list[tuple[str, str, date, date]] = []
    for name, what, start, end in sorted(times, key=lambda one: (one[0], one[2])):
        if done and done[-1][:2] == (name, what) and start <= done[-1][3]:
            done[-1] = (name, what, done[-1][2], max(end, done[-1][3]))
        else:
            done.append((name, what, start, end))
    return done


def _way_rows(segment_id: str, segment: dict[str, Any]) -> list[tuple[object, ...]]:
    return [
        (segment_id, segment["definition_hash"], effect, n, rule_hash, is_required, len(required))
        for effect in EVIDENCE
        for n, (required, forbidden) in enumerate(segment[effect])
        for is_required, rule_hashes in ((True, required), (False, forbidden))
        for rule_hash in rule_hashes
    ]


def _rule_row(rule_hash: str, rule: dict[str, Any]) -> tuple[object, ...]:
    named = ("match", "evidence_kind", "least", "counted", "within_days", "not_within_days")
    return (rule_hash, *(rule.get(name) for name in named))


def _value_rows(rule_hash: str, rule: dict[str, Any]) -> list[tuple[object, ...]]:
    is_account = rule["evidence_kind"] in ("follow", "engagement")
    return [
        (rule_hash, value, *(value.split(":", 1) if is_account else (None, None))) for value in sorted(rule["values"])
    ]
