"""EXCEPTION, REPORT, NOREPORT, ASYNC, IGNORE, and processes that are started."""

from __future__ import annotations

import pytest

from conf.errors import BadRequest, NotFound
from conf.terms import Action, EntryStatus, Situation
from flows.engine.failures import EntryFailed
from flows.engine.rules import MappingRules, WorkflowTrigger
from tests.engine.entries import by_mail, of_source, policy, rules, source_entry, target_entry
from tests.engine.memory_world import MemoryWorld, Recorder, answering

S, A = Situation, Action
NOTHING = [A.EXCEPTION, A.REPORT, A.NOREPORT, A.ASYNC, A.IGNORE]
TRIGGER = WorkflowTrigger("approval")


def found() -> MemoryWorld:
    return MemoryWorld(sources={"s": {"mail": "m"}}, targets={"t": {"mail": "m"}})


@pytest.mark.parametrize("action", NOTHING)
def test_nothing_is_done(action: Action) -> None:
    world = found()
    mapping = rules(correlation=by_mail(), policies=policy(S.FOUND, action))
    entry = source_entry(world, mapping)
    assert (entry.action, entry.status, entry.effect) == (action, EntryStatus.SUCCESS, None)
    assert (entry.target_id, entry.handled) == ("t", ("t",))
    assert entry.performed
    assert world.did == []
    assert world.links == []


@pytest.mark.parametrize("action", NOTHING)
def test_only_the_reporting_ones_run_post_action(action: Action) -> None:
    world = found()
    recorder = Recorder(world)
    mapping = rules(
        correlation=by_mail(), policies=policy(S.FOUND, action, post_action=recorder.hook("postAction"))
    )
    source_entry(world, mapping)
    assert ("postAction" in world.did) is (action in {A.REPORT, A.NOREPORT})


def test_an_exception_succeeds_and_names_the_situation() -> None:
    entry = source_entry(found(), rules(correlation=by_mail(), policies=policy(S.FOUND, A.EXCEPTION)))
    assert (entry.status, entry.message) == (EntryStatus.SUCCESS, "Situation FOUND marked as EXCEPTION")
    assert entry.detail is None


def test_only_a_successful_noreport_goes_unreported() -> None:
    for action in NOTHING:
        entry = source_entry(found(), rules(correlation=by_mail(), policies=policy(S.FOUND, action)))
        assert entry.reported is (action is not A.NOREPORT)
    recorder = Recorder(found())
    failing = policy(S.FOUND, A.NOREPORT, post_action=recorder.hook("postAction", BadRequest("no")))
    entry = source_entry(recorder.world, rules(correlation=by_mail(), policies=failing))
    assert (entry.status, entry.reported) == (EntryStatus.FAILURE, True)


@pytest.mark.parametrize(("action", "read"), [(A.IGNORE, False), (A.REPORT, True), (A.ASYNC, True)])
def test_only_ignore_does_not_even_read_the_target(action: Action, *, read: bool) -> None:
    world = MemoryWorld(sources={"s": {}}, targets={"t": {}}, links=[("default", "s", "t")], target_set=[])
    entry = source_entry(world, rules(policies=policy(S.MISSING, action)))
    assert entry.situation is S.MISSING
    assert (world.reads == ["t"]) is read
    assert entry.target_id == ("t" if read else None)


def approving(situation: Situation) -> MappingRules:
    return rules(policies=policy(situation, TRIGGER))


def test_a_process_is_started_with_the_parameters_of_the_entry() -> None:
    world = MemoryWorld(sources={"s": {"mail": "m"}})
    entry = source_entry(world, approving(S.ABSENT))
    assert (entry.situation, entry.action, entry.status) == (S.ABSENT, A.ASYNC, EntryStatus.SUCCESS)
    (request,) = world.requests
    assert request.trigger is TRIGGER
    assert request.subject == {"_id": "s", "mail": "m"}
    assert request.variables == {
        "reconId": "run-1",
        "mapping": "small",
        "situation": "ABSENT",
        "action": "CREATE",
        "linkQualifier": "default",
        "_action": "performAction",
        "sourceId": "s",
        "ambiguousTargetIds": None,
    }
    assert world.targets == {}


def test_a_process_about_several_candidates_names_them() -> None:
    world = MemoryWorld(sources={"s": {}}, targets={"t": {}, "u": {}})
    script = answering(lambda _scope: [{"_id": "t"}, {"_id": "u"}])
    source_entry(world, rules(correlation_script=script, policies=policy(S.AMBIGUOUS, TRIGGER)))
    variables = world.requests[0].variables
    assert variables["ambiguousTargetIds"] == ["t", "u"]
    assert "targetId" not in variables


def test_a_process_of_the_target_phase_is_about_the_target() -> None:
    world = MemoryWorld(targets={"t": {"mail": "m"}})
    entry = target_entry(world, approving(S.UNASSIGNED))
    assert entry.action is A.ASYNC
    (request,) = world.requests
    assert request.subject == {"_id": "t", "_rev": "1", "mail": "m"}
    assert request.variables == {
        "reconId": "run-1",
        "mapping": "small",
        "situation": "UNASSIGNED",
        "action": "EXCEPTION",
        "linkQualifier": "default",
        "_action": "performAction",
        "target": "true",
        "oldSource": None,
        "targetId": "t",
    }


def test_a_process_that_cannot_be_started_fails_the_entry() -> None:
    world = MemoryWorld(sources={"s": {}})
    world.refusals["start_process"] = EntryFailed("There is no process definition 'approval'")
    entry = source_entry(world, approving(S.ABSENT))
    assert (entry.status, entry.action) == (EntryStatus.FAILURE, A.CREATE)
    assert entry.message == "There is no process definition 'approval'"
    assert not entry.performed


def test_an_analysis_starts_no_process() -> None:
    world = MemoryWorld(sources={"s": {}})
    entry = of_source(world, approving(S.ABSENT)).reconcile(analyze=True)
    assert (entry.action, world.requests) == (A.ASYNC, [])


def test_errors_of_other_layers_keep_their_code_in_the_detail() -> None:
    world = found()
    recorder = Recorder(world)
    failing = policy(S.FOUND, A.REPORT, post_action=recorder.hook("postAction", NotFound("nothing there")))
    entry = source_entry(world, rules(correlation=by_mail(), policies=failing))
    assert entry.message == "nothing there"
    assert entry.detail == {"code": 404, "reason": "Not Found", "message": "nothing there"}
