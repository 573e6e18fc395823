"""Tokens: read from a file of mode 0400 or a secrets backend, and shown to nobody.

A `Secret` prints as `***`, and is neither pickled nor written as JSON: what holds one cannot leave the process.
"""

import logging
import stat
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from pipelines.common.errors import SettingsError

HIDDEN = "***"
SHORTEST = 8  # a shorter text would be no token, and hiding it would black out ordinary words
# Airflow's own database and the environment: both are shown to whoever may look around.
NO_BACKEND = ("MetastoreBackend", "EnvironmentVariablesBackend")


class Secret:
    """A token that shows itself to nobody but who asks with `reveal()`."""

    __slots__ = ("_token",)

    def __init__(self, token: str) -> None:
        self._token = token

    def reveal(self) -> str:
        return self._token

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._token == self._token

    def __hash__(self) -> int:
        return id(self)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not copied, pickled or sent")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self


def from_file(path: Path) -> Secret:
    """Read a token file.

    Raises `SettingsError` where it is missing, readable by others, or holds no one token.
    """
    if not path.is_file():
        raise SettingsError(str(path), "is not there", hint="put the token there, then chmod 0400")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o377:
        raise SettingsError(str(path), f"has mode {mode:04o}", hint="chmod 0400: its owner reads it, nobody else")
    try:
        token = path.read_text(encoding="ascii").strip()
    except (UnicodeDecodeError, OSError) as failure:
        raise SettingsError(str(path), f"cannot be read ({type(failure).__name__})") from None
    return _usable(token, str(path))


def from_backend(key: str) -> Secret:
    """Ask Airflow's configured secrets backend, and neither its database nor the environment, for a variable.

    Raises `SettingsError` where no such backend is configured, it fails, or it has no token of that name.
    """
    where = f"token_secret {key}"
    try:
        from airflow.sdk.configuration import get_custom_secret_backend  # takes seconds: only where one is named

        backend = get_custom_secret_backend(worker_mode=True)
        is_one = backend is not None and type(backend).__name__ not in NO_BACKEND
        token = backend.get_variable(key) if is_one else None
    except Exception as failure:  # a backend's own errors hold addresses and answers
        raise SettingsError(where, f"the secrets backend failed ({type(failure).__name__})") from None
    if not is_one:
        hint = "configure [secrets] backend, or use token_file"
        raise SettingsError(where, "Airflow has no secrets backend configured", hint=hint)
    return _usable((token or "").strip(), where)


@contextmanager
def hidden(secret: Secret | None) -> Iterator[None]:
    """Keep a token out of every log record of the process while the block runs, whichever library writes it."""
    if secret is None:
        yield
        return
    before, token = logging.getLogRecordFactory(), secret.reveal()

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = before(*args, **kwargs)
        if token in (message := record.getMessage()):
            record.msg, record.args = message.replace(token, HIDDEN), ()
        if record.exc_info and token in (shown := "".join(traceback.format_exception(*record.exc_info))):
            record.exc_info, record.exc_text = None, shown.replace(token, HIDDEN)
        return record

    logging.setLogRecordFactory(factory)
    try:
        yield
    finally:
        logging.setLogRecordFactory(before)


def _usable(token: str, where: str) -> Secret:
    if len(token) < SHORTEST or any(not 0x21 <= ord(sign) <= 0x7E for sign in token):
        raise SettingsError(where, "holds no token", hint="the token alone, on one line, without quotes")
    return Secret(token)
