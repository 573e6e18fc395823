"""Turn the entries of X's answers into rows of the extract contract."""

from datetime import UTC, date, datetime, timedelta

from pipelines.extract.pulls.listing import Kind, Listing, Row
from pipelines.extract.x.responses import Answer, Entry, HiddenMetrics, OwnPost, PostMetrics, User, UserMetrics

PLATFORM = "x"
LIKERS_EVER = 100
SEARCH_DAYS = 7
SNOWFLAKE_EPOCH = datetime(2010, 11, 4, 1, 42, 54, 657000, tzinfo=UTC)
# The lists of who interacted with a post, each with the column of its count.
LISTS: tuple[tuple[Kind, str], ...] = (
    ("like", "likes"), ("repost", "reposts"), ("quote", "quotes"), ("reply", "replies"),
)  # fmt: skip


def follower(user: User, listing: Listing, today: date) -> Row:
    """Make the row of one follower; X does not say since when they follow."""
    metrics = user.public_metrics or UserMetrics()
    return {
        "platform": PLATFORM,
        "account_id": listing.account_id,
        "member_id": user.id,
        "observed_on": today.isoformat(),
        "handle": user.username,
        "name": user.name,
        "bio": user.description,
        "location": user.location,
        "followers_count": _text(metrics.followers_count),
        "following_count": _text(metrics.following_count),
        "created_at": user.created_at,
        "is_protected": None if user.protected is None else str(user.protected).lower(),
    }


def own_post(post: OwnPost, listing: Listing, observed_at: str) -> Row | None:
    """Make the row of one post of ours; None for a repost of somebody else's, which has no counts of its own."""
    kind = post.kind
    if kind == "repost":
        return None
    metrics, hidden = post.public_metrics or PostMetrics(), post.non_public_metrics or HiddenMetrics()
    reposts, impressions = metrics.repost_count, metrics.impression_count
    return {
        "platform": PLATFORM,
        "post_id": post.id,
        "account_id": listing.account_id,
        "posted_at": post.created_at,
        "kind": kind,
        "text": post.whole_text,
        "tags": post.tags,
        "impressions": _text(hidden.impression_count if impressions is None else impressions),
        "likes": _text(metrics.like_count),
        "replies": _text(metrics.reply_count),
        "reposts": _text(metrics.retweet_count if reposts is None else reposts),
        "quotes": _text(metrics.quote_count),
        "clicks": _text(hidden.url_link_clicks),
        "observed_at": observed_at,
    }


def lists_of(row: Row, listing: Listing) -> list[Listing]:
    """The lists of who interacted with a post that may hold somebody, each with X's own count where it gave one."""
    counted = [(kind, row[column]) for kind, column in LISTS]
    return [
        Listing(kind, PLATFORM, listing.account_id, str(row["post_id"]), None if n is None else int(n))
        for kind, n in counted
        if n != "0"
    ]


def interaction(user: Entry, listing: Listing) -> Row:
    """Make the row of one like or repost; X does not say when it was."""
    return _interaction(listing, user.id, None, None)


def answer(post: Answer, listing: Listing) -> Row | None:
    """Make the row of one quote or reply; None for our own, and for our own post at the head of its conversation."""
    if post.author_id == listing.account_id or post.id == listing.post_id:
        return None
    return _interaction(listing, post.author_id, post.created_at, post.whole_text)


def short_because(listing: Listing, n_entries: int, now: datetime) -> str:
    """Say why X itself does not give the complete list; empty where it does."""
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


def _interaction(listing: Listing, member_id: str, engaged_at: str | None, text: str | None) -> Row:
    return {
        "platform": PLATFORM,
        "post_id": listing.post_id,
        "account_id": listing.account_id,
        "member_id": member_id,
        "kind": listing.kind,
        "engaged_at": engaged_at,
        "text": text,
    }


def _text(count: int | None) -> str | None:
    return None if count is None else str(count)
