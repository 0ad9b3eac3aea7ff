"""Objects in a CSV file: read as a snapshot page by page, written by replacing the whole file at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from hmac import compare_digest
from pathlib import Path
from typing import Any

from conf.errors import BadRequest, NotFound, NotSupported
from conf.filters.ast import Filter
from conf.filters.evaluate import predicate
from flows.connectors.base import BrokenRow, Capabilities, Row, RowsUnreadable, SourceChanged, SourcePage
from flows.connectors.csv_differences import compare
from flows.connectors.csv_header import read_header
from flows.connectors.csv_layout import CsvConfig, read_config
from flows.connectors.csv_lines import Lines
from flows.connectors.csv_rewrite import append_row, change_row, remove_row
from flows.connectors.csv_rows import Rows
from flows.connectors.differences import RowChange
from flows.connectors.retained import RetainedCopies


class CsvFile:
    """The connector `CSVFileConnector`. An empty value is no value: the member is left out."""

    capabilities = Capabilities(create=True, update=True, delete=True, changes=True)

    def __init__(self, name: str, config: CsvConfig) -> None:
        self.name = name
        self.config = config
        self._writing = asyncio.Lock()

    @classmethod
    def open(cls, name: str, document: Mapping[str, Any], root: Path) -> CsvFile:
        """From a provisioner document; ConfigError when it is wrong."""
        return cls(name, read_config(document, root, where=f"provisioner.openicf/{name}"))

    async def test(self) -> None:
        await asyncio.to_thread(self._test)

    def object_types(self) -> Sequence[str]:
        return list(self.config.types)

    async def pages(
        self,
        object_type: str,
        *,
        filter: Filter | None = None,
        fields: Sequence[str] | None = None,
        page_size: int = 1000,
        resume: str | None = None,
    ) -> AsyncIterator[SourcePage]:
        self._known(object_type)
        walk = self._walk(object_type, filter, fields, page_size, resume)
        try:
            while (page := await asyncio.to_thread(next, walk, None)) is not None:
                yield page
        finally:
            with suppress(
                ValueError
            ):  # cancelled while a thread reads a page: the file closes when it is through
                walk.close()

    async def read_many(self, object_type: str, ids: Collection[str]) -> dict[str, Row]:
        self._known(object_type)
        return await asyncio.to_thread(self._read_many, object_type, set(ids)) if ids else {}

    async def create(self, object_type: str, content: Mapping[str, Any]) -> Row:
        self._known(object_type)
        async with self._writing:
            return await asyncio.to_thread(append_row, self.config, object_type, content)

    async def update(self, object_type: str, id: str, content: Mapping[str, Any]) -> Row:
        self._known(object_type)
        async with self._writing:
            return await asyncio.to_thread(change_row, self.config, object_type, id, content)

    async def delete(self, object_type: str, id: str) -> None:
        self._known(object_type)
        async with self._writing:
            await asyncio.to_thread(remove_row, self.config, object_type, id)

    async def changes(self, object_type: str, token: str | None) -> tuple[Sequence[Row], str]:
        raise NotSupported(f"system/{self.name} keeps no log; it tells differences from what was kept of it.")

    async def authenticate(self, object_type: str, username: str, password: str) -> str | None:
        self._known(object_type)
        return await asyncio.to_thread(self._authenticate, object_type, username, password)

    async def differences(
        self, object_type: str, token: str | None, folder: Path
    ) -> tuple[Sequence[RowChange], str]:
        self._known(object_type)
        return await asyncio.to_thread(self._differences, object_type, token, folder)

    async def forget(self, object_type: str, folder: Path, keep: str) -> None:
        await asyncio.to_thread(self._copies(object_type, folder).forget, keep)

    def _differences(
        self, object_type: str, token: str | None, folder: Path
    ) -> tuple[Sequence[RowChange], str]:
        copies = self._copies(object_type, folder)
        # a token whose copy is lost: everything counts as changed, which is safe, for nothing is done twice
        before = None if token is None else copies.load(token) or {}
        changes, rows = compare(self._walk(object_type, None, None, 1000, None), before)
        return changes, copies.keep(rows)

    def _authenticate(self, object_type: str, username: str, password: str) -> str | None:
        """By the columns behind `__NAME__` and `__PASSWORD__`; every row is looked at, whoever is meant."""
        columns = {"name": self.config.name, "password": self.config.password}
        config = replace(self.config, types={object_type: columns}, hidden=frozenset())
        found = None
        for page in CsvFile(self.name, config)._walk(object_type, None, None, 1000, None):
            for row in page.rows:
                is_name = compare_digest(row.get("name", "").encode(), username.encode())
                is_password = compare_digest(row.get("password", "").encode(), password.encode())
                if is_name and is_password and password:
                    found = row["_id"]
        return found

    def _copies(self, object_type: str, folder: Path) -> RetainedCopies:
        return RetainedCopies(folder, f"{self.name}/{object_type}")

    def _known(self, object_type: str) -> None:
        if object_type not in self.config.types:
            known = ", ".join(self.config.types)
            raise NotFound(f"system/{self.name} has no object type '{object_type}'; it has {known}.")

    def _test(self) -> None:
        for object_type in self.config.types:
            lines = Lines(self.config.path, self.config.encoding)
            try:
                read_header(lines, self.config, object_type)
            finally:
                lines.close()

    def _walk(
        self,
        object_type: str,
        filter: Filter | None,
        fields: Sequence[str] | None,
        page_size: int,
        resume: str | None,
    ) -> Generator[SourcePage, None, None]:
        if page_size < 1:
            raise BadRequest(f"A page holds at least one row, not {page_size}.")
        lines = Lines(self.config.path, self.config.encoding)
        try:
            columns = read_header(lines, self.config, object_type)
            shown = columns.narrowed(fields)
            rows = Rows(lines, self.config, columns if filter else shown)
            if resume:
                _go_on(lines, rows, resume)
            matches = predicate(filter, ignore_case=self.config.ignore_case) if filter else None
            last = False
            while not last:
                found, broken = rows.page(page_size)
                if matches:
                    found = [row for row in found if matches(row)]
                    while (room := page_size - len(found) - len(broken)) > page_size // 2 and lines.peek(1):
                        more, bad = rows.page(room)
                        found += [row for row in more if matches(row)]
                        broken += bad
                    if shown is not columns:
                        found = [{key: row[key] for key in shown.names if key in row} for row in found]
                last = not lines.peek(1)
                if last:
                    lines.verify()
                yield SourcePage(found, broken, last and not rows.lost, f"{lines.line}:{lines.prefix}")
        finally:
            lines.close()

    def _read_many(self, object_type: str, wanted: set[str]) -> dict[str, Row]:
        found: dict[str, Row] = {}
        broken: dict[str, str] = {}
        for page in self._walk(object_type, None, None, 1000, None):
            found |= {row["_id"]: row for row in page.rows if row["_id"] in wanted}
            broken |= {row.id: f"line {row.line}: {row.reason}" for row in page.broken if row.id in wanted}
            if len(found) == len(wanted):
                break
        # a person whose row is damaged is not a person who is gone
        if unread := sorted(broken.keys() - found.keys()):
            reason = broken[unread[0]]
            told = [BrokenRow(id, 0, broken[id]) for id in unread]
            message = f"{self.config.path}, {reason}. The object '{unread[0]}' cannot be read."
            raise RowsUnreadable(message, found, told)
        return found


def _go_on(lines: Lines, rows: Rows, resume: str) -> None:
    """Go to where an earlier enumeration stopped, if what it read still stands there."""
    line, _, digest = resume.partition(":")
    if not line.isdigit():
        raise BadRequest(f"{resume!r} is no cursor of a CSV file.")
    rows.skip(int(line))
    if (lines.line, lines.prefix) != (int(line), digest):
        raise SourceChanged(
            f"{lines.path} changed since the run began (SOURCE_CHANGED), which cannot go on where it stopped. "
            "Start a new run.",
            detail={"reason": "SOURCE_CHANGED"},
        )
