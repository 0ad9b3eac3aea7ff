"""Writing a directory: no more than what differs, with names and groups kept right."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from conf.errors import BadRequest, Conflict, Forbidden, NotFound, PreconditionFailed, ReconError
from flows.connectors.base import SourceUnreadable
from flows.connectors.ldap import LdapDirectory
from tests.connectors.conformance import read_all
from tests.connectors.conftest import ACCOUNTS, OpenLdap, account, many
from tests.slapd import LIMITED, PASSWORD, PEOPLE, SUFFIX, Slapd, entry

pytestmark = pytest.mark.services

CLASSES = ["top", "person", "organizationalPerson", "inetOrgPerson"]
PROPERTIES: dict[str, Any] = {
    "dn": {"nativeName": "__NAME__"},
    "uid": {},
    "cn": {},
    "sn": {},
    "mail": many(),
    "photo": {"nativeName": "jpegPhoto"},
    "manager": {},
    "password": {"nativeName": "__PASSWORD__", "flags": ["NOT_READABLE", "NOT_RETURNED_BY_DEFAULT"]},
    "active": {"type": "boolean", "nativeName": "__ENABLE__"},
    "groups": many("ldapGroups"),
    "changed": {"nativeName": "entryCSN", "flags": ["NOT_UPDATEABLE", "NOT_CREATABLE"]},
    "number": {"nativeName": "employeeNumber", "flags": ["NOT_UPDATEABLE"]},
}
TYPES = {
    "account": {"nativeType": "__ACCOUNT__", "properties": PROPERTIES},
    "group": {"nativeType": "__GROUP__", "properties": {"cn": {}, "members": many("member")}},
    "unit": {"nativeType": "organizationalUnit", "properties": {"ou": {}, "description": {}}},
}
STATUS = {"attribute": "employeeType", "active": None, "inactive": "disabled"}


@pytest.fixture
def ldap(open_ldap: OpenLdap) -> LdapDirectory:
    return open_ldap(
        TYPES,
        accountObjectClasses=CLASSES,
        uidAttribute="entryUUID",
        statusAttribute=STATUS,
        maintainLdapGroupMembership=True,
    )


def person(id: str, **more: Any) -> dict[str, Any]:
    return {"uid": id, "cn": f"Person {id}", "sn": "Person", **more}


async def test_a_new_entry_is_named_by_its_naming_attribute(
    ldap: LdapDirectory, branch: str, slapd: Slapd
) -> None:
    made = await ldap.create("account", person("jdoe", mail=["a@x", "b@x"]))
    assert made["dn"] == f"uid=jdoe,{branch}"
    assert made["mail"] == ["a@x", "b@x"]
    assert made["active"] is True
    assert len(made["_id"]) == 36
    shown = slapd.run("ldapsearch", "", "-LLL", "-b", made["dn"], "-s", "base", "objectClass")
    assert sorted(line[13:] for line in shown.splitlines() if line.startswith("objectClass")) == sorted(
        CLASSES
    )


async def test_a_new_entry_may_have_a_name_of_its_own(ldap: LdapDirectory, branch: str) -> None:
    for number, name in enumerate(
        ["Doe, John", 'J "Q" Doe', "Zoë + Zoë", "#1; <x> = \\y", " blank ", "Зайцев"]
    ):
        escaped = "".join(f"\\{byte:02x}" for byte in name.encode())
        made = await ldap.create("account", person(f"p{number}", dn=f"CN={escaped}, {branch}", cn=name))
        assert made["cn"].strip() == name.strip()
        assert (await ldap.read_many("account", [made["_id"]]))[made["_id"]] == made
        await ldap.update("account", made["_id"], {"sn": name})
        await ldap.delete("account", made["_id"])
    assert await read_all(ldap, "account") == []


@pytest.mark.parametrize(
    ("content", "error", "why"),
    [
        pytest.param({"cn": "x", "sn": "y"}, BadRequest, "needs a name: a value for 'uid'", id="no name"),
        pytest.param(
            person("a", dn=f"uid=a,{PEOPLE}"), BadRequest, "is not below .*ou=tests", id="elsewhere"
        ),
        pytest.param(
            person("a", dn="anywhere"), BadRequest, "'anywhere' is not a distinguished name", id="no DN"
        ),
        pytest.param(
            person("a", dn="uid=a,ou=gone,ou=BRANCH"), BadRequest, "is not below", id="in no branch of ours"
        ),
        pytest.param(
            person("a", shoeSize=4), BadRequest, "no member 'shoeSize'. It has dn, uid", id="unknown member"
        ),
        pytest.param(
            person("a", mial="x"), BadRequest, r"no member 'mial'. Did you mean mail\?", id="misspelt member"
        ),
        pytest.param(
            {"uid": "a", "cn": "a"},
            BadRequest,
            "refused by the directory.*requires attribute 'sn'",
            id="class",
        ),
        pytest.param(
            person("a", manager="boss"), BadRequest, "refused by the directory.*manager", id="syntax"
        ),
        pytest.param(
            person("a", photo="not base64!"), BadRequest, "photo: the value is not base64", id="base64"
        ),
        pytest.param(
            person("a", sn={"a": 1}), BadRequest, "sn: a directory holds texts.*not an object", id="object"
        ),
        pytest.param(person("a", sn="\ud800"), BadRequest, "half a character", id="surrogate"),
        pytest.param(
            person("a", active="no"), BadRequest, "active: expected true or false, found a text", id="status"
        ),
        pytest.param(person("a", changed="x"), BadRequest, "'changed' cannot be chosen", id="read only"),
        pytest.param(
            person("a", _id="x"), BadRequest, "'_id' cannot be chosen, the directory gives it", id="an id"
        ),
        pytest.param(
            person("a", groups=["cn=none," + SUFFIX]), NotFound, "not found", id="a group that is not there"
        ),
    ],
)
async def test_what_cannot_be_made_is_refused_with_the_reason(
    ldap: LdapDirectory, content: dict[str, Any], error: type[ReconError], why: str
) -> None:
    with pytest.raises(error, match=why) as caught:
        await ldap.create("account", content)
    assert caught.value.status < 500


async def test_an_entry_that_exists_is_not_made_again(ldap: LdapDirectory) -> None:
    await ldap.create("account", person("a"))
    with pytest.raises(PreconditionFailed, match=r"(?i)an entry uid=a,.* already"):
        await ldap.create("account", person("A"))


async def test_only_what_differs_is_written(ldap: LdapDirectory) -> None:
    made = await ldap.create("account", person("a", mail=["one@x", "two@x"], manager=f"uid=u1,{PEOPLE}"))
    same = made | {
        "mail": ["two@x", "one@x"],
        "manager": f"UID=U1, {PEOPLE.upper()}",
        "dn": made["dn"].upper(),
    }
    assert (await ldap.update("account", made["_id"], same))["changed"] == made["changed"]
    after = await ldap.update("account", made["_id"], {"mail": ["two@x", "three@x"], "sn": "person"})
    assert sorted(after["mail"]) == ["three@x", "two@x"]
    assert after["sn"] == "person"
    assert after["changed"] > made["changed"]
    cleared = await ldap.update("account", made["_id"], {"mail": [], "manager": None, "photo": ""})
    assert "mail" not in cleared
    assert "manager" not in cleared


async def test_binary_values_are_written_whole(ldap: LdapDirectory) -> None:
    pictures = [base64.b64encode(bytes([n]) * 1000).decode() for n in range(2)]
    made = await ldap.create("account", person("a", photo=pictures[0]))
    assert made["photo"] == pictures[0]
    assert (await ldap.update("account", made["_id"], {"photo": pictures[1]}))["photo"] == pictures[1]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param(
            {"uid": None}, "'uid' is a part of the entry's name and cannot be cleared", id="the name"
        ),
        pytest.param({"number": "8"}, "'number' cannot be changed", id="a member that may not be updated"),
        pytest.param({"changed": "x"}, "'changed' cannot be changed", id="what the directory keeps"),
        pytest.param({"sn": None}, "requires attribute 'sn'", id="what the class requires"),
        pytest.param({"_id": "x"}, "'_id' cannot be changed", id="the id"),
        pytest.param({"dn": f"uid=a,{SUFFIX}"}, "is not below", id="a place that is not ours"),
    ],
)
async def test_what_cannot_be_changed_is_refused_with_the_reason(
    ldap: LdapDirectory, change: dict[str, Any], why: str
) -> None:
    made = await ldap.create("account", person("a", number="7"))
    with pytest.raises(BadRequest, match=why):
        await ldap.update("account", made["_id"], change)
    assert await ldap.read_many("account", [made["_id"]]) == {made["_id"]: made}


async def test_a_new_naming_value_renames_the_entry(ldap: LdapDirectory, branch: str) -> None:
    made = await ldap.create("account", person("a"))
    after = await ldap.update("account", made["_id"], {"uid": "b, c", "sn": "New"})
    assert (after["_id"], after["uid"], after["sn"]) == (made["_id"], "b, c", "New")
    assert after["dn"] == f"uid=b\\2C c,{branch}"
    assert (await ldap.update("account", made["_id"], {"uid": "B, C"}))["uid"] == "B, C"
    with pytest.raises(NotFound):
        await ldap.update("account", "00000000-0000-1000-8000-000000000000", {"sn": "x"})


async def test_a_new_name_moves_the_entry_and_its_groups_follow(
    ldap: LdapDirectory, slapd: Slapd, branch: str
) -> None:
    await ldap.create("unit", {"ou": "sales"})
    made = await ldap.create("account", person("a"))
    group = await ldap.create("group", {"cn": "g", "members": [made["dn"], f"uid=u1,{PEOPLE}"]})
    assert (await ldap.read_many("account", [made["_id"]]))[made["_id"]]["groups"] == [f"cn=g,{branch}"]
    after = await ldap.update(
        "account", made["_id"], {"dn": f"cn=Al\\, Sr.,ou=sales,{branch}", "cn": "Al, Sr."}
    )
    assert after["dn"] == f"cn=Al\\2C Sr.,ou=sales,{branch}"
    assert after["groups"] == [f"cn=g,{branch}"]
    found = (await ldap.read_many("group", [group["_id"]]))[group["_id"]]
    assert sorted(found["members"]) == sorted([after["dn"], f"uid=u1,{PEOPLE}"])
    await ldap.delete("account", made["_id"])
    found = (await ldap.read_many("group", [group["_id"]]))[group["_id"]]
    assert found["members"] == [f"uid=u1,{PEOPLE}"]
    with pytest.raises(BadRequest, match="member"):
        await ldap.update("group", group["_id"], {"members": []})


async def test_groups_are_written_from_both_ends(ldap: LdapDirectory, branch: str) -> None:
    keeper = f"uid=u1,{PEOPLE}"
    ids = [(await ldap.create("group", {"cn": name, "members": [keeper]}))["_id"] for name in ("x", "y")]
    x, y = f"cn=x,{branch}", f"cn=y,{branch}"
    made = await ldap.create("account", person("a", groups=[x]))
    assert made["groups"] == [x]
    after = await ldap.update("account", made["_id"], {"groups": [y.upper()]})
    assert after["groups"] == [y]
    members = [(await ldap.read_many("group", [id]))[id]["members"] for id in ids]
    assert members == [[keeper], [keeper, made["dn"]]]
    await ldap.update("group", ids[1], {"members": [keeper.upper().replace(",", " , ")]})
    assert "groups" not in (await ldap.read_many("account", [made["_id"]]))[made["_id"]]
    assert "groups" not in await ldap.update("account", made["_id"], {"groups": None})


async def test_of_many_members_only_those_that_differ_are_written(ldap: LdapDirectory, slapd: Slapd) -> None:
    members = [f"uid=u{number},{PEOPLE}" for number in range(5000)]
    made = await ldap.create("group", {"cn": "all", "members": members})
    assert made["members"] == members
    after = await ldap.update("group", made["_id"], {"members": [*members[1:], f"uid=new,{PEOPLE}"]})
    assert after["members"] == [*members[1:], f"uid=new,{PEOPLE}"]


async def test_disabling_an_account_writes_its_status_attribute(
    ldap: LdapDirectory, open_ldap: OpenLdap, slapd: Slapd
) -> None:
    made = await ldap.create("account", person("a", active=False))
    assert made["active"] is False
    assert "disabled" in slapd.run("ldapsearch", "", "-LLL", "-b", made["dn"], "employeeType")
    assert (await ldap.update("account", made["_id"], {"active": True}))["active"] is True
    assert "employeeType" not in slapd.run("ldapsearch", "", "-LLL", "-b", made["dn"], "employeeType")
    assert (await ldap.update("account", made["_id"], {"active": False}))["active"] is False


async def test_a_status_may_be_one_bit_of_a_number(open_ldap: OpenLdap, slapd: Slapd) -> None:
    types = {
        "account": account(
            active={"type": "boolean", "nativeName": "__ENABLE__"}, number={"nativeName": "uidNumber"}
        )
    }
    connector = open_ldap(types, statusAttribute={"attribute": "uidNumber", "bit": 2})
    made = await connector.create("account", {"_id": "a", "number": "512", "active": True})
    assert (made["active"], made["number"]) == (True, "512")
    after = await connector.update("account", "a", {"active": False})
    assert (after["active"], after["number"]) == (False, "514")
    assert (await connector.update("account", "a", {"active": True}))["number"] == "512"


async def test_a_password_is_written_and_not_read(
    ldap: LdapDirectory, open_ldap: OpenLdap, branch: str
) -> None:
    made = await ldap.create("account", person("a", password="first ü"))
    assert "password" not in made
    mine = open_ldap(principal=made["dn"], credentials="first ü", accountObjectClasses=CLASSES)
    await mine.test()
    await mine.close()
    await ldap.update("account", made["_id"], {"password": "second"})
    with pytest.raises(SourceUnreadable, match=f"did not let {made['dn']} in"):
        await mine.test()


async def test_a_name_below_which_others_are_is_not_deleted(ldap: LdapDirectory, branch: str) -> None:
    unit = await ldap.create("unit", {"ou": "sales"})
    await ldap.create("account", person("a", dn=f"uid=a,ou=sales,{branch}"))
    with pytest.raises(Conflict, match="has entries below it"):
        await ldap.delete("unit", unit["_id"])


async def test_two_entries_with_one_id_are_left_alone(open_ldap: OpenLdap, slapd: Slapd, branch: str) -> None:
    for name in ("x", "y"):
        slapd.add(
            entry(
                f"cn={name},{branch}", {"objectClass": ["device", "extensibleObject"], "cn": name, "uid": "a"}
            )
        )
    connector = open_ldap(accountObjectClasses=["device"])
    with pytest.raises(Conflict, match=r"have the same id 'a'\. None was written"):
        await connector.update("account", "a", {"sn": "x"})
    with pytest.raises(Conflict):
        await connector.delete("account", "a")
    with pytest.raises(PreconditionFailed, match="has an object 'a' already"):
        await connector.create("account", {"_id": "a", "sn": "x"})


async def test_a_reader_may_not_write(open_ldap: OpenLdap, slapd: Slapd, branch: str) -> None:
    slapd.add(entry(f"uid=a,{branch}", {"objectClass": ACCOUNTS, "uid": "a"}))
    connector = open_ldap(principal=LIMITED)
    for ask in (
        connector.create("account", {"_id": "b"}),
        connector.update("account", "a", {"sn": "x"}),
        connector.delete("account", "a"),
    ):
        with pytest.raises(Forbidden, match=f"does not let {LIMITED} write system/ldap/account/"):
            await ask


async def test_an_entrys_name_as_its_id_can_be_written(open_ldap: OpenLdap, branch: str) -> None:
    types = {"account": account(uid={})}
    connector = open_ldap(types, uidAttribute="dn")
    made = await connector.create("account", {"_id": f"uid=a\\, b,{branch}", "sn": "x"})
    assert made == {"_id": f"uid=a\\2C b,{branch}", "uid": "a, b", "sn": "x"}
    same = await connector.update(
        "account", f"UID=A\\, B,{branch}", {"_id": f"UID=A\\, B,{branch}", "sn": "y"}
    )
    assert same == made | {"sn": "y"}
    moved = await connector.update("account", made["_id"], {"_id": f"uid=c,{branch}"})
    assert moved["_id"] == f"uid=c,{branch}"
    with pytest.raises(PreconditionFailed, match=f"has an object 'uid=c,{branch}' already"):
        await connector.create("account", {"_id": f"uid=c,{branch}"})
    with pytest.raises(NotFound):
        await connector.delete("account", made["_id"])
    await connector.delete("account", moved["_id"])
    assert await read_all(connector, "account") == []


async def test_a_password_in_the_tests_is_no_plain_one() -> None:
    assert set("\\, ü") <= set(PASSWORD)
