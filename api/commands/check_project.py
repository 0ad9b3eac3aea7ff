"""Checks of a project folder: its files, its systems, its database."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

from api.commands.findings import Finding, doubtful, well, wrong
from conf.database import Database
from conf.errors import ReconError
from conf.project import LiveProject, open_project
from conf.settings import Settings
from flows.connectors.registry import open_connector
from flows.store import schema

TEST_SECONDS = 15.0


async def check_project(settings: Settings) -> AsyncIterator[Finding]:
    """Everything that can be told without a running server."""
    try:
        project = open_project(settings.project)
    except ReconError as error:
        yield wrong("Project", error.message)
        return
    for problem in project.problems:
        yield wrong("Project", problem)
    if not project.problems:
        yield well("Project", f"{project.root}: {len(project.mappings)} mappings")
    if project.authentication.has_default_password:
        yield _default_password(settings)
    for name in project.connectors:
        yield await _connector(project, name)
    yield _data_folder(settings.data)
    yield await _database(settings)


def _default_password(settings: Settings) -> Finding:
    remedy = "set OPENIDM_ADMIN_PASSWORD or change conf/authentication.json"
    message = "an account has the password it was shipped with"
    if settings.is_loopback:
        return doubtful("Passwords", f"{message}; the server will listen on this machine only", remedy)
    return wrong("Passwords", f"{message}, so {settings.host} is refused", remedy)


async def _connector(project: LiveProject, name: str) -> Finding:
    subject = f"system/{name}"
    config = project.connectors[name]
    if not config.enabled:
        return well(subject, "switched off")
    try:
        connector = open_connector(name, config.document, project.root)
        async with asyncio.timeout(TEST_SECONDS):
            await connector.test()
    except ReconError as error:
        return wrong(subject, error.message)
    except TimeoutError:
        return wrong(subject, f"no answer within {TEST_SECONDS:.0f} s")
    return well(subject, f"{config.kind} works")


def _data_folder(data: Path) -> Finding:
    if not data.exists():
        return well("Data folder", f"{data} is not there yet; `recon up` makes it")
    if not os.access(data, os.W_OK | os.X_OK):
        return wrong(
            "Data folder", f"{data} cannot be written", "change its owner or name another with --data"
        )
    if data.stat().st_mode & 0o077:
        return doubtful("Data folder", f"{data} can be read by others", f"chmod 700 {data}")
    return well("Data folder", str(data))


async def _database(settings: Settings) -> Finding:
    url = settings.database_url
    shown = url.rpartition("@")[2] if "@" in url else url
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return well("Database", "not there yet; `recon up` makes it")
    try:
        database = await Database.open(url)
        try:
            version = await schema.current(database)
        finally:
            await database.close()
    except ReconError as error:
        return wrong("Database", error.message, "is the server of --database running, and does it let us in?")
    if version is None:
        return well("Database", f"{shown} is empty; `recon up` fills it")
    if version != schema.HEAD:
        return doubtful(
            "Database", f"schema {version}, this program wants {schema.HEAD}", "`recon up` migrates it"
        )
    return well("Database", f"{shown}, schema {version}")
