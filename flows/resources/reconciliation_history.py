"""`reconciliation/history`: every two-way run, and what became of every object in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from conf.errors import BadRequest, Conflict, NotFound
from conf.filters.ast import Filter, Literal
from flows.projection import read_cookie, write_cookie
from flows.reports.content import attribute_pairs, configuration
from flows.reports.documents import result_document, result_info, run_document
from flows.router import Json, Query, QueryResult, Resource
from flows.store import two_way
from flows.store.two_way_rows import TwoWayRun
from flows.stored_queries import filter_of

if TYPE_CHECKING:
    from conf.transaction import Transaction
    from flows.call import Call


class ReconciliationHistory(Resource):
    """Runs, the latest first; filters name the members of their documents."""

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        if id is None:
            raise BadRequest("The resource collection reconciliation/history cannot be read; query it")
        async with call.read() as tx:
            run = await _run(tx, id)
            counts = await two_way.totals(tx, id)
            categories = await two_way.categories(tx, id)
        return run_document(run, counts) | {"categories": categories}

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        filter, offset = _asked(query)
        async with call.read() as tx:
            found, total = await two_way.list_runs(
                tx,
                None,
                filter,
                sort_keys=query.sort_keys,
                page_size=query.page_size + 1 if query.page_size else 0,
                offset=offset,
                count=query.total_policy == "EXACT",
            )
        return _answer(query, offset, [run_document(run) for run in found], total)

    async def delete(self, call: Call, parts: Mapping[str, str], id: str, revision: str | None) -> Json:
        """Forget a run that has ended, with its objects; the audit stays."""
        async with call.write() as tx:
            run = await _run(tx, id)
            if not await two_way.delete_run(tx, id):
                raise Conflict(f"The run {id} of {run.name} is under way; stop it first")
        return run_document(run)


class ReconciliationObjects(Resource):
    """`reconciliation/history/{run}/object`: the objects of a run.

    Filters name the members of the documents (`case eq "MATCH_FOUND_DIFFERENT"`); `attribute/mail` is the attribute
    `mail` of either side, before or after.
    """

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        if id is None:
            raise BadRequest(f"The objects of {parts['run']} cannot be read at once; query them")
        number = int(id) if id.isascii() and id.isdigit() and len(id) < 19 else -1
        async with call.read() as tx:
            run = await _run(tx, parts["run"])
            result = await two_way.read_result(tx, run.id, number)
        if result is None:
            raise NotFound(f"There is no object {id} in the run {run.id}")
        return result_info(result, attribute_pairs(configuration(call.runtime, run.name)))

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        filter, offset = _asked(query)
        async with call.read() as tx:
            run = await _run(tx, parts["run"])
            found = await two_way.results(
                tx,
                run.id,
                filter,
                sort_keys=query.sort_keys,
                page_size=query.page_size + 1 if query.page_size else 0,
                offset=offset,
            )
            total = await two_way.count_results(tx, run.id, filter) if query.total_policy == "EXACT" else -1
        return _answer(query, offset, [result_document(result) for result in found], total)


async def _run(tx: Transaction, id: str) -> TwoWayRun:
    run = await two_way.read_run(tx, id)
    if run is None:
        raise NotFound(f"There is no two-way run {id}")
    return run


def _asked(query: Query) -> tuple[Filter, int]:
    """The filter, and where the page begins."""
    offset = query.offset if query.cookie is None else read_cookie(query.cookie)
    return filter_of(query) or Literal(value=True), offset


def _answer(query: Query, offset: int, found: list[Json], total: int) -> QueryResult:
    cookie = None
    if query.page_size and len(found) > query.page_size:
        found, cookie = found[: query.page_size], write_cookie(offset + query.page_size)
    return QueryResult(found, cookie, "NONE" if total < 0 else "EXACT", total)
