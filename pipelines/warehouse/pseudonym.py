"""The key that turns a platform's id into a pseudonym: made once, readable by its owner alone, never printed."""

import hashlib
import hmac
import os
import secrets
import stat

import duckdb

from pipelines.common.database import with_room
from pipelines.common.errors import KeyFileError
from pipelines.common.settings import Settings, private

KEY_BYTES = 32
BLOCK_BYTES = 64  # SHA-256's block, which HMAC pads the key to (RFC 2104)


@with_room("the pseudonym key")
def new_key(settings: Settings) -> None:
    """Write a random key file of mode 0400.

    Raises `KeyFileError` where one is there already: another key makes every pseudonym another one.
    """
    path = settings.key_file
    private(path.parent)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    except FileExistsError:
        raise KeyFileError(
            str(path), "is there already", hint="keep it: a new key makes everybody a stranger"
        ) from None
    try:
        with os.fdopen(handle, "w") as target:
            target.write(secrets.token_hex(KEY_BYTES) + "\n")
            target.flush()
            os.fsync(target.fileno())
    except OSError:
        path.unlink()  # half a key would be refused every night, and a new one refused because of it
        raise


def read_key(settings: Settings) -> bytes:
    """Read the key.

    Raises `KeyFileError` where it is missing, readable by others, or no key.
    """
    path = settings.key_file
    if not path.is_file():
        raise KeyFileError(str(path), "is not there", hint="stillreach new-key makes one; back it up")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o377:
        raise KeyFileError(str(path), f"has mode {mode:04o}", hint="chmod 0400: its owner reads it, nobody else")
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except ValueError:
        key = b""
    if len(key) < KEY_BYTES:
        raise KeyFileError(str(path), f"holds no key of {KEY_BYTES} bytes in hexadecimal", hint="restore it")
    return key


def fingerprint(key: bytes) -> str:
    """Tell whether two nights had one key, without telling the key."""
    return hmac.digest(key, b"stillreach key", "sha256").hex()[:16]


def give_key(con: duckdb.DuckDBPyConnection, key: bytes) -> None:
    """Hand the padded key to `sql/stg/member_key.sql`, for this connection only."""
    block = (hashlib.sha256(key).digest() if len(key) > BLOCK_BYTES else key).ljust(BLOCK_BYTES, b"\0")
    con.execute("SET VARIABLE key_inner = $pad", {"pad": bytes(byte ^ 0x36 for byte in block)})
    con.execute("SET VARIABLE key_outer = $pad", {"pad": bytes(byte ^ 0x5C for byte in block)})
