"""An explanation in sentences: which rule gave an object its situation and action, in the order of the engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import orjson

from conf import pointer
from conf.filters import evaluate
from conf.filters.ast import And, Comparison, Filter, Present
from conf.filters.text import text_of
from conf.script_config import ScriptConfig
from conf.terms import DEFAULT_ACTIONS, Action, EntryStatus
from flows.engine.entry import Effect
from flows.engine.source import SourceOperation
from flows.explain_attributes import MASK, is_secret, masked

if TYPE_CHECKING:
    from conf.mapping import Condition, Policy
    from flows.explain import Explanation
    from flows.explain_rules import Answer

EFFECTS: Final = {
    "create": "create {target}/{object}",
    "update": "update {target}/{object}",
    "delete": "delete {target}/{object}, with the links that lead to it",
    "link": "link {object}",
    "unlink": "unlink {object}",
    "request": "ask for the process {object}",
}


def sentences(found: Explanation, secrets: frozenset[str]) -> list[str]:
    """What a person should read, first things first."""
    words = _Words(found, secrets)
    told = [*words.validity(), *words.link(), *words.correlation(), *words.target()]
    if found.entry.situation is not None:
        told.append(f"So the situation is {found.entry.situation}.")
    return [*told, *words.policy(), *words.outcome()]


class _Words:
    def __init__(self, found: Explanation, secrets: frozenset[str]) -> None:
        self.found, self.mapping, self.trace = found, found.mapping, found.trace
        self.operation, self.noted, self.secrets = found.operation, found.noted, secrets
        self.is_source = isinstance(found.operation, SourceOperation)

    def validity(self) -> Iterator[str]:
        if self.is_source and self.mapping.valid_source is None and self.mapping.source_condition is None:
            yield "The source qualifies: the mapping has neither validSource nor sourceCondition."
        for name, script in (
            ("validSource", self.mapping.valid_source),
            ("validTarget", self.mapping.valid_target),
        ):
            if script is not None and (answer := self.trace.answers.get((name,))) is not None:
                yield f"{name} ({_script(script)}) {self._answered(answer)}."
        condition, answer = self.mapping.source_condition, self.trace.answers.get(("sourceCondition",))
        if condition is not None and answer is not None:
            yield from self._condition("sourceCondition", condition, answer)

    def _condition(self, name: str, condition: Condition, answer: Answer) -> Iterator[str]:
        if condition is None or isinstance(condition, ScriptConfig):
            shown = "a filter" if condition is None else _script(condition)
            yield f"{name} ({shown}) {self._answered(answer)}."
            return
        if answer.value is True:
            yield f"{name} holds: {text_of(condition)}."
            return
        failed = [part for part in _parts(condition) if not _holds(part, answer.scope)]
        yield f"{name} does not hold; what failed: {'; '.join(self._part(p, answer.scope) for p in failed)}."

    def _part(self, part: Filter, scope: dict[str, Any]) -> str:
        if not isinstance(part, Comparison | Present):
            return text_of(part)
        value = pointer.get(scope, part.pointer)
        shown = MASK if is_secret(part.pointer, self.secrets) else self._json(value)
        return f"{text_of(part)} (it is {'not there' if value is None else shown})"

    def link(self) -> Iterator[str]:
        if not self.mapping.enable_linking and self.is_source:
            yield "The mapping keeps no links (enableLinking is false)."
            return
        looked = next(((side, link) for side, _, link in self.noted.links), None)
        if looked is None:
            return
        side, link = looked
        named = f"{self.mapping.link_type.name}, qualifier {self.operation.qualifier}"
        if link is None:
            yield f"No link begins or ends at this {side} ({named})."
        elif side == "source":
            yield f"It is linked to {self.mapping.target}/{link.target_id} ({named})."
        else:
            there = "is there" if self.operation.source is not None else "does not exist"
            yield f"It is linked to {self.mapping.source}/{link.source_id}, which {there} ({named})."

    def correlation(self) -> Iterator[str]:
        if not self.is_source or self.operation.had_link:
            return
        script = self.mapping.correlation_script or self.mapping.correlation.get(self.operation.qualifier)
        if script is None and self.mapping.reconciliation is not None:
            yield "The target is looked for as the reconciliation says."
            yield from self._taken()
            return
        if script is None:
            yield "There is no correlation for this link qualifier, so no target is looked for."
            return
        for query, ids in self.noted.queries:
            text = query.get("_queryFilter") or query.get("queryFilter") or self._json(query)
            yield f"correlationQuery ({_script(script)}) asks for {text}; {_found(ids)}."
        if (answer := self.trace.answers.get(("correlationScript",))) is not None:
            if answer.error is not None or not isinstance(answer.value, list):
                yield f"correlationScript ({_script(script)}) {self._answered(answer)}."
            else:
                ids = [str(one.get("_id")) for one in answer.value if isinstance(one, dict)]
                yield f"correlationScript ({_script(script)}): {_found(ids)}."
        yield from self._taken()

    def _taken(self) -> Iterator[str]:
        taken = [link for side, _, link in self.noted.links if side == "target" and link is not None]
        if taken:
            yield f"That target is linked already, to {self.mapping.source}/{taken[0].source_id}."

    def target(self) -> Iterator[str]:
        id = self.operation.target_id
        if id is None or not self.is_source:
            return
        there = dict(self.noted.looks).get(id)
        if there is not None:
            how = "found by the query" if any(id in ids for _, ids in self.noted.queries) else "looked up"
            yield f"The target {self.mapping.target}/{id} {'is there' if there else 'is gone'} ({how})."

    def policy(self) -> Iterator[str]:
        situation, entry = self.found.entry.situation, self.found.entry
        if situation is None:
            return
        for number, policy in enumerate(self.mapping.policies):
            if policy.situation is not situation:
                continue
            answer = self.trace.answers.get(("policy", number))
            if policy.condition is not None and answer is None:
                return
            if policy.condition is not None and answer is not None:
                yield from self._condition(f"The condition of policy {number + 1}", policy.condition, answer)
                if answer.value is not True:
                    continue
            yield f"Policy {number + 1} (policies[{number}]) applies: {self._action(number, policy)}."
            return
        if entry.action is not None:
            yield f"No policy applies, so the action is the default of {situation}: {DEFAULT_ACTIONS[situation]}."

    def _action(self, number: int, policy: Policy) -> str:
        if isinstance(policy.action, Action):
            return f"{policy.action}"
        answer = self.trace.answers.get(("policy", number, "action"))
        if answer is not None:
            return f"its script ({_script(policy.action)}) {self._answered(answer)}"
        process = policy.action.variables.get("workflowName")
        return f"it asks for the process {process}, and a person decides (ASYNC)"

    def outcome(self) -> Iterator[str]:
        found, entry, outcome = self.found, self.found.entry, self.found.outcome
        if found.broken_off is not None:
            yield f"A run would break off here: {found.broken_off}."
            return
        if entry.status is EntryStatus.FAILURE:
            yield f"The entry fails: {entry.message}."
            return
        once = f"Once approved ({found.if_approved}), it" if found.if_approved is not None else "It"
        if outcome is not None and outcome.status is EntryStatus.FAILURE:
            yield f"{once} would fail: {outcome.message}."
        elif self.noted.effects:
            done = [
                EFFECTS[what].format(target=self.mapping.target, object=object_)
                for what, object_ in self._effects()
            ]
            yield f"{once} would {', then '.join(done)}." if done else "Nothing would be written."
        else:
            yield "Nothing would be written."
        if outcome is not None and self.operation.effect is Effect.UNCHANGED:
            yield "The target is already what the mapping makes of the source."
        if outcome is not None and self.trace.left_out:
            yield f"Not run for this explanation: {', '.join(self.trace.left_out)}."

    def _effects(self) -> list[tuple[str, str]]:
        """Without an update that only a secret, which is the same after all, had asked for."""
        quiet = self.operation.effect is Effect.UNCHANGED
        return [effect for effect in self.noted.effects if not (quiet and effect[0] == "update")]

    def _answered(self, answer: Answer) -> str:
        if answer.error is not None:
            return f"failed: {answer.error}"
        return f"answered {self._json(answer.value)}"

    def _json(self, value: Any) -> str:
        text = orjson.dumps(masked(value, self.secrets)).decode()
        return text if len(text) <= 200 else f"{text[:199]}…"


def _parts(condition: Filter) -> tuple[Filter, ...]:
    if isinstance(condition, And):
        return tuple(part for operand in condition.operands for part in _parts(operand))
    return (condition,)


def _holds(part: Filter, scope: dict[str, Any]) -> bool:
    return evaluate.predicate(part, ignore_case=True)(scope)


def _script(script: ScriptConfig) -> str:
    return script.file or f"the script at {script.where.partition(': ')[2] or script.where}"


def _found(ids: list[str]) -> str:
    if not ids:
        return "nothing was found"
    return f"{len(ids)} found: {', '.join(ids[:20])}{' …' if len(ids) > 20 else ''}"
