"""The short way for pairs that were equal last time: same source, same mapping, same revision of the target."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

from conf.terms import Action, Situation
from flows.engine.rules import Json, MappingRules

_BYTES = 16


@dataclass(frozen=True)
class Fingerprints:
    """Digests of sources under one mapping; keyed, so that nobody who controls an attribute can hide a change."""

    key: bytes

    @classmethod
    def of(cls, rules: MappingRules, configuration: Json, source_text: str) -> Fingerprints | None:
        """None for a mapping whose CONFIRMED entries must be looked at each time.

        `source_text` is whatever else decides how sources map: the texts of its script files.
        """
        if not _is_quiet(rules):
            return None
        text = orjson.dumps([configuration, source_text], option=orjson.OPT_SORT_KEYS)
        return cls(blake2b(text, digest_size=32).digest())

    def digest(self, source: Json, qualifier: str) -> bytes:
        """Fingerprint of one source."""
        text = orjson.dumps([qualifier, source], option=orjson.OPT_SORT_KEYS)
        return blake2b(text, digest_size=_BYTES, key=self.key).digest()


def holds(kept: bytes | None, digest: bytes) -> bool:
    """Whether what is kept with a link ends with this fingerprint; a responder's mark may stand before it."""
    return kept is not None and kept[-_BYTES:] == digest


def _is_quiet(rules: MappingRules) -> bool:
    """Whether a confirmed pair without a change would do and run nothing."""
    if rules.responder is not None:
        return rules.linking and rules.responder.knows_rest
    if not rules.linking or rules.on_update or rules.post_mapping or rules.on_mapping:
        return False
    policies = rules.policies.get(Situation.CONFIRMED, ())
    if not policies:
        return True
    first = policies[0]
    return first.condition is None and first.action is Action.UPDATE and first.post_action is None


def source_digest(subject: Json | None) -> str | None:
    """Digest of an object as a request was made for it; a rejection is remembered while it stays the same."""
    if subject is None:
        return None
    plain: dict[str, Any] = {key: value for key, value in subject.items() if key != "_rev"}
    return blake2b(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS), digest_size=_BYTES).hexdigest()


def creation_repeats(rules: MappingRules) -> bool:
    """Whether mapping once more onto what a create made would change nothing."""
    if rules.on_create is not None or any(rule.condition for rule in rules.properties):
        return False
    # a property that replaces the parent of another finds no parent there the second time
    targets = {rule.target for rule in rules.properties}
    return not any(target[:depth] in targets for target in targets for depth in range(1, len(target)))
