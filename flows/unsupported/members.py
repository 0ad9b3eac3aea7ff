"""Members of mappings and managed types that are accepted and have no effect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from conf.document import did_you_mean
from conf.managed_schema import HOOKS, PROPERTY_HOOKS
from conf.script_config import LANGUAGES
from flows.unsupported.part import Documents, Steps, Unsupported

_SOUNDS_LIKE_A_HOOK: Final = ("on", "post")


def queues(documents: Documents) -> Iterator[Unsupported]:
    """Mappings that want changes of managed objects brought later, through a queue."""
    for id, path, mapping in _mappings(documents):
        queued = mapping.get("queuedSync")
        if isinstance(queued, dict) and queued.get("enabled") is True:
            yield documents.part(
                id,
                (*path, "queuedSync"),
                "there is no queue: a change of the source is brought to the target at once, before its call is answered, "
                "and not tried again when that fails",
                "nothing if that will do; else set enableSync to false and schedule the mapping",
                is_fatal=False,
            )


def comparisons(documents: Documents) -> Iterator[Unsupported]:
    """Managed targets whose ids a mapping wants compared in any letter case."""
    for id, path, mapping in _mappings(documents):
        ignores_case = mapping.get("targetIdsCaseSensitive") is False
        if ignores_case and str(mapping.get("target", "")).startswith("managed/"):
            yield documents.part(
                id,
                (*path, "targetIdsCaseSensitive"),
                "ids of managed objects tell capital letters from small ones: a linked target that has capital letters "
                "in its id is found, but not updated",
                "leave it out, or give targets ids in small letters",
                is_fatal=False,
            )


def fields(documents: Documents) -> Iterator[Unsupported]:
    """Mappings that want single objects read with some of their members alone."""
    for id, path, mapping in _mappings(documents):
        for name in ("defaultSourceFields", "defaultTargetFields"):
            if mapping.get(name):
                yield documents.part(
                    id,
                    (*path, name),
                    f"{name} has no effect: an object is read with all its members",
                    "nothing, or name _fields in the query",
                    is_fatal=False,
                )


def hooks(documents: Documents) -> Iterator[Unsupported]:
    """Scripts of managed types and their properties under names that nothing here calls."""
    for number, type in enumerate(_list(documents.documents.get("managed", {}).get("objects"))):
        if not isinstance(type, dict):
            continue
        path: Steps = ("objects", number)
        yield from _uncalled(documents, path, type, HOOKS)
        for name in _object(type.get("actions")):
            yield documents.part(
                "managed",
                (*path, "actions", name),
                f"the action {name} of the type cannot be called",
                "write conf/endpoint-NAME.json with its script",
                is_fatal=False,
            )
        for name, property in _object(_object(type.get("schema")).get("properties")).items():
            where = (*path, "schema", "properties", name)
            yield from _uncalled(documents, where, _object(property), PROPERTY_HOOKS)


def _uncalled(
    documents: Documents, path: Steps, declared: dict[str, Any], known: tuple[str, ...]
) -> Iterator[Unsupported]:
    for name, script in declared.items():
        if name not in known and name.startswith(_SOUNDS_LIKE_A_HOOK) and _is_script(script):
            hint = did_you_mean(name, known).strip() or f"there are {', '.join(known)}"
            yield documents.part(
                "managed", (*path, name), f"the hook {name} is never called", hint, is_fatal=False
            )


def _is_script(value: Any) -> bool:
    return isinstance(value, dict) and str(value.get("type", "")).strip().lower() in LANGUAGES


def _mappings(documents: Documents) -> Iterator[tuple[str, Steps, dict[str, Any]]]:
    for number, mapping in enumerate(_list(documents.documents.get("sync", {}).get("mappings"))):
        if isinstance(mapping, dict):
            yield "sync", ("mappings", number), mapping
    for id, document in documents.documents.items():
        if id.startswith("mapping/"):
            yield id, (), document


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
