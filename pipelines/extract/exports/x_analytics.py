"""Turn CSV exports of X Analytics into a drop of the extract contract: `post.csv`, `account_day.csv`.

A file is known by its header, never by its name, and may be several exports pasted together; the export with
the later last day is believed. What each column becomes, and what is missing: `docs/X_ANALYTICS.md`.
"""

import datetime
import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pipelines.common.errors import DeliveryError, SchemaError, UnreadableFileError
from pipelines.common.settings import Settings
from pipelines.extract.files import account_resolution
from pipelines.extract.files.dedupe import Sighting, count, had_columns, settle
from pipelines.extract.files.drop import Converter, write_tables
from pipelines.extract.files.sheet import AGAIN, CSV, Sheet, files_below, read_csv

T = TypeVar("T")
SHAPES = ("1203", "1203.0", "'1,203'", "'Tue, Jul 14, 2026'", "Thu Mar 20 2025", "2020-02-10 18:00 +0000")
DAY_COLUMNS = ("platform", "account_id", "day", "metric", "value")
FIGURES = ("impressions", "likes", "replies", "reposts", "clicks")
POST_COLUMNS = ("platform", "post_id", "account_id", "posted_at", "kind", "text", *FIGURES, "observed_at")
# Read by these and not by strptime: %a and %b follow the machine's locale.
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
WORDY_DATE = re.compile(r"([A-Z][a-z]{2}),? +([A-Z][a-z]{2}) +([0-9]{1,2}),? +([0-9]{4})")
# One decimal zero at most: `1203.0` is X's; `1.000` would be a spreadsheet's thousand read as 1.
COUNT = re.compile(r"([0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.0)?")
POST_LINK = re.compile(r"https?://(?:www\.|mobile\.)?(?:x|twitter)\.com/(\w+)/status/([0-9]+)\b.*", re.ASCII)

# X's column → ours, in all its generations; a column not named here is left out and noted.
CONTENT = {
    "post id": "post_id", "date": "posted_at", "post text": "text", "post link": "link", "link": "link",
    "tweet id": "post_id", "time": "posted_at", "tweet text": "text", "tweet permalink": "link",
    "impressions": "impressions", "likes": "likes", "favorites": "likes", "replies": "replies",
    "reposts": "reposts", "retweets": "reposts", "url clicks": "clicks",
}  # fmt: skip
OVERVIEW = {
    "date": "day", "impressions": "impressions", "likes": "likes", "engagements": "engagements",
    "bookmarks": "bookmarks", "shares": "shares", "new follows": "new_follows", "unfollows": "unfollows",
    "replies": "replies", "reposts": "reposts", "profile visits": "profile_visits", "create post": "posts",
    "video views": "video_views", "media views": "media_views",
}  # fmt: skip
KNOWN_BY = {
    "content 2024-12 to 2025": (CONTENT, {"post id", "date", "impressions", "link"}),
    "content since 2026": (CONTENT, {"post id", "date", "impressions"}),
    "content before 2024": (CONTENT, {"tweet id", "time", "impressions"}),
    # Without `unfollows`, a content export that lost its ids would pass for an overview.
    "overview": (OVERVIEW, {"date", "impressions", "unfollows"}),
}
VIDEO = "video overview"


@dataclass(frozen=True)
class Block:
    """One header line of a file, the export it begins, and the rows below with the line each begins on."""

    file: str
    export: str
    header: list[str]
    rows: list[tuple[int, list[str]]] = field(default_factory=list)

    @property
    def columns(self) -> list[str | None]:
        columns = KNOWN_BY[self.export][0] if self.export in KNOWN_BY else {}
        return [columns.get(name) for name in self.header]

    def read(self, name: str, parse: Callable[[str], T]) -> list[T]:
        """Parse our column `name`, none if the export has it not; errors count rows and hold no value."""
        if name not in self.columns:
            return []
        at, parsed, bad = self.columns.index(name), [], []
        for line, row in self.rows:
            try:
                parsed.append(parse(row[at]))
            except ValueError:
                bad.append(line)
        if bad:
            found = f"{len(bad)} of {len(self.rows)} rows cannot be read, the first on line {bad[0]}"
            raise SchemaError(f"{self.file}, column '{self.header[at]}'", found, known=SHAPES, hint=AGAIN)
        return parsed


def converter(source: str, settings: Settings) -> Converter:
    """Give what converts an export: nothing of it is set by a deployment."""
    return convert


def convert(
    path: Path,
    out: Path,
    accounts: Mapping[str, str],
    observed_on: datetime.date,
    account_id: str | None = None,
) -> list[str]:
    """Convert one export, or a folder of them, to `out/post.csv` and `out/account_day.csv`; return notes.

    `accounts` maps our handles (lower case, no @) to X account ids. A file belongs to `account_id`, else to
    the account its folder is named for, else to the one its post links name; it is never guessed. All is read
    before anything is written. Raises `DeliveryError`, `SchemaError`, `UnreadableFileError`.
    """
    account_resolution.check_asked(account_id, accounts, "an X")
    notes: list[str] = []
    posts: list[Sighting] = []
    days: list[Sighting] = []
    for file, name in files_below(path, CSV, notes):
        every = _blocks(name, read_csv(file, name))
        if blocks := [block for block in every if block.export != VIDEO]:
            account = _account(file, blocks, accounts, account_id, notes)
        if len(blocks) < len(every):
            notes.append(f"{name}: video overview skipped, the contract has no place for it")
        for block in blocks:
            if block.export == "overview":
                days += (seen := _days(block, account))
            else:
                posts += (seen := _posts(block, account, observed_on))
            notes += _notes(block, seen, observed_on)
    owned = {post.key for post in posts}
    if twice := len(owned) - len({post_id for _, post_id in owned}):
        hint = "a file lies in the folder of another account"
        raise DeliveryError(path.name, f"{count(twice, 'post')} under two accounts", hint=hint)
    post_rows, day_rows = settle(posts, "post", notes), settle(days, "figure", notes)
    write_tables({
        out / "post.csv": (had_columns(POST_COLUMNS, post_rows), post_rows),
        out / "account_day.csv": (had_columns(DAY_COLUMNS, day_rows), day_rows),
    })  # fmt: skip
    return list(dict.fromkeys(notes))


def _blocks(name: str, sheet: Sheet) -> list[Block]:
    """Split a file at its header lines; raise if it does not begin with one, or a row has not its columns."""
    blocks: list[Block] = []
    for line, cells in ((row.line, row.cells) for row in sheet.rows):
        row = [str(cell) for cell in cells]
        # A byte order mark in mid-file, left by pasting, hides the quotes of the first name.
        header = [cell.strip('\ufeff" \t\r\n').lower() for cell in row]
        if export := _recognise(header):
            blocks.append(Block(name, export, header))
            columns = [column for column in blocks[-1].columns if column]
            if len(columns) > len(set(columns)):
                twice = sorted({column for column in columns if columns.count(column) > 1})
                raise SchemaError(name, f"line {line} has two columns for {', '.join(twice)}", hint=AGAIN)
        elif not blocks:
            found = f"its first line is no header known here: {_shown(header)}"
            known = [f"{kind} ({', '.join(sorted(needed))}, ...)" for kind, (_, needed) in KNOWN_BY.items()]
            hint = "export Content or Overview from X Analytics, with X set to English"
            raise SchemaError(name, found, known=known, hint=hint)
        elif len(row) != len(blocks[-1].header) and blocks[-1].export != VIDEO:
            found = f"the row that begins on line {line} has {len(row)} of {len(blocks[-1].header)} columns"
            raise UnreadableFileError(name, found, hint=AGAIN)
        else:
            blocks[-1].rows.append((line, row))
    return blocks


def _recognise(header: list[str]) -> str | None:
    if header[0] == VIDEO and not any(header[1:]):
        return VIDEO
    return next((export for export, (_, needed) in KNOWN_BY.items() if needed <= set(header)), None)


def _shown(header: list[str]) -> str:
    """Repeat a first line only where it surely is a header: where the header is missing, it is a post."""
    if set(header) & (CONTENT.keys() | OVERVIEW.keys()) and not any(cell[:1].isdigit() for cell in header):
        return ", ".join(header)
    return f"{count(len(header), 'cell')}, none of them a column of X Analytics"


def _account(file: Path, blocks: list[Block], accounts: Mapping[str, str], asked: str | None, notes: list[str]) -> str:
    """Find whose export this is; note where the post links name another account of ours."""
    links = [match for block in blocks for match in block.read("link", POST_LINK.match) if match]
    handles = {match[1].lower() for match in links} - {"i"}  # x.com/i/status/… names nobody
    declared = account_resolution.own_account(file.absolute().parent.name if asked is None else asked, accounts)
    if declared and any(accounts.get(handle, declared) != declared for handle in handles):
        notes.append(f"{blocks[0].file}: read as {declared}, but its post links name another account of ours")
    linked = {accounts.get(handle) for handle in handles}
    if account := declared or (linked.pop() if len(handles) == 1 else None):
        return account
    links_say = {0: "no account", 1: "an account not ours"}.get(len(handles), f"{len(handles)} accounts")
    raise account_resolution.unknown_account(blocks[0].file, accounts, f", post links {links_say}")


def _moment(cell: str) -> datetime.datetime:
    """Read one of X's three dates as written; a date without a time is midnight UTC."""
    if match := WORDY_DATE.fullmatch(cell.strip()):
        weekday, month, day, year = match.groups()
        moment = datetime.datetime(int(year), MONTHS.index(month) + 1, int(day), tzinfo=datetime.UTC)
        if WEEKDAYS[moment.weekday()] != weekday:
            raise ValueError("the weekday does not fit the date")
    else:
        moment = datetime.datetime.strptime(cell.strip(), "%Y-%m-%d %H:%M %z")
    if not 2006 <= moment.year < 2100:
        raise ValueError("outside the years of X")
    return moment


def _count(cell: str) -> str:
    """Read a count as bare digits; an empty cell or `-` is no figure, never 0."""
    if (cell := cell.strip()) in ("", "-"):
        return ""
    if not (match := COUNT.fullmatch(cell)):
        raise ValueError("not a count")
    return str(int(match[1].replace(",", "")))


def _posts(block: Block, account: str, observed_on: datetime.date) -> list[Sighting]:
    """Read a content block; raise where a spreadsheet spoilt an id: no digits, or not the link's any more."""
    ids, moments = block.read("post_id", str.strip), block.read("posted_at", _moment)
    texts, links = block.read("text", str), block.read("link", POST_LINK.match) or [None] * len(ids)
    pairs = zip(ids, links, strict=True)
    if damaged := sum(not re.fullmatch("[0-9]{1,19}", i) or bool(link and link[2] != i) for i, link in pairs):
        found = f"{damaged} of {count(len(ids), 'post id')} damaged: no digits, or not the id in the post's link"
        raise UnreadableFileError(block.file, found, hint=AGAIN)
    figures = {name: counts for name in FIGURES if (counts := block.read(name, _count))}
    seen, last_day = [], max(moments, default=datetime.datetime.min).date()
    for i, post_id in enumerate(ids):
        posted_at = moments[i].astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        row: dict[str, str | None] = {
            "platform": "x",
            "post_id": post_id,
            "account_id": account,
            "posted_at": posted_at,
        }
        if texts:
            row |= {"kind": "reply" if texts[i].startswith("@") else "post", "text": texts[i]}
        row |= {name: counts[i] for name, counts in figures.items()}
        row["observed_at"] = f"{observed_on.isoformat()}T00:00:00Z"
        seen.append(Sighting((account, post_id), last_day, (figures["impressions"][i],), row))
    return seen


def _days(block: Block, account: str) -> list[Sighting]:
    """Read an overview block: one sighting per day and metric."""
    days = [moment.date() for moment in block.read("day", _moment)]
    seen = []
    for metric in (name for name in block.columns if name and name != "day"):
        for day, last_day, figure in zip(days, _last_days(days), block.read(metric, _count), strict=True):
            row: dict[str, str | None] = dict(
                zip(DAY_COLUMNS, ("x", account, day.isoformat(), metric, figure), strict=True)
            )
            seen.append(Sighting((account, day.isoformat(), metric), last_day, (figure,), row))
    return seen


def _last_days(days: list[datetime.date]) -> list[datetime.date]:
    """Give each row the last day of the export it was pasted from.

    An export holds every day, newest first: any other step begins the next export. Rows sorted oldest first
    throughout are one export turned round.
    """
    if len(days) > 1 and all(earlier < later for earlier, later in itertools.pairwise(days)):
        return _last_days(days[::-1])[::-1]
    last_days = days[:1]
    for newer, day in itertools.pairwise(days):
        last_days.append(last_days[-1] if (newer - day).days == 1 else day)
    return last_days


def _notes(block: Block, seen: list[Sighting], observed_on: datetime.date) -> list[str]:
    """Say what a block was, what it held, and which of its columns were left out."""
    last_days = {sighting.last_day for sighting in seen}
    until = f", newest day {max(last_days)}" if last_days else ""
    notes = [f"{block.export}, {count(len(block.rows), 'row')}{until}"]
    if block.export == "overview" and len(last_days) > 1:
        notes.append(f"days jump: {len(last_days)} exports pasted together")
    if any(day > observed_on for day in last_days):
        notes.append(f"newest day is after the day of observation, {observed_on}")
    left_out = [name for name, column in zip(block.header, block.columns, strict=True) if name and not column]
    if organic := [name for name in left_out if not name.startswith("promoted ")]:
        notes.append(f"columns left out: {', '.join(organic)}")
    if promoted := len(left_out) - len(organic):
        notes.append(f"{count(promoted, 'promoted column')} left out, not added to the organic figures")
    return [f"{block.file}: {note}" for note in notes]
