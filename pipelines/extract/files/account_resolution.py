"""Find which account of ours an export belongs to: `--account`, else the name of a folder; never a guess."""

from collections.abc import Mapping
from pathlib import Path

from pipelines.common.errors import DeliveryError


def own_account(name: str, accounts: Mapping[str, str]) -> str | None:
    """Find our account's id by its id or its handle, in any case, with or without @."""
    name = name.strip().removeprefix("@")
    # Ids of some platforms (LinkedIn, YouTube) are case-sensitive; handles never are.
    return name if name in accounts.values() else accounts.get(name.lower())


def check_asked(asked: str | None, accounts: Mapping[str, str], platform: str) -> None:
    """Raise `DeliveryError` where `--account` is not one of ours; `platform` is its name with an article."""
    if asked is not None and own_account(asked, accounts) is None:
        hint = f"give the id or handle of {platform} account in account.csv"
        raise DeliveryError("--account", f"not {platform} account of ours", known=sorted(accounts), hint=hint)


def declared_account(file: Path, root: Path, accounts: Mapping[str, str], asked: str | None) -> str | None:
    """Give the account asked for, else the one named by the nearest folder between `file` and `root`.

    Where `root` is the file itself, its own folder counts. None where no account is declared.
    """
    if asked is not None:
        return own_account(asked, accounts)
    folder, top = file.absolute().parent, (root if root.is_dir() else root.parent).absolute()
    while folder.is_relative_to(top):
        if account := own_account(folder.name, accounts):
            return account
        folder = folder.parent
    return None


def unknown_account(name: str, accounts: Mapping[str, str], also: str = "") -> DeliveryError:
    """Make the error for an export without a declared account; `also` says what else was searched."""
    found = f"cannot tell whose export it is: folder and --account name none of ours{also}"
    hint = "put it into a folder named for the account, or pass --account"
    return DeliveryError(name, found, known=sorted(accounts), hint=hint)
