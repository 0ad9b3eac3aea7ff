"""The one translation between HTTP and the router: method, headers and parameters in, JSON out.

Every route below `/openidm` ends here. Who calls, whether he may, which version he wants and what he sends are settled in
this order, so that a refused call has run nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import Response

from api.access import EDITABLE_ONLY, permit
from api.auth import Gate, Identity
from api.metrics import Metrics
from api.rest import content, versions
from api.rest.conditions import ANY, etag, revision, wants_create
from api.rest.parameters import Parameters, parse, refuse_control
from api.rest.reply import refusal, reply
from api.self_service import check_operations
from conf.errors import BadRequest, NotFound, NotSupported, PreconditionFailed, ReconError, Unavailable
from flows.call import Call, Runtime, new_transaction_id
from flows.pending import Pending
from flows.projection import ALWAYS, project
from flows.router import Found
from flows.scripts.failures import ScriptFailed

PREFIX: Final = "/openidm"
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_LOG = logging.getLogger(__name__)
_LONGEST_SEGMENT: Final = 1024


@dataclass(frozen=True)
class Exchange:
    """One request, taken apart."""

    request: Request
    method: str
    path: str
    """Below the prefix, decoded, for messages."""
    encoded: str
    found: Found
    parameters: Parameters
    call: Call
    limit: int
    _body: list[Any] = field(default_factory=list)

    @property
    def parts(self) -> dict[str, str]:
        return dict(self.found.parts)

    @property
    def id(self) -> str | None:
        return self.found.id

    def instance(self, what: str) -> str:
        """The id, or an error for what cannot be done to a collection."""
        if self.found.id is None:
            raise BadRequest(f"The resource collection {self.path} cannot be {what}")
        return self.found.id

    def header(self, name: str) -> str | None:
        value: str | None = self.request.headers.get(name)
        return value

    async def body(self) -> Any:
        """The JSON value of the body; read once, however often it is asked for."""
        if not self._body:
            raw = await content.read(self.request, self.limit)
            self._body.append(content.parse(raw, self.header("content-type")))
        return self._body[0]


class Crest:
    """Answers every call below `/openidm`."""

    def __init__(self, runtime: Runtime, gate: Gate, metrics: Metrics) -> None:
        self.runtime = runtime
        self.gate = gate
        self.metrics = metrics
        self.draining = False
        self._limit = runtime.settings.body_limit_mb * 1_000_000

    async def answer(self, request: Request) -> Response:
        """Translate one request; never raises."""
        started = time.perf_counter()
        transaction_id = new_transaction_id()
        request_id = _request_id(request) or transaction_id
        seen = _Seen()
        try:
            response = await self._answer(request, transaction_id, seen)
        except ReconError as error:
            if isinstance(error, ScriptFailed) and error.status >= 500:
                error.status = 400  # the script is the caller's or the project's, and so is its mistake
            response = refusal(error, pretty=seen.pretty)
        except Exception:
            _LOG.exception(
                "call failed by a mistake of ours",
                extra={"event": "call_failed", "request_id": request_id, "transaction_id": transaction_id},
            )
            response = refusal(
                ReconError(f"Something went wrong on the server; its log tells more under {request_id}")
            )
        response.headers["x-request-id"] = request_id
        seconds = time.perf_counter() - started
        self.metrics.answered(request.method, seen.route, response.status_code, seconds)
        _LOG.info(
            "call answered",
            extra={
                "event": "call_answered",
                "method": request.method,
                "path": request.url.path,
                "status": response.status_code,
                "ms": round(seconds * 1000, 1),
                "user": seen.user,
                "request_id": request_id,
                "transaction_id": transaction_id,
            },
        )
        return response

    async def _answer(self, request: Request, transaction_id: str, seen: _Seen) -> Response:
        if self.draining:
            raise Unavailable("The server is shutting down; try again in a moment")
        segments = _segments(request)
        encoded = "/".join(segments)
        path = "/".join(unquote(segment) for segment in segments)
        method = _method(request)
        # ping tells nothing and is asked by load balancers, which know no password
        known = None if (encoded, method) == ("info/ping", "GET") else await self.gate.identify(request)
        identity = known or Identity.nobody(request)
        seen.user = identity.caller.id
        parameters = parse(request.scope["query_string"])
        seen.pretty = parameters.pretty
        found = self._find(encoded, path, identity)
        seen.route = found.route
        call = self.runtime.call(
            identity.caller,
            transaction_id=transaction_id,
            context={"http": _http_context(request, parameters)},
        )
        exchange = Exchange(request, method, path, encoded, found, parameters, call, self._limit)
        verb = _verb(exchange)
        granted = permit(self.runtime.project.access, identity.caller, verb, found, path, parameters.action)
        self.gate.guard_session(request, identity, verb)
        versions.check(exchange.header("accept-api-version"), found.route, path)
        if verb == "patch" and EDITABLE_ONLY in granted:
            await self._guard_own_data(exchange)
        response = await _VERBS[verb](exchange)
        if identity.opens_session(found.route, parameters.action or found.id):
            await self.gate.open_session(request, response, identity)
        elif (found.route, parameters.action) == ("authentication", "logout"):
            await self.gate.close_session(request, response)
        return response

    async def _guard_own_data(self, exchange: Exchange) -> None:
        """A person who changes himself: editable properties only, and the old password for a new one."""
        type = self.runtime.project.managed_types.get(exchange.parts["type"])
        operations = content.a_list(await exchange.body(), exchange.header("content-type"))
        if type is None or check_operations(type, operations):
            await self.gate.reauthenticate(exchange.request, exchange.call.caller)

    def _find(self, encoded: str, path: str, identity: Identity) -> Found:
        try:
            found = self.runtime.router.find(encoded)
        except NotFound:
            permit(self.runtime.project.access, identity.caller, "read", None, path, None)
            raise NotFound(f"Resource '{path}' not found") from None
        parts = {name: unquote(value) for name, value in found.parts.items()}
        return Found(found.resource, parts, None if found.id is None else unquote(found.id), found.route)


@dataclass
class _Seen:
    """What is known of a call so far, for the log line and the shape of an error."""

    user: str = ""
    route: str = ""
    pretty: bool = False


def _request_id(request: Request) -> str | None:
    given: str | None = request.headers.get("x-request-id")
    return given if given and len(given) <= 128 and given.isascii() and given.isprintable() else None


def _segments(request: Request) -> list[str]:
    """The path below the prefix, cut at its slashes while still encoded: an id may hold an encoded slash."""
    raw: bytes = request.scope.get("raw_path") or quote(request.scope["path"]).encode()
    text = raw.decode("latin-1").partition("?")[0].removeprefix(PREFIX).strip("/")
    segments = text.split("/") if text else []
    for segment in segments:
        try:
            plain = unquote(segment, errors="strict")
        except UnicodeDecodeError:
            raise BadRequest("The path is not valid UTF-8") from None
        refuse_control(plain, "path")
        if len(plain) > _LONGEST_SEGMENT:
            raise BadRequest(f"A part of the path is longer than {_LONGEST_SEGMENT} characters")
    return segments


def _method(request: Request) -> str:
    method: str = request.method
    override = request.headers.get("x-http-method-override")
    if method != "POST" or override is None:
        return method
    if override.upper() not in METHODS:
        raise BadRequest(f"The header X-HTTP-Method-Override names no method that is offered: {override}")
    return override.upper()


def _http_context(request: Request, parameters: Parameters) -> dict[str, Any]:
    """What scripts see of the request; nothing that opens a door."""
    secret = ("authorization", "cookie", "x-openidm-password", "x-openidm-reauth-password")
    return {
        "method": request.method,
        "path": request.url.path,
        "headers": {name: value for name, value in request.headers.items() if name not in secret},
        "parameters": dict(parameters.extra),
    }


def _verb(exchange: Exchange) -> str:
    match exchange.method:
        case "GET":
            return "query" if exchange.parameters.is_query else "read"
        case "POST":
            return "create" if exchange.parameters.action in (None, "create") else "action"
        case "PUT":
            return "update"
        case "PATCH":
            return "patch"
        case _:
            return "delete"


async def _read(exchange: Exchange) -> Response:
    exchange.parameters.refuse()
    fields = exchange.parameters.fields
    value = await exchange.found.resource.read(exchange.call, exchange.parts, exchange.id, fields)
    unchanged = revision(exchange.header("if-none-match"))
    if unchanged is not None and unchanged in (ANY, value.get("_rev")):
        return reply(None, 304, headers=_etag(value))
    return _one(exchange, value)


async def _query(exchange: Exchange) -> Response:
    exchange.parameters.refuse("_action")
    if exchange.id is not None:
        raise BadRequest(f"The resource instance {exchange.path} cannot be queried")
    result = await exchange.found.resource.query(exchange.call, exchange.parts, exchange.parameters.query())
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
            raise BadRequest("Action parameter is not present or value is null") from None
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
    parameters = dict(exchange.parameters.extra)
    for name in ("_queryId", "_queryFilter"):  # patch by query
        if name in exchange.parameters.reserved:
            parameters[name] = exchange.parameters.reserved[name]
    name = exchange.parameters.action or ""
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
    return ("_id",) if exchange.found.route.startswith("workflow/") else ALWAYS


def _etag(value: dict[str, Any]) -> dict[str, str]:
    rev = value.get("_rev")
    return {"etag": etag(rev)} if isinstance(rev, str) and rev.isascii() and '"' not in rev else {}


_VERBS: Final[dict[str, Callable[[Exchange], Awaitable[Response]]]] = {
    "read": _read,
    "query": _query,
    "create": _create,
    "update": _update,
    "patch": _patch,
    "delete": _delete,
    "action": _action,
}
