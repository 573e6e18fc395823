"""Turn what a Mastodon server answers into pages of the extract contract; required fields and types are held to here.

Mastodon.py casts leniently (`'60'` becomes 60, a broken date nothing at all, an absent field the same as an empty
one): what the server sent is read, not what became of it. A member goes by `user@server` in lower case, which is the
same on every server, and not by the id, which is each server's own. Direct messages are left out wherever they turn up.
"""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, TypeVar

from mastodon.return_types import Account as LibraryAccount
from mastodon.return_types import Status as LibraryStatus

from pipelines.common.errors import ListRefusedError, SchemaError
from pipelines.extract.pulls.listing import Kind, Listing, Page, Row

T = TypeVar("T")
Entity = Mapping[str, Any]

# The library's own description of both grows with it; `text` is the source some servers add.
ACCOUNT_FIELDS = frozenset(LibraryAccount.__annotations__)
STATUS_FIELDS = frozenset(LibraryStatus.__annotations__) | {"text"}
ACCOUNT_NEEDS = ("id", "acct")
STATUS_NEEDS = ("id", "created_at", "visibility", "content", "account")
WORDS = {
    str: "a text", int: "a whole number", bool: "true or false", list: "a list", dict: "an object", float: "a fraction",
}  # fmt: skip
TAG = re.compile(r"(<[^<>]*>)")
BLOCKS = frozenset({"p", "br", "li", "div", "blockquote", "pre", "ul", "ol", "h1", "h2", "h3", "h4"})
SILENT = frozenset({"script", "style"})
SHOWN_TO_ALL = ("public", "unlisted")
NO_MORE = "the server shows no more of them"
DEEPER = "mastodon: answers to answers are left out, they are no acts on the post"
# Without a login Mastodon stops at sixty answers below a post, whatever its count says.
MOST_REPLIES_TO_STRANGERS = 60


def entries(body: object, what: str) -> list[Any]:
    """Take an answer that must be a list.

    Raises `ListRefusedError` where it is an error said with 200, `SchemaError` where it is something else.
    """
    if isinstance(body, dict) and ("error" in body or "errors" in body):
        raise ListRefusedError(f"mastodon: {what}", "the server answers 200 with an error in place of the list")
    if not isinstance(body, list):
        raise SchemaError(f"mastodon: {what}", f"is {_word(body)}", known=("a list",))
    return body


def profile(listing: Listing, body: object, domain: str, handle: str | None, today: date) -> tuple[Page, bool]:
    """Read our account's profile: a page with its follower count alone, and whether it lives on the server asked.

    A local account's `acct` names no server, or the one of its handle. Raises `ListRefusedError` for another handle.
    """
    if isinstance(body, dict) and "acct" not in body and ("error" in body or "errors" in body):
        raise ListRefusedError("mastodon: profile", "the server answers 200 with an error in place of the profile")
    account = _entity(body, "account", ACCOUNT_NEEDS)
    member = same_handle(account, domain, handle)
    day: Row = {
        "platform": listing.platform,
        "account_id": listing.account_id,
        "day": today.isoformat(),
        "metric": "followers",
        "value": _count(account, "account", "followers_count"),
    }
    moved = _given(account, "account", "moved", dict) is not None
    page = Page(
        [("account_day", day)],
        None,
        n_reported=_count_of(account, "account", "followers_count"),
        unknown_fields=_unknown([account], "account", ACCOUNT_FIELDS),
        notes=[f"mastodon account {listing.account_id} has moved to another server"] if moved else (),
    )
    return page, "@" not in account["acct"] or member.rpartition("@")[2] == domain


def same_handle(account: Entity, domain: str, handle: str | None) -> str:
    """Give the member id of our account; ids are each server's own, so an id with another handle is somebody else."""
    member = member_id(account, domain)
    if handle is not None and member != handle:
        found = "the account of that id has another handle than account.csv"
        hint = "an account's id is the one of its own server; look it up there"
        raise ListRefusedError("mastodon: profile", found, hint=hint)
    return member


def followers(listing: Listing, body: object, domain: str, today: date) -> Page:
    """Read one page of a follower list."""
    rows: list[tuple[str, Row]] = []
    people, n_gone = _people(body, "follower list")
    for person in people:
        name, bio = _given(person, "account", "display_name", str), _given(person, "account", "note", str)
        row: Row = {
            "platform": listing.platform,
            "account_id": listing.account_id,
            "member_id": member_id(person, domain),
            "observed_on": today.isoformat(),
            "handle": member_id(person, domain),
            "name": name or None,
            "bio": plain(bio),
            "location": _location(person),
            "followers_count": _count(person, "account", "followers_count"),
            "following_count": _count(person, "account", "following_count"),
            "created_at": _instant(person, "account", "created_at"),
        }
        rows.append(("follower", row))
    return Page(rows, None, n_null_rows=n_gone, unknown_fields=_unknown(people, "account", ACCOUNT_FIELDS))


def people_who(listing: Listing, body: object, domain: str) -> Page:
    """Read one page of who liked or reposted a post."""
    people, n_gone = _people(body, f"{listing.kind} list")
    rows = [("engagement", _act(listing, person, domain)) for person in people]
    return Page(rows, None, n_null_rows=n_gone, unknown_fields=_unknown(people, "account", ACCOUNT_FIELDS))


def answers(listing: Listing, statuses: Sequence[Entity], domain: str, n_gone: int = 0) -> Page:
    """Read quotes of a post, or replies to it. What somebody wrote to their followers only, keeps its text from us."""
    rows: list[tuple[str, Row]] = []
    for status in statuses:
        visibility = status["visibility"]
        if visibility != "direct":
            row = _act(listing, _account_of(status), domain) | {"engaged_at": _instant(status, "status", "created_at")}
            row["text"] = plain(status["content"]) if visibility in SHOWN_TO_ALL else None
            rows.append(("engagement", row))
    unknown = _unknown_of_statuses(statuses)
    return Page(rows, None, n_null_rows=n_gone, unknown_fields=unknown, n_entries=len(statuses) + n_gone)


def replies(listing: Listing, body: object, domain: str, logged_in: bool) -> Page:
    """Read the thread below a post: answers to the post itself; answers to answers are not acts on it."""
    if not isinstance(body, dict) or "descendants" not in body:
        if isinstance(body, dict) and ("error" in body or "errors" in body):
            entries(body, "reply list")
        raise SchemaError("mastodon: thread", f"is {_word(body)} without 'descendants'", known=("descendants",))
    below, n_gone = statuses_of(body["descendants"], "thread")
    direct = [one for one in below if _given(one, "status", "in_reply_to_id", str) == listing.post_id]
    page = answers(listing, direct, domain, n_gone)
    cut = not logged_in and len(below) >= MOST_REPLIES_TO_STRANGERS
    short = f"the server shows {MOST_REPLIES_TO_STRANGERS} to who is not logged in" if cut else ""
    if listing.n_reported is not None and len(page.rows) < listing.n_reported:
        short = short or NO_MORE
    unknown = {*_unknown_of_statuses(below), *_unknown([body], "thread", frozenset({"ancestors", "descendants"}))}
    notes = [DEEPER] if len(below) > len(direct) else ()
    return replace(page, unknown_fields=sorted(unknown), short_because=short, notes=notes)


def posts(listing: Listing, body: object, since: date, read_at: str, domain: str, handle: str | None) -> Page:
    """Read one page of our account's posts, newest first, with the lists each opens; boosts are no posts of ours."""
    rows: list[tuple[str, Row]] = []
    opened: list[Listing] = []
    found, n_gone = statuses_of(body, "post list")
    for status in found:
        same_handle(_account_of(status), domain, handle)
        day = _day(_instant(status, "status", "created_at"))
        if day >= since and status.get("reblog") is None and status["visibility"] != "direct":
            rows.append(("post", _post(listing, status, read_at)))
            opened += _opened(listing, status)
    unknown = _unknown_of_statuses(found)
    n_entries = len(found) + n_gone
    return Page(rows, None, n_null_rows=n_gone, opened=opened, unknown_fields=unknown, n_entries=n_entries)


def reaches_before(body: object, since: date) -> bool:
    """Whether the oldest status of a page is older than `since`: what follows is older still."""
    found, _ = statuses_of(body, "post list")
    return bool(found) and _day(_instant(found[-1], "status", "created_at")) < since


def statuses_of(body: object, what: str) -> tuple[list[Entity], int]:
    """Take the statuses of a list, and how many of its entries are empty."""
    found = entries(body, what)
    return [_entity(one, "status", STATUS_NEEDS) for one in found if one is not None], found.count(None)


def member_id(account: Entity, domain: str) -> str:
    """Name a person the same on every server: `user@server`, the server in ASCII, all in lower case.

    `domain` is the server of those who are written without one. Raises `SchemaError` for an empty name.
    """
    user, _, server = str(account["acct"]).strip().removeprefix("@").partition("@")
    if not user:
        raise SchemaError("mastodon: account.acct", "is empty", known=("user", "user@server"))
    return f"{user.lower()}@{ascii_domain(server or domain)}"


@lru_cache(maxsize=4096)
def ascii_domain(domain: str) -> str:
    """Write a server's name as DNS does: `bücher.example` and `xn--bcher-kva.example` are one server."""
    try:
        return domain.lower().encode("idna").decode("ascii")
    except UnicodeError:
        return domain.lower()


def _act(listing: Listing, person: Entity, domain: str) -> Row:
    return {
        "platform": listing.platform,
        "post_id": listing.post_id,
        "account_id": listing.account_id,
        "member_id": member_id(person, domain),
        "kind": listing.kind,
    }


def _post(listing: Listing, status: Entity, read_at: str) -> Row:
    warning, words = plain(_given(status, "status", "spoiler_text", str)), plain(status["content"])
    answered = _given(status, "status", "in_reply_to_id", str)
    quoted = _given(status, "status", "quote", dict)
    tags = [_entity(tag, "tag", ["name"])["name"] for tag in _given(status, "status", "tags", list) or ()]
    return {
        "platform": listing.platform,
        "post_id": status["id"],
        "account_id": listing.account_id,
        "posted_at": _instant(status, "status", "created_at"),
        "kind": "reply" if answered else "quote" if quoted else "post",
        "text": "\n".join(part for part in (warning, words) if part) or None,
        "tags": " ".join(tags) or None,
        "likes": _count(status, "status", "favourites_count"),
        "replies": _count(status, "status", "replies_count"),
        "reposts": _count(status, "status", "reblogs_count"),
        "quotes": _count(status, "status", "quotes_count"),
        "observed_at": read_at,
    }


def _opened(listing: Listing, status: Entity) -> list[Listing]:
    """The lists of a post: none where the server counts 0. A server without a count of quotes has no list of them."""
    lists: tuple[tuple[Kind, str], ...] = (
        ("like", "favourites_count"),
        ("repost", "reblogs_count"),
        ("quote", "quotes_count"),
        ("reply", "replies_count"),
    )
    counts = [(kind, _count_of(status, "status", field)) for kind, field in lists]
    return [
        Listing(kind, listing.platform, listing.account_id, status["id"], n_reported=n)
        for kind, n in counts
        if n != 0 and not (kind == "quote" and n is None)
    ]


def _people(body: object, what: str) -> tuple[list[Entity], int]:
    """Take the accounts of a list, and how many of its entries are empty or suspended."""
    found = entries(body, what)
    there = [_entity(one, "account", ACCOUNT_NEEDS) for one in found if one is not None]
    people = [one for one in there if not _given(one, "account", "suspended", bool)]
    return people, len(found) - len(people)


def _entity(found: object, what: str, needs: Sequence[str]) -> Entity:
    if not isinstance(found, dict):
        raise SchemaError(f"mastodon: {what}", f"is {_word(found)}", known=("an object",))
    for name in needs:
        _needed(found, what, name, dict if name == "account" else str)
    return found


def _account_of(status: Entity) -> Entity:
    return _entity(status["account"], "account", ACCOUNT_NEEDS)


def _needed(entity: Entity, what: str, name: str, kind: type[T]) -> T:
    value = _given(entity, what, name, kind)
    if value is None:
        needs = {"account": ACCOUNT_NEEDS, "status": STATUS_NEEDS}.get(what, (name,))
        hint = "the server's software may have changed; see what it answers"
        raise SchemaError(f"mastodon: {what}", f"has no '{name}'", known=needs, hint=hint)
    return value


def _given(entity: Entity, what: str, name: str, kind: type[T]) -> T | None:
    """Take a field; absent and null are unknown, another type is drift."""
    value = entity.get(name)
    if value is None:
        return None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise SchemaError(f"mastodon: {what}.{name}", f"is {_word(value)}", known=(WORDS[kind],))
    return value


def _count_of(entity: Entity, what: str, name: str) -> int | None:
    """Take a count; servers that hide one send -1."""
    n = _given(entity, what, name, int)
    return n if n is not None and n >= 0 else None


def _count(entity: Entity, what: str, name: str) -> str | None:
    n = _count_of(entity, what, name)
    return None if n is None else str(n)


def _instant(entity: Entity, what: str, name: str) -> str | None:
    text = _given(entity, what, name, str)
    if text is None:
        return None
    try:
        zone = datetime.fromisoformat(text).tzinfo
    except ValueError:
        zone = None
    if zone is None:
        known = ("an ISO instant with its zone",)
        raise SchemaError(f"mastodon: {what}.{name}", "is a text that is no instant", known=known)
    return text


def _day(instant: str | None) -> date:
    return datetime.fromisoformat(instant or "").astimezone(UTC).date()


def _location(person: Entity) -> str | None:
    """The one field of a profile that its owner called location; Mastodon has no other place for it."""
    for field in _given(person, "account", "fields", list) or ():
        if _entity(field, "field", ["name"])["name"].strip().lower() == "location":
            return plain(_given(field, "field", "value", str))
    return None


def _unknown_of_statuses(statuses: Sequence[Entity]) -> list[str]:
    people = [status["account"] for status in statuses]
    return _unknown(statuses, "status", STATUS_FIELDS) + _unknown(people, "account", ACCOUNT_FIELDS)


def _unknown(entities: Sequence[Entity], what: str, known: frozenset[str]) -> list[str]:
    """Name the fields nobody here knows; a name that is no plain word may be a value, and is not repeated."""
    names = {name for entity in entities for name in entity if name not in known}
    return sorted({f"{what}.{name}" if name.isidentifier() and len(name) <= 40 else f"{what}.?" for name in names})


def _word(value: object) -> str:
    return WORDS.get(type(value), "nothing")


def plain(markup: str | None) -> str | None:
    """Give the words of a piece of HTML, a line for each block; None where there are none.

    By hand, in one pass: the library's parser stops at `<![` and takes a minute over 100 kB of `<a b=`, and what
    comes here was written by anybody. Servers send HTML that is clean already; nothing here is shown as HTML again.
    """
    parts, silent = [], False
    for piece in TAG.split(markup or ""):
        if not (piece.startswith("<") and piece.endswith(">")):
            parts.append("" if silent else piece)
            continue
        tag = piece.strip("</>").split(maxsplit=1)[:1]
        name = tag[0].rstrip("/").lower() if tag else ""
        silent = not piece.startswith("</") if name in SILENT else silent
        parts.append("\n" if name in BLOCKS else "")
    lines = (" ".join(line.split()) for line in html.unescape("".join(parts)).splitlines())
    return "\n".join(line for line in lines if line) or None
