"""What a run finds out before its first stage: searches, what changed, whether a side is empty, what scripts say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from conf.errors import NotSupported, ReconError
from conf.filters.evaluate import predicate
from conf.filters.parse import parse
from conf.reconciliation import LAST
from conf.reconciliation_terms import Direction, TwoWaySituation
from flows.connectors.differences import RowChange, TellsDifferences
from flows.engine.failures import RunFailed
from flows.recon.queries import ATTRIBUTES, NATIVE_FILTER
from flows.recon.source_side import Narrows, connector_of
from flows.store import links, managed, sync_tokens
from flows.store.changed_objects import changed_since
from flows.two_way.searches import search_query
from flows.two_way.state import Options, State

if TYPE_CHECKING:
    from conf.reconciliation_schema import Reconciliation
    from flows.call import Call
    from flows.connectors.base import Connector
    from flows.store.two_way import TwoWayRun

Json = dict[str, Any]

COMPLETE: Final = "none"
"""`updatedSince` of a start that asks for everything whatever the configuration says."""


async def prepare(call: Call, configuration: Reconciliation, run: TwoWayRun, options: Options) -> State:
    """The state with which the stages begin. Raises ReconError where nothing may be begun."""
    state = State(step="toIdm" if configuration.direction is not Direction.TO_RESOURCE else "toResource")
    connector = connector_of(call, configuration.system, configuration.object_type)
    asked = options.updated_since or configuration.updated_since
    before = await last_token(call, configuration)
    since = _since(asked, before)
    scope: Json = {
        "updatedSince": since,
        "baseDn": _base(call, configuration),
        "lastExecTime": None if before is None else _text(int(before["at"])),
        "RECONCILIATION_CONFIG": configuration.raw,
    }
    native = isinstance(connector, Narrows)
    state.resource_query = await search_query(
        call, configuration, configuration.resource_search, "targetSystem", scope, native=native
    )
    state.idm_query = await search_query(
        call, configuration, configuration.idm_search, "idm", scope, native=False
    )
    state.is_partial = state.resource_query is not None
    if asked == LAST or not isinstance(connector, TellsDifferences):
        state.token = await _present_token(call, connector, configuration)
    if since is not None:
        token = before["token"] if before is not None and asked == LAST else since
        await _find_changes(call, configuration, connector, state, str(token), run)
    await _check_sides(call, configuration, state, options)
    _select(configuration, state)
    return state


async def last_token(call: Call, configuration: Reconciliation) -> Json | None:
    """What the last finished run left: `token` of the resource, and `at`, when it began."""
    async with call.read() as transaction:
        kept = await sync_tokens.read(transaction, f"reconciliation/{configuration.name}")
    return kept if isinstance(kept, dict) else None


def _since(asked: str | None, before: Json | None) -> str | None:
    """The time in ISO 8601; None for a complete run, which the first one is in any case."""
    if asked is None or asked == COMPLETE:
        return None
    if asked != LAST:
        return asked
    return None if before is None or before.get("token") is None else _text(int(before["at"]))


def milliseconds(text: str) -> int:
    """An ISO 8601 time; without a zone it is UTC."""
    when = datetime.fromisoformat(text)
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)


def _text(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat()


def _base(call: Call, configuration: Reconciliation) -> Any:
    """`baseContexts` of a directory, for search scripts."""
    connector = call.runtime.project.connectors.get(configuration.system)
    found = connector.properties.get("baseContexts") if connector is not None else None
    return found[0] if isinstance(found, list) and found else found


async def _present_token(call: Call, connector: Connector, configuration: Reconciliation) -> str | None:
    """A mark of the resource as it is now; None for one that cannot tell what changes."""
    try:
        if isinstance(connector, TellsDifferences):
            folder = call.runtime.settings.data / "reconciliation" / configuration.name
            _, token = await connector.differences(configuration.object_type, None, folder)
            return token
        if not connector.capabilities.changes:
            return None
        _, token = await connector.changes(configuration.object_type, None)
    except NotSupported:
        return None
    return token


async def _find_changes(
    call: Call,
    configuration: Reconciliation,
    connector: Connector,
    state: State,
    token: str,
    run: TwoWayRun,
) -> None:
    """Ids of what changed on either side."""
    state.is_incremental = True
    since = run.idm_changed_since or 0
    async with call.read() as transaction:
        kept = await sync_tokens.read(transaction, f"reconciliation/{configuration.name}")
        own = str(kept.get("run", "")) if isinstance(kept, dict) else ""
        changed = await changed_since(transaction, configuration.idm_path, since, but_not_by=own)
        query = state.idm_query
        wanted = None if query is None else parse(str(query["_queryFilter"]))
        known = await managed.ids(transaction, configuration.idm_type, wanted) if changed else []
    there = set(known)
    state.changed_idm = [id for id in changed if id in there]
    changes = await _resource_changes(call, configuration, connector, state, token)
    state.changed_resource = [change.id for change in changes if change.id and not change.is_gone]
    state.lost = [change.damage for change in changes if not change.id]
    gone = [change.id for change in changes if change.is_gone]
    async with call.read() as transaction:
        found = await links.by_second(transaction, configuration.to_resource, "default", gone)
    state.gone_idm = [link.first_id for link in found.values()]


async def _resource_changes(
    call: Call, configuration: Reconciliation, connector: Connector, state: State, token: str
) -> list[RowChange]:
    kind, query = configuration.object_type, state.resource_query or {}
    if isinstance(connector, TellsDifferences):
        if _is_time(token):
            raise RunFailed(
                f"system/{configuration.system} cannot tell what changed since a time; "
                'write "updatedSince": "last"'
            )
        folder = call.runtime.settings.data / "reconciliation" / configuration.name
        found, _ = await connector.differences(kind, token, folder)
        changes = list(found)
    else:
        native = query.get(NATIVE_FILTER)
        if native is not None and isinstance(connector, Narrows):
            connector = connector.narrowed(str(native))
        try:
            rows, _ = await connector.changes(kind, token)
        except NotSupported as error:
            raise RunFailed(f"updatedSince cannot be answered: {error.message}") from error
        changes = [RowChange.of(row) for row in rows]
    if (text := query.get("_queryFilter")) is None:
        return changes
    matches = predicate(parse(str(text)), ignore_case=False)
    return [change for change in changes if change.row is None or matches(change.row)]


def _is_time(token: str) -> bool:
    try:
        datetime.fromisoformat(token)
    except ValueError:
        return False
    return True


async def _check_sides(call: Call, configuration: Reconciliation, state: State, options: Options) -> None:
    """An empty side is refused, unless it never held anything and nothing would be destroyed."""
    async with call.read() as transaction:
        objects = await managed.count(transaction, configuration.idm_type)
        linked = sum((await links.counts(transaction, configuration.to_resource)).values())
    initial = not linked
    harmless = not configuration.answer(TwoWaySituation.ONLY_IDM).response.is_destructive
    state.allow_empty = options.allow_empty or state.is_partial or (initial and harmless)
    if objects or options.allow_empty:
        return
    destroys = configuration.answer(TwoWaySituation.ONLY_RESOURCE).response.is_destructive
    if linked or destroys:
        raise RunFailed(
            f"{configuration.idm_path} has no object at all, though {linked} are linked with "
            f"{configuration.resource_path}; nothing was done. To go on all the same: allowEmpty"
        )


def _select(configuration: Reconciliation, state: State) -> None:
    """Only the attributes of the policy map, and those by which records are matched, are read."""
    wanted = {pair.resource[0] for pair in configuration.policy_map if pair.resource}
    wanted |= {configuration.resource_field[0]} if configuration.resource_field else set()
    if configuration.resource_status is not None:
        wanted.add(configuration.resource_status.attribute)
    state.resource_query = {**(state.resource_query or {}), ATTRIBUTES: sorted(wanted)}


async def keep_token(call: Call, configuration: Reconciliation, run: TwoWayRun, state: State) -> None:
    """Remember where the next incremental run goes on."""
    async with call.write() as transaction:
        value = {"token": state.token, "at": run.started, "run": run.id}
        await sync_tokens.write(transaction, f"reconciliation/{configuration.name}", value, call.now())


def since_ms(asked: str | None, before: Json | None) -> int | None:
    """Since when objects of the repository count as changed, for the run's row."""
    since = _since(asked, before)
    return None if since is None else milliseconds(since)


def to_error(error: ReconError) -> str:
    """What the run says of a failure."""
    return error.message
