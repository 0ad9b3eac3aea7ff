"""Reading a directory: every entry once or told why not, and never a part taken for the whole."""

from __future__ import annotations

import asyncio
import base64
import re
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from conf.errors import BadRequest, ConfigError
from conf.filters.parse import parse
from flows.connectors.base import SourceChanged, SourceUnreadable
from flows.connectors.ldap import LdapDirectory
from tests import slapd as directory
from tests.connectors.conformance import enumerate_all, read_all
from tests.connectors.conftest import ACCOUNTS, OpenLdap, account, many
from tests.slapd import LIMITED, PEOPLE, SUFFIX, Slapd, entry

pytestmark = pytest.mark.services

PERSON = {"nativeType": "__ACCOUNT__", "properties": {"uid": {}, "sn": {}, "telephoneNumber": many()}}
CLASSES = ["top", "person", "organizationalPerson", "inetOrgPerson"]


def everybody(open_ldap: OpenLdap, **properties: Any) -> LdapDirectory:
    """The 5,000 people of the directory."""
    usual = {"baseContexts": [PEOPLE], "accountObjectClasses": CLASSES, "uidAttribute": "entryUUID"}
    return open_ldap({"account": PERSON}, **usual | properties)


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


async def test_a_referral_is_told_and_not_followed(open_ldap: OpenLdap, slapd: Slapd, branch: str) -> None:
    slapd.add(entry(f"uid=a,{branch}", {"objectClass": ACCOUNTS, "uid": "a"}))
    slapd.run(
        "ldapadd",
        entry(
            f"ou=elsewhere,{branch}",
            {
                "objectClass": ["referral", "extensibleObject"],
                "ou": "elsewhere",
                "ref": "ldap://127.0.0.1:1/dc=other",
            },
        ),
        "-M",
    )
    [page] = await enumerate_all(open_ldap(), "account")
    assert [row["_id"] for row in page.rows] == ["a"]
    assert [bad.id for bad in page.broken] == [None]
    assert "REFERRAL" in page.broken[0].reason
    assert "ldap://127.0.0.1:1/dc=other" in page.broken[0].reason
    assert not page.complete
    [page] = await enumerate_all(open_ldap(referrals="ignore"), "account")
    assert page.complete
    with pytest.raises(SourceUnreadable, match="names another server"):
        await enumerate_all(open_ldap(baseContexts=[f"ou=elsewhere,{branch}"]), "account")


async def test_a_successor_does_not_go_on_when_what_was_read_has_changed(
    open_ldap: OpenLdap, slapd: Slapd, branch: str
) -> None:
    slapd.add(
        "".join(entry(f"uid=u{n},{branch}", {"objectClass": ACCOUNTS, "uid": f"u{n}"}) for n in range(6))
    )
    connector = open_ldap()
    pages = await enumerate_all(connector, "account", page_size=2)
    slapd.add(entry(f"uid=u6,{branch}", {"objectClass": ACCOUNTS, "uid": "u6"}))
    rest = [row["_id"] for row in await read_all(connector, "account", page_size=2, resume=pages[1].cursor)]
    assert rest == ["u4", "u5", "u6"]
    await connector.delete("account", "u0")
    with pytest.raises(SourceChanged, match="SOURCE_CHANGED"):
        await enumerate_all(connector, "account", page_size=2, resume=pages[1].cursor)
    with pytest.raises(SourceChanged):
        await enumerate_all(connector, "account", resume="99:abc")
    with pytest.raises(BadRequest, match="no cursor"):
        await enumerate_all(connector, "account", resume="what?")


async def test_a_server_that_restarts_in_the_middle_is_read_to_the_end_once(open_ldap: OpenLdap) -> None:
    with ExitStack() as servers:
        folder = Path(servers.enter_context(tempfile.TemporaryDirectory()))
        server = Slapd(str(folder), directory.free_port(), directory.free_port(), 1000)
        directory.prepare(server)
        with directory.serving(server):
            pages = everybody(open_ldap, server=server, blockSize=50).pages("account", page_size=50)
            seen = [row async for row in _first(pages, 3)]
        with directory.serving(server):
            async for page in pages:
                seen += page.rows
                last = page
    assert len(seen) == len({row["_id"] for row in seen}) == 1000
    assert last.complete


async def test_a_server_that_goes_away_for_good_is_no_end(open_ldap: OpenLdap) -> None:
    with directory.running(1000) as server:
        connector = everybody(open_ldap, server=server, blockSize=50)
        pages = connector.pages("account", page_size=50)
        seen = [row async for row in _first(pages, 3)]

    async def go_on() -> None:
        async for page in pages:
            seen.extend(page.rows)
            assert not page.complete

    with pytest.raises(SourceUnreadable, match="cannot be reached"):
        await go_on()
    assert len(seen) < 1000


async def _first(pages: Any, count: int) -> Any:
    for _ in range(count):
        for row in (await anext(pages)).rows:
            yield row


async def test_stopping_leaves_nothing_running(open_ldap: OpenLdap) -> None:
    connector = everybody(open_ldap)
    async for _ in connector.pages("account", page_size=10):
        break
    reading = asyncio.ensure_future(read_all(connector, "account", page_size=100))
    await asyncio.sleep(0.05)
    reading.cancel()
    await asyncio.wait([reading])
    assert reading.cancelled()
    await connector.test()
    await connector.close()
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
