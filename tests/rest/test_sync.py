"""`sync` over REST: single actions, linked resources, notices, and what follows a change of a managed object."""

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.rest.reconciling import Json, Reconciling, javascript, small

pytestmark = pytest.mark.asyncio(loop_scope="module")

BY_MAIL = javascript("({_queryFilter: 'mail eq \"' + source.mail + '\"'})")
OK = (200, {"status": "OK"})


async def act(recon: Reconciling, action: str, body: Any = None, **more: str) -> tuple[int, Any]:
    parameters = {"_action": action, **more}
    return await recon.product.call("POST", f"sync?{urlencode(parameters)}", body)


async def pair(recon: Reconciling, **more: Any) -> None:
    """`a` alone, `b` whose match is `b2`, and `c` linked to `c2`."""
    await recon.begin(
        small(enableSync=False, correlationQuery=BY_MAIL, **more),
        sources={"a": {"mail": "a"}, "b": {"mail": "b"}, "c": {"mail": "c"}},
        targets={"b2": {"mail": "b"}, "c2": {"mail": "old"}, "alone": {"mail": "alone"}},
        linked=[("c", "c2")],
    )


# --- performAction


@pytest.mark.parametrize("spelling", ["CREATE", "create", "Create"])
async def test_the_expected_situation_is_acted_on(recon: Reconciling, spelling: str) -> None:
    await pair(recon)
    assert await act_on(recon, spelling, sourceId="a", situation="ABSENT") == OK


async def act_on(recon: Reconciling, action: str, **more: str) -> tuple[int, Any]:
    parameters = {"_action": "performAction", "mapping": "small", "action": action, **more}
    return await recon.product.call("POST", f"sync?{urlencode(parameters)}")


@pytest.mark.parametrize(
    ("action", "given", "links"),
    [
        ("create", {"sourceId": "a"}, None),
        ("link", {"sourceId": "a", "targetId": "alone"}, {("a", "alone"), ("c", "c2")}),
        ("LINK", {"sourceId": "b"}, {("b", "b2"), ("c", "c2")}),
        ("UNLINK", {"sourceId": "c"}, set()),
        ("DELETE", {"sourceId": "c"}, set()),
        ("delete", {"target": "true", "targetId": "alone"}, {("c", "c2")}),
        ("EXCEPTION", {"sourceId": "a"}, {("c", "c2")}),
        ("REPORT", {"sourceId": "a"}, {("c", "c2")}),
        ("NOREPORT", {"sourceId": "a"}, {("c", "c2")}),
        ("ASYNC", {"sourceId": "a"}, {("c", "c2")}),
        ("IGNORE", {"sourceId": "a"}, {("c", "c2")}),
    ],
)
async def test_an_action_on_one_pair(
    recon: Reconciling, action: str, given: dict[str, str], links: set[tuple[str, str]] | None
) -> None:
    await pair(recon)
    assert await act_on(recon, action, **given) == OK
    found = await recon.links()
    assert found == links if links is not None else {source for source, _ in found} == {"a", "c"}
    if action.lower() == "delete":
        assert await recon.ids("dst") == ({"b2", "c2"} if "target" in given else {"b2", "alone"})


@pytest.mark.parametrize(
    ("action", "given", "status", "says"),
    [
        ("CREATE", {"sourceId": "b", "situation": "ABSENT"}, 409, "Expected: ABSENT, Found: FOUND"),
        ("CREATE", {"sourceId": "c", "situation": "ABSENT"}, 409, "Expected: ABSENT, Found: CONFIRMED"),
        ("CREATE", {"sourceId": "nobody"}, 409, "Source object managed/src/nobody does not exist"),
        ("DELETE", {"target": "1", "targetId": "nobody"}, 409, "nobody does not exist"),
        ("CREATE", {"sourceId": "c"}, 409, "target object already exists"),
        ("CREATE", {}, 400, "sourceId"),
        ("DELETE", {"target": "true"}, 400, "targetId"),
        ("DANCE", {"sourceId": "a"}, 400, "CREATE"),
        ("CREATE", {"sourceId": "a", "situation": "SOMEWHERE"}, 400, "ABSENT"),
        ("CREATE", {"sourceId": "a", "mapping": "nosuch"}, 404, "nosuch"),
    ],
)
async def test_an_action_that_is_refused_changes_nothing(
    recon: Reconciling, action: str, given: dict[str, str], status: int, says: str
) -> None:
    await pair(recon)
    before = (await recon.ids("dst"), await recon.links())
    found, answer = await act_on(recon, action, **given)
    assert (found, answer["code"]) == (status, status)
    assert says in answer["message"]
    assert (await recon.ids("dst"), await recon.links()) == before


async def test_an_action_is_audited_under_the_run_that_it_names(recon: Reconciling) -> None:
    await pair(recon, policies=[{"situation": "ABSENT", "action": "ASYNC"}])
    run = await recon.run()
    assert await act_on(recon, "CREATE", sourceId="a", reconId=run["_id"]) == OK
    told = [e["action"] for e in await recon.entries(run) if e["sourceObjectId"] == "managed/src/a"]
    assert told == ["ASYNC", "CREATE"]
    assert await recon.read(run["_id"]) == run
    before = await recon.entries(run)
    await act_on(recon, "UNLINK", sourceId="a")
    assert await recon.entries(run) == before


async def test_a_post_action_can_be_left_out(recon: Reconciling) -> None:
    throws = javascript("throw {code: 400, message: 'ran'}")
    await pair(recon, policies=[{"situation": "ABSENT", "action": "CREATE", "postAction": throws}])
    assert await act_on(recon, "REPORT", sourceId="a", ignorePostAction="true") == OK
    status, answer = await act_on(recon, "REPORT", sourceId="a")
    assert status >= 400
    assert "ran" in answer["message"]


@pytest.mark.parametrize(
    ("action", "status"), [("dance", 400), ("getLinkedResources", 400), ("notifyCreate", 400)]
)
async def test_other_actions_want_their_parameters(recon: Reconciling, action: str, status: int) -> None:
    assert (await act(recon, action))[0] == status
    assert (await recon.product.call("GET", "sync"))[0] in (400, 501)
    assert (await recon.product.call("POST", "sync/x?_action=performAction"))[0] == 404


# --- linked resources, mappings


async def test_linked_resources_are_told_from_either_side(recon: Reconciling) -> None:
    back = small("back", source="managed/dst", target="managed/src", links="small", enableSync=False)
    await recon.begin(
        small(enableSync=False), back, sources={"c": {"mail": "c"}}, targets={"t": {}}, linked=[("c", "t")]
    )
    for name, other in (("src/c", "dst/t"), ("dst/t", "src/c")):
        _, found = await act(recon, "getLinkedResources", resourceName=f"managed/{name}")
        (one,) = found
        assert (one["resourceName"], one["linkQualifier"], one["linkType"]) == (
            f"managed/{other}",
            "default",
            "small",
        )
        assert one["content"]["_id"] == other[-1]
        assert {each["name"] for each in one["mappings"]} == {"small", "back"}
    assert await act(recon, "getLinkedResources", resourceName="managed/src/nobody") == (200, [])


async def test_mappings_are_listed_in_processing_order(recon: Reconciling) -> None:
    await recon.begin(small("one"), small("two", target="managed/nosuch"), small("three"))
    rows = await recon.rows("sync/mappings")
    assert [row["name"] for row in rows] == ["one", "two", "three"]
    assert [row["targetRouteReady"] for row in rows] == [True, False, True]
    assert rows[0] == {
        "_id": "one",
        "name": "one",
        "source": "managed/src",
        "target": "managed/dst",
        "sourceRouteReady": True,
        "targetRouteReady": True,
    }
    assert [row["_id"] for row in await recon.rows("sync/mappings", 'name sw "t"')] == ["two", "three"]
    first = await recon.must("GET", "sync/mappings?_queryFilter=true&_pageSize=2")
    rest = await recon.must(
        "GET",
        f"sync/mappings?_queryFilter=true&_pageSize=2&_pagedResultsCookie={first['pagedResultsCookie']}",
    )
    assert [row["_id"] for row in rest["result"]] == ["three"]
    assert rest["pagedResultsCookie"] is None


# --- implicit synchronisation


async def test_a_change_goes_through_every_mapping_of_its_collection_until_one_fails(
    recon: Reconciling,
) -> None:
    fails = javascript("throw {code: 400, message: 'no'}")
    await recon.begin(
        small("first", linkQualifiers=["a"]),
        small("second", linkQualifiers=["b"], onCreate=fails),
        small("third", linkQualifiers=["c"]),
        small("other", source="managed/else"),
        small("off", enableSync=False),
    )
    body = {"newValue": {"_id": "x", "mail": "x"}, "oldValue": None}
    status, results = await act(recon, "notifyCreate", body, resourceContainer="managed/src", resourceId="x")
    assert status == 200
    assert [(found["mapping"], found["result"]) for found in results] == [
        ("first", "SUCCESSFUL"),
        ("second", "FAILED"),
        ("third", "SKIPPED"),
    ]
    assert "no" in results[1]["cause"]["message"]


async def test_create_update_and_delete_are_brought_at_once_and_audited(recon: Reconciling) -> None:
    await recon.begin(small(policies=[{"situation": "SOURCE_MISSING", "action": "DELETE"}]))
    await recon.must("PUT", "managed/src/x", {"mail": "one"})
    (made,) = await recon.rows("managed/dst")
    assert made["mail"] == "one"
    await recon.must("PUT", "managed/src/x", {"mail": "two"})
    assert (await recon.must("GET", f"managed/dst/{made['_id']}"))["mail"] == "two"
    await recon.must("DELETE", "managed/src/x")
    assert (await recon.ids("dst"), await recon.links()) == (set(), set())
    audited = await recon.rows("audit/sync", 'mapping eq "small"')
    assert [(entry["situation"], entry["action"]) for entry in audited] == [
        ("ABSENT", "CREATE"),
        ("CONFIRMED", "UPDATE"),
        ("SOURCE_MISSING", "DELETE"),
    ]
    for entry in audited:
        assert entry["sourceObjectId"] == "managed/src/x"
        assert not {"reconId", "entryType", "reconciling", "ambiguousTargetObjectIds"} & entry.keys()
    assert await recon.rows("audit/recon") == []


@pytest.mark.parametrize(("changed", "brought"), [({"mail": "x"}, False), ({"sn": "x"}, True)])
async def test_only_changes_that_matter_are_brought(
    recon: Reconciling, changed: Json, *, brought: bool
) -> None:
    await recon.begin(small(triggerSyncProperties=["/sn"]))
    await recon.must("PUT", "managed/src/x", {"mail": "m", "sn": "s"})
    before = len(await recon.rows("audit/sync"))
    await recon.must("PUT", "managed/src/x", {"mail": "m", "sn": "s"} | changed)
    assert len(await recon.rows("audit/sync")) - before == brought


async def test_a_check_brings_an_unchanged_object(recon: Reconciling) -> None:
    await recon.begin(small(enableSync=False), sources={"x": {"mail": "m"}})
    await recon.must("PUT", "config/sync", {"mappings": [small()]})
    await recon.must("POST", "managed/src/x?_action=triggerSyncCheck")
    assert [row["mail"] for row in await recon.rows("managed/dst")] == ["m"]


async def test_mappings_that_lead_in_a_circle_come_to_an_end(recon: Reconciling) -> None:
    await recon.begin(small("there"), small("back", source="managed/dst", target="managed/src"))
    await recon.must("PUT", "managed/src/x", {"mail": "m"})
    failed = await recon.rows("audit/sync", 'status eq "FAILURE"')
    assert "circle" in failed[0]["message"]
    made = await recon.ids("src") | await recon.ids("dst")
    assert "x" in made
    assert len(made) == 21


@pytest.mark.parametrize(
    ("targets", "linked", "situation", "action"),
    [
        ({"t": {"mail": "m"}}, [("x", "t")], "SOURCE_MISSING", "EXCEPTION"),
        ({"t": {"mail": "m", "out": True}}, [("x", "t")], "TARGET_IGNORED", "IGNORE"),
        ({}, [("x", "t")], "LINK_ONLY", "EXCEPTION"),
        ({}, [], "ALL_GONE", "IGNORE"),
        ({"t": {"mail": "m"}}, [], "UNASSIGNED", "EXCEPTION"),
        ({"t": {"mail": "m"}, "u": {"mail": "m"}}, [], "AMBIGUOUS", "EXCEPTION"),
    ],
)
async def test_a_source_that_is_deleted_leaves_a_situation(
    recon: Reconciling, targets: dict[str, Json], linked: list[tuple[str, str]], situation: str, action: str
) -> None:
    correlates = javascript("({_queryFilter: 'mail eq \"' + source.mail + '\"'})")
    mapping = small(correlationQuery=correlates, validTarget=javascript("!target.out"))
    await recon.begin(
        {**mapping, "enableSync": False}, sources={"x": {"mail": "m"}}, targets=targets, linked=linked
    )
    await recon.must("PUT", "config/sync", {"mappings": [mapping]})
    await recon.product.call("DELETE", "managed/src/x")
    (entry,) = await recon.rows("audit/sync")
    assert (entry["situation"], entry["action"]) == (situation, action)
    assert await recon.ids("dst") == targets.keys()
