"""Send one request to X through the `xdk` client, and keep the answer as it came.

The client's iterators page on by themselves without a pause, so only their first page is taken; it knows no timeout and
only the Post vocabulary, so it sends through a session of ours.
"""

import json
import logging
import queue
from contextlib import suppress
from typing import Any, Literal

import pydantic
import requests
import xdk
from requests_oauthlib import OAuth1

from pipelines.common.errors import SettingsError
from pipelines.extract.pulls.listing import Listing
from pipelines.extract.pulls.source import Source

Step = Literal["profile", "follower", "post", "like", "repost", "quote", "reply"]
Vocabulary = Literal["post", "tweet"]
PUBLIC = "https://api.x.com"
USER_FIELDS = ["created_at", "description", "id", "location", "name", "protected", "public_metrics", "username"]
OF_A_POST: dict[Vocabulary, list[str]] = {
    "post": ["conversation_id", "created_at", "entities", "id", "non_public_metrics", "note_post", "public_metrics",
             "text"],
    "tweet": ["conversation_id", "created_at", "entities", "id", "non_public_metrics", "note_tweet", "public_metrics",
              "referenced_tweets", "text"],
}  # fmt: skip
OF_AN_ACT: dict[Vocabulary, list[str]] = {
    "post": ["created_at", "id", "note_post", "text"],
    "tweet": ["author_id", "created_at", "id", "note_tweet", "text"],
}
# The Post vocabulary gives an author or a referenced post only with the whole of it, which is paid for.
EXPANSIONS: dict[Step, list[str]] = {"post": ["referenced_posts"], "quote": ["author_id"], "reply": ["author_id"]}
OAUTH1_KEYS = ("api_key", "api_secret", "access_token", "access_token_secret")
SHARE_OF_TIMEOUT = 0.9  # the thread gives up before the puller gives up the thread
for library in ("requests_oauthlib", "oauthlib"):
    logging.getLogger(library).setLevel(logging.WARNING)  # at DEBUG they log the signed headers


class _Session(requests.Session):
    """What the client sends through: a timeout, no redirects, either vocabulary, and the answer kept as it came."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.vocabulary: Vocabulary = "post"
        self.answer: requests.Response | None = None

    def get(self, url: str | bytes, params: Any = None, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        if self.vocabulary == "tweet":
            params = {("tweet.fields" if name == "post.fields" else name): value for name, value in params.items()}
        self.answer = None
        self.answer = super().get(url, params=params, timeout=self.seconds, **kwargs | {"allow_redirects": False})
        return self.answer


class Wire:
    """The client, one for each thread at a time: it writes its token into its session's headers."""

    def __init__(self, source: Source, since: str) -> None:
        """Take the source's server and token; `since` is the first instant of posts asked for.

        Raises `SettingsError` where the token is none.
        """
        self._source, self._since = source, since
        self._idle: queue.SimpleQueue[xdk.Client] = queue.SimpleQueue()
        self._idle.put(self._client())

    def send(
        self, step: Step, listing: Listing, token: str | None, size: int, spoken: Vocabulary
    ) -> requests.Response | None:
        """Send one request for `size` entries; None where no whole answer came."""
        try:
            client = self._idle.get_nowait()
        except queue.Empty:
            client = self._client()
        session: _Session = client.session
        session.vocabulary, session.answer = spoken, None
        try:
            # What the client makes of the answer, and of its status, is not ours to trust: the session has it whole.
            with suppress(requests.RequestException, pydantic.ValidationError, StopIteration):
                self._call(client, step, listing, token, size, spoken)
            return session.answer
        finally:
            self._idle.put(client)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while not self._idle.empty():
            self._idle.get().session.close()

    def _call(
        self, client: xdk.Client, step: Step, listing: Listing, token: str | None, size: int, spoken: Vocabulary
    ) -> object:
        paging: dict[str, Any] = {"max_results": size, "pagination_token": token}
        words: dict[str, Any] = {"post_fields": OF_AN_ACT[spoken]}
        if spoken == "post":
            words["expansions"] = EXPANSIONS.get(step)
        match step:
            case "profile":
                return client.users.get_by_id(listing.account_id, user_fields=USER_FIELDS)
            case "follower":
                return next(client.users.get_followers(listing.account_id, user_fields=USER_FIELDS, **paging))
            case "post":
                about = paging | words | {"post_fields": OF_A_POST[spoken]}
                posts = client.users.get_posts
                return next(posts(listing.account_id, start_time=self._since, exclude=["retweets"], **about))
            case "like":
                return next(client.posts.get_liking_users(listing.post_id, user_fields=["id"], **paging))
            case "repost":
                return next(client.posts.get_reposted_by(listing.post_id, user_fields=["id"], **paging))
            case "quote":
                return next(client.posts.get_quoted(listing.post_id, **paging, **words))
            case "reply":
                query = f"conversation_id:{listing.post_id} -from:{listing.account_id}"
                return next(client.posts.search_recent(query, **paging, **words))

    def _client(self) -> xdk.Client:
        token = str(self._source.token)
        session = _Session(self._source.request_seconds * SHARE_OF_TIMEOUT)
        if token.startswith("{"):
            session.auth = _signing(token)
            token = "signed-instead"  # the client wants some token; the signature takes the place of its header
        client = xdk.Client(base_url=self._source.base_url or PUBLIC, access_token=token)
        client.session = session
        return client


def _signing(token: str) -> OAuth1:
    """The signature of OAuth 1.0a, whose tokens do not run out: four keys as one line of JSON.

    Raises `SettingsError` where they are not those four.
    """
    try:
        keys = json.loads(token)
        api_key, api_secret, access_token, access_secret = (str(keys[name]) for name in OAUTH1_KEYS)
    except (ValueError, KeyError, TypeError):
        raise SettingsError("the token of x_api", "is no usable JSON", known=OAUTH1_KEYS) from None
    return OAuth1(api_key, api_secret, access_token, access_secret)
