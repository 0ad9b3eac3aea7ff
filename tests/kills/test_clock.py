"""The clock is set back an hour under the running product: nothing is held up, and nothing happens twice."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.kills.clock import Clock
from tests.kills.databases import LONG_ON_POSTGRESQL
from tests.kills.deciding import approved_of, check, decide_all, progress, settled, verdicts_on
from tests.kills.product import Product

pytestmark = [pytest.mark.kills, pytest.mark.timeout(400)]

HOUR = 3600


@LONG_ON_POSTGRESQL
@pytest.mark.skipif(Clock.missing() is not None, reason=f"the clock cannot be set: {Clock.missing()}")
def test_a_clock_that_is_set_back_an_hour_breaks_neither_leases_nor_tasks_nor_sessions_nor_schedules(
    tmp_path: Path, store: dict[str, str]
) -> None:
    clock = Clock(tmp_path)
    environment = clock.environment | {"RECON_PAGE_SIZE": "1"}
    with Product(tmp_path, environment=environment, **store) as product:
        product.create_approver()
        job = {
            "enabled": True,
            "type": "cron",
            "schedule": "0/5 * * * * ?",
            "misfirePolicy": "doNothing",
            "invokeService": "sync",
            "invokeContext": {"action": "reconcile", "mapping": "systemCsvfileAccounts_managedUser"},
        }
        assert product.call("PUT", "scheduler/job/often", job)[0] == 201
        product.wait_until(lambda: len(slots(product)) >= 2, "the schedule fires")
        assert product.call("POST", "scheduler/job/often?_action=pause", {})[0] == 200

        ids = [f"p{number:02d}" for number in range(60)]
        product.write_people(ids)
        cookie = log_in(product)
        run = product.launch()
        product.wait_until(lambda: progress(product, run) > 0, "the run has done a page")
        clock.set(-HOUR)
        assert who(product, cookie) == "openidm-admin"
        # the lease of a worker that dies now lies an hour ahead
        assert product.kill("worker") == 1
        assert product.wait_for_run(run)["state"] == "SUCCESS"
        verdicts = verdicts_on(ids)
        decide_all(product, verdicts)
        settled(product, approved_of(verdicts))

        before = set(slots(product))
        assert product.call("POST", "scheduler/job/often?_action=resume", {})[0] == 200
        product.wait_until(lambda: len(slots(product)) >= len(before) + 2, "the schedule fires again")
        assert who(product, cookie) == "openidm-admin"
        clock.set(0)
        count = len(slots(product))
        product.wait_until(lambda: len(slots(product)) > count, "and when the clock is right again")
        assert product.call("DELETE", "scheduler/job/often")[0] == 200
        twice = (
            "select user_id from recon_run where trigger = 'schedule' group by user_id having count(*) > 1"
        )
        assert product.rows(twice) == []
        product.wait_until(
            lambda: product.rows("select count(*) from recon_run where state = 'ACTIVE'") == [(0,)],
            "runs end",
        )
        check(product, approved_of(verdicts), ids)


def slots(product: Product) -> list[tuple[Any, ...]]:
    return product.rows("select slot_at from schedule_slot where job = 'often' and outcome <> 'MISFIRED'")


def log_in(product: Product) -> str:
    """A session's cookie."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{product.port}/openidm/authentication?_action=login",
        b"{}",
        {
            "X-OpenIDM-Username": "openidm-admin",
            "X-OpenIDM-Password": "openidm-admin",
            "Content-Type": "application/json",
        },
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return str(answer.headers["Set-Cookie"]).split(";")[0]


def who(product: Product, cookie: str) -> str:
    """Whose session that is."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{product.port}/openidm/info/login",
        headers={"Cookie": cookie, "X-Requested-With": "test"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return str(json.load(answer)["authenticationId"])
