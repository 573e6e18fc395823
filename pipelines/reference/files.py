"""What people decide about accounts, lists, places, thresholds and weights, read from the reference folder.

Every file has a model: its fields are the file's columns or keys. `reader.py` turns what does not fit into an error.
"""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipelines.common.errors import RefError
from pipelines.common.settings import SHIPPED_REF, Settings
from pipelines.reference.reader import Day, Entry, Row, Text, YesOrNo, read_entries, read_entry, read_rows

# Windows that the statistics of verdicts, trends and forecasts are fitted to.
FIXED_BANDS = {"recent_days", "series_days", "forecast_days"}
KINDS = ("follower", "post", "engagement", "account_day", "contact")
RHYTHM = "expected_every_days"


class Account(Row):
    """One account we own, or one whose followers help define a community: a row of `account.csv`."""

    platform: str
    account_id: str
    handle: str | None = None
    name: str | None = None
    role: Literal["own", "seed"]
    purpose: str | None = None
    opened_on: Day | None = None
    closed_on: Day | None = None

    @property
    def ref(self) -> str:
        return f"{self.platform}:{self.account_id}"

    @model_validator(mode="after")
    def _opens_first(self) -> "Account":
        if self.opened_on and self.closed_on and self.closed_on < self.opened_on:
            raise ValueError("closes the account before it opens")
        return self


class AcceptedList(Row):
    """A follower list that looked wrong and that a person says is right: a row of `accepted_list.csv`."""

    platform: str
    account_id: str
    observed_on: Day
    reason: str


class MetricChange(Row):
    """One change of what a platform's figure means, or its end: a row of `metric_change.csv`."""

    platform: str
    metric_of: Literal["post", "account day"]
    metric: str
    changed_on: Day
    change: Literal["redefined", "retired"]
    reason: str
    source: str

    @property
    def key(self) -> tuple[str, str, str, date]:
        return (self.platform, self.metric_of, self.metric, self.changed_on)


class Place(Row):
    """One place that people declare, in WGS 84 degrees, and whether it is home: a row of `place.csv`."""

    place: str
    region: str | None = None
    country: str | None = None
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, description="degrees from -90 to 90")]
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, description="degrees from -180 to 180")]
    is_home: YesOrNo


class Band(Entry):
    """One threshold of `bands.yml`."""

    value: Annotated[float, Field(allow_inf_nan=False, description="a number")]
    reason: Text


class PolicyWeight(Entry):
    """How much one segment counts when accounts are chosen: an entry of `segment.yml`."""

    policy_weight: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False, description="0 to 1000; 1 is usual")]
    reason: Text


class SharedList(Entry):
    """Values that several segments share: a file of `lists/`."""

    title: str
    values: Annotated[list[Text], Field(min_length=1, description="a list of texts; put numbers, yes and no in quotes")]


def read_accounts(settings: Settings) -> list[Account]:
    """Read `account.csv`.

    Raises `RefError` naming line and column where a row does not fit, or an account is listed twice.
    """
    path = settings.ref_file("account.csv")
    accounts: dict[str, Account] = {}
    for line, account in read_rows(path, Account):
        if account.ref in accounts:
            raise RefError(f"{path.name} line {line}", f"names {account.ref} a second time")
        accounts[account.ref] = account
    if not any(account.role == "own" for account in accounts.values()):
        raise RefError(path.name, "has no account of role own", hint="list the accounts the question is about")
    return list(accounts.values())


def read_accepted_lists(settings: Settings) -> list[AcceptedList]:
    """Read `accepted_list.csv`: follower lists below the band that are right all the same.

    Raises `RefError` where a row lacks a value.
    """
    return [row for _, row in read_rows(settings.ref_file("accepted_list.csv"), AcceptedList)]


def read_metric_changes(settings: Settings) -> list[tuple[object, ...]]:
    """Read `metric_change.csv` as rows of `ref.metric_change`.

    Raises `RefError` where a row lacks a value, names an unknown kind, or repeats another.
    """
    path = settings.ref_file("metric_change.csv")
    changes: dict[tuple[object, ...], tuple[object, ...]] = {}
    for line, one in read_rows(path, MetricChange):
        if one.key in changes:
            found = f"gives a second change of {one.metric} of {one.platform} for {one.changed_on}"
            raise RefError(f"{path.name} line {line}", found)
        changes[one.key] = (*one.key, one.change, one.reason, one.source)
    return list(changes.values())


def read_places(settings: Settings) -> list[Place]:
    """Read the deployment's own `place.csv`; without one no place is known.

    Raises `RefError` where a row has no name or no usable degrees, or a place is listed twice.
    """
    path = settings.ref / "place.csv"
    places: dict[str, Place] = {}
    for line, one in read_rows(path, Place) if path.exists() else ():
        if one.place.casefold() in places:
            raise RefError(f"{path.name} line {line}", f"names {one.place} a second time")
        places[one.place.casefold()] = one
    return list(places.values())


def read_list(settings: Settings, name: str) -> tuple[str, ...]:
    """Read `lists/<name>.yml`: values that several segments share, for `values_from`.

    Raises `RefError` where there is no such file, or it is not a list of texts.
    """
    folder = settings.ref / "lists"
    path = folder / f"{name}.yml"
    if not path.exists():
        raise RefError(f"lists/{name}.yml", "is not there", known=sorted(one.stem for one in folder.glob("*.yml")))
    return tuple(read_entry(path, SharedList).values)


def read_bands(settings: Settings) -> dict[str, float]:
    """Read every threshold by name: the shipped `bands.yml`, and over it the deployment's own.

    `<band>.<segment>` is a segment's own threshold, `expected_every_days.<kind>` that of a kind of data. Those shipped
    for segments that the deployment lacks are left out.
    Raises `RefError` where a band or a segment is unknown, a band lacks its number or its reason, or a band of
    `FIXED_BANDS` says something else than the shipped one.
    """
    segments = {"everyone", *(path.stem for path in (settings.ref / "segments").glob("*.yml"))}
    shipped = read_entries(SHIPPED_REF / "bands.yml", Band)
    own = read_entries(settings.ref_file("bands.yml"), Band)
    for name in sorted(set(own) - set(shipped)):
        band, _, suffix = name.partition(".")
        if band not in shipped:
            raise RefError("bands.yml", f"has the unknown band {name}", known=shipped)
        what, known = ("a kind of data", KINDS) if band == RHYTHM else ("a segment", sorted(segments))
        if suffix not in known:
            raise RefError(f"bands.yml: {name}", f"is for {suffix!r}, not {what}", known=known)
    for name in FIXED_BANDS & set(own):
        if own[name].value != shipped[name].value:
            raise RefError(
                f"bands.yml: {name}",
                f"says {own[name].value:g}, and cannot be changed: verdicts, trends and forecasts are fitted to it",
                hint=f"remove it, or say {shipped[name].value:g}",
            )
    return {
        name: float(band.value)
        for name, band in (shipped | own).items()
        if "." not in name or name.partition(".")[2] in segments.union(KINDS)
    }


def read_policy_weights(settings: Settings, segment_ids: Iterable[str]) -> dict[str, float]:
    """Read the deployment's own `segment.yml`: how much each segment counts when accounts are chosen, and why.

    It overrides the weight of a definition; without the file the definitions' weights hold.
    Raises `RefError` where a segment is unknown, or its weight is not a number from 0 to 1000 or has no reason.
    """
    path = settings.ref / "segment.yml"
    known = sorted(segment_ids)
    weights = read_entries(path, PolicyWeight) if path.exists() else {}
    for segment_id in weights:
        if segment_id not in known:
            raise RefError(f"{path.name}: {segment_id}", "is not a segment", known=known)
    return {segment_id: float(one.policy_weight) for segment_id, one in weights.items()}
