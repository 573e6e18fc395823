"""The planted county is the same twice, keeps the extract contract, and holds the story it claims."""

import json
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from pipelines.common.errors import SettingsError
from pipelines.common.settings import SHIPPED_REF, SQL
from pipelines.demo import world
from pipelines.demo.world import write_demo_world

PEOPLE, SEED, DAYS, UNTIL = 3000, 11, 28, date(2026, 9, 30)
RAW_TABLES = ("follower", "post", "engagement", "account_day", "contact")

SEGMENT_COMMUNITY = {
    "motorcycle": "motorcyclist",
    "cyclist": "cyclist",
    "farmer": "farmer",
    "football": "football supporter",
    "student": "student",
    "resident": "resident",
}


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    to = tmp_path_factory.mktemp("demo") / "county"
    write_demo_world(to, PEOPLE, SEED, DAYS, UNTIL)
    return to


@pytest.fixture(scope="module")
def db(county: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """All drops as one text table per contract, all own and seed accounts, and the truth."""
    with duckdb.connect() as con:
        for table in RAW_TABLES:
            parts = " UNION ALL BY NAME ".join(
                f"SELECT COLUMNS(*)::VARCHAR, '{file.parent.name}' AS drop_on FROM {_reader(file)}"
                for file in _files(county, table)
            )
            con.execute(f"CREATE TABLE {table} AS {parts}")
        con.execute(
            "CREATE TABLE account AS SELECT * FROM read_csv(?, all_varchar = true)",
            [str(SHIPPED_REF / "account.csv")],
        )
        for truth in ("member", "follow"):
            con.execute(f"CREATE TABLE true_{truth} AS FROM '{county}/truth/{truth}.parquet'")
        yield con


def _files(county: Path, table: str) -> list[Path]:
    return sorted((county / "drops").glob(f"demo_*/*/{table}.*"))


def _reader(file: Path) -> str:
    if file.suffix == ".parquet":
        return f"read_parquet('{file}')"
    if ".jsonl" in file.name:
        # Ids must already be text in the file: nothing here turns numbers into text.
        return f"read_json('{file}', format = 'newline_delimited')"
    return f"read_csv('{file}', all_varchar = true, nullstr = '')"


def _one(db: duckdb.DuckDBPyConnection, query: str) -> Any:
    row = db.execute(query).fetchone()
    assert row is not None
    return row[0]


def _contents(county: Path) -> dict[str, tuple[Any, ...]]:
    """Each file's rows as a count and an order-free fingerprint."""
    found: dict[str, tuple[Any, ...]] = {}
    with duckdb.connect() as con:
        for file in sorted(path for path in county.rglob("*") if path.is_file()):
            name = str(file.relative_to(county))
            if file.suffix == ".json":
                found[name] = (file.read_text(encoding="utf-8"),)
            else:
                row = con.execute(f"SELECT count(*), sum(hash(whole)) FROM {_reader(file)} AS whole").fetchone()
                assert row is not None
                found[name] = row
    return found


# What it writes


def test_the_same_arguments_write_the_same_contents(county: Path, tmp_path: Path) -> None:
    write_demo_world(tmp_path / "again", PEOPLE, SEED, DAYS, UNTIL)
    assert _contents(tmp_path / "again") == _contents(county)


def test_another_seed_writes_other_people(county: Path, tmp_path: Path) -> None:
    write_demo_world(tmp_path / "other", 200, SEED + 1, 1, UNTIL)
    write_demo_world(tmp_path / "one", 200, SEED, 1, UNTIL)
    assert _contents(tmp_path / "other") != _contents(tmp_path / "one")


def test_drops_are_a_week_apart_and_nothing_else_is_left(county: Path) -> None:
    dates = {folder.name for folder in (county / "drops").glob("*/*")}
    assert dates == {"2026-09-09", "2026-09-16", "2026-09-23", "2026-09-30"}
    assert {path.name for path in county.iterdir()} == {"drops", "truth"}
    assert [path.name for path in county.parent.iterdir()] == [county.name]


@pytest.mark.parametrize(("days", "n_drops"), [(1, 1), (7, 1), (8, 2)])
def test_events_cover_exactly_the_days_asked_for(tmp_path: Path, days: int, n_drops: int) -> None:
    write_demo_world(tmp_path / "w", 150, SEED, days, UNTIL)
    assert len(list((tmp_path / "w/drops/demo_x").iterdir())) == n_drops
    with duckdb.connect() as con:
        query = f"SELECT count(DISTINCT day), max(day) FROM '{tmp_path}/w/drops/demo_contact/*/contact.csv'"
        assert con.execute(query).fetchone() == (days, UNTIL)


@pytest.mark.parametrize("table", RAW_TABLES)
def test_every_file_keeps_the_extract_contract(county: Path, table: str) -> None:
    contract = yaml.safe_load((SQL / "raw" / f"{table}.yml").read_text(encoding="utf-8"))
    required = {name for name, column in contract["columns"].items() if column.get("required")}
    files = _files(county, table)
    assert files
    with duckdb.connect() as con:
        for file in files:
            described = con.execute(f"DESCRIBE SELECT * FROM {_reader(file)}").fetchall()
            types = {row[0]: row[1] for row in described}
            assert required <= types.keys() <= contract["columns"].keys(), file
            assert {types[name] for name in types if name.endswith("_id")} <= {"VARCHAR"}, file
            gaps = " OR ".join(f"{name} IS NULL" for name in sorted(required))
            assert con.execute(f"SELECT count(*) FROM {_reader(file)} WHERE {gaps}").fetchone() == (0,), file


@pytest.mark.parametrize("table", RAW_TABLES)
def test_no_key_comes_twice(db: duckdb.DuckDBPyConnection, table: str) -> None:
    contract = yaml.safe_load((SQL / "raw" / f"{table}.yml").read_text(encoding="utf-8"))
    key = ", ".join(contract["key"])
    assert _one(db, f"SELECT count(*) FROM (SELECT {key} FROM {table} GROUP BY ALL HAVING count(*) > 1)") == 0


def test_instants_say_their_zone(db: duckdb.DuckDBPyConnection) -> None:
    instant = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"
    for table, column in (("follower", "created_at"), ("engagement", "engaged_at"), ("post", "posted_at")):
        where = f"platform IN ('x', 'mastodon') AND NOT regexp_matches({column}, '{instant}')"
        assert _one(db, f"SELECT count(*) FROM {table} WHERE {where}") == 0


def test_ids_are_too_long_for_a_float(db: duckdb.DuckDBPyConnection) -> None:
    assert _one(db, "SELECT min(member_id::BIGINT) FROM follower WHERE platform = 'x'") > 2**53
    assert _one(db, "SELECT count(*) FROM follower WHERE platform = 'bluesky' AND length(member_id) != 32") == 0


def test_events_fall_in_their_drop(db: duckdb.DuckDBPyConnection) -> None:
    for table, column in (("post", "posted_at"), ("engagement", "engaged_at"), ("account_day", "day")):
        late = f"left({column}, 10)::DATE NOT BETWEEN drop_on::DATE - 6 AND drop_on::DATE"
        assert _one(db, f"SELECT count(*) FROM {table} WHERE {late}") == 0
    assert _one(db, "SELECT count(*) FROM follower WHERE observed_on != drop_on") == 0


def test_a_members_profile_is_the_same_on_all_lists_of_a_drop(db: duckdb.DuckDBPyConnection) -> None:
    profiles = "SELECT DISTINCT * EXCLUDE (account_id, followed_on) FROM follower"
    people = "SELECT DISTINCT platform, member_id, drop_on FROM follower"
    assert _one(db, f"SELECT count(*) FROM ({profiles})") == _one(db, f"SELECT count(*) FROM ({people})")


def test_facebook_shows_totals_only(db: duckdb.DuckDBPyConnection) -> None:
    for table in ("follower", "engagement", "true_member", "true_follow"):
        assert _one(db, f"SELECT count(*) FROM {table} WHERE platform = 'facebook'") == 0
    assert _one(db, "SELECT count(*) FROM account_day WHERE platform = 'facebook'") == 2 * 2 * DAYS


# Counts


def test_a_posts_counts_are_at_least_its_engagement_rows(db: duckdb.DuckDBPyConnection) -> None:
    for kind, column in (("like", "likes"), ("reply", "replies"), ("repost", "reposts")):
        short = f"""
            SELECT count(*) FROM (
                SELECT platform, post_id, count(*) AS n FROM engagement WHERE kind = '{kind}' GROUP BY ALL
            ) AS seen LEFT JOIN post USING (platform, post_id)
            WHERE post.post_id IS NULL OR post.{column}::BIGINT < seen.n"""
        assert _one(db, short) == 0


def test_unknown_counts_are_empty_and_never_zero(db: duckdb.DuckDBPyConnection) -> None:
    hidden = "platform IN ('bluesky', 'mastodon') AND impressions IS NOT NULL"
    assert _one(db, f"SELECT count(*) FROM post WHERE {hidden}") == 0
    assert _one(db, "SELECT count(*) FROM post WHERE platform = 'x' AND reach IS NOT NULL") == 0


def test_followers_of_the_day_are_the_list_of_the_day(db: duckdb.DuckDBPyConnection) -> None:
    lists = """
        SELECT count(*) FROM (
            SELECT account_id, drop_on, count(*) AS n FROM follower WHERE platform = 'x' GROUP BY ALL
        ) AS list INNER JOIN account_day AS said
            ON list.account_id = said.account_id AND said.day = list.drop_on AND said.metric = 'followers'
        WHERE said.value::BIGINT {sign} list.n"""
    assert _one(db, lists.format(sign="!=")) == 0
    assert _one(db, lists.format(sign="=")) == 9 * 4


def test_lists_are_about_as_long_as_promised(db: duckdb.DuckDBPyConnection) -> None:
    edges = _one(db, "SELECT count(*) FROM follower WHERE drop_on = '2026-09-09'")
    assert 9 <= edges / PEOPLE <= 11


def test_nobody_follows_before_having_an_account(db: duckdb.DuckDBPyConnection) -> None:
    assert _one(db, "SELECT count(*) FROM follower WHERE followed_on <= left(created_at, 10)") == 0
    known = "SELECT list_sort(list(DISTINCT platform)) FROM follower WHERE followed_on IS NOT NULL"
    assert _one(db, known) == ["bluesky"]


# The story, from the drops alone


def test_nobody_is_reached_by_the_roads_policing_unit_alone(db: duckdb.DuckDBPyConnection) -> None:
    for table, when in (("follower", "drop_on"), ("engagement", "'window'")):
        # One row per person: how many own accounts reached it, and whether the unit was among them.
        person = f"""
            SELECT {when} AS time, member_id, count(DISTINCT account.handle) AS n_accounts,
                bool_or(account.handle = 'TMP_Roads') AS by_roads
            FROM {table} INNER JOIN account USING (platform, account_id) WHERE role = 'own' GROUP BY ALL"""
        assert _one(db, f"SELECT count(*) FROM ({person}) WHERE by_roads") > 5
        assert _one(db, f"SELECT count(*) FROM ({person}) WHERE by_roads AND n_accounts = 1") == 0


def test_the_bikers_account_alone_reaches_most_motorcyclists(db: duckdb.DuckDBPyConnection) -> None:
    shares = dict(
        db.execute("""
            WITH rider AS (
                SELECT DISTINCT member_id FROM follower INNER JOIN true_member USING (platform, member_id)
                WHERE platform = 'x' AND community = 'motorcyclist' AND drop_on = '2026-09-30'
            )
            SELECT account.handle, count(*) / (SELECT count(*) FROM rider)
            FROM follower INNER JOIN account USING (platform, account_id)
            WHERE role = 'own' AND drop_on = '2026-09-30' AND member_id IN (FROM rider) GROUP BY ALL
        """).fetchall()
    )
    assert shares.pop("TMP_Bikers") > 0.8
    assert max(shares.values()) < 0.3
    only = _one(
        db,
        """
        SELECT count(*) FILTER (WHERE accounts = ['TMP_Bikers']) / count(*) FROM (
            SELECT member_id, list(account.handle) FILTER (WHERE role = 'own') AS accounts
            FROM follower INNER JOIN account USING (platform, account_id)
            INNER JOIN true_member USING (platform, member_id)
            WHERE platform = 'x' AND community = 'motorcyclist' AND drop_on = '2026-09-30' GROUP BY member_id
        )""",
    )
    assert only > 0.55


def test_residents_leave_x_and_motorcyclists_stay(db: duckdb.DuckDBPyConnection) -> None:
    gone = dict(
        db.execute("""
            SELECT community, 1 - count(*) FILTER (WHERE is_last) / count(*) FILTER (WHERE is_first) FROM (
                SELECT member_id, community, bool_or(drop_on = '2026-09-09') AS is_first,
                    bool_or(drop_on = '2026-09-09') AND bool_or(drop_on = '2026-09-30') AS is_last
                FROM follower INNER JOIN true_member USING (platform, member_id)
                WHERE platform = 'x' GROUP BY ALL
            ) GROUP BY community
        """).fetchall()
    )
    # Four lists span a quarter of the twelve weeks in which half of the residents go.
    assert 0.08 < gone["resident"] < 0.18
    assert gone["motorcyclist"] <= 0.03


def test_who_left_engages_no_more(db: duckdb.DuckDBPyConnection) -> None:
    late = """SELECT count(*) FROM engagement INNER JOIN true_member USING (platform, member_id)
        WHERE left(engaged_at, 10)::DATE >= left_on"""
    assert _one(db, late) == 0


def test_over_thirteen_weeks_half_of_the_residents_leave(tmp_path: Path) -> None:
    write_demo_world(tmp_path / "w", 2000, SEED, 91, UNTIL)
    assert len(list((tmp_path / "w/drops/demo_x").iterdir())) == 13
    facts = json.loads((tmp_path / "w/truth/truth.json").read_text(encoding="utf-8"))
    residents = [row for row in facts["present"] if row["platform"] == "x" and row["community"] == "resident"]
    gone, there = (sum(row[name] for row in residents) for name in ("left_people", "present_people"))
    assert 0.43 < gone / (gone + there) < 0.57


# Truth


def test_truth_agrees_with_the_last_lists(db: duckdb.DuckDBPyConnection) -> None:
    key = "platform, account_id, member_id"
    last = f"SELECT {key} FROM follower WHERE drop_on = '2026-09-30'"
    for one, other in ((last, f"SELECT {key} FROM true_follow"), (f"SELECT {key} FROM true_follow", last)):
        assert _one(db, f"SELECT count(*) FROM ({one} EXCEPT {other})") == 0
    everybody = "SELECT platform, member_id FROM true_member WHERE left_on IS NULL"
    assert _one(db, f"SELECT count(*) FROM ({everybody})") == _one(
        db, f"SELECT count(*) FROM (SELECT DISTINCT platform, member_id FROM ({last}))"
    )


def test_true_reach_agrees_with_the_last_lists(county: Path, db: duckdb.DuckDBPyConnection) -> None:
    facts = json.loads((county / "truth/truth.json").read_text(encoding="utf-8"))
    assert facts["arguments"] == {"people": PEOPLE, "seed": SEED, "days": DAYS, "until": "2026-09-30"}
    assert sum(facts["platform_people"].values()) == PEOPLE
    counted = db.execute("""
        WITH own_follow AS (
            SELECT true_follow.*, community, count(*) OVER (PARTITION BY platform, member_id) AS n_accounts
            FROM true_follow INNER JOIN account USING (platform, account_id)
            INNER JOIN true_member USING (platform, member_id) WHERE role = 'own'
        )
        SELECT account_id, community, count(*), count(*) FILTER (WHERE n_accounts = 1)
        FROM own_follow GROUP BY ALL
    """).fetchall()
    reported = {
        (row["account_id"], row["community"], row["reach_people"], row["exclusive_people"]) for row in facts["reach"]
    }
    assert reported == set(counted)


# Accounts and segments


def test_every_account_has_a_part_in_the_county(db: duckdb.DuckDBPyConnection) -> None:
    roles = dict(db.execute("SELECT role, count(*) FROM account GROUP BY role").fetchall())
    assert roles == {"own": 14, "seed": 60}
    silent = """SELECT count(*) FROM account ANTI JOIN follower USING (platform, account_id)
        WHERE platform != 'facebook'"""
    assert _one(db, silent) == 0
    assert _one(db, "SELECT count(*) FROM account WHERE role = 'own' AND purpose IS NULL") == 0


def test_segments_list_the_seeds_that_were_planted_for_them() -> None:
    with duckdb.connect() as con:
        con.execute("SET VARIABLE account_csv = ?", [str(SHIPPED_REF / "account.csv")])
        con.execute((SQL / "demo" / "02_account.sql").read_text(encoding="utf-8"))
        planted = con.execute("SELECT platform, account_id, audience FROM account WHERE role = 'seed'").fetchall()
    assert all(audience for _, _, audience in planted)
    for segment_id, community in SEGMENT_COMMUNITY.items():
        text = (SHIPPED_REF / "segments" / f"{segment_id}.yml").read_text(encoding="utf-8")
        definition = yaml.safe_load(text)
        assert definition["segment_id"] == segment_id
        assert sorted(definition["seeds"]) == sorted(
            f"{platform}:{account_id}" for platform, account_id, audience in planted if audience.startswith(community)
        )


# What it refuses


@pytest.mark.parametrize(
    ("people", "seed", "days"), [(99, 1, 7), (0, 1, 7), (1000, 1, 0), (1000, -1, 7), (1000, 1, 9999)]
)
def test_arguments_of_no_use_are_refused(tmp_path: Path, people: int, seed: int, days: int) -> None:
    with pytest.raises(SettingsError, match="Hint"):
        write_demo_world(tmp_path / "w", people, seed, days, UNTIL)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(SettingsError, match="not empty"):
        write_demo_world(tmp_path, 150, SEED, 1, UNTIL)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    write_demo_world(tmp_path / "w", 150, SEED, 1, UNTIL)
    assert (tmp_path / "w" / "truth" / "truth.json").exists()


def test_a_run_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(world, "_write_truth", fail)
    with pytest.raises(KeyboardInterrupt):
        write_demo_world(tmp_path / "w", 150, SEED, 1, UNTIL)
    assert list(tmp_path.iterdir()) == []


def test_two_runs_at_once_do_not_meet(tmp_path: Path) -> None:
    names = ("a", "b")
    runs = [threading.Thread(target=write_demo_world, args=(tmp_path / name, 150, SEED, 1, UNTIL)) for name in names]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert _contents(tmp_path / "a") == _contents(tmp_path / "b")
