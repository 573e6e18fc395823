"""The report's page: one file that asks for nothing outside itself, each chart as PNG and SVG beside it."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipelines.common.errors import SettingsError
from pipelines.release import disclosure
from pipelines.release.disclosure import Limits
from pipelines.report import answer_charts, charts, figures, findings, segment_notes, tables
from pipelines.report.answer_charts import plain, shown_chart
from pipelines.report.figures import Night
from pipelines.report.labels import EVERYONE, FOLLOWER, day, days
from pipelines.warehouse import publish

TEMPLATES = Path(__file__).parent
OURS = re.compile(r"index\.html|((reach-heat-map|quality|frontier)|(overlap|trend|homes)-[\w-]+)\.(png|svg)")


def write_report(snapshot: Path, folder: Path, bands: dict[str, float]) -> Path:
    """Write the report of a published snapshot into a folder and give the path of its page.

    The folder is written beside itself and put in place at the end, whole; an earlier report is replaced.
    The same snapshot and bands give the same bytes.
    Raises `PublishError` or `ModelError` for an unusable snapshot, `RefError` for unusable bands, and
    `SettingsError` where the folder holds anything that is not a report's.
    """
    _refuse_to_replace_others(folder)
    limit = disclosure.limits(bands)
    night = figures.read_night(snapshot)
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    page = render(night, unfinished, bands, limit)
    (unfinished / "index.html").write_text(page, encoding="utf-8", newline="\n")
    publish.put_in_place(unfinished, folder)
    return folder / "index.html"


def render(night: Night, folder: Path, bands: Mapping[str, float], limit: Limits) -> str:
    """Draw the charts into a folder and give the page that shows them."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["anchor"] = plain
    notes = segment_notes.notes(night, limit)
    followers = night.reach.filter(night.reach["basis"] == FOLLOWER)
    segments = tables.segment_order(night.reach)
    largest = {one: findings.platforms_by_size(night.sizes, one, limit) for one, _ in segments}
    return environment.get_template("template.html.j2").render(
        as_of=day(night.as_of),
        as_of_iso=night.as_of.isoformat(),
        run_id=night.run_id,
        limit=limit,
        main_finding=findings.main_finding(night.reach, limit),
        main_data=days(followers["data_on"].to_list()),
        segment_findings=findings.segment_findings(night.reach, night.sizes, limit),
        nobody_depends=findings.nobody_depends(night.reach, limit),
        not_known=findings.not_known(night.reach),
        checks_finding=findings.checks_finding(night.checks),
        heat_map=_heat_map(night, folder, bands),
        segments=[
            _segment(night, folder, bands, limit, segment_id, title, largest[segment_id])
            | {"notes": notes.get(segment_id, [])}
            for segment_id, title in segments
        ],
        verdicts=tables.verdict_table(night.answers.verdicts, night.sizes, segments, limit),
        verdict_reasons=tables.verdict_reasons(night.answers.verdicts, night.sizes, limit),
        everyone=answer_charts.of_segment(night, folder, bands, EVERYONE, largest.get(EVERYONE, [])),
        quality=answer_charts.quality(night, folder, bands),
        frontier=answer_charts.frontier(night, folder, bands),
        scorecards=tables.scorecards(night.scorecards, limit),
        checks_by_layer=tables.checks_by_layer(night.checks),
        failed_checks=tables.failed_checks(night.checks),
        deliveries=tables.delivery_rows(night.deliveries),
        quarantine=tables.quarantine_rows(night.quarantine),
        partial_lists=tables.partial_list_rows(night.partial_lists, limit),
        absent_sources=tables.absent_sources_sentence(night.absent_sources),
        restated=tables.restated_sentence(night.restatements),
    )


def _heat_map(night: Night, folder: Path, bands: Mapping[str, float]) -> dict[str, Any]:
    chart = charts.heat_map(night.reach, bands)
    return shown_chart(chart, folder, "reach-heat-map", charts.heat_map_alt_text(night.reach, bands))


def _segment(
    night: Night,
    folder: Path,
    bands: Mapping[str, float],
    limit: Limits,
    segment_id: str,
    title: str,
    order: list[str],
) -> dict[str, Any]:
    """One segment's part of the page: how many, a table per basis, the charts of its largest platform."""
    is_everyone = segment_id == EVERYONE
    answers = {} if is_everyone else answer_charts.of_segment(night, folder, bands, segment_id, order)
    return {
        "id": segment_id,
        "title": title,
        "sizes": tables.size_sentence(night.sizes, segment_id, order, limit),
        "tables": tables.reach_tables(night.reach, segment_id, order, limit),
        "overlap": _overlap(night, folder, bands, limit, segment_id, order),
        "is_everyone": is_everyone,
        "answers": answers,
    }


def _overlap(
    night: Night, folder: Path, bands: Mapping[str, float], limit: Limits, segment_id: str, order: list[str]
) -> dict[str, Any] | None:
    """The overlap figure on the largest platform; none for everyone, nor where too few are reached."""
    if segment_id == EVERYONE or not order:
        return None
    sizes = night.sizes.filter((night.sizes["segment_id"] == segment_id) & (night.sizes["platform"] == order[0]))
    if disclosure.people(sizes["reached_people"][0], limit).number is None:
        return None
    chart = charts.overlap_figure(night.signatures, segment_id, order[0], bands)
    says = charts.overlap_alt_text(night.signatures, segment_id, order[0], bands)
    return shown_chart(chart, folder, f"overlap-{plain(segment_id)}-{plain(order[0])}", says)


def _refuse_to_replace_others(folder: Path) -> None:
    if folder.is_dir() and not all(OURS.fullmatch(one.name) for one in folder.iterdir()):
        raise SettingsError(str(folder), "holds files that are not a report's", hint="name an empty or new folder")
