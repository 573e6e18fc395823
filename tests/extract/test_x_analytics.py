"""X Analytics exports → a drop: every generation, every trap, and errors that name no person."""

import csv
import datetime
import gzip
import io
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.common.errors import DeliveryError, SchemaError, StillreachError, UnreadableFileError
from pipelines.extract.exports.x_analytics import convert

OURS = {"sp_motor": "1001", "sp_news": "1002"}
SEEN = datetime.date(2026, 7, 15)
SECRET = "Ring Jane on 01785 000000"

C2026 = (
    "Post id,Date,Post text,Post Link,Impressions,Likes,Engagements,Bookmarks,Shares,New follows,Replies,"
    "Reposts,Profile visits,Detail Expands,URL Clicks,Hashtag Clicks,Permalink Clicks"
)
C2025 = C2026.replace("Post Link", "Link").replace("Shares", "Share").replace("Detail E", "Detail e")
C2025 = C2025.replace("URL Clicks", "Url clicks").replace("g Clicks", "g clicks").replace("k Clicks", "k clicks")
C2020 = (
    '"Tweet id","Tweet permalink","Tweet text","time","impressions","engagements","engagement rate",'
    '"retweets","replies","likes","user profile clicks","url clicks","hashtag clicks","detail expands",'
    '"permalink clicks","promoted impressions","promoted likes"'
)
OVER = (
    "Date,Impressions,Likes,Engagements,Bookmarks,Shares,New follows,Unfollows,Replies,Reposts,"
    "Profile visits,Create Post,Video views,Media views"
)
METRICS = (
    "impressions",
    "likes",
    "engagements",
    "bookmarks",
    "shares",
    "new_follows",
    "unfollows",
    "replies",
    "reposts",
    "profile_visits",
    "posts",
    "video_views",
    "media_views",
)


def line(*cells: object) -> str:
    """Write one row as X does: quotes only where needed."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="").writerow(cells)
    return stream.getvalue()


def link(post_id: str, handle: str = "sp_motor") -> str:
    return f"https://x.com/{handle}/status/{post_id}"


def post_2026(
    post_id: str = "1944",
    text: str = "Ride safe",
    *,
    impressions: object = 1203,
    handle: str = "sp_motor",
    date: str = "Tue, Jul 14, 2026",
    clicks: object = 6,
) -> str:
    figures = (impressions, 30, 40, 1, 2, 3, 4, 5, 7, 8, clicks, 9, 10)
    return line(post_id, date, text, link(post_id, handle), *figures)


def day(n: int, impressions: object = 1070) -> str:
    """One overview row for the n-th of July 2026; the other twelve figures follow the day."""
    on = datetime.date(2026, 7, n)
    weekday = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[on.weekday()]
    return line(f"{weekday}, Jul {n}, 2026", impressions, *range(n, n + 12))


def sheet(*lines: str, end: str = "\n") -> str:
    return end.join(lines) + end


def put(folder: Path, name: str, text: str | bytes) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def read(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, strict=True))


def posts(tmp: Path, *texts: str | bytes, name: str = "c.csv") -> tuple[list[dict[str, str]], list[str]]:
    for i, text in enumerate(texts):
        put(tmp / "in", f"{i}{name}", text)
    notes = convert(tmp / "in", tmp / "out", OURS, SEEN)
    return read(tmp / "out" / "post.csv"), notes


def days(tmp: Path, *texts: str) -> tuple[dict[tuple[str, str], str], list[str]]:
    for i, text in enumerate(texts):
        put(tmp / "in" / "sp_motor", f"{i}.csv", text)
    notes = convert(tmp / "in", tmp / "out", OURS, SEEN)
    return {(row["day"], row["metric"]): row["value"] for row in read(tmp / "out" / "account_day.csv")}, notes


def refused(
    tmp: Path,
    text: str | bytes,
    kind: type[StillreachError],
    *sentence: str,
    name: str = "in/1001/bad.csv",
    not_said: Sequence[str] = (),
) -> str:
    """Convert a bad file; it must name itself and a hint, hold no text of a post, and leave no drop."""
    put(tmp, name, text)
    with pytest.raises(kind) as caught:
        convert(tmp / "in", tmp / "out", OURS, SEEN)
    message = str(caught.value)
    assert type(caught.value) is kind
    for part in (name.rsplit("/", 1)[-1], "Hint: ", *sentence):
        assert part in message
    for part in ("Jane", "01785", SECRET, *not_said):
        assert part.lower() not in message.lower()
    assert not (tmp / "out").exists()
    return message


# --- the generations ------------------------------------------------------------------------------


def test_content_2026_becomes_posts(tmp_path: Path) -> None:
    rows, notes = posts(tmp_path, sheet(C2026, post_2026("1944"), post_2026("1943", "@jane_b Thank you")))
    assert rows == [
        {
            "platform": "x",
            "post_id": i,
            "account_id": "1001",
            "posted_at": "2026-07-14T00:00:00Z",
            "kind": kind,
            "text": text,
            "impressions": "1203",
            "likes": "30",
            "replies": "4",
            "reposts": "5",
            "clicks": "6",
            "observed_at": "2026-07-15T00:00:00Z",
        }
        for i, kind, text in (("1943", "reply", "@jane_b Thank you"), ("1944", "post", "Ride safe"))
    ]
    assert notes[0] == "0c.csv: content since 2026, 2 rows, newest day 2026-07-14"
    assert "engagements, bookmarks, shares, new follows, profile visits" in notes[1]
    assert not any("Thank you" in note or "Ride" in note for note in notes)


def test_content_2025_has_other_names_and_dates_without_commas(tmp_path: Path) -> None:
    row = line("1901", "Thu Mar 20 2025", "Hi", link("1901"), 100, 1, 0, 0, 0, 0, 2, 3, 0, 0, 4, 0, 0)
    rows, notes = posts(tmp_path, sheet(C2025, row))
    assert [rows[0][c] for c in ("posted_at", "impressions", "likes", "replies", "reposts", "clicks")] == [
        "2025-03-20T00:00:00Z",
        "100",
        "1",
        "2",
        "3",
        "4",
    ]
    assert "content 2024-12 to 2025" in notes[0]


@pytest.mark.parametrize("likes", ["likes", "favorites"])
def test_content_before_2024_has_times_floats_and_promoted_columns(tmp_path: Path, likes: str) -> None:
    permalink = "https://twitter.com/SP_Motor/status/1226"
    row = line(
        "1226",
        permalink,
        "Hi",
        "2020-02-10 18:00 +0000",
        "1203.0",
        "9.0",
        "0.01",
        "3.0",
        "2.0",
        "1.0",
        "0.0",
        "4.0",
        "0.0",
        "0.0",
        "0.0",
        "5000.0",
        "-",
    )
    rows, notes = posts(tmp_path, sheet(C2020.replace('"likes"', f'"{likes}"'), row))
    assert [rows[0][c] for c in ("posted_at", "impressions", "likes", "replies", "reposts", "clicks")] == [
        "2020-02-10T18:00:00Z",
        "1203",
        "1",
        "2",
        "3",
        "4",
    ]
    assert any("2 promoted columns left out, not added to the organic figures" in note for note in notes)


def test_overview_becomes_one_row_per_day_and_metric(tmp_path: Path) -> None:
    got, notes = days(tmp_path, sheet(OVER, day(14), day(13, 500)))
    assert len(got) == 26
    assert [got["2026-07-14", m] for m in METRICS] == [str(v) for v in (1070, *range(14, 26))]
    assert got["2026-07-13", "impressions"] == "500"
    rows = read(tmp_path / "out" / "account_day.csv")
    assert [(r["day"], r["metric"]) for r in rows] == sorted((r["day"], r["metric"]) for r in rows)
    assert {(r["platform"], r["account_id"]) for r in rows} == {("x", "1001")}
    assert not (tmp_path / "out" / "post.csv").exists()
    assert notes == ["sp_motor/0.csv: overview, 2 rows, newest day 2026-07-14"]


def test_video_overview_is_skipped_with_a_note_even_where_no_account_is_known(tmp_path: Path) -> None:
    put(tmp_path, "in/v.csv", sheet("Video overview,,,,,", "Date,Views,Watch time,a,b,c", "Jul 14,1,2,3,4,5"))
    notes = convert(tmp_path / "in", tmp_path / "out", OURS, SEEN)
    assert notes == ["v.csv: video overview skipped, the contract has no place for it"]
    assert not (tmp_path / "out").exists()


def test_video_overview_pasted_below_an_overview_takes_nothing_with_it(tmp_path: Path) -> None:
    video = ("Video overview,,,,,", "Date,Views", "Jul 14,1")
    got, notes = days(tmp_path, sheet(OVER, day(14), *video, OVER, day(9)))
    assert {d for d, _ in got} == {"2026-07-14", "2026-07-09"}
    assert any("video overview skipped" in note for note in notes)


def test_dates_of_every_generation_are_read_in_every_export(tmp_path: Path) -> None:
    rest = ",1" * 13
    dates = ('"Tue, Jul 14, 2026"', "Mon Jul 13 2026", "2026-07-12 00:00 +0000", '"Sat, Jul 04, 2026"')
    got, _ = days(tmp_path, sheet(OVER, *(d + rest for d in dates)))
    assert sorted({d for d, _ in got}) == ["2026-07-04", "2026-07-12", "2026-07-13", "2026-07-14"]
    rows, _ = posts(tmp_path / "p", sheet(C2026, post_2026(date="2026-07-14 01:30 +0200")))
    assert rows[0]["posted_at"] == "2026-07-13T23:30:00Z"


def test_drop_holds_only_columns_of_the_contract(tmp_path: Path) -> None:
    put(tmp_path, "in/sp_motor/o.csv", sheet(OVER, day(14)))
    posts(tmp_path, sheet(C2026, post_2026()))
    for table in ("post", "account_day"):
        contract = yaml.safe_load((Path(__file__).parents[2] / "sql" / "raw" / f"{table}.yml").read_text())["columns"]
        got = list(read(tmp_path / "out" / f"{table}.csv")[0])
        assert got == [column for column in contract if column in got]
        assert {column for column, found in contract.items() if found.get("required")} <= set(got)


def test_columns_the_export_has_not_are_not_in_the_drop(tmp_path: Path) -> None:
    rows, _ = posts(tmp_path, sheet("Post id,Date,Post Link,Impressions", line("1", "Tue, Jul 14, 2026", link("1"), 5)))
    assert list(rows[0]) == ["platform", "post_id", "account_id", "posted_at", "impressions", "observed_at"]


# --- figures --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "figure"),
    [
        ("", ""),
        ("-", ""),
        (" ", ""),
        ("0", "0"),
        ("0.0", "0"),
        ("007", "7"),
        ("1203.0", "1203"),
        ("1,203", "1203"),
        ("1,234,567", "1234567"),
    ],
)
def test_figures_are_read_and_missing_is_never_zero(tmp_path: Path, cell: str, figure: str) -> None:
    rows, _ = posts(tmp_path, sheet(C2026, post_2026(clicks=cell)))
    assert rows[0]["clicks"] == figure
    got, _ = days(tmp_path / "o", sheet(OVER, day(14, cell)))
    assert got["2026-07-14", "impressions"] == figure


@pytest.mark.parametrize("cell", ["1.2E+06", "1.000", "12,03", "1,2034", "-5", "3.5", "n/a", "٣", "9" * 16])
def test_what_is_no_figure_is_refused_by_column_and_count(tmp_path: Path, cell: str) -> None:
    text = sheet(C2026, post_2026("1"), post_2026("2", SECRET, impressions=cell))
    refused(tmp_path, text, SchemaError, "column 'impressions'", "1 of 2 rows", "line 3", not_said=[cell])


@pytest.mark.parametrize(
    "cell",
    [
        "14/07/2026",
        "Wed, Jul 14, 2026",
        "Tis, Jul 14, 2026",
        "Tue, Feb 31, 2026",
        "",
        "46217",
        "2026-07-14 18:00",
        "Thu Jan 01 1970",
        "0001-01-01 00:00 +2300",
    ],
)
def test_what_is_no_date_of_x_is_refused_by_column_and_count(tmp_path: Path, cell: str) -> None:
    text = sheet(C2026, post_2026("1", SECRET, date=cell))
    refused(tmp_path, text, SchemaError, "column 'date'", "1 of 1 rows", not_said=[cell] if cell else [])


@pytest.mark.parametrize("post_id", ["1.22158E+17", "1944.0", "", "'1944", "19440000000000000000"])
def test_ids_a_spreadsheet_spoilt_are_refused(tmp_path: Path, post_id: str) -> None:
    text = sheet(C2026, post_2026("1"), post_2026(post_id or " ", SECRET).replace("/status/ ", "/status/2"))
    refused(tmp_path, text, UnreadableFileError, "1 of 2 post ids", "spreadsheet", not_said=["E+17"])


def test_ids_a_spreadsheet_rounded_are_found_by_the_post_link(tmp_path: Path) -> None:
    row = post_2026("1944000000000012345", SECRET).replace("1944000000000012345", "1944000000000010000", 1)
    refused(tmp_path, sheet(C2026, row), UnreadableFileError, "1 of 1 post id damaged", not_said=["19440"])


# --- text -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_text_survives_quotes_commas_line_breaks_bom_and_crlf(tmp_path: Path, end: str, bom: str) -> None:
    text = 'He said ""ride"", then:\n\nGo,\r\nslow \U0001f3cd \u2028 "'
    rows, _ = posts(tmp_path, bom + sheet(C2026, post_2026("1", text), "", post_2026("2"), ",,", end=end))
    assert [row["text"] for row in rows] == [text, "Ride safe"]
    seen = duckdb.execute(f"SELECT text FROM read_csv('{tmp_path}/out/post.csv', all_varchar = true)").fetchall()
    assert seen == [(text,), ("Ride safe",)]


TEXTS = st.text(
    st.one_of(st.sampled_from("\",\n\r@ \t;'-"), st.characters(codec="utf-8", exclude_characters="\0")),
    max_size=40,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.dictionaries(st.integers(1, 10**18).map(str), TEXTS, min_size=1, max_size=6),
    bom=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
    all_quoted=st.booleans(),
)
def test_any_text_written_as_x_would_is_read_back_equal(
    tmp_path: Path, texts: dict[str, str], bom: bool, end: str, all_quoted: bool
) -> None:
    stream = io.StringIO()
    # Rows end in \r\n for the writer so that it quotes a lone \r too, as a correct writer must.
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL, lineterminator="\r\n")
    body = []
    for post_id, text in texts.items():
        writer.writerow([post_id, "Tue, Jul 14, 2026", text, link(post_id), 1])
        body.append(stream.getvalue().removesuffix("\r\n"))
        stream.seek(0)
        stream.truncate()
    content = "\ufeff" * bom + sheet("Post id,Date,Post text,Post Link,Impressions", *body, end=end)
    convert(put(tmp_path, "in/c.csv", content), tmp_path / "out", OURS, SEEN)
    assert {row["post_id"]: row["text"] for row in read(tmp_path / "out" / "post.csv")} == texts


# --- restatement ----------------------------------------------------------------------------------


@pytest.mark.parametrize("newer_first", [True, False])
def test_the_later_export_restates_the_last_day_of_the_earlier(tmp_path: Path, newer_first: bool) -> None:
    older, newer = (
        sheet(OVER, day(13, 1070), day(12), day(11)),
        sheet(OVER, day(14, 9), day(13, 1178), day(12)),
    )
    got, notes = days(tmp_path, *((newer, older) if newer_first else (older, newer)))
    assert got["2026-07-13", "impressions"] == "1178"
    assert len(got) == 4 * 13
    assert notes[-1] == "restated: 1 figure, the figures of the export that reaches furthest are kept"


def test_a_restated_figure_may_fall(tmp_path: Path) -> None:
    got, notes = days(tmp_path, sheet(OVER, day(14, 5), day(13, 900)), sheet(OVER, day(13, 1070)))
    assert got["2026-07-13", "impressions"] == "900"
    assert notes[-1] == "restated: 1 figure, the figures of the export that reaches furthest are kept"


def test_several_figures_of_a_day_are_counted_as_one_day(tmp_path: Path) -> None:
    older = day(13).replace("13,14,", "11,10,")
    got, notes = days(tmp_path, sheet(OVER, day(14), day(13)), sheet(OVER, older))
    assert [got["2026-07-13", m] for m in ("likes", "engagements")] == ["13", "14"]
    assert notes[-1] == "restated: 2 figures, the figures of the export that reaches furthest are kept"


def test_at_the_same_last_day_the_larger_figure_is_the_later(tmp_path: Path) -> None:
    got, _ = days(tmp_path, sheet(OVER, day(14, 30)), sheet(OVER, day(14, 200)), sheet(OVER, day(14, 100)))
    assert got["2026-07-14", "impressions"] == "200"


def test_a_figure_is_not_restated_by_a_gap(tmp_path: Path) -> None:
    got, notes = days(tmp_path, sheet(OVER, day(14), day(13, "-")), sheet(OVER, day(13, 1070)))
    assert got["2026-07-13", "impressions"] == "1070"
    assert not any("restated" in note for note in notes)


@pytest.mark.parametrize("header", [[], [OVER], ["\ufeff" + OVER.replace("Date", '"Date"')]])
@pytest.mark.parametrize("newer_first", [True, False])
def test_pasted_exports_are_taken_apart(tmp_path: Path, header: list[str], newer_first: bool) -> None:
    older, newer = [day(10, 77), day(9, 1)], [day(12, 5), day(11, 6), day(10, 70), day(9, 1)]
    first, second = (newer, older) if newer_first else (older, newer)
    got, notes = days(tmp_path, sheet(OVER, *first, *header, *second))
    assert [got[f"2026-07-{n:02}", "impressions"] for n in (9, 10, 11, 12)] == ["1", "70", "6", "5"]
    assert notes[-1] == "restated: 1 figure, the figures of the export that reaches furthest are kept"
    assert any("2 exports pasted together" in note for note in notes) == (not header)


def test_an_overview_sorted_oldest_first_is_one_export(tmp_path: Path) -> None:
    got, notes = days(tmp_path, sheet(OVER, day(11), day(12), day(13, 900)), sheet(OVER, day(12, 5), day(11)))
    assert got["2026-07-12", "impressions"] == "1070"
    assert not any("pasted" in note for note in notes)


@pytest.mark.parametrize("newer", [0, 1])
def test_a_post_is_kept_from_the_export_with_the_later_newest_day(tmp_path: Path, newer: int) -> None:
    late = sheet(C2026, post_2026("2"), post_2026("1", impressions=90, date="Mon, Jul 13, 2026"))
    early = sheet(C2026, post_2026("1", impressions=100, date="Mon, Jul 13, 2026"))
    rows, notes = posts(tmp_path, *((late, early) if newer == 0 else (early, late)))
    assert [(row["post_id"], row["impressions"]) for row in rows] == [("1", "90"), ("2", "1203")]
    assert notes[-1] == "restated: 1 post, the figures of the export that reaches furthest are kept"


def test_the_same_export_twice_restates_nothing(tmp_path: Path) -> None:
    rows, notes = posts(tmp_path, *[sheet(C2026, post_2026("1"))] * 2)
    assert len(rows) == 1
    assert not any("restated" in note for note in notes)


def test_the_same_exports_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    texts = [
        sheet(C2026, post_2026("3"), post_2026("1")),
        sheet(C2026, post_2026("2"), post_2026("1", impressions=9)),
        sheet(C2025, line("9", "Thu Mar 20 2025", "Hi", link("9"), 1, *[""] * 12)),
    ]
    posts(tmp_path / "a", *texts)
    posts(tmp_path / "b", *texts[::-1])
    assert (tmp_path / "a/out/post.csv").read_bytes() == (tmp_path / "b/out/post.csv").read_bytes()


# --- whose export ---------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["1001", "sp_motor", "SP_Motor", "@sp_motor"])
def test_the_folder_names_the_account(tmp_path: Path, folder: str) -> None:
    put(tmp_path, f"in/2026/{folder}/a.csv", sheet(OVER, day(14)))
    convert(tmp_path / "in", tmp_path / "out", OURS, SEEN)
    assert {row["account_id"] for row in read(tmp_path / "out" / "account_day.csv")} == {"1001"}


@pytest.mark.parametrize(
    ("folder", "asked", "account"),
    [("x", None, "1001"), ("1002", None, "1002"), ("sp_news", "1001", "1001"), ("x", "1002", "1002")],
)
def test_argument_before_folder_before_links(tmp_path: Path, folder: str, asked: str | None, account: str) -> None:
    file = put(tmp_path, f"{folder}/c.csv", sheet(C2026, post_2026(handle="SP_Motor")))
    notes = convert(file, tmp_path / "out", OURS, SEEN, asked)
    assert [row["account_id"] for row in read(tmp_path / "out" / "post.csv")] == [account]
    assert any("post links name another account of ours" in note for note in notes) == (account == "1002")


def test_two_accounts_are_sorted_by_account(tmp_path: Path) -> None:
    rows, _ = posts(tmp_path, sheet(C2026, post_2026("1", handle="sp_news")), sheet(C2026, post_2026("2")))
    assert [(row["account_id"], row["post_id"]) for row in rows] == [("1001", "2"), ("1002", "1")]


def test_an_unknown_account_argument_is_refused(tmp_path: Path) -> None:
    file = put(tmp_path, "c.csv", sheet(C2026, post_2026()))
    with pytest.raises(DeliveryError, match=r"not an X account of ours.*sp_motor.*Hint: "):
        convert(file, tmp_path / "out", OURS, SEEN, "77")


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([post_2026("1", SECRET, handle="jane_b")], "an account not ours"),
        ([post_2026("1", SECRET), post_2026("2", SECRET, handle="sp_news")], "2 accounts"),
        ([post_2026("1", SECRET, handle="i")], "no account"),
        ([], "no account"),
    ],
)
def test_an_account_is_never_guessed(tmp_path: Path, rows: list[str], sentence: str) -> None:
    message = refused(tmp_path, sheet(C2026, *rows), DeliveryError, sentence, "pass --account", name="in/x/bad.csv")
    assert "folder named for the account" in message


def test_an_overview_in_no_folder_is_refused_even_beside_a_content_export(tmp_path: Path) -> None:
    put(tmp_path, "in/x/content.csv", sheet(C2026, post_2026()))
    refused(tmp_path, sheet(OVER, day(14)), DeliveryError, "no account", name="in/x/bad.csv")


def test_one_post_under_two_accounts_is_refused(tmp_path: Path) -> None:
    for folder in ("1001", "1002"):
        put(tmp_path, f"in/{folder}/c.csv", sheet(C2026, post_2026("1", SECRET)))
    with pytest.raises(DeliveryError, match=r"1 post under two accounts.*Hint: ") as caught:
        convert(tmp_path / "in", tmp_path / "out", OURS, SEEN)
    assert "Jane" not in str(caught.value)


# --- files that are not as they should be ---------------------------------------------------------

META = '"Post ID","Page ID",Title,Date,Views,Reach'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (sheet(META, "1,2,a,b,3,4"), "post id, page id, title, date, views, reach"),
        (sheet("Content,Video title,Impressions", "a,b,c"), "content, video title, impressions"),
        (sheet("Date,Impressions,Likes", "a,b,c"), "date, impressions, likes"),
        (sheet(C2026.replace("Post id,", ""), "x"), "date, post text"),
        (sheet(C2026.replace("Impressions,", ""), "x"), "post id, date"),
        (sheet(OVER.replace("Date", "Day"), "x"), "day, impressions"),
        (sheet(OVER.replace("Unfollows", "Lost"), "x"), "lost"),
    ],
)
def test_another_header_is_refused_with_what_was_found_and_what_is_known(tmp_path: Path, text: str, shown: str) -> None:
    message = refused(tmp_path, text, SchemaError, shown, "Known: content 2024-12 to 2025")
    assert "overview (date, impressions, unfollows, ...)" in message


@pytest.mark.parametrize(
    "text",
    [
        sheet(post_2026("1", SECRET)),
        sheet(line("Jane Smith", "@jane_b")),
        SECRET,
        sheet(line("1", SECRET, "likes")),
    ],
)
def test_a_first_line_that_may_be_data_is_not_repeated(tmp_path: Path, text: str) -> None:
    refused(tmp_path, text, SchemaError, "no header known here", "cell")


def test_a_column_twice_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, sheet(C2026 + ",Likes"), SchemaError, "two columns for likes")


def test_header_names_are_matched_in_any_case_and_trimmed_and_new_columns_noted(tmp_path: Path) -> None:
    header = C2026.upper().replace(",", " , ") + ",Grok asks,"
    rows, notes = posts(tmp_path, sheet(header, post_2026() + ",5,"))
    assert rows[0]["likes"] == "30"
    assert any(note.endswith(", grok asks") for note in notes)


WHOLE = sheet(C2026, post_2026("1"), post_2026("2", f'{SECRET}, "now"\nplease'), post_2026("3", SECRET))


@pytest.mark.parametrize(
    "cut",
    [WHOLE.index(SECRET) + 12, WHOLE.index("please"), WHOLE.index("please") + 12, WHOLE.rindex(SECRET) + 3],
)
def test_a_file_cut_off_is_refused_with_the_line_its_last_row_begins_on(tmp_path: Path, cut: int) -> None:
    begins = 5 if cut > WHOLE.rindex(SECRET) else 3
    refused(tmp_path, WHOLE[:cut], UnreadableFileError, f"row that begins on line {begins}")


@pytest.mark.parametrize(
    "row",
    [
        line("1", "Tue, Jul 14, 2026", SECRET),
        post_2026("1", SECRET) + ",1",
        f'1,"Tue, Jul 14, 2026","{SECRET}" x,1',
        post_2026("1").replace("Ride safe", f'"{SECRET}" x'),
        post_2026("1")[:-2] + f'"{SECRET}',
    ],
)
def test_a_row_that_has_not_its_columns_is_refused(tmp_path: Path, row: str) -> None:
    refused(tmp_path, sheet(C2026, row), UnreadableFileError, "line 2")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "empty"),
        ("\ufeff\r\n \n".encode(), "empty"),
        (WHOLE.encode().replace(b"please", b"pl\xe9ase"), "line 4 is not UTF-8"),
        (WHOLE.encode("utf-16-le"), "NUL"),
    ],
)
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, text: bytes, message: str) -> None:
    refused(tmp_path, text, UnreadableFileError, message)


def test_utf_16_is_read_as_of_every_export(tmp_path: Path) -> None:
    assert posts(tmp_path / "16", WHOLE.encode("utf-16"))[0] == posts(tmp_path / "8", WHOLE.encode())[0]


def test_gzip_is_read_and_a_cut_or_spoilt_one_refused(tmp_path: Path) -> None:
    packed = gzip.compress(sheet(C2026, post_2026("1")).encode(), mtime=0)
    assert len(posts(tmp_path / "good", packed, name="c.CSV.gz")[0]) == 1
    spoilt = packed[:30] + bytes([packed[30] ^ 255]) + packed[31:]
    for i, bad in enumerate((packed[:-9], packed[: len(packed) // 2], spoilt, packed[:-5] + b"\0" + packed[-4:], b"x")):
        refused(tmp_path / str(i), bad, UnreadableFileError, "gzip", name="in/1001/bad.csv.gz")


def test_other_files_are_noted_and_hidden_ones_passed_over(tmp_path: Path) -> None:
    for name in ("in/export.xlsx", "in/.c.csv"):
        put(tmp_path, name, "x")
    _, notes = posts(tmp_path, sheet(C2026, post_2026()))
    assert notes[0] == "not read: 1 file other than .csv and .csv.gz"


@pytest.mark.parametrize("name", ["nothing", "in"])
def test_a_folder_without_exports_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(DeliveryError, match=f"{name}: no .csv .* Hint: "):
        convert(tmp_path / name, tmp_path / "out", OURS, SEEN)


def test_one_bad_file_and_nothing_is_written(tmp_path: Path) -> None:
    put(tmp_path, "in/1001/good.csv", sheet(C2026, post_2026()))
    refused(tmp_path, sheet(C2026, post_2026(SECRET)), UnreadableFileError, "1 of 1 post id")


def test_an_export_without_rows_leaves_no_file(tmp_path: Path) -> None:
    put(tmp_path, "in/1001/c.csv", sheet(C2026))
    assert convert(tmp_path / "in", tmp_path / "out", OURS, SEEN)[0] == "1001/c.csv: content since 2026, 0 rows"
    assert not (tmp_path / "out").exists()


def test_a_day_after_the_observation_is_noted(tmp_path: Path) -> None:
    late = "sp_motor/0.csv: newest day is after the day of observation, 2026-07-15"
    assert late in days(tmp_path, sheet(OVER, day(16), day(15)))[1]
    assert late not in days(tmp_path / "same", sheet(OVER, day(15)))[1]


def test_a_single_file_is_known_by_its_header_whatever_its_name(tmp_path: Path) -> None:
    notes = convert(put(tmp_path, "download", sheet(C2026, post_2026())), tmp_path / "out", OURS, SEEN)
    assert notes[0] == "download: content since 2026, 1 row, newest day 2026-07-14"
