"""Deciding many tasks with one call: each by itself, and none that the caller did not mean."""

from typing import Any

import pytest

from conf.errors import BadRequest, Conflict, ReconError
from flows.approval_loop import drain_intents
from flows.call import Caller, Runtime
from flows.pending import Pending
from flows.resources.workflow_routes import add_workflow
from flows.router import Router
from flows.routes import build_router
from flows.workflow_project import definitions_of
from tests.approvals.conftest import ADMIN, APPROVER, NOW, STRANGER, Directory, count, opened, request_for
from tests.approvals.invariants import check
from tests.approvals.resources import YES, working
from tests.approvals.test_carrying_out import STALE

TASK = "workflow/taskinstance"


@pytest.fixture
async def router(runtime: Runtime) -> Router:
    await definitions_of(runtime)
    router = Router()
    add_workflow(router)
    return router


async def tasks(runtime: Runtime, *names: str, **changes: Any) -> list[str]:
    answers = await opened(runtime.database, *(request_for(name, **changes) for name in names), now=NOW)
    return [str(answer.task) for answer in answers]


async def decide(
    runtime: Runtime, router: Router, body: Any, who: Caller = APPROVER, /, **parameters: str
) -> Any:
    return await router.action(runtime.call(who), TASK, "complete", body, parameters)


async def refused(runtime: Runtime, router: Router, body: Any, who: Caller = APPROVER) -> ReconError:
    with pytest.raises(ReconError) as caught:
        await decide(runtime, router, body, who)
    return caught.value


def outcomes(answer: Any) -> list[str]:
    return [each["outcome"] for each in answer["result"]]


async def test_a_list_of_tasks_is_decided_each_with_its_result(
    runtime: Runtime, router: Router, directory: Directory
) -> None:
    ids = await tasks(runtime, "bjensen", "scarter")
    async with working(runtime):
        answer = await decide(runtime, router, {"ids": ids, **YES, "_comment": "first night"})
    assert not isinstance(answer, Pending)
    assert answer == {
        "Task action performed": "complete",
        "count": 2,
        "done": 2,
        "alreadyDecided": 0,
        "refused": 0,
        "result": [{"_id": id, "outcome": "done", "verdict": "approved", "effect": "applied"} for id in ids],
    }
    assert {name for name, _, _ in directory.calls} == {"bjensen", "scarter"}
    assert await count(runtime.database, "decision where comment = 'first night'") == 2


async def test_one_that_is_refused_or_decided_already_leaves_the_others_alone(
    runtime: Runtime, router: Router
) -> None:
    first, second, third = await tasks(runtime, "bjensen", "scarter", "jdoe")
    await decide(runtime, router, {"ids": [first], "requestApproved": "false"})
    answer = await decide(
        runtime, router, {"ids": [first, "999", "x", second, third], "requestApproved": "false"}
    )
    assert outcomes(answer) == ["already decided", "refused", "refused", "done", "done"]
    decided, unknown = answer["result"][:2]
    assert (decided["by"], decided["verdict"]) == ("async.admin", "rejected")
    assert (unknown["code"], unknown["message"]) == (404, "Task '999' not found")
    assert (answer["done"], answer["alreadyDecided"], answer["refused"]) == (2, 1, 2)


async def test_a_form_that_does_not_fit_is_refused_for_every_task(runtime: Runtime, router: Router) -> None:
    ids = await tasks(runtime, "bjensen", "scarter")
    answer = await decide(runtime, router, {"ids": ids, "requestApproved": "perhaps"})
    assert [each["code"] for each in answer["result"]] == [400, 400]
    assert await count(runtime.database, "decision") == 0


async def test_a_filter_has_to_be_confirmed_by_its_count(runtime: Runtime, router: Router) -> None:
    await tasks(runtime, "bjensen", "scarter", "jdoe")
    asked = {"_queryFilter": '/variables/sourceId sw "b" or /variables/sourceId sw "s"', **YES}
    error = await refused(runtime, router, asked)
    assert (error.status, error.detail) == (409, {"count": 2, "confirm": 2})
    assert '"confirm": 2' in error.message
    for wrong in (1, 3, 0):
        assert (await refused(runtime, router, {**asked, "confirm": wrong})).status == 409
    assert await count(runtime.database, "decision") == 0
    assert outcomes(await decide(runtime, router, {**asked, "confirm": 2, "requestApproved": "false"})) == [
        "done",
        "done",
    ]
    assert await count(runtime.database, "task_instance where status = 'OPEN'") == 1


async def test_a_filter_may_stand_in_the_address(runtime: Runtime, router: Router) -> None:
    await tasks(runtime, "bjensen", "scarter")
    with pytest.raises(Conflict):
        await decide(runtime, router, YES, _queryFilter="true")
    no = {"requestApproved": "false"}
    assert (await decide(runtime, router, no, _queryFilter="true", confirm="2"))["done"] == 2


async def test_a_filter_that_finds_nothing_says_so(runtime: Runtime, router: Router) -> None:
    error = await refused(runtime, router, {"_queryFilter": 'name eq "nobody"', **YES})
    assert (error.status, error.detail["count"]) == (409, 0)
    answer = await decide(runtime, router, {"_queryFilter": 'name eq "nobody"', "confirm": 0, **YES})
    assert (answer["count"], answer["result"]) == (0, [])


async def test_the_tasks_of_others_do_not_count_and_are_not_decided(runtime: Runtime, router: Router) -> None:
    ids = await tasks(runtime, "bjensen", "scarter")
    error = await refused(runtime, router, {"_queryFilter": "true", **YES}, STRANGER)
    assert error.detail["count"] == 0
    answer = await decide(runtime, router, {"ids": ids, **YES}, STRANGER)
    assert [(each["code"], each["message"]) for each in answer["result"]] == [
        (404, f"Task '{id}' not found") for id in ids
    ]
    assert (await refused(runtime, router, {"_queryFilter": "true", **YES}, ADMIN)).detail["count"] == 2


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        YES,
        {"ids": ["1"], "_queryFilter": "true"},
        {"ids": "1"},
        {"ids": [1]},
        {"ids": ["1"], "confirm": True},
        {"ids": ["1"], "confirm": -1},
        {"_queryFilter": 7},
        {"_queryFilter": "name eq"},
        {"_queryFilter": 'nosuch eq "x"'},
    ],
)
async def test_what_cannot_be_meant_is_a_bad_request(runtime: Runtime, router: Router, body: Any) -> None:
    with pytest.raises(BadRequest):
        await decide(runtime, router, body)


async def test_effects_that_take_longer_are_pending(runtime: Runtime, router: Router) -> None:
    object.__setattr__(runtime, "settings", runtime.settings.model_copy(update={"decision_wait_seconds": 0}))
    ids = await tasks(runtime, "bjensen")
    answer = await decide(runtime, router, {"ids": ids, **YES})
    assert isinstance(answer, Pending)
    assert (answer["outcome"], answer["result"][0]["effect"]) == ("pending", "pending")


async def test_many_are_carried_out_in_pages_and_one_refusal_stays_alone(
    runtime: Runtime, router: Router, directory: Directory
) -> None:
    names = [f"user{number:03d}" for number in range(250)]
    directory.refusals = {"user007": STALE, "user123": RuntimeError("a defect")}
    ids = await tasks(runtime, *names)
    object.__setattr__(runtime, "settings", runtime.settings.model_copy(update={"decision_wait_seconds": 0}))
    assert (await decide(runtime, router, {"ids": ids, **YES}))["done"] == 250
    while await drain_intents(runtime, None, "worker/decisions"):
        pass
    database = runtime.database
    assert await count(database, "managed_object where type = 'managed/user'") == 248
    assert await count(database, "intent where state = 'APPLIED'") == 248
    assert await count(database, "intent where state = 'STALE'") == 1
    assert await count(database, "intent where state = 'READY' and attempts >= 1") == 1
    async with database.read() as tx:
        assert await check(tx) == []


@pytest.mark.parametrize("together", [True, False])
async def test_a_page_does_what_single_orders_do(
    runtime: Runtime, router: Router, monkeypatch: pytest.MonkeyPatch, *, together: bool
) -> None:
    del runtime.extras["perform_action"]
    if not together:
        monkeypatch.setattr("flows.perform_page.in_set_lane", lambda *_: False)
    people = {name: (name, f"{name}@example.com") for name in ("anna", "ben", "cleo", "dora", "emil", "fred")}
    people["fred"] = people["emil"]
    people["dora"] = ("dora", "no address")
    ids = await tasks(runtime, *people)
    people.pop("ben")
    lines = [f"made,{id},{user},{id},Person,{mail},1234567" for id, (user, mail) in people.items()]
    file = runtime.project.root / "data" / "csvConnectorData.csv"
    file.write_text(
        "\n".join(["description,uid,username,firstname,lastname,email,mobileTelephoneNumber", *lines])
    )
    await build_router().create(
        runtime.call(ADMIN), "managed/user", "c1",
        {"userName": "cleo", "givenName": "Cleo", "sn": "Person", "mail": "cleo@example.com"},
    )  # fmt: skip
    object.__setattr__(runtime, "settings", runtime.settings.model_copy(update={"decision_wait_seconds": 0}))
    assert (await decide(runtime, router, {"ids": ids, **YES}))["done"] == 6
    while await drain_intents(runtime, None, "worker/decisions"):
        pass
    async with runtime.database.read() as tx:
        rows = await tx.fetch(
            "select p.object_id, i.state, i.outcome_code, coalesce(i.message, ''), p.outcome, i.attempts from intent i"
            " join process_instance p on p.seq = i.process order by i.seq"
        )
        audited = await tx.fetch(
            "select source_id, status from audit_recon where entry_type = 'entry' order by source_id"
        )
        links = await tx.fetch("select first_id from link order by first_id")
        assert await check(tx) == []
    mismatch = "Expected situation does not match. Expected: ABSENT, Found: FOUND"
    gone = "Source object system/csvfile/account/ben does not exist"
    assert [row for row in rows if row[0] != "dora"] == [
        ("anna", "APPLIED", 200, "", "approved", 1),
        ("ben", "STALE", 409, gone, "stale", 1),
        ("cleo", "STALE", 409, mismatch, "stale", 1),
        ("emil", "APPLIED", 200, "", "approved", 1),
        ("fred", "STALE", 409, f"{mismatch}_ALREADY_LINKED", "stale", 1),
    ]
    (dora,) = [row for row in rows if row[0] == "dora"]
    assert (dora[1:3], dora[4:]) == (("FAILED", 403), (None, 1))
    assert dora[3].endswith("asks again)")
    assert [id for (id,) in links] == ["anna", "emil"]
    assert audited == [
        ("anna", "SUCCESS"), ("ben", "FAILURE"), ("cleo", "FAILURE"), ("dora", "FAILURE"), ("emil", "SUCCESS"),
        ("fred", "FAILURE"),
    ]  # fmt: skip
