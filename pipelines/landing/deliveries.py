"""The deliveries that landed: which one is current for a source and day, and whether its files are unchanged."""

from datetime import date

from pipelines.common.disk import sha256_of
from pipelines.common.errors import LandedFileChangedError
from pipelines.common.settings import Settings
from pipelines.landing import object_store
from pipelines.landing.declaration import MANIFEST
from pipelines.landing.manifest import Delivery, read_manifest


def current_deliveries(settings: Settings, until: date) -> dict[tuple[str, str], Delivery]:
    """The current delivery of each source and snapshot day up to `until`, oldest day first."""
    object_store.fetch_manifests(settings)
    found: dict[tuple[str, str], Delivery] = {}
    for manifest in sorted(settings.landing.glob(f"[!.]*/*/*/{MANIFEST}")):
        day = manifest.parent.parent.name
        if day <= until.isoformat():
            delivery = read_manifest(manifest)  # sorted by number: the last one read is current
            found[delivery.source, day] = delivery
    return dict(sorted(found.items(), key=lambda item: (item[0][1], item[0][0])))


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
