"""Texts as they are shown: nothing in them moves a cursor, colours a line, or turns the direction of writing."""

from typing import Any

# C0 without tab and line break, DEL, C1; the marks, embeddings, overrides and isolates of Unicode's UAX 9.
CONTROL = [*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0)]
DIRECTION = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
REPLACED = dict.fromkeys([*CONTROL, *DIRECTION], "\N{REPLACEMENT CHARACTER}")


def visible(value: Any) -> Any:
    """Replace control characters and marks of direction in a text; anything else stays what it is."""
    return value.translate(REPLACED) if isinstance(value, str) else value
