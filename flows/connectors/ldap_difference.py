"""The least that must be changed of an entry."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from flows.connectors.ldap_names import name_key
from flows.connectors.ldap_port import Change, Library, Modification
from flows.connectors.ldap_schema import AttributeKind, Schema


def differences(
    present: Mapping[str, list[bytes]],
    wanted: Mapping[str, list[bytes]],
    schema: Schema,
    library: Library,
    skip: Collection[str] = (),
) -> list[Change]:
    """Changes that lead from what is there to what is wanted; both by the directory's names of attributes."""
    changes: list[Change] = []
    for name, values in wanted.items():
        if name not in skip:
            changes += _of_one(name, present.get(name, []), values, schema.find(name), library)
    return changes


def _of_one(
    name: str, before: list[bytes], after: list[bytes], kind: AttributeKind, library: Library
) -> list[Change]:
    have = {_key(value, kind, library): value for value in before}
    want = {_key(value, kind, library): value for value in after}
    if have.keys() == want.keys():
        return []
    if not want:
        return [(Modification.REPLACE, name, None)]
    gone = [value for key, value in have.items() if key not in want]
    new = [value for key, value in want.items() if key not in have]
    if len(gone) == len(have) or kind.is_binary or not kind.has_equality:
        return [(Modification.REPLACE, name, list(want.values()))]
    # of many values only those that differ: others may be changing the same attribute
    changes: list[Change] = []
    if gone:
        changes.append((Modification.DELETE, name, gone))
    if new:
        changes.append((Modification.ADD, name, new))
    return changes


def _key(value: bytes, kind: AttributeKind, library: Library) -> bytes:
    if not kind.is_dn:
        return value
    return name_key(library, value.decode(errors="surrogateescape")).encode(errors="surrogateescape")
