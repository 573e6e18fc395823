"""The command `pull`: request our accounts' lists from a platform and land the answers."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from pipelines.cli.screen import screen
from pipelines.common.errors import RefError, SettingsError, StillreachError
from pipelines.common.settings import from_environment
from pipelines.extract.registry import PULLED


def pull(
    source: Annotated[str, typer.Argument(help=f"{', '.join(PULLED)}: as named in source.yml.")],
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Today (UTC) by default; no other day can be pulled.")
    ] = None,
) -> None:
    """Pull a platform's lists of all our accounts, land them, and report missing data."""
    from pipelines.extract.pulls import session
    from pipelines.extract.pulls.source import read_source

    began_at = datetime.now(UTC)
    day = on.date() if on else began_at.date()
    read_source(from_environment(), source, with_token=False)
    failures: list[StillreachError] = []
    for account_id in session.accounts_of(source):
        try:
            _print(session.pull_account(source, account_id, day, began_at))
        except (RefError, SettingsError):
            raise
        except StillreachError as failure:
            failures.append(failure)
            _print(f"{account_id}: {failure.message()}")
    _print(session.land_pulled(source, day))
    if failures:
        raise failures[0]


def _print(text: str) -> None:
    screen.print(text, soft_wrap=True, markup=False, highlight=False)
