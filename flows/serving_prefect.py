"""Runs the Prefect command with one repair: on SQLite its server no longer stands still for minutes.

A connection waits up to 60 s for the database's write lock, and it has been seen that the server's event loop waits
with it, so that whoever holds the lock cannot give it back: for a minute the server takes no call at all, then logs
"database is locked". With a short wait that is over before anybody notices; Prefect tries again by itself.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

BUSY_MS: Final = 2_000
COMMAND: Final = ("-P", "-c", "from flows.serving_prefect import main; main()", "prefect")
"""Arguments of Python that stand for the `prefect` command."""


def main() -> None:
    """The command line of Prefect; `sys.argv` holds its arguments after the word `prefect`."""
    wait_briefly()
    from prefect.cli import app  # noqa: PLC0415 - it reads its settings when it is imported

    del sys.argv[1]
    app()


def wait_briefly() -> None:
    """Let connections that Prefect opens to SQLite from now on give up early."""
    from prefect.server.database.configurations import AioSqliteConfiguration  # noqa: PLC0415 - as above

    prepare = AioSqliteConfiguration.setup_sqlite

    def setup_sqlite(
        self: AioSqliteConfiguration, connection: DBAPIConnection, record: ConnectionPoolEntry
    ) -> None:
        prepare(self, connection, record)
        cursor = connection.cursor()
        cursor.execute(f"pragma busy_timeout = {BUSY_MS}")
        cursor.close()

    setattr(AioSqliteConfiguration, "setup_sqlite", setup_sqlite)  # noqa: B010 - mypy has no word for it
