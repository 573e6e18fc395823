"""Discovery finds planted communities, keeps their ids while edges change, and lets no person out."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from math import log, sqrt

import duckdb
import numpy as np
import polars as pl
import pytest
import yaml
from numpy.typing import NDArray
from scipy import sparse

from pipelines.analysis import keyness
from pipelines.analysis.communities import (
    Community,
    Discovery,
    Limits,
    State,
    communities_of,
    discover,
    follow_up,
    local_moves,
    modularity,
)
from pipelines.analysis.keyness import Portrait
from pipelines.common.errors import ModelError
from tests.bench_discover import Planted, account_id, adjusted_mutual_information, membership, planted, show, world_of

Follows = NDArray[np.int64]
DRAFT_KEYS = (
    "segment_id, title, question, owner, status, policy_weight, rules, exclude, evidence, seeds, examples, warnings"
)


@pytest.fixture(scope="module")
def world() -> Planted:
    return planted(1)


@pytest.fixture(scope="module")
def found(world: Planted) -> Discovery:
    return discover(world_of(world))


def agreement(world: Planted, state: State) -> float:
    """AMI of accounts' communities with the planted ones; an account of none is alone."""
    place = {account: community for _, account, community in state.labels}
    known = [n for n, community in enumerate(world.of_account) if community >= 0]
    labels = [place.get(account_id(n), f"none {n}") for n in known]
    return adjusted_mutual_information(labels, world.of_account[known])


def as_bytes(found: Discovery) -> str:
    return json.dumps([asdict(community) for community in found.communities]) + found.state.to_json()


def portrait(community: Community) -> Portrait:
    assert community.portrait
    return community.portrait


def churned(world: Planted, seed: int, part: float = 0.05) -> Follows:
    """Drop a part of the follows and add as many, made as the world made its own."""
    draw = np.random.default_rng(seed)
    kept = world.follows[draw.random(len(world.follows)) >= part]
    new = planted(100 + seed).follows
    added = new[draw.random(len(new)) < part]
    both: Follows = np.unique(np.concatenate([kept, added]), axis=0)
    return both


def community_of(world: Planted, state: State, planted_community: int) -> str:
    """The id that most accounts of a planted community have."""
    place = {account: community for _, account, community in state.labels}
    ids = [place.get(account_id(int(n)), "") for n in np.flatnonzero(world.of_account == planted_community)]
    return max(sorted(set(ids)), key=ids.count)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_planted_communities_are_found(seed: int) -> None:
    world = planted(seed)
    state = discover(world_of(world)).state
    assert agreement(world, state) > 0.98
    assert len(state.communities("x")) == 12
    general = {account_id(int(n)) for n in np.flatnonzero(world.of_account < 0)}
    kept = general & {account for _, account, _ in state.labels}
    assert len(kept) <= 1, "what everybody follows says nothing, but for a chance link"


def test_members_are_found_by_two_proofs(world: Planted) -> None:
    con = world_of(world)
    kept: dict[str, pl.DataFrame] = {}
    forget = keyness.forget

    def look(con: duckdb.DuckDBPyConnection) -> None:
        kept["members"] = con.sql("SELECT * FROM temp.suggest_community_member").pl()
        kept["accounts"] = con.sql("SELECT * FROM temp.suggest_account").pl()
        forget(con)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keyness, "forget", look)
        discover(con)
    accounts = kept["accounts"]
    weight = dict(accounts.select("account_number", "weight_millionths").iter_rows())
    place = dict(accounts.select("account_number", "community_number").iter_rows())
    number = dict(accounts.select("account_id", "account_number").iter_rows())
    proofs: dict[tuple[int, int], tuple[int, int]] = {}
    attention: dict[int, int] = {}
    for member, account in world.follows.tolist():
        n = number.get(account_id(account))
        if n is None:
            continue
        attention[member] = attention.get(member, 0) + weight[n]
        had = proofs.get((place[n], member), (0, 0))
        proofs[(place[n], member)] = (had[0] + 1, had[1] + weight[n])
    wanted = {key for key, (n, given) in proofs.items() if key[0] >= 0 and n >= 2 and given / attention[key[1]] >= 0.1}
    assert set(kept["members"].iter_rows()) == wanted
    assert con.sql("SELECT count(*) FROM duckdb_tables() WHERE temporary").fetchall() == [(0,)], "nothing is left"


def test_words_and_accounts_name_a_community(world: Planted, found: Discovery) -> None:
    for planted_community in range(12):
        community_id = community_of(world, found.state, planted_community)
        (community,) = [one for one in found.communities if one.community_id == community_id]
        drawn = portrait(community)
        assert {word.word for word in drawn.words[:2]} == {
            f"word{planted_community}a",
            f"word{planted_community}b",
        }, "folded: the bios say Wörd"
        names = {account.name.split(" of ")[1] for account in drawn.accounts[:10]}
        assert names == {str(planted_community)}
        zs = [account.z for account in drawn.accounts if account.z is not None]
        assert zs == sorted(zs, reverse=True)


def test_the_log_odds_are_the_paper_s() -> None:
    inside, total, prior = [30, 5, 1], [60, 50, 400], 500.0
    n_inside, n_total = sum(inside), sum(total)
    z = keyness.log_odds_z(np.array(inside, float), n_inside, np.array(total, float), n_total)
    for n, (y, t) in enumerate(zip(inside, total, strict=True)):
        alpha = prior * t / n_total
        odds = (y + alpha) / (n_inside + prior - y - alpha)
        odds_of_others = (t - y + alpha) / (n_total - n_inside + prior - t + y - alpha)
        assert z[n] == pytest.approx(log(odds / odds_of_others) / sqrt(1 / (y + alpha) + 1 / (t - y + alpha)))


@pytest.mark.parametrize("seed", [1, 2])
def test_ids_last_while_a_twentieth_of_the_follows_changes(world: Planted, found: Discovery, seed: int) -> None:
    tonight = discover(world_of(world, churned(world, seed)), last=found.state)
    before, after = found.state.communities("x"), tonight.state.communities("x")
    assert set(before) == set(after)
    assert {community.status for community in tonight.communities} == {"kept"}
    jaccard = [len(before[one] & after[one]) / len(before[one] | after[one]) for one in before]
    assert np.mean(jaccard) >= 0.97 and min(jaccard) >= 0.9


def test_going_on_from_last_night_is_steadier_than_starting_afresh() -> None:
    world = planted(3, at_home=0.35)
    last = discover(world_of(world)).state
    draw = np.random.default_rng(1)
    kept = world.follows[draw.random(len(world.follows)) >= 0.05]
    con = world_of(world, kept)
    accounts = list(last.communities("x").values())

    def steadiness(state: State) -> float:
        tonight = list(state.communities("x").values())
        changes, _ = follow_up(dict(zip(map(str, range(len(accounts))), accounts, strict=True)), tonight, "x", 1, 0.0)
        pairs = [
            (accounts[int(c.community_id)], s) for c, s in zip(changes, tonight, strict=False) if c.status == "kept"
        ]
        return sum(len(one & other) / len(one | other) for one, other in pairs) / len(accounts)

    assert steadiness(discover(con, last=last).state) > steadiness(discover(con).state)


def split_world(world: Planted) -> Follows:
    """Members of the planted community 0 follow one half of its accounts only, every other member the other half."""
    member, account = world.follows.T
    at_home = world.of_account[account] == 0
    halves: Follows = world.follows[~at_home | ((account // 12) % 2 == member % 2)]
    return halves


def test_a_split_is_seen(world: Planted, found: Discovery) -> None:
    tonight = discover(world_of(world, split_world(world)), last=found.state)
    origin = community_of(world, found.state, 0)
    (split,) = [one for one in tonight.communities if one.status == "split"]
    assert split.change.came_from == (origin,)
    assert split.community_id not in found.state.communities("x")
    assert [one.status for one in tonight.communities if one.community_id == origin] == ["kept"]
    assert {one.status for one in tonight.communities} == {"kept", "split"}
    assert len(tonight.state.communities("x")) == 13


def test_a_merger_is_seen(world: Planted) -> None:
    last = discover(world_of(world, split_world(world)))
    assert len(last.state.communities("x")) == 13
    tonight = discover(world_of(world), last=last.state)
    (merged,) = [one for one in tonight.communities if one.status == "merged"]
    assert merged.change.went_to == community_of(world, tonight.state, 0)
    assert merged.portrait is None and merged is tonight.communities[-1]
    (into,) = [one for one in tonight.communities if one.community_id == merged.change.went_to]
    assert into.status == "kept" and into.change.came_from == (merged.community_id,)
    assert len(tonight.state.communities("x")) == 12


def test_a_birth_and_a_death_are_seen_and_no_id_comes_back(world: Planted, found: Discovery) -> None:
    without = world.follows[world.of_account[world.follows[:, 1]] != 5]
    missing = discover(world_of(world, without), last=found.state)
    (died,) = [one for one in missing.communities if one.status == "died"]
    assert died.community_id == community_of(world, found.state, 5)
    again = discover(world_of(world), last=missing.state)
    (born,) = [one for one in again.communities if one.status == "born"]
    assert born.community_id == community_of(world, again.state, 5)
    assert born.community_id not in {one.community_id for one in found.communities}


def test_ids_and_fates_add_up() -> None:
    draw = np.random.default_rng(0)
    names = [f"a{n}" for n in range(60)]
    for _ in range(100):
        old, new = draw.integers(0, 6, 60), draw.integers(0, 7, 60)
        new = np.where(draw.random(60) < draw.random(), old, new)
        before = {f"x_{c}": frozenset(n for n, o in zip(names, old, strict=True) if o == c) for c in set(old.tolist())}
        tonight = [frozenset(n for n, o in zip(names, new, strict=True) if o == c) for c in sorted(set(new.tolist()))]
        changes, next_number = follow_up(before, tonight, "x", 100, 0.3)
        ids = [change.community_id for change in changes]
        assert len(ids) == len(set(ids))
        assert {change.community_id for change in changes if change.status in ("kept", "died", "merged")} == set(before)
        assert next_number - 100 == sum(change.status in ("born", "split") for change in changes)
        for change, members in zip(changes, tonight, strict=False):
            if change.status == "kept":
                was = before[change.community_id]
                assert len(was & members) / len(was | members) >= 0.3


def test_moves_never_lose_modularity() -> None:
    draw = np.random.default_rng(0)
    for _ in range(30):
        dense = np.triu(draw.random((25, 25)) * (draw.random((25, 25)) < 0.2), 1)
        graph = sparse.csr_matrix(dense + dense.T)
        labels = draw.integers(0, 5, 25)
        moved = local_moves(graph, labels, 1.0)
        start, end = modularity(graph, np.unique(labels, return_inverse=True)[1], 1.0), modularity(graph, moved, 1.0)
        assert end >= start - 1e-12
        weights, degree = graph.toarray(), graph.toarray().sum(axis=1)
        same = moved[:, None] == moved[None, :]
        newman = ((weights - np.outer(degree, degree) / weights.sum()) * same).sum() / weights.sum()
        assert end == pytest.approx(newman)
        again = communities_of(graph, moved, Limits())
        assert len(again) == 25


def test_accounts_without_links_are_in_no_community() -> None:
    graph = sparse.csr_matrix(np.array([[0, 1, 1, 0], [1, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]], dtype=float))
    assert communities_of(graph, np.full(4, -1), Limits()).tolist() == [0, 0, 0, -1]
    assert communities_of(sparse.csr_matrix((2, 2)), np.full(2, -1), Limits()).tolist() == [-1, -1]


def test_the_same_rows_give_the_same_bytes_in_any_order(world: Planted, found: Discovery) -> None:
    con = world_of(world)
    last = discover(con)
    for table in ("core.follow", "core.account", "core.member", "stg.member"):
        con.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM {table} ORDER BY hash(rowid + 7)")
    con.execute("SET threads = 1")
    shuffled = discover(con)
    assert as_bytes(shuffled) == as_bytes(last) == as_bytes(found)
    assert as_bytes(discover(con, last=shuffled.state)) == as_bytes(discover(world_of(world), last=found.state))


def test_no_word_of_fewer_than_ten_people_leaves(world: Planted) -> None:
    bios = list(world.bios)
    chosen = np.flatnonzero(world.of_member == 2)
    for n, member in enumerate(chosen[:400]):
        bios[member] = "shared" + (" raretopic" if n < 9 else "")
    changed = Planted(world.follows, world.of_account, world.of_member, bios)
    found = discover(world_of(changed), limits=Limits(proofs=1, least_share=0.0))
    reported = [word for one in found.communities for word in portrait(one).words]
    assert all(word.people >= 10 for word in reported)
    assert "raretopic" not in as_bytes(found)
    assert any(word.word == "shared" for word in reported)
    counts = pl.DataFrame({"word": ["nine", "ten", "common"], "n_people": [9, 10, 81]})
    totals = pl.DataFrame({"word": ["nine", "ten", "common"], "n_people": [10, 11, 1_000_000]})
    assert [word.word for word in keyness.over_represented_words(counts, totals, 10)] == ["ten"]


def test_no_person_and_no_account_of_ours_leaves(world: Planted) -> None:
    own = pl.DataFrame({"member": np.arange(5_000)}).select(
        platform=pl.lit("x"),
        account_id=pl.lit("own"),
        member_key=pl.col("member").cast(pl.UInt64),
        ended_on=pl.lit(None, dtype=pl.Date),
    )
    con = world_of(world)
    con.register("own", own)
    con.execute("INSERT INTO core.follow SELECT * FROM own")
    everything = as_bytes(discover(con))
    assert not re.search(r"Jane|Secret|The Force|member_key", everything)
    assert '"own"' not in everything


def test_too_few_people_are_not_described(world: Planted) -> None:
    found = discover(world_of(world), limits=Limits(least_people=10**6))
    for community in found.communities:
        drawn = portrait(community)
        assert (drawn.people, drawn.words, drawn.draft, drawn.is_new) == (None, (), None, None)
        assert all(account.people is None and account.z is None for account in drawn.accounts)


def test_drafts_are_definitions_without_a_person(found: Discovery) -> None:
    drafts = [portrait(one) for one in found.communities]
    assert len({drawn.segment_id for drawn in drafts}) == 12
    for drawn in drafts:
        assert drawn.draft
        read = yaml.safe_load(drawn.draft)
        assert ", ".join(read) == DRAFT_KEYS
        assert read["segment_id"] == drawn.segment_id and re.fullmatch(r"[a-z][a-z0-9_]*", read["segment_id"])
        assert (read["status"], read["owner"], read["examples"]) == ("draft", "(who answers for it)", [])
        words, follows = read["rules"]
        assert (words["rule_id"], words["match"]) == ("bio_words", "any_word")
        assert words["values"] == [word.word for word in drawn.words[:8]]
        assert (follows["rule_id"], follows["match"], follows["k"]) == ("follows_its_accounts", "follows_at_least", 2)
        assert follows["values"] == read["seeds"] == [f"x:{one.account_id}" for one in drawn.accounts[:10]]
        assert read["evidence"] == {"threshold": 1, "expansion": "rules_only"} and read["warnings"] == ["suggested"]
        for account in drawn.accounts[:10]:
            assert f"# {account.name}\n" in drawn.draft


def test_names_of_accounts_cannot_break_a_draft() -> None:
    accounts = [
        keyness.NamedAccount("1", "Evil\nstatus: agreed\u0007 \u2028page", 20, 3.0),
        keyness.NamedAccount('2"', "No: # 'one'", 20, 2.0),
    ]
    words = [keyness.NamedWord("yes", 12, 5.0), keyness.NamedWord("мото", 11, 4.0)]
    segment_id, draft = keyness.draft_definition("x", "x_7", 40, accounts, words, {"yes_", "yes"})
    read = yaml.safe_load(draft)
    assert read["status"] == "draft" and read["rules"][0]["values"] == ["yes", "мото"]
    assert read["seeds"] == ["x:1", 'x:2"'] and segment_id == "yes_2"


@pytest.mark.parametrize(
    ("words", "accounts", "wanted"),
    [
        (["café", "racer"], [], "cafe_racer"),
        (["мото"], ["3 Lakes Riders!"], "lakes_riders"),
        (["мото"], ["Мото"], "x_9"),
        (["taken"], [], "taken_2"),
    ],
)
def test_a_draft_has_a_usable_name(words: Sequence[str], accounts: Sequence[str], wanted: str) -> None:
    assert keyness.segment_name(words, accounts, "x_9", {"taken"}) == wanted


def test_refused_words_are_never_suggested(world: Planted, found: Discovery) -> None:
    assert "word3a" in as_bytes(found)
    again = discover(world_of(world), is_refused=lambda word: word == "word3a")
    assert "word3a" not in as_bytes(again) and "word3b" in as_bytes(again)


def test_a_segment_that_covers_a_community_is_told(world: Planted, found: Discovery) -> None:
    community_id = community_of(world, found.state, 1)
    con = world_of(world)
    accounts = np.flatnonzero(world.of_account == 1)
    members = np.unique(world.follows[np.isin(world.follows[:, 1], accounts)][:, 0])
    few = np.flatnonzero(world.of_member == 2)[:9]
    show(con, "core.segment_membership", pl.concat([membership("rider", members), membership("few", few)]))
    tonight = discover(con)
    for community in tonight.communities:
        drawn = portrait(community)
        shares = {one.segment_id: one.share for one in drawn.segments}
        assert "few" not in shares
        assert drawn.is_new == (shares.get("rider", 0) <= 0.5)
        if community.community_id == community_id:
            assert shares == {"rider": 1.0} and not drawn.is_new


def test_the_state_is_the_same_after_a_file(found: Discovery) -> None:
    read = State.from_json(found.state.to_json())
    assert read == found.state
    for broken in ("", "[]", '{"labels": [["x"]], "next_numbers": []}', '{"labels": []}'):
        with pytest.raises(ModelError, match="is not one that we wrote"):
            State.from_json(broken)


def test_platforms_are_apart() -> None:
    world = planted(1, 60, 3, 2_000, 2)
    first = discover(world_of(world)).state
    last = State((*first.labels, ("y", "a", "y_1")), (*first.next_numbers, ("y", 2)))
    unasked = discover(world_of(world), last=last, platforms=["x"])
    assert ("y", "a", "y_1") in unasked.state.labels
    asked = discover(world_of(world), last=last)
    assert [one.change.status for one in asked.communities if one.platform == "y"] == ["died"]
    assert ("y", 2) in asked.state.next_numbers


def test_an_empty_night_finds_nothing() -> None:
    con = world_of(planted(1, 24, 2, 50, 2))
    con.execute("DELETE FROM core.follow")
    assert discover(con).communities == ()
    con.execute("DROP TABLE core.follow")
    with pytest.raises(ModelError, match=r"analysis/account\.sql"):
        discover(con)
