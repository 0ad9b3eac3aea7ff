"""Processes die at random moments while tasks are being decided: nothing is lost, doubled or stuck."""

from __future__ import annotations

import os
import random
import threading
import time

import pytest

from tests.kills.deciding import check, decide_all, settled
from tests.kills.product import Product

ASKED = os.environ.get("RECON_KILLS", "6")
KILLS = 100 if ASKED == "long" else int(ASKED)
TASKS = 20
VICTIMS = (("api",), ("worker",), ("prefect",), ("api", "worker", "prefect"))

pytestmark = [pytest.mark.kills, pytest.mark.timeout(max(900, 60 * KILLS))]


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
        settled(product, approved)
    check(product, approved, people)
