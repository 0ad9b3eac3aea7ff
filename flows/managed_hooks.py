"""Scripts of a managed type: before and after a write, and when an object is read.

`onCreate`, `onUpdate` and `onDelete` come before the write and may change or refuse it; `onValidate` and `onStore` see
what will be stored; `postCreate`, `postUpdate` and `postDelete` run in the transaction of the write, so what they throw
undoes it, and `onSync` after the mappings that begin at the type. `onRetrieve`, `onRead` and `onQueryResult` change only
what a read or a query answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

from conf.managed_schema import ManagedType
from conf.script_config import ScriptConfig
from flows.engine.differences import equal
from flows.recon.changes import Change
from flows.run_script import run_script, script_context
from flows.script_calls import PARAMETERS

if TYPE_CHECKING:
    from flows.call import Call

Json = dict[str, Any]

AFTER: Final = {"CREATE": "postCreate", "UPDATE": "postUpdate", "PATCH": "postUpdate", "DELETE": "postDelete"}


def has_hooks(type: ManagedType) -> bool:
    """Whether any script belongs to the type; such a type is written one object at a time."""
    return bool(type.hooks) or any(prop.hooks for prop in type.properties.values())


async def before_create(call: Call, type: ManagedType, content: Mapping[str, Any]) -> Json:
    """The content as `onCreate` leaves it."""
    return await _changed(call, type, "onCreate", content)


async def before_update(
    call: Call, type: ManagedType, before: Mapping[str, Any], content: Mapping[str, Any]
) -> Json:
    """The content as `onUpdate` leaves it."""
    return await _changed(call, type, "onUpdate", content, oldObject=before)


async def before_delete(call: Call, type: ManagedType, before: Mapping[str, Any]) -> None:
    """`onDelete` may refuse by throwing."""
    await _changed(call, type, "onDelete", before)


async def before_store(call: Call, type: ManagedType, content: Json) -> Json:
    """`onValidate` of properties and object, then `onStore` of properties and object."""
    if not has_hooks(type):
        return content
    for name, prop in type.properties.items():
        if (script := prop.hooks.get("onValidate")) is not None and name in content:
            await _on_property(call, script, content, name)
    await _changed(call, type, "onValidate", content)
    for name, prop in type.properties.items():
        if (script := prop.hooks.get("onStore")) is not None and name in content:
            stored = await _on_property(call, script, content, name)
            content = content if stored is None else {**content, name: stored}
    return await _changed(call, type, "onStore", content)


async def after_write(
    call: Call,
    type: ManagedType,
    operation: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> None:
    """The script that follows the operation, if there is one."""
    known = after if after is not None else before or {}
    await _changed(call, type, AFTER[operation], known, oldObject=before)


async def on_read(call: Call, type: ManagedType, content: Json) -> Json:
    """The object as `onRetrieve` and `onRead` show it; a property's `onRetrieve` gives its value."""
    if not has_hooks(type):
        return content
    content = await _changed(call, type, "onRetrieve", content)
    for name, prop in type.properties.items():
        if (script := prop.hooks.get("onRetrieve")) is not None:
            content = {**content, name: await _on_property(call, script, content, name)}
    return await _changed(call, type, "onRead", content)


async def on_query_result(call: Call, type: ManagedType, rows: Sequence[Json]) -> list[Json]:
    """The objects of a query as `onQueryResult` shows each of them."""
    if "onQueryResult" not in type.hooks:
        return list(rows)
    return [await _changed(call, type, "onQueryResult", row) for row in rows]


async def on_sync(call: Call, type: ManagedType, change: Change, results: Sequence[Json]) -> None:
    """`onSync` with what became of the change in each mapping; what it throws undoes the write of the object."""
    action = "notifyDelete" if change.after is None else "notifyUpdate" if change.before else "notifyCreate"
    succeeded = all(result["result"] == "SUCCESSFUL" for result in results)
    told = {"success": succeeded, "action": action, "syncDetails": list(results)}
    scope: Json = {
        "syncResults": told,
        "object": deepcopy(change.after or change.before),
        "oldObject": deepcopy(change.before),
        "newObject": deepcopy(change.after),
        "resourceName": f"managed/{type.name}/{change.id}",
        "request": {"additionalParameters": dict(call.context.get(PARAMETERS, {}))},
        "context": script_context(call),
        **deepcopy(told),
    }
    await run_script(call, type.hooks["onSync"], scope)


async def _changed(call: Call, type: ManagedType, hook: str, content: Mapping[str, Any], **more: Any) -> Json:
    """The object after the script has seen it, as `object` or as `newObject`, whichever it changed."""
    script = type.hooks.get(hook)
    if script is None:
        return dict(content)
    scope: Json = {
        "object": deepcopy(dict(content)),
        "newObject": deepcopy(dict(content)),
        "resourceName": f"managed/{type.name}/{content.get('_id', '')}",
        "context": script_context(call),
        **deepcopy(more),
    }
    await run_script(call, script, scope, mutable=("object", "newObject"))
    for name in ("object", "newObject"):
        if isinstance(scope[name], dict) and not equal(scope[name], dict(content)):
            found: Json = scope[name]
            return found
    return dict(content)


async def _on_property(call: Call, script: ScriptConfig, content: Json, name: str) -> Any:
    scope = {
        "object": deepcopy(content),
        "property": deepcopy(content.get(name)),
        "propertyName": name,
        "context": script_context(call),
    }
    return await run_script(call, script, scope)
