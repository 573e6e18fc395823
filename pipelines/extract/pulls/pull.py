"""Pull one account's lists: several at once, within the platform's limits, each page kept before the next is asked.

Every platform is pulled by this one module. A connector asks for one page; here is what holds for all: retries with
jitter, waits that the platform asks for, doubtful pages asked for a second time, cursors that go round, the deadline.
What was not got is said list by list: a list is whole only where the platform said that it was (`Progress`).
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
    """How long to go on asking, in seconds: `attempts` for one page, waits that double from `wait_initial` on.

    `wait_scale` shortens the waits that a platform asks for; it is for tests.
    """

    attempts: int = 6
    wait_initial: float = 1.0
    wait_max: float = 60.0
    wait_jitter: float = 1.0
    wait_scale: float = 1.0


@dataclass
class Pull:
    """One account's pull under way. `deadline_seconds` and `request_seconds` count from its start, per request."""

    connector: Connector
    journal: Journal
    concurrency: int
    deadline_seconds: float
    request_seconds: float
    carried: Mapping[Key, Carried] = field(default_factory=dict)
    patience: Patience = field(default_factory=Patience)
    secret: Secret | None = None

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.deadline_seconds
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
        """Ask until every list has ended, the deadline comes, or the platform stops us.

        Raises `PlatformRefusedError`, `SchemaError` or `ModelError` after noting what has not come.
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
        """Let the workers run until nothing waits; give the error that stopped one of them."""
        all_done = asyncio.create_task(self.waiting.join())
        workers = [asyncio.create_task(self._work()) for _ in range(self.concurrency)]
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
        carried = self.carried.get((listing.kind, listing.post_id))
        if carried and progress.n_pages == 0 and carried.n_reported == listing.n_reported:
            self._end(progress, carried.end())
        else:
            self.waiting.put_nowait(progress)

    async def _list(self, progress: Progress) -> None:
        """Go through one list, page by page, until it ends."""
        try:
            while not progress.ended:
                cursor = progress.cursor
                page, rows, doubt = await self._believed(progress)
                self._keep(progress, cursor, page, rows, doubt)
        except ListRefusedError as refused:
            self._end(progress, End("refused", "partial", str(refused)))
        except PlatformBusyError as busy:
            self._end(progress, End("busy", "partial", str(busy)))

    async def _believed(self, progress: Progress) -> tuple[Page, list[tuple[str, Row]], str]:
        """One page; where it is doubtful, its second answer: `doubt` is what is still odd about that one."""
        page = await self._page(progress)
        rows, doubt = self._new_rows(progress, page)
        if doubt:
            page = await self._page(progress)
            rows, doubt = self._new_rows(progress, page)
        return page, rows, doubt

    def _new_rows(self, progress: Progress, page: Page) -> tuple[list[tuple[str, Row]], str]:
        """The rows not met before in this list, and what is odd: circle, repeat, empty in mid-list or a short end."""
        rows: list[tuple[str, Row]] = []
        new: set[int] = set()
        for table, row in page.rows:
            check_columns(table, row)
            known = entry_hash(table, row)
            if known not in progress.seen and known not in new:
                rows.append((table, row))
                new.add(known)
        doubt = ""
        if page.next_cursor is not None and page.next_cursor in {*progress.cursors, progress.cursor}:
            doubt = "circle"
        elif page.rows and not rows:
            doubt = "repeat"
        elif not _n_entries(page):
            counted = progress.n_reported if page.n_reported is None else page.n_reported
            is_short = counted is not None and progress.n_collected < counted and not page.short_because
            doubt = "empty" if page.next_cursor is not None else "end" if is_short else ""
        return rows, doubt

    def _keep(
        self, progress: Progress, cursor: str | None, page: Page, rows: list[tuple[str, Row]], doubt: str
    ) -> None:
        """Write the page to the journal, then go on: nothing of it is lost by a kill from here on."""
        key = (progress.listing.kind, progress.listing.post_id)
        before = set(self.book.lists)
        line = page_line(
            progress.listing,
            cursor,
            page,
            rows,
            n_repeats=len(page.rows) - len(rows),
            n_requests=self.n_asked.pop(key, 0),
            doubt=doubt,
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
        """Ask for the next page, again and again while the platform is busy."""
        listing, patience = progress.listing, self.patience
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
        """Whether to ask again and after how many seconds: not before the platform said, nor past the deadline."""
        if not isinstance(failure, PlatformBusyError):
            return False
        if failure.wait_seconds is None:
            return True
        asked = max(0.0, failure.wait_seconds) * self.patience.wait_scale
        if time.monotonic() + asked >= self.deadline:
            failure.args = (f"{failure} It asked to wait {failure.wait_seconds:.0f} s, past the deadline.",)
            return False
        pace.pause(asked)
        return asked + random.uniform(0, self.patience.wait_jitter)

    async def _once(self, listing: Listing, cursor: str | None) -> Page:
        """One request. What a library raises may quote answers, addresses and tokens: it ends here."""
        thing = f"{listing.platform}, list of {listing.kind}"
        failure: StillreachError
        try:
            async with asyncio.timeout(self.request_seconds * 1.25):  # the library's own timeout comes first
                return await self.connector.page(listing, cursor)
        except TimeoutError:
            failure = PlatformBusyError(thing, f"no answer within {self.request_seconds:g} s")
        except StillreachError as ours:
            failure = ours
        except Exception as strange:
            failure = ModelError(thing, f"the connector failed with {type(strange).__name__} {_where(strange)}")
        failure.__cause__ = failure.__context__ = failure.__traceback__ = None
        if self.secret and (token := self.secret.reveal()) in str(failure):
            failure.args = (str(failure).replace(token, HIDDEN),)
        raise failure

    def _say(self) -> None:
        if (now := time.monotonic()) - self.said_at >= SAY_EVERY:
            self.said_at = now
            lists = self.book.lists.values()
            n_ended = sum(1 for one in lists if one.ended)
            n_rows, n_pages = sum(one.n_collected for one in lists), sum(one.n_pages for one in lists)
            said = "%s: %d of %d lists, %d pages, %d entries so far"
            log.info(said, self.connector.platform, n_ended, len(lists), n_pages, n_rows)


def pull(
    connector: Connector,
    first: Iterable[Listing],
    folder: Path,
    *,
    concurrency: int = 4,
    deadline_seconds: float = 5400,
    request_seconds: float = 30,
    carried: Mapping[Key, Carried] | None = None,
    patience: Patience | None = None,
    secret: Secret | None = None,
) -> list[ListAccount]:
    """Pull an account's lists into the journal in `folder`, going on where an earlier pull of the day was cut off.

    Gives how each list came out; `secret` is kept out of the journal and of errors. Raises `BusyError` where another
    pull of the account runs, and, with everything noted in the journal, `PlatformRefusedError`, `SchemaError` or
    `ModelError`.
    """
    set_on_retry_hooks(())  # stamina's own would write the library's words to the log
    with writing(folder, secret) as journal:

        async def run() -> None:
            one = Pull(
                connector,
                journal,
                concurrency,
                deadline_seconds,
                request_seconds,
                carried or {},
                patience or Patience(),
                secret,
            )
            try:
                await one.run(first)
            finally:
                with suppress(Exception):
                    async with asyncio.timeout(CLOSE_WITHIN):
                        await connector.close()

        asyncio.run(run())
        return journal.book.accounts()


def _n_entries(page: Page) -> int:
    return len(page.rows) + page.n_null_rows if page.n_entries is None else page.n_entries


def _where(failure: Exception) -> str:
    """The last place of ours that a failure went through, without a value."""
    frames = [
        frame for frame in traceback.extract_tb(failure.__traceback__) if PATH_OF_OURS in Path(frame.filename).parts
    ]
    return f"at {Path(frames[-1].filename).name} line {frames[-1].lineno}" if frames else "outside our code"
