"""The budget guard of a paid platform: nothing is asked for that could cost more than is left of the month's budget.

Each list is estimated before its first paid page and refused whole where it does not fit; each request is held against
the budget with the most it can cost *before* it goes out. A resource is charged once per UTC day, which is X's rule.
"""

import logging
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from pipelines.common.errors import ListRefusedError, PlatformBusyError, PlatformRefusedError, StillreachError
from pipelines.common.settings import Settings
from pipelines.extract.pulls.ledger import Ask, Charged, Ledger, Month, Part
from pipelines.extract.pulls.price import MICRO, Charge, Price, Prices, read_prices
from pipelines.extract.pulls.source import Source

log = logging.getLogger(__name__)
POLICY = "docs/POLICY.md says what X asks of a public body, docs/X_API.md how to switch it on"
ALIVE_SECONDS = 180  # a request that was asked longer ago than that waits for no answer any more
PATIENCE_SECONDS = 10.0  # how long money under way is waited for before somebody is sent away
STEP_SECONDS = 0.05
SAID_FROM = 1  # US dollars: what a list must cost to be told of in the log


class Budget:
    """The month's money for one source, shared by every thread and process that pulls from it.

    All amounts are whole millionths of a US dollar; a month and a day are UTC. `now` gives the present instant.
    """

    def __init__(
        self,
        settings: Settings,
        source: str,
        usd_per_month: float,
        prices: Prices,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.source = source
        self._micro = round(usd_per_month * MICRO)
        self._prices = prices
        self._now = now
        self._patience = patience
        self._ledger = Ledger(settings, source)
        self._charged = Charged(settings, source)
        self._days: dict[str, date] = {}
        self._guard = threading.Lock()
        with self._ledger.locked():
            self._charged.sweep(self._today())

    def left(self) -> float:
        """US dollars left of this month's budget, what is held for requests and lists taken off."""
        with self._ledger.locked():
            return self._left(self._today(), None) / MICRO

    def plan(self, key: str, thing: str, parts: Mapping[Charge, int]) -> None:
        """Estimate a list before its first page, say so in the log, and hold the money for it.

        Raises `ListRefusedError` where it could cost more than is left, `PlatformBusyError` where that may change
        within seconds.
        """
        day = self._today()
        micro = sum(self._prices.at(charge, day).micro * n for charge, n in parts.items())

        def try_once() -> bool:
            month = self._ledger.month(day)
            if (held := month.plans.get(key)) and held.day == day:
                return True
            if micro > (left := self._left(day, key)):
                return False
            self._ledger.append(day, event="planned", key=key, day=day.isoformat(), micro=micro)
            level = logging.INFO if micro >= SAID_FROM * MICRO else logging.DEBUG
            log.log(
                level, "%s: %s costs at most %s; %s of the month is left", self.source, thing, usd(micro), usd(left)
            )
            return True

        def refusal(left: int) -> StillreachError:
            found = f"could cost {usd(micro)}, {usd(left)} of this month's {usd(self._micro)} is left"
            return ListRefusedError(thing, found, hint="raise budget_usd_per_month of source.yml, or leave it out")

        self._until(day, key, try_once, refusal)

    def ask(
        self, key: str, thing: str, charges: Sequence[Charge], least: int, most: int, plan: str | None = None
    ) -> int:
        """Hold the most that a request can cost, and give how many entries it may ask for, `least` to `most`.

        Each entry can be charged as all of `charges`. Raises `PlatformRefusedError` where even `least` entries could
        exceed the budget or the month's cap of a resource, `PlatformBusyError` where that may change within seconds.
        """
        day, at = self._today(), self._now().timestamp()
        granted = 0

        def try_once(*, small: bool = False) -> bool:
            nonlocal granted
            granted = self._affordable(day, key, charges, most, plan)
            if granted < least or (granted < most and not small and self._under_way(day, key)):
                return False
            parts = [Part(charge, price.micro, granted * each) for charge, price, each in self._priced(charges, day)]
            self._asked(key, day, at, parts, plan)
            return True

        def refusal(left: int) -> StillreachError:
            unit = self._unit(charges, day)
            found = f"the next request could cost {usd(unit * least)}, {usd(left)} of this month's "
            found += f"{usd(self._micro)} is left" if unit * least > left else "reads of it would pass the month's cap"
            return PlatformRefusedError(thing, found, hint="raise budget_usd_per_month, or wait for the next month")

        self._until(day, key, try_once, refusal, last=lambda: try_once(small=True))
        with self._guard:
            self._days[key] = day
        return granted

    def answered(self, key: str, ids: Iterable[tuple[Charge, str]]) -> None:
        """Charge what an answer held: each resource once per UTC day of its request.

        The ledger first, the ids after: a kill in between counts a resource twice, never not at all.
        """
        with self._guard:
            day = self._days.pop(key, None) or self._today()
        every: dict[Charge, list[str]] = {}
        for charge, one in ids:
            every.setdefault(charge, []).append(one)
        with self._ledger.locked():
            ask = self._ledger.month(day).open.get(key)
            if ask is None:  # an answer that was given up came after its repetition: it was paid for all the same
                self._asked(key, day, self._now().timestamp(), [], None)
            for part in ask.parts if ask else ():
                every.setdefault(part.charge, [])
            new = {charge: self._charged.new(day, charge, held) for charge, held in every.items()}
            parts = [
                Part(charge, self._prices.at(charge, day).micro, len(held), len(new[charge])).written()
                for charge, held in every.items()
            ]
            self._ledger.append(day, event="answered", key=key, parts=parts)
            self._charged.add(day, set().union(*new.values()))

    def failed(self, key: str) -> None:
        """Note that X refused the request: an answer without data costs nothing."""
        with self._guard:
            day = self._days.pop(key, None) or self._today()
        with self._ledger.locked():
            if ask := self._ledger.month(day).open.get(key):
                parts = [replace(part, n=0).written() for part in ask.parts]
                self._ledger.append(day, event="failed", key=key, parts=parts)

    def end(self, plans: Iterable[str]) -> None:
        """Give back what lists held and did not use."""
        day = self._today()
        with self._ledger.locked():
            for key in plans:
                if key in self._ledger.month(day).plans:
                    self._ledger.append(day, event="ended", key=key)

    def _until(
        self,
        day: date,
        key: str,
        try_once: Callable[[], bool],
        refusal: Callable[[int], StillreachError],
        last: Callable[[], bool] | None = None,
    ) -> None:
        """Try while money is under way that may come back, then once more, then say why not."""
        ends = time.monotonic() + self._patience
        while True:
            with self._ledger.locked():
                if try_once():
                    return
                waiting = self._under_way(day, key)
                if not waiting or time.monotonic() >= ends:
                    if last and last():
                        return
                    left = self._left(day, key)
                    break
            time.sleep(STEP_SECONDS)
        if waiting:
            raise PlatformBusyError(f"{self.source} budget", "is held by requests under way", wait_seconds=5)
        raise refusal(left)

    def _affordable(self, day: date, key: str, charges: Sequence[Charge], most: int, plan: str | None) -> int:
        """How many entries, at most `most`, can be charged in full within the budget and the month's caps.

        A repeated request may use what its first attempt holds, unless it has to be smaller now: then both count.
        """
        unit = self._unit(charges, day)
        left = self._left(day, plan)
        first = self._ledger.month(day).open.get(key)
        if first and first.day == day:
            n = min(self._within_budget(left + first.micro, unit, most), self._within_caps(day, charges, first))
            if n * unit >= first.micro:
                return n
        return min(self._within_budget(left, unit, most), self._within_caps(day, charges, None))

    @staticmethod
    def _within_budget(left: int, unit: int, most: int) -> int:
        """How many entries, at most `most`, the money left pays for; both amounts in millionths of a dollar."""
        return max(0, min(most, left // unit)) if unit else most

    def _within_caps(self, day: date, charges: Sequence[Charge], first: Ask | None) -> int:
        """How many entries the month's caps of their resources leave; `first` is an attempt whose reads come back."""
        n_read = self._ledger.month(day).reads
        per_entry = Counter(charge.resource for charge in charges)  # reads of a resource that one entry can bring
        n = sys.maxsize
        for charge, price, _ in self._priced(charges, day):
            if price.n_most is not None:
                again = sum(part.n for part in first.parts if part.charge.resource == charge.resource) if first else 0
                n = min(n, (price.n_most - n_read(charge.resource) + again) // per_entry[charge.resource])
        return max(0, n)

    def _left(self, day: date, but: str | None) -> int:
        month: Month = self._ledger.month(day)
        return self._micro - month.spent - month.held(day, but)

    def _under_way(self, day: date, but: str) -> bool:
        """Whether another request is on its way whose money may come back."""
        oldest = self._now().timestamp() - ALIVE_SECONDS
        return any(ask.at >= oldest for key, ask in self._ledger.month(day).open.items() if key != but)

    def _asked(self, key: str, day: date, at: float, parts: list[Part], plan: str | None) -> None:
        written = [part.written() for part in parts]
        self._ledger.append(day, event="asked", key=key, day=day.isoformat(), at=at, parts=written, plan=plan)

    def _priced(self, charges: Sequence[Charge], day: date) -> list[tuple[Charge, Price, int]]:
        """Each charge once, with its price and how many times one entry can bring it."""
        return [(charge, self._prices.at(charge, day), n) for charge, n in Counter(charges).items()]

    def _unit(self, charges: Sequence[Charge], day: date) -> int:
        """The most that one entry can cost."""
        return sum(price.micro * each for _, price, each in self._priced(charges, day))

    def _today(self) -> date:
        return self._now().astimezone(UTC).date()


def usd(micro: int) -> str:
    """Say millionths of a dollar as dollars and cents, rounded up to the cent."""
    return f"${-(-max(0, micro) // 10_000) / 100:,.2f}"


def open_budget(source: Source, settings: Settings) -> Budget:
    """Open the budget of a configured source.

    Raises `PlatformRefusedError` where none is configured, `RefError` where the prices are not usable.
    """
    if source.budget_usd_per_month is None:
        raise PlatformRefusedError(source.name, "has no budget_usd_per_month in source.yml", hint=POLICY)
    return Budget(settings, source.name, source.budget_usd_per_month, read_prices(settings))
