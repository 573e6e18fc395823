"""Label what people wrote to us: hostile or not, of substance or not. The words stay in `raw`; flags go on.

Each different text is labelled once a night by the model inside alt-profanity-check (a bag of words and a linear
support vector machine, learnt from English comments). It looks at no other text, so that the same words always get
the same flags. It errs: `pipelines/reach/quality.py` corrects the rate by how often, and no flag says anything of one
text for certain.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl

from pipelines.contract import contracts
from pipelines.errors import RefError
from pipelines.reference import read_yaml
from pipelines.settings import Settings
from pipelines.warehouse import build

TABLE = "stg.text_tone"
LABELLER = "alt-profanity-check"
WORDED_KINDS = ("reply", "quote", "mention")
COUNTS = ("true_positives", "false_negatives", "false_positives", "true_negatives")
WORD_LISTS = ("small_words", "place_words", "time_words", "incident_words")
BATCH = 50_000  # texts held as Python text at a time

# Who is addressed and what is linked to say nothing of a text's own substance.
ADDRESS = r"https?://\S+|www\.\S+|@\S+"
WORD = r"[\p{L}\p{N}]+(?:['’-]\p{L}+)*"
# A road by its number, a time by the clock.
TELLING = r"\b[abm]\d{1,4}\b|\b\d{1,2}[:.]\d\d\b|\b\d{1,2}\s?[ap]m\b"


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


def fingerprint(settings: Settings) -> str:
    """Tell whether two nights labelled alike: the model, the threshold, the rules of substance and this module.

    The counts of the labelled sample are not in it: they correct rates later and change no flag.
    """
    substance = read_substance(settings)
    told = (version(LABELLER), read_labeller(settings).threshold, substance.content_words_at_least)
    words = (sorted(substance.small_words), sorted(substance.telling_words))
    return hashlib.sha256(f"{told} {words}".encode() + Path(__file__).read_bytes()).hexdigest()[:16]


def label(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Write `stg.text_tone`: the flags of each different text of tonight's replies, quotes and mentions.

    Needs `raw.engagement`. Raises `RefError`.
    """
    labeller, substance = read_labeller(settings), read_substance(settings)
    con.execute("CREATE SCHEMA IF NOT EXISTS stg")
    labelled = [label_texts(texts, labeller.threshold, substance) for texts in _batches(con)]
    build.write_table(con, TABLE, pl.concat([_nothing(), *labelled]))


def label_texts(texts: pl.DataFrame, threshold: float, substance: Substance) -> pl.DataFrame:
    """Flag texts, rows (`text_digest`, `text`) to rows (`text_digest`, `is_hostile`, `is_substantive`), in order.

    `is_hostile` is NULL where no word of the text is one that the model knows or an English small word.
    """
    probability = pl.Series("is_hostile", hostile_probabilities(texts["text"].to_list()))
    hostile = probability.fill_nan(None) >= threshold
    said = texts.select(said=pl.col("text").str.to_lowercase().str.replace_all(ADDRESS, " "))
    words = said.select(
        word=pl.col("said").str.replace_all("’", "'").str.extract_all(WORD),
        asks=pl.col("said").str.contains("?", literal=True),
        tells=pl.col("said").str.contains(TELLING),
    )
    content = pl.element().filter(~pl.element().is_in(list(substance.small_words)) & (pl.element().str.len_chars() > 1))
    telling = pl.element().is_in(list(substance.telling_words))
    n_content = pl.col("word").list.eval(content).list.n_unique()
    tells = pl.col("tells") | pl.col("word").list.eval(telling).list.any()
    has_substance = (n_content >= substance.content_words_at_least) | (pl.col("asks") & (n_content > 0)) | tells
    return texts.select("text_digest").with_columns(
        hostile, is_substantive=words.select(has_substance).to_series() & ~hostile.fill_null(False)
    )


def hostile_probabilities(texts: list[str]) -> npt.NDArray[np.float64]:
    """Give each text's probability of being hostile; not a number where it holds no word to judge by."""
    if not texts:
        return np.empty(0)
    from profanity_check.profanity_check import model, vectorizer  # scikit-learn takes a second to import

    features = vectorizer.transform(texts)
    probability: npt.NDArray[np.float64] = model.predict_proba(features)[:, 1]
    split, small = vectorizer.build_tokenizer(), vectorizer.get_stop_words()
    unknown = [n for n in np.flatnonzero(features.getnnz(axis=1) == 0) if small.isdisjoint(split(texts[n].lower()))]
    probability[unknown] = np.nan
    return probability


def _batches(con: duckdb.DuckDBPyConnection) -> Iterator[pl.DataFrame]:
    con.execute(
        "SELECT DISTINCT md5(text) AS text_digest, text FROM raw.engagement "
        "WHERE quarantine_reason IS NULL AND text IS NOT NULL AND list_contains($kinds, kind)",
        {"kinds": list(WORDED_KINDS)},
    )
    while rows := con.fetchmany(BATCH):
        yield pl.DataFrame(rows, schema={"text_digest": pl.String, "text": pl.String}, orient="row")


def _nothing() -> pl.DataFrame:
    kinds: dict[str, Any] = {"VARCHAR": pl.String, "BOOLEAN": pl.Boolean}
    columns = contracts("stg")["text_tone"].columns
    return pl.DataFrame(schema={column.name: kinds[column.type] for column in columns})


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
