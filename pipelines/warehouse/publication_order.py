"""The order in which snapshots were written and published, as a recorded fact: `published/order.json`.

Names and file times follow the clock, which can be set back. The record does not.
"""

import json
import os
from dataclasses import asdict, dataclass

from pipelines.common.disk import for_group, sync_folder
from pipelines.common.errors import PublishError
from pipelines.common.settings import Settings

RECORD = "order.json"


@dataclass(frozen=True)
class Order:
    """Snapshot ids: every one as it was written, and those that were published, each oldest first."""

    written: tuple[str, ...] = ()
    published: tuple[str, ...] = ()


def read(settings: Settings) -> Order:
    """Read the record; empty where nothing is recorded yet.

    Raises `PublishError` where the record cannot be read.
    """
    path = settings.published / RECORD
    if not path.exists():
        return Order()
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Order(tuple(found["written"]), tuple(found["published"]))
    except (ValueError, KeyError, TypeError):
        hint = "remove it: snapshots are then ordered by name until the next night"
        raise PublishError(RECORD, "is not a record of snapshots", hint=hint) from None


def record_written(settings: Settings, snapshot_id: str) -> None:
    """Record a snapshot as the newest one written."""
    order = read(settings)
    _write(settings, Order((*(one for one in order.written if one != snapshot_id), snapshot_id), order.published))


def record_published(settings: Settings, snapshot_id: str, before: tuple[str, ...]) -> None:
    """Record a snapshot as published after those of `before`; what a rollback left behind is not among them."""
    published = (*(one for one in before if one != snapshot_id), snapshot_id)
    _write(settings, Order(read(settings).written, published))


def forget(settings: Settings, removed: list[str]) -> None:
    """Remove snapshots that are no longer kept from the record."""
    order = read(settings)
    written, published = ([one for one in ids if one not in removed] for ids in (order.written, order.published))
    _write(settings, Order(tuple(written), tuple(published)))


def _write(settings: Settings, order: Order) -> None:
    path = settings.published / RECORD
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("w", encoding="utf-8") as target:
        json.dump(asdict(order), target, indent=1)
        target.flush()
        os.fsync(target.fileno())
    for_group(unfinished, settings.group)
    unfinished.rename(path)
    sync_folder(path.parent)
