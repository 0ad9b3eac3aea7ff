"""What of an object is answered: `_fields`, `_sortKeys`, and pages of lists that stand in memory."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence
from typing import Any, Final

from conf import pointer
from conf.errors import BadRequest
from conf.filters.evaluate import predicate
from flows.router import Query, QueryResult
from flows.stored_queries import filter_of

Json = dict[str, Any]

ALWAYS: Final = ("_id", "_rev")
EVERY_REFERENCE: Final = ("*_ref", "*_ref/*")
_MISSING: Final = object()
#: types never compare with each other; a missing member comes first
_RANKS: Final = {type(None): 0, bool: 1, int: 2, float: 2, str: 3}


class Projected(Json):
    """An object that holds what `_fields` asks for already."""


def project(row: Json, fields: Sequence[str], always: Sequence[str] = ALWAYS) -> Json:
    """The members asked for; no fields, or `*`, is the whole. A nested pointer comes out under its last name.

    `*_ref` is every relationship; `manager/*` is the whole of one.
    """
    if not fields or "*" in fields or isinstance(row, Projected):
        return row
    found = {name: row[name] for name in always if name in row}
    for text in fields:
        if text in EVERY_REFERENCE:
            found |= {name: value for name, value in row.items() if is_reference(value)}
            continue
        path = pointer.parse(text.removesuffix("/*"))
        if path and (value := pointer.get(row, path, _MISSING)) is not _MISSING:
            found[path[-1]] = value
    return found


def is_reference(value: Any) -> bool:
    """Whether a value is a relationship, or a list of them."""
    one = value[0] if isinstance(value, list) and value else value
    return isinstance(one, dict) and "_ref" in one


def sort_rows(rows: Sequence[Json], sort_keys: Sequence[str]) -> list[Json]:
    """Rows in the order of keys such as `-created` or `+name`; the first key counts most."""
    ordered = list(rows)
    for key in reversed(sort_keys):
        descending, path = read_sort_key(key)
        ordered.sort(key=_ranking(path), reverse=descending)
    return ordered


def read_sort_key(key: str) -> tuple[bool, pointer.Pointer]:
    """Whether it descends, and the pointer."""
    path = pointer.parse(key.lstrip("+-").strip())
    if not path:
        raise BadRequest(f"The sort key '{key}' names no field")
    return key.startswith("-"), path


def _ranking(path: pointer.Pointer) -> Callable[[Json], tuple[int, Any]]:
    return lambda row: _rank(pointer.get(row, path))


def _rank(value: Any) -> tuple[int, Any]:
    rank = _RANKS.get(type(value), 4)
    return rank, value if rank in {1, 2, 3} else str(value)


def select(rows: Sequence[Json], query: Query) -> QueryResult:
    """One page of those rows that the query asks for; all rows are in memory."""
    wanted = filter_of(query)
    if wanted is not None:
        matches = predicate(wanted, ignore_case=False)
        rows = [row for row in rows if matches(row)]
    if query.query_id == "query-all-ids":
        rows = [project(row, ALWAYS) for row in rows]
    return page(rows, query)


def page(rows: Sequence[Json], query: Query) -> QueryResult:
    """One page of rows that are all in memory, sorted as the query asks."""
    ordered = sort_rows(rows, query.sort_keys)
    start = read_cookie(query.cookie) if query.cookie is not None else query.offset
    total = len(ordered)
    end = start + query.page_size if query.page_size > 0 else total
    cookie = write_cookie(end) if end < total else None
    if query.total_policy == "NONE":
        return QueryResult(ordered[start:end], cookie)
    return QueryResult(ordered[start:end], cookie, "EXACT", total)


def write_cookie(offset: int) -> str:
    """A cookie that leads on from here; opaque to the caller."""
    return urlsafe_b64encode(f"o{offset}".encode()).decode().rstrip("=")


def read_cookie(cookie: str) -> int:
    """The offset a cookie stands for; BadRequest for one that is not ours."""
    try:
        text = urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4)).decode()
    except (NotBase64, ValueError):
        text = ""
    number = text.removeprefix("o")
    if not text.startswith("o") or not number.isascii() or not number.isdigit() or len(number) > 15:
        raise BadRequest("The value of '_pagedResultsCookie' is not a cookie of an earlier answer")
    return int(number)
