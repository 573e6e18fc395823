"""A platform that nobody has, and its connector: what every real one does, in the fewest words, over real HTTP."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from pipelines.common.errors import ListRefusedError, PlatformBusyError, PlatformRefusedError, SchemaError
from pipelines.extract.pulls.listing import Kind, Limit, Listing, Page, Row
from pipelines.reference.files import Account
from tests.extract.loopback import Answer, Request

ACCOUNT = "did:plc:ours"
TODAY = "2026-11-23"


@dataclass
class World:
    """What is on the platform: followers and posts with their likers, given out `size` at a time."""

    followers: list[str]
    likers: dict[str, list[str]] = field(default_factory=dict)
    size: int = 10

    def __call__(self, request: Request) -> Answer:
        every = {"/followers": self.followers, "/posts": list(self.likers)}.get(request.path)
        if request.path.startswith("/likes/"):
            every = self.likers.get(request.path.removeprefix("/likes/"))
        if every is None:
            return Answer(404, {"error": "gone"})
        at = int((request.first("cursor") or "c0")[1:])
        some = every[at : at + self.size]
        body: dict[str, Any] = {"entries": [{"id": one} for one in some], "count": len(every)}
        if request.path == "/posts":
            body["entries"] = [{"id": one, "likes": len(self.likers[one])} for one in some]
        if at + self.size < len(every):
            body["cursor"] = f"c{at + self.size}"
        return Answer(200, body)

    @property
    def n_needed(self) -> int:
        """How many requests the world takes where nothing goes wrong."""
        lists = [self.followers, list(self.likers), *(likers for likers in self.likers.values() if likers)]
        return sum(max(1, -(-len(one) // self.size)) for one in lists)


class Connector:
    """The fake platform's client, as `listing.Connector` asks for it."""

    platform = "bluesky"

    def __init__(
        self,
        url: str,
        *,
        seconds: float = 5,
        limits: Mapping[Kind, Limit] | None = None,
        token: str = "",
        account_id: str = ACCOUNT,
    ) -> None:
        self.account_id = account_id
        self._limits = limits or {}
        self.is_closed = False
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.AsyncClient(base_url=url, timeout=seconds, headers=headers)

    def first_lists(self, account: Account | None = None) -> Sequence[Listing]:
        return [Listing(kind, "bluesky", self.account_id) for kind in ("follower", "post")]  # type: ignore[arg-type]

    def limits(self) -> Mapping[Kind, Limit]:
        return self._limits

    async def close(self) -> None:
        self.is_closed = True
        await self._client.aclose()

    async def page(self, listing: Listing, cursor: str | None) -> Page:
        path = {"follower": "/followers", "post": "/posts"}.get(listing.kind, f"/likes/{listing.post_id}")
        try:
            answer = await self._client.get(path, params={"cursor": cursor} if cursor else {})
        except httpx.HTTPError as failure:
            raise PlatformBusyError("fake", f"did not answer ({type(failure).__name__})") from None
        if answer.status_code == 429:
            at = answer.headers.get("x-rate-limit-reset")
            wait = None if at is None else float(at) - time.time()
            raise PlatformBusyError("fake", "too many requests", wait_seconds=wait)
        if answer.status_code >= 500:
            raise PlatformBusyError("fake", f"answered {answer.status_code}")
        if answer.status_code == 401:
            raise PlatformRefusedError("fake", "answered 401", hint="a new token")
        if answer.status_code == 404:
            raise ListRefusedError("fake", "answered 404")
        body = answer.json()
        if "errors" in body and "entries" not in body:
            raise ListRefusedError("fake", "answered with errors and no data")
        if not isinstance(body.get("entries"), list):
            raise SchemaError(f"fake {listing.kind}", "has no list 'entries'", known=("entries", "cursor", "count"))
        return self._read(listing, body)

    def _read(self, listing: Listing, body: dict[str, Any]) -> Page:
        declared: Row = {"platform": "bluesky", "account_id": self.account_id}
        gone = [one for one in body["entries"] if one["id"] is None]
        entries = [one for one in body["entries"] if one["id"] is not None]
        opened: list[Listing] = []
        if listing.kind == "follower":
            rows = [("follower", declared | {"member_id": one["id"], "observed_on": TODAY}) for one in entries]
        elif listing.kind == "post":
            rows = [("post", declared | {"post_id": one["id"], "posted_at": f"{TODAY}T08:00:00Z"}) for one in entries]
            opened = [
                Listing("like", "bluesky", self.account_id, one["id"], one["likes"]) for one in entries if one["likes"]
            ]
        else:
            acts: Row = {"post_id": listing.post_id, "kind": listing.kind}
            rows = [("engagement", declared | acts | {"member_id": one["id"]}) for one in entries]
        return Page(
            rows=rows,
            next_cursor=body.get("cursor"),
            n_reported=body.get("count"),
            n_null_rows=len(gone),
            opened=opened,
            unknown_fields=sorted(set(body) - {"entries", "cursor", "count"}),
            short_because=body.get("short", ""),
        )
