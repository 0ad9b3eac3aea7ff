"""Login sessions: an opaque cookie whose secret is kept only as a digest."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from api.audit_bodies import login_body
from flows.call import Caller, Runtime
from flows.store import audit, sessions
from flows.store.audit_events import AuditEvent
from flows.store.sessions import LoginSession

COOKIE: Final = "session-jwt"
"""The name that PingIDM's clients know; its value here is random and means nothing by itself."""
_TOUCH_MS: Final = 60_000


class Sessions:
    """Opens, finds and closes sessions; times as authentication.json gives them."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def open(self, caller: Caller, *, is_recorded: bool = False) -> str:
        """A new session; answers the cookie's secret, which nobody can read again.

        The login goes on record with it, unless it is there already.
        """
        secret = secrets.token_urlsafe(32)
        now = self._runtime.clock()
        made = LoginSession(_digest(secret), caller.resource_id, caller.component, now, now)
        async with self._runtime.database.write() as tx:
            await sessions.delete_stale(tx, now - self._longest(), now - self._idle())
            await sessions.insert(tx, made)
            if not is_recorded:
                await audit.append_events(tx, "authentication", [_login_event(caller, now)])
        return secret

    async def find(self, secret: str) -> LoginSession | None:
        """The session behind a cookie; an idle or old one is none."""
        digest, now = _digest(secret), self._runtime.clock()
        async with self._runtime.database.read() as tx:
            found = await sessions.read(tx, digest)
        if found is None or now - found.created_at > self._longest() or now - found.used_at > self._idle():
            return None
        if now - found.used_at > _TOUCH_MS:
            async with self._runtime.database.write() as tx:
                await sessions.touch(tx, digest, now)
        return found

    async def close(self, secret: str) -> None:
        """End the session of this cookie."""
        async with self._runtime.database.write() as tx:
            await sessions.delete(tx, _digest(secret))

    def _longest(self) -> int:
        return self._runtime.project.authentication.session_minutes * 60_000

    def _idle(self) -> int:
        return self._runtime.project.authentication.session_idle_minutes * 60_000


def _login_event(caller: Caller, now: int) -> AuditEvent:
    body = login_body(caller.id, caller.module, caller.address, caller=caller)
    return AuditEvent(now, caller.id, None, body)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
