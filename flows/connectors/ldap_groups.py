"""Groups seen from their members: an account's groups are read from the groups, and written there."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from flows.connectors.ldap_config import LdapConfig
from flows.connectors.ldap_names import name_key
from flows.connectors.ldap_port import (
    Attributes,
    Change,
    Code,
    DirectoryError,
    Library,
    Modification,
    Search,
    Session,
)
from flows.connectors.ldap_shape import Memberships

_AT_ONCE = 50


def group_bases(config: LdapConfig) -> tuple[str, ...]:
    """Where groups are looked for: wherever objects of the directory are ours."""
    return tuple(dict.fromkeys(base for kind in config.types.values() for base in kind.bases))


async def all_memberships(session: Session, config: LdapConfig, library: Library) -> Memberships:
    """Who is in which groups, for everybody."""
    found: dict[str, list[str]] = {}

    def take(group: str, attributes: Attributes) -> None:
        for values in attributes.values():
            for value in values:
                found.setdefault(name_key(library, value.decode(errors="replace")), []).append(group)

    for base in group_bases(config):
        cookie = b""
        while True:
            search = Search(
                base,
                f"({config.member}=*)",
                (config.member,),
                page_size=min(config.block, 100),
                cookie=cookie,
            )
            cookie = (await session.search(search, take)).cookie
            if not cookie:
                break
    return found


async def memberships_of(
    session: Session, config: LdapConfig, library: Library, names: Collection[str]
) -> Memberships:
    """Who of these is in which groups. The groups' other members are not asked for."""
    found: dict[str, list[str]] = {}
    for name in names:
        key = name_key(library, name)

        def take(group: str, _attributes: Attributes, key: str = key) -> None:
            found.setdefault(key, []).append(group)

        clause = f"({config.member}={library.escape(name)})"
        await session.search_each([Search(base, clause) for base in group_bases(config)], take)
    return found


async def put_into_groups(
    session: Session, config: LdapConfig, library: Library, name: str, wanted: Sequence[str]
) -> None:
    """Make an entry a member of these groups and of no others."""
    present = next(iter((await memberships_of(session, config, library, [name])).values()), [])
    have = {name_key(library, group): group for group in present}
    want = {name_key(library, group): group for group in wanted}
    for key, group in want.items():
        if key not in have:
            await _change(session, group, (Modification.ADD, config.member, [name.encode()]))
    for key, group in have.items():
        if key not in want:
            await _change(session, group, (Modification.DELETE, config.member, [name.encode()]))


async def rename_in_groups(
    session: Session, config: LdapConfig, library: Library, before: str, after: str | None
) -> None:
    """Let groups name a member by its new name; None takes it out."""
    present = next(iter((await memberships_of(session, config, library, [before])).values()), [])
    for group in present:
        if after is not None:
            await _change(session, group, (Modification.ADD, config.member, [after.encode()]))
        await _change(session, group, (Modification.DELETE, config.member, [before.encode()]))


async def _change(session: Session, group: str, change: Change) -> None:
    try:
        await session.modify(group, [change])
    except DirectoryError as error:
        # somebody else has done the same
        if error.code not in (Code.VALUE_EXISTS, Code.NO_SUCH_ATTRIBUTE):
            raise
