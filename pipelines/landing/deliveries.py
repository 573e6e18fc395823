"""The deliveries that landed: which one is current for a source and day, and whether its files are unchanged."""

import json
from datetime import date

from pipelines.common.disk import sha256_of
from pipelines.common.errors import LandedFileChangedError
from pipelines.common.settings import Settings
from pipelines.landing import object_store
from pipelines.landing.declaration import MANIFEST
from pipelines.landing.manifest import Delivery, read_manifest

WITHDRAWAL = "withdrawal-*.json"


def withdrawn_ids(settings: Settings) -> list[str]:
    """The ids of the deliveries that are withdrawn (`withdraw.py`), in the order of the decisions on each day."""
    found: list[str] = []
    for path in sorted(settings.landing.glob(f"[!.]*/*/{WITHDRAWAL}")):
        try:
            decided = json.loads(path.read_text(encoding="utf-8"))
            delivery_id, is_withdrawn = decided["delivery_id"], decided["is_withdrawn"]
        except (ValueError, KeyError, TypeError):
            raise LandedFileChangedError(str(path), "is not readable as a withdrawal", hint="restore it") from None
        found = [one for one in found if one != delivery_id] + ([delivery_id] if is_withdrawn else [])
    return found


def current_deliveries(settings: Settings, until: date) -> dict[tuple[str, str], Delivery]:
    """The current delivery of each source and snapshot day up to `until`, oldest day first."""
    object_store.fetch_manifests(settings)
    withdrawn = set(withdrawn_ids(settings))
    found: dict[tuple[str, str], Delivery] = {}
    for manifest in sorted(settings.landing.glob(f"[!.]*/*/*/{MANIFEST}")):
        day = manifest.parent.parent.name
        if day <= until.isoformat():
            delivery = read_manifest(manifest)  # sorted by number: the last one read is current
            if delivery.delivery_id not in withdrawn:
                found[delivery.source, day] = delivery
    return dict(sorted(found.items(), key=lambda item: (item[0][1], item[0][0])))


def file_with(table: str, delivery_id: str, settings: Settings) -> str:
    """Name the file of a delivery that holds a table, or say of how many files it is made.

    What a sender wrote between the table's name and the format could name a person, and is not repeated.
    """
    source, day, number = delivery_id.split(".")
    path = settings.landing / source / day / number / MANIFEST
    names = [file.name for file in read_manifest(path).files if file.table == table] if path.exists() else []
    if len(names) == 1 and names[0].split(".")[0] == table:
        return names[0]
    return f"{len(names)} {'file' if len(names) == 1 else 'files'} of {table}" if names else table


def verify_files(delivery: Delivery, settings: Settings) -> None:
    """Compare each landed file with its hash: neither Parquet nor gzip notices a flipped bit.

    Raises `LandedFileChangedError`.
    """
    object_store.fetch(delivery, settings)
    for file in delivery.files:
        path = delivery.folder(settings) / file.name
        if not path.exists() or sha256_of(path) != file.sha256:
            raise LandedFileChangedError(
                f"{delivery.delivery_id}/{file.name}", "is not the file that landed", hint="restore it from a backup"
            )
