"""A directory and a branch of it for tests of the LDAP connector; databases for those of the SQL connector."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from flows.connectors.ldap import LdapDirectory
from tests import postgres
from tests import slapd as directory
from tests.connectors.databases import TestDatabase
from tests.slapd import SUFFIX, Slapd, entry

#: the libraries are extras, which not every environment has
LIBRARIES = [name for name, module in (("python-ldap", "ldap"), ("anyldap", "anyldap")) if find_spec(module)]
collect_ignore = [
    path.name
    for path in Path(__file__).parent.glob("test_ldap*.py")
    if not LIBRARIES and path.name != "test_ldap_config.py"
]

LDAP = "org.identityconnectors.ldap.LdapConnector"
ACCOUNTS = ["account", "extensibleObject"]
OpenLdap = Callable[..., LdapDirectory]


@pytest.fixture(scope="session")
def slapd() -> Iterator[Slapd]:
    """A directory with 5,000 people; its tests are marked `services`."""
    with directory.session(5000) as server:
        yield server


@pytest.fixture
def branch(slapd: Slapd) -> str:
    """A branch of the directory for one test."""
    name = f"ou={uuid.uuid4().hex},ou=tests,{SUFFIX}"
    slapd.add(entry(name, {"objectClass": "organizationalUnit", "ou": name[3:35]}))
    return name


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> str:
    """Each LDAP library that is installed."""
    return str(request.param)


@pytest.fixture
def open_ldap(slapd: Slapd, branch: str, library: str, tmp_path: Path) -> OpenLdap:
    """Opens the test's branch; properties and object types may be given."""

    def open(
        types: Mapping[str, Any] | None = None,
        server: Slapd = slapd,
        timeouts: Mapping[str, int] | None = None,
        **properties: Any,
    ) -> LdapDirectory:
        return LdapDirectory.open(
            "ldap",
            {
                "connectorRef": {"connectorName": LDAP},
                "configurationProperties": server.properties(
                    baseContexts=[branch],
                    accountObjectClasses=ACCOUNTS,
                    uidAttribute="uid",
                    ldapLibrary=library,
                )
                | properties,
                "objectTypes": types or {"account": account()},
                "operationTimeout": timeouts or {},
            },
            tmp_path,
        )

    return open


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def database(request: pytest.FixtureRequest) -> TestDatabase:
    """An empty database of each kind."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, TestDatabase)
    return found


@pytest.fixture
def sqlite(tmp_path: Path) -> TestDatabase:
    path = tmp_path / "hr.db"
    path.touch()
    return TestDatabase(f"sqlite:///{path}", tmp_path)


@pytest.fixture
def postgresql(postgres_cluster: str, tmp_path: Path) -> Iterator[TestDatabase]:
    with postgres.database(postgres_cluster) as url:
        yield TestDatabase(url, tmp_path)


def account(**more: Any) -> dict[str, Any]:
    """An object type with the members `mail`, `sn` and what else is named."""
    return {"nativeType": "__ACCOUNT__", "properties": {"mail": {}, "sn": {}, **more}}


def many(native: str = "", **more: Any) -> dict[str, Any]:
    """A property with several values."""
    return {
        "type": "array",
        "items": {"type": "string"},
        **({"nativeName": native} if native else {}),
        **more,
    }
