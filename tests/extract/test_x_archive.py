"""X archives → a drop: parts, generations and traps; direct messages stay shut; errors name no person."""

import csv
import datetime
import json
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.common.errors import DeliveryError, SchemaError, StillreachError, UnreadableFileError
from pipelines.extract.exports.x_archive import ALLOWED, convert
from tests.extract.samples.x_archive import DM, OURS, SEEN, follower, manifest, pack, read, tweet, write, ytd

BOTH = {"data/follower.js": ytd("follower", 0, [follower("55")]), "data/tweets.js": ytd("tweets", 0, [tweet()])}


def table(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, strict=True))


def followers(tmp: Path, members: dict[str, str], account: str | None = "1001") -> list[str]:
    convert(pack(tmp / "a.zip", members), tmp / "out", OURS, SEEN, account)
    return [row["member_id"] for row in table(tmp / "out" / "follower.csv")]


def post(tmp: Path, **fields: Any) -> dict[str, str]:
    members = {"data/tweets.js": ytd("tweets", 0, [tweet(**fields)])}
    convert(pack(tmp / "a.zip", members), tmp / "out", OURS, SEEN, "1001")
    (row,) = table(tmp / "out" / "post.csv")
    return row


def refused(
    tmp: Path, members: dict[str, str], kind: type[StillreachError], *sentence: str, account: str | None = "1001"
) -> None:
    """Convert a bad archive; it must say what and a hint, hold no one's text, and leave no drop."""
    with pytest.raises(kind) as caught:
        convert(pack(tmp / "a.zip", members), tmp / "out", OURS, SEEN, account)
    message = str(caught.value)
    assert type(caught.value) is kind
    for part in ("a.zip", "Hint: ", *sentence):
        assert part in message
    for secret in ("Ride safe", "Jane", "jane", "5511", DM):
        assert secret not in message
    assert not list(tmp.glob("out/*"))


# --- what becomes what ----------------------------------------------------------------------------


def test_an_archive_becomes_followers_and_posts_of_its_own_day(tmp_path: Path) -> None:
    notes = read(write(tmp_path / "in", "as known", {"likes": 12, "reposts": 0}), tmp_path / "out")
    assert table(tmp_path / "out" / "follower.csv") == [
        {"platform": "x", "account_id": "1001", "member_id": "55", "observed_on": "2026-07-14"}
    ]
    assert table(tmp_path / "out" / "post.csv") == [
        {
            "platform": "x",
            "post_id": "1626",
            "account_id": "1001",
            "posted_at": "2023-02-18T12:33:11Z",
            "kind": "post",
            "text": "Ride safe",
            "tags": "",
            "likes": "12",
            "reposts": "0",
            "observed_at": "2026-07-14T23:30:00Z",
        }
    ]
    assert notes[0] == "archive.zip: made on 2026-07-14; followers: 1, posts: 1"
    assert not any("unknown" in note for note in notes)


def test_without_a_manifest_the_day_is_the_delivery_s_and_the_notes_say_so(tmp_path: Path) -> None:
    notes = convert(pack(tmp_path / "a.zip", BOTH), tmp_path / "out", OURS, SEEN, "@SP_Motor")
    assert table(tmp_path / "out" / "follower.csv")[0]["observed_on"] == "2026-07-15"
    assert table(tmp_path / "out" / "post.csv")[0]["observed_at"] == "2026-07-15T00:00:00Z"
    assert "no manifest" in notes[0]


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("Ride safe &amp; slow", "Ride safe & slow"),
        ("&lt;3 &gt; &amp;lt;", "<3 > &lt;"),
        ("a?b=1&copy=2 &quot;", "a?b=1&copy=2 &quot;"),
        ('Line one\nline, "two"\r\n\rthree', 'Line one\nline, "two"\r\n\rthree'),
        ("Half a pair \ud83d and\0 NUL", "Half a pair ? and NUL"),
    ],
)
def test_text_is_unescaped_as_x_escapes_it_and_otherwise_left(tmp_path: Path, text: str, becomes: str) -> None:
    assert post(tmp_path, text=text)["text"] == becomes


@pytest.mark.parametrize(
    ("fields", "kind", "figures"),
    [
        ({"in_reply_to_status_id_str": "1", "text": "@jane yes"}, "reply", ("3", "4")),
        ({"text": "@jane yes"}, "post", ("3", "4")),
        ({"text": "RT @jane: yes"}, "repost", ("", "")),
        ({"text": "RT if you ride"}, "post", ("3", "4")),
    ],
)
def test_replies_and_reposts_are_told_and_a_repost_has_no_figures_of_ours(
    tmp_path: Path, fields: dict[str, Any], kind: str, figures: tuple[str, str]
) -> None:
    row = post(tmp_path, **fields, favorite_count="3", retweet_count="4")
    assert (row["kind"], row["likes"], row["reposts"]) == (kind, *figures)


@pytest.mark.parametrize(("given", "becomes"), [("0", "0"), (7, "7"), ("", ""), (None, ""), ("012", "12")])
def test_a_missing_count_stays_empty_and_a_zero_stays_zero(tmp_path: Path, given: object, becomes: str) -> None:
    assert post(tmp_path, favorite_count=given)["likes"] == becomes


def test_hash_tags_come_from_the_entities(tmp_path: Path) -> None:
    tags = [{"text": "BikeSafe", "indices": ["0", "9"]}, {"text": "A1", "indices": ["10", "13"]}]
    assert post(tmp_path, entities={"hashtags": tags})["tags"] == "#BikeSafe #A1"
    assert post(tmp_path / "none", entities=None)["tags"] == ""


@pytest.mark.parametrize(
    ("written", "posted_at"),
    [
        ("Sat Feb 18 12:33:11 +0000 2023", "2023-02-18T12:33:11Z"),
        ("Sat Feb 18 00:33:11 +0100 2023", "2023-02-17T23:33:11Z"),
    ],
)
def test_instants_are_read_in_any_locale(tmp_path: Path, written: str, posted_at: str) -> None:
    assert post(tmp_path, created_at=written)["posted_at"] == posted_at


def test_the_generation_before_2020_has_bare_posts_in_tweet_js(tmp_path: Path) -> None:
    bare = tweet("9", favorite_count=2, retweet_count=1)["tweet"]
    notes = convert(
        pack(tmp_path / "a.zip", {"data/tweet.js": ytd("tweet", 0, [bare])}), tmp_path / "out", OURS, SEEN, "1001"
    )
    (row,) = table(tmp_path / "out" / "post.csv")
    assert (row["post_id"], row["likes"], row["reposts"]) == ("9", "2", "1")
    assert any("has no data/follower.js" in note for note in notes)
    assert not (tmp_path / "out" / "follower.csv").exists()


# --- parts ----------------------------------------------------------------------------------------


@given(
    lists=st.lists(st.lists(st.integers(1, 10**18), max_size=4), min_size=1, max_size=5),
    cuts=st.sets(st.integers(1, 4)),
    sign=st.sampled_from(["\n", ";\n", " ; "]),
)
@settings(max_examples=40, deadline=None)
def test_parts_in_one_file_or_several_are_one_list(
    tmp_path_factory: pytest.TempPathFactory, lists: list[list[int]], cuts: set[int], sign: str
) -> None:
    files: list[list[str]] = [[]]
    for n, part in enumerate(lists):
        if n in cuts:
            files.append([])
        files[-1].append(ytd("follower", n, [follower(str(one)) for one in part]))
    names = ["follower.js", *(f"follower-part{n}.js" for n in range(1, len(files)))]
    members = {f"data/{name}": sign.join(texts) for name, texts in zip(names, files, strict=True)}
    tmp = tmp_path_factory.mktemp("parts")
    expected = [str(one) for part in lists for one in part]
    if expected:
        assert sorted(followers(tmp, members)) == sorted(expected)
    else:
        assert any(
            "names no follower" in note for note in convert(pack(tmp / "a.zip", members), tmp, OURS, SEEN, "1001")
        )
        assert not (tmp / "follower.csv").exists()


@pytest.mark.parametrize(
    ("parts", "message"),
    [((0, 2), "part 1 is missing of 3"), ((1,), "part 0 is missing of 2"), ((0, 0), "is there twice")],
)
def test_a_missing_or_doubled_part_is_refused(tmp_path: Path, parts: tuple[int, ...], message: str) -> None:
    names = ["data/follower.js", "data/follower-part1.js"]
    members = {n: ytd("follower", part, [follower("5511")]) for n, part in zip(names, parts, strict=False)}
    refused(tmp_path, members, DeliveryError if "twice" in message else UnreadableFileError, message)


def test_posts_in_both_generations_of_file_are_refused(tmp_path: Path) -> None:
    members = {f"data/{name}.js": ytd(name, 0, [tweet()]) for name in ("tweet", "tweets")}
    refused(tmp_path, members, DeliveryError, "is there twice")


def test_a_list_that_lies_in_the_file_of_another_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, {"data/follower.js": ytd("tweets", 0, [tweet()])}, SchemaError, "lacks accountId")
    refused(tmp_path / "b", {"data/follower.js": ytd("tweets", 0, [])}, SchemaError, "another kind")
    refused(tmp_path / "c", {"data/follower.js": ytd("block", 0, [])}, SchemaError, "does not begin as known")


# --- manifest -------------------------------------------------------------------------------------


def test_the_manifest_tells_whose_it_is(tmp_path: Path) -> None:
    members = BOTH | {"data/manifest.js": manifest({}, account_id="1002")}
    assert followers(tmp_path, members, account=None) == ["55"]
    assert table(tmp_path / "out" / "follower.csv")[0]["account_id"] == "1002"


@pytest.mark.parametrize("account", ["1001", "sp_motor"])
def test_a_manifest_that_names_another_account_is_believed_over_the_person(tmp_path: Path, account: str) -> None:
    members = BOTH | {"data/manifest.js": manifest({}, account_id="1002")}
    refused(tmp_path, members, DeliveryError, "archive of another account", account=account)


def test_an_account_is_never_guessed(tmp_path: Path) -> None:
    refused(tmp_path, BOTH, DeliveryError, "it has no manifest", "Known: sp_motor, sp_news", account=None)
    members = BOTH | {"data/manifest.js": manifest({}, account_id="5511")}
    refused(tmp_path, members, DeliveryError, "an account not ours", account=None)
    with pytest.raises(DeliveryError, match="not an X account of ours"):
        convert(tmp_path / "a.zip", tmp_path / "out", OURS, SEEN, "77")


def test_an_archive_made_after_the_delivery_s_day_is_refused_with_the_day_to_pass(tmp_path: Path) -> None:
    members = BOTH | {"data/manifest.js": manifest({}, made_at="2026-07-16T00:30:00.000Z")}
    refused(tmp_path, members, DeliveryError, "after 2026-07-15", "--on 2026-07-16")


@pytest.mark.parametrize("n", [0, 2])
def test_a_file_with_another_number_of_entries_than_the_manifest_says_is_refused(tmp_path: Path, n: int) -> None:
    members = BOTH | {"data/manifest.js": manifest({"data/follower.js": n})}
    refused(tmp_path, members, UnreadableFileError, f"holds 1 entries, its manifest says {n}")


def test_a_last_part_that_only_the_manifest_names_is_missed(tmp_path: Path) -> None:
    members = BOTH | {"data/manifest.js": manifest({"data/follower.js": 1, "data/follower-part1.js": 1})}
    refused(tmp_path, members, UnreadableFileError, "lacks data/follower-part1.js")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda manifest: manifest.pop("userInfo"), "userInfo: field required"),
        (
            lambda manifest: manifest["userInfo"].update(accountId=1001),
            "userInfo.accountId: input should be a valid string",
        ),
        (lambda manifest: manifest["archiveInfo"].update(generationDate="jane"), "generationDate is no instant"),
        (
            lambda manifest: manifest["archiveInfo"].update(generationDate="2026-07-14T00:00:00"),
            "generationDate is no instant",
        ),
        (lambda manifest: manifest["dataTypes"]["all"].update(files="jane"), "dataTypes.all.files"),
    ],
)
def test_a_manifest_that_is_not_as_known_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    head, body = manifest({}).split(" = ")
    found = json.loads(body)
    change(found)
    refused(tmp_path, BOTH | {"data/manifest.js": f"{head} = {json.dumps(found)}"}, SchemaError, message)


# --- drift ----------------------------------------------------------------------------------------


def test_unknown_fields_are_named_once_and_a_person_s_words_are_not(tmp_path: Path) -> None:
    members = {
        "data/follower.js": ytd("follower", 0, [follower("1", sinceDate="x"), follower("2", sinceDate="y")]),
        "data/tweets.js": ytd("tweets", 0, [tweet(bookmark_count="1") | {"note": 1}, tweet("2", **{"Jane Smith": 1})]),
    }
    notes = convert(pack(tmp_path / "a.zip", members), tmp_path / "out", OURS, SEEN, "1001")
    assert "a.zip: unknown fields, not read: bookmark_count, note, sinceDate, 1 more" in notes


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (follower(None), "lacks accountId; it has the fields accountId, userLink"),
        ({"follower": {"userLink": "jane"}}, "lacks accountId; it has the fields userLink"),
        ({"follower": {"accountId": 5511}}, "has accountId as int, known is text"),
        ({"follower": {"accountId": "5511E+17"}}, "has a accountId that is not as known"),
        ({"follower": "jane"}, "has follower as str, known is an object"),
    ],
)
def test_a_follower_that_is_not_as_known_stops(tmp_path: Path, entry: dict[str, Any], message: str) -> None:
    text = ytd("follower", 0, [follower("1"), entry])
    refused(tmp_path, {"data/follower.js": text}, SchemaError, "data/follower.js, entry 2: ", message)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id_str": None}, "lacks id_str"),
        ({"created_at": None}, "lacks created_at"),
        ({"created_at": "2023-02-18 jane"}, "created_at that is no instant"),
        ({"created_at": "Sat Feb 31 12:33:11 +0000 2023"}, "created_at that is no instant"),
        ({"text": None}, "lacks full_text"),
        ({"favorite_count": "many jane"}, "favorite_count that is no count"),
        ({"favorite_count": -1}, "favorite_count that is no count"),
        ({"retweet_count": 1.0}, "retweet_count that is no count"),
        ({"retweet_count": True}, "retweet_count that is no count"),
        ({"entities": "jane"}, "entities that are not as known"),
        ({"entities": {"hashtags": "jane"}}, "entities that are not as known"),
    ],
)
def test_a_post_that_is_not_as_known_stops_and_followers_are_not_written_either(
    tmp_path: Path, fields: dict[str, Any], message: str
) -> None:
    refused(tmp_path, BOTH | {"data/tweets.js": ytd("tweets", 0, [tweet(**fields)])}, SchemaError, "entry 1: ", message)


# --- what is not opened ---------------------------------------------------------------------------


def test_nothing_but_the_allowed_members_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    poisoned = pack(tmp_path / "a.zip", BOTH | {"data/manifest.js": manifest({})})
    was_opened: list[str] = []
    really_open = zipfile.ZipFile.open

    def spy(self: zipfile.ZipFile, name: Any, *args: Any, **more: Any) -> Any:
        was_opened.append(name.filename if isinstance(name, zipfile.ZipInfo) else name)
        assert "direct-messages" not in was_opened[-1], "opened a direct message"
        return really_open(self, name, *args, **more)

    def never(*args: Any, **more: Any) -> None:
        raise AssertionError("wrote a member to disk")

    monkeypatch.setattr(zipfile.ZipFile, "open", spy)
    monkeypatch.setattr(zipfile.ZipFile, "extract", never)
    monkeypatch.setattr(zipfile.ZipFile, "extractall", never)
    convert(poisoned, tmp_path / "out", OURS, SEEN, None)
    assert sorted(was_opened) == ["data/follower.js", "data/manifest.js", "data/tweets.js"]
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["follower.csv", "post.csv"]
    for secret in (DM, "jane", "Jane"):
        assert not any(secret in file.read_text() for file in (tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    "name",
    [
        "direct-messages",
        "direct-messages-group",
        "deleted-tweets",
        "tweet-headers",
        "account",
        "follower-part",
        "following",
    ],
)
def test_names_near_the_allowed_ones_are_not_allowed(name: str) -> None:
    for member in (f"data/{name}.js", f"data/{name}-part1.js", f"data/x/{name}.js"):
        assert not ALLOWED.fullmatch(member)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("a.zip", "holds neither"),
        ("folder", "no .zip there"),
        ("nothing", "no .zip there"),
        ("data/follower.js", "zip"),
    ],
)
def test_what_is_no_archive_is_refused_with_advice(tmp_path: Path, place: str, message: str) -> None:
    pack(tmp_path / "a.zip", {})
    (tmp_path / "folder").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "follower.js").write_text(BOTH["data/follower.js"])
    with pytest.raises(DeliveryError, match=rf"{message}.*Hint: "):
        convert(tmp_path / place, tmp_path / "out", OURS, SEEN, "1001")


def test_two_archives_of_one_account_are_refused_and_of_two_are_one_drop(tmp_path: Path) -> None:
    for folder in ("sp_motor", "sp_news"):
        pack(tmp_path / "in" / folder / "a.zip", BOTH)
    notes = convert(tmp_path / "in", tmp_path / "out", OURS, SEEN)
    assert [row["account_id"] for row in table(tmp_path / "out" / "follower.csv")] == ["1001", "1002"]
    assert notes[0].startswith("sp_motor/a.zip: ")
    with pytest.raises(DeliveryError, match=r"two archives of one account.*Hint: "):
        convert(tmp_path / "in", tmp_path / "out", OURS, SEEN, "1001")


def test_many_followers_need_little_memory(tmp_path: Path) -> None:
    n = 20_000
    text = ytd("follower", 0, [follower(str(10**17 + n * 7919)) for n in range(n)])
    file = pack(tmp_path / "a.zip", {"data/follower.js": text})
    tracemalloc.start()
    convert(file, tmp_path / "out", OURS, datetime.date(2026, 7, 15), "1001")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(table(tmp_path / "out" / "follower.csv")) == n
    assert len(text) > 2_000_000
    assert peak < 10_000_000, "a chunk of a MiB in a few forms, not the list"
