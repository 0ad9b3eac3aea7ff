"""The link qualifiers that apply to one source outside of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flows.engine.failures import RunFailed
from flows.engine.rules import Json

if TYPE_CHECKING:
    from flows.recon.pair import Pair


def qualifiers_for(pair: Pair, source: Json | None, old: Json | None) -> Sequence[str]:
    """The configured list, or what the script says of this object; runs in a thread."""
    configured = pair.mapping.link_qualifiers
    if isinstance(configured, tuple):
        return configured
    found = pair.compiler.required(configured, "linkQualifiersScript")(
        {
            "mapping": pair.mapping.name,
            "object": source if source is not None else old,
            "source": source,
            "oldValue": old,
            "returnAll": False,
        }
    )
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise RunFailed("The linkQualifiers script did not return a list of names")
    return list(dict.fromkeys(found))
