"""Read long JSON lists an entry at a time, from bytes that come in chunks: a list of any length in little memory."""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from pipelines.common.errors import SchemaError, UnreadableFileError

BLANKS = re.compile(r"[ \t\r\n]*")
LONGEST_HEAD = 4096
LONGEST_ENTRY = 4 << 20  # characters; a post with all its edits has some ten thousand
FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,40}")
MOST_NAMES = 12


class JsonLists:
    """The entries of one or several lists in one file, each list after a head such as `window.YTD.x.part0 = [`.

    `head` matches all up to and with the opening bracket, `foot` what may stand after the closing one. Iterating gives
    the entries, objects all; `heads` fills with a match per list on the way, `counts` with its number of entries.
    Raises `SchemaError` where text stands that is neither, `UnreadableFileError` where the text is cut off or no
    JSON. Errors hold places, never text.
    """

    def __init__(self, chunks: Iterable[bytes], name: str, head: re.Pattern[str], foot: re.Pattern[str]) -> None:
        self.heads: list[re.Match[str]] = []
        self.counts: list[int] = []
        self._chunks = iter(chunks)
        self._name, self._head, self._foot = name, head, foot
        self._decode = codecs.getincrementaldecoder("utf-8-sig")()
        self._text, self._at, self._ended = "", 0, False

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while self._next_sign():
            self._read_head()
            while (entry := self._entry()) is not None:
                self.counts[-1] += 1
                yield entry
            self._next_sign()
            if foot := self._foot.match(self._text, self._at):
                self._at = foot.end()

    def _read_head(self) -> None:
        while len(self._text) - self._at < LONGEST_HEAD and self._more():
            pass
        head = self._head.match(self._text, self._at)
        if head is None:
            found = f"list {len(self.heads) + 1} does not begin as known" if self.heads else "does not begin as known"
            raise SchemaError(self._name, found, hint="the platform may have changed its export")
        self.heads.append(head)
        self.counts.append(0)
        self._at = head.end()

    def _entry(self) -> dict[str, Any] | None:
        """Read the next entry; None at the list's end."""
        sign = self._next_sign()
        if sign == "," and self.counts[-1]:
            self._at += 1
            sign = self._next_sign()
        elif sign == "]":
            self._at += 1
            return None
        elif self.counts[-1]:
            raise self._broken("is no JSON" if sign else "is cut off")
        if sign != "{":
            raise self._broken("is no JSON object" if sign else "is cut off")
        while True:
            try:
                entry, self._at = DECODER.raw_decode(self._text, self._at)
            except (ValueError, RecursionError):
                # Either the rest has not come yet, or it never will make sense.
                if len(self._text) - self._at > LONGEST_ENTRY or not self._more():
                    raise self._broken("is cut off or no JSON") from None
            else:
                read: dict[str, Any] = entry
                return read

    def _next_sign(self) -> str:
        """Pass over blanks; give the sign after them, or nothing at the end of the text."""
        while True:
            blanks = BLANKS.match(self._text, self._at)
            assert blanks
            self._at = blanks.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _more(self) -> bool:
        """Take the next chunk; tell whether there was one."""
        if self._ended:
            return False
        chunk = next(self._chunks, b"")
        self._ended = not chunk
        try:
            came = self._decode.decode(chunk, final=self._ended)
        except UnicodeDecodeError:
            raise self._broken("is not UTF-8") from None
        self._text, self._at = self._text[self._at :] + came, 0
        return not self._ended

    def _broken(self, found: str) -> UnreadableFileError:
        where = f"entry {self.counts[-1] + 1:,} of list {len(self.counts)}" if self.counts else "its beginning"
        return UnreadableFileError(f"{self._name}, {where}", found, hint="fetch it from the platform again")


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


DECODER = json.JSONDecoder(parse_constant=_no_number)


def field_names(names: Iterable[str]) -> str:
    """Name fields for a note or an error; what cannot be a field's name is counted only: it may be a person's."""
    every = sorted(set(names))
    shown = [name for name in every if FIELD_NAME.fullmatch(name)][:MOST_NAMES]
    rest = len(every) - len(shown)
    return ", ".join(shown + ([f"{rest} more"] if rest else [])) or "none"
