"""Models of the answers of Mastodon servers; `pulls/response.py` reads by them.

Mastodon.py casts leniently (`'60'` becomes 60, a broken date becomes None, an absent field looks like an empty one), so
the server's own JSON is read. Its known fields are those of the library's description, which grows with it.
"""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from mastodon.return_types import Account as LibraryAccount
from mastodon.return_types import Status as LibraryStatus
from pydantic import Field

from pipelines.common.errors import ListRefusedError, SchemaError
from pipelines.extract.pulls import response
from pipelines.extract.pulls.response import Count, Instant, Part

P = TypeVar("P", bound=Part)
A = TypeVar("A", bound="Account")
CHANGED = "the server's software may have changed; see what it answers"
_ACCOUNT = frozenset(LibraryAccount.__annotations__)
_STATUS = frozenset(LibraryStatus.__annotations__) | {"text"}  # some servers add the source text
_THREAD = frozenset({"ancestors", "descendants"})
# The known fields of each object that is searched for unknown ones, by its path.
KNOWN = {
    "account": _ACCOUNT,
    "status": _STATUS,
    "status.account": _ACCOUNT,
    "thread": _THREAD,
    "thread.descendants": _STATUS,
    "thread.descendants.account": _ACCOUNT,
}


class ProfileField(Part):
    """A field that the owner of a profile named and filled."""

    name: str
    value: str | None = None


class Account(Part):
    """A person in a list, or the author of a status. `acct` has the server only where it is another one."""

    id: str
    acct: str
    suspended: bool | None = None


class Profile(Account):
    """An account with what it says about itself."""

    display_name: str | None = None
    note: str | None = None
    followers_count: Count = None
    following_count: Count = None
    created_at: Instant | None = None
    own_fields: list[ProfileField] | None = Field(default=None, alias="fields")
    moved: dict[str, Any] | None = None


class Status(Part):
    """A quote of a post or a reply to it."""

    id: str
    created_at: Instant
    visibility: str
    content: str
    account: Account
    in_reply_to_id: str | None = None


class Tag(Part):
    """A hash tag, without #."""

    name: str


class OwnStatus(Status):
    """A post of our account with its counts."""

    spoiler_text: str | None = None
    tags: list[Tag] | None = None
    quote: dict[str, Any] | None = None
    reblog: Any = None
    favourites_count: Count = None
    replies_count: Count = None
    reblogs_count: Count = None
    quotes_count: Count = None


class Thread(Part):
    """The statuses below a post."""

    descendants: list[Status | None]


@dataclass(frozen=True)
class Entries(Generic[P]):
    """The entries of a list that can be read, the number of the others, and the names of unknown fields."""

    there: list[P]
    n_gone: int
    unknown: list[str]


def profile(body: object) -> tuple[Profile, list[str]]:
    """Read the profile of one account, and name its unknown fields.

    Raises `ListRefusedError` where the answer is an error with status 200, `SchemaError` where it is no profile.
    """
    if not (isinstance(body, dict) and "acct" in body):
        _check_no_error(body, "profile")
    read = response.read(Profile, body, "mastodon: profile", "account", CHANGED)
    return read, response.unknown_fields(KNOWN, "account", body)


def accounts(model: type[A], body: object, what: str) -> Entries[A]:
    """Read a list of accounts; null entries and suspended accounts are counted as gone."""
    there = [one for one in _entries(model, body, what, "account") if one and not one.suspended]
    return Entries(there, _n_entries(body) - len(there), response.unknown_fields(KNOWN, "account", body))


def statuses(model: type[P], body: object, what: str) -> Entries[P]:
    """Read a list of statuses; null entries are counted as gone."""
    there = [one for one in _entries(model, body, what, "status") if one]
    return Entries(there, _n_entries(body) - len(there), response.unknown_fields(KNOWN, "status", body))


def thread(body: object) -> Entries[Status]:
    """Read all statuses below a post.

    Raises `ListRefusedError` where the answer is an error with status 200, `SchemaError` where it is no thread.
    """
    if not (isinstance(body, dict) and "descendants" in body):
        _check_no_error(body, "reply list")
    below = response.read(Thread, body, "mastodon: reply list", "thread", CHANGED).descendants
    there = [one for one in below if one]
    return Entries(there, len(below) - len(there), response.unknown_fields(KNOWN, "thread", body))


def _entries(model: type[P], body: object, what: str, name: str) -> list[P | None]:
    """Read the entries of an answer that must be a list.

    Raises `ListRefusedError` where it is an error with status 200, `SchemaError` where it is something else.
    """
    _check_no_error(body, what)
    thing = f"mastodon: {what}"
    if not isinstance(body, list):
        found = response.JSON_TYPES.get(type(body), "of another type")
        raise SchemaError(thing, f"the answer is {found}, not a list", known=("a list",), hint=CHANGED)
    return [None if one is None else response.read(model, one, thing, name, CHANGED) for one in body]


def _n_entries(body: object) -> int:
    return len(body) if isinstance(body, list) else 0


def _check_no_error(body: object, what: str) -> None:
    if isinstance(body, dict) and ("error" in body or "errors" in body):
        found = f"the server answers 200 with an error in place of the {what.split()[-1]}"
        raise ListRefusedError(f"mastodon: {what}", found)
