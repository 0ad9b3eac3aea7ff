"""What a deed writes into an object: the status, or the policy map and what the population script merges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conf.reconciliation_terms import TwoWaySituation
from flows.engine.copying import copy_json
from flows.two_way import pairs
from flows.two_way.deeds import Deed
from flows.two_way.sides import Rules, Shown, Sides

if TYPE_CHECKING:
    from conf.reconciliation_schema import Reconciliation
    from flows.engine.rules import Json, PropertyRule
    from flows.two_way.populate import Populate


@dataclass(frozen=True)
class Writer:
    """Writes both ways."""

    configuration: Reconciliation
    idm_rules: Rules
    resource_rules: Rules
    scripts: Mapping[TwoWaySituation, Populate]
    shown: Shown

    def write(self, deed: Deed, situation: TwoWaySituation, sides: Sides, target: Json) -> None:
        """Change `target`, which is the object of the side that the deed writes."""
        idm_status, resource_status = self.configuration.idm_status, self.configuration.resource_status
        if deed is Deed.DISABLE_IDM and idm_status is not None:
            target[idm_status.attribute] = idm_status.disabled
            return
        if deed is Deed.DISABLE_RES and resource_status is not None:
            target[resource_status.attribute] = resource_status.disabled
            return
        script = self.scripts.get(situation)
        if not deed.writes_resource:
            pairs.write(self.rules(deed), sides.resource or {}, target)
            if script is not None:
                script(sides.resource, target, situation, self.shown.principal(sides))
            if deed is Deed.REVIVE_IDM and idm_status is not None:
                target[idm_status.attribute] = idm_status.active
            return
        user = sides.idm or {}
        if script is not None:
            user = copy_json(user)
            script(sides.resource, user, situation, self.shown.principal(sides))
        pairs.write(self.rules(deed), user, target)

    def rules(self, deed: Deed) -> Sequence[PropertyRule]:
        """The properties that a deed writes."""
        rules = self.resource_rules if deed.writes_resource else self.idm_rules
        return rules.create if deed in (Deed.CREATE_IDM, Deed.CREATE_RES) else rules.update

    def differs(self, sides: Sides) -> bool:
        """Whether both are there and do not say the same."""
        if sides.idm is None or sides.resource is None:
            return False
        if to_idm := self.rules(Deed.UPDATE_IDM):
            return pairs.differ(to_idm, sides.resource, sides.idm)
        return pairs.differ(self.rules(Deed.UPDATE_RES), sides.idm, sides.resource)
