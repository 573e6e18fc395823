"""Exports with a column map → a drop: CSV and workbooks, the shipped maps, and maps that are refused."""

import csv
import datetime
import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as searching
from hypothesis import strategies as st

from pipelines import night
from pipelines.common.errors import DeliveryError, RefError, SchemaError, StillreachError, UnreadableFileError
from pipelines.common.settings import SHIPPED_REF, Settings
from pipelines.extract.exports import mapped
from pipelines.extract.files import cell
from pipelines.extract.files.column_map import ColumnMap, find, known_sources, read_map
from pipelines.extract.files.sheet import Cell
from tests.extract.workbook import Formula, Rows, xls, xlsx

MAPS = SHIPPED_REF / "column_map"
OURS = {"sp_motor": "UC-motor", "sp_news": "UC-news"}
SEEN = datetime.date(2026, 10, 1)
SECRET = "Ring Jane on 01785 000000"
YOUTUBE = (
    "Content,Video title,Video publish time,Duration,Views,Watch time (hours),Subscribers,Impressions,"
    "Impressions click-through rate (%)\n"
    "Total,,,,5020,301.5,12,90210,4.1\n"
)
FEED = "https://www.linkedin.com/feed/update/urn:li"
FOLLOWERS: Rows = [
    ["Follower metrics: the last 365 days"],
    ["Date", "Sponsored followers", "Organic followers", "Auto-invited followers", "Total followers"],
    ["09/28/2026", 0, 5, 1, 6],
    ["09/29/2026", 0, -2, None, -2],
]
POSTS: Rows = [
    ["This sheet holds the performance of each post"],
    ["Post title", "Post link", "Post type", "Created date", "Impressions", "Clicks", "Likes", "Comments", "Reposts"],
    ["Ride safe", f"{FEED}:activity:7123456789012345678", "Organic", "09/28/2026", 900, 20, 8, 4, 1],
]  # fmt: skip
POST: dict[str, object] = {"table": "post"}
VENDOR: dict[str, Any] = {
    "source": "vendor",
    "platform": "facebook",
    "reason": "the agency's weekly table",
    "tables": [
        {
            "table": "post",
            "columns": {
                "post_id": {"from": "Id"},
                "account_id": {"from": "Page"},
                "posted_at": {"from": "When", "format": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"},
                "likes": {"from": "Likes", "thousands": ".", "decimal": ",", "unknown": ["k.A."]},
                "reach": {"from": ["Reach", "Reached"], "optional": True},
            },
        }
    ],
}


def convert(
    folder: Path, files: Mapping[str, str | bytes], mapping: ColumnMap, account: str | None = "sp_motor"
) -> tuple[dict[str, list[dict[str, str]]], list[str]]:
    """Convert some files and read every table back."""
    source = folder / "in"
    source.mkdir(exist_ok=True)
    for name, text in files.items():
        (source / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    path = source / next(iter(files)) if len(files) == 1 else source
    notes = mapped.convert(path, folder / "out", OURS, SEEN, account, mapping=mapping)
    tables = {}
    for written in sorted((folder / "out").glob("*.csv")):
        with written.open(encoding="utf-8", newline="") as stream:
            tables[written.stem] = list(csv.DictReader(stream))
    return tables, notes


def youtube() -> ColumnMap:
    return read_map(MAPS / "youtube_studio.yml")


def linkedin() -> ColumnMap:
    return read_map(MAPS / "linkedin.yml")


def vendor(folder: Path, change: Mapping[str, object] | None = None, **columns: object) -> ColumnMap:
    """Write the vendor's map with some columns another, and read it."""
    tables = [dict(VENDOR["tables"][0]) | {"columns": {**VENDOR["tables"][0]["columns"], **columns}}]
    path = folder / "vendor.yml"
    path.write_text(yaml.safe_dump({**VENDOR, "tables": tables, **(change or {})}), encoding="utf-8")
    return read_map(path)


def test_youtube_studio_without_its_total(tmp_path: Path) -> None:
    text = YOUTUBE + 'dQw4w9WgXcQ,"Ride safe, ""really""","Sep 10, 2026",90,5000,300.0,12,90000,4.1\n'
    tables, notes = convert(tmp_path, {"Table data.csv": "\ufeff" + text}, youtube())
    assert tables == {
        "post": [
            {
                "platform": "youtube",
                "post_id": "dQw4w9WgXcQ",
                "account_id": "UC-motor",
                "posted_at": "2026-09-10T00:00:00Z",
                "kind": "video",
                "text": 'Ride safe, "really"',
                "impressions": "90000",
                "observed_at": "2026-10-01T00:00:00Z",
            }
        ]
    }
    assert "Table data.csv: 1 row skipped, as the map says" in notes
    assert any("columns left out: Duration, Views, Watch time (hours), Subscribers" in note for note in notes)


@pytest.mark.parametrize("made", [xls, xlsx], ids=["xls", "xlsx"])
def test_linkedin_followers_below_their_title_row(tmp_path: Path, made: Callable[[Mapping[str, Rows]], bytes]) -> None:
    book = made({"New followers": FOLLOWERS, "Location": [["Kent", 3]]})
    tables, notes = convert(tmp_path, {f"followers.{made.__name__}": book}, linkedin())
    figures = {(row["day"], row["metric"]): row["value"] for row in tables["account_day"]}
    assert figures == {
        ("2026-09-28", "new_follows"): "6",
        ("2026-09-28", "new_follows_organic"): "5",
        ("2026-09-28", "new_follows_sponsored"): "0",
        ("2026-09-28", "new_follows_invited"): "1",
        ("2026-09-29", "new_follows"): "-2",
        ("2026-09-29", "new_follows_organic"): "-2",
        ("2026-09-29", "new_follows_sponsored"): "0",
        ("2026-09-29", "new_follows_invited"): "",  # empty is unknown, not 0
    }
    assert any("1 sheet not read" in note for note in notes)


def test_an_older_followers_sheet_without_invited_ones_has_no_row_of_them(tmp_path: Path) -> None:
    rows: Rows = [[*row[:3], *row[4:]] for row in FOLLOWERS]
    tables, _ = convert(tmp_path, {"f.xlsx": xlsx({"New followers": rows})}, linkedin())
    assert {row["metric"] for row in tables["account_day"]} == {
        "new_follows",
        "new_follows_organic",
        "new_follows_sponsored",
    }


def test_linkedin_posts_are_known_by_the_id_in_their_link(tmp_path: Path) -> None:
    tables, _ = convert(tmp_path, {"content.xlsx": xlsx({"All posts": POSTS})}, linkedin())
    (post,) = tables["post"]
    assert post["post_id"] == "7123456789012345678"
    assert (post["likes"], post["replies"], post["reposts"], post["clicks"], post["impressions"]) == (
        "8",
        "4",
        "1",
        "20",
        "900",
    )
    assert post["posted_at"] == "2026-09-28T00:00:00Z"


def test_days_and_formulas_and_yes_or_no_of_a_workbook(tmp_path: Path) -> None:
    rows: Rows = [["Id", "Page", "When", "Likes"], ["a1", "sp_news", datetime.date(2026, 9, 28), Formula("12")]]
    tables, _ = convert(tmp_path, {"v.xlsx": xlsx({"Tabelle": rows})}, vendor(tmp_path))
    (post,) = tables["post"]
    assert (post["account_id"], post["posted_at"], post["likes"]) == ("UC-news", "2026-09-27T22:00:00Z", "12")


@pytest.mark.parametrize("id", [1.22158e17, 1822158123456789.0, 12.5, True, "1.22158E+17", "1,22E17"])
def test_ids_that_a_spreadsheet_made_numbers_are_refused_with_the_count(tmp_path: Path, id: str | float) -> None:
    rows: Rows = [
        ["Id", "Page", "When", "Likes"],
        ["a", "sp_news", "28.09.2026 10:00", 1],
        [id, "sp_news", "28.09.2026 10:00", 1],
    ]
    with pytest.raises(
        UnreadableFileError, match="column 'Id': 1 of 2 ids damaged by a spreadsheet, the first in row 3"
    ):
        convert(tmp_path, {"v.xlsx": xlsx({"T": rows})}, vendor(tmp_path))


def test_a_whole_number_is_an_id_while_all_its_digits_are_there(tmp_path: Path) -> None:
    rows: Rows = [["Id", "Page", "When", "Likes"], [182215812345678, "sp_news", "28.09.2026 10:00", 1]]
    tables, _ = convert(tmp_path, {"v.xlsx": xlsx({"T": rows})}, vendor(tmp_path))
    assert tables["post"][0]["post_id"] == "182215812345678"


def test_separators_hold_only_as_the_map_says(tmp_path: Path) -> None:
    text = "Id,Page,When,Likes\na,sp_news,28.09.2026 10:00,{}\n"
    for message, read in {"1.203": "1203", "12": "12", "k.A.": "", "": ""}.items():
        tables, _ = convert(tmp_path, {"v.csv": text.format(message)}, vendor(tmp_path))
        assert tables["post"][0]["likes"] == read, message
    for message in ('"1,203"', "1203.5", "1 203", "viele", "-3", "1.20"):
        with pytest.raises(
            SchemaError, match="column 'Likes': 1 of 1 rows cannot be read as a count, the first in line 2"
        ) as error:
            convert(tmp_path, {"v.csv": text.format(message)}, vendor(tmp_path))
        assert message not in str(error.value).split("Known:")[0]


@given(n=st.integers(0, 10**12), thousands=st.sampled_from([None, ",", ".", " ", "'"]))
@searching(max_examples=60, deadline=None)
def test_a_count_written_with_its_separator_is_read_back(n: int, thousands: str | None) -> None:
    decimal = "," if thousands == "." else "."
    written = f"{n:,}".replace(",", thousands or "")
    assert cell.count_of(written, cell.Numbers(thousands, decimal)) == str(n)
    assert cell.count_of(float(n), cell.Numbers(thousands, decimal)) == str(n)


@given(st.datetimes(datetime.datetime(2006, 1, 1), datetime.datetime(2099, 1, 1)))
@searching(max_examples=60, deadline=None)
def test_dates_are_read_in_any_format_whatever_the_machines_language(moment: datetime.datetime) -> None:
    moment = moment.replace(second=0, microsecond=0)
    month = cell.LONG_MONTHS[moment.month - 1].title()
    hour, half = moment.hour % 12 or 12, "PM" if moment.hour > 11 else "AM"
    written = {
        "%b %d, %Y %H:%M": f"{month[:3]} {moment.day}, {moment.year} {moment.hour}:{moment.minute:02}",
        "%d %B %Y %I:%M %p": f"{moment.day:02} {month} {moment.year} {hour}:{moment.minute:02} {half}",
        "%Y-%m-%dT%H:%M": moment.isoformat(timespec="minutes"),
    }
    for format, text in written.items():
        assert cell.read_format("test", format)(text) == moment


def test_a_thousand_that_may_be_a_one_and_a_time_beside_a_day_are_refused() -> None:
    assert cell.number_of("12.50", cell.Numbers()) == "12.5"
    assert cell.number_of("-0.0", cell.Numbers()) == "0"
    with pytest.raises(ValueError, match="thousand"):
        cell.number_of("1.000", cell.Numbers())
    assert cell.day_of(datetime.datetime(2026, 9, 28), None) == "2026-09-28"
    with pytest.raises(ValueError, match="not a day"):
        cell.day_of(datetime.datetime(2026, 9, 28, 10), None)


@pytest.mark.parametrize(
    ("given", "read"),
    [(True, "true"), ("No", "false"), (1.0, "true"), ("", None), ("maybe", ValueError)],
)
def test_yes_and_no(given: Cell, read: object) -> None:
    if read is ValueError:
        with pytest.raises(ValueError, match="neither"):
            cell.boolean_of(given)
    else:
        assert cell.boolean_of(given) == read


def test_a_zone_in_the_cell_is_taken_before_the_maps(tmp_path: Path) -> None:
    when = {"from": "When", "format": "%Y-%m-%d %H:%M %z", "zone": "Europe/Berlin"}
    text = "Id,Page,When,Likes\na,sp_news,2026-09-28 10:00 +0500,1\n"
    tables, _ = convert(tmp_path, {"v.csv": text}, vendor(tmp_path, posted_at=when))
    assert tables["post"][0]["posted_at"] == "2026-09-28T05:00:00Z"


def test_words_of_theirs_become_ours_and_an_unknown_word_stops(tmp_path: Path) -> None:
    change = {
        "tables": [
            {
                "table": "contact",
                "columns": {
                    "day": {"from": "Day"},
                    "kind": {"from": "What", "values": {"Hinweis": "intelligence", "Anzeige": "report"}},
                    "n": {"from": "N"},
                },
                "constants": {"channel": "facebook"},
            }
        ]
    }
    text = "Day,What,N\n2026-09-28,Hinweis,4\n"
    tables, _ = convert(tmp_path, {"c.csv": text}, vendor(tmp_path, change), account=None)
    assert tables["contact"] == [{"day": "2026-09-28", "channel": "facebook", "kind": "intelligence", "n": "4"}]
    with pytest.raises(SchemaError, match=r"column 'What': 1 of 1 rows.*Known: Anzeige, Hinweis"):
        convert(tmp_path, {"c.csv": text.replace("Hinweis", SECRET)}, vendor(tmp_path, change), account=None)


def test_an_account_is_told_or_named_and_never_guessed(tmp_path: Path) -> None:
    text = YOUTUBE + 'v1,Ride,"Sep 10, 2026",90,1,1,1,9,1\n'
    with pytest.raises(DeliveryError, match="cannot tell whose export it is"):
        convert(tmp_path, {"t.csv": text}, youtube(), account=None)
    folder = tmp_path / "inbox" / "SP_News"
    folder.mkdir(parents=True)
    (folder / "t.csv").write_text(text, encoding="utf-8")
    mapped.convert(folder.parent, tmp_path / "two", OURS, SEEN, mapping=youtube())
    assert "UC-news" in (tmp_path / "two" / "post.csv").read_text(encoding="utf-8")


def test_rows_of_other_accounts_are_left_out_and_counted(tmp_path: Path) -> None:
    text = "Id,Page,When,Likes\na,sp_news,28.09.2026 10:00,1\nb,rival,28.09.2026 10:00,2\n"
    tables, notes = convert(tmp_path, {"v.csv": text}, vendor(tmp_path))
    assert [row["post_id"] for row in tables["post"]] == ["a"]
    assert "v.csv: 1 row of accounts that are not ours left out" in notes
    with pytest.raises(DeliveryError, match="none of its 1 rows is of ours"):
        convert(tmp_path, {"v.csv": text.replace("a,sp_news,28.09.2026 10:00,1\n", "")}, vendor(tmp_path))


def test_overlapping_exports_settle_on_the_one_that_reaches_furthest(tmp_path: Path) -> None:
    later: Rows = [*FOLLOWERS, ["09/30/2026", 0, 1, 0, 1]]
    earlier: Rows = [*FOLLOWERS[:3], ["09/29/2026", 0, 9, 0, 9]]
    files = {"a.xlsx": xlsx({"New followers": later}), "b.xlsx": xlsx({"New followers": earlier})}
    tables, notes = convert(tmp_path, files, linkedin())
    figures = {(row["day"], row["metric"]): row["value"] for row in tables["account_day"]}
    assert figures["2026-09-29", "new_follows"] == "-2"
    assert figures["2026-09-29", "new_follows_invited"] == "0", "a figure beats a gap"
    assert any(note.startswith("restated: 2 figures") for note in notes), "a gap restates nothing"


def test_a_column_that_stands_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="column 'Likes': is listed twice"):
        convert(tmp_path, {"v.csv": "Id,Page,When,Likes,likes\na,sp_news,28.09.2026 10:00,1,2\n"}, vendor(tmp_path))


def test_a_renamed_column_is_refused_by_name_and_by_place(tmp_path: Path) -> None:
    rows: Rows = [FOLLOWERS[0], ["Date", "Paid followers", *FOLLOWERS[1][2:]], *FOLLOWERS[2:]]
    with pytest.raises(
        SchemaError, match=r"sheet 'New followers': lacks Sponsored followers; it has Date, Paid followers"
    ):
        convert(tmp_path, {"f.xlsx": xlsx({"New followers": rows})}, linkedin())
    assert not (tmp_path / "out").exists()


def test_a_header_is_not_shown_where_it_may_be_a_row(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="none of its first 20 rows is a header") as error:
        convert(tmp_path, {"t.csv": f"v1,{SECRET},2026\nv2,{SECRET},2026\n"}, youtube())
    assert SECRET not in str(error.value)


def test_a_sheet_of_another_name_is_refused_with_those_there(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"its sheets: 'Abonnés', 'Lieu'. Known: All posts, Metrics, New followers"):
        convert(tmp_path, {"f.xlsx": xlsx({"Abonnés": FOLLOWERS, "Lieu": [["x"]]})}, linkedin())


def test_a_hidden_sheet_is_read_where_the_map_names_it_and_said(tmp_path: Path) -> None:
    book = xlsx({"New followers": FOLLOWERS, "Notes": [["x"]]}, hidden=["New followers"])
    tables, notes = convert(tmp_path, {"f.xlsx": book}, linkedin())
    assert len(tables["account_day"]) == 8
    assert "f.xlsx: sheet 'New followers' is hidden, read all the same" in notes


def test_a_hidden_sheet_beside_the_only_shown_one_is_passed_over(tmp_path: Path) -> None:
    rows: Rows = [["Id", "Page", "When", "Likes"], ["a", "sp_news", "28.09.2026 10:00", 1]]
    book = xlsx(
        {"Old": [["Id", "Page", "When", "Likes"], ["z", "sp_news", "28.09.2026 10:00", 1]], "New": rows}, hidden=["Old"]
    )
    tables, _ = convert(tmp_path, {"v.xlsx": book}, vendor(tmp_path))
    assert [row["post_id"] for row in tables["post"]] == ["a"]


def test_merged_cells_above_the_header_do_no_harm_and_below_stop(tmp_path: Path) -> None:
    assert convert(
        tmp_path, {"f.xlsx": xlsx({"New followers": FOLLOWERS}, merged={"New followers": ["A1:E1"]})}, linkedin()
    )
    with pytest.raises(SchemaError, match="has merged cells in row 3"):
        convert(
            tmp_path, {"f.xlsx": xlsx({"New followers": FOLLOWERS}, merged={"New followers": ["E3:E4"]})}, linkedin()
        )


def test_a_retyped_column_stops_with_the_count_and_the_row(tmp_path: Path) -> None:
    rows: Rows = [*FOLLOWERS[:2], ["09/28/2026", 0, "five", 1, 6], ["09/29/2026", 0, "six", 1, 6]]
    with pytest.raises(
        SchemaError, match=r"column 'Organic followers': 2 of 2 rows cannot be read as a number, the first in row 3"
    ):
        convert(tmp_path, {"f.xlsx": xlsx({"New followers": rows})}, linkedin())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("f.xlsx", b"PK\x03\x04 cut off", "no workbook, or a damaged one"),
        ("f.xls", b"<html><table></table></html>", "no workbook, or a damaged one"),
        ("f.csv", b"", "it is empty"),
        ("f.csv", b"Content,Video title\n\xe9", "is not UTF-8"),
        ("f.csv", YOUTUBE.encode() + b'v1,"Ride', "cut off or a quote"),
        ("f.csv", YOUTUBE.encode() + b"v1,Ride\n", "has 2 of 9 columns"),
        ("f.pdf", b"%PDF", "neither CSV nor a workbook"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(StillreachError, match=message):
        convert(tmp_path, {name: content}, youtube())


def test_a_workbook_that_would_unpack_too_far_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.extract.files.sheet.MOST_BYTES", 50_000)
    book = xlsx({"New followers": [["x" * 30_000] for _ in range(3)]})
    assert len(book) < 50_000
    with pytest.raises(UnreadableFileError, match="unpacks to more than"):
        convert(tmp_path, {"f.xlsx": book}, linkedin())


def test_a_workbook_of_two_cells_at_its_far_corners_is_refused(tmp_path: Path) -> None:
    book = io.BytesIO(xlsx({"New followers": [["Date"]]}))
    with zipfile.ZipFile(book) as packed:
        parts = {one: packed.read(one) for one in packed.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    far = b'<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>a</t></is></c></row></sheetData>'
    parts[sheet] = parts[sheet].replace(b"</sheetData>", far)
    assert b"XFD1048576" in parts[sheet]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    with pytest.raises(UnreadableFileError, match=r"spreads over 1,048,576 rows and 16,384 columns"):
        convert(tmp_path, {"f.xlsx": out.getvalue()}, linkedin())


def test_followers_of_seed_accounts_are_kept(settings: Settings, tmp_path: Path) -> None:
    columns = {"account_id": {"from": "Account"}, "member_id": {"from": "Person"}}
    mapping: dict[str, Any] = {"source": "vendor", "platform": "x", "reason": "the vendor's lists"}
    mapping |= {"tables": [{"table": "follower", "columns": columns}]}
    (settings.ref / "column_map").mkdir()
    (settings.ref / "column_map" / "vendor.yml").write_text(yaml.safe_dump(mapping), encoding="utf-8")
    lists = tmp_path / "lists.csv"
    lists.write_text("Account,Person\n1,a\n91,b\n91,c\n92,d\n77,e\n", encoding="utf-8")
    landed = night.land_drop(lists, "vendor", datetime.date(2026, 7, 8))
    assert {one.account_id: one.collected for one in landed.delivery.accounts} == {"1": 1, "91": 2, "92": 1}
    assert any("1 row of accounts that are not" in note for note in landed.delivery.notes)


def test_utf_16_and_other_delimiters_are_read(tmp_path: Path) -> None:
    text = "Id;Page;When;Likes\na;sp_news;28.09.2026 10:00;1.203\n"
    tables, _ = convert(tmp_path, {"v.csv": text.encode("utf-16")}, vendor(tmp_path, {"delimiter": ";"}))
    assert tables["post"][0]["likes"] == "1203"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"platfrom": "x"}, r"has the unknown key platfrom. Known: .*platform.* Hint: did you mean platform\?"),
        ({"platform": "myspace"}, "platform: is 'myspace'"),
        ({"source": "other"}, "source: is 'other'"),
        ({"reason": ""}, "has no reason"),
        ({"tables": []}, "has \\[\\] for tables"),
        ({"tables": [{"table": "likes", "columns": {}}]}, r"has 'likes' for tables.0.table. Known: follower"),
        ({"tables": [{"table": "post", "columns": {"post_id": {"form": "Id"}}}]}, "post_id"),
        ({"tables": [{"table": "post", "columns": {"post_id": {"from": "Id"}}}]}, "lacks posted_at"),
        ({"tables": [POST | {"columns": {"post_id": {"from": "Id"}, "posted_at": {"from": "W"}}}]}, "has no zone"),
        ({"tables": [{"table": "post", "columns": {}, "metrics": {"likes": {"from": "L"}}}]}, "stands under post"),
        ({"tables": [POST | {"columns": {"likes": {"from": "L"}}, "constants": {"likes": "1"}}]}, "likes twice"),
    ],
)  # fmt: skip
def test_a_map_that_cannot_be_used_is_refused_by_its_key(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(RefError, match=message) as error:
        vendor(tmp_path, change)
    assert str(error.value).startswith("vendor.yml")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"likez": {"from": "L"}}, r"gives the column likez, which post has not.*did you mean likes\?"),
        ({"likes": {"from": "L", "format": "%Y"}}, "has a format, but is a count"),
        ({"likes": {"from": "L", "thousands": "."}}, "'.' for thousands and for decimals"),
        ({"likes": {"from": "L", "thousands": "_"}}, "thousands"),
        ({"post_id": {"from": "Id", "optional": True}}, "is optional"),
        ({"post_id": {"from": "Id", "pattern": "[0-9]+"}}, "a pattern with 0 groups"),
        ({"post_id": {"from": "Id", "pattern": "(["}}, "a pattern that is none"),
        ({"post_id": {"from": []}}, "a from without a name"),
        ({"posted_at": {"from": "W", "format": "%d %e", "zone": "UTC"}}, "has %e in its format"),
        ({"posted_at": {"from": "W", "format": "%Y %H", "zone": "UTC"}}, "says no day"),
        ({"posted_at": {"from": "W", "zone": "Europe/Londres"}}, "has the zone 'Europe/Londres'"),
    ],
)  # fmt: skip
def test_a_column_that_cannot_be_read_is_refused_in_the_map(
    tmp_path: Path, column: dict[str, Any], message: str
) -> None:
    with pytest.raises(RefError, match=message):
        vendor(tmp_path, **column)


def test_a_deployments_own_map_comes_before_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "column_map").mkdir()
    own = (MAPS / "youtube_studio.yml").read_text(encoding="utf-8").replace("from: Impressions,", "from: Views,")
    (tmp_path / "column_map" / "youtube_studio.yml").write_text(own, encoding="utf-8")
    settings = Settings(data=tmp_path, ref=tmp_path, key_file=tmp_path / "key")
    mine = find("youtube_studio", settings)
    assert mine and mine.tables[0].columns["impressions"].from_ == "Views"
    assert find("linkedin", settings) == linkedin()
    assert find("nobodys", settings) is None
    assert known_sources(settings) == ["linkedin", "youtube_studio"]


@pytest.mark.parametrize("path", sorted(MAPS.glob("*.yml")), ids=lambda path: path.stem)
def test_every_shipped_map_is_usable(path: Path) -> None:
    assert read_map(path).reason
