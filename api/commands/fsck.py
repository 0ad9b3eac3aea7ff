"""`recon doctor --fsck`: the promises of the system, checked over the rows of its store."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.commands.outcome import CommandFailed, Exit
from api.commands.printing import note, say, say_json, say_table
from conf.database import Database
from conf.errors import ReconError
from conf.project import open_project
from flows.call import now_ms
from flows.consistency import CHECKS, Violation, violations
from flows.store import backup, schema

if TYPE_CHECKING:
    from conf.mapping import ObjectMapping
    from conf.settings import Settings


@dataclass(frozen=True)
class Checked:
    """What was checked, and what was found."""

    database: str
    violations: list[Violation]


def fsck(settings: Settings, output: str) -> int:
    """Print every row that breaks a promise; the database is only read, whether a server runs or not."""
    checked = asyncio.run(_check(settings))
    if output == "json":
        found = [vars(violation) for violation in checked.violations]
        say_json({"database": checked.database, "violations": found})
    elif checked.violations:
        say_table(
            ("RULE", "ROW", "BROKEN PROMISE"),
            ((found.invariant, found.row, found.promise) for found in checked.violations),
        )
        note("Save the store with `recon backup FILE` before anything is changed.")
    else:
        rules = len({check.invariant for check in CHECKS})
        say(f"{checked.database}: {rules} rules checked, nothing is wrong")
    return Exit.FAILED if checked.violations else Exit.DONE


async def _check(settings: Settings) -> Checked:
    url = settings.database_url
    shown = url.rpartition("@")[2] if "@" in url else url
    if url.startswith("sqlite:") and not backup.file_of(url).exists():
        raise CommandFailed(f"There is no database yet at {shown}; `recon up` makes it.")
    database = await Database.open(url)
    try:
        if (version := await schema.current(database)) != schema.HEAD:
            raise CommandFailed(
                f"{shown} has schema {version}, this program checks {schema.HEAD}; `recon up` migrates it."
            )
        async with database.read() as transaction:
            return Checked(shown, await violations(transaction, now_ms(), _mappings(settings)))
    finally:
        await database.close()


def _mappings(settings: Settings) -> tuple[ObjectMapping, ...]:
    """Those of the project; the store can be checked without them."""
    try:
        return open_project(settings.project).all_mappings
    except ReconError as error:
        note(f"The links of the mappings were not checked: {error.message}")
        return ()
