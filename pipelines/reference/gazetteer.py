"""Places that people declare: the gazetteer with each place's distance from home, the rules of reading, the audiences.

Everything that depends on where home is, is worked out here once for each of some thousand places; people only join.
"""

from typing import Annotated, Literal

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from pipelines.common.errors import RefError
from pipelines.common.settings import Settings
from pipelines.reference.files import Account, Place, read_bands
from pipelines.reference.home_area import HomeArea, check_order, haversine_km, read_home_area
from pipelines.reference.place_name import Edges, named_places
from pipelines.reference.reader import Entry, Text, line_of, read_entries, read_entry

BANDS = ("home area", "under 25 km", "25 to 100 km", "over 100 km", "abroad", "unknown")
HOME, NEAR, MIDDLE, FAR, ABROAD, UNKNOWN = BANDS
COLUMNS = ("place", "also", "kind", "within", "latitude", "longitude", "people")
TOWNS = ("town", "outcode", "own")
KINDS = (*TOWNS, "county", "area", "region", "nation", "union", "province", "code", "state", "exception")
Count = Annotated[int, Field(ge=0, description="a whole number from 0, at most n_checked")]


class PlaceRule(Entry):
    """One way to read a declared place, and how many of its readings a sample found right: of `place_rule.yml`."""

    reason: Text
    n_checked: Count | None = None
    n_right: Count | None = None

    @model_validator(mode="after")
    def _counts_are_possible(self) -> "PlaceRule":
        if (self.n_checked is None) != (self.n_right is None) or (self.n_right or 0) > (self.n_checked or 0):
            raise ValueError("has counts that cannot be: 0 <= n_right <= n_checked")
        return self


class WordList(Entry):
    """One kind of word of `place_word.yml`."""

    reason: Text
    words: Annotated[list[Text], Field(description="a list of texts; put no and on in quotes")]


class PlaceWords(Entry):
    """The file `place_word.yml`."""

    filler: WordList
    ordinary: WordList


class Audience(Entry):
    """Whom one account of ours is for: an entry of `audience.yml`."""

    audience: Literal["local", "visitors", "anyone"]
    reason: Text


def tables(settings: Settings, known: tuple[Place, ...], accounts: tuple[Account, ...]) -> dict[str, pl.DataFrame]:
    """Give `ref.gazetteer`, `ref.place_rule`, `ref.place_word` and `ref.account_audience` as their contracts say.

    Raises `RefError` where a file is unusable.
    """
    words = read_words(settings)
    return {
        "gazetteer": gazetteer(settings, known, words),
        "place_rule": read_rules(settings),
        "place_word": words,
        "account_audience": read_audiences(settings, accounts),
    }


def gazetteer(settings: Settings, known: tuple[Place, ...], words: pl.DataFrame) -> pl.DataFrame:
    """Every name of every place, folded, with the place's band of distance from home.

    Raises `RefError`.
    """
    places = _read_gazetteer(settings)
    own = _own_places(known, places)
    places = pl.concat([places, own], how="vertical").with_row_index("place_no")
    edges = _edges(read_bands(settings))
    placed = _with_bands(
        places, _home_area(settings, known, places), edges, {one.place for one in known if one.is_home}
    )
    return named_places(placed, words, edges)


def _edges(bands: dict[str, float]) -> Edges:
    names = (
        "home_place_within_km",
        "home_near_below_km",
        "home_middle_below_km",
        "home_country_counts_times",
        "same_name_ahead_times",
        "area_in_one_band_share",
        "place_among_words_people_at_least",
    )
    return Edges(*(bands[name] for name in names))


def _read_gazetteer(settings: Settings) -> pl.DataFrame:
    path = settings.ref_file("gazetteer.csv")
    schema = dict.fromkeys(COLUMNS, pl.String) | {
        "latitude": pl.Float64,
        "longitude": pl.Float64,
        "people": pl.Int64,
    }
    try:
        read = pl.read_csv(path, comment_prefix="#", schema_overrides=schema)
    except (pl.exceptions.PolarsError, OSError) as failure:
        raise RefError(path.name, f"is no UTF-8 CSV ({type(failure).__name__})", known=COLUMNS) from None
    if tuple(read.columns) != COLUMNS:
        raise RefError(path.name, f"has the columns {', '.join(read.columns)}", known=COLUMNS)
    if unknown := sorted(set(read["kind"].drop_nulls()) - set(KINDS)):
        raise RefError(path.name, f"has the kind {unknown[0]}", known=KINDS)
    if read.select("place", "kind", "latitude", "longitude").null_count().sum_horizontal()[0]:
        raise RefError(path.name, "has a place without name, kind or degrees")
    read = read.with_columns(
        _listed(pl.col("also", "within").fill_null("")),
        pl.col("people").fill_null(0),
    )
    listed = set(read["place"])
    if missing := sorted(set(read["within"].explode().drop_nulls()) - listed):
        raise RefError(path.name, f"puts a place within {missing[0]}, which it does not have")
    leaves = (*TOWNS, "code")
    parents = read.filter(~pl.col("kind").is_in(leaves)).unique("place", keep="first", maintain_order=True)
    above = {place: [place, *within] for place, within in parents.select("place", "within").iter_rows()}
    # Areas say all they lie in; of a town only its county is said, and the rest follows.
    within = [
        ";".join(dict.fromkeys(one for part in parts for one in above.get(part, [part])) if kind in leaves else parts)
        for kind, parts in read.select("kind", "within").iter_rows()
    ]
    # A code is another name of its state: what lies in Massachusetts lies in MA.
    place = pl.when(pl.col("kind") == "code").then(pl.col("within").list.first()).otherwise(pl.col("place"))
    named = read.with_columns(
        place=place,
        also=pl.when(pl.col("kind") == "code").then(pl.concat_list(pl.concat_list("place"), "also")).otherwise("also"),
    )
    return named.with_columns(_listed(pl.lit(pl.Series("within", within))))


def _listed(cells: pl.Expr) -> pl.Expr:
    """Part cells at their semicolons; an empty cell is an empty list."""
    return cells.str.split(";").list.eval(pl.element().filter(pl.element() != ""))


def _own_places(known: tuple[Place, ...], places: pl.DataFrame) -> pl.DataFrame:
    """The deployment's places as rows of the gazetteer: within their region, their country, and its union."""
    union = {place: within[-1] for place, within in places.filter(kind="nation").select("place", "within").iter_rows()}
    rows = [
        {
            "place": one.place,
            "also": [],
            "kind": "own",
            "within": [name for name in (one.region, one.country, union.get(one.country or "")) if name],
            "latitude": one.latitude,
            "longitude": one.longitude,
            "people": 0,
        }
        for one in known
    ]
    return pl.DataFrame(rows, schema=places.schema)


def _home_area(settings: Settings, known: tuple[Place, ...], places: pl.DataFrame) -> HomeArea:
    path = settings.ref / "home_area.geojson"
    homes = np.array([(one.longitude, one.latitude) for one in known if one.is_home])
    rings = read_home_area(path) if path.exists() else ()
    if rings:
        towns = places.filter(pl.col("kind").is_in(TOWNS)).select("longitude", "latitude").to_numpy()
        check_order(path, rings, towns)
    return HomeArea(rings, homes if len(homes) else None)


def _with_bands(places: pl.DataFrame, home: HomeArea, edges: Edges, own_homes: set[str]) -> pl.DataFrame:
    """Add country, region, county, distance_km and home_band; everything is unknown where home is."""
    kind = pl.col("kind")
    regions = set(places.filter(kind="region")["place"])
    nations = set(places.filter(kind="nation")["place"])
    states = set(places.filter(kind.is_in(["union", "state"]))["place"])
    is_area = ~kind.is_in(TOWNS)
    chain = pl.when(is_area).then(pl.concat_list(pl.concat_list("place"), "within")).otherwise(pl.col("within"))

    def first_of(names: set[str]) -> pl.Expr:
        return pl.col("chain").list.eval(pl.element().filter(pl.element().is_in(sorted(names)))).list.first()

    own = kind == "own"
    placed = places.with_columns(chain=chain).with_columns(
        county=pl.when(kind.is_in(["town", "outcode", "county"])).then(pl.col("chain").list.first()),
        region=pl.when(own)
        .then(pl.col("within").list.first())
        .otherwise(first_of(regions).str.strip_suffix(" Region")),
        country=pl.coalesce(first_of(nations), first_of(states), pl.col("within").list.get(1, null_on_oob=True)),
        state=pl.coalesce(first_of(states), pl.col("chain").list.last()),
    )
    placed = placed.with_columns(county=pl.when(pl.col("county") != pl.col("country")).then(pl.col("county")))
    if not home.is_known:
        return placed.with_columns(
            distance_km=pl.lit(None, pl.Float64), home_band=pl.lit(UNKNOWN), is_home_state=pl.lit(False)
        )
    at = placed.select("longitude", "latitude").to_numpy()
    distance = home.distance_km(at)
    is_home = (pl.col("distance_km") <= edges.same_place_km) & ~own | (own & pl.col("place").is_in(sorted(own_homes)))
    if home.rings:
        is_home |= pl.Series("inside", home.holds(at))
    placed = placed.with_columns(distance_km=pl.Series(distance)).with_columns(is_home=is_home & ~is_area)
    home_states = set(placed.filter("is_home")["state"]) or set(_nearest_towns(placed, home)["state"])
    return _area_bands(_town_bands(placed, edges, home_states), home, edges)


def _town_bands(placed: pl.DataFrame, edges: Edges, home_states: set[str]) -> pl.DataFrame:
    distance = pl.col("distance_km")
    band = (
        pl.when(~pl.col("is_home_state"))
        .then(pl.lit(ABROAD))
        .when("is_home")
        .then(pl.lit(HOME))
        .when(distance < edges.near_km)
        .then(pl.lit(NEAR))
        .when(distance < edges.middle_km)
        .then(pl.lit(MIDDLE))
        .otherwise(pl.lit(FAR))
    )
    placed = placed.with_columns(is_home_state=pl.col("state").is_in(sorted(home_states)))
    return placed.with_columns(home_band=band)


def _nearest_towns(placed: pl.DataFrame, home: HomeArea) -> pl.DataFrame:
    """The gazetteer's town nearest to each home place, or to the area: it tells which areas home lies in."""
    towns = placed.filter(kind="town")
    if home.points is None:
        return towns.sort("distance_km").head(1)
    at = towns.select("longitude", "latitude").to_numpy()
    nearest = [int(haversine_km(at, point).argmin()) for point in home.points]
    return towns[sorted(set(nearest))]


def _area_bands(placed: pl.DataFrame, home: HomeArea, edges: Edges) -> pl.DataFrame:
    """Give areas of the home state the band of their people.

    Home area if enough of them live there; unknown if home is only a part; else the band most of them live in.
    """
    towns = placed.filter(pl.col("kind").is_in(["town", "own"]) & pl.col("is_home_state"))
    # A county holds its own towns alone, not those of the counties that were once a part of it.
    counties = placed.filter(kind="county")["place"].to_list()
    members = (
        towns.select("home_band", "chain", "county", people=pl.max_horizontal("people", 1))
        .explode("chain")
        .filter(~pl.col("chain").is_in(counties) | (pl.col("chain") == pl.col("county")))
        .group_by("chain", "home_band")
        .agg(pl.col("people").sum())
        .with_columns(share=pl.col("people") / pl.col("people").sum().over("chain"))
        .sort("chain", "share", "home_band", descending=[False, True, False])
    )
    at_home = set(members.filter(home_band=HOME)["chain"]) | set(_nearest_towns(placed, home)["chain"].explode())
    whole = set(members.filter((pl.col("home_band") == HOME) & (pl.col("share") >= edges.area_share))["chain"])
    largest = members.filter(pl.col("home_band") != HOME).unique("chain", keep="first", maintain_order=True)
    bands = dict(largest.select("chain", "home_band").iter_rows())
    bands |= dict.fromkeys(at_home, UNKNOWN) | dict.fromkeys(whole, HOME)
    is_area = ~pl.col("kind").is_in(TOWNS) & pl.col("is_home_state")
    band = pl.col("place").replace_strict(bands, default=UNKNOWN, return_dtype=pl.String)
    return placed.with_columns(
        home_band=pl.when(is_area).then(band).otherwise(pl.col("home_band")),
        distance_km=pl.when(~is_area & pl.col("is_home_state")).then(pl.col("distance_km")),
    )


def read_rules(settings: Settings) -> pl.DataFrame:
    """Read `place_rule.yml`: rules in their order, with the confidence of their readings.

    The confidence is the share of readings that a sample found right, drawn towards one half where few were checked:
    (right + 0.5) / (checked + 1).
    Raises `RefError`.
    """
    rows = []
    for number, (rule_id, rule) in enumerate(read_entries(settings.ref_file("place_rule.yml"), PlaceRule).items(), 1):
        checked, right = rule.n_checked, rule.n_right
        confidence = None if checked is None or right is None else (right + 0.5) / (checked + 1)
        rows.append((rule_id, number, confidence, checked, right, rule.reason))
    schema = {
        "place_rule_id": pl.String,
        "place_rule_no": pl.Int64,
        "place_confidence": pl.Float64,
        "n_checked": pl.Int64,
        "n_right": pl.Int64,
        "reason": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def read_words(settings: Settings) -> pl.DataFrame:
    """Read `place_word.yml`: words around places, and everyday words that are also places.

    Raises `RefError`.
    """
    read = read_entry(settings.ref_file("place_word.yml"), PlaceWords)
    rows = [(word, role) for role, kind in read for word in dict.fromkeys(kind.words)]
    return pl.DataFrame(rows, schema={"word": pl.String, "role": pl.String}, orient="row")


def read_audiences(settings: Settings, accounts: tuple[Account, ...]) -> pl.DataFrame:
    """Read the deployment's own `audience.yml`: whom each account of ours is for; without it nobody has said.

    Raises `RefError` where an account is not ours or an audience is unknown.
    """
    schema = {"platform": pl.String, "account_id": pl.String, "audience": pl.String, "reason": pl.String}
    path = settings.ref / "audience.yml"
    own = {one.ref: one for one in accounts if one.role == "own"}
    audiences = read_entries(path, Audience) if path.exists() else {}
    for ref in audiences:
        if ref not in own:
            where = f"{path.name} line {line_of(path, (ref,))}: {ref}"
            raise RefError(where, "is not an account of ours", hint="platform:account_id, as in account.csv")
    rows = [(own[ref].platform, own[ref].account_id, one.audience, one.reason) for ref, one in audiences.items()]
    return pl.DataFrame(rows, schema=schema, orient="row")
