"""The review: for each account the action, its evidence, who is lost, and room to dissent; one sheet of A4 each.

The page loads nothing from outside, and any browser prints it or saves it as a PDF. The same snapshots and bands give
the same bytes.
"""

import base64
import re
import shutil
from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipelines.common.disk import for_group, group_folder
from pipelines.common.errors import SettingsError
from pipelines.common.settings import Settings
from pipelines.common.visible import visible
from pipelines.reach.decision_rule import ACTIONS
from pipelines.reference import files
from pipelines.release import disclosure, released_counts
from pipelines.release.disclosure import Limits
from pipelines.release.released_counts import NO_RELEASE, ReleasedCounts
from pipelines.report import canvas, review_chart, review_data, review_parts
from pipelines.report.labels import day, days, listed, platform_name, short_day
from pipelines.report.review_data import Decided, Review
from pipelines.warehouse import pseudonym, publish
from pipelines.warehouse.state import snapshot_path

TEMPLATES = Path(__file__).parent
OURS = re.compile(r"index\.html|lost-if-closed\.(png|svg)")
PICTURE = "lost-if-closed"

Row = dict[str, Any]


def write_review(
    snapshot: Path,
    folder: Path,
    bands: Mapping[str, float],
    earlier: Path | None = None,
    group: int | None = None,
    counts: ReleasedCounts = NO_RELEASE,
) -> Path:
    """Write the review of a published snapshot into a folder that `group` may read, and give the path of its page.

    `earlier` is the snapshot to say what changed since, `counts` are the counts of the snapshot's release: what that
    withholds, the review withholds too. The folder is written beside itself and put in place whole.
    Raises `PublishError` or `ModelError` for an unusable snapshot, `RefError` for unusable bands, `SettingsError` where
    the folder holds anything that is not a review's.
    """
    if folder.is_dir() and not all(OURS.fullmatch(one.name) for one in folder.iterdir()):
        raise SettingsError(str(folder), "holds files that are not a review's", hint="move them elsewhere")
    limit = disclosure.limits(bands)
    review = review_data.read_review(snapshot, earlier, counts)
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    page = render(review, unfinished, limit)
    (unfinished / "index.html").write_text(page, encoding="utf-8", newline="\n")
    for_group(unfinished, group)
    publish.put_in_place(unfinished, folder)
    return folder / "index.html"


def review_snapshot(settings: Settings, snapshot_id: str) -> Path:
    """Write the review of a published snapshot where reviews are kept, compared with the last earlier day's.

    Raises as `write_review` does.
    """
    group_folder(settings.reports, settings.group)
    path, bands, as_of = snapshot_path(settings, snapshot_id), files.read_bands(settings), snapshot_id[:10]
    earlier = [one for one in publish.snapshots(settings) if one[:10] < as_of]
    return write_review(
        path,
        settings.reports / f"review-{as_of}",
        bands,
        snapshot_path(settings, earlier[-1]) if earlier else None,
        settings.group,
        released_counts(path, settings, date.fromisoformat(as_of), bands, pseudonym.read_key(settings)),
    )


def render(review: Review, folder: Path, limit: Limits) -> str:
    """Draw the picture into a folder and give the page."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    counts = Counter(one.decision["action"] for one in review.accounts)
    return environment.get_template("review.html.j2").render(
        as_of=day(review.as_of),
        as_of_iso=review.as_of.isoformat(),
        run_id=review.run_id,
        banner=review.banner,
        limit=limit,
        finding=listed([f"{counts[action]} {action}" for action in ACTIONS if counts[action]] or ["no account"]),
        n_accounts=len(review.accounts),
        accounts=[_account(review, one, limit) for one in review.accounts],
        picture=_picture(review, folder, limit),
        rules=review_parts.rules(review),
        rules_hash=next((one.decision["rules_hash"] for one in review.accounts), "none"),
        segments=review.segments,
        earlier=day(review.earlier_on) if review.earlier_on else None,
    )


def _account(review: Review, one: Decided, limit: Limits) -> Row:
    """One account's sheet."""
    decision = one.decision
    because = decision["because_segment_id"]
    return {
        "anchor": re.sub(r"[^a-z0-9]+", "-", ":".join(one.key).lower()).strip("-"),
        "name": review_data.name_of(one.account),
        "handle": one.account["handle"],
        "platform": platform_name(one.key[0]),
        "purpose": one.account.get("purpose") or "",
        "action": decision["action"],
        "kind": re.sub(r"[^a-z]+", "-", decision["action"]),
        "reason": review_parts.reason(review, one, limit),
        "rule_no": review_parts.rule_no(one),
        "rule_reason": decision["rule_reason"],
        "because": review.titles.get(because or "", because or ""),
        "community": review.titles.get(review_parts.community(one) or "", ""),
        "lost": disclosure.people(decision["lost_people"], limit).text,
        "owner": decision["owner"] or "to be named",
        "review_on": day(decision["review_on"]),
        "review_on_short": short_day(decision["review_on"]),
        "data": days(one.data_on),
        "before": _before(review, one),
        "redirect": _redirect(review, decision),
        "losses": review_parts.losses(review, one, limit),
        "evidence": review_parts.evidence(review, one, limit),
        "others": review_parts.other_rules(review, one, limit),
    }


def _before(review: Review, one: Decided) -> str:
    """Describe what changed since the last decision."""
    if review.earlier_on is None:
        return "no earlier decision is on record"
    if one.action_before is None:
        return f"not decided on {day(review.earlier_on)}"
    if one.action_before == one.decision["action"]:
        return f"the same on {day(review.earlier_on)}"
    return f"changed: {one.action_before} on {day(review.earlier_on)}"


def _redirect(review: Review, decision: Row) -> Row | None:
    """Where people are sent, and the reason; None where the rule sends nobody anywhere."""
    if not decision["redirect_reason"]:
        return None
    key = (decision["redirect_platform"] or "", decision["redirect_account_id"] or "")
    name = review.names.get(key, decision["redirect_account_id"] or "no account")
    platform = f" ({platform_name(key[0])})" if key[0] else ""
    return {"to": f"{name}{platform}", "reason": decision["redirect_reason"]}


def _picture(review: Review, folder: Path, limit: Limits) -> Row:
    """Draw the picture; in the page it is an image of its SVG, where nothing in it can run or reach outside."""
    bars = [
        review_chart.bar(
            f"{review_data.name_of(one.account)} ({platform_name(one.key[0])})",
            one.decision["action"],
            one.facts.get(("active_people", None), {}).get("value"),
            one.facts.get(("lost_people", None), {}).get("value"),
            limit,
        )
        for one in review.accounts
    ]
    source = f"Active people, 90 days; each account closed alone. Data up to {day(review.as_of)}."
    chart = review_chart.figure(bars, source)
    svg = canvas.save(chart, folder / PICTURE)
    width, height = (round(96 * inches) for inches in chart.get_size_inches())
    return {
        "stem": PICTURE,
        "alt": review_chart.alt_text(bars),
        "source": f"data:image/svg+xml;base64,{base64.b64encode(svg).decode('ascii')}",
        "width": width,
        "height": height,
    }
