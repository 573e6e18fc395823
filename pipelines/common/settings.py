"""Where a deployment keeps its things: the only reader of the environment."""

import grp
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.common.errors import RefError, SettingsError

ROOT = Path(__file__).resolve().parents[2]
# What an installed package brings of sql/, dags/ and notebooks/ (pyproject.toml); a checkout has them at its root.
IN_PACKAGE = Path(__file__).resolve().parents[1] / "shipped"
IS_INSTALLED = IN_PACKAGE.is_dir()
SHIPPED = IN_PACKAGE if IS_INSTALLED else ROOT
SQL = SHIPPED / "sql"
DAGS = SHIPPED / "dags"
SHIPPED_REF = SQL / "ref"
ENV_FILE = ".env"
DEMO = "demo"
NEW_DEPLOYMENT = "stillreach init DIR writes a deployment; then cd DIR"

# What is a deployment's alone: falling back to the demo county's would invent accounts.
OWN_REF = ("account.csv", "segments")


@dataclass(frozen=True)
class Settings:
    """The folders and limits of one deployment.

    `data` and `ref` are folders; `memory_limit` is DuckDB's ("3GB"); `threads` of 0 lets DuckDB choose;
    `landing_url` is an object store's (`s3://bucket/folder`) that holds what landed, or empty; `group` is the number
    of the group that reads snapshots and reports, or None for the owner's.
    """

    data: Path
    ref: Path
    key_file: Path
    memory_limit: str = "3GB"
    threads: int = 0
    keep_snapshots: int = 10
    landing_url: str = ""
    group: int | None = None

    @property
    def inbox(self) -> Path:
        return self.data / "inbox"

    @property
    def landing(self) -> Path:
        return self.data / "landing"

    @property
    def definitions(self) -> Path:
        return self.data / "definitions"

    @property
    def work(self) -> Path:
        return self.data / "work"

    @property
    def published(self) -> Path:
        return self.data / "published"

    @property
    def reports(self) -> Path:
        return self.data / "reports"

    @property
    def release(self) -> Path:
        return self.data / "release"

    def ref_file(self, name: str) -> Path:
        """Find a reference file: the deployment's, else the shipped one unless it must be its own.

        Raises `RefError` where neither has it.
        """
        own = self.ref / name
        if own.exists():
            return own
        shipped = SHIPPED_REF / name
        if name in OWN_REF or not shipped.exists():
            raise RefError(str(own), "is not there", hint=f"every deployment brings its own {' and '.join(OWN_REF)}")
        return shipped


def private(folder: Path) -> Path:
    """Make a folder that only the pipeline's user can enter, where there is none."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def from_environment() -> Settings:
    """Read `STILLREACH_*`, and for unset ones the file `.env` of the current folder, which `stillreach init` writes.

    Raises `SettingsError` where a variable's value is unusable, or no deployment is named.
    """
    env = {**_env_file(Path(ENV_FILE)), **{name: text for name, text in os.environ.items() if text}}
    data = _data(env)
    return Settings(
        data=data,
        ref=_ref(env, data),
        key_file=Path(env.get("STILLREACH_KEY_FILE") or data / "secret" / "member.key").absolute(),
        memory_limit=env.get("STILLREACH_MEMORY_LIMIT") or "3GB",
        threads=_whole_number(env, "STILLREACH_THREADS", 0, least=0),
        keep_snapshots=_whole_number(env, "STILLREACH_KEEP_SNAPSHOTS", 10, least=1),
        landing_url=_store(env.get("STILLREACH_LANDING") or ""),
        group=_group(env.get("STILLREACH_GROUP") or ""),
    )


def use_demo(data: Path) -> None:
    """Point this process at the demo county in a data folder, whatever deployment the environment names.

    The processes that it starts inherit it; `AIRFLOW*` is dropped, so that no other Airflow is touched.
    """
    for name in [one for one in os.environ if one.startswith(("AIRFLOW", "STILLREACH_KEY_FILE", "STILLREACH_LANDING"))]:
        del os.environ[name]
    os.environ |= {"STILLREACH_DATA": str(data), "STILLREACH_REF": str(SHIPPED_REF)}
    os.environ |= {
        "AIRFLOW_HOME": str(data / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "PYTHONWARNINGS": "ignore",
    }


def data_folder() -> Path:
    """The folder of published data, for readers who need no reference files.

    Raises `SettingsError` where no deployment is named.
    """
    return _data({**_env_file(Path(ENV_FILE)), **os.environ})


def airflow_home() -> Path | None:
    """The folder of this machine's Airflow, or None where it has none."""
    home = Path(os.environ.get("AIRFLOW_HOME") or "~/airflow").expanduser()
    return home if (home / "airflow.cfg").exists() or (home / "airflow.db").exists() else None


def _env_file(path: Path) -> dict[str, str]:
    """Read the `STILLREACH_*` lines of an `.env` file, quoted as a shell wants them; without a file there are none.

    Raises `SettingsError` where somebody else could have written it, or a line is not NAME=value.
    """
    if not path.is_file():
        return {}
    if path.stat().st_uid not in (0, os.geteuid()):
        raise SettingsError(str(path.absolute()), "belongs to another user", hint="chown it, or start elsewhere")
    read: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        name, is_given, text = line.strip().partition("=")
        if not name.startswith("STILLREACH_"):
            continue
        try:
            words = shlex.split(text, comments=True)
        except ValueError:
            words = []
        if not is_given or len(words) > 1 or (text.strip() and not words):
            raise SettingsError(f"{path.absolute()} line {number}", "is not NAME=value", hint="quote what has blanks")
        read[name] = words[0] if words else ""
    return read


def _data(env: Mapping[str, str]) -> Path:
    if given := env.get("STILLREACH_DATA"):
        return Path(given).absolute()
    if IS_INSTALLED:
        found = f"is not set, and {Path.cwd()} has no {ENV_FILE}"
        raise SettingsError("STILLREACH_DATA", found, hint=NEW_DEPLOYMENT)
    return ROOT / "data"


def _ref(env: Mapping[str, str], data: Path) -> Path:
    """Find the reference folder: as set, the demo county's for the demo's data alone, or `ref` beside the data."""
    if given := env.get("STILLREACH_REF"):
        if not Path(given).is_dir():
            raise SettingsError("STILLREACH_REF", f"{Path(given).absolute()} is no folder", hint=NEW_DEPLOYMENT)
        return Path(given).absolute()
    if (data / DEMO).is_dir():
        return SHIPPED_REF
    if (beside := data.parent / "ref").is_dir():
        return beside
    found = f"is not set, and {data.parent} has no folder ref. The demo county's files are for its own data"
    raise SettingsError("STILLREACH_REF", found, hint=NEW_DEPLOYMENT)


def _group(text: str) -> int | None:
    """Find a group by its name or number, and see that the pipeline's user is in it."""
    if not text:
        return None
    try:
        group = grp.getgrgid(int(text)) if text.isdecimal() else grp.getgrnam(text)
    except (KeyError, OverflowError):
        hint = "the name or number of a group of this machine"
        raise SettingsError("STILLREACH_GROUP", f"there is no group {text!r}", hint=hint) from None
    if group.gr_gid not in {os.getegid(), *os.getgroups()}:
        hint = "add the user to the group and start a new session"
        raise SettingsError("STILLREACH_GROUP", f"the pipeline's user is not in the group {text!r}", hint=hint)
    return group.gr_gid


def _store(url: str) -> str:
    if url and "://" not in url:
        raise SettingsError("STILLREACH_LANDING", "is no address of an object store", hint="s3://bucket/folder")
    return url.rstrip("/")


def _whole_number(env: Mapping[str, str], name: str, default: int, least: int) -> int:
    text = env.get(name) or str(default)
    if not text.isdecimal() or int(text) < least:
        raise SettingsError(name, f"is {text!r}", hint=f"a whole number from {least}")
    return int(text)
