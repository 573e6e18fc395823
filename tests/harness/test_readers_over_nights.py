"""Three readers ask the published file all the time while fifty nights are published, and see whole nights alone."""

import multiprocessing
import time
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import night
from pipelines.common.settings import Settings
from pipelines.warehouse import publish

WriteDrop = Callable[[Path, Mapping[str, Any]], Path]
County = Callable[..., dict[str, Any]]
Seen = tuple[int, int, int]  # reads, nights seen, reads that were not of one whole night

N_NIGHTS, N_READERS = 50, 3
FIRST = date(2026, 7, 22)
# Each table of a night carries its day: a reader who sees two days in one file has seen half a night.
DAYS = """
    SELECT max(as_of) FROM mart.segment_size
    UNION ALL SELECT max(as_of) FROM mart.segment_reach
    UNION ALL SELECT max(as_of) FROM mart.decision
    UNION ALL SELECT max(as_of) FROM meta.run
"""

pytestmark = pytest.mark.harness


def read(link: str, is_over: Event, seen: Any) -> None:
    """Open the published file anew again and again, as a dashboard does, until the nights are over."""
    n_reads = n_mixed = 0
    nights: set[date] = set()
    while not is_over.is_set():
        with duckdb.connect(link, read_only=True) as con:
            days = {day for (day,) in con.execute(DAYS).fetchall()}
        n_reads += 1
        n_mixed += len(days) != 1
        nights |= days
        time.sleep(0.2)
    seen.put((n_reads, len(nights), n_mixed))


def test_three_readers_over_fifty_nights_see_no_error_and_no_half_night(
    two_nights: Settings, no_report: None, write_drop: WriteDrop, county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(night, "check", lambda run_id, layer: None)
    apart = multiprocessing.get_context("spawn")
    is_over, seen = apart.Event(), apart.Queue()
    link = str(two_nights.published / publish.LINK)
    readers = [apart.Process(target=read, args=(link, is_over, seen)) for _ in range(N_READERS)]
    for reader in readers:
        reader.start()
    for n in range(N_NIGHTS):
        on = FIRST + timedelta(n)
        if n % 7 == 0:
            write_drop(two_nights.inbox / "x_extract" / str(on), county(str(on), 64 + n))
        night.run_night(on)
    is_over.set()
    found: list[Seen] = [seen.get(timeout=60) for _ in readers]
    for reader in readers:
        reader.join(60)
    assert [reader.exitcode for reader in readers] == [0] * N_READERS
    assert all(n_reads > 5 * N_NIGHTS for n_reads, _, _ in found), found
    assert all(n_nights > N_NIGHTS / 2 for _, n_nights, _ in found), found
    assert [n_mixed for _, _, n_mixed in found] == [0] * N_READERS
