"""Compare reach with plain set arithmetic on small generated worlds: signatures, sizes, fair shares, closures."""

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from itertools import chain, combinations, permutations
from math import ceil, floor, inf, sqrt
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
    "core.home_signature",
    "mart.reach_signature",
    "core.reach_interval",
    "core.hidden_engagement",
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
# From this seen share of interactions on what is hidden is extrapolated, and below this one it is said; another band.
BANDS = {"acts_extrapolated_from_share": 0.4, "acts_collected_at_least": 0.9, "another": 0.999}
COUNTED, HIDDEN = "acts not counted: at least this many", "acts collected in part: at least this many"
LIKELY = [Fraction(one) for one in ("1", "1", "0.9", "0.35", "0.5", "0.123457")]


@dataclass(frozen=True)
class Post:
    """One post: when it was posted, and how many more likes the platform counts than anybody saw; None: no count."""

    post_id: str
    posted: str
    n_more: int | None


@dataclass(frozen=True)
class Account:
    """One account: whether ours, whether open, the list of followers that came, where totals of it stand, its posts."""

    platform: str
    account_id: str
    is_own: bool
    is_open: bool
    list_scope: str
    totals: str | None
    posts: tuple[Post, ...] = ()


@dataclass(frozen=True)
class Hidden:
    """What nobody saw of an account's acts: how many, the seen share, and of a segment singles and the most people."""

    n_acts: int | None
    seen_share: Fraction | None
    singles: Fraction
    people: float


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
        """Whether an interaction with any account or a new follow shows that they are there."""
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
            if basis == "follower" and account.list_scope == "complete":
                return None
            if account.list_scope == "none" and basis != "engaged":
                return "no follower list: at least this many"
            if account.list_scope == "partial" and basis != "engaged":
                return "partial list: at least this many"
            if not acted:
                return "no engagement extract: at least this many"
            hidden = self.hidden(account, "everyone")
            if hidden.n_acts is None:
                return COUNTED
            return HIDDEN if hidden.seen_share is not None and hidden.seen_share < 0.9 else None
        if listed or acted:
            return "no follower list" if basis == "follower" else "no engagement extract"
        return "totals only" if account.totals or account.posts else "no extract"

    def status(self, account: Account, basis: str) -> str:
        """Whether an account's figures are exact, lower bounds or unknown."""
        if self.data_on(account, basis) is None:
            return "unknown"
        return "lower_bound" if self.reason(account, basis) else "exact"

    def lists(self, account: Account) -> dict[str, tuple[int, int | None]]:
        """Of each post whose likes matter: how many were seen, how many more the platform counts.

        A member's n-th act is a like of the post pn.
        """
        acts = [(n, when) for one in self.members for n, when in enumerate(one.acts.get(account, []))]
        posts = {post.post_id: post for post in account.posts}
        near = {f"p{n}" for n, when in acts if when in LATELY}
        near |= {post.post_id for post in account.posts if post.posted in LATELY}
        return {
            one: (sum(f"p{n}" == one for n, _ in acts), posts[one].n_more if one in posts else None) for one in near
        }

    def odds(self, account: Account) -> dict[str, tuple[int, Fraction]]:
        """Of each post with likes seen: how many, and how many are hidden for one of them."""
        lists = {one: (n, n + (more or 0)) for one, (n, more) in self.lists(account).items()}
        factor = [sum(n for _, n in lists.values()), sum(n for n_seen, n in lists.values() if n_seen)]
        return {
            one: (n_seen, Fraction(*factor) * Fraction(n, n_seen) - 1) for one, (n_seen, n) in lists.items() if n_seen
        }

    def hidden(self, account: Account, segment: str) -> Hidden:
        """Whom of a segment acts that nobody saw may show."""
        lists = self.lists(account).values()
        has_posts = bool(account.posts or account.totals == "core.post")
        is_counted = has_posts and all(more is not None for _, more in lists)
        n_seen = sum(n for n, _ in lists)
        n_all = n_seen + sum(more or 0 for _, more in lists)
        odds = self.odds(account)
        singles = []
        for one in self.people(segment, account.platform):
            of_member = [n for n, when in enumerate(one.acts.get(account, [])) if when in LATELY]
            if len(of_member) == 1:
                singles.append((one.counts(segment), odds[f"p{of_member[0]}"][1]))
        n_single = sum((part for part, _ in singles), Fraction(0))
        if not is_counted:
            return Hidden(None, None, n_single, inf)
        share = Fraction(n_seen, n_all) if n_all else None
        most = float(n_all - n_seen)
        if share is not None and share >= Fraction(2, 5):
            singles.append((Fraction(1), (n_all - n_seen) / Fraction(n_seen)))
            likely = sum(part * of_one for part, of_one in singles)
            error = 1.959963984540054 * sqrt(sum(part * of_one * (1 + of_one) for part, of_one in singles))
            most = min(float(likely) + error, most)
        return Hidden(n_all - n_seen, share, n_single, most)

    def active_followers(self, account: Account, segment: str) -> float:
        """How many followers of a segment may have acted, unseen, with other accounts of ours only."""
        others = [one for one in self.accounts if one.is_own and one.platform == account.platform and one != account]
        hidden = {one: self.hidden(one, "everyone") for one in others if self.data_on(one, "engaged")}
        if any(of.n_acts is None for of in hidden.values()):
            return inf
        odds_of = {one: self.odds(one) for one, of in hidden.items() if (of.seen_share or 0) >= Fraction(2, 5)}
        n_soft = sum(hidden[one].n_acts or 0 for one in odds_of)
        n_seen = sum(sum(n for n, _ in odds.values()) for odds in odds_of.values())
        n_hidden = sum(of.n_acts or 0 for of in hidden.values())
        stand_ins = [(Fraction(1), Fraction(n_soft, n_seen))] if n_seen else []
        for one in self.people(segment, account.platform):
            acts = [(by, n) for by, whens in one.acts.items() for n, when in enumerate(whens) if when in LATELY]
            if len(acts) == 1 and acts[0][0] in odds_of and one.follows.get(account) in ("now", "new"):
                by, n = acts[0]
                stand_ins.append((one.counts(segment), odds_of[by][f"p{n}"][1]))
        likely = float(n_hidden - n_soft + sum(part * odds for part, odds in stand_ins))
        error = 1.959963984540054 * sqrt(sum(part * odds * (1 + odds) for part, odds in stand_ins))
        return min(likely + error, n_hidden)

    def more(self, account: Account, segment: str, basis: str) -> float:
        """How many people of a segment nobody saw whom an account may reach, silent followers of it left out."""
        if self.data_on(account, basis) is None:
            return 0
        unlisted = {"complete": 0, "partial": inf, "none": inf}[account.list_scope] if basis != "engaged" else 0
        acted = self.data_on(account, "engaged")
        unseen = self.hidden(account, segment).people if acted else inf
        return unlisted + (0 if basis == "follower" else unseen)


@st.composite
def posts(draw: st.DrawFn) -> tuple[Post, ...]:
    """Draw the posts of an account with posts: two that people interact with, one whose likers were not requested."""
    whens = st.sampled_from([*ACTED])
    more = st.sampled_from([0, 0, 0, 1, 2, 6, 40]) if draw(st.integers(0, 5)) else st.sampled_from([0, None])
    return tuple(Post(one, draw(whens), draw(more)) for one in ("p0", "p1", "p9"))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw at most 6 accounts and 12 members; an account without a list has no followers we know of."""
    names = draw(
        st.lists(st.tuples(st.sampled_from(PLATFORMS), st.sampled_from("abcde")), min_size=1, max_size=6, unique=True)
    )
    mostly = st.sampled_from([True, True, True, False])
    scopes = st.sampled_from(["complete", "complete", "partial", "none"])
    totals = st.sampled_from([None, "core.account_day", "core.post"])
    came = st.one_of(posts(), posts(), st.just(()))
    accounts = [Account(*name, draw(mostly), draw(mostly), draw(scopes), draw(totals), draw(came)) for name in names]
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
        "ref.band": [{"band": band, "value": value} for band, value in BANDS.items()],
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
            + (_posts(world, one_table=table))
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
                "kind": "like",
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


def _posts(world: World, one_table: str) -> list[Row]:
    """Every post of every account, with the likes that its platform counts."""
    if one_table != "core.post":
        return []
    likes: dict[tuple[Account, str], int] = {}
    for one in world.members:
        for account, acts in one.acts.items():
            for n, _ in enumerate(acts):
                likes[account, f"p{n}"] = likes.get((account, f"p{n}"), 0) + 1
    return [
        {
            "platform": one.platform,
            "account_id": one.account_id,
            "post_id": post.post_id,
            "posted_at": ACTED[post.posted],
            "likes": None if post.n_more is None else likes.get((one, post.post_id), 0) + post.n_more,
            "replies": 0,
        }
        for one in world.accounts
        for post in one.posts
    ]


def run(world: World, n_models: int = len(MODELS)) -> tuple[list[Row], list[Row], list[Row]]:
    """Run the models, or the first few: signatures, reach, sizes."""
    with filled_bench(rows_of(world), AS_OF) as con:
        build(con, *MODELS[:n_models])
        return (
            select(con, "SELECT * FROM mart.reach_signature"),
            select(con, "SELECT * FROM mart.segment_reach"),
            select(con, "SELECT * FROM mart.segment_size"),
        )


def run_hidden(world: World) -> tuple[list[Row], list[Row], list[Row]]:
    """Run the models: what is hidden, what membership leaves open, reach."""
    with filled_bench(rows_of(world), AS_OF) as con:
        build(con, *MODELS[: MODELS.index("mart.segment_reach") + 1])
        return (
            select(con, "SELECT * FROM core.hidden_engagement"),
            select(con, "SELECT * FROM core.reach_interval WHERE account_id IS NOT NULL OR counted_as = 'segment'"),
            select(con, "SELECT * FROM mart.segment_reach"),
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
            "reach_status": world.status(account, basis),
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


@settings(max_examples=60, deadline=None)
@given(world=worlds())
def test_bounds_hold_the_people_behind_acts_that_nobody_saw(world: World) -> None:
    hidden, intervals, reach = run_hidden(world)
    found = {(row["segment_id"], row["platform"], row["account_id"]): row for row in hidden}
    own = [one for one in world.accounts if one.is_own and world.data_on(one, "engaged")]
    segments = ("everyone", *SEGMENTS)
    assert set(found) == {(segment, one.platform, one.account_id) for one in own for segment in segments}
    for one in own:
        for segment in segments:
            of, row = world.hidden(one, segment), found[segment, one.platform, one.account_id]
            assert row["n_hidden_acts"] == of.n_acts
            assert same(row["seen_act_share"], _plain(of.seen_share) if of.n_acts is not None else None)
            assert same(row["single_people"], float(of.singles))
            most = row["hidden_people_hi"]
            assert most is None if of.people == inf else abs(most - of.people) < 1e-6
            active_followers = world.active_followers(one, segment)
            most = row["awake_people_hi"]
            assert most is None if active_followers == inf else abs(most - active_followers) < 1e-6
    between = {
        (row["segment_id"], row["platform"], row["account_id"], row["basis"], row["counted_as"]): row
        for row in intervals
    }
    accounts = {(one.platform, one.account_id): one for one in world.accounts}
    for row in reach:
        if row["reach_people"] is not None:
            account = accounts[row["platform"], row["account_id"]]
            wrong = {
                name: (value, row[name])
                for name, value in _bounds(world, account, row, between).items()
                if not same(value, row[name])
            }
            assert not wrong, f"{row['segment_id']} {account} {row['basis']}: {wrong}"


def _bounds(world: World, account: Account, row: Row, between: dict[tuple[Any, ...], Row]) -> Row:
    """The bounds of one row of reach, from those that membership leaves open (test_interval_oracle)."""
    platform, segment, basis = account.platform, row["segment_id"], row["basis"]

    def end(counted_as: str, side: str, basis: str = basis) -> float:
        name = None if counted_as == "segment" else account.account_id
        of = between.get((segment, platform, name, basis, counted_as))
        return of[f"people{side}"] if of else 0.0

    others = [one for one in world.open_own(platform) if one != account]
    elsewhere = sum(world.more(one, segment, basis) for one in others)
    more, more_of_everyone = (_more_and_active(world, account, one, basis, between) for one in (segment, "everyone"))
    is_capped = basis == "follower" or account.list_scope == "complete"
    beyond = 0.0 if is_capped else world.hidden(account, segment).people if world.data_on(account, "engaged") else inf
    found: Row = {}
    for name, counted_as in (("reach", "reach"), ("exclusive", "exclusive"), ("fair_share", "fair share")):
        hi = end(counted_as, "_hi")
        cap = max(end("segment", "_hi"), hi) + beyond
        most = None if more == inf else min(hi + more, cap)
        found[f"{name}_people_hi"] = most if most is None or name == "fair_share" else ceil(round(most, 6))
    found["exclusive_people_lo"] = floor(round(max(end("exclusive", "_lo") - elsewhere, 0), 6))
    found["fair_share_people_lo"] = max(end("fair share", "_lo") - elsewhere / 2, 0)
    if more_of_everyone != inf and row["account_people"]:
        found["composition_share_lo"] = end("reach", "_lo") / (row["account_people"] + more_of_everyone)
    return found


def _more_and_active(
    world: World, account: Account, segment: str, basis: str, between: dict[tuple[Any, ...], Row]
) -> float:
    """The same with followers who seemed silent, and would not if acts with any account of ours had been seen."""
    more = world.more(account, segment, basis)
    if basis != "active" or world.data_on(account, "active") is None or not world.data_on(account, "engaged"):
        return more

    def people(of: str, column: str) -> float:
        row = between.get((segment, account.platform, account.account_id, of, "reach"))
        return row[column] if row else 0.0

    silent = max(people("follower", "people_hi") - people("active", "people") + people("engaged", "people"), 0)
    return more + min(world.active_followers(account, segment), silent)
