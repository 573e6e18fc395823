"""Label what people wrote to us: hostile or not, of substance or not. The words stay in `raw`; flags go on.

Each different text is labelled once a night by the model inside alt-profanity-check (a bag of words and a linear
support vector machine, learnt from English comments). It looks at no other text, so that the same words always get
the same flags. It errs: `pipelines/marts/interaction_quality.py` corrects the rate by how often, and no flag says
anything of one text for certain.
"""

import hashlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl

from pipelines.common.contract import contracts
from pipelines.common.query import query
from pipelines.common.settings import Settings
from pipelines.reference.text_rules import Substance, read_labeller, read_substance
from pipelines.warehouse import build

TABLE = "stg.text_tone"
LABELLER = "alt-profanity-check"
WORDED_KINDS = ("reply", "quote", "mention")
BATCH = 50_000  # texts held as Python text at a time

# Addresses and links are not part of a text's own substance.
ADDRESS = r"https?://\S+|www\.\S+|@\S+"
WORD = r"[\p{L}\p{N}]+(?:['’-]\p{L}+)*"
# A road by its number, a time by the clock.
TELLING = r"\b[abm]\d{1,4}\b|\b\d{1,2}[:.]\d\d\b|\b\d{1,2}\s?[ap]m\b"


def fingerprint(settings: Settings) -> str:
    """Hash what decides the labels: the model, the threshold, the rules of substance and this module.

    The counts of the labelled sample are not part of it: they correct rates later and change no flag.
    """
    substance = read_substance(settings)
    deciding = (version(LABELLER), read_labeller(settings).threshold, substance.content_words_at_least)
    words = (sorted(substance.stop_words), sorted(substance.telling_words))
    return hashlib.sha256(f"{deciding} {words}".encode() + Path(__file__).read_bytes()).hexdigest()[:16]


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
    stripped = texts.select(text=pl.col("text").str.to_lowercase().str.replace_all(ADDRESS, " "))
    words = stripped.select(
        word=pl.col("text").str.replace_all("’", "'").str.extract_all(WORD),
        asks=pl.col("text").str.contains("?", literal=True),
        tells=pl.col("text").str.contains(TELLING),
    )
    content = pl.element().filter(~pl.element().is_in(list(substance.stop_words)) & (pl.element().str.len_chars() > 1))
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
    con.execute(query("warehouse/texts"))
    while rows := con.fetchmany(BATCH):
        yield pl.DataFrame(rows, schema={"text_digest": pl.String, "text": pl.String}, orient="row")


def _nothing() -> pl.DataFrame:
    kinds: dict[str, Any] = {"VARCHAR": pl.String, "BOOLEAN": pl.Boolean}
    columns = contracts("stg")["text_tone"].columns
    return pl.DataFrame(schema={column.name: kinds[column.type] for column in columns})
