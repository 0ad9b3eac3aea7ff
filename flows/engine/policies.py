"""Which action answers a situation: the first policy whose condition holds, else the situation's default."""

from collections.abc import Sequence
from dataclasses import dataclass

from conf.terms import DEFAULT_ACTIONS, Action, Situation
from flows.engine.rules import Hook, Json, MappingRules, PolicyRule, WorkflowTrigger


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policies say; `action` may still be a script to ask or a process to start."""

    action: Action | Hook | WorkflowTrigger
    default: Action
    post_action: Hook | None


def decide(rules: MappingRules, situation: Situation, source: Json | None, qualifier: str) -> Decision:
    """Decide on a situation.

    A condition sees `object` (the source or null) and `linkQualifier`; what it raises breaks the run off, so callers
    turn it into a run failure. When no condition holds, the first policy of the situation still lends its postAction
    (OpenIDM 7 does so, and recorded answers depend on it).
    """
    default = DEFAULT_ACTIONS[situation]
    policies = rules.policies.get(situation, ())
    for policy in policies:
        if policy.condition is None or policy.condition({"object": source, "linkQualifier": qualifier}):
            return Decision(policy.action, default, policy.post_action)
    return Decision(default, default, first_post_action(policies))


def first_post_action(policies: Sequence[PolicyRule]) -> Hook | None:
    """The postAction of the first policy, which applies when an action was forced or none matched."""
    return policies[0].post_action if policies else None
