"""Turn the followers of an Instagram export (JSON, unpacked or as a zip) into a drop: `follower.csv`.

Only `followers_1.json`, `followers_2.json`, ... are opened; blocked people, close friends and messages lie beside
them. What each field becomes, and what a renamed follower does: `docs/INSTAGRAM.md`.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from pipelines.common.errors import DeliveryError, SchemaError, UnreadableFileError
from pipelines.common.settings import Settings
from pipelines.extract.files import account_resolution, archive
from pipelines.extract.files.drop import Converter, write_table
from pipelines.extract.files.json_list import JsonLists, field_names
from pipelines.extract.pulls.listing import Row

FOLDER = "connections/followers_and_following/"
ALLOWED = re.compile(rf"(?:[^/]+/)?{FOLDER}(followers_([1-9][0-9]{{0,4}})\.json)", re.ASCII)
FILE = re.compile(r"followers_([1-9][0-9]{0,4})\.json", re.ASCII)
HEAD = re.compile(r'\s*(?:\{\s*"relationships_followers"\s*:\s*)?\[')
FOOT = re.compile(r"\}")
COLUMNS = ("platform", "account_id", "member_id", "observed_on", "followed_on", "handle")
FIELDS = {"title", "media_list_data", "string_list_data"}
INNER_FIELDS = {"href", "value", "timestamp"}
HANDLE = re.compile(r"[^\s\x00-\x1f/@,]{1,64}")
FIRST_DAY = date(2010, 10, 6)  # Instagram's own
LONGEST_PERIOD = timedelta(days=3 * 366)  # an export asked for a period looks like one of 'all time'
MOST_UNKNOWN = 100
AGAIN = "ask Meta for a new export: JSON, followers and following, all time"
CHANGED = "Meta may have changed its export"

Files = dict[int, tuple[str, Callable[[], Iterable[bytes]]]]
"""The numbered files of one export: for each its name in errors and how to read it."""

Found = tuple[Path, str, Files]
"""Where an export lies, its name in errors, its files."""


@dataclass
class _Export:
    """The followers of one account, and what was found while reading."""

    name: str
    account_id: str
    observed_on: date
    files: Files
    unknown: set[str] = field(default_factory=set)
    n: int = 0
    n_undated: int = 0
    first_on: date | None = None


def converter(source: str, settings: Settings) -> Converter:
    """Give what converts an export: nothing of it is set by a deployment."""
    return convert


def convert(
    path: Path,
    out: Path,
    accounts: Mapping[str, str],
    observed_on: date,
    account_id: str | None = None,
) -> list[str]:
    """Convert an export, or a folder with one for each account, to `out/follower.csv`; give notes.

    `accounts` maps our handles (lower case, no @) to Instagram account ids. An export belongs to `account_id`, else
    to the account its folder is named for; it is never guessed. Its list is that of `observed_on`: the export does
    not say its day. Raises `DeliveryError`, `SchemaError`, `UnreadableFileError`, with nothing written.
    """
    account_resolution.check_asked(account_id, accounts, "an Instagram")
    with ExitStack() as stack:
        exports = []
        for place, name, files in [*_folders(path), *_zips(path, stack)]:
            account = account_resolution.declared_account(place, path, accounts, account_id)
            if account is None:
                raise account_resolution.unknown_account(name, accounts, ", the export none")
            _check_numbers(name, files)
            exports.append(_Export(name, account, observed_on, files))
        if not exports:
            raise DeliveryError(path.name, "no followers_1.json there, nor a zip with one", hint=AGAIN)
        if len({one.account_id for one in exports}) < len(exports):
            hint = "one folder for each account, and in it one export"
            raise DeliveryError(path.name, "holds two exports of one account", hint=hint)
        write_table(out / "follower.csv", COLUMNS, chain.from_iterable(_rows(one) for one in exports))
        return [note for one in exports for note in _notes(one)]


def _folders(path: Path) -> Iterator[Found]:
    """Find exports that are unpacked: the numbered files of each folder are one."""
    if path.is_file():
        match = FILE.fullmatch(path.name)
        every = {path.parent: {int(match[1]): path}} if match else {}
    else:
        every = defaultdict(dict)
        for file in sorted(path.rglob("followers_*.json")):
            if (match := FILE.fullmatch(file.name)) and file.is_file() and not file.is_symlink():
                every[file.parent][int(match[1])] = file
    for folder, files in every.items():
        name = folder.relative_to(path).as_posix() if folder.is_relative_to(path) else path.name
        name = path.name if name == "." else name
        read: Files = {n: (f"{name}/{file.name}", partial(_chunks, file)) for n, file in files.items()}
        yield next(iter(files.values())), name, read


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as source:
        while chunk := source.read(archive.CHUNK):
            yield chunk


def _zips(path: Path, stack: ExitStack) -> Iterator[Found]:
    """Find exports as Meta packs them; raise where a zip has no followers in JSON."""
    zips = [path] if path.suffix.lower() == ".zip" and path.is_file() else sorted(path.rglob("*.zip"))
    for file in zips:
        if file.is_symlink() or file.name.startswith("."):
            continue
        name = file.name if file == path else file.relative_to(path).as_posix()
        opened = stack.enter_context(archive.opened(file, name, ALLOWED))
        found = [(member, match) for member in opened.members if (match := ALLOWED.fullmatch(member))]
        if not found:
            raise DeliveryError(name, f"has no {FOLDER}followers_1.json", hint=AGAIN)
        files: Files = {
            int(match[2]): (f"{name}, {match[1]}", partial(opened.chunks, member)) for member, match in found
        }
        if len(files) < len(found):
            raise DeliveryError(name, "holds two exports", hint=AGAIN)
        yield file, name, files


def _check_numbers(name: str, files: Files) -> None:
    lacking = sorted(set(range(1, max(files) + 1)) - set(files))
    if lacking:
        found = f"followers_{lacking[0]}.json is missing, followers_{max(files)}.json is there"
        raise UnreadableFileError(name, found, hint=AGAIN)


def _rows(export: _Export) -> Iterator[Row]:
    """Give the followers of all files in the order of their numbers."""
    for number in sorted(export.files):
        thing, chunks = export.files[number]
        lists = JsonLists(chunks(), thing, HEAD, FOOT)
        for n, entry in enumerate(lists, start=1):
            try:
                row = _follower(export, entry)
            except ValueError as problem:
                # The messages that `_follower` raises hold no value.
                raise SchemaError(f"{thing}, entry {n:,}", str(problem), hint=CHANGED) from None
            export.n += 1
            yield row
        if len(lists.heads) != 1:
            found = "holds more than one list" if lists.heads else "is empty"
            raise UnreadableFileError(thing, found, hint=AGAIN)


def _follower(export: _Export, entry: dict[str, Any]) -> Row:
    """Read one follower; raise `ValueError`, without a value, where an entry is not as known."""
    inner = entry.get("string_list_data")
    if not isinstance(inner, list) or len(inner) != 1 or not isinstance(inner[0], dict):
        raise ValueError(f"lacks string_list_data with one object; it has the fields {field_names(entry)}")
    fields = inner[0]
    if len(export.unknown) < MOST_UNKNOWN:
        export.unknown |= (entry.keys() - FIELDS) | (fields.keys() - INNER_FIELDS)
    handle = fields.get("value")
    if handle is None:
        raise ValueError(f"lacks value, the handle; it has the fields {field_names(fields)}")
    if not isinstance(handle, str):
        raise ValueError(f"has value as {type(handle).__name__}, known is text")
    handle = mended(handle)
    if not HANDLE.fullmatch(handle):
        raise ValueError("has a value that is no handle")
    followed_on = _followed_on(fields.get("timestamp"))
    if followed_on is None:
        export.n_undated += 1
    else:
        export.first_on = min(followed_on, export.first_on or followed_on)
    return {
        "platform": "instagram",
        "account_id": export.account_id,
        "member_id": handle,
        "observed_on": export.observed_on.isoformat(),
        "followed_on": followed_on.isoformat() if followed_on else None,
        "handle": handle,
    }


def _followed_on(seconds: object) -> date | None:
    """Read epoch seconds as a day in UTC; None where Meta gives none, or 0, or one before there was an Instagram."""
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        raise ValueError(f"has timestamp as {type(seconds).__name__}, known is a whole number")
    try:
        day = datetime.fromtimestamp(seconds, UTC).date()
    except (ValueError, OverflowError, OSError):
        return None
    return day if day >= FIRST_DAY else None


def mended(text: str) -> str:
    r"""Undo what Meta does to text: it writes each byte of UTF-8 as a character (`Ã¶` for `ö`)."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text  # it was whole


def _notes(export: _Export) -> list[str]:
    """Say what an export held; counts and field names only."""
    notes = [f"followers: {export.n:,}, files: {len(export.files)}, as of {export.observed_on}"]
    if export.n_undated:
        notes.append(f"without a day on which they began to follow: {export.n_undated:,}")
    if export.first_on and export.observed_on - export.first_on < LONGEST_PERIOD:
        notes.append("nobody follows since before three years ago: was the export asked for all time, not a period?")
    if export.unknown:
        notes.append(f"unknown fields, not read: {field_names(export.unknown)}")
    notes.append("the export itself is not kept: other people's lists and messages may lie in it")
    return [f"{export.name}: {note}" for note in notes]
