"""Every row that comes has one fate: loaded, rejected with a reason, or a repeat; and the fates add up."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import hypothesis
import pytest
from hypothesis import strategies as st

from pipelines import night
from pipelines.common import database
from pipelines.common.contract import contracts
from pipelines.common.settings import Settings
from pipelines.landing.land_drop import land_drop
from pipelines.segments import definition, history
from pipelines.warehouse import build, pseudonym, raw, reconciliation, state, text_labels
from pipelines.warehouse import load_reference as reference_tables

WriteDrop = Callable[[Path, Mapping[str, Any]], Path]
Row = dict[str, Any]
Load = Callable[[Mapping[str, Any]], duckdb.DuckDBPyConnection]

ON = date(2026, 7, 8)

FIT: dict[str, Row] = {
    "follower": {"platform": "x", "account_id": "1", "member_id": "7", "observed_on": "2026-07-08"},
    "post": {"platform": "x", "post_id": "70", "account_id": "1", "posted_at": "2026-07-07T10:00:00Z"},
    "engagement": {"platform": "x", "post_id": "70", "account_id": "1", "member_id": "7", "kind": "like"},
    "account_day": {"platform": "x", "account_id": "1", "day": "2026-07-07", "metric": "impressions", "value": "3"},
    "contact": {"day": "2026-07-07", "channel": "phone_101", "kind": "report", "n": "3"},
}


@pytest.fixture
def load(settings: Settings, tmp_path: Path, write_drop: WriteDrop) -> Iterator[Load]:
    """Land one drop and load it, as a night does; give the work database with raw, stg and meta."""
    opened = []

    def loaded(files: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
        for folder in (tmp_path / "drop", settings.landing):
            shutil.rmtree(folder, ignore_errors=True)
        delivery = land_drop(write_drop(tmp_path / "drop", files), "x_extract", ON, settings).delivery
        con = database.connect(None, settings)
        opened.append(con)
        known = definition.read_known(settings)
        state.attach_prior(con, settings, None)
        reconciliation.create_meta(con, is_incremental=False)
        definitions = definition.read_definitions(settings, known)
        versions = [history.Version(history.ALWAYS, history.compiled(definitions))]
        reference_tables.load(con, reference_tables.Reference(known, definitions, versions))
        raw.load(con, [delivery], settings, reported_apart=0.05)
        text_labels.label(con, settings)
        pseudonym.give_key(con, pseudonym.read_key(settings))
        build.build_layer(con, "stg", settings, ON)
        reconciliation.account_for(con, (delivery,), reported_apart=0.05)
        return con

    yield loaded
    for con in opened:
        con.close()


def fates(con: duckdb.DuckDBPyConnection, table: str) -> tuple[int, int, int, int]:
    """How many rows of a table came, were loaded, rejected, repeats."""
    found = con.execute(
        "SELECT n_rows, n_rows_loaded, n_rows_quarantined, n_rows_duplicate "
        "FROM meta.delivery WHERE table_name = $name",
        {"name": table},
    ).fetchall()
    assert len(found) == 1
    came, loaded, rejected, repeats = found[0]
    return int(came), int(loaded), int(rejected), int(repeats)


def quarantine(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str, int]]:
    return con.execute(
        "SELECT table_name, quarantine_effect, quarantine_reason, n_rows FROM meta.quarantine ORDER BY ALL"
    ).fetchall()


# table, column, what is there, why the row is rejected
KEPT_OUT = [
    ("follower", "platform", "", "platform is empty"),
    ("follower", "platform", "   ", "platform is empty"),
    ("follower", "account_id", "", "account_id is empty"),
    ("follower", "account_id", "1.22158E+17", "account_id is no usable id"),
    ("follower", "member_id", "", "member_id is empty"),
    ("follower", "member_id", "1.22158E+17", "member_id is no usable id"),
    ("follower", "member_id", "1,22158E+17", "member_id is no usable id"),  # a German spreadsheet
    ("follower", "observed_on", "", "observed_on is empty"),
    ("follower", "observed_on", "08/07/2026", "observed_on is no usable date"),
    ("follower", "observed_on", "2026-02-30", "observed_on is no usable date"),
    ("follower", "observed_on", "2026-07-09", "observed_on is no usable date"),  # the day after the snapshot
    ("follower", "observed_on", "infinity", "observed_on is no usable date"),
    ("follower", "account_id", "3", "account_id is not in account.csv"),
    ("follower", "platform", "X", "account_id is not in account.csv"),  # names are lower case
    ("follower", "platform", "mastodon", "account_id is not in account.csv"),  # 1 is an account of x alone
    ("post", "post_id", "", "post_id is empty"),
    ("post", "post_id", "7.0E+1", "post_id is no usable id"),
    ("post", "posted_at", "", "posted_at is empty"),
    ("post", "posted_at", "2026-07-07T10:00:00", "posted_at is no usable instant"),  # no zone: an hour of uncertainty
    ("post", "posted_at", "2026-07-07 10:00", "posted_at is no usable instant"),
    ("post", "posted_at", "2026-07-10T00:00:00Z", "posted_at is no usable instant"),  # two days after the snapshot
    ("post", "posted_at", "yesterdayZ", "posted_at is no usable instant"),
    ("post", "account_id", "99", "account_id is not in account.csv"),
    ("engagement", "kind", "", "kind is empty"),
    ("engagement", "kind", "love", "kind is no usable word"),
    ("engagement", "kind", "Like", "kind is no usable word"),
    ("engagement", "member_id", "1.22158E+17", "member_id is no usable id"),
    ("engagement", "post_id", "", "post_id is empty"),
    ("account_day", "day", "2026-07-09", "day is no usable date"),
    ("account_day", "metric", "", "metric is empty"),
    ("account_day", "metric", "zqid7", "metric is no usable word"),  # a member's id, where columns are swapped
    ("account_day", "account_id", "3", "account_id is not in account.csv"),
    ("contact", "n", "", "n is empty"),
    ("contact", "n", "three", "n is no usable count"),
    ("contact", "n", "-1", "n is no usable count"),
    ("contact", "n", "2.5", "n is no usable count"),
    ("contact", "n", "1,000", "n is no usable count"),
    ("contact", "kind", "rumour", "kind is no usable word"),
    ("contact", "channel", "", "channel is empty"),
    ("contact", "day", "yesterday", "day is no usable date"),
]


@pytest.mark.parametrize("table", FIT)
def test_a_row_without_a_usable_required_value_is_rejected_with_its_reason(table: str, load: Load) -> None:
    cases = [(column, value, reason) for of, column, value, reason in KEPT_OUT if of == table]
    con = load({f"{table}.csv": [FIT[table], *(FIT[table] | {column: value} for column, value, _ in cases)]})
    for column, value, reason in cases:
        found = con.execute(
            f"SELECT DISTINCT quarantine_reason FROM raw.{table} WHERE {column} IS NOT DISTINCT FROM $value "
            f"AND quarantine_reason IS NOT NULL",
            {"value": value.strip() or None},
        ).fetchall()
        assert (reason,) in found, (column, value)
    reasons = Counter(reason for _, _, reason in cases)
    assert quarantine(con) == [(table, "row kept out", reason, n) for reason, n in sorted(reasons.items())]
    assert fates(con, table) == (len(cases) + 1, 1, len(cases), 0)


# table, column, what is there: the row stays, the value is unknown
UNKNOWN = [
    ("follower", "followed_on", "07/08/2026"),
    ("follower", "followed_on", "2026-07-09"),
    ("follower", "followers_count", "1.2K"),
    ("follower", "followers_count", "-3"),
    ("follower", "following_count", "9" * 19),  # beyond what a count can hold
    ("follower", "created_at", "2020-01-01T00:00:00"),
    ("follower", "created_at", "2031-01-01T00:00:00Z"),
    ("follower", "is_protected", "perhaps"),
    ("post", "impressions", "12.5"),
    ("post", "likes", "many"),
    ("post", "observed_at", "2026-07-08 09:00"),
    ("engagement", "engaged_at", "8 July"),
    ("engagement", "engaged_at", "2026-07-08T09:00:00"),
    ("account_day", "value", "NaN"),
    ("account_day", "value", "inf"),
    ("account_day", "value", "1,000"),
]


@pytest.mark.parametrize("table", [table for table in FIT if table != "contact"])
def test_an_unusable_optional_value_is_set_to_unknown_and_its_row_stays(table: str, load: Load) -> None:
    cases = [(column, value) for of, column, value in UNKNOWN if of == table]
    con = load({f"{table}.csv": [FIT[table] | {column: value} for column, value in cases]})
    n_rows, loaded, rejected, repeats = fates(con, table)
    assert (n_rows, loaded + repeats, rejected) == (len(cases), len(cases), 0)
    lost = Counter(f"{column} is unusable" for column, _ in cases)
    assert quarantine(con) == [(table, "value set to unknown", reason, n) for reason, n in sorted(lost.items())]
    for column, value in cases:
        assert con.execute(f"SELECT count(*) FROM raw.{table} WHERE {column} = ?", [value]).fetchall() == [(0,)]


# table, column, what is there, what the typed row holds
USABLE = [
    ("follower", "observed_on", "2026-07-08", date(2026, 7, 8)),
    ("follower", "followed_on", "2009-01-31", date(2009, 1, 31)),
    ("post", "impressions", "12.0", 12),  # pandas writes a count beside a missing one so
    ("post", "impressions", "9" * 18, 10**18 - 1),
    ("post", "impressions", "0", 0),
    ("post", "kind", "Reply", "reply"),
    ("account_day", "value", "-12.5", -12.5),  # unfollows
    ("account_day", "value", "1e3", 1000.0),
]


@pytest.mark.parametrize(("table", "column", "value", "typed"), USABLE)
def test_a_usable_value_arrives(table: str, column: str, value: str, typed: object, load: Load) -> None:
    con = load({f"{table}.csv": [FIT[table] | {column: value}]})
    assert quarantine(con) == []
    assert con.execute(f"SELECT {column} FROM stg.{table}").fetchall() == [(typed,)]


@pytest.mark.parametrize(
    "posted_at",
    ["2026-07-07T10:00:00Z", "2026-07-07 11:00:00+01", "2026-07-07T11:00+01:00", "2026-07-07T05:00:00.000-0500"],
)
def test_an_instant_of_any_zone_is_one_instant(posted_at: str, load: Load) -> None:
    con = load({"post.csv": [FIT["post"] | {"posted_at": posted_at}]})
    assert con.execute("SELECT posted_at = TIMESTAMPTZ '2026-07-07 10:00:00+00' FROM stg.post").fetchall() == [(True,)]


def test_a_day_is_no_instant(load: Load) -> None:
    con = load({"post.csv": [FIT["post"], FIT["post"] | {"posted_at": "2026-07-07"}]})
    assert quarantine(con) == [("post", "row kept out", "posted_at is no usable instant", 1)]


def test_the_beginning_of_time_is_no_day(load: Load) -> None:
    con = load({"follower.csv": [FIT["follower"], FIT["follower"] | {"observed_on": "-infinity"}]})
    assert quarantine(con) == [("follower", "row kept out", "observed_on is no usable date", 1)]


# pandas writes an id in a column with a missing one as 7.0; Java writes 1.22158E17, without the plus.
# A bare 1e17 stays: it may be somebody's handle, and platforms that call people by handle exist.
@pytest.mark.parametrize("member_id", ["7.0", "1221584638123456789.0", "1.22158E17", "1E+17"])
def test_an_id_that_went_through_a_float_is_no_id(member_id: str, load: Load) -> None:
    con = load({"follower.csv": [FIT["follower"], FIT["follower"] | {"member_id": member_id}]})
    assert quarantine(con) == [("follower", "row kept out", "member_id is no usable id", 1)]


@pytest.mark.parametrize("blank", ["\u00a0", "\t"])
def test_a_value_of_blanks_of_any_kind_is_empty(blank: str, load: Load) -> None:
    con = load({"follower.jsonl": [FIT["follower"], FIT["follower"] | {"member_id": blank}]})
    assert quarantine(con) == [("follower", "row kept out", "member_id is empty", 1)]


def test_an_id_of_letters_that_looks_like_no_number_is_kept(load: Load) -> None:
    ids = ["did:plc:4xtrwwwsaq3swth5zjkr525t", "e17", "1e", "0e0x", "007", "-5", "müller@social.example", "9" * 40]
    con = load({"follower.jsonl": [FIT["follower"] | {"member_id": one} for one in ids]})
    assert fates(con, "follower") == (len(ids), len(ids), 0, 0)
    assert {row[0] for row in con.execute("SELECT member_id FROM stg.member_key").fetchall()} == set(ids)


def test_blanks_round_a_value_are_no_part_of_it(load: Load) -> None:
    con = load({"follower.csv": [FIT["follower"], {name: f" {value} " for name, value in FIT["follower"].items()}]})
    assert fates(con, "follower") == (2, 1, 0, 1)


def test_a_contact_of_an_account_that_is_not_listed_is_rejected_and_one_of_none_is_not(load: Load) -> None:
    named = {"platform": "x", "account_id": "3"}
    con = load({"contact.jsonl": [FIT["contact"], FIT["contact"] | named, FIT["contact"] | {"account_id": "1e9"}]})
    assert fates(con, "contact") == (3, 1, 2, 0)
    assert quarantine(con) == [("contact", "row kept out", "account_id is not in account.csv", 2)]


def test_the_first_complaint_of_a_row_is_its_reason_and_lost_values_of_it_are_not_counted_beside(load: Load) -> None:
    broken = {"platform": "x", "account_id": "", "member_id": "1e17", "observed_on": "never", "followers_count": "a"}
    con = load({"follower.csv": [FIT["follower"], broken]})
    assert quarantine(con) == [("follower", "row kept out", "account_id is empty", 1)]


def test_values_lost_from_one_row_are_counted_each(load: Load) -> None:
    con = load({"follower.csv": [FIT["follower"] | {"followers_count": "a", "is_protected": "b", "followed_on": "c"}]})
    assert quarantine(con) == [
        ("follower", "value set to unknown", f"{name} is unusable", 1)
        for name in ("followed_on", "followers_count", "is_protected")
    ]


def test_repeats_are_counted_and_the_best_of_them_stays(load: Load) -> None:
    con = load(
        {
            # One follower twice in one list, over two files: the earlier follow date holds.
            "follower.csv": [FIT["follower"] | {"followed_on": "2020-01-02"}],
            "follower-2.jsonl": [FIT["follower"] | {"followed_on": "2020-01-01"}, FIT["follower"] | {"member_id": "8"}],
            # One post twice: the later reading holds.
            "post.jsonl": [
                FIT["post"] | {"likes": 5, "observed_at": "2026-07-08T01:00:00Z"},
                FIT["post"] | {"likes": 4, "observed_at": "2026-07-08T02:00:00Z"},
            ],
            # One person's two replies are two acts; the same reply twice is one.
            "engagement.jsonl": [FIT["engagement"] | {"kind": "reply", "text": text} for text in ("a", "b", "b")],
            # One figure twice: the larger holds, they are not added.
            "account_day.jsonl": [FIT["account_day"], FIT["account_day"] | {"value": 2}],
            "contact.jsonl": [FIT["contact"], FIT["contact"] | {"n": 2}],
        }
    )
    assert fates(con, "follower") == (3, 2, 0, 1)
    assert fates(con, "post") == (2, 1, 0, 1)
    assert fates(con, "engagement") == (3, 2, 0, 1)
    assert fates(con, "account_day") == (2, 1, 0, 1)
    assert fates(con, "contact") == (2, 1, 0, 1)
    assert con.execute("SELECT min(followed_on) FROM stg.follower").fetchall() == [(date(2020, 1, 1),)]
    assert con.execute("SELECT likes FROM stg.post").fetchall() == [(4,)]
    assert con.execute("SELECT value FROM stg.account_day").fetchall() == [(3.0,)]
    assert con.execute("SELECT n FROM stg.contact").fetchall() == [(3,)]


def test_a_night_counts_fates_per_delivery_and_table(settings: Settings, tmp_path: Path, write_drop: WriteDrop) -> None:
    bad = FIT["follower"] | {"member_id": ""}
    files = {
        "a": {"follower.csv": [FIT["follower"], bad, bad]},
        "b": {"follower.csv": [FIT["follower"]] * 3, "post.csv": [FIT["post"]]},
    }
    for source, some in files.items():
        land_drop(write_drop(tmp_path / source, some), source, ON, settings)
    run_id = night.load(ON)
    con = duckdb.connect(str(settings.work / "runs" / run_id / "night.duckdb"), read_only=True)
    counted = con.execute(
        "SELECT source, table_name, n_files, n_rows, n_rows_loaded, n_rows_quarantined, n_rows_duplicate "
        "FROM meta.delivery ORDER BY ALL"
    ).fetchall()
    con.close()
    assert counted == [("a", "follower", 1, 3, 1, 2, 0), ("b", "follower", 1, 3, 1, 0, 2), ("b", "post", 1, 1, 1, 0, 0)]


def test_every_column_of_the_extract_contract_has_a_kind_of_judgement() -> None:
    kinds = {column.type for table in contracts("raw").values() for column in table.columns}
    assert kinds <= {"text", "word", "date", "instant", "count", "number", "boolean"}


PLATFORMS = st.sampled_from(["x", "x", "x", "mastodon", "", "X"])
ACCOUNTS = st.sampled_from(["1", "1", "2", "5", "", "3", "1.0E+1"])
MEMBERS = st.sampled_from(["7", "8", " 7 ", "9", "", "1.22158E+17", "Ω"])
DAYS = st.sampled_from(["2026-07-08", "2026-07-08", "2026-07-01", "2026-07-09", "never", None])
INSTANTS = st.sampled_from(["2026-07-07T10:00:00Z", "2026-07-07T11:00:00+01:00", "2026-07-07T10:00:00", "", None])
COUNTS = st.sampled_from(["1", "2.0", "-1", "x", "", None])
FOLLOWERS = st.fixed_dictionaries(
    {"platform": PLATFORMS, "account_id": ACCOUNTS, "member_id": MEMBERS, "observed_on": DAYS},
    optional={"followed_on": DAYS, "followers_count": COUNTS, "bio": st.text(max_size=5), "created_at": INSTANTS},
)
POSTS = st.fixed_dictionaries(
    {"platform": PLATFORMS, "post_id": MEMBERS, "account_id": ACCOUNTS, "posted_at": INSTANTS},
    optional={"likes": COUNTS, "observed_at": INSTANTS, "kind": st.sampled_from(["post", "Post", ""])},
)
ENGAGEMENTS = st.fixed_dictionaries(
    {"platform": PLATFORMS, "post_id": MEMBERS, "account_id": ACCOUNTS, "member_id": MEMBERS}
    | {"kind": st.sampled_from(["like", "reply", "reply", "love", ""])},
    optional={"engaged_at": INSTANTS, "text": st.sampled_from(["a", "b", "", None])},
)


@hypothesis.given(
    st.lists(FOLLOWERS, min_size=1, max_size=20),
    st.lists(POSTS, min_size=1, max_size=20),
    st.lists(ENGAGEMENTS, min_size=1, max_size=20),
)
@hypothesis.settings(
    max_examples=15, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
def test_rows_in_are_rows_loaded_rejected_and_repeated(
    load: Load, followers_came: list[Row], posts: list[Row], engagements: list[Row]
) -> None:
    # The first row names every required column, so that the file is one of the contract.
    came = {"follower": followers_came, "post": posts, "engagement": engagements}
    con = load({f"{table}.jsonl": rows for table, rows in came.items()})
    try:
        for table, rows in came.items():
            n_rows, loaded, rejected, repeats = fates(con, table)
            assert n_rows == len(rows) == loaded + rejected + repeats
            assert (loaded == 0) <= (repeats == 0)
        counted = con.execute(
            "SELECT table_name, sum(n_rows) FROM meta.quarantine WHERE quarantine_effect = 'row kept out' GROUP BY ALL"
        ).fetchall()
        assert dict(counted) == {table: n for table in came if (n := fates(con, table)[2])}
    finally:
        con.close()
