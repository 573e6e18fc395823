"""Pages for a board: their visible text, charts among it, holds no table name, rule id or statistical jargon."""

import base64
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.report.review import write_review
from tests.marts.planted_decision import FALLS, KEEPS_VISITORS, PLANTED, DecidedNight
from tests.report import answer_rows as rows
from tests.report.small_night import AS_OF, SmallNight

JARGON = re.compile(
    r"\b(?:raw|stg|core|mart|meta|ref)\.\w+|\b(?:AUC|NULL)\b|\b[pq]-values?\b|log-odds|Poisson|Benjamini"
    r"|sign of life|\bacts\b",
    re.IGNORECASE,
)
# A name of a table, column, check or rule: no word that a board reads has an underscore. Sources of data have one.
CODE_NAME = re.compile(r"\b(?!x_lists\b)[a-z]+(?:_[a-z0-9]+)+\b")


def visible(page: str) -> str:
    """Give what a reader sees of a page: its text, texts that stand for charts, and the words in the charts."""
    charts = [base64.b64decode(one).decode("utf-8") for one in re.findall(r"svg\+xml;base64,([\w+/=]+)", page)]
    words = re.findall(r'(?:alt|aria-label)="([^"]*)"', page)
    bodies = [re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL), *charts]
    return " ".join([*words, *(re.sub(r"<[^>]+>", " ", one) for one in bodies)])


def found_in(page: str) -> list[str]:
    text = visible(page)
    return [*JARGON.findall(text), *CODE_NAME.findall(text)]


def test_the_report_is_plain(small_night: SmallNight, page_of: Callable[[SmallNight], str]) -> None:
    homes = {"home area": 177, "over 100 km": 403, "unknown": 814}
    small_night.partial = {"1"}
    small_night.warnings = {"lists_agree": "Ask the platform again."}
    small_night.quarantine = {"no such account": 4242}
    small_night.more = {
        "mart.reach_trend": rows.weeks("2", [203, 190, 151], "rider"),
        "mart.reach_verdict": [
            rows.verdict("2", "reaches", "rider", trend="falling"),
            rows.verdict("1", "cannot tell", needed_weeks=9, verdict_reason="Two weeks are no trend. Much more."),
        ],
        "mart.reach_home": rows.homes("2", homes, "rider"),
        "mart.visitor_reach": [rows.visitors("2", homes, "rider")],
        "mart.interaction_quality": [rows.interactions("2", (0.04, 0.01, 0.1))],
        "mart.keep_frontier": [rows.frontier(1, 500), rows.frontier(2, 800)],
        "mart.segment_expansion": [
            {"as_of": AS_OF, "segment_id": "rider", "platform": "x", "channel": "follow", "n_seeds": 40}
            | {"auc": 0.81, "guard": "good", "segment_people_lo": 1204, "segment_people_hi": 1391}
        ],
    }
    page = page_of(small_night)
    assert page.count("<img") > 5  # all the charts are there to be searched
    assert "a good estimate" in page
    assert found_in(page) == []


def test_the_review_is_plain(tmp_path: Path, bands: dict[str, float]) -> None:
    night = DecidedNight(
        evidence={("x", "1"): FALLS, ("x", "2"): KEEPS_VISITORS, ("facebook", "f"): PLANTED["no_people_known"][0]},
        sets={("1",): 120.0, ("2",): 350.0},
    )
    page = write_review(night.write(tmp_path / "night.duckdb"), tmp_path / "review", bands).read_text(encoding="utf-8")
    assert "Rules that come before and do not apply" in page
    assert found_in(page) == []


@pytest.mark.parametrize("text", ["mart.keep_frontier", "AUC 0.81", "by keeps_visitors", "q-value below 0.1", "NULL"])
def test_jargon_is_found(text: str) -> None:
    chart = base64.b64encode(f"<svg><text>{text}</text></svg>".encode()).decode("ascii")
    assert found_in(f"<p>{text}</p>") != []
    assert found_in(f'<img src="data:image/svg+xml;base64,{chart}">') != []
