"""Turn per-post CSV exports of Meta Business Suite (Facebook, Instagram) into `post.csv`.

A file is known by its header, in any language of `column_alias.csv`; its times are in the zone of `export.yml`.
What each column becomes, what is refused and why: `docs/META.md`.
"""

import datetime
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from pipelines.common.errors import DeliveryError, SchemaError, UnreadableFileError
from pipelines.common.settings import Settings
from pipelines.extract.files import account_resolution
from pipelines.extract.files.dedupe import Sighting, count, had_columns, settle
from pipelines.extract.files.drop import Converter, write_table
from pipelines.extract.files.export_locale import ALIASES, Clock, Zone, plain, read_aliases, read_zone, stamp
from pipelines.extract.files.sheet import AGAIN, CSV, Row, Sheet, files_below, read
from pipelines.reference import files

T = TypeVar("T")
SOURCE = "meta"
PLATFORMS = ("facebook", "instagram")
# What a header may be called by, in any language; those without a use here are known, and left out in silence.
TAKEN = (
    "post_id", "page_id", "account_id", "account_username", "title", "description", "publish_time", "permalink",
    "post_type", "is_share", "date", "views", "impressions", "reach", "reactions", "likes", "comments", "replies",
    "shares", "clicks",
)  # fmt: skip
COLUMNS = (*TAKEN, "left_out")
NEEDED = ("post_id", "publish_time")
FIGURES = ("impressions", "reach", "likes", "replies", "reposts", "clicks")
# Our figure ← the first of these columns that the export has.
TAKEN_FROM = {
    "impressions": ("impressions", "views"),
    "reach": ("reach",),
    "likes": ("reactions", "likes"),
    "replies": ("comments", "replies"),
    "reposts": ("shares",),
    "clicks": ("clicks",),
}
POST = ("platform", "post_id", "account_id", "posted_at", "kind", "text", *FIGURES, "observed_at")
TIME = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}) ([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")
COUNT = re.compile(r"[0-9]{1,15}")
UNKNOWN = ("", "-", "--", "n/a")
POST_ID = re.compile(r"[0-9]{1,20}(?:_[0-9]{1,20})?")
LINK = re.compile(r"https?://(?:[a-z-]+\.)?(facebook|instagram)\.com/([^/?#]+)", re.IGNORECASE)
SHAPES = ("12 (a count)", "09/28/2026 18:12 (month first)")
DAILY_ADVICE = "choose Content and one row per post over its lifetime, not a daily breakdown: sums of days are too high"
PER_POST = "in Meta Business Suite choose Insights, Content, Export data, and one row per post"


@dataclass(frozen=True)
class Setting:
    """What a deployment decides: names of headers, the zone of times, and our accounts by platform."""

    aliases: Mapping[str, str]
    zone: Zone
    accounts: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Export:
    """One file: what its columns are called here, and its rows."""

    file: str
    header: Sequence[str]
    columns: Sequence[str]
    rows: Sequence[Row]

    def cells(self, column: str) -> list[str] | None:
        """One column's cells; None where the export has it not."""
        if column not in self.columns:
            return None
        at = self.columns.index(column)
        return [str(row.cells[at]).strip() for row in self.rows]

    def parsed(self, column: str, parse: Callable[[str], T], hint: str = AGAIN) -> list[T] | None:
        """One column parsed; raise `SchemaError` with how many rows cannot be, and the line of the first."""
        good: list[T] = []
        bad: list[int] = []
        for row, cell in zip(self.rows, self.cells(column) or (), strict=False):
            try:
                good.append(parse(cell))
            except ValueError:
                bad.append(row.line)
        if bad:
            found = f"{len(bad)} of {len(self.rows)} rows cannot be read, the first on line {bad[0]}"
            thing = f"{self.file}, column '{self.header[self.columns.index(column)]}'"
            raise SchemaError(thing, found, known=SHAPES, hint=hint)
        return good if column in self.columns else None

    def without(self, left_out: set[int]) -> "Export":
        """The same export without the rows that begin on some lines."""
        return Export(self.file, self.header, self.columns, [row for row in self.rows if row.line not in left_out])


@dataclass(frozen=True)
class _Owner:
    """Whose posts a file may hold: our accounts on its platform, and the one declared for it, if any."""

    platform: str
    accounts: Mapping[str, str]
    declared: str | None


def read_setting(settings: Settings) -> Setting:
    """Read what a deployment decides of these exports; raise `RefError` where it is not usable."""
    aliases = read_aliases(settings, SOURCE, COLUMNS)
    accounts: dict[str, dict[str, str]] = {platform: {} for platform in PLATFORMS}
    for one in files.read_accounts(settings):
        if one.role == "own" and one.platform in accounts:
            accounts[one.platform][(one.handle or one.account_id).lower().removeprefix("@")] = one.account_id
    return Setting(aliases, read_zone(settings, SOURCE), accounts)


def converter(source: str, settings: Settings) -> Converter:
    """Give what converts an export with a deployment's settings; raise `RefError` where they are not usable."""
    return partial(convert, setting=read_setting(settings))


def convert(
    path: Path,
    out: Path,
    accounts: Mapping[str, str],
    observed_on: datetime.date,
    account_id: str | None = None,
    *,
    setting: Setting,
) -> list[str]:
    """Convert one export, or a folder of them, to `out/post.csv`; return notes.

    A post belongs to the account of ours whose id or name is in its row, else to `account_id` or the folder's;
    posts of others (collaborations) are left out and counted. All is read before anything is written. Raises
    `DeliveryError`, `SchemaError`, `UnreadableFileError`.
    """
    account_resolution.check_asked(account_id, accounts, "a Facebook or Instagram")
    notes: list[str] = []
    seen: list[Sighting] = []
    clock = Clock(setting.zone)
    for file, name in files_below(path, CSV, notes):
        (sheet,) = read(file, name)
        export, platform = _lifetime(_export(sheet, name, setting.aliases), notes)
        accounts_here = setting.accounts[platform]
        declared = account_resolution.declared_account(file, path, accounts_here, account_id)
        seen += _posts(export, _Owner(platform, accounts_here, declared), clock, observed_on, notes)
    posts = settle(seen, "post", notes)
    write_table(out / "post.csv", had_columns(POST, posts), posts)
    return list(dict.fromkeys([*notes, *clock.notes()]))


def _export(sheet: Sheet, name: str, aliases: Mapping[str, str]) -> Export:
    """Know a file by its header; raise where it is none, says two columns alike, or has rows of another length."""
    header = [str(cell).strip('\ufeff" \t\r\n') for cell in sheet.rows[0].cells]
    columns = [aliases.get(plain(cell), "") for cell in header]
    if header[0].lower().startswith("sep=") or len(header) == 1:
        found = "is no per-post export: a figure of the whole account, a row a day"
        raise SchemaError(name, found, hint=PER_POST)
    if missing := [column for column in NEEDED if column not in columns]:
        raise _unknown_header(name, header, columns, missing, aliases)
    if not {"page_id", "account_id"} & set(columns):
        raise _unknown_header(name, header, columns, ["page_id", "account_id"], aliases)
    if twice := [column for column, n in Counter(columns).items() if n > 1 and column not in ("", "left_out")]:
        found = f"has two columns for {', '.join(sorted(twice))}"
        raise SchemaError(name, found, hint=f"see the aliases in {ALIASES}")
    if uneven := [row.line for row in sheet.rows[1:] if len(row.cells) != len(header)]:
        found = f"the row that begins on line {uneven[0]} has not the header's {len(header)} columns"
        raise UnreadableFileError(name, found, hint=AGAIN)
    return Export(name, header, columns, sheet.rows[1:])


def _unknown_header(
    name: str, header: list[str], columns: list[str], missing: list[str], aliases: Mapping[str, str]
) -> SchemaError:
    """Show a header only where it surely is one: where it is missing, the first line is a post."""
    surely = any(columns) or (len(header) > 8 and all(0 < len(cell) <= 60 and not cell[0].isdigit() for cell in header))
    shown = ", ".join(header) if surely and not any("://" in cell for cell in header) else f"{len(header)} cells"
    known = sorted(alias for alias, column in aliases.items() if column in missing)
    hint = f"add the names of this language to {ALIASES} in your reference folder, or export in English"
    return SchemaError(name, f"lacks {', '.join(missing)} in its header: {shown}", known=known, hint=hint)


def _lifetime(export: Export, notes: list[str]) -> tuple[Export, str]:
    """Keep the rows of whole posts, and tell the platform; raise where the rows are single days of posts."""
    ids, days = export.cells("post_id") or [], export.cells("date")
    daily = {row.line for row, day in zip(export.rows, days or (), strict=False) if re.search("[0-9]", day)}
    whole = export.without(daily)
    if daily and set(whole.cells("post_id") or ()) != set(ids):
        raise _daily(export, f"{len(daily)} of {len(ids)} rows cover one day")
    kept = whole.cells("post_id") or []
    if len(set(kept)) < len(kept) / 2:
        raise _daily(export, f"each post stands {len(kept) / len(set(kept)):.0f} times")
    if days is None and not {"views", "impressions"} & set(export.columns):
        raise _daily(export, "neither views nor a date tell otherwise")
    if daily:
        notes.append(f"{export.file}: {count(len(daily), 'row')} of single days left out, the posts' own rows taken")
    return whole, _platform(export)


def _daily(export: Export, why: str) -> SchemaError:
    found = f"looks like a daily breakdown, not one row per post: {why}; {len(export.header)} columns"
    return SchemaError(export.file, found, hint=DAILY_ADVICE)


def _platform(export: Export) -> str:
    """Facebook has a Page ID, Instagram an Account ID; where a file has both, its links decide."""
    if ("page_id" in export.columns) != ("account_id" in export.columns):
        return "facebook" if "page_id" in export.columns else "instagram"
    hosts = {match[1].lower() for link in export.cells("permalink") or () if (match := LINK.match(link))}
    if len(hosts) != 1:
        hint = "export Facebook and Instagram apart"
        raise SchemaError(export.file, f"its links lead to {len(hosts)} platforms", known=PLATFORMS, hint=hint)
    return hosts.pop()


def _posts(export: Export, owner: _Owner, clock: Clock, observed_on: datetime.date, notes: list[str]) -> list[Sighting]:
    """Read the posts of one file that are ours; what others posted with us is left out and counted."""
    _check_ids(export)
    accounts = _accounts_of(export, owner, notes)
    if export.rows and not any(accounts):
        raise _none_ours(export, owner)
    times = export.parsed("publish_time", _time, "the day stands first where a spreadsheet saved it again") or []
    last_day = max((time.date() for time in times), default=observed_on)
    columns = _columns(export)
    seen = []
    for account, time, cells in zip(accounts, times, zip(*columns.values(), strict=True), strict=True):
        if account:
            row: dict[str, str | None] = dict(zip(columns, cells, strict=True))
            row |= {"platform": owner.platform, "account_id": account, "posted_at": stamp(clock.utc(time))}
            row["observed_at"] = f"{observed_on.isoformat()}T00:00:00Z"
            key = (owner.platform, str(row["post_id"]))
            seen.append(Sighting(key, last_day, tuple(row.get(name) or "" for name in FIGURES), row))
    notes += _notes(export, owner.platform, times, accounts, observed_on)
    return seen


def _none_ours(export: Export, owner: _Owner) -> DeliveryError:
    platform = "a Facebook" if owner.platform == "facebook" else "an Instagram"
    found = f"none of its {len(export.rows)} posts is of {platform} account of ours"
    hint = "put the account into account.csv with this platform, or pass --account"
    return DeliveryError(export.file, found, known=sorted(owner.accounts), hint=hint)


def _columns(export: Export) -> dict[str, Sequence[str | None]]:
    """Our columns of one file, row by row, without those it has not."""
    columns: dict[str, Sequence[str | None]] = {"post_id": export.cells("post_id") or []}
    for figure, names in TAKEN_FROM.items():
        for column in names:
            if figure not in columns and (counts := export.parsed(column, _count)) is not None:
                columns[figure] = counts
    # Which of the two holds the caption changes with the type of post; the other is empty or cut short.
    captions = [cells for name in ("title", "description") if (cells := export.cells(name)) is not None]
    if captions:
        columns["text"] = [max(pair, key=len) or None for pair in zip(*captions, strict=True)]
    kinds, shares = export.cells("post_type"), export.cells("is_share")
    if kinds is not None:
        shared = shares or [""] * len(kinds)
        columns["kind"] = [
            "repost" if is_share == "1" else kind or None for kind, is_share in zip(kinds, shared, strict=True)
        ]
    return columns


def _check_ids(export: Export) -> None:
    """Raise `UnreadableFileError` where a spreadsheet has spoilt ids: `1.22158E+17`, or digits rounded to zeros."""
    for column in ("post_id", "page_id", "account_id"):
        ids = export.cells(column)
        if not ids:
            continue
        damaged = [i for i, one in enumerate(ids) if not POST_ID.fullmatch(one)]
        long = [i for i, one in enumerate(ids) if len(one) > 15]
        if not damaged and column == "post_id" and len(long) > 2 and all(not ids[i][15:].strip("0") for i in long):
            damaged = long  # a spreadsheet keeps fifteen digits: by chance this many do not all end in zeros
        if damaged:
            title = export.header[export.columns.index(column)]
            found = f"{len(damaged)} of {len(ids)} ids in '{title}' damaged, the first on line"
            raise UnreadableFileError(export.file, f"{found} {export.rows[damaged[0]].line}", hint=AGAIN)


def _accounts_of(export: Export, owner: _Owner, notes: list[str]) -> list[str | None]:
    """Give the account of each post: by its account's id, its name, its link; None where it is not ours.

    A Page's id may have changed: where one account posted all and nothing names it as ours, it is the declared one.
    """
    ids = export.cells("page_id") or export.cells("account_id") or []
    names = export.cells("account_username") or [""] * len(ids)
    links = export.cells("permalink") or [""] * len(ids)
    found = []
    for one, name, link in zip(ids, names, links, strict=True):
        match = LINK.match(link)
        by_name = name or (match[2] if match else "")
        found.append(
            account_resolution.own_account(one, owner.accounts)
            or (account_resolution.own_account(by_name, owner.accounts) if by_name else None)
        )
    if owner.declared and not any(found) and len(set(ids)) == 1:
        notes.append(f"{export.file}: read as {owner.declared}, whose id in account.csv differs from the export's")
        return [owner.declared] * len(ids)
    return found


def _time(cell: str) -> datetime.datetime:
    """Read `09/28/2026 18:12`: the month first, in every language; no zone."""
    if not (match := TIME.fullmatch(cell)):
        raise ValueError("no time of Meta's")
    month, day, year, hour, minute, second = (int(part or 0) for part in match.groups())
    return datetime.datetime(year, month, day, hour, minute, second)


def _count(cell: str) -> str | None:
    """Read a count; an empty cell is no figure, never 0."""
    if cell.lower() in UNKNOWN:
        return None
    if not COUNT.fullmatch(cell):
        raise ValueError("no count")
    return str(int(cell))


def _notes(
    export: Export,
    platform: str,
    times: Sequence[datetime.datetime],
    owners: Sequence[str | None],
    observed_on: datetime.date,
) -> list[str]:
    """Say what a file was, what of it was left out, and what may be wrong with it."""
    notes = (
        [f"{platform}, {count(len(times), 'post')} from {min(times):%Y-%m-%d} to {max(times):%Y-%m-%d}"]
        if times
        else []
    )
    if others := sum(account is None for account in owners):
        notes.append(f"{count(others, 'post')} of accounts that are not ours left out")
    if absent := [figure for figure, names in TAKEN_FROM.items() if not set(names) & set(export.columns)]:
        notes.append(f"no column for {', '.join(absent)}: unknown")
    if "views" in export.columns and "impressions" not in export.columns:
        notes.append("views taken as impressions: Meta counts no impressions any more")
    if unknown := [name for name, column in zip(export.header, export.columns, strict=True) if name and not column]:
        notes.append(f"columns left out: {', '.join(unknown)}")
    if late := sum(time.date() > observed_on + datetime.timedelta(days=1) for time in times):
        notes.append(f"{count(late, 'post')} later than the day of observation, {observed_on}: is the month first?")
    return [f"{export.file}: {note}" for note in notes]
