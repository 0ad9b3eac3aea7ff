"""Whether a password is that of an entry: the directory is asked by a bind as that entry."""

from __future__ import annotations

from flows.connectors.base import BrokenRow, SourceUnreadable
from flows.connectors.ldap_config import EntryType
from flows.connectors.ldap_directory import Directory
from flows.connectors.ldap_filter import Asking
from flows.connectors.ldap_port import Attributes, Search, Session
from flows.connectors.ldap_schema import Schema
from flows.connectors.ldap_shape import shape


async def authenticate(
    directory: Directory, kind: EntryType, schema: Schema, username: str, password: str
) -> str | None:
    """The id of the one entry with this name that the directory lets in with this password."""
    if not username or not password:
        return None
    made = shape(directory.config, directory.library, schema, kind, ["_id"])
    named = Asking(directory.config, directory.library, schema, kind).named(username)
    searches = [Search(base, f"(&{kind.filter}{named})", made.attributes) for base in kind.bases]

    async def look(session: Session) -> list[tuple[str, Attributes]]:
        found: list[tuple[str, Attributes]] = []
        await session.search_each(searches, lambda dn, attributes: found.append((dn, attributes)))
        return found

    entries = dict(await directory.repeat(kind.name, look))
    if len(entries) != 1:
        return None  # of several nobody can say who is meant
    [(dn, attributes)] = entries.items()
    if not await directory.lets_in(dn, password):
        return None
    row = made.row(dn, attributes)
    if isinstance(row, BrokenRow):
        raise SourceUnreadable(f"{directory.uri}: an entry cannot be read. {row.reason}.")
    return str(row["_id"])
