"""The report's page: one file that loads nothing from outside, with each chart as PNG and SVG beside it."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipelines.common.disk import for_group
from pipelines.common.errors import SettingsError
from pipelines.common.visible import visible
from pipelines.release import disclosure
from pipelines.release.disclosure import Limits
from pipelines.release.released_counts import NO_RELEASE, ReleasedCounts
from pipelines.report import answer_charts, as_released, charts, data_status, figures, findings, segment_notes, tables
from pipelines.report.answer_charts import plain, shown_chart
from pipelines.report.figures import Night
from pipelines.report.labels import EVERYONE, FOLLOWER, day, days
from pipelines.warehouse import publish

Part = dict[str, Any]
TEMPLATES = Path(__file__).parent
OURS = re.compile(r"index\.html|((reach-heat-map|quality|frontier)|(overlap|trend|homes)-[\w-]+)\.(png|svg)")


def write_report(
    snapshot: Path,
    folder: Path,
    bands: Mapping[str, float],
    group: int | None = None,
    counts: ReleasedCounts = NO_RELEASE,
) -> Path:
    """Write the report of a published snapshot into a folder that `group` may read, and give the path of its page.

    `counts` are the counts of the snapshot's release: what that withholds, the report withholds too.
    The report is written to a folder beside the target, which replaces an earlier report when it is complete.
    The same snapshot and bands give the same bytes.
    Raises `PublishError` or `ModelError` for an unusable snapshot, `RefError` for unusable bands, and
    `SettingsError` where the folder holds anything that is not a report's.
    """
    _refuse_to_replace_others(folder)
    limit = disclosure.limits(bands)
    night = as_released.night(figures.read_night(snapshot), counts, limit)
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    page = render(night, unfinished, bands, limit)
    (unfinished / "index.html").write_text(page, encoding="utf-8", newline="\n")
    for_group(unfinished, group)
    publish.put_in_place(unfinished, folder)
    return folder / "index.html"


def render(night: Night, folder: Path, bands: Mapping[str, float], limit: Limits) -> str:
    """Draw the charts into a folder and give the page that shows them."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["anchor"] = plain
    page = Page(night, folder, bands, limit)
    return environment.get_template("template.html.j2").render(
        as_of=day(night.as_of),
        as_of_iso=night.as_of.isoformat(),
        run_id=night.run_id,
        limit=limit,
        **data_status.data_status(night, limit),
        **_findings(night, limit),
        **_answers(page),
        **_checks(night, limit),
    )


@dataclass(frozen=True)
class Page:
    """What every part of a page is made from: the night, the folder of its charts, and how counts are shown."""

    night: Night
    folder: Path
    bands: Mapping[str, float]
    limit: Limits


def _findings(night: Night, limit: Limits) -> Part:
    """Give the sentences at the head of the page."""
    followers = night.reach.filter(night.reach["basis"] == FOLLOWER)
    return {
        "main_finding": findings.main_finding(night.reach, limit),
        "main_data": days(followers["data_on"].to_list()),
        "segment_findings": findings.segment_findings(night.reach, night.sizes, limit),
        "nobody_depends": findings.nobody_depends(night.reach, limit),
        "not_known": findings.not_known(night.reach),
        "checks_finding": findings.checks_finding(night.checks),
    }


def _answers(page: Page) -> Part:
    """Give the tables and charts by question, then by segment."""
    night, limit = page.night, page.limit
    notes = segment_notes.notes(night, limit)
    segments = tables.segment_order(night.reach)
    largest = {one: findings.platforms_by_size(night.sizes, one, limit) for one, _ in segments}
    return {
        "heat_map": _heat_map(page),
        "segments": [
            _segment(page, segment_id, title, largest[segment_id]) | {"notes": notes.get(segment_id, [])}
            for segment_id, title in segments
        ],
        "verdicts": tables.verdict_table(night.answers.verdicts, night.sizes, segments, limit),
        "verdict_reasons": tables.verdict_reasons(night.answers.verdicts, night.sizes, limit),
        "everyone": answer_charts.of_segment(night, page.folder, page.bands, EVERYONE, largest.get(EVERYONE, [])),
        "quality": answer_charts.quality(night, page.folder, page.bands),
        "frontier": answer_charts.frontier(night, page.folder, page.bands),
        "scorecards": tables.scorecards(night.scorecards, limit),
    }


def _checks(night: Night, limit: Limits) -> Part:
    """Give the tables of checks and of the data received and missing."""
    return {
        "checks_by_layer": tables.checks_by_layer(night.checks),
        "failed_checks": tables.failed_checks(night.checks),
        "deliveries": tables.delivery_rows(night.deliveries),
        "quarantine": tables.quarantine_rows(night.quarantine),
        "partial_lists": tables.partial_list_rows(night.partial_lists, limit),
        "absent_sources": tables.absent_sources_sentence(night.absent_sources),
        "restated": tables.restated_sentence(night.restatements),
    }


def _heat_map(page: Page) -> Part:
    reach = page.night.reach
    chart = charts.heat_map(reach, page.bands)
    return shown_chart(chart, page.folder, "reach-heat-map", charts.heat_map_alt_text(reach, page.bands))


def _segment(page: Page, segment_id: str, title: str, order: list[str]) -> Part:
    """One segment's part of the page: how many, a table per basis, the charts of its largest platform.

    `order` holds the platforms on which the segment was counted, largest first.
    """
    night, is_everyone = page.night, segment_id == EVERYONE
    answers = {} if is_everyone else answer_charts.of_segment(night, page.folder, page.bands, segment_id, order)
    return {
        "id": segment_id,
        "title": title,
        "sizes": tables.size_sentence(night.sizes, segment_id, order, page.limit),
        "tables": tables.reach_tables(night.reach, segment_id, order, page.limit),
        "overlap": None if is_everyone or not order else _overlap(page, segment_id, order[0]),
        "is_everyone": is_everyone,
        "answers": answers,
    }


def _overlap(page: Page, segment_id: str, platform: str) -> Part | None:
    """The overlap figure of a segment on a platform; None where too few are reached to be shown."""
    night = page.night
    sizes = night.sizes.filter((night.sizes["segment_id"] == segment_id) & (night.sizes["platform"] == platform))
    if disclosure.people(sizes["reached_people"][0], page.limit).number is None:
        return None
    chart = charts.overlap_figure(night.signatures, segment_id, platform, page.bands)
    alt_text = charts.overlap_alt_text(night.signatures, segment_id, platform, page.bands)
    return shown_chart(chart, page.folder, f"overlap-{plain(segment_id)}-{plain(platform)}", alt_text)


def _refuse_to_replace_others(folder: Path) -> None:
    if folder.is_dir() and not all(OURS.fullmatch(one.name) for one in folder.iterdir()):
        raise SettingsError(str(folder), "holds files that are not a report's", hint="name an empty or new folder")
