"""Turn one answer of Bluesky's AppView into a page of the extract contract."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from pipelines.common.errors import ListRefusedError
from pipelines.extract.bluesky import responses as answer
from pipelines.extract.pulls.listing import Kind, Listing, Page, Row
from pipelines.reference.files import Account

# The cursor after the page that holds an account's count alone: no AppView's begins so.
AFTER_COUNT = "@after-count"
# Said of a last page; the puller treats it as a fault only where the platform's own count is higher, or unknown.
CAME_EMPTY = "the last page came empty"
HANDLE = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]([a-z0-9-]*[a-z0-9])?")
# What the AppView says in place of a handle that does not lead back to its account.
NO_HANDLE = "handle.invalid"


@dataclass(frozen=True)
class Asked:
    """What was asked for: the list, the first day of posts, and the day it is; `n_posts` as the profile counts them."""

    listing: Listing
    since: date
    today: date
    n_posts: int | None = None


def count_page(account: Account, profile: answer.Profile, came: Mapping[str, answer.Profile], today: date) -> Page:
    """Make the page before an account's first followers: how many the platform says there are.

    `came` are all profiles of that answer by id, among them whichever has the handle of `account.csv`.
    """
    figure = {"platform": account.platform, "account_id": account.account_id, "day": today.isoformat()}
    count = profile.followers_count
    return Page(
        rows=[("account_day", {**figure, "metric": "followers", "value": _figure(count)})],
        next_cursor=AFTER_COUNT,
        n_reported=count,
        notes=_handle_notes(account, profile, came),
    )


def followers(asked: Asked, body: dict[str, Any]) -> Page:
    """Read a page of followers; the answer does not say since when they follow."""
    read = answer.read(answer.Followers, "getFollowers", body)
    known = [profile for profile in read.followers if profile and profile.did]
    return Page(
        rows=[("follower", _follower(asked, profile)) for profile in known],
        next_cursor=read.cursor,
        n_null_rows=len(read.followers) - len(known),
        unknown_fields=answer.unknown_fields("getFollowers", body),
        short_because="" if read.followers or read.cursor else CAME_EMPTY,
    )


def posts(asked: Asked, body: dict[str, Any]) -> Page:
    """Read a page of an account's feed: what it wrote itself, up to the first day asked for.

    The feed goes backwards in time, reposts of others among the posts; each post opens the lists of who interacted with
    it.
    """
    read = answer.read(answer.Feed, "getAuthorFeed", body)
    known = [item for item in read.feed if item and item.post and item.post.uri]
    recent = [item.post for item in known if item.post and _is_asked(asked, item)]
    last = known[-1].stands_at if known else None
    return Page(
        rows=[("post", _post(asked, post)) for post in recent],
        next_cursor=None if last and last.date() < asked.since else read.cursor,
        n_null_rows=len(read.feed) - len(known),
        opened=[opened for post in recent for opened in _opened(asked.listing, post)],
        unknown_fields=answer.unknown_fields("getAuthorFeed", body),
        n_entries=len(read.feed),
        short_because="" if read.feed or read.cursor or asked.n_posts == 0 else CAME_EMPTY,
    )


def likes(asked: Asked, body: dict[str, Any]) -> Page:
    """Read a page of likes."""
    read = answer.read(answer.Likes, "getLikes", body)
    acts = [(like.actor, like.created_at, like.indexed_at, None) for like in read.likes if like]
    return _acts(asked, "getLikes", body, read.cursor, acts, len(read.likes))


def reposts(asked: Asked, body: dict[str, Any]) -> Page:
    """Read a page of who reposted; the answer does not say when."""
    read = answer.read(answer.Reposts, "getRepostedBy", body)
    acts = [(profile, None, None, None) for profile in read.reposted_by]
    return _acts(asked, "getRepostedBy", body, read.cursor, acts, len(read.reposted_by))


def quotes(asked: Asked, body: dict[str, Any]) -> Page:
    """Read a page of posts that quote ours."""
    read = answer.read(answer.Quotes, "getQuotes", body)
    return _acts(asked, "getQuotes", body, read.cursor, [_words(post) for post in read.posts if post], len(read.posts))


def replies(asked: Asked, body: dict[str, Any]) -> Page:
    """Read a thread's direct replies; it has one page only, so where replies are missing nobody can say why.

    Raises `ListRefusedError` where the post itself is gone or hidden.
    """
    thread = answer.read(answer.Replies, "getPostThread", body).thread
    if thread.type in answer.GONE:
        raise ListRefusedError("Bluesky's getPostThread", "the post is gone or hidden")
    branches = thread.replies or []
    acts = [_words(branch.post) for branch in branches if branch and branch.post]
    page = _acts(asked, "getPostThread", body, None, acts, len(branches))
    missing = (asked.listing.n_reported or 0) - len(branches)
    if missing <= 0:
        return page
    reason = f"{missing} of {asked.listing.n_reported} replies not in the thread, which has no further page"
    return Page(**(vars(page) | {"short_because": reason}))


READERS: dict[Kind, Callable[[Asked, dict[str, Any]], Page]] = {
    "follower": followers,
    "post": posts,
    "like": likes,
    "repost": reposts,
    "quote": quotes,
    "reply": replies,
}

Act = tuple[answer.Profile | None, str | None, str | None, str | None]
"""Who interacted, when by their own clock, when by the AppView's, and what they wrote."""


def _words(post: answer.Post) -> Act:
    return post.author, post.record.created_at, post.indexed_at, post.record.text


def _acts(asked: Asked, method: str, body: dict[str, Any], cursor: str | None, acts: Sequence[Act], n: int) -> Page:
    """Make a page of interactions with one of our posts; `n` is the number of entries received."""
    listing = asked.listing
    on = {"platform": listing.platform, "post_id": listing.post_id, "account_id": listing.account_id}
    rows: list[tuple[str, Row]] = [
        (
            "engagement",
            {**on, "member_id": who.did, "kind": listing.kind, "engaged_at": at, "indexed_at": seen_at, "text": text},
        )
        for who, at, seen_at, text in acts
        if who and who.did
    ]
    unknown, is_short = answer.unknown_fields(method, body), bool(listing.n_reported and not n and cursor is None)
    short_because = CAME_EMPTY if is_short else ""
    return Page(rows, cursor, n_null_rows=n - len(rows), unknown_fields=unknown, short_because=short_because)


def _follower(asked: Asked, profile: answer.Profile) -> Row:
    return {
        "platform": asked.listing.platform,
        "account_id": asked.listing.account_id,
        "member_id": profile.did,
        "observed_on": asked.today.isoformat(),
        "handle": None if profile.handle == NO_HANDLE else profile.handle,
        "name": profile.display_name,
        "bio": profile.description,
        "followers_count": _figure(profile.followers_count),
        "created_at": profile.created_at,
    }


def _post(asked: Asked, post: answer.Post) -> Row:
    return {
        "platform": asked.listing.platform,
        "post_id": post.uri,
        "account_id": asked.listing.account_id,
        "posted_at": post.record.created_at,
        "indexed_at": post.indexed_at,
        "kind": post.record.kind,
        "text": post.record.text,
        "tags": post.record.hash_tags,
        "likes": _figure(post.like_count),
        "replies": _figure(post.reply_count),
        "reposts": _figure(post.repost_count),
        "quotes": _figure(post.quote_count),
        "observed_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def _is_asked(asked: Asked, item: answer.Item) -> bool:
    """Say whether an entry is a post of ours since the first day asked for; our reposts are not posts of their own."""
    is_own = item.post is not None and item.post.author.did == asked.listing.account_id and not item.is_repost
    stands_at = item.stands_at
    return is_own and (stands_at is None or stands_at.date() >= asked.since)


def _opened(listing: Listing, post: answer.Post) -> list[Listing]:
    """List who may have acted on a post; a count of 0 needs no asking, an unknown one does."""
    counts: dict[Kind, int | None] = {
        "like": post.like_count,
        "repost": post.repost_count,
        "quote": post.quote_count,
        "reply": post.reply_count,
    }
    return [
        Listing(kind, listing.platform, listing.account_id, post.uri or "", n_reported=count)
        for kind, count in counts.items()
        if count != 0
    ]


def handle_of(account: Account) -> str | None:
    """The handle as `account.csv` has it, if it can be one at all: one that cannot spoils the whole question."""
    handle = (account.handle or "").removeprefix("@").lower()
    return handle if HANDLE.fullmatch(handle) else None


def _handle_notes(account: Account, profile: answer.Profile, came: Mapping[str, answer.Profile]) -> list[str]:
    """Say where the handle in `account.csv` leads elsewhere, or nowhere; the account is the one of its id."""
    handle = handle_of(account)
    if not handle or (now := (profile.handle or handle).lower()) == handle:
        return []
    if any((other.handle or "").lower() == handle and other.did != profile.did for other in came.values()):
        change = "the handle in account.csv is another account's now; pulled was the account of the id"
    elif now == NO_HANDLE:
        change = "its handle does not lead back to it any more"
    else:
        change = "has another handle than account.csv says; its id is the same"
    return [f"{account.ref}: {change}"]


def _figure(count: int | None) -> str | None:
    return None if count is None else str(count)
