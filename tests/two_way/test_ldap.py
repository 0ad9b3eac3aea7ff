"""Both ways over a real directory: the sample, the matrix, a directory that goes away, names that want escaping."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from flows.store import managed
from tests.slapd import Slapd
from tests.two_way.directory import BASE, lead, people, sample, sample_directory, start, users

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(
        not (find_spec("ldap") or find_spec("anyldap")), reason="no LDAP library is installed"
    ),
]

Json = dict[str, Any]


@pytest.fixture
def slapd() -> Iterator[Slapd]:
    with sample_directory() as server:
        yield server


async def test_the_ldap_sample_settles_what_both_sides_changed(
    slapd: Slapd, tmp_path: Path, store: dict[str, str]
) -> None:
    async with sample(slapd, tmp_path, **store) as server:
        first = await start(server)
        assert (first["status"], first["message"]) == ("FINISHED", "Add Record to IDM from Resource: 3.")
        assert (await start(server))["message"] == "Nothing to do."

        slapd.run("ldapdelete", "", f"uid=kvaughan,ou=people,{BASE}")
        slapd.change(
            f"dn: uid=scarter,ou=people,{BASE}\nchangetype: modify\nreplace: telephoneNumber\n"
            "telephoneNumber: +1 360 555 0199\n"
        )
        odd = {"userName": 'o,dd "x"', "givenName": "Zoë", "sn": "Müller, Dr.", "mail": "odd@example.com"}
        assert (await server.call("POST", "managed/user?_action=create", odd))[0] == 201
        barbara = (await users(server))["bjensen"]
        gone = [{"operation": "replace", "field": "/accountStatus", "value": "inactive"}]
        assert (await server.call("PATCH", f"managed/user/{barbara['_id']}", gone))[0] == 200

        run = await start(server)
        assert run["counts"] == {
            "IDM_DELETED__SYS_EXISTS": {"DISABLE_IN_RES": {"SUCCESS": 1}},
            "IDM_EXISTS__SYS_EXISTS": {"UPDATE_RES_FROM_IDM": {"SUCCESS": 1}},
            "IDM_EXISTS__SYS_NOT_EXISTS": {"ADD_TO_RES": {"SUCCESS": 2}},
        }
        told = people(slapd)
        assert "employeeType: inactive" in told
        assert "telephoneNumber: +1 360 555 0102" in told
        assert "uid: kvaughan" in told
        assert 'uid: o,dd "x"' in told
        assert (await start(server))["message"] == "Nothing to do."


async def test_only_what_changed_since_the_last_run_is_read(
    slapd: Slapd, tmp_path: Path, store: dict[str, str]
) -> None:
    async with sample(slapd, tmp_path, **store) as server:
        await start(server)
        await start(server, updatedSince="last")
        slapd.change(
            f"dn: uid=scarter,ou=people,{BASE}\nchangetype: modify\nreplace: mail\nmail: other@example.com\n"
        )
        run = await start(server, updatedSince="last")
        assert run["status"] == "FINISHED", run
        assert run["counts"] == {"IDM_EXISTS__SYS_EXISTS": {"UPDATE_RES_FROM_IDM": {"SUCCESS": 1}}}


async def test_an_ldap_filter_picks_who_takes_part(
    slapd: Slapd, tmp_path: Path, store: dict[str, str]
) -> None:
    async with sample(slapd, tmp_path, **store) as server:
        _, document = await server.call("GET", "config/reconciliation/people")
        document["targetSystemSearchQueryFilter"] = "(&(objectClass=person)(!(uid=scarter)))"
        status, body = await server.call("PUT", "config/reconciliation/people", document)
        assert status == 200, body
        run = await start(server)
        assert run["status"] == "FINISHED", run
        assert sorted(await users(server)) == ["bjensen", "kvaughan"]


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ({"credentials": "wrong"}, "did not let"),
        ({"port": 1}, "127.0.0.1"),
    ],
)
async def test_a_directory_that_refuses_ends_the_run_and_nothing_is_deleted(
    slapd: Slapd, tmp_path: Path, store: dict[str, str], properties: Json, told: str
) -> None:
    async with sample(slapd, tmp_path, **store) as server:
        await start(server)
        _, document = await server.call("GET", "config/reconciliation/people")
        document["situations"]["IDM_EXISTS__SYS_NOT_EXISTS"] = {"response": "REMOVE_FROM_IDM"}
        assert (await server.call("PUT", "config/reconciliation/people", document))[0] == 200
        lead(tmp_path / "my", **properties)
        server.runtime.project.refresh()
        run = await start(server)
        assert run["status"] == "FAILED"
        assert told in run["message"]
        assert len(await users(server)) == 3


async def test_members_of_groups_go_both_ways(slapd: Slapd, tmp_path: Path, store: dict[str, str]) -> None:
    async with sample(slapd, tmp_path, **store) as server:
        await start(server)
        first = await start(server, "groups")
        assert first["message"] == "Add Record to IDM from Resource: 1.", first
        by_name = await users(server)
        async with server.runtime.database.read() as tx:
            (payroll,) = (await managed.find(tx, "group")).rows
        refs = {f"managed/user/{by_name[name]['_id']}" for name in ("bjensen", "kvaughan")}
        assert {member["_ref"] for member in payroll.body["members"]} == refs
        assert (await start(server, "groups"))["message"] == "Nothing to do."

        sam = {"_ref": f"managed/user/{by_name['scarter']['_id']}"}
        change = [{"operation": "replace", "field": "/members", "value": [sam]}]
        status, body = await server.call("PATCH", f"managed/group/{payroll.id}", change)
        assert status == 200, body
        new = {"name": "travel", "description": "Books", "members": [sam]}
        assert (await server.call("POST", "managed/group?_action=create", new))[0] == 201
        run = await start(server, "groups")
        assert run["status"] == "FINISHED", run
        told = slapd.run("ldapsearch", "", "-LLL", "-o", "ldif-wrap=no", "-b", f"ou=groups,{BASE}", "member")
        assert told.count(f"member: uid=scarter,ou=people,{BASE}") == 2, (told, run)
        assert "bjensen" not in told
        assert (await start(server, "groups"))["message"] == "Nothing to do."
