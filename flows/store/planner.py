"""What PostgreSQL's planner knows of our tables.

A page asks for a thousand keys at once. Of a table that was empty a minute ago the planner knows nothing, takes the
wrong index, and reads all links of the mapping for every page: a first load would cost the square of its rows.
Autovacuum tells it within minutes, which is too late. SQLite needs none of this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from conf.transaction import Dialect, Transaction

TABLES: Final = ("link", "managed_object")
"""Those that a run asks by many keys."""

_OUTGROWN: Final = (
    "select relname from pg_stat_user_tables where relname = any(?::text[]) "
    "and schemaname = current_schema() and n_mod_since_analyze >= 500 + n_live_tup / 10"
)


def wants_telling(dialect: Dialect) -> bool:
    """Whether this database plans by what it was told of its tables."""
    return dialect == "postgresql"


async def inform(transaction: Transaction) -> list[str]:
    """Have the tables analysed that grew by more than a tenth since the last time; answers which."""
    if not wants_telling(transaction.dialect):
        return []
    found = [name for (name,) in await transaction.fetch(_OUTGROWN, (transaction.texts(TABLES),))]
    if found:
        # that keys are unique shows in 3,000 rows as well as in 30,000; autovacuum looks closer later
        await transaction.run("set local default_statistics_target = 10")
    for name in sorted(found):
        await transaction.run(f"analyze {name}")
    return found
