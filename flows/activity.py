"""The activity audit of managed objects: what was written, by whom, and which members changed; never their values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flows.engine.differences import equal
from flows.store.audit_events import AuditEvent
from flows.store.managed import Stored, rev_text

if TYPE_CHECKING:
    from flows.call import Call

_ABSENT = object()


def activity_event(
    call: Call, operation: str, path: str, before: Stored | None, after: Stored | None
) -> AuditEvent:
    """One event; `operation` is CREATE, UPDATE, PATCH or DELETE and `path` the object, as managed/user/x."""
    known = after or before
    secrets_before, secrets_after = (found.secrets if found else None for found in (before, after))
    body: dict[str, Any] = {
        "objectId": path,
        "operation": operation,
        "runAs": call.caller.resource_id or call.caller.id,
        "before": None,
        "after": None,
        "changedFields": changed_fields(before.body if before else {}, after.body if after else {}),
        "passwordChanged": secrets_before != secrets_after,
        "revision": rev_text(known.rev) if known else None,
        "status": "SUCCESS",
        "message": None,
    }
    if call.triggers:
        body["context"] = call.triggers[-1]
    return AuditEvent(call.now(), call.caller.behind or call.caller.id, call.transaction_id, body)


@lru_cache(maxsize=1000)
def _pointers(names: tuple[str, ...]) -> tuple[str, ...]:
    """Objects of a type mostly have the same members, and a first load writes very many of them."""
    return tuple(f"/{name}" for name in names)


def changed_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Pointers of the top-level members that differ."""
    if not before or not after:
        return list(_pointers(tuple(before or after)))
    return [
        f"/{name}"
        for name in dict.fromkeys((*before, *after))
        if not equal(before.get(name, _ABSENT), after.get(name, _ABSENT))
    ]
