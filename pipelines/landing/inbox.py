"""The inbox: drops laid into `inbox/<source>/<day>/`, and their removal once they have landed.

A drop that cannot be landed stays where it is, set aside with its error in `.refused-<day>.txt` beside it; the night
tries it again.
"""

import shutil
import uuid
from datetime import date
from pathlib import Path

from pipelines.common.errors import DeliveryError
from pipelines.common.settings import Settings

REMOVED = ".landed-"
REFUSED = ".refused-"


def inbox_drops(settings: Settings, until: date) -> list[tuple[Path, str, date]]:
    """The drops in the inbox up to `until`: path, source, day; oldest first.

    A folder that is not named for a day is set aside.
    """
    drops = []
    for drop in sorted(settings.inbox.glob("[!.]*/[!.]*")):
        try:
            day = date.fromisoformat(drop.name)
        except ValueError:
            name = f"inbox/{drop.parent.name}/{drop.name}"
            set_aside(drop, DeliveryError(name, "is not a day", hint="name the folder YYYY-MM-DD"))
            continue
        if day <= until:
            drops.append((drop, drop.parent.name, day))
    return sorted(drops, key=lambda one: (one[2], one[1]))


def set_aside(drop: Path, refusal: DeliveryError) -> None:
    """Note beside a drop why it was not landed."""
    _note(drop).write_text(refusal.message() + "\n", encoding="utf-8")


def refused_drops(settings: Settings) -> list[tuple[str, str]]:
    """The drops that are set aside, each with its error; the note of a drop that has been removed goes."""
    found = []
    for note in sorted(settings.inbox.glob(f"*/{REFUSED}*.txt")):
        drop = note.with_name(note.name.removeprefix(REFUSED).removesuffix(".txt"))
        if drop.exists():
            found.append((f"inbox/{drop.parent.name}/{drop.name}", note.read_text(encoding="utf-8").strip()))
        else:
            note.unlink()
    return found


def remove_drop(drop: Path) -> None:
    """Remove a landed drop in one step: half of one, left by a kill, would land as another drop."""
    removed = drop.with_name(f"{REMOVED}{drop.name}-{uuid.uuid4().hex[:8]}")
    drop.rename(removed)
    shutil.rmtree(removed)
    _note(drop).unlink(missing_ok=True)


def sweep_inbox(settings: Settings) -> None:
    """Remove what a kill left of landed drops."""
    for left in settings.inbox.glob(f"*/{REMOVED}*"):
        shutil.rmtree(left, ignore_errors=True)


def _note(drop: Path) -> Path:
    return drop.with_name(f"{REFUSED}{drop.name}.txt")
