"""Decides the entries of a mapping that was compiled from a two-way configuration.

Both of its mappings meet the same objects from their own side. A run *assesses* first: then it does what adds to or
updates its own side, and leaves for later what writes the other side and whatever destroys, which the guards count
before. Later runs, over those objects alone, *perform*.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from conf import pointer
from conf.reconciliation_terms import Response, Treatment, TwoWaySituation
from conf.terms import Action, EntryStatus, Phase, Situation
from flows.engine.copying import copy_json
from flows.engine.failures import EntryFailed
from flows.engine.responder import Answer
from flows.engine.rules import Hook, Json, Scope, WorkflowTrigger
from flows.two_way import pairs
from flows.two_way.deeds import Chosen, Deed, Found, choose
from flows.two_way.sides import Shown, Sides, answered_by, both_changed
from flows.two_way.writing import Writer

if TYPE_CHECKING:
    from conf.reconciliation_schema import Answering, Reconciliation, StatusAttribute
    from flows.engine.entry import Entry
    from flows.engine.operation import Operation

Command = Callable[[Scope], Any]

LATER_IDM: Final = "idm"
LATER_RESOURCE: Final = "resource"

_ACTIONS: Final = {
    Deed.CREATE_IDM: Action.CREATE,
    Deed.CREATE_RES: Action.CREATE,
    Deed.REVIVE_IDM: Action.UPDATE,
    Deed.UPDATE_IDM: Action.UPDATE,
    Deed.UPDATE_RES: Action.UPDATE,
    Deed.DISABLE_IDM: Action.UPDATE,
    Deed.DISABLE_RES: Action.UPDATE,
    Deed.REMOVE_IDM: Action.DELETE,
    Deed.DELETE_RES: Action.DELETE,
    Deed.UNLINK: Action.UNLINK,
}
_SETTLING: Final = frozenset(
    {Deed.CREATE_IDM, Deed.CREATE_RES, Deed.REVIVE_IDM, Deed.UPDATE_IDM, Deed.UPDATE_RES}
)
_UNCLEAR: Final = {
    Situation.AMBIGUOUS: Action.EXCEPTION,
    Situation.FOUND_ALREADY_LINKED: Action.EXCEPTION,
    Situation.SOURCE_IGNORED: Action.IGNORE,
    Situation.TARGET_IGNORED: Action.IGNORE,
}


@dataclass
class TwoWayResponder:
    """Provides `flows.engine.responder.Responder`."""

    configuration: Reconciliation
    to_idm: bool
    """Whether the mapping writes the repository."""
    writer: Writer
    commands: dict[TwoWaySituation, Hook] = field(default_factory=dict)
    assesses: str = ""
    """`whole`: the run met every record of the source; `part`: there may be more. Empty: the run performs."""

    @property
    def _shown(self) -> Shown:
        return self.writer.shown

    # deciding

    def respond(self, operation: Operation, *, approved: bool = False) -> Answer:
        """The answer to an assessed entry."""
        engine = operation.situation
        if engine in _UNCLEAR:
            return Answer(_UNCLEAR[engine], facts={"p": self._shown.principal(self._sides(operation))})
        sides = self._sides(operation)
        situation = self._situation(sides)
        if situation is None:
            return Answer(Action.IGNORE)
        answering = self.configuration.answer(situation)
        response, conflict = self._answered(answering, situation, sides)
        facts: Json = {"s": str(situation), "r": str(response), "p": self._shown.principal(sides)}
        facts |= {"idm": sides.idm_id, "resource": sides.resource_id, "linked": sides.linked}
        if conflict:
            facts["conflict"] = conflict
        facts["has"] = f"{'i' if sides.idm is not None else ''}{'r' if sides.resource is not None else ''}"
        if self._is_unsure(operation, sides):
            facts["unsure"] = True
            return Answer(Action.REPORT, facts=facts)
        if situation in self.commands:
            return self._commanded(operation, sides, situation, facts, approved=approved)
        found = Found(
            sides.idm is not None, sides.resource is not None, sides.linked, self._is_deleted(sides)
        )
        deed, why = self._needed(choose(response, found), situation, sides)
        self._note_sides(facts, sides, situation, deed)
        if deed is Deed.NOTHING:
            action = self._bookkeeping(sides, operation, response)
            return Answer(action, content=_unchanged, message=why or None, facts=facts)
        facts["d"] = str(deed)
        own = deed.writes_resource is not self.to_idm
        if not own or (self.assesses and deed.is_destructive):
            facts["later"] = LATER_RESOURCE if deed.writes_resource else LATER_IDM
            action = self._bookkeeping(sides, operation, response)
            return Answer(action, content=_unchanged, facts=facts)
        trigger = None if approved else self._trigger(answering)
        return Answer(_ACTIONS[deed], self._content(deed, situation, sides), trigger, facts=facts)

    def _sides(self, operation: Operation) -> Sides:
        target = copy_json(operation.load_target())
        linked = operation.link is not None
        source_id = operation.source_id
        mark = getattr(operation.link.row, "fingerprint", None) if operation.link is not None else None
        if self.to_idm:
            return Sides(target, operation.source, linked, operation.target_id, source_id, mark)
        return Sides(operation.source, target, linked, source_id, operation.target_id, mark)

    def _situation(self, sides: Sides) -> TwoWaySituation | None:
        """None where neither side has anything that counts."""
        if sides.resource is None:
            gone = sides.idm is None or self._is_deleted(sides)
            return None if gone else TwoWaySituation.ONLY_IDM
        if sides.idm is None:
            return TwoWaySituation.IDM_DELETED if sides.linked else TwoWaySituation.ONLY_RESOURCE
        return TwoWaySituation.IDM_DELETED if self._is_deleted(sides) else TwoWaySituation.BOTH

    def _answered(
        self, answering: Answering, situation: TwoWaySituation, sides: Sides
    ) -> tuple[Response, str]:
        """The response, and what is to be said where both sides changed since the pair was last settled."""
        response = answering.response
        if situation is not TwoWaySituation.BOTH or not both_changed(
            sides.mark, self._shown.mark(sides.idm, sides.resource)
        ):
            return response, ""
        if not self.writer.differs(sides):
            return response, ""
        response = answered_by(response, self.configuration.conflict)
        return response, f"conflict: both sides changed since the last run; answered by {response}"

    def _is_unsure(self, operation: Operation, sides: Sides) -> bool:
        """An object without a link, where not every record was met: only the other mapping can tell."""
        return (
            self.to_idm
            and self.assesses == "part"
            and operation.phase is Phase.TARGET
            and sides.resource is None
            and not sides.linked
        )

    def _is_deleted(self, sides: Sides) -> bool:
        status = self.configuration.idm_status
        return (
            status is not None and sides.idm is not None and sides.idm.get(status.attribute) in status.deleted
        )

    def _needed(self, chosen: Chosen, situation: TwoWaySituation, sides: Sides) -> Chosen:
        """NOTHING for what would change nothing."""
        deed, _ = chosen
        if deed is Deed.DISABLE_IDM and _has(self.configuration.idm_status, sides.idm):
            return Deed.NOTHING, "it is disabled in IDM already"
        if deed is Deed.DISABLE_RES and _has(self.configuration.resource_status, sides.resource):
            return Deed.NOTHING, "it is disabled in the resource already"
        if deed not in (Deed.UPDATE_IDM, Deed.UPDATE_RES):
            return chosen
        before = sides.idm if deed is Deed.UPDATE_IDM else sides.resource
        after = copy_json(before or {})
        self.writer.write(deed, situation, sides, after)
        return (Deed.NOTHING, "") if after == before else chosen

    def _bookkeeping(self, sides: Sides, operation: Operation, response: Response) -> Action:
        """A pair that was found is linked, whatever is done about it: so its end is seen later."""
        both = sides.idm is not None and sides.resource is not None
        unlinks = response is Response.DELETE_FROM_IDM
        if both and not sides.linked and operation.phase is Phase.SOURCE and not unlinks:
            return Action.LINK
        return Action.REPORT

    def _trigger(self, answering: Answering) -> WorkflowTrigger | None:
        """The approval that a response waits for."""
        if answering.workflow is not None:
            ask_again = answering.workflow.get("afterRejection") == "ask"
            return WorkflowTrigger(str(answering.workflow.get("workflowName", "")), ask_again)
        if self.configuration.treatment is Treatment.INBOX:
            return WorkflowTrigger(self.configuration.workflow_name)
        return None

    # doing

    def _content(self, deed: Deed, situation: TwoWaySituation, sides: Sides) -> Hook:
        def content(scope: Scope, mutable: tuple[str, ...] = ()) -> None:
            self.writer.write(deed, situation, sides, scope["target"])

        return content

    def _commanded(
        self, operation: Operation, sides: Sides, situation: TwoWaySituation, facts: Json, *, approved: bool
    ) -> Answer:
        """The custom command in place of the response."""
        if self.assesses and self.configuration.answer(situation).response.is_destructive:
            facts["later"] = LATER_IDM if self.to_idm else LATER_RESOURCE
            facts["d"] = "COMMAND"
            return Answer(Action.REPORT, facts=facts)
        scope = {
            "situation": str(situation),
            "principal": facts["p"],
            "user": copy_json(sides.idm),
            "attributes": copy_json(sides.resource),
        }
        facts["d"] = "COMMAND"
        command = self.commands[situation]
        trigger = None if approved else self._trigger(self.configuration.answer(situation))
        return Answer(Action.REPORT, trigger=trigger, facts=facts, command=lambda: command(scope))

    # resting

    @property
    def knows_rest(self) -> bool:
        """Not where more than the two objects decides, and not where both are to be told."""
        configuration = self.configuration
        return (
            self.to_idm
            and not configuration.report_nothing
            and configuration.answer(TwoWaySituation.BOTH).script is None
            and TwoWaySituation.BOTH not in self.commands
            and all(pair.members is None for pair in configuration.policy_map)
        )

    def at_rest(self, source_id: str, source: Json, target_id: str) -> Json:
        """The facts of a pair that was settled and is as it was."""
        return {
            "s": str(TwoWaySituation.BOTH),
            "r": str(self.configuration.answer(TwoWaySituation.BOTH).response),
            "p": self._shown.principal(Sides(None, source, True, target_id, source_id)),
            "idm": target_id,
            "resource": source_id,
            "linked": True,
            "has": "ir",
            "differs": False,
        }

    def _rests(self, operation: Operation, entry: Entry, facts: Json) -> bool:
        """Whether the same pair would come to the same again, which is nothing."""
        if not self.knows_rest or operation.source is None or operation.source_id is None or entry.message:
            return False
        told = {**facts, "linked": True}
        return told == self.at_rest(operation.source_id, operation.source, operation.target_id or "")

    # telling

    def _note_sides(self, facts: Json, sides: Sides, situation: TwoWaySituation, deed: Deed) -> None:
        both = situation is TwoWaySituation.BOTH
        differs = both and self.writer.differs(sides)
        facts["differs"] = differs
        if not both or differs or deed is not Deed.NOTHING or self.configuration.report_nothing:
            facts["ib"] = self._shown.idm(sides.idm)
            facts["rb"] = self._shown.resource(sides.resource)

    def settle(self, operation: Operation, answer: Answer, entry: Entry) -> Json:
        """The facts, with the written side as it is now; a pair that is settled is marked."""
        facts = answer.facts
        entry.fingerprint_holds = False
        if entry.status is EntryStatus.SUCCESS and _is_settled(facts, entry) and operation.link is not None:
            source, target = operation.source, operation.target
            idm, resource = (target, source) if self.to_idm else (source, target)
            entry.mark = self._shown.mark(idm, resource)
            entry.fingerprint_holds = self._rests(operation, entry, facts)
        if entry.status is EntryStatus.FAILURE or "d" not in facts or "later" in facts:
            return facts
        if entry.action is Action.ASYNC:
            return facts | {"pending": True}
        mine, other = ("i", "r") if self.to_idm else ("r", "i")
        facts[f"{mine}a"] = (self._shown.idm if self.to_idm else self._shown.resource)(operation.target)
        facts[f"{other}a"] = facts.get(f"{other}b")
        facts["idm" if self.to_idm else "resource"] = operation.target_id
        return facts


def _is_settled(facts: Json, entry: Entry) -> bool:
    """Whether both sides say the same now, as far as the response wants them to."""
    if "later" in facts or entry.action in (Action.ASYNC, Action.DELETE, Action.UNLINK):
        return False
    if "d" in facts:
        return facts["d"] in _SETTLING
    return facts.get("s") == TwoWaySituation.BOTH and not facts.get("differs")


def _has(status: StatusAttribute | None, value: Json | None) -> bool:
    return (
        status is not None and value is not None and pairs.same(value.get(status.attribute), status.disabled)
    )


def _unchanged(scope: Scope, mutable: tuple[str, ...] = ()) -> None:
    """An object that is left as it is."""


def refuse_unnamed(record: Json, path: tuple[str, ...], text: str) -> Any:
    """The value that a record is matched by; EntryFailed where it has none."""
    found = pairs.listed(pointer.get(record, path))
    if not found or found[0] in (None, ""):
        raise EntryFailed(f"Target system Principal can not be defined with Match Attribute Name: {text}")
    return found[0]
