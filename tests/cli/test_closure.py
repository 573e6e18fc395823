"""Run `audit-closure` on a published night: what it prints, what it cannot tell, how it refuses."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.cli.screen import screen
from pipelines.common.errors import PublishError, SettingsError
from pipelines.common.settings import Settings
from pipelines.warehouse import publish
from tests.reach.test_closure_evaluation import build_shared, planted

run = CliRunner().invoke


def _publish(settings: Settings, tmp_path: Path) -> None:
    settings.published.mkdir(parents=True)
    path = tmp_path / "night.duckdb"
    con = planted(effect=-0.7).con
    build_shared(con)
    con.execute(f"ATTACH '{path}' AS copied")
    con.execute("COPY FROM DATABASE memory TO copied")
    con.execute("DETACH copied")
    con.close()
    (settings.published / publish.LINK).symlink_to(path)


def test_the_audit_names_weeks_controls_effects_and_where_people_are(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "width", 300)
    _publish(settings, tmp_path)
    done = run(app.app, ["audit-closure", "h0", "--closed-on", "2026-07-01"])
    assert done.exit_code == 0, done.exception
    assert "Account 0 (x), closed on 2026-07-01: 8 weeks before, 9 after" in done.stdout
    assert "controls: Account 1, Account 2, Account 3, Account 4, Account 5, Account 6" in done.stdout
    assert "0 of 6 kept accounts moved as far" in done.stdout
    assert "reached by another of ours" in done.stdout


def test_what_cannot_be_told_is_said_with_what_it_needs(settings: Settings, tmp_path: Path) -> None:
    _publish(settings, tmp_path)
    done = run(app.app, ["audit-closure", "x:a0", "--closed-on", "2026-08-26"])
    assert done.exit_code == 0
    assert "cannot tell" in done.stdout
    assert "note: account.csv closes it on 2026-07-01" in done.stdout


def test_an_unknown_account_and_a_missing_night_are_errors_of_one_sentence(settings: Settings, tmp_path: Path) -> None:
    missing = run(app.app, ["audit-closure", "h0", "--closed-on", "2026-07-01"])
    assert isinstance(missing.exception, PublishError)
    _publish(settings, tmp_path)
    unknown = run(app.app, ["audit-closure", "h99", "--closed-on", "2026-07-01"])
    assert isinstance(unknown.exception, SettingsError)
