"""Land what a sender hands in: an export is converted to a drop first, a drop lands as it is.

A source without a converter delivers the extract contract itself.
"""

import tempfile
from dataclasses import replace
from datetime import date
from importlib import import_module
from pathlib import Path

from pipelines.common.errors import DeliveryError
from pipelines.common.settings import Settings
from pipelines.extract.files import column_map
from pipelines.extract.files.drop import Converter
from pipelines.extract.registry import EXPORTS, MAPPED, RegisteredSource
from pipelines.landing.declaration import MANIFEST
from pipelines.landing.land_drop import Landed, LandOptions, land_drop
from pipelines.reference import files


def export_source(source: str, settings: Settings) -> RegisteredSource | None:
    """The registered export of a source, or one that a deployment has a column map for; None for any other."""
    registered = EXPORTS.get(source)
    is_mapped = registered is None or registered.connector == MAPPED
    if is_mapped and (mapping := column_map.find(source, settings)):
        kinds = tuple(dict.fromkeys(table.table for table in mapping.tables))
        return RegisteredSource(source, (mapping.platform,), MAPPED, kinds, keeps_original=True)
    return registered


def known_exports(settings: Settings) -> list[str]:
    """The sources whose exports are converted: the registered ones and those with a column map."""
    return sorted({*EXPORTS, *column_map.known_sources(settings)})


def land_export(
    export: Path,
    source: str,
    on: date,
    settings: Settings,
    account_id: str | None = None,
    *,
    only_check: bool = False,
) -> Landed:
    """Land one export or drop, or with `only_check` find out whether it can land.

    `account_id` is the account that an export is of, where neither it nor its folder names one. Raises `DeliveryError`
    or a subclass with nothing landed.
    """
    options = LandOptions(every_row_fits=True, only_check=only_check)
    registered = export_source(source, settings)
    if registered is None:
        if account_id is not None:
            found = f"has no effect on source {source}: a drop names the accounts itself"
            raise DeliveryError("--account", found, known=known_exports(settings), hint="leave it out")
        return land_drop(export, source, on, settings, options)
    with tempfile.TemporaryDirectory() as folder:
        drop = Path(folder)
        convert: Converter = import_module(registered.connector).converter(source, settings)
        roles = ("own", "seed") if registered.connector == MAPPED else ("own",)
        asked = _asked_id(account_id, registered.platforms, settings) if account_id else None
        notes = convert(export, drop, known_accounts(registered.platforms, settings, roles), on, asked)
        if not any(file.name != MANIFEST for file in drop.iterdir()):
            raise DeliveryError(export.name, "has no rows to land", hint="; ".join(notes))
        original = export if registered.keeps_original else None
        return land_drop(drop, source, on, settings, replace(options, original=original, notes=tuple(notes)))


def _asked_id(asked: str, platforms: tuple[str, ...], settings: Settings) -> str:
    """The id of the account that `platform:id` or `platform:handle` names; any other word is given back."""
    for one in files.read_accounts(settings):
        names = (one.account_id, (one.handle or one.account_id).removeprefix("@"))
        if one.platform in platforms and asked.lower() in {f"{one.platform}:{name}".lower() for name in names}:
            return one.account_id
    return asked


def known_accounts(platforms: tuple[str, ...], settings: Settings, roles: tuple[str, ...] = ("own",)) -> dict[str, str]:
    """The accounts of `account.csv` on some platforms: handle, lower case and without @, to id.

    A vendor's table may list the followers of `seed` accounts too; an export of a platform is of our own accounts.
    Where two platforms share a handle it stands for the first account; the other one goes by its id.
    """
    found: dict[str, str] = {}
    for one in files.read_accounts(settings):
        if one.role in roles and one.platform in platforms:
            handle = (one.handle or one.account_id).lower().removeprefix("@")
            found[one.account_id if handle in found else handle] = one.account_id
    return found
