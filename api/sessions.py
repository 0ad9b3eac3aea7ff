"""Login sessions: an opaque cookie whose secret is kept only as a digest."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

from flows.call import Caller, Runtime

COOKIE: Final = "session-jwt"
"""The name that PingIDM's clients know; its value here is random and means nothing by itself."""
_TOUCH_MS: Final = 60_000


@dataclass(frozen=True)
class Session:
    """A session that is good now."""

    component: str
    user_id: str


class Sessions:
    """Opens, finds and closes sessions; times as authentication.json gives them."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def open(self, caller: Caller) -> str:
        """A new session; answers the cookie's secret, which nobody can read again."""
        secret = secrets.token_urlsafe(32)
        now = self._runtime.clock()
        async with self._runtime.database.write() as tx:
            await tx.run("delete from login_session where created_at < ?", (now - self._longest(),))
            await tx.run(
                "insert into login_session (digest, user_id, component, created_at, used_at) values (?, ?, ?, ?, ?)",
                (_digest(secret), caller.resource_id, caller.component, now, now),
            )
        return secret

    async def find(self, secret: str) -> Session | None:
        """The session behind a cookie; an idle or old one is none."""
        digest, now = _digest(secret), self._runtime.clock()
        async with self._runtime.database.read() as tx:
            rows = await tx.fetch(
                "select component, user_id, created_at, used_at from login_session where digest = ?",
                (digest,),
            )
        if not rows:
            return None
        component, user_id, created_at, used_at = rows[0]
        if now - created_at > self._longest() or now - used_at > self._idle():
            return None
        if now - used_at > _TOUCH_MS:
            async with self._runtime.database.write() as tx:
                await tx.run("update login_session set used_at = ? where digest = ?", (now, digest))
        return Session(component, user_id)

    async def close(self, secret: str) -> None:
        """End the session of this cookie."""
        async with self._runtime.database.write() as tx:
            await tx.run("delete from login_session where digest = ?", (_digest(secret),))

    def _longest(self) -> int:
        return self._runtime.project.authentication.session_minutes * 60_000

    def _idle(self) -> int:
        return self._runtime.project.authentication.session_idle_minutes * 60_000


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
