"""Every source against every drift, and the property that no loader turns a figure that is absent into 0."""

import csv
import importlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, cast

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipelines.common.contract import contracts
from pipelines.common.errors import SchemaError
from pipelines.extract.registry import PULLED, SOURCES

# Each source, and the field that its sample adds for "unknown column".
ADDED = {
    "bluesky": "glow",
    "instagram": "is_verified",
    "linkedin": "mood",
    "mastodon": "glow",
    "meta": "mood",
    "x_analytics": "grok asks",
    "x_api": "glow",
    "x_archive": "bookmark_count",
    "youtube_studio": "mood",
}
# The fields that their samples leave out and retype.
DRIFTED = {
    "bluesky": ("createdat", "likecount"),
    "instagram": ("value", "timestamp"),
    "linkedin": ("created date", "impressions"),
    "mastodon": ("created_at", "favourites_count"),
    "meta": ("publish time", "reach"),
    "x_analytics": ("post id", "likes"),
    "x_api": ("created_at", "like_count"),
    "x_archive": ("id_str", "id_str"),
    "youtube_studio": ("video publish time", "impressions"),
}
OF_A_POST = [
    name for name in ("impressions", "reach", "likes", "replies", "reposts", "quotes", "clicks")
    if name in contracts("raw")["post"].column_names
]  # fmt: skip
API_SOURCES = tuple(PULLED)


class Sample(Protocol):
    """What each module under `samples/` offers."""

    FIGURES: tuple[str, ...]
    write: Callable[[Path, str, dict[str, int | None] | None], Path]
    read: Callable[[Path, Path], list[str]]


def sample_of(source: str) -> Sample:
    return cast(Sample, importlib.import_module(f"tests.extract.samples.{source}"))


def table(out: Path, name: str) -> list[dict[str, str]]:
    """Read one table of a drop, empty where it was not written."""
    file = out / f"{name}.csv"
    return list(csv.DictReader(file.open(encoding="utf-8", newline=""))) if file.exists() else []


def shape(out: Path) -> dict[str, list[list[str]]]:
    """Say which columns each row of a drop fills: ids and instants differ from run to run for some samples."""
    return {
        file.stem: [[name for name, cell in row.items() if cell] for row in table(out, file.stem)]
        for file in sorted(out.glob("*.csv"))
    }


def test_every_source_has_its_sample() -> None:
    here = {file.stem for file in (Path(__file__).parent / "samples").glob("[a-z]*.py")}
    assert set(SOURCES) == here == set(ADDED) == set(DRIFTED)


@pytest.mark.parametrize("source", ADDED)
def test_as_known_is_read_without_a_word(source: str, tmp_path: Path) -> None:
    sample = sample_of(source)
    notes = sample.read(sample.write(tmp_path / "in", "as known", None), tmp_path / "out")
    assert not [note for note in notes if ADDED[source] in note.lower() or "unknown" in note]
    assert shape(tmp_path / "out")
    for row in table(tmp_path / "out", "post"):
        assert {name for name in OF_A_POST if row.get(name)} == set(sample.FIGURES)


@pytest.mark.parametrize("source", ADDED)
def test_an_unknown_field_is_named_and_changes_nothing(source: str, tmp_path: Path) -> None:
    sample = sample_of(source)
    sample.read(sample.write(tmp_path / "known", "as known", None), tmp_path / "before")
    notes = sample.read(sample.write(tmp_path / "drifted", "unknown column", None), tmp_path / "after")
    assert [note for note in notes if ADDED[source] in note.lower()], notes
    assert shape(tmp_path / "after") == shape(tmp_path / "before")


@pytest.mark.parametrize("drift", ["missing column", "retyped column"])
@pytest.mark.parametrize("source", ADDED)
def test_what_is_missing_or_retyped_stops_the_reading(source: str, drift: str, tmp_path: Path) -> None:
    sample = sample_of(source)
    path = sample.write(tmp_path / "in", drift, None)
    with pytest.raises(SchemaError) as caught:
        sample.read(path, tmp_path / "out")
    message = str(caught.value)
    assert DRIFTED[source][drift == "retyped column"] in message.lower(), "names the field"
    assert "known" in message.lower() or "it has" in message, "says what is known, or what is in its place"
    assert "many" not in message and "2023-02-14" not in message, "no value in an error"
    assert caught.value.__cause__ is None
    assert not list((tmp_path / "out").glob("*")), "nothing is written"


def absent_stays_absent(source: str, figures: dict[str, int | None]) -> None:
    """Write a post with these figures and read it: each comes out as it went in, an absent one as unknown."""
    sample = sample_of(source)
    with tempfile.TemporaryDirectory() as folder:
        sample.read(sample.write(Path(folder) / "in", "as known", figures), Path(folder) / "out")
        (post,) = table(Path(folder) / "out", "post")
    expected = {name: "" if figures.get(name) is None else str(figures[name]) for name in OF_A_POST}
    assert {name: post.get(name, "") for name in OF_A_POST} == expected


WITH_FIGURES = [source for source in ADDED if sample_of(source).FIGURES]


@pytest.mark.parametrize("source", WITH_FIGURES)
def test_no_loader_turns_an_absent_figure_into_0(source: str) -> None:
    names = sample_of(source).FIGURES
    one = st.none() | st.integers(min_value=0, max_value=2_000_000)

    # A pull through a server costs a hundred times what a file does.
    @settings(max_examples=6 if source in API_SOURCES else 25, deadline=None, suppress_health_check=list(HealthCheck))
    @example(figures=dict.fromkeys(names))
    @example(figures=dict.fromkeys(names, 0))
    @given(figures=st.fixed_dictionaries(dict.fromkeys(names, one)))
    def holds(figures: dict[str, int | None]) -> None:
        absent_stays_absent(source, figures)

    holds()


@pytest.mark.parametrize("source", WITH_FIGURES)
def test_each_figure_alone_may_be_absent(source: str) -> None:
    names = sample_of(source).FIGURES
    for name in names:
        absent_stays_absent(source, dict.fromkeys(names, 3) | {name: None})
