"""`import stillreach` gives what the published snapshot holds, as frames, charts and a workbook."""

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest
from matplotlib.figure import Figure
from python_calamine import CalamineWorkbook

import stillreach
from pipelines.common.errors import PublishError, SegmentDefinitionError, SettingsError
from pipelines.common.settings import ROOT, Settings
from pipelines.warehouse import publish
from stillreach.excel import write_workbook

DRAFT = """
segment_id: weekend_rider
title: Weekend riders
question: Which of our accounts reach weekend riders?
owner: Roads policing
status: draft
rules:
  - {rule_id: says_biker, match: any_word, values: [biker], why: Says so.}
examples:
  - {member: in, bio: "A biker", why: Says so.}
  - {member: out, bio: "A baker", why: Bread.}
"""


@pytest.fixture
def night(two_nights: Settings) -> Iterator[stillreach.Night]:
    with stillreach.open() as opened:
        yield opened


def test_a_night_is_opened_by_deployment_folder_and_file(two_nights: Settings) -> None:
    snapshot = (two_nights.published / publish.LINK).resolve()
    opened = [stillreach.open(), stillreach.open(two_nights.data), stillreach.open(str(snapshot))]
    assert {one.snapshot_id for one in opened} == {snapshot.stem}
    assert repr(opened[0]) == f"<Night {snapshot.stem} of 2026-07-15>"
    for one in opened:
        one.close()


def test_a_snapshot_needs_no_deployment(two_nights: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    copy = tmp_path / "copy.duckdb"
    copy.write_bytes((two_nights.published / publish.LINK).read_bytes())
    (tmp_path / "other.duckdb").write_bytes(b"no database")
    for name in ("STILLREACH_DATA", "STILLREACH_REF", "STILLREACH_KEY_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    with stillreach.open(copy) as night:
        assert night.reach("rider").height and night.keep(0.5).accounts.height
        assert night.history()["as_of"].n_unique() == 1
        assert isinstance(night.reach_chart(), Figure)


def test_where_nothing_is_published_there_is_no_night(settings: Settings) -> None:
    with pytest.raises(PublishError, match="is not there"):
        stillreach.open()


def test_reach_is_the_mart(night: stillreach.Night, two_nights: Settings) -> None:
    with duckdb.connect(str(two_nights.published / publish.LINK), read_only=True) as con:
        mart = con.execute(
            "SELECT account_id, reach_people FROM mart.segment_reach WHERE segment_id = 'rider' AND basis = 'active'"
        ).fetchall()
    rows = night.reach("rider", basis="active")
    assert sorted(rows.select("account_id", "reach_people").rows()) == sorted(mart)
    assert night.reach(platform="mastodon")["account_id"].unique().to_list() == ["5"]
    known = rows["reach_people"].drop_nulls().to_list()
    assert known == sorted(known, reverse=True)
    assert list(rows.to_pandas().columns) == rows.columns


def test_segments_accounts_verdicts_and_decisions(night: stillreach.Night) -> None:
    assert set(night.segments()["segment_id"]) >= {"rider", "everyone"}
    assert night.accounts().rows_by_key("account_id", named=True, unique=True)["2"]["handle"] == "force_bikes"
    assert set(night.verdicts("rider")["verdict"]) <= {"reaches", "no longer reaches", "does not reach", "cannot tell"}
    assert night.decisions().select("platform", "account_id").n_unique() == night.accounts().height == 3
    assert night.decisions()["name"].null_count() == 0


@pytest.mark.parametrize("name", ["x:2", "x:force_bikes", "force_bikes"])
def test_an_account_is_named_as_in_the_command_line(night: stillreach.Night, name: str) -> None:
    by_id = night.what_if(close=["x:2"])
    assert night.what_if(close=name).equals(by_id) and night.what_if(close=[name]).equals(by_id)
    assert night.who_else(close=name)["account_id"].unique().to_list() == ["1"]


def test_what_if_agrees_with_the_macro_and_its_parts_add_up(night: stillreach.Night) -> None:
    by_sql = night.sql(
        "SELECT sum(lost_people) FROM mart.what_if(close := $close) WHERE segment_id = $segment AND basis = $basis",
        close=["x:1"],
        segment="everyone",
        basis="follower",
    ).item()
    of_everyone = pl.col("segment_id") == "everyone", pl.col("basis") == "follower"
    assert night.what_if(close="x:1").filter(*of_everyone)["lost_people"].sum() == pytest.approx(by_sql)
    by_home = night.what_if(close="x:1", by=("segment_id", "basis", "home_band"))
    assert by_home.filter(*of_everyone)["lost_people"].sum() == pytest.approx(by_sql)
    assert by_sql > 0


def test_keep_gives_accounts_and_what_they_keep(night: stillreach.Night) -> None:
    choice = night.keep(at_least=0.5, basis="follower", bootstraps=5)
    assert (choice.basis, choice.n_bootstraps, choice.is_optimal) == ("follower", 5, True)
    assert choice.accounts.schema["n_best"] == pl.Int64 and choice.accounts["n_best"].max() == 5
    kept = choice.segments.filter(pl.col("segment_id") != "everyone")
    assert (kept["kept_people"] >= 0.5 * kept["reach_people"]).all()
    assert choice.segments["segment_id"][-1] == "everyone"
    must = night.keep(at_least={"rider": 0.5}, basis="follower", must_keep="x:2", must_close=["mastodon:5"]).accounts
    by_id = must.rows_by_key("account_id", named=True, unique=True)
    assert by_id["2"]["is_kept"] and not by_id["5"]["is_kept"]


def test_history_has_a_row_per_kept_night(night: stillreach.Night) -> None:
    history = night.history()
    assert [str(on) for on in history["as_of"].unique(maintain_order=True)] == ["2026-07-08", "2026-07-15"]
    now = history.filter(as_of=night.as_of).select("segment_id", "account_id", "verdict")
    assert now.equals(night.verdicts().select("segment_id", "account_id", "verdict"))


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda night: night.reach("ridr"), "segment 'ridr'.*Known: everyone, rider"),
        (lambda night: night.reach(basis="fans"), "basis 'fans'.*Known: follower, active, engaged"),
        (lambda night: night.reach(platform="tiktok"), "platform 'tiktok'.*Known: mastodon, x"),
        (lambda night: night.keep(basis="fans"), "basis 'fans'"),
        (lambda night: night.keep(platform="tiktok"), "has no account whose people are listed"),
        (lambda night: night.what_if(close="x:force_bike"), "did you mean x:force_bikes"),
    ],
)
def test_an_unknown_name_is_an_error_with_what_is_known(night: stillreach.Night, ask: object, says: str) -> None:
    assert callable(ask)
    with pytest.raises(SettingsError, match=says):
        ask(night)


def test_a_night_cannot_be_changed(night: stillreach.Night) -> None:
    with pytest.raises(duckdb.Error, match="read-only"):
        night.sql("CREATE TABLE mart.mine AS SELECT 1")


def test_charts_are_figures(night: stillreach.Night) -> None:
    drawn = [night.reach_chart(), night.overlap_chart("everyone", "x"), night.trend_chart("everyone", "x"),
             night.home_chart("everyone", "x"), night.interaction_chart(), night.frontier_chart("x")]  # fmt: skip
    assert all(isinstance(one, Figure) for one in drawn)


def test_a_draft_is_tried_and_not_kept(night: stillreach.Night, two_nights: Settings, tmp_path: Path) -> None:
    draft = night.try_segment(DRAFT)
    assert draft.segment_id == "weekend_rider"
    assert draft.size.filter(platform="x")["segment_people"].item() > 0
    assert draft.examples["is_right"].to_list() == [True, True]
    assert isinstance(draft.chart("x"), Figure)
    path = tmp_path / "weekend_rider.yml"
    path.write_text(DRAFT, encoding="utf-8")
    assert night.try_segment(path).size.equals(draft.size)
    assert [one.name for one in (two_nights.ref / "segments").iterdir()] == ["rider.yml"]
    with pytest.raises(SegmentDefinitionError):
        night.try_segment(DRAFT.replace("any_word", "any_wrd"))


def test_the_workbook_has_a_sheet_for_each_question(night: stillreach.Night, tmp_path: Path) -> None:
    path = night.to_excel(tmp_path / "night.xlsx")
    read = CalamineWorkbook.from_path(path)
    assert read.sheet_names == [
        "accounts", "segments", "reach follower", "reach active", "reach engaged", "verdicts", "decisions"
    ]  # fmt: skip
    assert len(read.get_sheet_by_name("reach follower").to_python()) == night.reach().height + 1
    assert sorted(row[1] for row in read.get_sheet_by_name("accounts").to_python()[1:]) == ["1", "2", "5"]


def test_no_text_becomes_a_formula_a_link_or_a_number(tmp_path: Path) -> None:
    texts = ["=1+1", "@SUM(A1)", "+44 20", "-1", "{=1}", "https://example.org", "00123456789012345678"]
    frame = pl.DataFrame({"=name": texts, "many": [["=1", "b"]] * len(texts), "share": [float("nan")] * len(texts)})
    path = write_workbook(tmp_path / "texts.xlsx", {"texts": frame})
    with zipfile.ZipFile(path) as opened:
        sheet = opened.read("xl/worksheets/sheet1.xml").decode()
        strings = opened.read("xl/sharedStrings.xml").decode()
    assert "<f>" not in sheet.replace("<f>#NUM!</f>", "") and "hyperlink" not in sheet
    assert re.findall(r"<t[^>]*>([^<]*)</t>", strings)[0] == "=name"
    assert all(f">{text}</t>" in strings for text in texts)


def test_importing_stillreach_imports_neither_airflow_nor_the_validation() -> None:
    code = "import sys, stillreach; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert "polars" in imported
    assert not imported & {"airflow", "atproto", "great_expectations", "sklearn", "sqlalchemy"}


def test_the_package_is_typed() -> None:
    assert (ROOT / "stillreach/py.typed").is_file()
