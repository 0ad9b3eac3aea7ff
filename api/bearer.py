"""Callers with a bearer token: one of this installation, or of an issuer that authentication.json names.

The subject of a token is looked up where the configuration says. When there is such an account, the caller is that
account with the token's roles besides its own; a disabled one is refused. Any other subject has the token's roles
alone, under a name that no account of ours has.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx2
from joserfc.jwk import Key

from api import token_claims
from api.accounts import is_active, login_property, roles_in
from api.credentials import denied
from api.installation_key import InstallationKey, KeyFile, own_roles
from api.oidc import IssuerKeys, open_client
from api.signed_token import Refused, SignedToken, parse
from conf.bearer import ALGORITHMS, BearerIssuer, StaticSubject, SubjectMapping
from conf.filters.ast import Comparison
from flows.call import Caller, Runtime
from flows.managed_objects import normalised
from flows.store import managed
from flows.store.managed import Stored

_LOG = logging.getLogger(__name__)
_ANY: Final = frozenset(ALGORITHMS)
_MODULE: Final = "BEARER"


@dataclass(frozen=True)
class _Trust:
    """What a token is held against, and where its subject may be found."""

    issuer: BearerIssuer
    own: InstallationKey | None = None
    """Set for tokens that this installation signed."""
    static: Mapping[str, StaticSubject] = field(default_factory=dict)
    mappings: Sequence[SubjectMapping] = ()


@dataclass
class Bearers:
    """Tells who is behind a bearer token; one per process."""

    runtime: Runtime
    open_client: Callable[[], httpx2.AsyncClient] = open_client
    _keys: dict[tuple[str, str | None], IssuerKeys] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._file = KeyFile(self.runtime.settings.data)

    async def identify(self, text: str, address: str) -> Caller:
        """The caller behind a token; Unauthorized for whatever is wrong with it, which only the log tells."""
        try:
            token = parse(text, _ANY)
            trust = self._trust(token)
            token.verify(await self._key(token, trust))
            token_claims.check(token.claims, trust.issuer, self.runtime.clock() / 1000)
            subject = token_claims.subject(token.claims, trust.issuer)
            roles = own_roles(token.claims) if trust.own else token_claims.roles(token.claims, trust.issuer)
            return await self._caller(subject, roles, trust, address)
        except Refused as refused:
            _LOG.warning(
                "bearer token refused",
                extra={"event": "token_refused", "reason": str(refused), "address": address},
            )
            raise denied() from None

    def _trust(self, token: SignedToken) -> _Trust:
        """The issuer that the token names; his keys then tell whether it is from him."""
        configured = self.runtime.project.authentication.bearer
        own = self._file.key()
        if own is not None and token.issuer == own.issuer:
            revoked: frozenset[str] = frozenset().union(*(issuer.revoked for issuer in configured))
            trust = self._own_trust(own, revoked)
        else:
            found = [issuer for issuer in configured if issuer.issuer == token.issuer]
            if not found:
                raise Refused("an issuer that is not known")
            trust = _Trust(found[0], None, found[0].static_subjects, found[0].subjects)
        if token.algorithm not in trust.issuer.algorithms:
            raise Refused("an algorithm that is not in force for this issuer")
        return trust

    def _own_trust(self, own: InstallationKey, revoked: frozenset[str]) -> _Trust:
        """Subjects of our own tokens are the accounts that could log in with a password."""
        authentication = self.runtime.project.authentication
        static = {
            user.name: StaticSubject(user.component.removeprefix("repo/"), user.name, user.roles)
            for user in authentication.static_users.values()
        }
        mappings = [
            SubjectMapping(login.component, login_property(login), login.roles_property, login.default_roles)
            for login in authentication.managed_logins
        ]
        return _Trust(own.trust(revoked), own, static, mappings)

    async def _key(self, token: SignedToken, trust: _Trust) -> Key:
        if trust.own is not None:
            found: Key | None = trust.own.key if token.key_id == trust.own.id else None
        else:
            found = await self._issuer_keys(trust.issuer).find(token.key_id, token.algorithm)
        if found is None:
            raise Refused("a key that is not known")
        return found

    def _issuer_keys(self, issuer: BearerIssuer) -> IssuerKeys:
        place = (issuer.issuer, issuer.jwks_uri)
        if place not in self._keys:
            in_force = {
                (known.issuer, known.jwks_uri) for known in self.runtime.project.authentication.bearer
            }
            self._keys = {known: keys for known, keys in self._keys.items() if known in in_force}
            self._keys[place] = IssuerKeys(issuer, self.open_client)
        return self._keys[place]

    async def _caller(self, subject: str, roles: frozenset[str], trust: _Trust, address: str) -> Caller:
        if (known := trust.static.get(subject)) is not None:
            return Caller(
                known.name,
                component=known.component,
                resource_id=known.name,
                roles=roles | known.roles,
                address=address,
                module=_MODULE,
            )
        for mapping in trust.mappings:
            if (stored := await self._find(mapping, subject)) is not None:
                if not is_active(stored.body):
                    raise Refused("the account of the subject is disabled")
                return Caller(
                    str(stored.body.get("userName", stored.id)),
                    component=mapping.component,
                    resource_id=stored.id,
                    roles=roles | mapping.default_roles | roles_in(stored.body, mapping.roles_property),
                    address=address,
                    module=_MODULE,
                )
        # no account of ours has such a name: what is assigned to one is never shown to a stranger of the same name
        return Caller(
            f"bearer:{subject}",
            component="bearer",
            resource_id=subject,
            roles=roles,
            address=address,
            module=_MODULE,
        )

    async def _find(self, mapping: SubjectMapping, subject: str) -> Stored | None:
        name = mapping.component.removeprefix("managed/")
        type = self.runtime.project.managed_types.get(name)
        if type is None:
            return None
        async with self.runtime.database.read() as tx:
            if mapping.property == "_id":
                return await managed.read(tx, name, subject)
            if type.unique[:1] == (mapping.property,):
                key = normalised(subject)
                return (await managed.read_by_unique_key(tx, name, [key])).get(key)
            found = await managed.find(tx, name, Comparison((mapping.property,), "eq", subject), page_size=2)
        # a subject that two objects share is neither
        return found.rows[0] if len(found.rows) == 1 else None
