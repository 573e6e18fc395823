"""Extracts that stop coming: nothing that they would have said is answered, and whoever reads is told since when.

The planted county of the demo, with the extracts of posts, or all of them, cut off on 19 August.
"""

import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines import night
from pipelines.cli.app import app
from pipelines.common.errors import StaleDataError
from pipelines.common.settings import from_environment
from pipelines.demo.world import write_demo_world
from pipelines.reference.files import read_bands
from pipelines.report import review, write_report
from pipelines.warehouse import publish, state
from tests.end_to_end.world import Deployment, use

DAY, CUT = date(2026, 9, 30), date(2026, 8, 19)
LATE = "because no post extract came since 19 August 2026"
ROADS = "305057319417510549"


@dataclass(frozen=True)
class County:
    """One county's deployment after its nights, and the folder of its drops as they were planted."""

    deployment: Deployment
    drops: Path

    def actions(self) -> dict[tuple[str, str], tuple[str, str]]:
        rows = self.deployment.rows("SELECT platform, account_id, action, decision_reason FROM mart.decision")
        return {(platform, account_id): (action, reason) for platform, account_id, action, reason in rows}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("county")
    write_demo_world(folder / "demo", people=4000, seed=7, days=91, until=DAY)
    return folder / "demo" / "drops"


@pytest.fixture(scope="module")
def posts_stopped(planted: Path, tmp_path_factory: pytest.TempPathFactory) -> County:
    """The county's night of a week before, whole, and the last night with no post since 19 August."""
    folder = tmp_path_factory.mktemp("posts_stopped")
    with pytest.MonkeyPatch.context() as monkeypatch:
        use(folder, monkeypatch)
        deployed = Deployment(from_environment())
        shutil.copytree(planted, deployed.settings.inbox)
        for drop in deployed.settings.inbox.glob("*/*"):
            if date.fromisoformat(drop.name) > CUT:
                for path in drop.glob("post.*"):
                    path.unlink()
        deployed.night(CUT)
        deployed.night(DAY)
    return County(deployed, planted)


def test_an_interrupted_post_extract_makes_no_account_dormant(posts_stopped: County) -> None:
    actions = posts_stopped.actions()
    assert {action for action, _ in actions.values()} <= {
        "not enough evidence", "keep active", "critical updates only"
    }  # fmt: skip
    undecided = [reason for action, reason in actions.values() if action == "not enough evidence"]
    assert undecided
    assert any("the last post we have is 4" in reason and LATE in reason for reason in undecided)


def test_what_rests_on_posts_is_withheld_with_the_sentence_and_the_rest_is_told(posts_stopped: County) -> None:
    rows = posts_stopped.deployment.rows(
        "SELECT measure, is_stale, value, evidence_reason FROM mart.decision_evidence WHERE platform = 'x'"
    )
    of_posts = [row for row in rows if row[0] in ("n_posts", "posts_per_week", "days_since_post")]
    assert of_posts
    assert all(is_stale and value is None and LATE in reason for _, is_stale, value, reason in of_posts)
    assert not any(is_stale for measure, is_stale, *_ in rows if measure in ("reach_people", "lost_people"))
    assert posts_stopped.deployment.rows("SELECT DISTINCT last_posted_on, n_posts FROM mart.account_scorecard") == [
        (None, None)
    ]


def test_freshness_says_which_kind_is_late_of_which_account(posts_stopped: County) -> None:
    rows = posts_stopped.deployment.rows(
        "SELECT DISTINCT kind, freshness_status FROM meta.freshness WHERE platform = 'x' ORDER BY ALL"
    )
    late = {kind for kind, status in rows if status in ("late", "missing")}
    assert late == {"post"}


def test_an_action_that_changed_because_an_extract_is_late_says_so(posts_stopped: County) -> None:
    rows = posts_stopped.deployment.rows(
        "SELECT changed_to, change_reason FROM meta.night_change WHERE change_of = 'action'"
    )
    assert rows
    assert all(LATE in reason for action, reason in rows if action == "not enough evidence")


def test_status_and_the_first_screen_say_what_is_late(
    posts_stopped: County, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(posts_stopped.deployment.settings.data.parent, monkeypatch)
    shown = CliRunner().invoke(app, ["status"])
    assert shown.exit_code == 0
    assert LATE in shown.output
    page = report_of(posts_stopped.deployment, tmp_path)
    first_screen = page.split("<nav")[0]
    assert LATE in first_screen
    assert 'class="banner"' not in page, "other data are fresh"


@pytest.fixture(scope="module")
def all_stopped(planted: Path, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A county of which nothing came since 19 August."""
    folder = tmp_path_factory.mktemp("all_stopped")
    with pytest.MonkeyPatch.context() as monkeypatch:
        use(folder, monkeypatch)
        deployed = Deployment(from_environment())
        for drop in planted.glob("*/*"):
            if date.fromisoformat(drop.name) <= CUT:
                shutil.copytree(drop, deployed.settings.inbox / drop.parent.name / drop.name)
        deployed.night(CUT)
    return deployed


def test_a_night_of_nothing_but_old_data_stops_and_says_how_old_they_are(
    all_stopped: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(all_stopped.settings.data.parent, monkeypatch)
    with pytest.raises(StaleDataError) as stop:
        night.run_night(DAY)
    assert stop.value.exit_code == 12
    assert "the newest are of 19 August 2026, 42 days before this night" in str(stop.value)
    assert "--allow-stale" in str(stop.value)
    assert publish.current_snapshot(all_stopped.settings) is not None
    assert (publish.current_snapshot(all_stopped.settings) or "").startswith(CUT.isoformat())


def test_whoever_publishes_old_data_all_the_same_gets_a_banner_on_every_page_and_no_action(
    all_stopped: Deployment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(all_stopped.settings.data.parent, monkeypatch)
    day = DAY + timedelta(days=1)
    run_id = night.run_night(day, allow_stale=True)
    assert publish.current_snapshot(all_stopped.settings) == run_id
    assert {action for (action,) in all_stopped.rows("SELECT action FROM mart.decision")} == {"not enough evidence"}
    assert {verdict for (verdict,) in all_stopped.rows("SELECT verdict FROM mart.reach_verdict")} == {"cannot tell"}
    assert {trend for (trend,) in all_stopped.rows("SELECT trend FROM mart.reach_verdict")} == {"cannot tell"}
    assert all_stopped.rows("SELECT count(expected_people) FROM mart.activity_forecast") == [(0,)]
    banner = "Old data: the newest are of 19 August 2026, 43 days before this night."
    assert banner in report_of(all_stopped, tmp_path)
    assert banner in review.review_snapshot(all_stopped.settings, run_id).read_text("utf-8")


def report_of(deployed: Deployment, folder: Path) -> str:
    current = publish.current_snapshot(deployed.settings)
    assert current
    snapshot = state.snapshot_path(deployed.settings, current)
    return write_report(snapshot, folder / "report", read_bands(deployed.settings)).read_text("utf-8")
