"""Draw a sample of a segment for people to judge, and turn what they judged into an audit that counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from pipelines.analysis.preview import current
from pipelines.analysis.sandbox import opened_on
from pipelines.analysis.weights import freeze_weights, known_labels
from pipelines.common.errors import RefError, SegmentDefinitionError
from pipelines.common.query import query
from pipelines.common.settings import Settings
from pipelines.reference.files import read_bands
from pipelines.segments import history, label_audit, label_file, label_history
from pipelines.segments.definition import Definition, Known
from pipelines.warehouse import load_reference


@dataclass(frozen=True)
class Draw:
    """How many people to draw, on which day, and of which platform; the platform of most members if None."""

    n: int
    today: date
    platform: str | None = None


def label_sample(
    settings: Settings, segment_id: str, definitions: Sequence[Definition], known: Known, draw: Draw
) -> Path:
    """Draw people of the published night and write the file to judge, into the restricted area.

    One platform at a time: scores of two platforms are not comparable.
    `definitions` are all of them: one may refer to others. Raises `SegmentDefinitionError` where the segment's was
    edited since that night, `RefError` where the platform has nobody of the segment.
    """
    snapshot_id = current(settings)
    with opened_on(settings, snapshot_id) as con:
        for name in ("segment_evidence", "segment_membership"):
            own_rows = f"SELECT * FROM snapshot.core.{name} WHERE segment_id = ?"
            con.execute(f"INSERT INTO core.{name} {own_rows}", [segment_id])
        version = history.Version(history.ALWAYS, history.compiled(definitions))
        definition_hash = _published_hash(con, segment_id, version)
        platform = _platform(con, segment_id, draw.platform)
        load_reference.load(con, load_reference.Reference(known, definitions, [version]))
        con.execute("DELETE FROM ref.segment WHERE segment_id <> ?", [segment_id])
        labels = known_labels(settings, segment_id, platform, draw.today)
        weights, basis = freeze_weights(con, segment_id, platform, labels)
        people = con.sql(query("labels/people"), params={"platform": platform}).pl()
        audit_id = _new_id(settings, segment_id, snapshot_id[:10], platform)
        sample = label_file.draw_sample(label_audit.strata(people), draw.n, f"{segment_id} {audit_id}")
        as_of = date.fromisoformat(snapshot_id[:10])
        about = (segment_id, audit_id, definition_hash, snapshot_id, as_of, draw.today)
        con.register("drawn", sample.people.select("member_key").to_arrow())
        words = con.sql(query("labels/words")).pl()
    design = label_file.Design(*about, sample)
    path = label_file.write_sample(settings, design, words)
    label_history.write_weights(path.parent, platform, weights, basis)
    return path


def score(settings: Settings, segment_id: str, path: Path, on: date) -> label_history.Kept:
    """Read a judged file, calibrate, measure, and keep the audit; it counts from its day on. The words are deleted.

    Raises `RefError` where no sample of the segment waits for its labels, or the file is not usable.
    """
    waiting = [
        one.parent
        for one in (settings.work / "audits" / segment_id).glob(f"*/{label_file.DESIGN}")
        if not (one.parent / label_file.RECORD).exists()
    ]
    if not waiting:
        draw = "run stillreach segments label-sample"
        raise RefError(f"segment {segment_id}", "has no sample that waits for labels", hint=draw)
    own = [one for one in waiting if one == path.absolute().parent]
    folder = (own or sorted(waiting, key=lambda one: (one / label_file.DESIGN).stat().st_mtime_ns))[-1]
    design = label_file.read_design(settings, segment_id, folder.name)
    if on < design.as_of:
        raise RefError(f"audit {folder.name}", f"would count from {on}, before the night it was drawn from")
    labels = label_file.read_labels(path, design)
    floor = read_bands(settings)["membership_probability_at_least"]
    calibration = label_audit.calibrate(design.sample.strata, labels)
    quality = label_audit.quality(design.sample.strata, labels, floor)
    label_file.keep(settings, design, labels, calibration, quality, on)
    return next(
        one
        for one in label_history.read_audits(settings, on)
        if (one.audit.segment_id, one.audit.audit_id) == (segment_id, folder.name)
    )


def _published_hash(con: duckdb.DuckDBPyConnection, segment_id: str, today: history.Version) -> str:
    published = "SELECT definition_hash FROM snapshot.ref.segment WHERE segment_id = ?"
    found = con.execute(published, [segment_id]).fetchall()
    now = today.compiled["segments"].get(segment_id, {}).get("definition_hash")
    if not found or found[0][0] != now:
        raise SegmentDefinitionError(
            f"{segment_id}.yml", "is not what the published night went by", hint="run stillreach nightly, then draw"
        )
    return str(now)


def _platform(con: duckdb.DuckDBPyConnection, segment_id: str, platform: str | None) -> str:
    sizes = dict(con.execute(query("labels/platform_size")).fetchall())
    if not sizes or (platform and platform not in sizes):
        where = f" on {platform}" if platform else ""
        raise RefError(f"segment {segment_id}", f"has nobody{where} in the published night", known=sizes)
    return platform or str(next(iter(sizes)))


def _new_id(settings: Settings, segment_id: str, as_of: str, platform: str) -> str:
    folder = settings.work / "audits" / segment_id
    return f"{as_of}-{platform}-{sum(1 for _ in folder.glob(f'{as_of}-{platform}-*')) + 1}"
