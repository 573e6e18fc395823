"""`what-if` and `keep` on a small published night: the numbers of the Python calls, and errors in sentences."""

import re
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.analysis.reach_cover import read_cover
from pipelines.analysis.what_if import VISITORS, totals, what_if, who_else
from pipelines.common.settings import Settings
from pipelines.reach.keep import Wish, floors_for, keep
from pipelines.warehouse import publish
from tests.cli.command import Stillreach
from tests.reach.closure_world import World, drawn, fill, snapshot


@pytest.fixture
def night(settings: Settings) -> Path:
    """Publish a drawn world: two segments and everyone, on two platforms, and a page with totals only."""
    world = drawn(21, n_people=300, n_segments=2)
    everyone = world.people.with_columns(segment_id=pl.lit("everyone"), p=pl.lit(1.0))
    path = settings.published / "snapshots" / "2026-09-30-night.duckdb"
    path.parent.mkdir(parents=True)
    with snapshot(World(world.accounts, pl.concat([world.people, everyone])), path) as con:
        fill(con, "core.account", platform="facebook", account_id="f", role="own", is_open=True, handle="Page")
        for basis in ("follower", "active", "engaged"):
            fill(con, "mart.segment_reach", platform="facebook", account_id="f", segment_id="everyone", basis=basis,
                 reach_reason="totals only")  # fmt: skip
    (settings.published / publish.LINK).symlink_to(path)
    return path


def cells(out: str, title: str) -> dict[str, list[str]]:
    """The rows of a table by their first cell."""
    lines = [line.strip() for line in out[out.index(title) :].splitlines()]
    first = next(n for n, line in enumerate(lines) if line and set(line) == {"─"}) + 1
    rows = [re.split(r"  +", line) for line in lines[first : lines.index("", first)]]
    return {row[0]: row[1:] for row in rows}


def whole(people: float) -> str:
    return f"{int(people + 0.5):,}"


def test_what_if_prints_what_the_macro_gives(night: Path, stillreach: Stillreach) -> None:
    code, out, _ = stillreach("what-if", "--close", "x:Handle_a0", "--close", "x:A1", "--critical-only", "x:a2")
    assert code == 0
    with duckdb.connect(str(night), read_only=True) as con:
        macro = con.sql("FROM mart.what_if(close := ['x:a0', 'x:a1'], critical_only := ['x:a2'])").pl()
        called = what_if(con, ["x:a0", "x:a1"], ["x:a2"])
        others = who_else(con, ["x:a0", "x:a1"], ["x:a2"])
    keys = ["segment_id", "platform", "basis", "home_band"]
    assert called.sort(keys).equals(macro.sort(keys))
    printed = cells(out, "Lost on x, of those reached today")
    assert list(printed)[:3] == ["s0", "s1", "everyone"]
    for segment in ("s0", "s1", "everyone"):
        for n, basis in enumerate(("follower", "active", "engaged")):
            rows = macro.filter(segment_id=segment, platform="x", basis=basis)
            lost, reach = whole(rows["lost_people"].sum()), whole(rows["reach_people"].sum())
            assert printed[segment][n].startswith(f"{lost} of {reach}")
        away = macro.filter(pl.col("home_band").is_in(VISITORS), segment_id=segment, platform="x", basis="active")
        assert printed[segment][3].startswith(f"{whole(away['lost_people'].sum())} of ")
        together = macro.filter(segment_id=segment, platform="x", basis="active")["only_together_people"].sum()
        assert printed[segment][4] == whole(together)
    by_home = cells(out, "Lost on x by home")
    for row in macro.filter(platform="x", basis="active", home_band="home area").to_dicts():
        assert by_home[row["segment_id"]][0] == f"{whole(row['lost_people'])} of {whole(row['reach_people'])}"
    best = others.filter(segment_id="s0", platform="x", basis="active").row(0, named=True)
    assert f"Name {best['account_id']} {whole(best['still_reached_people'])}" in cells(out, "Who else")["s0"][1]
    interval = totals(called).filter(segment_id="s0", platform="x", basis="follower").row(0, named=True)
    assert f"({whole(interval['lost_people_lo'])} to {whole(interval['lost_people_hi'])})" in printed["s0"][0]


def test_a_page_with_totals_only_is_not_nobody(night: Path, stillreach: Stillreach) -> None:
    code, out, _ = stillreach("what-if", "--close", "facebook:page", "--close", "x:a0")
    assert code == 0
    assert cells(out, "Lost on facebook")["everyone"][:3] == ["not known"] * 3
    assert "Incomplete: facebook:f totals only" in out
    assert "People are not matched between platforms" in out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("what-if",), 3, "what-if: names no account"),
        (("what-if", "--close", "x:Handle_a9"), 3, "did you mean x:Handle_a"),
        (("keep", "--must-keep", "nobody"), 3, "account 'nobody': is no open account of ours. Known: "),
        (("keep", "--must-keep", "facebook:f"), 3, "facebook:Page: has no list of people on this basis"),
        (("keep", "--segment", "s0"), 3, "--segment s0: is not a floor"),
        (("keep", "--segment", "z=0.5"), 3, "segment 'z': is not reached on this basis. Known: everyone, s0, s1"),
        (("keep", "--at-least", "90"), 3, "--at-least: has the share 90"),
        (("keep", "--basis", "likes"), 3, "--basis likes: is not a basis. Known: follower, active, engaged."),
        (("keep", "--platform", "tiktok"), 3, "--platform tiktok: has no open account of ours"),
        (("keep", "--cost", "nowhere.csv"), 5, "nowhere.csv: does not exist"),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(
    night: Path, stillreach: Stillreach, words: tuple[str, ...], code: int, message: str
) -> None:
    left, out, err = stillreach(*words)
    assert (left, out) == (code, "")
    assert message in err


def test_without_a_night_both_say_what_to_do(settings: Settings, stillreach: Stillreach) -> None:
    for command in (("what-if", "--close", "x:1"), ("keep",)):
        assert stillreach(*command)[0] == 9


def test_keep_prints_the_set_that_the_call_gives(night: Path, stillreach: Stillreach) -> None:
    code, out, _ = stillreach("keep", "--at-least", "0.8", "--segment", "s0=0.9", "--must-keep", "x:main")
    assert code == 0
    with duckdb.connect(str(night), read_only=True) as con:
        found = read_cover(con, "active")
        main = re.search(r"Name (a\d) \(x\) +must be kept", out)
        assert main
        wish = Wish("cheapest", floors_for(found, 0.8, {"s0": 0.9}), must_keep=frozenset([f"x:{main[1]}"]))
        choice = keep(found, wish, n_bootstraps=200)
    printed = cells(out, f"Keep {len(choice.kept)} of {len(found.accounts)} accounts")
    for one in found.accounts:
        platform, account_id = one.split(":", 1)
        verdict, best = printed[f"Name {account_id} ({platform})"]
        assert (verdict == "not needed") == (one in choice.closed)
        assert best == str(choice.n_best[one])
    shares = cells(out, "What they keep")
    assert shares["s0"][2:] == [f"{choice.kept_people['s0'] / choice.reach_people['s0']:.1%}", "90%"]
    assert list(shares)[:3] == ["s0", "s1", "everyone"]
    assert "Optimal, proved by looking at every set: no other set gives fewer accounts." in out
    assert "a person on two platforms counts twice" in out
    assert "Neither kept nor closed, because their reach is not known: facebook:f." in out


def test_costs_and_budgets_decide(night: Path, stillreach: Stillreach, tmp_path: Path) -> None:
    with duckdb.connect(str(night), read_only=True) as con:
        accounts = read_cover(con, "active", "x").accounts
    costs = tmp_path / "cost.csv"
    lines = ["account,cost", *(f"{one},{n + 1}" for n, one in enumerate(accounts))]
    costs.write_text("\n".join(lines) + "\n", encoding="utf-8")
    words = ("keep", "--platform", "x", "--cost", str(costs), "--bootstraps", "0")
    code, out, _ = stillreach(*words, "--budget", "3")
    assert code == 0
    kept = [row for row in cells(out, "of 5 accounts").values() if row[0] == "keep"]
    assert sum(float(row[1]) for row in kept) <= 3
    assert "best in" not in out
    assert stillreach(*words, "--budget", "3", "--worst-first")[0] == 0
    assert stillreach(*words, "--at-least", "0.7", "--must-close", "x:main")[0] in (0, 3)
    for broken, reported in (
        (lines[:-1], "the cost of x:a4: is not given"),
        ([*lines, "x:a0,3"], "cost.csv line 7: names x:Handle_a0 a second time"),
        ([*lines[:-1], "x:a4,£3"], "cost.csv line 6: has '£3' for cost"),
        (["name,cost"], "cost.csv: has the columns name, cost"),
        (["account,cost", "x:zz,1"], "is no open account of ours"),
    ):
        costs.write_text("\n".join(broken) + "\n", encoding="utf-8")
        code, _, err = stillreach(*words)
        assert code in (3, 5)
        assert reported in err


def test_floors_that_a_closure_makes_impossible_are_explained(night: Path, stillreach: Stillreach) -> None:
    code, _, err = stillreach("keep", "--at-least", "0.99", "--must-close", "main")
    assert code == 3
    assert re.search(r"cannot be held without .*: s0 can keep \d+\.\d% at most, not 99\.0%", err)


@pytest.fixture
def followers_only(settings: Settings) -> Path:
    """Publish a drawn world whose extracts are follower lists alone."""
    world = drawn(21, n_people=300, n_segments=2)
    path = settings.published / "snapshots" / "2026-09-30-night.duckdb"
    path.parent.mkdir(parents=True)
    with snapshot(world, path) as con:
        for table in ("core.home_signature", "mart.reach_signature", "mart.segment_reach"):
            con.execute(f"DELETE FROM {table} WHERE basis <> 'follower'")
    (settings.published / publish.LINK).symlink_to(path)
    return path


def test_where_only_followers_are_known_both_count_followers_and_say_so(
    followers_only: Path, stillreach: Stillreach
) -> None:
    code, out, _ = stillreach("keep")
    assert code == 0
    assert "People are counted on the basis follower. Followers need not be active" in " ".join(out.split())
    assert stillreach("keep", "--basis", "active")[0] == 3
    code, out, _ = stillreach("what-if", "--close", "x:a0", "--close", "x:a1")
    assert code == 0
    assert cells(out, "Lost on x, of those reached today")["s0"][1:3] == ["not known", "not known"]
    assert cells(out, "Lost on x by home, followers")
    assert cells(out, "Who else still reaches the rest on x, followers")
