"""The command line's `review`: write the review of a published night, ready to print."""

from datetime import datetime
from typing import Annotated

import typer

from pipelines.cli.screen import screen
from pipelines.common.errors import PublishError, SettingsError
from pipelines.common.settings import Settings, from_environment


def review(
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A published day; the current one by default.")
    ] = None,
) -> None:
    """Write the review of a published night: one A4 sheet per account with the action, its evidence and who is lost."""
    from pipelines.report import review as sheets  # draws with matplotlib: not before it is needed

    settings = from_environment()
    snapshot_id = snapshot_of(settings, as_of.date().isoformat() if as_of else None)
    path = sheets.review_snapshot(settings, snapshot_id)
    screen.print(f"review: {path}", soft_wrap=True, highlight=False)


def snapshot_of(settings: Settings, day: str | None) -> str:
    """Name the snapshot of a day: the published one if it is of that day, else the last one written of it.

    Raises `PublishError` where nothing is published, `SettingsError` naming the days there are where that one is not.
    """
    from pipelines.warehouse import publish

    current, kept = publish.current_snapshot(settings), publish.snapshots(settings)
    if day is None:
        if current is None:
            raise PublishError(publish.LINK, "is not there", hint="run stillreach nightly, or stillreach demo")
        return current
    of_day = [one for one in kept if one.startswith(f"{day}-")]
    if not of_day:
        days = sorted({one[:10] for one in kept})
        raise SettingsError(f"--as-of {day}", "has no published night", known=days, hint="run stillreach nightly")
    return current if current in of_day else of_day[-1]
