"""The command line's `init`, `doctor` and `demo`: a deployment's files, its state, and the fictional county.

The help imports this module: libraries that are slow to import are imported by the commands.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import published_night
from pipelines.cli.screen import prints_tables, screen


@prints_tables
def init(
    folder: Annotated[Path, typer.Argument(help="A folder, new or not: what exists stays as it is.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be written, and write nothing.")] = False,
) -> None:
    """Write the files that a deployment starts with: settings, templates of its reference files, the next steps."""
    from pipelines.deployment.init import write_deployment
    from pipelines.deployment.reference_files import missing_files

    written = write_deployment(folder, dry_run=dry_run)
    screen.rows("files", written)
    for one in written:
        verb = "exists, unchanged" if not one.is_new else "would write" if dry_run else "wrote"
        _line(f"{verb}: {folder / one.name}")
    if dry_run:
        return
    missing = missing_files(folder / "ref")
    screen.rows("missing", missing)
    for file in missing:
        _line(f"not written: ref/{file.name} ({file.says}): {file.without}")
    _line(f"next: cd {folder}, read README.md, and ask stillreach doctor what is missing")


@prints_tables
def doctor() -> None:
    """Check key, modes, disk, versions, reference files, tokens, age of the data and Airflow's pools; change nothing.

    Ends with the exit code of the first problem, or 0.
    """
    from pipelines.deployment.doctor import examine

    findings = []
    for one in examine(datetime.now(UTC).date()):
        findings.append(one)
        hint = f" -> {one.hint}" if one.hint else ""
        _line(f"{one.status:<8} {one.check}: {one.found}{hint}")
    screen.rows("findings", findings)
    n_problems = sum(one.status == "problem" for one in findings)
    n_warnings = sum(one.status == "warning" for one in findings)
    _line(f"problems: {n_problems}, warnings: {n_warnings}")
    raise typer.Exit(next((one.exit_code for one in findings if one.status == "problem"), 0))


def demo(
    to: Annotated[Path, typer.Option(help="A data folder for the demo alone.")] = Path("stillreach-demo"),
    people: Annotated[int, typer.Option(help="How many members, over all platforms.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Seed of the random numbers.")] = 1,
    days: Annotated[int, typer.Option(help="Number of days; there is one drop a week.")] = 91,
    airflow: Annotated[bool, typer.Option(help="Run the night through an Airflow of the demo's own.")] = True,
) -> None:
    """Land a fictional county police force's extracts, run its night, and print who reaches whom."""
    from pipelines.demo.run import County, run_demo

    run_demo(to, County(people, seed, days), _line, through_airflow=airflow)
    published_night.show()
    _line(f"next: cd {to}, then stillreach what-if --close x:TMP_Roads, or stillreach status")


def _line(text: str) -> None:
    screen.print(text, soft_wrap=True, markup=False, highlight=False)
