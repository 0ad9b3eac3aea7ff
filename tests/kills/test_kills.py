"""Processes die at random moments while tasks are being decided: nothing is lost, doubled or stuck."""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conf.database import Database
from flows.call import now_ms
from flows.consistency import Violation, violations
from tests.kills.product import APPROVER, Product

pytestmark = [pytest.mark.kills, pytest.mark.timeout(900)]

ASKED = os.environ.get("RECON_KILLS", "12")
KILLS = 100 if ASKED == "long" else int(ASKED)
TASKS = 20
VICTIMS = (("api",), ("worker",), ("prefect",), ("api", "worker", "prefect"))


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    product = Product(tmp_path, executor=os.environ.get("RECON_KILLS_EXECUTOR", "prefect"))
    product.start()
    try:
        yield product
    finally:
        product.stop()


def test_whoever_dies_every_approved_user_exists_once_and_nothing_is_stuck(product: Product) -> None:
    seed = int(os.environ.get("RECON_SEED", str(time.time_ns() % 1_000_000)))
    print(f"seed {seed}")
    chance = random.Random(seed)
    product.create_approver()
    people: list[str] = []
    approved: set[str] = set()
    for number in range(KILLS):
        fresh = [f"p{number:02d}x{index:02d}" for index in range(TASKS)]
        people += fresh
        product.write_people(people)
        run = product.recon()
        assert run["state"] == "SUCCESS", run
        verdicts = {id: chance.random() < 0.6 for id in fresh}
        approved |= {id for id, yes in verdicts.items() if yes}
        killer = threading.Timer(chance.uniform(0.0, 2.5), product.kill, VICTIMS[number % len(VICTIMS)])
        killer.start()
        decide_all(product, verdicts)
        killer.join()
        settled(product, approved, people)
    check(product, approved, people)


def decide_all(product: Product, verdicts: dict[str, bool]) -> None:
    """Complete every open task of these people, again and again until each has its one decision."""
    tasks = {
        task_source(product, task["_id"]): task["_id"] for task in product.query("workflow/taskinstance")
    }
    assert set(tasks) >= set(verdicts), sorted(set(verdicts) - set(tasks))
    with ThreadPoolExecutor(5) as clients:
        list(clients.map(lambda person: decide(product, tasks[person], yes=verdicts[person]), verdicts))


def task_source(product: Product, task: str) -> str:
    found: list[str] = []

    def read() -> bool:
        status, body = product.call("GET", f"workflow/taskinstance/{task}")
        if status == 200:
            found.append(body["variables"]["sourceId"])
        return status == 200

    product.wait_until(read, f"task {task} is read")
    return found[0]


def decide(product: Product, task: str, *, yes: bool) -> None:
    """A broken connection says nothing, so ask again; 404 then means that the first time counted."""
    body = {"requestApproved": "true" if yes else "false"}

    def done() -> bool:
        status, answer = product.call(
            "POST", f"workflow/taskinstance/{task}?_action=complete", body, APPROVER
        )
        assert status in (0, 200, 202, 404, 503), (status, answer)
        return status in (200, 202, 404)

    product.wait_until(done, f"task {task} is decided")


def settled(product: Product, approved: set[str], people: list[str]) -> None:
    """What was decided has happened."""

    def users() -> bool:
        found = {user["_id"] for user in product.query("managed/user", fields="_id")} - {"asyncadmin"}
        assert found <= approved, f"nobody approved {sorted(found - approved)}"
        return found == approved

    product.wait_until(users, "every approved user exists")
    product.wait_until(lambda: not product.query("workflow/taskinstance"), "no task is open")


def check(product: Product, approved: set[str], people: list[str]) -> None:
    links = product.query("repo/link")
    assert sorted(link["firstId"] for link in links) == sorted(approved)
    status, body = product.call("GET", "recon")
    assert status == 200
    assert [run for run in body["reconciliations"] if run["state"] == "ACTIVE"] == []
    last = product.recon()
    assert last["situationSummary"]["CONFIRMED"] == len(approved)
    assert last["situationSummary"]["ABSENT"] == len(people) - len(approved)
    assert product.query("workflow/taskinstance") == [], "a rejection is remembered"
    assert asyncio.run(broken_promises(product)) == []


async def broken_promises(product: Product) -> list[Violation]:
    database = await Database.open(product.database or f"sqlite:///{product.data}/reconvene.db")
    try:
        async with database.read() as transaction:
            return await violations(transaction, now_ms())
    finally:
        await database.close()
