"""What people decide, read from the reference folder: accounts, bands, accepted lists. Data with a reason."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from pipelines.errors import RefError
from pipelines.settings import Settings

ROLES = ("own", "seed")
ACCOUNT_COLUMNS = ("platform", "account_id", "handle", "name", "role", "purpose", "opened_on", "closed_on")
ACCEPTED_COLUMNS = ("platform", "account_id", "observed_on", "reason")


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


def read_bands(settings: Settings) -> dict[str, float]:
    """Read `bands.yml`: every threshold by name.

    Raises `RefError` where a band lacks its number or its reason.
    """
    path = settings.ref_file("bands.yml")
    read = read_yaml(path)
    bands = {}
    for name, band in read.items():
        if not isinstance(band, dict) or set(band) != {"value", "reason"} or not isinstance(band["value"], int | float):
            raise RefError(f"{path.name}: {name}", "is no band", known=("value", "reason"))
        bands[name] = float(band["value"])
    return bands


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises `RefError` with the line where it is not YAML, or no mapping.
    """
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as failure:
        line = failure.problem_mark.line + 1 if failure.problem_mark else "?"
        raise RefError(f"{path.name} line {line}", f"is not YAML ({failure.problem})") from None
    except UnicodeDecodeError:
        raise RefError(path.name, "is not UTF-8") from None
    if not isinstance(read, dict):
        raise RefError(path.name, "is no mapping of keys to values")
    return read


def _rows(path: Path, columns: tuple[str, ...]) -> Iterable[tuple[int, dict[str, str | None]]]:
    with path.open(encoding="utf-8-sig", newline="") as source:
        reader = csv.DictReader(source, strict=True)
        found = tuple(reader.fieldnames or ())
        if set(found) != set(columns):
            raise RefError(path.name, f"has the columns {', '.join(found)}", known=columns)
        for row in reader:
            if None in row or None in row.values():
                raise RefError(f"{path.name} line {reader.line_num}", "has too many or too few cells")
            yield reader.line_num, {name: value.strip() or None for name, value in row.items()}


def _day(path: Path, line: int, column: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise RefError(f"{path.name} line {line}", f"has {text!r} for {column}", hint="YYYY-MM-DD") from None
