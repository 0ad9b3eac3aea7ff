"""Entries of the target phase: targets that no source accounted for."""

from conf.terms import Phase, Situation
from flows.engine.failures import EntryFailed
from flows.engine.operation import Operation
from flows.engine.situations import TargetEvidence, assess_target
from flows.engine.source import target_qualifies


class TargetOperation(Operation):
    """A target under one qualifier. sourceCondition and enableLinking play no part in its assessment."""

    phase = Phase.TARGET
    is_source = False

    def assess(self) -> Situation:
        """validTarget, then the link, then the source it leads to."""
        target_id = self.target_id or ""
        self.link = self.world.link_of_target(self.qualifier, target_id)
        self.had_link = self.link is not None
        if not target_qualifies(self):
            return assess_target(TargetEvidence(qualifies=False))
        if self.link is None:
            return assess_target(TargetEvidence(qualifies=True))
        self.source_id, self.source_known = self.link.source_id, True
        self.source = self.world.source(self.source_id)
        if self.source is None:
            return assess_target(TargetEvidence(qualifies=True, linked=True))
        return assess_target(
            TargetEvidence(
                qualifies=True, linked=True, source_exists=True, source_qualifies=self.source_is_valid()
            )
        )

    def source_is_valid(self) -> bool:
        """validSource alone."""
        hook = self.rules.valid_source
        if hook is None:
            return True
        answer = hook({"source": self.source, "linkQualifier": self.qualifier})
        if not isinstance(answer, bool):
            raise EntryFailed("Expecting boolean value from validSource")
        return answer

    def shown_target(self) -> str | None:
        """Target phase: always."""
        return self.target_id
