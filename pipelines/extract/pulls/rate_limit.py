"""How fast one list kind of a platform may be asked: a sliding window, and pauses that the platform asks for."""

import asyncio
import time
from collections import deque

from pipelines.extract.pulls.listing import Limit


class Pace:
    """Let requests through one by one, never more than the limit in its window, never within a pause."""

    def __init__(self, limit: Limit | None) -> None:
        self._limit = limit
        self._sent: deque[float] = deque()
        self._not_before = 0.0
        self._turn = asyncio.Lock()

    def pause(self, seconds: float) -> None:
        """Pause all requests for this kind of list, not only the one that was limited."""
        self._not_before = max(self._not_before, time.monotonic() + seconds)

    async def turn(self) -> None:
        """Wait until one more request may be sent."""
        async with self._turn:
            while (wait := self._wait(time.monotonic())) > 0:
                await asyncio.sleep(wait)
            if self._limit:
                self._sent.append(time.monotonic())

    def _wait(self, now: float) -> float:
        wait = self._not_before - now
        if self._limit:
            while self._sent and self._sent[0] <= now - self._limit.seconds:
                self._sent.popleft()
            if len(self._sent) >= self._limit.requests:
                wait = max(wait, self._sent[0] + self._limit.seconds - now)
        return wait
