"""Land a drop: check it, copy it, describe it, and publish it as a delivery, or change nothing at all.

A drop is what a sender hands in; a delivery is what landed, in `landing/<source>/<day>/<number>-<content hash>/`, its
files unchanged beside a `manifest.json`. The same content twice makes no new delivery; of several deliveries for one
source and day the last is current.
"""

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

from pipelines.common.errors import DeliveryError
from pipelines.common.settings import Settings
from pipelines.landing.declaration import read_declaration
from pipelines.landing.deliveries import current_deliveries
from pipelines.landing.describe import describe, inspect_files
from pipelines.landing.drop import files_of
from pipelines.landing.file_copy import UNPROVEN, copy_files
from pipelines.landing.id_check import check_lengths
from pipelines.landing.landing_area import copy_original, prepared_folder, publish
from pipelines.landing.manifest import Delivery
from pipelines.reference.files import read_accounts

SOURCE_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class LandOptions:
    """How to land a drop.

    `original` is the export that the drop was converted from: a copy is kept in the delivery. With `every_row_fits` a
    drop is refused for any row that a night would reject: its sender can correct it. A pull is landed without: nobody
    can correct a platform's answer, and a night sets odd rows aside. `only_check` lands nothing.
    """

    original: Path | None = None
    notes: tuple[str, ...] = ()
    every_row_fits: bool = False
    only_check: bool = False


@dataclass(frozen=True)
class Landed:
    """What landing did: the current delivery, whether it is new, and the delivery it supersedes."""

    delivery: Delivery
    is_new: bool
    supersedes: Delivery | None
    lacks: str = ""
    was_empty: bool = False
    only_checked: bool = False

    def message(self) -> str:
        """One sentence for people, without a value of a person."""
        one = self.delivery
        if self.only_checked:
            return f"checked {one.rows:,} rows in {len(one.files)} files: they can land; nothing was landed"
        if self.was_empty:
            return f"{one.delivery_id}: stays current; the later drop for this day holds no file"
        if not self.is_new:
            return f"{one.delivery_id}: the same content has landed already; nothing to do"
        text = f"{one.delivery_id}: landed {one.rows:,} rows in {len(one.files)} files"
        if partial := [declared for declared in one.completeness if declared.scope == "partial"]:
            text += f"; {len(partial)} of {len(one.completeness)} kinds of lists are partial"
        if self.supersedes:
            text += f"; supersedes {self.supersedes.delivery_id}"
            text += f", and lacks its {self.lacks}" if self.lacks else ""
        return text

    def notes(self) -> list[str]:
        """What its sender should know: the delivery's notes, and which files nothing proves."""
        unproven = [one.name for one in self.delivery.files if one.integrity == UNPROVEN]
        if not unproven:
            return self.delivery.notes
        some = f"{', '.join(unproven[:3])}{' and others' if len(unproven) > 3 else ''}"
        hint = "a sha256 in manifest.json would (docs/EXTRACTS.md)"
        return [*self.delivery.notes, f"nothing proves that {some} arrived as sent: {hint}"]


def land_drop(
    drop: Path,
    source: str,
    on: date,
    settings: Settings,
    options: LandOptions = LandOptions(),
) -> Landed:
    """Land a drop (a folder, or one file) and make it the current delivery of its source and day.

    A drop that declares lists and holds no file lands, too, so that missing data is on record; it never supersedes a
    delivery with rows. Raises `DeliveryError` or a subclass with nothing landed and the drop untouched; `BusyError`
    where another landing runs.
    """
    _check_name_and_day(source, on)
    declaration = read_declaration(drop)
    files = files_of(drop, declaration)
    listed = {(one.platform, one.account_id) for one in read_accounts(settings)}
    with prepared_folder(settings) as folder:
        copies = copy_files(files, folder)
        inspected = inspect_files(copies, on, settings, every_row_fits=options.every_row_fits)
        delivery = describe(inspected, declaration, source, on, listed)
        current = current_deliveries(settings, until=on)
        if options.every_row_fits:
            _compare_ids(delivery, current.values())
        if options.only_check:
            return Landed(delivery, is_new=False, supersedes=None, only_checked=True)
        stored = copy_original(options.original, folder) if options.original else {}
        delivery = replace(delivery, came_as=delivery.came_as | stored, notes=[*delivery.notes, *options.notes])
        before = current.get((source, on.isoformat()))
        if before and before.content_hash() == delivery.content_hash():
            return Landed(before, is_new=False, supersedes=None)
        if before and before.has_content and not delivery.has_content:
            return Landed(before, is_new=False, supersedes=None, was_empty=True)
        lacks = _missing_accounts(before, delivery, listed) if before else ""
        return Landed(publish(delivery, folder, settings), is_new=True, supersedes=before, lacks=lacks)


def _check_name_and_day(source: str, on: date) -> None:
    if not SOURCE_NAME.fullmatch(source):
        hint = "lower-case letters, digits and underscores"
        raise DeliveryError(f"source {source!r}", "is not a usable name", hint=hint)
    if on > datetime.now(UTC).date():
        raise DeliveryError(f"snapshot day {on}", "is in the future", hint="give the day the extract was read")


def _compare_ids(delivery: Delivery, current: Iterable[Delivery]) -> None:
    """Compare the ids of each table with those of the source's newest delivery that has it.

    Raises `RoundedIdsError`.
    """
    before = {
        file.table: file
        for one in sorted(current, key=lambda one: one.snapshot_on)
        if one.source == delivery.source
        for file in one.files
    }
    for file in delivery.files:
        if file.table in before:
            check_lengths(file, before[file.table])


def _missing_accounts(before: Delivery, after: Delivery, listed: Set[tuple[str, str]]) -> str:
    """Name the lists of listed accounts that only the earlier delivery has, five at most, and count the others."""
    kept = {(one.table, one.platform, one.account_id) for one in after.accounts}
    missing = [one for one in before.accounts if (one.table, one.platform, one.account_id) not in kept]
    known = [one for one in missing if (one.platform, one.account_id) in listed]
    named = ", ".join(f"{one.table} of {one.platform}:{one.account_id}" for one in known[:5])
    more = f"{len(missing) - len(known[:5])} more" if len(missing) > len(known[:5]) else ""
    return " and ".join(filter(None, (named, more)))
