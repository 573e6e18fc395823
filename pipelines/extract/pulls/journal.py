"""The journal of a pull: one append-only file for each account and day, a line for each complete page.

A line is on the disk before the next request goes out, and an incomplete last line is dropped: a pull that was killed
continues from the last complete page. The pull and the landing read the same lines into the same `Progress`.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

from pipelines.common.contract import contracts
from pipelines.common.disk import sync_folder
from pipelines.common.errors import BusyError, ModelError, UnreadableFileError
from pipelines.common.settings import private
from pipelines.extract.pulls.credential import HIDDEN, Secret
from pipelines.extract.pulls.listing import Kind, ListAccount, Listing, Page, Row

FILE = "journal.jsonl"
KINDS: tuple[str, ...] = get_args(Kind)
TABLE_OF = {kind: kind if kind in ("follower", "post") else "engagement" for kind in KINDS}
NOTHING_NEW_IN_A_ROW = 3
Key = tuple[str, str]  # a list's kind and post
Line = dict[str, Any]
Why = Literal["last", "short", "fault", "circle", "empty", "refused", "unchanged", "busy", "deadline", "stopped"]
# Lists that ended so are requested again when the pull of that day is started again.
AGAIN = ("busy", "deadline", "stopped")
CUT_OFF = "the pull was cut off before its end"


@dataclass(frozen=True)
class End:
    """How a list ended, why, and a sentence on what is missing."""

    why: Why
    scope: Literal["complete", "partial"]
    reason: str = ""


@dataclass
class Progress:
    """The progress of one list. `seen` and `cursors` are for the puller; landing does not use them."""

    listing: Listing
    cursor: str | None = None
    n_collected: int = 0
    n_reported: int | None = None
    n_pages: int = 0
    n_requests: int = 0
    n_repeats: int = 0
    n_null_rows: int = 0
    n_faulty: int = 0
    n_in_a_row: int = 0
    short_because: str = ""
    unknown_fields: dict[str, None] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    cursors: set[str] = field(default_factory=set)
    ended: End | None = None

    def take(self, page: Line, *, remember: bool) -> None:
        """Count one journalled page; the last one ends the list."""
        self.n_pages += 1
        self.n_requests += page["n_requests"]
        self.n_collected += sum(1 for table, _ in page["rows"] if table == TABLE_OF[self.listing.kind])
        self.n_repeats += page["n_repeats"]
        self.n_null_rows += page["n_null_rows"]
        self.n_faulty += page["fault"] in ("repeat", "empty")
        self.n_in_a_row = self.n_in_a_row + 1 if page["fault"] in ("repeat", "empty") else 0
        self.n_reported = page["n_reported"] if page["n_reported"] is not None else self.n_reported
        self.short_because = page["short_because"] or self.short_because
        self.unknown_fields |= dict.fromkeys(page["unknown_fields"])
        self.notes |= dict.fromkeys(page["notes"])
        if remember:
            self.seen.update(entry_hash(table, row) for table, row in page["rows"])
            self.cursors |= {page["cursor"]} if page["cursor"] is not None else set()
        self.cursor = page["next_cursor"]
        self.ended = self._end(page["fault"])
        if self.ended:
            self.seen, self.cursors = set(), set()

    def _end(self, fault: str) -> End | None:
        """A list is complete if the platform ended it and no page of it was faulty."""
        if fault == "circle":
            return End("circle", "partial", "the platform's cursors repeat")
        if self.n_in_a_row >= NOTHING_NEW_IN_A_ROW and self.cursor is not None:
            return End("empty", "partial", f"{self.n_in_a_row} pages in a row came empty or repeated")
        if self.cursor is not None:
            return None
        if self.short_because and (self.n_reported is None or self.n_collected < self.n_reported):
            return End("short", "partial", self.short_because)
        if self.n_faulty and (self.n_reported is None or self.n_collected < self.n_reported):
            return End("fault", "partial", f"{self.n_faulty} pages in mid-list came empty or repeated")
        if self.listing.kind == "follower" and self.n_reported and not self.n_collected:
            return End("fault", "partial", "the platform counts followers and shows none")
        return End("last", "complete")

    def account(self) -> ListAccount:
        """Give the outcome of the list so far."""
        end = self.ended or End("stopped", "partial", CUT_OFF)
        return ListAccount(
            listing=self.listing,
            n_collected=self.n_collected,
            n_reported=self.n_reported,
            n_pages=self.n_pages,
            n_requests=self.n_requests,
            n_repeats=self.n_repeats,
            n_null_rows=self.n_null_rows,
            scope=end.scope,
            reason=end.reason,
            unknown_fields=tuple(self.unknown_fields),
            notes=tuple(self.notes),
            is_carried=end.why == "unchanged",
        )


@dataclass
class Book:
    """All lists of one account, in the order in which they were opened, and why the pull stopped, if it did.

    `pages` says where in the journal each list's pages are, and which tables they have rows of.
    """

    lists: dict[Key, Progress] = field(default_factory=dict)
    pages: dict[Key, list[tuple[int, tuple[str, ...]]]] = field(default_factory=dict)
    stopped: str = ""
    is_spoilt: bool = False  # stopped by an unexpected answer: no list is declared complete

    def open(self, listing: Listing) -> Progress | None:
        """Add a list; None where it is there already."""
        key = (listing.kind, listing.post_id)
        if key in self.lists:
            return None
        self.lists[key] = Progress(listing, n_reported=listing.n_reported)
        return self.lists[key]

    def accounts(self) -> list[ListAccount]:
        """Give the outcome of each list, in an order that does not depend on the order of requests."""
        return [self.lists[key].account() for key in sorted(self.lists, key=place)]

    def take(self, line: Line, offset: int, *, remember: bool) -> None:
        """Add one line of the journal."""
        if "page" in line:
            page = line["page"]
            key = (page["list"][0], page["list"][1])
            self.lists[key].take(page, remember=remember)
            tables = tuple(sorted({table for table, _ in page["rows"]}))
            self.pages.setdefault(key, []).append((offset, tables))
            for opened in page["opened"]:
                self.open(Listing(**opened))
        elif "open" in line:
            self.open(Listing(**line["open"]))
        elif "end" in line:
            kind, post_id = line["list"]
            self.lists[kind, post_id].ended = End(**line["end"])
            self.lists[kind, post_id].n_requests += line["n_requests"]
        elif "stopped" in line:
            self.stopped, self.is_spoilt = line["stopped"], line["is_spoilt"]
        elif "again" in line:
            self.reopen()

    def reopen(self) -> None:
        """Continue after a stop: open the lists again that ended for a temporary reason."""
        self.stopped, self.is_spoilt = "", False
        for one in self.lists.values():
            if one.ended and one.ended.why in AGAIN:
                one.ended = None


def place(key: Key) -> tuple[int, str]:
    """Give the sort key of a list among the lists of its account."""
    return KINDS.index(key[0]), key[1]


def entry_hash(table: str, row: Row) -> int:
    """Hash the contract key of an entry to 64 bits, to recognise it when it comes again."""
    key = (table, *(row.get(name) for name in contracts("raw")[table].key))
    return int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=8).digest())


def page_line(listing: Listing, cursor: str | None, page: Page, rows: Iterable[tuple[str, Row]], **counts: Any) -> Line:
    """Write one complete page as a line; unknown values are left out."""
    page_of_list = {
        "list": [listing.kind, listing.post_id],
        "cursor": cursor,
        "next_cursor": page.next_cursor,
        "n_reported": page.n_reported,
        "n_null_rows": page.n_null_rows,
        "opened": [asdict(one) for one in page.opened],
        "unknown_fields": list(page.unknown_fields),
        "notes": list(page.notes),
        "short_because": page.short_because,
        "rows": [[table, {name: value for name, value in row.items() if value is not None}] for table, row in rows],
    }
    return {"page": page_of_list | counts}


@dataclass
class Journal:
    """The open journal of one account and day, locked by one process."""

    stream: BinaryIO
    book: Book
    secret: Secret | None = None

    def write(self, line: Line) -> None:
        """Append a line, add it to the book, and return when it is on the disk."""
        offset = self.stream.tell()
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
        if self.secret and (token := self.secret.reveal()) in text:
            text = text.replace(token, HIDDEN)  # a platform that echoes it
        self.stream.write(text.encode("utf-8", "replace") + b"\n")
        self.stream.flush()
        os.fsync(self.stream.fileno())
        self.book.take(line, offset, remember=True)


@contextmanager
def writing(folder: Path, secret: Secret | None = None) -> Iterator[Journal]:
    """Open an account's journal to go on with it, a torn last line cut away.

    Raises `BusyError` where another process pulls the account, `UnreadableFileError` where a line is damaged.
    """
    for parent in (*reversed(folder.parents[:3]), folder):
        private(parent)
    with (folder / FILE).open("a+b") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError("pull", "another pull of this account runs", hint="wait for its end") from None
        book, end = _book_of(stream, remember=True)
        stream.truncate(end)
        stream.seek(end)
        sync_folder(folder)
        yield Journal(stream, book, secret)


def note_refused(folder: Path, lists: Iterable[Listing], reason: str) -> None:
    """Keep for the landing why none of an account's lists could be asked at all; those that ended stay as they are."""
    with writing(folder) as kept:
        for listing in lists:
            key = (listing.kind, listing.post_id)
            if key not in kept.book.lists:
                kept.write({"open": asdict(listing)})
            if not kept.book.lists[key].ended:
                kept.write({"list": list(key), "end": asdict(End("stopped", "partial", reason)), "n_requests": 0})


def reading(folder: Path) -> Book | None:
    """Read how an account's pull came out, None where it never began.

    Raises `BusyError` where the pull still runs, `UnreadableFileError` where a line is damaged.
    """
    if not (folder / FILE).is_file():
        return None
    with (folder / FILE).open("rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError("landing", "an account's pull still runs", hint="land when it has ended") from None
        book, _ = _book_of(stream, remember=False)
    return book if book.lists else None


def rows_of(folder: Path, book: Book, table: str) -> Iterator[Row]:
    """Every row of one contract table, page by page, in an order that no race between requests changes."""
    with (folder / FILE).open("rb") as stream:
        for key in sorted(book.pages, key=place):
            for offset, tables in book.pages[key]:
                if table not in tables:
                    continue
                stream.seek(offset)
                for name, row in json.loads(stream.readline())["page"]["rows"]:
                    if name == table:
                        yield row


def check_columns(table: str, row: Row) -> None:
    """Raise `ModelError` where a connector made a column that the contract has not."""
    known = contracts("raw").get(table)
    if known is None or (strange := set(row) - set(known.column_names)):
        found = f"no table {table!r}" if known is None else f"no column {', '.join(sorted(strange))}"
        raise ModelError(f"a connector's {table} row", f"the extract contract has {found}")


def _book_of(stream: BinaryIO, *, remember: bool) -> tuple[Book, int]:
    """Read the journal, and where its last whole line ends."""
    book, end, torn = Book(), 0, False
    stream.seek(0)
    for raw in stream:
        if torn:
            raise UnreadableFileError("journal", "a line in its middle is damaged", hint="remove it and pull again")
        try:
            line = json.loads(raw) if raw.endswith(b"\n") else None
        except ValueError:
            line = None
        torn = line is None
        if line is not None:
            try:
                book.take(line, end, remember=remember)
            except (KeyError, TypeError):
                found = "a line is not as this version writes it"
                raise UnreadableFileError("journal", found, hint="remove it and pull again") from None
            end += len(raw)
    return book, end
