"""One request, taken apart: path, method, parameters, body."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, unquote

from starlette.requests import Request

from api.rest import content
from api.rest.parameters import Parameters, refuse_control
from conf.errors import BadRequest
from flows.call import Call
from flows.router import Found

PREFIX: Final = "/openidm"
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
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
    checked_revision: str | None = None
    """The revision that an update was allowed for; it counts for no other."""
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
            self._body.append(
                content.parse(raw, self.header("content-type"), self.header("content-encoding"))
            )
        return self._body[0]


def request_id_of(request: Request) -> str | None:
    given: str | None = request.headers.get("x-request-id")
    return given if given and len(given) <= 128 and given.isascii() and given.isprintable() else None


def segments_of(request: Request) -> list[str]:
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


def method_of(request: Request) -> str:
    method: str = request.method
    override = request.headers.get("x-http-method-override")
    if method != "POST" or override is None:
        return method
    if override.upper() not in METHODS:
        raise BadRequest(f"The header X-HTTP-Method-Override names no method that is offered: {override}")
    return override.upper()


def http_context(request: Request, parameters: Parameters) -> dict[str, Any]:
    """What scripts see of the request; nothing that opens a door."""
    secret = ("authorization", "cookie", "x-openidm-password", "x-openidm-reauth-password")
    return {
        "method": request.method,
        "path": request.url.path,
        "headers": {name: value for name, value in request.headers.items() if name not in secret},
        "parameters": dict(parameters.extra),
    }


def verb_of(exchange: Exchange) -> str:
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
