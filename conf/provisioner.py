"""Connections to systems: the provisioner files, `provisioner.openicf-<name>.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from conf.document import Node, kind_of
from conf.substitution import Substitution

PREFIX: Final = "provisioner.openicf/"


@dataclass(frozen=True)
class SystemAttribute:
    """One attribute of an object type of a system."""

    name: str
    native_name: str
    type: str = "string"
    native_type: str = "string"
    required: bool = False
    flags: frozenset[str] = frozenset()
    """NOT_CREATABLE, NOT_READABLE, NOT_UPDATEABLE, NOT_RETURNED_BY_DEFAULT, MULTIVALUED, ..."""

    @property
    def is_multivalued(self) -> bool:
        return self.type == "array" or "MULTIVALUED" in self.flags


@dataclass(frozen=True)
class SystemObjectType:
    """`system/<connector>/<name>`."""

    name: str
    native_type: str
    attributes: Mapping[str, SystemAttribute]
    raw: dict[str, Any]


@dataclass(frozen=True)
class ConnectorConfig:
    """A system: which connector speaks to it, with which properties, and what it holds."""

    name: str
    config_id: str
    """Id of its document: `provisioner.openicf/csvfile`."""
    enabled: bool
    connector_name: str
    """As written: `org.forgerock.openicf.csvfile.CSVFileConnector`."""
    connector_ref: dict[str, Any]
    properties: dict[str, Any]
    """`configurationProperties`, with everything put in place (`&{project.location}`)."""
    object_types: Mapping[str, SystemObjectType]
    operation_options: dict[str, Any] = field(default_factory=dict)
    operation_timeouts: dict[str, Any] = field(default_factory=dict)
    results_handlers: dict[str, Any] = field(default_factory=dict)
    sync_failure_handler: dict[str, Any] = field(default_factory=dict)
    exclude_unmodified: bool = False
    document: dict[str, Any] = field(default_factory=dict)
    """The whole document with everything put in place."""
    raw: dict[str, Any] = field(default_factory=dict)
    """The document as written."""
    problems: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Last part of the connector's name: `CSVFileConnector`."""
        return self.connector_name.rpartition(".")[2]


def read_connector(root: Node, id: str, substitution: Substitution) -> ConnectorConfig | None:
    """The connector of a provisioner document; its name is the document's `name`, else that of the file."""
    if not root.is_object():
        return None
    raw: dict[str, Any] = root.value
    placed = Node(substitution.apply(raw), root.reading)
    reference = placed.child("connectorRef")
    if reference.value is None:
        placed.problem("'connectorRef' is missing: it says which connector speaks to the system")
    connector_name = reference.text("connectorName", required=True) if reference.value is not None else ""
    types = {name: _object_type(child, name) for name, child in placed.child("objectTypes").members()}
    return ConnectorConfig(
        name=placed.text("name") or id.removeprefix(PREFIX),
        config_id=id,
        enabled=placed.flag("enabled", True),
        connector_name=connector_name,
        connector_ref=placed.mapping("connectorRef") or {},
        properties=placed.mapping("configurationProperties") or {},
        object_types={name: found for name, found in types.items() if found is not None},
        operation_options=placed.mapping("operationOptions") or {},
        operation_timeouts=placed.mapping("operationTimeout") or {},
        results_handlers=placed.mapping("resultsHandlerConfig") or {},
        sync_failure_handler=placed.mapping("syncFailureHandler") or {},
        exclude_unmodified=placed.flag("excludeUnmodified", False),
        document=placed.value,
        raw=raw,
    )


def _object_type(node: Node, name: str) -> SystemObjectType | None:
    if not node.is_object():
        return None
    attributes = {key: _attribute(child, key) for key, child in node.child("properties").members()}
    return SystemObjectType(
        name=name,
        native_type=node.text("nativeType", name),
        attributes={key: found for key, found in attributes.items() if found is not None},
        raw=node.value,
    )


def _attribute(node: Node, name: str) -> SystemAttribute | None:
    if not node.is_object():
        return None
    type_ = node.value.get("type", "string")
    if isinstance(type_, list):  # ["string", "null"]
        type_ = next((one for one in type_ if one != "null"), "string")
    if not isinstance(type_, str):
        node.child("type").problem(f"expected a type, found {kind_of(type_)}")
        type_ = "string"
    return SystemAttribute(
        name=name,
        native_name=node.text("nativeName", name),
        type=type_,
        native_type=node.text("nativeType", type_),
        required=node.flag("required", False),
        flags=frozenset(node.texts("flags")),
    )
