"""Lists of interactions that need no new request: the platform's count is as it was when they were last collected.

What is remembered of a list counts only while the delivery that brought it is current and of an earlier day: what a
failed landing lost, or a later delivery of the same day replaced, is requested again. Losing the file costs
requests, never people.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pipelines.common.settings import Settings, private
from pipelines.extract.pulls.journal import Book, End, Key
from pipelines.landing.deliveries import current_deliveries

FILE = "unchanged.json"
AS_GOOD_AS_IT_GETS = ("last", "short")


@dataclass(frozen=True)
class Carried:
    """What an earlier landed pull collected of a list, and the platform's count by which it is known unchanged."""

    delivery_id: str
    since: str
    n_reported: int
    scope: str
    reason: str

    def end(self) -> End:
        """How a list ends that is not asked again: as whole as it was."""
        reason = f"unchanged since {self.since}, not asked again" + (f"; then: {self.reason}" if self.reason else "")
        return End("unchanged", "partial" if self.scope == "partial" else "complete", reason)


def usable(settings: Settings, source: str, account: str, on: date) -> dict[Key, Carried]:
    """What a pull of the day `on` may leave unasked of an account."""
    current = {one.delivery_id for one in current_deliveries(settings, until=on).values()}
    return {
        key: carried
        for key, carried in _read(_path(settings, source)).get(account, {}).items()
        if carried.since < on.isoformat() and carried.delivery_id in current
    }


def remember(settings: Settings, source: str, books: Mapping[str, Book], delivery_id: str, on: date) -> None:
    """Note what a landed delivery brought; to be called after the landing, never before."""
    path = _path(settings, source)
    known = _read(path)
    for account, book in books.items():
        before = known.get(account, {})
        known[account] = {} if book.is_spoilt else dict(_brought(book, before, delivery_id, on))
    written = {
        account: [[*key, vars(carried)] for key, carried in lists.items()] for account, lists in known.items() if lists
    }
    private(path.parent)
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as target:
        json.dump(written, target)
        target.flush()
        os.fsync(target.fileno())
    part.replace(path)


def _brought(book: Book, before: Mapping[Key, Carried], delivery_id: str, on: date) -> Iterable[tuple[Key, Carried]]:
    for key, progress in book.lists.items():
        end, counted = progress.ended, progress.listing.n_reported
        if not key[1] or end is None or counted is None:
            continue
        if end.why in AS_GOOD_AS_IT_GETS:
            yield key, Carried(delivery_id, on.isoformat(), counted, end.scope, end.reason)
        elif end.why == "unchanged" and key in before:
            yield key, before[key]


def _read(path: Path) -> dict[str, dict[Key, Carried]]:
    try:
        read: dict[str, list[Any]] = json.loads(path.read_text(encoding="utf-8"))
        return {
            account: {(kind, post_id): Carried(**carried) for kind, post_id, carried in lists}
            for account, lists in read.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _path(settings: Settings, source: str) -> Path:
    return settings.work / "pull" / source / FILE
