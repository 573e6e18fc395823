"""An audit on disk: a restricted folder per audit, with the words that people judge for as long as judging takes.

`audits/<segment_id>/<audit_id>/` under the work folder holds `design.json` (who was drawn, in which stratum),
`sample.csv` (their words; no stratum and no score, which would lead the judge), and once scored `labels.parquet` and
`audit.json`, the record that stays: aggregates only. Folders have mode 0700, files 0600.
Messages name lines and columns of a file, never their contents, which may be personal data.
"""

import csv
import io
import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.common.errors import RefError
from pipelines.common.settings import Settings, private
from pipelines.segments.label_audit import NAMES, NO_SCORE, RULE, Calibration, Estimate, Quality, Stratum, tally

SAMPLE, DESIGN, LABELLED, RECORD = "sample.csv", "design.json", "labels.parquet", "audit.json"
COLUMNS = ("member_key", "platform", "name", "bio", "location", "follows", "label", "why_unsure")
PEOPLE = {"member_key": pl.UInt64, "platform": pl.String, "stratum": pl.String, "expansion_score": pl.Float64}
MEANS = {
    **dict.fromkeys(("yes", "y", "1", "true", "in"), "yes"),
    **dict.fromkeys(("no", "n", "0", "false", "out"), "no"),
    "unsure": "unsure",
    "": "",
}
LEAST_LABELS = 50  # yes or no; fewer only where that is four fifths of a small sample
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
KEY = re.compile(r"'?k?(\d{1,20})", re.IGNORECASE)  # the k keeps spreadsheets from taking a key for a number
NUMBER = re.compile(r"'?k?\d+([.,]\d*)?(e\+?\d+)?", re.IGNORECASE)
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
FORMULA = re.compile(r"(^|;\s*)(?=[=+\-@＝＋－＠])")  # at the start of a cell, also where ; separates cells


@dataclass(frozen=True)
class Sample:
    """Whom to judge: `people` (member_key, platform, stratum, expansion_score), and the strata they stand for."""

    people: pl.DataFrame
    strata: tuple[Stratum, ...]


@dataclass(frozen=True)
class Design:
    """A sample and what it was drawn from: whose definition, which data, on which day."""

    segment_id: str
    audit_id: str
    definition_hash: str
    snapshot_id: str
    as_of: date
    drawn_on: date
    sample: Sample

    def folder(self, settings: Settings) -> Path:
        return _audits(settings) / _safe(self.segment_id) / _safe(self.audit_id)


@dataclass(frozen=True)
class Audit:
    """The record of one scored audit: aggregates only. `strata` are the rows of `tally`."""

    segment_id: str
    audit_id: str
    definition_hash: str
    snapshot_id: str
    as_of: date
    labelled_on: date
    strata: tuple[dict[str, str | int | float | None], ...]
    calibration: Calibration
    quality: Quality


def draw_sample(people: pl.DataFrame, n: int, seed_text: str) -> Sample:
    """Draw n people from the frame `audit.strata` made, equally many per stratum; a small stratum gives all it has.

    The same people, n and seed text give the same sample: within a stratum the lowest keyed hashes are taken.
    Raises `RefError` where there is nobody to draw or n is below 1.
    """
    if n < 1 or people.is_empty():
        raise RefError("the sample", f"would hold {max(min(n, people.height), 0)} people", hint="ask for 100 or more")
    ordered = people.with_columns(pl.Series("drawn", keyed_order(people["member_key"], seed_text))).sort("drawn")
    parts = {str(name): part for (name,), part in ordered.group_by("stratum")}
    names = [name for name in NAMES if name in parts]
    taken, strata = [], []
    for name, count in zip(names, _equal_shares([parts[name].height for name in names], n), strict=True):
        part = parts[name].select(*PEOPLE).cast(PEOPLE)  # type: ignore[arg-type]
        lowest = None if name in (RULE, NO_SCORE) else float(part["expansion_score"].to_numpy().min())
        strata.append(Stratum(name, part.height, count, lowest))
        taken.append(part.head(count))
    return Sample(pl.concat(taken).sort("member_key"), tuple(strata))


def keyed_order(member_keys: pl.Series, seed_text: str) -> NDArray[np.uint64]:
    """Give each key a number that is random but for the seed text: splitmix64's mixer (Steele, Lea & Flood 2014)."""
    salt = np.uint64(int.from_bytes(blake2b(seed_text.encode(), digest_size=8).digest(), "big"))
    mixed: NDArray[np.uint64] = member_keys.cast(pl.UInt64).to_numpy() ^ salt
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed


def write_sample(settings: Settings, design: Design, words: pl.DataFrame) -> Path:
    """Write the design and the file to judge: one line per drawn person, in an order that does not depend on them.

    `words` holds member_key, platform, name, bio, location and follows (names of listed accounts; not our own).
    Raises `RefError` where this audit has a sample or a record already: somebody may have judged it.
    """
    folder = design.folder(settings)
    if any((folder / name).exists() for name in (SAMPLE, RECORD)):
        raise RefError(f"audit {design.audit_id}", "has been drawn already", hint="draw another one")
    people = design.sample.people.select("member_key", "platform")
    people = people.join(words.drop("platform", strict=False), on="member_key", how="left", maintain_order="left")
    order = np.argsort(keyed_order(people["member_key"], f"order {design.segment_id} {design.audit_id}"))
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for row in people[order].iter_rows(named=True):
        writer.writerow([f"k{row['member_key']}", *(_cell(row.get(name)) for name in COLUMNS[1:])])
    for one in (_audits(settings), folder.parent, folder):
        private(one)
    _write(folder / DESIGN, _design_json(design))
    _write(folder / SAMPLE, text.getvalue().encode("utf-8-sig"))
    return folder / SAMPLE


def read_design(settings: Settings, segment_id: str, audit_id: str) -> Design:
    """Read a design back.

    Raises `RefError` where there is none or it is not as it was written.
    """
    return _read_design(_audits(settings) / _safe(segment_id) / _safe(audit_id) / DESIGN)


def read_labels(path: Path, design: Design) -> pl.DataFrame:
    """Read what people judged: member_key, label (yes, no, unsure), stratum, expansion_score; blank labels left out.

    Takes what spreadsheets make of a file: another encoding, separator or order of columns, more columns, capitals.
    Raises `RefError` naming line and column for a key that is damaged, unknown or there twice, for a label that is
    none, and where the file is another audit's or holds too few labels.
    """
    drawn = set(design.sample.people["member_key"])
    labels: dict[int, str] = {}
    strangers = []
    for line, key, label in _lines(path):
        where = f"{path.name}: line {line}"
        if key in labels:
            raise RefError(f"{where}, column member_key", "names a person twice", hint="judge a person once")
        if label.strip().lower() not in MEANS:
            raise RefError(f"{where}, column label", "is no label", known=("yes", "no", "unsure", "empty"))
        labels[key] = MEANS[label.strip().lower()]
        if key not in drawn:
            strangers.append(where)
    if strangers and len(strangers) == len(labels):
        raise RefError(path.name, f"has nobody of audit {design.audit_id} of {design.segment_id}", hint="whose is it")
    if strangers:
        hint = "a spreadsheet may have cut its digits; if the person was erased since, delete the line"
        raise RefError(f"{strangers[0]}, column member_key", "names nobody of this sample", hint=hint)
    decided = sum(label in ("yes", "no") for label in labels.values())
    if decided < (least := max(1, min(LEAST_LABELS, -(-4 * len(drawn) // 5)))):
        raise RefError(path.name, f"says yes or no of {decided} people", hint=f"judge {least} or more")
    schema = {"member_key": pl.UInt64, "label": pl.String}
    found = pl.DataFrame(list(labels.items()), schema=schema, orient="row").filter(pl.col("label") != "")
    people = design.sample.people.select("member_key", "stratum", "expansion_score")
    return found.join(people, on="member_key").sort("member_key")


def keep(
    settings: Settings,
    design: Design,
    labels: pl.DataFrame,
    calibration: Calibration,
    quality: Quality,
    labelled_on: date,
) -> Audit:
    """Keep labels and record for good; then delete the sample with its words.

    Raises `RefError` where the audit has a record: a record is never changed.
    """
    folder = design.folder(settings)
    if (folder / RECORD).exists():
        raise RefError(f"audit {design.audit_id}", "is scored already", hint="draw another sample to judge again")
    counts = tuple(tally(design.sample.strata, labels).iter_rows(named=True))
    whose = (design.segment_id, design.audit_id, design.definition_hash, design.snapshot_id, design.as_of)
    audit = Audit(*whose, labelled_on, counts, calibration, quality)
    _write(folder / LABELLED, _parquet(labels.select("member_key", "label", "stratum", "expansion_score")))
    _write(folder / RECORD, _json(asdict(audit)))
    (folder / SAMPLE).unlink(missing_ok=True)
    return audit


def forget_samples(settings: Settings, today: date, keep_days: int = 30) -> int:
    """Delete the words of samples drawn `keep_days` ago or earlier, judged or not; count them."""
    forgotten = 0
    for path in sorted(_audits(settings).glob(f"*/*/*{SAMPLE}*")):  # and what a killed process left of one
        try:
            drawn_on = _read_design(path.with_name(DESIGN)).drawn_on
        except RefError:
            drawn_on = date.min  # nobody can score it without its design
        if (today - drawn_on).days >= keep_days:
            path.unlink(missing_ok=True)
            forgotten += 1
    return forgotten


def erase_labels(settings: Settings, member_keys: set[int]) -> int:
    """Remove people from every audit's labels, design and sample; count their labels. The records stay."""
    erased = 0
    for path in sorted(_audits(settings).glob(f"*/*/{LABELLED}")):
        labels = pl.read_parquet(path)
        kept = labels.filter(~_is_one_of(member_keys))
        if kept.height < labels.height:
            _write(path, _parquet(kept))
            erased += labels.height - kept.height
    for path in sorted(_audits(settings).glob(f"*/*/{DESIGN}")):
        design = _read_design(path)
        people = design.sample.people.filter(~_is_one_of(member_keys))
        if people.height < design.sample.people.height:
            _erase_lines(path.with_name(SAMPLE), member_keys)
            _write(path, _design_json(replace(design, sample=Sample(people, design.sample.strata))))
    return erased


def latest_audits(settings: Settings, until: date) -> dict[str, tuple[Audit, ...]]:
    """Every segment's audits labelled on or before a day, oldest first: the last one is current.

    Raises `RefError` for a record that is not as it was written.
    """
    found = [_read_audit(path) for path in _audits(settings).glob(f"*/*/{RECORD}")]
    found = sorted((one for one in found if one.labelled_on <= until), key=lambda one: (one.labelled_on, one.audit_id))
    by_segment: dict[str, tuple[Audit, ...]] = {}
    for audit in found:
        by_segment[audit.segment_id] = (*by_segment.get(audit.segment_id, ()), audit)
    return dict(sorted(by_segment.items()))


def kept_labels(settings: Settings, until: date) -> pl.DataFrame:
    """All labels of the audits in `latest_audits`: segment_id, audit_id, and the columns of `read_labels`."""
    schema = {"segment_id": pl.String, "audit_id": pl.String, "label": pl.String, **PEOPLE}
    frames = [pl.DataFrame(schema=schema).drop("platform")]
    for audits in latest_audits(settings, until).values():
        for one in audits:
            labels = pl.read_parquet(_audits(settings) / one.segment_id / one.audit_id / LABELLED)
            frames.append(labels.with_columns(segment_id=pl.lit(one.segment_id), audit_id=pl.lit(one.audit_id)))
    return pl.concat([frame.select(frames[0].columns) for frame in frames])


def _equal_shares(have: list[int], n: int) -> list[int]:
    """Share n out equally among strata that have so many people; what is left over goes to the first ones."""
    give = [0] * len(have)
    while (left := min(n, sum(have)) - sum(give)) > 0:
        able = [at for at, most in enumerate(have) if give[at] < most]
        for at in able[:left]:
            give[at] += min(have[at] - give[at], max(left // len(able), 1))
    return give


def _lines(path: Path) -> Iterator[tuple[int, int, str]]:
    """Each line of a judged file: its number, its member_key, its label as written."""
    reader, columns = _table(path)
    key_at, label_at = columns.index("member_key"), columns.index("label")
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            key = cells[key_at].strip() if key_at < len(cells) else ""
            match = KEY.fullmatch(key)
            if not match or int(match[1]) >= 2**64:
                what = "is a number that a spreadsheet rewrote" if NUMBER.fullmatch(key) else "is no member_key"
                hint = "import the column as text"
                raise RefError(f"{path.name}: line {reader.line_num}, column member_key", what, hint=hint)
            yield reader.line_num, int(match[1]), cells[label_at] if label_at < len(cells) else ""
    except csv.Error:
        raise RefError(f"{path.name}: line {reader.line_num}", "has a quote that is never closed") from None


def _table(path: Path) -> tuple[Any, list[str]]:
    """Open a judged file past its header, and name its columns."""
    try:
        read = path.read_bytes()
    except OSError:
        raise RefError(path.name, "cannot be read", hint="give the file of stillreach segments label-sample") from None
    try:
        text = read.decode("utf-16" if read.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError:
        text = read.decode("cp1252", errors="replace")
    for separator in (",", ";", "\t"):
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        with suppress(csv.Error, StopIteration):
            header = next(reader)
            columns = [cell.strip().lower() for cell in (next(reader) if "".join(header)[:4] == "sep=" else header)]
            if columns.count("member_key") + columns.count("label") > 2:
                raise RefError(f"{path.name}: line {reader.line_num}", "names a column twice", known=COLUMNS)
            if {"member_key", "label"} <= set(columns):
                return reader, columns
    raise RefError(f"{path.name}: line 1", "lacks the column member_key or label", known=COLUMNS)


def _erase_lines(path: Path, member_keys: set[int]) -> None:
    """Rewrite a sample without some people; where it cannot be read, the whole of it goes."""
    if not path.exists():
        return
    try:
        reader, columns = _table(path)
        at = columns.index("member_key")
        rows = [row for row in reader if len(row) > at]
    except (RefError, csv.Error):
        path.unlink()
        return
    keys = [KEY.fullmatch(row[at].strip()) for row in rows]
    text = io.StringIO(newline="")
    kept = [row for row, key in zip(rows, keys, strict=True) if key and int(key[1]) not in member_keys]
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([columns, *kept])
    _write(path, text.getvalue().encode("utf-8-sig"))


def _cell(value: object) -> str:
    """Make a value a cell of one line that no spreadsheet takes for a formula."""
    text = "; ".join(map(str, value)) if isinstance(value, list) else str("" if value is None else value)
    return FORMULA.sub(r"\1'", UNPRINTABLE.sub(" ", text).strip())


def _audits(settings: Settings) -> Path:
    return settings.work / "audits"


def _safe(name: str) -> str:
    if not NAME.fullmatch(name):
        raise RefError("the audit", "has a name that is no folder's", hint="letters, digits, - and _")
    return name


def _is_one_of(member_keys: set[int]) -> pl.Expr:
    return pl.col("member_key").is_in(pl.Series(sorted(member_keys), dtype=pl.UInt64).implode())


def _read_design(path: Path) -> Design:
    try:
        read = json.loads(path.read_bytes())
        strata = tuple(Stratum(**one) for one in read.pop("strata"))
        people = pl.DataFrame(read.pop("people"), schema=PEOPLE, orient="row")
        as_of, drawn_on = (date.fromisoformat(read.pop(name)) for name in ("as_of", "drawn_on"))
        return Design(**read, as_of=as_of, drawn_on=drawn_on, sample=Sample(people, strata))
    except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
        raise RefError(f"{path.parent.name}/{DESIGN}", "is not readable as a design", hint="draw a sample") from None


def _read_audit(path: Path) -> Audit:
    try:
        read = json.loads(path.read_bytes())
        curve, found = read.pop("calibration"), read.pop("quality")
        found["estimates"] = {name: Estimate(**one) for name, one in found["estimates"].items()}
        read["calibration"] = Calibration(**curve | {"steps": tuple(tuple(step) for step in curve["steps"])})
        read |= {name: date.fromisoformat(read[name]) for name in ("as_of", "labelled_on")}
        return Audit(**read | {"strata": tuple(read["strata"]), "quality": Quality(**found)})
    except (OSError, ValueError, KeyError, TypeError):
        raise RefError(
            f"{path.parent.name}/{RECORD}", "is not readable as an audit's record", hint="restore it"
        ) from None


def _design_json(design: Design) -> bytes:
    sample = {"strata": [asdict(one) for one in design.sample.strata], "people": design.sample.people.rows()}
    return _json({name: value for name, value in vars(design).items() if name != "sample"} | sample)


def _json(value: object) -> bytes:
    return (json.dumps(value, sort_keys=True, indent=1, allow_nan=False, default=date.isoformat) + "\n").encode()


def _parquet(frame: pl.DataFrame) -> bytes:
    target = io.BytesIO()
    frame.write_parquet(target)
    return target.getvalue()


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, readable by its owner alone."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())
    part.replace(path)
