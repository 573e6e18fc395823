"""What every connector speaks: a list of a platform, one page of it, and how it came out.

A connector turns one page of a platform's answer into rows of the extract contract and says where the list goes on;
`pull.py` does everything else: order, limits, retries, deadline, resuming.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pipelines.reference.files import Account

Kind = Literal["follower", "post", "like", "repost", "quote", "reply", "mention"]
Row = dict[str, str | None]
"""One row of the extract contract as text; a column that is absent or None is unknown, never 0."""


@dataclass(frozen=True)
class Listing:
    """One paged list of a platform: who follows an account, its posts, or who interacted with one of its posts.

    `n_reported` is the platform's own count of the list where it is known before the first page.
    """

    kind: Kind
    platform: str
    account_id: str
    post_id: str = ""
    n_reported: int | None = None


@dataclass(frozen=True)
class Page:
    """One page of a list, in the extract contract's words.

    `rows` are pairs of a contract table (follower, post, engagement, account_day) and a row; a repeat is known by the
    key of the table's contract (`sql/raw/*.yml`). Rows of the list's own table are its entries; others come along
    (a page about the account alone may open a list: one `account_day` row and a cursor of the connector's own).
    `n_null_rows` counts entries without an id or marked as gone. `n_entries` is how many entries the platform sent,
    where some become no row (a repost of others among posts); None: the rows and the null rows. A page of no entries
    with a cursor is asked for a second time before it is believed.
    `next_cursor` is None on the last page. `opened` are the lists that this page makes worth asking for, with the
    platform's own count where it is known. `short_because` says why the platform itself stops short of its own count:
    the list is partial, and asking again would not help; it counts for nothing where as many came as the platform
    counts. `notes` are sentences for the manifest, no value of a person.
    """

    rows: Sequence[tuple[str, Row]]
    next_cursor: str | None
    n_reported: int | None = None
    n_null_rows: int = 0
    opened: Sequence[Listing] = ()
    unknown_fields: Sequence[str] = ()
    short_because: str = ""
    n_entries: int | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Limit:
    """At most `requests` in any `seconds`, as the platform's documentation says for one endpoint."""

    requests: int
    seconds: float


@dataclass(frozen=True)
class ListAccount:
    """How one list ended: the number of entries collected beside the platform's own count, and whether it is complete.

    `reason` says why it is partial, or that it was not requested again (`is_carried`): an earlier delivery has it, and
    the platform's count has not changed since.
    """

    listing: Listing
    n_collected: int
    n_reported: int | None
    n_pages: int
    n_requests: int
    n_repeats: int
    n_null_rows: int
    scope: Literal["complete", "partial"]
    reason: str
    unknown_fields: tuple[str, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())
    is_carried: bool = False


class Connector(Protocol):
    """One platform's client: the real library behind it, one page at a time.

    `page` raises `PlatformBusyError` (try again, perhaps after a while), `ListRefusedError` (this list is not to be
    had; the others are), `PlatformRefusedError` (credentials or terms: nothing is to be had) and `SchemaError` (the
    answer is not what is known). None of them holds a token or a value of a person.
    """

    platform: str

    def first_lists(self, account: Account) -> Sequence[Listing]:
        """The lists to ask for one account of `account.csv`, before any answer."""

    async def page(self, listing: Listing, cursor: str | None) -> Page:
        """Ask for one page: one request."""

    def limits(self) -> Mapping[Kind, Limit]:
        """The platform's limit for each kind of list; kinds given one and the same `Limit` share it."""

    async def close(self) -> None:
        """Close the connections."""
