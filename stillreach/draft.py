"""A draft of a segment, tried on the published night."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import polars as pl

from pipelines.analysis import preview
from pipelines.common.settings import from_environment
from pipelines.reference.files import read_bands
from pipelines.reference.reader import read_yaml
from pipelines.segments import definition

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Draft:
    """What a draft would give: counts of people, nobody named.

    `size`: platform, segment_people, everyone_people. `rules`: rule_id, effect, people, only_this (people whom no other
    rule brings in). `overlap`: people shared with each other segment. `reach`: people by account.
    `examples`: why, must_be ("in" or "out"), is_right, rules_hit. `seconds`: how long it took.
    """

    segment_id: str
    size: pl.DataFrame
    rules: pl.DataFrame
    overlap: pl.DataFrame
    reach: pl.DataFrame
    examples: pl.DataFrame
    seconds: float
    _trial: preview.Trial

    def chart(self, platform: str) -> "Figure":
        """Draw the draft on one platform: counts as the report shows them, under ten nothing and the rest rounded."""
        from pipelines.report.draft_chart import draft_figure

        return draft_figure(self._trial, platform, read_bands(from_environment()))


def try_draft(text: str | Path) -> Draft:
    """Try a definition, given as YAML text or as a file, on the night that the environment's deployment published.

    Reads the deployment's reference files and its restricted work files; keeps nothing.
    Raises `SegmentDefinitionError` where the definition is not usable.
    """
    settings = from_environment()
    known = definition.read_known(settings)
    definitions = definition.read_definitions(settings, known)
    with TemporaryDirectory() as folder:
        path = text if isinstance(text, Path) else _written(Path(folder), text)
        done = preview.try_draft(settings, path, definitions, known)
    examples = [
        {
            "why": one.example.why,
            "must_be": one.example.member,
            "is_right": one.is_right,
            "rules_hit": list(one.rules_hit),
        }
        for one in done.ran
    ]
    return Draft(
        segment_id=done.definition.segment_id,
        size=done.size,
        rules=done.rules,
        overlap=done.overlap,
        reach=done.reach,
        examples=pl.DataFrame(
            examples,
            schema={"why": pl.String, "must_be": pl.String, "is_right": pl.Boolean, "rules_hit": pl.List(pl.String)},
        ),
        seconds=done.seconds,
        _trial=done,
    )


def _written(folder: Path, text: str) -> Path:
    """Write a definition to the file that its segment_id names."""
    draft = folder / "draft.yml"
    draft.write_text(text, encoding="utf-8")
    return draft.rename(folder / f"{Path(str(read_yaml(draft).get('segment_id', 'draft'))).name}.yml")
