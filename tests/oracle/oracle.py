"""A slow and obvious reconciliation: the decision tables of the specification, one object at a time.

It shares nothing with the engine but the words of `conf.terms`, and knows nothing of pages, stores or threads.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import Any

from conf.terms import DEFAULT_ACTIONS, Action, Situation
from tests.oracle.answer import Answer
from tests.oracle.terms import Json, Launched, Mapping, Thrown

WITHOUT_POST_ACTION = ("EXCEPTION", "ASYNC", "IGNORE")


class Refused(Exception):
    """The entry fails with this message."""


class Broken(Exception):
    """The run cannot go on."""


@dataclass
class Work:
    """One entry: what is known, and what was done."""

    phase: str
    qualifier: str
    source_id: str | None = None
    source: Json | None = None
    target_id: str | None = None
    link: tuple[str, str] | None = None
    """Source and target of the entry's link."""
    target_read: bool = False
    named_by_mapping: bool = False
    had_link: bool = False
    link_created: bool = False
    ambiguous: tuple[str, ...] = ()
    effect: str | None = None


class World:
    """Sources, targets and links, which runs change."""

    def __init__(self) -> None:
        self.mapping = Mapping()
        self.sources: dict[str, Json] = {}
        self.targets: dict[str, Json] = {}
        self.links: dict[tuple[str, str], str] = {}
        """(qualifier, source id) to target id."""
        self.made = 0

    def run(self, run: Launched) -> Answer:
        """One run from beginning to end."""
        self.asked, self.answer, self.target_set = run, Answer(), None
        answer, mapping = self.answer, self.mapping
        found = [id for id, one in self.sources.items() if matches(run.source_query, one)]
        ids = list(found if run.ids is None else run.ids)
        answer.source = (0, str(len(ids)))
        if not ids and not run.allow_empty:
            answer.state = "FAILED"
            return answer
        if run.runs_target_phase:
            self.target_set = [id for id, one in self.targets.items() if matches(run.target_query, one)]
            answer.target = (0, str(len(self.target_set)))
        linked = sum(qualifier in mapping.qualifiers for qualifier, _ in self.links)
        if mapping.prefetch_links and linked:
            answer.links = (0, str(linked))
        try:
            handled: set[str] = set()
            for id in ids:
                for qualifier in self.qualifiers_of(id):
                    work = Work("source", qualifier, id, self.sources.get(id))
                    self.entry(work)
                    handled.update(work.ambiguous, [work.target_id] if work.target_id else [])
            for id in [id for id in self.target_set or () if id not in handled]:
                for qualifier in mapping.qualifiers:
                    self.entry(Work("target", qualifier, target_id=id))
        except Broken:
            answer.state = "FAILED"
        if answer.state == "SUCCESS" and answer.links[1] == "?":
            answer.links = (answer.links[0], str(answer.links[0]))
        return answer

    def qualifiers_of(self, id: str) -> tuple[str, ...]:
        try:
            return self.mapping.qualifiers_of(self.sources.get(id))
        except Thrown:
            raise Broken from None

    def entry(self, work: Work) -> None:
        """Assess, decide, act, count, write down: section 5."""
        situation = action = message = None
        status, performed = "SUCCESS", False
        try:
            situation = self.assess_source(work) if work.phase == "source" else self.assess_target(work)
            work.had_link = work.link is not None
            action = str(DEFAULT_ACTIONS[Situation(situation)])
            action, post_action = self.decide(work, situation, action)
            performed = True
            if not self.asked.analysis:
                if action != "IGNORE":
                    work.target_read = True
                self.act(work, action)
                if action == "EXCEPTION":
                    message = f"Situation {situation} marked as EXCEPTION"
                if post_action is not None and action not in WITHOUT_POST_ACTION:
                    post_action.run("postAction", self.seen_source(work), self.seen_target(work))
        except (Refused, Thrown) as refused:
            status, message = "FAILURE", str(refused)
        self.count(work, situation, action, status, performed)
        if action == "NOREPORT" and status == "SUCCESS":
            return
        self.answer.entries.append(
            {
                "phase": work.phase,
                "qualifier": work.qualifier,
                "situation": situation,
                "action": action,
                "status": status,
                "source": work.source_id,
                "target": self.shown_target(work),
                "ambiguous": sorted(work.ambiguous),
                "message": message,
            }
        )

    # section 6: situations

    def assess_source(self, work: Work) -> str:
        mapping = self.mapping
        assert work.source_id is not None
        if mapping.linking and (linked := self.links.get((work.qualifier, work.source_id))):
            work.target_id, work.link = linked, (work.source_id, linked)
        valid = self.source_is_valid(work) and self.source_condition_holds(work)
        if work.link is not None:
            if not valid:
                return "UNQUALIFIED"
            return "CONFIRMED" if self.exists(work) else "MISSING"
        found = self.correlate(work)
        if len(found) > 1:
            work.ambiguous = tuple(found)
            return "AMBIGUOUS" if valid else "UNQUALIFIED"
        if not found:
            return "ABSENT" if valid else "SOURCE_IGNORED"
        work.target_id = found[0]
        if not valid:
            return "UNQUALIFIED"
        return "FOUND_ALREADY_LINKED" if self.source_linked_to(work.qualifier, found[0]) else "FOUND"

    def assess_target(self, work: Work) -> str:
        assert work.target_id is not None
        linked = self.source_linked_to(work.qualifier, work.target_id)
        work.link = None if linked is None else (linked, work.target_id)
        target = self.targets.get(work.target_id)
        if self.mapping.valid_target is not None and target is not None:
            answer = self.mapping.valid_target.answer(target)
            if not isinstance(answer, bool):
                raise Refused("Expecting boolean value from validTarget")
            if not answer:
                return "TARGET_IGNORED"
        if linked is None:
            return "UNASSIGNED"
        work.source_id, work.source = linked, self.sources.get(linked)
        if work.source is None:
            return "SOURCE_MISSING"
        return "CONFIRMED" if self.source_is_valid(work) else "UNQUALIFIED"

    def source_is_valid(self, work: Work) -> bool:
        if self.mapping.valid_source is None:
            return True
        if work.source is None:
            raise Refused(f"Source object {work.source_id} no longer exists")
        answer = self.mapping.valid_source.answer(work.source)
        if not isinstance(answer, bool):
            raise Refused("Expecting boolean value from validSource")
        return answer

    def source_condition_holds(self, work: Work) -> bool:
        condition = self.mapping.source_condition
        try:
            return condition is None or condition.holds(work.source, work.qualifier)
        except Thrown:
            if work.source is None:
                raise
            raise Broken from None

    def correlate(self, work: Work) -> list[str]:
        rule, source = self.mapping.correlation, work.source
        if not rule.applies(work.qualifier) or (self.target_set == [] and not rule.on_empty_target_set):
            return []
        if source is None:
            raise Refused(f"Source object {work.source_id} no longer exists")
        if rule.fails_for is not None and rule.fails_for.in_script(source):
            raise Thrown("correlation")
        if rule.breaks_for is not None and rule.breaks_for.in_script(source):
            raise Broken
        if rule.by_script:
            return list(source.get("refs") or [])
        wanted = source.get("mail", "undefined")
        wanted = "null" if wanted is None else wanted
        found = [id for id, one in self.targets.items() if one.get("mail") == wanted]
        work.target_read = len(found) == 1  # the query gave the object itself
        return found

    def exists(self, work: Work) -> bool:
        if self.target_set is not None and not work.target_read:
            return work.target_id in self.target_set
        return work.target_id in self.targets

    def source_linked_to(self, qualifier: str, target_id: str) -> str | None:
        found = [s for (q, s), t in self.links.items() if q == qualifier and t == target_id]
        return found[0] if found else None

    # section 8: policies

    def decide(self, work: Work, situation: str, default: str) -> tuple[str, Any]:
        policies = [policy for policy in self.mapping.policies if policy.situation == situation]
        for policy in policies:
            try:
                holds = policy.condition is None or policy.condition.holds(work.source, work.qualifier)
            except Thrown:
                raise Broken from None
            if not holds:
                continue
            if isinstance(policy.action, str):
                return policy.action, policy.post_action
            work.target_read = work.target_id is not None
            answer = policy.action.answer(self.seen_source(work))
            if answer is None:
                raise Refused("action script returned null value")
            if answer not in Action.__members__:
                raise Refused(f"action script returned invalid action: {answer}")
            return answer, policy.post_action
        return default, policies[0].post_action if policies else None

    def seen_source(self, work: Work) -> Json | None:
        return None if work.source is None else {"_id": work.source_id, **copy.deepcopy(work.source)}

    def seen_target(self, work: Work) -> Json | None:
        found = self.targets.get(work.target_id or "")
        return None if found is None else {"_id": work.target_id, **copy.deepcopy(found)}

    # section 9: actions

    def act(self, work: Work, action: str) -> None:
        if action == "CREATE":
            self.create(work)
        elif action in {"UPDATE", "LINK"}:
            self.link(work)
            if action == "UPDATE":
                self.update(work)
            self.hook("postMapping", work, self.seen_target(work))
        elif action == "DELETE":
            self.delete(work)
        elif action == "UNLINK":
            self.unlink(work)

    def create(self, work: Work) -> None:
        if work.source is None:
            raise Refused("no source object to create target from")
        if work.target_id in self.targets:
            raise Refused("target object already exists")
        content: Json = {}
        self.map(work, content)
        self.take_id(work, content)
        self.hook("onCreate", work, content)
        self.take_id(work, content)
        id = content.pop("_id", None)
        if id in self.targets:
            raise Refused("Create rejected as Object with same ID already exists")
        if id is None:
            self.made += 1
            id = f"new{self.made}"
        self.targets[id] = copy.deepcopy(content)
        work.target_id, work.named_by_mapping, work.effect = id, True, "created"
        self.link(work)
        self.hook("postMapping", work, self.seen_target(work))

    @staticmethod
    def take_id(work: Work, content: Json) -> None:
        if content.get("_id") is not None:
            work.target_id, work.named_by_mapping = content["_id"], True

    def link(self, work: Work) -> None:
        if work.target_id is None:
            raise Refused("no target object to link")
        if not self.mapping.linking or (work.link is not None and work.link[1] == work.target_id):
            return
        if work.source_id is None:
            raise Refused("no source object to link")
        if work.link is None:
            self.hook("onLink", work, self.seen_target(work))
        if self.source_linked_to(work.qualifier, work.target_id) is not None:
            raise Refused(f"'{work.target_id}' is linked already under the link qualifier '{work.qualifier}'")
        self.links[work.qualifier, work.source_id] = work.target_id
        work.link_created = work.link is None
        work.link = work.source_id, work.target_id

    def update(self, work: Work) -> None:
        target = self.seen_target(work)
        if work.source is None or target is None:
            return
        before = json.dumps(target, sort_keys=True)
        id = target["_id"]
        self.map(work, target)
        self.hook("onUpdate", work, target)
        work.effect = "unchanged"
        if json.dumps(target, sort_keys=True) != before:
            work.effect = None
            if target.pop("_id") != id:
                raise Refused("target '_id' has changed")
            self.targets[id], work.effect = copy.deepcopy(target), "updated"

    def delete(self, work: Work) -> None:
        target = self.seen_target(work)
        if target is not None:
            self.hook("onDelete", work, target)
            del self.targets[str(work.target_id)]
            work.effect = "deleted"
        try:
            self.unlink(work)
        finally:
            if work.effect == "deleted":
                own = self.mapping.qualifiers
                self.links = {
                    (q, s): t for (q, s), t in self.links.items() if t != work.target_id or q not in own
                }

    def unlink(self, work: Work) -> None:
        if self.mapping.linking and work.link is not None:
            self.hook("onUnlink", work, self.seen_target(work))
            del self.links[work.qualifier, work.link[0]]

    def hook(self, name: str, work: Work, target: Json | None) -> None:
        hook = self.mapping.hooks.get(name)
        if hook is not None:
            hook.run(name, self.seen_source(work), target)

    # section 10: properties

    def map(self, work: Work, target: Json) -> None:
        source = self.seen_source(work)
        assert source is not None
        for rule in self.mapping.properties:
            if rule.condition is not None and not rule.condition.holds(source, work.qualifier):
                continue
            value = copy.deepcopy(rule.value(source, work.qualifier))
            *parents, member = rule.target.split("/")
            place: Any = target
            for parent in parents:
                place = place.setdefault(parent, {}) if isinstance(place, dict) else None
            if not isinstance(place, dict):
                raise Refused(f"/{rule.target}")
            place[member] = value

    # section 15: counters

    def count(
        self, work: Work, situation: str | None, action: str | None, status: str, performed: bool
    ) -> None:
        answer = self.answer
        answer.statuses[status] += 1
        if not performed:
            return
        answer.situations[str(situation)] += 1
        if work.phase == "source":
            answer.source = (answer.source[0] + 1, answer.source[1])
        if work.effect == "created" or (work.target_id is not None and action != "CREATE"):
            if work.effect is not None:
                answer.effects[work.effect] += 1
            if work.effect != "created":
                answer.target = (answer.target[0] + 1, answer.target[1])
        if work.had_link:
            answer.links = (answer.links[0] + 1, answer.links[1])
        answer.links_created += work.link_created

    def shown_target(self, work: Work) -> str | None:
        """Source phase: a target that exists at the end, or that the mapping named; target phase: always."""
        if work.phase == "target" or work.named_by_mapping:
            return work.target_id
        return work.target_id if work.target_id is not None and self.exists(work) else None


def matches(query: Any, found: Json) -> bool:
    return query is None or query.in_filter(found, ignore_case=False)
