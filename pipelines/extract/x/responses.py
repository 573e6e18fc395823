"""Models of X's answers, in either of its vocabularies: Tweet (until 2.159 of its OpenAPI) and Post (2.167).

`pulls/response.py` reads by them. A field that X did not send stays unknown.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pipelines.common.errors import SchemaError
from pipelines.extract.pulls import response
from pipelines.extract.pulls.response import Count, Instant, Name, Part

E = TypeVar("E", bound="Entry")
ANSWER = "X's answer"
CHANGED = "X changed its API: see docs/X_API.md, and write to the maintainers"
# X answers with more than was asked for; the fields of its three published descriptions are known.
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
# The objects that are searched for unknown fields, by their path.
KNOWN = {
    "answer": ENVELOPE, "user": USER, "user.public_metrics": USER_METRICS, "post": POST,
    "post.public_metrics": POST_METRICS, "post.non_public_metrics": HIDDEN_METRICS,
}  # fmt: skip


class Entry(Part):
    """A user or a post: what X charges for, by its id."""

    id: Name


class UserMetrics(Part):
    """The counts of a user."""

    followers_count: Count = None
    following_count: Count = None


class User(Entry):
    """A user as a profile shows them."""

    username: str | None = None
    name: str | None = None
    description: str | None = None
    location: str | None = None
    created_at: Instant | None = None
    protected: bool | None = None
    public_metrics: UserMetrics | None = None


class Note(Part):
    """The whole text of a long post."""

    text: str | None = None


class Post(Entry):
    """A post; `author_id` stands in those that quote or answer one of ours."""

    created_at: Instant
    text: str | None = None
    note_post: Note | None = None
    note_tweet: Note | None = None

    @property
    def whole_text(self) -> str | None:
        """Give the text, of a long post the long one."""
        notes = [note.text for note in (self.note_post, self.note_tweet) if note and note.text]
        return notes[0] if notes else self.text


class Answer(Post):
    """A quote of a post of ours, or a reply to it."""

    author_id: Name


class Hashtag(Part):
    """A hash tag, without #."""

    tag: Name


class Entities(Part):
    """What X marked in a text."""

    hashtags: list[Hashtag] | None = None


class Reference(Part):
    """How a post refers to another one."""

    type: Name


class PostMetrics(Part):
    """The public counts of a post."""

    like_count: Count = None
    reply_count: Count = None
    quote_count: Count = None
    repost_count: Count = None
    retweet_count: Count = None
    impression_count: Count = None


class HiddenMetrics(Part):
    """The counts of a post that X shows its author only."""

    impression_count: Count = None
    url_link_clicks: Count = None


class OwnPost(Post):
    """A post of ours with its counts."""

    conversation_id: str | None = None
    entities: Entities | None = None
    referenced_posts: list[Reference] | None = None
    referenced_tweets: list[Reference] | None = None
    public_metrics: PostMetrics | None = None
    non_public_metrics: HiddenMetrics | None = None

    @property
    def kind(self) -> str:
        """Say what sort of post it is. X names its references only if asked; a reply is known without them."""
        references = {one.type for one in (*(self.referenced_posts or ()), *(self.referenced_tweets or ()))}
        for reference, kind in (("retweeted", "repost"), ("replied_to", "reply"), ("quoted", "quote")):
            if reference in references:
                return kind
        return "reply" if self.conversation_id not in (None, self.id) else "post"

    @property
    def tags(self) -> str | None:
        """Give the hash tags, separated by blanks."""
        return " ".join(one.tag for one in (self.entities and self.entities.hashtags) or ()) or None


class Meta(Part):
    """Where a list continues."""

    next_token: str | None = None


class Includes(Part):
    """The users and posts that entries refer to."""

    users: list[Entry] | None = None
    posts: list[Entry] | None = None
    tweets: list[Entry] | None = None


class Envelope(Part):
    """The parts of an answer; `data` is one entry, a list of them, or absent."""

    data: Any = None
    errors: list[Any] | None = None
    includes: Includes | None = None
    meta: Meta | None = None


@dataclass(frozen=True)
class ResponsePage:
    """One answer: its entries as X sent them, their ids, where the list continues, how many entries are missing.

    `withheld` names the fields X left out of some entries; `users` and `posts` are the ids of included objects.
    """

    entries: tuple[object, ...]
    ids: tuple[str, ...]
    next_token: str | None
    n_gone: int
    withheld: tuple[str, ...]
    users: tuple[str, ...]
    posts: tuple[str, ...]
    unknown: list[str]


def problems(body: Mapping[str, Any]) -> list[str]:
    """The kinds of problem an answer names (`resource-not-found`, ...), nothing of their texts."""
    found = body.get("errors")
    every = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return [kind for one in [body, *every] if (kind := problem(one))]


def problem(one: Mapping[str, Any]) -> str:
    """The kind of one problem: the last part of its `type`."""
    kind = str(one.get("type", "")).rstrip("/").rsplit("/", 1)[-1]
    return kind if re.fullmatch(r"[a-z][a-z-]{2,40}", kind) else ""


def read_page(what: Literal["user", "post"], body: Mapping[str, Any]) -> ResponsePage:
    """Read all of an answer but its entries, of which only the ids; `what` says what they are.

    Raises `SchemaError` where it is not one of X's answers.
    """
    whole = response.read(Envelope, body, ANSWER, "answer", CHANGED)
    if whole.data is None and "meta" not in body and "errors" not in body:
        raise SchemaError(ANSWER, "has no data", known=sorted(ENVELOPE), hint=CHANGED)
    entries = whole.data if isinstance(whole.data, list) else [] if whole.data is None else [whole.data]
    here = [entry for entry in entries if entry is not None]
    errors = [one for one in whole.errors or () if isinstance(one, dict)]
    fields = [str(one["field"]).split(".")[0] for one in errors if "field" in one]
    included = whole.includes or Includes()
    return ResponsePage(
        entries=tuple(here),
        ids=tuple(read_entry(Entry, what, entry).id for entry in here),
        next_token=(whole.meta and whole.meta.next_token) or None,
        n_gone=len(entries) - len(here) + len(errors) - len(fields),
        withheld=tuple(sorted(name for name in set(fields) if response.FIELD_NAME.fullmatch(name))),
        users=tuple(one.id for one in included.users or ()),
        posts=tuple(one.id for one in (*(included.posts or ()), *(included.tweets or ()))),
        unknown=sorted({*response.unknown_fields(KNOWN, "answer", body), *response.unknown_fields(KNOWN, what, here)}),
    )


def read_entry(model: type[E], what: Literal["user", "post"], entry: object) -> E:
    """Read one entry.

    Raises `SchemaError` where a field is missing or of another type.
    """
    return response.read(model, entry, ANSWER, what, CHANGED)
