"""A night's and a review's counts as the release of the same snapshot shows them.

What the release withholds, for its own size or for another count's sake, the report and the review withhold too; what
it keeps from the release before, they keep. Figures that no released table holds (sets of accounts, weeks, visitors)
are withheld where the count that they are a part of is.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from pipelines.release.cells import EVERYONE, NOT_SHOWN, Cell
from pipelines.release.disclosure import Limits
from pipelines.release.released_counts import ReleasedCounts
from pipelines.report.answers import Answers
from pipelines.report.figures import Night
from pipelines.report.labels import ACTIVE, ENGAGED, FOLLOWER

Row = dict[str, Any]
Change = Callable[[Row], Row]
HOME_AREA, UNKNOWN = "home area", "unknown"
WIDTH_STEP = 0.05
MANY_ACCOUNTS = 6  # from here on, attacks on fair shares narrowed nothing (tests/release/test_attack.py)
OF_ACCOUNT = ("reach", "exclusive", "kept")
PLACE = ("segment_id", "platform", "basis")
WITHHELD = math.nan  # `disclosure.people` says "not shown" of it

# Measures of decision evidence that count the people of a cell: measure and basis of the cell.
PEOPLE: Mapping[str, tuple[str, str]] = {
    "followers": ("reach", FOLLOWER),
    "reach_people": ("reach", FOLLOWER),
    "active_people": ("reach", ACTIVE),
    "lost_people": ("exclusive", ACTIVE),
    "engaged_people": ("reach", ENGAGED),
}
# Those that are a share: the cells of the part and of the whole.
SHARES: Mapping[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "coverage_share": (("reach", ACTIVE), ("segment", "")),
    "lost_share": (("exclusive", ACTIVE), ("reached", ACTIVE)),
    "alone_share": (("exclusive", ACTIVE), ("reach", ACTIVE)),
}
# Those that are of the people whom an account reaches, and count others than a cell does.
OF_REACH: Mapping[str, str] = {
    "followers_change_share": FOLLOWER,
    "activity_change_share": ACTIVE,
    "is_falling": ACTIVE,
    "overlap_of_base": ACTIVE,
    "visitor_share": ACTIVE,
}


def night(exact: Night, counts: ReleasedCounts, limit: Limits) -> Night:
    """Give a night of exact counts with the release's counts in their place."""
    return replace(
        exact,
        reach=_changed(exact.reach, lambda row: reach(row, counts)),
        signatures=signatures(exact.signatures, counts, limit),
        sizes=_changed(exact.sizes, lambda row: _size(row, counts)),
        scorecards=_changed(exact.scorecards, lambda row: _scorecard(row, counts)),
        answers=_answers(exact.answers, counts, limit),
    )


def losses(row: Row, counts: ReleasedCounts) -> Row:
    """Give a row of `mart.closure_effect` with the release's counts; visitors go with the people lost."""
    lost = _cell("exclusive", row)
    people, is_shown = counts.count(lost, row["lost_people"]), counts.are_shown(lost)
    return {
        "reach_people": counts.count(_cell("reach", row), row["reach_people"]),
        "net_reach_people": counts.count(_cell("reached", row), row["net_reach_people"]),
        "lost_people": people,
        "lost_visitor_people": row["lost_visitor_people"] if is_shown else people,
    }


def fact(row: Row, counts: ReleasedCounts) -> Row:
    """Give a row of `mart.decision_evidence` with the release's counts; a share is the ratio of the released two."""
    place = {"segment_id": row["segment_id"] or EVERYONE, "platform": row["platform"], "account_id": row["account_id"]}
    if row["value"] is None:
        return {}
    if found := PEOPLE.get(row["measure"]):
        cell = _cell(found[0], place, found[1])
        lo, hi = counts.interval(cell, (row["value_lo"], row["value_hi"]))
        return {"value": counts.count(cell, row["value"]), "value_lo": lo, "value_hi": hi}
    if found_share := SHARES.get(row["measure"]):
        part, whole = (_cell(measure, place, basis) for measure, basis in found_share)
        base = counts.count(whole, row["n_base"])
        bounds = counts.interval(part, (_times(row["value_lo"], row["n_base"]), _times(row["value_hi"], row["n_base"])))
        return {
            "value": _ratio(counts.count(part, row["value"] * row["n_base"]), base),
            "value_lo": _ratio(bounds[0], base),
            "value_hi": _ratio(bounds[1], base),
            "n_base": base,
        }
    if row["measure"] == "reaches" and not counts.are_shown(_cell("reach", place, ACTIVE), _cell("segment", place)):
        return {"value": WITHHELD}
    if row["measure"] in OF_REACH and not counts.are_shown(_cell("reach", place, OF_REACH[row["measure"]])):
        return {"value": WITHHELD, "value_lo": None, "value_hi": None}
    return {}


def decision(row: Row, counts: ReleasedCounts) -> Row:
    """Give a row of `mart.decision` with the released count of people lost, where one account alone would close."""
    if row["closes_with"]:
        return {}
    return {"lost_people": counts.count(_cell("exclusive", row | {"segment_id": EVERYONE}, ACTIVE), row["lost_people"])}


def _cell(measure: str, row: Mapping[str, Any], basis: str | None = None, **fixed: str) -> Cell:
    """The cell of a row; a segment's size is of no account and no basis, what any account reaches of no account."""
    place = {"segment_id": row.get("segment_id") or EVERYONE, "platform": row["platform"]} | fixed
    if measure != "segment":
        place["basis"] = row["basis"] if basis is None else basis
        if measure != "reached":
            place["account_id"] = row["account_id"]
    return Cell(measure, **place)


def reach(row: Row, counts: ReleasedCounts) -> Row:
    """Give a row of `mart.segment_reach` with the release's counts and bounds."""
    reached, exclusive, segment = (_cell(one, row) for one in ("reach", "exclusive", "segment"))
    changed: Row = {
        "reach_people": counts.count(reached, row["reach_people"]),
        "exclusive_people": counts.count(exclusive, row["exclusive_people"]),
        "segment_people": counts.count(segment, row["segment_people"]),
        "account_people": counts.count(_cell("reach", row, segment_id=EVERYONE), row["account_people"]),
        "everyone_people": counts.count(_cell("segment", row, segment_id=EVERYONE), row["everyone_people"]),
        # Between whom an account alone reaches and all it reaches: either could be computed from it.
        "fair_share_people": _unless(_may_tell_shares(row, counts), row["fair_share_people"]),
    }
    if counts.n_accounts[reached.place] == 1:  # a lone account's share is all it reaches
        changed["fair_share_people"] = changed["reach_people"]
    for name, cell in (("reach", reached), ("exclusive", exclusive), ("segment", segment)):
        bounds = (f"{name}_people_lo", f"{name}_people_hi")
        if set(bounds) <= set(row):
            lo, hi = bounds
            changed |= dict(zip(bounds, counts.interval(cell, (row[lo], row[hi])), strict=True))
    return changed


def _may_tell_shares(row: Row, counts: ReleasedCounts) -> bool:
    """Whether a fair share discloses no withheld count.

    Among few accounts, what one shares discloses what another shares: nothing may be withheld of any, nor of homes.
    """
    place = _cell("reach", row).place
    if counts.n_accounts[place] < MANY_ACCOUNTS:
        return place not in counts.withheld_places and _cell("reach", row) not in counts.withheld_homes
    reached, exclusive = (_cell(name, row) for name in ("reach", "exclusive"))
    few = counts.cells.get(exclusive)
    return counts.are_shown(reached) and (few is None or few.state != NOT_SHOWN)


def signatures(frame: pl.DataFrame, counts: ReleasedCounts, limit: Limits) -> pl.DataFrame:
    """A set of one account is whom it alone reaches; a larger set is withheld with any of its accounts' counts.

    A small set keeps its count, for the sum of "other sets", but is never large enough to be shown by itself.

    There are as many rows as sets of accounts, so this is done on columns.
    """
    if not counts.cells:
        return frame
    numbered = frame.with_row_index("n")
    each = (
        numbered.select("n", *PLACE, pl.col("account_ids").alias("account_id"), "account_people")
        .explode("account_id", "account_people", empty_as_null=False)
        .join(_accounts(counts), on=(*PLACE, "account_id"), how="left", maintain_order="left")
    )
    of_set = each.group_by("n", maintain_order=True).agg(
        pl.coalesce("reach", pl.col("account_people").cast(pl.Float64)).alias("account_people"),
        pl.col("exclusive").first(),
        pl.col("is_withheld").any(),
    )
    size = pl.col("account_ids").list.len()
    made = numbered.drop("account_people").join(of_set, on="n", how="left", maintain_order="left")
    least = limit.suppressed_below
    made = made.with_columns(
        pl.when((size == 1) & (pl.col("exclusive") < least))
        .then(pl.min_horizontal(pl.col("people").cast(pl.Float64), pl.lit(least - 1.0)))
        .when(size == 1)
        .then(pl.coalesce("exclusive", pl.col("people").cast(pl.Float64)))
        .when(pl.col("is_withheld").fill_null(False))
        .then(WITHHELD)
        .otherwise(pl.col("people").cast(pl.Float64))
        .alias("people"),
        pl.col("account_people").fill_null(pl.lit([], dtype=pl.List(pl.Float64))),
    )
    return _with_wholes(made, counts).select(frame.columns)


def _accounts(counts: ReleasedCounts) -> pl.DataFrame:
    """One row per segment, platform, basis and account: its released reach and exclusive people."""
    rows = [
        {name: getattr(cell, name) for name in (*PLACE, "account_id")}
        | {name: counts.count(cell.of(measure=name), WITHHELD) for name in ("reach", "exclusive")}
        | {"is_withheld": not counts.are_shown(*(cell.of(measure=name) for name in OF_ACCOUNT))}
        for cell in counts.cells
        if cell.measure == "reach"
    ]
    return pl.DataFrame(rows)


def _with_wholes(signatures: pl.DataFrame, counts: ReleasedCounts) -> pl.DataFrame:
    """Set the size of the segment, and the people whom no account reaches: its size less all reached, as released."""
    places = signatures.select(*PLACE).unique().to_dicts()
    found = []
    for row in places:
        segment, reached = _cell("segment", row), _cell("reached", row)
        whole, all_reached = (counts.count(one, WITHHELD) or 0.0 for one in (segment, reached))
        nobody = max(0.0, whole - all_reached) if counts.are_shown(segment, reached) else WITHHELD
        found.append(row | {"whole": whole, "nobody": nobody})
    is_nobody = pl.col("account_ids").list.len() == 0
    return signatures.join(pl.DataFrame(found), on=PLACE, how="left", maintain_order="left").with_columns(
        pl.when(is_nobody).then("nobody").otherwise("people").alias("people"),
        pl.col("whole").alias("segment_people"),
    )


def _size(row: Row, counts: ReleasedCounts) -> Row:
    return {
        "segment_people": counts.count(_cell("segment", row), row["segment_people"]),
        "reached_people": counts.count(_cell("reached", row, FOLLOWER), row["reached_people"]),
        "everyone_people": counts.count(_cell("segment", row, segment_id=EVERYONE), row["everyone_people"]),
    }


def _scorecard(row: Row, counts: ReleasedCounts) -> Row:
    followers = _cell("reach", row, FOLLOWER)
    return {
        "followers": counts.count(followers, row["followers"]),
        "exclusive_people": counts.count(_cell("exclusive", row, FOLLOWER), row["exclusive_people"]),
        "engaged_people": counts.count(_cell("reach", row, ENGAGED), row["engaged_people"]),
        "net_new_followers": _unless(counts.are_shown(followers), row["net_new_followers"]),
    }


def visitor(row: Row, counts: ReleasedCounts, limit: Limits) -> Row:
    """Give a row of `mart.visitor_reach` with the release's counts.

    Visitors are those reached, less the locals and those whose home is not known, all three as released: bands too
    small to be shown lose nobody, and nothing is disclosed beyond the three. The interval is as wide as the
    mart's and what rounding can move the share by, rounded up to `WIDTH_STEP`.
    """
    cells = [_cell("reach", row), *(_cell("home", row)._replace(home_band=one) for one in (HOME_AREA, UNKNOWN))]
    reached = counts.count(cells[0], row["reach_people"])
    if row["visitor_people"] is None or cells[0] not in counts.cells:
        return {"reach_people": reached}
    home, unknown = (counts.count(cell, WITHHELD) for cell in cells[1:])
    known = (reached or 0.0) - (unknown or 0.0)
    visitors = known - (home or 0.0)
    if not visitors >= limit.suppressed_below:  # NaN where one of the three is withheld
        is_few = not math.isnan(visitors)
        return {"reach_people": reached, "visitor_people": 0.0 if is_few else WITHHELD, "home_people": home}
    made: Row = {"reach_people": reached, "visitor_people": visitors, "home_people": home}
    share, lo, hi = (row[f"visitor_share{end}"] for end in ("", "_lo", "_hi"))
    if share is None:
        return made
    n_few = sum(one == 0 for one in (home, unknown))
    released, off = visitors / known, (len(cells) * limit.step / 2 + n_few * limit.suppressed_below) / known
    less, more = (math.ceil((width + off) / WIDTH_STEP) * WIDTH_STEP for width in (share - lo, hi - share))
    return made | {
        "visitor_share": released,
        "visitor_share_lo": max(0.0, released - less),
        "visitor_share_hi": min(1.0, released + more),
    }


def _answers(exact: Answers, counts: ReleasedCounts, limit: Limits) -> Answers:
    def trend(row: Row) -> Row:
        is_shown = counts.are_shown(_cell("reach", row, ACTIVE))
        return {"active_people": _unless(is_shown, row["active_people"])}

    def home(row: Row) -> Row:
        cell = _cell("home", row)._replace(home_band=row["home_band"])
        return {"people": counts.count(cell, row["people"])}

    def interaction(row: Row) -> Row:
        is_shown = counts.are_shown(_cell("reach", row, ENGAGED))
        return {"engaged_people": _unless(is_shown, row["engaged_people"])}

    def verdict(row: Row) -> Row:
        is_shown = counts.are_shown(_cell("reach", row, ACTIVE), _cell("segment", row))
        return {} if is_shown else {"verdict": NOT_SHOWN, "trend": "cannot tell"}

    def kept(row: Row) -> Row:
        return {"net_reach_people": counts.count(_cell("reached", row, ACTIVE), row["net_reach_people"])}

    return replace(
        exact,
        trend=_changed(exact.trend, trend),
        homes=_changed(exact.homes, home),
        visitors=_changed(exact.visitors, lambda row: visitor(row, counts, limit)),
        interactions=_changed(exact.interactions, interaction),
        frontier=_changed(exact.frontier, kept),
        verdicts=_worded(exact.verdicts, verdict),
    )


def _changed(frame: pl.DataFrame, change: Change) -> pl.DataFrame:
    """A frame with some columns of each row changed; counts become floats, because NaN is none of the integers."""
    rows = frame.to_dicts()
    changes = [change(row) for row in rows]
    names = sorted({name for one in changes for name in one})
    return frame.with_columns(
        _column(name, [{**row, **one}[name] for row, one in zip(rows, changes, strict=True)]) for name in names
    )


def _worded(frame: pl.DataFrame, change: Change) -> pl.DataFrame:
    """A frame with some words of some rows changed; its types stay."""
    rows = frame.to_dicts()
    return pl.DataFrame([row | change(row) for row in rows], schema=frame.schema) if rows else frame


def _column(name: str, values: Iterable[Any]) -> pl.Series:
    found = list(values)
    is_list = any(isinstance(one, list) for one in found)
    return pl.Series(name, found, dtype=pl.List(pl.Float64) if is_list else pl.Float64)


def _unless(is_shown: bool, exact: float | None) -> float | None:
    return exact if is_shown or exact is None else WITHHELD


def _times(share: float | None, base: float | None) -> float | None:
    return None if share is None or base is None else share * base


def _ratio(part: float | None, whole: float | None) -> float | None:
    if part is None or whole is None:
        return None
    return part / whole if whole else WITHHELD
