"""Values of attributes as JSON, and back: text, numbers, truth values, and base64 for what is neither."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from conf.document import kind_of
from conf.errors import BadRequest
from conf.provisioner import SystemAttribute
from flows.connectors.ldap_schema import AttributeKind

_BYTES: Final = frozenset({"JAVA_TYPE_BYTE_ARRAY", "JAVA_TYPE_BYTE", "binary"})
_INTEGERS: Final = frozenset(
    {"integer", "JAVA_TYPE_INT", "JAVA_TYPE_INTEGER", "JAVA_TYPE_LONG", "JAVA_TYPE_BIGINTEGER"}
)
_TEXT: Final[Callable[[bytes], str]] = bytes.decode
_BOOLEANS: Final = frozenset({"boolean", "JAVA_TYPE_BOOLEAN", "JAVA_TYPE_PRIMITIVE_BOOLEAN"})


@dataclass(frozen=True)
class Reader:
    """Makes JSON of the values of one attribute; `read` raises ValueError."""

    read: Callable[[list[bytes]], Any]
    is_text: bool
    """What it gives is one text, decoded and nothing else."""


class ManyValues(ValueError):
    """An attribute that is declared with one value has several."""


class Damaged(ValueError):
    """A value cannot be read as what it is declared to be."""


def is_binary(attribute: SystemAttribute | None, kind: AttributeKind) -> bool:
    return kind.is_binary or (attribute is not None and attribute.native_type in _BYTES)


def reader_of(attribute: SystemAttribute | None, kind: AttributeKind, limit: int) -> Reader:
    """How an attribute is read: as it is declared, else as the directory describes it."""
    name = kind.name if attribute is None else attribute.native_name
    one = _element(attribute, kind)
    many = not kind.is_single if attribute is None else attribute.is_multivalued

    def read_one(values: list[bytes]) -> Any:
        if len(values) != 1:
            raise ManyValues(
                f"MANY_VALUES: {name!r} has {len(values)} values and the object type declares one; "
                'declare "type": "array"'
            )
        try:
            return one(values[0])
        except ValueError as cause:
            raise Damaged(f"BAD_VALUE: {name!r}: {_reason(values[0], cause)}") from None

    def read_many(values: list[bytes]) -> Any:
        if len(values) > limit:
            raise Damaged(f"ROW_TOO_LARGE: {name!r} has {len(values)} values, more than {limit}")
        try:
            return [one(value) for value in values]
        except ValueError as cause:
            raise Damaged(f"BAD_VALUE: {name!r}: {_reason(b'', cause)}") from None

    return Reader(read_many, False) if many else Reader(read_one, one is _TEXT)


def _element(attribute: SystemAttribute | None, kind: AttributeKind) -> Callable[[bytes], Any]:
    if is_binary(attribute, kind):
        return _base64
    declared = {attribute.type, attribute.native_type} if attribute is not None else set()
    if declared & _INTEGERS or (attribute is None and kind.is_integer):
        return int
    if declared & _BOOLEANS or (attribute is None and kind.is_boolean):
        return _truth
    if "number" in declared:
        return float
    return _TEXT


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _truth(value: bytes) -> bool:
    match value.upper():
        case b"TRUE":
            return True
        case b"FALSE":
            return False
    raise ValueError("neither TRUE nor FALSE")


def _reason(value: bytes, cause: ValueError) -> str:
    if isinstance(cause, UnicodeDecodeError):
        return 'not UTF-8; declare "nativeType": "JAVA_TYPE_BYTE_ARRAY"'
    return f"{value[:40].decode(errors='replace')!r} is not of the declared type" if value else str(cause)


def to_bytes(member: str, value: Any, attribute: SystemAttribute | None, kind: AttributeKind) -> list[bytes]:
    """The values to write; nothing for null, an empty text and an empty list. BadRequest for what has no place."""
    elements: Sequence[Any] = value if isinstance(value, list) else [value]
    binary = is_binary(attribute, kind)
    return [_bytes(member, one, binary) for one in elements if one is not None and one != ""]


def _bytes(member: str, value: Any, binary: bool) -> bytes:
    match value:
        case bool():
            return b"TRUE" if value else b"FALSE"
        case int() | float():
            return str(value).encode()
        case str() if binary:
            try:
                return base64.b64decode(value, validate=True)
            except (binascii.Error, ValueError):
                raise BadRequest(
                    f"{member}: the value is not base64, which a binary attribute needs."
                ) from None
        case str():
            try:
                return value.encode()
            except UnicodeEncodeError:
                raise BadRequest(f"{member}: the value holds half a character (a lone surrogate).") from None
        case _:
            raise BadRequest(
                f"{member}: a directory holds texts, numbers and true or false, not {kind_of(value)}."
            )
