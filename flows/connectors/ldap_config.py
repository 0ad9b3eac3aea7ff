"""What a provisioner file says of a directory, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from conf.document import Node, did_you_mean
from conf.provisioner import ConnectorConfig, SystemAttribute, SystemObjectType
from flows.connectors.credentials import Secret, read_secret
from flows.connectors.ldap_native_filter import check_filter
from flows.connectors.provisioned import read_provisioned

ACCOUNT, GROUP = "__ACCOUNT__", "__GROUP__"
_NAMING: Final = {
    "organizationalunit": "ou",
    "organization": "o",
    "domain": "dc",
    "dcobject": "dc",
    "country": "c",
}
_KNOWN: Final = re.findall(
    r"\w+",
    "host port ssl startTLS caFile principal credentials baseContexts accountSearchFilter groupSearchFilter "
    "accountObjectClasses accountUserNameAttributes groupObjectClasses groupNameAttributes uidAttribute "
    "groupMemberAttribute passwordAttribute passwordHashAlgorithm blockSize usePagedResultControl readSchema failover "
    "maintainLdapGroupMembership statusAttribute referrals ldapLibrary connectTimeout maximumValues",
)


@dataclass(frozen=True)
class Status:
    """Where a directory keeps whether an account may be used; the native name `__ENABLE__` is true or false by it."""

    attribute: str
    active: str | None = None
    """Its value for an account in use; None: the attribute is not there."""
    inactive: str | None = None
    bit: int = 0
    """Instead of the values: the bit that is set in a number while the account is disabled."""


@dataclass(frozen=True)
class EntryType:
    """`system/<name>/<object type>`: which entries those are, and how new ones are made."""

    name: str
    bases: tuple[str, ...]
    filter: str
    classes: tuple[str, ...]
    naming: str
    """Attribute that names new entries below the first base."""
    names: tuple[str, ...]
    """Attributes by which somebody gives a name to sign in."""
    attributes: Mapping[str, SystemAttribute]


@dataclass(frozen=True)
class LdapConfig:
    """A directory: where it is, who we are there, and what of it is ours."""

    name: str
    where: str
    uris: tuple[str, ...]
    start_tls: bool
    ca_file: Path | None
    principal: str
    credentials: Secret
    uid: str
    """Attribute that holds an entry's `_id`; `dn` for its name."""
    member: str
    """Attribute in which a group names its members."""
    password: str
    status: Status | None
    block: int
    """Entries asked of the server at a time; 0 when it cannot give pages."""
    maximum_values: int
    reads_schema: bool
    ignores_referrals: bool
    maintains_groups: bool
    library: str
    connect_seconds: float
    seconds: float
    """For one operation, or one page."""
    types: Mapping[str, EntryType] = field(default_factory=dict)

    def narrowed(self, text: str) -> LdapConfig:
        """Every object type has only the entries that match this filter as well."""
        more = check_filter(text, self.where)
        types = {name: replace(kind, filter=f"(&{kind.filter}{more})") for name, kind in self.types.items()}
        return replace(self, types=types)


def read_config(name: str, document: Mapping[str, Any], root: Path) -> LdapConfig:
    """Check a provisioner document; ConfigError tells all that is wrong."""
    return read_provisioned(
        name,
        document,
        root,
        lambda connector, node, where: _Reader(connector, node, root, where).read(name),
    )


class _Reader:
    def __init__(self, connector: ConnectorConfig, node: Node, root: Path, where: str) -> None:
        self.connector = connector
        self.node = node
        self.root = root
        self.where = where

    def read(self, name: str) -> LdapConfig:
        node = self.node
        self._unknown()
        principal = node.text("principal")
        if node.child("principal").value is None:
            node.problem("'principal' is missing; to connect without a name write \"\"")
        credentials = read_secret(
            node.child("credentials").value, self.root, f"{self.where}: configurationProperties.credentials"
        )
        if principal and credentials.plain == "":
            node.problem("'credentials' is missing: a name without a password would be let in as nobody")
        ca_file = node.text("caFile")
        paged = node.flag("usePagedResultControl", True)
        password_hash = node.child("passwordHashAlgorithm")
        if password_hash.value not in (None, "", "NONE", "none"):
            password_hash.problem(
                "passwords are sent as they are; let the directory hash them, and write null"
            )
        return LdapConfig(
            name=name,
            where=self.where,
            uris=self._uris(),
            start_tls=node.flag("startTLS", False),
            ca_file=self.root / ca_file if ca_file else None,
            principal=principal,
            credentials=credentials,
            uid=node.text("uidAttribute") or "entryUUID",
            member=node.text("groupMemberAttribute") or "uniqueMember",
            password=node.text("passwordAttribute") or "userPassword",
            status=self._status(node.child("statusAttribute")),
            block=node.number("blockSize", 500, least=1) if paged else 0,
            maximum_values=node.number("maximumValues", 1000, least=1),
            reads_schema=node.flag("readSchema", True),
            ignores_referrals=self._word("referrals", ("report", "ignore"), "report") == "ignore",
            maintains_groups=node.flag("maintainLdapGroupMembership", False),
            library=self._word("ldapLibrary", ("python-ldap", "anyldap"), ""),
            connect_seconds=node.number("connectTimeout", 10_000, least=1) / 1000,
            seconds=self._seconds("SEARCH"),
            types=self._types(),
        )

    def _unknown(self) -> None:
        for name in self.node.value:
            if name not in _KNOWN and name not in _PINGIDM and (hint := did_you_mean(name, _KNOWN)):
                self.node.problem(f"there is no property {name!r}.{hint}")

    def _uris(self) -> tuple[str, ...]:
        node = self.node
        host = node.text("host", required=True)
        secure = node.flag("ssl", False)
        if secure and node.flag("startTLS", False):
            node.problem("'ssl' and 'startTLS' exclude each other")
        port = node.number("port", 636 if secure else 389, least=1)
        scheme = "ldaps" if secure else "ldap"
        shown = f"[{host}]" if ":" in host else host
        found = [f"{scheme}://{shown}:{port}"]
        for index, other in enumerate(node.texts("failover")):
            address = urlsplit(other)
            if address.scheme not in ("ldap", "ldaps") or not address.hostname:
                node.child("failover").child(index).problem(f"{other!r} is no address like ldap://host:389")
            else:
                found.append(other.rstrip("/"))
        return tuple(found)

    def _types(self) -> dict[str, EntryType]:
        declared = self.connector.object_types
        if not declared:
            declared = {ACCOUNT: SystemObjectType(ACCOUNT, ACCOUNT, {}, {})}
        return {name: self._type(kind) for name, kind in declared.items()}

    def _type(self, kind: SystemObjectType) -> EntryType:
        """A type may say for itself what else the properties say for all accounts or all groups."""
        node, own = self.node, Node(kind.raw, self.node.reading, ("objectTypes", kind.name))
        if kind.native_type == ACCOUNT:
            classes = node.texts("accountObjectClasses") or (
                "top",
                "person",
                "organizationalPerson",
                "inetOrgPerson",
            )
            names = node.texts("accountUserNameAttributes") or ("uid",)
            searched = node.text("accountSearchFilter")
        elif kind.native_type == GROUP:
            usual = "groupOfNames" if node.text("groupMemberAttribute") == "member" else "groupOfUniqueNames"
            classes = node.texts("groupObjectClasses") or ("top", usual)
            names = node.texts("groupNameAttributes") or ("cn",)
            searched = node.text("groupSearchFilter")
        else:
            classes, names, searched = (kind.native_type,), (_NAMING.get(kind.native_type.lower(), "cn"),), ""
        classes = own.texts("objectClasses") or classes
        searched = own.text("searchFilter") or searched
        bases = own.texts("baseContexts") or node.texts("baseContexts")
        if not bases:
            node.problem("'baseContexts' is missing: the branches of the directory to work on")
        parts = [f"(objectClass={name})" for name in classes if name.lower() != "top"] or ["(objectClass=*)"]
        if searched:
            parts.append(check_filter(searched, f"{self.where}: the search filter of {kind.name}"))
        return EntryType(
            name=kind.name,
            bases=bases,
            filter=parts[0] if len(parts) == 1 else f"(&{''.join(parts)})",
            classes=classes,
            naming=own.text("namingAttribute") or names[0],
            names=tuple(dict.fromkeys([own.text("namingAttribute") or names[0], *names])),
            attributes={name: found for name, found in kind.attributes.items() if name != "_id"},
        )

    def _status(self, node: Node) -> Status | None:
        if node.value is None or not node.is_object():
            return None
        values = [node.child(name) for name in ("active", "inactive")]
        for value in values:
            if not isinstance(value.value, str | None):
                value.problem("expected a text, or null where the attribute is not there")
        active, inactive = (value.value if isinstance(value.value, str) else None for value in values)
        bit = node.number("bit", 0)
        if not bit and active == inactive:
            node.problem("'active' and 'inactive' must differ, or 'bit' name a bit of a number")
        return Status(node.text("attribute", required=True), active, inactive, bit)

    def _word(self, name: str, known: Sequence[str], default: str) -> str:
        child = self.node.child(name)
        return default if child.value is None else child.word(known, " or ".join(known)) or default

    def _seconds(self, operation: str) -> float:
        given = self.connector.operation_timeouts.get(operation, -1)
        return given / 1000 if isinstance(given, int) and given > 0 else 30.0


_PINGIDM: Final = re.findall(
    r"\w+",
    "accountSynchronizationFilter groupSynchronizationFilter baseContextsToSynchronize objectClassesToSynchronize "
    "attributesToSynchronize modifiersNamesToFilterOut passwordAttributeToSynchronize passwordDecryptionKey "
    "vlvSortAttribute useBlocks changeLogBlockSize changeNumberAttribute useTimestampsForSync "
    "maintainPosixGroupMembership removeLogEntryObjectClassFromFilter filterWithOrInsteadOfAnd authType",
)
"""PingIDM's names that mean nothing here."""
