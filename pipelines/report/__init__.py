"""The report of a published night."""
from pathlib import Path


def write_report(snapshot: Path, folder: Path, bands: dict[str, float]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "index.html"
