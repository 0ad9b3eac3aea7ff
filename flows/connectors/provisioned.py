"""Reading a provisioner document for one connector: its properties as a checked value, or all that is wrong at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from conf.document import Node, Reading
from conf.errors import ConfigError
from conf.provisioner import PREFIX, ConnectorConfig, read_connector
from conf.substitution import Substitution

T = TypeVar("T")


def read_provisioned(
    name: str,
    document: Mapping[str, Any],
    root: Path,
    read: Callable[[ConnectorConfig, Node, str], T],
) -> T:
    """What `read` makes of the connector, the node of its `configurationProperties` and the name of the document.

    Raises ConfigError that tells every problem noted on the way.
    """
    where = f"{PREFIX}{name}"
    reading = Reading(where)
    connector = read_connector(Node(dict(document), reading), where, Substitution(root))
    if connector is None:
        raise ConfigError("expected an object.", where=where)
    found = read(connector, Node(connector.properties, reading, ("configurationProperties",)), where)
    if reading.problems:
        told = "; ".join(map(str, reading.problems))
        raise ConfigError(told if told.endswith("?") else f"{told}.", where=where)
    return found
