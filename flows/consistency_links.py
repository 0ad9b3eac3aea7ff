"""Promises about what approvals created: it is linked as long as it is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from flows.recon.linkage import Linkage
from flows.violation import Violation

if TYPE_CHECKING:
    from conf.mapping import ObjectMapping
    from conf.transaction import Transaction

LINKED: Final = "a managed object that an approval created is linked, unless a later entry unlinked it"

CREATED: Final = (
    "select i.seq, a.target_id, a.qualifier from intent i "
    "join audit_recon a on a.task_id = cast(i.task as text) "
    "join managed_object m on m.type = ? and m.id = a.target_id "
    "where i.state = 'APPLIED' and a.mapping = ? and a.action = 'CREATE' and a.status = 'SUCCESS' "
    "and not exists (select 1 from audit_recon l where l.target_id = a.target_id and l.seq > a.seq "
    "and l.action in ('UNLINK', 'DELETE') and l.status = 'SUCCESS')"
)


async def violations_of_links(transaction: Transaction, mappings: Sequence[ObjectMapping]) -> list[Violation]:
    """I8: an object that an approval made, is still there, and leads to nobody."""
    found: list[Violation] = []
    for mapping in mappings:
        kind, _, type = mapping.target.partition("/")
        if kind != "managed" or not mapping.enable_linking or mapping.problems:
            continue
        linkage = Linkage.of(mapping)
        by_qualifier: dict[str, dict[str, int]] = {}
        for order, target, qualifier in await transaction.fetch(CREATED, (type, mapping.name)):
            by_qualifier.setdefault(qualifier, {})[target] = order
        for qualifier, orders in by_qualifier.items():
            linked = await linkage.of_targets(transaction, qualifier, list(orders))
            found += [
                Violation("I8", LINKED, f"{mapping.target}/{target} of order {order}")
                for target, order in orders.items()
                if linkage.target_key(target) not in linked
            ]
    return found
