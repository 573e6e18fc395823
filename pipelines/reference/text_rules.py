"""The two files that say how texts are judged: `tone.yml` and `substance.yml`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.common.errors import RefError
from pipelines.common.settings import Settings
from pipelines.reference.files import read_yaml

COUNTS = ("true_positives", "false_negatives", "false_positives", "true_negatives")
WORD_LISTS = ("small_words", "place_words", "time_words", "incident_words")


@dataclass(frozen=True)
class Labeller:
    """From which probability a text counts as hostile, and how the labeller did on a sample that people labelled.

    The counts are of texts, at this threshold: hostile ones found and missed, others taken for hostile and left alone.
    """

    threshold: float
    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int
    source: str


@dataclass(frozen=True)
class Substance:
    """What makes a text one of substance: how many content words, or one word that tells of a place, time or incident.

    Small words are no content.
    """

    content_words_at_least: int
    small_words: frozenset[str]
    telling_words: frozenset[str]


def read_labeller(settings: Settings) -> Labeller:
    """Read `tone.yml`, whole: the deployment's own sample of texts, else the shipped one.

    Raises `RefError` where the threshold is no probability, a count is no whole number, or source or reason is empty.
    """
    path = settings.ref_file("tone.yml")
    read = _read(path, ("threshold", *COUNTS, "source", "reason"))
    threshold = read["threshold"]
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 < threshold < 1:
        raise RefError(path.name, f"has threshold {threshold!r}", hint="a probability above 0 and below 1")
    counts = [_whole(path, name, read[name]) for name in COUNTS]
    if not counts[0] + counts[1] or not counts[2] + counts[3]:
        raise RefError(path.name, "counts no hostile texts, or no others", hint="label a sample that holds both")
    return Labeller(float(threshold), counts[0], counts[1], counts[2], counts[3], str(read["source"]))


def read_substance(settings: Settings) -> Substance:
    """Read `substance.yml`: the words that the rules of substance go by.

    Raises `RefError` where a list is none of texts, the least number is no whole number, or the reason is empty.
    """
    path = settings.ref_file("substance.yml")
    read = _read(path, ("content_words_at_least", *WORD_LISTS, "reason"))
    lists = {}
    for name in WORD_LISTS:
        words = read[name]
        if not isinstance(words, list) or not all(isinstance(word, str) and word.strip() for word in words):
            raise RefError(f"{path.name}: {name}", "is no list of texts", hint="put numbers and yes or no in quotes")
        lists[name] = frozenset(word.strip().lower() for word in words)
    telling = frozenset().union(*(lists[name] for name in WORD_LISTS[1:]))
    least = _whole(path, "content_words_at_least", read["content_words_at_least"])
    return Substance(least, lists["small_words"], telling)


def _read(path: Path, keys: tuple[str, ...]) -> dict[str, Any]:
    read = read_yaml(path)
    if set(read) != set(keys):
        raise RefError(path.name, f"has the keys {', '.join(map(str, read))}", known=keys)
    for name in ("source", "reason"):
        if name in keys and not str(read[name] or "").strip():
            raise RefError(path.name, f"gives no {name}")
    return read


def _whole(path: Path, name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise RefError(f"{path.name}: {name}", f"is {value!r}", hint="a whole number from 0")
    return value
