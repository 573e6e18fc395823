"""Where a deployment keeps its things: the only reader of the environment."""

import grp
import os
from dataclasses import dataclass
from pathlib import Path

from pipelines.common.errors import RefError, SettingsError

ROOT = Path(__file__).resolve().parents[2]
SQL = ROOT / "sql"
SHIPPED_REF = SQL / "ref"

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
    """Read `STILLREACH_*` once; unset variables mean the checkout's own folders.

    Raises `SettingsError` where a variable's value is unusable.
    """
    env = os.environ
    data = Path(env.get("STILLREACH_DATA") or ROOT / "data").absolute()
    ref = Path(env.get("STILLREACH_REF") or SHIPPED_REF).absolute()
    if not ref.is_dir():
        raise SettingsError("STILLREACH_REF", f"{ref} is no folder", hint="copy sql/ref and make it yours")
    return Settings(
        data=data,
        ref=ref,
        key_file=Path(env.get("STILLREACH_KEY_FILE") or data / "secret" / "member.key").absolute(),
        memory_limit=env.get("STILLREACH_MEMORY_LIMIT") or "3GB",
        threads=_whole_number(env, "STILLREACH_THREADS", 0, least=0),
        keep_snapshots=_whole_number(env, "STILLREACH_KEEP_SNAPSHOTS", 10, least=1),
        landing_url=_store(env.get("STILLREACH_LANDING") or ""),
        group=_group(env.get("STILLREACH_GROUP") or ""),
    )


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


def _whole_number(env: "os._Environ[str]", name: str, default: int, least: int) -> int:
    text = env.get(name) or str(default)
    if not text.isdecimal() or int(text) < least:
        raise SettingsError(name, f"is {text!r}", hint=f"a whole number from {least}")
    return int(text)
