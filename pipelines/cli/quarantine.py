"""The command that lists what a night set aside."""

from datetime import datetime
from typing import Annotated

import typer

from pipelines.cli.screen import prints_tables, screen
from pipelines.common.settings import from_environment


@prints_tables
def show_quarantine(
    source: Annotated[str, typer.Argument(help="One source; all by default.")] = "",
    day: Annotated[datetime | None, typer.Argument(formats=["%Y-%m-%d"], help="The day it was landed for.")] = None,
) -> None:
    """List the rows and values that the newest night set aside: delivery, file, reason and count."""
    from pipelines.common import database
    from pipelines.common.query import query
    from pipelines.landing.deliveries import file_with
    from pipelines.warehouse import publish, runs

    settings = from_environment()
    newest = next((one["run_id"] for one in reversed(runs.records(settings))), "")
    path = runs.night_file(settings, newest)
    path = path if newest and path.exists() else settings.published / publish.LINK
    rows = []
    if path.exists():
        con = database.connect(path, settings, read_only=True)
        wanted = {"source": source, "day": day.date() if day else None}
        rows = con.execute(query("cli/quarantine"), wanted).fetchall()
        con.close()
    names = ("delivery_id", "table_name", "effect", "reason", "n_rows")
    screen.rows("quarantine", [dict(zip(names, row, strict=True)) for row in rows])
    for delivery_id, table, effect, reason, n_rows in rows:
        line = f"{delivery_id} {file_with(table, delivery_id, settings)}: {reason}: {n_rows:,} ({effect})"
        screen.print(line, soft_wrap=True, markup=False, highlight=False)
    if not rows:
        screen.print("nothing was set aside")
