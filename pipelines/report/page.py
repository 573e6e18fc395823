"""The report's page: one file that asks for nothing outside itself, each chart as PNG and SVG beside it."""

import base64
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from pipelines import disclosure
from pipelines.disclosure import Limits
from pipelines.errors import SettingsError
from pipelines.report import charts, drawing, figures, findings, segment_notes, tables
from pipelines.report.figures import Night
from pipelines.report.words import EVERYONE, FOLLOWER, day, days

TEMPLATES = Path(__file__).parent
OURS = re.compile(r"index\.html|reach-heat-map\.(png|svg)|overlap-[\w-]+\.(png|svg)")


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
    _put_in_place(unfinished, folder)
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
    environment.filters["anchor"] = _plain
    notes = segment_notes.notes(night, limit)
    followers = night.reach.filter(night.reach["basis"] == FOLLOWER)
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
            _segment(night, folder, bands, limit, segment_id, title) | {"notes": notes.get(segment_id, [])}
            for segment_id, title in tables.segment_order(night.reach)
        ],
        scorecards=tables.scorecards(night.scorecards, limit),
        checks_by_layer=tables.checks_by_layer(night.checks),
        failed_checks=tables.failed_checks(night.checks),
        deliveries=tables.delivery_rows(night.deliveries),
        quarantine=tables.quarantine_rows(night.quarantine),
        restated=tables.restated_sentence(night.restatements),
    )


def _heat_map(night: Night, folder: Path, bands: Mapping[str, float]) -> dict[str, Any]:
    chart = charts.heat_map(night.reach, bands)
    return _shown_chart(chart, folder, "reach-heat-map", charts.heat_map_alt_text(night.reach, bands))


def _segment(
    night: Night, folder: Path, bands: Mapping[str, float], limit: Limits, segment_id: str, title: str
) -> dict[str, Any]:
    """One segment's part of the page: how many, a table per basis, the overlap on its largest platform."""
    order = findings.platforms_by_size(night.sizes, segment_id, limit)
    return {
        "id": segment_id,
        "title": title,
        "sizes": tables.size_sentence(night.sizes, segment_id, order, limit),
        "tables": tables.reach_tables(night.reach, segment_id, order, limit),
        "overlap": _overlap(night, folder, bands, limit, segment_id, order),
        "is_everyone": segment_id == EVERYONE,
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
    return _shown_chart(chart, folder, f"overlap-{_plain(segment_id)}-{_plain(order[0])}", says)


def _shown_chart(chart: Figure, folder: Path, stem: str, alt_text: str) -> dict[str, Any]:
    """Save a chart; in the page it is an image of its SVG, where nothing in it can run or reach outside."""
    svg = drawing.save(chart, folder / stem)
    encoded = base64.b64encode(svg).decode("ascii")
    width, height = (round(96 * inches) for inches in chart.get_size_inches())
    return {
        "stem": stem,
        "alt": alt_text,
        "source": f"data:image/svg+xml;base64,{encoded}",
        "width": width,
        "height": height,
    }


def _plain(name: str) -> str:
    """A name that is safe in a file's name and an anchor."""
    return re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-")


def _refuse_to_replace_others(folder: Path) -> None:
    if folder.is_dir() and not all(OURS.fullmatch(one.name) for one in folder.iterdir()):
        raise SettingsError(str(folder), "holds files that are not a report's", hint="name an empty or new folder")


def _put_in_place(unfinished: Path, folder: Path) -> None:
    """Swap the finished folder in; a kill in between leaves the old report, the new, or none, never half."""
    before = folder.with_name(f".{folder.name}.before")
    shutil.rmtree(before, ignore_errors=True)
    if folder.exists():
        folder.rename(before)
    unfinished.rename(folder)
    shutil.rmtree(before, ignore_errors=True)
