"""The page's answers: verdicts, weeks, homes, tone and the frontier, or a sentence that says why there is none."""

import base64
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.release import disclosure
from pipelines.release.cells import FEW, NOT_SHOWN, SHOWN, Cell, Released
from pipelines.release.released_counts import ReleasedCounts
from pipelines.report import answers, figures, tables, write_report
from tests.report import answer_rows as rows
from tests.report.small_night import BANDS, SmallNight
from tests.report.test_page import Reader

PageOf = Callable[[SmallNight], str]
RIDERS = {"home area": 177, "over 100 km": 403, "unknown": 814}


@pytest.fixture
def answered(small_night: SmallNight) -> SmallNight:
    segments = ("rider", "farmer", "everyone")
    small_night.more = {
        "mart.reach_trend": [
            row
            for segment_id in segments
            for row in (*rows.weeks("1", [31, None, 28], segment_id), *rows.weeks("2", [203, 190, 151], segment_id))
        ],
        "mart.reach_verdict": [
            *(rows.verdict("2", "reaches", segment_id, trend="falling") for segment_id in segments),
            rows.verdict("1", "cannot tell", needed_weeks=9, verdict_reason="Two weeks are no trend. Much more."),
            rows.verdict("1", "no longer reaches", "farmer"),
        ],
        "mart.reach_home": [row for one in segments for row in rows.homes("2", RIDERS, one)],
        "mart.visitor_reach": [rows.visitors("2", RIDERS, one) for one in segments],
        "mart.interaction_quality": [rows.interactions("2", (0.04, 0.01, 0.1)), rows.interactions("1", None)],
        "mart.keep_frontier": [rows.frontier(1, 500), rows.frontier(2, 800), rows.frontier(1, 700, "everyone")],
    }
    return small_night


def section(page: str, name: str) -> str:
    return page.split(f'<section id="{name}"')[1].split("</section>")[0]


def test_readers_name_accounts_and_segments(answered: SmallNight, tmp_path: Path) -> None:
    found = figures.read_night(answered.write(tmp_path / "night.duckdb")).answers
    assert set(found.trend["title"]) == {"Motorcyclists", "Farmers", "Everyone seen"}
    for frame in (found.trend, found.verdicts, found.homes, found.visitors, found.interactions):
        assert set(frame["name"]) <= {"Dale Police", "Dale Riders"}
        assert frame.equals(frame.sort("segment_id", "platform", "account_id", maintain_order=True))
    assert found.trend.height == 18
    assert found.frontier["kept_names"].list.join(", ").to_list()[-1] == "Dale Police, Dale Riders"


def test_readers_read_no_table_of_persons() -> None:
    text = Path(answers.__file__).read_text(encoding="utf-8")
    read = set(re.findall(r"\b((?:raw|stg|core|mart|meta|ref)\.\w+)", text))
    assert {name for name in read if not name.startswith("mart.")} == {"core.account"}


def test_every_answer_has_its_picture(answered: SmallNight, page_of: PageOf, tmp_path: Path) -> None:
    page = page_of(answered)
    stems = {
        "quality", "frontier", *(f"{kind}-{one}-x" for kind in ("trend", "homes") for one in ("rider", "farmer",
        "everyone")),
    }  # fmt: skip
    written = {one.name for one in (tmp_path / "report").iterdir()}
    assert {f"{stem}.{kind}" for stem in stems for kind in ("png", "svg")} <= written
    images = Reader(page).all("img")
    assert len(images) == 3 + len(stems)
    assert all(len(one["alt"] or "") > 40 for one in images)
    assert "Dale Riders reaches 70\u00a0% visitors" in section(page, "homes")
    assert "Dale Riders still reaches them" in section(page, "still")
    assert "1 accounts" not in page
    svgs = [base64.b64decode(one) for one in re.findall(r"data:image/svg\+xml;base64,([\w+/=]+)", page)]
    assert all(b"Data of 31" in svg for svg in svgs)


def cells_of(night: figures.Night) -> list[Cell]:
    """Every cell that a release of a night could hold."""
    found: set[Cell] = set()
    for row in night.reach.to_dicts():
        place = {"platform": row["platform"], "basis": row["basis"], "account_id": row["account_id"]}
        for segment_id in (row["segment_id"], "everyone"):
            found |= {Cell(name, segment_id, **place) for name in ("reach", "exclusive", "kept")}
            found |= {Cell("reached", segment_id, row["platform"], basis=row["basis"])}
            found |= {Cell("segment", segment_id, row["platform"])}
    for row in night.answers.homes.to_dicts():
        key = ("segment_id", "platform", "account_id", "basis", "home_band")
        found.add(Cell("home", **{name: row[name] for name in key}))
    return sorted(found)


@pytest.mark.parametrize("seed", range(8))
def test_a_report_is_written_whatever_the_release_withholds(seed: int, answered: SmallNight, tmp_path: Path) -> None:
    """Everything too small (seed 0), everything withheld for another's sake (1), and any mixture with what is shown."""
    snapshot = answered.write(tmp_path / "night.duckdb")
    draw = random.Random(seed)
    states = {0: [FEW], 1: [NOT_SHOWN]}.get(seed, [FEW, NOT_SHOWN, SHOWN])
    counts = ReleasedCounts(
        {
            cell: Released(draw.choice([10, 60, 205]) if state == SHOWN else None, state)
            for cell in cells_of(figures.read_night(snapshot))
            for state in [draw.choice(states)]
        }
    )
    page = write_report(snapshot, tmp_path / "report", BANDS, counts=counts).read_text(encoding="utf-8")
    assert re.search(r"\bnan\b", re.sub(r'src="data:[^"]*"', "", page)) is None
    if seed == 1:
        assert "not shown" in page
        assert "77" not in section(page, "homes")


def test_a_report_of_answers_is_the_same_twice_and_replaces_itself(answered: SmallNight, tmp_path: Path) -> None:
    snapshot = answered.write(tmp_path / "night.duckdb")
    folder = write_report(snapshot, tmp_path / "report", BANDS).parent
    first = {one.name: one.read_bytes() for one in folder.iterdir()}
    write_report(snapshot, tmp_path / "report", BANDS)
    assert {one.name: one.read_bytes() for one in folder.iterdir()} == first


def test_verdicts_stand_in_words_account_by_account(answered: SmallNight, page_of: PageOf) -> None:
    still = section(page_of(answered), "still")
    lines = {
        "".join(re.findall(r'<th scope="row">([^<]*)', row)): re.findall(r'class="verdict \w+">(.*?)</td>', row)
        for row in still.split("<tr>")[2:]
    }
    falling = "reaches<small>falling</small>"
    assert list(lines) == ["Dale Riders", "Dale Police"]  # who reaches most segments comes first
    assert lines["Dale Riders"] == [falling] * 3
    assert lines["Dale Police"] == ["no longer reaches", "cannot tell", "–"]
    assert "1 pair of account and segment: Two weeks are no trend. From 9 weeks more of data" in still


def test_of_a_tiny_segment_no_verdict_is_told(answered: SmallNight, page_of: PageOf) -> None:
    def page(few: int) -> str:
        answered.sets["farmer", "x", "follower"] = {(): few, ("2",): 8 - few}
        farmers = ("reaches", "cannot tell") if few else ("no longer reaches", "reaches")
        answered.more["mart.reach_verdict"] = [
            rows.verdict(one, verdict, "farmer") for one, verdict in zip("12", farmers, strict=True)
        ]
        answered.more["mart.keep_frontier"] = []
        return page_of(answered)

    one = page(0)
    assert "under 10 seen" in section(one, "still")
    assert (
        "Too few people were seen on X to draw a chart."
        in one.split('id="segment-farmer"')[1].split('id="segment-rider"')[0]
    )
    assert one == page(5)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("still", "There is no verdict"),
        ("homes", "We received no places from X: it is not known where its people live."),
        ("quality", "We received no likes, replies or reposts: it is not known how people answer."),
        ("frontier", "We have no lists of people: it is not known which accounts are enough."),
    ],
)
def test_what_is_not_known_is_said(name: str, why: str, small_night: SmallNight, page_of: PageOf) -> None:
    reported = section(page_of(small_night), name)
    assert why in reported
    assert "<img" not in reported


def test_a_segment_without_weeks_says_so(small_night: SmallNight, page_of: PageOf) -> None:
    page = page_of(small_night)
    assert page.count("We have no weekly data of X: the trend is not known.") == 2  # not everyone's: no verdict


def test_an_interval_stands_where_an_audit_left_one(small_night: SmallNight, tmp_path: Path) -> None:
    """Bounds are shown as counts are; without an audit, reach is a census of the lists and has none."""
    reach = figures.read_night(small_night.write(tmp_path / "night.duckdb")).reach
    row = reach.filter(segment_id="rider", account_id="2", basis="follower").row(0, named=True)
    limit = disclosure.limits(BANDS)

    def shown(lo: int | None, hi: int | None) -> str:
        return str(tables.reach_row(row | {"reach_people_lo": lo, "reach_people_hi": hi}, limit, 3)["cells"][0]["text"])

    assert shown(1065, 1065) == "1,065"
    assert shown(1003, 1131) == "1,065 (1,005 to 1,130)"
    assert shown(None, None) == shown(1003, None) == shown(4, 1131) == "1,065"
