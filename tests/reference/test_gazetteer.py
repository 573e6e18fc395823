"""Declared places are read as people meant them, far and near are measured right, and files that are wrong say how."""

import csv
import json
from collections import defaultdict
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest

from pipelines.common.contract import contracts
from pipelines.common.errors import RefError
from pipelines.common.settings import ROOT, SHIPPED_REF, Settings
from pipelines.reference import files, gazetteer
from pipelines.reference.files import Place
from pipelines.reference.home_area import HomeArea, haversine_km, read_home_area
from pipelines.warehouse.catalogue import sql_models

DECLARED = Path(__file__).parent / "declared_places.csv"
UK_GEO = ROOT.parent / "shared" / "data" / "uk-geo"
BRITISH = {"England", "Scotland", "Wales", "Northern Ireland", "United Kingdom"}
READ_PLACES = next(model.sql for model in sql_models("stg") if model.name == "declared_place")
SHIPPED = Settings(data=Path("nowhere"), ref=SHIPPED_REF, key_file=Path("none"))


@cache
def shipped_tables() -> dict[str, pl.DataFrame]:
    """The demo county's tables of places."""
    return gazetteer.tables(SHIPPED, tuple(files.read_places(SHIPPED)), tuple(files.read_accounts(SHIPPED)))


def read_texts(texts: list[str], tables: dict[str, pl.DataFrame] | None = None) -> pl.DataFrame:
    """Read declared texts as a night does."""
    with duckdb.connect(config={"threads": 2}) as con:
        con.execute("CREATE SCHEMA ref")
        con.execute("CREATE SCHEMA stg")
        for name, frame in (tables or shipped_tables()).items():
            con.register("frame", frame)
            con.execute(f"CREATE TABLE ref.{name} AS SELECT * FROM frame")
            con.unregister("frame")
        con.register("texts", pl.DataFrame({"location": texts}))
        con.execute("CREATE TABLE stg.member AS SELECT * FROM texts")
        read: pl.DataFrame = con.sql(READ_PLACES).pl()
    return read


def read_as(text: str) -> dict[str, Any]:
    """Read one text."""
    return read_texts([text]).row(0, named=True)


def _lies_in(reading: dict[str, Any], area: str, towns: dict[tuple[str, str], set[str]]) -> bool:
    """Whether a reading's place is an area or lies in it; of an own place, whether its namesake in the country does."""
    key = (reading["place"].casefold(), reading["country"])
    around = {reading["place"], reading["county"], reading["region"]} | towns.get((reading["county"] or "", ""), set())
    return area in around | towns.get(key, set())


def checked() -> list[dict[str, Any]]:
    """Every hand-written place with its reading, and `is_right`: None where nothing was read."""
    with DECLARED.open(encoding="utf-8", newline="") as source:
        wanted = {row["text"]: row for row in csv.DictReader(source)}
    gazetteer = shipped_tables()["gazetteer"]
    around: dict[tuple[str, str], set[str]] = defaultdict(set)
    for name, place, county, country, within in (
        gazetteer.filter(pl.col("place_kind").is_in(["town", "area"]))
        .select("place_name", "place", "county", "country", "within")
        .iter_rows()
    ):
        around[name, country] |= {*within}
        around[place.casefold(), country] |= {*within}
        around[county or "", ""] |= {*within}
    rows = []
    for reading in read_texts(list(wanted)).iter_rows(named=True):
        reported = wanted[reading["location"]]
        is_right = None
        if reading["country"]:
            is_there = not reported["area"] or _lies_in(reading, reported["area"], around)
            is_right = reading["country"] == reported["country"] and is_there
        rows.append(reading | {"batch": reported["batch"], "wanted": reported["country"], "is_right": is_right})
    return rows


def test_declared_places_are_read_and_read_right() -> None:
    rows = checked()
    assert len(rows) >= 150
    for batch, least_precision in (("tuned", 0.98), ("held out", 0.95)):
        part = [row for row in rows if row["batch"] == batch]
        read = [row for row in part if row["is_right"] is not None]
        assert len(read) / len(part) >= 0.84, batch
        assert sum(row["is_right"] for row in read) / len(read) >= least_precision, batch
    british = [row["is_right"] for row in rows if row["country"] in BRITISH]
    assert sum(british) / len(british) >= 0.98


def test_the_rules_confidence_is_what_was_counted() -> None:
    counted: dict[str, list[bool]] = defaultdict(list)
    for row in checked():
        if row["is_right"] is not None:
            counted[row["place_rule_id"]].append(row["is_right"])
    for rule in gazetteer.read_rules(SHIPPED).filter(pl.col("n_checked").is_not_null()).iter_rows(named=True):
        found = counted.pop(rule["place_rule_id"], [])
        assert (rule["n_checked"], rule["n_right"]) == (len(found), sum(found)), rule["place_rule_id"]
        assert rule["place_confidence"] == (sum(found) + 0.5) / (len(found) + 1)
    assert not counted, "readings by rules without counts"


def test_jokes_are_no_places() -> None:
    with DECLARED.open(encoding="utf-8", newline="") as source:
        jokes = [row["text"] for row in csv.DictReader(source) if row["about"] in ("a joke", "nothing", "the word")]
    assert len(jokes) >= 20
    assert set(read_texts(jokes)["place_rule_id"]) == {"no_place_known"}


@pytest.mark.parametrize(
    ("text", "place", "rule"),
    [
        ("Leeds", "Leeds", "own_place"),
        ("Birmingham, AL", "Birmingham", "town_abroad"),
        ("York, PA", "Pennsylvania", "country_abroad"),
        ("New England", "New England", "exception"),
        ("sw19", "SW", "outcode"),
        ("On the M62", None, "no_place_known"),
        ("Me, OK", None, "no_place_known"),
        ("Boston", None, "ambiguous_name"),
        ("England / Spain", None, "two_countries"),
        ("Hook", None, "ambiguous_name"),
        ("Hook, Hampshire", "Hook", "town_in_county"),
        ("🇵🇱🇬🇧", None, "no_place_known"),
        ("🇪🇸 living the dream", "Spain", "country_abroad"),
        ("🏴󠁧󠁢󠁳󠁣󠁴󠁿", "Scotland", "nation"),
        ("Sheffield/Leeds", "Sheffield", "first_of_several"),
        ("", None, "no_place_known"),
        (" | , ", None, "no_place_known"),
        ("a" * 5000, None, "no_place_known"),
        ("'; DROP TABLE ref.gazetteer; --", None, "no_place_known"),
    ],
)
def test_a_text_is_read_by_the_rule_that_fits(text: str, place: str | None, rule: str) -> None:
    reading = read_as(text)
    assert (reading["place"], reading["place_rule_id"]) == (place, rule)


def test_the_order_of_rules_is_data() -> None:
    tables = dict(shipped_tables())
    assert read_texts(["Leeds"], tables)["place_rule_id"].to_list() == ["own_place"]
    tables["place_rule"] = tables["place_rule"].filter(pl.col("place_rule_id") != "own_place")
    assert read_texts(["Leeds"], tables)["place_rule_id"].to_list() == ["largest_of_name"]


@pytest.fixture
def bare(settings: Settings) -> Settings:
    """Give a deployment that knows no place of its own."""
    return settings


def square(lon: float, lat: float, half: float = 0.5) -> list[list[float]]:
    """A closed ring around a point."""
    return [
        [lon - half, lat - half],
        [lon + half, lat - half],
        [lon + half, lat + half],
        [lon - half, lat + half],
        [lon - half, lat - half],
    ]


def write_area(settings: Settings, geometry: Any) -> None:
    (settings.ref / "home_area.geojson").write_text(json.dumps(geometry), encoding="utf-8")


def bands_of(settings: Settings, known: tuple[Place, ...] = ()) -> dict[tuple[str, str], str]:
    """The band of each place by name and kind, with `settings`' home."""
    found = gazetteer.gazetteer(settings, known, gazetteer.read_words(settings))
    return {
        (place, county or kind): band
        for place, kind, county, band in found.select("place", "place_kind", "county", "home_band").iter_rows()
    }


def test_without_a_home_nothing_is_near_or_far(bare: Settings) -> None:
    assert set(bands_of(bare).values()) == {"unknown"}


def test_a_polygon_makes_its_towns_home_and_the_others_bands_follow(bare: Settings) -> None:
    norfolk = [[0.1, 52.38], [1.8, 52.38], [1.8, 53.0], [0.1, 53.0], [0.1, 52.38]]  # and a corner of Suffolk
    write_area(bare, {"type": "Polygon", "coordinates": [norfolk]})
    bands = bands_of(bare)
    assert bands["Norwich", "Norfolk"] == "home area"
    assert bands["Norfolk", "Norfolk"] == "home area", "nine tenths of its people live inside"
    assert bands["Ipswich", "Suffolk"] == "25 to 100 km" and bands["Bury St Edmunds", "Suffolk"] == "under 25 km"
    assert bands["Suffolk", "Suffolk"] == "unknown", "home in part"
    assert bands["East Anglia", "area"] == "unknown" and bands["England", "nation"] == "unknown"
    assert bands["Leeds", "West Yorkshire"] == "over 100 km" and bands["Scotland", "nation"] == "over 100 km"
    assert bands["Paris", "town"] == "abroad" and bands["France", "state"] == "abroad"


def test_home_places_make_bands_by_distance(bare: Settings) -> None:
    home = Place(
        place="Ludlow", region="Shropshire", country="England", latitude=52.368, longitude=-2.718, is_home=True
    )
    other = Place(place="The Old Mill", region=None, country="England", latitude=52.40, longitude=-2.72, is_home=False)
    foreign = Place(place="Partner Town", region=None, country="France", latitude=48.1, longitude=4.1, is_home=False)
    bands = bands_of(bare, (home, other, foreign))
    assert bands["Ludlow", "own"] == "home area"
    assert bands["Ludlow", "Shropshire"] == "home area", "the gazetteer's Ludlow is the same town"
    assert bands["The Old Mill", "own"] == "under 25 km", "near, and not said to be home"
    assert bands["Hereford", "Herefordshire"] == "25 to 100 km"
    assert bands["Shropshire", "Shropshire"] == "unknown"
    assert bands["Partner Town", "own"] == "abroad"
    assert bands["London", "Greater London"] == "over 100 km"


def test_distances_are_those_of_the_sphere() -> None:
    london, paris = np.array([-0.1276, 51.5072]), np.array([2.3522, 48.8566])
    assert haversine_km(london, paris) == pytest.approx(343.6, abs=0.5)
    ring = np.array(square(0.0, 50.0, 1.0))
    area = HomeArea((ring,))
    at = np.array([[0.0, 50.0], [0.0, 52.0], [2.0, 50.0], [-3.0, 50.3]])
    sampled = np.concatenate([np.linspace(a, b, 4001) for a, b in pairwise(ring)])
    truth = haversine_km(at[:, None, :], sampled[None, :, :]).min(axis=1)
    truth[0] = 0
    assert area.distance_km(at) == pytest.approx(truth, rel=0.01, abs=0.05)


def test_holes_and_islands_are_seen(bare: Settings) -> None:
    outer, hole = square(-1.5, 53.8, 1.0), square(-1.5, 53.8, 0.2)
    island = square(-3.0, 51.5, 0.3)
    write_area(bare, {"type": "MultiPolygon", "coordinates": [[outer, hole], [island]]})
    area = HomeArea(read_home_area(bare.ref / "home_area.geojson"))
    at = np.array([[-1.5, 53.8], [-1.5, 53.3], [-3.0, 51.5], [-3.0, 53.0]])
    assert area.holds(at).tolist() == [False, True, True, False]
    assert area.distance_km(at)[0] == pytest.approx(haversine_km(at[0], np.array([-1.3, 53.8])), rel=0.01)


def test_ray_casting_equals_half_planes_for_convex_rings() -> None:
    rng = np.random.default_rng(5)
    for _ in range(40):
        angles = np.sort(rng.uniform(0, 2 * np.pi, 7))
        ring = np.column_stack([np.cos(angles), np.sin(angles)])
        ring = np.concatenate([ring, ring[:1]])
        at = rng.uniform(-1.2, 1.2, (200, 2))
        edges, to = ring[1:] - ring[:-1], at[:, None, :] - ring[:-1]
        inside = (edges[:, 0] * to[..., 1] - edges[:, 1] * to[..., 0] > 0).all(axis=1)
        assert (HomeArea((ring,)).holds(at) == inside).all()


def test_a_collection_of_features_is_one_area(bare: Settings) -> None:
    features = [{"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [square(n, 52)]}}
                for n in (-2, 1)]  # fmt: skip
    write_area(bare, {"type": "FeatureCollection", "features": features})
    assert len(read_home_area(bare.ref / "home_area.geojson")) == 2


@pytest.mark.parametrize(
    ("geometry", "found"),
    [
        ({"type": "Point", "coordinates": [1, 52]}, "holds Point"),
        ({"type": "FeatureCollection", "features": []}, "holds no polygon"),
        ([1, 2], "is no GeoJSON object"),
        ({"type": "Polygon", "coordinates": [square(1, 52)[:-1]]}, "does not close"),
        ({"type": "Polygon", "coordinates": [[[1, 52], [1, 52]]]}, "does not close"),
        ({"type": "Polygon", "coordinates": [[["a", "b"], [1, 2], [1, 3], ["a", "b"]]]}, "no pair of numbers"),
        ({"type": "Polygon", "coordinates": 7}, "without coordinates"),
        ({"type": "Polygon", "coordinates": [square(620_000, 310_000)]}, "no degrees"),
        ({"type": "Polygon", "coordinates": [[[52, 151], [53, 151], [53, 152], [52, 151]]]}, "longitude first"),
        (
            {"type": "Polygon", "coordinates": [[[52.2, 0.5], [53.2, 0.5], [53.2, 1.5], [52.2, 0.5]]]},
            "axes are swapped",
        ),
        ({"type": "Polygon", "coordinates": [square(1, 52)], "crs": {"name": "urn:ogc:def:crs:EPSG::27700"}}, "WGS 84"),
    ],
)
def test_a_wrong_area_says_what_is_wrong(geometry: Any, found: str, bare: Settings) -> None:
    write_area(bare, geometry)
    with pytest.raises(RefError, match=r"home_area\.geojson") as refusal:
        bands_of(bare)
    assert found in str(refusal.value)


def test_an_area_that_is_no_json_is_refused(bare: Settings) -> None:
    (bare.ref / "home_area.geojson").write_text("{", encoding="utf-8")
    with pytest.raises(RefError, match="is no GeoJSON"):
        bands_of(bare)


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("gazetteer.csv", "place,kind\nHull,town\n", "has the columns"),
        ("gazetteer.csv", ",".join(gazetteer.COLUMNS) + "\nHull,,city,,53.7,-0.3,5\n", "has the kind city"),
        ("gazetteer.csv", ",".join(gazetteer.COLUMNS) + "\nHull,,town,Nowhere,53.7,-0.3,5\n", "within Nowhere"),
        ("gazetteer.csv", ",".join(gazetteer.COLUMNS) + "\nHull,,town,,north,-0.3,5\n", "is no UTF-8 CSV"),
        ("gazetteer.csv", ",".join(gazetteer.COLUMNS) + "\nHull,,town,,,-0.3,5\n", "without name, kind or degrees"),
        ("place_rule.yml", "own_place: {n_checked: 3}", "has no reason. Known: reason, n_checked"),
        ("place_rule.yml", "own_place: {reason: '', n_checked: 3, n_right: 3}", "has no reason"),
        ("place_rule.yml", "own_place: {reason: a, n_checked: 3, n_right: 4}", "counts that cannot be"),
        ("place_rule.yml", "own_place: {reason: a, n_checked: 3}", "counts that cannot be"),
        ("place_word.yml", "filler: {reason: a, words: [near]}", "has no ordinary"),
        (
            "place_word.yml",
            "filler: {reason: a, words: [no]}\nordinary: {reason: a, words: []}",
            "has False for filler.words.0. Hint: a list of texts",
        ),
        ("place_word.yml", "filler: {words: [near]}\nordinary: {reason: a, words: []}", "has no filler.reason"),
        ("audience.yml", '"x:999": {audience: local, reason: a}', "is not an account of ours"),
        ("audience.yml", '"x:91": {audience: local, reason: a}', "is not an account of ours"),
        (
            "audience.yml",
            '"x:1": {audience: locals, reason: a}',
            "has 'locals' for audience. Known: local",
        ),
        ("audience.yml", '"x:1": {audience: local}', "has no reason"),
        ("audience.yml", '"x:1": {audience: local, reason: " "}', "has no reason"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(name: str, content: str, found: str, bare: Settings) -> None:
    (bare.ref / name).write_text(content, encoding="utf-8")
    with pytest.raises(RefError, match=name.replace(".", r"\.")) as refusal:
        gazetteer.tables(bare, (), tuple(files.read_accounts(bare)))
    assert found in str(refusal.value)


def test_the_tables_are_what_their_contracts_say() -> None:
    for name, frame in shipped_tables().items():
        assert tuple(frame.columns) == contracts("ref")[name].column_names
    rows = shipped_tables()["gazetteer"]
    assert not rows.select("place_name", "place_no").is_duplicated().any()
    assert set(rows["home_band"]) <= set(gazetteer.BANDS)
    chosen = rows.filter(pl.col("is_namesake_choice") & pl.col("country").is_in(BRITISH))
    assert chosen["place_name"].n_unique() == chosen.height, "one place a name"


def test_the_gazetteer_says_whose_it_is_and_stays_small() -> None:
    path = SHIPPED_REF / "gazetteer.csv"
    assert path.stat().st_size < 400_000
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert "GeoNames" in first and "CC BY 4.0" in first


def test_a_deployment_without_its_own_files_takes_the_shipped_gazetteer_and_no_audience(bare: Settings) -> None:
    tables = gazetteer.tables(replace(bare), (), tuple(files.read_accounts(bare)))
    assert tables["gazetteer"].height > 7000
    assert tables["account_audience"].height == 0


@pytest.mark.skipif(not UK_GEO.is_dir(), reason="no shared/data/uk-geo beside this checkout to check against")
@pytest.mark.parametrize(
    ("kinds", "with_nation", "least_read", "least_right"),
    [
        (["City", "Town"], False, 0.87, 0.99),
        (["City", "Town"], True, 0.92, 0.999),
        (["Village"], False, 0.18, 0.94),
        (["Village"], True, 0.25, 0.999),
    ],
)
def test_british_names_lie_in_their_nation(
    kinds: list[str], with_nation: bool, least_read: float, least_right: float
) -> None:
    names = pl.read_csv(UK_GEO / "places.csv").filter(pl.col("type").is_in(kinds))
    names = names.group_by("name").agg(pl.col("country").unique()).filter(pl.col("country").list.len() == 1)
    wanted = {
        f"{name}, {nations[0]}" if with_nation else name: nations[0] for name, nations in names.sort("name").iter_rows()
    }
    found = read_texts(list(wanted), county_free())
    read = found.filter(pl.col("country").is_not_null() & (pl.col("place_rule_id") != "nation"))
    right = sum(wanted[text] == country for text, country in read.select("location", "country").iter_rows())
    assert read.height / len(wanted) >= least_read
    assert right / read.height >= least_right


@pytest.mark.skipif(not UK_GEO.is_dir(), reason="no shared/data/uk-geo beside this checkout to check against")
def test_british_towns_lie_where_they_should() -> None:
    towns = pl.read_csv(UK_GEO / "gb_cities1000.csv").filter(pl.col("admin2").is_not_null())
    towns = towns.filter(~pl.struct("name", "admin1").is_duplicated()).with_columns(
        location=pl.col("name") + ", " + pl.col("admin1")
    )
    gazetteer = shipped_tables()["gazetteer"].filter(place_kind="town").unique(["place", "county"], keep="first")
    found = read_texts(towns["location"].to_list(), county_free()).filter(pl.col("place_rule_id") == "town_in_nation")
    placed = found.join(gazetteer, on=["place", "county"]).join(towns, on="location")
    apart = haversine_km(placed.select("lon", "lat").to_numpy(), placed.select("longitude", "latitude").to_numpy())
    assert placed.height / towns.height >= 0.9
    assert (apart < 5).mean() >= 0.97


@cache
def county_free() -> dict[str, pl.DataFrame]:
    """The shipped tables of a body at home in Shrewsbury, with no other place of its own."""
    home = Place(
        place="Shrewsbury", region="Shropshire", country="England", latitude=52.708, longitude=-2.754, is_home=True
    )
    return gazetteer.tables(SHIPPED, (home,), tuple(files.read_accounts(SHIPPED)))
