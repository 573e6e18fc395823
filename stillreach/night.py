"""One published night, to be asked: every method gives a frame or a chart, and changes nothing."""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import polars as pl

from pipelines.analysis import what_if as closing
from pipelines.analysis.account_name import Named, open_accounts, resolve
from pipelines.common.errors import PublishError, SettingsError
from pipelines.common.settings import data_folder
from pipelines.report import answers, figures
from pipelines.warehouse.publish import LINK
from stillreach.charts import Charts
from stillreach.choice import Choice, Wanted, choose
from stillreach.draft import Draft, try_draft
from stillreach.excel import write_workbook
from stillreach.history import verdict_history

BASES = closing.BASES
FALL_BACK = ("active", "follower", "engaged")
Accounts = Iterable[str]


def open_night(path: str | Path | None = None) -> "Night":
    """Open a published night to read: a snapshot's file, or a data folder's current night.

    Without a path it is the deployment's that `STILLREACH_DATA` or the file `.env` of the current folder names.
    Raises `PublishError` where nothing is published there, `SettingsError` where no deployment is named.
    """
    where = Path(path) if path is not None else data_folder()
    if where.is_dir():
        where = where / "published" / LINK
    if not where.exists():
        raise PublishError(str(where), "is not there", hint="run stillreach nightly, or stillreach demo")
    return Night(where.resolve())


class Night(Charts):
    """A published night, open for reading. Close it, or use it as a context manager.

    An account is named as in the command line: `platform:account_id`, `platform:handle`, or a handle alone where only
    one platform has it. Segments are named by their id; `everyone` is all people who were seen.
    """

    def __init__(self, snapshot: Path) -> None:
        self._snapshot = snapshot
        self._con = duckdb.connect(str(snapshot), read_only=True)
        self._con.execute("SET TimeZone = 'UTC'")
        self.snapshot_id, self.as_of = figures.run(self._con, snapshot)
        self._bands: dict[str, float] = dict(self._con.execute("SELECT band, value FROM ref.band").fetchall())

    snapshot_id: str
    as_of: date

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Night {self.snapshot_id} of {self.as_of}>"

    def close(self) -> None:
        """Close the snapshot's file."""
        self._con.close()

    def sql(self, query: str, **parameters: Any) -> pl.DataFrame:
        """Ask the snapshot in SQL, with `$name` for parameters; docs/DATA_DICTIONARY.md names tables and columns."""
        found: pl.DataFrame = self._con.sql(query, params=parameters or None).pl()
        return found

    def accounts(self) -> pl.DataFrame:
        """List our open accounts: platform, account_id, handle, name, is_main (reaches most people of its platform)."""
        rows = [(one.platform, one.account_id, one.handle, one.name, one.is_main) for one in self._accounts()]
        names = dict.fromkeys(("platform", "account_id", "handle", "name"), pl.String)
        return pl.DataFrame(rows, schema=names | {"is_main": pl.Boolean}, orient="row")

    def segments(self) -> pl.DataFrame:
        """Give a row per segment and platform of `mart.segment_size`: its people, and how many of them we reach."""
        return self.sql("FROM mart.segment_size ORDER BY segment_id, platform").drop("as_of")

    def reach(self, segment: str | None = None, basis: str = "follower", platform: str | None = None) -> pl.DataFrame:
        """Give a row per segment and open account of `mart.segment_reach`, with title and name; most people first.

        `reach_people` are reached on the basis (`follower`, `active` or `engaged`), `exclusive_people` by no other
        account of ours on the platform; `_lo` and `_hi` are bounds of the 95 % interval; shares are 0 to 1. A missing
        number has its reason in `reach_reason`.
        """
        rows = self._of(figures.reach(self._con), segment, platform)
        self._known("basis", basis, BASES)
        order = ("segment_id", "reach_people", "platform", "account_id")
        return rows.filter(basis=basis).sort(order, descending=[False, True, False, False], nulls_last=True)

    def verdicts(self, segment: str | None = None, platform: str | None = None) -> pl.DataFrame:
        """Give a row per segment and open account of `mart.reach_verdict`: does it still reach them, and why.

        `verdict` is `reaches`, `no longer reaches`, `does not reach` or `cannot tell`; `active_people` are those who
        interacted in the recent weeks, `active_share` their share of the segment (0 to 1).
        """
        return self._of(answers.verdicts(self._con), segment, platform)

    def decisions(self) -> pl.DataFrame:
        """Give a row per open account of `mart.decision`, with its name: the action, its reason and who is lost."""
        rows = self.sql("FROM mart.decision ORDER BY platform, account_id")
        return rows.join(self._names(), on=("platform", "account_id"), how="left")

    def what_if(
        self,
        close: Accounts = (),
        critical_only: Accounts = (),
        *,
        by: Iterable[str] = ("segment_id", "platform", "basis"),
    ) -> pl.DataFrame:
        """Give the people lost if accounts close or post critical updates only; a row for each value of `by`.

        `by` may also name `home_band`, the distance of their home. `reach_people` are reached today, `lost_people` then
        by no account of ours on that platform (`_lo`, `_hi`: 95 % interval), `only_together_people` are lost by closing
        all of the accounts and by no closure alone.
        Raises `SettingsError` for an account that is none of ours, with the nearest one.
        """
        return closing.totals(closing.what_if(self._con, *self._changes(close, critical_only)), by)

    def who_else(self, close: Accounts = (), critical_only: Accounts = ()) -> pl.DataFrame:
        """Give a row per segment, platform, basis and account that stays: how many of those who remain it reaches.

        `rest_people` remain although an account of theirs closes; the account reaches `still_reached_people` of them.
        """
        rows = closing.who_else(self._con, *self._changes(close, critical_only))
        return rows.join(self._names(), on=("platform", "account_id"), how="left")

    def keep(
        self,
        at_least: float | Mapping[str, float] = 0.9,
        *,
        basis: str | None = None,
        platform: str | None = None,
        must_keep: Accounts = (),
        must_close: Accounts = (),
        bootstraps: int = 0,
    ) -> Choice:
        """Find the fewest accounts that keep a share (0 to 1) of every segment's reach.

        `at_least` may give shares by segment id; others then have none. `bootstraps` is the number of draws behind
        `n_best`. Without a basis it is `active`, or the first that is measured.
        Raises `SettingsError` where no set is enough.
        """
        if basis is not None:
            self._known("basis", basis, BASES)
        least, floors = (0.0, at_least) if isinstance(at_least, Mapping) else (at_least, {})
        wanted = Wanted(least, self._listed(must_keep), self._listed(must_close), floors, bootstraps)
        return choose(self._con, self._accounts(), (basis,) if basis else FALL_BACK, platform, wanted)

    def history(self) -> pl.DataFrame:
        """Give the verdicts of every kept night beside this one: as_of, snapshot_id, then as in `verdicts`.

        There is one row per night, segment and account, oldest night first; of several runs of a day, the last. Nights
        older than `STILLREACH_KEEP_SNAPSHOTS` are gone.
        """
        return verdict_history(self._snapshot)

    def to_excel(self, path: str | Path) -> Path:
        """Write accounts, segments, reach, verdicts and decisions to a workbook, a sheet each; replace what is there.

        Texts are never formulas. Counts are exact: the workbook is for the people who may see the snapshot.
        """
        sheets = {
            "accounts": self.accounts(),
            "segments": self.segments(),
            **{f"reach {basis}": self.reach(basis=basis) for basis in BASES},
            "verdicts": self.verdicts(),
            "decisions": self.decisions(),
        }
        return write_workbook(Path(path), sheets)

    def try_segment(self, definition: str | Path) -> Draft:
        """Try a segment's definition (YAML text, or a file) on the published night; nothing is kept.

        It reads the deployment's reference files and restricted work files: open the night without a path.
        """
        return try_draft(definition)

    def _accounts(self) -> list[Named]:
        return open_accounts(self._con)

    def _names(self) -> pl.DataFrame:
        return self.sql(answers.NAMES)

    def _changes(self, close: Accounts, critical_only: Accounts) -> tuple[list[str], list[str]]:
        mine = self._accounts()
        closed, cut_back = ([one.ref for one in resolve(self._listed(one), mine)] for one in (close, critical_only))
        return closed, cut_back

    def _listed(self, accounts: Accounts) -> tuple[str, ...]:
        """Give the accounts that are named; a single text is one account."""
        return (accounts,) if isinstance(accounts, str) else tuple(accounts)

    def _of(self, rows: pl.DataFrame, segment: str | None, platform: str | None) -> pl.DataFrame:
        """Keep the rows of a segment and a platform, or all where none is named."""
        for column, asked in (("segment_id", segment), ("platform", platform)):
            if asked is not None:
                self._known(column.removesuffix("_id"), asked, sorted(set(rows[column])))
                rows = rows.filter(pl.col(column) == asked)
        return rows

    def _known(self, what: str, asked: str, known: Iterable[str]) -> None:
        if asked not in (known := list(known)):
            raise SettingsError(f"{what} {asked!r}", "is not in the published night", known=known)
