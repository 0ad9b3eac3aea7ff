"""Deciding on tasks whatever happens meanwhile, and what must be true afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from conf.database import Database
from flows.call import now_ms
from flows.consistency import Violation, violations
from tests.kills.product import APPROVER, Product


def decide_all(product: Product, verdicts: Mapping[str, bool]) -> None:
    """Complete every open task of these people, again and again until each has its one decision."""
    decide_each(product, open_tasks(product), verdicts)


def open_tasks(product: Product) -> dict[str, str]:
    """The open task of each source."""
    return {task_source(product, task["_id"]): task["_id"] for task in product.query("workflow/taskinstance")}


def decide_each(product: Product, tasks: Mapping[str, str], verdicts: Mapping[str, bool]) -> None:
    """The same for tasks that are known, whose list need not be asked for."""
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


def settled(product: Product, approved: set[str]) -> None:
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
    database = await Database.open(product.store)
    try:
        async with database.read() as transaction:
            return await violations(transaction, now_ms())
    finally:
        await database.close()


def verdicts_on(ids: list[str]) -> dict[str, bool]:
    """Every third is refused."""
    return {id: index % 3 > 0 for index, id in enumerate(ids)}


def approved_of(verdicts: dict[str, bool]) -> set[str]:
    return {id for id, yes in verdicts.items() if yes}


def progress(product: Product, run: str) -> int:
    """Sources that the run has done."""
    status, answer = product.call("GET", f"recon/{run}")
    assert status == 200
    return int(answer["progress"]["source"]["existing"]["processed"])
