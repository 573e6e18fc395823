"""One way to read the files that people write: CSV rows and YAML mappings become pydantic models, or a `RefError`.

An error names the file, the line, the column or key, what was found, what is known, and a hint. A hint is the field's
description in its model; the value of a field with `repr=False` may be secret and is not shown. `Entry` is the base of
every model of a YAML file: unknown keys are refused and nothing is converted.
"""

import csv
import re
from collections.abc import Iterator
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from pipelines.common.errors import RefError

Keys = tuple[str | int, ...]
UNION_PARTS = ("str", "list[str]")
MOST_NESTED = 50


class Entry(BaseModel):
    """One part of a YAML file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Row(BaseModel):
    """One row of a CSV file: a column per field, cells without blanks at their ends, None for an empty cell."""

    model_config = ConfigDict(extra="forbid", frozen=True)


AnEntry = TypeVar("AnEntry", bound=BaseModel)
ARow = TypeVar("ARow", bound=Row)


def _day(text: object) -> object:
    try:
        return date.fromisoformat(text) if isinstance(text, str) else text
    except ValueError:
        raise PydanticCustomError("day", "is not a day", {"hint": "YYYY-MM-DD"}) from None


def _yes_or_no(text: object) -> bool:
    if isinstance(text, bool):
        return text
    if text not in ("yes", "no"):
        raise PydanticCustomError("yes_or_no", "is not yes or no", {"known": ("yes", "no")})
    return text == "yes"


# A cell of a CSV file.
Day = Annotated[date, BeforeValidator(_day)]
YesOrNo = Annotated[bool, BeforeValidator(_yes_or_no)]
# A text that says something.
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


def read_rows(path: Path, model: type[ARow]) -> Iterator[tuple[int, ARow]]:
    """Read a CSV file, row by row, with the line each row ends on.

    Raises `RefError` where the file is not UTF-8 CSV, its columns are not the model's, or a row does not fit.
    """
    columns = tuple(model.model_fields)
    try:
        with path.open(encoding="utf-8-sig", newline="") as source:
            reader = csv.DictReader(source, strict=True)
            found = tuple(reader.fieldnames or ())
            if sorted(found) != sorted(columns):
                raise RefError(path.name, f"has the columns {', '.join(found)}", known=columns)
            for row in reader:
                where = f"{path.name} line {reader.line_num}"
                if None in row or None in row.values():
                    raise RefError(where, "has too many or too few cells")
                cells = {name: value.strip() or None for name, value in row.items()}
                yield reader.line_num, checked(model, cells, where)
    except (csv.Error, UnicodeDecodeError) as failure:
        kind = type(failure).__name__
        raise RefError(path.name, f"is not a UTF-8 CSV file ({kind})", hint="save it as UTF-8 CSV") from None


def read_entries(path: Path, model: type[AnEntry]) -> dict[str, AnEntry]:
    """Read a YAML file of named entries of one kind.

    Raises `RefError` where the file is not such a mapping, or an entry does not fit.
    """
    return {str(name): checked_part(model, given, path, (name,)) for name, given in read_yaml(path).items()}


def read_entry(path: Path, model: type[AnEntry]) -> AnEntry:
    """Read a YAML file that is one entry.

    Raises `RefError`.
    """
    return checked_part(model, read_yaml(path), path, ())


def checked_part(model: type[AnEntry], given: object, path: Path, keys: Keys) -> AnEntry:
    """Check one part of a YAML file, which is at `keys`; an error names the line of the key that does not fit.

    Raises `RefError`.
    """
    try:
        return model.model_validate(given)
    except ValidationError as failure:
        first, found_at = _first(failure)
        line = line_of(path, (*keys, *found_at))
        where = f"{path.name} line {line}" if line else path.name
        name = ".".join(map(str, keys))
        raise _refusal(f"{where}: {name}" if name else where, first, found_at, model) from None


def checked(model: type[AnEntry], given: object, where: str) -> AnEntry:
    """Check what stands at a place that is named `where`.

    Raises `RefError`.
    """
    try:
        return model.model_validate(given)
    except ValidationError as failure:
        raise _refusal(where, *_first(failure), model) from None


def _first(failure: ValidationError) -> tuple[ErrorDetails, Keys]:
    """The first error, and the keys that lead to it, without the names that pydantic gives to parts of a union."""
    first = failure.errors(include_url=False)[0]
    return first, tuple(key for key in first["loc"] if key not in UNION_PARTS)


def _refusal(where: str, error: ErrorDetails, keys: Keys, model: type[BaseModel]) -> RefError:
    """Say what does not fit in one sentence."""
    context, given = error.get("ctx") or {}, error.get("input")
    name = ".".join(map(str, keys))
    owner, field = _field(model, keys)
    hint = (field and field.description) or ""
    if error["type"] == "missing":
        return RefError(where, f"has no {name}", known=_names(owner), hint=hint)
    if error["type"] == "extra_forbidden":
        near = get_close_matches(str(keys[-1]), _names(owner), n=1)
        hint = f"did you mean {near[0]}?" if near else ""
        return RefError(where, f"has the unknown key {name}", known=_names(owner), hint=hint)
    if error["type"] == "value_error":
        return RefError(where, str(context.get("error", error["msg"])), hint=hint)
    if error["type"] == "model_type":
        return RefError(where, f"{f'{name} ' if name else ''}is {_kind(given)}, not a mapping", known=_names(owner))
    known = context.get("known") or re.findall(r"'([^']*)'", str(context.get("expected", "")))
    hint = context.get("hint", hint)
    if given is None or (isinstance(given, str) and not given.strip()):
        return RefError(where, f"has no {name}", known=known, hint=hint)
    if field and not field.repr:
        return RefError(where, f"has a value for {name} that does not fit", hint=hint)
    return RefError(where, f"has {given!r} for {name}", known=known, hint=hint)


def _field(model: type[BaseModel], keys: Keys) -> tuple[type[BaseModel], FieldInfo | None]:
    """The model at a place of which the last key is a field, or might be; and the last field on the way there."""
    owner, inner, last = model, model, None
    for key in keys:
        owner = inner
        field = next((one for name, one in inner.model_fields.items() if key in (name, one.alias)), None)
        if field:
            last, inner = field, _model_in(field.annotation) or inner
    return (inner if keys and isinstance(keys[-1], int) else owner), last


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model of a field, of the items of a list, or of the values of a mapping."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _names(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _kind(given: object) -> str:
    return {type(None): "empty", list: "a list", str: "a text", bool: "yes or no"}.get(type(given), "a number")


class _Loader(yaml.CSafeLoader):
    """YAML that refuses a key given twice: the last one would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for n, key in enumerate(keys):
            if key in keys[:n]:
                raise yaml.MarkedYAMLError(problem=f"the key {key} twice", problem_mark=node.value[n][0].start_mark)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises `RefError` with the line where it is not YAML, gives a key twice, or is not a mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
        _check_depth(path, text)
        read = yaml.load(text, _Loader)
    except OSError as failure:
        found = "does not exist" if isinstance(failure, FileNotFoundError) else f"cannot be read ({failure.strerror})"
        raise RefError(str(path), found, hint="check the name of the file") from None
    except yaml.MarkedYAMLError as failure:
        n_lines = len(path.read_text(encoding="utf-8").splitlines())  # the parser in C counts one more at the end
        line = min(failure.problem_mark.line + 1, n_lines) if failure.problem_mark else "?"
        raise RefError(f"{path.name} line {line}", f"is not YAML ({failure.problem})") from None
    except UnicodeDecodeError:
        raise RefError(path.name, "is not UTF-8") from None
    except yaml.YAMLError as failure:
        raise RefError(path.name, f"is not text that YAML allows ({type(failure).__name__})") from None
    if not isinstance(read, dict):
        raise RefError(path.name, f"is {_kind(read)}, not a mapping of keys to values")
    return read


def _check_depth(path: Path, text: str) -> None:
    """Raise `RefError` where lists or mappings are nested too deep: PyYAML calls itself for each, and would crash."""
    depth = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MOST_NESTED:
            where = f"{path.name} line {event.start_mark.line + 1}" if event.start_mark else path.name
            raise RefError(where, f"nests lists and mappings more than {MOST_NESTED} deep", hint="close a bracket")


def line_of(path: Path, keys: Keys) -> int | None:
    """Find the line of a YAML file on which a key's value stands, or that of the nearest key above it."""
    node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    line = None
    for key in keys:
        found = None
        if isinstance(node, yaml.MappingNode):
            found = next((pair for pair in node.value if pair[0].value == key), None)
            line = found[0].start_mark.line + 1 if found else line
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            found = (None, node.value[key])
            line = node.value[key].start_mark.line + 1
        if not found:
            break
        node = found[1]
    return line


def lines_of_values(path: Path, key: str) -> dict[str, int]:
    """Find the line on which a key first has each of its values, anywhere in a YAML file."""
    lines: dict[str, int] = {}
    waiting: list[yaml.Node | None] = [yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            for name, value in node.value:
                if name.value == key and isinstance(value, yaml.ScalarNode):
                    lines.setdefault(value.value, value.start_mark.line + 1)
                waiting.append(value)
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
    return lines
