"""A PostgreSQL for tests: one throw-away cluster a session, a fresh database a test.

`RECON_TEST_POSTGRES=postgresql://user@host:port/postgres` uses a running server instead.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import make_url

from flows.prefect_database import beside

T = TypeVar("T")

ACCOUNT = "postgres"
"""The server refuses to run as root, so root starts it as this user."""


@contextmanager
def cluster() -> Iterator[str]:
    """The address of a server; stopped and removed at the end when it is ours."""
    if running := os.environ.get("RECON_TEST_POSTGRES"):
        yield running
        return
    programs = folder_of_programs()
    if programs is None:
        raise RuntimeError(
            "PostgreSQL is not installed: apt-get install postgresql, or set RECON_TEST_POSTGRES"
        )
    place = Path(tempfile.mkdtemp(prefix="recon-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(place, ACCOUNT, ACCOUNT)
        data, port = place / "data", free_port()
        _as_account(programs / "initdb", "-D", data, "-U", "recon", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = (
            f"-p {port} -k {place} -c listen_addresses=127.0.0.1 -c fsync=off -c full_page_writes=off "
            "-c max_connections=200 -c shared_buffers=64MB"
        )
        _as_account(programs / "pg_ctl", "-D", data, "-o", options, "-l", place / "log", "-w", "start")
        try:
            yield f"postgresql://recon@127.0.0.1:{port}/postgres"
        finally:
            _as_account(programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(place, ignore_errors=True)


def folder_of_programs() -> Path | None:
    """Where initdb and pg_ctl are; Debian keeps them out of PATH."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return installed[-1].parent if installed else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_database(server: str, template: str | None = None) -> str:
    """The address of a new database, a copy of the template if one is given."""
    name = f"recon_{uuid.uuid4().hex}"
    source = f' template "{make_url(template).database}"' if template else ""
    administer(server, f'create database "{name}"{source}')
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def drop_database(server: str, url: str) -> None:
    """With the one beside it, if a Prefect server had its data there."""
    address = make_url(url)
    names = [address.database, beside(address).database]
    administer(server, *(f'drop database if exists "{name}" with (force)' for name in names))


@contextmanager
def database(server: str, template: str | None = None) -> Iterator[str]:
    """The address of a new database, as long as it is needed."""
    url = make_database(server, template)
    try:
        yield url
    finally:
        drop_database(server, url)


def administer(server: str, *statements: str) -> None:
    """Run statements on the server, outside of any event loop that runs already."""

    async def act(connection: asyncpg.Connection) -> None:
        for statement in statements:
            await connection.execute(statement)

    _connected(server, act)


def rows(url: str, sql: str) -> list[tuple[Any, ...]]:
    """The rows that a query finds, as they are at this moment."""

    async def ask(connection: asyncpg.Connection) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await connection.fetch(sql)]

    return _connected(url, ask)


def _connected(url: str, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    async def act() -> T:
        connection = await asyncpg.connect(url)
        try:
            return await work(connection)
        finally:
            await connection.close()

    with asyncio.Runner() as runner:
        return runner.run(act())


def _as_account(*command: str | Path) -> None:
    words = [str(word) for word in command]
    if os.geteuid() == 0:
        words = ["runuser", "-u", ACCOUNT, "--", *words]
    # pg_ctl hands its output to the server, so a pipe would never end
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(words, stdout=output, stderr=subprocess.STDOUT, cwd="/", check=False)
        if done.returncode:
            output.seek(0)
            raise RuntimeError(f"{' '.join(words)} failed: {output.read().decode(errors='replace')}")
