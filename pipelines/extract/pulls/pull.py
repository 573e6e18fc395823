"""Pull one account's lists: several at once, within the platform's limits, each page saved before the next request.

This module pulls from every platform. A connector requests one page; this module does what all have in common: retries
with jitter, waits that the platform asks for, a second request for faulty pages, detection of repeating cursors, the
deadline. The outcome is recorded for each list: it is complete only if the platform said so (`Progress`).
"""

import asyncio
import logging
import random
import time
import traceback
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import stamina
from stamina.instrumentation import set_on_retry_hooks

from pipelines.common.errors import ListRefusedError, ModelError, PlatformBusyError, SchemaError, StillreachError
from pipelines.extract.pulls.credential import HIDDEN, Secret
from pipelines.extract.pulls.incremental import Carried
from pipelines.extract.pulls.journal import (
    AGAIN,
    Book,
    End,
    Journal,
    Key,
    Progress,
    Why,
    check_columns,
    entry_hash,
    page_line,
    writing,
)
from pipelines.extract.pulls.listing import Connector, ListAccount, Listing, Page, Row
from pipelines.extract.pulls.rate_limit import Pace

log = logging.getLogger(__name__)

SAY_EVERY = 10.0  # seconds between two lines of progress
CLOSE_WITHIN = 5.0
PATH_OF_OURS = "pipelines"


@dataclass(frozen=True)
class Patience:
    """How often to retry: `attempts` for one page, waits in seconds that double from `wait_initial` on.

    `wait_scale` shortens the waits that a platform asks for; it is for tests.
    """

    attempts: int = 6
    wait_initial: float = 1.0
    wait_max: float = 60.0
    wait_jitter: float = 1.0
    wait_scale: float = 1.0


@dataclass(frozen=True)
class Options:
    """How an account is pulled: at most `deadline_seconds` in all and `request_seconds` for each request.

    `carried` are lists that an earlier delivery has already; `secret` is never written to the journal or to errors.
    """

    concurrency: int = 4
    deadline_seconds: float = 5400
    request_seconds: float = 30
    carried: Mapping[Key, Carried] = field(default_factory=dict)
    patience: Patience = field(default_factory=Patience)
    secret: Secret | None = None


@dataclass
class Pull:
    """One account's pull in progress."""

    connector: Connector
    journal: Journal
    options: Options

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.options.deadline_seconds
        limits = self.connector.limits()
        shared = {id(limit): Pace(limit) for limit in limits.values()}
        self.paces = {kind: shared[id(limit)] for kind, limit in limits.items()}
        self.waiting: asyncio.Queue[Progress] = asyncio.Queue()
        self.n_asked: dict[Key, int] = {}
        self.said_at = time.monotonic()

    @property
    def book(self) -> Book:
        return self.journal.book

    async def run(self, first: Iterable[Listing]) -> None:
        """Request pages until every list has ended, the deadline has passed, or the platform refuses.

        Raises `PlatformRefusedError`, `SchemaError` or `ModelError` after recording which lists are partial.
        """
        if any(one.ended and one.ended.why in AGAIN for one in self.book.lists.values()) or self.book.stopped:
            self.journal.write({"again": True})
        for listing in first:
            if (listing.kind, listing.post_id) not in self.book.lists:
                self.journal.write({"open": asdict(listing)})
        for progress in list(self.book.lists.values()):
            self._schedule(progress)
        stopped = await self._work_all()
        why: Why = "stopped" if stopped else "deadline"
        reason = str(stopped) if stopped else "not finished by the deadline"
        for progress in self.book.lists.values():
            if not progress.ended:
                self._end(progress, End(why, "partial", reason))
        if stopped:
            is_spoilt = isinstance(stopped, SchemaError | ModelError)
            self.journal.write({"stopped": str(stopped), "is_spoilt": is_spoilt})
            raise stopped

    async def _work_all(self) -> StillreachError | None:
        """Run the workers until no list waits; give the error that stopped one of them."""
        all_done = asyncio.create_task(self.waiting.join())
        workers = [asyncio.create_task(self._work()) for _ in range(self.options.concurrency)]
        left = max(0.0, self.deadline - time.monotonic())
        done, running = await asyncio.wait([all_done, *workers], timeout=left, return_when=asyncio.FIRST_COMPLETED)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        failed = [failure for task in done if (failure := task.exception())]
        for failure in failed:
            if not isinstance(failure, StillreachError):
                raise failure
        return next((failure for failure in failed if isinstance(failure, StillreachError)), None)

    async def _work(self) -> None:
        while True:
            progress = await self.waiting.get()
            await self._list(progress)
            self.waiting.task_done()

    def _schedule(self, progress: Progress) -> None:
        if progress.ended:
            return
        listing = progress.listing
        carried = self.options.carried.get((listing.kind, listing.post_id))
        if carried and progress.n_pages == 0 and carried.n_reported == listing.n_reported:
            self._end(progress, carried.end())
        else:
            self.waiting.put_nowait(progress)

    async def _list(self, progress: Progress) -> None:
        """Go through one list, page by page, until it ends."""
        try:
            while not progress.ended:
                cursor = progress.cursor
                page, rows, fault = await self._believed(progress)
                self._keep(progress, cursor, page, rows, fault)
        except ListRefusedError as refused:
            self._end(progress, End("refused", "partial", str(refused)))
        except PlatformBusyError as busy:
            self._end(progress, End("busy", "partial", str(busy)))

    async def _believed(self, progress: Progress) -> tuple[Page, list[tuple[str, Row]], str]:
        """Request a page, and a faulty one a second time; `fault` is what is unusual about the second."""
        page = await self._page(progress)
        rows, fault = self._new_rows(progress, page)
        if fault:
            page = await self._page(progress)
            rows, fault = self._new_rows(progress, page)
        return page, rows, fault

    def _new_rows(self, progress: Progress, page: Page) -> tuple[list[tuple[str, Row]], str]:
        """Give the new rows of a page and its fault: a repeating cursor, no new row, an empty page or an early end."""
        rows: list[tuple[str, Row]] = []
        new: set[int] = set()
        for table, row in page.rows:
            check_columns(table, row)
            known = entry_hash(table, row)
            if known not in progress.seen and known not in new:
                rows.append((table, row))
                new.add(known)
        fault = ""
        if page.next_cursor is not None and page.next_cursor in {*progress.cursors, progress.cursor}:
            fault = "circle"
        elif page.rows and not rows:
            fault = "repeat"
        elif not _n_entries(page):
            counted = progress.n_reported if page.n_reported is None else page.n_reported
            is_short = counted is not None and progress.n_collected < counted and not page.short_because
            fault = "empty" if page.next_cursor is not None else "end" if is_short else ""
        return rows, fault

    def _keep(
        self, progress: Progress, cursor: str | None, page: Page, rows: list[tuple[str, Row]], fault: str
    ) -> None:
        """Write the page to the journal; a kill after that loses nothing of it."""
        key = (progress.listing.kind, progress.listing.post_id)
        before = set(self.book.lists)
        line = page_line(
            progress.listing,
            cursor,
            page,
            rows,
            n_repeats=len(page.rows) - len(rows),
            n_requests=self.n_asked.pop(key, 0),
            fault=fault,
        )
        self.journal.write(line)
        for opened in [
            one for one in self.book.lists if one not in before
        ]:  # kinds in turn: their limits run side by side
            self._schedule(self.book.lists[opened])
        self._say()

    def _end(self, progress: Progress, end: End) -> None:
        key = (progress.listing.kind, progress.listing.post_id)
        self.journal.write({"list": list(key), "end": asdict(end), "n_requests": self.n_asked.pop(key, 0)})

    async def _page(self, progress: Progress) -> Page:
        """Request the next page, with retries while the platform is busy."""
        listing, patience = progress.listing, self.options.patience
        pace = self.paces.setdefault(listing.kind, Pace(None))
        key = (listing.kind, listing.post_id)
        retries = stamina.retry_context(
            on=lambda failure: self._wait_after(failure, pace),
            attempts=patience.attempts,
            timeout=None,
            wait_initial=patience.wait_initial,
            wait_max=patience.wait_max,
            wait_jitter=patience.wait_jitter,
        )
        async for attempt in retries:
            with attempt:
                await pace.turn()
                self.n_asked[key] = self.n_asked.get(key, 0) + 1
                return await self._once(listing, progress.cursor)
        raise AssertionError("stamina raises the last failure")

    def _wait_after(self, failure: Exception, pace: Pace) -> bool | float:
        """Say whether to retry and after how many seconds: as the platform asks, and not past the deadline."""
        if not isinstance(failure, PlatformBusyError):
            return False
        if failure.wait_seconds is None:
            return True
        asked = max(0.0, failure.wait_seconds) * self.options.patience.wait_scale
        if time.monotonic() + asked >= self.deadline:
            failure.args = (f"{failure} It asked to wait {failure.wait_seconds:.0f} s, past the deadline.",)
            return False
        pace.pause(asked)
        return asked + random.uniform(0, self.options.patience.wait_jitter)

    async def _once(self, listing: Listing, cursor: str | None) -> Page:
        """Make one request. Errors of libraries, which may quote answers, addresses and tokens, are replaced here."""
        thing = f"{listing.platform}, list of {listing.kind}"
        failure: StillreachError
        try:
            async with asyncio.timeout(self.options.request_seconds * 1.25):  # the library's own timeout comes first
                return await self.connector.page(listing, cursor)
        except TimeoutError:
            failure = PlatformBusyError(thing, f"no answer within {self.options.request_seconds:g} s")
        except StillreachError as known:
            failure = known
        except Exception as unexpected:
            failure = ModelError(thing, f"the connector failed with {type(unexpected).__name__} {_where(unexpected)}")
        failure.__cause__ = failure.__context__ = failure.__traceback__ = None
        if self.options.secret and (token := self.options.secret.reveal()) in str(failure):
            failure.args = (str(failure).replace(token, HIDDEN),)
        raise failure

    def _say(self) -> None:
        if (now := time.monotonic()) - self.said_at >= SAY_EVERY:
            self.said_at = now
            lists = self.book.lists.values()
            n_ended = sum(1 for one in lists if one.ended)
            n_rows, n_pages = sum(one.n_collected for one in lists), sum(one.n_pages for one in lists)
            line = "%s: %d of %d lists, %d pages, %d entries so far"
            log.info(line, self.connector.platform, n_ended, len(lists), n_pages, n_rows)


def pull(
    connector: Connector, first: Iterable[Listing], folder: Path, options: Options | None = None
) -> list[ListAccount]:
    """Pull an account's lists into the journal in `folder`, continuing a pull of the same day that was cut off.

    Gives the outcome of each list. Raises `BusyError` where another pull of the account runs, and, after the outcome is
    in the journal, `PlatformRefusedError`, `SchemaError` or `ModelError`.
    """
    options = options or Options()
    set_on_retry_hooks(())  # stamina's own would write the library's words to the log
    with writing(folder, options.secret) as journal:
        asyncio.run(_run_and_close(connector, first, journal, options))
        return journal.book.accounts()


async def _run_and_close(connector: Connector, first: Iterable[Listing], journal: Journal, options: Options) -> None:
    try:
        await Pull(connector, journal, options).run(first)
    finally:
        with suppress(Exception):
            async with asyncio.timeout(CLOSE_WITHIN):
                await connector.close()


def _n_entries(page: Page) -> int:
    return len(page.rows) + page.n_null_rows if page.n_entries is None else page.n_entries


def _where(failure: Exception) -> str:
    """Give the last line of our code in a failure's traceback, without a value."""
    frames = [
        frame for frame in traceback.extract_tb(failure.__traceback__) if PATH_OF_OURS in Path(frame.filename).parts
    ]
    return f"at {Path(frames[-1].filename).name} line {frames[-1].lineno}" if frames else "outside our code"
