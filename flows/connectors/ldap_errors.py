"""What a directory answers when it does not do what was asked, in sentences."""

from __future__ import annotations

import re
from typing import Final

from conf.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    PreconditionFailed,
    ReconError,
    Unavailable,
)
from flows.connectors.base import SourceUnreadable
from flows.connectors.ldap_port import Code, DirectoryError
from flows.connectors.ldap_schema import Schema

_LIMITS: Final = {
    Code.SIZE_LIMIT: ("size limit", "SIZE_LIMIT"),
    Code.TIME_LIMIT: ("time limit", "TIME_LIMIT"),
    Code.ADMIN_LIMIT: ("administrative limit", "ADMIN_LIMIT"),
}
#: what Active Directory puts into the text of a refused bind
_DATA: Final = {
    "525": "there is no such account",
    "52e": "the password is wrong",
    "530": "it may not sign in at this time",
    "532": "its password has expired",
    "533": "the account is disabled",
    "701": "the account has expired",
    "773": "its password must be changed first",
    "775": "the account is locked",
}
_DATA_CODE: Final = re.compile(r"\bdata ([0-9a-f]{3})\b")


def connecting(error: DirectoryError, uri: str, principal: str) -> ReconError:
    """Why no connection came about."""
    who = principal or "a caller without a name"
    if error.mistrust:
        return SourceUnreadable(
            f"{uri}: the server's certificate is not trusted: {error.mistrust}. Renew it, name its authority in "
            "configurationProperties.caFile, or correct the host.",
            detail={"reason": "TLS"},
        )
    match error.code:
        case Code.SERVER_DOWN | Code.CONNECT_ERROR | Code.DECODING_ERROR:
            reason = f" ({error.info})" if error.info else ""
            sentence = f"{uri} cannot be reached{reason}. Is the server running, and are host and port right?"
        case Code.TIMEOUT:
            sentence = f"{uri} did not answer in time. Is the server running, and are host and port right?"
        case Code.INVALID_CREDENTIALS:
            data = _DATA_CODE.search(error.info)
            why = f": {_DATA[data[1]]}" if data and data[1] in _DATA else ""
            sentence = (
                f"{uri} did not let {who} in{why}. Check configurationProperties.principal and credentials."
            )
        case Code.CONFIDENTIALITY | Code.STRONGER_AUTH:
            sentence = f"{uri} wants an encrypted connection: set ssl or startTLS in configurationProperties."
        case Code.INVALID_DN:
            sentence = f"{uri}: configurationProperties.principal is not a distinguished name: {principal!r}."
        case _:
            sentence = f"{uri} refused the connection of {who}: {_told(error)}."
    return SourceUnreadable(sentence)


def reading(error: DirectoryError, uri: str, what: str, count: int = 0) -> ReconError:
    """Why something could not be read to its end."""
    if error.code in _LIMITS:
        limit, reason = _LIMITS[Code(error.code)]
        return SourceUnreadable(
            f"{uri} stopped after {count:,} entries of {what}: {limit} exceeded. What was read is not the whole, so "
            "nothing may be concluded from it. Raise the limit for our name on the server, or set "
            "usePagedResultControl.",
            detail={"reason": reason, "entries": count},
        )
    match error.code:
        case Code.NO_SUCH_OBJECT | Code.INSUFFICIENT_ACCESS:
            hint = f"; of its name '{error.matched}' exists" if error.matched else ""
            sentence = f"{uri}: {what} does not exist, or our name may not see it{hint}. Check baseContexts."
        case Code.REFERRAL:
            sentence = (
                f"{uri} does not hold {what} and names another server: {_told(error)}. Connect to that one."
            )
        case Code.CRITICAL_EXTENSION:
            sentence = f"{uri} cannot give its entries page by page. Set usePagedResultControl to false."
        case Code.FILTER_ERROR:
            sentence = f"{uri}: the search filter of {what} is not valid: {_told(error)}."
        case Code.TIMEOUT:
            sentence = f"{uri} did not answer in time while {what} was read, after {count:,} entries."
        case Code.SERVER_DOWN | Code.DECODING_ERROR | Code.CONNECT_ERROR:
            sentence = (
                f"{uri}: the connection broke while {what} was read, after {count:,} entries: {_told(error)}."
            )
        case _:
            sentence = f"{uri}: {what} cannot be read: {_told(error)}."
    return SourceUnreadable(sentence)


def writing(error: DirectoryError, uri: str, what: str, principal: str, schema: Schema) -> ReconError:
    """Why something was not written."""
    told = _told(error)
    if error.is_lost:
        return Unavailable(
            f"{uri} was lost while {what} was written: {told}. It may or may not have been done."
        )
    match error.code:
        case Code.NO_SUCH_OBJECT:
            return NotFound(
                f"{what}: not found{f'; its branch ends at {error.matched}' if error.matched else ''}."
            )
        case Code.ALREADY_EXISTS:
            return PreconditionFailed(f"{what} exists already.")
        case Code.INSUFFICIENT_ACCESS:
            return Forbidden(f"{uri} does not let {principal or 'us'} write {what}.")
        case Code.BUSY | Code.UNAVAILABLE:
            return Unavailable(f"{uri} is busy: {told}. Try again.")
        case Code.NOT_ON_NONLEAF:
            return Conflict(f"{what} has entries below it, which must go first.")
        case Code.REFERRAL:
            return Conflict(f"{uri} takes no changes of {what} and names another server: {told}.")
        case Code.UNDEFINED_TYPE:
            name = error.info.partition(":")[0].strip()
            return BadRequest(f"{what}: the directory has no attribute {name!r}.{schema.nearest(name)}")
        case _:
            return BadRequest(f"{what} was refused by the directory: {told}.")


def _told(error: DirectoryError) -> str:
    words = error.word or f"result {error.code}"
    return f"{words} ({error.info})" if error.info and error.info != error.word else words
