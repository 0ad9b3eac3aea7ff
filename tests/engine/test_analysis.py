"""An analysis: situations and actions, and not one effect."""

from __future__ import annotations

import pytest

from conf.terms import Action, EntryStatus, Situation
from flows.engine.entry import Entry
from flows.engine.rules import MappingRules
from flows.statistics import Statistics
from tests.engine.entries import by_mail, of_source, of_target, policy, rules
from tests.engine.memory_world import MemoryWorld, Recorder

S, A = Situation, Action


def analysed(world: MemoryWorld, mapping: MappingRules) -> Entry:
    return of_source(world, mapping).reconcile(analyze=True)


@pytest.mark.parametrize("action", list(Action))
def test_no_action_is_performed_and_no_hook_of_one_runs(action: Action) -> None:
    world = MemoryWorld(sources={"s": {"mail": "m"}}, targets={"t": {"mail": "m"}})
    hook = Recorder(world).hook
    mapping = rules(
        correlation=by_mail(),
        on_create=hook("onCreate"),
        on_update=hook("onUpdate"),
        on_delete=hook("onDelete"),
        on_link=hook("onLink"),
        on_unlink=hook("onUnlink"),
        post_mapping=hook("postMapping"),
        policies=policy(S.FOUND, action, post_action=hook("postAction")),
    )
    entry = analysed(world, mapping)
    assert (entry.situation, entry.action, entry.status) == (S.FOUND, action, EntryStatus.SUCCESS)
    assert (entry.effect, entry.link_created, entry.message) == (None, False, None)
    assert (entry.target_id, entry.handled) == ("t", ("t",))
    assert not entry.fingerprint_holds
    assert world.did == []


def test_action_scripts_are_asked_since_the_action_is_wanted() -> None:
    world = MemoryWorld(sources={"s": {}})
    entry = analysed(world, rules(policies=policy(S.ABSENT, Recorder(world).hook("action", "IGNORE"))))
    assert (entry.action, world.did) == (A.IGNORE, ["action"])


def test_it_counts_situations_and_what_was_looked_at_but_no_effects() -> None:
    world = MemoryWorld(sources={"s": {}}, targets={"t": {}, "u": {}}, links=[("default", "s", "t")])
    statistics = Statistics()
    statistics.count(analysed(world, rules()))
    statistics.count(of_target(world, rules(), "u").reconcile(analyze=True))
    assert dict(statistics.situations) == {S.CONFIRMED: 1, S.UNASSIGNED: 1}
    assert (statistics.source_processed, statistics.target_processed) == (1, 2)
    assert (statistics.links_processed, dict(statistics.target_effects)) == (1, {})
