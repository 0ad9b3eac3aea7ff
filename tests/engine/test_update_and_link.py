"""UPDATE and LINK."""

from __future__ import annotations

from typing import Any

import pytest

from conf.errors import BadRequest, Conflict
from conf.terms import Action, EntryStatus, Situation
from flows.engine.entry import Effect
from flows.engine.rules import PropertyRule, Scope
from tests.engine.entries import ID, MAIL, by_mail, policy, rules, source_entry, target_entry
from tests.engine.memory_world import MemoryWorld, Recorder

S, A = Situation, Action


def pair(target: dict[str, Any], **more: Any) -> MemoryWorld:
    """A source linked to a target."""
    return MemoryWorld(
        sources={"s": {"mail": "m"}}, targets={"t": target}, links=[("default", "s", "t")], **more
    )


def test_a_confirmed_pair_that_differs_is_written() -> None:
    world = pair({"mail": "old", "own": 1})
    entry = source_entry(world, rules())
    assert world.targets == {"t": {"mail": "m", "own": 1}}
    assert (entry.situation, entry.action, entry.effect) == (S.CONFIRMED, A.UPDATE, Effect.UPDATED)
    assert world.did == ["update t", "settle"]
    assert not entry.fingerprint_holds


def test_a_confirmed_pair_that_is_equal_is_not_written() -> None:
    world = pair({"mail": "m"})
    entry = source_entry(world, rules())
    assert (entry.effect, entry.status) == (Effect.UNCHANGED, EntryStatus.SUCCESS)
    assert world.did == ["settle"]
    assert entry.fingerprint_holds


def test_the_order_of_the_hooks_of_an_update_that_links() -> None:
    world = MemoryWorld(sources={"s": {"mail": "m"}}, targets={"t": {"mail": "m"}})
    hook = Recorder(world).hook
    mapping = rules(
        PropertyRule(("new",), "new", default=1),
        correlation=by_mail(),
        on_mapping=hook("onMapping"),
        on_create=hook("onCreate"),
        on_link=hook("onLink"),
        on_update=hook("onUpdate"),
        post_mapping=hook("postMapping"),
        policies=policy(S.FOUND, A.UPDATE, post_action=hook("postAction")),
    )
    entry = source_entry(world, mapping)
    assert world.did == [
        "onLink",
        "link s t",
        "onMapping",
        "onUpdate",
        "update t",
        "settle",
        "postMapping",
        "postAction",
    ]
    assert (entry.situation, entry.link_created, entry.had_link) == (S.FOUND, True, False)


def test_on_update_and_post_mapping_run_without_a_change_too() -> None:
    world = pair({"mail": "m"})
    hook = Recorder(world).hook
    source_entry(world, rules(on_update=hook("onUpdate"), post_mapping=hook("postMapping")))
    assert world.did == ["onUpdate", "settle", "postMapping"]


def test_on_update_sees_the_old_target_and_its_changes_are_written() -> None:
    world = pair({"mail": "old"})
    recorder = Recorder(world)

    def act(scope: Scope) -> None:
        scope["target"]["by"] = scope["oldTarget"]["mail"]

    entry = source_entry(world, rules(on_update=recorder.hook("onUpdate", act=act)))
    scope = recorder.scopes["onUpdate"]
    assert scope["oldTarget"] == {"_id": "t", "_rev": "1", "mail": "old"}
    assert scope["target"] == {"_id": "t", "_rev": "1", "mail": "m"}
    assert world.targets == {"t": {"mail": "m", "by": "old"}}
    assert entry.effect is Effect.UPDATED


@pytest.mark.parametrize(
    ("before", "mapped"), [(1, True), (1, 1.0), ([1, 2], [2, 1]), (None, False), ("m", "M")]
)
def test_values_that_json_tells_apart_are_written(before: Any, mapped: Any) -> None:
    world = pair({"x": before})
    world.sources["s"]["x"] = mapped
    entry = source_entry(world, rules(PropertyRule(("x",), "x", ("x",))))
    assert entry.effect is Effect.UPDATED
    assert world.targets["t"] == {"x": mapped}


def test_a_null_is_written_once_where_the_target_lacks_the_attribute() -> None:
    world = pair({})
    world.sources["s"] = {}
    assert source_entry(world, rules()).effect is Effect.UPDATED
    assert world.targets["t"] == {"mail": None}
    assert source_entry(world, rules()).effect is Effect.UNCHANGED


def test_a_write_that_changed_no_revision_counts_as_unchanged() -> None:
    class SamePassword(MemoryWorld):
        def update_target(self, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
            return before

    world = SamePassword(sources={"s": {"mail": "m"}}, targets={"t": {}}, links=[("default", "s", "t")])
    entry = source_entry(world, rules())
    assert entry.effect is Effect.UNCHANGED
    assert entry.fingerprint_holds


def test_the_id_of_a_target_cannot_be_mapped_anew() -> None:
    world = pair({"mail": "m"})
    entry = source_entry(world, rules(ID, MAIL))
    assert (entry.status, entry.message) == (EntryStatus.FAILURE, "target '_id' has changed")
    assert entry.effect is None
    assert world.did == []


def test_a_failing_property_writes_nothing() -> None:
    world = pair({"mail": "old", "address": "text"})
    entry = source_entry(world, rules(MAIL, PropertyRule(("address", "city"), "address/city", ("mail",))))
    assert entry.status is EntryStatus.FAILURE
    assert world.targets == {"t": {"mail": "old", "address": "text"}}


def test_a_refused_write_fails_the_entry_and_keeps_the_link() -> None:
    world = MemoryWorld(sources={"s": {"mail": "m"}}, targets={"t": {"mail": "m"}})
    world.refusals["update_target"] = Conflict("revision")
    entry = source_entry(world, rules(PropertyRule(("x",), "x", default=1), correlation=by_mail()))
    assert (entry.status, entry.message) == (EntryStatus.FAILURE, "revision")
    assert entry.link_created
    assert world.did == ["link s t"]


def test_an_update_of_a_missing_target_succeeds_and_does_nothing() -> None:
    world = MemoryWorld(sources={"s": {"mail": "m"}}, links=[("default", "s", "gone")])
    entry = source_entry(world, rules(policies=policy(S.MISSING, A.UPDATE)))
    assert (entry.status, entry.effect, entry.target_id) == (EntryStatus.SUCCESS, None, None)
    assert entry.had_target
    assert world.did == ["settle"]
    assert len(world.links) == 1


def test_an_update_without_a_source_object_succeeds_and_does_nothing() -> None:
    world = pair({"mail": "old"})
    del world.sources["s"]
    entry = source_entry(world, rules())
    assert (entry.situation, entry.status) == (S.CONFIRMED, EntryStatus.SUCCESS)
    assert world.targets == {"t": {"mail": "old"}}


def test_a_link_writes_no_target() -> None:
    world = MemoryWorld(sources={"s": {"mail": "m"}}, targets={"t": {"mail": "m"}})
    hook = Recorder(world).hook
    mapping = rules(
        PropertyRule(("new",), "new", default=1),
        correlation=by_mail(),
        on_link=hook("onLink"),
        on_update=hook("onUpdate"),
        post_mapping=hook("postMapping"),
        policies=policy(S.FOUND, A.LINK, post_action=hook("postAction")),
    )
    entry = source_entry(world, mapping)
    assert world.did == ["onLink", "link s t", "settle", "postMapping", "postAction"]
    assert (entry.action, entry.effect, entry.link_created) == (A.LINK, None, True)
    assert world.targets == {"t": {"mail": "m"}}


@pytest.mark.parametrize("action", [A.LINK, A.UPDATE])
def test_without_a_target_there_is_nothing_to_link(action: Action) -> None:
    entry = source_entry(MemoryWorld(sources={"s": {}}), rules(policies=policy(S.ABSENT, action)))
    assert (entry.status, entry.message) == (EntryStatus.FAILURE, "no target object to link")


@pytest.mark.parametrize("action", [A.LINK, A.UPDATE])
def test_a_target_without_a_source_is_not_linked(action: Action) -> None:
    world = MemoryWorld(targets={"t": {}})
    entry = target_entry(world, rules(policies=policy(S.UNASSIGNED, action)))
    assert entry.status is EntryStatus.FAILURE
    assert world.links == []


def test_a_target_that_another_source_holds_is_not_taken_away() -> None:
    world = MemoryWorld(
        sources={"s": {"mail": "m"}}, targets={"t": {"mail": "m"}}, links=[("default", "other", "t")]
    )
    mapping = rules(correlation=by_mail(), policies=policy(S.FOUND_ALREADY_LINKED, A.LINK))
    entry = source_entry(world, mapping)
    assert (entry.situation, entry.status) == (S.FOUND_ALREADY_LINKED, EntryStatus.FAILURE)
    assert [(one.source_id, one.target_id) for one in world.links] == [("other", "t")]


def test_a_link_of_another_qualifier_is_no_hindrance() -> None:
    world = MemoryWorld(
        sources={"s": {"mail": "m"}}, targets={"t": {"mail": "m"}}, links=[("other", "x", "t")]
    )
    assert source_entry(world, rules(correlation=by_mail())).situation is S.FOUND
    assert {one.qualifier for one in world.links} == {"default", "other"}


def test_on_link_that_throws_prevents_link_and_update() -> None:
    world = MemoryWorld(sources={"s": {"mail": "m"}}, targets={"t": {"mail": "m"}})
    recorder = Recorder(world)
    mapping = rules(
        PropertyRule(("new",), "new", default=1),
        correlation=by_mail(),
        on_link=recorder.hook("onLink", BadRequest("no")),
    )
    entry = source_entry(world, mapping)
    assert (entry.status, entry.message) == (EntryStatus.FAILURE, "no")
    assert world.did == ["onLink"]


def test_with_linking_off_an_update_writes_and_links_nothing() -> None:
    world = MemoryWorld(sources={"s": {"mail": "m"}}, targets={"t": {"mail": "m"}})
    mapping = rules(PropertyRule(("new",), "new", default=1), correlation=by_mail(), linking=False)
    entry = source_entry(world, mapping)
    assert (entry.situation, entry.effect) == (S.FOUND, Effect.UPDATED)
    assert world.did == ["update t", "settle"]
    assert source_entry(world, mapping).situation is S.FOUND
