"""Types of managed objects, as managed.json declares them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from conf.document import Node, kind_of
from conf.script_config import ScriptConfig, is_shipped_hook, read_script

HOOKS: Final = (
    "onCreate",
    "postCreate",
    "onRead",
    "onUpdate",
    "postUpdate",
    "onDelete",
    "postDelete",
    "onValidate",
    "onRetrieve",
    "onQueryResult",
    "onStore",
    "onSync",
)
PROPERTY_HOOKS: Final = ("onValidate", "onRetrieve", "onStore")
#: shipped hooks that give a new user its status
_SETS_STATUS: Final = (
    "ui/onCreate-user-set-default-fields.js",
    "script/ui/onCreate-user-set-default-fields.js",
)


@dataclass(frozen=True)
class ManagedProperty:
    """One property of a managed type."""

    name: str
    types: tuple[str, ...]
    """JSON types, or `relationship`; empty when any value will do."""
    required: bool = False
    is_private: bool = False
    """`scope: private`: never leaves over REST, seen by mappings and scripts."""
    is_secret: bool = False
    """Hashed or encrypted at rest: kept beside the object, never in an answer."""
    is_virtual: bool = False
    is_relationship: bool = False
    """A relationship, or a list of them."""
    is_array: bool = False
    returned_by_default: bool = True
    is_unique: bool = False
    is_searchable: bool = False
    has_default: bool = False
    default: Any = None
    """Copy it before use."""
    comparison: str = "ordered"
    """`ordered` or `unordered`: how two lists compare."""
    policies: tuple[dict[str, Any], ...] = ()
    """As written: `{"policyId": ..., "params": {...}}`."""
    hooks: Mapping[str, ScriptConfig] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ManagedType:
    """`managed/<name>`: its properties, if it declares any, and its scripts."""

    name: str
    properties: Mapping[str, ManagedProperty] = field(default_factory=dict)
    schema: dict[str, Any] = field(default_factory=dict)
    """The JSON schema as written."""
    hooks: Mapping[str, ScriptConfig] = field(default_factory=dict)
    """By name; without those that PingIDM ships and that nothing here needs."""
    raw: dict[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @cached_property
    def required(self) -> tuple[str, ...]:
        return self._named("required")

    @cached_property
    def private(self) -> frozenset[str]:
        """Properties that never leave over REST."""
        return frozenset(self._named("is_private"))

    @cached_property
    def secrets(self) -> frozenset[str]:
        """Properties that are stored as hashes."""
        return frozenset(self._named("is_secret"))

    @cached_property
    def relationships(self) -> frozenset[str]:
        return frozenset(self._named("is_relationship"))

    @cached_property
    def virtual(self) -> frozenset[str]:
        return frozenset(self._named("is_virtual"))

    @cached_property
    def unique(self) -> tuple[str, ...]:
        """Properties with the policy `unique`; the store keeps the first one unique itself."""
        return self._named("is_unique")

    @cached_property
    def hidden(self) -> frozenset[str]:
        """Properties that an answer leaves out unless they are asked for; private ones are left out in any case."""
        return frozenset(name for name, found in self.properties.items() if not found.returned_by_default)

    @cached_property
    def unordered(self) -> frozenset[str]:
        return frozenset(name for name, found in self.properties.items() if found.comparison == "unordered")

    @cached_property
    def defaults(self) -> Mapping[str, Any]:
        """Values that a create puts where the content has none; virtual lists that are returned begin empty."""
        found = {name: prop.default for name, prop in self.properties.items() if prop.has_default}
        return found | {
            name: []
            for name, prop in self.properties.items()
            if prop.is_virtual and prop.is_array and prop.returned_by_default and not prop.is_relationship
        }

    def _named(self, quality: str) -> tuple[str, ...]:
        return tuple(name for name, found in self.properties.items() if getattr(found, quality))


def read_managed(root: Node) -> dict[str, ManagedType]:
    """The types of a managed.json, by name."""
    types: dict[str, ManagedType] = {}
    if not root.is_object():
        return types
    for element in root.child("objects").elements():
        if not element.is_object():
            continue
        name = element.text("name", required=True)
        if not name:
            continue
        if "/" in name:
            element.child("name").problem(f"'{name}' cannot name a type: it holds a slash")
        if name in types:
            element.child("name").problem(f"there are two types named '{name}'; remove one")
        types[name] = _type(element, name)
    return types


def _type(node: Node, name: str) -> ManagedType:
    schema = node.mapping("schema") or {}
    required = set(node.child("schema").texts("required")) if schema else set()
    properties: dict[str, ManagedProperty] = {}
    declared = node.child("schema").child("properties") if schema else Node(None, node.reading)
    for key, child in declared.members():
        if (found := _property(child, key, key in required)) is not None:
            properties[key] = found
    for key, child in _beside(node.child("properties")):
        if isinstance(child.value, dict):
            merged = Node(
                properties[key].raw | child.value if key in properties else child.value, child.reading
            )
            merged.path = child.path
            if (found := _property(merged, key, key in required)) is not None:
                properties[key] = found
    if node.child("onCreate").child("file").value in _SETS_STATUS and "accountStatus" in properties:
        status = properties["accountStatus"]
        if not status.has_default:
            properties["accountStatus"] = replace(status, has_default=True, default="active")
    return ManagedType(name, properties, schema, _hooks(node, HOOKS), node.value)


def _beside(node: Node) -> Iterator[tuple[str, Node]]:
    """An older form keeps encryption, scope and scripts of properties beside the schema, by name or as a list."""
    if not isinstance(node.value, list):
        yield from node.members()
        return
    for element in node.elements():
        if element.is_object() and (name := element.text("name", required=True)):
            yield name, element


def _property(node: Node, name: str, required: bool) -> ManagedProperty | None:
    if not node.is_object():
        return None
    raw: dict[str, Any] = node.value
    types = _types(node.child("type"))
    is_array = "array" in types
    items = raw.get("items")
    of_items = items.get("type") if is_array and isinstance(items, dict) else None
    is_relationship = "relationship" in types or of_items == "relationship"
    is_virtual = node.flag("isVirtual", "virtual" in types)
    is_secret = raw.get("secureHash") is not None or raw.get("encryption") is not None
    is_private = node.text("scope") == "private"
    derived = is_relationship or is_virtual
    policies = tuple(
        element.value for element in node.child("policies").elements() if isinstance(element.value, dict)
    )
    return ManagedProperty(
        name=name,
        types=types,
        required=required or raw.get("required") is True,
        is_private=is_private,
        is_secret=is_secret,
        is_virtual=is_virtual,
        is_relationship=is_relationship,
        is_array=is_array,
        returned_by_default=node.flag("returnByDefault", not derived),
        is_unique=any(policy.get("policyId") == "unique" for policy in policies),
        is_searchable=node.flag("searchable", False),
        has_default="default" in raw,
        default=raw.get("default"),
        comparison=node.text("comparison", "unordered" if is_array and derived else "ordered"),
        policies=policies,
        hooks=_hooks(node, PROPERTY_HOOKS),
        raw=raw,
    )


def _types(node: Node) -> tuple[str, ...]:
    match node.value:
        case None:
            return ()
        case str(name):
            return (name,)
        case [*names] if all(isinstance(name, str) for name in names):
            return tuple(names)
        case other:
            node.problem(f"expected a type or a list of types, found {kind_of(other)}")
            return ()


def _hooks(node: Node, names: tuple[str, ...]) -> dict[str, ScriptConfig]:
    found = {}
    for name in names:
        child = node.child(name)
        file = child.child("file").value
        if isinstance(file, str) and is_shipped_hook(file) and not node.reading.has_script(file):
            continue
        if (script := read_script(child)) is not None:
            found[name] = script
    return found
