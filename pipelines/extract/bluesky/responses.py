"""Models of the answers of Bluesky's AppView; `pulls/response.py` reads by them.

The known fields are those of the client's own models, which are generated from the platform's lexicon.
"""

from datetime import UTC, datetime
from typing import Any, TypeVar

from atproto import models
from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from pipelines.extract.pulls import response

A = TypeVar("A", bound="Part")
CHANGED = "the platform changed its answers: look for a newer release of Stillreach"
GONE = ("app.bsky.feed.defs#notFoundPost", "app.bsky.feed.defs#blockedPost")
REPOST = "app.bsky.feed.defs#reasonRepost"
QUOTES = ("app.bsky.embed.record", "app.bsky.embed.recordWithMedia")
TAG = "app.bsky.richtext.facet#tag"


class Part(response.Part):
    """A part of an answer, with the platform's camel-case names."""

    model_config = ConfigDict(alias_generator=to_camel)


class Profile(Part):
    """A person or an account; an id of null is one that the platform does not name any more."""

    did: str | None
    handle: str | None = None
    display_name: str | None = None
    description: str | None = None
    created_at: str | None = None
    followers_count: int | None = None
    posts_count: int | None = None


class Ref(Part):
    """A post that another one points to."""

    uri: str


class Reply(Part):
    """What a post answers."""

    parent: Ref


class Record(Part):
    """What an author wrote; theirs to extend, so `facets`, `embed` and `tags` are taken as they come."""

    text: str
    created_at: str
    reply: Reply | None = None
    embed: Any = None
    facets: Any = None
    tags: Any = None

    @property
    def kind(self) -> str:
        """Say whether it answers, quotes, or does neither."""
        if self.reply:
            return "reply"
        return "quote" if isinstance(self.embed, dict) and self.embed.get("$type") in QUOTES else "post"

    @property
    def hash_tags(self) -> str | None:
        """Hash tags as the platform marked them, without #, separated by blanks; None where there is none."""
        features = [
            feature
            for facet in self.facets or ()
            if isinstance(facet, dict)
            for feature in facet.get("features") or ()
            if isinstance(feature, dict) and feature.get("$type") == TAG
        ]
        tags = [feature.get("tag") for feature in features] + list(self.tags or ())
        return " ".join(dict.fromkeys(tag for tag in tags if isinstance(tag, str) and tag)) or None


class Post(Part):
    """A post with its counts; a count that was not sent is unknown."""

    uri: str | None
    author: Profile
    record: Record
    indexed_at: str | None = None
    like_count: int | None = None
    repost_count: int | None = None
    quote_count: int | None = None
    reply_count: int | None = None


class Item(Part):
    """One entry of an account's feed: a post of its own, or somebody's that it reposted."""

    post: Post | None
    reason: dict[str, Any] | None = None

    @property
    def is_repost(self) -> bool:
        return self.reason is not None and self.reason.get("$type") == REPOST

    @property
    def stands_at(self) -> datetime | None:
        """The moment by which the AppView orders the feed: of the repost, or the earlier one of the post's two."""
        if self.reason is not None or self.post is None:
            return moment((self.reason or {}).get("indexedAt"))
        both = (moment(self.post.record.created_at), moment(self.post.indexed_at))
        return min((when for when in both if when), default=None)


class Like(Part):
    """One like."""

    actor: Profile | None
    created_at: str | None = None
    indexed_at: str | None = None


class Branch(Part):
    """One direct reply in a thread, or the place of one that is gone or blocked."""

    type: str | None = Field(default=None, alias="$type")
    post: Post | None = None


class Thread(Part):
    """A post and the replies to it."""

    type: str | None = Field(default=None, alias="$type")
    replies: list[Branch | None] | None = None


class Profiles(Part):
    """The answer of getProfiles."""

    profiles: list[Profile | None]


class Followers(Part):
    """The answer of getFollowers."""

    followers: list[Profile | None]
    cursor: str | None = None


class Feed(Part):
    """The answer of getAuthorFeed."""

    feed: list[Item | None]
    cursor: str | None = None


class Likes(Part):
    """The answer of getLikes."""

    likes: list[Like | None]
    cursor: str | None = None


class Reposts(Part):
    """The answer of getRepostedBy."""

    reposted_by: list[Profile | None]
    cursor: str | None = None


class Quotes(Part):
    """The answer of getQuotes."""

    posts: list[Post | None]
    cursor: str | None = None


class Replies(Part):
    """The answer of getPostThread."""

    thread: Thread


def _fields(*known: Any) -> frozenset[str]:
    """Name the fields of the client's own models, which are made from the platform's lexicon."""
    # A model that nobody has used yet has not its aliases yet.
    return frozenset(field.alias or to_camel(name) for model in known for name, field in model.model_fields.items())


_FEED = models.AppBskyFeedDefs
_PERSON = _fields(
    models.AppBskyActorDefs.ProfileView,
    models.AppBskyActorDefs.ProfileViewBasic,
    models.AppBskyActorDefs.ProfileViewDetailed,
)
_POST = _fields(_FEED.PostView)
# The objects that are looked through for fields nobody knows, by where they are in an answer. Not what people wrote.
KNOWN: dict[str, frozenset[str]] = {
    "getProfiles": _fields(models.AppBskyActorGetProfiles.Response),
    "getProfiles.profiles": _PERSON,
    "getFollowers": _fields(models.AppBskyGraphGetFollowers.Response),
    "getFollowers.followers": _PERSON,
    "getAuthorFeed": _fields(models.AppBskyFeedGetAuthorFeed.Response),
    "getAuthorFeed.feed": _fields(_FEED.FeedViewPost),
    "getAuthorFeed.feed.post": _POST,
    "getLikes": _fields(models.AppBskyFeedGetLikes.Response),
    "getLikes.likes": _fields(models.AppBskyFeedGetLikes.Like),
    "getLikes.likes.actor": _PERSON,
    "getRepostedBy": _fields(models.AppBskyFeedGetRepostedBy.Response),
    "getRepostedBy.repostedBy": _PERSON,
    "getQuotes": _fields(models.AppBskyFeedGetQuotes.Response),
    "getQuotes.posts": _POST,
    "getQuotes.posts.author": _PERSON,
    "getPostThread": _fields(models.AppBskyFeedGetPostThread.Response),
    "getPostThread.thread": _fields(_FEED.ThreadViewPost),
    "getPostThread.thread.replies": _fields(_FEED.ThreadViewPost, _FEED.NotFoundPost, _FEED.BlockedPost),
    "getPostThread.thread.replies.post": _POST,
    "getPostThread.thread.replies.post.author": _PERSON,
}


def read(answer: type[A], method: str, body: dict[str, Any]) -> A:
    """Read one answer.

    Raises `SchemaError` naming the field that is missing or of another type, and never its value.
    """
    return response.read(answer, body, f"Bluesky's {method}", hint=CHANGED)


def unknown_fields(method: str, body: dict[str, Any]) -> list[str]:
    """Name the fields of an answer that the client's lexicon does not know."""
    return response.unknown_fields(KNOWN, method, body)


def moment(text: Any) -> datetime | None:
    """Read an instant; None where it is missing, no instant, or without a zone."""
    try:
        when = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return when.astimezone(UTC) if when.tzinfo else None
