"""A segment of the planted county from sample to audited membership: drawn, judged by the truth, scored, counted."""

import csv
import json
import shutil
import stat
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from pipelines.cli.app import app
from pipelines.common.settings import from_environment
from pipelines.demo.world import write_demo_world
from pipelines.segments import label_file, label_history
from pipelines.warehouse import pseudonym, publish
from tests.end_to_end.world import Deployment, use

LAST, NEXT = date(2026, 9, 30), date(2026, 10, 1)
SEGMENT, COMMUNITY = "motorcycle", "motorcyclist"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Publish a county's night, draw a sample of motorcyclists, judge it by the truth, score it, run the next night."""
    folder = tmp_path_factory.mktemp("audited")
    write_demo_world(folder / "demo", people=6_000, seed=3, days=8, until=LAST)
    with pytest.MonkeyPatch.context() as monkeypatch:
        use(folder, monkeypatch)
        deployed = Deployment(from_environment())
        shutil.copytree(folder / "demo" / "drops", deployed.settings.inbox)
        deployed.night(LAST)
        yield deployed


@pytest.fixture(scope="module")
def truth(deployment: Deployment) -> dict[int, str]:
    """Every member's planted community, by pseudonym."""
    with duckdb.connect() as con:
        pseudonym.give_key(con, pseudonym.read_key(deployment.settings))
        con.execute("SET VARIABLE truth = ?", [str(deployment.settings.data.parent / "demo/truth/member.parquet")])
        return dict(
            con.execute(
                "SELECT CAST('0x' || substr(sha256(getvariable('key_outer') || unhex(sha256(getvariable('key_inner') "
                "|| encode(platform || ':' || member_id)))), 1, 16) AS UBIGINT), community "
                "FROM read_parquet(getvariable('truth'))"
            ).fetchall()
        )


@pytest.fixture(scope="module")
def judged(deployment: Deployment, truth: dict[int, str]) -> Path:
    """Draw a sample on the command line and judge it; the file as a person would hand it in."""
    done = CliRunner().invoke(app, ["segments", "label-sample", SEGMENT, "--n", "420"])
    assert done.exit_code == 0, done.output
    (path,) = (deployment.settings.work / "audits" / SEGMENT).glob("*/sample.csv")
    with path.open(encoding="utf-8-sig", newline="") as source:
        rows = list(csv.DictReader(source))
    assert len(rows) == 420
    for row in rows:
        row["label"] = "yes" if truth[int(row["member_key"].removeprefix("k"))] == COMMUNITY else "no"
    handed_in = deployment.settings.data / "judged.csv"
    with handed_in.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return handed_in


@pytest.fixture(scope="module")
def audited(deployment: Deployment, judged: Path) -> Deployment:
    """Score the labels and run the next night."""
    done = CliRunner().invoke(app, ["segments", "score", SEGMENT, str(judged), "--on", NEXT.isoformat()])
    assert done.exit_code == 0, done.output
    assert "size_people" in done.output
    deployment.night(NEXT)
    return deployment


def test_the_sample_is_restricted_and_says_neither_stratum_nor_score(deployment: Deployment, judged: Path) -> None:
    (design,) = (deployment.settings.work / "audits" / SEGMENT).glob("*/design.json")
    for path in (design, design.with_name(label_history.WEIGHTS)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(design.parent.stat().st_mode) == 0o700
    header = judged.read_text(encoding="utf-8").splitlines()[0]
    assert header.split(",") == list(label_file.COLUMNS)


def test_the_audit_finds_size_and_precision(audited: Deployment, truth: dict[int, str]) -> None:
    measured = {
        measure: (estimate, lo, hi)
        for measure, estimate, lo, hi, in_force in audited.rows(
            "SELECT measure, estimate, estimate_lo, estimate_hi, is_in_force FROM mart.segment_quality"
        )
        if in_force
    }
    present = dict(audited.rows("SELECT member_key, true FROM core.member WHERE is_present AND platform = 'x'"))
    true_size = sum(community == COMMUNITY and key in present for key, community in truth.items())
    estimate, lo, hi = measured["size_people"]
    assert lo <= true_size <= hi
    assert abs(estimate / true_size - 1) < 0.3
    members = [
        key
        for (key,) in audited.rows(
            f"SELECT member_key FROM core.segment_membership WHERE segment_id = '{SEGMENT}' AND platform = 'x' "
            "AND left_on IS NULL AND evidence IN ('rule', 'both')"
        )
    ]
    precision = sum(truth[key] == COMMUNITY for key in members) / len(members)
    assert measured["rule_precision"][1] <= precision <= measured["rule_precision"][2]
    assert measured["calibration_error"][0] <= 0.04


def test_labels_and_probabilities_are_in_the_membership(audited: Deployment, truth: dict[int, str]) -> None:
    rows = audited.rows(
        "SELECT member_key, evidence, membership_probability FROM core.segment_membership "
        f"WHERE segment_id = '{SEGMENT}' AND platform = 'x' AND left_on IS NULL"
    )
    labels = dict(label_history.read_audits(audited.settings, NEXT)[0].labels.select("member_key", "label").rows())
    by_key = {key: (evidence, probability) for key, evidence, probability in rows}
    for key, label in labels.items():
        assert (by_key.get(key) == ("audit", 1.0)) if label == "yes" else key not in by_key
    likely = [(probability, truth[key]) for key, evidence, probability in rows if evidence != "audit"]
    assert all(0.2 <= probability < 1 for probability, _ in likely)
    mean = sum(probability for probability, _ in likely) / len(likely)
    right = sum(community == COMMUNITY for _, community in likely) / len(likely)
    assert abs(mean - right) < 0.12


def test_sizes_count_people_by_probability_and_parts_add_up(audited: Deployment) -> None:
    expected = audited.rows(
        "SELECT sum(membership_probability) FROM core.segment_membership "
        f"WHERE segment_id = '{SEGMENT}' AND platform = 'x' AND left_on IS NULL"
    )[0][0]
    size = audited.rows(
        f"SELECT segment_people FROM mart.segment_size WHERE segment_id = '{SEGMENT}' AND platform = 'x'"
    )
    assert abs(size[0][0] - expected) <= 0.51
    assert audited.rows("SELECT sum(people_in - people_out) FROM mart.segment_change") == audited.rows(
        "SELECT count(*) FROM core.segment_membership WHERE left_on IS NULL"
    )
    causes = dict(
        audited.rows(
            f"SELECT cause, sum(people_in + people_out) FROM mart.segment_change WHERE changed_on = DATE '{NEXT}' "
            f"AND segment_id = '{SEGMENT}' GROUP BY cause"
        )
    )
    assert set(causes) <= {"re-audits"}


def test_bounds_of_an_audited_segments_reach_hold_how_many_truly_belong(
    audited: Deployment, truth: dict[int, str]
) -> None:
    """Of those found who follow an account, not of those whom nothing finds."""
    followers = audited.rows(
        "SELECT follow.account_id, membership.member_key FROM core.segment_membership AS membership "
        "JOIN core.follow ON membership.member_key = follow.member_key AND follow.ended_on IS NULL "
        f"WHERE membership.segment_id = '{SEGMENT}' AND membership.platform = 'x' AND membership.left_on IS NULL"
    )
    rows = audited.rows(
        "SELECT account_id, reach_people_lo, reach_people, reach_people_hi, n_audited FROM mart.segment_reach "
        f"WHERE segment_id = '{SEGMENT}' AND platform = 'x' AND basis = 'follower' AND reach_people > 0"
    )
    assert len(rows) >= 8
    assert sum(row[4] for row in rows) > 0, "some of the accounts' people were labelled"
    assert all(lo < people < hi for _, lo, people, hi, _ in rows if people >= 20)
    missed = []
    for account_id, lo, _, hi, _ in rows:
        belong = sum(truth[key] == COMMUNITY for one, key in followers if one == account_id)
        if not lo <= belong <= hi:
            missed.append((account_id, lo, belong, hi))
    assert len(missed) <= 1, missed


def test_what_labels_say_is_not_published(audited: Deployment) -> None:
    names = {name for (name,) in audited.rows("SELECT table_name FROM information_schema.tables")}
    assert not names & {"audit_hit", "audit_label", *(kept.split(".")[1] for kept in publish.KEPT_BACK)}


def test_a_rebuild_gives_the_same_membership(audited: Deployment) -> None:
    query = "SELECT * FROM core.segment_membership ORDER BY ALL"
    before = audited.rows(query)
    audited.night(NEXT, replay=True)
    assert audited.rows(query) == before


def test_a_second_sample_rests_on_the_labels_of_the_first(audited: Deployment) -> None:
    first = label_history.read_audits(audited.settings, NEXT)[0]
    assert first.audit.quality.n_yes >= 30 and first.audit.quality.n_no >= 30
    done = CliRunner().invoke(app, ["segments", "label-sample", SEGMENT, "--n", "60"])
    assert done.exit_code == 0, done.output
    folder = Path("".join(done.output.splitlines()[:1])).parent
    frozen = json.loads((folder / label_history.WEIGHTS).read_text(encoding="utf-8"))
    assert frozen["basis"].startswith("the negative field")
    assert frozen["accounts"] != dict(first.weights)
    shutil.rmtree(folder)


def test_an_edit_ends_the_audit(audited: Deployment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ref = tmp_path / "ref"
    shutil.copytree(audited.settings.ref, ref)
    path = ref / "segments" / f"{SEGMENT}.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("motorbikes, biker, bikers", "motorbikes, bikers, biker, moped"), encoding="utf-8")
    monkeypatch.setenv("STILLREACH_REF", str(ref))
    deployed = Deployment(from_environment())
    deployed.night(date(2026, 10, 2))
    rows = deployed.rows(
        f"SELECT DISTINCT evidence, membership_probability FROM core.segment_membership "
        f"WHERE segment_id = '{SEGMENT}' AND left_on IS NULL"
    )
    assert rows == [("rule", 1.0)]
    assert deployed.rows("SELECT DISTINCT is_in_force FROM mart.segment_quality") == [(False,)]
    causes = {
        cause
        for (cause,) in deployed.rows(
            f"SELECT cause FROM mart.segment_change WHERE changed_on = DATE '2026-10-02' AND segment_id = '{SEGMENT}'"
        )
    }
    assert causes == {"rule edits"}
    done = CliRunner().invoke(app, ["segments", "why", SEGMENT, "--from", "2026-10-01", "--to", "2026-10-02"])
    assert done.exit_code == 0


def test_a_second_score_needs_a_second_sample(audited: Deployment, judged: Path) -> None:
    done = CliRunner().invoke(app, ["segments", "score", SEGMENT, str(judged)])
    assert "has no sample that waits for labels" in str(done.exception)
