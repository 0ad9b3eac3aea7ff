"""Query filters in the directory's notation (RFC 4515), as far as the directory can answer them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from conf.document import did_you_mean
from conf.errors import BadRequest
from conf.filters.ast import And, AnyElement, Comparison, Filter, Literal, Not, Or, Present, Scalar
from flows.connectors.ldap_config import EntryType, LdapConfig
from flows.connectors.ldap_port import Library
from flows.connectors.ldap_schema import AttributeKind, Schema
from flows.connectors.ldap_shape import DN_NAMES, GROUPS, PASSWORD, STATUS, UID
from flows.connectors.ldap_values import is_binary

EVERYTHING: Final = "(objectClass=*)"
NOTHING: Final = "(!(objectClass=*))"


@dataclass(frozen=True)
class Question:
    """A filter as it is asked."""

    native: str = EVERYTHING
    rest: Filter | None = None
    """What the directory cannot answer; it holds for the objects besides `native`."""

    @property
    def members(self) -> set[str]:
        """Members that `rest` needs."""
        return set() if self.rest is None else set(_members(self.rest))


class Asking:
    """Puts filters on objects of one type into the directory's words."""

    def __init__(self, config: LdapConfig, library: Library, schema: Schema, kind: EntryType) -> None:
        self.config = config
        self.library = library
        self.schema = schema
        self.kind = kind

    def question(self, filter: Filter | None) -> Question:
        """The filter in two parts; BadRequest names a member that the object type does not have."""
        if filter is None:
            return Question()
        native, rest = [], []
        for part in filter.operands if isinstance(filter, And) else (filter,):
            asked = self._native(part)
            if asked is None:
                rest.append(part)
            elif asked != EVERYTHING:
                native.append(asked)
        left = None if not rest else rest[0] if len(rest) == 1 else And(tuple(rest))
        return Question(_joined("&", native) if native else EVERYTHING, left)

    def any_id(self, ids: Sequence[str]) -> str:
        """A filter for entries with one of these ids; not where the id is the entry's name."""
        kind = self.schema.find(self.config.uid)
        clauses = [self._clause(self.config.uid, kind, "eq", id) or NOTHING for id in ids]
        return _joined("|", clauses) if clauses else NOTHING

    def named(self, name: str) -> str:
        """A filter for entries that this is a name of."""
        clauses = [self._clause(one, self.schema.find(one), "eq", name) or NOTHING for one in self.kind.names]
        return _joined("|", clauses)

    def _native(self, node: Filter) -> str | None:
        """None where the directory cannot say for certain."""
        match node:
            case Literal(value):
                return EVERYTHING if value else NOTHING
            case Not(operand):
                inner = self._native(operand)
                return None if inner is None else f"(!{inner})"
            case And(operands) | Or(operands):
                parts = [self._native(operand) for operand in operands]
                sure = [part for part in parts if part is not None]
                return (
                    _joined("&" if isinstance(node, And) else "|", sure) if len(sure) == len(parts) else None
                )
            case Present(pointer):
                return self._present(pointer)
            case AnyElement():
                return None
            case Comparison():
                return self._comparison(node)
            case _:
                assert_never(node)

    def _present(self, pointer: tuple[str, ...]) -> str | None:
        native = self._attribute(pointer[0]) if pointer else ""
        if native is None:
            return NOTHING
        if not native or len(pointer) > 1:
            return None
        return EVERYTHING if native.lower() in DN_NAMES else f"({native}=*)"

    def _comparison(self, node: Comparison) -> str | None:
        if not node.pointer:
            return NOTHING
        native = self._attribute(node.pointer[0])
        if native is None:
            known = ["_id", *self.kind.attributes]
            hint = did_you_mean(node.pointer[0], known) or f" It has {', '.join(known)}."
            raise BadRequest(
                f"The filter asks for '{node.pointer[0]}', which objects of system/{self.config.name}/"
                f"{self.kind.name} do not have.{hint}"
            )
        if not native or len(node.pointer) > 1:
            return None
        if native.lower() in DN_NAMES:
            return self._by_name(node)
        kind = self.schema.find(native)
        if node.operator == "in" and isinstance(node.value, tuple):
            clauses = [self._clause(native, kind, "eq", value) for value in node.value]
        else:
            clauses = (
                []
                if isinstance(node.value, tuple)
                else [self._clause(native, kind, node.operator, node.value)]
            )
        sure = [clause for clause in clauses if clause is not None]
        return (_joined("|", sure) if sure else NOTHING) if len(sure) == len(clauses) else None

    def _by_name(self, node: Comparison) -> str | None:
        """Names are no attribute, but some directories let one ask for them."""
        native = next(
            (name for name in ("entryDN", "distinguishedName") if name.lower() in self.schema.kinds), ""
        )
        if not native or node.operator not in ("eq", "in"):
            return None
        values = node.value if isinstance(node.value, tuple) else (node.value,)
        clauses = [
            f"({native}={self.library.escape(value)})" for value in values if isinstance(value, str) and value
        ]
        return _joined("|", clauses) if clauses else NOTHING

    def _clause(self, native: str, kind: AttributeKind, operator: str, value: Scalar) -> str | None:
        text = str(value).upper() if isinstance(value, bool) else str(value)
        if text == "":  # no value is empty, and every one has it
            return f"({native}=*)" if operator in ("co", "sw", "ge", "gt") else NOTHING
        declared = next((one for one in self.kind.attributes.values() if one.native_name == native), None)
        if is_binary(declared, kind):
            return self._binary(native, kind, operator, text)
        escaped = self.library.escape(text)
        match operator:
            case "eq":
                return f"({native}={escaped})" if kind.has_equality else None
            case "co":
                return f"({native}=*{escaped}*)" if kind.has_substrings else None
            case "sw":
                return f"({native}={escaped}*)" if kind.has_substrings else None
        if not kind.has_ordering or not kind.has_equality:
            return None
        sign = ">=" if operator in ("ge", "gt") else "<="
        clause = f"({native}{sign}{escaped})"
        return clause if operator in ("ge", "le") else f"(&{clause}(!({native}={escaped})))"

    def _binary(self, native: str, kind: AttributeKind, operator: str, text: str) -> str | None:
        if operator != "eq" or not kind.has_equality:
            return None
        try:
            octets = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return NOTHING
        return f"({native}={''.join(f'{chr(92)}{octet:02x}' for octet in octets)})"

    def _attribute(self, member: str) -> str | None:
        """The attribute behind a member; empty for what no attribute holds, None for an unknown member."""
        if member == "_id":
            return self.config.uid
        attribute = self.kind.attributes.get(member)
        if attribute is None:
            is_open = not self.kind.attributes and self.schema.kinds and self.schema.knows(member)
            return member if is_open else None
        native = attribute.native_name.lower()
        if native == UID:
            return self.config.uid
        if native == PASSWORD or "NOT_READABLE" in attribute.flags:
            raise BadRequest(f"The filter asks for '{member}', which cannot be read.")
        return "" if native in (STATUS, GROUPS) else attribute.native_name


def _joined(operator: str, parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({operator}{''.join(parts)})"


def _members(filter: Filter) -> Iterator[str]:
    match filter:
        case Comparison(pointer) | Present(pointer) | AnyElement(pointer):
            yield from pointer[:1]
        case Not(operand):
            yield from _members(operand)
        case And(operands) | Or(operands):
            for operand in operands:
                yield from _members(operand)
        case Literal():
            pass
