"""`--json` prints the rows of a command's tables, unrounded, and one JSON object alone."""

import json
from datetime import date
from typing import Any

import duckdb
import pytest

from pipelines.cli.screen import prints_tables, screen
from pipelines.common.settings import Settings
from pipelines.warehouse import publish
from tests.cli.command import Stillreach
from tests.cli.test_hints import COMMANDS

# They print tables, or lines that are rows.
WITH_TABLES = {
    "show", "status", "quarantine", "init", "doctor", "explain", "what-if", "keep", "audit-closure",
    "segments check", "segments try", "segments why", "segments suggest", "segments score",
}  # fmt: skip


def printed(stillreach: Stillreach, *words: str) -> dict[str, Any]:
    code, out, err = stillreach(*words, "--json")
    assert code == 0, err
    read: dict[str, Any] = json.loads(out)
    return read


def test_every_command_with_a_table_takes_json() -> None:
    assert {name for name, options in COMMANDS.items() if "--json" in options} == WITH_TABLES


def test_show_gives_the_published_numbers(two_nights: Settings, stillreach: Stillreach) -> None:
    rows = printed(stillreach, "show")["reach"]
    with duckdb.connect(str(two_nights.published / publish.LINK), read_only=True) as con:
        mart = con.execute(
            "SELECT segment_id, account_id, reach_people FROM mart.segment_reach WHERE basis = 'follower'"
        ).fetchall()
    assert sorted((one["segment_id"], one["account_id"], one["reach_people"]) for one in rows) == sorted(mart)
    assert {one["as_of"] for one in rows} == {"2026-07-15"}


def test_status_gives_runs_and_snapshots(two_nights: Settings, stillreach: Stillreach) -> None:
    read = printed(stillreach, "status")
    assert [one["status"] for one in read["runs"]] == ["published", "published"]
    assert [one["is_published"] for one in read["snapshots"]] == [False, True]
    assert any(note.startswith("published: 2026-07-15") for note in read["notes"])


def test_what_if_and_keep_give_rows(two_nights: Settings, stillreach: Stillreach) -> None:
    lost = printed(stillreach, "what-if", "--close", "x:force")["lost"]
    everyone = [one for one in lost if one["segment_id"] == "everyone" and one["basis"] == "follower"]
    assert sum(one["reach_people"] for one in everyone) >= sum(one["lost_people"] for one in everyone) > 0
    kept = printed(stillreach, "keep", "--at-least", "0.5")
    assert {one["account"] for one in kept["accounts"]} <= {"x:1", "x:2", "mastodon:5"}
    assert all(one["kept_people"] >= 0.5 * one["reach_people"] for one in kept["segments"])


def test_segments_check_gives_rules_and_examples(two_nights: Settings, stillreach: Stillreach) -> None:
    read = printed(stillreach, "segments", "check")
    assert [one["rule_id"] for one in read["rules"]] == ["bio_says_rider", "follows_riders_pages", "mountain_biker"]
    assert all(one["is_right"] for one in read["examples"])


def test_an_error_is_no_json(settings: Settings, stillreach: Stillreach) -> None:
    code, out, err = stillreach("show", "--json")
    assert (code, out) == (9, "")
    assert err.startswith("PublishError: ")


def test_values_that_json_lacks_become_null_and_text(capsys: pytest.CaptureFixture[str]) -> None:
    @prints_tables
    def command() -> None:
        screen.rows("numbers", [{"on": date(2026, 7, 8), "share": float("nan"), "n": 1}])
        screen.print("[bold]a note[/bold]")

    command(as_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert shown == {"numbers": [{"on": "2026-07-08", "share": None, "n": 1}], "notes": ["a note"]}
