"""Write the files that a deployment starts with: templates to fill in, settings, and a README of the next steps."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from pipelines.common.errors import SettingsError
from pipelines.common.settings import DAGS, ENV_FILE

TEMPLATES = Path(__file__).parent / "templates"
# As they are in a deployment; a name that starts with a dot is easily lost from a package.
NAMES = {"env": ENV_FILE}
FOLDERS = ("data", "data/inbox")


@dataclass(frozen=True)
class Written:
    """One file or folder of a new deployment, relative to it; `is_new` unless it was there and stays as it is."""

    name: str
    is_new: bool


def write_deployment(folder: Path, *, dry_run: bool = False) -> list[Written]:
    """Write what is missing of a deployment, and change nothing that exists; with `dry_run` write nothing.

    Raises `SettingsError` where the folder is a file, or holds a checkout of Stillreach.
    """
    folder = folder.absolute()
    if folder.exists() and not folder.is_dir():
        raise SettingsError(str(folder), "is a file", hint="stillreach init DIR, with a new folder")
    if (folder / "pipelines" / "night.py").exists():
        raise SettingsError(str(folder), "is a checkout of Stillreach", hint="stillreach init DIR, with a new folder")
    done = []
    for name in FOLDERS:
        done.append(Written(f"{name}/", not (folder / name).exists()))
        if not dry_run:
            (folder / name).mkdir(parents=True, exist_ok=True)
    for template in sorted(path for path in TEMPLATES.rglob("*") if path.is_file()):
        relative = template.relative_to(TEMPLATES)
        path = folder / relative.with_name(NAMES.get(relative.name, relative.name))
        done.append(Written(str(path.relative_to(folder)), not path.exists()))
        if done[-1].is_new and not dry_run:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as target:
                target.write(_filled(template.read_text(encoding="utf-8"), folder))
    return done


def _filled(text: str, folder: Path) -> str:
    """Put the deployment's own folders into a template."""
    places = {"DATA": folder / "data", "REF": folder / "ref", "DAGS": DAGS, "FOLDER": folder}
    for name, path in places.items():
        text = text.replace(f"@{name}@", shlex.quote(str(path)))
    return text
