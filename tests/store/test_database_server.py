"""Addresses of databases, and a PostgreSQL that refuses, restarts, or has a session that hangs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import pytest
from sqlalchemy import make_url

from conf import database_postgres
from conf.database import Database
from conf.errors import ConfigError, Unavailable
from tests import postgres


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://root:secret@host/db", "no support for databases of type 'mysql'"),
        ("nonsense", "is not understood"),
        ("sqlite://", "names no file"),
        ("postgresql://someone:secret@host", "names no database"),
        ("sqlite:////no/such/folder/store.db", "folder of the database does not exist"),
    ],
)
async def test_a_wrong_address_is_said_in_a_sentence(url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        await Database.open(url)
    assert "secret" not in caught.value.message


async def test_a_server_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        await Database.open("postgresql://recon@127.0.0.1:1/nothing")


@pytest.mark.services
@pytest.mark.parametrize(
    ("part", "said"),
    [({"database": "nosuch"}, "no database of that name"), ({"username": "nobody"}, "refuses this account")],
)
async def test_a_server_that_refuses_us_is_said_in_a_sentence(
    postgres_cluster: str, part: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        await Database.open(make_url(postgres_cluster).set(**part).render_as_string(hide_password=False))


@pytest.mark.services
async def test_a_connection_that_the_server_closed_is_replaced(postgres_cluster: str) -> None:
    database = await Database.open(postgres_cluster)
    with pytest.raises(Unavailable):
        async with database.read() as tx:
            await tx.fetch("select pg_terminate_backend(pg_backend_pid())")
    for _ in range(3):
        async with database.read() as tx:
            assert await tx.fetch("select 1") == [(1,)]
    await database.close()


@pytest.mark.services
async def test_after_a_restart_of_the_server_nobody_meets_a_dead_connection(postgres_cluster: str) -> None:
    database = await Database.open(postgres_cluster)
    together = asyncio.Barrier(5)

    async def read() -> int:
        async with database.read() as tx:
            pid: int = (await tx.fetch("select pg_backend_pid()"))[0][0]
            await together.wait()
        return pid

    old = await asyncio.gather(*(read() for _ in range(5)))
    await asyncio.to_thread(postgres.administer, postgres_cluster, f"select {terminate(old)}")
    new = await asyncio.gather(*(read() for _ in range(5)))
    assert not set(old) & set(new)
    async with database.write() as tx:
        assert await tx.fetch("select 1") == [(1,)]
    await database.close()


def terminate(processes: list[int]) -> str:
    return ", ".join(f"pg_terminate_backend({process}, 5000)" for process in processes)


Hosts = tuple[Database, Database]


@pytest.fixture
async def two_hosts(postgres_database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hosts]:
    """Two who share a database and lose their patience with each other soon."""
    monkeypatch.setitem(database_postgres.SETTINGS, "lock_timeout", "600ms")
    monkeypatch.setattr(database_postgres, "HANGS_SECONDS", 0.3)
    one, other = await Database.open(postgres_database), await Database.open(postgres_database)
    yield one, other
    await one.close()
    await other.close()


@pytest.mark.services
async def test_a_writer_that_hangs_is_ended_by_who_waits_and_nothing_of_it_is_kept(two_hosts: Hosts) -> None:
    hanging, other = two_hosts
    async with other.write() as tx:
        await tx.run("create table t (n int)")

    async def hang() -> None:
        async with hanging.write() as tx:
            await tx.run("insert into t values (1)")
            async with other.write() as second:
                await second.run("insert into t values (2)")
            await tx.run("insert into t values (3)")

    with pytest.raises(Unavailable):
        await hang()
    async with hanging.read() as tx:
        assert await tx.fetch("select n from t") == [(2,)]


@pytest.mark.services
async def test_who_hangs_in_the_middle_of_a_statement_is_ended_too(
    postgres_database: str, two_hosts: Hosts
) -> None:
    _, other = two_hosts
    async with other.write() as tx:
        await tx.run("create table t (n int)")

    async def rows() -> AsyncIterator[bytes]:
        yield b"1\n"
        await asyncio.Event().wait()

    hanging = await asyncpg.connect(postgres_database)
    await hanging.execute(f"begin; {database_postgres.LOCK}")
    copying = asyncio.create_task(hanging.copy_to_table("t", source=rows()))
    await asyncio.sleep(0.1)
    async with other.write() as tx:
        assert await tx.fetch("select n from t") == []
    copying.cancel()
    with suppress(asyncio.CancelledError, asyncpg.PostgresError):
        await copying
    await hanging.close()


@pytest.mark.services
async def test_who_hangs_loses_the_turns_that_it_still_waits_for(
    postgres_database: str, two_hosts: Hosts
) -> None:
    url, (_, other) = postgres_database, two_hosts
    settings = {"application_name": "one process"}
    holding, queued = [await asyncpg.connect(url, server_settings=settings) for _ in range(2)]
    await holding.execute(f"begin; {database_postgres.LOCK}")
    waiting = asyncio.create_task(queued.execute(f"begin; {database_postgres.LOCK}"))
    await asyncio.sleep(0.4)
    async with other.write() as tx:
        assert await tx.fetch("select 1") == [(1,)]
    with pytest.raises((asyncpg.AdminShutdownError, asyncpg.ConnectionDoesNotExistError)):
        await waiting
    await holding.close()


@pytest.mark.services
async def test_a_writer_that_works_is_left_alone_and_who_waits_is_told(two_hosts: Hosts) -> None:
    working, other = two_hosts
    async with working.write() as tx:
        long = asyncio.create_task(tx.fetch("select 1 from pg_sleep(2)"))
        await asyncio.sleep(0.1)
        with pytest.raises(Unavailable, match="The database is busy"):
            async with other.write():
                pass
        assert await long == [(1,)]
