"""A transaction on the store: what every query of the product is given, on either database."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, ClassVar, Literal

from sqlalchemy import CursorResult, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from conf.errors import Conflict, ReconError, Unavailable

Dialect = Literal["sqlite", "postgresql"]
Row = tuple[Any, ...]
Mode = Literal["read", "write", "relaxed"]

BUSY_SECONDS = 10
BUSY = "The database is busy: another process has been writing for over 10 seconds. Try again."

_LOG = logging.getLogger(__name__)


class Duplicate(Conflict):
    """A row with that key exists already; who goes on after it must have opened a savepoint before."""


class Transaction(ABC):
    """One open transaction. Statements run one after another, also when several coroutines share it.

    SQL given as text has `?` placeholders on both databases; rows come back as tuples.
    """

    dialect: ClassVar[Dialect]
    among: ClassVar[str]
    """SQL for "is one of these texts", with one placeholder that takes `texts(values)`: f"id {tx.among}"."""
    among_numbers: ClassVar[str]
    """The same for whole numbers; its placeholder takes `numbers(values)`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self._turn = asyncio.Lock()
        self._acts: list[Callable[[], None]] = []
        self._points = 0
        self._lost: ReconError | None = None
        self._open = False

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Run a SQLAlchemy Core statement; a list of parameter sets runs it once for each."""
        async with self._turn:
            with self._stated():
                return await self.connection.execute(statement, parameters)

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query."""
        async with self._turn:
            with self._stated():
                return await self._fetch(sql, parameters)

    async def run(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run a statement; answers the number of rows it changed."""
        async with self._turn:
            with self._stated():
                return await self._run(sql, parameters)

    async def run_many(self, sql: str, rows: Sequence[Row]) -> None:
        """Run a statement once for each row, in one call of the driver."""
        if not rows:
            return
        async with self._turn:
            with self._stated():
                await self._run_many(sql, rows)

    async def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Insert many rows the fastest way the database has; a key that exists raises Duplicate."""
        if not rows:
            return
        async with self._turn:
            with self._stated():
                await self._insert(table, columns, rows)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part that can fail alone: an error inside undoes it, is raised, and leaves the rest usable."""
        self._points += 1
        name, acts = f"point_{self._points}", len(self._acts)
        await self.run(f"savepoint {name}")
        try:
            yield
        except BaseException:
            del self._acts[acts:]
            try:
                await self.run(f"rollback to savepoint {name}")
                await self.run(f"release savepoint {name}")
            except Exception:
                _LOG.warning("a part of a transaction could not be undone", exc_info=True)
            raise
        await self.run(f"release savepoint {name}")

    def after_commit(self, act: Callable[[], None]) -> None:
        """Do something once the commit is durable, such as waking a worker; a rollback forgets it."""
        self._acts.append(act)

    @abstractmethod
    def texts(self, values: Sequence[str]) -> Any:
        """The parameter for `among`."""

    @abstractmethod
    def numbers(self, values: Sequence[int]) -> Any:
        """The parameter for `among_numbers`."""

    @classmethod
    @abstractmethod
    async def adopt(cls, connection: AsyncConnection) -> Transaction:
        """A transaction on this connection, not begun yet."""

    @abstractmethod
    async def _fetch(self, sql: str, parameters: Sequence[Any]) -> list[Row]: ...

    @abstractmethod
    async def _run(self, sql: str, parameters: Sequence[Any]) -> int: ...

    @abstractmethod
    async def _run_many(self, sql: str, rows: Sequence[Row]) -> None: ...

    @abstractmethod
    async def _insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None: ...

    @abstractmethod
    async def _begin(self, mode: Mode) -> None: ...

    @abstractmethod
    async def _end(self, *, commit: bool) -> None: ...

    @abstractmethod
    def _alive(self) -> bool:
        """Whether the database still knows this transaction; a full disk makes it forget."""

    @classmethod
    @abstractmethod
    def explain(cls, error: Exception) -> ReconError | None:
        """The error in our words, or None when it is a mistake of ours."""

    @contextmanager
    def _stated(self) -> Iterator[None]:
        if self._lost is not None:
            raise self._lost
        try:
            yield
        except ReconError:
            raise
        except Exception as error:
            found = self.explain(root(error))
            if not self._alive():
                # a statement after this one would commit on its own, so none may follow
                self._lost = (
                    found
                    if isinstance(found, Unavailable)
                    else Unavailable(
                        "The database gave up the transaction; nothing of it was kept. Try again."
                    )
                )
            if found is None:
                raise
            raise found from error

    async def _commit(self) -> None:
        async with self._turn:
            with self._stated():
                await self._end(commit=True)

    async def _rollback(self) -> None:
        """Undo everything. Never raises: what went wrong before matters more."""
        try:
            await self._end(commit=False)
        except Exception:
            _LOG.debug("rollback failed; the connection is dropped", exc_info=True)
            await self.connection.invalidate()

    def _committed(self) -> None:
        for act in self._acts:
            try:
                act()
            except Exception:
                _LOG.exception("what was to follow a commit failed")


def root(error: Exception) -> Exception:
    """The driver's own error below SQLAlchemy's wrapping."""
    found: BaseException = error
    if isinstance(found, DBAPIError) and found.orig is not None:
        found = found.orig
        # the asyncpg dialect wraps once more
        if found.__cause__ is not None:
            found = found.__cause__
    return found if isinstance(found, Exception) else error


@asynccontextmanager
async def transaction_on(
    engine: AsyncEngine, kind: type[Transaction], mode: Mode
) -> AsyncIterator[Transaction]:
    """Take a connection, begin, commit at the end of the block or roll back on an error, give it back."""
    transaction: Transaction | None = None
    try:
        async with engine.connect() as connection:
            transaction = await kind.adopt(connection)
            try:
                await transaction._begin(mode)
                transaction._open = True
                yield transaction
                if mode != "read":
                    await transaction._commit()
            except BaseException:
                await transaction._rollback()
                raise
            if mode == "read":
                await transaction._rollback()
    except PoolTimeout as error:
        raise Unavailable(BUSY) from error
    except Exception as error:
        found = None if transaction and transaction._open else kind.explain(root(error))
        if found is None or isinstance(error, ReconError):
            raise
        raise found from error
    transaction._committed()
