"""Many clients complete the same tasks at once: one decision each, one user, one link."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.kills.product import APPROVER, Product

pytestmark = [pytest.mark.kills, pytest.mark.timeout(600)]

CLIENTS = int(os.environ.get("RECON_CLIENTS", "20"))
TASKS = int(os.environ.get("RECON_TASKS", "20"))


def test_many_clients_completing_the_same_tasks_decide_each_once(product: Product) -> None:
    product.create_approver()
    people = [f"p{index:03d}" for index in range(TASKS)]
    product.write_people(people)
    assert product.recon()["situationSummary"]["ABSENT"] == TASKS
    tasks = [task["_id"] for task in product.query("workflow/taskinstance")]
    assert len(tasks) == TASKS

    def client(_number: int) -> list[int]:
        body = {"requestApproved": "true"}
        path = "workflow/taskinstance/{}?_action=complete"
        return [product.call("POST", path.format(task), body, APPROVER, 60)[0] for task in tasks]

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = Counter(status for found in pool.map(client, range(CLIENTS)) for status in found)
    assert answers[200] + answers[202] == TASKS, answers
    assert set(answers) <= {200, 202, 404, 503}, answers
    product.wait_until(lambda: len(product.query("managed/user")) == TASKS + 1, "every user exists")
    assert len(product.query("repo/link")) == TASKS


def test_tasks_survive_a_restart_between_recon_and_decision(product: Product) -> None:
    product.create_approver()
    product.recon()
    before = {task["_id"] for task in product.query("workflow/taskinstance")}
    product.stop()
    product.start()
    assert {task["_id"] for task in product.query("workflow/taskinstance")} == before
    for task in before:
        status, _ = product.call(
            "POST", f"workflow/taskinstance/{task}?_action=complete", {"requestApproved": "true"}, APPROVER
        )
        assert status in (200, 202)
    product.wait_until(lambda: len(product.query("managed/user")) == 3, "both users exist")
