"""`recon doctor`: is everything as it should be, and if not, what to do."""

from __future__ import annotations

import asyncio
from collections import Counter

from api.commands import folders
from api.commands.check_installation import check_installation
from api.commands.check_project import check_project
from api.commands.check_server import check_server
from api.commands.findings import Finding, Health
from api.commands.options import Output, Reach
from api.commands.outcome import Exit
from api.commands.printing import note, say, say_json_lines
from conf.settings import Settings

CURRENT = Reach()
MARKS = {Health.OK: "ok  ", Health.WARNING: "warn", Health.FAILED: "FAIL"}


def doctor(*, output: Output = "text", reached: Reach = CURRENT) -> int:
    """Check this installation, the project and the server. Exits with 1 when something is wrong."""
    where = folders.find(reached.project, reached.data)
    settings = Settings(project=where.project, data=where.data)
    findings = asyncio.run(_findings(settings, reached.url, started=folders.is_project(where.project)))
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


async def _findings(settings: Settings, url: str | None, *, started: bool) -> list[Finding]:
    found = list(check_installation(settings.data))
    if started:
        found += [finding async for finding in check_project(settings)]
    else:
        found.append(Finding("Project", Health.OK, "none yet; `recon up` copies the sample"))
    return found + [finding async for finding in check_server(settings, url)]
