"""A night on the demo county: the marts say what its truth says, and the planted story comes out."""

import json
import math
import shutil
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.common.settings import from_environment
from pipelines.demo.world import write_demo_world
from pipelines.reference.files import read_bands
from pipelines.release import disclosure, released_counts, write_release
from pipelines.release.released_counts import ReleasedCounts
from pipelines.report import as_released, figures
from pipelines.report.review_data import read_review
from pipelines.warehouse import publish
from pipelines.warehouse.pseudonym import read_key
from tests.end_to_end.world import Deployment, use

DAY = date(2026, 9, 30)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a county of 6,000 people and five weeks."""
    folder = tmp_path_factory.mktemp("county")
    write_demo_world(folder / "demo", people=6000, seed=7, days=35, until=DAY)
    return folder


@pytest.fixture(scope="module")
def deployment(world: Path) -> Deployment:
    """Lay its drops into the inbox and run the night twice: the second must change nothing."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        use(world, monkeypatch)
        deployed = Deployment(from_environment())
        shutil.copytree(world / "demo" / "drops", deployed.settings.inbox)
        deployed.night(DAY)
    return deployed


def test_twice_the_same_deliveries_twice_the_same_marts(
    world: Path, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = deployment.tables("ref", "core", "mart")
    use(world, monkeypatch)
    shutil.copytree(world / "demo" / "drops", deployment.settings.inbox, dirs_exist_ok=True)
    again = deployment.night(DAY)
    assert publish.current_snapshot(deployment.settings) == again
    assert deployment.tables("ref", "core", "mart") == once
    assert list(deployment.settings.inbox.rglob("*.*")) == []


def test_nothing_is_lost_and_nothing_fails(deployment: Deployment) -> None:
    assert deployment.rows("SELECT count(*) FROM meta.validation_result WHERE NOT is_success") == [(0,)]
    assert deployment.rows("SELECT count(*) FROM meta.quarantine") == [(0,)]
    ((came, accounted),) = deployment.rows(
        "SELECT sum(n_rows), sum(n_rows_loaded + n_rows_quarantined + n_rows_duplicate) FROM meta.delivery"
    )
    assert came == accounted > 100_000


def test_reach_is_the_truth(world: Path, deployment: Deployment) -> None:
    truth = duckdb.execute(
        "SELECT platform, account_id, count(*) FROM read_parquet($path) GROUP BY ALL",
        {"path": str(world / "demo/truth/follow.parquet")},
    ).fetchall()
    own = {row[:2] for row in deployment.rows("SELECT platform, account_id FROM core.account WHERE role = 'own'")}
    reach = deployment.rows(
        "SELECT platform, account_id, reach_people FROM mart.segment_reach "
        "WHERE segment_id = 'everyone' AND basis = 'follower' AND reach_people IS NOT NULL"
    )
    assert sorted(reach) == sorted(row for row in truth if row[:2] in own)


def test_facebook_gives_totals_only(deployment: Deployment) -> None:
    rows = deployment.rows(
        "SELECT DISTINCT reach_people, reach_reason FROM mart.segment_reach WHERE platform = 'facebook'"
    )
    assert rows == [(None, "totals only")]
    basis = deployment.rows("SELECT DISTINCT data_basis FROM mart.account_scorecard WHERE platform = 'facebook'")
    assert basis == [("totals only",)]
    assert deployment.rows("SELECT count(*) FROM mart.reach_signature WHERE platform = 'facebook'") == [(0,)]


def test_nobody_is_reached_by_the_roads_policing_unit_alone(deployment: Deployment) -> None:
    rows = deployment.rows(
        "SELECT sum(exclusive_people), min(reach_people) FROM mart.segment_reach "
        "INNER JOIN core.account USING (platform, account_id) "
        "WHERE account.handle = 'TMP_Roads' AND segment_id = 'everyone'"
    )
    assert rows[0][0] == 0
    assert rows[0][1] > 0


def test_only_the_bikers_account_reaches_most_motorcyclists(deployment: Deployment) -> None:
    ((reached, only, people),) = deployment.rows(
        "SELECT reach_people, exclusive_people, segment_people FROM mart.segment_reach "
        "INNER JOIN core.account USING (platform, account_id) "
        "WHERE account.handle = 'TMP_Bikers' AND segment_id = 'motorcycle' AND basis = 'follower'"
    )
    assert only > 0.55 * people
    assert reached > only


def test_residents_leave_and_motorcyclists_stay(deployment: Deployment) -> None:
    """Churn since the earlier list, of members whom the words and seeds of a segment still recognise or did."""
    churn = dict(
        deployment.rows("SELECT handle, churn_share FROM mart.account_scorecard WHERE churn_share IS NOT NULL")
    )
    assert churn["TMP_Bikers"] < 0.05
    districts = [share for handle, share in churn.items() if handle not in ("TMP_Bikers",) and share > 0.08]
    assert len(districts) >= 4


@pytest.mark.parametrize(("segment", "precision", "recall"), [
    ("motorcycle", 0.9, 0.85), ("cyclist", 0.9, 0.8), ("farmer", 0.85, 0.8), ("football", 0.9, 0.75),
    ("student", 0.9, 0.6), ("resident", 0.9, 0.6),
])  # fmt: skip
def test_segments_find_their_community(
    world: Path, deployment: Deployment, segment: str, precision: float, recall: float
) -> None:
    """Against the planted truth on X, member by member, through the same pseudonyms."""
    from pipelines.warehouse import pseudonym

    with duckdb.connect(str(deployment.settings.published / publish.LINK), read_only=True) as con:
        pseudonym.give_key(con, pseudonym.read_key(deployment.settings))
        con.execute("SET VARIABLE truth = $path", {"path": str(world / "demo/truth/member.parquet")})
        hit, reported, true = con.execute(
            """
            WITH truth AS (
                SELECT CAST('0x' || substr(sha256(getvariable('key_outer') || unhex(
                    sha256(getvariable('key_inner') || encode(platform || ':' || member_id))
                )), 1, 16) AS UBIGINT) AS member_key, community
                FROM read_parquet(getvariable('truth')) WHERE platform = 'x' AND left_on IS NULL
            ), judged AS (
                SELECT community IS NOT DISTINCT FROM $community AS is_true,
                    membership.member_key IS NOT NULL AS is_said
                FROM truth LEFT JOIN core.segment_membership AS membership
                    ON truth.member_key = membership.member_key AND membership.segment_id = $segment
                    AND membership.left_on IS NULL
            )
            SELECT count(*) FILTER (is_true AND is_said), count(*) FILTER (is_said), count(*) FILTER (is_true)
            FROM judged
            """,
            {"segment": segment, "community": COMMUNITY[segment]},
        ).fetchone() or (0, 0, 0)
    assert hit / reported >= precision
    assert hit / true >= recall


COMMUNITY = {
    "motorcycle": "motorcyclist", "cyclist": "cyclist", "farmer": "farmer", "football": "football supporter",
    "student": "student", "resident": "resident",
}  # fmt: skip


def test_truth_names_the_communities(world: Path) -> None:
    known = {row[0] for row in duckdb.execute(
        "SELECT DISTINCT community FROM read_parquet($path)", {"path": str(world / "demo/truth/member.parquet")}
    ).fetchall()}  # fmt: skip
    assert set(COMMUNITY.values()) <= known, known
    assert json.loads((world / "demo/truth/truth.json").read_text())["arguments"]["people"] == 6000


@pytest.fixture(scope="module")
def counts(deployment: Deployment) -> ReleasedCounts:
    """Release the night, and read the counts that its pages show."""
    settings = deployment.settings
    snapshot, bands, key = settings.published / "current.duckdb", read_bands(settings), read_key(settings)
    before = released_counts(snapshot, settings, DAY, bands, key)
    write_release(snapshot, settings, DAY, bands, key)
    after = released_counts(snapshot, settings, DAY, bands, key)
    assert before == after, "counts of a night that is not released are those that its release would show"
    return after


def test_report_and_release_show_the_same_counts(deployment: Deployment, counts: ReleasedCounts) -> None:
    """What the release withholds, for its own size or another's sake, the report withholds too, and no more."""
    settings = deployment.settings
    snapshot = settings.published / "current.duckdb"
    limit = disclosure.limits(read_bands(settings))
    night = as_released.night(figures.read_night(snapshot), counts, limit)
    released = pl.read_parquet(settings.release / DAY.isoformat() / "segment_reach.parquet")
    n_withheld = 0
    for mine, theirs in zip(night.reach.to_dicts(), in_order(released, night.reach), strict=True):
        for column in ("reach_people", "exclusive_people", "segment_people", "account_people", "everyone_people"):
            shown = theirs[f"{column}_shown"]
            assert disclosure.people(mine[column], limit).text == (limit.words if shown == "few" else shown)
            n_withheld += shown in ("few", "not shown")
        for bound in ("reach_people_lo", "reach_people_hi"):
            assert mine[bound] in (None, theirs[bound])
    assert n_withheld > 20
    withheld = {
        (row["platform"], row["account_id"], row["segment_id"])
        for row in pl.read_parquet(settings.release / DAY.isoformat() / "reach_verdict.parquet").to_dicts()
        if row["verdict"] == "not shown"
    }
    verdicts = night.answers.verdicts.filter(verdict="not shown").to_dicts()
    assert {(row["platform"], row["account_id"], row["segment_id"]) for row in verdicts} == withheld
    assert withheld


def in_order(released: pl.DataFrame, like: pl.DataFrame) -> list[dict[str, object]]:
    """The released rows in the order of a frame with the same keys."""
    keys = ["segment_id", "platform", "account_id", "basis"]
    return like.select(keys).join(released, on=keys, how="left", maintain_order="left").to_dicts()


def test_the_review_shows_the_counts_of_the_release(deployment: Deployment, counts: ReleasedCounts) -> None:
    settings = deployment.settings
    review = read_review(settings.published / "current.duckdb", None, counts)
    released = pl.read_parquet(settings.release / DAY.isoformat() / "closure_effect.parquet")
    shown = {(row["platform"], row["account_id"], row["segment_id"], row["basis"]): row for row in released.to_dicts()}
    n_withheld = 0
    for one in review.accounts:
        for loss in one.losses:
            row = shown[(*one.key, loss["segment_id"], loss["basis"])]
            for column in ("reach_people", "net_reach_people", "lost_people"):
                if row[column] is not None:
                    assert loss[column] == row[column]
                elif loss[column] is not None:
                    n_withheld += 1
                    assert math.isnan(loss[column]) == (row[f"{column}_shown"] == "not shown")
            whole = one.facts.get(("lost_people", None))
            if whole and whole["value"] is not None and loss["segment_id"] == "everyone" and loss["basis"] == "active":
                assert whole["value"] == loss["lost_people"] or row["lost_people"] is None
    assert n_withheld > 20
