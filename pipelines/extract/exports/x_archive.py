"""Turn the archive X gives the holder of an account (a zip) into a drop: `follower.csv`, `post.csv`.

Only `ALLOWED` members are opened; direct messages lie in the same zip. What each field becomes: `docs/X_ARCHIVE.md`.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.common.errors import DeliveryError, SchemaError, UnreadableFileError
from pipelines.common.settings import Settings
from pipelines.extract.exports.x_analytics import MONTHS
from pipelines.extract.files import account_resolution, archive
from pipelines.extract.files.drop import Converter, write_tables
from pipelines.extract.files.json_list import JsonLists, field_names
from pipelines.extract.pulls.listing import Row

MANIFEST = "data/manifest.js"
ALLOWED = re.compile(r"data/(?:manifest|follower(?:-part[0-9]+)?|tweets?(?:-part[0-9]+)?)\.js", re.ASCII)
HEAD = re.compile(r"window\.YTD\.(follower|tweets?)\.part([0-9]{1,6})\s*=\s*\[", re.ASCII)
MANIFEST_HEAD = re.compile(r"\s*window\.\w+(?:\.\w+)*\s*=\s*(?=\{)", re.ASCII)
FOOT = re.compile(";")
MANIFEST_BYTES = 1 << 20
MOST_UNKNOWN = 100  # names of fields to remember
ID = re.compile(r"[0-9]{1,19}", re.ASCII)
MOMENT = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2}) ([+-][0-9]{4}) ([0-9]{4})")

FOLLOWER_COLUMNS = ("platform", "account_id", "member_id", "observed_on")
POST_COLUMNS = (
    "platform", "post_id", "account_id", "posted_at", "kind", "text", "tags", "likes", "reposts", "observed_at",
)  # fmt: skip
FOLLOWER_FIELDS = {"accountId", "userLink"}
POST_FIELDS = {
    "id_str", "created_at", "full_text", "favorite_count", "retweet_count", "in_reply_to_status_id_str", "entities",
    # Known and not read:
    "id", "in_reply_to_status_id", "in_reply_to_user_id", "in_reply_to_user_id_str", "in_reply_to_screen_name",
    "display_text_range", "source", "lang", "truncated", "favorited", "retweeted", "possibly_sensitive",
    "extended_entities", "edit_info", "coordinates", "geo", "place", "contributors", "scopes", "is_quote_status",
    "withheld_in_countries", "withheld_copyright", "withheld_scope",
}  # fmt: skip
AGAIN = "ask X for a new archive and hand the zip in as it came"


class _Part(BaseModel):
    """What an archive's manifest says of one file."""

    model_config = ConfigDict(extra="ignore", strict=True)

    file_name: str = Field(alias="fileName")
    count: str | None = None


class _Kind(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    files: list[_Part] = []


class _User(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    account_id: str = Field(alias="accountId")


class _Info(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    generated_at: str = Field(alias="generationDate")


class _Manifest(BaseModel):
    """The parts of an archive's manifest.js that are read: account, date, number of entries of each file; no name."""

    model_config = ConfigDict(extra="ignore", strict=True)

    user: _User = Field(alias="userInfo")
    info: _Info = Field(alias="archiveInfo")
    kinds: dict[str, _Kind] = Field(default={}, alias="dataTypes")


@dataclass
class _Export:
    """One archive: its zip, its account, the instant it was made, and what was found while reading."""

    zip: archive.Archive
    manifest: _Manifest | None
    account_id: str
    made_at: datetime
    unknown: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.zip.name


def converter(source: str, settings: Settings) -> Converter:
    """Give the function that converts an export; it has no settings."""
    return convert


def convert(
    path: Path,
    out: Path,
    accounts: Mapping[str, str],
    observed_on: date,
    account_id: str | None = None,
) -> list[str]:
    """Convert one archive, or a folder with one for each account, to `out/follower.csv` and `out/post.csv`.

    `accounts` maps our handles (lower case, no @) to X account ids. An archive belongs to `account_id`, else to the
    account its folder is named for, else to the one its manifest names; where the manifest contradicts, it is rejected.
    Followers are observed on the day the archive was made, `observed_on` only where it does not say. Gives notes.
    Raises `DeliveryError`, `SchemaError`, `UnreadableFileError`, with nothing written.
    """
    account_resolution.check_asked(account_id, accounts, "an X")
    with ExitStack() as stack:
        exports = []
        for file, name in _zips(path):
            opened = stack.enter_context(archive.opened(file, name, ALLOWED))
            declared = account_resolution.declared_account(file, path, accounts, account_id)
            exports.append(_export(opened, declared, accounts, observed_on))
        if len({one.account_id for one in exports}) < len(exports):
            hint = "land each archive by itself, oldest first"
            raise DeliveryError(path.name, "holds two archives of one account", hint=hint)
        followers = chain.from_iterable(_rows(one, "follower", _follower) for one in exports)
        posts = chain.from_iterable(_rows(one, "tweet", _post) for one in exports)
        write_tables({
            out / "follower.csv": (FOLLOWER_COLUMNS, followers),
            out / "post.csv": (POST_COLUMNS, posts),
        })  # fmt: skip
        return [note for one in exports for note in _notes(one)]


def _zips(path: Path) -> list[tuple[Path, str]]:
    """List the zips at `path`, each with its name for errors."""
    if path.is_file():
        return [(path, path.name)]
    found = sorted(p for p in path.rglob("*.zip") if p.is_file() and not p.is_symlink() and p.name[0] != ".")
    if not found:
        raise DeliveryError(path.name, "no .zip there", hint="give X's archive as it came: a zip, not unpacked")
    return [(p, p.relative_to(path).as_posix()) for p in found]


def _export(opened: archive.Archive, declared: str | None, accounts: Mapping[str, str], observed_on: date) -> _Export:
    """Find an archive's account and date; raise where no account is declared, or the archive contradicts it."""
    files = [name for name in opened.members if name != MANIFEST]
    if not files:
        raise DeliveryError(opened.name, "holds neither data/follower.js nor data/tweets.js", hint=AGAIN)
    manifest = _manifest(opened) if MANIFEST in opened.members else None
    says = manifest.user.account_id if manifest else None
    if declared and says and says != declared:
        known, hint = sorted(accounts), "is it in the folder of another account, or under another --account?"
        raise DeliveryError(opened.name, "is the archive of another account, by its manifest", known=known, hint=hint)
    account = declared or (says if says in accounts.values() else None)
    if account is None:
        also = ", its manifest an account not ours" if manifest else ", and it has no manifest"
        raise account_resolution.unknown_account(opened.name, accounts, also)
    made_at = datetime.combine(observed_on, datetime.min.time(), UTC)
    if manifest:
        made_at = _made_at(manifest, opened.name)
        if made_at.date() > observed_on:
            hint = f"land it with --on {made_at.date()} or later"
            raise DeliveryError(opened.name, f"was made on {made_at.date()}, after {observed_on}", hint=hint)
        _check_files(opened.name, files, manifest)
    return _Export(opened, manifest, account, made_at)


def _manifest(opened: archive.Archive) -> _Manifest:
    """Read manifest.js, which also names the account's holder: that is not kept."""
    thing, raw = f"{opened.name}, {MANIFEST}", b""
    for chunk in opened.chunks(MANIFEST):
        raw += chunk
        if len(raw) > MANIFEST_BYTES:
            raise UnreadableFileError(thing, "is far too long", hint=AGAIN)
    try:
        text = raw.decode("utf-8-sig").strip().removesuffix(";")
        head = MANIFEST_HEAD.match(text)
        return _Manifest.model_validate(json.loads(text[head.end() :] if head else text))
    except ValidationError as failure:
        first = failure.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"] if str(part).isidentifier())
        hint = "X may have changed its archives"
        raise SchemaError(thing, f"{where or 'the whole'}: {first['msg'].lower()}", hint=hint) from None
    except (ValueError, RecursionError):
        raise UnreadableFileError(thing, "is no JSON", hint=AGAIN) from None


def _made_at(manifest: _Manifest, name: str) -> datetime:
    try:
        made_at = datetime.fromisoformat(manifest.info.generated_at)
    except ValueError:
        raise SchemaError(f"{name}, {MANIFEST}", "generationDate is no instant", hint=AGAIN) from None
    if made_at.tzinfo is None or made_at.year < 2006:
        raise SchemaError(f"{name}, {MANIFEST}", "generationDate is no instant", hint=AGAIN)
    return made_at.astimezone(UTC)


def _kind(member: str) -> str:
    return "follower" if member.startswith("data/follower") else "tweet"


def _check_files(name: str, files: list[str], manifest: _Manifest) -> None:
    """Raise where the manifest names a file of followers or posts that the zip has not."""
    listed = [part.file_name for kind in manifest.kinds.values() for part in kind.files]
    if lacking := sorted({file for file in listed if ALLOWED.fullmatch(file)} - set(files)):
        raise UnreadableFileError(name, f"lacks {lacking[0]}, which its manifest names", hint=AGAIN)


def _rows(export: _Export, kind: str, read: Callable[[_Export, dict[str, Any]], Row]) -> Iterator[Row]:
    """Give the rows of all parts of one kind, in the order of the parts' files.

    Raises where a part is missing or there twice, and where a file differs from the manifest.
    """
    parts: list[int] = []
    for member in (name for name in export.zip.members if name != MANIFEST and _kind(name) == kind):
        thing = f"{export.name}, {member}"
        lists = JsonLists(export.zip.chunks(member), thing, HEAD, FOOT)
        for n, entry in enumerate(lists, start=1):
            try:
                yield read(export, entry)
            except ValueError as problem:
                # The messages that `read` raises hold no value.
                hint = "X may have changed its archives"
                raise SchemaError(f"{thing}, entry {n:,}", str(problem), hint=hint) from None
        if not lists.heads:
            raise UnreadableFileError(thing, "is empty", hint=AGAIN)
        if any(head[1].removesuffix("s") != kind for head in lists.heads):
            raise SchemaError(thing, "holds lists of another kind", hint=AGAIN)
        parts += [int(head[2]) for head in lists.heads]
        _check_count(export, member, sum(lists.counts))
        export.counts[kind] = export.counts.get(kind, 0) + sum(lists.counts)
    _check_parts(f"{export.name}, {kind} parts", parts)


def _check_parts(thing: str, parts: list[int]) -> None:
    if len(parts) > len(set(parts)):
        raise DeliveryError(thing, "one of them is there twice", hint=AGAIN)
    if sorted(parts) != list(range(len(parts))):
        lacking = min(set(range(len(parts))) - set(parts))
        raise UnreadableFileError(thing, f"part {lacking} is missing of {max(parts) + 1}", hint=AGAIN)


def _check_count(export: _Export, member: str, n: int) -> None:
    """Raise where a file holds another number of entries than the manifest says: a short list would end follows."""
    if export.manifest is None:
        return
    counts = [part.count for kind in export.manifest.kinds.values() for part in kind.files if part.file_name == member]
    if any(count and count.isdecimal() and int(count) != n for count in counts):
        found = f"holds {n:,} entries, its manifest says {int(counts[0] or 0):,}"
        raise UnreadableFileError(f"{export.name}, {member}", found, hint=AGAIN)


def _entry(export: _Export, entry: dict[str, Any], kind: str, known: set[str]) -> dict[str, Any]:
    """Unwrap an entry (X wraps posts since January 2020) and remember unknown fields."""
    inner = entry.get(kind, entry)
    if not isinstance(inner, dict):
        raise ValueError(f"has {kind} as {type(inner).__name__}, known is an object")
    if len(export.unknown) < MOST_UNKNOWN:
        export.unknown |= (inner.keys() - known) | (set() if inner is entry else entry.keys() - {kind})
    return inner


def _text(entry: dict[str, Any], name: str, shape: re.Pattern[str] | None = None) -> str:
    """Give a required field; raise `ValueError`, without the value, where it is missing or of another type."""
    value = entry.get(name)
    if value is None:
        raise ValueError(f"lacks {name}; it has the fields {field_names(entry)}")
    if not isinstance(value, str):
        raise ValueError(f"has {name} as {type(value).__name__}, known is text")
    if shape and not shape.fullmatch(value):
        raise ValueError(f"has a {name} that is not as known")
    return value


def _count(entry: dict[str, Any], name: str) -> str | None:
    """Give a count (text since 2020, a number before), None where X gives none."""
    value = entry.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not (isinstance(value, int | str) and re.fullmatch("[0-9]{1,15}", str(value))):
        raise ValueError(f"has a {name} that is no count")
    return str(int(value))


def _follower(export: _Export, entry: dict[str, Any]) -> Row:
    known = _entry(export, entry, "follower", FOLLOWER_FIELDS)
    return {
        "platform": "x",
        "account_id": export.account_id,
        "member_id": _text(known, "accountId", ID),
        "observed_on": export.made_at.date().isoformat(),
    }


def _post(export: _Export, entry: dict[str, Any]) -> Row:
    """Read a post; a repost's counts are left unknown: they are not of a post of ours, or an empty 0."""
    known = _entry(export, entry, "tweet", POST_FIELDS)
    text = _text(known, "full_text")
    is_repost = text.startswith("RT @")
    likes, reposts = _count(known, "favorite_count"), _count(known, "retweet_count")
    return {
        "platform": "x",
        "post_id": _text(known, "id_str", ID),
        "account_id": export.account_id,
        "posted_at": _moment(_text(known, "created_at")),
        "kind": "repost" if is_repost else "reply" if known.get("in_reply_to_status_id_str") else "post",
        # X escapes these three and no other.
        "text": text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"),
        "tags": _tags(known),
        "likes": None if is_repost else likes,
        "reposts": None if is_repost else reposts,
        "observed_at": export.made_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _tags(entry: dict[str, Any]) -> str | None:
    """Give the hash tags separated by blanks; None where X gives none."""
    entities = entry.get("entities")
    tags = entities.get("hashtags") if isinstance(entities, dict) else None
    if (entities is not None and not isinstance(entities, dict)) or not isinstance(tags, list | None):
        raise ValueError("has entities that are not as known")
    texts = [tag.get("text") for tag in tags or [] if isinstance(tag, dict)]
    return " ".join(f"#{text}" for text in texts if isinstance(text, str) and text) or None


def _moment(text: str) -> str:
    """Read `Sat Feb 18 12:33:11 +0000 2023` in any locale; give it in UTC."""
    match = MOMENT.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        month, day, time, zone, year = match.groups()
        iso = f"{year}-{MONTHS.index(month) + 1:02}-{day}T{time}{zone}"
        return datetime.fromisoformat(iso).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        raise ValueError("has a created_at that is no instant") from None


def _notes(export: _Export) -> list[str]:
    """Say what an archive held and what was left out; counts and field names only."""
    made = f"made on {export.made_at.date()}" if export.manifest else "no manifest: the day is the delivery's"
    n_followers, n_posts = export.counts.get("follower"), export.counts.get("tweet")
    notes = [f"{made}; followers: {n_followers or 0:,}, posts: {n_posts or 0:,}"]
    if not n_followers:
        notes.append("it names no follower" if n_followers == 0 else "it has no data/follower.js")
    if n_posts is None:
        notes.append("it has no data/tweets.js")
    if export.unknown:
        notes.append(f"unknown fields, not read: {field_names(export.unknown)}")
    notes.append("the archive itself is not kept: direct messages lie in it")
    return [f"{export.name}: {note}" for note in notes]
