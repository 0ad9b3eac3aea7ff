"""Which variables a script of the mapping finds: present, null, or not there at all."""

from __future__ import annotations

from typing import Any

import pytest

from conf.errors import BadRequest
from conf.terms import Action, Situation
from flows.engine.operation import Operation
from flows.engine.rules import MappingRules, PolicyRule, Scope
from tests.engine.entries import by_mail, of_deleted, of_source, of_target, policy, rules
from tests.engine.memory_world import MemoryWorld, Recorder, answering

S, A = Situation, Action
ABSENT = object()
SOURCE = {"_id": "s", "mail": "m"}
TARGET = {"_id": "t", "_rev": "1", "mail": "m"}
LINK = [("default", "s", "t")]


def whole() -> MemoryWorld:
    return MemoryWorld(sources={"s": {"mail": "m"}}, targets={"t": {"mail": "m"}}, links=LINK)


def only(source: bool, target: bool, *, linked: bool) -> MemoryWorld:
    return MemoryWorld(
        sources={"s": {"mail": "m"}} if source else {},
        targets={"t": {"mail": "m"}} if target else {},
        links=LINK if linked else [],
    )


def asked(operation: Operation) -> tuple[Scope, Scope]:
    """The scopes of the action script and of the postAction of an entry."""
    recorder = Recorder(MemoryWorld())
    rule = PolicyRule(recorder.hook("action", "REPORT"), None, recorder.hook("postAction"))
    everywhere = {situation: [rule] for situation in Situation}
    operation.rules = MappingRules(**{**vars(operation.rules), "policies": everywhere})
    operation.reconcile()
    return recorder.scopes["action"], recorder.scopes["postAction"]


INVALID = answering(lambda _scope: False)
CASES: list[tuple[Operation, Situation, Any, Any]] = [
    (of_source(whole(), rules()), S.CONFIRMED, SOURCE, TARGET),
    (of_source(only(True, False, linked=True), rules()), S.MISSING, SOURCE, None),
    (of_source(only(True, False, linked=False), rules()), S.ABSENT, SOURCE, ABSENT),
    (
        of_source(only(True, True, linked=False), rules(correlation=by_mail())),
        S.FOUND,
        SOURCE,
        {"_id": "t", "mail": "m"},
    ),
    (of_source(only(False, True, linked=True), rules()), S.CONFIRMED, None, TARGET),
    (
        of_source(only(True, False, linked=False), rules(valid_source=INVALID)),
        S.SOURCE_IGNORED,
        SOURCE,
        ABSENT,
    ),
    (of_target(only(False, True, linked=False), rules()), S.UNASSIGNED, ABSENT, TARGET),
    (of_target(whole(), rules(valid_target=INVALID)), S.TARGET_IGNORED, ABSENT, TARGET),
    (of_target(only(False, True, linked=True), rules()), S.SOURCE_MISSING, None, TARGET),
    (of_target(whole(), rules(valid_source=INVALID)), S.UNQUALIFIED, SOURCE, TARGET),
    (of_target(whole(), rules()), S.CONFIRMED, SOURCE, TARGET),
    (of_target(only(True, False, linked=True), rules()), S.CONFIRMED, SOURCE, None),
    (of_deleted(only(False, True, linked=True), rules(), SOURCE), S.SOURCE_MISSING, None, TARGET),
    (of_deleted(only(False, False, linked=True), rules(), SOURCE), S.LINK_ONLY, None, None),
    (of_deleted(only(False, False, linked=False), rules(), None), S.ALL_GONE, None, ABSENT),
]


@pytest.mark.parametrize(
    ("operation", "situation", "source", "target"),
    CASES,
    ids=[f"{type(case[0]).__name__}-{case[1]}-{number}" for number, case in enumerate(CASES)],
)
def test_source_and_target_of_action_and_post_action(
    operation: Operation, situation: Situation, source: Any, target: Any
) -> None:
    action, post = asked(operation)
    assert action["recon"]["actionParam"]["situation"] == post["situation"] == situation
    for scope in (action, post):
        assert scope.get("source", ABSENT) == source
        assert scope.get("target", ABSENT) == target
        assert scope["sourceAction"] is operation.is_source
        assert scope["linkQualifier"] == "default"


def test_parameters_of_an_action_script_in_the_source_phase() -> None:
    action, post = asked(of_source(whole(), rules()))
    assert action["recon"] == {
        "actionParam": {
            "reconId": "run-1",
            "mapping": "small",
            "situation": "CONFIRMED",
            "action": "UPDATE",
            "linkQualifier": "default",
            "_action": "performAction",
            "sourceId": "s",
            "ambiguousTargetIds": None,
            "targetId": "t",
        }
    }
    assert "recon" not in post
    assert (post["action"], post["reconId"]) == ("REPORT", "run-1")


def test_parameters_of_an_action_script_in_the_target_phase() -> None:
    action, _ = asked(of_target(whole(), rules()))
    assert action["recon"]["actionParam"] == {
        "reconId": "run-1",
        "mapping": "small",
        "situation": "CONFIRMED",
        "action": "UPDATE",
        "linkQualifier": "default",
        "_action": "performAction",
        "target": "true",
        "oldSource": SOURCE,
        "targetId": "t",
    }


def test_outside_of_a_run_the_run_id_is_null() -> None:
    action, post = asked(of_deleted(whole(), rules(), SOURCE))
    assert action["recon"]["actionParam"]["reconId"] is None
    assert post["reconId"] is None


# onCreate, onUpdate, onDelete, onLink, onUnlink, postMapping, onError


def triggered(world: MemoryWorld, name: str, field: str, answer: Any = None, **more: Any) -> dict[str, Any]:
    recorder = Recorder(world)
    mapping = rules(configuration={"name": "small"}, **{field: recorder.hook(name, answer)}, **more)
    of_source(world, mapping, old_source={"mail": "before"}).reconcile()
    return recorder.scopes[name]


COMMON = {
    "linkQualifier": "default",
    "sourceId": "s",
    "mappingConfig": {"name": "small"},
    "context": {},
    "source": SOURCE,
    "oldSource": {"mail": "before"},
}


def test_on_create_sees_the_object_to_be() -> None:
    scope = triggered(only(True, False, linked=False), "onCreate", "on_create")
    assert scope == {**COMMON, "situation": "ABSENT", "targetId": None, "target": {"mail": "m"}}


def test_on_link_and_post_mapping_of_a_create_see_the_object_that_was_made() -> None:
    made = {"_id": "made1", "_rev": "1", "mail": "m"}
    for name, field in (("onLink", "on_link"), ("postMapping", "post_mapping")):
        scope = triggered(only(True, False, linked=False), name, field)
        assert scope == {**COMMON, "situation": "ABSENT", "targetId": "made1", "target": made}


def test_on_update_has_the_old_target_besides() -> None:
    scope = triggered(whole(), "onUpdate", "on_update")
    confirmed = {"situation": "CONFIRMED", "targetId": "t", "target": TARGET}
    assert scope == {**COMMON, **confirmed, "oldTarget": TARGET}
    assert triggered(whole(), "postMapping", "post_mapping") == {**COMMON, **confirmed}


def test_on_delete_has_no_old_target_and_on_unlink_no_target_after_a_deletion() -> None:
    unqualified = {"situation": "UNQUALIFIED", "targetId": "t"}
    scope = triggered(whole(), "onDelete", "on_delete", valid_source=INVALID)
    assert scope == {**COMMON, **unqualified, "target": TARGET}
    scope = triggered(whole(), "onUnlink", "on_unlink", valid_source=INVALID)
    assert scope == {**COMMON, **unqualified}


def test_without_a_source_there_is_no_variable_source() -> None:
    world = MemoryWorld(targets={"t": {"mail": "m"}})
    recorder = Recorder(world)
    mapping = rules(on_delete=recorder.hook("onDelete"), policies=policy(S.UNASSIGNED, A.DELETE))
    of_target(world, mapping).reconcile()
    scope = recorder.scopes["onDelete"]
    assert "source" not in scope
    assert "oldSource" not in scope
    assert (scope["sourceId"], scope["targetId"]) == (None, "t")


def test_on_error_sees_what_went_wrong_and_its_own_failure_changes_nothing() -> None:
    world = whole()
    recorder = Recorder(world)
    mapping = rules(
        on_update=recorder.hook("onUpdate", BadRequest("no")),
        on_error=recorder.hook("onError", BadRequest("worse")),
    )
    entry = of_source(world, mapping).reconcile()
    assert entry.message == "no"
    scope = recorder.scopes["onError"]
    assert scope["error"] == {"code": 400, "reason": "Bad Request", "message": "no"}
    assert (scope["situation"], scope["sourceId"], scope["targetId"]) == ("CONFIRMED", "s", "t")


def test_on_error_of_an_entry_that_could_not_be_assessed_knows_no_situation() -> None:
    world = whole()
    recorder = Recorder(world)
    of_source(
        world, rules(valid_source=answering(lambda _scope: None), on_error=recorder.hook("onError"))
    ).reconcile()
    assert "situation" not in recorder.scopes["onError"]
