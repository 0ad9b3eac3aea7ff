"""Who is calling: headers, Basic, the session cookie, a bearer token, or the key of the command line.

A password costs 50 ms to verify, so a success is remembered for a minute under a keyed digest, as long as the account
does not change; equal claims that arrive together are verified once, and a queue bounds how many wait.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Final, NoReturn
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from api import cli_token, credentials
from api.accounts import Account, Accounts
from api.audit_bodies import login_body
from api.audit_log import AuditLog
from api.credentials import Credentials, denied
from api.lockout import Brake, Lockout
from api.sessions import COOKIE, Sessions
from conf.errors import ConfigError, Forbidden, Unauthorized, Unavailable
from flows.call import Caller, Runtime, new_transaction_id
from flows.store.passwords import nobody_hash, verify_password

if TYPE_CHECKING:
    from api.bearer import Bearers

_LOG = logging.getLogger(__name__)
_REMEMBER_SECONDS: Final = 60
_MOST_REMEMBERED: Final = 1000
_AT_ONCE: Final = 2
#: wrong tokens count by address alone: nobody knows whose they would have been, and no name is empty
_ANY_TOKEN: Final = ""
_LOGIN_ROUTES: Final = frozenset({("authentication", "login"), ("info", "login")})


@dataclass(frozen=True)
class Identity:
    """Who calls, and how he showed it."""

    caller: Caller
    by_session: bool = False
    by_password: bool = False
    wants_session: bool = False
    known: bool = True
    is_recorded: bool = False
    """Whether this call has put the login on record."""

    @classmethod
    def nobody(cls, request: Request) -> Identity:
        """A caller without credentials, where none are needed."""
        return cls(Caller("", component="", address=_address(request), module=""), known=False)

    def opens_session(self, route: str, what: str | None) -> bool:
        """Whether this call begins a session: a login (action or id of that name), unless the caller wants none."""
        return self.by_password and self.wants_session and (route, what) in _LOGIN_ROUTES


@dataclass
class _Verified:
    version: str
    until: float


@dataclass
class Gate:
    """Tells who is calling; one per process."""

    runtime: Runtime
    cli: str = ""
    """Token of the command line; empty when there is none."""
    log: AuditLog | None = None
    queue: int = 50
    """Passwords that may wait to be checked; beyond it the answer is 503."""
    brake: Brake = field(default_factory=Brake)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _verified: dict[bytes, _Verified] = field(default_factory=dict)
    _flights: dict[bytes, asyncio.Future[bool]] = field(default_factory=dict)
    _lockout: Lockout = field(default_factory=Lockout)
    _seen_tokens: dict[bytes, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._accounts = Accounts(self.runtime)
        self._sessions = Sessions(self.runtime)
        self._bearers: Bearers | None = None
        # threads of its own, so that scripts never keep anybody from logging in
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="logins")

    async def identify(self, request: Request) -> Identity:
        """The caller, or Unauthorized; headers count before a cookie. An administrator may act as somebody else."""
        identity = await self._identify(request)
        if "x-openidm-runas" not in request.headers:
            return identity
        mask = credentials.extended_header(request, "x-openidm-runas")
        acting = await self._run_as(identity.caller, mask, _address(request))
        return replace(identity, caller=acting, wants_session=False)

    async def _identify(self, request: Request) -> Identity:
        claim = credentials.read(request)
        address = _address(request)
        if claim is not None:
            caller, is_new = await self._by_password(claim, address)
            wants = request.headers.get("x-openidm-nosession", "").lower() != "true"
            return Identity(caller, by_password=True, wants_session=wants, is_recorded=is_new)
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return Identity(await self._by_bearer(value.strip(), request, address))
        if (cookie := request.cookies.get(COOKIE)) is not None:
            return Identity(await self._by_cookie(cookie, address), by_session=True)
        raise denied()

    async def _by_password(self, claim: Credentials, address: str) -> tuple[Caller, bool]:
        """The caller, and whether his password was looked at, not remembered."""
        account = await self._accounts.by_name(claim.name, address)
        digest = self._digest(claim)
        remembered = self._verified.get(digest)
        if (
            account is not None
            and remembered is not None
            and remembered.version == account.version
            and remembered.until > time.monotonic()
        ):
            return account.caller, False
        if self._lockout.is_locked(claim.name, address):
            self._note(claim.name, "PASSWORD", address, reason="too many wrong passwords; wait a minute")
            raise denied()
        if not await self._verify(digest, account, claim) or account is None:
            self._verified.pop(digest, None)
            self._lockout.failed(claim.name, address, digest)
            self._note(claim.name, "PASSWORD", address, reason="wrong name or password")
            _LOG.warning("login refused", extra={"event": "login_refused", "address": address})
            raise denied()
        self._lockout.succeeded(claim.name, address)
        self._note(claim.name, account.caller.module, address, account.caller)
        if len(self._verified) >= _MOST_REMEMBERED:
            self._verified.clear()
        self._verified[digest] = _Verified(account.version, time.monotonic() + _REMEMBER_SECONDS)
        return account.caller, True

    async def _run_as(self, caller: Caller, name: str, address: str) -> Caller:
        """Somebody else, when a login module lets this caller act as others; Forbidden otherwise."""
        masks = [
            mask
            for mask in self.runtime.project.authentication.run_as
            if not mask.admin_roles.isdisjoint(caller.roles)
        ]
        account = await self._accounts.by_name(name, address) if masks else None
        if account is None or not masks[0].disallowed_roles.isdisjoint(account.caller.roles):
            raise Forbidden("Access denied")
        roles = account.caller.roles | masks[0].default_roles
        return replace(account.caller, roles=roles, behind=caller.id)

    def _note(
        self, principal: str, module: str, address: str, caller: Caller | None = None, reason: str = ""
    ) -> None:
        """Put a login on the record."""
        if self.log is not None:
            body = login_body(principal, module, address, caller=caller, reason=reason)
            self.log.note("authentication", caller.id if caller else principal, new_transaction_id(), body)

    async def reauthenticate(self, request: Request, caller: Caller) -> None:
        """Return when the request shows the caller's password once more; Forbidden otherwise.

        A wrong one counts as at a login: who has found a session open is not to guess it either.
        """
        account = await self._accounts.by_id(caller.component, caller.resource_id, caller.address)
        password = credentials.extended_header(request, "x-openidm-reauth-password")
        if account is None or not password:
            raise Forbidden("Access denied")
        claim = Credentials(caller.id, password)
        digest = self._digest(claim)
        if self._lockout.is_locked(claim.name, caller.address):
            self._note(
                claim.name, "PASSWORD", caller.address, reason="too many wrong passwords; wait a minute"
            )
            raise Forbidden("Access denied")
        if not await self._verify(digest, account, claim):
            self._lockout.failed(claim.name, caller.address, digest)
            self._note(claim.name, "PASSWORD", caller.address, reason="wrong password to reauthenticate")
            raise Forbidden("Access denied")
        self._lockout.succeeded(claim.name, caller.address)

    async def _verify(self, digest: bytes, account: Account | None, claim: Credentials) -> bool:
        """Verify once for all who ask the same at the same time, about the same state of the account."""
        if account is not None and account.password is not None:
            if hmac.compare_digest(account.password.encode(), claim.password.encode()):
                return True
            account = None  # a wrong guess takes as long for every name
        flight = digest + (account.version if account else "").encode()
        if (shared := self._flights.get(flight)) is not None:
            return await asyncio.shield(shared)
        if len(self._flights) >= self.queue:
            raise Unavailable("Too many logins wait to be checked; try again in a moment")
        task = asyncio.ensure_future(self._hash(account.hashed if account else None, claim.password))
        self._flights[flight] = task
        task.add_done_callback(lambda _done: self._flights.pop(flight, None))
        return await asyncio.shield(task)

    async def _hash(self, hashed: str | None, password: str) -> bool:
        loop = asyncio.get_running_loop()
        if hashed is None:
            await loop.run_in_executor(self._threads, lambda: verify_password(nobody_hash(), password))
            return False
        return await loop.run_in_executor(self._threads, verify_password, hashed, password)

    def close(self) -> None:
        """Give back the threads."""
        self._threads.shutdown(cancel_futures=True)

    def _digest(self, claim: Credentials) -> bytes:
        name, password = claim.name.encode(), claim.password.encode()
        # lengths first, so that no other pair of texts gives the same bytes
        return hmac.digest(self._key, b"%d:%d:" % (len(name), len(password)) + name + password, "sha256")

    async def _by_bearer(self, value: str, request: Request, address: str) -> Caller:
        if len(request.headers.getlist("authorization")) != 1:
            raise denied()
        if not value.startswith(f"{cli_token.SCHEME} "):
            if self._bearers is None:
                # libraries that a server without such tokens starts without
                module = await asyncio.to_thread(import_module, "api.bearer")
                self._bearers = self._bearers or module.Bearers(self.runtime)
            return await self._by_token(self._bearers, value, address)
        caller = cli_token.caller_of(value, self.cli, request.headers.get("x-recon-user"), address)
        if caller is None:
            await self._refuse_token(value, address)
        return caller

    async def _by_token(self, bearers: Bearers, value: str, address: str) -> Caller:
        """A token is on the record at its first call, and again a minute later; a refused one each time."""
        try:
            caller = await bearers.identify(value, address)
        except Unauthorized:
            await self._refuse_token(value, address)
        digest, now = hmac.digest(self._key, value.encode(), "sha256"), time.monotonic()
        if self._seen_tokens.get(digest, 0) <= now:
            if len(self._seen_tokens) >= _MOST_REMEMBERED:
                self._seen_tokens.clear()
            self._seen_tokens[digest] = now + _REMEMBER_SECONDS
            self._note(caller.id, caller.module, address, caller)
        return caller

    async def _refuse_token(self, value: str, address: str) -> NoReturn:
        """Unauthorized; held back where many different wrong ones came from. Each was looked at, so no good one is."""
        is_guessing = self._lockout.is_locked(_ANY_TOKEN, address)
        self._lockout.failed(
            _ANY_TOKEN, address, hmac.digest(self._key, value.encode("utf-8", "replace"), "sha256")
        )
        reason = "too many wrong tokens" if is_guessing else "the token is not accepted"
        self._note("", "BEARER", address, reason=reason)
        if is_guessing:
            await self.brake.hold()
        raise denied()

    async def _by_cookie(self, secret: str, address: str) -> Caller:
        session = await self._sessions.find(secret)
        account = session and await self._accounts.by_id(session.component, session.user_id, address)
        if not account:
            raise denied()
        return replace(account.caller, module="JWT_SESSION")

    def guard_session(self, request: Request, identity: Identity, verb: str) -> None:
        """A cookie alone changes nothing: another site can make a browser send it, but not these headers."""
        if not identity.by_session or verb in {"read", "query"}:
            return
        origin = request.headers.get("origin")
        foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
        site = request.headers.get("sec-fetch-site", "same-origin")
        if "x-requested-with" not in request.headers or foreign or site not in {"same-origin", "none"}:
            raise Forbidden(
                "A call by session cookie needs the header X-Requested-With and comes from this site"
            )

    async def open_session(self, request: Request, response: Response, identity: Identity) -> None:
        """Give the caller a session cookie, a new one at each login."""
        secret = await self._sessions.open(identity.caller, is_recorded=identity.is_recorded)
        response.set_cookie(
            COOKIE, secret, path="/", httponly=True, samesite="lax", secure=request.url.scheme == "https"
        )

    async def close_session(self, request: Request, response: Response) -> None:
        """Log out: the cookie is worth nothing from here on."""
        if (secret := request.cookies.get(COOKIE)) is not None:
            await self._sessions.close(secret)
            response.delete_cookie(COOKIE, path="/")


def refuse_default_password(runtime: Runtime) -> None:
    """Raise when others than this machine could reach us while a shipped password stands."""
    if runtime.project.authentication.has_default_password and not runtime.settings.is_loopback:
        raise ConfigError(
            f"an account still has the password it was shipped with, so the server listens on loopback only, not "
            f"on {runtime.settings.host}; set OPENIDM_ADMIN_PASSWORD or change conf/authentication.json"
        )


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else ""
