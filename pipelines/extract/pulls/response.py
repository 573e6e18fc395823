"""Read the answers of platforms by small pydantic models of the fields we use: one way for all connectors.

A required field must be present and every field must have its type; anything else raises `SchemaError`, which names
the field and both types and never holds a value. Fields that are not in the platform's own description are reported by
name and not read. The models of the platforms' client libraries are not used: they reject a page of a hundred people
over one unexpected field that Stillreach never reads, or cast values silently.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic import Field as PydanticField
from pydantic_core import PydanticCustomError

from pipelines.common.errors import SchemaError

P = TypeVar("P", bound="Part")
FIELD_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_]{0,40}")
UNNAMED = "?"
"""Written instead of a field name that does not look like one: it may be a value."""
EXPECTED = {
    "string_type": "text", "string_unicode": "valid text", "string_too_short": "text of at least one character",
    "int_type": "a whole number", "bool_type": "true or false", "list_type": "a list", "dict_type": "an object",
    "model_type": "an object", "instant": "an instant with a time zone",
}  # fmt: skip
JSON_TYPES = {
    str: "text", int: "a number", float: "a number", bool: "true or false", list: "a list", dict: "an object",
    type(None): "null",
}  # fmt: skip


class Part(BaseModel):
    """A part of an answer: the fields we read, with the platform's names and types; other fields are dropped."""

    model_config = ConfigDict(extra="ignore", strict=True)


def _with_time_zone(text: str) -> str:
    try:
        if datetime.fromisoformat(text).tzinfo:
            return text
    except ValueError:
        pass
    raise PydanticCustomError("instant", "no instant")


def _known_count(n: int | None) -> int | None:
    return None if n is None or n < 0 else n


Instant = Annotated[str, AfterValidator(_with_time_zone)]
"""An ISO 8601 instant with its time zone, kept as the platform wrote it."""
Count = Annotated[int | None, AfterValidator(_known_count)]
"""A count; servers that hide one send null or -1: both are unknown."""
Name = Annotated[str, PydanticField(min_length=1)]
"""A text that may not be empty, such as an id."""


def read(model: type[P], body: object, thing: str, root: str = "", hint: str = "") -> P:
    """Read an answer, or one object of it, by its model.

    `thing` names the answer in errors, `root` the object within it. Raises `SchemaError` for the first field that is
    missing or of another type.
    """
    try:
        return model.model_validate(body)
    except ValidationError as failure:
        # Raised outside this block: pydantic's error holds the values of the answer.
        first = failure.errors(include_url=False, include_context=False)[0]
    *path, name = first["loc"] or ("",)
    place = root + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    where = f"{thing}, {place.lstrip('.') or 'the answer'}"
    found = first["input"]
    if first["type"] == "missing":
        fields = ", ".join(sorted(field_names(found)))
        raise SchemaError(where, f"has no '{name}' but {fields or 'nothing'}", known=[str(name)], hint=hint)
    expected = EXPECTED.get(first["type"], "of the known type")
    actual = f"{JSON_TYPES.get(type(found), 'of another type')}, not {expected}"
    if first["type"] == "string_too_short":
        actual = "empty"
    if name == "":
        raise SchemaError(where, f"is {actual}", known=[expected], hint=hint)
    subject = f"entry {name}" if isinstance(name, int) else f"'{name}'"
    raise SchemaError(where, f"{subject} is {actual}", known=[f"{name} ({expected})"], hint=hint)


def unknown_fields(known: Mapping[str, frozenset[str]], path: str, part: object) -> list[str]:
    """Name the fields of an answer that are not in `known`, the known fields of each object by its path.

    Objects whose path is not in `known` are not searched.
    """
    return sorted(set(_unknown(known, path, part)))


def _unknown(known: Mapping[str, frozenset[str]], path: str, part: object) -> Iterator[str]:
    if isinstance(part, list):
        for entry in part:
            yield from _unknown(known, path, entry)
    elif isinstance(part, dict) and path in known:
        yield from (f"{path}.{name}" for name in field_names(part.keys() - known[path]))
        for name in part.keys() & known[path]:
            yield from _unknown(known, f"{path}.{name}", part[name])


def field_names(names: object) -> Iterator[str]:
    """Give the names of an object's fields, `?` for each that does not look like a field name."""
    for name in names if isinstance(names, dict | set) else ():
        yield name if FIELD_NAME.fullmatch(name) else UNNAMED
