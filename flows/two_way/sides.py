"""The two objects of an entry, and what results tell of them."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import orjson

from conf import pointer
from conf.reconciliation_terms import AnsweredBy, Response
from flows.two_way import pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conf.reconciliation_schema import Reconciliation, StatusAttribute
    from flows.engine.rules import Json, PropertyRule

_BYTES: Final = 8
"""Of each side in a mark."""


@dataclass(frozen=True)
class Rules:
    """The properties of one side: all of them, and those that an update writes."""

    create: Sequence[PropertyRule]
    update: Sequence[PropertyRule]


@dataclass
class Sides:
    """The two objects, whichever of them is the mapping's source."""

    idm: Json | None
    resource: Json | None
    linked: bool
    idm_id: str | None
    resource_id: str | None
    mark: bytes | None = None
    """How the pair stood when it was last settled."""


class Shown:
    """The attributes of the policy map, with the status of each side."""

    def __init__(self, configuration: Reconciliation) -> None:
        self._configuration = configuration
        lines = configuration.policy_map
        self._idm = [(pair.idm, pair.idm_text) for pair in lines if pair.idm]
        self._resource = [(pair.resource, pair.resource_text) for pair in lines if pair.resource]
        _with_status(self._idm, configuration.idm_status)
        _with_status(self._resource, configuration.resource_status)

    def idm(self, value: Json | None) -> Json | None:
        """What is told of an object of the repository."""
        return pairs.shown(self._idm, value)

    def resource(self, value: Json | None) -> Json | None:
        """What is told of a record."""
        return pairs.shown(self._resource, value)

    def principal(self, sides: Sides) -> str:
        """Name by which a person knows the object."""
        for value, path in (
            (sides.resource, self._configuration.resource_field),
            (sides.idm, self._configuration.idm_field),
        ):
            if value is not None and path:
                found = pairs.listed(pointer.get(value, path))
                if found and found[0] not in (None, ""):
                    return str(found[0])
        return sides.resource_id or sides.idm_id or ""

    def mark(self, idm: Json | None, resource: Json | None) -> bytes:
        """How a pair stands: a digest of each side."""
        return _digest(self.idm(idm)) + _digest(self.resource(resource))


def _with_status(paths: list[tuple[tuple[str, ...], str]], status: StatusAttribute | None) -> None:
    if status is not None and all(path != (status.attribute,) for path, _ in paths):
        paths.append(((status.attribute,), status.attribute))


def _digest(value: Json | None) -> bytes:
    return blake2b(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), digest_size=_BYTES).digest()


def both_changed(before: bytes | None, now: bytes) -> bool:
    """Whether both sides differ from what they were when the pair was last settled."""
    return (
        before is not None
        and len(before) >= len(now)
        and before[:_BYTES] != now[:_BYTES]
        and before[_BYTES : len(now)] != now[_BYTES:]
    )


def answered_by(response: Response, side: AnsweredBy) -> Response:
    """The response to a conflict: that of the situation, or the update from the side that counts."""
    if response not in (Response.UPDATE_IDM_FROM_RES, Response.UPDATE_RES_FROM_IDM):
        return response
    match side:
        case AnsweredBy.IDM:
            return Response.UPDATE_RES_FROM_IDM
        case AnsweredBy.RESOURCE:
            return Response.UPDATE_IDM_FROM_RES
        case _:
            return response
