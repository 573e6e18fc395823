"""The sentences follow the numbers."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.release import disclosure
from pipelines.report import figures, findings
from pipelines.report.figures import Night
from tests.report.small_night import BANDS, SmallNight

LIMIT = disclosure.limits(BANDS)
Read = Callable[[SmallNight], Night]
RIDERS = ("rider", "x", "follower")


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def of(night: SmallNight) -> Night:
        return figures.read_night(night.write(tmp_path / "night.duckdb"))

    return of


def test_the_main_finding_is_the_largest_coverage(small_night: SmallNight, read: Read) -> None:
    night = read(small_night)
    assert findings.main_finding(night.reach, LIMIT) == (
        "Motorcyclists on X: Dale Riders reaches 89\u00a0% of them, and 67\u00a0% follow no other account of ours"
    )
    small_night.sets[RIDERS] = {(): 1000, ("1",): 500, ("2",): 20}
    changed = read(small_night)
    assert findings.main_finding(changed.reach, LIMIT) == (
        "Motorcyclists on X: Dale Police reaches 33\u00a0% of them, and 33\u00a0% follow no other account of ours"
    )


def test_no_headline_comes_from_a_tiny_segment(small_night: SmallNight, read: Read) -> None:
    small_night.sets["farmer", "x", "follower"] = {("1",): 20}
    assert findings.main_finding(read(small_night).reach, LIMIT).startswith("Motorcyclists")


def test_a_main_finding_without_loyal_followers_says_so(small_night: SmallNight, read: Read) -> None:
    small_night.sets[RIDERS] = {(): 100, ("1", "2"): 900, ("2",): 4}
    reported = findings.main_finding(read(small_night).reach, LIMIT)
    assert reported.endswith("nearly all of whom follow another account of ours too")
    assert "4" not in reported


def test_each_segment_says_who_would_be_lost(small_night: SmallNight, read: Read) -> None:
    night = read(small_night)
    farmers, riders = findings.segment_findings(night.reach, night.sizes, LIMIT)
    assert riders.main == (
        "On X, Dale Riders reaches most: 1,065 of the 1,200 seen (89\u00a0%). "
        "800 of them follow no other account of ours there: if it closed, they would be lost."
    )
    assert farmers.title == "Farmers"
    assert farmers.data == "31\u00a0March 2026"

    small_night.sets[RIDERS] = {(): 100, ("1", "2"): 900, ("2",): 14, ("1",): 11, ("3",): 300}
    changed = read(small_night)
    reported = findings.segment_findings(changed.reach, changed.sizes, LIMIT)[1].main
    assert reported.endswith("If Dale Roads closed, most would be lost: 300 follow no other account of ours there.")


def test_an_account_nobody_depends_on_is_named_until_somebody_does(small_night: SmallNight, read: Read) -> None:
    assert findings.nobody_depends(read(small_night).reach, LIMIT) == [
        "Dale Roads on X: of its 365 followers, under 10 follow it alone; "
        "the others follow another account of ours there too."
    ]
    small_night.sets["everyone", "x", "follower"][("3",)] = 60
    assert findings.nobody_depends(read(small_night).reach, LIMIT) == []


def test_what_is_not_known_is_said(small_night: SmallNight, read: Read) -> None:
    small_night.partial = {"1"}
    night = read(small_night)
    totals, partial = findings.not_known(night.reach)
    assert totals == "Facebook, totals only: it is not known which communities Dale Police reaches."
    assert partial.startswith("X: lists of Dale Police are partial.")
    assert "at least 60 of the 465" in findings.segment_findings(night.reach, night.sizes, LIMIT)[0].main


def test_the_overlap_says_how_many_only_one_account_reaches(small_night: SmallNight, read: Read) -> None:
    def reported(night: Night) -> str:
        rows = night.signatures.filter(
            (night.signatures["segment_id"] == "rider") & (night.signatures["basis"] == "follower")
        )
        return findings.overlap_finding(rows, LIMIT)

    assert reported(read(small_night)) == "Motorcyclists on X: 800 of 1,200 follow only Dale Riders"
    small_night.sets[RIDERS] = {(): 100, ("1", "2"): 900, ("2",): 9}
    assert (
        reported(read(small_night))
        == "Motorcyclists on X: no account of ours alone reaches 10 or more of the 1,010 seen"
    )


def test_a_platform_without_lists_and_one_with_a_single_account() -> None:
    row = {
        "platform": "mastodon", "account_id": "1", "name": "Dale", "segment_id": "rider", "title": "Riders",
        "reach_people": 13, "exclusive_people": 13, "segment_people": 18, "reach_status": "exact",
        "reach_reason": None,
    }  # fmt: skip
    assert findings.platform_finding([row], LIMIT) == (
        "On Mastodon, our one account there, Dale, reaches 15 of the 20 seen (75\u00a0%)."
    )
    other = row | {"account_id": "2", "reach_people": None, "exclusive_people": None, "segment_people": None}
    assert "the one account with a list of people, Dale," in findings.platform_finding([row, other], LIMIT)
    assert (
        findings.platform_finding([other], LIMIT)
        == "On Mastodon, reach is not known: we have no list of people from any account."
    )
    few = row | {"reach_people": 3, "exclusive_people": 3, "segment_people": 7}
    assert findings.platform_finding([few], LIMIT) == "On Mastodon, under 10 were seen."
