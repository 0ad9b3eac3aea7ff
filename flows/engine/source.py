"""Entries of the source phase, and of a source that was deleted."""

from typing import Any

from conf.errors import ReconError
from conf.terms import Phase, Situation
from flows.engine.failures import EntryFailed, RunFailed
from flows.engine.operation import Operation
from flows.engine.rules import Json
from flows.engine.situations import (
    DeletedSourceEvidence,
    SourceEvidence,
    assess_deleted_source,
    assess_source,
)


class SourceOperation(Operation):
    """A source that exists: recon, implicit create and update, performAction."""

    phase = Phase.SOURCE
    is_source = True

    def assess(self) -> Situation:
        """Link, validity, then correlation where there is no link."""
        source_id = self.source_id or ""
        if self.rules.linking:
            self.link = self.world.link_of_source(self.qualifier, source_id)
        if self.link is not None:
            self.record_target(self.link.target_id)
        qualifies = self.source_qualifies()
        if self.link is not None:
            exists = qualifies and self.target_exists()
            return assess_source(SourceEvidence(qualifies, linked=True, target_exists=exists))
        candidates = self.correlate()
        if len(candidates) > 1:
            self.ambiguous = tuple(str(found["_id"]) for found in candidates)
            return assess_source(SourceEvidence(qualifies, candidates=len(candidates)))
        if not candidates:
            return assess_source(SourceEvidence(qualifies))
        self.adopt(candidates[0])
        taken = (
            qualifies
            and self.target_id is not None
            and self.world.link_of_target(self.qualifier, self.target_id) is not None
        )
        return assess_source(SourceEvidence(qualifies, candidates=1, taken=taken))

    def record_target(self, target_id: str) -> None:
        """The link's target counts, whatever target the caller had pinned."""
        if self.target_id != target_id:
            self.target_id, self.target, self.target_loaded = target_id, None, False

    def source_qualifies(self) -> bool:
        """validSource, then sourceCondition; the latter only for a valid source."""
        rules = self.rules
        if rules.valid_source is not None:
            if self.source is None:
                raise EntryFailed(f"Source object {self.source_id} no longer exists")
            answer = rules.valid_source({"source": self.source, "linkQualifier": self.qualifier})
            if not isinstance(answer, bool):
                raise EntryFailed("Expecting boolean value from validSource")
            if not answer:
                return False
        if rules.source_condition is None:
            return True
        try:
            return rules.source_condition({"source": self.source, "linkQualifier": self.qualifier})
        except ReconError as error:
            if self.source is None:
                raise EntryFailed(error.message) from error
            raise RunFailed(f"The sourceCondition failed: {error.message}") from error

    def correlate(self) -> list[Json]:
        """Targets that correspond to an unlinked source."""
        if self.target_id is not None:
            pinned = self.load_target()
            return [pinned] if pinned is not None else []
        rules = self.rules
        if not rules.correlates(self.qualifier):
            return []
        if not rules.correlate_empty_target_set and self.world.target_set_is_empty():
            return []
        if self.source is None:
            raise EntryFailed(f"Source object {self.source_id} no longer exists")
        return correlate(self, self.source)

    def adopt(self, candidate: Json) -> None:
        """Take the only candidate as the target; a result with attributes is the object itself."""
        self.target_id = str(candidate["_id"])
        if any(not key.startswith("_") for key in candidate):
            self.target, self.target_loaded = candidate, True


def correlate(operation: Operation, source: Json) -> list[Json]:
    """Run the qualifier's correlation over `source`."""
    scope: Json = {"source": source, "linkQualifier": operation.qualifier}
    rules = operation.rules
    if rules.correlation_script is not None:
        found = rules.correlation_script(scope)
        return identified([] if found is None else found)
    query = rules.correlation[operation.qualifier](scope)
    if not isinstance(query, dict):
        raise RunFailed("correlationQuery did not return a query object")
    return identified(operation.world.find_targets(query))


def identified(found: Any) -> list[Json]:
    """Correlation results, each with an `_id`."""
    if not isinstance(found, list):
        raise RunFailed("correlationScript did not return a list")
    for one in found:
        if not isinstance(one, dict) or not isinstance(one.get("_id"), str):
            raise RunFailed("A correlation result has no _id")
    return found


class DeletedSourceOperation(SourceOperation):
    """A source that was just deleted: implicit synchronisation and liveSync."""

    def assess(self) -> Situation:
        """By the link, else by correlating the value it had."""
        if self.rules.linking:
            self.link = self.world.link_of_source(self.qualifier, self.source_id or "")
        if self.link is not None:
            self.record_target(self.link.target_id)
            exists = self.target_exists()
            return assess_deleted_source(
                DeletedSourceEvidence(
                    linked=True, target_exists=exists, target_qualifies=exists and target_qualifies(self)
                )
            )
        if self.old_source is None:
            return assess_deleted_source(DeletedSourceEvidence(linked=False))
        candidates = correlate(self, self.old_source) if self.rules.correlates(self.qualifier) else []
        valid = self.old_source_qualifies()
        if len(candidates) == 1:
            self.adopt(candidates[0])
        return assess_deleted_source(
            DeletedSourceEvidence(
                linked=False, old_source_known=True, old_source_qualifies=valid, candidates=len(candidates)
            )
        )

    def old_source_qualifies(self) -> bool:
        """validSource over the old value; sourceCondition does not take part."""
        if self.rules.valid_source is None:
            return True
        answer = self.rules.valid_source({"source": self.old_source, "linkQualifier": self.qualifier})
        if not isinstance(answer, bool):
            raise EntryFailed("Expecting boolean value from validSource")
        return answer


def target_qualifies(operation: Operation) -> bool:
    """validTarget; a target that has vanished counts as valid."""
    hook = operation.rules.valid_target
    if hook is None:
        return True
    target = operation.load_target()
    if target is None:
        return True
    answer = hook({"target": target, "linkQualifier": operation.qualifier})
    if not isinstance(answer, bool):
        raise EntryFailed("Expecting boolean value from validTarget")
    return answer
