"""Take back a landed delivery, or undo that: nothing is removed, a record beside the delivery says what counts.

A withdrawn delivery is as if it had never landed: an earlier one of its source and day is current again, and the next
night replays what it must.
"""

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime

from pipelines.common.disk import sync_folder
from pipelines.common.errors import DeliveryError, SettingsError
from pipelines.common.settings import Settings
from pipelines.landing.deliveries import WITHDRAWAL, current_deliveries, withdrawn_ids
from pipelines.landing.landing_area import prepared_folder
from pipelines.landing.manifest import Delivery


@dataclass(frozen=True)
class Withdrawal:
    """One decision about a delivery: whether it is withdrawn, why, and when that was decided."""

    delivery_id: str
    is_withdrawn: bool
    reason: str
    decided_at: str


def withdraw(settings: Settings, source: str, on: date, reason: str, *, undo: bool = False) -> Withdrawal:
    """Withdraw the current delivery of a source and day, or with `undo` bring back the one withdrawn last.

    Raises `DeliveryError` where there is none or no reason is given, `SettingsError` where deliveries are in a store.
    """
    if settings.landing_url:
        found = "holds deliveries that other machines read: withdrawing is for a landing area of this machine alone"
        raise SettingsError("STILLREACH_LANDING", found, hint="land a corrected drop for the same source and day")
    if not reason.strip():
        raise DeliveryError("--reason", "is empty", hint="say why, without a name of a person")
    with prepared_folder(settings) as unfinished:
        folder = settings.landing / source / on.isoformat()
        delivery_id = _withdrawn_last(settings, source, on) if undo else _current(settings, source, on).delivery_id
        decided = Withdrawal(delivery_id, not undo, reason.strip(), datetime.now(UTC).isoformat(timespec="seconds"))
        number = len(list(folder.glob(WITHDRAWAL))) + 1
        with (unfinished / "withdrawal").open("x", encoding="utf-8") as target:
            json.dump(asdict(decided), target, indent=1, ensure_ascii=False)
            target.flush()
            os.fsync(target.fileno())
        (unfinished / "withdrawal").rename(folder / WITHDRAWAL.replace("*", f"{number:04d}"))
        sync_folder(folder)
    return decided


def _current(settings: Settings, source: str, on: date) -> Delivery:
    current = current_deliveries(settings, until=on)
    if found := current.get((source, on.isoformat())):
        return found
    known = sorted({f"{one} {day}" for one, day in current if one == source} or {one for one, _ in current})
    raise DeliveryError(f"{source} {on}", "has no current delivery", known=known[-5:], hint="stillreach status")


def _withdrawn_last(settings: Settings, source: str, on: date) -> str:
    withdrawn = withdrawn_ids(settings)
    own = [one for one in withdrawn if one.startswith(f"{source}.{on}.")]
    if not own:
        raise DeliveryError(f"{source} {on}", "has no withdrawn delivery", known=withdrawn)
    return own[-1]
