"""Whose export it is: the account passed with `--account`, else the one a folder is named for; never guessed."""

from collections.abc import Mapping
from pathlib import Path

from pipelines.common.errors import DeliveryError


def ours(name: str, accounts: Mapping[str, str]) -> str | None:
    """Find the account id for an id or a handle of ours, in any case, with or without @."""
    name = name.strip().removeprefix("@")
    # Some platforms' ids (LinkedIn's, YouTube's) tell upper from lower case; handles never do.
    return name if name in accounts.values() else accounts.get(name.lower())


def check_asked(asked: str | None, accounts: Mapping[str, str], platform: str) -> None:
    """Raise `DeliveryError` where `--account` names none of ours; `platform` as people write it, with its article."""
    if asked is not None and ours(asked, accounts) is None:
        hint = f"give the id or handle of {platform} account in account.csv"
        raise DeliveryError("--account", f"not {platform} account of ours", known=sorted(accounts), hint=hint)


def told(file: Path, root: Path, accounts: Mapping[str, str], asked: str | None) -> str | None:
    """The account asked for, else the one that the nearest folder from `file` up to `root` is named for.

    Where `root` is the file itself, its own folder counts. None where nothing tells.
    """
    if asked is not None:
        return ours(asked, accounts)
    folder, top = file.absolute().parent, (root if root.is_dir() else root.parent).absolute()
    while folder.is_relative_to(top):
        if account := ours(folder.name, accounts):
            return account
        folder = folder.parent
    return None


def unknown(name: str, accounts: Mapping[str, str], also: str = "") -> DeliveryError:
    """The error for an export that nobody told the account of; `also` says what else was looked at."""
    found = f"cannot tell whose export it is: folder and --account name none of ours{also}"
    hint = "put it into a folder named for the account, or pass --account"
    return DeliveryError(name, found, known=sorted(accounts), hint=hint)
