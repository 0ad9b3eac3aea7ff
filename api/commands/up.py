"""`recon up`: the server with everything that belongs to it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from api import address_file
from api.commands import folders
from api.commands.options import Data, Project
from api.commands.printing import note, say


def up(
    *,
    project: Project = None,
    data: Data = None,
    host: Annotated[str | None, Parameter(help="Address to listen on; default 127.0.0.1.")] = None,
    port: Annotated[int | None, Parameter(help="Port to listen on; default 8080, 0 for any.")] = None,
    executor: Annotated[
        Literal["prefect", "embedded"] | None,
        Parameter(help="`embedded` runs without a Prefect server; default prefect."),
    ] = None,
    database: Annotated[str | None, Parameter(help="postgresql://user:password@host:port/name.")] = None,
    workers: Annotated[int, Parameter(help="Worker processes.")] = 1,
) -> int:
    """Run the server: API, worker and Prefect; Ctrl-C stops all.

    Without a project folder, the sample is copied into the data folder and run from there.
    """
    # help and suggestions load this module too, and need none of it
    from api.ports import free_port  # noqa: PLC0415
    from api.supervisor import supervise  # noqa: PLC0415
    from conf.settings import Settings  # noqa: PLC0415

    where = folders.find(project, data)
    folders.ensure(where)
    given: dict[str, Any] = {"host": host, "port": port, "executor": executor, "database": database}
    settings = Settings(
        project=where.project,
        data=where.data,
        **{name: value for name, value in given.items() if value is not None},
    )
    if settings.port == 0:
        settings = settings.model_copy(update={"port": free_port(0)})
    note(f"Project folder {where.project}, data folder {where.data}.")

    def announce(line: str) -> None:
        address_file.publish(settings.data, settings.host, settings.port)
        say(line)

    try:
        return asyncio.run(
            supervise(settings, executor=settings.executor, executor_workers=workers, announce=announce)
        )
    finally:
        address_file.withdraw(settings.data)
