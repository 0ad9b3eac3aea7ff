"""Provisioner files of directories: what they may say, and what is said of a wrong one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conf.errors import ConfigError
from flows.connectors import ldap_library
from flows.connectors.ldap_config import read_config
from flows.connectors.ldap_native_filter import check_filter, names_in
from flows.connectors.registry import open_connector

LDAP = "org.identityconnectors.ldap.LdapConnector"


def document(types: Any = None, timeouts: Any = None, **properties: Any) -> dict[str, Any]:
    """What PingIDM writes for a directory."""
    usual: dict[str, Any] = {
        "host": "ldap.example.com",
        "port": 1389,
        "ssl": False,
        "startTLS": True,
        "principal": "uid=idm,ou=Administrators,dc=example,dc=com",
        "credentials": "password",
        "baseContexts": ["ou=people,dc=example,dc=com"],
        "baseContextsToSynchronize": ["ou=people,dc=example,dc=com"],
        "accountSearchFilter": None,
        "accountObjectClasses": ["top", "person", "organizationalPerson", "inetOrgPerson"],
        "accountUserNameAttributes": ["uid"],
        "groupMemberAttribute": "uniqueMember",
        "passwordAttribute": "userPassword",
        "passwordHashAlgorithm": None,
        "uidAttribute": "entryUUID",
        "vlvSortAttribute": "uid",
        "blockSize": 100,
        "usePagedResultControl": True,
        "readSchema": True,
        "failover": [],
        "modifiersNamesToFilterOut": [],
        "maintainPosixGroupMembership": False,
    }
    kept = {name: value for name, value in (usual | properties).items() if value is not ...}
    return {
        "connectorRef": {
            "connectorName": LDAP,
            "bundleName": "org.forgerock.openicf.connectors.ldap-connector",
        },
        "configurationProperties": kept,
        "operationTimeout": timeouts or {},
        "objectTypes": types
        or {
            "account": {
                "nativeType": "__ACCOUNT__",
                "properties": {"dn": {"nativeName": "__NAME__"}, "sn": {}},
            },
            "group": {"nativeType": "__GROUP__", "properties": {"cn": {}}},
            "unit": {"nativeType": "organizationalUnit", "properties": {}},
        },
    }


def test_a_file_in_the_shape_of_pingidm_is_understood(tmp_path: Path) -> None:
    config = read_config("ldap", document(), tmp_path)
    assert config.uris == ("ldap://ldap.example.com:1389",)
    assert (config.start_tls, config.uid, config.block, config.seconds) == (True, "entryUUID", 100, 30)
    account, group, unit = config.types.values()
    assert (
        account.filter
        == "(&(objectClass=person)(objectClass=organizationalPerson)(objectClass=inetOrgPerson))"
    )
    assert (account.naming, group.naming, unit.naming) == ("uid", "cn", "ou")
    assert (group.classes, group.filter) == (
        ("top", "groupOfUniqueNames"),
        "(objectClass=groupOfUniqueNames)",
    )
    assert unit.classes == ("organizationalUnit",)


def test_an_object_type_may_say_for_itself_what_it_is(tmp_path: Path) -> None:
    own = {
        "nativeType": "__ACCOUNT__",
        "baseContexts": ["ou=robots,dc=example,dc=com"],
        "objectClasses": ["account"],
        "searchFilter": "(description=robot)",
        "namingAttribute": "cn",
    }
    config = read_config("ldap", document({"robot": own}), tmp_path)
    kind = config.types["robot"]
    assert (kind.bases, kind.naming) == (("ou=robots,dc=example,dc=com",), "cn")
    assert kind.filter == "(&(objectClass=account)(description=robot))"


def test_addresses_timeouts_and_passwords(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDAP_PASSWORD", "from the environment")
    given = document(
        timeouts={"SEARCH": 1500, "CREATE": -1},
        host="::1",
        ssl=True,
        startTLS=False,
        port=...,
        failover=["ldaps://other.example.com/"],
        credentials="&{ldap.password}",
        caFile="ca.pem",
    )
    config = read_config("ldap", given, tmp_path)
    assert config.uris == ("ldaps://[::1]:636", "ldaps://other.example.com")
    assert config.ca_file == tmp_path / "ca.pem"
    assert (config.seconds, config.credentials.read()) == (1.5, "from the environment")
    assert "environment" not in repr(config)
    config = read_config("ldap", document(credentials={"$file": "secret"}), tmp_path)
    (tmp_path / "secret").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"credentials: .*secret cannot be read: it is not UTF-8"):
        config.credentials.read()


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        ({"host": ...}, "'host' is missing"),
        ({"port": "389"}, "port: expected a whole number"),
        ({"principal": ...}, "'principal' is missing; to connect without a name write"),
        (
            {"credentials": ...},
            "'credentials' is missing: a name without a password would be let in as nobody",
        ),
        ({"credentials": "&{no.such.name}"}, r"credentials: &\{no.such.name\} has no value"),
        ({"credentials": {"$crypto": {"value": {}}}}, "encrypted with the key of another installation"),
        ({"credentials": 7}, r'Expected a text, {"\$env": "NAME"}'),
        ({"baseContexts": []}, "'baseContexts' is missing"),
        ({"baseContext": ["dc=x"]}, r"there is no property 'baseContext'. Did you mean baseContexts\?"),
        ({"ssl": True}, "'ssl' and 'startTLS' exclude each other"),
        (
            {"accountSearchFilter": "(uid=a"},
            r"search filter of account: '\(uid=a' is not an LDAP filter: '\)' was expected at position 7",
        ),
        ({"passwordHashAlgorithm": "SSHA"}, "let the directory hash them"),
        ({"referrals": "follow"}, "'follow' is not report or ignore"),
        ({"ldapLibrary": "ldap3"}, "'ldap3' is not python-ldap or anyldap"),
        ({"blockSize": 0}, "0 is too small; at least 1"),
        ({"failover": ["other"]}, "'other' is no address like ldap://host:389"),
        ({"statusAttribute": {"attribute": "x"}}, "'active' and 'inactive' must differ"),
        ({"statusAttribute": {"attribute": "x", "inactive": 1}}, "inactive: expected a text, or null"),
        ({"statusAttribute": "x"}, "expected an object"),
    ],
)
def test_a_wrong_file_is_told_what_is_wrong(tmp_path: Path, properties: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why) as caught:
        read_config("ldap", document(**properties), tmp_path)
    assert caught.value.message.startswith("provisioner.openicf/ldap: ")


@pytest.mark.parametrize(
    ("wanted", "missing", "why"),
    [
        (
            "",
            ["ldap", "anyldap.ldap"],
            r"LDAP needs a library .* pip install 'reconvene\[ldap\]', or .*reconvene\[ldap-native\]",
        ),
        ("python-ldap", ["ldap"], r"LDAP needs python-ldap .* pip install 'reconvene\[ldap-native\]'\."),
        ("anyldap", ["anyldap.ldap"], r"LDAP needs anyldap .* pip install 'reconvene\[ldap\]'\."),
    ],
)
def test_without_a_library_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, missing: list[str], why: str
) -> None:
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    ldap_library._installed.cache_clear()
    more = {"ldapLibrary": wanted} if wanted else {}
    with pytest.raises(ConfigError, match=why):
        open_connector("ldap", document(**more), tmp_path)
    ldap_library._installed.cache_clear()


@pytest.mark.parametrize(
    ("text", "checked", "names"),
    [
        ("uid=a", "(uid=a)", {"uid"}),
        (" ( & (a=b) (!(c>=d)) ) ", "(&(a=b)(!(c>=d)))", {"a", "c"}),
        ("(cn=*va\\2alue*)", "(cn=*va\\2alue*)", {"cn"}),
        (
            "(memberOf:1.2.840.113556.1.4.1941:=cn=x,dc=y)",
            "(memberOf:1.2.840.113556.1.4.1941:=cn=x,dc=y)",
            {"memberOf"},
        ),
        ("(:dn:2.4.6:=x)", "(:dn:2.4.6:=x)", set()),
        (
            "(&(objectCategory=person)(objectClass=user)(SamAccountName=Kats.Tanaka)(&(!(employeeType= Contract))))",
            "(&(objectCategory=person)(objectClass=user)(SamAccountName=Kats.Tanaka)(&(!(employeeType= Contract))))",
            {"objectCategory", "objectClass", "SamAccountName", "employeeType"},
        ),
    ],
)
def test_filters_in_the_directorys_own_notation(text: str, checked: str, names: set[str]) -> None:
    assert check_filter(text, "here") == checked
    assert names_in(checked) == names


@pytest.mark.parametrize(
    ("text", "expected", "position"),
    [
        ("", "an attribute, an operator and a value", 2),
        ("(a=b)(c=d)", "the end", 6),
        ("a=b)(|(uid=*)", "the end", 6),
        ("(&)", "'('", 3),
        ("(!(a=b)(c=d))", "')'", 8),
        ("(a=\\2)", "')'", 4),
        ("(a b=c)", "an attribute, an operator and a value", 2),
        ("(" * 60 + "a=b" + ")" * 60, "an attribute, an operator and a value", 2),
        ("(!" * 60 + "(a=b)" + ")" * 60, "at most 50 levels", 102),
        ("(a=\0)", "')'", 4),
    ],
)
def test_a_wrong_filter_is_told_where(text: str, expected: str, position: int) -> None:
    with pytest.raises(ConfigError) as caught:
        check_filter(text, "here")
    assert caught.value.message.endswith(f"{expected} was expected at position {position}.")


@given(st.text("(&|!=*\\ab2 )", max_size=30))
def test_what_passes_as_a_filter_is_one_and_no_more(text: str) -> None:
    try:
        checked = check_filter(text, "here")
    except ConfigError:
        return
    depth = 0
    for index, sign in enumerate(checked):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        assert depth > 0 or index == len(checked) - 1
    assert depth == 0
    assert check_filter(checked, "here") == checked
