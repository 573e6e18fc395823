"""Quality of interactions on worlds small enough to count by hand: shares, rates, reasons, and a planted one."""

from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest

from pipelines.common.settings import Settings
from pipelines.marts import interaction_quality
from pipelines.reference import text_rules
from tests.marts.making import derive, make
from tests.sql.case_runner import all_models, build, create_tables, every_table, insert

AS_OF = date(2026, 9, 30)  # a Wednesday
NEWS = {"platform": "x", "account_id": "news"}
Row = dict[str, Any]


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    """An empty night with two open accounts of ours and one segment."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET VARIABLE as_of = $as_of", {"as_of": AS_OF})
    create_tables(con, every_table())
    insert(
        con,
        "core.account",
        [{"platform": "x", "account_id": one, "role": "own", "is_open": True} for one in ("news", "bikes")],
    )
    insert(con, "core.account", [{"platform": "x", "account_id": "old", "role": "own", "is_open": False}])
    insert(con, "ref.segment", [{"segment_id": "rider"}])
    insert(con, "ref.band", [{"band": "likely_automated_acts_a_day", "value": 50}])
    return con


def act(member: int, kind: str, on: date = date(2026, 9, 1), **more: Any) -> Row:
    return NEWS | {"post_id": f"p{member}", "member_key": member, "kind": kind, "engaged_on": on} | more


def reach(segment: str, follower: int, active: int) -> list[Row]:
    row = NEWS | {"segment_id": segment}
    return [row | {"basis": "follower", "reach_people": follower}, row | {"basis": "active", "reach_people": active}]


def made(con: duckdb.DuckDBPyConnection, settings: Settings) -> dict[tuple[str, str, str], Row]:
    """Make the mart and give its rows by segment, account and group."""
    con.execute("""
        INSERT INTO core.member BY NAME
        SELECT DISTINCT platform, member_key, true AS is_present FROM core.engagement
        WHERE member_key NOT IN (SELECT member_key FROM core.member)
    """)
    derive(con, all_models()["core.interaction_count"].reads, settings, AS_OF)
    build(con, "core.interaction_count")
    rows = make("interaction_quality", con, settings, AS_OF).to_dicts()
    return {(row["segment_id"], row["account_id"], row["by_whom"]): row for row in rows}


def test_every_group_of_every_open_account_has_one_row_and_what_nobody_collected_is_missing(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    insert(con, "core.engagement", [act(1, "like")])
    insert(
        con,
        "core.post",
        [NEWS | {"account_id": "bikes", "post_id": "b", "posted_at": "2026-09-01T08:00:00Z", "likes": 5}],
    )
    rows = made(con, settings)
    assert len(rows) == 2 * 5
    nobody = rows["rider", "bikes", "segment"]
    assert nobody["quality_reason"] == "no engagement extract"
    counted = (
        "engaged_people",
        "n_acts",
        "n_applause",
        "n_texts",
        "n_hostile",
        "collected_share",
        "engaged_per_1000_active",
    )
    assert {nobody[name] for name in counted} == {None}


def test_rates_are_per_post_and_per_thousand_followers_of_the_group(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    insert(
        con,
        "core.segment_membership",
        [{"segment_id": "rider", "platform": "x", "member_key": 1, "membership_probability": 1}],
    )
    insert(con, "core.follow", [NEWS | {"member_key": one} for one in (1, 2)])
    insert(
        con,
        "core.engagement",
        [act(1, "like"), act(2, "like"), act(2, "reply"), act(2, "quote"), act(3, "repost"), act(3, "mention")],
    )
    insert(con, "mart.account_scorecard", [NEWS | {"n_posts": 4}])
    insert(con, "mart.segment_reach", [*reach("everyone", 500, 101), *reach("rider", 100, 40)])
    rows = made(con, settings)
    rider, others, passing = (rows["rider", "news", one] for one in ("segment", "other followers", "passers-by"))
    assert (rider["followers"], others["followers"], passing["followers"]) == (100, 400, None)
    assert (rider["active_people"], others["active_people"], passing["active_people"]) == (40, 60, None)
    assert (others["applause"], others["conversation"], others["amplification"]) == (0.25, 0.25, 0.25)
    assert others["applause_per_1000_followers"] == 1000 * 0.25 / 400
    assert passing["amplification"] == 0.25 and passing["amplification_per_1000_followers"] is None
    assert (passing["n_mentions"], passing["n_acts"], passing["conversation"]) == (1, 2, 0)  # on no post of ours
    everyone = [rows["everyone", "news", one] for one in ("followers", "passers-by")]
    for name in ("n_acts", "n_applause", "engaged_people"):
        assert sum(row[name] for row in everyone) == sum(row[name] for row in (rider, others, passing))
    assert everyone[0]["active_people"] == 100
    assert everyone[0]["engaged_per_1000_active"] == 20
    assert everyone[0]["engaged_per_1000_active_lo"] < 20 < everyone[0]["engaged_per_1000_active_hi"]


def texts(n: int, n_hostile: int, first: int = 100) -> list[Row]:
    return [act(first + one, "reply", is_hostile=one < n_hostile, is_substantive=one == n - 1) for one in range(n)]


@pytest.mark.parametrize(
    ("acts", "n_posts", "reason"),
    [
        ([act(1, "like")], 4, "nobody of the group wrote"),
        ([act(1, "reply"), act(1, "like")], 4, "no text in the extract"),
        (texts(19, 3), 4, "under 20 texts"),
        ([*texts(19, 3), act(1, "reply", is_substantive=False)], 4, "under 20 texts"),  # the twentieth cannot be judged
        (texts(20, 3), None, "no extract of posts: no rate per post"),
        (texts(20, 3), 4, None),
    ],
)
def test_why_a_figure_is_missing(
    acts: list[Row], n_posts: int | None, reason: str | None, con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    insert(con, "core.engagement", acts)
    insert(con, "mart.account_scorecard", [NEWS | {"n_posts": n_posts}])
    row = made(con, settings)["everyone", "news", "passers-by"]
    assert row["quality_reason"] == reason
    has_share = sum("is_hostile" in one for one in acts) >= 20
    assert (row["hostile_share"] is not None) == (row["hostile_share_lo"] is not None) == has_share
    assert (row["applause"] is None) == (n_posts is None)


def test_the_share_is_corrected_and_says_by_what(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    insert(con, "core.engagement", texts(100, 40))
    insert(con, "mart.account_scorecard", [NEWS | {"n_posts": 4}])
    (settings.ref / "tone.yml").write_text(
        "threshold: 0.15\ntrue_positives: 80\nfalse_negatives: 20\nfalse_positives: 20\ntrue_negatives: 180\n"
        "source: ours\nreason: counted by hand\n"
    )
    row = made(con, settings)["everyone", "news", "passers-by"]
    assert (row["n_texts"], row["n_judged"], row["n_hostile"], row["n_substantive"]) == (100, 100, 40, 1)
    assert row["hostile_share"] == pytest.approx((0.4 - 0.1) / (0.8 - 0.1))
    assert row["hostile_share_lo"] < 0.35 and row["hostile_share_hi"] > 0.5
    assert row["substantive_share"] == 0.01
    assert (row["tone_precision"], row["tone_recall"], row["n_tone_labels"]) == (0.8, 0.8, 300)
    (settings.ref / "tone.yml").write_text(
        "threshold: 0.15\ntrue_positives: 2\nfalse_negatives: 8\nfalse_positives: 5\ntrue_negatives: 15\n"
        "source: ours\nreason: counted by hand\n"
    )
    con.execute("DELETE FROM core.interaction_count")
    row = made(con, settings)["everyone", "news", "passers-by"]
    assert row["hostile_share"] is None and row["n_hostile"] == 40
    assert row["quality_reason"] == "tone.yml does not show that the labeller beats chance"


def test_one_person_of_many_texts_widens_the_interval(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    insert(con, "core.engagement", texts(100, 40))
    many = made(con, settings)["everyone", "news", "passers-by"]
    con.execute("UPDATE core.engagement SET member_key = CASE WHEN is_hostile THEN 100 ELSE member_key END")
    con.execute("DELETE FROM core.interaction_count")
    one = made(con, settings)["everyone", "news", "passers-by"]
    assert one["hostile_share"] == many["hostile_share"]
    assert one["hostile_share_hi"] - one["hostile_share_lo"] > 1.5 * (
        many["hostile_share_hi"] - many["hostile_share_lo"]
    )


def test_what_the_extracts_hold_is_measured_against_the_platforms_own_counts(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    insert(con, "core.engagement", [*texts(20, 3), act(1, "like"), act(1, "mention")])
    insert(con, "mart.account_scorecard", [NEWS | {"n_posts": 3}])
    insert(
        con,
        "core.post",
        [
            NEWS
            | {
                "post_id": "p1",
                "posted_at": "2026-09-01T08:00:00Z",
                "likes": 3,
            },  # one of three; nobody counted replies
            NEWS | {"post_id": "p2", "posted_at": "2026-09-01T08:00:00Z", "likes": 1},  # one was never collected
            NEWS | {"post_id": "p3", "posted_at": "2026-05-01T08:00:00Z", "likes": 99},  # too old
        ],
    )
    row = made(con, settings)["everyone", "news", "passers-by"]
    assert (row["n_collectable"], row["collected_share"]) == (4, 0.25)
    assert row["quality_reason"] == "acts collected in part: counts and rates are lower bounds"


def test_planted_shares_lie_in_the_marts_intervals(settings: Settings) -> None:
    """Forty worlds through SQL and correction, each with its own errors of the labeller as tone.yml has them."""
    rng = np.random.default_rng(9)
    held = []
    for _ in range(40):
        hostile = rng.random(300) < 0.3
        flagged = np.where(hostile, rng.random(300) < 69 / 90, rng.random(300) < 19 / 148)
        rows = pl.DataFrame({"n_hostile": [float(flagged.sum())], "n_judged": [300.0], "judged_squares": [300.0]})
        sums = pl.lit(float(flagged.sum()))
        rows = rows.with_columns(sums.alias("judged_hostile_products"), sums.alias("hostile_squares"))
        toned = interaction_quality._with_tone(rows, text_rules.read_labeller(settings), 20).row(0, named=True)
        held.append(toned["hostile_share_lo"] <= 0.3 <= toned["hostile_share_hi"])
    assert np.mean(held) >= 0.9


def loads(con: duckdb.DuckDBPyConnection, settings: Settings) -> dict[date, Row]:
    rows = make("moderation_load", con, settings, AS_OF).to_dicts()
    return {row["week_on"]: row for row in rows if row["account_id"] == "news"}


def test_a_weeks_load_counts_what_must_be_read_with_or_without_its_text(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    monday = date(2026, 9, 14)
    worded = [one | {"engaged_on": monday + timedelta(days=n % 7)} for n, one in enumerate(texts(60, 30))]
    last = [act(1, "like", AS_OF), act(2, "reply", AS_OF), act(3, "like", monday - timedelta(days=3))]
    automated = [act(7, "reply", monday, engaged_at="2026-09-14T08:00:00Z") | {"post_id": f"q{n}"} for n in range(51)]
    insert(con, "core.engagement", [*worded, *last, *automated, act(9, "reply", date(2026, 10, 1))])
    found = loads(con, settings)
    assert list(found) == [date(2026, 9, 7), monday, date(2026, 9, 21), date(2026, 9, 28)]
    week = found[monday]
    assert (week["n_days"], week["n_worded"], week["n_texts"], week["n_hostile"]) == (7, 111, 60, 30)
    assert week["n_likely_automated"] == 51
    assert week["worded_per_day"] == pytest.approx(111 / 7)
    share = (0.5 - 19 / 148) / (69 / 90 - 19 / 148)
    assert week["hostile_texts"] == pytest.approx(60 * share)
    assert week["hostile_texts_lo"] < 60 * share < week["hostile_texts_hi"]
    assert week["quality_reason"] is None
    first, quiet, short = found[date(2026, 9, 7)], found[date(2026, 9, 21)], found[date(2026, 9, 28)]
    assert (first["n_days"], short["n_days"]) == (3, 3)
    assert (quiet["n_worded"], quiet["hostile_texts"], quiet["quality_reason"]) == (0, 0, None)
    assert (short["n_worded"], short["hostile_texts"]) == (1, None)
    assert short["quality_reason"] == "no text in the extract"


def test_a_late_extract_has_no_weeks_after_its_end(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    monday = date(2026, 9, 14)
    days = (monday - timedelta(days=7), monday, AS_OF)  # something of the last day came by another way
    insert(con, "core.engagement", [act(n, "reply", day) for n, day in enumerate(days)])
    late = {"platform": "x", "account_id": "news", "kind": "engagement", "extract_on": monday + timedelta(days=1)}
    insert(con, "meta.freshness", [late | {"freshness_status": "late"}])
    found = loads(con, settings)
    assert {on: week["n_days"] for on, week in found.items()} == {monday - timedelta(days=7): 7, monday: 2}


def test_an_account_nobody_collected_has_no_weeks_and_old_weeks_are_left_out(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    insert(
        con,
        "core.engagement",
        [act(1, "reply", date(2025, 1, 1)), act(1, "reply", AS_OF), act(2, "reply") | {"account_id": "old"}],
    )
    rows = make("moderation_load", con, settings, AS_OF)
    assert rows["account_id"].unique().to_list() == ["news"]
    assert (rows["week_on"].min(), rows.height) == (date(2026, 7, 6), 13)
    assert rows["n_days"].to_list() == [7] * 12 + [3]
