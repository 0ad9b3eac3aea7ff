"""Members of groups: ids of one side turned into those of the other, by the links of another configuration.

Only members that are linked are anybody's business here: the others stay on their side as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flows.engine.rules import PropertyRule
from flows.store import links
from flows.two_way.pairs import Merging, listed

if TYPE_CHECKING:
    from conf.reconciliation_schema import Members
    from conf.transaction import Transaction
    from flows.engine.rules import Hook, Scope

Counterparts = Callable[[str, bool, list[str]], dict[str, str]]
"""Name of a configuration, whether ids of the resource are given, ids: the ids of the other side, as far as linked."""


def no_counterparts(name: str, of_resource: bool, ids: list[str]) -> dict[str, str]:
    """Where no store is at hand."""
    return {}


async def counterparts(
    transaction: Transaction, name: str, of_resource: bool, ids: list[str]
) -> dict[str, str]:
    """Ids of the other side by those given; names of a directory are found in any letter case."""
    kind = f"reconciliation_{name}_toResource"
    asked = list(dict.fromkeys([*ids, *(id.lower() for id in ids)]))
    if not of_resource:
        return {
            row.first_id: row.second_id
            for row in (await links.by_first(transaction, kind, "default", asked)).values()
        }
    found = {
        row.second_id: row.first_id
        for row in (await links.by_second(transaction, kind, "default", asked)).values()
    }
    return {id: found.get(id) or found[id.lower()] for id in ids if id in found or id.lower() in found}


def member_hook(members: Members, find: Counterparts, *, to_idm: bool) -> Hook:
    """A transform of a list of members into their counterparts."""

    def transform(scope: Scope, mutable: tuple[str, ...] = ()) -> list[Any] | None:
        given = scope["source"]
        if given is None:
            return None
        ids = [bare_id(value) for value in listed(given)]
        found = find(members.reconciliation, to_idm, ids)
        others = [found[id] for id in ids if id in found]
        if not to_idm or not members.as_references:
            return others
        return [{"_ref": f"{members.path}/{id}"} for id in others]

    return transform


def member_rule(rule: PropertyRule, members: Members, find: Counterparts, *, to_idm: bool) -> PropertyRule:
    """The property as a list of members."""

    def others(present: Any) -> list[Any]:
        values = [] if present is None else listed(present)
        ids = [bare_id(value) for value in values]
        linked = find(members.reconciliation, not to_idm, ids) if ids else {}
        return [value for value, id in zip(values, ids, strict=True) if id not in linked]

    transform = member_hook(members, find, to_idm=to_idm)
    return Merging(rule.target, rule.target_text, rule.source, transform, others=others)


def bare_id(value: Any) -> str:
    """The id in a reference (`{"_ref": "managed/user/x"}`), a path or an id; a directory's name stays whole."""
    text = str(value.get("_ref", "")) if isinstance(value, dict) else str(value)
    return text.rpartition("/")[2] if text.startswith("managed/") else text
