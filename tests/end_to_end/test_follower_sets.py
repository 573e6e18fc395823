"""A night on real follower sets, with reference answers that somebody else computed: all must come out exactly."""

import csv
import json
from datetime import date
from itertools import combinations
from pathlib import Path

import pytest

from pipelines.common.settings import ROOT
from tests.end_to_end.world import Deployment, deploy

SETS = ROOT.parent / "shared" / "data" / "follower-sets-100"
DAY = date(2026, 3, 1)

pytestmark = pytest.mark.skipif(not SETS.exists(), reason="needs ../shared/data/follower-sets-100, which is not here")


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Land the hundred lists and run their night once."""
    with (SETS / "followers.csv").open(encoding="utf-8") as source:
        memberships = list(csv.DictReader(source))
    names = sorted({row["account"] for row in memberships})
    with pytest.MonkeyPatch.context() as monkeypatch:
        deployed = deploy(
            tmp_path_factory.mktemp("sets"),
            [{"platform": "x", "account_id": name, "role": "own"} for name in names],
            monkeypatch,
        )
        followers = (
            {"platform": "x", "account_id": row["account"], "member_id": row["follower"], "observed_on": DAY}
            for row in memberships
        )
        deployed.land("sets", DAY, follower=followers)
        deployed.night(DAY)
    return deployed


@pytest.fixture(scope="module")
def reference() -> dict:  # type: ignore[type-arg]
    """Read the reference answers."""
    return dict(json.loads(Path(SETS / "reference_answers.json").read_text(encoding="utf-8")))


def test_reach(deployment: Deployment, reference: dict) -> None:  # type: ignore[type-arg]
    assert deployment.rows("SELECT count(*) FROM core.follow") == [(reference["memberships"],)]
    assert deployment.rows("SELECT sum(people) FROM mart.reach_signature WHERE len(account_ids) > 0") == [
        (reference["reach_union"],)
    ]
    biggest = deployment.rows(
        "SELECT reach_people, account_id FROM mart.segment_reach WHERE basis = 'follower' ORDER BY 1 DESC LIMIT 5"
    )
    assert [list(row) for row in biggest] == reference["top_size"]


def test_loss_on_closing_one(deployment: Deployment, reference: dict) -> None:  # type: ignore[type-arg]
    lost = deployment.rows(
        "SELECT exclusive_people, account_id FROM mart.segment_reach WHERE basis = 'follower' ORDER BY 1 DESC"
    )
    assert [list(row) for row in lost[:5]] == reference["lost_if_closed_top5"]
    assert sum(1 for people, _ in lost if people == 0) == reference["zero_loss_accounts"]
    assert sum(people for people, _ in lost) == 12_289  # its README: reached by exactly one account


def test_fair_shares_sum_to_net_reach(deployment: Deployment, reference: dict) -> None:  # type: ignore[type-arg]
    ((total,),) = deployment.rows("SELECT sum(fair_share_people) FROM mart.segment_reach WHERE basis = 'follower'")
    assert total == pytest.approx(reference["reach_union"], rel=1e-12)


def test_cover_and_overlap_recompute_from_signatures(
    deployment: Deployment,
    reference: dict,  # type: ignore[type-arg]
) -> None:
    signatures = [(set(ids), people) for ids, people in deployment.rows(
        "SELECT account_ids, people FROM mart.reach_signature WHERE basis = 'follower'"
    )]  # fmt: skip
    accounts = sorted({account for ids, _ in signatures for account in ids})
    size = {one: sum(people for ids, people in signatures if one in ids) for one in accounts}

    left, chosen = list(signatures), []
    for _ in range(10):
        gain = {one: sum(people for ids, people in left if one in ids) for one in accounts}
        best = min(accounts, key=lambda one: (-gain[one], one))
        chosen.append([best, gain[best]])
        left = [(ids, people) for ids, people in left if best not in ids]
    assert chosen == reference["greedy_cover_first10"]
    assert sum(gain for _, gain in chosen) == reference["covered_by_10"]

    together: dict[tuple[str, str], int] = {}
    for ids, people in signatures:
        for pair in combinations(sorted(ids), 2):
            together[pair] = together.get(pair, 0) + people
    jaccard, pair = max((n / (size[a] + size[b] - n), (a, b)) for (a, b), n in together.items())
    assert [round(jaccard, 5), *pair] == reference["max_jaccard"]
