"""`recon worker`: one more worker, on this machine or another."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import Parameter

from api.commands import folders
from api.commands.options import Data, Project
from api.commands.printing import note


def worker(
    *,
    project: Project = None,
    data: Data = None,
    executor: Annotated[
        Literal["prefect", "embedded"] | None, Parameter(help="As the server's; default prefect.")
    ] = None,
    database: Annotated[
        str | None, Parameter(help="The server's database; its SQLite file works on one machine only.")
    ] = None,
    prefect_api: Annotated[
        str | None, Parameter(help="Address of the server's Prefect, as http://host:4200/api.")
    ] = None,
) -> int:
    """Run one more worker for a server that runs elsewhere, until SIGTERM or Ctrl-C.

    It needs the same project folder, and reaches the same database and Prefect server.
    """
    # help and suggestions load this module too, and need none of it
    from api.processes import run_worker  # noqa: PLC0415
    from conf.settings import Settings  # noqa: PLC0415

    where = folders.find(project, data)
    folders.ensure(where)
    given: dict[str, Any] = {"executor": executor, "database": database, "prefect_api": prefect_api}
    settings = Settings(
        project=where.project,
        data=where.data,
        **{name: value for name, value in given.items() if value is not None},
    )
    note(f"A worker for project folder {where.project}, data folder {where.data}.")
    return run_worker(settings)
