"""The many people of the test directory, as a connector that reads all of them."""

from __future__ import annotations

from typing import Any

from flows.connectors.ldap import LdapDirectory
from tests.connectors.conftest import OpenLdap, many
from tests.slapd import PEOPLE

PERSON = {"nativeType": "__ACCOUNT__", "properties": {"uid": {}, "sn": {}, "telephoneNumber": many()}}
CLASSES = ["top", "person", "organizationalPerson", "inetOrgPerson"]


def everybody(open_ldap: OpenLdap, **properties: Any) -> LdapDirectory:
    """The 5,000 people of the directory."""
    usual = {"baseContexts": [PEOPLE], "accountObjectClasses": CLASSES, "uidAttribute": "entryUUID"}
    return open_ldap({"account": PERSON}, **usual | properties)
