"""Pull a real AppView and find exactly what was planted; only where `make live-bluesky` says where it is."""

import json
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipelines.extract.bluesky.connector import Connector
from pipelines.extract.pulls import journal
from pipelines.extract.pulls.listing import ListAccount, Row
from pipelines.extract.pulls.pull import pull
from pipelines.extract.pulls.source import Source
from pipelines.reference.files import Account

URL = os.environ.get("STILLREACH_LIVE_BLUESKY")
pytestmark = pytest.mark.skipif(not URL, reason="needs a running AT Protocol network: make live-bluesky, docs/LIVE.md")


class Pulled(NamedTuple):
    """What one account's pull brought: its lists' accounts, and the rows of each table."""

    lists: list[ListAccount]
    rows: dict[str, list[Row]]

    @property
    def followers(self) -> ListAccount:
        return next(one for one in self.lists if one.listing.kind == "follower")

    def members(self, kind: str, post_id: str) -> list[str | None]:
        acts = [row for row in self.rows["engagement"] if (row["kind"], row["post_id"]) == (kind, post_id)]
        return sorted((row["member_id"] for row in acts), key=str)


@pytest.fixture(scope="module")
def planted() -> dict[str, Any]:
    """Read what the network's script planted."""
    found = Path(os.environ["STILLREACH_LIVE_PLANTED"]).read_text(encoding="utf-8")
    return dict(json.loads(found))


def pulled(planted: dict[str, Any], name: str, role: str, folder: Path) -> Pulled:
    """Pull one of the two accounts by the handle that it no longer has."""
    today = datetime.now(UTC).date()
    connector = Connector(Source("bluesky", base_url=URL), today - timedelta(days=28), today)
    account = Account(
        platform="bluesky",
        account_id=planted["accounts"][name],
        handle=planted["handles"][name],
        role=role,  # type: ignore[arg-type]
    )
    lists = pull(connector, connector.first_lists(account), folder)
    book = journal.reading(folder)
    assert book is not None
    tables = ("follower", "post", "engagement", "account_day")
    return Pulled(lists, {table: list(journal.rows_of(folder, book, table)) for table in tables})


@pytest.fixture(scope="module")
def bikers(planted: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Pulled:
    """Pull the account that posts."""
    return pulled(planted, "bikers", "own", tmp_path_factory.mktemp("live") / "pull/bluesky/day/bikers")


def test_every_list_is_complete_and_no_field_is_unknown(bikers: Pulled) -> None:
    assert {one.scope for one in bikers.lists} == {"complete"}
    assert not any(one.unknown_fields for one in bikers.lists), "the lexicon has moved on: look at the new fields"
    assert not any(one.n_repeats for one in bikers.lists)


def test_followers_are_those_who_are_there(bikers: Pulled, planted: dict[str, Any]) -> None:
    assert sorted(str(row["member_id"]) for row in bikers.rows["follower"]) == planted["followers"]["bikers"]
    # The one who left for a while is counted by the platform and not shown.
    one = bikers.followers
    assert one.n_reported == one.n_collected + 1 == int(str(bikers.rows["account_day"][0]["value"]))


def test_posts_are_ours_and_of_the_days_asked_for(bikers: Pulled, planted: dict[str, Any]) -> None:
    assert Counter(row["kind"] for row in bikers.rows["post"]) == {"post": planted["posts"] - 1, "reply": 1}
    assert [row["tags"] for row in bikers.rows["post"] if row.get("tags")] == ["motorcycle"]
    assert "From long ago" not in {row["text"] for row in bikers.rows["post"]}


@pytest.mark.parametrize(
    ("kind", "planted_as"), [("like", "likes"), ("repost", "reposts"), ("quote", "quotes"), ("reply", "replies")]
)
def test_acts_are_those_that_were_planted(bikers: Pulled, planted: dict[str, Any], kind: str, planted_as: str) -> None:
    assert bikers.members(kind, planted["first_post"]) == planted[planted_as]


def test_handles_that_moved_are_noted(bikers: Pulled, planted: dict[str, Any], tmp_path: Path) -> None:
    assert [note.partition(": ")[2] for note in bikers.followers.notes] == [
        "the handle in account.csv is another account's now; pulled was the account of the id"
    ]
    force = pulled(planted, "force", "seed", tmp_path / "pull/bluesky/day/force")
    assert [note.partition(": ")[2] for note in force.followers.notes] == [
        "has another handle than account.csv says; its id is the same"
    ]
    assert sorted(str(row["member_id"]) for row in force.rows["follower"]) == planted["followers"]["force"]
    assert not force.rows["post"]
