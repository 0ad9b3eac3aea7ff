"""The SQL connector against real databases."""

from __future__ import annotations

import pytest_asyncio

from flows.connectors.base import Connector
from tests.connectors.conformance import ConnectorConformance
from tests.connectors.databases import PEOPLE, PROPERTIES, TestDatabase

TEN = ", ".join(f"('u{number}', 'u{number}@example.com', 'Name {number}')" for number in range(10))


class TestTable(ConnectorConformance):
    @pytest_asyncio.fixture
    async def connector(self, database: TestDatabase) -> Connector:
        await database.execute(PEOPLE, f"insert into people values {TEN}")
        return database.open()


class TestTableWithoutAKey(ConnectorConformance):
    """Nothing in the catalogue says that the ids are unique."""

    @pytest_asyncio.fixture
    async def connector(self, database: TestDatabase) -> Connector:
        await database.execute(
            PEOPLE.replace(" primary key", ""), f"insert into people values {TEN}", "analyze"
        )
        return database.open()


class TestQuery(ConnectorConformance):
    @pytest_asyncio.fixture
    async def connector(self, database: TestDatabase) -> Connector:
        await database.execute(
            PEOPLE,
            "create table mails (person varchar(200), address varchar(200))",
            f"insert into people values {TEN}",
            "insert into mails select uid, mail from people",
        )
        query = """select p.uid, m.address as mail, p."Last name" from people p, mails m where m.person = p.uid;"""
        return database.open({"account": {"properties": PROPERTIES}}, table=..., query=query)
