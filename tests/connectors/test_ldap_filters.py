"""Filters, names and branches: what the directory answers, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from conf.errors import BadRequest, ConfigError
from conf.filters.parse import parse
from flows.connectors.base import SourceUnreadable
from tests.connectors.conformance import enumerate_all, read_all
from tests.connectors.conftest import ACCOUNTS, OpenLdap, account, many
from tests.connectors.ldap_people import everybody
from tests.slapd import SUFFIX, Slapd, entry

pytestmark = pytest.mark.services


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param('sn eq "o\'neil (jr) *\\\\"', {"a"}, id="signs of the notation"),
        pytest.param('sn sw "o\'neil ("', {"a"}, id="begins with"),
        pytest.param('sn co ") *"', {"a"}, id="contains"),
        pytest.param('sn co "*"', {"a"}, id="a star is a star"),
        pytest.param('sn eq "*"', set(), id="a star alone is no wildcard"),
        pytest.param('sn eq "MÜLLER"', {"b"}, id="letter case is the directory's"),
        pytest.param('sn eq "x)(uid=*"', set(), id="nothing is let in"),
        pytest.param('!(sn eq "Müller")', {"a", "c", "d"}, id="not, also where it is missing"),
        pytest.param("!(sn pr)", {"d"}, id="missing"),
        pytest.param('sn gt "m" and sn lt "n"', {"b"}, id="order the directory does not know"),
        pytest.param('number ge "20" and number le "30"', {"b", "c"}, id="order of numbers"),
        pytest.param('number gt "20" and number lt "30"', set(), id="strict order"),
        pytest.param('number in \'["10", "30"]\'', {"a", "c"}, id="one of"),
        pytest.param("number eq 20", {"b"}, id="a number"),
        pytest.param('_id in \'["a", "nobody", "c"]\'', {"a", "c"}, id="ids"),
        pytest.param('sn eq ""', set(), id="empty"),
        pytest.param('sn co ""', {"a", "b", "c"}, id="contains nothing"),
        pytest.param('names/0 eq "Müller"', {"b"}, id="an element of a list"),
        pytest.param('(sn sw "m" or names/0 eq "zzz") and number eq "20"', {"b"}, id="partly by us"),
        pytest.param('!(names/0 eq "Müller") and number pr', {"a", "c"}, id="partly by us, negated"),
        pytest.param('name co "uid=a"', {"a"}, id="the name"),
        pytest.param("active eq false", {"c"}, id="the status"),
        pytest.param("_id pr and true", {"a", "b", "c", "d"}, id="everybody"),
    ],
)
async def test_filters_are_answered_by_the_directory_or_by_us(
    open_ldap: OpenLdap, slapd: Slapd, branch: str, text: str, found: set[str]
) -> None:
    names = {"a": "O'Neil (Jr) *\\", "b": "Müller", "c": "Zander"}
    for number, (id, sn) in enumerate(names.items(), 1):
        more = {"employeeType": "gone"} if id == "c" else {}
        slapd.add(
            entry(
                f"uid={id},{branch}",
                {"objectClass": ACCOUNTS, "uid": id, "sn": sn, "uidNumber": str(number * 10)} | more,
            )
        )
    slapd.add(entry(f"uid=d,{branch}", {"objectClass": ACCOUNTS, "uid": "d"}))
    types = {
        "account": account(
            names=many("sn"),
            number={"nativeName": "uidNumber"},
            name={"nativeName": "__NAME__"},
            active={"type": "boolean", "nativeName": "__ENABLE__"},
        )
    }
    status = {"attribute": "employeeType", "active": None, "inactive": "gone"}
    connector = open_ldap(types, statusAttribute=status)
    for fields in (None, ["mail"]):
        rows = await read_all(connector, "account", filter=parse(text), fields=fields, page_size=2)
        assert {row["_id"] for row in rows} == found
        assert fields is None or all(set(row) <= {"_id", "mail"} for row in rows)


async def test_an_entrys_name_as_its_id(open_ldap: OpenLdap, slapd: Slapd, branch: str) -> None:
    names = [
        "plain",
        "comma, here",
        'quote " here',
        "plus + and = and ;",
        "Zoë Зайцев",
        "#sharp",
        "back\\slash",
    ]
    slapd.add(
        "".join(
            entry(
                f"cn={_escaped(name)},{branch}",
                {"objectClass": ["device", "extensibleObject"], "cn": name, "sn": name},
            )
            for name in names
        )
    )
    connector = open_ldap({"device": {"nativeType": "device", "properties": {"sn": {}}}}, uidAttribute="dn")
    rows = {row["sn"]: row["_id"] for row in await read_all(connector, "device")}
    assert sorted(rows) == sorted(names)
    assert {
        id: row["_id"] for id, row in (await connector.read_many("device", list(rows.values()))).items()
    } == {id: id for id in rows.values()}
    for name, id in rows.items():
        text = id.replace("\\", "\\\\").replace('"', '\\"')
        assert await read_all(connector, "device", filter=parse(f'_id eq "{text}"')) == [
            {"_id": id, "sn": name}
        ]
    asked = rows["comma, here"].upper().replace(",OU=", " ,  ou=")
    assert (await connector.read_many("device", [asked, "nonsense", SUFFIX]))[asked]["sn"] == "comma, here"


def _escaped(value: str) -> str:
    return "".join(f"\\{byte:02x}" for byte in value.encode())


@pytest.mark.parametrize(
    ("types", "properties", "why"),
    [
        pytest.param(
            {"account": account(name={"nativeName": "givenNam"})},
            {},
            r"objectTypes.account.properties.name.nativeName: .* no attribute 'givenNam'. Did you mean givenName\?",
            id="a property",
        ),
        pytest.param(
            None,
            {"uidAttribute": "entryUID"},
            r"uidAttribute: .*'entryUID'. Did you mean entryUUID\?",
            id="id",
        ),
        pytest.param(
            None,
            {"accountSearchFilter": "(employeType=x)"},
            r"search filter of account.*Did you mean employeeType\?",
            id="filter",
        ),
    ],
)
async def test_a_wrong_attribute_is_named_with_the_nearest_right_one(
    open_ldap: OpenLdap, types: Any, properties: dict[str, Any], why: str
) -> None:
    connector = open_ldap(types, **properties)
    for ask in (connector.test(), enumerate_all(connector, "account"), connector.read_many("account", ["a"])):
        with pytest.raises(SourceUnreadable, match=why) as caught:
            await ask
        assert caught.value.detail["reason"] == "SCHEMA"


async def test_a_filter_that_asks_for_what_is_not_there_is_refused(open_ldap: OpenLdap) -> None:
    with pytest.raises(
        BadRequest, match=r"'mial', which objects of system/ldap/account do not have. Did you mean mail\?"
    ):
        await read_all(open_ldap(), "account", filter=parse('mial eq "x"'))
    types = {"account": account(password={"nativeName": "__PASSWORD__"})}
    with pytest.raises(BadRequest, match="'password', which cannot be read"):
        await read_all(open_ldap(types), "account", filter=parse('password sw "a"'))


async def test_a_branch_that_does_not_exist_is_not_an_empty_one(open_ldap: OpenLdap, branch: str) -> None:
    connector = open_ldap(baseContexts=[f"ou=gone,{branch}"])
    for ask in (connector.test(), enumerate_all(connector, "account")):
        with pytest.raises(SourceUnreadable, match=f"ou=gone,{branch}.* does not exist.*{branch}' exists"):
            await ask


async def test_a_directory_can_be_narrowed_by_a_filter_of_its_own(open_ldap: OpenLdap) -> None:
    connector = everybody(open_ldap).narrowed("(&(departmentNumber=7)(!(uid=u7)))")
    rows = await read_all(connector, "account", filter=parse('uid sw "u4"'))
    assert {row["uid"] for row in rows} == {
        f"u{n}" for n in range(5000) if n % 40 == 7 and str(n).startswith("4")
    }
    with pytest.raises(ConfigError, match=r"'\(uid=a\)\(\|\(uid=\*\)\)' is not an LDAP filter"):
        everybody(open_ldap).narrowed("uid=a)(|(uid=*)")
