"""Every response in every situation, for users and groups, over a real directory."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from typing import Any

import pytest
import pytest_asyncio

from conf.reconciliation_terms import Kind, Response
from tests import slapd as directory
from tests.slapd import ADMIN, SUFFIX, Slapd, entry
from tests.two_way.test_matrix import check
from tests.two_way.world import World, configuration, world

pytestmark = [
    pytest.mark.services,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(
        not (find_spec("ldap") or find_spec("anyldap")), reason="no LDAP library is installed"
    ),
]

Json = dict[str, Any]
JS = "text/javascript"
CLASSES = {"User": ["inetOrgPerson"], "Group": ["groupOfNames"]}
NAMING = {"User": "uid", "Group": "cn"}
STATUS = {"User": "employeeType", "Group": "businessCategory"}


def branch(kind: str) -> str:
    return f"ou={kind.lower()}s,{SUFFIX}" if kind == "Group" else f"ou=people,{SUFFIX}"


class LdapWorld(World):
    """The records are entries of a directory."""

    def __init__(self, made: World, slapd: Slapd, kind: str) -> None:
        super().__init__(made.running, made.project, kind)
        self.slapd, self.kind = slapd, kind

    def write(self, *rows: Json) -> None:
        for dn in self._dns():
            self.slapd.run("ldapdelete", "", dn)
        self.slapd.add("".join(self._entry(row) for row in rows))

    def records(self) -> dict[str, Json]:
        found = {}
        for dn in self._dns():
            told = self.slapd.run("ldapsearch", "", "-LLL", "-o", "ldif-wrap=no", "-b", dn, "-s", "base")
            row = dict(line.split(": ", 1) for line in told.strip().splitlines() if ": " in line)
            name = row[NAMING[self.kind]]
            found[name] = {
                "login": name,
                "city": row.get("description"),
                "status": row.get(STATUS[self.kind]),
            }
        return found

    def _dns(self) -> list[str]:
        told = self.slapd.run("ldapsearch", "", "-LLL", "-b", branch(self.kind), "-s", "one", "dn")
        return [line.removeprefix("dn: ") for line in told.splitlines() if line.startswith("dn: ")]

    def _entry(self, row: Json) -> str:
        naming = NAMING[self.kind]
        more = {"sn": row["login"], "cn": row["login"]} if self.kind == "User" else {"member": ADMIN}
        return entry(
            f"{naming}={row['login']},{branch(self.kind)}",
            {
                "objectClass": CLASSES[self.kind],
                naming: row["login"],
                "description": row["city"],
                STATUS[self.kind]: row["status"],
                **more,
            },
        )


def provisioner(slapd: Slapd, kind: str) -> Json:
    properties = {
        "dn": {"type": "string", "nativeName": "__NAME__", "required": True},
        "login": {"type": "string", "nativeName": NAMING[kind]},
        "city": {"type": "string", "nativeName": "description"},
        "status": {"type": "string", "nativeName": STATUS[kind]},
        "sn": {"type": "string"},
        "cn": {"type": "string"},
        "member": {"type": "array", "items": {"type": "string"}},
    }
    unused = ("member",) if kind == "User" else ("sn", "cn")
    native = "__ACCOUNT__" if kind == "User" else "__GROUP__"
    return {
        "name": "hr",
        "connectorRef": {"connectorName": "org.identityconnectors.ldap.LdapConnector"},
        "configurationProperties": slapd.properties(
            ADMIN,
            baseContexts=[branch(kind)],
            uidAttribute="dn",
            accountObjectClasses=["inetOrgPerson"],
            groupObjectClasses=["groupOfNames"],
        ),
        "objectTypes": {
            "account": {
                "nativeType": native,
                "properties": {name: value for name, value in properties.items() if name not in unused},
            }
        },
    }


def document_of(kind: str) -> Json:
    """The pairs that every entry needs, beside those of the small project."""
    document = configuration(kind, resourceIdsCaseSensitive=False)
    on_create = {"direction": "toResource", "onCreateOnly": True}
    dn = f"'{NAMING[kind]}=' + source + ',{branch(kind)}'"
    pairs = [
        {"idm": "name", "resource": "login"},
        {"idm": "name", "resource": "dn", **on_create, "toResource": {"type": JS, "source": dn}},
        {"idm": "city", "resource": "city"},
    ]
    if kind == "User":
        pairs += [{"idm": "name", "resource": name, **on_create} for name in ("sn", "cn")]
    else:
        member = {"type": JS, "source": f"['{ADMIN}']"}
        pairs.append({"idm": "", "resource": "member", **on_create, "toResource": member})
    return {**document, "policyMap": pairs}


@pytest.fixture(scope="module")
def slapd() -> Iterator[Slapd]:
    with directory.running() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[Kind.USER, Kind.GROUP])
async def made(
    request: pytest.FixtureRequest,
    slapd: Slapd,
    tmp_path_factory: pytest.TempPathFactory,
    module_store: dict[str, str],
) -> AsyncIterator[LdapWorld]:
    kind = request.param.value
    async with world(tmp_path_factory.mktemp("matrix"), kind, **module_store) as running:
        file = running.project / "conf" / "provisioner.openicf-hr.json"
        file.write_text(json.dumps(provisioner(slapd, kind)))
        running.running.runtime.project.refresh()
        yield LdapWorld(running, slapd, kind)


@pytest.mark.parametrize("response", list(Response))
async def test_a_response_does_what_it_says_in_each_situation(made: LdapWorld, response: Response) -> None:
    await check(made, response, document_of(made.kind))
