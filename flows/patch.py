"""PATCH as CREST has it: operations over JSON pointers, applied to a copy of an object.

add        set a member, or merge into a list (`/tags/-` appends)
replace    set a member whatever it was
remove     take out a member, a list element, or all elements equal to `value`
increment  add to a number, or to every number of a list
copy, move add the value found at `from`; move takes it away there
transform  replace by the value of a script that sees the object as `content`
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from conf import pointer
from conf.errors import BadRequest
from conf.pointer import Pointer

Json = dict[str, Any]
Transform = Callable[[Json, Json], Any]
"""Runs a script object on the object as patched so far."""

_NAMES: Final = ("add", "remove", "replace", "increment", "move", "copy", "transform")
_FIXED: Final = ("_id", "_rev")
_INVALID: Final = (
    "The request could not be processed because the provided content is not a valid JSON patch: "
)
_MISSING: Final = object()
#: beyond it JSON's readers no longer agree on whole numbers
LARGEST: Final = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of a patch, checked for shape."""

    name: str
    field: Pointer
    value: Any
    """`_MISSING` when the operation brings none."""
    source: Pointer | None
    """Where copy and move take their value from."""

    @property
    def place(self) -> str:
        return pointer.text(self.field)


def parse(operations: Sequence[Any]) -> tuple[Operation, ...]:
    """The operations of a request body; BadRequest names the one that is wrong."""
    return tuple(_parse_one(operation) for operation in operations)


def _parse_one(raw: Any) -> Operation:
    if not isinstance(raw, dict):
        raise BadRequest(f"{_INVALID}each patch operation is an object with 'operation' and 'field'")
    name = raw.get("operation")
    if not isinstance(name, str):
        raise BadRequest(f"{_INVALID}a patch operation has no 'operation'; known are {', '.join(_NAMES)}")
    if name not in _NAMES:
        raise BadRequest(f"{_INVALID}Invalid patch operation type {name}")
    field = raw.get("field")
    if not isinstance(field, str):
        raise BadRequest(f"{_INVALID}the operation '{name}' needs a 'field', a JSON pointer as text")
    source = raw.get("from")
    if name in {"copy", "move"} and not isinstance(source, str):
        raise BadRequest(f"{_INVALID}the operation '{name}' needs 'from', a JSON pointer as text")
    if name in {"add", "increment", "transform"} and "value" not in raw:
        raise BadRequest(f"{_INVALID}the operation '{name}' on '{field}' needs a 'value'")
    path = pointer.parse(field)
    if not path and name != "transform":
        raise BadRequest(f"{_INVALID}the operation '{name}' names no field")
    if path and path[0] in _FIXED:
        raise BadRequest(f"The field '/{path[0]}' cannot be changed")
    origin = pointer.parse(source) if isinstance(source, str) else None
    if name == "move" and origin and path[: len(origin)] == origin:
        raise BadRequest(f"{_INVALID}'{source}' cannot be moved into itself")
    return Operation(name, path, raw.get("value", _MISSING), origin)


def needs_script(operations: Sequence[Any]) -> bool:
    """Whether a patch runs a script, which belongs in a thread."""
    return any(isinstance(o, dict) and o.get("operation") == "transform" for o in operations)


def apply(
    document: Json, operations: Sequence[Any], transform: Transform | None = None, *, positions: bool = True
) -> Json:
    """A patched copy of the object; the object itself stays as it is, also when an operation fails.

    Without `positions` no element of a list can be meant by its number, as PingIDM has it for objects.
    """
    patched = deepcopy(document)
    for operation in parse(operations):
        if not positions:
            _refuse_position(patched, operation)
        patched = _perform(patched, operation, transform)
    return patched


def _refuse_position(document: Json, operation: Operation) -> None:
    for depth, step in enumerate(operation.field):
        if step != "-" and isinstance(pointer.get(document, operation.field[:depth]), list):
            raise BadRequest(f"Position-based operation is not allowed: {operation.place}")


def _perform(document: Json, operation: Operation, transform: Transform | None) -> Json:
    match operation.name:
        case "add":
            _add(document, operation.field, deepcopy(operation.value))
        case "replace":
            _replace(document, operation)
        case "remove":
            _remove(document, operation)
        case "increment":
            _increment(document, operation)
        case "copy":
            _add(document, operation.field, deepcopy(_taken(document, operation)))
        case "move":
            value = _taken(document, operation)
            pointer.remove(document, operation.source or ())
            _add(document, operation.field, value)
        case _:
            return _transform(document, operation, transform)
    return document


def _add(document: Json, field: Pointer, value: Any) -> None:
    """Lists take in what they lack; `-` appends in any case."""
    if field[-1] == "-":
        _append(document, field, value)
        return
    found = pointer.get(document, field)
    if isinstance(found, list) and isinstance(value, list):
        found.extend(element for element in value if element not in found)
        return
    parent = pointer.get(document, field[:-1])
    if isinstance(parent, list) and field[-1].isdigit() and int(field[-1]) < len(parent):
        parent.insert(int(field[-1]), value)
        return
    pointer.put(document, field, value)


def _append(document: Json, field: Pointer, value: Any) -> None:
    found = pointer.get(document, field[:-1])
    if found is None and len(field) > 1:
        pointer.put(document, field[:-1], found := [])
    if not isinstance(found, list):
        raise BadRequest(f"The field '{pointer.text(field[:-1])}' is not a list, so nothing can be appended")
    if isinstance(value, list):
        found.extend(value)
    else:
        found.append(value)


def _replace(document: Json, operation: Operation) -> None:
    if operation.value is _MISSING:
        pointer.remove(document, operation.field)
    else:
        pointer.put(document, operation.field, deepcopy(operation.value), dash_appends=True)


def _remove(document: Json, operation: Operation) -> None:
    if operation.value is _MISSING:
        pointer.remove(document, operation.field)
        return
    found = pointer.get(document, operation.field, _MISSING)
    if isinstance(found, list):
        found[:] = [element for element in found if element != operation.value]
    elif found == operation.value:
        pointer.remove(document, operation.field)


def _increment(document: Json, operation: Operation) -> None:
    found = pointer.get(document, operation.field)
    if found is None:
        raise BadRequest(f"The field '{operation.place}' does not exist")
    step = operation.value
    if not _is_number(step):
        raise BadRequest(f"The value to increment '{operation.place}' by is not a number")
    numbers = found if isinstance(found, list) else [found]
    if not all(_is_number(number) for number in numbers):
        raise BadRequest(f"The field '{operation.place}' is not a number, so it cannot be incremented")
    raised = [number + step for number in numbers]
    if not all(abs(number) <= LARGEST for number in raised):  # also where the sum is no number
        raise BadRequest(f"The field '{operation.place}' cannot become as large as that")
    pointer.put(document, operation.field, raised if isinstance(found, list) else raised[0])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _taken(document: Json, operation: Operation) -> Any:
    origin = operation.source or ()
    found = pointer.get(document, origin, _MISSING)
    if found is _MISSING or not origin:
        raise BadRequest(f"The field '{pointer.text(origin)}' does not exist")
    return found


def _transform(document: Json, operation: Operation, transform: Transform | None) -> Json:
    script = operation.value.get("script") if isinstance(operation.value, dict) else None
    if not isinstance(script, dict):
        raise BadRequest(f"{_INVALID}the value of 'transform' holds a script object under 'script'")
    if transform is None:
        raise BadRequest("The operation 'transform' is not offered here; use 'replace'")
    value = transform(script, deepcopy(document))
    if operation.field:
        pointer.put(document, operation.field, value)
        return document
    if not isinstance(value, dict):
        raise BadRequest("A transform of the whole object must result in an object")
    return value
