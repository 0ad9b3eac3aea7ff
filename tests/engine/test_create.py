"""CREATE: what it does, in which order, and what stays when a step fails."""

from __future__ import annotations

from typing import Any

import pytest

from conf.errors import BadRequest, Forbidden
from conf.terms import Action, EntryStatus, Situation
from flows.engine.entry import Effect
from flows.engine.rules import PropertyRule, Scope
from tests.engine.entries import ID, MAIL, policy, rules, source_entry, target_entry
from tests.engine.memory_world import MemoryWorld, Recorder, answering

S, A = Situation, Action


def one_source(**more: Any) -> MemoryWorld:
    return MemoryWorld(sources={"s": {"mail": "m"}}, **more)


def test_an_absent_source_is_created_and_linked() -> None:
    world = one_source()
    entry = source_entry(world, rules())
    assert world.targets == {"made1": {"mail": "m"}}
    assert world.did == ["create made1", "link s made1", "settle"]
    assert (entry.situation, entry.action, entry.status) == (S.ABSENT, A.CREATE, EntryStatus.SUCCESS)
    assert (entry.source_id, entry.target_id, entry.effect) == ("s", "made1", Effect.CREATED)
    assert entry.link_created
    assert entry.handled == ("made1",)
    assert entry.message is None


def test_the_order_of_the_hooks() -> None:
    world = one_source()
    hook = Recorder(world).hook
    mapping = rules(
        on_mapping=hook("onMapping"),
        on_create=hook("onCreate"),
        on_link=hook("onLink"),
        on_update=hook("onUpdate"),
        post_mapping=hook("postMapping"),
        policies=policy(S.ABSENT, A.CREATE, post_action=hook("postAction")),
    )
    source_entry(world, mapping)
    assert world.did == [
        "onMapping",
        "onCreate",
        "create made1",
        "onLink",
        "link s made1",
        "settle",
        "postMapping",
        "postAction",
    ]


def test_the_mapping_chooses_the_id() -> None:
    world = one_source()
    entry = source_entry(world, rules(ID, MAIL))
    assert world.targets == {"s": {"mail": "m"}}
    assert entry.target_id == "s"


def test_on_create_may_change_the_object_and_choose_the_id() -> None:
    world = one_source()

    def act(scope: Scope) -> None:
        scope["target"].update(_id="chosen", extra=1)

    entry = source_entry(world, rules(on_create=Recorder(world).hook("onCreate", act=act)))
    assert world.targets == {"chosen": {"mail": "m", "extra": 1}}
    assert entry.target_id == "chosen"
    assert not entry.fingerprint_holds


def test_with_linking_off_nothing_is_linked() -> None:
    world = one_source()
    entry = source_entry(world, rules(linking=False, on_link=Recorder(world).hook("onLink")))
    assert world.did == ["create made1", "settle"]
    assert not entry.link_created


def test_a_failed_property_leaves_no_trace() -> None:
    def fails(_scope: Scope) -> Any:
        raise BadRequest("no")

    world = one_source()
    entry = source_entry(world, rules(ID, PropertyRule(("x",), "x", transform=answering(fails))))
    assert (entry.situation, entry.action, entry.status) == (S.ABSENT, A.CREATE, EntryStatus.FAILURE)
    assert entry.target_id is None
    assert entry.handled == ()
    assert entry.performed
    assert not entry.had_target
    assert world.did == []


@pytest.mark.parametrize("refused", ["onCreate", "create_target"])
def test_a_create_that_fails_with_a_mapped_id_shows_it_and_keeps_it_from_the_target_phase(
    refused: str,
) -> None:
    world = one_source()
    world.refusals["create_target"] = Forbidden("Policy validation failed", detail={"result": False})
    on_create = Recorder(world).hook("onCreate", BadRequest("thrown")) if refused == "onCreate" else None
    entry = source_entry(world, rules(ID, MAIL, on_create=on_create))
    assert entry.status is EntryStatus.FAILURE
    assert entry.target_id == "s"
    assert entry.handled == ("s",)
    assert entry.effect is None
    assert world.targets == {}
    assert world.links == []


def test_a_create_that_fails_without_a_mapped_id_shows_none() -> None:
    world = one_source()
    world.refusals["create_target"] = Forbidden("Policy validation failed", detail={"result": False})
    entry = source_entry(world, rules())
    assert (entry.target_id, entry.handled) == (None, ())
    assert entry.message == "Policy validation failed"
    assert entry.detail == {
        "code": 403,
        "reason": "Forbidden",
        "message": "Policy validation failed",
        "detail": {"result": False},
    }


@pytest.mark.parametrize("refused", ["onLink", "create_link"])
def test_when_the_link_fails_the_object_stays_and_on_link_has_run_once(refused: str) -> None:
    world = one_source()
    world.refusals["create_link"] = BadRequest("no link")
    answer = BadRequest("no link") if refused == "onLink" else None
    hook = Recorder(world).hook
    mapping = rules(
        on_link=hook("onLink", answer),
        post_mapping=hook("postMapping"),
        policies=policy(S.ABSENT, A.CREATE, post_action=hook("postAction")),
    )
    entry = source_entry(world, mapping)
    assert (entry.status, entry.message) == (EntryStatus.FAILURE, "no link")
    assert world.targets == {"made1": {"mail": "m"}}
    assert (entry.target_id, entry.effect, entry.link_created) == ("made1", Effect.CREATED, False)
    assert world.links == []
    assert world.did == ["create made1", "onLink", "settle"]


@pytest.mark.parametrize("failing", ["postMapping", "postAction"])
def test_a_hook_after_the_act_fails_the_entry_but_object_and_link_stay(failing: str) -> None:
    world = one_source()
    hook = Recorder(world).hook
    error = BadRequest("afterwards")
    mapping = rules(
        post_mapping=hook("postMapping", error if failing == "postMapping" else None),
        policies=policy(S.ABSENT, A.CREATE, post_action=hook("postAction", error)),
    )
    entry = source_entry(world, mapping)
    assert (entry.status, entry.message) == (EntryStatus.FAILURE, "afterwards")
    assert (entry.effect, entry.link_created, entry.target_id) == (Effect.CREATED, True, "made1")
    assert world.did[:3] == ["create made1", "link s made1", "settle"]
    assert not entry.fingerprint_holds


def test_create_meets_an_object_where_the_link_already_leads() -> None:
    world = one_source(targets={"t": {}}, links=[("default", "s", "t")])
    entry = source_entry(world, rules(policies=policy(S.CONFIRMED, A.CREATE)))
    assert (entry.status, entry.message) == (EntryStatus.FAILURE, "target object already exists")
    assert entry.target_id == "t"


def test_create_looks_again_where_only_the_target_query_missed_the_object() -> None:
    world = one_source(targets={"t": {}}, links=[("default", "s", "t")], target_set=[])
    entry = source_entry(world, rules(policies=policy(S.MISSING, A.CREATE)))
    assert (entry.situation, entry.message) == (S.MISSING, "target object already exists")


def test_create_without_a_source_object() -> None:
    world = MemoryWorld()
    entry = source_entry(world, rules())
    assert (entry.situation, entry.message) == (S.ABSENT, "no source object to create target from")
    world = MemoryWorld(targets={"t": {}})
    entry = target_entry(world, rules(policies=policy(S.UNASSIGNED, A.CREATE)))
    assert (entry.status, entry.message) == (EntryStatus.FAILURE, "no source object to create target from")


def test_creating_anew_what_is_missing_leads_the_old_link_there() -> None:
    world = one_source(links=[("default", "s", "gone")])
    recorder = Recorder(world)
    entry = source_entry(world, rules(on_link=recorder.hook("onLink"), policies=policy(S.MISSING, A.CREATE)))
    assert world.did == ["create made1", "repoint s made1", "settle"]
    assert (entry.target_id, entry.had_link, entry.link_created) == ("made1", True, False)
    assert entry.handled == ("made1",)


def test_creating_anew_under_the_old_id_leaves_the_link_as_it_is() -> None:
    world = one_source(links=[("default", "s", "s")])
    source_entry(world, rules(ID, MAIL, policies=policy(S.MISSING, A.CREATE)))
    assert world.did == ["create s", "settle"]


def test_create_on_ambiguous_makes_one_more_and_accounts_for_all() -> None:
    world = one_source(targets={"t1": {}, "t2": {}})
    found = answering(lambda _scope: [{"_id": "t1"}, {"_id": "t2"}])
    entry = source_entry(world, rules(correlation_script=found, policies=policy(S.AMBIGUOUS, A.CREATE)))
    assert entry.effect is Effect.CREATED
    assert entry.ambiguous == ("t1", "t2")
    assert entry.handled == ("t1", "t2", "made1")


def test_what_was_created_as_mapped_needs_no_second_look() -> None:
    assert source_entry(one_source(), rules()).fingerprint_holds


def test_what_the_store_made_different_must_be_mapped_again() -> None:
    class Defaulting(MemoryWorld):
        def create_target(self, content: dict[str, Any]) -> dict[str, Any]:
            return super().create_target({**content, "mail": content.get("mail") or "nobody@example.com"})

    assert not source_entry(Defaulting(sources={"s": {}}), rules()).fingerprint_holds
    assert not source_entry(
        MemoryWorld(sources={"s": {}}), rules(PropertyRule(("_id",), "_id", ("uid",)))
    ).fingerprint_holds
