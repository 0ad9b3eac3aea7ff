"""`recon` over REST: endpoints, parameters, overrides, the status document, cancelling, retention, errors."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from conf.terms import Situation, Stage
from tests.embedded import embedded
from tests.rest.reconciling import Json, Reconciling, javascript, small

pytestmark = pytest.mark.asyncio(loop_scope="module")

SLOW = javascript("var start = Date.now(); while (Date.now() - start < 40) {} true")
UNKNOWN = "05f63bce-4aaa-492e-9e86-a702d5c9d6c0-1144"
PEOPLE = {f"p{n}": {"mail": f"p{n}@example.com"} for n in range(3)}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def recon(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Reconciling]:
    base = tmp_path_factory.mktemp("recon")
    (base / "project" / "conf").mkdir(parents=True)
    async with embedded(base / "project", base / "data", page_size=2) as product:
        yield Reconciling(product)


# --- endpoints and parameters


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "recon", None, 200),
        ("GET", f"recon/{UNKNOWN}", None, 404),
        ("GET", "recon?_queryFilter=true", None, 501),
        ("PUT", f"recon/{UNKNOWN}", {}, 501),
        ("PATCH", f"recon/{UNKNOWN}", [], 501),
        ("DELETE", f"recon/{UNKNOWN}", None, 404),
        ("DELETE", "recon", None, 400),
        ("POST", "recon", {}, 400),
        ("POST", "recon?_action=create", {}, 501),
        ("POST", "recon?_action=dance&mapping=small", None, 400),
        ("POST", "recon?_action=recon", None, 400),
        ("POST", "recon?_action=recon&mapping=nosuch", None, 404),
        ("POST", "recon?_action=reconById&mapping=small", None, 400),
        ("POST", "recon?_action=reconById&mapping=small&id=", None, 400),
        ("POST", "recon?_action=reconById&id=p0", None, 400),
        ("POST", f"recon/{UNKNOWN}?_action=cancel", None, 404),
        ("GET", "recon/assoc?_queryFilter=true", None, 200),
        ("GET", f"recon/assoc/{UNKNOWN}", None, 404),
        ("GET", f"recon/assoc/{UNKNOWN}/entry?_queryFilter=true", None, 404),
        ("GET", f"recon/assoc/{UNKNOWN}/entry/1", None, 404),
        ("DELETE", f"recon/assoc/{UNKNOWN}", None, 501),
    ],
)
async def test_what_is_offered(recon: Reconciling, method: str, path: str, body: Any, status: int) -> None:
    await recon.begin(small())
    found, answer = await recon.product.call(method, path, body)
    assert (found, answer.get("code", 200)) == (status, status), answer


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("recon", "Action parameter is not present or value is null"),
        ("recon?_action=dance", "Action dance on reconciliation not supported"),
        ("recon?_action=recon", "/mapping: Expecting a value"),
        ("recon?_action=recon&mapping=nosuch", "nosuch"),
        (
            "recon?_action=reconById&mapping=small",
            "Action reconById requires a parameter 'id' (or 'ids') with the identifier to reconcile",
        ),
        (f"recon/{UNKNOWN}?_action=cancel", f"Reconciliation with id {UNKNOWN} not found."),
    ],
)
async def test_what_is_refused_is_said(recon: Reconciling, path: str, says: str) -> None:
    await recon.begin(small())
    assert says in (await recon.product.call("POST", path, {}))[1]["message"]


async def test_an_unknown_action_on_a_run_is_refused(recon: Reconciling) -> None:
    await recon.begin(small(), sources=PEOPLE)
    run = await recon.run()
    status, answer = await recon.product.call("POST", f"recon/{run['_id']}?_action=dance")
    assert (status, answer["message"]) == (400, f"Action dance on recon run {run['_id']} not supported {{}}")


async def test_without_any_mapping_none_is_found(recon: Reconciling) -> None:
    await recon.begin()
    assert (await recon.launch())[0] == 404


@pytest.mark.parametrize("parameter", ["id", "ids"])
async def test_one_source_alone(recon: Reconciling, parameter: str) -> None:
    await recon.begin(small(), sources=PEOPLE, targets={"else": {"mail": "x"}})
    run = await recon.run(action="reconById", **{parameter: "p1"})
    assert run["progress"]["source"]["existing"] == {"processed": 1, "total": "1"}
    assert [entry["sourceObjectId"] for entry in await recon.entries(run)] == ["managed/src/p1"]
    assert run["situationSummary"]["UNASSIGNED"] == 0
    assert run["parameters"]["sourceIds"] == ["p1"]
    assert set(run["parameters"]) == {"sourceIds", "targetQuery"}


async def test_one_source_with_its_target_phase(recon: Reconciling) -> None:
    await recon.begin(small(), sources=PEOPLE, targets={"else": {"mail": "x"}})
    run = await recon.run({"runTargetPhase": True}, action="reconById", id="p1")
    assert (run["situationSummary"]["ABSENT"], run["situationSummary"]["UNASSIGNED"]) == (1, 1)


async def test_an_unknown_source_is_still_one_entry(recon: Reconciling) -> None:
    await recon.begin(small(), sources=PEOPLE)
    status, found = await recon.launch(action="reconById", id="nobody", waitForCompletion="true")
    assert status == 200
    assert (await recon.read(found["_id"]))["progress"]["target"]["created"] == 0


@pytest.mark.parametrize(("given", "waits"), [("true", True), ("TRUE", True), ("false", False), ("", False)])
async def test_a_caller_waits_when_he_says_so(recon: Reconciling, given: str, *, waits: bool) -> None:
    await recon.begin(small(validSource=SLOW), sources=PEOPLE)
    status, answer = await recon.launch(waitForCompletion=given)
    assert (status, answer["state"]) == (200, "SUCCESS" if waits else "ACTIVE")
    assert set(answer) == {"_id", "state"}
    await recon.ended(answer["_id"])


async def test_a_caller_may_say_so_in_the_body(recon: Reconciling) -> None:
    await recon.begin(small(), sources=PEOPLE)
    assert (await recon.launch({"waitForCompletion": True}))[1]["state"] == "SUCCESS"
    status, answer = await recon.launch({"waitForCompletion": "true"})
    assert (status, answer["message"]) == (400, "/waitForCompletion: expected true or false")
    status, answer = await recon.launch({"waitForCompletion": True}, waitForCompletion="false")
    assert answer["state"] == "ACTIVE"
    await recon.ended(answer["_id"])


async def test_nobody_waits_for_a_clustered_run(recon: Reconciling) -> None:
    await recon.begin(small(clusteredSourceReconEnabled=True), sources=PEOPLE)
    status, answer = await recon.launch(waitForCompletion="true")
    assert (status, answer["reason"]) == (400, "Bad Request")
    assert "clustered" in answer["message"]
    status, answer = await recon.launch()
    assert status == 200
    assert (await recon.ended(answer["_id"]))["state"] == "SUCCESS"


# --- overrides of one run


@pytest.mark.parametrize(
    ("override", "counted"),
    [
        ({}, {"ABSENT": 3, "UNASSIGNED": 1}),
        ({"sourceQuery": {"_queryFilter": 'mail eq "p1@example.com"'}}, {"ABSENT": 1, "UNASSIGNED": 1}),
        ({"targetQuery": {"_queryFilter": "false"}}, {"ABSENT": 3}),
        ({"sourceQuery": {"_queryId": "query-all-ids"}}, {"ABSENT": 3, "UNASSIGNED": 1}),
        (
            {"sourceQuery": {"resourceName": "managed/dst", "_queryFilter": "true"}},
            {"ABSENT": 1, "UNASSIGNED": 1},
        ),
        ({"runTargetPhase": False}, {"ABSENT": 3}),
        ({"sourceQueryFullEntry": True}, {"ABSENT": 3, "UNASSIGNED": 1}),
        ({"targetQueryFullEntry": True}, {"ABSENT": 3, "UNASSIGNED": 1}),
        ({"somethingElse": 1}, {"ABSENT": 3, "UNASSIGNED": 1}),
    ],
)
async def test_an_override_counts_for_one_run(
    recon: Reconciling, override: Json, counted: dict[str, int]
) -> None:
    await recon.begin(
        small(policies=[{"situation": "ABSENT", "action": "IGNORE"}]),
        sources=PEOPLE,
        targets={"else": {"mail": "x"}},
    )
    for body, expected in ((override, counted), (None, {"ABSENT": 3, "UNASSIGNED": 1})):
        run = await recon.run(body)
        assert {name: count for name, count in run["situationSummary"].items() if count} == expected


@pytest.mark.parametrize(("override", "state"), [({}, "FAILED"), ({"allowEmptySourceSet": True}, "SUCCESS")])
async def test_an_empty_source_ends_the_run_unless_it_is_allowed(
    recon: Reconciling, override: Json, state: str
) -> None:
    delete = [{"situation": "SOURCE_MISSING", "action": "DELETE"}]
    await recon.begin(small(policies=delete), targets={"t": {"mail": "x"}}, linked=[("gone", "t")])
    run = await recon.run(override)
    assert run["state"] == state
    assert await recon.ids("dst") == ({"t"} if state == "FAILED" else set())
    if state == "FAILED":
        assert "empty data source" in run["reason"]
        assert run["stage"] == "COMPLETED_FAILED"
        assert "targetQuery" not in run["durationSummary"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"sourceQuery": "true"}, "/sourceQuery"),
        ({"targetQuery": []}, "/targetQuery"),
        ({"runTargetPhase": "false"}, "/runTargetPhase"),
        ({"allowEmptySourceSet": 1}, "/allowEmptySourceSet"),
        ({"sourceQueryFullEntry": {}}, "/sourceQueryFullEntry"),
        ({"targetQueryFullEntry": "yes"}, "/targetQueryFullEntry"),
        ({"sourceQuery": {"_queryFilter": "mail eqq 1"}}, "'eqq' at position 6"),
        ({"sourceQuery": {"_queryExpression": "select *"}}, "query expression"),
    ],
)
@pytest.mark.parametrize("action", ["recon", "reconById"])
async def test_a_wrong_override_names_its_field(
    recon: Reconciling, action: str, body: Json, field: str
) -> None:
    await recon.begin(small(), sources=PEOPLE)
    status, answer = await recon.launch(body, action=action, id="p0")
    assert (status, answer["code"]) == (400, 400), answer
    assert field in answer["message"]


# --- the status document


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


# --- associations


async def test_entries_are_stored_when_asked_for(recon: Reconciling) -> None:
    await recon.begin(small(), sources=PEOPLE)
    without = await recon.run()
    assert (await recon.product.call("GET", f"recon/assoc/{without['_id']}"))[0] == 404
    run = await recon.run(persistAssociations="true")
    (summary,) = await recon.rows("recon/assoc")
    assert summary == await recon.must("GET", f"recon/assoc/{run['_id']}")
    assert summary["isAnalysis"] == "false"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", summary["finishTime"])
    path = f"recon/assoc/{run['_id']}/entry"
    entries = await recon.rows(path)
    assert [entry["situation"] for entry in entries] == ["CONFIRMED"] * 3
    for entry in entries:
        assert entry["messageDetail"] == "null"
        assert "/" not in entry["sourceObjectId"] + entry["targetObjectId"]
        assert (await recon.must("GET", f"{path}/{entry['_id']}"))["sourceObjectId"] == entry[
            "sourceObjectId"
        ]


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ('situation eq "ABSENT"', ["p0", "p1", "p2"]),
        ('/situation eq "CONFIRMED"', []),
        ('sourceObjectId eq "p1"', ["p1"]),
        ('status eq "SUCCESS" and action eq "CREATE"', ["p0", "p1", "p2"]),
        ('status eq "FAILURE"', []),
        ('linkQualifier eq "default" and sourceObjectId gt "p0"', ["p1", "p2"]),
        ('targetObjectId pr and !(sourceObjectId eq "p2")', ["p0", "p1"]),
        ("ambiguousTargetObjectIds pr", []),
        ('phase eq "source"', ["p0", "p1", "p2"]),
        ('sourceResourceCollection eq "managed/src"', ["p0", "p1", "p2"]),
        ('reconId sw "nosuch"', []),
    ],
)
async def test_entries_are_found_by_their_members(recon: Reconciling, filter: str, found: list[str]) -> None:
    await recon.begin(small(), sources=PEOPLE)
    run = await recon.run(persistAssociations="true")
    rows = await recon.rows(f"recon/assoc/{run['_id']}/entry", filter, _sortKeys="sourceObjectId")
    assert [row["sourceObjectId"] for row in rows] == found


async def test_entries_are_sorted_chosen_and_paged(recon: Reconciling) -> None:
    await recon.begin(small(), sources=PEOPLE)
    run = await recon.run(persistAssociations="true")
    path = (
        f"recon/assoc/{run['_id']}/entry?_queryFilter=true&_sortKeys=-sourceObjectId&_fields=sourceObjectId"
    )
    first = await recon.must("GET", f"{path}&_pageSize=2&_totalPagedResultsPolicy=EXACT")
    assert [row["sourceObjectId"] for row in first["result"]] == ["p2", "p1"]
    assert set(first["result"][0]) == {"_id", "_rev", "sourceObjectId"}
    assert (first["totalPagedResults"], first["totalPagedResultsPolicy"]) == (3, "EXACT")
    rest = await recon.must("GET", f"{path}&_pageSize=2&_pagedResultsCookie={first['pagedResultsCookie']}")
    assert [row["sourceObjectId"] for row in rest["result"]] == ["p0"]
    assert rest["pagedResultsCookie"] is None
    offset = await recon.must("GET", f"{path}&_pagedResultsOffset=2")
    assert offset["result"] == rest["result"]
    assert (await recon.product.call("GET", f"{path}&_pageSize=2&_pagedResultsCookie=x"))[0] == 400


async def test_only_so_many_runs_keep_their_associations(recon: Reconciling) -> None:
    keep = {"maxAnalysisRunsPerMapping": 1, "maxNonAnalysisRunsPerMapping": 2}
    await recon.begin(small(reconAssociation=keep), sources=PEOPLE)
    normal = [(await recon.run(persistAssociations="true"))["_id"] for _ in range(3)]
    analyses = [(await recon.run(persistAssociations="true", analyze="true"))["_id"] for _ in range(2)]
    kept = {row["_id"] for row in await recon.rows("recon/assoc")}
    assert kept == {*normal[1:], analyses[1]}


async def test_an_analysis_writes_nothing_but_its_entries(recon: Reconciling) -> None:
    throws = javascript("throw 'no hook of an action runs'")
    policies = [{"situation": "ABSENT", "action": javascript("'CREATE'"), "postAction": throws}]
    mapping = small(policies=policies, onCreate=throws, onLink=throws, postMapping=throws)
    await recon.begin(mapping, sources=PEOPLE, targets={"t": {"mail": "x"}})
    run = await recon.run(analyze="true", persistAssociations="true")
    assert run["situationSummary"]["ABSENT"] == 3
    assert run["statusSummary"]["FAILURE"] == 0
    assert (await recon.ids("dst"), await recon.links()) == ({"t"}, set())
    assert run["progress"]["target"]["created"] == run["progress"]["links"]["created"] == 0
    (summary,) = await recon.rows("recon/assoc")
    assert summary["isAnalysis"] == "true"
    entries = await recon.rows(f"recon/assoc/{run['_id']}/entry", 'situation eq "ABSENT"')
    assert {entry["action"] for entry in entries} == {"CREATE"}


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
