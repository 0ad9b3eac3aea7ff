"""Whether a password is that of a row: compared with the column that the provisioner file names."""

from __future__ import annotations

from collections.abc import Sequence
from hmac import compare_digest
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from conf.errors import Conflict
from flows.connectors.sql_database import SqlDatabase
from flows.connectors.sql_filter import Asking
from flows.connectors.sql_layout import Layout

_TWO: Final = 2


async def authenticate(database: SqlDatabase, layout: Layout, username: str, password: str) -> str | None:
    """The id of the one row with this name and password; Conflict where no column holds passwords."""
    kind, config = layout.kind, database.config
    if not kind.password:
        raise Conflict(
            f"{config.where}: configurationProperties.passwordColumn names no column, so "
            f"system/{config.name}/{kind.name} cannot check passwords."
        )
    columns = layout.key.column, layout.places[kind.password].column
    named = Asking(config, layout, database.dialect).named(username)
    statement = select(*columns).select_from(layout.source).where(named).limit(_TWO)

    async def look(connection: AsyncConnection) -> Sequence[Sequence[Any]]:
        return (await connection.execute(statement)).all()

    rows = await database.read(kind.shown, look)
    known = rows[0][1] if len(rows) == 1 and isinstance(rows[0][1], str) else ""
    is_right = compare_digest(known.encode(errors="surrogatepass"), password.encode(errors="surrogatepass"))
    return layout.id_of(rows[0][0]) if is_right and password and known else None
