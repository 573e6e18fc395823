"""The files of a drop: what a sender hands in, a flat folder of files of the extract contract, or one such file."""

from pathlib import Path

from pipelines.common.errors import DeliveryError
from pipelines.landing.declaration import MANIFEST, Declaration
from pipelines.landing.extract_file import ExtractFile, extract_file


def files_of(drop: Path, declaration: Declaration) -> list[ExtractFile]:
    """List the files of a drop, without the declaration.

    Raises `DeliveryError` where there is none, one is missing, or one is not of the extract contract.
    """
    if not drop.exists():
        raise DeliveryError(str(drop), "does not exist")
    found = [drop] if drop.is_file() else sorted(drop.iterdir())
    paths = [path for path in found if not path.name.startswith(".") and path.name != MANIFEST]
    if not paths and not declaration.completeness:
        raise DeliveryError(str(drop), "holds no files", hint="see docs/EXTRACTS.md for what a drop is")
    if odd := [path.name for path in paths if not path.is_file() or path.is_symlink()]:
        raise DeliveryError(odd[0], "is not a plain file", hint="a drop is a flat folder of files")
    if missing := sorted(set(declaration.files) - {path.name for path in paths}):
        raise DeliveryError(str(drop), f"lacks the declared file {missing[0]}", hint="fetch it again")
    return [extract_file(path) for path in paths]
