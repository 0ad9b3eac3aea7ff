"""What a database answers when it does not do what was asked, in sentences."""

from __future__ import annotations

from typing import Final

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
)

from conf.errors import BadRequest, Forbidden, ReconError, Unavailable
from flows.connectors.base import SourceUnreadable

#: names of drivers' errors that say who may not come in, by what is wrong
_REFUSED: Final = (
    "InvalidPassword",
    "InvalidAuthorization",
    "AccessDenied",
    "password authentication",
    "28000",
)
#: classes of SQLSTATE that pass: two writers in each other's way, no room, locked, shutting down, the system
_PASSING: Final = ("40", "53", "55", "57", "58")
_NO_DATABASE: Final = ("InvalidCatalogName", "Unknown database")


class Unreached(SourceUnreadable):
    """No connection came about, which may be different in a moment."""


def connecting(cause: BaseException, address: str) -> SourceUnreadable:
    """Why no connection came about."""
    told = f"{type(cause).__name__} {cause}"
    if any(word in told for word in _REFUSED):
        return SourceUnreadable(
            f"{address} did not let us in: {said(cause)}. Check user and password in configurationProperties."
        )
    if any(word in told for word in _NO_DATABASE):
        return SourceUnreadable(f"{address}: {said(cause)}. Check configurationProperties.url.")
    if isinstance(cause, TimeoutError):
        return SourceUnreadable(
            f"{address} did not answer in time. Is the server running, and is the url right?"
        )
    # a server may be there in a moment, a file will not
    kind = SourceUnreadable if isinstance(cause, OSError) and cause.filename else Unreached
    return kind(
        f"{address} cannot be reached: {said(cause)}. Is the database there, and is configurationProperties.url right?"
    )


def reading(cause: BaseException, address: str, what: str) -> SourceUnreadable:
    """Why something could not be read to its end."""
    if is_timeout(cause):
        return SourceUnreadable(
            f"{address} did not answer in time while {what} was read. Is there an index on the key column? The limit "
            "is operationTimeout.SEARCH."
        )
    if is_lost(cause):
        return SourceUnreadable(f"{address}: the connection broke while {what} was read: {said(cause)}.")
    return SourceUnreadable(f"{address}: {what} cannot be read: {said(cause)}.")


def writing(cause: BaseException, address: str, what: str) -> ReconError:
    """Why something was not written."""
    if is_timeout(cause) or is_lost(cause):
        return Unavailable(
            f"{address} was lost while {what} was written: {said(cause)}. It may or may not have been done."
        )
    if _state(cause).startswith(_PASSING):
        return Unavailable(f"{address}: {what} was not written: {said(cause)}. Try again.")
    match cause:
        case IntegrityError() | DataError():
            return BadRequest(f"{what} was refused by the database: {said(cause)}.")
        case ProgrammingError() if "permission" in said(cause) or "privilege" in said(cause):
            return Forbidden(f"{address} does not let us write {what}: {said(cause)}.")
        case OperationalError() if is_locked(cause):
            return Unavailable(f"{address} is locked by somebody else. Try again.")
        case OperationalError() if "readonly" in said(cause):
            return Forbidden(f"{address} does not let us write {what}: {said(cause)}.")
        case _:
            return BadRequest(f"{what} was refused by the database: {said(cause)}.")


def is_lost(cause: BaseException) -> bool:
    """The connection is gone."""
    if isinstance(cause, DBAPIError) and cause.connection_invalidated:
        return True
    if _state(cause).startswith(("08", "57P")):
        return True
    return isinstance(cause, InterfaceError | ConnectionError | EOFError) or "ConnectionDoesNotExist" in str(
        cause
    )


def is_locked(cause: BaseException) -> bool:
    """Somebody else is writing to the file of SQLite."""
    return isinstance(cause, OperationalError) and "database is locked" in str(cause)


def is_timeout(cause: BaseException) -> bool:
    return isinstance(cause, TimeoutError) or "statement timeout" in str(cause)


def _state(cause: BaseException) -> str:
    """SQLSTATE; empty where there is none."""
    inner = cause.orig if isinstance(cause, DBAPIError) else cause
    return str(getattr(inner, "sqlstate", None) or "")


def said(cause: BaseException) -> str:
    """The database's own words, in one line."""
    if isinstance(cause, OSError) and cause.strerror and cause.filename:
        return cause.strerror
    inner = cause.orig if isinstance(cause, DBAPIError) and cause.orig is not None else cause
    lines = [line.strip() for line in str(inner).splitlines() if line.strip()]
    found = lines[0] if lines else type(inner).__name__
    if found.startswith("<class ") and ": " in found:  # SQLAlchemy's wrapping of what asyncpg says
        found = found.partition(": ")[2]
    detail = next((line.removeprefix("DETAIL:").strip() for line in lines if line.startswith("DETAIL:")), "")
    return f"{found.rstrip('.')}; {detail.rstrip('.')}" if detail else found.rstrip(".")
