"""The one translation between HTTP and the router: method, headers and parameters in, JSON out.

Every route below `/openidm` ends here. Who calls, whether he may, which version he wants and what he sends are settled in
this order, so that a refused call has run nothing.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from api.audit_bodies import access_body
from api.auth import Identity
from api.rest import content, versions
from api.rest.exchange import PREFIX, Exchange, http_context, method_of, request_id_of, segments_of, verb_of
from api.rest.parameters import parse
from api.rest.reply import refusal
from api.rest.verbs import VERBS
from api.self_service import check_operations, check_replacement
from conf.errors import NotFound, ReconError, Unavailable
from flows.access import EDITABLE_ONLY, REAUTHENTICATE, permit
from flows.call import new_transaction_id
from flows.router import Found
from flows.scripts.failures import ScriptFailed

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from api.audit_log import AuditLog
    from api.auth import Gate
    from api.metrics import Metrics
    from flows.call import Runtime

_LOG = logging.getLogger(__name__)


class Crest:
    """Answers every call below `/openidm`."""

    def __init__(self, runtime: Runtime, gate: Gate, metrics: Metrics, log: AuditLog) -> None:
        self.runtime = runtime
        self.gate = gate
        self.metrics = metrics
        self.log = log
        self.draining = False
        self._reminder = versions.Reminder()
        self._limit = runtime.settings.body_limit_mb * 1_000_000

    async def answer(self, request: Request) -> Response:
        """Translate one request; never raises."""
        started = time.perf_counter()
        transaction_id = new_transaction_id()
        request_id = request_id_of(request) or transaction_id
        seen = _Seen()
        try:
            response = await self._answer(request, transaction_id, seen)
        except ReconError as error:
            if isinstance(error, ScriptFailed) and error.status >= 500:
                error.status = 400  # the script is the caller's or the project's, and so is its mistake
            response = refusal(error, pretty=seen.pretty)
            if error.status == 401 and "text/html" in request.headers.get("accept", ""):
                # somebody has followed a link to a report: let the browser ask who he is
                response.headers["www-authenticate"] = 'Basic realm="reconvene", charset="UTF-8"'
        except Exception:
            _LOG.exception(
                "call failed by a mistake of ours",
                extra={"event": "call_failed", "request_id": request_id, "transaction_id": transaction_id},
            )
            response = refusal(
                ReconError(f"Something went wrong on the server; its log tells more under {request_id}")
            )
        response.headers["x-request-id"] = request_id
        response.headers.update(
            self._reminder.headers(
                self.runtime.project.version_warning,
                request.headers.get("accept-api-version"),
                request.url.path.removeprefix(PREFIX).strip("/"),
                transaction_id,
            )
        )
        seconds = time.perf_counter() - started
        self.log.note(
            "access",
            seen.user,
            transaction_id,
            access_body(request, seen.verb, seen.action, response.status_code, seconds, seen.roles),
        )
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
        segments = segments_of(request)
        encoded = "/".join(segments)
        path = "/".join(unquote(segment) for segment in segments)
        method = method_of(request)
        # ping tells nothing and is asked by load balancers, which know no password
        known = None if (encoded, method) == ("info/ping", "GET") else await self.gate.identify(request)
        identity = known or Identity.nobody(request)
        seen.user, seen.roles = identity.caller.behind or identity.caller.id, identity.caller.roles
        parameters = parse(request.scope["query_string"])
        seen.pretty = parameters.pretty
        found = self._find(encoded, path, identity)
        seen.route = found.route
        call = self.runtime.call(
            identity.caller,
            transaction_id=transaction_id,
            context={"http": http_context(request, parameters)},
        )
        exchange = Exchange(request, method, path, encoded, found, parameters, call, self._limit)
        verb = verb_of(exchange)
        seen.verb, seen.action = verb, parameters.action
        granted = permit(self.runtime.project.access, identity.caller, verb, found, path, parameters.action)
        self.gate.guard_session(request, identity, verb)
        versions.check(exchange.header("accept-api-version"), found.route, path)
        if (found.route, parameters.action) == ("authentication", "reauthenticate"):
            await self.gate.reauthenticate(request, identity.caller)
        if verb in ("patch", "update") and (EDITABLE_ONLY in granted or REAUTHENTICATE in granted):
            exchange = await self._guard_own_data(exchange, verb, editable_only=EDITABLE_ONLY in granted)
        response = await VERBS[verb](exchange)
        if identity.opens_session(found.route, parameters.action or found.id):
            await self.gate.open_session(request, response, identity)
        elif (found.route, parameters.action) == ("authentication", "logout"):
            await self.gate.close_session(request, response)
        return response

    async def _guard_own_data(self, exchange: Exchange, verb: str, *, editable_only: bool) -> Exchange:
        """A person who changes himself: editable properties, where only these count, and the old password for a new one."""
        type = self.runtime.project.managed_types.get(exchange.parts["type"])
        if type is None:
            return exchange  # which its resource says
        body, kind = await exchange.body(), exchange.header("content-type")
        if verb == "patch":
            has_secret = check_operations(type, content.a_list(body, kind), editable_only=editable_only)
        else:
            before = await exchange.found.resource.read(exchange.call, exchange.parts, exchange.id)
            given = content.an_object(body, kind)
            has_secret = check_replacement(type, before, given, editable_only=editable_only)
            exchange = replace(exchange, checked_revision=before["_rev"])
        if has_secret:
            await self.gate.reauthenticate(exchange.request, exchange.call.caller)
        return exchange

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
    roles: frozenset[str] = frozenset()
    verb: str = ""
    action: str | None = None
    route: str = ""
    pretty: bool = False
