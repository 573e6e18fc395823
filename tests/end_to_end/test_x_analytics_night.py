"""X Analytics exports through the whole night: totals only, restated days updated, logged, never doubled."""

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli.app import app
from tests.end_to_end.world import Deployment, deploy

OWN = [{"platform": "x", "account_id": "1001", "handle": "ExampleForce", "role": "own"}]
OVERVIEW = (
    "Date,Impressions,Likes,Engagements,Bookmarks,Shares,New follows,Unfollows,Replies,Reposts,Profile visits,"
    "Create Post,Video views,Media views\n"
)
CONTENT = (
    "Post id,Date,Post text,Post Link,Impressions,Likes,Engagements,Bookmarks,Shares,New follows,Replies,Reposts,"
    "Profile visits,Detail Expands,URL Clicks,Hashtag Clicks,Permalink Clicks\n"
)
FIRST = OVERVIEW + (
    '"Tue, Jul 14, 2026",1070,12,40,1,2,3,4,5,6,7,1,0,0\n'
    '"Mon, Jul 13, 2026",900,10,30,1,2,3,4,5,6,7,2,0,0\n'
)  # fmt: skip
SECOND = OVERVIEW + (
    '"Wed, Jul 15, 2026",100,1,4,0,0,0,0,0,0,1,0,0,0\n'
    '"Tue, Jul 14, 2026",1178,12,40,1,2,3,4,5,6,7,1,0,0\n'
    '"Mon, Jul 13, 2026",900,10,30,1,2,3,4,5,6,7,2,0,0\n'
)  # fmt: skip


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """Set up a force with one account on X."""
    return deploy(tmp_path, OWN, monkeypatch)


def land(folder: Path, on: str, **files: str) -> str:
    """Lay exports into the account's folder and land them from the command line."""
    (folder / "1001").mkdir(parents=True)
    for name, text in files.items():
        (folder / "1001" / f"{name}.csv").write_text(text, encoding="utf-8-sig")
    done = CliRunner().invoke(app, ["land", str(folder), "--source", "x_analytics", "--on", on])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def test_a_restated_day_updates_and_is_logged(deployment: Deployment, tmp_path: Path) -> None:
    land(tmp_path / "a", "2026-07-14", overview=FIRST)
    deployment.night(date(2026, 7, 14))
    assert impressions(deployment) == [("2026-07-13", 900.0), ("2026-07-14", 1070.0)]
    land(tmp_path / "b", "2026-07-15", overview=SECOND)
    deployment.night(date(2026, 7, 15))
    assert impressions(deployment) == [("2026-07-13", 900.0), ("2026-07-14", 1178.0), ("2026-07-15", 100.0)]
    restated = deployment.rows(
        "SELECT metric, day::VARCHAR, value_before, value_after, restated_on::VARCHAR FROM core.account_day_restatement"
    )
    assert restated == [("impressions", "2026-07-14", 1070.0, 1178.0, "2026-07-15")]


def impressions(deployment: Deployment) -> list[tuple[object, ...]]:
    """The days' impressions, as published."""
    return deployment.rows("SELECT day::VARCHAR, value FROM core.account_day WHERE metric = 'impressions' ORDER BY ALL")


def test_posts_arrive_and_the_account_is_totals_only(deployment: Deployment, tmp_path: Path) -> None:
    content = CONTENT + (
        '19876543210987654321,"Tue, Jul 14, 2026","Road closed, ""A1""\nseek another way",'
        "https://x.com/ExampleForce/status/19876543210987654321,500,7,20,0,1,0,2,3,4,5,6,0,1\n"
    )
    content = content.replace("19876543210987654321", "1987654321098765432")
    output = land(tmp_path / "c", "2026-07-15", content=content, overview=FIRST)
    assert "landed" in output
    assert "Road closed" not in output
    deployment.night(date(2026, 7, 15))
    assert deployment.rows("SELECT post_id, impressions, likes, reposts, clicks FROM core.post") == [
        ("1987654321098765432", 500, 7, 3, 6)
    ]
    assert deployment.rows("SELECT data_basis, n_posts, reach_people FROM mart.account_scorecard") == [
        ("totals only", 1, None)
    ]
    assert deployment.rows("SELECT DISTINCT reach_people, reach_reason FROM mart.segment_reach") == [
        (None, "totals only")
    ]


def test_the_same_export_again_is_no_new_delivery(deployment: Deployment, tmp_path: Path) -> None:
    land(tmp_path / "d", "2026-07-14", overview=FIRST)
    assert "the same content has landed already" in land(tmp_path / "e", "2026-07-14", overview=FIRST).replace(
        "\n", " "
    )


def test_an_export_in_the_inbox_lands_too_and_is_kept_as_it_came(deployment: Deployment) -> None:
    folder = deployment.settings.inbox / "x_analytics" / "2026-07-14" / "1001"
    folder.mkdir(parents=True)
    (folder / "overview.csv").write_text(FIRST, encoding="utf-8-sig")
    deployment.night(date(2026, 7, 14))
    assert impressions(deployment) == [("2026-07-13", 900.0), ("2026-07-14", 1070.0)]
    assert not (deployment.settings.inbox / "x_analytics" / "2026-07-14").exists()
    (kept,) = deployment.settings.landing.rglob("original/1001/overview.csv")
    assert kept.read_text(encoding="utf-8-sig") == FIRST
