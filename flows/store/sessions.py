"""Login sessions: the store has a digest of the cookie, never the cookie."""

from __future__ import annotations

from dataclasses import dataclass

from conf.transaction import Transaction


@dataclass(frozen=True, slots=True)
class LoginSession:
    """Who logged in, and when."""

    digest: str
    user_id: str
    component: str
    created_at: int
    used_at: int


async def insert(tx: Transaction, session: LoginSession) -> None:
    await tx.run(
        "insert into login_session (digest, user_id, component, created_at, used_at) values (?, ?, ?, ?, ?)",
        (session.digest, session.user_id, session.component, session.created_at, session.used_at),
    )


async def read(tx: Transaction, digest: str) -> LoginSession | None:
    rows = await tx.fetch(
        "select digest, user_id, component, created_at, used_at from login_session where digest = ?",
        (digest,),
    )
    return LoginSession(*rows[0]) if rows else None


async def touch(tx: Transaction, digest: str, used_at: int) -> bool:
    """Note that a session is in use; False when it is gone."""
    return await tx.run("update login_session set used_at = ? where digest = ?", (used_at, digest)) == 1


async def delete(tx: Transaction, digest: str) -> bool:
    return await tx.run("delete from login_session where digest = ?", (digest,)) == 1


async def delete_of_user(tx: Transaction, component: str, user_id: str) -> int:
    """End all sessions of an account, as after a change of its password."""
    return await tx.run("delete from login_session where component = ? and user_id = ?", (component, user_id))


async def delete_stale(tx: Transaction, created_before: int, used_before: int) -> int:
    """Delete sessions that are too old or too long idle."""
    return await tx.run(
        "delete from login_session where created_at < ? or used_at < ?", (created_before, used_before)
    )
