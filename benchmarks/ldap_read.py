"""How fast a directory becomes objects: `python benchmarks/ldap_read.py [people]`. Needs slapd and ldap-utils.

Prints for each installed library the time of the connector as a multiple of a plain paged ldapsearch and of the
library's own paged read of the same attributes, peak memory, and the time to find 10 changed people. The best of
several readings in turn is taken, because one machine runs both ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from flows.connectors.ldap import LdapDirectory
from flows.connectors.ldap_library import LIBRARIES, find_library
from tests import slapd
from tests.slapd import PASSWORD, PEOPLE, SYNC, Slapd

FILTER = "(&(objectClass=person)(objectClass=organizationalPerson)(objectClass=inetOrgPerson))"
ATTRIBUTES = ["uid", "cn", "sn", "givenName", "mail", "employeeNumber", "departmentNumber", "telephoneNumber"]
PAGE = 1000
TURNS = 5


def opened(server: Slapd, library: str) -> LdapDirectory:
    properties: dict[str, dict[str, str]] = {name: {} for name in ATTRIBUTES}
    properties["telephoneNumber"] = {"type": "array"}
    return LdapDirectory.open(
        "ldap",
        {
            "connectorRef": {"connectorName": "org.identityconnectors.ldap.LdapConnector"},
            "configurationProperties": server.properties(ldapLibrary=library, blockSize=PAGE),
            "objectTypes": {"account": {"nativeType": "__ACCOUNT__", "properties": properties}},
        },
        Path(server.folder),
    )


def by_ldapsearch(server: Slapd) -> float:
    """Plain paged ldapsearch; its output goes nowhere."""
    begun = time.perf_counter()
    subprocess.run(
        [  # noqa: RUF005
            "ldapsearch",
            "-x",
            "-LLL",
            "-o",
            "ldif_wrap=no",
            "-H",
            f"ldap://127.0.0.1:{server.port}",
            "-D",
            SYNC,
        ]
        + ["-w", PASSWORD, "-b", PEOPLE, "-E", f"pr={PAGE}/noprompt", FILTER, "entryUUID", *ATTRIBUTES],
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - begun


async def by_library(server: Slapd, library: str) -> int:
    """The library's own paged read, page for page as its documentation shows it."""
    module: Any = find_library(library, "").module  # type: ignore[attr-defined]
    paging = module.controls.SimplePagedResultsControl
    connection = module.initialize(f"ldap://127.0.0.1:{server.port}")
    count, cookie, awaits = 0, "", library == "anyldap"

    async def done(value: Any) -> Any:
        return await value if awaits else value

    await done(connection.simple_bind_s(SYNC, PASSWORD))
    while True:
        controls = [paging(True, size=PAGE, cookie=cookie)]
        wanted = ["entryUUID", *ATTRIBUTES]
        message = await done(connection.search_ext(PEOPLE, 2, FILTER, wanted, serverctrls=controls))
        _, data, _, answered = await done(connection.result3(message))
        count += len(data)
        cookie = next(control.cookie for control in answered if control.controlType == paging.controlType)
        if not cookie:
            break
    await done(connection.unbind_s())
    return count


async def by_connector(server: Slapd, library: str) -> int:
    connector = opened(server, library)
    return sum([len(page.rows) async for page in connector.pages("account", page_size=PAGE)])


async def changed(server: Slapd, library: str) -> tuple[int, float, int, float]:
    """10 people changed: by the token that the connector gave, and by a time."""
    connector = opened(server, library)
    await connector.test()
    _, token = await connector.changes("account", None)
    time.sleep(1.1)
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    server.change(
        "".join(
            f"dn: uid=u{n},{PEOPLE}\nchangetype: modify\nreplace: sn\nsn: {token[-9:]}{n}\n\n"
            for n in range(10)
        )
    )
    begun = time.perf_counter()
    by_token, _ = await connector.changes("account", token)
    middle = time.perf_counter()
    by_time, _ = await connector.changes("account", since)
    return len(by_token), middle - begun, len(by_time), time.perf_counter() - middle


def measured(folder: str, what: str, library: str, *attributes: str) -> None:
    """One reading in a process of its own, of these attributes if any are named."""
    ATTRIBUTES[:] = attributes or ATTRIBUTES
    server = Slapd(**json.loads(Path(folder, "server.json").read_text()))
    begun = time.perf_counter()
    if what == "changes":
        result: Any = asyncio.run(changed(server, library))
    else:
        result = asyncio.run(
            by_library(server, library) if what == "library" else by_connector(server, library)
        )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps([result, time.perf_counter() - begun, memory]))


def apart(server: Slapd, what: str, library: str) -> Any:
    command = [sys.executable, __file__, "--one", server.folder, what, library, *ATTRIBUTES]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        check=True,
        env=os.environ | {"PYTHONPATH": os.getcwd()},  # noqa: PTH109
    )
    return json.loads(done.stdout)


def main(people: int = 100_000) -> None:
    with slapd.running(people) if "RECON_TEST_SLAPD" not in os.environ else slapd.session() as server:
        for library in LIBRARIES:
            turns = TURNS if library == "python-ldap" else 2
            plain, own, ours, memory, count = [], [], [], 0, 0
            for _ in range(turns):
                plain.append(by_ldapsearch(server))
                own.append(apart(server, "library", library)[1])
                count, seconds, memory = apart(server, "connector", library)
                ours.append(seconds)
            best = min(ours)
            print(
                f"{library}: {count:,} entries in {best:.1f} s ({count / best:,.0f}/s), peak memory {memory} MB; "
                f"ldapsearch {min(plain):.1f} s: ratio {best / min(plain):.2f}; "
                f"the library alone {min(own):.1f} s: ratio {best / min(own):.2f}; load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
            (tokens, by_token, times, by_time), _, _ = apart(server, "changes", library)
            print(
                f"{library}: {tokens} changed since a token in {by_token:.2f} s, {times} since a time in {by_time:.2f} s",
                flush=True,
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        measured(*sys.argv[2:])
    else:
        main(*map(int, sys.argv[1:]))
