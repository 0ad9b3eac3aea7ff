"""`policy/*`: what the properties of a type must fulfil, and whether an object does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from conf.errors import BadRequest, NotFound
from conf.managed_schema import ManagedType
from flows import managed_objects, object_policies
from flows.policy_rules import RULES
from flows.router import Json, Resource
from flows.store import managed

if TYPE_CHECKING:
    from flows.call import Call


class Policies(Resource):
    """Policies of managed types, as `policy/managed/user/*`."""

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        types = call.runtime.project.managed_types
        if id is None:
            return {"_id": "", "resources": [_described(types[name]) for name in sorted(types)]}
        type, _ = _target(call, id)
        return {"_id": id, **_described(type)}

    async def action(
        self,
        call: Call,
        parts: Mapping[str, str],
        id: str | None,
        name: str,
        content: Any,
        parameters: Mapping[str, str],
    ) -> Any:
        if id is None or name not in {"validateObject", "validateProperty"}:
            raise BadRequest(
                f"Action {name} on policy{f'/{id}' if id else ''} not supported; offered on policy/managed/TYPE/*: "
                "validateObject, validateProperty"
            )
        if not isinstance(content, dict):
            raise BadRequest(f"The action {name} takes a JSON object")
        type, object_id = _target(call, id)
        policies = managed_objects.policies_of(type)
        whole = content
        if name == "validateProperty":
            policies = object_policies.Policies(
                (known, rules) for known, rules in policies.items() if known in content
            )
            whole = await _around(call, type, object_id, content)
        failed = object_policies.failures(policies, whole)
        failed += await _taken(call, type, object_id, content)
        return {"result": not failed, "failedPolicyRequirements": failed}


def _target(call: Call, id: str) -> tuple[ManagedType, str]:
    """The type of `managed/user/x`, and the object; `*` and nothing mean a new one."""
    kind, _, rest = id.partition("/")
    name, _, object_id = rest.partition("/")
    type = call.runtime.project.managed_types.get(name)
    if kind != "managed" or type is None:
        raise NotFound(
            f"Resource 'policy/{id}' not found; policies are of managed types, as policy/managed/user/*"
        )
    return type, "" if object_id == "*" else object_id


def _described(type: ManagedType) -> Json:
    properties = []
    for name, rules in managed_objects.policies_of(type).items():
        told = [
            {"policyId": rule.id, "params": rule.params, "policyRequirements": _requirement(rule.id)}
            for rule in rules
        ]
        names = [requirement for policy in told for requirement in _requirement(str(policy["policyId"]))]
        properties.append({"name": name, "policies": told, "policyRequirements": list(dict.fromkeys(names))})
    return {"resource": f"managed/{type.name}/*", "properties": properties}


def _requirement(policy: str) -> list[str]:
    if policy == "unique":
        return ["UNIQUE"]
    rule = RULES.get(policy)
    return [rule.requirement] if rule else []


async def _around(call: Call, type: ManagedType, id: str, content: Json) -> Json:
    """The stored object with these properties over it: a password is compared with the person's names."""
    if not id:
        return content
    async with call.read() as tx:
        stored = await managed.read(tx, type.name, id)
    return {**stored.body, **content} if stored else content


async def _taken(call: Call, type: ManagedType, id: str, content: Json) -> list[Json]:
    key = managed_objects.unique_key(type, content)
    if key is None:
        return []
    async with call.read() as tx:
        found = await managed.read_by_unique_key(tx, type.name, [key])
    if key not in found or found[key].id == id:
        return []
    return [{"policyRequirements": [{"policyRequirement": "UNIQUE"}], "property": type.unique[0]}]
