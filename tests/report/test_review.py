"""The review's page: every action on one sheet, evidence and losses as they may leave, room for dissent, no person."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest

from pipelines.common.errors import PublishError, SettingsError
from pipelines.common.settings import ROOT
from pipelines.release.disclosure import Limits
from pipelines.report import review_chart, review_words
from pipelines.report.review import write_review
from tests.marts.planted_decision import (
    AS_OF,
    BASE,
    FALLS,
    KEEPS_VISITORS,
    PLANTED,
    RUN_ID,
    UNNEEDED,
    DecidedNight,
    Row,
)

LIMIT = Limits(10, 5)
PageOf = Callable[[DecidedNight], str]


def closure(account: str, segment: str, basis: str, **figures: float | None) -> Row:
    row: Row = {"platform": "x", "account_id": account, "segment_id": segment, "basis": basis}
    return row | {"as_of": AS_OF, "net_reach_people": 5000} | figures


@pytest.fixture
def night() -> DecidedNight:
    """Four accounts: one falls away, one is kept for visitors, one goes, one gives totals only."""
    return DecidedNight(
        evidence={
            ("x", "1"): FALLS,
            ("x", "2"): KEEPS_VISITORS,
            ("x", "3"): UNNEEDED | {"lost_people": {None: 3.0}},
            ("facebook", "f"): PLANTED["no_people_known"][0],
        },
        names={("x", "1"): "Dale Police", ("x", "2"): "Dale <Riders> & Co", ("x", "3"): "Dale Roads"},
        sets={("1",): 120.0, ("2",): 350.0, ("1", "3"): 480.0, ("1", "2"): 90.0},
        closures=[
            closure("1", "farmer", "active", reach_people=402, lost_people=83, lost_visitor_people=78),
            closure("1", "farmer", "follower", reach_people=451, lost_people=94, lost_visitor_people=40),
            closure("1", "everyone", "active", reach_people=503, lost_people=121, lost_visitor_people=31),
            closure("2", "rider", "active", reach_people=404, lost_people=303, lost_visitor_people=208),
            closure("3", "rider", "active", reach_people=57, lost_people=3, lost_visitor_people=1),
        ],
    )


@pytest.fixture
def page_of(tmp_path: Path, bands: dict[str, float]) -> PageOf:
    """Write a night's review and give the page's text."""

    def write(night: DecidedNight) -> str:
        snapshot = night.write(tmp_path / f"{RUN_ID}.duckdb")
        return write_review(snapshot, tmp_path / "review", bands).read_text(encoding="utf-8")

    return write


class Outline(HTMLParser):
    """Which tags stay open, which ids there are, what is linked to or loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src"):
                self.links.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline(page: str) -> Outline:
    found = Outline()
    found.feed(page)
    return found


def sheet(page: str, anchor: str) -> str:
    """One account's sheet, as text without tags."""
    part = page.split(f'id="{anchor}"')[1].split("</section>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", part)).replace("\xa0", " ")


def test_every_account_has_a_row_and_a_sheet_of_its_own(night: DecidedNight, page_of: PageOf) -> None:
    page = page_of(night)
    found = outline(page)
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    assert page.count('<section class="sheet"') == 4 + 1  # and how it was decided
    for anchor, action in (("x-1", "critical updates only"), ("x-2", "keep active"), ("x-3", "close")):
        assert f'href="#{anchor}"' in page
        assert action in sheet(page, anchor)
    assert "Of 4 accounts: 1 keep active, 1 critical updates only, 1 close and 1 not enough evidence." in page


def test_a_sheet_holds_what_a_board_and_a_request_need(night: DecidedNight, page_of: PageOf) -> None:
    text = sheet(page_of(night), "x-1")
    for message in (
        "Rule ", "Owner Rural", "Review on 31 March 2027",
        "no earlier decision is on record", "Dissent", "Decided by", RUN_ID, "Data up to 30 September 2026",
        "output", "outtake", "outcome", "impact", "not measured here",
        "hostile, of what people write to it 35 % 25 % to 45 % at least 15 %, lower bound",
        "Rules that come before and do not apply", "(keep active): ",
    ):  # fmt: skip
        assert message in text, message


def test_the_page_asks_for_nothing_outside_itself(night: DecidedNight, page_of: PageOf) -> None:
    found = outline(page_of(night))
    assert all(
        link.startswith(("#", "data:image/svg+xml;base64,")) or link in ("lost-if-closed.png", "lost-if-closed.svg")
        for link in found.links
    )


def test_names_are_escaped(night: DecidedNight, page_of: PageOf) -> None:
    page = page_of(night)
    assert "Dale &lt;Riders&gt; &amp; Co" in page
    assert "<Riders>" not in page


def test_a_sheet_is_a_page_of_a4_when_printed(night: DecidedNight, page_of: PageOf) -> None:
    style = page_of(night).split("<style>")[1].split("</style>")[0]
    printed = style.split("@media print")[-1]
    assert "size: A4" in printed
    assert re.search(r"\.sheet \{[^}]*break-before: page", printed)


def test_small_counts_of_people_are_not_shown_and_others_are_rounded(night: DecidedNight, page_of: PageOf) -> None:
    page = page_of(night)
    lost = sheet(page, "x-1")
    assert "Farmers 400 95 85 not shown 2 %" in lost  # 78 visitors would tell that 5 others are lost
    assert "Everyone 505 – 120 30 2 %" in lost
    assert "would still lose 120 active people" in lost
    gone = sheet(page, "x-3")
    assert "would lose under 10 of its 500 active people" in gone
    assert "Riders 55 – under 10 under 10 under 1 %" in gone
    for exact in ("402", "451", "83", "121", "303", "208", "57"):
        assert not re.search(rf"(?<![\d#.]){exact}(?!\d)", lost + gone + sheet(page, "x-2")), exact


def test_reviews_that_differ_in_hidden_counts_alone_are_the_same(night: DecidedNight, page_of: PageOf) -> None:
    one = page_of(night)
    night.closures[-1] |= {"lost_people": 7, "lost_visitor_people": 0}
    night.evidence["x", "3"] = UNNEEDED | {"lost_people": {None: 8.0}}
    assert page_of(night) == one


def test_same_inputs_same_bytes(night: DecidedNight, tmp_path: Path, bands: dict[str, float]) -> None:
    snapshot = night.write(tmp_path / f"{RUN_ID}.duckdb")
    one = {path.name: path.read_bytes() for path in write_review(snapshot, tmp_path / "a", bands).parent.iterdir()}
    two = {path.name: path.read_bytes() for path in write_review(snapshot, tmp_path / "b", bands).parent.iterdir()}
    assert one == two
    assert set(one) == {"index.html", "lost-if-closed.png", "lost-if-closed.svg"}


def test_what_changed_since_the_last_decision_is_said(
    night: DecidedNight, tmp_path: Path, bands: dict[str, float]
) -> None:
    before = AS_OF - timedelta(days=7)
    earlier = DecidedNight(dict(night.evidence) | {("x", "1"): KEEPS_VISITORS}, sets=night.sets)
    del earlier.evidence["facebook", "f"]
    earlier_path = earlier.write(tmp_path / "2026-09-23-a.duckdb", on=before)
    snapshot = night.write(tmp_path / f"{RUN_ID}.duckdb")
    page = write_review(snapshot, tmp_path / "review", bands, earlier_path).read_text(encoding="utf-8")
    assert "changed: keep active on 23 September 2026" in sheet(page, "x-1")
    assert "the same on 23 September 2026" in sheet(page, "x-2")
    assert "not decided on 23 September 2026" in sheet(page, "facebook-f")


def test_an_earlier_snapshot_without_decisions_is_none(
    night: DecidedNight, tmp_path: Path, bands: dict[str, float]
) -> None:
    duckdb.connect(str(tmp_path / "old.duckdb")).close()
    snapshot = night.write(tmp_path / f"{RUN_ID}.duckdb")
    page = write_review(snapshot, tmp_path / "review", bands, tmp_path / "old.duckdb").read_text(encoding="utf-8")
    assert "no earlier decision is on record" in page
    with pytest.raises(PublishError, match="holds no decisions"):
        write_review(tmp_path / "old.duckdb", tmp_path / "review", bands)


def test_losses_of_accounts_that_go_together_are_said_together(page_of: PageOf) -> None:
    """The first to go would lose nobody; the other's sentence counts both."""
    night = DecidedNight(
        {
            ("x", "1"): UNNEEDED | {"active_people": {None: 500.0}},
            ("x", "2"): UNNEEDED | {"active_people": {None: 400.0}},
            ("x", "3"): BASE | {"alone_share": 0.5, "lost_share": {"rider": (0.5, 0.4, 0.6)}, "lost_people": 900.0},
        },
        sets={("1", "3"): 460.0, ("2", "3"): 380.0, ("1", "2"): 20.0, ("3",): 9000.0},
    )
    page = page_of(night)
    assert "would lose under 10 of its 400 active people" in sheet(page, "x-2")
    both = sheet(page, "x-1")
    assert "would lose 20 of its 500 active people" in both
    assert "together with those of Account 2, which would close too" in both


def test_a_review_replaces_the_one_before_and_nothing_else(
    night: DecidedNight, tmp_path: Path, bands: dict[str, float]
) -> None:
    snapshot = night.write(tmp_path / f"{RUN_ID}.duckdb")
    page = write_review(snapshot, tmp_path / "review", bands)
    write_review(snapshot, tmp_path / "review", bands)
    assert sorted(one.name for one in tmp_path.iterdir()) == [f"{RUN_ID}.duckdb", "review"]
    (page.parent / "minutes.docx").write_bytes(b"mine")
    with pytest.raises(SettingsError, match="not a review's"):
        write_review(snapshot, tmp_path / "review", bands)


def test_a_night_that_knows_nobody_still_has_a_review(page_of: PageOf) -> None:
    page = page_of(DecidedNight({("facebook", "f"): {}}))
    assert "Not known: no data shows whom it reaches." in page
    assert "Of no account can it be shown how many people only it reaches" in page


@pytest.mark.parametrize(("unit", "measure", "value", "base", "says"), [
    ("people", "lost_people", 3.0, None, "under 10"),
    ("people", "lost_people", 1234.0, None, "1,235"),
    ("share of people", "lost_share", 0.0, 2000.0, "under 1 %"),
    ("share of people", "lost_share", 0.04, 100.0, "under 10 %"),
    ("share of people", "lost_share", 0.5, 8.0, "not shown"),
    ("share of people", "visitor_share", 0.5, None, "not shown"),
    ("share of people", "visitor_share", 1.0, 102.0, "100 %"),
    ("share of texts", "hostile_share", 0.5, 4.0, "not shown"),
    ("share of texts", "hostile_share", 0.123, 400.0, "12 %"),
    ("change as a share", "followers_change_share", -0.5, 1000.0, "−50 %"),
    ("change as a share", "followers_change_share", -0.5, 12.0, "not shown"),
    ("change as a share", "contacts_change_share", 0.04, None, "+4 %"),
    ("rate", "contacts_per_1000_reached", 100.0, 9.0, "not shown"),
    ("rate", "contacts_per_1000_reached", 100.0, 102.0, "102"),
    ("rate", "posts_per_week", 1.234, None, "1.2"),
    ("yes or no", "reaches", 1.0, None, "yes"),
])  # fmt: skip
def test_figures_are_said_as_they_may_leave(
    unit: str, measure: str, value: float, base: float | None, says: str
) -> None:
    row = {"unit": unit, "measure": measure, "value": value, "n_base": base, "value_lo": None, "value_hi": None}
    assert review_words.value_text(row, LIMIT).replace("\xa0", " ") == says


def test_the_picture_says_its_finding_and_every_bar() -> None:
    bars = [
        review_chart.bar("A", "keep active", 503, 121, LIMIT),
        review_chart.bar("B", "close", 480, 3, LIMIT),
        review_chart.bar("C", "not enough evidence", None, None, LIMIT),
    ]
    assert (
        review_chart.title(bars) == "Closing A would lose most: 120 active people whom no other account of ours reaches"
    )
    reported = review_chart.alt_text(bars)
    for part in ("A: 505, alone 120, keep active", "B: 480, alone under 10, close", "C: not known"):
        assert part in reported


def test_no_person_is_in_what_a_review_reads() -> None:
    """The tables that it is made from hold no key, name or text of a person."""
    for path in (ROOT / "pipelines/report").glob("review*.py"):
        text = path.read_text(encoding="utf-8")
        assert "member" not in text, path
        assert not re.search(r"core\.(?!account\b)\w+", text), path
    for path in (ROOT / "sql/mart").glob("decision*.yml"):
        assert not re.search(r"member_key|handle|\btext\b|\bbio\b", path.read_text(encoding="utf-8"))


def test_days_are_dates_of_the_night(night: DecidedNight, page_of: PageOf) -> None:
    assert date(2026, 9, 30) == AS_OF
    assert f'<time datetime="{AS_OF.isoformat()}">' in page_of(night)
