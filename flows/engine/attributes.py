"""Source attributes to target attributes, in the order of the mapping's properties."""

from typing import Any

from conf import pointer
from conf.errors import ReconError
from flows.engine.copying import copy_json
from flows.engine.failures import EntryFailed
from flows.engine.rules import Json, MappingRules, PropertyRule


def apply_properties(
    rules: MappingRules,
    source: Json,
    target: Json,
    *,
    qualifier: str,
    old_source: Json | None = None,
    old_target: Json | None = None,
) -> None:
    """Write every mapped attribute into `target`, in place.

    Per property: condition, value at the source pointer, transform, default, put. A null result is written as null, so
    it clears the attribute. Raises EntryFailed when a transform or a pointer fails.
    """
    for rule in rules.properties:
        if rule.condition is not None:
            scope: Json = {"object": source, "target": target, "linkQualifier": qualifier}
            if old_source is not None:
                scope["oldSource"] = old_source
            if old_target is not None:
                scope["oldTarget"] = old_target
            if not rule.condition(scope):
                continue
        value = mapped_value(rule, source, qualifier)
        if len(rule.target) == 1:
            target[rule.target[0]] = value
        else:
            pointer.put(target, rule.target, value)
    if rules.on_mapping is not None:
        rules.on_mapping(
            {
                "source": source,
                "target": target,
                "config": rules.configuration,
                "linkQualifier": qualifier,
                "oldSource": old_source,
                "existingTarget": old_target,
            },
            ("target",),
        )


def mapped_value(rule: PropertyRule, source: Json, qualifier: str) -> Any:
    """Value of one property: source, transform, default."""
    if rule.source is None:
        value = None
    elif len(rule.source) == 1:
        value = source.get(rule.source[0])
    elif not rule.source:
        value = source
    else:
        value = pointer.get(source, rule.source)
    if rule.transform is not None:
        try:
            value = rule.transform({"source": value, "linkQualifier": qualifier})
        except ReconError as error:
            raise EntryFailed(
                f"Transformation script error :  {error.message} for attribute '{rule.target_text}'",
                detail=error.detail,
            ) from error
    if value is None:
        value = rule.default
    return value if type(value) is str else copy_json(value)
