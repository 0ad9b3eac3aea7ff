"""Runs over REST: their document, their list, cancelling, purging, and what makes them fail."""

import asyncio

import pytest

from conf.terms import Situation, Stage
from tests.rest.conftest import serve
from tests.rest.reconciling import Json, Reconciling, javascript, small

pytestmark = pytest.mark.asyncio(loop_scope="module")

SLOW = javascript("var start = Date.now(); while (Date.now() - start < 40) {} true")
UNKNOWN = "05f63bce-4aaa-492e-9e86-a702d5c9d6c0-1144"
PEOPLE = {f"p{n}": {"mail": f"p{n}@example.com"} for n in range(3)}


async def test_the_document_of_a_run(recon: Reconciling) -> None:
    await recon.begin(small(enableSync=False), sources=PEOPLE)
    run = await recon.run()
    assert run["progress"] == {
        "source": {"existing": {"processed": 3, "total": "3"}},
        "target": {
            "existing": {"processed": 0, "total": "0"},
            "created": 3,
            "unchanged": 0,
            "updated": 0,
            "deleted": 0,
        },
        "links": {"existing": {"processed": 0, "total": "0"}, "created": 3},
    }
    assert set(run["situationSummary"]) == set(map(str, Situation))
    assert run["statusSummary"] == {"SUCCESS": 3, "FAILURE": 0}
    assert run["parameters"] == {
        "sourceQuery": {"resourceName": "managed/src", "queryFilter": "true", "_fields": "_id"},
        "targetQuery": {"resourceName": "managed/dst", "queryFilter": "true", "_fields": "_id"},
    }
    assert run["sourceProcessedByNode"] == {}
    again = await recon.run()
    assert again["progress"]["target"] == {
        "existing": {"processed": 3, "total": "3"},
        "created": 0,
        "unchanged": 3,
        "updated": 0,
        "deleted": 0,
    }
    assert again["progress"]["links"] == {"existing": {"processed": 3, "total": "3"}, "created": 0}
    changed = await recon.must("PUT", "managed/src/p0", {"mail": "new"})
    assert changed["mail"] == "new"
    third = (await recon.run())["progress"]["target"]
    assert (third["unchanged"], third["updated"]) == (2, 1)


async def test_while_it_runs_nothing_is_known_that_is_not(recon: Reconciling) -> None:
    await recon.begin(small(validSource=SLOW), sources=PEOPLE)
    _, answer = await recon.launch()
    seen = []
    while (run := await recon.read(answer["_id"]))["state"] == "ACTIVE":
        seen.append(run)
        await asyncio.sleep(0.005)
    assert {run["ended"] for run in seen} == {""}
    assert [run["duration"] for run in seen] == sorted(run["duration"] for run in seen)
    totals = {run["progress"][side]["existing"]["total"] for run in seen for side in ("source", "target")}
    assert totals <= {"?", "0", "1", "2", "3"}
    stages = {(run["stage"], run["stageDescription"]) for run in seen}
    assert stages <= {(str(stage), stage.description) for stage in Stage}
    assert run["ended"] >= run["started"]


DESCRIPTIONS = {
    "ACTIVE_INITIALIZED": "initialized",
    "ACTIVE_QUERY_ENTRIES": "querying sets of entries to reconcile",
    "ACTIVE_RECONCILING_SOURCE": "reconciling source entries",
    "ACTIVE_RECONCILING_TARGET": "reconciling target entries",
    "ACTIVE_LINK_CLEANUP": "link clean-up",
    "ACTIVE_PROCESSING_RESULTS": "processing reconciling results",
    "ACTIVE_CANCELING": "aborting reconciling",
    "COMPLETED_SUCCESS": "reconciliation completed.",
    "COMPLETED_CANCELED": "reconciliation aborted.",
    "COMPLETED_FAILED": "reconciliation failed",
}


async def test_stages_and_their_descriptions() -> None:
    assert {str(stage): stage.description for stage in Stage} == DESCRIPTIONS


async def test_every_step_that_happened_is_measured_and_no_other(recon: Reconciling) -> None:
    nothing = javascript("null")
    hooks = ("onCreate", "onUpdate", "onDelete", "onLink", "onUnlink", "onRecon", "postMapping", "onMapping")
    mapping = small(
        properties=[{"source": "mail", "target": "mail", "transform": javascript("source")}],
        validSource=javascript("!source.out"),
        validTarget=javascript("true"),
        correlationQuery=javascript("({_queryFilter: 'mail eq \"' + source.mail + '\"'})"),
        correlateEmptyTargetSet=True,
        linkQualifiers=javascript("['default']"),
        policies=[
            {"situation": "ABSENT", "action": javascript("'CREATE'"), "postAction": nothing},
            {"situation": "UNASSIGNED", "action": "DELETE"},
        ],
        result=nothing,
        **dict.fromkeys(hooks, nothing),
    )
    await recon.begin(
        mapping,
        sources={"a": {"mail": "a"}, "c": {"mail": "c"}, "u": {"mail": "u", "out": True}},
        targets={"c": {"mail": "old"}, "u": {"mail": "u"}, "x": {"mail": "x"}},
        linked=[("c", "c"), ("u", "u")],
    )
    run = await recon.run()
    assert run["statusSummary"]["FAILURE"] == 0
    measured = run["durationSummary"]
    assert set(measured) >= {
        "sourceQuery", "targetQuery", "linkQuery", "sourcePhase", "targetPhase", "auditLog", "correlationQuery",
        "linkQualifiersScript", "validSourceScript", "validTargetScript", "activePolicyScript",
        "activePolicyPostActionScript", "onCreateScript", "onUpdateScript", "onDeleteScript", "onLinkScript",
        "onUnlinkScript", "onReconScript", "resultScript", "postMappingScript", "onMappingScript",
        "propertyMappingScript", "updateTargetObject", "deleteTargetObject", "deleteLinkObject",
    }  # fmt: skip
    for figures in measured.values():
        assert set(figures) == {"min", "max", "mean", "count", "sum", "stdDev"}
        assert figures["min"] <= figures["mean"] <= figures["max"] <= figures["sum"]
        assert figures["count"] >= 1
    await recon.begin(small(), sources=PEOPLE)
    assert not {name for name in (await recon.run())["durationSummary"] if name.endswith("Script")}


# --- the list, cancelling, purging


async def test_runs_are_listed_in_the_order_of_their_start(recon: Reconciling) -> None:
    await recon.begin(small(), small("other"), sources=PEOPLE)
    made = [(await recon.run(mapping=name))["_id"] for name in ("small", "other", "small")]
    answer = await recon.must("GET", "recon")
    assert [run["_id"] for run in answer["reconciliations"]] == made
    assert [run["mapping"] for run in answer["reconciliations"]] == ["small", "other", "small"]


async def test_a_run_that_is_cancelled_keeps_what_it_has_done(recon: Reconciling) -> None:
    people = {f"p{n}": {"mail": str(n)} for n in range(12)}
    await recon.begin(small(validSource=SLOW), sources=people)
    _, answer = await recon.launch()
    while (await recon.read(answer["_id"]))["progress"]["source"]["existing"]["processed"] < 2:
        await asyncio.sleep(0.005)
    status, said = await recon.product.call("POST", f"recon/{answer['_id']}?_action=cancel")
    assert (status, said) == (200, {"_id": answer["_id"], "action": "cancel", "status": "INITIATED"})
    run = await recon.ended(answer["_id"])
    assert (run["state"], run["stage"]) == ("CANCELED", "COMPLETED_CANCELED")
    done = run["progress"]["source"]["existing"]["processed"]
    assert 2 <= done < 12
    assert len(await recon.ids("dst")) == run["progress"]["target"]["created"] == done
    assert (await recon.product.call("POST", f"recon/{answer['_id']}?_action=cancel"))[1] == said
    assert (await recon.run(validSource="x"))["situationSummary"]["CONFIRMED"] == done


async def test_a_second_run_waits_and_too_many_are_refused(recon: Reconciling) -> None:
    await recon.begin(small(validSource=SLOW), sources=PEOPLE)
    answers = [await recon.launch() for _ in range(8)]
    accepted = [answer["_id"] for status, answer in answers if status == 200]
    refused = [(status, answer["reason"]) for status, answer in answers if status != 200]
    assert refused == [(409, "Conflict")] * len(refused) != []
    for id in accepted[1:]:
        await recon.product.call("POST", f"recon/{id}?_action=cancel")
    ended = [await recon.ended(id) for id in accepted]
    assert ended[0]["state"] == "SUCCESS"
    assert sum(run["progress"]["target"]["created"] for run in ended) == len(PEOPLE)


async def test_a_run_under_way_is_not_purged(recon: Reconciling) -> None:
    await recon.begin(small(validSource=SLOW), sources=PEOPLE)
    _, answer = await recon.launch()
    assert (await recon.product.call("DELETE", f"recon/{answer['_id']}"))[0] == 409
    await recon.ended(answer["_id"])
    status, gone = await recon.product.call("DELETE", f"recon/{answer['_id']}")
    assert (status, gone["_id"]) == (200, answer["_id"])
    listed = (await recon.must("GET", "recon"))["reconciliations"]
    assert listed == []


# --- failures


@pytest.mark.parametrize(
    "broken",
    [
        {"onRecon": javascript("throw 'no'")},
        {"sourceQuery": {"_queryId": "nosuch"}},
        {"targetQuery": {"_queryId": "nosuch"}},
        {"source": "managed/nosuch"},
        {"target": "system/nosuch/account"},
    ],
)
async def test_a_run_that_cannot_go_on_fails_and_says_why(recon: Reconciling, broken: Json) -> None:
    await recon.begin(small(**broken), sources=PEOPLE)
    status, answer = await recon.launch(waitForCompletion="true")
    assert status in (400, 409), answer
    listed = (await recon.must("GET", "recon"))["reconciliations"]
    for run in listed:
        assert (run["state"], run["stage"]) == ("FAILED", "COMPLETED_FAILED")
        assert run["reason"]
        (summary,) = await recon.rows("audit/recon", 'entryType eq "summary"')
        assert summary["status"] == "FAILURE"
        assert summary["messageDetail"]["_id"] == run["_id"]


async def test_a_failed_entry_is_counted_and_does_not_fail_the_run(recon: Reconciling) -> None:
    fails = javascript("if (source.mail.indexOf('p1') === 0) { throw {code: 400, message: 'not him'} }")
    await recon.begin(small(onCreate=fails), sources=PEOPLE)
    run = await recon.run(persistAssociations="true")
    assert (run["state"], run["statusSummary"]) == ("SUCCESS", {"SUCCESS": 2, "FAILURE": 1})
    (entry,) = await recon.rows(f"recon/assoc/{run['_id']}/entry", 'status eq "FAILURE"')
    assert (entry["sourceObjectId"], entry["action"]) == ("p1", "CREATE")
    assert "not him" in entry["message"]
    assert (await recon.run())["situationSummary"]["CONFIRMED"] == 2


async def test_who_waits_for_a_run_that_is_cancelled_is_told(recon: Reconciling) -> None:
    await recon.begin(small(validSource=SLOW), sources={f"p{n}": {"mail": str(n)} for n in range(12)})
    waiting = asyncio.create_task(recon.launch(waitForCompletion="true"))
    while not (listed := (await recon.must("GET", "recon"))["reconciliations"]):
        await asyncio.sleep(0.005)
    await recon.must("POST", f"recon/{listed[0]['_id']}?_action=cancel")
    assert await waiting == (200, {"_id": listed[0]["_id"], "state": "CANCELED"})


async def test_a_run_is_watched_and_cancelled_at_another_server(recon: Reconciling) -> None:
    await recon.begin(small(validSource=SLOW), sources={f"p{n}": {"mail": str(n)} for n in range(12)})
    _, answer = await recon.launch()
    settings = recon.product.runtime.settings
    own = settings.model_dump(include={"database", "executor", "page_size"})
    async with serve(settings.project, data=settings.data, **own) as other:
        while (await other.get(f"recon/{answer['_id']}"))["progress"]["source"]["existing"]["processed"] < 2:
            await asyncio.sleep(0.005)
        said = await other.call("POST", f"recon/{answer['_id']}?_action=cancel")
        assert said.json()["status"] == "INITIATED"
    assert (await recon.ended(answer["_id"]))["state"] == "CANCELED"


async def test_on_recon_runs_once_and_before_the_queries(recon: Reconciling) -> None:
    makes = javascript("openidm.create('managed/src', null, {made: mappingConfig.name})")
    await recon.begin(small(onRecon=makes, enableSync=False))
    run = await recon.run()
    assert (run["state"], run["situationSummary"]["ABSENT"]) == ("SUCCESS", 1)
    assert [row["made"] for row in await recon.rows("managed/src")] == ["small"]
    assert run["durationSummary"]["onReconScript"]["count"] == 1
