"""The command line's `audit-closure`: the effect of closing an account, with kept accounts as controls."""

from datetime import datetime
from typing import Annotated

import typer

from pipelines.cli.screen import prints_tables
from pipelines.common.settings import from_environment


@prints_tables
def audit_closure(
    account: Annotated[str, typer.Argument(help="An account of ours: platform:account_id, or its handle.")],
    closed_on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First day without it, YYYY-MM-DD.")],
) -> None:
    """Compare a closed account's audience before and after, with kept accounts as controls; exact counts."""
    from pipelines.analysis import closure_evaluation
    from pipelines.cli import closure_tables
    from pipelines.cli.snapshot import published
    from pipelines.reference.files import read_bands

    settings = from_environment()
    with published(settings) as con:
        least = int(read_bands(settings)["closure_audit_weeks_at_least"])
        done = closure_evaluation.audit(con, account, closed_on.date(), least)
    closure_tables.say(done)
