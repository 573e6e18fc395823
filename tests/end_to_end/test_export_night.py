"""Exports of Meta and YouTube Studio from the inbox through the whole night, down to the marts."""

from datetime import date
from pathlib import Path

import pytest

from pipelines.common.errors import NothingLandedError
from pipelines.landing.deliveries import current_deliveries
from pipelines.landing.inbox import refused_drops
from tests.end_to_end.world import Deployment, deploy

OWN = [
    {"platform": "facebook", "account_id": "100045700821521", "handle": "sp_motor", "role": "own"},
    {"platform": "instagram", "account_id": "17841403398239763", "handle": "sp_motor", "role": "own"},
    {"platform": "youtube", "account_id": "UCmotor", "handle": "sp_motor", "role": "own"},
]
FACEBOOK = (
    "Post ID,Page ID,Title,Publish time,Permalink,Post type,Date,Views,Reach,Reactions,Comments,Shares,Total clicks\n"
    '1827720132094663,100045700821521,"Road closed, ""A1""\nseek another way",09/28/2026 18:12,'
    "https://www.facebook.com/sp_motor/posts/pfbid1,Photos,Lifetime,270,200,8,4,1,\n"
)
INSTAGRAM = (
    "Post ID,Account ID,Account username,Description,Publish time,Permalink,Post type,Date,Views,Reach,Likes,Comments\n"
    "18182686576415017,17841403398239763,sp_motor,Ride safe,09/24/2026 15:30,"
    "https://www.instagram.com/p/Ddr9/,IG reel,Lifetime,99,40,4,0\n"
)
YOUTUBE = (
    "Content,Video title,Video publish time,Duration,Views,Watch time (hours),Subscribers,Impressions\n"
    "Total,,,,5000,300.0,12,90000\n"
    'dQw4w9WgXcQ,Ride safe,"Sep 10, 2026",90,5000,300.0,12,90000\n'
)


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """Set up a force with one handle on three platforms, whose exports are written in London."""
    made = deploy(tmp_path, OWN, monkeypatch)
    (tmp_path / "ref" / "export.yml").write_text(
        "meta: {zone: Europe/London, reason: compared with the site}\n", encoding="utf-8"
    )
    return made


def lay(deployment: Deployment, source: str, name: str, text: str) -> None:
    """Lay an export into the inbox, in a folder named for the account."""
    folder = deployment.settings.inbox / source / "2026-09-30" / "sp_motor"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8-sig")


def test_posts_of_three_platforms_reach_the_marts(deployment: Deployment) -> None:
    lay(deployment, "meta", "Sep-01-2026_Sep-30-2026_1.csv", FACEBOOK)
    lay(deployment, "meta", "Sep-01-2026_Sep-30-2026_2.csv", INSTAGRAM)
    lay(deployment, "youtube_studio", "Table data.csv", YOUTUBE)
    deployment.night(date(2026, 9, 30))
    assert deployment.rows(
        "SELECT platform, post_id, strftime(posted_at, '%Y-%m-%d %H:%M'), impressions, reach, likes, replies, reposts,"
        " clicks FROM core.post ORDER BY platform"
    ) == [
        ("facebook", "1827720132094663", "2026-09-28 17:12", 270, 200, 8, 4, 1, None),
        ("instagram", "18182686576415017", "2026-09-24 14:30", 99, 40, 4, 0, None, None),
        ("youtube", "dQw4w9WgXcQ", "2026-09-10 00:00", 90000, None, None, None, None, None),
    ]
    assert deployment.rows("SELECT platform, data_basis, n_posts FROM mart.account_scorecard ORDER BY platform") == [
        ("facebook", "totals only", 1),
        ("instagram", "totals only", 1),
        ("youtube", "totals only", 1),
    ]
    assert not list(deployment.settings.inbox.glob("*/2026-09-30"))
    notes = [note for one in current_deliveries(deployment.settings, date(2026, 9, 30)).values() for note in one.notes]
    assert "times read as Europe/London, for the export names no zone (export.yml)" in notes
    assert not any("Road closed" in note or "Ride safe" in note for note in notes)
    (kept,) = deployment.settings.landing.rglob("original/sp_motor/Table data.csv")
    assert kept.read_text(encoding="utf-8-sig") == YOUTUBE


def test_a_daily_breakdown_stays_in_the_inbox_and_nothing_lands(deployment: Deployment) -> None:
    lay(deployment, "meta", "daily.csv", FACEBOOK.replace("Lifetime", "09/28/2026"))
    with pytest.raises(NothingLandedError, match="drops set aside in the inbox: 1"):
        deployment.night(date(2026, 9, 30))
    [(_, refused)] = refused_drops(deployment.settings)
    assert "daily breakdown" in refused
    assert list(deployment.settings.inbox.glob("meta/2026-09-30/sp_motor/daily.csv"))
    assert not current_deliveries(deployment.settings, date(2026, 9, 30))
