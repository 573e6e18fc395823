"""The picture of a draft shows rounded counts only, and draws what there is."""

from pathlib import Path

import polars as pl
import pytest

from pipelines.analysis.preview import Trial
from pipelines.report import canvas
from pipelines.report.draft_chart import draft_figure
from pipelines.segments.definition import Definition, Header
from tests.report.small_night import BANDS


@pytest.fixture
def trial() -> Trial:
    header = Header(segment_id="draft", title="Draft $1 & more", question="Q", owner="O", status="draft")
    return Trial(
        Definition("draft.yml", header, (), ()),
        pl.DataFrame({"platform": ["x"], "segment_people": [1203], "everyone_people": [9000]}),
        pl.DataFrame(
            {"rule_id": ["says_so", "watches"], "effect": ["include", "exclude"], "match": ["any_word"] * 2,
             "people": [1187, 4], "only_this": [603, 0]}
        ),
        pl.DataFrame({"segment_id": ["rider"], "platform": ["x"], "shared_people": [7], "overlap_of_base": [0.1],
                      "overlap_jaccard": [0.1]}),
        pl.DataFrame({"platform": ["x"], "account_id": ["1"], "name": ["Dale Police"], "reach_people": [412],
                      "coverage_share": [0.3]}),
        (),
        1.0,
    )  # fmt: skip


def texts(trial: Trial) -> list[str]:
    figure = draft_figure(trial, "x", BANDS)
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_counts_are_rounded_and_small_ones_hidden(trial: Trial) -> None:
    reported = texts(trial)
    assert "draft: 1,205 people on X" in reported
    assert "1,185" in reported and "410" in reported
    assert reported.count("under 10") == 2
    assert not {"1187", "1,187", "603", "4", "7", "412"} & set(reported)
    assert "watches (excludes)" in reported


def test_bars_are_drawn_from_rounded_counts(trial: Trial) -> None:
    figure = draft_figure(trial, "x", BANDS)
    lengths = sorted(
        {round(patch.get_extents().width, 3) for patch in figure.axes[0].patches if patch.get_extents().width}
    )
    assert len(lengths) == 2
    assert lengths[0] / lengths[1] == pytest.approx(605 / 1185)


def test_a_draft_without_anybody_is_drawn(trial: Trial, tmp_path: Path) -> None:
    empty = Trial(
        trial.definition, trial.size.clear(), trial.rules.clear(), trial.overlap.clear(), trial.reach.clear(), (), 1.0
    )
    assert texts(empty).count("none") == 3
    assert canvas.save(draft_figure(empty, "x", BANDS), tmp_path / "draft").startswith(b"<?xml")
