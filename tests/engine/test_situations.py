"""The three assessment tables, row by row."""

import pytest

from conf.terms import Situation
from flows.engine.situations import (
    DeletedSourceEvidence,
    SourceEvidence,
    TargetEvidence,
    assess_deleted_source,
    assess_source,
    assess_sources,
    assess_target,
    assess_targets,
)

S = Situation

SOURCES = {
    "qualifies, linked, target exists": (SourceEvidence(True, linked=True, target_exists=True), S.CONFIRMED),
    "qualifies, linked, target gone": (SourceEvidence(True, linked=True), S.MISSING),
    "qualifies, no link, nothing correlates": (SourceEvidence(True), S.ABSENT),
    "qualifies, one candidate": (SourceEvidence(True, candidates=1), S.FOUND),
    "qualifies, one candidate, taken": (
        SourceEvidence(True, candidates=1, taken=True),
        S.FOUND_ALREADY_LINKED,
    ),
    "qualifies, two candidates": (SourceEvidence(True, candidates=2), S.AMBIGUOUS),
    "qualifies, many candidates": (SourceEvidence(True, candidates=17), S.AMBIGUOUS),
    "unqualified, linked, target exists": (
        SourceEvidence(False, linked=True, target_exists=True),
        S.UNQUALIFIED,
    ),
    "unqualified, linked, target gone": (SourceEvidence(False, linked=True), S.UNQUALIFIED),
    "unqualified, nothing correlates": (SourceEvidence(False), S.SOURCE_IGNORED),
    "unqualified, one candidate": (SourceEvidence(False, candidates=1), S.UNQUALIFIED),
    "unqualified, one candidate, taken": (SourceEvidence(False, candidates=1, taken=True), S.UNQUALIFIED),
    "unqualified, two candidates": (SourceEvidence(False, candidates=2), S.UNQUALIFIED),
}
TARGETS = {
    "unqualified": (TargetEvidence(False), S.TARGET_IGNORED),
    "unqualified, linked": (TargetEvidence(False, linked=True), S.TARGET_IGNORED),
    "unqualified, linked to a valid source": (TargetEvidence(False, True, True, True), S.TARGET_IGNORED),
    "qualifies, no link": (TargetEvidence(True), S.UNASSIGNED),
    "qualifies, linked, source gone": (TargetEvidence(True, linked=True), S.SOURCE_MISSING),
    "qualifies, linked, source invalid": (TargetEvidence(True, True, True), S.UNQUALIFIED),
    "qualifies, linked, source valid": (TargetEvidence(True, True, True, True), S.CONFIRMED),
}
DELETED = {
    "linked, target exists, valid": (DeletedSourceEvidence(True, True, True), S.SOURCE_MISSING),
    "linked, target exists, invalid": (DeletedSourceEvidence(True, True, False), S.TARGET_IGNORED),
    "linked, target gone": (DeletedSourceEvidence(True), S.LINK_ONLY),
    "no link, old value unknown": (DeletedSourceEvidence(False), S.ALL_GONE),
    "no link, nothing correlates, old value valid": (
        DeletedSourceEvidence(False, old_source_known=True, old_source_qualifies=True),
        S.ALL_GONE,
    ),
    "no link, nothing correlates, old value invalid": (
        DeletedSourceEvidence(False, old_source_known=True),
        S.ALL_GONE,
    ),
    "no link, one candidate, old value valid": (
        DeletedSourceEvidence(False, old_source_known=True, old_source_qualifies=True, candidates=1),
        S.UNASSIGNED,
    ),
    "no link, one candidate, old value invalid": (
        DeletedSourceEvidence(False, old_source_known=True, candidates=1),
        S.TARGET_IGNORED,
    ),
    "no link, two candidates, old value valid": (
        DeletedSourceEvidence(False, old_source_known=True, old_source_qualifies=True, candidates=2),
        S.AMBIGUOUS,
    ),
    "no link, two candidates, old value invalid": (
        DeletedSourceEvidence(False, old_source_known=True, candidates=2),
        S.UNQUALIFIED,
    ),
}


@pytest.mark.parametrize("row", SOURCES)
def test_source_phase(row: str) -> None:
    evidence, situation = SOURCES[row]
    assert assess_source(evidence) is situation


@pytest.mark.parametrize("row", TARGETS)
def test_target_phase(row: str) -> None:
    evidence, situation = TARGETS[row]
    assert assess_target(evidence) is situation


@pytest.mark.parametrize("row", DELETED)
def test_deleted_source(row: str) -> None:
    evidence, situation = DELETED[row]
    assert assess_deleted_source(evidence) is situation


def test_a_page_of_evidence_gives_a_page_of_situations_in_order() -> None:
    assert assess_sources([SOURCES[row][0] for row in SOURCES]) == [SOURCES[row][1] for row in SOURCES]
    assert assess_targets([TARGETS[row][0] for row in TARGETS]) == [TARGETS[row][1] for row in TARGETS]


def test_the_tables_name_every_situation() -> None:
    named = {situation for table in (SOURCES, TARGETS, DELETED) for _, situation in table.values()}
    assert named == set(S)
