"""What a caller wants an entry to be, told apart: its name, its attributes, its status, its groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conf.document import did_you_mean, kind_of
from conf.errors import BadRequest
from conf.provisioner import SystemAttribute
from flows.connectors.ldap_config import EntryType, LdapConfig, Status
from flows.connectors.ldap_schema import AttributeKind, Schema
from flows.connectors.ldap_shape import DN_NAMES, GROUPS, PASSWORD, STATUS, UID
from flows.connectors.ldap_values import to_bytes

Values = dict[str, list[bytes]]


@dataclass
class Draft:
    """Only what the caller named; an empty list clears an attribute."""

    values: Values = field(default_factory=dict)
    """By the directory's name of the attribute."""
    members: dict[str, str] = field(default_factory=dict)
    """Attribute -> the member that it came from."""
    name: str | None = None
    id: str | None = None
    status: bool | None = None
    groups: list[str] | None = None
    fixed: frozenset[str] = frozenset()
    """Attributes that may not be changed."""


def read_draft(
    content: Mapping[str, Any], config: LdapConfig, kind: EntryType, schema: Schema, forbidden: str
) -> Draft:
    """Sort the members of `content`; BadRequest for those that the object type does not have.

    `forbidden` is the flag of members that may not be written so, as `NOT_UPDATEABLE`.
    """
    draft = Draft()
    fixed = set()
    for member, value in content.items():
        if member == "_id":
            draft.id = None if value is None else str(value)
            continue
        attribute = kind.attributes.get(member)
        if attribute is None and not _is_open(member, kind, schema):
            raise _unknown(member, config, kind, schema)
        native = member if attribute is None else attribute.native_name
        if not _special(draft, config, member, native.lower(), value):
            is_password = native.lower() in (PASSWORD, config.password.lower())
            found = schema.find(config.password if is_password else native)
            name = native if ";" in native else found.name
            if is_password:
                draft.values[name] = _password(member, name, value)
            else:
                draft.values[name] = to_bytes(member, value, attribute, found)
            draft.members[name] = member
            if found.is_read_only or (attribute is not None and forbidden in attribute.flags):
                fixed.add(name)
    draft.fixed = frozenset(fixed)
    _place_id(draft, config, schema)
    return draft


def status_values(status: Status, active: bool, present: list[bytes]) -> list[bytes]:
    """What the status attribute must hold."""
    if status.bit:
        number = int(present[0]) if present and present[0].lstrip(b"-").isdigit() else 0
        return [str(number & ~status.bit if active else number | status.bit).encode()]
    value = status.active if active else status.inactive
    return [] if value is None else [value.encode()]


def _special(draft: Draft, config: LdapConfig, member: str, native: str, value: Any) -> bool:
    """Members that are no attributes."""
    if native in DN_NAMES:
        draft.name = None if value is None else _text(member, value)
    elif native == UID:
        draft.id = None if value is None else _text(member, value)
    elif native == STATUS:
        if config.status is None:
            raise BadRequest(
                f"{member}: configurationProperties.statusAttribute must say where the status is kept."
            )
        if not isinstance(value, bool | None):
            raise BadRequest(f"{member}: expected true or false, found {kind_of(value)}.")
        draft.status = value is not False
    elif native == GROUPS:
        groups = value if isinstance(value, list) else [] if value is None else [value]
        draft.groups = [_text(member, group) for group in groups]
    else:
        return False
    return True


def _password(member: str, attribute: str, value: Any) -> list[bytes]:
    """A password goes out as it is; Active Directory wants it in quotes and UTF-16."""
    if attribute.lower() == "unicodepwd" and value is not None:
        return [f'"{_text(member, value)}"'.encode("utf-16-le", "replace")]
    return to_bytes(member, value, None, AttributeKind(attribute))


def _place_id(draft: Draft, config: LdapConfig, schema: Schema) -> None:
    """The id is the entry's name, or an attribute like others, or none of ours."""
    if draft.id is None:
        return
    if config.uid.lower() in DN_NAMES:
        draft.name = draft.name or draft.id
        return
    kind = schema.find(config.uid)
    attribute = SystemAttribute("_id", config.uid)
    draft.values.setdefault(kind.name, to_bytes("_id", draft.id, attribute, kind))
    draft.members.setdefault(kind.name, "_id")
    if kind.is_read_only:
        draft.fixed |= {kind.name}


def _text(member: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BadRequest(f"{member}: expected a text, found {kind_of(value)}.")
    return value


def _is_open(member: str, kind: EntryType, schema: Schema) -> bool:
    return not kind.attributes and bool(schema.kinds) and schema.knows(member)


def _unknown(member: str, config: LdapConfig, kind: EntryType, schema: Schema) -> BadRequest:
    if kind.attributes:
        hint = did_you_mean(member, kind.attributes) or f" It has {', '.join(kind.attributes)}."
    else:
        hint = schema.nearest(member)
    return BadRequest(f"Objects of system/{config.name}/{kind.name} have no member '{member}'.{hint}")
