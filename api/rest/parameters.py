"""Query parameters of a call: the reserved ones of CREST, typed, and all others as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from conf.errors import BadRequest
from flows.projection import read_sort_key
from flows.router import Query

_COMMON: Final = ("_fields", "_prettyPrint", "_mimeType", "_crestapi", "_api")
_QUERY: Final = (
    "_queryFilter",
    "_queryId",
    "_queryExpression",
    "_pageSize",
    "_pagedResultsCookie",
    "_pagedResultsOffset",
    "_sortKeys",
    "_totalPagedResultsPolicy",
)
_SCRIPTS: Final = ("_scriptId", "_scriptExecuteMode", "_scriptVariablePrefix")
"""Of the action `script` on a system."""
_KINDS: Final = ("_queryId", "_queryExpression", "_queryFilter")
_LISTS: Final = frozenset({"_fields", "_sortKeys"})
#: reserved names count in any letter case
RESERVED: Final[Mapping[str, str]] = {
    name.lower(): name for name in (*_COMMON, *_QUERY, *_SCRIPTS, "_action")
}
_POLICIES: Final = ("NONE", "ESTIMATE", "EXACT")
_MOST_PARAMETERS: Final = 200
_LARGEST: Final = 2**31 - 1


@dataclass(frozen=True)
class Parameters:
    """What stands behind the question mark."""

    reserved: Mapping[str, str] = field(default_factory=dict)
    """By canonical name; lists are joined by commas."""
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def action(self) -> str | None:
        return self.reserved.get("_action")

    @property
    def is_query(self) -> bool:
        return any(name in self.reserved for name in _KINDS)

    @property
    def fields(self) -> tuple[str, ...]:
        return _words(self.reserved.get("_fields", ""))

    @property
    def pretty(self) -> bool:
        return self.reserved.get("_prettyPrint", "").lower() == "true"

    def refuse(self, *names: str) -> None:
        """Raise for reserved parameters that mean nothing here."""
        for name in names or (*_QUERY, *_SCRIPTS, "_action"):
            if name in self.reserved:
                raise unrecognized(name)

    def query(self, *, stored_are_sorted: bool = False) -> Query:
        """The query that these parameters describe; BadRequest where they contradict each other.

        A stored query has an order of its own, except where `stored_are_sorted`.
        """
        given = self.reserved
        kinds = [name for name in _KINDS if name in given]
        if len(kinds) > 1:
            raise BadRequest(f"The parameters {kinds[0]} and {kinds[1]} are mutually exclusive")
        page_size = max(0, self._number("_pageSize"))
        offset = self._number("_pagedResultsOffset")
        if offset < 0:
            raise BadRequest("The value of '_pagedResultsOffset' may not be negative")
        cookie = given.get("_pagedResultsCookie") or None
        if cookie is not None and "_pagedResultsOffset" in given:
            raise BadRequest(
                "The parameters _pagedResultsCookie and _pagedResultsOffset are mutually exclusive"
            )
        if cookie is not None and not (page_size and {"_queryFilter", "_queryId"} & given.keys()):
            raise BadRequest(
                "The parameter '_pagedResultsCookie' needs '_pageSize' and '_queryFilter' or '_queryId'"
            )
        sort_keys = self._sort_keys()
        if sort_keys and "_queryId" in given and not stored_are_sorted:
            raise BadRequest("The parameter '_sortKeys' cannot be used with '_queryId'; send '_queryFilter'")
        return Query(
            filter=given.get("_queryFilter"),
            query_id=given.get("_queryId"),
            expression=given.get("_queryExpression"),
            parameters=self.extra,
            fields=self.fields,
            sort_keys=sort_keys,
            page_size=page_size,
            offset=offset,
            cookie=cookie,
            total_policy=self._policy(),
        )

    def _sort_keys(self) -> tuple[str, ...]:
        keys = _words(self.reserved.get("_sortKeys", ""))
        for key in keys:
            read_sort_key(key)
        return keys

    def _number(self, name: str) -> int:
        text = self.reserved.get(name, "0").strip()
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 10 and int(digits) <= _LARGEST):
            raise BadRequest(
                f"The value '{text}' for parameter '{name}' could not be parsed as a valid integer"
            )
        return int(text)

    def _policy(self) -> str:
        policy = self.reserved.get("_totalPagedResultsPolicy", "NONE").upper()
        if policy not in _POLICIES:
            raise BadRequest(
                f"The value '{policy}' for parameter '_totalPagedResultsPolicy' is none of {', '.join(_POLICIES)}"
            )
        # an estimate costs as much as the count itself
        return "NONE" if policy == "NONE" else "EXACT"


def parse(query_string: bytes) -> Parameters:
    """Read a query string; an unknown `_name` and a value given twice are refused."""
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_PARAMETERS,
        )
    except UnicodeError:
        raise BadRequest("The query parameters are not valid UTF-8") from None
    except ValueError:
        raise BadRequest(f"The call has more than {_MOST_PARAMETERS} query parameters") from None
    reserved: dict[str, str] = {}
    extra: dict[str, str] = {}
    for name, value in pairs:
        refuse_control(value, f"parameter '{name}'")
        known = RESERVED.get(name.lower()) if name.startswith("_") else name
        if known is None:
            raise unrecognized(name)
        taken = reserved if name.startswith("_") else extra
        if known in taken and known not in _LISTS:
            raise _repeated(name)
        taken[known] = f"{taken[known]},{value}" if known in taken else value
    return Parameters(reserved, extra)


def refuse_control(value: str, what: str) -> None:
    """No NUL in any text: one of the two databases cannot keep it."""
    if "\0" in value:
        raise BadRequest(f"The {what} holds a NUL character")


def unrecognized(name: str) -> BadRequest:
    return BadRequest(f"Unrecognized request parameter '{name}'")


def _repeated(name: str) -> BadRequest:
    return BadRequest(f"Multiple values provided for the single-valued request parameter '{name}'")


def _words(text: str) -> tuple[str, ...]:
    words: Sequence[str] = [word.strip() for word in text.split(",")]
    return tuple(word for word in words if word)
