"""liveSync: what changed in a system since the last time goes, row by row, through the mappings that begin there."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from conf.errors import BadRequest, Conflict, NotFound, ReconError, Unavailable
from flows.connectors import departures
from flows.connectors.csv_differences import digest_of
from flows.connectors.differences import RowChange, TellsDifferences
from flows.implicit_sync import record_damaged, synchronise
from flows.recon.changes import Change
from flows.store import sync_tokens

if TYPE_CHECKING:
    from flows.call import Call
    from flows.connectors.base import Connector

Json = dict[str, Any]
_LOG = logging.getLogger("reconvene.live_sync")

GONE: Final = "deleted"
"""Stands for the digest of an object that was deleted."""
UNKNOWN: Final = "?"
"""Stands for an id that cannot be read."""


@dataclass(frozen=True)
class Progress:
    """Where a collection stands; kept as its sync token."""

    token: str
    """The connector's: changes before it are done with."""
    handled: dict[str, str] = field(default_factory=dict)
    """Changes after the token that are done with, by id: only while one of them fails."""
    failing: str | None = None
    """Id of the object whose change fails."""
    attempts: int = 0
    """How often it has."""
    revision: int = 1

    @classmethod
    def load(cls, kept: Any) -> Progress | None:
        return cls(**kept) if isinstance(kept, dict) else None


@dataclass(frozen=True)
class Patience:
    """`syncFailureHandler`: how often a change that fails is tried again, with the next liveSync each time."""

    retries: int
    """-1: for ever, so that newer changes wait."""
    post_action: str

    @classmethod
    def of(cls, handler: Json) -> Patience:
        retries, action = handler.get("maxRetries", -1), handler.get("postRetryAction", "logged-ignore")
        if isinstance(retries, bool) or not isinstance(retries, int):
            raise Conflict("syncFailureHandler.maxRetries is not a whole number; write -1 for ever, or 5")
        return cls(retries, action if isinstance(action, str) else "script")

    def is_over(self, attempts: int) -> bool:
        return 0 <= self.retries < attempts


async def live_sync(call: Call, source: str) -> Json:
    """Bring what changed in `system/<name>/<type>` to its mappings; the first time only the token is recorded.

    Answers what PingIDM answers, with `lastException` when a change fails: then those after it wait. Raises NotFound for
    an unknown collection, NotSupported where the system cannot tell what changed, Conflict while another one works.
    """
    connector, kind = _collection(call, source)
    begun = await _read(call, source)
    changes, token = await _changes(call, connector, kind, None if begun is None else begun.token)
    if begun is None:
        return _answer(source, await _keep(call, source, None, Progress(token)))
    patience = Patience.of(call.runtime.project.connectors[connector.name].sync_failure_handler)
    progress, failure = await _bring(call, source, changes, begun, patience)
    if failure is None:
        progress = Progress(token, revision=begun.revision)
    if (kept := replace(progress, revision=begun.revision)) != begun:
        kept = await _keep(call, source, begun, kept)
    if isinstance(connector, TellsDifferences):
        await connector.forget(kind, _folder(call), kept.token)
    else:
        departures.forget(connector, kind, _folder(call), kept.token)
    return _answer(source, kept) | ({} if failure is None else {"lastException": failure})


async def live_sync_all(call: Call, system: str) -> list[Json]:
    """The same for each object type of a system."""
    return [
        await live_sync(call, f"system/{system}/{kind}")
        for kind in call.runtime.connector(system).object_types()
    ]


async def _bring(
    call: Call, source: str, changes: Sequence[RowChange], begun: Progress, patience: Patience
) -> tuple[Progress, Json | None]:
    """Bring each change to the mappings, in order; the progress, and the failure that stopped it."""
    progress = begun
    for change in changes:
        digest = GONE if change.is_gone else digest_of(change.row or {"damage": change.damage})
        if progress.handled.get(change.id) == digest:
            continue
        if change.damage:
            # it comes again when it is mended; until then nobody waits for it
            _LOG.error("%s/%s cannot be read: %s", source, change.id or UNKNOWN, change.damage)
            await record_damaged(call, source, change.id or UNKNOWN, change.damage)
        elif (cause := await _bring_one(call, source, change)) is not None:
            attempts = progress.attempts + 1 if progress.failing == change.id else 1
            of = f"{attempts - 1}/{patience.retries if patience.retries >= 0 else 'unlimited'}"
            if not patience.is_over(attempts):
                _LOG.warning("%s/%s failed, sync retries = %s: %s", source, change.id, of, cause["message"])
                failing = replace(progress, failing=change.id, attempts=attempts)
                return failing, {"sourceId": f"{source}/{change.id}", "attempts": attempts, **cause}
            _LOG.error(
                "%s/%s failed, sync retries = %s, retries exhausted, %s: %s",
                *(source, change.id, of, patience.post_action, cause["message"]),
            )
        progress = replace(
            progress, handled={**progress.handled, change.id: digest}, failing=None, attempts=0
        )
    return progress, None


async def _bring_one(call: Call, source: str, change: RowChange) -> Json | None:
    """Bring one change to every mapping; answers why one of them failed."""
    try:
        results = await synchronise(call.within("liveSync"), source, Change(change.id, None, change.row))
    except Unavailable:
        raise
    except ReconError as error:
        return {"message": error.message}
    for result in results:
        if result["result"] == "FAILED":
            cause = result.get("cause", {}).get("message", f"the mapping {result['mapping']} failed")
            return {"message": cause, "mapping": result["mapping"], "situation": result["situation"]}
    return None


async def _changes(
    call: Call, connector: Connector, kind: str, token: str | None
) -> tuple[Sequence[RowChange], str]:
    if isinstance(connector, TellsDifferences):
        return await connector.differences(kind, token, _folder(call))
    return await departures.changes_and_departures(connector, kind, token, _folder(call))


def _folder(call: Call) -> Path:
    """Where what is kept of systems between two calls stands."""
    return call.runtime.settings.data / "livesync"


def _collection(call: Call, source: str) -> tuple[Connector, str]:
    prefix, _, rest = source.partition("/")
    name, _, kind = rest.partition("/")
    if prefix != "system" or not name or not kind:
        raise BadRequest(f"'{source}' cannot be synchronised live; write system/<name>/<object type>")
    connector = call.runtime.connector(name)
    if kind not in connector.object_types():
        raise NotFound(f"Resource '{source}' not found: system {name} has no object type '{kind}'")
    return connector, kind


async def _read(call: Call, source: str) -> Progress | None:
    async with call.read() as transaction:
        return Progress.load(await sync_tokens.read(transaction, source))


async def _keep(call: Call, source: str, begun: Progress | None, progress: Progress) -> Progress:
    """Write the progress, unless somebody else has meanwhile."""
    async with call.write() as transaction:
        if Progress.load(await sync_tokens.read(transaction, source)) != begun:
            raise Conflict(
                f"Another liveSync of {source} worked at the same time; this one has kept no token"
            )
        kept = progress if begun is None else replace(progress, revision=begun.revision + 1)
        await sync_tokens.write(transaction, source, vars(kept), call.now())
    return kept


def _answer(source: str, progress: Progress) -> Json:
    token = progress.token
    return {
        "_id": source.replace("/", "").upper(),
        "_rev": str(progress.revision),
        "connectorData": {
            "nativeType": "integer" if token.isdecimal() else "string",
            "syncToken": int(token) if token.isdecimal() else token,
        },
    }
