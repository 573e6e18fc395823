"""What sets a community apart, in its own accounts and words, and a draft definition that a person may take up.

Over-representation is the log-odds ratio with an informative prior of Monroe, Colaresi & Quinn, "Fightin' Words"
(Political Analysis 2008, doi 10.1093/pan/mpn018), as in the expansion. Words are counted in bios and leave only as
totals of at least `LEAST_PEOPLE` people: no bio, no name, no pseudonym is ever returned.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import norm

from pipelines.common import database
from pipelines.common.errors import ModelError
from pipelines.common.query import query

LEAST_PEOPLE = 10
PRIOR = 500.0
WORDS_IN_DRAFT = 8
ACCOUNTS_IN_DRAFT = 10
TEMPORARY = ("account", "follow", "community_member", "word", "person", "used_account", "used_phrase", "audit")

# Words that say nothing about anybody; what is merely frequent, the comparison with everybody else takes out.
_SAYING_NOTHING = (
    "about account after all also always and any are back because been before being best but can com come day did "
    "does don down even ever every few first for from fun get good got great had has have her here him his http https "
    "how into its just know let life like live living lot love lover loves made make man many may men mine more most "
    "much new nor not now off official old once one only other our out over own page part people personal person "
    "please proud really retweet retweets same see she should since some still such take than that the their them "
    "then there these they thing things this those time too trying tweet tweets twitter two under until very via "
    "views want was way well were what when where which while who why will with woman women world would www year "
    "years yes you your "
)
STOP_WORDS = frozenset(_SAYING_NOTHING.split())

Floats = NDArray[np.float64]
Refused = Callable[[str], bool]


def nothing_refused(word: str) -> bool:
    """The default refusal list: an empty one."""
    return False


@dataclass(frozen=True)
class NamedAccount:
    """An account of a community. `people` follow it; None with `z` where they are fewer than the least."""

    account_id: str
    name: str
    people: int | None
    z: float | None


@dataclass(frozen=True)
class NamedWord:
    """A word that a community's people say more often than others: `people` of them, `z` standard errors more."""

    word: str
    people: int
    z: float


@dataclass(frozen=True)
class SegmentShare:
    """The part of a community's people (0-1) who are in a segment today."""

    segment_id: str
    share: float


@dataclass(frozen=True)
class Portrait:
    """What a community is: counts below the least are None, and then there is no draft.

    `people_share` is of all who follow any of the accounts. `is_new`: no segment holds more than `covered_share` of
    its people. `draft` is the text of a definition, `segment_id` its name.
    """

    accounts: tuple[NamedAccount, ...]
    people: int | None = None
    people_share: float | None = None
    words: tuple[NamedWord, ...] = ()
    segments: tuple[SegmentShare, ...] = ()
    is_new: bool | None = None
    segment_id: str | None = None
    draft: str | None = None


def rows(con: duckdb.DuckDBPyConnection, name: str, **variables: object) -> pl.DataFrame:
    """Run `sql/query/analysis/<name>.sql` with `suggest_*` variables; the rows are in no particular order.

    Raises `ModelError` without any value of a row where the query fails, `NoRoomError` where it does not fit.
    """
    with database.without_values(ModelError, f"analysis/{name}.sql"):
        _set(con, variables)
        found: pl.DataFrame = con.sql(query(f"analysis/{name}")).pl()
        return found


def keep(con: duckdb.DuckDBPyConnection, name: str, **variables: object) -> None:
    """Keep the rows of `sql/query/analysis/<name>.sql` in the temporary table `suggest_<name>`, for this run only."""
    with database.without_values(ModelError, f"analysis/{name}.sql"):
        _set(con, variables)
        con.execute(f"CREATE OR REPLACE TEMP TABLE suggest_{name} AS {query(f'analysis/{name}')}")


def hand_over(con: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    """Keep a small frame as the temporary table `suggest_<name>`."""
    con.register("suggest_frame", frame)
    con.execute(f"CREATE OR REPLACE TEMP TABLE suggest_{name} AS SELECT * FROM suggest_frame")
    con.unregister("suggest_frame")


def forget(con: duckdb.DuckDBPyConnection) -> None:
    """Drop what the run kept: follows by person, words by person."""
    for name in TEMPORARY:
        con.execute(f"DROP TABLE IF EXISTS temp.suggest_{name}")


def _set(con: duckdb.DuckDBPyConnection, variables: dict[str, object]) -> None:
    for name, value in variables.items():
        con.execute(f"SET VARIABLE suggest_{name} = $value", {"value": value})


def log_odds_z(inside: Floats, n_inside: Floats | float, total: Floats, n_total: float, prior: float = PRIOR) -> Floats:
    """Say by how many standard errors each item is over-represented inside, against everybody else.

    `inside` and `total` are counts per item (same shape), `n_inside` and `n_total` their sums over all items.
    delta = log-odds inside minus log-odds outside, each with alpha = prior * total / n_total added;
    var = 1 / (y_in + alpha) + 1 / (y_out + alpha); z = delta / sqrt(var). Monroe et al. 2008, eqs 16, 20, 22.
    """
    outside, n_outside = total - inside, n_total - n_inside
    alpha = prior * total / n_total
    odds_inside = np.log(inside + alpha) - np.log(n_inside + prior - inside - alpha)
    odds_outside = np.log(outside + alpha) - np.log(n_outside + prior - outside - alpha)
    z: Floats = (odds_inside - odds_outside) / np.sqrt(1 / (inside + alpha) + 1 / (outside + alpha))
    return z


@dataclass(frozen=True)
class PortraitLimits:
    """Which words are refused, the fewest people counted, and the share at which a segment covers a community."""

    is_refused: Refused
    least_people: int
    covered_share: float


def portraits(
    con: duckdb.DuckDBPyConnection,
    platform: str,
    accounts: pl.DataFrame,
    community_ids: Sequence[str],
    taken: set[str],
    limits: PortraitLimits,
) -> list[Portrait]:
    """Count each community of a platform and put it into words; `community_ids` are by community_number.

    `accounts` has account_number, account_id, name, followers, community_number (-1 for none); `suggest_follow` and
    `suggest_community_member` are kept. Names that are used for drafts are added to `taken`, the largest community
    choosing first.
    """
    keep(con, "word", platforms=[platform], least_people=limits.least_people)
    sizes = {number: (people, everybody) for number, people, everybody in rows(con, "community_size").iter_rows()}
    follows = rows(con, "account_count")
    all_follows = accounts.select("account_number", n_people=pl.col("followers"))
    words, all_words = rows(con, "word_count"), rows(con, "word_total")
    overlaps = rows(con, "segment_overlap", platform=platform).filter(pl.col("n_people") >= limits.least_people)
    found: dict[int, Portrait] = {}
    for number in sorted(range(len(community_ids)), key=lambda number: (-sizes.get(number, (0, 0))[0], number)):
        here = pl.col("community_number") == number
        people, everybody = sizes.get(number, (0, 0))
        named = named_accounts(accounts.filter(here), follows.filter(here), all_follows, limits.least_people)
        found[number] = Portrait(named)
        if people < limits.least_people:
            continue
        frequent = over_represented_words(words.filter(here), all_words, limits.least_people)
        frequent = tuple(word for word in frequent if not limits.is_refused(word.word))
        segments = _segment_shares(overlaps.filter(here), people)
        segment_id = draft = None
        if sum(account.z is not None for account in named) >= 2:
            segment_id, draft = draft_definition(platform, community_ids[number], people, named, frequent, taken)
            taken.add(segment_id)
        is_new = all(one.share <= limits.covered_share for one in segments)
        share = round(people / everybody, 4)
        found[number] = Portrait(named, people, share, frequent, segments, is_new, segment_id, draft)
    return [found[number] for number in range(len(community_ids))]


def _segment_shares(overlaps: pl.DataFrame, people: int) -> tuple[SegmentShare, ...]:
    """Give the segments that a community's people are in, the largest share first."""
    shares = [
        SegmentShare(segment_id, round(millionths / people / 1e6, 4))
        for segment_id, millionths in overlaps.select("segment_id", "people_millionths").iter_rows()
    ]
    return tuple(sorted(shares, key=lambda one: (-one.share, one.segment_id)))


def over_represented_words(counts: pl.DataFrame, totals: pl.DataFrame, least_people: int) -> tuple[NamedWord, ...]:
    """List the words that a community says more than others, the most telling first.

    `counts` (word, n_people) of the community's people, `totals` of everybody; a person counts once per word.
    Listed are words of at least `least_people` people whose z exceeds what the best of all tested words would reach
    by chance in one of twenty communities (Bonferroni).
    """
    counts = counts.filter(~pl.col("word").is_in(list(STOP_WORDS))).sort("word")
    totals = totals.filter(~pl.col("word").is_in(list(STOP_WORDS)))
    tested = counts.join(totals, on="word", suffix="_of_all").filter(pl.col("n_people") >= least_people).sort("word")
    if tested.is_empty():
        return ()
    z = log_odds_z(
        tested["n_people"].to_numpy().astype(np.float64),
        float(counts["n_people"].sum()),
        tested["n_people_of_all"].to_numpy().astype(np.float64),
        float(totals["n_people"].sum()),
    )
    least_z = float(norm.isf(0.05 / len(tested)))
    named = [
        NamedWord(word, int(people), round(float(score), 2))
        for word, people, score in zip(tested["word"], tested["n_people"], z, strict=True)
        if score > least_z
    ]
    return tuple(sorted(named, key=lambda one: (-one.z, one.word)))


def named_accounts(
    own: pl.DataFrame, counts: pl.DataFrame, totals: pl.DataFrame, least_people: int
) -> tuple[NamedAccount, ...]:
    """List a community's accounts, the most telling first.

    `own` (account_number, account_id, name) are its accounts; `counts` (account_number, n_people) what its people
    follow, `totals` what everybody does.
    """
    table = own.join(counts, on="account_number", how="left").join(
        totals, on="account_number", how="left", suffix="_of_all"
    )
    inside = table["n_people"].fill_null(0).to_numpy().astype(np.float64)
    total = table["n_people_of_all"].to_numpy().astype(np.float64)
    z = log_odds_z(inside, float(counts["n_people"].sum()), total, float(totals["n_people"].sum()))
    named = [
        NamedAccount(account_id, name, int(people), round(float(score), 2))
        if people >= least_people
        else NamedAccount(account_id, name, None, None)
        for account_id, name, people, score in zip(table["account_id"], table["name"], inside, z, strict=True)
    ]
    return tuple(sorted(named, key=lambda one: (-(one.z if one.z is not None else -np.inf), one.account_id)))


def segment_name(words: Sequence[str], account_names: Sequence[str], fallback: str, taken: Collection[str]) -> str:
    """Make a segment id, [a-z][a-z0-9_]*, of the two most telling words, else of the first account's name."""
    for parts in (list(words[:2]), list(account_names[:1]), [fallback]):
        plain = unicodedata.normalize("NFKD", "_".join(parts)).encode("ascii", "ignore").decode().lower()
        name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_").lstrip("0123456789_")[:40].rstrip("_")
        if name:
            break
    else:
        name = "community"
    numbered = (name if n == 1 else f"{name}_{n}" for n in range(1, len(taken) + 2))
    return next(one for one in numbered if one not in taken)


WORD_RULE = """  - rule_id: bio_words
    match: any_word
    values: [{values}]
    weight: 1
    why: "Words that these people say more often of themselves than others do; take out what means more."
"""
DRAFT = """# Suggested from {people} people on {platform} who follow the same accounts (community {community_id}).
# Nothing uses this until a person has read it, filled it in and put it among the segments.
segment_id: {segment_id}
title: {title}
question: {question}
owner: "(who answers for it)"
status: draft
policy_weight: 1
rules:
{word_rule}  - rule_id: follows_its_accounts
    match: follows_at_least
    k: 2
    values:
{values}
    weight: 1
    why: "Two or more of the accounts that these people share; one alone may be chance."
exclude: []
evidence: {{threshold: 1, expansion: rules_only}}
seeds:
{seeds}
examples: []  # to be written by the analyst: three people who are in and three who are out, made up
warnings: [suggested]
"""


def draft_definition(
    platform: str,
    community_id: str,
    people: int,
    accounts: Sequence[NamedAccount],
    words: Sequence[NamedWord],
    taken: Collection[str],
) -> tuple[str, str]:
    """Write a definition for a person to finish, refuse or rewrite: segment id and YAML text.

    Its rules hold the community's most telling words and accounts. It names accounts and words, never a person.
    """
    chosen = [word.word for word in words[:WORDS_IN_DRAFT]]
    named = [account for account in accounts if account.z is not None][:ACCOUNTS_IN_DRAFT]
    names = [_one_line(account.name) for account in named]
    segment_id = segment_name(chosen, names, community_id, taken)
    text = DRAFT.format(
        people=people,
        platform=platform,
        community_id=community_id,
        segment_id=segment_id,
        title=_quoted(f"Suggested: {', '.join(chosen[:3] or names[:3])}"),
        question=_quoted(f"Which of our accounts still reach people who follow {_listed(names[:3])}?"),
        word_rule=WORD_RULE.format(values=", ".join(map(_quoted, chosen))) if chosen else "",
        values="\n".join(_account_lines(platform, named, "      ")),
        seeds="\n".join(_account_lines(platform, named, "  ")),
    )
    return segment_id, text


def _account_lines(platform: str, accounts: Sequence[NamedAccount], indent: str) -> list[str]:
    return [
        f"{indent}- {_quoted(f'{platform}:{account.account_id}')}  # {_one_line(account.name)}" for account in accounts
    ]


def _quoted(text: str) -> str:
    """A YAML scalar that can mean nothing else: JSON's strings are YAML's."""
    return json.dumps(text, ensure_ascii=False)


def _one_line(text: str) -> str:
    """A name as a comment can carry it: no line breaks, nothing that does not print."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
