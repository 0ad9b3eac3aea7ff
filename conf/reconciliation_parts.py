"""Parts of a two-way configuration: attributes by name, scripts, searches, situations."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any, Final, TypeVar

from conf import pointer
from conf.document import Node, did_you_mean, kind_of
from conf.errors import BadRequest
from conf.managed_schema import ManagedType
from conf.provisioner import ConnectorConfig
from conf.reconciliation_schema import (
    Answering,
    AttributePair,
    GuardLimits,
    Members,
    Search,
    StatusAttribute,
)
from conf.reconciliation_terms import (
    RESPONSE_LABELS,
    SITUATION_LABELS,
    Direction,
    Kind,
    Response,
    TwoWaySituation,
)
from conf.script_config import ScriptConfig, read_script

E = TypeVar("E", bound=StrEnum)
_TYPES: Final = {".js": "text/javascript", ".py": "python", ".groovy": "groovy"}
_ENTRY: Final = "execute"
"""Function of a Python file that is named without one."""
_ALWAYS: Final = frozenset({"_id", "_rev"})


class Surroundings:
    """What a configuration refers to: the types and systems of the project, and which two of them it means.

    Without types and systems nothing is checked against them; so a configuration is read again as it once was.
    """

    def __init__(
        self,
        managed: Mapping[str, ManagedType] | None,
        systems: Mapping[str, ConnectorConfig] | None,
        kind: Kind,
    ) -> None:
        self._managed, self._systems, self._kind = managed, systems, kind
        self._idm: tuple[str, Collection[str]] = ("", ())
        self._resource: tuple[str, Collection[str]] = ("", ())

    def idm_path(self, node: Node) -> str:
        """`managed/<type>`; without one that of the kind's own name."""
        written = node.value if node.value is not None else f"managed/{self._kind.value.lower()}"
        kind, _, name = written.partition("/") if isinstance(written, str) else ("", "", "")
        if kind != "managed" or not name:
            node.problem("expected a managed type, such as managed/user")
            return "managed/user"
        if self._managed is not None:
            if name not in self._managed:
                hint = did_you_mean(name, self._managed)
                node.problem(f"there is no managed type '{name}'; conf/managed.json declares them.{hint}")
            else:
                self._idm = (f"managed/{name}", tuple(self._managed[name].properties))
        return str(written)

    def resource_path(self, node: Node) -> str:
        """`system/<name>/<object type>`."""
        written = node.value
        parts = written.split("/") if isinstance(written, str) else []
        if len(parts) != 3 or parts[0] != "system" or not all(parts):
            node.problem("expected a system and an object type, such as system/ldap/account")
            return "system/missing/account"
        if self._systems is not None:
            system = self._systems.get(parts[1])
            if system is None:
                hint = did_you_mean(parts[1], self._systems)
                node.problem(
                    f"there is no system '{parts[1]}': conf has no provisioner.openicf-{parts[1]}.json.{hint}"
                )
            elif system.object_types and parts[2] not in system.object_types:
                hint = did_you_mean(parts[2], system.object_types)
                node.problem(f"system/{parts[1]} has no object type '{parts[2]}'.{hint}")
            elif system.object_types:
                self._resource = (str(written), tuple(system.object_types[parts[2]].attributes))
        return str(written)

    def idm_pointer(self, node: Node) -> tuple[str, ...]:
        """An attribute of the repository's type; nothing where none is named."""
        return self._pointer(node, *self._idm)

    def resource_pointer(self, node: Node) -> tuple[str, ...]:
        """An attribute of the resource."""
        return self._pointer(node, *self._resource)

    def _pointer(self, node: Node, where: str, known: Collection[str]) -> tuple[str, ...]:
        if node.value is None or node.value == "":
            return ()
        if not isinstance(node.value, str):
            node.problem(f"expected the name of an attribute, found {kind_of(node.value)}")
            return ()
        try:
            found = pointer.parse(node.value)
        except BadRequest as failure:
            node.problem(failure.message)
            return ()
        if found and known and found[0] not in known and found[0] not in _ALWAYS:
            node.problem(f"{where} has no attribute '{found[0]}'.{did_you_mean(found[0], known)}")
        return found


def word_of(node: Node, words: type[E], what: str) -> E | None:
    """A word of a closed set; None where there is none."""
    return None if node.value is None or node.value == "" else node.word(words, what)


def script_at(node: Node) -> ScriptConfig | None:
    """A script object, or the path of a script file, whose ending tells the language."""
    if not isinstance(node.value, str):
        return read_script(node)
    path = node.value.strip().removeprefix("/")
    if not path:
        return None
    ending = next((found for found in _TYPES if path.endswith(found)), None)
    if ending is None:
        node.problem(f"'{path}' is not the path of a script; it ends in .js or .py")
        return None
    body: dict[str, Any] = {"type": _TYPES[ending]}
    if ending == ".py":
        body["source"] = f"{path.removesuffix('.py').replace('/', '.')}:{_ENTRY}"
    else:
        body["file"] = path
    return read_script(Node(body, node.reading, node.path))


def read_search(root: Node, script: str, filter: str) -> Search:
    """One side's search. A filter is checked when it is asked: a script may read any notation."""
    node = root.child(filter)
    if node.value is not None and not isinstance(node.value, str | dict):
        node.problem(f"expected a filter (a text or an object), found {kind_of(node.value)}")
        return Search(script_at(root.child(script)))
    return Search(script_at(root.child(script)), node.value)


def read_map(node: Node, surroundings: Surroundings) -> tuple[AttributePair, ...]:
    """The policy map."""
    found = []
    for element in node.elements():
        if not element.is_object():
            continue
        direction = word_of(element.child("direction"), Direction, "a direction") or Direction.BOTH
        # the whole object may be looked at, never written
        for side, whole in (("idm", Direction.TO_RESOURCE), ("resource", Direction.TO_IDM)):
            if element.value.get(side) != "" or direction is not whole:
                element.text(side, required=True)
        idm = surroundings.idm_pointer(element.child("idm"))
        resource = surroundings.resource_pointer(element.child("resource"))
        if (not idm and direction is not Direction.TO_RESOURCE) or (
            not resource and direction is not Direction.TO_IDM
        ):
            continue
        found.append(
            AttributePair(
                idm=idm,
                idm_text=str(element.value.get("idm", "")),
                resource=resource,
                resource_text=str(element.value.get("resource", "")),
                direction=direction,
                to_idm=script_at(element.child("toIdm")),
                to_resource=script_at(element.child("toResource")),
                on_create=element.flag("onCreateOnly", False),
                members=_members(element.child("members")),
            )
        )
    return tuple(found)


def _members(node: Node) -> Members | None:
    """The name of a configuration, or an object with `reconciliation`, `path` and `asReferences`."""
    if node.value is None:
        return None
    if isinstance(node.value, str):
        return Members(node.value)
    if not node.is_object():
        return None
    name = node.text("reconciliation", required=True)
    return Members(name, node.text("path", "managed/user"), node.flag("asReferences", True))


def read_answers(node: Node) -> dict[TwoWaySituation, Answering]:
    """Responses by situation."""
    found: dict[TwoWaySituation, Answering] = {}
    for key, child in node.members():
        situation = _labelled(child, key, TwoWaySituation, SITUATION_LABELS, "a situation")
        if situation is not None:
            found[situation] = _answering(child)
    return found


def _answering(node: Node) -> Answering:
    if isinstance(node.value, str):
        response = _labelled(node, node.value, Response, RESPONSE_LABELS, "a response")
        return Answering(response or Response.NOTHING)
    if not node.is_object():
        return Answering()
    child = node.child("response")
    workflow: dict[str, Any] | None = None
    written = child.value
    if isinstance(written, dict):
        workflow, written = written, written.get("response")
    elif node.value.get("workflowName"):
        workflow = {"workflowName": node.value["workflowName"]}
    if workflow is not None and not isinstance(workflow.get("workflowName"), str):
        child.problem("'workflowName' is missing: name the process that the response waits for")
    response = Response.NOTHING
    if written is None and workflow is not None:
        child.problem("'response' is missing: it says what is done when the process approves")
    elif written is not None:
        response = _labelled(child, written, Response, RESPONSE_LABELS, "a response") or Response.NOTHING
    return Answering(
        response=response,
        script=script_at(node.child("script")),
        custom_command=script_at(node.child("customCommand")),
        workflow=workflow,
        notification=node.value.get("notification"),
    )


def _labelled(node: Node, written: Any, words: type[E], labels: Mapping[E, str], what: str) -> E | None:
    """A word by its value or its label, in any letter case."""
    known: dict[str, E] = {str(word).lower(): word for word in words}
    known |= {label.lower(): word for word, label in labels.items()}
    if isinstance(written, str) and written.strip().lower() in known:
        return known[written.strip().lower()]
    if not isinstance(written, str):
        node.problem(f"expected {what}, found {kind_of(written)}")
        return None
    names = [*(str(word) for word in words), *labels.values()]
    hint = did_you_mean(written, names) or f" Known: {', '.join(str(word) for word in words)}."
    node.problem(f"'{written}' is not {what}.{hint}")
    return None


def read_status(node: Node, surroundings: Surroundings, *, of_idm: bool) -> StatusAttribute | None:
    """The attribute that says who is in use, as a name or with its values."""
    if node.value is None:
        return None
    if isinstance(node.value, str):
        place, values = node, Node({}, node.reading, node.path)
    elif node.is_object():
        place, values = node.child("attribute"), node
        node.text("attribute", required=True)
    else:
        return None
    path = surroundings.idm_pointer(place) if of_idm else surroundings.resource_pointer(place)
    if not path:
        return None
    if len(path) > 1:
        place.problem("the status is an attribute of the object itself, not one inside another")
    given = values.value
    deleted = given.get("deleted", ["deleted"])
    return StatusAttribute(
        attribute=path[0],
        active=given.get("active", "active"),
        disabled=given.get("disabled", "inactive"),
        deleted=tuple(deleted) if isinstance(deleted, list) else (deleted,),
    )


def read_guard(node: Node) -> GuardLimits:
    """How many destructive responses are too many."""
    if node.value is None or not node.is_object():
        return GuardLimits()
    return GuardLimits(node.number("count", 10), node.number("percent", 25))
