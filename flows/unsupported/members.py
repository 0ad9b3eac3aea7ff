"""Members of mappings and managed types that are accepted and have no effect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from conf.document import did_you_mean
from conf.managed_schema import HOOKS, PROPERTY_HOOKS
from conf.script_config import LANGUAGES
from flows.unsupported.part import Documents, Steps, Unsupported

_SOUNDS_LIKE_A_HOOK: Final = ("on", "post")


def mappings(documents: Documents) -> Iterator[Unsupported]:
    """What mappings ask for and do not get."""
    for id, path, mapping in _mappings(documents):
        for name, is_asked, what, remedy in _WITHOUT_EFFECT:
            if is_asked(mapping):
                yield documents.part(id, (*path, name), what, remedy, is_fatal=False)


def _wants_a_queue(mapping: dict[str, Any]) -> bool:
    return _object(mapping.get("queuedSync")).get("enabled") is True


def _ignores_case_of_managed(mapping: dict[str, Any]) -> bool:
    is_managed = str(mapping.get("target", "")).startswith("managed/")
    return is_managed and mapping.get("targetIdsCaseSensitive") is False


_FIELDS: Final = ("an object is read with all its members", "nothing, or name _fields in the query")

_WITHOUT_EFFECT: Final[tuple[tuple[str, Callable[[dict[str, Any]], bool], str, str], ...]] = (
    (
        "queuedSync",
        _wants_a_queue,
        "there is no queue: a change of the source is brought to the target at once, before its call is answered, "
        "and not tried again when that fails",
        "nothing if that will do; else set enableSync to false and schedule the mapping",
    ),
    (
        "targetIdsCaseSensitive",
        _ignores_case_of_managed,
        "ids of managed objects tell capital letters from small ones: a linked target that has capital letters "
        "in its id is found, but not updated",
        "leave it out, or give targets ids in small letters",
    ),
    ("defaultSourceFields", lambda mapping: bool(mapping.get("defaultSourceFields")), *_FIELDS),
    ("defaultTargetFields", lambda mapping: bool(mapping.get("defaultTargetFields")), *_FIELDS),
    (
        "reconTargetQueryPaging",
        lambda mapping: mapping.get("reconTargetQueryPaging") is True,
        "the ids of all targets are read in one go, whatever is said here",
        "nothing; it does no harm",
    ),
)
"""Member of a mapping, whether it asks for something, what becomes of that, and what to do."""


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
