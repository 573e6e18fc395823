"""One pull, step by step: list the accounts, pull each account's lists, then land one delivery of all of them.

The command line and the DAGs call the same three functions. A delivery lands completely or not at all. It declares for
every list of every account whether it is complete; an account that was never pulled is in it as not collected.
"""

import json
import shutil
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

from pipelines.common.contract import contracts
from pipelines.common.errors import DeliveryError, SettingsError, StillreachError
from pipelines.common.settings import Settings, from_environment, private
from pipelines.extract import registry
from pipelines.extract.files import drop
from pipelines.extract.pulls import budget, credential, incremental, journal, pull
from pipelines.extract.pulls.journal import KINDS, Book
from pipelines.extract.pulls.listing import Connector, Kind, ListAccount, Listing, Row
from pipelines.extract.pulls.source import Source, is_configured, read_source
from pipelines.landing.declaration import MANIFEST
from pipelines.landing.deliveries import current_deliveries
from pipelines.landing.land_drop import land_drop
from pipelines.landing.manifest import Delivery
from pipelines.reference.files import Account, read_accounts

TABLES = ("follower", "post", "engagement", "account_day")
NEVER_RAN = "not collected: the pull never ran"
LANDED_MARK = ".landed-"
REASONS_SHOWN = 3
COUNTS = ("n_collected", "n_pages", "n_requests", "n_repeats", "n_null_rows")


@dataclass(frozen=True)
class _Pulled:
    """One account and its journal of the day; `book` is None where it was never pulled."""

    account: Account
    folder: Path
    book: Book | None


def accounts_of(source: str) -> list[str]:
    """The ids of the accounts that are asked for, in the order of `account.csv`; no token is read.

    A source that is not configured has none. Raises `RefError` where it is none that can be pulled.
    """
    settings = from_environment()
    if not is_configured(settings, source):
        return []
    plan = read_source(settings, source, with_token=False)
    return [account.account_id for account in _accounts(settings, plan, datetime.now(UTC).date())]


def pull_account(source: str, account_id: str, on: date, began_at: datetime | None = None) -> str:
    """Pull all lists of one account and keep them for the landing; give a summary.

    The source's deadline counts from `began_at`, when its first account was begun, or from now. Started again on the
    same day, it continues where it was cut off. Raises `SettingsError` for another day than today (UTC),
    `PlatformRefusedError`, `SchemaError`, `ModelError`, `BusyError`.
    """
    settings = from_environment()
    if on != (today := datetime.now(UTC).date()):
        hint = "a platform shows its lists as they are now: pull today (UTC)"
        raise SettingsError(f"day {on}", f"cannot be pulled on {today}", hint=hint)
    plan = read_source(settings, source)
    every = {account.account_id: account for account in _accounts(settings, plan, on)}
    if account_id not in every:
        raise SettingsError(f"account {account_id!r}", f"is none that {source} asks for", known=every)
    account = every[account_id]
    folder = _folder(settings, source, on, account)
    with credential.hidden(plan.secret):
        try:
            connector = connector_of(plan, settings, on)
            first = connector.first_lists(account)
        except StillreachError as refused:
            journal.note_refused(folder, _expected(account, plan), str(refused))
            raise
        options = pull.Options(
            concurrency=plan.concurrency,
            deadline_seconds=_seconds_left(plan, began_at),
            request_seconds=plan.request_seconds,
            carried=incremental.usable(settings, source, account.ref, on),
            secret=plan.secret,
        )
        done = pull.pull(connector, first, folder, options)
    return f"{account.ref}: {_summary(done)}"


def _seconds_left(plan: Source, began_at: datetime | None) -> float:
    now = datetime.now(UTC)
    return max(0.0, plan.deadline_minutes * 60 - (now - (began_at or now)).total_seconds())


def land_pulled(source: str, on: date) -> str:
    """Land the day's pulls of all accounts as one delivery, with an entry for every missing list.

    Repeated after a kill it lands the same, once. Raises `DeliveryError` where the day's earlier delivery would be
    superseded by one that lacks accounts, `BusyError` where a pull or another landing runs.
    """
    settings = from_environment()
    if not is_configured(settings, source):
        return f"{source}: not configured, nothing to land"
    plan = read_source(settings, source, with_token=False)
    accounts = _accounts(settings, plan, on)
    if not accounts:
        return f"{source}: no account of account.csv to ask, nothing to land"
    folders = [_folder(settings, source, on, account) for account in accounts]
    pulled = [
        _Pulled(account, folder, journal.reading(folder)) for account, folder in zip(accounts, folders, strict=True)
    ]
    books = {one.account.ref: one.book for one in pulled if one.book}
    before = current_deliveries(settings, until=on).get((source, on.isoformat()))
    if before and not books:
        return f"{before.delivery_id}: has landed already, and nothing was pulled since"
    _check_none_is_lost(before, set(books))
    day = private(_day_folder(settings, source, on))
    ready = day / "drop"
    shutil.rmtree(ready, ignore_errors=True)
    _write_drop(ready, pulled, plan, on)
    done = land_drop(ready, source, on, settings)
    if done.delivery.snapshot_on == on.isoformat() and not done.was_empty:
        incremental.remember(settings, source, books, done.delivery.delivery_id, on)
    _remove(day)
    notes = _sweep(settings, source, on)
    partial = [one for one in done.delivery.completeness if one.scope == "partial"]
    lines = [f"{one.platform}:{one.account_id} {one.kind}: {one.reason}" for one in partial]
    return "\n  ".join([done.message(), *lines, *done.delivery.notes, *notes])


def connector_of(source: Source, settings: Settings, on: date) -> Connector:
    """The platform's client for one pull; its library is imported only when it is used.

    Raises `RefError` for a source that is not registered, `PlatformRefusedError` for a paid one without a budget.
    """
    registered = registry.pulled_source(source.name)
    paid_from = (budget.open_budget(source, settings),) if registered.is_paid else ()
    module = import_module(registered.connector)
    connector: Connector = module.Connector(source, on - timedelta(days=source.days), on, *paid_from)
    return connector


def _accounts(settings: Settings, plan: Source, on: date) -> list[Account]:
    """Our accounts on the platform that are open on that day, and those of others whose lists are asked for."""
    return [
        one
        for one in read_accounts(settings)
        if one.platform == plan.platform
        and (one.role == "own" or one.role in plan.follower_lists)
        and (one.closed_on is None or one.closed_on >= on)
    ]


def _write_drop(folder: Path, pulled: list[_Pulled], plan: Source, on: date) -> None:
    """Write the tables and the manifest of one delivery, streamed from the journals."""
    folder.mkdir(mode=0o700)
    drop.write_tables({folder / f"{table}.csv": (_columns(table), _rows(table, pulled, on)) for table in TABLES})
    declared: list[dict[str, Any]] = []
    notes: dict[str, None] = {}
    for one in pulled:
        lists = one.book.accounts() if one.book else _not_collected(one.account, plan)
        declared += completeness(lists, spoilt_because=one.book.stopped if one.book and one.book.is_spoilt else "")
        notes |= dict.fromkeys(_notes(one.account, lists))
    manifest = {"completeness": declared, "notes": list(notes)}
    (folder / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False), encoding="utf-8")


def _rows(table: str, pulled: list[_Pulled], on: date) -> Iterator[Row]:
    for one in pulled:
        if one.book:
            rows = journal.rows_of(one.folder, one.book, table)
            yield from _with_followers(one.account, one.book, list(rows), on) if table == "account_day" else rows


def _with_followers(account: Account, book: Book, rows: list[Row], on: date) -> list[Row]:
    """Add the platform's own count of followers as the day's figure, where the connector did not."""
    counted = next((one.n_reported for key, one in book.lists.items() if key[0] == "follower"), None)
    if counted is None or any(row.get("metric") == "followers" for row in rows):
        return rows
    day: Row = {"platform": account.platform, "account_id": account.account_id, "day": on.isoformat()}
    return [*rows, {**day, "metric": "followers", "value": str(counted)}]


def completeness(lists: Iterable[ListAccount], *, spoilt_because: str = "") -> list[dict[str, Any]]:
    """Add up the lists of one account by kind, as a manifest declares them.

    The platform's count is the sum over the lists that were requested, unknown where the count of one of them is. Where
    an unexpected answer stopped the pull (`spoilt_because`), no list is declared complete.
    """
    by_kind: dict[str, list[ListAccount]] = {}
    for one in lists:
        by_kind.setdefault(one.listing.kind, []).append(one)
    declared = []
    for kind in sorted(by_kind, key=KINDS.index):
        some = by_kind[kind]
        asked = [one for one in some if not one.is_carried]
        reported = [one.n_reported for one in asked]
        known = [n for n in reported if n is not None]
        is_partial = bool(spoilt_because) or any(one.scope == "partial" for one in some)
        declared.append(
            {
                "platform": some[0].listing.platform,
                "account_id": some[0].listing.account_id,
                "kind": kind,
                "n_lists": len(some),
                "n_reported": sum(known) if known and len(known) == len(reported) else None,
                **{count: sum(getattr(one, count) for one in some) for count in COUNTS},
                "scope": "partial" if is_partial else "complete",
                "reason": spoilt_because or _reasons(some),
            }
        )
    return declared


def _reasons(lists: list[ListAccount]) -> str:
    """Say why lists of one kind are partial, the most frequent reason first, each with its number of lists."""
    reasons = Counter(one.reason for one in lists if one.reason)
    if len(lists) == 1:
        return lists[0].reason
    shown = [f"{n} of {len(lists)} lists: {reason}" for reason, n in reasons.most_common(REASONS_SHOWN)]
    more = len(reasons) - len(shown)
    return "; ".join(shown) + (f"; {more} more reasons" if more > 0 else "")


def _expected(account: Account, plan: Source) -> list[Listing]:
    """Give the lists that every platform is asked for first."""
    kinds: list[Kind] = ["follower"] if account.role in plan.follower_lists else []
    kinds += ["post"] if account.role == "own" else []
    return [Listing(kind, account.platform, account.account_id) for kind in kinds]


def _not_collected(account: Account, plan: Source) -> list[ListAccount]:
    ended = journal.End("stopped", "partial", NEVER_RAN)
    return [journal.Progress(listing, ended=ended).account() for listing in _expected(account, plan)]


def _notes(account: Account, lists: Iterable[ListAccount]) -> Iterator[str]:
    """What connectors noted, and the fields they do not know, by name, once for each kind of list."""
    for kind in KINDS:
        some = [one for one in lists if one.listing.kind == kind]
        if unknown := dict.fromkeys(chain.from_iterable(one.unknown_fields for one in some)):
            yield f"{account.platform}, list of {kind}: ignored unknown fields {', '.join(unknown)}"
        for note in dict.fromkeys(chain.from_iterable(one.notes for one in some)):
            yield f"{account.ref}: {note}"


def _summary(lists: list[ListAccount]) -> str:
    """Summarise lists in words and counts."""
    parts = []
    for kind in completeness(lists):
        of = "" if kind["n_reported"] is None else f" of {kind['n_reported']:,}"
        reason = f", partial: {kind['reason']}" if kind["scope"] == "partial" else ""
        parts.append(f"{kind['kind']} {kind['n_collected']:,}{of} in {kind['n_requests']:,} requests{reason}")
    return "; ".join(parts) or "nothing to ask"


def _check_none_is_lost(before: Delivery | None, pulled: set[str]) -> None:
    """Raise `DeliveryError` where a second delivery of a day, which supersedes the first, lacks one of its accounts."""
    if before is None:
        return
    brought = {f"{one.platform}:{one.account_id}" for one in before.completeness if one.n_pages > 0}
    if lost := sorted(brought - pulled):
        raise DeliveryError(
            before.delivery_id,
            f"holds {', '.join(lost[:3])}{' ...' if len(lost) > 3 else ''}, not pulled again since",
            hint="pull every account of the day again, then land",
        )


def _columns(table: str) -> tuple[str, ...]:
    return contracts("raw")[table].column_names


def _day_folder(settings: Settings, source: str, on: date) -> Path:
    return private(settings.work) / "pull" / source / on.isoformat()


def _folder(settings: Settings, source: str, on: date, account: Account) -> Path:
    return _day_folder(settings, source, on) / sha256(account.ref.encode()).hexdigest()[:16]


def _remove(folder: Path) -> None:
    """Remove a day's journals by one rename: if a kill left some of them, they would land as another delivery."""
    gone = folder.with_name(f"{LANDED_MARK}{uuid.uuid4().hex[:8]}")
    folder.rename(gone)
    shutil.rmtree(gone)


def _sweep(settings: Settings, source: str, on: date) -> list[str]:
    """Remove the journals of earlier days, which can neither continue nor land; say which."""
    notes = []
    for left in sorted((settings.work / "pull" / source).iterdir()):
        if left.is_dir() and (left.name.startswith(LANDED_MARK) or left.name < on.isoformat()):
            shutil.rmtree(left, ignore_errors=True)
            if not left.name.startswith(LANDED_MARK):
                notes.append(f"removed a pull of {left.name} that never landed")
    return notes
