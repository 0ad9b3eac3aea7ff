"""Two-way runs over a real directory in which something is wrong: certificates, referrals, entries not to be read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from flows.store import managed
from tests.embedded import Embedded
from tests.slapd import Slapd, entry
from tests.two_way.directory import BASE, Json, lead, people, results, sample, sample_directory, start, users

LIBRARIES = [name for name, module in (("python-ldap", "ldap"), ("anyldap", "anyldap")) if find_spec(module)]
pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(not LIBRARIES, reason="no LDAP library is installed"),
]
PEOPLE = f"ou=people,{BASE}"


@pytest.fixture
def slapd() -> Iterator[Slapd]:
    with sample_directory() as server:
        yield server


def modify(name: str, what: str) -> str:
    return f"dn: uid={name},{PEOPLE}\nchangetype: modify\n{what}\n"


async def respond(server: Any, **responses: str) -> None:
    """Change responses of the sample's configuration."""
    _, document = await server.call("GET", "config/reconciliation/people")
    document["situations"] |= {name: {"response": response} for name, response in responses.items()}
    assert (await server.call("PUT", "config/reconciliation/people", document))[0] == 200


def broken(rows: list[Json]) -> list[tuple[str, str]]:
    return [
        (row["case"], row["resourceObjectId"].split(",")[0]) for row in rows if row["status"] == "FAILURE"
    ]


@asynccontextmanager
async def known_people(slapd: Slapd, folder: Path, library: str, **store: str) -> AsyncIterator[Embedded]:
    """The sample after its first run; from now on whoever is gone from the directory goes from IDM."""
    async with sample(slapd, folder, **store) as product:
        lead(folder / "my", ldapLibrary=library)
        product.runtime.project.refresh()
        await start(product)
        await respond(product, IDM_EXISTS__SYS_NOT_EXISTS="REMOVE_FROM_IDM")
        yield product


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("how", ["ssl", "startTLS"])
async def test_an_expired_certificate_ends_the_run_and_nothing_is_written(
    tmp_path: Path, store: dict[str, str], library: str, how: str
) -> None:
    with sample_directory(expired=True) as server:
        before = people(server)
        async with sample(server, tmp_path, **store) as product:
            assert (await start(product))["status"] == "FINISHED"
            await respond(product, IDM_EXISTS__SYS_NOT_EXISTS="REMOVE_FROM_IDM")
            odd = {"userName": "odd", "givenName": "O", "sn": "D", "mail": "odd@example.com"}
            assert (await product.call("POST", "managed/user?_action=create", odd))[0] == 201
            known = await users(product)
            port = server.tls_port if how == "ssl" else server.port
            authority = str(server.authority)
            lead(tmp_path / "my", **{how: True}, port=port, caFile=authority, ldapLibrary=library)
            product.runtime.project.refresh()
            run = await start(product)
            assert run["status"] == "FAILED"
            assert "certificate" in run["message"]
            assert "expired" in run["message"]
            assert await users(product) == known
        assert people(server) == before


@pytest.mark.parametrize("library", LIBRARIES)
async def test_a_referral_fails_alone_and_whoever_may_be_there_is_not_taken_for_gone(
    slapd: Slapd, tmp_path: Path, store: dict[str, str], library: str
) -> None:
    async with known_people(slapd, tmp_path, library, **store) as product:
        slapd.run("ldapdelete", "", f"uid=kvaughan,{PEOPLE}")
        referral = {"objectClass": ["referral", "extensibleObject"], "ou": "elsewhere"}
        referral["ref"] = "ldap://127.0.0.1:1/dc=other"
        slapd.run("ldapadd", entry(f"ou=elsewhere,{PEOPLE}", referral), "-M")
        slapd.change(modify("scarter", "replace: telephoneNumber\ntelephoneNumber: 1"))
        run = await start(product)
        assert run["status"] == "FINISHED", run["message"]
        assert sorted(await users(product)) == ["bjensen", "kvaughan", "scarter"]
        told = [row for row in await results(product, run) if row["status"] == "FAILURE"]
        assert [row["case"] for row in told] == ["BROKEN_CSV"]
        assert "ldap://127.0.0.1:1/dc=other" in told[0]["message"]
        assert "telephoneNumber: 1\n" not in people(slapd)


@pytest.mark.parametrize("library", LIBRARIES)
async def test_an_entry_with_10000_values_fails_alone_and_protects_its_object(
    slapd: Slapd, tmp_path: Path, store: dict[str, str], library: str
) -> None:
    async with known_people(slapd, tmp_path, library, **store) as product:
        many = "\n".join(f"telephoneNumber: +1 360 {number:06d}" for number in range(10_000))
        slapd.change(modify("scarter", f"replace: telephoneNumber\n{many}"))
        slapd.change(modify("bjensen", "replace: telephoneNumber\ntelephoneNumber: 1"))
        run = await start(product)
        assert run["status"] == "FINISHED", run["message"]
        assert broken(await results(product, run)) == [("BROKEN_CSV", "uid=scarter")]
        assert len(await users(product)) == 3
        told = people(slapd)
        assert told.count("telephoneNumber: +1 360 0") == 10_000
        assert "telephoneNumber: 1\n" not in told


async def test_a_group_with_10000_members_is_taken_over_and_written_back(
    slapd: Slapd, tmp_path: Path, store: dict[str, str]
) -> None:
    async with sample(slapd, tmp_path, **store) as product:
        await start(product)
        members = [f"uid=x{number},{PEOPLE}" for number in range(9_997)]
        members += [f"uid={name},{PEOPLE}" for name in ("bjensen", "kvaughan", "scarter")]
        large = {"objectClass": ["top", "groupOfNames"], "cn": "all", "member": members}
        slapd.add(entry(f"cn=all,ou=groups,{BASE}", large))
        assert (await start(product, "groups"))["message"] == "Add Record to IDM from Resource: 2."
        async with product.runtime.database.read() as tx:
            found = {row.body["name"]: row for row in (await managed.find(tx, "group")).rows}
        assert len(found["all"].body["members"]) == 3
        change = [{"operation": "replace", "field": "/description", "value": "Everybody"}]
        assert (await product.call("PATCH", f"managed/group/{found['all'].id}", change))[0] == 200
        run = await start(product, "groups")
        assert run["status"] == "FINISHED", run["message"]
        told = slapd.run("ldapsearch", "", "-LLL", "-b", f"cn=all,ou=groups,{BASE}", "description", "member")
        assert "description: Everybody" in told
        assert told.count("member:") == 10_000, "who is not linked stays where he is"
        assert (await start(product, "groups"))["message"] == "Nothing to do."
        fewer = {"operation": "replace", "field": "/members", "value": found["all"].body["members"][:2]}
        assert (await product.call("PATCH", f"managed/group/{found['all'].id}", [fewer]))[0] == 200
        await start(product, "groups")
        told = slapd.run("ldapsearch", "", "-LLL", "-b", f"cn=all,ou=groups,{BASE}", "member")
        assert told.count("member:") == 9_999, "who is linked goes"


@pytest.mark.parametrize("library", LIBRARIES)
async def test_a_changed_entry_that_cannot_be_read_fails_alone_in_an_incremental_run(
    slapd: Slapd, tmp_path: Path, store: dict[str, str], library: str
) -> None:
    async with sample(slapd, tmp_path, **store) as product:
        lead(tmp_path / "my", ldapLibrary=library)
        product.runtime.project.refresh()
        await start(product)
        slapd.change(modify("scarter", "add: givenName\ngivenName: Another"))
        slapd.change(modify("bjensen", "replace: telephoneNumber\ntelephoneNumber: 1"))
        run = await start(product, updatedSince="last")
        assert run["status"] == "FINISHED", run["message"]
        assert run["counts"]["IDM_EXISTS__SYS_EXISTS"] == {"UPDATE_RES_FROM_IDM": {"SUCCESS": 1}}
        assert broken(await results(product, run)) == [("BROKEN_CSV", "uid=scarter")]

        # the other side: its object changes while the entry is still damaged, and another one's with it
        known = await users(product)
        for name in ("scarter", "kvaughan"):
            change = [{"operation": "replace", "field": "/mail", "value": f"{name}@other.example.com"}]
            assert (await product.call("PATCH", f"managed/user/{known[name]['_id']}", change))[0] == 200
        run = await start(product, updatedSince="last")
        assert run["status"] == "FINISHED", run["message"]
        assert run["counts"]["IDM_EXISTS__SYS_EXISTS"]["UPDATE_RES_FROM_IDM"]["SUCCESS"] == 1
        failed = [row for row in await results(product, run) if row["status"] == "FAILURE"]
        assert [row["case"] for row in failed] == ["BROKEN_CSV"]
        assert "kvaughan@other.example.com" in people(slapd)

        slapd.change(modify("scarter", "replace: givenName\ngivenName: Sam"))
        run = await start(product, updatedSince="last")
        assert broken(await results(product, run)) == []
