"""`recon doctor`: is everything as it should be, and if not, what to do."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated

from cyclopts import Parameter

from api.commands import folders
from api.commands.findings import Finding, Health
from api.commands.options import Output, Reach, Store
from api.commands.outcome import Exit
from api.commands.printing import note, say, say_json_lines

CURRENT = Reach()
MARKS = {Health.OK: "ok  ", Health.WARNING: "warn", Health.FAILED: "FAIL"}


def doctor(
    *,
    fsck: Annotated[
        bool, Parameter(negative=(), help="Check what is stored instead: every row that breaks a promise.")
    ] = False,
    database: Store = None,
    output: Output = "text",
    reached: Reach = CURRENT,
) -> int:
    """Check this installation, the project and the server. Exits with 1 when something is wrong.

    Each file and line of the project that asks for something we do not do is named, with what to do instead.
    """
    where = folders.find(reached.project, reached.data)
    if fsck:
        from api.commands import fsck as store  # noqa: PLC0415 - help needs none of it
        from conf.settings import Settings  # noqa: PLC0415

        return store.fsck(Settings(project=where.project, data=where.data, database=database), output)
    findings = asyncio.run(_findings(where, reached.url, database))
    if output == "json":
        say_json_lines(vars(finding) for finding in findings)
    else:
        for finding in findings:
            say(f"{MARKS[finding.health]}  {finding.subject}: {finding.message}")
            if finding.remedy:
                say(f"      -> {finding.remedy}")
        tally = Counter(finding.health for finding in findings)
        note(f"{tally[Health.FAILED]} failed, {tally[Health.WARNING]} warnings, {tally[Health.OK]} ok")
    return Exit.FAILED if any(finding.health is Health.FAILED for finding in findings) else Exit.DONE


async def _findings(where: folders.Folders, url: str | None, database: str | None) -> list[Finding]:
    # help and suggestions load this module too, and need none of it
    from api.commands.check_installation import check_installation  # noqa: PLC0415
    from api.commands.check_project import check_project  # noqa: PLC0415
    from api.commands.check_server import check_server  # noqa: PLC0415
    from conf.settings import Settings  # noqa: PLC0415

    settings = Settings(project=where.project, data=where.data, database=database)
    found = list(check_installation(settings.data))
    if folders.is_project(where.project):
        found += [finding async for finding in check_project(settings)]
    else:
        found.append(Finding("Project", Health.OK, "none yet; `recon up` copies the sample"))
    return found + [finding async for finding in check_server(settings, url)]
