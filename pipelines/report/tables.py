"""The report's tables and cards: rows of text, every count of people passed through disclosure."""

import math
from typing import Any

import polars as pl

from pipelines.release import disclosure
from pipelines.release.cells import NOT_SHOWN
from pipelines.release.disclosure import MISSING, Limits, Shown
from pipelines.report import findings
from pipelines.report.labels import BASIS_TITLES, EVERYONE, PLATFORMS, counted, days, listed, platform_name, short_day

Row = dict[str, Any]
# What a reader calls the layers of the warehouse.
AREAS = {"raw": "data received", "core": "people and accounts", "mart": "results"}
NO_VERDICT: Row = {"text": MISSING, "trend": "", "kind": "few"}


def reach_tables(reach: pl.DataFrame, segment_id: str, order: list[str], limit: Limits) -> list[Row]:
    """One table per basis for a segment; platforms in the given order, then others; largest reach first."""
    tables = []
    for basis, title in BASIS_TITLES.items():
        rows = reach.filter((pl.col("segment_id") == segment_id) & (pl.col("basis") == basis)).to_dicts()
        if not rows:
            continue
        ranks = {platform: n for n, platform in enumerate(order)}
        rows.sort(
            key=lambda row: (
                ranks.get(row["platform"], len(ranks)),
                row["platform"],
                -(disclosure.people(row["reach_people"], limit).number or 0),
                row["name"],
                row["account_id"],
            )
        )
        tables.append(
            {
                "basis": basis,
                "title": title,
                "data": days(row["data_on"] for row in rows),
                "rows": [reach_row(row, limit, _n_known(rows, row["platform"])) for row in rows],
            }
        )
    return tables


def reach_row(row: Row, limit: Limits, n_accounts: int) -> Row:
    """One account's line, of so many on its platform: its figures, or why there are none."""
    account: Row = {
        "name": row["name"],
        "platform": platform_name(row["platform"]),
        "data": short_day(row["data_on"]),
    }
    if row["reach_people"] is None:
        return account | {"reason": row["reach_reason"] or "not known"}
    one = findings.shown(row, limit)
    fair = fair_share(row, limit, n_accounts)
    composition = disclosure.share(row["reach_people"], row["account_people"], limit)
    index = disclosure.affinity_index(
        row["reach_people"], row["account_people"], row["segment_people"], row["everyone_people"], limit
    )
    reached, coverage = _cell(one.people, one.is_partial), _cell(one.coverage, one.is_partial)
    reached["text"] += _interval(row, one.people, limit)
    return account | {
        "cells": [reached, _cell(one.exclusive), _cell(fair), coverage, _cell(composition), _cell(index)],
    }


def _interval(row: Row, people: Shown, limit: Limits) -> str:
    """The 95 % interval of reached people, where rounding leaves one and both its ends may be shown."""
    lo, hi = (disclosure.people(row.get(f"reach_people_{end}"), limit) for end in ("lo", "hi"))
    if people.number is None or lo.number is None or hi.number is None or lo.number == hi.number:
        return ""
    return f" ({lo.text} to {hi.text})"


def _n_known(rows: list[Row], platform: str) -> int:
    return sum(row["platform"] == platform and row["reach_people"] is not None for row in rows)


def fair_share(row: Row, limit: Limits, n_accounts: int) -> Shown:
    """Show a fair share unless it discloses a withheld count of people whom the account alone reaches.

    Of the others each counts for a half at the most and 1 / n at the least. A withheld count must be left as many
    values as rounding leaves a shown one.
    """
    fair = disclosure.people(row["fair_share_people"], limit)
    reach, alone = (disclosure.people(row[name], limit) for name in ("reach_people", "exclusive_people"))
    if fair.number is None or reach.number is None or alone.number is not None or n_accounts < 2:
        return fair
    off, shown_from = limit.step / 2, limit.suppressed_below
    fair_least, reach_least = (max(shown_from, shown - off) for shown in (fair.number, reach.number))
    least = max(0, math.ceil(2 * fair_least - (math.ceil(reach.number + off) - 1)))
    most = math.floor((n_accounts * (fair.number + off) - reach_least) / (n_accounts - 1))
    return fair if min(most, shown_from - 1) - least + 1 >= limit.step else disclosure.NOT_SHOWN


def size_sentence(sizes: pl.DataFrame, segment_id: str, order: list[str], limit: Limits) -> str:
    """Say how many of a segment were seen on each platform and how many of them any account reaches."""
    rows = {row["platform"]: row for row in sizes.filter(pl.col("segment_id") == segment_id).to_dicts()}
    sentences = []
    for platform in order:
        seen = disclosure.people(rows[platform]["segment_people"], limit)
        reached = disclosure.people(rows[platform]["reached_people"], limit)
        sentences.append(f"{platform_name(platform)}: {seen.text} seen, {reached.text} reached by any account of ours")
    if not sentences:
        return "We have no lists of people."
    return f"{'; '.join(sentences)}. Data of {days(row['data_on'] for row in rows.values())}."


def verdict_table(
    verdicts: pl.DataFrame, sizes: pl.DataFrame, segments: list[tuple[str, str]], limit: Limits
) -> list[Row]:
    """One row per account: a cell per segment with the verdict in words, and the trend where it has one.

    A segment too small to be shown has no verdict: a verdict would disclose whether it has anybody.
    """
    few = few_seen(sizes, limit)
    accounts: dict[tuple[str, str, str], dict[str, Row]] = {}
    for row in verdicts.to_dicts():
        is_few = (row["segment_id"], row["platform"]) in few
        accounts.setdefault((row["platform"], row["name"], row["account_id"]), {})[row["segment_id"]] = (
            {"text": f"{limit.words} seen", "trend": "", "kind": "few"} if is_few else _verdict_cell(row)
        )

    def rank(key: tuple[str, str, str]) -> tuple[Any, ...]:
        reaches = sum(cell["kind"] == "yes" for cell in accounts[key].values())
        return _platform_place(key[0]), key[0], -reaches, *key[1:]

    return [
        {
            "name": key[1],
            "platform": platform_name(key[0]),
            "cells": [accounts[key].get(segment_id, NO_VERDICT) for segment_id, _ in segments],
        }
        for key in sorted(accounts, key=rank)
    ]


def verdict_reasons(verdicts: pl.DataFrame, sizes: pl.DataFrame, limit: Limits) -> list[str]:
    """Say why verdicts are "cannot tell", the most frequent reason first, and how much more data would help."""
    few = few_seen(sizes, limit)
    reasons: dict[str, list[int | None]] = {}
    for row in verdicts.filter(pl.col("verdict") == "cannot tell").to_dicts():
        if (row["segment_id"], row["platform"]) not in few:
            reason = str(row["verdict_reason"] or "no reason given").split(". ")[0].rstrip(".")
            weeks = row["needed_weeks"] if row["active_people"] is not None else None
            reasons.setdefault(reason, []).append(weeks)
    sentences = []
    for reason, weeks in sorted(reasons.items(), key=lambda one: (-len(one[1]), one[0])):
        known = [n for n in weeks if n is not None]
        more = f" From {counted(min(known), 'week', 'weeks')} more of data, a verdict may be possible." if known else ""
        sentences.append(f"{counted(len(weeks), 'pair', 'pairs')} of account and segment: {reason}.{more}")
    return sentences


def scorecard(row: Row, limit: Limits) -> Row:
    """One account's card: pairs of a label and its figure, each with the day it is of."""
    as_of = short_day(row["as_of"])
    window = f"90 days to {as_of}"
    list_day = short_day(row["follower_list_on"])
    since = f"{short_day(row['earlier_list_on'])} to {list_day}"
    people = (
        ("Followers, our lists", disclosure.people(row["followers"], limit), list_day),
        ("Reached by it alone", disclosure.people(row["exclusive_people"], limit), list_day),
        ("Engaged", disclosure.people(row["engaged_people"], limit), window),
        ("Net change of followers", disclosure.change(row["net_new_followers"], limit), since),
        ("Share who left", _left_share(row, limit), since),
        (
            "Followers, the platform's count",
            disclosure.people(row["followers_reported"], limit),
            short_day(row["followers_reported_on"]),
        ),
    )
    records = (
        ("Posts", _number(row["n_posts"]), window),
        ("Likes, replies, reposts", _joined(row["n_likes"], row["n_replies"], row["n_reposts"]), window),
        ("Impressions", _number(row["n_impressions"]), window),
        ("Engagement rate by impressions", _rate(row["engagement_rate_by_impressions"]), window),
        ("Last post", short_day(row["last_posted_on"]), ""),
    )
    return {
        "name": row["name"] or row["handle"] or row["account_id"],
        "handle": row["handle"],
        "platform": platform_name(row["platform"]),
        "purpose": row["purpose"] or "",
        "is_open": row["is_open"],
        "data_basis": row["data_basis"],
        "usage_warnings": row["usage_warnings"],
        "figures": [_figure(label, one.text, on, one.is_suppressed) for label, one, on in people]
        + [_figure(label, text, on) for label, text, on in records],
    }


def scorecards(cards: pl.DataFrame, limit: Limits) -> list[Row]:
    """Every account's card, by platform, most followers first."""

    def rank(row: Row) -> tuple[Any, ...]:
        followers = disclosure.people(row["followers"], limit).number or 0
        return _platform_place(row["platform"]), row["platform"], -followers, str(row["name"]), row["account_id"]

    return [scorecard(row, limit) for row in sorted(cards.to_dicts(), key=rank)]


def failed_checks(checks: pl.DataFrame) -> list[Row]:
    """One row per check that did not hold, named for the part of the data it is about: not for a table."""
    failed = checks.filter(~pl.col("is_success")).to_dicts()
    return [
        {"area": AREAS[row["layer"]], "n_unexpected": _number(row["n_unexpected"]), "notes": row["notes"]}
        for row in failed
    ]


def checks_by_layer(checks: pl.DataFrame) -> str:
    """Say how many checks of each part of the data held."""
    parts = []
    for layer, area in AREAS.items():
        of_layer = checks.filter(pl.col("layer") == layer)
        if not of_layer.is_empty():
            parts.append(f"{area} {of_layer['is_success'].sum():,} of {of_layer.height:,}")
    return f"Checks that held: {', '.join(parts)}." if parts else ""


def delivery_rows(deliveries: pl.DataFrame) -> list[Row]:
    """One row per source; rows are records of an extract, not people, and are exact."""
    return [
        row
        | {"days": f"{short_day(row['first_on'])} to {short_day(row['last_on'])}"}
        | {name: _number(row[name]) for name in row if name.startswith("n_")}
        for row in deliveries.to_dicts()
    ]


def quarantine_rows(quarantine: pl.DataFrame) -> list[Row]:
    """One row per source, table and reason."""
    return [
        row | {"n_rows": _number(row["n_rows"]), "last_on": short_day(row["last_on"])} for row in quarantine.to_dicts()
    ]


def partial_list_rows(partial_lists: pl.DataFrame, limit: Limits) -> list[Row]:
    """One row per partial list; its entries are people or their interactions, and are shown like people."""
    return [
        {
            "name": row["name"],
            "platform": platform_name(row["platform"]),
            "list_kind": row["list_kind"],
            "on": short_day(row["snapshot_on"]),
            "collected": disclosure.people(row["n_collected"], limit).text,
            "reported": disclosure.people(row["n_reported"], limit).text,
            "reason": row["completeness_reason"],
        }
        for row in partial_lists.to_dicts()
    ]


def absent_sources_sentence(absent_sources: pl.DataFrame) -> str:
    """Say which sources had not landed when the night began."""
    absent = [
        f"{row['source']} ({'newest: ' + short_day(row['newest_on']) if row['newest_on'] else 'none received yet'})"
        for row in absent_sources.to_dicts()
    ]
    return f"No new data from: {', '.join(absent)}." if absent else ""


def restated_sentence(restatements: pl.DataFrame) -> str:
    """Say how many figures a later delivery gave another value."""
    if restatements.is_empty():
        return "No figure was given another value by a later delivery."
    total = counted(int(restatements["n_restated"].sum()), "figure was", "figures were")
    parts = [
        f"{row['n_restated']:,} of {row['metric']} on {platform_name(row['platform'])}"
        for row in restatements.to_dicts()
    ]
    latest = days([restatements["last_on"].max()])  # type: ignore[list-item]
    return f"{total} given another value by a later delivery, last on {latest}: {listed(parts)}."


def segment_order(reach: pl.DataFrame) -> list[tuple[str, str]]:
    """Segments (id, title) by title, everyone last: it is the baseline, not an answer."""
    found = reach.select("segment_id", "title").unique().iter_rows()
    return sorted(found, key=lambda one: (one[0] == EVERYONE, one[1], one[0]))


def _platform_place(platform: str) -> int:
    return list(PLATFORMS).index(platform) if platform in PLATFORMS else len(PLATFORMS)


def few_seen(sizes: pl.DataFrame, limit: Limits) -> set[tuple[str, str]]:
    """Segments and platforms of which too few people were seen to show any figure."""
    return {
        (row["segment_id"], row["platform"])
        for row in sizes.to_dicts()
        if disclosure.people(row["segment_people"], limit).is_suppressed
    }


def _verdict_cell(row: Row) -> Row:
    kinds = {"reaches": "yes", "no longer reaches": "no", NOT_SHOWN: "few"}
    trend = "" if row["trend"] == "cannot tell" else row["trend"]
    return {"text": row["verdict"], "trend": trend, "kind": kinds.get(row["verdict"], "open")}


def _left_share(row: Row, limit: Limits) -> Shown:
    """Share of the earlier list's people who left; the mart has the share, so both counts are worked back."""
    if row["churn_share"] is None or row["followers"] is None or row["net_new_followers"] is None:
        return disclosure.NOT_KNOWN
    earlier = row["followers"] - row["net_new_followers"]
    left = row["churn_share"] * earlier
    return disclosure.share(left if math.isnan(left) else round(left), earlier, limit)


def _cell(one: Shown, is_lower_bound: bool = False) -> Row:
    is_bound = is_lower_bound and one.number is not None
    return {"text": f"≥\u00a0{one.text}" if is_bound else one.text, "is_quiet": one.number is None}


def _figure(label: str, text: str, on: str, is_quiet: bool = False) -> Row:
    return {
        "label": label,
        "text": text,
        "on": on if text != MISSING else "",
        "is_quiet": is_quiet or text == MISSING,
    }


def _number(value: int | None) -> str:
    return MISSING if value is None else f"{value:,}"


def _joined(*values: int | None) -> str:
    return MISSING if all(value is None for value in values) else " / ".join(_number(value) for value in values)


def _rate(value: float | None) -> str:
    return MISSING if value is None else f"{100 * value:.1f}\u00a0%"
