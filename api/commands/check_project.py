"""Checks of a project folder: its files, its systems, its database."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

from api.commands.check_mail import check_mail
from api.commands.findings import Finding, doubtful, well, wrong
from conf.database import Database
from conf.errors import ReconError
from conf.project import LiveProject, open_project
from conf.settings import Settings
from flows.connectors.registry import CONNECTORS, open_connector
from flows.runtime import open_scripts
from flows.store import schema
from flows.unsupported.project import unsupported

TEST_SECONDS = 15.0


async def check_project(settings: Settings) -> AsyncIterator[Finding]:
    """Everything that can be told without a running server."""
    try:
        project = open_project(settings.project)
    except ReconError as error:
        yield wrong("Project", error.message)
        return
    lacking = unsupported(project.root)
    # Groovy is told with what to do instead, and once
    told = tuple(f"{part.place}: " for part in lacking)
    problems = [
        problem
        for problem in _problems(settings, project)
        if not ("Groovy" in problem and problem.startswith(told))
    ]
    for problem in problems:
        yield wrong("Project", problem)
    for part in lacking:
        tell = wrong if part.is_fatal else doubtful
        yield tell(part.place, part.what, part.remedy)
    if not problems and not any(part.is_fatal for part in lacking):
        yield well("Project", f"{project.root}: {len(project.mappings)} mappings")
    if project.authentication.has_default_password:
        yield _default_password(settings)
    for name, config in project.connectors.items():
        if config.kind in CONNECTORS:
            yield await _connector(project, name)
    async for finding in check_mail(project):
        yield finding
    yield _data_folder(settings.data)
    yield await _database(settings)


def _problems(settings: Settings, project: LiveProject) -> tuple[str, ...]:
    """What is wrong in the files, their scripts compiled."""
    open_scripts(settings, project).close()
    return project.problems


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
