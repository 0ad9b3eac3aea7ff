"""Opens the parts of a process that carries out runs or answers calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from conf.database import Database
from conf.errors import ConfigError
from conf.project import LiveProject, open_project
from flows import implicit_sync
from flows.call import Runtime
from flows.collecting import collect_rarely
from flows.routes import build_router
from flows.scripts.host import ScriptHost
from flows.scripts.limits import Limits
from flows.store.schema import migrate
from flows.wake import wake_by_files
from flows.wake_postgres import Bell

if TYPE_CHECKING:
    from collections.abc import Callable

    from conf.script_config import ScriptConfig
    from conf.settings import Settings

QUICK_SECONDS = 1.0
"""Longest time for a script that asks nobody anything."""


async def open_runtime(settings: Settings, *, beside: Runtime | None = None) -> Runtime:
    """The running parts for the event loop we are in.

    `beside` is a runtime of another loop in this process: project and scripts are shared with it, the database is
    not. Brings the schema up to date. Raises ConfigError for a project or a database that cannot be used.
    """
    if beside is None:
        collect_rarely()
        project = open_project(settings.project)
        scripts = open_scripts(settings, project)
    else:
        project, scripts = beside.project, beside.scripts
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = await Database.open(settings.database_url)
    try:
        await migrate(database)
    except BaseException:
        await database.close()
        raise
    runtime = Runtime(
        settings=settings,
        database=database,
        project=project,
        router=build_router(),
        scripts=scripts,
        extras={"implicit_sync": implicit_sync.notify},
    )
    runtime.wake = beside.wake if beside else waker(runtime)
    return runtime


async def close_runtime(runtime: Runtime, *, beside: Runtime | None = None) -> None:
    """Close what `open_runtime` opened; what is shared goes with the one it was opened for."""
    if beside is None:
        runtime.scripts.close()
        if (bell := runtime.extras.pop("bell", None)) is not None:
            bell.close()
    await runtime.database.close()


def open_scripts(settings: Settings, project: LiveProject) -> ScriptHost:
    """The script host of this process; from now on the project's scripts are compiled when they are read."""
    limits = Limits(
        seconds=min(QUICK_SECONDS, settings.script_seconds),
        process_seconds=settings.script_seconds,
        memory_bytes=settings.script_memory_mb * 2**20,
    )
    host = ScriptHost(project.scripts.text, limits, root=settings.project)

    def problem(script: ScriptConfig) -> str | None:
        if script.is_built_in and not project.scripts.has(script.file or ""):
            return None
        try:
            host.compile(script)
        except ConfigError as failure:
            return failure.message.removeprefix(f"{failure.where}: ")  # its reader says where
        return None

    project.check_scripts_by(problem)
    return host


def waker(runtime: Runtime) -> Callable[[str], None]:
    """Wakes the workers of this machine, and on PostgreSQL those of others."""
    near = wake_by_files(runtime.settings.data)
    if runtime.database.dialect != "postgresql":
        return near
    bell = runtime.extras["bell"] = Bell(runtime.database.url)

    def wake(what: str) -> None:
        near(what)
        bell.ring(what)

    return wake


@asynccontextmanager
async def running(settings: Settings, *, beside: Runtime | None = None) -> AsyncIterator[Runtime]:
    """The same, closed at the end of the block."""
    runtime = await open_runtime(settings, beside=beside)
    try:
        yield runtime
    finally:
        await close_runtime(runtime, beside=beside)
