"""Which connector a provisioner configuration means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from conf.errors import ConfigError
from flows.connectors.base import Connector
from flows.connectors.csv_file import CsvFile

Opener = Callable[[str, Mapping[str, Any], Path], Connector]


def _later(module: str, connector: str) -> Opener:
    """Opens a connector whose module is loaded when the first such system is met."""

    def open(name: str, document: Mapping[str, Any], root: Path) -> Connector:
        opened: Connector = getattr(import_module(module), connector).open(name, document, root)
        return opened

    return open


CONNECTORS: Final[Mapping[str, Opener]] = {
    "CSVFileConnector": CsvFile.open,
    "LdapConnector": _later("flows.connectors.ldap", "LdapDirectory"),
    "DatabaseTableConnector": _later("flows.connectors.sql_table", "DatabaseTable"),
}
"""Last part of `connectorRef.connectorName` -> how to open it."""

REFERENCES: Final[tuple[dict[str, str], ...]] = (
    {
        "displayName": "CSV File Connector",
        "bundleVersion": "1.5.20.0",
        "systemType": "provisioner.openicf",
        "bundleName": "org.forgerock.openicf.connectors.csvfile-connector",
        "connectorName": "org.forgerock.openicf.csvfile.CSVFileConnector",
    },
    {
        "displayName": "LDAP Connector",
        "bundleVersion": "1.5.20.0",
        "systemType": "provisioner.openicf",
        "bundleName": "org.forgerock.openicf.connectors.ldap-connector",
        "connectorName": "org.identityconnectors.ldap.LdapConnector",
    },
    {
        "displayName": "Database Table Connector",
        "bundleVersion": "1.5.20.0",
        "systemType": "provisioner.openicf",
        "bundleName": "org.forgerock.openicf.connectors.databasetable-connector",
        "connectorName": "org.identityconnectors.databasetable.DatabaseTableConnector",
    },
)
"""Answer of `availableConnectors`."""

_REMEDIES: Final = (
    ("ScriptedSQL", "use the DatabaseTableConnector on a table or a view"),
    ("ScriptedREST", "let the system write a CSV file, or reach it from a process definition in Python"),
    ("Scripted", "let the system write a CSV file, or use LdapConnector or DatabaseTableConnector"),
    ("Groovy", "let the system write a CSV file, or use LdapConnector or DatabaseTableConnector"),
    ("ActiveDirectory", "use LdapConnector: Active Directory speaks LDAP"),
    ("Kerberos", "manage the principals through LDAP"),
    ("XML", "turn the file into CSV"),
)


def remedy(kind: str) -> str | None:
    """What to do instead of a connector that is not here, where something better than any other is known."""
    return next((text for word, text in _REMEDIES if word.lower() in kind.lower()), None)


def open_connector(name: str, document: Mapping[str, Any], root: Path) -> Connector:
    """The connector of `provisioner.openicf/<name>`; ConfigError when nobody here speaks to such a system."""
    reference = document.get("connectorRef")
    full = reference.get("connectorName") if isinstance(reference, Mapping) else None
    where = f"provisioner.openicf/{name}"
    if not isinstance(full, str) or not full:
        raise ConfigError("connectorRef.connectorName is missing.", where=where)
    opener = CONNECTORS.get(full.rpartition(".")[2])
    if opener is None:
        known = ", ".join(CONNECTORS)
        instead = f"; {found}" if (found := remedy(full.rpartition(".")[2])) else ""
        raise ConfigError(
            f"connectorRef.connectorName: no connector {full!r} here; there is {known}{instead}.", where=where
        )
    return opener(name, document, root)
