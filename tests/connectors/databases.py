"""A database for tests of the SQL connector: a file of SQLite, or a database of a PostgreSQL server."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from flows.connectors.sql_table import DatabaseTable

DATABASE_TABLE = "org.identityconnectors.databasetable.DatabaseTableConnector"
PEOPLE = 'create table people (uid varchar(200) primary key, mail varchar(200), "Last name" text)'
PROPERTIES = {"mail": {}, "sn": {"nativeName": "Last name"}}


@dataclass(frozen=True)
class TestDatabase:
    """One database, empty at first."""

    __test__ = False
    url: str
    folder: Path

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite")

    async def execute(self, *statements: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Statements one after the other; answers the rows of the last."""
        found: list[tuple[Any, ...]] = []
        if self.is_sqlite:
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as connection, connection:
                for statement in statements:
                    found = connection.execute(statement, parameters).fetchall()
            return found
        server = await asyncpg.connect(self.url)
        try:
            for statement in statements:
                found = [tuple(row) for row in await server.fetch(statement, *parameters)]
        finally:
            await server.close()
        return found

    def open(
        self,
        types: Mapping[str, Any] | None = None,
        timeouts: Mapping[str, int] | None = None,
        handlers: Mapping[str, Any] | None = None,
        **properties: Any,
    ) -> DatabaseTable:
        """A connector for the table `people`, unless the properties say otherwise."""
        given = {"url": self.url, "table": "people", "keyColumn": "uid"} | properties
        return DatabaseTable.open(
            "hr",
            {
                "connectorRef": {"connectorName": DATABASE_TABLE},
                "configurationProperties": {name: value for name, value in given.items() if value is not ...},
                "objectTypes": types or {"account": {"properties": PROPERTIES}},
                "operationTimeout": timeouts or {},
                "resultsHandlerConfig": handlers or {},
            },
            self.folder,
        )
