"""What people decide, read from the reference folder: accounts, bands, accepted lists. Data with a reason."""

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from pipelines.common.errors import RefError
from pipelines.common.settings import SHIPPED_REF, Settings

ROLES = ("own", "seed")
ACCOUNT_COLUMNS = ("platform", "account_id", "handle", "name", "role", "purpose", "opened_on", "closed_on")
ACCEPTED_COLUMNS = ("platform", "account_id", "observed_on", "reason")
METRIC_CHANGE_COLUMNS = ("platform", "metric_of", "metric", "changed_on", "change", "reason", "source")
METRIC_OF = ("post", "account day")
CHANGES = ("redefined", "retired")
PLACE_COLUMNS = ("place", "region", "country", "latitude", "longitude", "is_home")


@dataclass(frozen=True)
class Account:
    """One account we own, or one whose followers help define a community."""

    platform: str
    account_id: str
    handle: str | None
    name: str | None
    role: str
    purpose: str | None
    opened_on: date | None
    closed_on: date | None

    @property
    def ref(self) -> str:
        return f"{self.platform}:{self.account_id}"


@dataclass(frozen=True)
class AcceptedList:
    """A follower list that looked wrong and that a person says is right."""

    platform: str
    account_id: str
    observed_on: date
    reason: str


@dataclass(frozen=True)
class Place:
    """One place that people declare: its region and country, WGS 84 degrees, and whether it is home."""

    place: str
    region: str | None
    country: str | None
    latitude: float
    longitude: float
    is_home: bool


def read_accounts(settings: Settings) -> list[Account]:
    """Read `account.csv`.

    Raises `RefError` naming line and column where a row is unusable, or an account stands twice.
    """
    path = settings.ref_file("account.csv")
    accounts: dict[str, Account] = {}
    for line, row in _rows(path, ACCOUNT_COLUMNS):
        for needed in ("platform", "account_id", "role"):
            if not row[needed]:
                raise RefError(f"{path.name} line {line}", f"has no {needed}")
        if row["role"] not in ROLES:
            raise RefError(f"{path.name} line {line}", f"has role {row['role']!r}", known=ROLES)
        account = Account(
            platform=row["platform"] or "",
            account_id=row["account_id"] or "",
            handle=row["handle"],
            name=row["name"],
            role=row["role"] or "",
            purpose=row["purpose"],
            opened_on=_day(path, line, "opened_on", row["opened_on"]),
            closed_on=_day(path, line, "closed_on", row["closed_on"]),
        )
        if account.ref in accounts:
            raise RefError(f"{path.name} line {line}", f"names {account.ref} a second time")
        if account.opened_on and account.closed_on and account.closed_on < account.opened_on:
            raise RefError(f"{path.name} line {line}", "closes the account before it opens")
        accounts[account.ref] = account
    if not any(account.role == "own" for account in accounts.values()):
        raise RefError(path.name, "has no account of role own", hint="list the accounts the question is about")
    return list(accounts.values())


def read_accepted_lists(settings: Settings) -> list[AcceptedList]:
    """Read `accepted_list.csv`: follower lists below the band that are right all the same.

    Raises `RefError` where a row gives no reason or no day.
    """
    path = settings.ref_file("accepted_list.csv")
    accepted = []
    for line, row in _rows(path, ACCEPTED_COLUMNS):
        observed_on = _day(path, line, "observed_on", row["observed_on"])
        if not (row["platform"] and row["account_id"] and observed_on and row["reason"]):
            raise RefError(f"{path.name} line {line}", "lacks a value", known=ACCEPTED_COLUMNS)
        accepted.append(AcceptedList(row["platform"], row["account_id"], observed_on, row["reason"]))
    return accepted


def read_metric_changes(settings: Settings) -> list[tuple[object, ...]]:
    """Read `metric_change.csv`: what platforms changed the meaning of, or gave up, as rows of `ref.metric_change`.

    Raises `RefError` where a row lacks a value, names an unknown kind, or stands twice.
    """
    path = settings.ref_file("metric_change.csv")
    changes: dict[tuple[object, ...], tuple[object, ...]] = {}
    for line, row in _rows(path, METRIC_CHANGE_COLUMNS):
        where = f"{path.name} line {line}"
        if empty := [name for name in METRIC_CHANGE_COLUMNS if not row[name]]:
            raise RefError(where, f"has no {empty[0]}", known=METRIC_CHANGE_COLUMNS)
        for name, known in (("metric_of", METRIC_OF), ("change", CHANGES)):
            if row[name] not in known:
                raise RefError(where, f"has {row[name]!r} for {name}", known=known)
        changed_on = _day(path, line, "changed_on", row["changed_on"])
        change = (row["platform"], row["metric_of"], row["metric"], changed_on)
        if change in changes:
            raise RefError(where, f"says of {row['metric']} of {row['platform']} a second time what changed that day")
        changes[change] = (*change, row["change"], row["reason"], row["source"])
    return list(changes.values())


def read_places(settings: Settings) -> list[Place]:
    """Read the deployment's own `place.csv`; without one no place is known.

    Raises `RefError` where a row has no name, no usable degrees, or stands twice.
    """
    path = settings.ref / "place.csv"
    if not path.exists():
        return []
    places: dict[str, Place] = {}
    for line, row in _rows(path, PLACE_COLUMNS):
        where = f"{path.name} line {line}"
        if not row["place"]:
            raise RefError(where, "has no place")
        if row["is_home"] not in ("yes", "no"):
            raise RefError(where, f"has {row['is_home']!r} for is_home", known=("yes", "no"))
        latitude = _degrees(where, "latitude", row["latitude"], 90)
        longitude = _degrees(where, "longitude", row["longitude"], 180)
        if row["place"].casefold() in places:
            raise RefError(where, f"names {row['place']} a second time")
        is_home = row["is_home"] == "yes"
        places[row["place"].casefold()] = Place(
            row["place"], row["region"], row["country"], latitude, longitude, is_home
        )
    return list(places.values())


def read_list(settings: Settings, name: str) -> tuple[str, ...]:
    """Read `lists/<name>.yml`: values that several segments share, for `values_from`.

    Raises `RefError` where there is none, or it is no list of texts.
    """
    folder = settings.ref / "lists"
    path = folder / f"{name}.yml"
    if not path.exists():
        known = sorted(one.stem for one in folder.glob("*.yml"))
        raise RefError(f"lists/{name}.yml", "is not there", known=known)
    read = read_yaml(path)
    if set(read) != {"title", "values"}:
        raise RefError(path.name, f"has the keys {', '.join(map(str, read))}", known=("title", "values"))
    values = read["values"]
    if not isinstance(values, list) or not values or not all(isinstance(one, str) and one.strip() for one in values):
        raise RefError(path.name, "has values that are no list of texts", hint="put numbers and yes or no in quotes")
    return tuple(values)


def read_bands(settings: Settings) -> dict[str, float]:
    """Read every threshold by name: the shipped `bands.yml`, and over it the deployment's own.

    `<band>.<segment>` is a segment's own threshold. Those shipped for segments that the deployment lacks are left out.
    Raises `RefError` where a band or a segment is unknown, or a band lacks its number or its reason.
    """
    segments = {"everyone", *(path.stem for path in (settings.ref / "segments").glob("*.yml"))}
    shipped = _bands(SHIPPED_REF / "bands.yml")
    own = _bands(settings.ref_file("bands.yml"))
    for name in sorted(set(own) - set(shipped)):
        band, _, segment_id = name.partition(".")
        if band not in shipped:
            raise RefError("bands.yml", f"has the unknown band {name}", known=shipped)
        if segment_id not in segments:
            raise RefError(f"bands.yml: {name}", f"is for {segment_id!r}, no segment", known=sorted(segments))
    return {
        name: value for name, value in (shipped | own).items() if "." not in name or name.partition(".")[2] in segments
    }


def read_policy_weights(settings: Settings, segment_ids: Iterable[str]) -> dict[str, float]:
    """Read the deployment's own `segment.yml`: how much each segment counts when accounts are chosen, and why.

    It overrides the weight of a definition; without the file the definitions' weights hold.
    Raises `RefError` where a segment is unknown, or its weight is no number from 0 to 1000 or has no reason.
    """
    path = settings.ref / "segment.yml"
    known = sorted(segment_ids)
    weights = {}
    for segment_id, given in (read_yaml(path) if path.exists() else {}).items():
        where = f"{path.name}: {segment_id}"
        if segment_id not in known:
            raise RefError(where, "is no segment", known=known)
        if not isinstance(given, dict) or set(given) != {"policy_weight", "reason"}:
            raise RefError(where, "is no weight", known=("policy_weight", "reason"))
        weight = given["policy_weight"]
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= 1000:
            raise RefError(where, "has a policy_weight that is no number", hint="0 to 1000; 1 is usual")
        if not str(given["reason"] or "").strip():
            raise RefError(where, "gives no reason")
        weights[segment_id] = float(weight)
    return weights


def _bands(path: Path) -> dict[str, float]:
    bands = {}
    for name, band in read_yaml(path).items():
        if not isinstance(band, dict) or set(band) != {"value", "reason"}:
            raise RefError(f"{path.name}: {name}", "is no band", known=("value", "reason"))
        value = band["value"]
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise RefError(f"{path.name}: {name}", "has a value that is no number")
        if not str(band["reason"] or "").strip():
            raise RefError(f"{path.name}: {name}", "gives no reason")
        bands[name] = float(value)
    return bands


class _Loader(yaml.CSafeLoader):
    """YAML that refuses a key given twice: the last one would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for n, key in enumerate(keys):
            if key in keys[:n]:
                raise yaml.MarkedYAMLError(problem=f"the key {key} twice", problem_mark=node.value[n][0].start_mark)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises `RefError` with the line where it is not YAML, gives a key twice, or is no mapping.
    """
    try:
        read = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except yaml.MarkedYAMLError as failure:
        n_lines = len(path.read_text(encoding="utf-8").splitlines())  # the parser in C counts one more at the end
        line = min(failure.problem_mark.line + 1, n_lines) if failure.problem_mark else "?"
        raise RefError(f"{path.name} line {line}", f"is not YAML ({failure.problem})") from None
    except UnicodeDecodeError:
        raise RefError(path.name, "is not UTF-8") from None
    except yaml.YAMLError as failure:
        raise RefError(path.name, f"is not text that YAML allows ({type(failure).__name__})") from None
    if not isinstance(read, dict):
        raise RefError(path.name, "is no mapping of keys to values")
    return read


def line_of(path: Path, keys: tuple[str | int, ...]) -> int | None:
    """The line of a YAML file on which a key's value stands, or the nearest key above it that is there."""
    node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    line = None
    for key in keys:
        found = None
        if isinstance(node, yaml.MappingNode):
            found = next((pair for pair in node.value if pair[0].value == key), None)
            line = found[0].start_mark.line + 1 if found else line
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            found = (None, node.value[key])
            line = node.value[key].start_mark.line + 1
        if not found:
            break
        node = found[1]
    return line


def lines_of_values(path: Path, key: str) -> dict[str, int]:
    """The line on which a key first has each of its values, anywhere in a YAML file."""
    lines: dict[str, int] = {}
    waiting: list[yaml.Node | None] = [yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            for name, value in node.value:
                if name.value == key and isinstance(value, yaml.ScalarNode):
                    lines.setdefault(value.value, value.start_mark.line + 1)
                waiting.append(value)
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
    return lines


def _degrees(where: str, column: str, text: str | None, most: int) -> float:
    try:
        degrees = float(text or "")
    except ValueError:
        degrees = math.nan
    if not abs(degrees) <= most:
        raise RefError(where, f"has {text!r} for {column}", hint=f"degrees from -{most} to {most}")
    return degrees


def _rows(path: Path, columns: tuple[str, ...]) -> Iterable[tuple[int, dict[str, str | None]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            reader = csv.DictReader(source, strict=True)
            found = tuple(reader.fieldnames or ())
            if sorted(found) != sorted(columns):
                raise RefError(path.name, f"has the columns {', '.join(found)}", known=columns)
            for row in reader:
                if None in row or None in row.values():
                    raise RefError(f"{path.name} line {reader.line_num}", "has too many or too few cells")
                yield reader.line_num, {name: value.strip() or None for name, value in row.items()}
    except (csv.Error, UnicodeDecodeError) as failure:
        raise RefError(path.name, f"is no UTF-8 CSV ({type(failure).__name__})", hint="save it as UTF-8 CSV") from None


def _day(path: Path, line: int, column: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise RefError(f"{path.name} line {line}", f"has {text!r} for {column}", hint="YYYY-MM-DD") from None
