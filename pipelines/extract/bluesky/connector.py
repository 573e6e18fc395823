"""Pull from Bluesky's public AppView: followers, our posts, and who liked, reposted, quoted and answered them.

No key is needed. Ids are DIDs: they stay when a handle changes. `indexed_at` is the AppView's own clock, kept beside
the author's, which can be forged. Reposts have no time and follows have no date.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import httpx
from atproto import AsyncClient, AsyncRequest, models
from atproto.exceptions import AtProtocolError, RateLimitExceededError, RequestErrorBase

from pipelines.common.errors import (
    ListRefusedError,
    PlatformBusyError,
    PlatformRefusedError,
    RefError,
    SchemaError,
    StillreachError,
)
from pipelines.extract.bluesky import responses as answer
from pipelines.extract.bluesky.rows import AFTER_COUNT, READERS, Asked, count_page, handle_of
from pipelines.extract.pulls import redirect
from pipelines.extract.pulls.listing import Kind, Limit, Listing, Page
from pipelines.extract.pulls.response import FIELD_NAME
from pipelines.extract.pulls.source import Source
from pipelines.reference.files import Account

PLATFORM = "bluesky"
PUBLIC = "https://public.api.bsky.app"
PAGE_SIZE = 100
ACTORS_AT_ONCE = 25
# 3,000 requests in five minutes from one address, as Bluesky's servers are set, shared by all kinds of lists.
ONE_ADDRESS = Limit(requests=3000, seconds=300)
DID = re.compile(r"did:[a-z]+:[A-Za-z0-9._:%-]*[A-Za-z0-9._-]")


class Connector:
    """One AppView, asked through the `atproto` client; see `listing.Connector`."""

    platform = PLATFORM

    def __init__(self, source: Source, since: date, today: date) -> None:
        self._source, self._since, self._today = source, since, today
        self._accounts: dict[str, Account] = {}
        self._counts: dict[str, Page] = {}
        self._n_posts: dict[str, int | None] = {}
        self._one_at_a_time = asyncio.Lock()
        request = AsyncRequest(
            timeout=source.request_seconds,
            limits=httpx.Limits(max_connections=max(1, source.concurrency)),
            event_hooks={"response": [_refuse_redirect]},
        )
        self._client = AsyncClient(source.base_url or PUBLIC, request)

    def first_lists(self, account: Account) -> Sequence[Listing]:
        """Followers where the role's lists are asked for; posts of our own.

        Raises `RefError` where the account's id is not a DID.
        """
        if not DID.fullmatch(account.account_id):
            hint = "look the handle up once: com.atproto.identity.resolveHandle gives its DID"
            raise RefError("account.csv", f"a {PLATFORM} account has an id that is not a DID", hint=hint)
        self._accounts[account.account_id] = account
        kinds: list[Kind] = ["follower"] if account.role in self._source.follower_lists else []
        kinds += ["post"] if account.role == "own" else []
        return [Listing(kind, PLATFORM, account.account_id) for kind in kinds]

    def limits(self) -> Mapping[Kind, Limit]:
        return dict.fromkeys(READERS, ONE_ADDRESS)

    async def close(self) -> None:
        await self._client.request.close()

    async def page(self, listing: Listing, cursor: str | None) -> Page:
        """Ask for one page. A follower list whose count is not known yet begins with a page that holds it alone."""
        if listing.kind == "follower" and cursor is None:
            async with self._one_at_a_time:
                if listing.account_id not in self._counts:
                    return await self._count_page(listing)
        body = await self._ask(*_question(listing, None if cursor == AFTER_COUNT else cursor))
        asked = Asked(listing, self._since, self._today, self._n_posts.get(listing.account_id))
        page = READERS[listing.kind](asked, body)
        if listing.kind != "follower" or cursor is not None:
            return page
        # Another account's question brought this one's count along.
        count = self._counts[listing.account_id]
        return replace(page, rows=[*count.rows, *page.rows], n_reported=count.n_reported, notes=count.notes)

    async def _count_page(self, listing: Listing) -> Page:
        """Ask for the profiles of all accounts that wait for theirs, in one batch with this one's.

        An account that is not among them may be gone: the request for its followers shows that.
        """
        batch = self._batch(listing.account_id)
        actors = [actor for account in batch for actor in (account.account_id, handle_of(account)) if actor]
        body = await self._ask("actor.getProfiles", models.AppBskyActorGetProfiles.Params(actors=actors))
        read = answer.read(answer.Profiles, "getProfiles", body)
        came = {profile.did: profile for profile in read.profiles if profile and profile.did}
        for account in batch:
            if profile := came.get(account.account_id):
                self._counts[account.account_id] = count_page(account, profile, came, self._today)
                self._n_posts[account.account_id] = profile.posts_count
        page = self._counts.get(listing.account_id, Page((), AFTER_COUNT))
        return replace(page, unknown_fields=answer.unknown_fields("getProfiles", body))

    def _batch(self, account_id: str) -> list[Account]:
        """Give this account and as many others without a profile as one question holds: an id and a handle each."""
        waiting = [account for key, account in self._accounts.items() if key not in self._counts and key != account_id]
        return [self._accounts[account_id], *waiting[: ACTORS_AT_ONCE // 2 - 1]]

    async def _ask(self, method: str, params: Any) -> dict[str, Any]:
        """Ask once; raise failures as a `StillreachError` that quotes nothing of the answer."""
        thing = f"Bluesky's {method.split('.')[1]}"
        try:
            response = await self._client.invoke_query(f"app.bsky.{method}", params=params)
        except (AtProtocolError, httpx.HTTPError, ValueError) as failure:
            raise _translated(thing, failure) from None
        body = response.content
        if not isinstance(body, dict):
            raise SchemaError(thing, "the answer is not a JSON object", known=["a JSON object"], hint="check base_url")
        if "error" in body or "errors" in body:
            raise PlatformBusyError(thing, "an error came in place of an answer")
        return body


def _question(listing: Listing, cursor: str | None) -> tuple[str, Any]:
    """Give the AppView's method for a kind of list, and what to ask it.

    Of a thread only what answers our post itself: a deeper reply interacts with somebody else's, and our own replies
    are posts with lists of their own.
    """
    whose, page = {"actor": listing.account_id}, {"limit": PAGE_SIZE, "cursor": cursor}
    of_post = {"uri": listing.post_id}
    match listing.kind:
        case "follower":
            return "graph.getFollowers", models.AppBskyGraphGetFollowers.Params(**whose, **page)
        case "post":
            return "feed.getAuthorFeed", models.AppBskyFeedGetAuthorFeed.Params(**whose, **page)
        case "like":
            return "feed.getLikes", models.AppBskyFeedGetLikes.Params(**of_post, **page)
        case "repost":
            return "feed.getRepostedBy", models.AppBskyFeedGetRepostedBy.Params(**of_post, **page)
        case "quote":
            return "feed.getQuotes", models.AppBskyFeedGetQuotes.Params(**of_post, **page)
        case "reply":
            return "feed.getPostThread", models.AppBskyFeedGetPostThread.Params(**of_post, depth=1, parent_height=0)
    raise ListRefusedError("Bluesky", f"has no list of kind {listing.kind}", known=READERS)


async def _refuse_redirect(response: httpx.Response) -> None:
    """Stop before the client follows a redirect, which it does by itself."""
    thing = f"Bluesky's {response.request.url.path.rsplit('.', 1)[-1]}"
    if refusal := redirect.refused(thing, str(response.request.url), response.status_code, response.headers):
        raise refusal


def _translated(thing: str, failure: Exception) -> StillreachError:
    """Translate an error of the client, whose text quotes the answer, into one that does not."""
    response = failure.response if isinstance(failure, RequestErrorBase) else None
    if response is None:
        return PlatformBusyError(thing, f"no complete answer came ({type(failure).__name__})")
    status, found = response.status_code, f"answered with status {response.status_code}"
    if status == 429 or (status >= 500 and status != 501):
        return PlatformBusyError(thing, found, wait_seconds=_wait(RateLimitExceededError(response)))
    if status in (401, 403):
        return PlatformRefusedError(thing, found, hint="the public AppView asks for no key: check base_url")
    code = getattr(response.content, "error", None)
    word = f" ({code})" if isinstance(code, str) and FIELD_NAME.fullmatch(code) else ""
    hint = "the account or post is gone or hidden, or base_url is no AppView"
    return ListRefusedError(thing, f"{found}{word}", hint=hint)


def _wait(limited: RateLimitExceededError) -> float | None:
    """How many seconds to wait, by the later of the two headers that may say so; None where neither does."""
    waits = [limited.retry_after] if limited.retry_after is not None else []
    try:
        if limited.reset_at is not None:
            waits.append(max(0.0, (limited.reset_at - datetime.now(UTC)).total_seconds()))
    except (ValueError, OverflowError, OSError):
        pass  # not an instant that a datetime can hold
    return max(waits, default=None)
