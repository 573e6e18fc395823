"""The names of places, folded, and which of several places a name means."""

from dataclasses import dataclass

import duckdb
import polars as pl

# A town of an everyday name is meant by its name alone only if it is this large: Bath and Reading, not Hook.
ORDINARY_PEOPLE = 20_000

# How sql/stg/declared_place.sql folds what people write, for the gazetteer's names.
FOLD = r"""
    trim(regexp_replace(
        regexp_replace(lower(strip_accents(place_name)), '[''’.]', '', 'g'),
        '[^\p{L}\p{N}\x{1F1E6}-\x{1F1FF}]+', ' ', 'g'
    ))
"""

# Columns of ref.gazetteer, and the columns of a place that they come from.
NAMED_COLUMNS = {
    "place_name": "place_name",
    "place_no": "place_no",
    "place": "place",
    "place_kind": "kind",
    "within": "within",
    "county": "county",
    "region": "region",
    "country": "country",
    "latitude": "latitude",
    "longitude": "longitude",
    "place_people": "people",
    "distance_km": "distance_km",
    "home_band": "home_band",
    "is_namesake_choice": "is_namesake_choice",
    "is_known_among_words": "is_known_among_words",
}


@dataclass(frozen=True)
class Edges:
    """The thresholds of reading places, from bands.yml."""

    same_place_km: float
    near_km: float
    middle_km: float
    home_country_times: float
    ahead_times: float
    area_share: float
    among_words_people: float


def named_places(placed: pl.DataFrame, words: pl.DataFrame, edges: Edges) -> pl.DataFrame:
    """Give one row per name and place; `is_namesake_choice` where the name alone means the place.

    It is a town that clearly outweighs its namesakes, and no area has the name: Wales is a village in Yorkshire, too,
    and nobody means it by its name alone. A town called like an ordinary word ("reading") must be large.
    `is_known_among_words`: the name means the place even within a sentence.
    """
    ordinary = words.filter(role="ordinary")["word"].to_list()
    names = _all_names(placed)
    is_area = pl.col("kind").is_in(["nation", "union", "state", "county", "region"]).any().over("place_name")
    is_ordinary, people = pl.col("place_name").is_in(ordinary), pl.col("people")
    is_choice = (pl.col("kind") == "town") & _is_clear(edges) & ~is_area
    names = names.with_columns(
        is_namesake_choice=is_choice & (~is_ordinary | (people >= ORDINARY_PEOPLE)),
        is_known_among_words=is_choice & ~is_ordinary & pl.col("is_home_state") & (people >= edges.among_words_people),
    )
    return names.select(pl.col(column).alias(name) for name, column in NAMED_COLUMNS.items())


def _all_names(placed: pl.DataFrame) -> pl.DataFrame:
    """Give one row per place and name it goes by, folded."""
    names = placed.with_columns(place_name=pl.concat_list(pl.concat_list("place"), "also")).explode("place_name")
    # A code's own place is a state with a row of its own.
    names = names.filter((pl.col("kind") != "code") | (pl.col("place_name") != pl.col("place")))
    return _folded(names).filter(pl.col("place_name") != "").unique(["place_no", "place_name"], maintain_order=True)


def _is_clear(edges: Edges) -> pl.Expr:
    """Whether a town outweighs the other towns of its name, by `edges.ahead_times`.

    Its weight is its people; a town of the home state counts several times, for most who follow us live there. Which
    of several towns abroad is meant decides nothing, so their only rivals are towns at home.
    """
    times = pl.when("is_home_state").then(edges.home_country_times).otherwise(1.0)
    weight = pl.when(pl.col("kind") == "town").then(pl.max_horizontal("people", 1) * times).otherwise(0.0)
    by_weight = weight.sort(descending=True).over("place_name", mapping_strategy="join")
    second = by_weight.list.get(1, null_on_oob=True).fill_null(0)
    at_home = pl.when("is_home_state").then(weight).max().over("place_name").fill_null(0)
    rival = pl.when("is_home_state").then(second).otherwise(at_home)
    return (weight == weight.max().over("place_name")) & (weight >= edges.ahead_times * rival)


def _folded(names: pl.DataFrame) -> pl.DataFrame:
    """Fold as the models do, in DuckDB itself: two ways of folding would differ in some letter."""
    with duckdb.connect() as con:
        con.register("names", names)
        folded: pl.DataFrame = con.sql(f"SELECT * REPLACE ({FOLD} AS place_name) FROM names").pl()
    return folded
