"""What a directory says of its attributes: their names, how many values they take, and how those compare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from conf.document import did_you_mean
from flows.connectors.ldap_port import (
    Attributes,
    AttributeType,
    DirectoryError,
    Library,
    Scope,
    Search,
    Session,
)

_SYNTAX: Final = "1.3.6.1.4.1.1466.115.121.1."
#: binary, certificates and their lists, fax, JPEG, octet string, and Active Directory's octets and security descriptors
_BINARY: Final = frozenset(f"{_SYNTAX}{number}" for number in (4, 5, 8, 9, 10, 23, 28, 40, 49, 51)) | {
    "1.2.840.113556.1.4.907"
}
_DN: Final = frozenset({f"{_SYNTAX}12", f"{_SYNTAX}34"})
_INTEGER: Final = frozenset({f"{_SYNTAX}27", "1.2.840.113556.1.4.906"})
_BOOLEAN: Final = f"{_SYNTAX}7"


@dataclass(frozen=True)
class AttributeKind:
    """An attribute of the directory."""

    name: str
    is_single: bool = False
    syntax: str = ""
    has_equality: bool = True
    has_ordering: bool = True
    has_substrings: bool = True
    is_read_only: bool = False

    @property
    def is_binary(self) -> bool:
        return self.syntax in _BINARY

    @property
    def is_dn(self) -> bool:
        return self.syntax in _DN

    @property
    def is_integer(self) -> bool:
        return self.syntax in _INTEGER

    @property
    def is_boolean(self) -> bool:
        return self.syntax == _BOOLEAN


@dataclass(frozen=True)
class Schema:
    """All attributes, by each of their names in lower case; empty when the directory does not tell."""

    kinds: Mapping[str, AttributeKind] = field(default_factory=dict)

    def find(self, name: str) -> AttributeKind:
        """What is known of an attribute; options (`;lang-de`) do not matter."""
        bare = name.partition(";")[0]
        return self.kinds.get(bare.lower()) or AttributeKind(bare)

    def knows(self, name: str) -> bool:
        return not self.kinds or name.partition(";")[0].lower() in self.kinds

    def nearest(self, name: str) -> str:
        """` Did you mean sn?`, or nothing."""
        return did_you_mean(name, (kind.name for kind in self.kinds.values()))


async def read_schema(session: Session, library: Library) -> Schema:
    """Ask the server."""
    where = await _attribute(session, "", "subschemaSubentry", "(objectClass=*)")
    if not where:
        return Schema()
    definitions = await _attribute(session, where[0].decode(), "attributeTypes", "(objectClass=subschema)")
    return make_schema(library.attribute_type(text.decode("utf-8", "replace")) for text in definitions)


def make_schema(types: Iterable[AttributeType]) -> Schema:
    """What is not said of an attribute is as with the one above it."""
    by_name = {name.lower(): found for found in types for name in (*found.names, found.oid)}
    return Schema({name: _kind(found, by_name) for name, found in by_name.items()})


def _kind(found: AttributeType, by_name: Mapping[str, AttributeType]) -> AttributeKind:
    line = [found]
    while line[-1].sup and len(line) < 20 and (above := by_name.get(line[-1].sup[0].lower())) is not None:
        line.append(above)
    return AttributeKind(
        name=found.names[0] if found.names else found.oid,
        is_single=bool(found.single_value),
        syntax=next((one.syntax for one in line if one.syntax), ""),
        has_equality=any(one.equality for one in line),
        has_ordering=any(one.ordering for one in line),
        has_substrings=any(one.substr for one in line),
        is_read_only=bool(found.no_user_mod),
    )


async def _attribute(session: Session, base: str, name: str, filter: str) -> list[bytes]:
    found: list[bytes] = []

    def take(_dn: str, attributes: Attributes) -> None:
        for values in attributes.values():
            found.extend(values)

    try:
        await session.search(Search(base, filter, (name,), Scope.BASE), take)
    except DirectoryError as error:
        if error.is_lost:
            raise
    return found
