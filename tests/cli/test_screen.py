"""Nothing shown moves a cursor or turns the direction of writing, and no message of a library quotes a value."""

import io
import logging
from pathlib import Path

import duckdb
import polars as pl
import pytest
from jinja2 import Environment
from markupsafe import Markup
from rich.table import Table

from pipelines import night
from pipelines.cli.screen import Lines, Screen
from pipelines.common import database
from pipelines.common.errors import DeliveryError, ModelError, UnreadableFileError
from pipelines.common.settings import Settings
from pipelines.common.visible import visible
from pipelines.landing.land_drop import land_drop
from tests.cli.command import Stillreach

HOSTILE = "a\x1b]0;owned\x07\u202eb\u2066\u200f\u061c\x9b2Jc\r"
SHOWN = "a\ufffd]0;owned\ufffd\ufffdb\ufffd\ufffd\ufffd\ufffd2Jc\ufffd"


def test_control_characters_and_marks_of_direction_are_replaced() -> None:
    assert visible(HOSTILE) == SHOWN
    assert visible("Zażółć\tgęślą\n日本 🚓") == "Zażółć\tgęślą\n日本 🚓"
    assert visible(7) == 7


def test_a_screen_replaces_them_in_texts_and_tables_and_keeps_its_own_colours() -> None:
    shown = io.StringIO()
    screen = Screen(file=shown, width=80, force_terminal=True, color_system="standard")
    table = Table("name")
    table.add_row(HOSTILE)
    screen.print(HOSTILE, markup=False)
    screen.print(table)
    screen.print("late", style="bold")
    assert "\x1b]" not in shown.getvalue()
    assert not {"\u202e", "\u2066", "\x9b"} & set(shown.getvalue())
    assert "\x1b[1mlate" in shown.getvalue()


def test_errors_logs_and_pages_replace_them() -> None:
    assert str(DeliveryError(HOSTILE, "is odd")) == f"{SHOWN}: is odd."
    record = logging.LogRecord("a", logging.INFO, "a", 1, "%s", (HOSTILE,), None)
    assert Lines("%(message)s").format(record) == SHOWN
    page = Environment(autoescape=True, finalize=visible).from_string("{{ name }}{{ svg }}")
    assert page.render(name="<\x1b", svg=Markup("<b>\u202e</b>")) == "&lt;\ufffd<b>\ufffd</b>"


@pytest.mark.parametrize(
    "failure",
    [
        duckdb.ConversionException("Could not convert string 'zqjane' to INT32"),
        pl.exceptions.ComputeError("could not parse `zqjane` as dtype `i64`"),
        pl.exceptions.InvalidOperationError("conversion failed: ['zqjane']"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_message_of_a_library_ends_a_command_without_its_values(
    failure: Exception, stillreach: Stillreach, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(night, "run_night", fail)
    code, out, err = stillreach("nightly")
    assert code == ModelError.exit_code
    assert "ModelError: the command:" in err
    assert "zq" not in out + err


def test_a_header_that_duckdb_refuses_is_not_quoted(settings: Settings, tmp_path: Path) -> None:
    drop = tmp_path / "follower.csv"
    header = "platform,account_id,member_id,observed_on,zqjane,ZQJANE"
    drop.write_text(f"{header}\nx,1,7,2026-07-08,a,b\n", encoding="utf-8")
    with pytest.raises(DeliveryError) as refusal:
        land_drop(drop, "x_extract", night.day("2026-07-08"), settings)
    assert "zq" not in str(refusal.value).lower()


def test_words_about_a_query_of_ours_are_kept_and_words_about_a_file_are_not() -> None:
    for error, is_kept in ((ModelError, True), (UnreadableFileError, False)):
        with pytest.raises(error) as stop, database.without_values(error, "it"):
            duckdb.sql("SELECT zqjane FROM (SELECT 1 AS one)")
        assert ("zqjane" in str(stop.value)) == is_kept
