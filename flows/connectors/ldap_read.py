"""Enumerating entries: page by page, each once, and never a part taken for the whole."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

from conf.errors import BadRequest
from conf.filters.evaluate import Predicate, predicate
from flows.connectors import ldap_errors
from flows.connectors.base import BrokenRow, Row, SourceChanged, SourcePage, SourceUnreadable
from flows.connectors.ldap_config import EntryType
from flows.connectors.ldap_directory import PAUSES, Directory, Unreached
from flows.connectors.ldap_filter import NOTHING, Question
from flows.connectors.ldap_groups import all_memberships
from flows.connectors.ldap_port import Code, DirectoryError, Found, Search, Session
from flows.connectors.ldap_shape import Shape

Item = Row | BrokenRow
#: a server that restarts forgets where a page ended, and says so in one of these ways
_FORGOTTEN: Final = frozenset({Code.UNWILLING, Code.UNAVAILABLE, Code.PROTOCOL_ERROR, Code.OPERATIONS_ERROR})
_PATIENCE: Final = 3
"""Blocks that may hold nothing new before the server is taken to turn in circles."""


@dataclass
class Enumeration:
    """One walk over the entries of a type."""

    directory: Directory
    kind: EntryType
    shape: Shape
    question: Question
    block: int
    """Entries asked for at a time; 0 for all at once."""
    count: int = 0
    _seen: set[int | None] = field(default_factory=set)
    """Hashes of ids met."""
    _skip: set[int | None] = field(default_factory=set)
    """After a restart: of those met before it and not yet again."""
    _stale: int = 0
    """Blocks in a row that held nothing new."""

    async def blocks(self) -> AsyncGenerator[list[Item]]:
        """All entries, some at a time. Begins again, once or twice, when the server goes away in between."""
        if self.question.native == NOTHING:
            return
        matches = predicate(self.question.rest, ignore_case=True) if self.question.rest else None
        for attempt in range(len(PAUSES) + 1):
            if attempt:
                await asyncio.sleep(PAUSES[attempt - 1])
                self._skip = set(self._seen)
            try:
                async with (
                    self.directory.connections.lend(fresh=attempt > 0) as session,
                    aclosing(self._walk(session)) as walk,
                ):
                    async for items in walk:
                        fresh = self._new(items)
                        yield fresh if matches is None else [item for item in fresh if _fits(item, matches)]
            except DirectoryError as error:
                again = error.is_lost or (self._seen and error.code in _FORGOTTEN)
                if attempt == len(PAUSES) or not again or error.code == Code.TIMEOUT:
                    raise self._told(error) from error
            except Unreached:
                if attempt == len(PAUSES):
                    raise
            else:
                return

    async def _walk(self, session: Session) -> AsyncGenerator[list[Item]]:
        config, shape = self.directory.config, self.shape
        if shape.groups:
            shape.memberships = await all_memberships(session, config, self.directory.library)
        native = self.question.native
        wanted = self.kind.filter if native == "(objectClass=*)" else f"(&{self.kind.filter}{native})"
        for base in self.kind.bases:
            search = Search(base, wanted, shape.attributes, page_size=self.block)
            cookie = b""
            async with aclosing(session.walk(search, shape.row)) as walk:
                async for items, found in walk:
                    self.count += len(items)
                    if found.cookie and found.cookie == cookie and not items:
                        raise self._stands_still()
                    cookie = found.cookie
                    yield [*items, *self._referrals(found)]

    def _referrals(self, found: Found) -> list[Item]:
        if self.directory.config.ignores_referrals or not found.referrals:
            return []
        elsewhere = ", ".join(found.referrals)
        return [BrokenRow(None, 0, f"REFERRAL: {self.directory.uri} says that more is at {elsewhere}")]

    def _new(self, items: list[Item]) -> list[Item]:
        """Without those met before: silently after a restart, else as duplicates."""
        marks = list(map(_mark, items))
        once = set(marks)
        if None not in once and len(once) == len(items) and self._seen.isdisjoint(once):
            self._seen |= once
            return items
        fresh: list[Item] = []
        double = 0
        for item, mark in zip(items, marks, strict=True):
            if mark is None or mark not in self._seen:
                fresh.append(item)
                if mark is not None:
                    self._seen.add(mark)
            elif mark in self._skip:
                self._skip.discard(mark)
            else:
                double += 1
                fresh.append(
                    BrokenRow(
                        _id(item),
                        0,
                        f"DUPLICATE_SOURCE_ID: another entry has the id {_id(item)!r}, which counts",
                    )
                )
        self._stale = self._stale + 1 if items and double == len(items) else 0
        if self._stale > _PATIENCE:
            raise self._stands_still()
        return fresh

    def _stands_still(self) -> SourceUnreadable:
        return SourceUnreadable(
            f"{self.directory.uri} gives the same page of {self.kind.name} again and again (SOURCE_INCOMPLETE).",
            detail={"reason": "SOURCE_INCOMPLETE"},
        )

    def _told(self, error: DirectoryError) -> Exception:
        what = f"'{self.kind.bases[0]}'" if error.code == Code.NO_SUCH_OBJECT else self.kind.name
        return ldap_errors.reading(error, self.directory.uri, what, self.count)


async def pages(
    enumeration: Enumeration, size: int, resume: str | None, shown: frozenset[str] | None
) -> AsyncGenerator[SourcePage]:
    """Pages of at most `size`.

    `shown` names the members that stay, where a filter needed more of them.
    """
    passed = _Passed()
    skip, digest = _cursor(resume)
    waiting: list[Item] = []
    async with aclosing(enumeration.blocks()) as blocks:
        async for block in blocks:
            waiting += block
            if skip:
                gone, waiting = waiting[:skip], waiting[skip:]
                passed.add(gone)
                skip -= len(gone)
                if skip:
                    continue
                passed.check(digest, enumeration.directory.uri)
            while len(waiting) > size:
                page, waiting = waiting[:size], waiting[size:]
                yield passed.page(page, shown, last=False)
    if skip:
        passed.check("", enumeration.directory.uri)
    yield passed.page(waiting, shown, last=True)


@dataclass
class _Passed:
    """What was handed out so far."""

    count: int = 0
    is_whole: bool = True
    _ids: hashlib.blake2b = field(default_factory=lambda: hashlib.blake2b(digest_size=12))

    def add(self, items: list[Item]) -> None:
        ids = [_id(item) or "" for item in items]
        self.is_whole = self.is_whole and "" not in ids
        self._ids.update("".join([f"{id}\0" for id in ids]).encode(errors="replace"))
        self.count += len(items)

    def page(self, items: list[Item], shown: frozenset[str] | None, *, last: bool) -> SourcePage:
        self.add(items)
        rows = [item for item in items if not isinstance(item, BrokenRow)]
        if shown is not None:
            rows = [{name: value for name, value in row.items() if name in shown} for row in rows]
        broken = [item for item in items if isinstance(item, BrokenRow)]
        return SourcePage(rows, broken, last and self.is_whole, f"{self.count}:{self._ids.hexdigest()}")

    def check(self, digest: str, uri: str) -> None:
        if self._ids.hexdigest() != digest:
            raise SourceChanged(
                f"{uri}: entries that were read before have changed since the run began (SOURCE_CHANGED), which "
                "cannot go on where it stopped. Start a new run.",
                detail={"reason": "SOURCE_CHANGED"},
            )


def _cursor(resume: str | None) -> tuple[int, str]:
    if not resume:
        return 0, ""
    count, _, digest = resume.partition(":")
    if not count.isascii() or not count.isdigit() or len(count) > 12:
        raise BadRequest(f"{resume!r} is no cursor of a directory.")
    return int(count), digest


def _id(item: Item) -> str | None:
    return item.id if isinstance(item, BrokenRow) else item["_id"]


def _mark(item: Item) -> int | None:
    """An id met, in half the memory that it would take: directories compare without letter case."""
    id = item.id if isinstance(item, BrokenRow) else item["_id"]
    return None if id is None else hash(id.casefold())


def _fits(item: Item, matches: Predicate) -> bool:
    return isinstance(item, BrokenRow) or matches(item)
