"""The question of the force that this was made for, on its planted county; and one where the truth is the opposite.

The review must say: critical updates only for the main account on X, close the roads policing unit, keep the bikers'
account active because of motorcyclists who are mostly visitors. Where the story is turned round, so is the review.
"""

import re
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.cli.app import app
from pipelines.common.errors import SettingsError
from pipelines.common.settings import from_environment
from pipelines.demo.world import write_demo_world
from pipelines.warehouse import publish
from tests.end_to_end.world import Deployment, use

DAY = date(2026, 9, 30)
MAIN, ROADS, BIKERS = "822784462040397441", "305057319417510549", "1315253235294780185"


@dataclass(frozen=True)
class County:
    """A county's night: what was decided of each account, and the text of its review."""

    folder: Path
    deployment: Deployment
    decided: dict[str, dict[str, Any]]
    page: str

    def sheet(self, account_id: str) -> str:
        """One account's sheet as text."""
        part = self.page.split(f'id="x-{account_id}"')[1].split("</section>")[0]
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", part)).replace("\xa0", " ")

    def value(self, account_id: str, measure: str, segment_id: str | None = None) -> tuple[Any, ...]:
        """A figure of the evidence with its bounds."""
        segment = f"= '{segment_id}'" if segment_id else "IS NULL"
        (row,) = self.deployment.rows(
            "SELECT value, value_lo, value_hi FROM mart.decision_evidence "
            f"WHERE account_id = '{account_id}' AND measure = '{measure}' AND segment_id {segment}"
        )
        return row


def county(folder: Path, *, turned: bool) -> County:
    """Plant a county of 9,000 people over 13 weeks, run its night, and write its review by the command."""
    write_demo_world(folder / "demo", people=9000, seed=7, days=91, until=DAY, turned=turned)
    with pytest.MonkeyPatch.context() as monkeypatch:
        use(folder, monkeypatch)
        deployed = Deployment(from_environment())
        shutil.copytree(folder / "demo" / "drops", deployed.settings.inbox)
        deployed.night(DAY)
        done = CliRunner().invoke(app, ["review", "--as-of", DAY.isoformat()])
        assert done.exit_code == 0, done.output
    page = deployed.settings.reports / f"review-{DAY}" / "index.html"
    rows = deployed.rows(
        "SELECT account_id, action, rule_id, because_segment_id, decision_reason, redirect_account_id, platform "
        "FROM mart.decision"
    )
    names = ("action", "rule_id", "because_segment_id", "decision_reason", "redirect_account_id", "platform")
    return County(
        folder, deployed, {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows}, page.read_text("utf-8")
    )


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> County:
    return county(tmp_path_factory.mktemp("county"), turned=False)


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> County:
    return county(tmp_path_factory.mktemp("turned"), turned=True)


def test_the_main_account_is_for_critical_updates_only(planted: County) -> None:
    decided = planted.decided[MAIN]
    assert decided["action"] == "critical updates only"
    assert decided["because_segment_id"] == "resident"
    assert planted.value(MAIN, "followers_change_share", "resident")[0] < -0.4  # planted: half leave
    assert planted.value(MAIN, "hostile_share")[1] < 0.35 < planted.value(MAIN, "hostile_share")[2]  # planted: .35
    assert planted.value(MAIN, "contacts_change_share")[2] < 0  # planted: -60 % over the window
    assert planted.value(MAIN, "lost_people")[0] > 0
    for message in (
        "is losing its largest community",
        "is hostile",
        "contacts that name it",
        "warnings must still go out",
    ):
        assert message in decided["decision_reason"]


def test_the_roads_policing_unit_closes_and_says_where_to_turn(planted: County) -> None:
    decided = planted.decided[ROADS]
    assert decided["action"] == "close"
    assert planted.value(ROADS, "lost_share")[2] < 0.01
    assert planted.value(ROADS, "posts_per_week")[0] < 2
    assert planted.decided[decided["redirect_account_id"]]["action"] in ("keep active", "critical updates only")


def test_the_bikers_account_stays_because_of_motorcyclists_who_are_mostly_visitors(planted: County) -> None:
    decided = planted.decided[BIKERS]
    assert (decided["action"], decided["rule_id"]) == ("keep active", "keeps_visitors")
    assert decided["because_segment_id"] == "motorcycle"
    share, low, high = planted.value(BIKERS, "visitor_share", "motorcycle")
    assert 0.5 < low < 0.78 < high  # planted: .22 are local
    assert share == pytest.approx(0.78, abs=0.1)
    assert "are visitors" in decided["decision_reason"]


def test_totals_are_not_enough_evidence(planted: County, turned: County) -> None:
    for one in (planted, turned):
        pages = [row for row in one.decided.values() if row["platform"] == "facebook"]
        assert [row["action"] for row in pages] == ["not enough evidence"] * 2
        assert {row["rule_id"] for row in pages} == {"no_people_known"}


def test_where_the_truth_is_the_opposite_the_review_turns_round(turned: County) -> None:
    assert turned.decided[MAIN]["action"] == "keep active"
    assert turned.decided[ROADS]["action"] == "keep active"
    assert turned.decided[ROADS]["because_segment_id"] == "motorcycle"
    assert turned.decided[BIKERS]["action"] == "close"
    assert turned.value(MAIN, "followers_change_share", "resident")[0] > -0.1
    assert turned.value(MAIN, "hostile_share")[1] < 0.05
    assert turned.value(ROADS, "posts_per_week")[0] > 4
    assert turned.value(BIKERS, "lost_share")[2] < 0.01


def test_one_page_shows_why(planted: County) -> None:
    sheet = planted.sheet(MAIN)
    for message in (
        "critical updates only", "Who is lost if it alone closes", "Residents of the four districts", "Evidence",
        "at most −20 %", "at least 15 %, lower bound", "Mitigation: people are directed to", "Dissent",
        "Neighbourhood policing", "31 March 2027", "data up to 30 September 2026",
    ):  # fmt: skip
        assert message.lower() in sheet.lower(), message
    assert "visitors" in planted.sheet(BIKERS)
    assert "under 10 of its" in planted.sheet(ROADS)


def test_the_turned_county_shares_only_its_people_with_the_planted_one(planted: County, turned: County) -> None:
    """Both are of the same people and accounts: what differs is what they do."""
    accounts = "SELECT platform, account_id, handle, name FROM core.account ORDER BY ALL"
    assert planted.deployment.rows(accounts) == turned.deployment.rows(accounts)
    assert set(planted.decided) == set(turned.decided)


def test_no_person_stands_in_the_review(planted: County) -> None:
    page = planted.page
    for (member_key,) in planted.deployment.rows("SELECT DISTINCT member_key FROM core.follow LIMIT 500"):
        assert str(member_key) not in page
    words = (planted.folder / "demo/drops/demo_x").rglob("engagement.parquet")
    assert next(words, None) is not None
    assert "Pathetic" not in page


def test_the_same_night_gives_the_same_review(planted: County, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.report.review import review_snapshot

    use(planted.folder, monkeypatch)
    settings = from_environment()
    current = publish.current_snapshot(settings)
    assert current is not None
    again = review_snapshot(settings, current)
    assert again.read_text("utf-8") == planted.page


def test_a_day_without_a_night_names_the_days_there_are(planted: County, monkeypatch: pytest.MonkeyPatch) -> None:
    use(planted.folder, monkeypatch)
    done = CliRunner().invoke(app, ["review", "--as-of", "2026-01-01"])
    assert isinstance(done.exception, SettingsError)
    assert "2026-09-30" in str(done.exception)
