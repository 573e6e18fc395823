"""Find the account that a user names: by `platform:account_id`, handle or name, or as the main one of a platform."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

import duckdb

from pipelines.common.errors import SettingsError
from pipelines.common.query import query

MAIN = "main"


@dataclass(frozen=True)
class Named:
    """One open account of ours; `is_main` where it reaches most people of all on its platform."""

    platform: str
    account_id: str
    handle: str | None
    name: str | None
    is_main: bool

    @property
    def ref(self) -> str:
        return f"{self.platform}:{self.account_id}"

    @property
    def label(self) -> str:
        """Its label in a table: its name and platform, or its reference where it has none."""
        return f"{self.name} ({self.platform})" if self.name else self.ref

    @property
    def shortest_name(self) -> str:
        """The shortest reference that a user can type."""
        return f"{self.platform}:{self.handle}" if self.handle else self.ref

    def answers_to(self, word: str) -> bool:
        """Test whether a case-folded word is one of its names, with or without the platform before it."""
        platform = self.platform.casefold()
        own = {one.casefold().removeprefix("@") for one in (self.account_id, self.handle, self.name) if one}
        if self.is_main:
            own.add(MAIN)
        return word in own or word in {f"{platform}:{one}" for one in own}


def open_accounts(con: duckdb.DuckDBPyConnection) -> list[Named]:
    """Every open account of ours in a snapshot, by reference.

    The main one of a platform is the one that reaches most of everyone, on whichever basis that is.
    """
    found = con.execute(query("analysis/open_account")).fetchall()
    return [Named(*row) for row in found]


def resolve(words: Iterable[str], accounts: Iterable[Named]) -> list[Named]:
    """The accounts that words name, each once, in the order of the words; case does not matter.

    The word `main` alone names the main account of every platform.
    Raises `SettingsError` where a word names none of ours that is open (with near ones), or several.
    """
    known = list(accounts)
    meant: dict[str, Named] = {}
    for word in words:
        exact = [one for one in known if one.ref == word]
        found = exact or [one for one in known if one.answers_to(_folded(word))]
        if len(found) > 1 and _folded(word) != MAIN:
            raise SettingsError(
                f"account {word!r}",
                "is several of ours",
                known=(one.shortest_name for one in found),
                hint="put its platform first",
            )
        if not found:
            raise _unknown(word, known)
        meant |= {one.ref: one for one in found if one.ref not in meant}
    return list(meant.values())


def _folded(word: str) -> str:
    platform, colon, rest = word.strip().casefold().partition(":")
    return f"{platform}:{rest.removeprefix('@')}" if colon else platform.removeprefix("@")


def _unknown(word: str, known: list[Named]) -> SettingsError:
    names = {
        name.casefold(): one.shortest_name
        for one in known
        for name in (one.handle, one.name, one.shortest_name, one.ref)
        if name
    }
    near = get_close_matches(_folded(word), names, n=1, cutoff=0.5)
    hint = f"did you mean {names[near[0]]}?" if near else "an account is platform:account_id or platform:handle"
    return SettingsError(
        f"account {word!r}", "is no open account of ours", known=(one.shortest_name for one in known), hint=hint
    )
