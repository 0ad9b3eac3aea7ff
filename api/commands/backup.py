"""`recon backup` and `recon restore`: the store in one file, and back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from api.commands import folders
from api.commands.options import Data, Output, Project, Store
from api.commands.outcome import Exit
from api.commands.printing import note, say, say_json


def backup(
    file: Annotated[Path, Parameter(help="Where to; a new file.")],
    /,
    *,
    project: Project = None,
    data: Data = None,
    database: Store = None,
    output: Output = "text",
) -> int:
    """Save the store to FILE, while a server runs or not.

    The files of the project folder, and the keys in the data folder, are not part of it.
    """
    from conf.settings import Settings  # noqa: PLC0415 - help needs none of it
    from flows.store.backup import backup as save  # noqa: PLC0415

    where = folders.find(project, data)
    settings = Settings(project=where.project, data=where.data, database=database)
    size = asyncio.run(save(settings.database_url, file))
    if output == "json":
        say_json({"file": str(file.resolve()), "bytes": size})
    else:
        say(f"{file}: {size:,} bytes, checked")
    return Exit.DONE


def restore(
    file: Annotated[Path, Parameter(help="What `recon backup` has written.")],
    /,
    *,
    project: Project = None,
    data: Data = None,
    database: Store = None,
    output: Output = "text",
) -> int:
    """Put the store of FILE in place of the present one; refused while a server runs.

    Runs that were under way end as failed, approved requests are looked at again, people log in anew.
    """
    from api.folder_lock import FolderLock  # noqa: PLC0415 - help needs none of it
    from conf.settings import Settings  # noqa: PLC0415
    from flows.store.backup import restore as put_back  # noqa: PLC0415

    where = folders.find(project, data)
    settings = Settings(project=where.project, data=where.data, database=database)
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FolderLock(settings.data)
    try:
        asyncio.run(put_back(settings.database_url, file))
    finally:
        lock.release()
    if output == "json":
        say_json({"file": str(file.resolve()), "database": settings.database_url.rpartition("@")[2]})
    else:
        say(f"The store is that of {file}.")
        note("See whether all is well: recon doctor --fsck")
    return Exit.DONE
