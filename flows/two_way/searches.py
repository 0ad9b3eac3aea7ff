"""Search filters and search scripts: from what the configuration says to a query of either side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from conf.errors import BadRequest, ReconError
from conf.filters import parse
from flows.engine.failures import RunFailed
from flows.recon.queries import NATIVE_FILTER
from flows.run_script import run_script

if TYPE_CHECKING:
    from conf.reconciliation_schema import Reconciliation, Search
    from flows.call import Call

Json = dict[str, Any]


async def search_query(
    call: Call, configuration: Reconciliation, search: Search, where: str, scope: Json, *, native: bool
) -> Json | None:
    """The query of one side, None for everything; `native`: the side reads LDAP filters.

    Raises RunFailed for a filter that cannot be read, a script that fails, and one that answers nothing.
    """
    asked: Any = search.filter
    if search.script is not None:
        try:
            asked = await run_script(call, search.script, {**scope, "searchFilter": search.filter})
        except ReconError as error:
            raise RunFailed(f"{where}SearchQueryScript failed: {error.message}") from error
        if not asked:
            raise RunFailed(f"{where}SearchQueryScript answered nothing; it answers a search string")
    if not asked:
        return None
    try:
        return query_of(asked, native=native)
    except ReconError as error:
        raise RunFailed(f"{where}SearchQueryFilter: {error.message}") from error


def query_of(asked: Any, *, native: bool = False) -> Json:
    """A query filter, a JSON object of equal members, or an LDAP filter where the side reads them."""
    if isinstance(asked, str) and asked.lstrip().startswith("{"):
        try:
            asked = orjson.loads(asked)
        except orjson.JSONDecodeError as failure:
            raise BadRequest(f"{asked} is not JSON: {failure}") from failure
    if isinstance(asked, Mapping):
        text = str(asked["_queryFilter"]) if "_queryFilter" in asked else _of_members(asked)
    elif isinstance(asked, str):
        text = asked.strip()
    else:
        raise BadRequest("a search is a query filter, or an object of members and their values")
    if native and is_ldap(text):
        return {NATIVE_FILTER: text}
    parse.parse(text)
    return {"_queryFilter": text}


def _of_members(members: Mapping[str, Any]) -> str:
    """`{"employeeId": "x", "city": "y"}`: all of them equal."""
    return (
        " and ".join(f"{name} eq {orjson.dumps(value).decode()}" for name, value in members.items()) or "true"
    )


def is_ldap(text: str) -> bool:
    """`(mail=*)` or `(&(...)(...))`, which no query filter looks like."""
    return text.startswith("(") and (
        (text[1:2] in "&|!" and text[2:3] == "(") or "=" in text.split(")", maxsplit=1)[0]
    )
