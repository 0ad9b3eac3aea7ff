"""Who answers the calls that scripts make to `openidm`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conf.errors import NotFound

Broker = Callable[[str, list[Any]], Any]
"""`broker("read", ["managed/user/x"])`: the value, or a ReconError. Blocks; called in the session's thread.

Verbs: read, query, create, update, patch, delete, action, encrypt, decrypt, isEncrypted, hash, isHashed, matches.
Arguments are those that the script gave, in its order, without trailing undefined ones:
`create(container, id|null, content, params, fields)`, `read(path, params, fields)`, `query(container, params, fields)`,
`update(path, rev|null, content, params, fields)`, `patch(path, rev|null, operations, params, fields)`,
`delete(path, rev|null, params, fields)`, `action(path, name, content, params, fields)`.
"""


class OpenIdm:
    """`openidm` for Python callables: every verb is a method, `read` answers None where there is nothing."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def read(self, *given: Any) -> Any:
        try:
            return self._broker("read", list(given))
        except NotFound:
            return None

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        return lambda *given: self._broker(verb, list(given))
