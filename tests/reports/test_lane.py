"""A worker tells people of runs by itself, whoever ended them."""

import asyncio
from pathlib import Path

import orjson

from conf.database import Database
from conf.settings import Settings
from flows.worker import work
from tests.reports.post import post_office
from tests.reports.runs import CONFIGURATION, add_run, mail_state


async def test_a_worker_sends_what_is_due(folder: Path, store: dict[str, str]) -> None:
    document = CONFIGURATION | {"emailAddressForNotification": "operators@example.com"}
    (folder / "conf" / "reconciliation-hr.json").write_bytes(orjson.dumps(document))
    settings = Settings(project=folder, executor="embedded", poll_seconds=0.05, **store)
    database = await Database.open(settings.database_url)
    await add_run(database)
    stop = asyncio.Event()
    async with post_office() as post:
        server = {"host": "localhost", "port": post.port, "from": "recon@example.com"}
        (folder / "conf" / "external.email.json").write_bytes(orjson.dumps(server))
        working = asyncio.create_task(work(settings, stop=stop))
        async with asyncio.timeout(30):
            while (mail := (await mail_state(database)).mail) is None:
                await asyncio.sleep(0.02)
        stop.set()
        await working
    assert mail["state"] == "SENT"
    assert len(post.mails) == 1
    await database.close()


async def test_a_worker_that_is_to_work_once_does_so_too(folder: Path, store: dict[str, str]) -> None:
    settings = Settings(project=folder, executor="embedded", **store)
    database = await Database.open(settings.database_url)
    await add_run(database)
    await work(settings, once=True)
    mail = (await mail_state(database)).mail
    assert mail is not None
    assert mail["state"] == "NONE"
    await database.close()
