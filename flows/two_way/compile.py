"""The rules of a mapping that was compiled from a two-way configuration: scripts compiled, correlation, responder."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from conf.reconciliation_mappings import mappings_of
from conf.terms import DEFAULT_QUALIFIER
from flows.engine.failures import EntryFailed
from flows.two_way import pairs
from flows.two_way.members import member_rule
from flows.two_way.populate import Populate
from flows.two_way.responder import TwoWayResponder, refuse_unnamed
from flows.two_way.sides import Rules, Shown
from flows.two_way.writing import Writer

if TYPE_CHECKING:
    from conf.mapping import ObjectMapping
    from conf.reconciliation_schema import Reconciliation
    from conf.script_config import ScriptConfig
    from flows.compilation import Compiler
    from flows.engine.rules import Hook, Json, MappingRules, Scope


def two_way_rules(compiler: Compiler, rules: MappingRules, mapping: ObjectMapping) -> MappingRules:
    """The same rules with correlation both ways and a responder in place of the policies."""
    configuration = mapping.reconciliation
    if configuration is None:
        return rules
    to_idm = mapping.name == configuration.to_idm
    to_resource_mapping, to_idm_mapping = mappings_of(configuration)
    writer = Writer(
        configuration,
        _rules(compiler, configuration, to_idm_mapping, to_idm=True),
        _rules(compiler, configuration, to_resource_mapping, to_idm=False),
        {
            situation: Populate(
                compiler.required(found.script, "onUpdateScript"), found.script.language == "python"
            )
            for situation, found in configuration.answers.items()
            if found.script is not None
        },
        Shown(configuration),
    )
    commands = {
        situation: compiler.required(found.custom_command, "activePolicyScript")
        for situation, found in configuration.answers.items()
        if found.custom_command is not None
    }
    responder = TwoWayResponder(configuration, to_idm, writer, commands, compiler.assesses)
    rules = replace(rules, responder=responder, correlate_empty_target_set=True)
    if to_idm and configuration.match_rule is not None:
        hook = compiler.required(configuration.match_rule, "correlationScript")
        return replace(rules, correlation_script=_by_rule(hook))
    if not configuration.idm_field or not configuration.resource_field:
        return rules
    return replace(rules, correlation={DEFAULT_QUALIFIER: _by_attribute(configuration, to_idm=to_idm)})


def _rules(
    compiler: Compiler, configuration: Reconciliation, mapping: ObjectMapping, *, to_idm: bool
) -> Rules:
    pairs_ = configuration.pairs(to_idm=to_idm)
    rules = [
        rule
        if pair.members is None
        else member_rule(rule, pair.members, compiler.counterparts, to_idm=to_idm)
        for rule, pair in zip(map(compiler.property_rule, mapping.properties), pairs_, strict=True)
    ]
    kept = [rule for rule, pair in zip(rules, pairs_, strict=True) if not pair.on_create]
    return Rules(rules, kept)


def _by_rule(hook: Hook) -> Hook:
    """`customRuleForMatching`: sees `record` and answers the id of its object, or nothing."""

    def correlate(scope: Scope, mutable: tuple[str, ...] = ()) -> list[Json]:
        answer = hook({"record": scope["source"], "attributes": scope["source"]})
        if answer is None or answer == "":
            return []
        if isinstance(answer, dict):
            answer = answer.get("_id")
        if not isinstance(answer, str):
            raise EntryFailed("customRuleForMatching answers the id of an object, or nothing")
        return [{"_id": answer}]

    return correlate


def _by_attribute(configuration: Reconciliation, *, to_idm: bool) -> Hook:
    """A query for the object (or record) with the same value."""
    idm, resource = "/".join(configuration.idm_field), "/".join(configuration.resource_field)

    def correlate(scope: Scope, mutable: tuple[str, ...] = ()) -> Json:
        source: Any = scope["source"]
        if to_idm:
            value = refuse_unnamed(source, configuration.resource_field, resource)
            return {"_queryFilter": f"{idm} eq {_text(value)}"}
        value = refuse_unnamed(source, configuration.idm_field, idm)
        return {"_queryFilter": f"{resource} eq {_text(value)}"}

    return correlate


def _text(value: Any) -> str:
    return orjson.dumps(pairs.text_of(value)).decode()


def scripts_of(configuration: Reconciliation) -> list[ScriptConfig]:
    """Every script that processing an entry may run."""
    found = [configuration.match_rule]
    for answering in configuration.answers.values():
        found += [answering.script, answering.custom_command]
    for pair in configuration.policy_map:
        found += [pair.to_idm, pair.to_resource]
    return [script for script in found if script is not None]
