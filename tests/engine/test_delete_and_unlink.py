"""DELETE and UNLINK."""

from __future__ import annotations

import pytest

from conf.errors import BadRequest, Unavailable
from conf.terms import Action, EntryStatus, Situation
from flows.engine.entry import Effect
from flows.engine.rules import MappingRules
from tests.engine.entries import by_mail, policy, rules, source_entry, target_entry
from tests.engine.memory_world import MemoryWorld, Recorder, answering

S, A = Situation, Action
INVALID = answering(lambda _scope: False)


def unqualified() -> MemoryWorld:
    """A source that no longer qualifies, linked to a target that others are linked to as well."""
    return MemoryWorld(
        sources={"s": {"mail": "m"}},
        targets={"t": {"mail": "m"}, "u": {}},
        links=[("default", "s", "t"), ("other", "x", "t"), ("default", "y", "u")],
    )


def ends(world: MemoryWorld) -> list[tuple[str, str]]:
    return [(one.source_id, one.target_id) for one in world.links]


def test_an_unqualified_source_loses_its_target_with_all_its_links() -> None:
    world = unqualified()
    hook = Recorder(world).hook
    mapping = rules(
        valid_source=INVALID,
        on_delete=hook("onDelete"),
        on_unlink=hook("onUnlink"),
        policies=policy(S.UNQUALIFIED, A.DELETE, post_action=hook("postAction")),
    )
    entry = source_entry(world, mapping)
    assert world.did == ["onDelete", "delete t", "onUnlink", "unlink s t", "settle", "postAction"]
    assert list(world.targets) == ["u"]
    assert ends(world) == [("y", "u")]
    assert (entry.situation, entry.effect, entry.target_id) == (S.UNQUALIFIED, Effect.DELETED, None)
    assert (entry.had_target, entry.had_link) == (True, True)
    assert entry.handled == ("t",)


def test_a_target_that_merely_correlates_is_deleted_too() -> None:
    world = MemoryWorld(sources={"s": {"mail": "m"}}, targets={"t": {"mail": "m"}})
    entry = source_entry(world, rules(valid_source=INVALID, correlation=by_mail()))
    assert (entry.situation, entry.action, entry.effect) == (S.UNQUALIFIED, A.DELETE, Effect.DELETED)


def test_of_several_that_correlate_none_is_deleted() -> None:
    world = MemoryWorld(sources={"s": {"mail": "m"}}, targets={"t": {"mail": "m"}, "u": {"mail": "m"}})
    entry = source_entry(world, rules(valid_source=INVALID, correlation=by_mail()))
    assert (entry.situation, entry.status, entry.effect) == (S.UNQUALIFIED, EntryStatus.SUCCESS, None)
    assert entry.ambiguous == entry.handled == ("t", "u")
    assert len(world.targets) == 2


def test_deleting_what_is_gone_already_unlinks() -> None:
    world = MemoryWorld(sources={"s": {}}, links=[("default", "s", "gone")])
    recorder = Recorder(world)
    mapping = rules(on_delete=recorder.hook("onDelete"), policies=policy(S.MISSING, A.DELETE))
    entry = source_entry(world, mapping)
    assert world.did == ["unlink s gone", "settle"]
    assert (entry.status, entry.effect) == (EntryStatus.SUCCESS, None)


def test_an_on_delete_that_throws_prevents_everything() -> None:
    world = unqualified()
    recorder = Recorder(world)
    mapping = rules(valid_source=INVALID, on_delete=recorder.hook("onDelete", BadRequest("keep")))
    entry = source_entry(world, mapping)
    assert (entry.status, entry.message, entry.effect) == (EntryStatus.FAILURE, "keep", None)
    assert entry.target_id == "t"
    assert len(world.links) == 3


def test_a_refused_delete_keeps_the_link() -> None:
    world = unqualified()
    world.refusals["delete_target"] = Unavailable("not now")
    entry = source_entry(world, rules(valid_source=INVALID))
    assert (entry.status, entry.effect) == (EntryStatus.FAILURE, None)
    assert len(world.links) == 3


@pytest.mark.parametrize("refused", ["onUnlink", "delete_link"])
def test_when_the_unlinking_fails_the_deletion_stands_and_no_link_dangles(refused: str) -> None:
    world = unqualified()
    world.refusals["delete_link"] = BadRequest("no")
    recorder = Recorder(world)
    answer = BadRequest("no") if refused == "onUnlink" else None
    mapping = rules(valid_source=INVALID, on_unlink=recorder.hook("onUnlink", answer))
    entry = source_entry(world, mapping)
    assert (entry.status, entry.effect) == (EntryStatus.FAILURE, Effect.DELETED)
    assert ends(world) == [("y", "u")]
    assert world.did == ["delete t", "onUnlink", "settle"]


def test_unlink_leaves_the_target_alone() -> None:
    world = unqualified()
    hook = Recorder(world).hook
    mapping = rules(
        valid_source=INVALID,
        on_unlink=hook("onUnlink"),
        post_mapping=hook("postMapping"),
        policies=policy(S.UNQUALIFIED, A.UNLINK, post_action=hook("postAction")),
    )
    entry = source_entry(world, mapping)
    assert world.did == ["onUnlink", "unlink s t", "postAction"]
    assert ends(world) == [("x", "t"), ("y", "u")]
    assert (entry.target_id, entry.effect, entry.had_link) == ("t", None, True)


@pytest.mark.parametrize("action", [A.UNLINK, A.DELETE])
def test_without_link_and_target_there_is_nothing_to_do(action: Action) -> None:
    world = MemoryWorld(sources={"s": {}})
    recorder = Recorder(world)
    mapping = rules(on_unlink=recorder.hook("onUnlink"), policies=policy(S.ABSENT, action))
    entry = source_entry(world, mapping)
    assert entry.status is EntryStatus.SUCCESS
    assert "onUnlink" not in world.did


def test_with_linking_off_a_link_is_neither_seen_nor_dropped() -> None:
    world = unqualified()
    entry = source_entry(world, rules(valid_source=INVALID, linking=False))
    assert (entry.situation, entry.had_link) == (S.SOURCE_IGNORED, False)
    assert len(world.links) == 3


def deleting() -> MappingRules:
    return rules(policies=policy(S.SOURCE_MISSING, A.DELETE) | policy(S.UNASSIGNED, A.DELETE))


def test_the_target_phase_deletes_what_lost_its_source() -> None:
    world = unqualified()
    del world.sources["s"]
    entry = target_entry(world, deleting())
    assert (entry.situation, entry.effect) == (S.SOURCE_MISSING, Effect.DELETED)
    assert (entry.source_id, entry.target_id) == ("s", "t")
    assert ends(world) == [("y", "u")]


def test_the_target_phase_deletes_what_nobody_is_linked_to() -> None:
    world = MemoryWorld(targets={"t": {}})
    entry = target_entry(world, deleting())
    assert (entry.situation, entry.effect) == (S.UNASSIGNED, Effect.DELETED)
    assert (entry.source_id, entry.target_id) == (None, "t")


def test_an_ignored_target_that_is_linked_can_be_unlinked_and_deleted() -> None:
    for action in (A.UNLINK, A.DELETE):
        world = unqualified()
        mapping = rules(valid_target=INVALID, policies=policy(S.TARGET_IGNORED, action))
        entry = target_entry(world, mapping)
        assert (entry.situation, entry.had_link, entry.source_id) == (S.TARGET_IGNORED, True, None)
        assert ("s", "t") not in ends(world)
        assert ("t" in world.targets) is (action is A.UNLINK)
