"""What a query asks of a list of tasks or processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar, assert_never

from approvals.conditions import Condition, variable_test
from approvals.listing import Listed, Wanted
from approvals.records import Process, Task
from conf.errors import BadRequest, Forbidden
from conf.filters.ast import And, AnyElement, Comparison, Filter, Literal, Not, Or, Present
from conf.filters.evaluate import predicate
from conf.filters.parse import parse
from flows.router import Json, QueryResult

if TYPE_CHECKING:
    from flows.router import Query

QUERY_IDS: Final = frozenset({"query-all-ids", "filtered-query"})

R = TypeVar("R", Task, Process)


def wanted(
    query: Query,
    conditions: Sequence[Condition],
    members: frozenset[str],
    shape: Callable[[R], Mapping[str, Any]],
) -> Wanted[R]:
    """The query as the store takes it; `members` can be filtered by, `shape` shows them."""
    if query.expression is not None:
        raise Forbidden("Query expressions are not allowed")
    if query.query_id is not None and query.query_id not in QUERY_IDS:
        raise BadRequest(f"Unknown query-id '{query.query_id}'; these are: {', '.join(sorted(QUERY_IDS))}")
    if query.cookie is not None and not query.page_size:
        raise BadRequest("_pagedResultsCookie needs _pageSize")
    matches: list[Callable[[R], bool]] = []
    if query.filter is not None:
        matches += _filter(parse(query.filter), members, shape)
    test = variable_test(query.parameters)
    if test is not None:
        matches.append(test)
    return Wanted(
        conditions=conditions,
        matches=matches,
        sort_keys=query.sort_keys,
        page_size=query.page_size,
        offset=query.offset,
        cookie=query.cookie,
        count=query.total_policy.upper() == "EXACT",
    )


def answer(query: Query, listed: Listed[R], bodies: Sequence[Json]) -> QueryResult:
    """The page in its envelope."""
    counted = query.total_policy.upper() == "EXACT"
    return QueryResult(bodies, listed.cookie, "EXACT" if counted else "NONE", listed.total)


def asks_for(query: Query, members: frozenset[str]) -> bool:
    """Whether `_fields` names one of these members."""
    return any(field.lstrip("/").partition("/")[0] in members for field in query.fields)


def _filter(
    found: Filter, members: frozenset[str], shape: Callable[[R], Mapping[str, Any]]
) -> list[Callable[[R], bool]]:
    if found == Literal(True):
        return []
    for pointer in _pointers(found):
        if not pointer or pointer[0] not in members:
            name = "/" + "/".join(pointer)
            raise BadRequest(
                f"There is no member '{name}' to filter by; these are: {', '.join(sorted(members))}",
                detail={"pointer": name},
            )
    holds = predicate(found, ignore_case=False)
    return [lambda row: holds(shape(row))]


def _pointers(found: Filter) -> Iterator[tuple[str, ...]]:
    match found:
        case Comparison() | Present() | AnyElement():
            yield found.pointer
        case Not(operand):
            yield from _pointers(operand)
        case And(operands) | Or(operands):
            for operand in operands:
                yield from _pointers(operand)
        case Literal():
            return
        case _:
            assert_never(found)
