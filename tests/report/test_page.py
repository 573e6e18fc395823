"""The page: whole, the same twice, and closed to the outside."""

import base64
import itertools
import random
import re
from collections.abc import Callable
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipelines.common.errors import SettingsError
from pipelines.report import write_report
from tests.report.small_night import AS_OF, SmallNight

PageOf = Callable[[SmallNight], str]
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Reader(HTMLParser):
    """Collects tags with attributes and refuses tags that do not close."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def cells(page: str) -> list[str]:
    return re.findall(r"<(?:td|dd)[^>]*>([^<]*)<", page)


def test_the_same_night_gives_the_same_bytes(small_night: SmallNight, tmp_path: Path, bands: dict[str, float]) -> None:
    snapshot = small_night.write(tmp_path / "night.duckdb")
    folders = [write_report(snapshot, tmp_path / name, bands).parent for name in ("one", "other")]
    written = [{file.name: file.read_bytes() for file in folder.iterdir()} for folder in folders]
    assert written[0] == written[1]
    assert set(written[0]) == {
        "index.html", "reach-heat-map.png", "reach-heat-map.svg", "overlap-rider-x.png", "overlap-rider-x.svg",
        "overlap-farmer-x.png", "overlap-farmer-x.svg",
    }  # fmt: skip
    assert all(written[0].values())


def test_two_runs_of_one_night_differ_in_the_run_id_only(small_night: SmallNight, page_of: PageOf) -> None:
    first = page_of(small_night)
    one, small_night.run_id = small_night.run_id, "2026-03-31-20260402T111111-ffff"
    assert page_of(small_night).replace(small_night.run_id, one) == first


def test_names_and_titles_are_escaped(small_night: SmallNight, page_of: PageOf) -> None:
    evil = "<script>alert(1)</script>"
    small_night.names["x", "2"] = evil
    small_night.titles = {"rider": evil, "farmer": '" onmouseover="alert(1)'}
    small_night.warnings = {"a_check": evil}
    small_night.quarantine = {evil: 3}
    page = page_of(small_night)
    assert "<script" not in page.lower()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    for _, attributes in Reader(page).tags:
        assert not any(name.startswith("on") for name in attributes)
    for encoded in re.findall(r"data:image/svg\+xml;base64,([\w+/=]+)", page):
        assert b"<script" not in base64.b64decode(encoded)


def test_the_page_asks_for_nothing_outside(small_night: SmallNight, page_of: PageOf) -> None:
    page = page_of(small_night)
    reader = Reader(page)
    files = {
        f"{stem}.{kind}"
        for stem in ("reach-heat-map", "overlap-rider-x", "overlap-farmer-x")
        for kind in ("png", "svg")
    }
    for _, attributes in reader.tags:
        assert (attributes.get("src") or "data:").startswith("data:")
        target = attributes.get("href") or "#"
        assert target.startswith("#") or target in files
    assert not re.search(r"https?://|url\(|@import|<link|<script", page)
    assert {target for one in reader.all("a") if (target := one["href"] or "")[0] != "#"} == files
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {(one["href"] or "")[1:] for one in reader.all("a") if (one["href"] or "").startswith("#")} <= set(ids)


def test_the_page_can_be_read_aloud(small_night: SmallNight, page_of: PageOf) -> None:
    small_night.warnings, small_night.quarantine = {"a_check": "Look."}, {"no id": 3}
    page = page_of(small_night)
    reader = Reader(page)
    images = reader.all("img")
    assert len(images) == 3
    assert all(len(one["alt"] or "") > 40 for one in images)
    assert all(one.get("scope") in ("col", "row") for one in reader.all("th"))
    assert page.count("<caption>") == len(reader.all("table"))
    assert reader.all("html")[0]["lang"] == "en-GB"
    assert all("data " in caption for caption in re.findall(r"<caption>(.*?)</caption>", page))
    levels = [int(tag[1]) for tag, _ in reader.tags if re.fullmatch(r"h\d", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_missing_is_a_dash_and_totals_only_is_said(small_night: SmallNight, page_of: PageOf) -> None:
    page = page_of(small_night)
    assert page.count('class="without">totals only</td>') == 9  # three segments, three bases
    card = page.split("Dale Police</h3>")[1].split("</article>")[0]
    facebook = next(one for one in page.split("<article>") if "<strong>Facebook</strong>" in one).split("</article>")[0]
    assert '<span class="basis">people</span>' in card
    assert '<span class="basis">totals only</span>' in facebook
    assert "4,321" in facebook
    assert set(re.findall(r"<dd[^>]*>([^<]*)<", facebook)) == {"–", "4,321"}
    assert "0" not in cells(page.split('id="checks"')[0])


def test_a_figure_that_changed_its_meaning_is_said_on_its_card_alone(small_night: SmallNight, page_of: PageOf) -> None:
    cards = page_of(small_night).split("<article>")[1:]
    warned = [one for one in cards if "Do not compare across the change:" in one.split("</article>")[0]]
    assert len(warned) == 1 < len(cards)
    assert "impressions changed their meaning on 2026-02-01." in warned[0]


@pytest.mark.parametrize("seed", range(3))
def test_no_count_under_ten_reaches_the_page(seed: int, small_night: SmallNight, page_of: PageOf) -> None:
    """Whatever the small counts are, the page, charts and all, is the same."""
    chance = random.Random(seed)

    def page() -> str:
        few, fewer = chance.randint(0, 9), chance.randint(0, 9)
        small_night.sets["rider", "x", "follower"] = {(): 100, ("2",): 900, ("1",): few, ("3",): 9 - few}
        small_night.sets["farmer", "x", "follower"] = {(): 400, ("2",): 300, ("1",): fewer, ("3",): 9 - fewer}
        small_night.sets["rider", "x", "engaged"] = {(): 1000, ("1",): few, ("2",): 9 - few}
        small_night.sets["everyone", "x", "engaged"] = {(): 7000, ("1",): 500, ("2",): few, ("3",): 9 - few}
        return page_of(small_night)

    one, other = page(), page()
    assert one == other
    people = [text for text in cells(one.split('id="accounts"')[0]) if re.fullmatch(r"[\d,]+", text)]
    assert people
    assert min(int(text.replace(",", "")) for text in people) >= 10
    assert not re.search(r">[+−≥\s]*\d<", one.split('id="checks"')[0])
    assert "under 10" in one


def test_the_page_says_what_was_checked_and_what_came(small_night: SmallNight, page_of: PageOf) -> None:
    page = page_of(small_night)
    assert "1 check was made; all held." in page
    assert "No record was rejected." in page
    assert "No figure was given another value" in page
    small_night.warnings = {"lists_agree": "Ask the platform again."}
    small_night.quarantine = {"no such account": 4242}
    small_night.n_restated = 4
    page = page_of(small_night)
    assert "2 checks were made: 1 held, 1 gave a warning." in page
    for message in (
        "data received",
        "Ask the platform again.",
        "4,711",
        "no such account",
        "4,242",
        "9,007",
        "x_lists",
    ):
        assert message in page
    assert (
        "4 figures were given another value by a later delivery, last on 31\u00a0March 2026: 4 of impressions on X."
        in page
    )


def test_findings_on_the_page_change_with_the_data(small_night: SmallNight, page_of: PageOf) -> None:
    before = page_of(small_night)
    small_night.sets["rider", "x", "follower"][("2",)] = 301
    after = page_of(small_night)
    assert "Dale Riders reaches 89\u00a0% of them" in before
    assert "Dale Riders reaches 89\u00a0% of them" not in after


def test_a_report_replaces_the_one_before_and_nothing_else(
    small_night: SmallNight, tmp_path: Path, bands: dict[str, float]
) -> None:
    snapshot = small_night.write(tmp_path / "night.duckdb")
    folder = tmp_path / "reports" / "2026-03-31"
    (tmp_path / "reports" / ".2026-03-31.unfinished").mkdir(parents=True)  # left by a kill
    write_report(snapshot, folder, bands)
    (folder / "overlap-gone-x.png").write_bytes(b"of yesterday")
    write_report(snapshot, folder, bands)
    assert not (folder / "overlap-gone-x.png").exists()
    assert [one.name for one in folder.parent.iterdir()] == ["2026-03-31"]
    (folder / "minutes.docx").write_bytes(b"mine")
    with pytest.raises(SettingsError, match="not a report's"):
        write_report(snapshot, folder, bands)
    assert (folder / "minutes.docx").exists()


def test_a_failure_leaves_the_report_before(
    small_night: SmallNight, tmp_path: Path, bands: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = small_night.write(tmp_path / "night.duckdb")
    page = write_report(snapshot, tmp_path / "report", bands)
    before = page.read_bytes()
    monkeypatch.setattr("pipelines.report.page.charts.overlap_figure", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_report(snapshot, tmp_path / "report", bands)
    assert page.read_bytes() == before


def test_a_night_without_any_list_of_people_still_has_a_page(small_night: SmallNight, page_of: PageOf) -> None:
    small_night.sets = {}
    small_night.reasons = dict.fromkeys(small_night.names, "totals only")
    small_night.titles = {}
    page = page_of(small_night)
    assert "No account reaches enough people of any segment to be shown." in page
    assert "totals only" in page


def test_sources_that_had_not_landed_are_named(small_night: SmallNight, page_of: PageOf) -> None:
    assert "No new data from" not in page_of(small_night)
    small_night.more["meta.source_arrival"] = [
        {"source": "bluesky", "is_here": True, "newest_on": AS_OF},
        {"source": "mastodon", "is_here": False, "newest_on": date(2026, 3, 30)},
        {"source": "x_api", "is_here": False},
    ]
    message = "No new data from: mastodon (newest: 30\u00a0Mar\u00a02026), x_api (none received yet)."
    assert message in page_of(small_night)


def test_lists_that_are_not_whole_are_told_with_their_reason(small_night: SmallNight, page_of: PageOf) -> None:
    assert "No list is known to be partial." in page_of(small_night)
    small_night.more["meta.partial_list"] = [
        {"platform": "x", "account_id": "2", "list_kind": "follower", "snapshot_on": AS_OF}
        | {"n_collected": 803, "n_reported": 1021, "completeness_reason": "the deadline <came>"},
        {"platform": "x", "account_id": "1", "list_kind": "like", "snapshot_on": AS_OF}
        | {"n_collected": 7, "n_reported": None, "completeness_reason": "the platform shows the last 100"},
    ]
    page = page_of(small_night)
    assert "No list is known to be partial." not in page
    section = page.split("<h3>Missing data</h3>")[1].split("</section>")[0]
    rows = [re.findall(r"<t[hd][^>]*>([^<]*)<", row) for row in re.findall(r"<tbody>(.*?)</tbody>", section, re.DOTALL)]
    assert rows == [
        [
            *("Dale Police", "X", "like", "under 10", "–", "the platform shows the last 100", "31\u00a0Mar\u00a02026"),
            *("Dale Riders", "X", "follower", "805", "1,020", "the deadline &lt;came&gt;", "31\u00a0Mar\u00a02026"),
        ]
    ]
