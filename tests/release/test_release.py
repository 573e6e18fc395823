"""The release on disk: what leaves, how it is written, and what it remembers."""

import csv
import hashlib
import io
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipelines import night
from pipelines.common.contract import contracts
from pipelines.common.errors import ModelError, RefError, SettingsError
from pipelines.common.settings import SHIPPED_REF, Settings
from pipelines.release import files, rules, tables, write_release
from pipelines.release.cells import FEW, NOT_SHOWN, Cell
from pipelines.warehouse import publish
from tests.release.planted_release import AS_OF, BANDS, KEY, write_snapshot
from tests.release.worlds import KINDS, counted, people


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    """Give a deployment with nothing in it."""
    return Settings(data=tmp_path, ref=SHIPPED_REF, key_file=tmp_path / "none")


@pytest.fixture(scope="module")
def world() -> dict[Cell, int]:
    """Give a world with counts of every size."""
    return counted(KINDS[0], people(KINDS[0], np.random.default_rng(4)) // 4)


def released(home: Settings, world: dict[Cell, int], as_of: date = AS_OF, key: bytes = KEY, **words: str) -> Path:
    """Write a snapshot of a world and release it."""
    snapshot = write_snapshot(home.data / f"{as_of}.duckdb", world, as_of, **words)
    folder = write_release(snapshot, home, as_of, BANDS, key)
    assert folder
    return folder


def hashes(folder: Path) -> dict[str, str]:
    """Every file's bytes, hashed."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def read_csv(path: Path) -> list[dict[str, str]]:
    """Read a CSV as text."""
    with path.open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source))


def test_every_table_leaves_as_csv_and_parquet_that_say_the_same(home: Settings, world: dict[Cell, int]) -> None:
    folder = released(home, world)
    stems = {"segment_reach", "segment_size", "closure_effect", "reach_home", "reach_verdict"}
    assert {path.name for path in folder.iterdir()} == {
        *(f"{stem}.{kind}" for stem in stems for kind in ("csv", "parquet")),
        "index.html", "README.txt", "release.json",
    }  # fmt: skip
    for stem in stems:
        frame, text = pl.read_parquet(folder / f"{stem}.parquet"), read_csv(folder / f"{stem}.csv")
        assert list(text[0]) == frame.columns
        assert [row["segment_id"] for row in text] == frame["segment_id"].to_list()
        for name in frame.columns:
            if name.endswith("_people"):
                assert [row[name] for row in text] == ["" if n is None else str(n) for n in frame[name]]


def test_no_small_count_and_no_exact_one_is_in_any_file(home: Settings, world: dict[Cell, int]) -> None:
    folder = released(home, world)
    n_few = 0
    for path in folder.glob("*.parquet"):
        frame = pl.read_parquet(path)
        for name in [name for name in frame.columns if name.endswith("_shown")]:
            numbers = frame[name.removesuffix("_shown")]
            assert all(n is None or (n >= 10 and n % 5 == 0) for n in numbers)
            withheld = frame[name].is_in([FEW, NOT_SHOWN, "–"])
            assert withheld.to_list() == numbers.is_null().to_list()
            n_few += int((frame[name] == FEW).sum())
    assert n_few > 50


def test_the_same_count_is_the_same_in_every_table(home: Settings, world: dict[Cell, int]) -> None:
    folder = released(home, world)
    message: dict[Cell, set[str]] = {}
    for one in [one for one in rules.read_rules(home) if one.counts]:
        for row in pl.read_parquet(folder / f"{one.stem}.parquet").to_dicts():
            for column, meaning in one.counts.items():
                message.setdefault(meaning.cell(row), set()).add(row[f"{column}_shown"])
    assert {len(texts) for texts in message.values()} == {1}
    assert {one for one in world if one.measure != "home"} <= set(message), "and every cell is somewhere"


def test_shares_and_what_is_kept_come_from_released_counts(home: Settings, world: dict[Cell, int]) -> None:
    folder = released(home, world)
    reach = pl.read_parquet(folder / "segment_reach.parquet")
    known = reach.filter(pl.col("coverage_share").is_not_null())
    assert known.height
    assert (known["coverage_share"] == known["reach_people"] / known["segment_people"]).all()
    either = pl.col("reach_people").is_null() | pl.col("segment_people").is_null()
    assert reach.filter(either)["coverage_share"].is_null().all()
    closed = pl.read_parquet(folder / "closure_effect.parquet").filter(pl.col("kept_people").is_not_null())
    assert (closed["kept_people"] + closed["lost_people"] == closed["reach_people"]).all()
    assert FEW not in closed["kept_people_shown"].to_list()


def test_bounds_hold_the_exact_ones_and_tell_nothing_of_the_count(home: Settings, world: dict[Cell, int]) -> None:
    frame = pl.read_parquet(released(home, world) / "segment_reach.parquet")
    for row in frame.to_dicts():
        exact = world[Cell("reach", row["segment_id"], "x", row["account_id"], "follower")]
        if row["reach_people"] is None:
            assert row["reach_people_lo"] is row["reach_people_hi"] is None
            continue
        assert row["reach_people_lo"] <= exact
        assert row["reach_people_hi"] >= exact + 3
        widths = row["reach_people"] - row["reach_people_lo"], row["reach_people_hi"] - row["reach_people"]
        assert set(widths) <= {10, row["reach_people"]}, "the same width whatever the count"


def test_a_home_without_people_is_few_and_not_left_out(home: Settings, world: dict[Cell, int]) -> None:
    frame = pl.read_parquet(released(home, world) / "reach_home.parquet")
    per_account = frame.group_by("segment_id", "account_id", "basis").len()["len"]
    assert per_account.unique().to_list() == [6]
    assert set(frame.filter(pl.col("home_band") == "over 100 km")["people_shown"]) == {FEW}


def test_an_unknown_home_stops_the_release(home: Settings, world: dict[Cell, int]) -> None:
    snapshot = write_snapshot(home.data / "one.duckdb", world)
    leaving = rules.read_rules(home)
    frames = files._read(snapshot, leaving)
    odd = [(one, f.with_columns(home_band=pl.lit("moon")) if one.stem == "reach_home" else f) for one, f in frames]
    with pytest.raises(ModelError, match="home_band"):
        tables.completed(odd)


def test_a_verdict_is_withheld_with_the_counts_it_is_made_of(home: Settings) -> None:
    world = counted(KINDS[0], people(KINDS[0], np.random.default_rng(4)) // 12)
    active = {(one.of(basis="active") if one.basis else one): n for one, n in world.items()}
    active |= {one: n for one, n in world.items() if one.measure == "reached"}
    frame = pl.read_parquet(released(home, active) / "reach_verdict.parquet")
    reach = pl.read_parquet(home.release / str(AS_OF) / "segment_reach.parquet")
    both = frame.join(reach, on=["segment_id", "account_id"])
    found = both["reach_people"].is_not_null() & both["segment_people"].is_not_null()
    assert both["verdict"].to_list() == ["reaches" if one else NOT_SHOWN for one in found]
    assert both["trend"].to_list() == ["steady" if one else NOT_SHOWN for one in found]
    assert {*found} == {True, False}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "  =", "＝"])
def test_a_text_that_a_spreadsheet_would_run_is_escaped_in_csv_alone(start: str) -> None:
    frame = pl.DataFrame({"text": [f"{start}1+1", "a=b", "–"], "n": [-5, 3, None]})
    cells = list(csv.reader(io.StringIO(files.as_csv(frame), newline="")))
    assert cells[1:] == [[f"'{start}1+1", "-5"], ["a=b", "3"], ["–", ""]], "a number is no text"
    assert files.escaped(f"{start}1+1") == f"'{start}1+1"
    assert files.escaped("a=b") == "a=b"


def test_titles_are_escaped_on_the_page_and_in_csv(home: Settings, world: dict[Cell, int]) -> None:
    folder = released(home, world, reach_reason="<script>=1</script>")
    assert read_csv(folder / "segment_size.csv")[0]["title"].startswith("'=")
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http:" not in page
    assert "https:" not in page
    assert "@media print" in page


def test_the_page_is_well_formed_and_shows_every_table(home: Settings, world: dict[Cell, int]) -> None:
    open_tags: list[str] = []
    seen: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            seen.append(tag)
            if tag not in ("meta", "link", "br"):
                open_tags.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert open_tags.pop() == tag

    Reader().feed((released(home, world) / "index.html").read_text(encoding="utf-8"))
    assert not open_tags
    assert seen.count("table") == 5
    readme = (home.release / str(AS_OF) / "README.txt").read_text(encoding="utf-8")
    assert "under 10" in readme
    assert "GeoNames" in readme


def test_same_inputs_same_bytes(home: Settings, world: dict[Cell, int], tmp_path: Path) -> None:
    other = replace(home, data=tmp_path / "other")
    other.data.mkdir()
    first = hashes(released(home, world))
    assert hashes(released(other, dict(reversed(world.items())))) == first
    assert hashes(released(home, world)) == first, "and the same night again leaves it as it is"


def test_the_next_release_keeps_what_has_not_moved(home: Settings, world: dict[Cell, int]) -> None:
    first = pl.read_parquet(released(home, world) / "segment_reach.parquet")
    nearly = {one: n + (n > 0) for one, n in world.items()}
    later = pl.read_parquet(released(home, nearly, AS_OF + timedelta(1)) / "segment_reach.parquet")
    same = first["everyone_people"] == later["everyone_people"]
    assert same.all()
    exact = next(n for one, n in nearly.items() if one == Cell("segment", "everyone", "x"))
    assert later["everyone_people"][0] % 5 == 0
    assert abs(later["everyone_people"][0] - exact) <= 7
    far = {one: 2 * n + 40 for one, n in world.items()}
    moved = pl.read_parquet(released(home, far, AS_OF + timedelta(2)) / "segment_reach.parquet")
    assert (moved["everyone_people"] != later["everyone_people"]).all()


def test_a_day_before_a_released_one_is_not_released(home: Settings, world: dict[Cell, int]) -> None:
    before = hashes(released(home, world))
    snapshot = write_snapshot(home.data / "earlier.duckdb", world, AS_OF - timedelta(1))
    assert write_release(snapshot, home, AS_OF - timedelta(1), BANDS, KEY) is None
    assert [path.name for path in home.release.iterdir()] == [str(AS_OF)]
    assert hashes(home.release / str(AS_OF)) == before


def test_a_day_released_again_with_other_counts_goes_by_what_it_said(home: Settings, world: dict[Cell, int]) -> None:
    first = pl.read_parquet(released(home, world) / "segment_size.parquet")
    nearly = {one: n + (n > 20) for one, n in world.items()}
    again = pl.read_parquet(released(home, nearly) / "segment_size.parquet")
    assert again["everyone_people"].to_list() == first["everyone_people"].to_list()


def test_the_seal_is_not_told_without_the_key(home: Settings, world: dict[Cell, int]) -> None:
    one = (released(home, world) / "release.json").read_text(encoding="utf-8")
    other = (released(home, world, key=b"another") / "release.json").read_text(encoding="utf-8")
    assert one != other


def test_a_folder_with_other_files_is_left_alone(home: Settings, world: dict[Cell, int]) -> None:
    theirs = home.release / str(AS_OF) / "minutes.docx"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs", encoding="utf-8")
    with pytest.raises(SettingsError, match="not a release's"):
        released(home, world)
    assert theirs.read_text(encoding="utf-8") == "theirs"


def test_two_tables_that_contradict_each_other_are_not_released(home: Settings, world: dict[Cell, int]) -> None:
    import duckdb

    snapshot = write_snapshot(home.data / "one.duckdb", world)
    with duckdb.connect(str(snapshot)) as con:
        con.execute("UPDATE mart.closure_effect SET lost_people = lost_people + 1")
    with pytest.raises(ModelError, match="lost_people"):
        write_release(snapshot, home, AS_OF, BANDS, KEY)
    assert not home.release.exists()


def test_expected_numbers_that_do_not_add_up_by_a_person_are_released(home: Settings, world: dict[Cell, int]) -> None:
    """An audited segment counts people by probability, and each mart rounds by itself."""
    draw = np.random.default_rng(1)
    odd = {one: n + int(one.measure == "home" and draw.random() < 0.3) for one, n in world.items()}
    assert released(home, odd)


REFUSED = {
    "core.member: {title: a, why: b, key: [platform]}": "only marts leave",
    "mart.segment_size: {title: a, why: b, key: [segment_id, platform], words: [segment_people]}": "name it as a count",
    "mart.segment_size: {title: a, why: b, key: [segment_id, platform], counts: {nobody: {cell: segment}}}": "nobody",
    "mart.segment_size: {title: a, why: b, key: [segment_id, platform], counts: {segment_people: {cell: all}}}": "all",
    "mart.segment_size: {title: a, why: b, key: [platform], counts: {segment_people: {cell: segment}}}": "segment_id",
    "mart.account_scorecard: {title: a, why: b, key: [platform, account_id], words: [handle]}": "handle",
    "mart.reach_signature: {title: a, why: b, key: [segment_id, account_ids]}": "sets of account_ids",
    "mart.segment_size: {title: a, key: [segment_id]}": "no table that leaves",
    "mart.segment_size: {title: a, why: b, key: [segment_id, platform], ratios: {everyone_share: [a]}}": "2 counts",
}


@pytest.mark.parametrize(("table", "message"), REFUSED.items())
def test_rules_that_would_release_too_much_are_refused(tmp_path: Path, table: str, message: str) -> None:
    (tmp_path / "release.yml").write_text("tables:\n  " + table.replace(": {", ":\n    {", 1) + "\n", encoding="utf-8")
    with pytest.raises(RefError, match=message):
        rules.read_rules(Settings(data=tmp_path, ref=tmp_path, key_file=tmp_path / "none"))


def test_what_the_shipped_rules_release_is_marts_and_no_person(home: Settings) -> None:
    for one in rules.read_rules(home):
        types = {column.name: column.type for column in contracts("mart")[one.stem].columns}
        assert set(one.columns) <= set(types)
        assert not {"member_key", "account_ids", "n_members", "fair_share_people"} & set(one.columns)
        numbers = {name for name in one.columns if types[name] in ("BIGINT", "DOUBLE")}
        bounds = {bound for pair in one.intervals.values() for bound in pair}
        assert numbers <= {*one.counts, *bounds, "threshold"}, "every number is a cell, or bounds of one"


def test_a_night_releases_and_a_backfill_does_not(two_nights: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.report.write_report", lambda *_: Path("page"))
    monkeypatch.setattr("pipelines.report.review.review_snapshot", lambda *_: None)
    earlier, current = publish.snapshots(two_nights)
    night.report(earlier)
    assert not two_nights.release.exists(), "it is not the current one"
    night.report(current)
    assert [one.name for one in two_nights.release.iterdir()] == ["2026-07-15"]
    for path in (two_nights.release / "2026-07-15").iterdir():
        assert b"zq" not in path.read_bytes(), "nothing of a person"
    rows = read_csv(two_nights.release / "2026-07-15" / "segment_reach.csv")
    texts = {row["reach_people_shown"] for row in rows if row["platform"] == "mastodon"}
    assert FEW in texts
    assert texts <= {FEW, NOT_SHOWN, "–"}, "nine people"
    publish.rollback(two_nights)
    assert [one.name for one in two_nights.release.iterdir()] == ["2026-07-15"], "what left has left"
