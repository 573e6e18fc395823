"""Exports as platforms hand them out: which reader turns which source's export into a drop, and land it.

A source without a reader delivers the extract contract itself.
"""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from pipelines.common.errors import DeliveryError
from pipelines.common.settings import Settings
from pipelines.extract.exports import instagram, mapped, meta, x_analytics, x_archive
from pipelines.extract.files import column_map
from pipelines.landing.declaration import MANIFEST
from pipelines.landing.land_drop import Landed, land_drop
from pipelines.reference import files

Convert = Callable[[Path, Path, Mapping[str, str], date, str | None], list[str]]
"""From an export to a drop: `convert(path, out, accounts, observed_on, account_id)` gives its notes."""


@dataclass(frozen=True)
class Reader:
    """One reader: the platforms it tells of, and whether the export may be kept beside what it became.

    An export that holds more than the reader may open (direct messages, other people's lists) is never kept.
    """

    platforms: tuple[str, ...]
    convert: Convert
    keeps_original: bool = True


READERS: dict[str, Reader] = {
    "x_analytics": Reader(("x",), x_analytics.convert),
    "x_archive": Reader(("x",), x_archive.convert, keeps_original=False),
    "instagram": Reader(("instagram",), instagram.convert, keeps_original=False),
}


def reader_of(source: str, settings: Settings) -> Reader | None:
    """The reader for a source's exports; None where the source delivers the extract contract itself."""
    if source == meta.SOURCE:
        return Reader(meta.PLATFORMS, partial(meta.convert, setting=meta.read_setting(settings)))
    if source not in READERS and (mapping := column_map.find(source, settings)):
        return Reader((mapping.platform,), partial(mapped.convert, mapping=mapping))
    return READERS.get(source)


def known_sources(settings: Settings) -> list[str]:
    """The sources whose exports have a reader of their own or a column map."""
    return sorted({*READERS, meta.SOURCE, *column_map.known_sources(settings)})


def land(path: Path, source: str, on: date, settings: Settings, account_id: str | None = None) -> Landed:
    """Land one drop; the export of a source with a reader becomes one first.

    `account_id` is the account that an export is of, where neither it nor its folder tells. Raises `DeliveryError`
    or a subclass with nothing landed.
    """
    reader = reader_of(source, settings)
    if reader is None:
        if account_id is not None:
            found = f"says nothing to source {source}: a drop names the accounts itself"
            raise DeliveryError("--account", found, known=known_sources(settings), hint="leave it out")
        return land_drop(path, source, on, settings)
    with tempfile.TemporaryDirectory() as folder:
        drop = Path(folder)
        notes = reader.convert(path, drop, our_accounts(reader.platforms, settings), on, account_id)
        if not any(file.name != MANIFEST for file in drop.iterdir()):
            raise DeliveryError(path.name, "holds nothing to land", hint="; ".join(notes))
        original = path if reader.keeps_original else None
        return land_drop(drop, source, on, settings, original=original, notes=notes)


def our_accounts(platforms: tuple[str, ...], settings: Settings) -> dict[str, str]:
    """Our own accounts on some platforms: handle, lower case and without @, to id.

    A handle that two platforms share stands for the first of them; the other account goes by its id.
    """
    found: dict[str, str] = {}
    for one in files.read_accounts(settings):
        if one.role == "own" and one.platform in platforms:
            handle = (one.handle or one.account_id).lower().removeprefix("@")
            found[one.account_id if handle in found else handle] = one.account_id
    return found
