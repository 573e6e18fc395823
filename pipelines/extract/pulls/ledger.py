"""The ledger of what paid reads cost: appended and synced line by line, so that a kill loses nothing.

A line `asked`, with the most that the request can cost, is on the disk before the request goes out; `answered`, with
what was charged, or `failed` follows. A request without an answer counts in full: nobody knows what it cost. The
ledger holds counts and money, no id of a person; which ids were charged today is kept beside the journals as keyed
hashes, for the one day that it matters, and is gone with it.
"""

import fcntl
import json
import os
import secrets
import threading
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Any

import duckdb

from pipelines.common import database
from pipelines.common.errors import LandedFileChangedError
from pipelines.common.settings import Settings, private
from pipelines.extract.pulls.price import MICRO, Charge

HASH_BYTES = 8
KEY_BYTES = 32


@dataclass(frozen=True)
class Part:
    """One kind of charge in a request: its price then, in millionths of a dollar, and how many of it."""

    charge: Charge
    micro: int
    n: int
    n_charged: int = 0

    def written(self) -> list[Any]:
        return [self.charge.resource, self.charge.is_owned, self.micro, self.n, self.n_charged]


def _part(written: Sequence[Any]) -> Part:
    resource, is_owned, micro, n, n_charged = written
    return Part(Charge(str(resource), bool(is_owned)), int(micro), int(n), int(n_charged))


@dataclass(frozen=True)
class Ask:
    """One request on its way: the most it can cost. `at` is in seconds since 1970.

    `before` is the same request made earlier that day, whose answer never came: one charge of X's covers both.
    """

    day: date
    at: float
    parts: tuple[Part, ...]
    plan: str | None = None
    before: "Ask | None" = None

    @property
    def micro(self) -> int:
        return sum(part.micro * part.n for part in self.parts)


@dataclass
class Plan:
    """Money held for one list on one day, so that no list is begun that another leaves no money for."""

    day: date
    micro: int
    used: int = 0


@dataclass
class Tally:
    """The outcome of the requests for one resource at one price on one day."""

    n_requests: int = 0
    n_resources: int = 0
    n_charged: int = 0


@dataclass
class Month:
    """One month of the ledger, folded: what is spent, what is under way, what is held for lists."""

    open: dict[str, Ask] = field(default_factory=dict)
    lost: list[Ask] = field(default_factory=list)
    plans: dict[str, Plan] = field(default_factory=dict)
    tallies: dict[tuple[date, Charge, int], Tally] = field(default_factory=dict)

    def apply(self, line: dict[str, Any]) -> None:
        """Take one line in."""
        event, key = line["event"], line["key"]
        if event == "asked":
            parts = tuple(_part(part) for part in line["parts"])
            self._asked(key, Ask(date.fromisoformat(line["day"]), line["at"], parts, line["plan"]))
        elif event in ("answered", "failed") and (ask := self.open.pop(key, None)):
            self._tally(ask.day, [_part(part) for part in line["parts"]], ask.plan)
            if event == "failed" and ask.before:
                self.open[key] = ask.before
        elif event == "planned":
            self.plans[key] = Plan(date.fromisoformat(line["day"]), int(line["micro"]))
        elif event == "ended":
            self.plans.pop(key, None)

    def _asked(self, key: str, ask: Ask) -> None:
        before = self.open.pop(key, None)
        if before and before.day == ask.day and before.micro <= ask.micro:
            # The same page once more: what the lost answer may have cost is not charged again on this day.
            ask = replace(ask, before=before)
            self._tally(before.day, [Part(part.charge, part.micro, 0) for part in before.parts], None)
        elif before:
            self.lost.append(before)
        self.open[key] = ask

    def _tally(self, day: date, parts: Iterable[Part], plan: str | None) -> None:
        for part in parts:
            tally = self.tallies.setdefault((day, part.charge, part.micro), Tally())
            tally.n_requests += 1
            tally.n_resources += part.n
            tally.n_charged += part.n_charged
            if held := self.plans.get(plan or ""):
                held.used += part.micro * part.n_charged

    @property
    def spent(self) -> int:
        """Millionths of a dollar: what was charged, and in full what may have been."""
        charged = sum(micro * tally.n_charged for (_, _, micro), tally in self.tallies.items())
        return charged + sum(ask.micro for ask in (*self.lost, *self.open.values()))

    def reads(self, resource: str) -> int:
        """How many of a resource were charged, or may have been, as owned reads or not."""
        charged = sum(tally.n_charged for (_, charge, _), tally in self.tallies.items() if charge.resource == resource)
        unsure = [part for ask in (*self.lost, *self.open.values()) for part in ask.parts]
        return charged + sum(part.n for part in unsure if part.charge.resource == resource)

    def held(self, day: date, but: str | None) -> int:
        """What is held on a day for lists other than `but`, less what they used and what they have under way."""
        under_way: dict[str | None, int] = {}
        for ask in self.open.values():
            under_way[ask.plan] = under_way.get(ask.plan, 0) + ask.micro
        return sum(
            max(0, plan.micro - plan.used - under_way.get(key, 0))
            for key, plan in self.plans.items()
            if plan.day == day and key != but
        )


class Ledger:
    """The ledger of one source: one file a month, shared by every process that pulls from it."""

    def __init__(self, settings: Settings, source: str) -> None:
        self._folder = private(private(settings.data / "cost") / source)
        self._lock = threading.Lock()
        self._read: dict[str, tuple[Month, int]] = {}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other thread and process out."""
        with self._lock, (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def month(self, day: date) -> Month:
        """The month of a day as of now, what other processes wrote included. Needs the lock."""
        path = self._path(day)
        month, offset = self._read.get(path.name, (Month(), 0))
        if path.exists():
            with path.open("rb") as source:
                source.seek(offset)
                for raw in source:
                    if not raw.endswith(b"\n"):
                        break  # cut off by a kill: it counted for nothing yet
                    _apply(month, raw, path.name)
                    offset += len(raw)
        self._read[path.name] = (month, offset)
        return month

    def append(self, day: date, /, **line: object) -> None:
        """Write one line and see it to the disk. Needs the lock."""
        self.month(day)
        path = self._path(day)
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as target:
            target.truncate(self._read[path.name][1])
            target.seek(0, os.SEEK_END)
            target.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
            target.flush()
            os.fsync(target.fileno())
        self.month(day)

    def _path(self, day: date) -> Path:
        return self._folder / f"{day:%Y-%m}.jsonl"


def _apply(month: Month, raw: bytes, name: str) -> None:
    try:
        month.apply(json.loads(raw))
    except (ValueError, KeyError, TypeError):
        hint = "restore it from a backup: without it nobody knows what is spent"
        raise LandedFileChangedError(f"cost ledger {name}", "has a line that is none of it", hint=hint) from None


class Charged:
    """Which resources were charged today, as keyed hashes in the private work folder; other days are deleted."""

    def __init__(self, settings: Settings, source: str) -> None:
        self._folder = private(private(private(settings.work) / "charged") / source)
        self._known: dict[date, tuple[bytes, set[int], int]] = {}

    def sweep(self, today: date) -> None:
        """Delete what was kept of other days. Needs the ledger's lock."""
        for path in self._folder.glob("*.*"):
            if path.stem != today.isoformat():
                path.unlink(missing_ok=True)
        self._known = {day: known for day, known in self._known.items() if day == today}

    def new(self, day: date, charge: Charge, ids: Iterable[str]) -> set[int]:
        """The hashes of those that were not charged on that day yet. Needs the ledger's lock."""
        key, known, _ = self._refresh(day)
        kind = f"{charge.resource}|{charge.is_owned}|"
        hashes = (blake2b((kind + one).encode(), digest_size=HASH_BYTES, key=key).digest() for one in ids)
        return {int.from_bytes(one, "little") for one in hashes} - known

    def add(self, day: date, hashes: Iterable[int]) -> None:
        """Note that these were charged. Needs the ledger's lock."""
        _, _, offset = self._refresh(day)
        with os.fdopen(os.open(self._path(day), os.O_RDWR | os.O_CREAT, 0o600), "r+b") as target:
            target.truncate(offset)
            target.seek(0, os.SEEK_END)
            target.write(b"".join(one.to_bytes(HASH_BYTES, "little") for one in hashes))
            target.flush()
            os.fsync(target.fileno())

    def _refresh(self, day: date) -> tuple[bytes, set[int], int]:
        key, known, offset = self._known.get(day) or (self._key(day), set(), 0)
        if self._path(day).exists():
            with self._path(day).open("rb") as source:
                source.seek(offset)
                read = source.read()
            whole = len(read) // HASH_BYTES * HASH_BYTES
            hashes = array("Q", read[:whole])
            known.update(hashes)
            offset += whole
        self._known[day] = (key, known, offset)
        return self._known[day]

    def _key(self, day: date) -> bytes:
        path = self._path(day).with_suffix(".key")
        if not path.exists() or path.stat().st_size != KEY_BYTES:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as target:
                target.write(secrets.token_bytes(KEY_BYTES))
                target.flush()
                os.fsync(target.fileno())
        return path.read_bytes()

    def _path(self, day: date) -> Path:
        return self._folder / f"{day.isoformat()}.ids"


def write_cost(con: duckdb.DuckDBPyConnection, settings: Settings, as_of: date) -> None:
    """Replace `meta.cost` with what the ledgers of all sources say up to a day; the table must be there.

    Raises `LandedFileChangedError` where a ledger was damaged.
    """
    rows: dict[tuple[date, str, Charge, int, bool], Tally] = {}
    for path in sorted((settings.data / "cost").glob("*/*.jsonl")):
        ledger = Ledger(settings, path.parent.name)
        with ledger.locked():
            month = ledger.month(date.fromisoformat(f"{path.stem}-01"))
        for (day, charge, micro), tally in month.tallies.items():
            rows[day, path.parent.name, charge, micro, False] = tally
        for ask in (*month.lost, *month.open.values()):
            for part in ask.parts:
                unsure = rows.setdefault((ask.day, path.parent.name, part.charge, part.micro, True), Tally())
                unsure.n_requests += 1
                unsure.n_charged += part.n
    con.execute("DELETE FROM meta.cost")
    written = [
        (day, source, charge.resource, charge.is_owned, unsure, tally.n_requests, None if unsure else tally.n_resources,
         tally.n_charged, micro / MICRO, micro * tally.n_charged / MICRO)
        for (day, source, charge, micro, unsure), tally in rows.items()
        if day <= as_of
    ]  # fmt: skip
    database.insert(con, "meta.cost", written)
