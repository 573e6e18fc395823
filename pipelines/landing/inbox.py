"""The inbox: drops laid into `inbox/<source>/<day>/`, and their removal once they have landed."""

import shutil
import uuid
from datetime import date
from pathlib import Path

from pipelines.common.errors import DeliveryError
from pipelines.common.settings import Settings

REMOVED = ".landed-"


def inbox_drops(settings: Settings, until: date) -> list[tuple[Path, str, date]]:
    """The drops in the inbox up to `until`: path, source, day; oldest first.

    Raises `DeliveryError` for a folder that is not named for a day.
    """
    drops = []
    for drop in sorted(settings.inbox.glob("[!.]*/[!.]*")):
        try:
            day = date.fromisoformat(drop.name)
        except ValueError:
            raise DeliveryError(f"inbox/{drop.parent.name}/{drop.name}", "is not a day", hint="YYYY-MM-DD") from None
        if day <= until:
            drops.append((drop, drop.parent.name, day))
    return sorted(drops, key=lambda one: (one[2], one[1]))


def remove_drop(drop: Path) -> None:
    """Remove a landed drop in one step: half of one, left by a kill, would land as another drop."""
    removed = drop.with_name(f"{REMOVED}{drop.name}-{uuid.uuid4().hex[:8]}")
    drop.rename(removed)
    shutil.rmtree(removed)


def sweep_inbox(settings: Settings) -> None:
    """Remove what a kill left of landed drops."""
    for left in settings.inbox.glob(f"*/{REMOVED}*"):
        shutil.rmtree(left, ignore_errors=True)
