"""Read X's answers, in either of its vocabularies: Tweet (until 2.159 of its OpenAPI) and Post (2.167).

A field X did not send stays unknown; one of another type than known stops the account; one nobody knows is named.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from pipelines.common.errors import SchemaError
from pipelines.extract.pulls.listing import Kind, Listing, Row

T = TypeVar("T")
PLATFORM = "x"
LIKERS_EVER = 100
SEARCH_DAYS = 7
SNOWFLAKE_EPOCH = datetime(2010, 11, 4, 1, 42, 54, 657000, tzinfo=UTC)
CHANGED = "X changed its API: see docs/X_API.md, and write to who maintains this"
FIELD_NAME = re.compile(r"[A-Za-z0-9_]{1,60}")
# X answers with more than was asked for; what stands in one of its three published descriptions is no drift.
USER = frozenset((
    "affiliation", "confirmed_email", "connection_status", "created_at", "description", "entities", "id",
    "is_identity_verified", "location", "most_recent_post_id", "most_recent_tweet_id", "name", "parody",
    "pinned_post_id", "pinned_tweet_id", "profile_banner_url", "profile_image_url", "protected", "public_metrics",
    "receives_your_dm", "subscribes_to_you", "subscription", "subscription_type", "url", "username", "verified",
    "verified_followers_count", "verified_type", "withheld",
))  # fmt: skip
POST = frozenset((
    "article", "article_title", "attachments", "author_id", "card_uri", "community_id", "context_annotations",
    "conversation_id", "created_at", "display_text_range", "edit_controls", "edit_history_post_ids",
    "edit_history_tweet_ids", "entities", "geo", "id", "in_reply_to_user_id", "lang", "matched_media_notes",
    "media_metadata", "non_public_metrics", "note_post", "note_request_suggestions", "note_tweet", "organic_metrics",
    "paid_partnership", "possibly_sensitive", "promoted_metrics", "public_metrics", "referenced_posts",
    "referenced_tweets", "reply_settings", "scopes", "source", "suggested_source_links",
    "suggested_source_links_with_counts", "text", "username", "withheld",
))  # fmt: skip
USER_METRICS = frozenset(
    ("followers_count", "following_count", "like_count", "listed_count", "media_count", "post_count", "tweet_count")
)
POST_METRICS = frozenset((
    "bookmark_count", "impression_count", "like_count", "quote_count", "reply_count",
    "repost_count", "retweet_count",
))  # fmt: skip
HIDDEN_METRICS = frozenset(("engagements", "impression_count", "url_link_clicks", "user_profile_clicks"))
ENVELOPE = frozenset(("data", "errors", "includes", "meta"))
ACTS: tuple[tuple[Kind, str], ...] = (
    ("like", "likes"), ("repost", "reposts"), ("quote", "quotes"), ("reply", "replies"),
)  # fmt: skip
KIND_OF = {"replied_to": "reply", "quoted": "quote", "retweeted": "repost"}


class Fields:
    """One object of an answer, read by name and type; names nobody knows are added to `unknown`."""

    def __init__(self, where: str, read: object, known: Iterable[str] | None, unknown: set[str]) -> None:
        if not isinstance(read, dict):
            raise _drift(where, read, "object")
        self._where, self._read, self._unknown = where, read, unknown
        if known is not None:
            strange = {str(name) for name in read} - set(known)
            unknown |= {f"{where}.{name}" if FIELD_NAME.fullmatch(name) else f"{where}.?" for name in strange}

    def text(self, name: str) -> str | None:
        return self._typed(name, str, "text")

    def needed(self, name: str) -> str:
        """A text without which the entry is worth nothing."""
        if not (text := self.text(name)):
            found = f"has no {name}; it has {', '.join(sorted(self._names())) or 'nothing'}"
            raise SchemaError(f"X's answer, {self._where}", found, hint=CHANGED)
        return text

    def instant(self, name: str) -> str | None:
        text = self.text(name)
        try:
            if text is None or datetime.fromisoformat(text).tzinfo:
                return text
        except ValueError:
            pass
        raise SchemaError(f"X's answer, {self._where}.{name}", "is no instant", known=("RFC 3339",), hint=CHANGED)

    def count(self, name: str) -> str | None:
        n = self._typed(name, int, "whole number")
        return None if n is None or n < 0 else str(n)

    def flag(self, name: str) -> str | None:
        flag = self._typed(name, bool, "true or false")
        return None if flag is None else str(flag).lower()

    def inner(self, name: str, known: Iterable[str] | None = None) -> "Fields":
        """An object within; absent, it is an empty one."""
        return Fields(f"{self._where}.{name}", self._typed(name, dict, "object") or {}, known, self._unknown)

    def entries(self, name: str) -> list[Any]:
        return self._typed(name, list, "list") or []

    def _typed(self, name: str, wanted: type[T], called: str) -> T | None:
        value = self._read.get(name)
        if value is None or (isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))):
            return value
        raise _drift(f"{self._where}.{name}", value, called)

    def _names(self) -> set[str]:
        return {str(name) for name in self._read if FIELD_NAME.fullmatch(str(name))}


@dataclass(frozen=True)
class Told:
    """One answer taken apart: its entries, where the list goes on, what is gone, what came along."""

    entries: tuple[Fields, ...]
    next_token: str | None
    n_gone: int
    withheld: tuple[str, ...]
    users: tuple[str, ...]
    posts: tuple[str, ...]
    unknown: set[str]


def problems(body: Mapping[str, Any]) -> list[str]:
    """The kinds of problem an answer names (`resource-not-found`, ...), nothing of their texts."""
    found = body.get("errors")
    every = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return [kind for one in [body, *every] if (kind := problem(one))]


def problem(one: Mapping[str, Any]) -> str:
    """The kind of one problem: the last part of its `type`."""
    kind = str(one.get("type", "")).rstrip("/").rsplit("/", 1)[-1]
    return kind if re.fullmatch(r"[a-z][a-z-]{2,40}", kind) else ""


def take_apart(what: str, body: Mapping[str, Any]) -> Told:
    """Take an answer apart. `what` is `user` or `post`; `data` may be one entry or a list of them.

    Raises `SchemaError` where it is none of X's answers.
    """
    unknown: set[str] = set()
    whole = Fields("answer", body, ENVELOPE, unknown)
    data = body.get("data")
    entries = data if isinstance(data, list) else [] if data is None else [data]
    if data is None and "meta" not in body and "errors" not in body:
        raise SchemaError("X's answer", "has no data", known=sorted(ENVELOPE), hint=CHANGED)
    known = USER if what == "user" else POST
    here = [Fields(what, entry, known, unknown) for entry in entries if entry is not None]
    errors = [one for one in whole.entries("errors") if isinstance(one, dict)]
    fields = [one for one in errors if "field" in one]
    came = whole.inner("includes")
    return Told(
        entries=tuple(here),
        next_token=whole.inner("meta").text("next_token") or None,
        n_gone=len(entries) - len(here) + len(errors) - len(fields),
        withheld=tuple(sorted({name for one in fields if FIELD_NAME.fullmatch(name := _first_name(one["field"]))})),
        users=_ids("user", came.entries("users"), unknown),
        posts=_ids("post", [*came.entries("posts"), *came.entries("tweets")], unknown),
        unknown=unknown,
    )


def follower(user: Fields, listing: Listing, today: date) -> Row:
    """One follower as X shows them; it does not say since when they follow."""
    metrics = user.inner("public_metrics", USER_METRICS)
    return {
        "platform": PLATFORM,
        "account_id": listing.account_id,
        "member_id": user.needed("id"),
        "observed_on": today.isoformat(),
        "handle": user.text("username"),
        "name": user.text("name"),
        "bio": user.text("description"),
        "location": user.text("location"),
        "followers_count": metrics.count("followers_count"),
        "following_count": metrics.count("following_count"),
        "created_at": user.instant("created_at"),
        "is_protected": user.flag("protected"),
    }


def n_followers(user: Fields) -> int | None:
    """How many followers X itself counts."""
    count = user.inner("public_metrics", USER_METRICS).count("followers_count")
    return None if count is None else int(count)


def own_post(post: Fields, listing: Listing, observed_at: str) -> Row | None:
    """One post of ours with its counts; None for a repost of somebody else's, which has none of its own."""
    kind = _kind(post)
    if kind == "repost":
        return None
    metrics = post.inner("public_metrics", POST_METRICS)
    hidden = post.inner("non_public_metrics", HIDDEN_METRICS)
    reposts = metrics.count("repost_count")
    impressions = metrics.count("impression_count")
    return {
        "platform": PLATFORM,
        "post_id": post.needed("id"),
        "account_id": listing.account_id,
        "posted_at": _needed_instant(post),
        "kind": kind,
        "text": _text(post),
        "tags": _tags(post),
        "impressions": hidden.count("impression_count") if impressions is None else impressions,
        "likes": metrics.count("like_count"),
        "replies": metrics.count("reply_count"),
        "reposts": metrics.count("retweet_count") if reposts is None else reposts,
        "quotes": metrics.count("quote_count"),
        "clicks": hidden.count("url_link_clicks"),
        "observed_at": observed_at,
    }


def lists_of(row: Row, listing: Listing) -> list[Listing]:
    """The lists of who acted on a post that may hold somebody, each with X's own count where it gave one."""
    counted = [(kind, row[figure]) for kind, figure in ACTS]
    return [
        Listing(kind, PLATFORM, listing.account_id, str(row["post_id"]), None if n is None else int(n))
        for kind, n in counted
        if n != "0"
    ]


def act(user: Fields, listing: Listing) -> Row:
    """One liker or reposter; X does not say when."""
    return _act(listing, user.needed("id"), None, None)


def worded_act(post: Fields, listing: Listing) -> Row | None:
    """One quote or reply; None for what we wrote ourselves, and for our own post at the head of its conversation."""
    author = post.needed("author_id")
    if author == listing.account_id or post.needed("id") == listing.post_id:
        return None
    return _act(listing, author, _needed_instant(post), _text(post))


def short_because(listing: Listing, n_entries: int, now: datetime) -> str:
    """Why X itself stops short of a whole list; empty where it does not."""
    known = listing.n_reported
    if listing.kind == "like" and (n_entries >= LIKERS_EVER if known is None else known > LIKERS_EVER):
        return "X gives the newest 100 likers of a post"
    if listing.kind == "reply" and now - _posted_at(listing.post_id) > timedelta(days=SEARCH_DAYS):
        return "X's recent search reaches back 7 days"
    return ""


def _posted_at(post_id: str) -> datetime:
    """When a post was written: its id holds the milliseconds."""
    milliseconds = int(post_id) >> 22 if post_id.isascii() and post_id.isdecimal() else 0
    return SNOWFLAKE_EPOCH + timedelta(milliseconds=milliseconds)


def _act(listing: Listing, member_id: str, engaged_at: str | None, text: str | None) -> Row:
    return {
        "platform": PLATFORM,
        "post_id": listing.post_id,
        "account_id": listing.account_id,
        "member_id": member_id,
        "kind": listing.kind,
        "engaged_at": engaged_at,
        "text": text,
    }


def _kind(post: Fields) -> str:
    """What sort of post it is. X names its references only where they were asked for; a reply is known without."""
    every = [*post.entries("referenced_posts"), *post.entries("referenced_tweets")]
    kinds = {Fields("post.referenced", one, None, set()).needed("type") for one in every}
    for name, kind in sorted(KIND_OF.items(), reverse=True):
        if name in kinds:
            return kind
    return "reply" if post.text("conversation_id") not in (None, post.text("id")) else "post"


def _text(post: Fields) -> str | None:
    long = post.inner("note_post").text("text") or post.inner("note_tweet").text("text")
    return long or post.text("text")


def _tags(post: Fields) -> str | None:
    tags = post.inner("entities").entries("hashtags")
    return " ".join(Fields("post.entities.hashtags", tag, None, set()).needed("tag") for tag in tags) or None


def _needed_instant(post: Fields) -> str:
    post.needed("created_at")
    return str(post.instant("created_at"))


def _ids(what: str, entries: Sequence[object], unknown: set[str]) -> tuple[str, ...]:
    return tuple(Fields(f"includes.{what}", one, None, unknown).needed("id") for one in entries)


def _first_name(path: object) -> str:
    return str(path).split(".")[0]


def _drift(where: str, found: object, known: str) -> SchemaError:
    called = {str: "text", bool: "true or false", int: "number", float: "number", list: "list", dict: "object"}
    return SchemaError(
        f"X's answer, {where}", f"is a {called.get(type(found), 'null')}", known=(f"a {known}",), hint=CHANGED
    )
