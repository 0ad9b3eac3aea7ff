"""Writing entries: made, changed where they differ, renamed, deleted, each with its part in groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conf.errors import BadRequest, Conflict, NotFound, PreconditionFailed
from flows.connectors.base import BrokenRow, Row, SourceUnreadable
from flows.connectors.ldap_config import EntryType, LdapConfig
from flows.connectors.ldap_difference import differences
from flows.connectors.ldap_directory import Directory
from flows.connectors.ldap_draft import Draft, Values, read_draft, status_values
from flows.connectors.ldap_filter import Asking
from flows.connectors.ldap_groups import memberships_of, put_into_groups, rename_in_groups
from flows.connectors.ldap_names import checked, child_name, is_below, name_key
from flows.connectors.ldap_port import Attributes, Code, DirectoryError, Library, Rdn, Scope, Search, Session
from flows.connectors.ldap_schema import Schema
from flows.connectors.ldap_shape import DN_NAMES, shape


@dataclass(frozen=True)
class Entry:
    """An entry as it stands, attributes by the directory's names."""

    dn: str
    values: Values


@dataclass(frozen=True)
class Writer:
    """Writes entries of one type."""

    directory: Directory
    kind: EntryType
    schema: Schema

    async def create(self, content: Mapping[str, Any]) -> Row:
        draft = self._draft(content, "NOT_CREATABLE")
        dn = self._name_of_new(draft)
        shown = draft.id or dn
        attributes = self._attributes_of_new(draft, dn)

        async def look(session: Session) -> None:
            if draft.id is not None and await self._find(session, draft.id, ()):
                raise PreconditionFailed(f"{self._path} has an object '{draft.id}' already.")

        async def act(session: Session, _seen: None) -> Row:
            try:
                await session.add(dn, attributes)
            except DirectoryError as error:
                if error.code == Code.ALREADY_EXISTS:
                    raise PreconditionFailed(
                        f"{self._path}: there is an entry {dn} already ('{shown}')."
                    ) from error
                raise
            if draft.groups:
                await put_into_groups(session, self._config, self._library, dn, draft.groups)
            return await self._read_back(session, dn)

        return await self.directory.write(f"{self._path}/{shown}", look, act)

    async def update(self, id: str, content: Mapping[str, Any]) -> Row:
        draft = self._draft(content, "NOT_UPDATEABLE")
        asked = {*draft.values, *self._status_attribute(draft)}

        async def look(session: Session) -> Entry:
            return await self._existing(session, id, asked)

        async def act(session: Session, entry: Entry) -> Row:
            return await self._change(session, entry, draft)

        return await self.directory.write(f"{self._path}/{id}", look, act)

    async def delete(self, id: str) -> None:
        async def look(session: Session) -> Entry:
            return await self._existing(session, id, ())

        async def act(session: Session, entry: Entry) -> None:
            await session.delete(entry.dn)
            if self._config.maintains_groups:
                await rename_in_groups(session, self._config, self._library, entry.dn, None)

        await self.directory.write(f"{self._path}/{id}", look, act)

    # changing

    async def _change(self, session: Session, entry: Entry, draft: Draft) -> Row:
        wanted = dict(draft.values)
        if draft.status is not None and self._config.status is not None:
            name = self.schema.find(self._config.status.attribute).name
            wanted[name] = status_values(self._config.status, draft.status, entry.values.get(name, []))
        naming = {self.schema.find(attribute).name for attribute, _, _ in self._library.split(entry.dn)[0]}
        changes = differences(entry.values, wanted, self.schema, self._library)
        for _, name, _ in changes:
            if name in draft.fixed:
                raise BadRequest(f"{self._path}: '{draft.members[name]}' cannot be changed.")
        dn, steps = entry.dn, self._renamed(entry, draft)
        if plain := [change for change in changes if change[1] not in naming]:
            await session.modify(dn, plain)
        values = entry.values
        if steps is not None:
            dn = await self._rename(session, entry.dn, steps)
            values = self._values_after_rename(entry, steps)
        left = {name: found for name, found in wanted.items() if name in naming}
        if more := differences(values, left, self.schema, self._library):
            await session.modify(dn, more)
        if draft.groups is not None:
            await put_into_groups(session, self._config, self._library, dn, draft.groups)
        return await self._read_back(session, dn)

    def _renamed(self, entry: Entry, draft: Draft) -> list[Rdn] | None:
        """The steps of the new name; None when the name stays."""
        steps = self._library.split(entry.dn)
        if draft.name is not None:
            if name_key(self._library, draft.name) != name_key(self._library, entry.dn):
                return self._in_place(draft.name)
            return None
        rdn: Rdn = []
        for attribute, value, flags in steps[0]:
            values = draft.values.get(self.schema.find(attribute).name)
            if values is not None and not values:
                raise BadRequest(
                    f"{self._path}: '{attribute}' is a part of the entry's name and cannot be cleared."
                )
            kept = values is None or value.encode() in values
            rdn.append((attribute, value if kept or values is None else values[0].decode(), flags))
        return None if rdn == steps[0] else [rdn, *steps[1:]]

    async def _rename(self, session: Session, before: str, steps: list[Rdn]) -> str:
        library = self._library
        above = library.split(before)[1:]
        moved = name_key(library, library.join(above)) != name_key(library, library.join(steps[1:]))
        after = library.join(steps)
        await session.rename(before, library.join(steps[:1]), library.join(steps[1:]) if moved else None)
        if self._config.maintains_groups:
            await rename_in_groups(session, self._config, library, before, after)
        return after

    def _values_after_rename(self, entry: Entry, steps: list[Rdn]) -> Values:
        """The server takes the old name's values away and adds the new one's."""
        values = {name: list(found) for name, found in entry.values.items()}
        for attribute, value, _ in self._library.split(entry.dn)[0]:
            name = self.schema.find(attribute).name
            values[name] = [one for one in values.get(name, []) if one != value.encode()]
        for attribute, value, _ in steps[0]:
            values.setdefault(self.schema.find(attribute).name, []).append(value.encode())
        return values

    # making

    def _name_of_new(self, draft: Draft) -> str:
        if draft.name is not None:
            return self._library.join(self._in_place(draft.name))
        naming = self.schema.find(self.kind.naming).name
        values = draft.values.get(naming)
        if not values:
            raise BadRequest(
                f"A new object of {self._path} needs a name: a value for {naming!r}, or a whole distinguished name in "
                'the member whose nativeName is "__NAME__".'
            )
        return child_name(self._library, naming, values[0].decode(errors="replace"), self.kind.bases[0])

    def _attributes_of_new(self, draft: Draft, dn: str) -> list[tuple[str, list[bytes]]]:
        for name in draft.fixed:
            if draft.values[name]:
                why = (
                    "the directory gives it"
                    if name == self.schema.find(self._config.uid).name
                    else "it is read only"
                )
                raise BadRequest(
                    f"{self._path}: '{draft.members[name]}' cannot be chosen, {why}; leave it out."
                )
        values = {name: list(dict.fromkeys(found)) for name, found in draft.values.items() if found}
        if draft.status is not None and self._config.status is not None:
            name = self.schema.find(self._config.status.attribute).name
            values[name] = status_values(self._config.status, draft.status, values.get(name, []))
        classes = [*(name.encode() for name in self.kind.classes), *values.pop("objectClass", [])]
        for attribute, value, _ in self._library.split(dn)[0]:
            found = values.setdefault(self.schema.find(attribute).name, [])
            if value.encode() not in found:
                found.append(value.encode())
        by_fold = {name.lower(): name for name in classes}
        return [
            ("objectClass", list(by_fold.values())),
            *((name, found) for name, found in values.items() if found),
        ]

    def _in_place(self, dn: str) -> list[Rdn]:
        """The steps of a name that a caller gave, which must lie where objects of this type are."""
        steps = checked(self._library, dn, self._path)
        if not any(is_below(self._library, dn, base) for base in self.kind.bases):
            bases = " or ".join(self.kind.bases)
            raise BadRequest(f"{self._path}: {dn} is not below {bases}, so it would never be seen again.")
        return steps

    # looking

    async def _existing(self, session: Session, id: str, asked: set[str] | tuple[()]) -> Entry:
        found = await self._find(session, id, tuple(asked))
        if not found:
            raise NotFound(f"{self._path} has no object '{id}'.")
        if len(found) > 1:
            raise Conflict(
                f"{self._path}: {found[0].dn} and {found[1].dn} have the same id '{id}'. None was written."
            )
        return found[0]

    async def _find(self, session: Session, id: str, asked: tuple[str, ...]) -> list[Entry]:
        found: list[Entry] = []

        def take(dn: str, attributes: Attributes) -> None:
            values: Values = {}
            for name, given in attributes.items():
                bare = name.removesuffix(";binary")
                values.setdefault(bare if ";" in bare else self.schema.find(bare).name, []).extend(given)
            found.append(Entry(dn, values))

        await session.search_each(self.searches([id], asked or ("1.1",)), take)
        return found

    def searches(self, ids: list[str], attributes: tuple[str, ...]) -> list[Search]:
        """Searches that find the objects of these ids."""
        if self._config.uid.lower() in DN_NAMES:
            return [
                Search(id, self.kind.filter, attributes, Scope.BASE)
                for id in ids
                if any(is_below(self._library, id, base) for base in self.kind.bases)
            ]
        asking = Asking(self._config, self._library, self.schema, self.kind)
        some = asking.any_id(ids)
        return [Search(base, f"(&{self.kind.filter}{some})", attributes) for base in self.kind.bases]

    async def _read_back(self, session: Session, dn: str) -> Row:
        shown = shape(self._config, self._library, self.schema, self.kind)
        if shown.groups:
            shown.memberships = await memberships_of(session, self._config, self._library, [dn])
        found: list[Row | BrokenRow] = []
        await session.search_each(
            [Search(dn, attributes=shown.attributes, scope=Scope.BASE)],
            lambda name, attributes: found.append(shown.row(name, attributes)),
        )
        if not found:
            raise SourceUnreadable(f"{self.directory.uri}: {dn} was written and cannot be read.")
        if isinstance(found[0], BrokenRow):
            raise SourceUnreadable(f"{self.directory.uri}: {dn} was written. {found[0].reason}.")
        return found[0]

    def _draft(self, content: Mapping[str, Any], forbidden: str) -> Draft:
        return read_draft(content, self._config, self.kind, self.schema, forbidden)

    def _status_attribute(self, draft: Draft) -> set[str]:
        status = self._config.status
        return {status.attribute} if status is not None and draft.status is not None else set()

    @property
    def _config(self) -> LdapConfig:
        return self.directory.config

    @property
    def _library(self) -> Library:
        return self.directory.library

    @property
    def _path(self) -> str:
        return f"system/{self.directory.config.name}/{self.kind.name}"
