"""Long lists read an entry at a time: the same entries however the bytes come, and never a silent end."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.common.errors import DeliveryError, SchemaError, UnreadableFileError
from pipelines.extract.files.json_list import LONGEST_ENTRY, JsonLists, field_names

HEAD = re.compile(r"window\.YTD\.x\.part([0-9]+)\s*=\s*\[")
FOOT = re.compile(";")

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
entries = st.lists(st.dictionaries(st.text(max_size=5), values, max_size=3), max_size=6)
blanks = st.text(" \n\r\t", max_size=3)


def chunked(raw: bytes, size: int) -> Iterator[bytes]:
    return (raw[at : at + size] for at in range(0, len(raw), size))


def read(text: str | bytes, size: int = 1 << 20) -> tuple[list[dict[str, Any]], JsonLists]:
    raw = text if isinstance(text, bytes) else text.encode()
    lists = JsonLists(chunked(raw, size), "f.js", HEAD, FOOT)
    return list(lists), lists


@given(st.lists(entries, min_size=1, max_size=4), blanks, st.integers(1, 40), st.booleans(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_every_entry_of_every_part_comes_back_however_the_bytes_come(
    parts: list[list[dict[str, Any]]], blank: str, size: int, as_ascii: bool, has_foot: bool
) -> None:
    text = ""
    for n, part in enumerate(parts):
        text += f"{blank}window.YTD.x.part{n} = {json.dumps(part, ensure_ascii=as_ascii, indent=size % 3)}"
        text += ";" * has_foot + blank
    raw = b"\xef\xbb\xbf" * has_foot + text.encode("utf-8")
    got, lists = read(raw, size)
    assert got == [entry for part in parts for entry in part]
    assert [int(head[1]) for head in lists.heads] == list(range(len(parts)))
    assert lists.counts == [len(part) for part in parts]


@given(entries, st.integers(1, 40), st.data())
@settings(max_examples=150, deadline=None)
def test_a_text_cut_anywhere_before_its_end_is_refused(part: list[dict[str, Any]], size: int, data: Any) -> None:
    raw = f"window.YTD.x.part0 = {json.dumps(part, ensure_ascii=False)}".encode()
    cut = data.draw(st.integers(1, len(raw) - 1))
    with pytest.raises(DeliveryError):
        read(raw[:cut], size)


@pytest.mark.parametrize(
    ("rest", "kind", "message"),
    [
        ('{"a":1} {"a":2}]', UnreadableFileError, "entry 2 of list 1: is no JSON"),
        ('{"a":1},]', UnreadableFileError, "entry 2 of list 1: is no JSON object"),
        (',{"a":1}]', UnreadableFileError, "entry 1 of list 1: is no JSON object"),
        ('"jane"]', UnreadableFileError, "entry 1 of list 1: is no JSON object"),
        ("[1]]", UnreadableFileError, "is no JSON object"),
        ('{"a":NaN}]', UnreadableFileError, "is cut off or no JSON"),
        ('{"a":undefined}]', UnreadableFileError, "is cut off or no JSON"),
        ('{"a":"jane}]', UnreadableFileError, "is cut off or no JSON"),
        ('{"a":' + "[" * 100_000 + "}]", UnreadableFileError, "is cut off or no JSON"),
        ('{"a":' + "9" * 5000 + "}]", UnreadableFileError, "is cut off or no JSON"),
        ('{"a":1}] jane', SchemaError, "list 2 does not begin as known"),
        ('{"a":1}]; alert("jane")', SchemaError, "list 2 does not begin as known"),
    ],
)
def test_text_that_is_no_list_is_refused_by_its_place_alone(rest: str, kind: type[DeliveryError], message: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        read(f"window.YTD.x.part0 = [{rest}", 7 if len(rest) < 100 else 1 << 14)
    assert type(caught.value) is kind
    assert "jane" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_bytes_that_are_no_utf_8_are_refused() -> None:
    for size in (1, 1 << 20):
        with pytest.raises(UnreadableFileError, match="is not UTF-8"):
            read(b'window.YTD.x.part0 = [{"a":"\xe9"}]', size)


def test_an_endless_entry_stops_before_it_fills_the_memory() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        yield b'window.YTD.x.part0 = [{"a":"'
        while taken < 64:
            taken += 1
            yield b"a" * (1 << 20)

    with pytest.raises(UnreadableFileError, match="is cut off or no JSON"):
        list(JsonLists(endless(), "f.js", HEAD, FOOT))
    assert taken <= (LONGEST_ENTRY >> 20) + 2


def test_names_that_may_be_a_person_s_are_counted_only() -> None:
    assert field_names(["b", "a", "jane@private.example", "jane smith"]) == "a, b, 2 more"
    assert field_names([]) == "none"
