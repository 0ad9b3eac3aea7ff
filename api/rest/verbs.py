"""What each verb of CREST does with a resource, and how its answer looks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from api.rest import content
from api.rest.conditions import ANY, etag, revision, wants_create
from api.rest.exchange import PREFIX, Exchange
from api.rest.reply import attachment, reply
from conf.errors import BadRequest, NotSupported, PreconditionFailed, ReconError
from flows.download import Download
from flows.pending import Pending
from flows.projection import ALWAYS, project

_PAGING: Final = (
    "_pageSize",
    "_pagedResultsCookie",
    "_pagedResultsOffset",
    "_sortKeys",
    "_totalPagedResultsPolicy",
)
_NO_ACTION: Final = "Action parameter is not present or value is null"


async def _read(exchange: Exchange) -> Response:
    exchange.parameters.refuse()
    fields = exchange.parameters.fields
    value = await exchange.found.resource.read(exchange.call, exchange.parts, exchange.id, fields)
    if isinstance(value, Download):
        return attachment(value.file)
    unchanged = revision(exchange.header("if-none-match"))
    if unchanged is not None and unchanged in (ANY, value.get("_rev")):
        return reply(None, 304, headers=_etag(value))
    return _one(exchange, value)


async def _query(exchange: Exchange) -> Response:
    exchange.parameters.refuse("_action")
    if exchange.id is not None:
        raise BadRequest(f"The resource instance {exchange.path} cannot be queried")
    query = exchange.parameters.query(stored_are_sorted=_is_workflow(exchange))
    result = await exchange.found.resource.query(exchange.call, exchange.parts, query)
    body = result.body()
    if fields := exchange.parameters.fields:
        always = _always(exchange)
        body["result"] = [project(row, fields, always) for row in body["result"]]
    return reply(body, pretty=exchange.parameters.pretty)


async def _create(exchange: Exchange) -> Response:
    exchange.parameters.refuse("_queryFilter", "_queryId", "_queryExpression")
    value = content.an_object(await exchange.body(), exchange.header("content-type"))
    if exchange.id is not None:
        raise BadRequest(f"The resource instance {exchange.path} cannot be created by POST; use PUT")
    try:
        created = await exchange.found.resource.create(exchange.call, exchange.parts, None, value)
    except NotSupported:
        if exchange.parameters.action is None:
            raise BadRequest(_NO_ACTION) from None
        raise
    location = f"{exchange.encoded}/{quote(str(created.get('_id', '')), safe='')}"
    return _one(exchange, created, 201, location)


async def _update(exchange: Exchange) -> Response:
    exchange.parameters.refuse()
    if_match = revision(exchange.header("if-match"))
    create = wants_create(if_match, revision(exchange.header("if-none-match")))
    value = content.an_object(await exchange.body(), exchange.header("content-type"))
    id = exchange.instance("created" if create else "updated")
    resource, call, parts = exchange.found.resource, exchange.call, exchange.parts
    if exchange.checked_revision is not None:
        if create or _exact(if_match) not in (None, exchange.checked_revision):
            raise PreconditionFailed(f"Update rejected: the object has revision {exchange.checked_revision}")
        return _one(exchange, await resource.update(call, parts, id, exchange.checked_revision, value))
    if create is not False:
        try:
            created = await resource.create(call, parts, id, value)
        except (PreconditionFailed, NotSupported) as refused:
            if create:
                raise
            return _one(exchange, await _or_else(resource.update(call, parts, id, None, value), refused))
        return _one(exchange, created, 201, exchange.encoded)
    return _one(exchange, await resource.update(call, parts, id, _exact(if_match), value))


async def _or_else(update: Awaitable[dict[str, Any]], refused: ReconError) -> dict[str, Any]:
    """An update that follows a refused create; when it is not possible either, the create's answer counts."""
    try:
        return await update
    except NotSupported:
        raise refused from None


async def _patch(exchange: Exchange) -> Response:
    exchange.parameters.refuse()
    operations = content.a_list(await exchange.body(), exchange.header("content-type"))
    id = exchange.instance("patched")
    expected = _exact(revision(exchange.header("if-match")))
    return _one(
        exchange,
        await exchange.found.resource.patch(exchange.call, exchange.parts, id, expected, operations),
    )


async def _delete(exchange: Exchange) -> Response:
    exchange.parameters.refuse()
    id = exchange.instance("deleted")
    expected = _exact(revision(exchange.header("if-match")))
    return _one(exchange, await exchange.found.resource.delete(exchange.call, exchange.parts, id, expected))


async def _action(exchange: Exchange) -> Response:
    value = await exchange.body()
    name = exchange.parameters.action
    if not name:
        raise BadRequest(_NO_ACTION)
    exchange.parameters.refuse(*_PAGING)
    reserved = exchange.parameters.reserved
    by_query = {word: reserved[word] for word in ("_queryId", "_queryFilter") if word in reserved}
    parameters = {**exchange.parameters.extra, **by_query}
    given = None if value is content.NO_CONTENT else value
    try:
        answer = await exchange.found.resource.action(
            exchange.call, exchange.parts, exchange.id, name, given, parameters
        )
    except NotSupported:
        raise BadRequest(f"Action {name} on {exchange.path} not supported") from None
    if isinstance(answer, dict):
        return _one(exchange, answer, 202 if isinstance(answer, Pending) else 200)
    return reply(answer, pretty=exchange.parameters.pretty)


def _exact(expected: str | None) -> str | None:
    return None if expected == ANY else expected


def _one(
    exchange: Exchange, value: dict[str, Any], status: int = 200, location: str | None = None
) -> Response:
    headers = _etag(value)
    if location is not None:
        origin = str(exchange.request.base_url).rstrip("/")
        headers["location"] = f"{origin}{PREFIX}/{location}"
    shown = project(value, exchange.parameters.fields, _always(exchange))
    return reply(shown, status, pretty=exchange.parameters.pretty, headers=headers)


def _always(exchange: Exchange) -> tuple[str, ...]:
    """Members that come whether asked for or not; workflow answers only what was asked."""
    return ("_id",) if _is_workflow(exchange) else ALWAYS


def _is_workflow(exchange: Exchange) -> bool:
    return exchange.found.route.startswith("workflow/")


def _etag(value: dict[str, Any]) -> dict[str, str]:
    rev = value.get("_rev")
    return {"etag": etag(rev)} if isinstance(rev, str) and rev.isascii() and '"' not in rev else {}


VERBS: Final[dict[str, Callable[[Exchange], Awaitable[Response]]]] = {
    "read": _read,
    "query": _query,
    "create": _create,
    "update": _update,
    "patch": _patch,
    "delete": _delete,
    "action": _action,
}
