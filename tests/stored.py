"""What a store holds and what is changed in it behind the product's back, whichever database it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from sqlalchemy import make_url

from tests import postgres


def rows(url: str, sql: str) -> list[tuple[Any, ...]]:
    """The rows that a query finds."""
    address = make_url(url)
    if address.drivername != "sqlite":
        return postgres.rows(url, sql)
    with closing(sqlite3.connect(str(address.database), timeout=30)) as store:
        return store.execute(sql).fetchall()


def change(url: str, statements: str) -> None:
    """Run statements, parted by semicolons."""
    address = make_url(url)
    if address.drivername != "sqlite":
        postgres.administer(url, statements)
        return
    with closing(sqlite3.connect(str(address.database), timeout=30)) as store:
        store.executescript(statements)
