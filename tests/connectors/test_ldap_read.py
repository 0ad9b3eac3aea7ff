"""Reading a directory: every entry once or told why not, and never a part taken for the whole."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

from conf.filters.parse import parse
from flows.connectors.base import SourceUnreadable
from tests import slapd as directory
from tests.connectors.conformance import enumerate_all, read_all
from tests.connectors.conftest import ACCOUNTS, OpenLdap, account, many
from tests.connectors.ldap_people import CLASSES, everybody
from tests.slapd import LIMITED, PEOPLE, Slapd, entry

pytestmark = pytest.mark.services


async def test_more_people_than_a_search_may_bring_come_page_by_page(
    open_ldap: OpenLdap, slapd: Slapd
) -> None:
    pages = await enumerate_all(everybody(open_ldap), "account", page_size=1000)
    rows = [row for page in pages for row in page.rows]
    assert len({row["_id"] for row in rows}) == len(rows) == slapd.people
    assert {row["uid"] for row in rows} == {f"u{number}" for number in range(slapd.people)}
    assert all(len(row["telephoneNumber"]) == 2 for row in rows)
    assert [len(page.rows) for page in pages] == [1000] * (slapd.people // 1000)
    assert [page.complete for page in pages] == [False] * (len(pages) - 1) + [True]


@pytest.mark.parametrize(
    "properties",
    [
        pytest.param({"principal": LIMITED}, id="page by page"),
        pytest.param({"usePagedResultControl": False}, id="at once"),
    ],
)
async def test_a_size_limit_is_never_taken_for_the_end(
    open_ldap: OpenLdap, properties: dict[str, Any]
) -> None:
    seen = []

    async def read() -> None:
        async for page in everybody(open_ldap, **properties).pages("account", page_size=100):
            seen.append(page)  # noqa: PERF401

    with pytest.raises(
        SourceUnreadable, match="stopped after 500 entries of account: size limit exceeded"
    ) as caught:
        await read()
    assert caught.value.detail == {"reason": "SIZE_LIMIT", "entries": 500}
    assert not any(page.complete for page in seen)


async def test_without_pages_what_fits_is_read(open_ldap: OpenLdap, slapd: Slapd, branch: str) -> None:
    slapd.add("".join(directory.person(f"p{number}", number, branch) for number in range(20)))
    connector = everybody(open_ldap, baseContexts=[branch], usePagedResultControl=False)
    pages = await enumerate_all(connector, "account", page_size=8)
    assert [len(page.rows) for page in pages] == [8, 8, 4]
    assert pages[-1].complete


async def test_values_of_all_kinds(open_ldap: OpenLdap, slapd: Slapd, branch: str) -> None:
    picture = bytes(range(256))
    slapd.add(
        entry(
            f"uid=a,{branch}",
            {
                "objectClass": ["account", "extensibleObject"],
                "uid": "a",
                "sn": ["Müller", "Зайцев"],
                "jpegPhoto": picture,
                "uidNumber": "42",
                "carLicense": "3.5",
                "description": "TRUE",
                "userPassword": "x",
            },
        )
    )
    types = {
        "account": {
            "nativeType": "__ACCOUNT__",
            "properties": {
                "names": many("sn"),
                "photo": {"nativeName": "jpegPhoto"},
                "photos": many("jpegPhoto"),
                "raw": {"nativeName": "uid", "nativeType": "JAVA_TYPE_BYTE_ARRAY"},
                "number": {"type": "integer", "nativeName": "carlicense", "nativeType": "JAVA_TYPE_INT"},
                "share": {"type": "number", "nativeName": "carLicense", "flags": ["NOT_RETURNED_BY_DEFAULT"]},
                "flag": {"type": "boolean", "nativeName": "description"},
                "name": {"nativeName": "__NAME__"},
                "key": {"nativeName": "__UID__"},
                "password": {
                    "nativeName": "__PASSWORD__",
                    "flags": ["NOT_READABLE", "NOT_RETURNED_BY_DEFAULT"],
                },
            },
        }
    }
    connector = open_ldap(types)
    [page] = await enumerate_all(connector, "account")
    assert not page.rows
    assert page.broken[0].id == "a"
    assert "'carlicense': '3.5' is not of the declared type" in page.broken[0].reason
    types["account"]["properties"].pop("number")
    [row] = await read_all(open_ldap(types), "account")
    encoded = base64.b64encode(picture).decode()
    assert row == {
        "_id": "a",
        "names": ["Müller", "Зайцев"],
        "photo": encoded,
        "photos": [encoded],
        "raw": base64.b64encode(b"a").decode(),
        "flag": True,
        "name": f"uid=a,{branch}",
        "key": "a",
    }
    assert await read_all(open_ldap(types), "account", fields=["share"]) == [{"_id": "a", "share": 3.5}]


async def test_without_declared_properties_the_schema_says_what_there_is(
    open_ldap: OpenLdap, slapd: Slapd, branch: str
) -> None:
    slapd.add(directory.person("a", 7, branch))
    connector = open_ldap({"account": {"nativeType": "__ACCOUNT__"}}, accountObjectClasses=CLASSES)
    [row] = await read_all(connector, "account")
    assert row["sn"] == ["Name 7"]
    assert row["employeeNumber"] == "7"  # SINGLE-VALUE
    assert len(row["telephoneNumber"]) == 2
    assert "userPassword" not in row
    assert await read_all(connector, "account", fields=["mail"]) == [{"_id": "a", "mail": ["a@example.com"]}]
    assert len(await read_all(connector, "account", filter=parse('sn eq "name 7"'))) == 1


@pytest.mark.parametrize(
    ("attributes", "id", "why"),
    [
        pytest.param(
            {"uid": "x", "sn": ["A", "B"]}, "x", "MANY_VALUES: 'sn' has 2 values", id="several values"
        ),
        pytest.param(
            {"uid": ["x", "y"], "sn": "A"}, None, "2 values for 'uid', which is the id", id="several ids"
        ),
        pytest.param({"cn": "x", "sn": "A"}, None, "no value for 'uid'", id="no id"),
        pytest.param(
            {"uid": "x", "description": [f"{n}" for n in range(10_000)]},
            "x",
            "ROW_TOO_LARGE: 'description' has 10000 values",
            id="10,000 values",
        ),
        pytest.param(
            {"uid": "x", "jpegPhoto": b"x" * 1_100_000},
            "x",
            "ROW_TOO_LARGE: .* over 1,048,576 bytes",
            id="large",
        ),
    ],
)
async def test_a_damaged_entry_is_told_and_harms_no_other(
    open_ldap: OpenLdap, slapd: Slapd, branch: str, attributes: dict[str, Any], id: str | None, why: str
) -> None:
    types = {"account": account(description=many(), jpegPhoto={})}
    below = {"objectClass": ["device", "extensibleObject"], "cn": "x"}
    slapd.add("".join(entry(f"cn={n},{branch}", below | {"cn": n, "uid": n, "sn": n}) for n in "ab"))
    slapd.add(entry(f"cn=x,{branch}", below | attributes))
    slapd.add(entry(f"cn=c,{branch}", below | {"cn": "c", "uid": "c", "sn": "c"}))
    connector = open_ldap(types, accountObjectClasses=["device"])
    pages = await enumerate_all(connector, "account", page_size=2)
    assert [row["_id"] for page in pages for row in page.rows] == ["a", "b", "c"]
    [broken] = [bad for page in pages for bad in page.broken]
    assert broken.id == id
    assert re.search(why, broken.reason)
    assert f"cn=x,{branch}" in broken.reason
    assert pages[-1].complete is (id is not None)
    if id is not None:
        with pytest.raises(SourceUnreadable, match="an entry cannot be read"):
            await connector.read_many("account", ["a", id])
    assert sorted(await connector.read_many("account", ["a", "c"])) == ["a", "c"]


async def test_the_naming_value_counts_where_one_of_several_must(
    open_ldap: OpenLdap, slapd: Slapd, branch: str
) -> None:
    slapd.add(
        entry(f"uid=b+cn=y,{branch}", {"objectClass": ACCOUNTS, "uid": ["a", "b", "c"], "cn": ["x", "y"]})
    )
    [row] = await read_all(open_ldap({"account": account(cn={})}), "account")
    assert (row["_id"], row["cn"]) == ("b", "y")


async def test_a_group_may_have_10000_members(open_ldap: OpenLdap, slapd: Slapd, branch: str) -> None:
    members = [f"uid=u{number},{PEOPLE}" for number in range(10_000)]
    slapd.add(entry(f"cn=all,{branch}", {"objectClass": "groupOfNames", "cn": "all", "member": members}))
    types = {"group": {"nativeType": "__GROUP__", "properties": {"cn": {}, "member": many()}}}
    [row] = await read_all(open_ldap(types, uidAttribute="cn"), "group")
    assert row["member"] == members


async def test_groups_are_read_from_both_ends(open_ldap: OpenLdap, slapd: Slapd, branch: str) -> None:
    names = [f"uid={name},{branch}" for name in ("a", "b", "c")]
    slapd.add("".join(entry(name, {"objectClass": ACCOUNTS, "uid": name[4]}) for name in names))
    for group, members in (("one", names[:2]), ("two", [names[0].upper()])):
        slapd.add(
            entry(f"cn={group},{branch}", {"objectClass": "groupOfNames", "cn": group, "member": members})
        )
    connector = open_ldap({"account": account(groups=many("ldapGroups"))})
    one, two = f"cn=one,{branch}", f"cn=two,{branch}"
    wanted = {"a": {one, two}, "b": {one}, "c": set()}
    assert {row["_id"]: set(row.get("groups", ())) for row in await read_all(connector, "account")} == wanted
    found = await connector.read_many("account", ["a", "b", "c"])
    assert {id: set(row.get("groups", ())) for id, row in found.items()} == wanted
    assert [
        row["_id"] for row in await read_all(connector, "account", filter=parse(f'groups eq "{two}"'))
    ] == ["a"]


async def test_two_entries_with_one_id_are_told_apart(open_ldap: OpenLdap, slapd: Slapd, branch: str) -> None:
    for name in ("x", "y"):
        slapd.add(entry(f"ou={name},{branch}", {"objectClass": "organizationalUnit", "ou": name}))
        slapd.add(entry(f"uid=a,ou={name},{branch}", {"objectClass": ACCOUNTS, "uid": "a", "sn": name}))
    pages = await enumerate_all(open_ldap(), "account", page_size=1)
    assert [row["sn"] for page in pages for row in page.rows] == ["x"]
    assert [bad.id for page in pages for bad in page.broken] == ["a"]
    assert "DUPLICATE_SOURCE_ID" in pages[-1].broken[0].reason
    assert pages[-1].complete
