"""Reading that meets another server, a change, a restart, or an end."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from conf.errors import BadRequest
from flows.connectors.base import SourceChanged, SourceUnreadable
from tests import slapd as directory
from tests.connectors.conformance import enumerate_all, read_all
from tests.connectors.conftest import ACCOUNTS, OpenLdap
from tests.connectors.ldap_people import everybody
from tests.slapd import Slapd, entry

pytestmark = pytest.mark.services


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
