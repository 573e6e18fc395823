"""A release on disk: `release/<day>/` with a CSV and a Parquet file per table, one page, and the rules in words."""

import csv
import hashlib
import hmac
import io
import json
import logging
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipelines.common import database
from pipelines.common.disk import for_everybody, group_folder
from pipelines.common.errors import ModelError, SettingsError
from pipelines.common.settings import Settings
from pipelines.common.visible import visible
from pipelines.release import tables
from pipelines.release.cells import Cell, Released
from pipelines.release.protect import Rule, protect, rule
from pipelines.release.released_counts import ReleasedCounts
from pipelines.release.rules import Leaving, read_rules
from pipelines.warehouse import freshness, publish

log = logging.getLogger(__name__)

HERE = Path(__file__).parent
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
SEAL = "release.json"
# A spreadsheet takes a cell that begins so for a formula; the wide forms of the four are taken so too.
FORMULA = tuple("=+-@\t\r\n＝＋－＠")

Frames = list[tuple[Leaving, pl.DataFrame]]


def write_release(
    snapshot: Path, settings: Settings, as_of: date, bands: Mapping[str, float], key: bytes
) -> Path | None:
    """Write the release of a published snapshot and give its folder; None where a later day is released already.

    The last release is read back: a number changes only where its count has moved away from it. The same counts
    leave the same day's release as it is, and with the same release before it give the same bytes.
    Raises `RefError` for unusable rules or bands, `ModelError` for a snapshot that contradicts itself, and
    `SettingsError` where the folder holds anything that is not a release's.
    """
    days = released_days(settings.release)
    if days and days[-1] > as_of:
        log.info("no release of %s: %s is released already, and the two would be subtracted", as_of, days[-1])
        return None
    made = _made(snapshot, settings, bands, key)
    folder = settings.release / as_of.isoformat()
    _refuse_to_replace_others(folder)
    if _is_made_from(folder, made.seal):
        return folder
    last = read_release(settings.release / days[-1].isoformat(), made.leaving) if days else {}
    frames = made.as_released(last)
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    group_folder(settings.release, None, mode=0o755)
    unfinished.mkdir()
    _write(unfinished, frames, as_of, made.how, made.seal, _banner(snapshot, as_of))
    for_everybody(unfinished)
    publish.put_in_place(unfinished, folder)
    return folder


def released_counts(
    snapshot: Path, settings: Settings, as_of: date, bands: Mapping[str, float], key: bytes
) -> ReleasedCounts:
    """Give the counts of a published snapshot as its day's release has them; nothing is written.

    For a snapshot that was not released (a backfill), they are what a release after the last earlier one would show.
    Raises as `write_release` does.
    """
    made = _made(snapshot, settings, bands, key)
    folder = settings.release / as_of.isoformat()
    if _is_made_from(folder, made.seal):
        frames = [(one, pl.read_parquet(folder / f"{one.stem}.parquet")) for one, _ in made.frames]
    else:
        earlier = [day for day in released_days(settings.release) if day < as_of]
        last = read_release(settings.release / earlier[-1].isoformat(), made.leaving) if earlier else {}
        frames = made.as_released(last)
    return ReleasedCounts.of(frames)


@dataclass(frozen=True)
class _Made:
    """The exact tables that leave, the rule that protects them, and the seal of both."""

    leaving: list[Leaving]
    frames: Frames
    how: Rule

    @property
    def seal(self) -> str:
        return _sealed(self.frames, self.how)

    def as_released(self, last: Mapping[Cell, Released]) -> Frames:
        """Protect the tables; `last` is what the last release says of each cell."""
        exact = tables.counts(self.frames)
        released = tables.derived(protect(exact, last, self.how), self.how)
        return [(one, tables.released_frame(one, frame, exact, released, self.how)) for one, frame in self.frames]


def _made(snapshot: Path, settings: Settings, bands: Mapping[str, float], key: bytes) -> _Made:
    leaving = read_rules(settings)
    frames = tables.completed([(one, frame) for one, frame in _read(snapshot, leaving) if not frame.is_empty()])
    return _Made(leaving, frames, rule(bands, key))


def _is_made_from(folder: Path, seal: str) -> bool:
    path = folder / SEAL
    return path.exists() and json.loads(path.read_text(encoding="utf-8"))["made_from"] == seal


def released_days(folder: Path) -> list[date]:
    """The days that are released, oldest first."""
    return sorted(
        date.fromisoformat(one.name) for one in folder.glob("*") if DAY.fullmatch(one.name) and (one / SEAL).exists()
    )


def read_release(folder: Path, leaving: Sequence[Leaving]) -> dict[Cell, Released]:
    """What a release digest of each cell; a table that it lacks, or that was made otherwise, says nothing."""
    found: dict[Cell, Released] = {}
    for one in leaving:
        path = folder / f"{one.stem}.parquet"
        if path.exists():
            frame = pl.read_parquet(path)
            if {*one.key, *one.counts} <= set(frame.columns):
                found |= dict(tables.read_back(one, frame))
    return found


def escaped(text: str) -> str:
    """A text that no spreadsheet runs: an apostrophe before what would be read as a formula."""
    return f"'{text}" if text.lstrip(" \u00a0").startswith(FORMULA) else text


def as_csv(frame: pl.DataFrame) -> str:
    """UTF-8 CSV after RFC 4180 with a header: missing is empty, text is escaped."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(frame.columns)
    for row in frame.iter_rows():
        writer.writerow([escaped(value) if isinstance(value, str) else _number(value) for value in row])
    return target.getvalue()


def _number(value: Any) -> Any:
    return f"{value:.4f}" if isinstance(value, float) else value


def _read(snapshot: Path, leaving: Sequence[Leaving]) -> Frames:
    """The tables that leave, read from a snapshot in the order of their keys."""
    with database.without_values(ModelError, snapshot.name):
        con = duckdb.connect(str(snapshot), read_only=True)
        try:
            return [
                (one, con.sql(f"SELECT {', '.join(one.columns)} FROM {one.name} ORDER BY {', '.join(one.key)}").pl())
                for one in leaving
            ]
        finally:
            con.close()


def _banner(snapshot: Path, as_of: date) -> str | None:
    """The sentence of a night whose data are all too old."""
    with database.without_values(ModelError, snapshot.name):
        con = duckdb.connect(str(snapshot), read_only=True)
        try:
            return freshness.summary(con).banner(as_of)
        finally:
            con.close()


def _sealed(frames: Frames, how: Rule) -> str:
    """Which exact tables and rules a release was made from, told to nobody without the key."""
    digest = hashlib.sha256(repr((how.limit, how.until, how.values)).encode())
    for one, frame in frames:
        digest.update(f"{one}\n{as_csv(frame)}".encode())
    return hmac.new(how.key, b"release\x1f" + digest.digest(), hashlib.sha256).hexdigest()


def _write(folder: Path, made: Frames, as_of: date, how: Rule, seal: str, banner: str | None) -> None:
    for one, frame in made:
        (folder / f"{one.stem}.csv").write_text(as_csv(frame), encoding="utf-8", newline="")
        frame.write_parquet(folder / f"{one.stem}.parquet", compression="zstd", statistics=False)
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        finalize=visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = [(one, frame, _headings(one, frame), _page_rows(one, frame)) for one, frame in made]
    about = {"as_of": as_of.isoformat(), "how": how, "tables": shown, "banner": banner}
    page = environment.get_template("page.html.j2").render(about)
    (folder / "index.html").write_text(page, encoding="utf-8", newline="\n")
    environment.autoescape = False  # plain text
    readme = environment.get_template("README.txt.j2").render(about)
    (folder / "README.txt").write_text(readme, encoding="utf-8", newline="\n")
    state = {"as_of": as_of.isoformat(), "tables": [one.stem for one, _ in made], "made_from": seal}
    (folder / SEAL).write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")


def _page_columns(one: Leaving) -> list[str]:
    """What the page shows: a count by its text, bounds in the files only."""
    words = [*one.key, *one.words, *one.told_with]
    return [*words, *(f"{name}_shown" for name in one.counts), *one.ratios, *one.indices]


def _headings(one: Leaving, frame: pl.DataFrame) -> list[tuple[str, bool]]:
    """Each column's heading, and whether it holds numbers."""
    words = {*one.key, *one.words, *one.told_with}
    return [(name.removesuffix("_shown").replace("_", " "), name not in words) for name in _page_columns(one)]


def _page_rows(one: Leaving, frame: pl.DataFrame) -> list[list[str]]:
    return [
        [_page_text(name, value, one) for name, value in zip(_page_columns(one), row, strict=True)]
        for row in frame.select(_page_columns(one)).iter_rows()
    ]


def _page_text(name: str, value: Any, one: Leaving) -> str:
    if value is None:
        return "–" if name in (*one.words, *one.told_with) else ""
    if name in one.ratios:
        return f"{100 * value:.0f}\u00a0%"
    return f"{value:.0f}" if isinstance(value, float) and name in one.indices else str(value)


def _refuse_to_replace_others(folder: Path) -> None:
    known = re.compile(r"[a-z_]+\.(csv|parquet)|index\.html|README\.txt|release\.json")
    if folder.is_dir() and not all(known.fullmatch(one.name) for one in folder.iterdir()):
        raise SettingsError(str(folder), "holds files that are not a release's", hint="move them elsewhere")
