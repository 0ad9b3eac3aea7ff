"""One entry under way: facts found so far, the action decided, and what was done about it."""

from collections.abc import Callable
from typing import Final

from conf.errors import ReconError
from conf.terms import Action, EntryStatus, Phase, Situation
from flows.engine.actions import perform
from flows.engine.entry import Effect, Entry
from flows.engine.failures import EntryFailed, RunFailed
from flows.engine.policies import Decision, decide
from flows.engine.responder import Answer
from flows.engine.rules import Hook, Json, MappingRules, Scope, WorkflowTrigger
from flows.engine.world import LinkFact, ProcessRequest, World

WITHOUT_POST_ACTION: Final = frozenset({Action.EXCEPTION, Action.ASYNC, Action.IGNORE})


class Operation:
    """State of one entry; subclasses assess it. Lives for one entry and is not reused."""

    phase = Phase.SOURCE
    is_source = True

    def __init__(  # noqa: PLR0913 - an entry is born with all its facts
        self,
        rules: MappingRules,
        world: World,
        qualifier: str,
        *,
        run_id: str | None,
        source_id: str | None = None,
        source: Json | None = None,
        target_id: str | None = None,
        target: Json | None = None,
        old_source: Json | None = None,
    ) -> None:
        self.rules = rules
        self.world = world
        self.qualifier = qualifier
        self.run_id = run_id
        self.source_id = source_id
        self.source = source
        self.source_known = source_id is not None
        """Whether scripts see a variable `source` at all."""
        self.target_id = target_id
        self.target = target
        self.target_loaded = target is not None
        self.old_source = old_source
        self.link: LinkFact | None = None
        self.had_link = False
        self.link_created = False
        self.ambiguous: tuple[str, ...] = ()
        self.situation: Situation | None = None
        self.effect: Effect | None = None
        self.unchanged_by_mapping = False
        self.answer: Answer | None = None
        """A responder's, where the mapping has one."""
        self.shown_without_object = False
        """A failed create shows the id that its mapping chose, although no such object was made."""

    # facts

    def assess(self) -> Situation:
        """Name the situation; raises EntryFailed or RunFailed."""
        raise NotImplementedError

    def load_target(self) -> Json | None:
        """The target object, read at most once."""
        if not self.target_loaded:
            self.target_loaded = True
            self.target = self.world.target(self.target_id) if self.target_id is not None else None
        return self.target

    def target_exists(self) -> bool:
        """By the loaded object, else by the set of the target query, else by a look."""
        if self.target_id is None:
            return False
        if self.target_loaded:
            return self.target is not None
        return self.world.target_exists(self.target_id)

    def scope(self) -> Scope:
        """Variables of action and postAction scripts: what is known is defined, what is gone is null."""
        found: Scope = {"linkQualifier": self.qualifier, "sourceAction": self.is_source}
        if self.source_known:
            found["source"] = self.source
        if self.target_id is not None:
            found["target"] = self.load_target()
        return found

    def action_parameters(self, default: Action) -> Json:
        """`recon.actionParam`, and the variables of a process started for this entry."""
        found: Json = {
            "reconId": self.run_id,
            "mapping": self.rules.name,
            "situation": str(self.situation),
            "action": str(default),
            "linkQualifier": self.qualifier,
            "_action": "performAction",
        }
        if self.is_source:
            found["sourceId"] = self.source_id
            found["ambiguousTargetIds"] = list(self.ambiguous) or None
        else:
            found["target"] = "true"
            found["oldSource"] = self.source
        if self.target_id is not None:
            found["targetId"] = self.target_id
        return found

    # the whole entry

    def reconcile(self, *, analyze: bool = False) -> Entry:
        """Assess, decide and perform; never raises but RunFailed. An analysis decides and stops there."""
        entry = Entry(self.phase, self.qualifier, source_id=self.source_id)
        try:
            entry.situation = self.situation = self.assess()
        except RunFailed:
            raise
        except ReconError as error:
            return self.failed(entry, error)
        self.had_link = self.link is not None
        entry.ambiguous = self.ambiguous
        post_action: Hook | None
        try:
            decision = self.decide(self.situation)
        except EntryFailed as error:
            return self.failed(entry, error)
        except ReconError as error:
            raise RunFailed(f"A policy condition of {self.situation} failed: {error.message}") from error
        entry.action, post_action = decision.default, decision.post_action
        try:
            entry.action = self.resolve(entry, decision.action, decision.default, analyze=analyze)
        except RunFailed:
            raise
        except ReconError as error:
            return self.failed(entry, error)
        if analyze:
            entry.performed = True
            return self.closed(entry)
        return self.act(entry, post_action)

    def decide(self, situation: Situation) -> Decision:
        """By the responder, else by the policies."""
        if self.rules.responder is None:
            return decide(self.rules, situation, self.source, self.qualifier)
        try:
            answer = self.answer = self.rules.responder.respond(self)
        except RunFailed:
            raise
        except ReconError as error:
            raise EntryFailed(error.message, detail=error.detail) from error
        return Decision(answer.trigger or answer.action, answer.action, None)

    def act(
        self,
        entry: Entry,
        post_action: Hook | None,
        on_failure: Callable[[ReconError], None] | None = None,
    ) -> Entry:
        """Perform the entry's action and close it; `on_failure` is told the error that made it fail."""
        entry.performed = True
        action = entry.action
        try:
            if self.answer is not None and self.answer.command is not None:
                told = self.answer.command()
                entry.message = told if isinstance(told, str) else None
            elif action is not None and action is not Action.IGNORE:
                self.load_target()
                perform(self, action)
                if post_action is not None and action not in WITHOUT_POST_ACTION:
                    post_action(self.post_action_scope(action))
            if action is Action.EXCEPTION:
                entry.message = f"Situation {self.situation} marked as EXCEPTION"
        except RunFailed:
            raise
        except ReconError as error:
            if on_failure is not None:
                on_failure(error)
            return self.failed(entry, error)
        return self.closed(entry)

    def resolve(
        self, entry: Entry, action: Action | Hook | WorkflowTrigger, default: Action, *, analyze: bool
    ) -> Action:
        """Turn the policy's action into one of the ten: ask its script, or start its process."""
        if isinstance(action, Action):
            return action
        if isinstance(action, WorkflowTrigger):
            if not analyze:
                subject = self.source if self.is_source else self.load_target()
                request = ProcessRequest(action, self.action_parameters(default), subject)
                entry.message = self.world.start_process(request)
            return Action.ASYNC
        answer = action({"recon": {"actionParam": self.action_parameters(default)}, **self.scope()})
        if answer is None:
            raise EntryFailed("action script returned null value")
        if not isinstance(answer, str) or answer not in Action.__members__:
            raise EntryFailed(f"action script returned invalid action: {answer}")
        return Action(answer)

    def post_action_scope(self, action: Action) -> Scope:
        """Variables of postAction."""
        return self.scope() | {
            "action": str(action),
            "situation": str(self.situation),
            "reconId": self.run_id,
        }

    # outcomes

    def failed(self, entry: Entry, error: ReconError) -> Entry:
        """Close the entry as FAILURE with the error's own words."""
        entry.status = EntryStatus.FAILURE
        entry.message = error.message
        entry.detail = error.body() if error.status != EntryFailed.code or error.detail is not None else None
        self.run_on_error(error)
        return self.closed(entry)

    def run_on_error(self, error: ReconError) -> None:
        """onError sees the failure; its own failure changes nothing more."""
        if self.rules.on_error is None:
            return
        scope = self.trigger_scope() | {"error": error.body()}
        try:
            self.rules.on_error(scope)
        except ReconError:
            return

    def trigger_scope(self) -> Scope:
        """Variables of onCreate, onUpdate, onDelete, onLink, onUnlink, postMapping and onError."""
        found: Scope = {
            "linkQualifier": self.qualifier,
            "sourceId": self.source_id,
            "targetId": self.target_id,
            "mappingConfig": self.rules.configuration,
            "context": {},
        }
        if self.situation is not None:
            found["situation"] = str(self.situation)
        if self.source_known:
            found["source"] = self.source
            found["oldSource"] = self.old_source
        if self.target is not None:
            found["target"] = self.target
        return found

    def closed(self, entry: Entry) -> Entry:
        """Fill in what the counters, the audit and the target phase need."""
        entry.source_id = self.source_id
        entry.target_id = self.shown_target()
        entry.recorded_target = self.target_id
        entry.had_target = self.target_id is not None
        entry.had_link = self.had_link
        entry.link_created = self.link_created
        entry.effect = self.effect
        entry.handled = self.ambiguous if self.target_id is None else (*self.ambiguous, self.target_id)
        entry.reported = entry.action is not Action.NOREPORT or entry.status is EntryStatus.FAILURE
        entry.fingerprint_holds = self.unchanged_by_mapping and entry.status is EntryStatus.SUCCESS
        if self.answer is not None and self.rules.responder is not None:
            entry.message = entry.message or self.answer.message
            entry.facts = self.rules.responder.settle(self, self.answer, entry)
        return entry

    def shown_target(self) -> str | None:
        """Source phase: only a target that exists at the end."""
        if self.target_id is None:
            return None
        return self.target_id if self.shown_without_object or self.target_exists() else None
