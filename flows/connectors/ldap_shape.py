"""From entries to objects: which attributes are asked for, and what each member is made of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final

from conf.provisioner import SystemAttribute
from flows.connectors.base import BrokenRow, Row
from flows.connectors.ldap_config import EntryType, LdapConfig, Status
from flows.connectors.ldap_names import name_key
from flows.connectors.ldap_port import NO_ATTRIBUTES, Attributes, Library
from flows.connectors.ldap_schema import Schema
from flows.connectors.ldap_values import ManyValues, Reader, reader_of

#: native names that are no attributes of an entry
DN_NAMES: Final = frozenset({"__name__", "dn", "distinguishedname", "entrydn"})
UID, PASSWORD, STATUS, GROUPS = "__uid__", "__password__", "__enable__", "ldapgroups"
PLANS: Final = 1000
QUICK_LIMIT: Final = 1 << 17
"""Characters of an entry that need not be counted closely."""
ENTRY_LIMIT: Final = 1 << 20
"""Bytes of one entry, members of a group not counted."""
MEMBER_LIMIT: Final = 1_000_000
"""Members of one group."""

Memberships = Mapping[str, Sequence[str]]
"""Key of an entry's name -> names of the groups that have it as a member."""


def is_readable(attribute: SystemAttribute) -> bool:
    return "NOT_READABLE" not in attribute.flags and attribute.native_name.lower() != PASSWORD


@dataclass(frozen=True)
class _Plan:
    """How entries with the same attributes are read."""

    members: tuple[str, ...]
    """Those that are one text each."""
    pick: Callable[[Attributes], Sequence[list[bytes]]]
    """Their values."""
    others: tuple[tuple[str, str, Callable[[list[bytes]], Any]], ...]
    """Member, attribute, how it is read."""


def _not_quick(_attributes: Attributes) -> Sequence[list[bytes]]:
    raise LookupError


@dataclass
class Shape:
    """Objects of one type with certain members."""

    config: LdapConfig
    library: Library
    schema: Schema
    attributes: tuple[str, ...] = NO_ATTRIBUTES
    """To ask of the server."""
    names: Sequence[str] = ()
    """Members that hold the entry's name."""
    ids: Sequence[str] = ()
    status: Sequence[str] = ()
    groups: Sequence[str] = ()
    """Members that hold the groups an entry is in."""
    open: bool = False
    """Nothing is declared: every attribute is a member of its own name."""
    memberships: Memberships = field(default_factory=dict)
    _declared: dict[str, list[tuple[str, Reader]]] = field(default_factory=dict)
    """By attribute in lower case."""
    _known: dict[str, list[tuple[str, Reader]]] = field(default_factory=dict)
    """By attribute as the server spells it."""
    _uid: Reader | None = None
    _plans: dict[tuple[str, ...], _Plan] = field(default_factory=dict)
    """By the attributes that an entry has."""

    def row(self, dn: str, attributes: Attributes) -> Row | BrokenRow:
        """The object, or why there is none."""
        row = self._quick(dn, attributes)
        if row is None:
            careful = self._careful(dn, attributes)
            if isinstance(careful, BrokenRow):
                return careful
            row = careful
        if self.names or self.ids or self.status or self.groups:
            self._more(row, dn, attributes)
        return row

    def _quick(self, dn: str, attributes: Attributes) -> Row | None:
        """An entry without anything special, inside the interpreter's own loops; None when it needs a closer look."""
        names = tuple(attributes)
        plan = self._plans.get(names)
        if plan is None:
            plan = self._plan(names)
        try:
            picked = plan.pick(attributes)
            row: Row = {member: value.decode() for member, (value,) in zip(plan.members, picked, strict=True)}
            if sum(map(len, row.values())) > QUICK_LIMIT:
                return None
            for member, name, read in plan.others:
                row[member] = read(attributes[name])
        except (ValueError, LookupError):
            return None
        if self._uid is None:
            row["_id"] = dn
        return row

    def _careful(self, dn: str, attributes: Attributes) -> Row | BrokenRow:
        id, size = dn, 0
        try:
            if self._uid is not None:
                id = self._id(self._uid.read, dn, attributes)
            row: Row = {"_id": id}
            for name, values in attributes.items():
                found = self._readers(name)
                for member, reader in found:
                    try:
                        row[member] = reader.read(values)
                    except ManyValues:
                        row[member] = reader.read(self._naming_value(dn, name, values))
                if found and name.lower() != self.config.member.lower():
                    size += sum(map(len, values))
        except ValueError as cause:
            known = None if id is dn and self._uid is not None else id
            return BrokenRow(known, 0, f"{_told(cause, attributes)} ({dn})")
        if size > ENTRY_LIMIT:
            return BrokenRow(id, 0, f"ROW_TOO_LARGE: {dn} has over {ENTRY_LIMIT:,} bytes")
        return row

    def _plan(self, names: tuple[str, ...]) -> _Plan:
        """How an entry with just these attributes is read."""
        texts: list[tuple[str, str]] = []
        others: list[tuple[str, str, Callable[[list[bytes]], Any]]] = []
        for name in names:
            is_id = self._uid is not None and name.lower() == self.config.uid.lower()
            more = [("_id", self._uid)] if is_id and self._uid is not None else []
            for member, reader in [*more, *self._readers(name)]:
                if reader.is_text:
                    texts.append((member, name))
                else:
                    others.append((member, name, reader.read))
        # without an id among the texts nothing is quick, and without two itemgetter gives no tuple
        plain = len(texts) > 1 and (self._uid is None or any(member == "_id" for member, _ in texts))
        pick = itemgetter(*(name for _, name in texts)) if plain else _not_quick
        plan = _Plan(tuple(member for member, _ in texts), pick, tuple(others))
        if len(self._plans) < PLANS:
            self._plans[names] = plan
        return plan

    def _id(self, read: Callable[[list[bytes]], Any], dn: str, attributes: Attributes) -> str:
        name = self.config.uid
        values = attributes.get(name) or next(
            (values for spelled, values in attributes.items() if spelled.lower() == name.lower()), None
        )
        if not values:
            raise ValueError(
                f"BAD_ROW: no value for {name!r}, which is the id; narrow the search by ({name}=*)"
            )
        if len(values) > 1:
            values = self._naming_value(dn, name, values)
        if len(values) != 1:
            raise ValueError(f"BAD_ROW: {len(values)} values for {name!r}, which is the id")
        return str(read(values))

    def _more(self, row: Row, dn: str, attributes: Attributes) -> None:
        for member in self.names:
            row[member] = dn
        for member in self.ids:
            row[member] = row["_id"]
        if self.status and self.config.status is not None:
            active = is_active(self.config.status, attributes)
            row.update(dict.fromkeys(self.status, active))
        if self.groups and (found := self.memberships.get(name_key(self.library, dn))):
            row.update({member: list(found) for member in self.groups})

    def _readers(self, name: str) -> list[tuple[str, Reader]]:
        """The members made of an attribute, which the server may spell in its own way."""
        if (known := self._known.get(name)) is not None:
            return known
        bare = name.lower().removesuffix(";binary")
        kind = self.schema.find(bare)
        found = (
            self._declared.get(bare, [])
            if bare in self._declared
            else self._declared.get(kind.name.lower(), [])
        )
        if ";" in bare and bare not in self._declared:
            found = []  # a variant (`;lang-de`) of what was asked for
        if self.open and bare != self.config.password.lower():
            found = [(name, reader_of(None, kind, self._limit(bare)))]
        self._known[name] = found
        return found

    def _limit(self, attribute: str) -> int:
        return MEMBER_LIMIT if attribute == self.config.member.lower() else self.config.maximum_values

    def _naming_value(self, dn: str, attribute: str, values: list[bytes]) -> list[bytes]:
        """Of several values the one that the entry's name is made of."""
        wanted = self.schema.find(attribute).name.lower()
        for name, value, _ in self.library.split(dn)[0]:
            if self.schema.find(name).name.lower() == wanted and value.encode() in values:
                return [value.encode()]
        return values


def shape(
    config: LdapConfig,
    library: Library,
    schema: Schema,
    kind: EntryType,
    fields: Collection[str] | None = None,
) -> Shape:
    """The shape with these members; without `fields` with all that come by default."""
    found = Shape(config, library, schema)
    asked: dict[str, None] = {}
    if config.uid.lower() not in DN_NAMES:
        uid = SystemAttribute("_id", config.uid)
        found._uid = reader_of(uid, schema.find(config.uid), 1)
        asked[config.uid] = None
    names, ids, status, groups = [], [], [], []
    for member, attribute in kind.attributes.items():
        if not is_readable(attribute) or not _is_wanted(member, attribute, fields):
            continue
        native = attribute.native_name.lower()
        if native in DN_NAMES:
            names.append(member)
        elif native == UID:
            ids.append(member)
        elif native == STATUS:
            status.append(member)
            if config.status is not None:
                asked[config.status.attribute] = None
        elif native == GROUPS:
            groups.append(member)
        else:
            kind_of_it = schema.find(native)
            key = native if ";" in native else kind_of_it.name.lower()
            read = reader_of(attribute, kind_of_it, found._limit(native))
            found._declared.setdefault(key, []).append((member, read))
            asked[attribute.native_name] = None
    found.names, found.ids, found.status, found.groups = names, ids, status, groups
    if not kind.attributes:
        found.open = fields is None
        asked["*"] = None
        if fields is not None:
            del asked["*"]
            _undeclared(found, asked, fields)
    found.attributes = tuple(asked) or NO_ATTRIBUTES
    return found


def _undeclared(found: Shape, asked: dict[str, None], fields: Collection[str]) -> None:
    for name in fields:
        if name != "_id":
            kind = found.schema.find(name)
            found._declared.setdefault(kind.name.lower(), []).append(
                (name, reader_of(None, kind, found._limit(name)))
            )
            asked[name] = None


def _is_wanted(member: str, attribute: SystemAttribute, fields: Collection[str] | None) -> bool:
    if fields is None:
        return "NOT_RETURNED_BY_DEFAULT" not in attribute.flags
    return member in fields


def _told(cause: ValueError, attributes: Attributes) -> str:
    if not isinstance(cause, UnicodeDecodeError):
        return str(cause)
    name = next((name for name, values in attributes.items() if cause.object in values), "")
    return f'BAD_VALUE: {name!r}: not UTF-8; declare "nativeType": "JAVA_TYPE_BYTE_ARRAY"'


def is_active(status: Status, attributes: Attributes) -> bool:
    """Whether an account may be used."""
    wanted = status.attribute.lower()
    values = next((values for name, values in attributes.items() if name.lower() == wanted), [])
    if status.bit:
        return not (int(values[0]) & status.bit if values and values[0].lstrip(b"-").isdigit() else 0)
    found = {value.decode(errors="replace").casefold() for value in values}
    if status.inactive is not None and status.inactive.casefold() in found:
        return False
    if status.active is None:
        return True
    return status.active.casefold() in found
