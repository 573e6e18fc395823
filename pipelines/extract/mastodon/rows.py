"""Turn what a Mastodon server answers into pages of the extract contract.

A member goes by `user@server` in lower case, which is the same on every server, and not by the id, which each server
assigns itself. Direct messages are never read into a row.
"""

import html
import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache

from pipelines.common.errors import ListRefusedError, SchemaError
from pipelines.extract.mastodon.responses import Account, Entries, OwnStatus, Profile, Status
from pipelines.extract.pulls.listing import Kind, Listing, Page, Row

TAG = re.compile(r"(<[^<>]*>)")
BLOCKS = frozenset({"p", "br", "li", "div", "blockquote", "pre", "ul", "ol", "h1", "h2", "h3", "h4"})
SILENT = frozenset({"script", "style"})
SHOWN_TO_ALL = ("public", "unlisted")
NO_MORE = "the server shows no more of them"
DEEPER = "mastodon: answers to answers are left out, they are no interactions with the post"
# Without a login Mastodon stops at sixty answers below a post, whatever its count says.
MOST_REPLIES_TO_STRANGERS = 60


@dataclass(frozen=True)
class Home:
    """The server that accounts without one in `acct` belong to, and our account's handle where it is known."""

    domain: str
    handle: str | None


def profile(listing: Listing, account: Profile, home: Home, today: date) -> tuple[Page, bool]:
    """Make the page with our account's follower count, and say whether the account lives on the server asked.

    A local account's `acct` names no server, or the one of its handle. Raises `ListRefusedError` for another handle.
    """
    member = check_handle(account, home)
    day: Row = {
        "platform": listing.platform,
        "account_id": listing.account_id,
        "day": today.isoformat(),
        "metric": "followers",
        "value": _text(account.followers_count),
    }
    moved = [f"mastodon account {listing.account_id} has moved to another server"] if account.moved is not None else ()
    page = Page([("account_day", day)], None, n_reported=account.followers_count, notes=moved)
    return page, "@" not in account.acct or member.rpartition("@")[2] == home.domain


def check_handle(account: Account, home: Home) -> str:
    """Give the member id of our account; each server assigns its own ids, so another handle is another account.

    Raises `ListRefusedError` for another handle than the one in account.csv.
    """
    member = member_id(account.acct, home.domain)
    if home.handle is not None and member != home.handle:
        found = "the account of that id has another handle than account.csv"
        hint = "an account's id is the one of its own server; look it up there"
        raise ListRefusedError("mastodon: profile", found, hint=hint)
    return member


def followers(listing: Listing, people: Entries[Profile], domain: str, today: date) -> Page:
    """Read one page of a follower list."""
    rows: list[tuple[str, Row]] = [
        (
            "follower",
            {
                "platform": listing.platform,
                "account_id": listing.account_id,
                "member_id": member_id(person.acct, domain),
                "observed_on": today.isoformat(),
                "handle": member_id(person.acct, domain),
                "name": person.display_name or None,
                "bio": plain(person.note),
                "location": _location(person),
                "followers_count": _text(person.followers_count),
                "following_count": _text(person.following_count),
                "created_at": person.created_at,
            },
        )
        for person in people.there
    ]
    return Page(rows, None, n_null_rows=people.n_gone, unknown_fields=people.unknown)


def people_who(listing: Listing, people: Entries[Account], domain: str) -> Page:
    """Read one page of who liked or reposted a post."""
    rows = [("engagement", _interaction(listing, person, domain)) for person in people.there]
    return Page(rows, None, n_null_rows=people.n_gone, unknown_fields=people.unknown)


def answers(listing: Listing, statuses: Entries[Status], domain: str) -> Page:
    """Read quotes of a post, or replies to it. The text of a status that is for followers only is not kept."""
    rows: list[tuple[str, Row]] = []
    for status in statuses.there:
        if status.visibility != "direct":
            row = _interaction(listing, status.account, domain) | {"engaged_at": status.created_at}
            row["text"] = plain(status.content) if status.visibility in SHOWN_TO_ALL else None
            rows.append(("engagement", row))
    n_entries = len(statuses.there) + statuses.n_gone
    return Page(rows, None, n_null_rows=statuses.n_gone, unknown_fields=statuses.unknown, n_entries=n_entries)


def replies(listing: Listing, below: Entries[Status], domain: str, logged_in: bool) -> Page:
    """Read the thread below a post: replies to the post itself; replies to replies do not interact with it."""
    direct = [one for one in below.there if one.in_reply_to_id == listing.post_id]
    page = answers(listing, replace(below, there=direct), domain)
    cut = not logged_in and len(below.there) >= MOST_REPLIES_TO_STRANGERS
    short = f"the server shows {MOST_REPLIES_TO_STRANGERS} to who is not logged in" if cut else ""
    if listing.n_reported is not None and len(page.rows) < listing.n_reported:
        short = short or NO_MORE
    return replace(page, short_because=short, notes=[DEEPER] if len(below.there) > len(direct) else ())


def posts(listing: Listing, statuses: Entries[OwnStatus], since: date, read_at: str, home: Home) -> Page:
    """Read one page of our account's posts, newest first, with the lists each opens; boosts are not posts of ours."""
    rows: list[tuple[str, Row]] = []
    opened: list[Listing] = []
    for status in statuses.there:
        check_handle(status.account, home)
        if _day(status) >= since and status.reblog is None and status.visibility != "direct":
            rows.append(("post", _post(listing, status, read_at)))
            opened += _opened(listing, status)
    return Page(
        rows,
        None,
        n_null_rows=statuses.n_gone,
        opened=opened,
        unknown_fields=statuses.unknown,
        n_entries=len(statuses.there) + statuses.n_gone,
    )


def reaches_before(statuses: Entries[OwnStatus], since: date) -> bool:
    """Say whether the oldest status of a page is older than `since`: all after it are older still."""
    return bool(statuses.there) and _day(statuses.there[-1]) < since


def member_id(acct: str, domain: str) -> str:
    """Name a person the same on every server: `user@server`, the server in ASCII, all in lower case.

    `domain` is the server of those whose `acct` names none. Raises `SchemaError` for an empty name.
    """
    user, _, server = acct.strip().removeprefix("@").partition("@")
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


def _interaction(listing: Listing, person: Account, domain: str) -> Row:
    return {
        "platform": listing.platform,
        "post_id": listing.post_id,
        "account_id": listing.account_id,
        "member_id": member_id(person.acct, domain),
        "kind": listing.kind,
    }


def _post(listing: Listing, status: OwnStatus, read_at: str) -> Row:
    parts = (plain(status.spoiler_text), plain(status.content))
    return {
        "platform": listing.platform,
        "post_id": status.id,
        "account_id": listing.account_id,
        "posted_at": status.created_at,
        "kind": "reply" if status.in_reply_to_id else "quote" if status.quote else "post",
        "text": "\n".join(part for part in parts if part) or None,
        "tags": " ".join(tag.name for tag in status.tags or ()) or None,
        "likes": _text(status.favourites_count),
        "replies": _text(status.replies_count),
        "reposts": _text(status.reblogs_count),
        "quotes": _text(status.quotes_count),
        "observed_at": read_at,
    }


def _opened(listing: Listing, status: OwnStatus) -> list[Listing]:
    """The lists of a post: none where the server counts 0. A server without a count of quotes has no list of them."""
    counts: dict[Kind, int | None] = {
        "like": status.favourites_count,
        "repost": status.reblogs_count,
        "quote": status.quotes_count,
        "reply": status.replies_count,
    }
    return [
        Listing(kind, listing.platform, listing.account_id, status.id, n_reported=n)
        for kind, n in counts.items()
        if n != 0 and not (kind == "quote" and n is None)
    ]


def _text(count: int | None) -> str | None:
    return None if count is None else str(count)


def _day(status: Status) -> date:
    return datetime.fromisoformat(status.created_at).astimezone(UTC).date()


def _location(person: Profile) -> str | None:
    """The field of a profile that its owner called location; Mastodon has no other place for it."""
    for field in person.own_fields or ():
        if field.name.strip().lower() == "location":
            return plain(field.value)
    return None


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
