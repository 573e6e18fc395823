"""Write the command line reference from the commands themselves."""

import typer.cli
import typer.main

from pipelines.cli.app import app


def command_reference() -> str:
    """Write one page with every command, its arguments and options, as `typer ... utils docs` does."""
    command = typer.main.get_command(app)
    written = typer.cli.get_docs_for_click(
        obj=command, ctx=typer.Context(command), name="stillreach", title="Command line reference"
    )
    return written.strip() + "\n"
