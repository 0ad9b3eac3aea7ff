"""`recon/assoc`: what a run that keeps its entries tells, and analyses."""

import json
import re

import pytest

from tests.rest.reconciling import Reconciling, javascript, small

pytestmark = pytest.mark.asyncio(loop_scope="module")

SLOW = javascript("var start = Date.now(); while (Date.now() - start < 40) {} true")
UNKNOWN = "05f63bce-4aaa-492e-9e86-a702d5c9d6c0-1144"
PEOPLE = {f"p{n}": {"mail": f"p{n}@example.com"} for n in range(3)}


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


async def test_one_run_of_each_kind_keeps_its_associations_by_default(recon: Reconciling) -> None:
    await recon.begin(small(), sources=PEOPLE)
    normal = [(await recon.run(persistAssociations="true"))["_id"] for _ in range(2)]
    analyses = [(await recon.run(persistAssociations="true", analyze="true"))["_id"] for _ in range(2)]
    assert {row["_id"] for row in await recon.rows("recon/assoc")} == {normal[1], analyses[1]}


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


async def test_entries_tell_candidates_and_what_went_wrong(recon: Reconciling) -> None:
    fails = javascript("throw {code: 403, message: 'not him', detail: {why: 'rule 7'}}")
    await recon.begin(
        small(
            correlationQuery=javascript("({_queryFilter: 'mail eq \"' + source.mail + '\"'})"),
            onCreate=fails,
        ),
        sources={"twice": {"mail": "x"}, "refused": {"mail": "y"}},
        targets={"t1": {"mail": "x"}, "t2": {"mail": "x"}},
    )
    run = await recon.run(persistAssociations="true")
    refused, twice = await recon.rows(f"recon/assoc/{run['_id']}/entry", _sortKeys="sourceObjectId")
    assert (twice["situation"], twice["ambiguousTargetObjectIds"], twice["targetObjectId"]) == (
        "AMBIGUOUS",
        "t1, t2",
        None,
    )
    assert (twice["status"], twice["message"]) == ("SUCCESS", "Situation AMBIGUOUS marked as EXCEPTION")
    assert (refused["status"], refused["exception"]) == ("FAILURE", None)
    assert "not him" in refused["message"]
    assert "rule 7" in json.dumps(json.loads(refused["messageDetail"]))


async def test_summaries_are_found_sorted_and_paged(recon: Reconciling) -> None:
    await recon.begin(small(), small("other"), sources=PEOPLE)
    analysis = await recon.run(analyze="true", persistAssociations="true")
    normal = await recon.run(persistAssociations="true")
    other = await recon.run(persistAssociations="true", mapping="other")

    async def ids(filter: str, **more: str) -> list[str]:
        return [row["_id"] for row in await recon.rows("recon/assoc", filter, **more)]

    assert await ids('isAnalysis eq "true"') == [analysis["_id"]]
    assert await ids('mapping eq "small" and isAnalysis eq "false"') == [normal["_id"]]
    assert await ids("true", _sortKeys="-finishTime", _pageSize="1") == [other["_id"]]
    assert await ids('sourceResourceCollection eq "managed/nosuch"') == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "recon/assoc/x", {}),
        ("PATCH", "recon/assoc/x", []),
        ("DELETE", "recon/assoc/x", None),
        ("GET", "recon/assoc", None),
        ("PUT", "recon/assoc/x/entry/1", {}),
        ("DELETE", "recon/assoc/x/entry/1", None),
    ],
)
async def test_associations_are_read_and_nothing_else(
    recon: Reconciling, method: str, path: str, body: object
) -> None:
    assert (await recon.product.call(method, path, body))[0] in (400, 501)


async def test_an_analysis_opens_no_task(recon: Reconciling) -> None:
    launch = {
        "type": "text/javascript",
        "file": "workflow/triggerWorkflowFromSync.js",
        "workflowName": "nobody-knows-it",
    }
    await recon.begin(small(policies=[{"situation": "ABSENT", "action": launch}]), sources=PEOPLE)
    run = await recon.run(analyze="true", persistAssociations="true")
    entries = await recon.rows(f"recon/assoc/{run['_id']}/entry")
    assert {(entry["action"], entry["status"]) for entry in entries} == {("ASYNC", "SUCCESS")}
    assert await recon.rows("workflow/processinstance") == []
