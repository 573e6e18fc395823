"""A pull from end to end: the accounts asked, the journals of all of them, and one delivery that accounts for each."""

import csv
import json
import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.common.errors import BusyError, DeliveryError, PlatformRefusedError, RefError, SchemaError, SettingsError
from pipelines.common.settings import Settings
from pipelines.extract.pulls import journal, session
from pipelines.extract.pulls.listing import Connector as AnyConnector
from pipelines.extract.pulls.listing import ListAccount, Listing
from pipelines.extract.pulls.source import Source
from pipelines.landing.deliveries import current_deliveries
from pipelines.landing.manifest import Delivery
from pipelines.reference.files import read_accounts
from tests.extract.fake_platform import Connector, World
from tests.extract.loopback import Answer, Request, Server, serve

TODAY = datetime.now(UTC).date()
FIRST, SECOND, SEED = "did:plc:first", "did:plc:second", "did:plc:seed"
ACCOUNTS = f"""\
bluesky,{FIRST},force.example,The Force,own,News.,2024-01-01,
bluesky,{SECOND},bikes.example,Bikes,own,Riders.,2024-01-01,
bluesky,did:plc:closed,old.example,Old,own,News.,2023-01-01,2024-01-01
bluesky,{SEED},throttle.example,Throttle,seed,,,
"""


class Platform:
    """Several accounts' worlds on one server: /<account>/followers and so on."""

    def __init__(self) -> None:
        self.worlds = {
            FIRST: World([f"f{n}" for n in range(25)], {"p1": ["a", "b", "c"], "p2": ["a"]}),
            SECOND: World(["f1", "s1"], {}),
        }
        self.spoil: Callable[[Request], Answer | None] = lambda request: None

    def __call__(self, request: Request) -> Answer:
        account, _, rest = request.path.lstrip("/").partition("/")
        spoilt = self.spoil(request)
        if spoilt:
            return spoilt
        return self.worlds[account](Request("GET", f"/{rest}", request.query, request.headers))


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def server(platform: Platform, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A deployment with two open accounts on the fake platform, whose connector stands in for Bluesky's."""
    with (settings.ref / "account.csv").open("a") as accounts:
        accounts.write(ACCOUNTS)
    (settings.ref / "source.yml").write_text("bluesky: {follower_lists: [own]}\n")

    def connector_of(source: Source, settings: Settings, on: date) -> AnyConnector:
        return OfAccount(running.url)

    class OfAccount(Connector):
        """Asks below the account's own path, once the account is known."""

        def first_lists(self, account: Any = None) -> Any:
            self.account_id = account.account_id
            self._client.base_url = f"{running.url}/{account.account_id}"
            return super().first_lists(account)

    monkeypatch.setattr(session, "connector_of", connector_of)
    with serve(platform) as running:
        yield running


def pull_all(on: date = TODAY) -> list[str]:
    return [session.pull_account("bluesky", one, on) for one in session.accounts_of("bluesky")]


def current_delivery(settings: Settings, on: date = TODAY) -> Delivery:
    return current_deliveries(settings, until=on)["bluesky", on.isoformat()]


def rows(settings: Settings, delivery: Delivery, table: str) -> list[dict[str, str]]:
    path = delivery.folder(settings) / f"{table}.csv"
    if not path.exists():
        return []
    with path.open(newline="") as source:
        return list(csv.DictReader(source))


def declared(delivery: Delivery) -> dict[tuple[str, str], tuple[Any, ...]]:
    return {
        (one.account_id, one.kind): (one.scope, one.n_lists, one.n_collected, one.n_reported, one.reason)
        for one in delivery.completeness
    }


def journals(settings: Settings) -> list[Path]:
    return list((settings.work / "pull").rglob("*.jsonl"))


def test_one_delivery_of_all_accounts_with_a_line_for_each_kind_of_list(server: Server, settings: Settings) -> None:
    reported = pull_all()
    assert reported[0].startswith(
        f"bluesky:{FIRST}: follower 25 of 25 in 3 requests; post 2 of 2 in 1 requests; like 4 of 4"
    )
    assert len(journals(settings)) == 2
    words = session.land_pulled("bluesky", TODAY)
    assert "landed 35 rows in 4 files" in words
    delivery = current_delivery(settings)
    assert declared(delivery) == {
        (FIRST, "follower"): ("complete", 1, 25, 25, ""),
        (FIRST, "post"): ("complete", 1, 2, 2, ""),
        (FIRST, "like"): ("complete", 2, 4, 4, ""),
        (SECOND, "follower"): ("complete", 1, 2, 2, ""),
        (SECOND, "post"): ("complete", 1, 0, 0, ""),
    }
    followers = rows(settings, delivery, "follower")
    assert [(one["account_id"], one["member_id"]) for one in followers] == [
        *((FIRST, f"f{n}") for n in range(25)),
        (SECOND, "f1"),
        (SECOND, "s1"),
    ]
    days = [(one["account_id"], one["metric"], one["value"]) for one in rows(settings, delivery, "account_day")]
    assert days == [(FIRST, "followers", "25"), (SECOND, "followers", "2")]
    assert not journals(settings), "what has landed is not kept twice"
    assert session.land_pulled("bluesky", TODAY).endswith("landed already, and nothing was pulled since")


def test_which_accounts_are_asked_for(server: Server, settings: Settings) -> None:
    assert session.accounts_of("bluesky") == [FIRST, SECOND]
    (settings.ref / "source.yml").write_text("bluesky:\n")
    assert session.accounts_of("bluesky") == [FIRST, SECOND, SEED]
    assert session.accounts_of("mastodon") == [], "it is not configured: the DAG has nothing to do"
    assert "not configured" in session.land_pulled("mastodon", TODAY)
    with pytest.raises(RefError, match="not a source that can be pulled"):
        session.accounts_of("myspace")
    (settings.ref / "source.yml").write_text("x_api:\n")
    with (settings.ref / "account.csv").open("w") as accounts:
        accounts.write(f"{HEADER}bluesky,{FIRST},force.example,The Force,own,News.,2024-01-01,\n")
    assert "no account" in session.land_pulled("x_api", TODAY)
    assert not settings.landing.exists()


def test_an_account_that_is_not_asked_for_is_not_pulled(server: Server) -> None:
    with pytest.raises(SettingsError, match="none that bluesky asks for"):
        session.pull_account("bluesky", "did:plc:closed", TODAY)


def test_another_day_than_today_is_not_pulled(server: Server) -> None:
    for on in (TODAY - timedelta(days=1), TODAY + timedelta(days=1)):
        with pytest.raises(SettingsError, match="cannot be pulled on"):
            session.pull_account("bluesky", FIRST, on)
    assert not server.requests


def test_an_account_that_was_never_pulled_is_accounted_for(server: Server, settings: Settings) -> None:
    session.pull_account("bluesky", SECOND, TODAY)
    words = session.land_pulled("bluesky", TODAY)
    assert f"bluesky:{FIRST} follower: not collected: the pull never ran" in words
    delivery = current_delivery(settings)
    assert declared(delivery)[FIRST, "follower"] == ("partial", 1, 0, None, "not collected: the pull never ran")
    assert declared(delivery)[SECOND, "follower"][0] == "complete"
    assert not [one for one in rows(settings, delivery, "account_day") if one["account_id"] == FIRST], "unknown, not 0"


def test_a_day_on_which_nothing_ran_lands_as_an_account_of_that(server: Server, settings: Settings) -> None:
    session.land_pulled("bluesky", TODAY)
    delivery = current_delivery(settings)
    assert delivery.files == [] and {one.scope for one in delivery.completeness} == {"partial"}


def test_a_refused_account_lands_as_partial_beside_the_whole_one(
    server: Server, platform: Platform, settings: Settings
) -> None:
    platform.spoil = lambda request: Answer(401) if request.path == f"/{FIRST}/followers" else None
    with pytest.raises(PlatformRefusedError):
        session.pull_account("bluesky", FIRST, TODAY)
    session.pull_account("bluesky", SECOND, TODAY)
    session.land_pulled("bluesky", TODAY)
    found = declared(current_delivery(settings))
    assert found[FIRST, "follower"][0] == "partial" and "401" in found[FIRST, "follower"][-1]
    assert found[SECOND, "follower"][0] == "complete"


def test_a_source_that_may_not_be_asked_at_all_says_why(
    server: Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(source: Source, settings: Settings, on: date) -> AnyConnector:
        raise PlatformRefusedError("x_api", "has no terms_confirmed")

    with monkeypatch.context() as then:
        then.setattr(session, "connector_of", refused)
        with pytest.raises(PlatformRefusedError):
            session.pull_account("bluesky", FIRST, TODAY)
    session.pull_account("bluesky", SECOND, TODAY)
    session.land_pulled("bluesky", TODAY)
    found = declared(current_delivery(settings))
    for kind in ("follower", "post"):
        assert found[FIRST, kind] == ("partial", 1, 0, None, "x_api: has no terms_confirmed.")
    pull_all()
    session.land_pulled("bluesky", TODAY)
    assert declared(current_delivery(settings))[FIRST, "follower"][0] == "complete", "a later pull of the day brings it"


def test_an_answer_that_is_not_known_leaves_nothing_of_the_account_whole(
    server: Server, platform: Platform, settings: Settings
) -> None:
    platform.spoil = lambda request: Answer(200, {"likers": []}) if "/likes/p2" in request.path else None
    with pytest.raises(SchemaError):
        session.pull_account("bluesky", FIRST, TODAY)
    session.pull_account("bluesky", SECOND, TODAY)
    session.land_pulled("bluesky", TODAY)
    found = declared(current_delivery(settings))
    assert {kind: found[FIRST, kind][0] for kind in ("follower", "post", "like")} == dict.fromkeys(
        ("follower", "post", "like"), "partial"
    )
    assert all("entries" in found[FIRST, kind][-1] for kind in ("follower", "post", "like"))
    assert found[SECOND, "follower"][0] == "complete"


def test_unknown_fields_and_nothing_else_of_them_are_noted(
    server: Server, platform: Platform, settings: Settings
) -> None:
    def spoil(request: Request) -> Answer | None:
        if request.path != f"/{FIRST}/followers":
            return None
        at = Request("GET", "/followers", request.query, {})
        return Answer(200, platform.worlds[FIRST](at).body | {"shoeSize": "size of a person"})

    platform.spoil = spoil
    pull_all()
    session.land_pulled("bluesky", TODAY)
    notes = current_delivery(settings).notes
    assert notes == ["bluesky, list of follower: ignored unknown fields shoeSize"]


def test_the_second_day_asks_again_only_what_changed(
    server: Server, platform: Platform, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull_on_yesterday(monkeypatch, settings)
    platform.worlds[FIRST].likers["p2"].append("d")
    n_before = len(server.requests)
    pull_all()
    asked = [one.path for one in server.requests[n_before:]]
    assert f"/{FIRST}/likes/p2" in asked and f"/{FIRST}/likes/p1" not in asked
    words = session.land_pulled("bluesky", TODAY)
    yesterday = TODAY - timedelta(days=1)
    reason = f"1 of 2 lists: unchanged since {yesterday}, not asked again"
    assert declared(current_delivery(settings))[FIRST, "like"] == ("complete", 2, 2, 2, reason)
    assert reason not in words, "what is whole needs no words"
    assert {one["post_id"] for one in rows(settings, current_delivery(settings), "engagement")} == {"p2"}


def test_what_a_lost_landing_had_is_asked_again(
    server: Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = pull_on_yesterday(monkeypatch, settings)
    folder = delivery.folder(settings)
    folder.rename(folder.parent.parent / ".lost")
    n_before = len(server.requests)
    pull_all()
    assert f"/{FIRST}/likes/p1" in [one.path for one in server.requests[n_before:]]


def test_a_pull_again_on_the_same_day_brings_everything_again(server: Server, settings: Settings) -> None:
    pull_all()
    session.land_pulled("bluesky", TODAY)
    first = current_delivery(settings)
    n_first = len(server.requests)
    pull_all()
    assert len(server.requests) == 2 * n_first, "the earlier delivery of the day goes out of force: nothing is carried"
    assert "the same content has landed already" in session.land_pulled("bluesky", TODAY)
    assert current_delivery(settings) == first


def test_a_second_delivery_of_a_day_may_not_lack_an_account(server: Server, settings: Settings) -> None:
    pull_all()
    session.land_pulled("bluesky", TODAY)
    session.pull_account("bluesky", SECOND, TODAY)
    with pytest.raises(DeliveryError, match=f"holds bluesky:{FIRST}, not pulled again"):
        session.land_pulled("bluesky", TODAY)
    session.pull_account("bluesky", FIRST, TODAY)
    assert "the same content" in session.land_pulled("bluesky", TODAY)


def test_landing_waits_for_a_pull_that_runs(server: Server, settings: Settings) -> None:
    pull_all()
    with (
        journal.writing(next(one.parent for one in journals(settings))),
        pytest.raises(BusyError, match="still runs"),
    ):
        session.land_pulled("bluesky", TODAY)
    assert not (settings.landing / "bluesky").exists()


def test_journals_that_never_landed_are_swept_and_named(server: Server, settings: Settings) -> None:
    pull_all()
    day = settings.work / "pull" / "bluesky" / TODAY.isoformat()
    day.rename(day.with_name("2026-01-02"))
    pull_all()
    assert "removed a pull of 2026-01-02 that never landed" in session.land_pulled("bluesky", TODAY)
    assert not journals(settings)


@pytest.mark.parametrize("at", [1, 2, 4, 6])
def test_a_pull_that_was_killed_lands_the_same_bytes(server: Server, settings: Settings, at: int) -> None:
    """SIGKILL while the answer of a request is on its way; the second try asks for what was not yet complete."""
    child = os.fork()
    if child == 0:
        try:
            session.pull_account("bluesky", FIRST, TODAY)
        finally:
            os._exit(0)
    while len(server.requests) < at:
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    pull_all()
    assert len(server.requests) <= 8 + 4, "what was under way is asked again, at most one request a worker"
    session.land_pulled("bluesky", TODAY)
    files = {one.name: one.sha256 for one in current_delivery(settings).files}
    pull_all()
    assert "the same content has landed already" in session.land_pulled("bluesky", TODAY)
    assert {one.name: one.sha256 for one in current_delivery(settings).files} == files


def test_the_deadline_counts_from_the_first_account_and_a_later_start_goes_on(
    server: Server, settings: Settings
) -> None:
    long_ago = datetime.now(UTC) - timedelta(minutes=90)
    reported = session.pull_account("bluesky", FIRST, TODAY, long_ago)
    assert "partial: not finished by the deadline" in reported
    assert server.requests == []
    assert "partial" not in session.pull_account("bluesky", FIRST, TODAY)


def test_the_command_pulls_lands_and_says_what_did_not_come(
    server: Server, platform: Platform, settings: Settings
) -> None:
    platform.spoil = lambda request: Answer(401) if request.path == f"/{SECOND}/followers" else None
    done = CliRunner().invoke(app.app, ["pull", "bluesky"])
    assert isinstance(done.exception, PlatformRefusedError)
    assert f"bluesky:{FIRST}: follower 25 of 25" in done.output
    assert f"{SECOND}: PlatformRefusedError: fake: answered 401" in done.output
    assert f"bluesky:{SECOND} follower: fake: answered 401" in done.output
    assert current_delivery(settings).rows == 32
    other = CliRunner().invoke(app.app, ["pull", "mastodon"])
    assert isinstance(other.exception, RefError) and "not configured" in str(other.exception)
    past = CliRunner().invoke(app.app, ["pull", "bluesky", "--on", "2026-01-01"])
    assert isinstance(past.exception, SettingsError)


def test_a_count_that_one_list_does_not_know_makes_the_sum_unknown() -> None:
    lists = [
        ListAccount(Listing("like", "bluesky", FIRST, f"p{n}"), 3, n_reported, 1, 1, 0, 0, scope, reason)  # type: ignore[arg-type]
        for n, (n_reported, scope, reason) in enumerate(
            [(3, "complete", ""), (None, "partial", "gone"), (4, "partial", "busy"), (5, "partial", "busy")]
        )
    ]
    (whole_and_unknown,) = session.completeness(lists)
    assert whole_and_unknown["n_reported"] is None
    assert whole_and_unknown["reason"] == "2 of 4 lists: busy; 1 of 4 lists: gone"
    (known,) = session.completeness([lists[0], *lists[2:]])
    assert (known["n_reported"], known["n_collected"], known["n_lists"], known["scope"]) == (12, 9, 3, "partial")


def test_a_manifest_holds_no_person(server: Server, settings: Settings) -> None:
    pull_all()
    session.land_pulled("bluesky", TODAY)
    manifest = json.loads((current_delivery(settings).folder(settings) / "manifest.json").read_text())
    text = json.dumps(manifest["completeness"]) + json.dumps(manifest["notes"])
    assert "f1" not in text and "s1" not in text


def pull_on_yesterday(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Delivery:
    """Pull and land as if it were yesterday."""
    yesterday = TODAY - timedelta(days=1)

    class Yesterday(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Yesterday":
            return cls(yesterday.year, yesterday.month, yesterday.day, 12, tzinfo=tz)

    with monkeypatch.context() as then:
        then.setattr(session, "datetime", Yesterday)
        pull_all(yesterday)
        session.land_pulled("bluesky", yesterday)
    assert read_accounts(settings)
    return current_delivery(settings, yesterday)


HEADER = "platform,account_id,handle,name,role,purpose,opened_on,closed_on\n"
REAL = {
    "bluesky": "bluesky,did:plc:ourbikers,bikers.test,Bikers,own,Riders.,2024-01-01,",
    "mastodon": "mastodon,1171,police@social.example,The Force,own,News.,2022-01-01,",
    "x_api": "x,1,force,The Force,own,News.,2010-01-01,",
}


@pytest.mark.parametrize("source", REAL)
def test_each_real_connector_pulls_and_lands_from_the_command_line(
    settings: Settings, tmp_path: Path, source: str
) -> None:
    """The real client library, the puller, the landing: as configured in `source.yml`, no seam replaced."""
    samples = __import__(f"tests.extract.samples.{source}", fromlist=["write"])
    answers = samples.write(tmp_path / "answers", "as known")
    answer = (samples.answers_of if source == "x_api" else samples.folder_server)(answers)
    token = tmp_path / "any.token"
    token.write_text("token-that-nobody-sees")
    token.chmod(0o400)
    (settings.ref / "account.csv").write_text(f"{HEADER}{REAL[source]}\n")
    with serve(answer) as server:
        about: dict[str, Any] = {"base_url": server.url, "follower_lists": ["own"]}
        if source == "x_api":
            about |= {"token_file": str(token), "terms_confirmed": "enterprise", "budget_usd_per_month": 1000.0}
        (settings.ref / "source.yml").write_text(json.dumps({source: about}))
        done = CliRunner().invoke(app.app, ["pull", source])
    assert done.exit_code == 0, done.output
    delivery = current_deliveries(settings, until=TODAY)[source, TODAY.isoformat()]
    lists = {one.kind: one for one in delivery.completeness}
    assert {"follower", "post", "like", "repost", "reply"} <= set(lists)
    assert (lists["follower"].scope, lists["follower"].n_collected) == ("complete", 1)
    assert {file.table for file in delivery.files} == {"follower", "post", "engagement", "account_day"}
    landed = b"".join(path.read_bytes() for path in delivery.folder(settings).iterdir())
    assert b"nobody-sees" not in landed and "nobody-sees" not in done.output
