"""`recon` over REST: what is offered and refused, and what one run may be given."""

from typing import Any

import pytest

from tests.rest.reconciling import Json, Reconciling, javascript, small

pytestmark = pytest.mark.asyncio(loop_scope="module")

SLOW = javascript("var start = Date.now(); while (Date.now() - start < 40) {} true")
UNKNOWN = "05f63bce-4aaa-492e-9e86-a702d5c9d6c0-1144"
PEOPLE = {f"p{n}": {"mail": f"p{n}@example.com"} for n in range(3)}


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


@pytest.mark.parametrize("name", ["analyze", "persistAssociations"])
async def test_nobody_guesses_what_a_run_may_write(recon: Reconciling, name: str) -> None:
    await recon.begin(small(), sources=PEOPLE)
    status, answer = await recon.launch(**{name: "yes"})
    assert (status, answer["message"]) == (400, f"{name}: expected true or false, found 'yes'")
    assert (await recon.must("GET", "recon"))["reconciliations"] == []
    assert (await recon.launch(waitForCompletion="true", **{name: "False"}))[0] == 200


@pytest.mark.parametrize("name", ["Analyze", "analyse", "ANALYZE", "persistAssociation", "waitforcompletion"])
async def test_a_parameter_that_only_resembles_one_is_refused(recon: Reconciling, name: str) -> None:
    await recon.begin(small(), sources=PEOPLE)
    status, answer = await recon.launch(**{name: "true"})
    assert (status, "Did you mean" in answer["message"]) == (400, True), answer
    assert (await recon.launch(waitForCompletion="true", amendReconAssociation="true"))[0] == 200


@pytest.mark.parametrize(
    "narrowed", ["_queryFilter=false", "_queryId=query-all-ids", "_pageSize=1", "_sortKeys=_id"]
)
async def test_a_query_in_the_address_is_refused_and_not_passed_over(
    recon: Reconciling, narrowed: str
) -> None:
    await recon.begin(small(), sources=PEOPLE)
    status, answer = await recon.product.call("POST", f"recon?_action=recon&mapping=small&{narrowed}")
    assert (status, narrowed.partition("=")[0] in answer["message"]) == (400, True), answer


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
        ({"sourceQuery": {"resourceName": 5}}, "/sourceQuery: resourceName"),
        ({"targetQuery": {"_queryFilter": "true", "_fields": [1]}}, "/targetQuery: _fields"),
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


@pytest.mark.parametrize(
    ("configured", "override", "counted"),
    [
        ({"runTargetPhase": False}, {}, {"ABSENT": 3}),
        ({"runTargetPhase": False}, {"runTargetPhase": True}, {"ABSENT": 3, "UNASSIGNED": 1}),
        ({"runTargetPhase": True}, {"runTargetPhase": False}, {"ABSENT": 3}),
        (
            {"sourceQuery": {"_queryFilter": "false"}},
            {"sourceQuery": {"_queryFilter": '_id eq "p1"'}},
            {"ABSENT": 1, "UNASSIGNED": 1},
        ),
        (
            {"targetQuery": {"_queryFilter": "false"}},
            {"targetQuery": {"_queryFilter": "true"}},
            {"ABSENT": 3, "UNASSIGNED": 1},
        ),
        (
            {"allowEmptySourceSet": True, "sourceQuery": {"_queryFilter": "false"}},
            {},
            {"UNASSIGNED": 1},
        ),
        (
            {"allowEmptySourceSet": True, "sourceQuery": {"_queryFilter": "false"}},
            {"allowEmptySourceSet": False},
            {},
        ),
    ],
)
async def test_an_override_counts_more_than_the_mapping(
    recon: Reconciling, configured: Json, override: Json, counted: dict[str, int]
) -> None:
    ignore = [{"situation": "ABSENT", "action": "IGNORE"}]
    await recon.begin(small(policies=ignore, **configured), sources=PEOPLE, targets={"else": {"mail": "x"}})
    run = await recon.run(override)
    assert {name: count for name, count in run["situationSummary"].items() if count} == counted
    assert run["state"] == ("SUCCESS" if counted else "FAILED")


async def test_one_source_stays_one_whatever_its_query_says(recon: Reconciling) -> None:
    await recon.begin(small(), sources=PEOPLE, targets={"else": {"mail": "x"}, "more": {"mail": "y"}})
    body = {
        "sourceQuery": {"_queryFilter": "true", "_fields": "_id"},
        "runTargetPhase": True,
        "targetQuery": {"_queryFilter": 'mail eq "x"', "resourceName": "managed/dst"},
    }
    run = await recon.run(body, action="reconById", id="p2")
    assert {name: count for name, count in run["situationSummary"].items() if count} == {
        "ABSENT": 1,
        "UNASSIGNED": 1,
    }
    assert run["parameters"] == {
        "sourceIds": ["p2"],
        "targetQuery": {"resourceName": "managed/dst", "queryFilter": 'mail eq "x"'},
    }


async def test_one_source_can_be_analysed_and_its_entry_kept(recon: Reconciling) -> None:
    await recon.begin(small(), sources=PEOPLE)
    run = await recon.run(action="reconById", id="p0", analyze="true", persistAssociations="true")
    (entry,) = await recon.rows(f"recon/assoc/{run['_id']}/entry")
    assert (entry["sourceObjectId"], entry["action"], entry["targetObjectId"]) == ("p0", "CREATE", None)
    assert await recon.ids("dst") == set()
