"""What `openidm.*` of a script comes to: a call on the router, inside the entry's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from conf.errors import BadRequest, NotFound, NotSupported
from flows import sealed_values
from flows.own_thread import in_own_thread
from flows.projection import project
from flows.router import Query

if TYPE_CHECKING:
    from flows.call import Call

PARAMETERS: Final = "additionalParameters"
"""Member of a call's context: what a script gave to its create, update, patch or delete beside the content."""
_VALUES: Final = frozenset({"encrypt", "decrypt", "isEncrypted", "isHashed", "hash", "matches"})


async def dispatch(call: Call, verb: str, arguments: Sequence[Any]) -> Any:
    """Carry out one call of a script; raises ReconErrors, which arrive there as exceptions."""
    router = call.runtime.router
    if verb in _VALUES:
        return await _value(call, verb, [*arguments, None, None, None])
    match verb, [*arguments, None, None, None, None, None][:6]:
        case "read", [str(name), _, fields, *_]:
            try:
                return project(await router.read(call, name, _fields(fields)), _fields(fields))
            except NotFound:
                return None
        case "query", [str(container), parameters, fields, *_]:
            return await _query(call, container, _parameters(verb, parameters), _fields(fields))
        case "create", [str(container), id, content, parameters, fields, *_]:
            inner = _with(call, parameters)
            created = await router.create(inner, container, None if id is None else str(id), _object(content))
            return project(created, _fields(fields))
        case "update", [str(name), revision, content, parameters, fields, *_]:
            inner = _with(call, parameters)
            return project(
                await router.update(inner, name, _text(verb, "revision", revision), _object(content)),
                _fields(fields),
            )
        case "patch", [str(name), revision, operations, parameters, fields, *_]:
            if not isinstance(operations, list):
                raise BadRequest("openidm.patch takes a list of operations")
            inner = _with(call, parameters)
            return project(
                await router.patch(inner, name, _text(verb, "revision", revision), operations),
                _fields(fields),
            )
        case "delete", [str(name), revision, parameters, *_]:
            return await router.delete(_with(call, parameters), name, _text(verb, "revision", revision))
        case "action", [str(name), str(action), content, parameters, *_]:
            return await router.action(call, name, action, content, _texts(_parameters(verb, parameters)))
        case _:
            raise NotSupported(f"openidm.{verb} is not available here with these arguments")


def _with(call: Call, parameters: Any) -> Call:
    """The call with the parameters that a script gave it."""
    if not isinstance(parameters, dict) or not parameters:
        return call
    return replace(call, context={**call.context, PARAMETERS: _texts(parameters)})


async def _value(call: Call, verb: str, given: Sequence[Any]) -> Any:
    """Encrypting, hashing, and telling what is which; hashing takes a while and waits for nobody."""
    match verb:
        case "encrypt":
            return call.runtime.sealed.encrypt(*given[:3])
        case "decrypt":
            return call.runtime.sealed.decrypt(given[0])
        case "isEncrypted":
            return sealed_values.is_encrypted(given[0])
        case "isHashed":
            return sealed_values.is_hashed(given[0])
        case "hash":
            return await in_own_thread(partial(sealed_values.hashed, *given[:2]))
        case _:
            return await in_own_thread(partial(sealed_values.matches, *given[:2]))


async def _query(call: Call, container: str, parameters: Mapping[str, Any], fields: tuple[str, ...]) -> Any:
    given = {name.lstrip("_"): value for name, value in parameters.items() if value is not None}
    query = Query(
        filter=_text("query", "_queryFilter", given.pop("queryFilter", None)),
        query_id=_text("query", "_queryId", given.pop("queryId", None)),
        expression=_text("query", "_queryExpression", given.pop("queryExpression", None)),
        parameters=_texts(given),
        fields=fields,
        sort_keys=tuple(str(given.get("sortKeys", "")).split(",")) if given.get("sortKeys") else (),
        page_size=_number("_pageSize", given.get("pageSize", 0)),
        offset=max(_number("_pagedResultsOffset", given.get("pagedResultsOffset", 0)), 0),
        cookie=_text("query", "_pagedResultsCookie", given.get("pagedResultsCookie")),
    )
    found = await call.runtime.router.query(call, container, query)
    rows = [project(row, fields, always=()) if fields else row for row in found.result]
    return {
        "result": rows,
        "resultCount": len(rows),
        "pagedResultsCookie": found.cookie,
        "totalPagedResults": found.total,
        "remainingPagedResults": found.remaining,
    }


def _parameters(verb: str, given: Any) -> Mapping[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise BadRequest(f"The parameters of openidm.{verb} are an object, such as {{_queryFilter: 'true'}}")
    return given


def _text(verb: str, name: str, given: Any) -> str | None:
    if given is None or isinstance(given, str):
        return given
    raise BadRequest(f"openidm.{verb}: {name} is a text or null")


def _number(name: str, given: Any) -> int:
    try:
        return min(int(given), 2**53)
    except (TypeError, ValueError, OverflowError):
        raise BadRequest(f"openidm.query: {name} is a whole number") from None


def _fields(given: Any) -> tuple[str, ...]:
    return tuple(str(field) for field in given) if isinstance(given, list) else ()


def _object(content: Any) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise BadRequest("The content of a create or update is an object")
    return content


def _texts(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Parameters as a URL would carry them."""
    return {
        name: ("true" if value else "false") if isinstance(value, bool) else str(value)
        for name, value in parameters.items()
        if value is not None
    }
