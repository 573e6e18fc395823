"""The measures that decisions rest on: what each is called, its stage, its unit, and where it comes from.

Stages are those of the Government Communication Service's evaluation cycle: output (what was sent and whom it
could reach), outtake (what people did with it), outcome (what they did for themselves and the body), impact.
A measure is of an account as a whole, of one community of its audience, or both. There is no composite score.
"""

from collections.abc import Mapping
from dataclasses import dataclass

OUTPUT, OUTTAKE, OUTCOME, IMPACT = "output", "outtake", "outcome", "impact"
STAGES = (OUTPUT, OUTTAKE, OUTCOME, IMPACT)

PEOPLE = "people"
SHARE_OF_PEOPLE = "share of people"
SHARE_OF_TEXTS = "share of texts"
CHANGE = "change as a share"
RATE = "rate"
NUMBER = "number"
DAYS = "days"
YES_OR_NO = "yes or no"


@dataclass(frozen=True)
class Measure:
    """One measure: its unit, its words for people, the table it is read from, and of what it is known.

    `kinds`: the kinds of data it rests on, as in meta.freshness; where one of them is late there is no figure.
    """

    stage: str
    unit: str
    title: str
    source: str
    kinds: tuple[str, ...] = ()
    of_account: bool = True
    of_segment: bool = False
    has_interval: bool = False


def _both(stage: str, unit: str, title: str, source: str, *, kinds: tuple[str, ...], interval: bool = True) -> Measure:
    return Measure(stage, unit, title, source, kinds, of_segment=True, has_interval=interval)


def _segment(stage: str, unit: str, title: str, source: str, *, interval: bool = False) -> Measure:
    return Measure(stage, unit, title, source, ACTIVE, of_account=False, of_segment=True, has_interval=interval)


def _account(
    stage: str, unit: str, title: str, source: str, *, kinds: tuple[str, ...] = (), interval: bool = False
) -> Measure:
    return Measure(stage, unit, title, source, kinds, has_interval=interval)


# Who is active is known from follower lists and from what people do.
FOLLOWERS, POSTS, ENGAGEMENT, CONTACT = ("follower",), ("post",), ("engagement",), ("contact",)
ACTIVE = (*FOLLOWERS, *ENGAGEMENT)

SCORECARD, REACH, CLOSURE = "mart.account_scorecard", "mart.segment_reach", "mart.closure_effect"
VERDICT, QUALITY, MODERATION = "mart.reach_verdict", "mart.interaction_quality", "mart.moderation_load"
COUNTS = "core.interaction_count"
VISITORS, CONTACTS, TREND = "mart.visitor_reach", "core.contact", "mart.reach_trend"

# In the order in which a page shows them.
MEASURES: Mapping[str, Measure] = {
    "followers": _account(OUTPUT, PEOPLE, "followers", SCORECARD, kinds=FOLLOWERS),
    "followers_change_share": _both(
        OUTPUT, CHANGE, "change of followers, up to half a year", TREND, kinds=FOLLOWERS, interval=False
    ),
    "reach_people": _both(OUTPUT, PEOPLE, "people who follow it", REACH, kinds=FOLLOWERS),
    "n_posts": _account(OUTPUT, NUMBER, "posts in 90 days", SCORECARD, kinds=POSTS),
    "posts_per_week": _account(OUTPUT, RATE, "posts a week", SCORECARD, kinds=POSTS),
    "days_since_post": _account(OUTPUT, DAYS, "days since its last post", SCORECARD, kinds=POSTS),
    "active_people": _both(OUTTAKE, PEOPLE, "people it reaches who are active", REACH, kinds=ACTIVE),
    "coverage_share": _segment(
        OUTTAKE, SHARE_OF_PEOPLE, "active people it reaches, of the community", REACH, interval=True
    ),
    "reaches": _segment(OUTTAKE, YES_OR_NO, "still reaches the community", VERDICT),
    "n_segments_reached": _account(OUTTAKE, NUMBER, "communities it still reaches", VERDICT, kinds=ACTIVE),
    "n_segments_no_longer": _account(OUTTAKE, NUMBER, "communities it no longer reaches", VERDICT, kinds=ACTIVE),
    "activity_change_share": _segment(OUTTAKE, CHANGE, "change of active people a week", VERDICT, interval=True),
    "is_falling": _segment(OUTTAKE, YES_OR_NO, "its weekly activity falls", VERDICT),
    "lost_people": _both(OUTTAKE, PEOPLE, "active people lost if it closes", CLOSURE, kinds=ACTIVE),
    "lost_share": _both(OUTTAKE, SHARE_OF_PEOPLE, "active reach lost if it closes", CLOSURE, kinds=ACTIVE),
    "alone_share": _account(
        OUTTAKE, SHARE_OF_PEOPLE, "its active people whom no other account reaches", CLOSURE, kinds=ACTIVE
    ),
    "overlap_of_base": _account(
        OUTTAKE, SHARE_OF_PEOPLE, "its active people whom the next account reaches too", CLOSURE, kinds=ACTIVE
    ),
    "visitor_share": _both(
        OUTTAKE, SHARE_OF_PEOPLE, "visitors, of its active people with a known home", VISITORS, kinds=ACTIVE
    ),
    "engaged_people": _account(OUTTAKE, PEOPLE, "people who engaged in 90 days", SCORECARD, kinds=ENGAGEMENT),
    "conversation": _account(OUTTAKE, RATE, "replies, quotes and mentions a post", QUALITY, kinds=ENGAGEMENT + POSTS),
    "amplification": _account(OUTTAKE, RATE, "reposts a post", QUALITY, kinds=ENGAGEMENT + POSTS),
    "hostile_share": _account(
        OUTTAKE, SHARE_OF_TEXTS, "hostile, of what people write to it", COUNTS, kinds=ENGAGEMENT, interval=True
    ),
    "texts_per_week": _account(OUTTAKE, RATE, "texts a week to moderate", MODERATION, kinds=ENGAGEMENT),
    "contacts_per_month": _account(OUTCOME, RATE, "contacts a month that name it", CONTACTS, kinds=CONTACT),
    "contacts_per_1000_reached": _account(
        OUTCOME, RATE, "contacts a month for 1,000 active people reached", CONTACTS,
        kinds=CONTACT + ACTIVE, interval=True,
    ),
    "contacts_change_share": _account(
        OUTCOME, CHANGE, "change of contacts that name it", CONTACTS, kinds=CONTACT, interval=True
    ),
    "impact": _account(IMPACT, NUMBER, "change in safety or trust", "none"),
}  # fmt: skip


def known_measures() -> tuple[str, ...]:
    """The names that a rule may use."""
    return tuple(name for name in MEASURES if name != "impact")
