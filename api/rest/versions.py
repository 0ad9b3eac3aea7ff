"""`Accept-API-Version: protocol=2.1,resource=1.0`: which version of the interface a caller wants."""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from typing import Final

from conf.api_version import VersionWarning
from conf.errors import BadRequest, NotFound

_LOG = logging.getLogger(__name__)
MISSING: Final = '100 CREST "Accept-API-Version should be included in the request."'
_PROTOCOL: Final = (2, 1)
_PART: Final = re.compile(r"\s*(protocol|resource)\s*=\s*(\d{1,4})(?:\.(\d{1,4}))?\s*", re.IGNORECASE)
#: routes that exist in a second version, which PingIDM made their default
_SECOND: Final = frozenset({"scheduler/job", "scheduler/trigger", "schema", "consent"})


class Reminder:
    """Tells of calls that name no version: the caller each time, the log once for each path."""

    def __init__(self) -> None:
        self._logged: set[str] = set()

    def headers(self, warning: VersionWarning, header: str | None, path: str, call: str) -> dict[str, str]:
        """What the answer carries; `path` is the one called, below the prefix, and `call` the call's id."""
        if header is not None or not warning.enabled:
            return {}
        logged = warning.logged_as(path)
        if logged is not None and logged not in self._logged:
            self._logged.add(logged)
            _LOG.info(
                "Accept-API-Version is missing",
                extra={"event": "version_missing", "path": logged, "transaction_id": call},
            )
        return {"warning": MISSING}


@lru_cache(maxsize=256)
def read(header: str) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """Protocol and resource version asked for; BadRequest for anything else."""
    found: dict[str, tuple[int, int]] = {}
    for part in header.split(","):
        match = _PART.fullmatch(part)
        if match is None or match[1].lower() in found:
            raise BadRequest(f"Version string is in an invalid format: {header}")
        found[match[1].lower()] = (int(match[2]), int(match[3] or 0))
    return found.get("protocol"), found.get("resource")


def check(header: str | None, route: str | None, path: str) -> None:
    """Refuse a version that is not offered at this route (None: no route, only the protocol counts)."""
    if header is None:
        return
    protocol, resource = read(header)
    if protocol is not None and not (1 <= protocol[0] <= _PROTOCOL[0]):
        raise BadRequest(f"Unsupported major version: {protocol[0]}.{protocol[1]}; 2.1 is offered")
    if protocol is not None and protocol > _PROTOCOL:
        raise BadRequest(f"Unsupported minor version: {protocol[0]}.{protocol[1]}; 2.1 is offered")
    if resource is None or route is None:
        return
    offered = ((1, 0), (2, 0)) if route in _SECOND else ((1, 0),)
    if resource not in offered:
        raise NotFound(
            f"Resource '{path}' not found in version {resource[0]}.{resource[1]}; "
            f"offered: {', '.join(f'{major}.{minor}' for major, minor in offered)}"
        )
