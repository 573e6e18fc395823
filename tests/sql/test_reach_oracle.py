"""Compare reach with plain set arithmetic on small generated worlds: signatures, sizes, fair shares, closures."""

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from itertools import chain, combinations, permutations
from math import floor
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sql.case_runner import Row, build, filled_bench, same, select

AS_OF = date(2026, 9, 30)
PLATFORMS = ("x", "mastodon")
SEGMENTS = ("rider", "farmer")
People = list[tuple[frozenset[str], Fraction]]
BASES = ("follower", "active", "engaged")
MODELS = (
    "core.account",
    "core.member",
    "core.reach_set",
    "mart.reach_signature",
    "mart.reach_interval",
    "mart.segment_reach",
    "mart.segment_size",
)
# The ninetieth day, today counted, is in; the day before is out.
ACTED = {
    "today": AS_OF,
    "just within": date(2026, 7, 3),
    "just outside": date(2026, 7, 2),
    "long ago": date(2025, 1, 1),
}
LATELY = ("today", "just within")
LIST_DAY = {"none": None, "partial": date(2026, 9, 21), "complete": date(2026, 9, 28)}
NEW_DAY = date(2026, 9, 29)
# How a present member stands to a segment, and the days on which each of their spells in it ended.
LEFT_ON: dict[str, list[date | None]] = {
    "no": [],
    "in": [None],
    "left": [date(2026, 6, 1)],
    "back": [date(2026, 6, 1), None],
}
# How likely a member of a segment belongs to it; of everyone they are one for certain.
LIKELY = [Fraction(one) for one in ("1", "1", "0.9", "0.35", "0.5", "0.123457")]


@dataclass(frozen=True)
class Account:
    """One account: whether ours, whether open, the list of followers that came, and where totals of it stand."""

    platform: str
    account_id: str
    is_own: bool
    is_open: bool
    list_scope: str
    totals: str | None


@dataclass(frozen=True)
class Member:
    """One member: how they stand to each account of their platform, and how they belong to each segment."""

    member_key: int
    platform: str
    follows: dict[Account, str]
    acts: dict[Account, list[str]]
    belongs: dict[str, str]
    likely: dict[str, Fraction]

    @property
    def is_present(self) -> bool:
        acted = [when for all_acts in self.acts.values() for when in all_acts]
        return bool({"now", "new"} & set(self.follows.values())) or any(when in LATELY for when in acted)

    @property
    def is_lively(self) -> bool:
        """Whether an act with any account or a new follow shows that they are there."""
        acted = [when for all_acts in self.acts.values() for when in all_acts]
        return "new" in self.follows.values() or any(when in LATELY for when in acted)

    def reached_by(self, basis: str) -> frozenset[str]:
        """The ids of our open accounts that reach this member."""
        follows = [account for account, how in self.follows.items() if how in ("now", "new")]
        engages = [account for account, acts in self.acts.items() if any(when in LATELY for when in acts)]
        active = engages + (follows if self.is_lively else [])
        near = {"follower": follows, "active": active, "engaged": engages}[basis]
        return frozenset(account.account_id for account in near if account.is_own and account.is_open)

    def counts(self, segment: str) -> Fraction:
        """How much of a person of a segment this member is."""
        return self.likely.get(segment, Fraction(1))


@dataclass(frozen=True)
class World:
    """A small county."""

    accounts: list[Account]
    members: list[Member] = field(default_factory=list)

    def open_own(self, platform: str) -> list[Account]:
        return [one for one in self.accounts if one.platform == platform and one.is_own and one.is_open]

    def people(self, segment: str, platform: str) -> list[Member]:
        """Everybody of a segment who is there today."""
        present = [member for member in self.members if member.platform == platform and member.is_present]
        return [member for member in present if segment == "everyone" or None in LEFT_ON[member.belongs[segment]]]

    def sets(self, segment: str, platform: str, basis: str) -> People:
        """Of everybody of a segment: who of ours reaches them, and how much of a person they are."""
        return [(one.reached_by(basis), one.counts(segment)) for one in self.people(segment, platform)]

    def data_on(self, account: Account, basis: str) -> date | None:
        """The day of the newest data that can tell whom an account reaches."""
        if basis == "follower":
            return LIST_DAY[account.list_scope]
        acts = chain.from_iterable(member.acts.get(account, []) for member in self.members)
        acted_on = max((ACTED[when] for when in acts), default=None)
        if basis == "engaged":
            return acted_on
        days = [day for day in (LIST_DAY[account.list_scope], acted_on) if day]
        return max(days, default=None) if self.is_measured(account.platform, "engaged") else None

    def is_measured(self, platform: str, basis: str) -> bool:
        """Whether any extract tells whom our open accounts reach; one of a closed account or of another's does not."""
        needed = "follower" if basis == "follower" else "engaged"
        return any(self.data_on(account, needed) for account in self.open_own(platform))

    def reason(self, account: Account, basis: str) -> str | None:
        """What is to be said of an account's figures, or of their absence."""
        listed, acted = (self.data_on(account, kind) for kind in ("follower", "engaged"))
        if self.data_on(account, basis):
            if basis == "engaged" or (basis == "follower" and account.list_scope == "complete"):
                return None
            if account.list_scope == "none":
                return "no follower list: at least this many"
            if account.list_scope == "partial":
                return "partial list: at least this many"
            return None if acted else "no engagement extract: at least this many"
        if listed or acted:
            return "no follower list" if basis == "follower" else "no engagement extract"
        return "totals only" if account.totals else "no extract"


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw at most 6 accounts and 12 members; an account without a list has no followers we know of."""
    names = draw(
        st.lists(st.tuples(st.sampled_from(PLATFORMS), st.sampled_from("abcde")), min_size=1, max_size=6, unique=True)
    )
    mostly = st.sampled_from([True, True, True, False])
    scopes = st.sampled_from(["complete", "complete", "partial", "none"])
    totals = st.sampled_from([None, "core.account_day", "core.post"])
    accounts = [Account(*name, draw(mostly), draw(mostly), draw(scopes), draw(totals)) for name in names]
    collected = {account for account in accounts if draw(mostly)}
    return World(accounts, [draw(members(n, accounts, collected)) for n in range(draw(st.integers(0, 12)))])


@st.composite
def members(draw: st.DrawFn, member_key: int, accounts: list[Account], collected: set[Account]) -> Member:
    """Draw one member of one platform; acts are only known with accounts whose acts were collected."""
    platform = draw(st.sampled_from(PLATFORMS))
    near = [account for account in accounts if account.platform == platform]
    how = st.sampled_from(["never", "now", "now", "new", "once"])
    acts = st.lists(st.sampled_from([*ACTED]), max_size=2)
    return Member(
        member_key,
        platform,
        {account: draw(how) for account in near if account.list_scope != "none"},
        {account: draw(acts) for account in near if account in collected},
        {segment: draw(st.sampled_from([*LEFT_ON])) for segment in SEGMENTS},
        {segment: draw(st.sampled_from(LIKELY)) for segment in SEGMENTS},
    )


def rows_of(world: World) -> dict[str, list[Row]]:
    """Write a world as the tables the models read."""
    return {
        "ref.account": [
            {
                "platform": one.platform,
                "account_id": one.account_id,
                "role": "own" if one.is_own else "seed",
                "closed_on": None if one.is_open else AS_OF,
            }
            for one in world.accounts
        ],
        "ref.segment": [{"segment_id": segment} for segment in SEGMENTS],
        "core.follower_list": [
            {
                "platform": one.platform,
                "account_id": one.account_id,
                "observed_on": LIST_DAY[one.list_scope],
                "is_complete": one.list_scope == "complete",
            }
            for one in world.accounts
            if one.list_scope != "none"
        ],
        **{
            table: [
                {"platform": one.platform, "account_id": one.account_id}
                for one in world.accounts
                if one.totals == table
            ]
            for table in ("core.account_day", "core.post")
        },
        "stg.member": [{"platform": one.platform, "member_key": one.member_key} for one in world.members],
        "core.follow": [
            {
                "platform": account.platform,
                "account_id": account.account_id,
                "member_key": one.member_key,
                "first_seen_on": NEW_DAY if how == "new" else LIST_DAY[account.list_scope],
                "ended_on": AS_OF if how == "once" else None,
            }
            for one in world.members
            for account, how in one.follows.items()
            if how != "never"
        ],
        "core.engagement": [
            {
                "platform": account.platform,
                "account_id": account.account_id,
                "post_id": f"p{n}",
                "member_key": one.member_key,
                "engaged_on": ACTED[when],
            }
            for one in world.members
            for account, acts in one.acts.items()
            for n, when in enumerate(acts)
        ],
        "core.segment_membership": [
            {
                "segment_id": segment,
                "platform": one.platform,
                "member_key": one.member_key,
                "entered_on": date(2026, 5 + 2 * n, 1),
                "left_on": left_on,
                "membership_probability": float(one.likely[segment]),
            }
            for one in world.members
            if one.is_present
            for segment, how in one.belongs.items()
            for n, left_on in enumerate(LEFT_ON[how])
        ],
    }


def run(world: World, n_models: int = len(MODELS)) -> tuple[list[Row], list[Row], list[Row]]:
    """Run the models, or the first few: signatures, reach, sizes."""
    with filled_bench(rows_of(world), AS_OF) as con:
        build(con, *MODELS[:n_models])
        return (
            select(con, "SELECT * FROM mart.reach_signature"),
            select(con, "SELECT * FROM mart.segment_reach"),
            select(con, "SELECT * FROM mart.segment_size"),
        )


def shapley(accounts: list[str], people: People) -> dict[str, Fraction]:
    """Average over all orders of opening the accounts what each adds to net reach (Shapley 1953)."""
    added = dict.fromkeys(accounts, Fraction(0))
    orders = list(permutations(accounts))
    for order in orders:
        waiting = people
        for account in order:
            added[account] += sum(counts for sets, counts in waiting if account in sets)
            waiting = [(sets, counts) for sets, counts in waiting if account not in sets]
    return {account: total / len(orders) for account, total in added.items()}


def total(people: People) -> Fraction:
    return sum((counts for _, counts in people), Fraction(0))


def whole(people: Fraction | None) -> int | None:
    """Whole people, a half upwards."""
    return None if people is None else floor(people + Fraction(1, 2))


def ratio(part: Fraction | None, of: Fraction | None) -> Fraction | None:
    return None if part is None or not of else part / of


def subsets(items: list[str]) -> list[frozenset[str]]:
    return [frozenset(some) for n in range(len(items) + 1) for some in combinations(items, n)]


@settings(max_examples=50, deadline=None)
@given(world=worlds())
def test_signatures_are_the_sets_that_reach_each_person(world: World) -> None:
    signatures, _, _ = run(world, MODELS.index("mart.reach_signature") + 1)
    wanted: dict[tuple[Any, ...], tuple[int, Fraction]] = {}
    for platform in PLATFORMS:
        for basis in BASES:
            if world.is_measured(platform, basis):
                for segment in ("everyone", *SEGMENTS):
                    for member in world.people(segment, platform):
                        named = (segment, platform, basis, tuple(sorted(member.reached_by(basis))))
                        n_members, people = wanted.get(named, (0, Fraction(0)))
                        wanted[named] = n_members + 1, people + member.counts(segment)
    got = {
        (row["segment_id"], row["platform"], row["basis"], tuple(row["account_ids"])): (row["n_members"], row["people"])
        for row in signatures
    }
    assert len(got) == len(signatures), "each set stands once"
    assert got == {named: (n_members, float(people)) for named, (n_members, people) in wanted.items()}


@settings(max_examples=40, deadline=None)
@given(world=worlds())
def test_reach_is_plain_set_arithmetic_and_fair_share_the_shapley_value(world: World) -> None:
    _, reach, _ = run(world)
    rows = {(row["segment_id"], row["platform"], row["account_id"], row["basis"]): row for row in reach}
    wanted = {
        (segment, platform, account.account_id, basis): figures
        for segment in ("everyone", *SEGMENTS)
        for platform in PLATFORMS
        for basis in BASES
        for account, figures in _figures(world, segment, platform, basis)
    }
    assert len(rows) == len(reach)
    assert set(rows) == set(wanted)
    for name, figures in wanted.items():
        wrong = {column: (value, rows[name][column]) for column, value in figures.items()}
        wrong = {column: values for column, values in wrong.items() if not same(*values)}
        assert not wrong, f"{name}: {wrong}"


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Fraction) else value


def _figures(world: World, segment: str, platform: str, basis: str) -> list[tuple[Account, Row]]:
    """What mart.segment_reach must say of each open account of ours on a platform."""
    ours = world.open_own(platform)
    sets = world.sets(segment, platform, basis)
    everyone = world.sets("everyone", platform, basis)
    fair = shapley([account.account_id for account in ours], sets)
    everyone_people = total(everyone) if world.is_measured(platform, basis) and everyone else None
    found = []
    for account in ours:
        own = account.account_id
        data_on = world.data_on(account, basis)
        known = data_on is not None
        reach = total([one for one in sets if own in one[0]]) if known else None
        everybody = total([one for one in everyone if own in one[0]]) if known else None
        composition = ratio(reach, everybody)
        share = ratio(total(sets), everyone_people) if known else None
        figures = {
            "reach_people": whole(reach),
            "exclusive_people": whole(total([one for one in sets if one[0] == {own}])) if known else None,
            "fair_share_people": fair[own] if known else None,
            "segment_people": whole(total(sets)) if known else None,
            "account_people": whole(everybody),
            "everyone_people": whole(everyone_people),
            "coverage_share": ratio(reach, total(sets)),
            "composition_share": composition,
            "affinity_index": None if composition is None or not share else 100 * composition / share,
            "frequency": ratio(sum((len(one[0]) * one[1] for one in sets if own in one[0]), Fraction(0)), reach)
            if known
            else None,
            "data_on": data_on,
            "reach_reason": world.reason(account, basis),
        }
        found.append((account, {name: _plain(value) for name, value in figures.items()}))
    return found


@settings(max_examples=40, deadline=None)
@given(world=worlds())
def test_sizes_fair_shares_and_closures_agree_with_each_other(world: World) -> None:
    signatures, reach, sizes = run(world)
    size = {(row["segment_id"], row["platform"]): row for row in sizes}
    listed = [name for name in PLATFORMS if world.is_measured(name, "follower") and world.people("everyone", name)]
    assert set(size) == {(segment, platform) for segment in ("everyone", *SEGMENTS) for platform in listed}
    for (segment, platform), row in size.items():
        sets = world.sets(segment, platform, "follower")
        reached = [one for one in sets if one[0]]
        everyone_people = len(world.people("everyone", platform))
        assert row["segment_people"] == whole(total(sets))
        assert row["reached_people"] == whole(total(reached))
        assert row["everyone_people"] == everyone_people
        assert same(row["everyone_share"], float(total(sets) / everyone_people))
        shares = [
            one["fair_share_people"]
            for one in reach
            if (one["segment_id"], one["platform"], one["basis"]) == (segment, platform, "follower")
        ]
        assert same(sum(share for share in shares if share is not None), float(total(reached))), (
            "parts add up to net reach"
        )
        own = [
            (frozenset(one["account_ids"]), one["people"])
            for one in signatures
            if (one["segment_id"], one["platform"], one["basis"]) == (segment, platform, "follower")
        ]
        for closed in subsets([account.account_id for account in world.open_own(platform)]):
            lost = sum(people for reached_by, people in own if reached_by and reached_by <= closed)
            still = total([one for one in sets if one[0] - closed])
            assert same(float(lost), float(total(reached) - still))
    for row in reach:
        if row["reach_people"] is not None:
            assert row["exclusive_people"] <= row["fair_share_people"] + 0.5 + 1e-9
            assert row["fair_share_people"] <= row["reach_people"] + 0.5 + 1e-9
            assert row["reach_people"] <= row["segment_people"]
