"""What a verified token must say to count, and which roles it carries."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

from api.signed_token import Refused
from conf.bearer import BearerIssuer

Claims = dict[str, Any]
_LONGEST_SUBJECT: Final = 256


def check(claims: Claims, issuer: BearerIssuer, now: float) -> None:
    """Return when the token is of this issuer, for us, and valid now; Refused otherwise."""
    if claims.get("iss") != issuer.issuer:
        raise Refused("another issuer")
    if not (_words(claims.get("aud")) & issuer.audiences):
        raise Refused("another audience")
    if _time(claims, "exp") <= now - issuer.leeway_seconds:
        raise Refused("expired")
    for name in ("nbf", "iat"):
        if name in claims and _time(claims, name) > now + issuer.leeway_seconds:
            raise Refused(f"not valid yet ({name})")
    if claims.get("tokenName", "access_token") != "access_token":
        raise Refused("not an access token")
    if not issuer.scopes <= scopes(claims):
        raise Refused("a scope is missing")
    if "jti" in claims and (not isinstance(claims["jti"], str) or claims["jti"] in issuer.revoked):
        raise Refused("revoked")


def subject(claims: Claims, issuer: BearerIssuer) -> str:
    """Who the token is about."""
    found = claims.get(issuer.subject_claim)
    if not isinstance(found, str) or not found.strip() or len(found) > _LONGEST_SUBJECT:
        raise Refused("no subject")
    if not found.isprintable():
        raise Refused("a subject with letters that cannot be shown")
    return found


def scopes(claims: Claims) -> frozenset[str]:
    """Scopes as a text with spaces between them, or as Advanced Identity Cloud's list."""
    given = claims.get("scope", claims.get("scp"))
    return frozenset(given.split(" ")) if isinstance(given, str) else _words(given)


def roles(claims: Claims, issuer: BearerIssuer) -> frozenset[str]:
    """Roles that the token carries by itself, whoever its subject is."""
    by_scope = (issuer.scope_roles.get(scope, frozenset()) for scope in scopes(claims))
    given = claims.get(issuer.roles_claim) if issuer.roles_claim else None
    by_claim = (issuer.claim_roles.get(word, frozenset()) for word in _words(given))
    return issuer.default_roles | _all(by_scope) | _all(by_claim)


def _all(groups: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*groups)


def _words(value: Any) -> frozenset[str]:
    if isinstance(value, str):
        return frozenset({value})
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return frozenset(value)
    return frozenset()


def _time(claims: Claims, name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused(f"{name} is no time")
    if isinstance(value, float) and not math.isfinite(value):
        raise Refused(f"{name} is no time")
    return value
