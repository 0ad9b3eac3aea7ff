"""What is least obvious about reconciliation, each shown by a run."""

from typing import Any

import pytest

from tests.rest.reconciling import Json, Reconciling, javascript, small

pytestmark = pytest.mark.asyncio(loop_scope="module")


def one(**more: Any) -> Json:
    return small(enableSync=False, **more)


async def test_a_run_has_the_id_of_its_request(recon: Reconciling) -> None:
    await recon.begin(one(), sources={"a": {"mail": "a"}})
    run = await recon.run()
    audited = await recon.rows("audit/recon", f'reconId eq "{run["_id"]}"')
    assert [entry["entryType"] for entry in audited] == ["start", "entry", "summary"]
    assert {entry["transactionId"] for entry in audited} == {run["_id"]}
    start, entry, summary = audited
    assert start["message"] == "Reconciliation initiated by openidm-admin"
    assert (start["reconAction"], start["reconciling"], start["ambiguousTargetObjectIds"]) == (
        "recon",
        None,
        None,
    )
    assert (entry["sourceObjectId"], entry["reconciling"], entry["message"]) == (
        "managed/src/a",
        "source",
        None,
    )
    assert entry["targetObjectId"].startswith("managed/dst/")
    assert "ABSENT: 1 " in summary["message"]
    assert summary["messageDetail"]["statusSummary"] == run["statusSummary"]


async def test_candidates_of_an_ambiguous_source_are_not_visited_again(recon: Reconciling) -> None:
    await recon.begin(
        one(correlationQuery=javascript("({_queryFilter: 'mail eq \"' + source.mail + '\"'})")),
        sources={"a": {"mail": "x"}},
        targets={"1": {"mail": "x"}, "2": {"mail": "x"}, "3": {"mail": "y"}},
    )
    run = await recon.run()
    counted = {name: count for name, count in run["situationSummary"].items() if count}
    assert counted == {"AMBIGUOUS": 1, "UNASSIGNED": 1}


async def test_an_empty_target_is_not_searched_unless_that_is_asked_for(recon: Reconciling) -> None:
    fails = javascript("throw {code: 400, message: 'searched'}")
    await recon.begin(one(correlationQuery=fails), sources={"a": {"mail": "a"}})
    assert (await recon.run())["situationSummary"]["ABSENT"] == 1
    await recon.begin(one(correlationQuery=fails, correlateEmptyTargetSet=True), sources={"a": {"mail": "a"}})
    (entry,) = await recon.entries(await recon.run())
    assert (entry["status"], entry["message"]) == ("FAILURE", "searched")


async def test_nothing_mapped_clears_and_a_default_holds_on_update_too(recon: Reconciling) -> None:
    properties = [
        {"source": "mail", "target": "mail"},
        {"source": "kind", "target": "kind", "default": "person"},
    ]
    await recon.begin(
        one(properties=properties),
        sources={"a": {"other": 1}},
        targets={"t": {"mail": "old", "kind": "robot", "own": 1}},
        linked=[("a", "t")],
    )
    await recon.run()
    found = await recon.must("GET", "managed/dst/t")
    assert (found["mail"], found["kind"], found["own"]) == (None, "person", 1)


async def test_on_update_runs_though_nothing_changed_and_only_a_difference_is_written(
    recon: Reconciling,
) -> None:
    counts = javascript("openidm.create('managed/src', null, {seen: true})")
    await recon.begin(
        one(onUpdate=counts, sourceQuery={"_queryFilter": '_id eq "a"'}),
        sources={"a": {"mail": "same"}},
        targets={"t": {"mail": "same"}},
        linked=[("a", "t")],
    )
    before = await recon.must("GET", "managed/dst/t")
    for times in (1, 2):
        run = await recon.run()
        assert run["progress"]["target"]["unchanged"] == 1
        assert len(await recon.rows("managed/src", "seen eq true")) == times
    assert await recon.must("GET", "managed/dst/t") == before


async def test_a_mapping_that_shares_links_sees_them_the_other_way_round_without_case(
    recon: Reconciling,
) -> None:
    back = one(name="back", source="managed/dst", target="managed/src", links="small")
    await recon.begin(one(sourceIdsCaseSensitive=False), back, sources={"ADA": {"mail": "a"}})
    assert (await recon.run())["situationSummary"]["ABSENT"] == 1
    ((first, target),) = await recon.links()
    assert first == "ada"
    assert (await recon.run())["situationSummary"]["CONFIRMED"] == 1
    run = await recon.run(mapping="back")
    assert {name: count for name, count in run["situationSummary"].items() if count} == {"CONFIRMED": 1}
    assert run["statusSummary"]["FAILURE"] == 0
    assert await recon.links() == {("ada", target)}


FAILS = javascript("throw {code: 400, message: 'broken here'}")


@pytest.mark.parametrize(
    "broken",
    [
        {"validSource": FAILS},
        {"onCreate": FAILS},
        {"onLink": FAILS},
        {"onMapping": FAILS},
        {"postMapping": FAILS},
        {"properties": [{"source": "mail", "target": "mail", "transform": FAILS}]},
        {"properties": [{"source": "mail", "target": "mail", "condition": FAILS}]},
        {"policies": [{"situation": "ABSENT", "action": FAILS}]},
        {"policies": [{"situation": "ABSENT", "action": "CREATE", "postAction": FAILS}]},
    ],
    ids=lambda broken: next(iter(broken)),
)
async def test_a_trigger_that_fails_fails_its_entry_alone(recon: Reconciling, broken: Json) -> None:
    await recon.begin(one(**broken), sources={"a": {"mail": "a"}, "b": {"mail": "b"}})
    run = await recon.run()
    assert (run["state"], run["statusSummary"]) == ("SUCCESS", {"SUCCESS": 0, "FAILURE": 2})
    for entry in await recon.entries(run):
        assert "broken here" in entry["message"]


@pytest.mark.parametrize(
    ("broken", "state"), [({}, "SUCCESS"), ({"targetQuery": {"_queryId": "nosuch"}}, "FAILED")]
)
async def test_the_result_script_is_told_how_the_run_ended(
    recon: Reconciling, broken: Json, state: str
) -> None:
    note = javascript(
        "openidm.create('managed/dst', 'told', {state: reconState, run: global.reconId, "
        "absent: source.ABSENT.count, name: source.name})"
    )
    await recon.begin(one(result=note, **broken), sources={"a": {"mail": "a"}})
    await recon.launch(waitForCompletion="true")
    (run,) = (await recon.must("GET", "recon"))["reconciliations"]
    told = await recon.must("GET", "managed/dst/told")
    assert (run["state"], told["state"], told["run"], told["name"]) == (
        state,
        state,
        run["_id"],
        "managed/src",
    )
    assert told["absent"] == (1 if state == "SUCCESS" else 0)


async def test_the_result_script_is_told_of_each_phase_and_of_what_did_not_qualify(
    recon: Reconciling,
) -> None:
    seen = "({entries: side.entries, invalid: side.NOTVALID.count, unqualified: side.UNQUALIFIED.count})"
    note = javascript(
        f"var of = side => {seen}; openidm.create('managed/src', 'told', {{source: of(source), target: of(target)}})"
    )
    ignore = [{"situation": name, "action": "IGNORE"} for name in ("UNQUALIFIED", "ABSENT", "UNASSIGNED")]
    await recon.begin(
        one(
            result=note,
            policies=ignore,
            validSource=javascript("!source.out"),
            validTarget=javascript("!target.out"),
        ),
        sources={"linked": {"out": True}, "alone": {"out": True}, "good": {}},
        targets={"t": {}, "held": {}, "out": {"out": True}, "more": {}},
        linked=[("linked", "t"), ("alien", "held")],
    )
    await recon.must("PUT", "managed/src/alien", {"out": True, "late": True})
    await recon.run({"sourceQuery": {"_queryFilter": "!(late pr)"}})
    told = await recon.must("GET", "managed/src/told")
    assert told["source"] == {"entries": 3, "invalid": 2, "unqualified": 1}
    assert told["target"] == {"entries": 3, "invalid": 1, "unqualified": 1}


async def test_members_of_an_action_object_are_variables_of_its_script(recon: Reconciling) -> None:
    action = javascript("wanted + recon.actionParam.situation === 'xABSENT' ? 'CREATE' : 'IGNORE'")
    await recon.begin(
        one(policies=[{"situation": "ABSENT", "action": {**action, "wanted": "x"}}]), sources={"a": {}}
    )
    assert (await recon.run())["progress"]["target"]["created"] == 1


async def test_a_policy_is_chosen_by_its_condition_in_order(recon: Reconciling) -> None:
    policies = [
        {"situation": "ABSENT", "condition": '/object/kind eq "a"', "action": "IGNORE"},
        {"situation": "ABSENT", "condition": javascript("object.kind === 'b'"), "action": "REPORT"},
        {"situation": "ABSENT", "condition": '/linkQualifier eq "other"', "action": "EXCEPTION"},
    ]
    await recon.begin(one(policies=policies), sources={kind: {"kind": kind} for kind in "abc"})
    run = await recon.run()
    acted = {entry["sourceObjectId"][-1]: entry["action"] for entry in await recon.entries(run)}
    assert acted == {"a": "IGNORE", "b": "REPORT", "c": "CREATE"}
