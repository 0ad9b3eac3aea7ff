"""`audit/{topic}`: what happened, and who did it. Read and queried, never written over REST."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from conf.audit_topics import SWITCHABLE
from conf.errors import BadRequest, NotFound, NotSupported
from conf.filters.ast import Literal
from flows.projection import read_cookie, write_cookie
from flows.router import Json, Query, QueryResult, Resource
from flows.store import audit
from flows.stored_queries import filter_of

if TYPE_CHECKING:
    from flows.call import Call


class AuditTopic(Resource):
    """Events of one topic."""

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        topic = _topic(parts)
        if id is None:
            raise BadRequest(f"The resource collection audit/{topic} cannot be read")
        async with call.read() as tx:
            found = await audit.read(tx, topic, id)
        if found is None:
            raise NotFound(f"Audit event {id} not found in audit/{topic}")
        return found

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        topic = _topic(parts)
        wanted = filter_of(query)
        if topic in SWITCHABLE and call.transaction is None and "write_audit" in call.runtime.extras:
            await call.runtime.extras["write_audit"]()  # what was collected since
        offset = read_cookie(query.cookie) if query.cookie is not None else query.offset
        async with call.read() as tx:
            page = await audit.query(
                tx,
                topic,
                wanted or Literal(value=True),
                sort_keys=query.sort_keys,
                page_size=query.page_size + 1 if query.page_size else 0,
                offset=offset,
                count=query.total_policy == "EXACT",
            )
        found, cookie = page.documents, None
        if query.page_size and len(found) > query.page_size:
            found, cookie = found[: query.page_size], write_cookie(offset + query.page_size)
        return QueryResult(found, cookie, "NONE" if page.total < 0 else "EXACT", page.total)


class Audit(Resource):
    """The audit as a whole."""

    async def action(
        self,
        call: Call,
        parts: Mapping[str, str],
        id: str | None,
        name: str,
        content: Any,
        parameters: Mapping[str, str],
    ) -> Any:
        if id is None and name == "availableHandlers":
            return [{"class": "reconvene.RepositoryAuditEventHandler", "isUsableForQueries": True}]
        raise BadRequest(f"Action {name} on audit not supported; offered: availableHandlers")


def _topic(parts: Mapping[str, str]) -> str:
    topic = parts["topic"]
    if topic not in audit.TOPICS:
        raise NotSupported(
            f"Audit service called with unknown event topic {topic}; there are {', '.join(sorted(audit.TOPICS))}"
        )
    return topic
