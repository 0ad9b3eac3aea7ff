"""`repo/link`: the stored pairings of sources and targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from conf.errors import BadRequest, Forbidden, NotFound, PreconditionFailed
from conf.filters import parse as filters
from conf.filters.ast import And, Comparison, Filter, Literal
from flows.projection import read_cookie, write_cookie
from flows.router import Json, Query, QueryResult, Resource
from flows.store import links

if TYPE_CHECKING:
    from flows.call import Call


class Links(Resource):
    """Read, query and remove; only synchronisation makes links."""

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        if id is None:
            raise BadRequest("The resource collection repo/link cannot be read")
        async with call.read() as tx:
            link = await links.read(tx, id)
        if link is None:
            raise NotFound(f"Object {id} not found in repo/link")
        return link.document()

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        offset = read_cookie(query.cookie) if query.cookie is not None else query.offset
        more = 1 if query.page_size else 0
        async with call.read() as tx:
            rows, total = await links.query(
                tx,
                _filter_of(query),
                sort_keys=query.sort_keys,
                page_size=query.page_size + more if query.page_size else 0,
                offset=offset,
                count=query.total_policy == "EXACT",
            )
        found = [link.document() for link in rows]
        cookie = None
        if query.page_size and len(found) > query.page_size:
            found, cookie = found[: query.page_size], write_cookie(offset + query.page_size)
        return QueryResult(found, cookie, "NONE" if total < 0 else "EXACT", total)

    async def delete(self, call: Call, parts: Mapping[str, str], id: str, revision: str | None) -> Json:
        async with call.write() as tx:
            link = await links.read(tx, id)
            if link is None:
                raise NotFound(f"Object {id} not found in repo/link")
            if revision is not None and revision != str(link.rev):
                raise PreconditionFailed(f"Delete rejected: the link has revision {link.rev}, not {revision}")
            await links.delete_many(tx, [link.seq])
        return link.document()


def _filter_of(query: Query) -> Filter:
    """The filter that a query comes to; the stored queries are those that PingIDM's scripts name."""
    if query.expression is not None:
        raise Forbidden("Access denied")
    if query.filter is not None:
        return filters.parse(query.filter)
    given = query.parameters
    match query.query_id:
        case "query-all" | "query-all-ids" | None:
            return Literal(value=True)
        case "links-for-linkType" if "linkType" in given:
            return Comparison(("linkType",), "eq", given["linkType"])
        case "links-for-firstId" if {"linkType", "firstId"} <= given.keys():
            return And(
                (
                    Comparison(("linkType",), "eq", given["linkType"]),
                    Comparison(("firstId",), "eq", given["firstId"]),
                )
            )
        case other:
            raise BadRequest(f"The passed identifier {other} does not match any configured queries")
