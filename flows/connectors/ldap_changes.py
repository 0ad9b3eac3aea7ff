"""What changed in a directory since a moment: asked of the server by synchronisation, else by time of change.

Tokens are `sync:` with the cookies of RFC 4533, one for each base, or `time:` with a time of the server. A token may
also be any time in ISO 8601, so that one can ask for what changed since a day. Times are inclusive: what changed in
the very second of the token comes again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson

from conf.errors import BadRequest
from flows.connectors.base import BrokenRow, Row, SourceUnreadable
from flows.connectors.ldap_census import Census
from flows.connectors.ldap_config import EntryType
from flows.connectors.ldap_directory import Directory
from flows.connectors.ldap_groups import memberships_of
from flows.connectors.ldap_port import Attributes, DirectoryError, Scope, Search, Session
from flows.connectors.ldap_schema import Schema
from flows.connectors.ldap_shape import Shape, shape

SYNC, TIME = "sync:", "time:"
SYNC_CONTROL: Final = b"1.3.6.1.4.1.4203.1.9.1.1"
DOUBT: Final = timedelta(minutes=10)
"""How far our clock and the server's may differ, where the server does not tell its time."""
_STAMP: Final = "%Y%m%d%H%M%SZ"


async def changes(
    directory: Directory, kind: EntryType, schema: Schema, token: str | None
) -> tuple[Sequence[Row | BrokenRow], str]:
    """Objects that changed since the token, and the next token; without one only the present token."""
    if token is None:
        return [], await directory.repeat(
            "the time of its last change", lambda session: _present(session, directory, kind)
        )
    if token.startswith(SYNC):
        cookies = _cookies(token)
        made = _shape(directory, schema, kind)
        return await directory.repeat(
            kind.name, lambda session: _synchronised(session, directory, kind, made, cookies)
        )
    since = _stamp(token)
    made = _shape(directory, schema, kind, "modifyTimestamp")
    return await directory.repeat(kind.name, lambda session: _since(session, directory, kind, made, since))


async def departed(
    directory: Directory, kind: EntryType, before: str, after: str, known: Collection[str]
) -> Collection[str] | None:
    """Which of the entries known at a token are gone; None where the server cannot say that of our ids."""
    if not (before.startswith(SYNC) and after.startswith(SYNC)):
        return None
    if before == after:
        return []
    if directory.config.uid.lower() != "entryuuid" or len(kind.bases) != 1:
        return None
    [base] = kind.bases
    cookie, census = _cookies(before).get(base, ""), Census()
    search = Search(base, kind.filter)
    try:
        await directory.repeat(
            kind.name, lambda session: session.sync(search, cookie, lambda _dn, _attributes: None, census)
        )
    except SourceUnreadable:
        return None  # the server knows the cookie no more; whether it can be read is found out by reading it
    return census.gone(known)


async def _present(session: Session, directory: Directory, kind: EntryType) -> str:
    root = await _entry(session, "", ("supportedControl", "currentTime"))
    if SYNC_CONTROL in root.get("supportedcontrol", []):
        cookies = {base: await _cookie_of(session, directory, base) for base in kind.bases}
        if all(cookies.values()):
            return SYNC + orjson.dumps(cookies).decode()
    told = root.get("currenttime", [])
    now = told[0].decode()[:14] + "Z" if told else (datetime.now(UTC) - DOUBT).strftime(_STAMP)
    return TIME + now


async def _cookie_of(session: Session, directory: Directory, base: str) -> str:
    """The cookie of everything up to now: the change numbers that the branch's topmost entry holds."""
    steps = directory.library.split(base)
    for depth in range(len(steps)):
        found = await _entry(session, directory.library.join(steps[depth:]), ("contextCSN",))
        if numbers := found.get("contextcsn"):
            return "rid=000,csn=" + ";".join(sorted(number.decode() for number in numbers))
    return ""


async def _synchronised(
    session: Session, directory: Directory, kind: EntryType, made: Shape, cookies: dict[str, str]
) -> tuple[Sequence[Row | BrokenRow], str]:
    found: list[tuple[str, Attributes]] = []
    after = {}
    for base in kind.bases:
        search = Search(base, kind.filter, made.attributes)
        try:
            after[base] = await session.sync(
                search, cookies.get(base, ""), lambda dn, attributes: found.append((dn, attributes))
            )
        except DirectoryError as error:
            if error.is_lost:
                raise
            # the server knows the cookie no more: the time that it carries must do
            return await _since(session, directory, kind, made, _stamp_of(cookies.get(base, "")))
    return await _rows(session, directory, made, found), SYNC + orjson.dumps(after).decode()


async def _since(
    session: Session, directory: Directory, kind: EntryType, made: Shape, since: str
) -> tuple[Sequence[Row | BrokenRow], str]:
    found: list[tuple[str, Attributes]] = []
    for base in kind.bases:
        cookie = b""
        while True:
            wanted = f"(&{kind.filter}(modifyTimestamp>={since}))"
            search = Search(base, wanted, made.attributes, page_size=directory.config.block, cookie=cookie)
            cookie = (
                await session.search(search, lambda dn, attributes: found.append((dn, attributes)))
            ).cookie
            if not cookie:
                break
    stamps = [
        values[0].decode(errors="replace")
        for _, attributes in found
        for name, values in attributes.items()
        if name.lower() == "modifytimestamp" and values
    ]
    return await _rows(session, directory, made, found), TIME + max(
        [since, *(_stamp(stamp) for stamp in stamps)]
    )


async def _rows(
    session: Session, directory: Directory, made: Shape, found: list[tuple[str, Attributes]]
) -> list[Row | BrokenRow]:
    if made.groups:
        names = [dn for dn, _ in found]
        made.memberships = await memberships_of(session, directory.config, directory.library, names)
    return [made.row(dn, attributes) for dn, attributes in found]


def _shape(directory: Directory, schema: Schema, kind: EntryType, *more: str) -> Shape:
    made = shape(directory.config, directory.library, schema, kind)
    made.attributes = tuple(dict.fromkeys([*made.attributes, *more]))
    return made


async def _entry(session: Session, base: str, attributes: tuple[str, ...]) -> dict[str, list[bytes]]:
    """An entry's attributes by their names in lower case; nothing where it may not be seen."""
    found: dict[str, list[bytes]] = {}

    def take(_dn: str, given: Attributes) -> None:
        found.update({name.lower(): values for name, values in given.items()})

    await session.search_each([Search(base, attributes=attributes, scope=Scope.BASE)], take)
    return found


def _cookies(token: str) -> dict[str, str]:
    try:
        found = orjson.loads(token.removeprefix(SYNC))
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(cookie, str) for cookie in found.values()):
        raise BadRequest(f"{token!r} is no token of a directory.")
    return found


def _stamp(token: str) -> str:
    """A time as directories write it."""
    text = token.removeprefix(TIME)
    if text[:14].isascii() and text[:14].isdigit() and len(text) >= 15 and text.endswith("Z"):
        return text[:14] + "Z"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(
            f"{token!r} is neither a token of a directory nor a time like 2026-01-31T00:00:00Z."
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).strftime(_STAMP)


def _stamp_of(cookie: str) -> str:
    """The time of the oldest change number in a cookie."""
    numbers = cookie.partition("csn=")[2].partition(",")[0].split(";")
    stamps = [number[:14] for number in numbers if number[:14].isdigit()]
    return f"{min(stamps)}Z" if stamps else "19700101000000Z"
