"""What the numbers say, in sentences computed from the marts: none is written for one county or one night.

Every count passes `pipelines.release.disclosure` first, and everything is ordered by what is shown, so that not even
an order tells small counts apart. Sentences begin with the segment's title: titles are not bent to fit a
grammar.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipelines.release import disclosure
from pipelines.release.disclosure import Limits, Shown
from pipelines.report.labels import ANOTHER, EVERYONE, FOLLOWER, NO_OTHER, ONLY, counted, days, listed, platform_name

Row = Mapping[str, Any]

# Below this many times the least shown count, rounding moves a share by points: no headline comes from it.
HEADLINE_SEGMENT = 10
# "Almost nobody depends on it": at most this share of its followers follow it alone.
NOBODY_SHARE = 0.01


@dataclass(frozen=True)
class SegmentFinding:
    """What is found about one segment: a sentence for its largest platform, then one for each other."""

    segment_id: str
    title: str
    main: str
    others: tuple[str, ...]
    data: str


@dataclass(frozen=True)
class Reached:
    """One row of reach, as it may be shown (people; shares of 0 to 1)."""

    row: Row
    people: Shown
    exclusive: Shown
    segment: Shown
    coverage: Shown
    exclusive_share: Shown

    @property
    def is_partial(self) -> bool:
        return bool(self.row["reach_status"] == "lower_bound")

    @property
    def at_least(self) -> str:
        return "at least " if self.is_partial else ""


def shown(row: Row, limit: Limits) -> Reached:
    """Pass one row of reach through disclosure."""
    return Reached(
        row=row,
        people=disclosure.people(row["reach_people"], limit),
        exclusive=disclosure.people(row["exclusive_people"], limit),
        segment=disclosure.people(row["segment_people"], limit),
        coverage=disclosure.share(row["reach_people"], row["segment_people"], limit),
        exclusive_share=disclosure.share(row["exclusive_people"], row["segment_people"], limit),
    )


def main_finding(reach: pl.DataFrame, limit: Limits, basis: str = FOLLOWER) -> str:
    """Say which account covers most of any segment (not everyone), and how much only that account reaches."""
    rows = reach.filter((pl.col("basis") == basis) & (pl.col("segment_id") != EVERYONE))
    found = [one for one in (shown(row, limit) for row in rows.to_dicts()) if one.coverage.number is not None]
    large = [one for one in found if (one.segment.number or 0) >= HEADLINE_SEGMENT * limit.least]
    if not found:
        return "No account reaches enough people of any segment to be shown"
    best = _most(large or found, "coverage")
    where = f"{best.row['title']} on {platform_name(best.row['platform'])}"
    says = f"{where}: {best.row['name']} reaches {best.at_least}{best.coverage.text} of them"
    if best.exclusive.is_withheld:
        return says
    if best.exclusive_share.number is None:
        return f"{says}, nearly all of whom {ANOTHER[basis]} too"
    return f"{says}, and {best.exclusive_share.text} {NO_OTHER[basis]}"


def segment_findings(reach: pl.DataFrame, sizes: pl.DataFrame, limit: Limits) -> list[SegmentFinding]:
    """One finding per segment (not everyone), in the order of titles."""
    found = []
    for title, segment_id in _segments(sizes):
        rows = reach.filter((pl.col("basis") == FOLLOWER) & (pl.col("segment_id") == segment_id))
        sentences = [
            platform_finding(rows.filter(pl.col("platform") == platform).to_dicts(), limit)
            for platform in platforms_by_size(sizes, segment_id, limit)
        ]
        found.append(
            SegmentFinding(segment_id, title, sentences[0], tuple(sentences[1:]), days(rows["data_on"].to_list()))
        )
    return found


def platform_finding(rows: list[dict[str, Any]], limit: Limits) -> str:
    """Say of one segment and platform which account reaches most, and whom only one account reaches."""
    found = [one for one in (shown(row, limit) for row in rows) if not one.people.is_missing]
    where = platform_name(rows[0]["platform"])
    if not found:
        return f"On {where}, reach is not known: we have no list of people from any account."
    segment = found[0].segment
    if segment.number is None:
        seen = "how many were seen is not shown" if segment.is_withheld else f"{segment.text} were seen"
        return f"On {where}, {seen}."
    top = _most(found, "people")
    if top.people.number is None and any(one.people.is_withheld for one in found):
        return f"On {where}, of no account can it be shown how many of the {segment.text} seen it reaches."
    if top.people.number is None:
        return f"On {where}, no account reaches {limit.suppressed_below} or more of the {segment.text} seen."
    says = f"{top.at_least}{top.people.text} of the {segment.text} seen ({top.coverage.text})."
    if len(found) == 1:
        which = "our one account there" if len(rows) == 1 else "the one account with a list of people"
        return f"On {where}, {which}, {top.row['name']}, reaches {says}"
    says = f"On {where}, {top.row['name']} reaches most: {says}"
    return f"{says} {_lost(top, found, limit)}"


def nobody_depends(reach: pl.DataFrame, limit: Limits) -> list[str]:
    """Say of which accounts (almost) every follower follows another account of ours on the platform too."""
    rows = reach.filter((pl.col("basis") == FOLLOWER) & (pl.col("segment_id") == EVERYONE))
    sentences = []
    for row in rows.sort("platform", "name", "account_id").to_dicts():
        one = shown(row, limit)
        part = disclosure.ratio(one.exclusive, one.people)
        if one.people.number is None or (part.number or 0) > NOBODY_SHARE:
            continue
        sentences.append(
            f"{row['name']} on {platform_name(row['platform'])}: of its {one.at_least}{one.people.text} "
            f"followers, {one.exclusive.text} follow it alone; the others {ANOTHER[FOLLOWER]} there too."
        )
    return sentences


def not_known(reach: pl.DataFrame) -> list[str]:
    """Say for which accounts it is not known whom they reach, and where lists are partial."""
    sentences = []
    rows = reach.filter((pl.col("basis") == FOLLOWER) & (pl.col("segment_id") == EVERYONE))
    without = rows.filter(reach_status="unknown")
    for (platform, reason), group in _groups(without, "platform", "reach_reason"):
        names = listed(sorted(group["name"].to_list()))
        verb = "reach" if group.height > 1 else "reaches"
        sentences.append(f"{platform_name(platform)}, {reason}: it is not known which communities {names} {verb}.")
    partial = rows.filter(reach_status="lower_bound")
    for (platform,), group in _groups(partial, "platform"):
        names = listed(sorted(group["name"].to_list()))
        sentences.append(
            f"{platform_name(platform)}: lists of {names} are partial. What they reach is a lower bound, and "
            "what only another account reaches may be too high."
        )
    return sentences


def overlap_finding(signatures: pl.DataFrame, limit: Limits) -> str:
    """Say of one segment, platform and basis (the rows given) how many only one account reaches."""
    rows = signatures.to_dicts()
    first = rows[0]
    segment = disclosure.people(first["segment_people"], limit)
    where = f"{first['title']} on {platform_name(first['platform'])}"
    alone = [(disclosure.people(row["people"], limit), row) for row in rows if len(row["account_ids"]) == 1]
    known = [(one.number, one.text, row) for one, row in alone if one.number is not None]
    if not known and any(one.is_withheld for one, _ in alone):
        return f"{where}: of no account of ours can it be shown how many it alone reaches"
    if not known:
        least = f"{limit.suppressed_below} or more of the {segment.text} seen"
        return f"{where}: no account of ours alone reaches {least}"
    _, text, row = min(known, key=lambda one: (-one[0], one[2]["account_ids"]))
    return f"{where}: {text} of {segment.text} {ONLY[row['basis']]} {row['account_names'][0]}"


def platforms_by_size(sizes: pl.DataFrame, segment_id: str, limit: Limits) -> list[str]:
    """The platforms on which a segment was counted, that with most of its people first."""
    rows = sizes.filter(pl.col("segment_id") == segment_id).to_dicts()
    people = {row["platform"]: disclosure.people(row["segment_people"], limit).number or 0 for row in rows}
    return sorted(people, key=lambda platform: (-people[platform], platform))


def checks_finding(checks: pl.DataFrame) -> str:
    """Say how many checks were made and held."""
    if checks.is_empty():
        return "No check was recorded for this run."
    failed = checks.filter(~pl.col("is_success"))
    made = counted(checks.height, "check was", "checks were")
    if failed.is_empty():
        return f"{made} made; all held."
    n_warned = counted(failed.height, "gave a warning", "gave warnings")
    return f"{made} made: {checks.height - failed.height:,} held, {n_warned}."


def counts_note(limit: Limits) -> str:
    """Say how counts are shown, for the foot of a chart."""
    return f"Counts {limit.words} are not shown, others are rounded to {limit.step}."


def _lost(top: Reached, found: list[Reached], limit: Limits) -> str:
    """Who is lost: those whom only one account reaches; first the account with most of them."""
    alone = _most(found, "exclusive")
    if alone.exclusive.number is None and any(one.exclusive.is_withheld for one in found):
        return "Of no account can it be shown how many only it reaches."
    if alone.exclusive.number is None:
        return f"No account is the only one that reaches {limit.suppressed_below} or more."
    if alone.row["account_id"] == top.row["account_id"]:
        return f"{alone.exclusive.text} of them {NO_OTHER[FOLLOWER]} there: if it closed, they would be lost."
    lost = f"{alone.exclusive.text} {NO_OTHER[FOLLOWER]} there"
    return f"If {alone.row['name']} closed, most would be lost: {lost}."


def _most(found: list[Reached], measure: str) -> Reached:
    def rank(one: Reached) -> tuple[Any, ...]:
        value = getattr(one, measure).number
        row = one.row
        return (
            -(value or 0),
            -(one.exclusive.number or 0),
            row["segment_id"],
            row["platform"],
            row["account_id"],
        )

    return min(found, key=rank)


def _segments(sizes: pl.DataFrame) -> list[tuple[str, str]]:
    rows = sizes.filter(pl.col("segment_id") != EVERYONE).select("title", "segment_id").unique()
    return sorted((str(title), str(segment_id)) for title, segment_id in rows.iter_rows())


def _groups(frame: pl.DataFrame, *by: str) -> list[tuple[tuple[Any, ...], pl.DataFrame]]:
    return sorted(frame.group_by(*by), key=lambda group: tuple(str(one) for one in group[0]))
