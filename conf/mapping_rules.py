"""Reading the rules of a mapping: conditions, properties, policies, correlation."""

from __future__ import annotations

from typing import Any, TypeVar

from conf import pointer
from conf.document import Node, kind_of
from conf.errors import BadRequest
from conf.filters.ast import Comparison, Filter, Literal
from conf.filters.parse import parse
from conf.mapping_schema import AttributeMapping, Condition, Policy
from conf.script_config import ScriptConfig, read_script
from conf.terms import DEFAULT_QUALIFIER, LONGEST_NAME, Action, Situation

E = TypeVar("E", Situation, Action)


def read_condition(node: Node) -> Condition:
    """A query filter, a script, or nothing, which always holds."""
    match node.value:
        case None:
            return None
        case bool(value):
            return Literal(value)
        case str(text) if not text.strip():
            return None
        case str(text):
            return read_filter(node, text)
        case {"linkQualifier": str(qualifier), **rest} if not rest:  # an older form
            return Comparison(("linkQualifier",), "eq", qualifier)
        case dict():
            return read_script(node)
        case other:
            node.problem(f"expected a query filter or a script, found {kind_of(other)}")
            return None


def read_filter(node: Node, text: str) -> Filter | None:
    """The text at this node as a filter."""
    try:
        return parse(text)
    except BadRequest as failure:
        node.problem(failure.message)
        return None


def read_pointer(node: Node) -> tuple[str, ...] | None:
    """The pointer at this node; None when it is missing or wrong."""
    if node.value is None:
        return None
    if not isinstance(node.value, str):
        node.problem(f"expected a JSON pointer, found {kind_of(node.value)}")
        return None
    try:
        return pointer.parse(node.value)
    except BadRequest as failure:
        node.problem(failure.message)
        return None


def read_properties(node: Node) -> tuple[AttributeMapping, ...]:
    return tuple(found for element in node.elements() if (found := _property(element)) is not None)


def _property(node: Node) -> AttributeMapping | None:
    if not node.is_object():
        return None
    target = node.child("target")
    path = read_pointer(target)
    if path is None:
        if target.value is None:
            node.problem("'target' is missing: name the attribute that this property writes")
    elif not path:
        target.problem("cannot replace root object: name an attribute of the target")
    return AttributeMapping(
        target=path or (),
        target_text=str(target.value or ""),
        source=read_pointer(node.child("source")),
        transform=read_script(node.child("transform")),
        condition=read_condition(node.child("condition")),
        default=node.value.get("default"),
        has_default=node.value.get("default") is not None,
    )


def read_policies(node: Node) -> tuple[Policy, ...]:
    return tuple(found for element in node.elements() if (found := _policy(element)) is not None)


def _policy(node: Node) -> Policy | None:
    if not node.is_object():
        return None
    situation = _required_word(node, "situation", Situation, "a situation")
    action: Action | ScriptConfig | None
    if isinstance(node.value.get("action"), dict):
        action = read_script(node.child("action"))
    else:
        action = _required_word(node, "action", Action, "an action")
    condition = read_condition(node.child("condition"))
    post_action = read_script(node.child("postAction"))
    if situation is None or action is None:
        return None
    return Policy(situation, condition, action, post_action)


def _required_word(node: Node, name: str, words: type[E], what: str) -> E | None:
    child = node.child(name)
    if child.value is None:
        node.problem(f"{name!r} is missing")
        return None
    return child.word(words, what)


def read_correlation(node: Node) -> tuple[dict[str, ScriptConfig], ScriptConfig | None]:
    """`correlationQuery` by qualifier, and `correlationScript`."""
    queries, script = node.child("correlationQuery"), node.child("correlationScript")
    if queries.value and script.value:
        node.problem("Cannot configure both correlationQuery and correlationScript in a single mapping")
    elements = list(queries.elements()) if isinstance(queries.value, list) else [queries]
    by_qualifier: dict[str, ScriptConfig] = {}
    for element in elements:
        if (found := read_script(element)) is not None:
            by_qualifier[element.text("linkQualifier", DEFAULT_QUALIFIER)] = found
    # the one script of a list serves as well as a lone one
    lone = script.child(0) if isinstance(script.value, list) and len(script.value) == 1 else script
    return by_qualifier, read_script(lone)


def read_query(node: Node) -> dict[str, Any] | None:
    """`sourceQuery` or `targetQuery`; a filter in it must be one."""
    if node.value is None or not node.is_object():
        return None
    for name in ("_queryFilter", "queryFilter"):
        child = node.child(name)
        if isinstance(child.value, str):
            read_filter(child, child.value)
        elif child.value is not None:
            child.problem(f"expected a query filter, found {kind_of(child.value)}")
    node.text("resourceName")
    fields = node.child("_fields")
    if isinstance(fields.value, list):
        node.texts("_fields")
    elif not isinstance(fields.value, str | None):
        fields.problem("expected names with commas between, or a list of names")
    query: dict[str, Any] = node.value
    return query


def read_qualifiers(node: Node) -> tuple[str, ...] | ScriptConfig:
    """A list of link qualifiers, or a script that returns one."""
    match node.value:
        case None:
            return (DEFAULT_QUALIFIER,)
        case [*names] if names and all(
            isinstance(name, str) and 0 < len(name) <= LONGEST_NAME for name in names
        ):
            return tuple(dict.fromkeys(names))
        case dict():
            return read_script(node) or (DEFAULT_QUALIFIER,)
        case _:
            node.problem(
                f"expected a list of link qualifiers (texts of at most {LONGEST_NAME} characters, at least one) or a script"
            )
            return (DEFAULT_QUALIFIER,)
