"""X's API through the real client: both vocabularies, X's own descriptions of its API, and all that goes wrong."""

import asyncio
import csv
import gzip
import json
import logging
import random
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import jsonschema
import pytest
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st
from pydantic import BaseModel

from pipelines.common.errors import (
    ListRefusedError,
    PlatformBusyError,
    PlatformRefusedError,
    SchemaError,
    SettingsError,
    StillreachError,
)
from pipelines.common.settings import ROOT
from pipelines.extract.pulls.budget import Budget
from pipelines.extract.pulls.credential import Secret
from pipelines.extract.pulls.ledger import Ledger
from pipelines.extract.pulls.listing import ListAccount, Listing
from pipelines.extract.pulls.price import read_prices
from pipelines.extract.x import responses, rows
from pipelines.extract.x.connector import LIMITS, Connector
from tests.extract.loopback import FAULTS, Answer, Faults, Request, serve
from tests.extract.samples import x_api as sample
from tests.extract.samples.x_api import OURS, SEED, SINCE, TODAY, Words, World, post, pulled, snowflake, user, world

SPECS = ROOT.parent / "shared" / "data" / "x-openapi"
VERSIONS: dict[str, Words] = {"2.147": "tweet", "2.159": "tweet", "2.167": "post"}
needs_specs = pytest.mark.skipif(not SPECS.is_dir(), reason="X's OpenAPI descriptions are not here")
NOW = datetime.now(UTC)
FRESH = NOW - timedelta(days=1)


@cache
def spec(version: str) -> dict[str, Any]:
    with gzip.open(SPECS / f"x-openapi-{version}.json.gz") as source:
        read: dict[str, Any] = json.load(source)
        return read


def busy_world(words: Words = "post", n_followers: int = 2_300) -> World:
    """Make an X where every list has more than one page, but for what X cuts short."""
    known = World(words, {"1": [user(str(10_000 + n)) for n in range(n_followers)], "91": [user("5")]})
    counts: dict[str, int | None] = {"likes": 130, "reposts": 120, "quotes": 130, "replies": 110}
    ids = [snowflake(FRESH, n) for n in range(120)]
    known.posts["1"] = [post(ids[0], words, counts)] + [post(one, words) for one in ids[1:]]
    worded = {"created_at": "2026-11-22T09:00:00.000Z", "text": "Thanks"}
    known.acts = {
        ("like", ids[0]): [user(str(20_000 + n)) for n in range(130)],
        ("repost", ids[0]): [user(str(30_000 + n)) for n in range(120)],
        ("quote", ids[0]): [{"id": snowflake(FRESH, 1000 + n), "author_id": str(n), **worded} for n in range(2, 132)],
        ("reply", ids[0]): [{"id": snowflake(FRESH, 2000 + n), "author_id": str(n), **worded} for n in range(2, 112)],
    }
    return known


def by_kind(lists: list[ListAccount]) -> dict[str, ListAccount]:
    return {one.listing.kind: one for one in lists}


def rows_in(out: Path, table: str) -> list[dict[str, str]]:
    path = out / f"{table}.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("words", ["post", "tweet"])
def test_every_list_is_collected_once_in_either_vocabulary(tmp_path: Path, words: Words) -> None:
    x = busy_world(words)
    with serve(x) as server:
        lists = by_kind(pulled(server, tmp_path, tmp_path / "out"))
        n_asked = len(server.requests)
    declared = {kind: (one.n_collected, one.n_reported, one.scope) for kind, one in lists.items()}
    assert declared == {
        "follower": (2300, 2300, "complete"),
        "post": (120, None, "complete"),
        "like": (100, 130, "partial"),
        "repost": (120, 120, "complete"),
        "quote": (130, 130, "complete"),
        "reply": (110, 110, "complete"),
    }
    assert lists["like"].reason == "X gives the newest 100 likers of a post"
    # A profile, three pages of followers, two of posts, two of each kind of interaction but likes; one for the words.
    assert n_asked == 4 + 2 + 1 + 2 + 2 + 2 + (words == "tweet")
    acts = Counter(row["kind"] for row in rows_in(tmp_path / "out", "engagement"))
    assert acts == {"like": 100, "repost": 120, "quote": 130, "reply": 110}
    assert {row["member_id"] for row in rows_in(tmp_path / "out", "follower")} == {
        one["id"] for one in x.followers["1"]
    }
    assert rows_in(tmp_path / "out", "account_day") == [
        {"platform": "x", "account_id": "1", "day": "2026-11-23", "metric": "followers", "value": "2300"}
    ]


@pytest.mark.parametrize("words", ["post", "tweet"])
def test_what_x_served_is_what_the_ledger_charged(tmp_path: Path, words: Words) -> None:
    x = busy_world(words, 1_010)
    with serve(x) as server:
        pulled(server, tmp_path, terms_confirmed="owned")
    kinds = Counter(what for what, _ in set(x.served))
    assert kinds["author"] == (130 if words == "post" else 0)  # who quoted answered too: charged once
    micro = 10_000 * (kinds["profile"] + kinds["like"] + kinds["repost"] + kinds["author"])
    micro += 1_000 * (kinds["follower"] + kinds["own post"]) + 5_000 * (kinds["quote"] + kinds["post"])
    ledger = Ledger(sample.settings_in(tmp_path), "x_api")
    with ledger.locked():
        assert ledger.month(datetime.now(UTC).date()).spent == micro
        assert not ledger.month(datetime.now(UTC).date()).plans


def test_a_follower_is_read_field_by_field(tmp_path: Path) -> None:
    x = world()
    bare = {"id": "801"}
    odd = user("802", protected=True, description=None, public_metrics={"followers_count": 0, "following_count": None})
    x.followers["1"] = [bare, odd, user("803")]
    with serve(x) as server:
        assert by_kind(pulled(server, tmp_path, tmp_path / "out"))["follower"].scope == "complete"
    first, second, third = rows_in(tmp_path / "out", "follower")
    known = {"platform": "x", "account_id": "1", "observed_on": "2026-11-23", "followed_on": ""}
    names = ("handle", "name", "bio", "location", "followers_count", "following_count", "created_at", "is_protected")
    assert first == known | {"member_id": "801"} | dict.fromkeys(names, "")
    assert (second["followers_count"], second["following_count"], second["is_protected"]) == ("0", "", "true")
    assert second["bio"] == ""
    assert [third[name] for name in names] == [
        "rider803", "Rider", "Two wheels", "Kendal", "12", "34", "2013-12-14T04:35:55.000Z", "false",
    ]  # fmt: skip


def test_posts_are_read_with_what_x_gave_and_nothing_else(tmp_path: Path) -> None:
    x = world()
    ids = [snowflake(FRESH, n) for n in range(6)]
    x.posts["1"] = [
        post(ids[0], note_post={"text": "The long text"}, referenced_posts=[{"type": "quoted", "id": "1"}]),
        post(ids[1], conversation_id="77", entities=None, text="@you yes"),
        post(ids[2], referenced_posts=[{"type": "retweeted", "id": "1"}]),
        post(ids[3], public_metrics=None, non_public_metrics=None),
        post(ids[4], "tweet", {"reposts": 4}, non_public_metrics={"impression_count": 9, "url_link_clicks": 2}),
        post(ids[5], figures={"impressions": None}, non_public_metrics={"impression_count": 9}),
    ]
    with serve(x) as server:
        lists = pulled(server, tmp_path, tmp_path / "out")
    rows = {row["post_id"]: row for row in rows_in(tmp_path / "out", "post")}
    assert [(row["kind"], row["text"], row["tags"]) for row in rows.values()][:2] == [
        ("quote", "The long text", "A6"),
        ("reply", "@you yes", ""),
    ]
    assert list(rows) == [one for one in ids if one != ids[2]]  # a repost is no post of ours
    assert by_kind(lists)["post"].scope == "complete"
    figures = [*sample.FIGURES, "reach"]
    assert [rows[ids[3]][name] for name in figures] == [""] * 7
    assert [rows[ids[4]][name] for name in figures] == ["0", "0", "0", "4", "0", "2", ""]
    assert rows[ids[5]]["impressions"] == "9"
    # A post without figures opens all its lists, one with zeros none.
    asked = {(one.listing.kind, one.listing.post_id) for one in lists if one.listing.post_id}
    assert asked == {(kind, ids[3]) for kind in ("like", "repost", "quote", "reply")} | {("repost", ids[4])}


def test_what_we_wrote_ourselves_is_no_answer_to_us(tmp_path: Path) -> None:
    x = world()
    ((_, post_id),) = {key for key in x.acts if key[0] == "reply"}
    mine = {"author_id": "1", "created_at": "2026-11-20T09:00:00.000Z", "text": "More"}
    x.acts["reply", post_id] += [{"id": snowflake(FRESH, 9), **mine}, {"id": post_id, **mine, "author_id": "2"}]
    with serve(x) as server:
        pulled(server, tmp_path, tmp_path / "out")
        query = next(one.first("query") for one in server.requests if one.path.endswith("recent"))
    assert query == f"conversation_id:{post_id} -from:1"
    replies = [row for row in rows_in(tmp_path / "out", "engagement") if row["kind"] == "reply"]
    assert [row["member_id"] for row in replies] == ["701"]


def test_replies_to_an_old_post_are_partial_for_search_reaches_back_a_week(tmp_path: Path) -> None:
    x = world()
    old = snowflake(NOW - timedelta(days=8))
    x.posts["1"] = [post(old, figures={"replies": 3})]
    with serve(x) as server:
        reply = by_kind(pulled(server, tmp_path))["reply"]
    assert (reply.scope, reply.reason) == ("partial", "X's recent search reaches back 7 days")


@pytest.mark.parametrize(("n_known", "n", "short"), [(130, 100, 1), (None, 100, 1), (100, 100, 0), (None, 99, 0)])
def test_a_hundred_likers_are_the_whole_list_only_if_x_counts_no_more(n_known: int | None, n: int, short: int) -> None:
    reason = rows.short_because(Listing("like", "x", "1", "2", n_known), n, NOW)
    assert bool(reason) == bool(short)


def test_people_x_no_longer_shows_are_counted_and_withheld_fields_noted(tmp_path: Path) -> None:
    x = world(2)
    gone = {"type": f"{sample.PROBLEM}resource-not-found", "resource_type": "user", "title": "Not Found Error"}
    hidden = {"type": f"{sample.PROBLEM}not-authorized-for-field", "title": "Field", "section": "data"}

    def answer(request: Request) -> Answer:
        result = x(request)
        if request.path.endswith("/followers"):
            result.body["errors"] = [gone, gone]
            result.body["data"].append(None)
        if request.path.endswith("/2/users/1/tweets"):
            result.body["errors"] = [hidden | {"field": "non_public_metrics.impression_count"}] * 2
        return result

    with serve(answer) as server:
        lists = by_kind(pulled(server, tmp_path))
    assert (lists["follower"].n_collected, lists["follower"].n_null_rows) == (2, 3)
    assert lists["post"].n_null_rows == 0
    assert lists["post"].notes == ("X withheld non_public_metrics of some entries: the token is not that account's",)


def test_an_account_x_does_not_show_is_a_list_that_is_not_to_be_had(tmp_path: Path) -> None:
    with serve(World()) as server:
        lists = by_kind(pulled(server, tmp_path))
    assert lists["follower"].scope == "partial"
    assert "X does not give it: resource-not-found" in lists["follower"].reason
    assert lists["follower"].n_requests == 1


def page_of(tmp_path: Path, answer: Answer, kind: str = "like", url_path: str = "", **more: Any) -> StillreachError:
    """What a connector says to one answer."""
    settings = sample.settings_in(tmp_path)
    with serve(lambda request: answer) as server:
        source = sample.source_of(server.url, **more)
        budget = Budget(settings, "x_api", 100.0, read_prices(settings), patience=0.0)
        connector = Connector(source, SINCE, TODAY, budget)
        connector.first_lists(OURS)
        with pytest.raises(StillreachError) as message:
            asyncio.run(connector.page(Listing(kind, "x", "1", "2"), None))  # type: ignore[arg-type]
    assert "Sir Pry" not in str(message.value)
    assert "token-that-nobody-sees" not in str(message.value)
    return message.value


def declared(kind: str, **more: Any) -> dict[str, Any]:
    return {"title": "Sir Pry", "detail": "of Sir Pry", "type": f"{sample.PROBLEM}{kind}", **more}


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, declared("unauthorized"), PlatformRefusedError),
        (402, declared("credits-depleted"), PlatformRefusedError),
        (403, declared("client-forbidden", reason="client-not-enrolled"), PlatformRefusedError),
        (403, {"errors": [{"message": "Sir Pry"}]}, PlatformRefusedError),
        (403, declared("not-authorized-for-resource"), ListRefusedError),
        (403, declared("unsupported-authentication"), ListRefusedError),
        (404, {"title": "Sir Pry"}, ListRefusedError),
        (400, declared("invalid-request"), ListRefusedError),
        (429, declared("usage-capped", period="Monthly"), PlatformRefusedError),
        (429, declared("too-many-requests"), PlatformBusyError),
        (429, "Sir Pry", PlatformBusyError),
        (500, "Sir Pry", PlatformBusyError),
        (503, {}, PlatformBusyError),
        (200, "<html>Sir Pry</html>", PlatformBusyError),
        (200, ["Sir Pry"], SchemaError),
        (200, {"greeting": "Sir Pry"}, SchemaError),
        (200, {"meta": {"result_count": 7}}, PlatformBusyError),
        (200, {"data": [{"username": "Sir Pry"}]}, SchemaError),
        (200, {"data": [{"id": 7}]}, SchemaError),
        (200, {"data": ["Sir Pry"]}, SchemaError),
        (200, {"errors": [declared("resource-not-found")]}, ListRefusedError),
        (200, {"errors": [declared("usage-capped")]}, PlatformRefusedError),
        (200, {"errors": [{"message": "Sir Pry"}]}, ListRefusedError),
    ],
)
def test_each_refusal_is_told_apart_and_quotes_nothing(
    tmp_path: Path, status: int, body: object, error: type[StillreachError]
) -> None:
    assert type(page_of(tmp_path, Answer(status, body))) is error
    ledger = Ledger(sample.settings_in(tmp_path), "x_api")
    with ledger.locked():
        month = ledger.month(datetime.now(UTC).date())
    no_json = status == 200 and isinstance(body, str)
    paid = no_json or (status == 200 and isinstance(body, dict) and "data" in body)
    assert bool(month.spent) == paid or (status == 200 and error is SchemaError)
    assert bool(month.open) == no_json  # nobody knows what that cost


def test_a_wait_is_as_long_as_x_says_in_seconds_since_1970(tmp_path: Path) -> None:
    later = str(int((datetime.now(UTC) + timedelta(seconds=300)).timestamp()))
    busy = page_of(tmp_path, Answer(429, {}, {"x-rate-limit-reset": later}))
    assert isinstance(busy, PlatformBusyError)
    assert busy.wait_seconds == pytest.approx(300, abs=60)
    odd = page_of(tmp_path, Answer(429, {}, {"x-rate-limit-reset": "soon"}))
    assert isinstance(odd, PlatformBusyError)
    assert odd.wait_seconds is None


def test_the_words_are_changed_once_and_only_for_words(tmp_path: Path) -> None:
    about_ids = Answer(400, {"errors": [{"parameters": {"id": ["x"]}}]})
    assert isinstance(page_of(tmp_path, about_ids, "post"), ListRefusedError)
    about_words = Answer(400, {"errors": [{"parameters": {"post.fields": []}}]})
    assert isinstance(page_of(tmp_path, about_words, "post"), PlatformBusyError)
    # A server that understands neither is asked twice, then left alone.
    x = world()

    def neither(request: Request) -> Answer:
        return about_words if request.path.endswith("/tweets") else x(request)

    with serve(neither) as server:
        posts = by_kind(pulled(server, tmp_path))["post"]
    assert (posts.scope, posts.n_requests) == ("partial", 2)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"secret": None}, "has no token"),
        ({"terms_confirmed": None}, "has no terms_confirmed"),
    ],
)
def test_without_credentials_or_confirmed_terms_nothing_is_asked(
    tmp_path: Path, more: dict[str, Any], message: str
) -> None:
    source = replace(sample.source_of("http://127.0.0.1:9"), **more)
    settings = sample.settings_in(tmp_path)
    budget = Budget(settings, "x_api", 1.0, read_prices(settings))
    with pytest.raises(PlatformRefusedError, match=rf"{message}.*docs/POLICY\.md"):
        Connector(source, SINCE, TODAY, budget)


def test_owned_terms_cover_our_own_accounts_alone(tmp_path: Path) -> None:
    x = world()
    with serve(x) as server:
        seed = by_kind(pulled(server, tmp_path / "owned", account=SEED, terms_confirmed="owned"))
        assert not server.requests
        assert "covers our own accounts alone" in seed["follower"].reason
        assert set(seed) == {"follower"}
        enterprise = by_kind(pulled(server, tmp_path / "enterprise", account=SEED))
        assert enterprise["follower"].scope == "complete"
        assert {one.path for one in server.requests} == {"/2/users/91", "/2/users/91/followers"}


def test_a_list_dearer_than_what_is_left_is_not_begun_and_the_others_are(tmp_path: Path) -> None:
    x = busy_world()
    with serve(x) as server:
        lists = by_kind(pulled(server, tmp_path, budget_usd_per_month=22.0))
        paths = [one.path for one in server.requests]
    assert "could cost $23.00, $21.99 of this month's $22.00 is left" in lists["follower"].reason
    assert (lists["follower"].n_collected, lists["follower"].n_reported) == (0, 2300)
    assert "/2/users/1/followers" not in paths
    assert lists["post"].scope == lists["repost"].scope == "complete"


def test_the_pull_stops_before_the_request_that_could_pass_the_budget(tmp_path: Path) -> None:
    x = busy_world()
    x.n_told["1"] = 1_000  # X's count is too small: the estimate passes, the pages do not
    with serve(x) as server, pytest.raises(PlatformRefusedError, match=r"is left\. Hint: raise budget_usd_per_month"):
        pulled(server, tmp_path, budget_usd_per_month=15.0, follower_lists=("own",))
    served = Counter(what for what, _ in x.served)
    assert 0.01 * (served["follower"] + served["profile"]) + 0.005 * served["own post"] <= 15.0
    assert served["follower"] < 1_500


def test_x_is_asked_no_faster_than_its_limits() -> None:
    kinds = {kind: (limit.requests, limit.seconds) for kind, limit in LIMITS.items()}
    assert kinds["follower"] == (300, 900)
    assert kinds["like"] == kinds["repost"] == kinds["quote"] == (75, 900)


def test_four_keys_sign_the_request_and_stay_out_of_every_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keys = {
        "api_key": "KEYKEYKEY",
        "api_secret": "SECRET1",
        "access_token": "TOKTOKTOK",
        "access_token_secret": "SECRET2",
    }
    secret = Secret(json.dumps(keys, separators=(",", ":")))
    with caplog.at_level(logging.DEBUG), serve(world(words="tweet")) as server:
        lists = by_kind(pulled(server, tmp_path, secret=secret))
        signed = [one.headers["authorization"] for one in server.requests]
    assert {one.scope for one in lists.values()} == {"complete"}
    assert all(one.startswith("OAuth ") and "oauth_signature=" in one for one in signed)
    assert not [text for text in (*keys.values(), "signed-instead") if text in caplog.text]
    for wrong in ('{"api_key":"a"}', "{nonsense", "{}"):
        with pytest.raises(SettingsError, match="is no usable JSON"), serve(world()) as server:
            pulled(server, tmp_path / "wrong", secret=Secret(wrong))


def test_the_token_is_sent_and_seen_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), serve(world()) as server:
        pulled(server, tmp_path, tmp_path / "out")
        assert {one.headers["authorization"] for one in server.requests} == {"Bearer token-that-nobody-sees"}
    assert "token-that-nobody-sees" not in caplog.text
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"token-that-nobody-sees" in path.read_bytes()]


# Everything that goes wrong.


def emptied(answer: Answer) -> Answer:
    """An empty page in mid-list; a last page that comes empty is what the end of a list looks like."""
    if "next_token" not in answer.body.get("meta", {}):
        return answer
    body = {name: value for name, value in answer.body.items() if name != "data"}
    body["meta"] = body.get("meta", {}) | {"result_count": 0}
    return replace(answer, body=body)


def looped(answer: Answer, earlier: Answer) -> Answer:
    token = earlier.body.get("meta", {}).get("next_token")
    return replace(answer, body=answer.body | {"meta": {"next_token": token} if token else {}})


def faulty(x: World, at: dict[int, str]) -> Faults:
    return Faults(x, at, empty=emptied, loop=looped, errors={"errors": [declared("internal-error")]})


def truth(x: World) -> dict[str, int]:
    return {kind: len(x.acts[key]) for key in x.acts for kind in [key[0]]} | {
        "follower": len(x.followers["1"]), "post": len(x.posts["1"])
    }  # fmt: skip


def check_nothing_partial_is_called_whole(lists: list[ListAccount], x: World, out: Path) -> None:
    collected = Counter(row["kind"] for row in rows_in(out, "engagement"))
    collected["follower"], collected["post"] = (len(rows_in(out, table)) for table in ("follower", "post"))
    for one in lists:
        if one.scope == "complete":
            assert collected[one.listing.kind] == one.n_collected == truth(x)[one.listing.kind], one
        else:
            assert one.reason


TRANSIENT = ("429", "500", "cut", "hang")
N_NEEDED = 12


@pytest.mark.parametrize("fault", FAULTS)
def test_under_every_fault_nothing_partial_is_called_whole_and_little_is_asked(tmp_path: Path, fault: str) -> None:
    for first in range(1, 4) if fault != "hang" else (2,):
        x = busy_world(n_followers=1_010)
        script = faulty(x, dict.fromkeys(range(first, N_NEEDED + 1, 3), fault))
        folder = tmp_path / str(first)
        with serve(script) as server:
            more: dict[str, Any] = {"request_seconds": 0.5} if fault == "hang" else {}
            lists = pulled(server, folder, folder / "out", **more)
            assert len(server.requests) <= 2 * N_NEEDED
        assert script.injected
        check_nothing_partial_is_called_whole(lists, x, folder / "out")
        if fault in TRANSIENT:
            scopes = {kind: one.scope for kind, one in by_kind(lists).items()}
            assert scopes == dict.fromkeys(truth(x), "complete") | {"like": "partial"}, first


@trials(max_examples=6, deadline=None)
@given(
    faults=st.dictionaries(st.integers(1, 20), st.sampled_from([one for one in FAULTS if one != "hang"]), max_size=6)
)
def test_under_several_faults_at_once_too(tmp_path_factory: pytest.TempPathFactory, faults: dict[int, str]) -> None:
    folder = tmp_path_factory.mktemp("faults")
    x = busy_world(n_followers=1_010)
    with serve(faulty(x, faults)) as server:
        lists = pulled(server, folder, folder / "out", concurrency=4)
        assert len(server.requests) <= 2 * N_NEEDED
    check_nothing_partial_is_called_whole(lists, x, folder / "out")
    ledger = Ledger(sample.settings_in(folder), "x_api")
    with ledger.locked():
        counted = ledger.month(datetime.now(UTC).date()).reads("follower")
    assert counted >= len(rows_in(folder / "out", "follower"))


# X's own descriptions of its API.


def parameters(version: str, path: str) -> dict[str, dict[str, Any]]:
    """What a path's GET takes, by name, each with its schema."""
    known = spec(version)
    found = known["paths"][path]["get"]["parameters"]
    every = [
        known["components"]["parameters"][one["$ref"].rpartition("/")[2]] if "$ref" in one else one for one in found
    ]
    return {one["name"]: one["schema"] for one in every}


def template(path: str) -> str:
    """The path as the description writes it."""
    parts = path.split("/")
    return "/".join("{id}" if part.isdecimal() and part != "2" else part for part in parts)


@needs_specs
@pytest.mark.parametrize("version", VERSIONS)
def test_every_parameter_sent_stands_in_xs_description(tmp_path: Path, version: str) -> None:
    with serve(busy_world(VERSIONS[version])) as server:
        pulled(server, tmp_path)
        asked = [one for one in server.requests if not (VERSIONS[version] == "tweet" and "post.fields" in one.query)]
    assert {template(one.path) for one in asked} == {
        "/2/users/{id}", "/2/users/{id}/followers", "/2/users/{id}/tweets", "/2/tweets/{id}/liking_users",
        "/2/tweets/{id}/retweeted_by", "/2/tweets/{id}/quote_tweets", "/2/tweets/search/recent",
    }  # fmt: skip
    n_checked = 0
    for request in asked:
        known = parameters(version, template(request.path))
        for name, (value,) in request.query.items():
            schema = known[name]
            if schema.get("type") == "array":
                assert set(value.split(",")) <= set(schema["items"]["enum"]), (request.path, name)
            if schema.get("type") == "integer":
                assert schema["minimum"] <= int(value) <= schema["maximum"], (request.path, name)
            n_checked += 1
    assert n_checked > 30


def resolved(version: str, schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = spec(version)["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def made(version: str, schema: dict[str, Any], chance: random.Random, depth: int = 0) -> Any:
    """Make an instance of one of X's schemas: everything required, and some of the rest."""
    schema = resolved(version, schema)
    if "allOf" in schema:
        every: dict[str, Any] = {}
        for one in schema["allOf"]:
            every |= made(version, one, chance, depth)
        return every
    if "oneOf" in schema:
        return made(version, chance.choice(schema["oneOf"]), chance, depth)
    if "enum" in schema:
        # X's own pattern for reply_settings does not fit one of its own values.
        return chance.choice([one for one in schema["enum"] if fits(one, schema)])
    match schema.get("type"):
        case "object" | None:
            needed = set(schema.get("required", ()))
            return {
                name: made(version, one, chance, depth + 1)
                for name, one in schema.get("properties", {}).items()
                if name in needed or chance.random() < (0.8 if depth < 2 else 0.3)
            }
        case "array":
            n = max(schema.get("minItems", 0), chance.choice((0, 1) if schema.get("uniqueItems") else (0, 1, 2)))
            return [made(version, schema["items"], chance, depth + 1) for _ in range(n)]
        case "integer":
            return schema.get("minimum", chance.choice((0, 1, 7_000_000)))
        case "number":
            return 0.5
        case "boolean":
            return chance.random() < 0.5
    if schema.get("format") == "date-time":
        return "2026-11-20T08:15:00.000Z"
    if schema.get("format") == "uri":
        return "https://example.org"
    return text_for(schema, chance)


def text_for(schema: dict[str, Any], chance: random.Random) -> str:
    """Make a text that fits the schema's pattern: X's are of digits or of letters and digits."""
    n = max(schema.get("minLength", 1), chance.choice((1, 5, 9)))
    tries = ("1" * 4, "1" * 9, "a" * 5, "GB", "1_2", "1-2", "a" * n, "1" * 12)
    return next(one for one in tries if fits(one, schema))


def fits(text: object, schema: dict[str, Any]) -> bool:
    known = {name: found for name, found in schema.items() if name in ("pattern", "minLength")}
    return bool(jsonschema.Draft7Validator(known).is_valid(text))


def valid(version: str, schema: dict[str, Any], body: object) -> None:
    """Hold a body against one of X's schemas; `nullable` is OpenAPI's word."""
    components = spec(version)["components"]
    jsonschema.Draft7Validator({**schema, "components": components}).validate(body)


def answer_schema(version: str, path: str) -> dict[str, Any]:
    found = spec(version)["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert isinstance(found, dict)
    return found


PATHS: dict[str, tuple[str, Literal["user", "post"]]] = {
    "profile": ("/2/users/{id}", "user"),
    "follower": ("/2/users/{id}/followers", "user"),
    "post": ("/2/users/{id}/tweets", "post"),
    "like": ("/2/tweets/{id}/liking_users", "user"),
    "repost": ("/2/tweets/{id}/retweeted_by", "user"),
    "quote": ("/2/tweets/{id}/quote_tweets", "post"),
    "reply": ("/2/tweets/search/recent", "post"),
}


MODELS: dict[str, type[responses.Entry]] = {
    "profile": responses.User, "follower": responses.User, "post": responses.OwnPost,
    "like": responses.Entry, "repost": responses.Entry, "quote": responses.Answer, "reply": responses.Answer,
}  # fmt: skip


def read_all(kind: str, what: Literal["user", "post"], body: dict[str, Any]) -> responses.ResponsePage:
    """Read an answer as the connector does."""
    page = responses.read_page(what, body)
    for entry in page.entries:
        responses.read_entry(MODELS[kind], what, entry)
    return page


def answers(version: str, kind: str, n: int) -> Iterator[dict[str, Any]]:
    """Answers that X's description calls valid, with what we cannot do without."""
    path, what = PATHS[kind]
    schema = answer_schema(version, path)
    for seed in range(n):
        body = made(version, schema, random.Random(f"{version} {kind} {seed}"))
        body.setdefault("meta", {})
        body.pop("errors", None)
        data = body.get("data") or []
        for n_entry, entry in enumerate(data if isinstance(data, list) else [data]):
            entry |= {"id": str(1000 + n_entry)}
            if what == "post":
                entry |= {"created_at": "2026-11-20T08:15:00.000Z", "author_id": str(2000 + n_entry)}
        for name in ("users", "posts", "tweets"):
            for n_entry, entry in enumerate(body.get("includes", {}).get(name, [])):
                entry["id"] = str(3000 + n_entry)
        yield body


@needs_specs
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", PATHS)
def test_answers_valid_by_xs_description_are_read_without_drift(version: str, kind: str) -> None:
    path, what = PATHS[kind]
    n_entries = 0
    for body in answers(version, kind, 12):
        valid(version, answer_schema(version, path), body)
        found = read_all(kind, what, body)
        assert not found.unknown, found.unknown
        n_entries += len(found.entries)
    assert n_entries >= 5


def fields_of(model: type[BaseModel]) -> Iterator[list[str]]:
    """The path of each field of a model, and of the models in it."""
    for name, field in model.model_fields.items():
        yield [name]
        parts = [field.annotation, *get_args(field.annotation)]
        for part in [inner for one in parts for inner in (one, *get_args(one))]:
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from ([name, *rest] for rest in fields_of(part))


@needs_specs
def test_every_field_read_stands_in_xs_description() -> None:
    roots = {"user": ("User",), "post": ("Tweet", "Post")}
    read = [(what, path) for kind, (_, what) in PATHS.items() for path in fields_of(MODELS[kind])]
    assert ["public_metrics", "like_count"] in [path for _, path in read]
    for what, path in read:
        assert any(stands(version, root, path) for version in VERSIONS for root in roots[what]), (what, path)


def stands(version: str, root: str, path: list[str]) -> bool:
    """Whether a path of names stands in a schema; what X leaves open holds anything."""
    if root not in spec(version)["components"]["schemas"]:
        return False
    schema = resolved(version, {"$ref": f"#/components/schemas/{root}"})
    for name in path:
        schema = resolved(version, schema.get("items", schema))
        parts = [resolved(version, one) for one in schema.get("allOf", [schema])]
        properties = {key: one for part in parts for key, one in part.get("properties", {}).items()}
        if not properties and schema.get("type") == "object":
            return True
        if name not in properties:
            return False
        schema = resolved(version, properties[name])
    return True


@needs_specs
@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_scripted_x_answers_is_valid_by_xs_description(tmp_path: Path, version: str) -> None:
    x = world(words=VERSIONS[version])
    given: list[tuple[str, dict[str, Any]]] = []

    def noting(request: Request) -> Answer:
        answer = x(request)
        if answer.status == 200:
            given.append((template(request.path), answer.body))
        return answer

    with serve(noting) as server:
        pulled(server, tmp_path)
    assert {path for path, _ in given} == {path for path, _ in PATHS.values()}
    for path, body in given:
        valid(version, answer_schema(version, path), body)


@pytest.mark.parametrize(
    ("kind", "entry", "message"),
    [
        ("follower", {"id": "7", "public_metrics": {"followers_count": "12"}},
         "user.public_metrics: 'followers_count' is text, not a whole number. Known: followers_count (a whole number)"),
        ("follower", {"id": "7", "protected": "no"}, "user: 'protected' is text, not true or false"),
        ("follower", {"id": "7", "created_at": "2019-04-01"}, "user: 'created_at' is text, not an instant with a time"),
        ("like", {"username": "sir_pry"}, "user: has no 'id' but username. Known: id"),
        ("like", {"id": ""}, "user: 'id' is empty"),
        ("like", "sir_pry", "user: is text, not an object"),
        ("quote", {"id": "7", "author_id": "8"}, "post: has no 'created_at' but author_id, id. Known: created_at"),
        ("post", {"id": "7", "created_at": "2026-11-20T08:15:00Z", "entities": {"hashtags": [{"tag": 5}]}},
         "post.entities.hashtags[0]: 'tag' is a number, not text"),
        ("post", {"id": "7", "created_at": "2026-11-20T08:15:00Z", "referenced_posts": ["sir_pry"]},
         "post.referenced_posts: entry 0 is text, not an object"),
    ],
)  # fmt: skip
def test_a_missing_or_retyped_field_is_named_and_not_quoted(kind: str, entry: Any, message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        read_all(kind, PATHS[kind][1], {"data": [entry]})
    assert str(caught.value).startswith(f"X's answer, {message}")
    assert "sir_pry" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("drift", ["as known", "unknown column", "missing column", "retyped column"])
def test_drift_is_named_or_stops_the_account(tmp_path: Path, drift: str) -> None:
    path = sample.write(tmp_path / "in", drift)
    if drift in ("missing column", "retyped column"):
        with pytest.raises(SchemaError, match="X's answer, post"):
            sample.read(path, tmp_path / "out")
    else:
        notes = sample.read(path, tmp_path / "out")
        assert notes == ([] if drift == "as known" else ["unknown field post.glow, not read"])
        assert len(rows_in(tmp_path / "out", "post")) == 1


@pytest.mark.parametrize("figure", sample.FIGURES)
def test_an_absent_figure_stays_absent(tmp_path: Path, figure: str) -> None:
    sample.read(sample.write(tmp_path / "in", "as known", {figure: None}), tmp_path / "out")
    (row,) = rows_in(tmp_path / "out", "post")
    assert row[figure] == ""
    assert {row[other] for other in sample.FIGURES if other != figure} == {"1"}
