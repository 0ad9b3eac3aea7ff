"""Issuers of bearer tokens that are trusted: the member `bearer` of authentication.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from conf.document import Node, did_you_mean, kind_of

#: signatures only; whoever knows a shared secret could sign as well as check
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
ADMIN_SCOPE: Final = "fr:idm:*"
"""What Advanced Identity Cloud grants to those who may do everything with identities."""
_ADMIN_ROLES: Final = frozenset({"openidm-admin", "openidm-authorized"})
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_PREFIXES: Final = ("internal/role/", "repo/internal/role/")
_MEMBERS: Final = frozenset(
    {
        "issuer",
        "audience",
        "jwksUri",
        "algorithms",
        "leeway",
        "scopes",
        "scopeToRoles",
        "rolesClaim",
        "claimToRoles",
        "defaultRoles",
        "subjectClaim",
        "subjectMapping",
        "staticUserMapping",
        "revoked",
    }
)


@dataclass(frozen=True)
class SubjectMapping:
    """Where the object of a subject is found, as in PingIDM's `rsFilter`."""

    component: str = "managed/user"
    property: str = "_id"
    """Which property holds the subject."""
    roles_property: str | None = "authzRoles"
    default_roles: frozenset[str] = frozenset()


@dataclass(frozen=True)
class StaticSubject:
    """A subject that acts as an account of the configuration."""

    component: str
    name: str
    roles: frozenset[str]


@dataclass(frozen=True)
class BearerIssuer:
    """An issuer, what its tokens must say, and what they allow."""

    issuer: str
    audiences: frozenset[str]
    algorithms: frozenset[str]
    jwks_uri: str | None = None
    """Address of its keys; without it they are found by discovery."""
    leeway_seconds: int = 30
    scopes: frozenset[str] = frozenset()
    """Scopes that a token must carry, all of them."""
    scope_roles: Mapping[str, frozenset[str]] = field(default_factory=lambda: {ADMIN_SCOPE: _ADMIN_ROLES})
    roles_claim: str | None = None
    claim_roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Values of that claim and what they allow; others allow nothing."""
    default_roles: frozenset[str] = frozenset()
    subject_claim: str = "sub"
    subjects: tuple[SubjectMapping, ...] = ()
    static_subjects: Mapping[str, StaticSubject] = field(default_factory=dict)
    revoked: frozenset[str] = frozenset()
    """Ids (`jti`) of tokens that count no longer."""


def read_bearer(root: Node) -> tuple[BearerIssuer, ...]:
    """One issuer or a list of them; what is wrong is noted with its path, and that issuer is left out."""
    if root.value is None:
        return ()
    nodes = list(root.elements()) if isinstance(root.value, list) else [root]
    found = [issuer for node in nodes if (issuer := _issuer(node)) is not None]
    names = [issuer.issuer for issuer in found]
    for name in {name for name in names if names.count(name) > 1}:
        root.problem(f"the issuer {name} stands here twice; merge the two")
    return tuple(found)


def is_safe_address(address: str) -> bool:
    """Whether keys may be fetched there: TLS, or this machine."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    return safe and bool(parts.hostname) and not parts.username and not parts.fragment


def _issuer(node: Node) -> BearerIssuer | None:
    if not node.is_object():
        return None
    before = len(node.reading.problems)
    for name, child in node.members():
        if name not in _MEMBERS:
            child.problem(f"'{name}' is no member of an issuer.{did_you_mean(name, _MEMBERS)}")
    made = BearerIssuer(
        issuer=_address(node, "issuer", required=True),
        audiences=_audiences(node),
        algorithms=_algorithms(node),
        jwks_uri=_address(node, "jwksUri") or None,
        leeway_seconds=_leeway(node),
        scopes=frozenset(node.texts("scopes")),
        scope_roles=_roles_by_word(node, "scopeToRoles") or {ADMIN_SCOPE: _ADMIN_ROLES},
        roles_claim=node.text("rolesClaim") or None,
        claim_roles=_roles_by_word(node, "claimToRoles") or {},
        default_roles=_roles(node, "defaultRoles"),
        subject_claim=node.text("subjectClaim", "sub"),
        subjects=tuple(_subject(child) for child in node.child("subjectMapping").elements()),
        static_subjects=dict(_static(child) for child in node.child("staticUserMapping").elements()),
        revoked=frozenset(node.texts("revoked")),
    )
    return made if len(node.reading.problems) == before else None


def _address(node: Node, name: str, *, required: bool = False) -> str:
    text = node.text(name, required=required)
    if text and not is_safe_address(text):
        node.child(name).problem(f"'{text}' is no https address (http is for this machine alone)")
    return text


def _audiences(node: Node) -> frozenset[str]:
    child = node.child("audience")
    words = {child.value} if isinstance(child.value, str) else set(node.texts("audience"))
    if not words or "" in words:
        child.problem("name the audience of the tokens: a text, or a list of texts")
    return frozenset(words)


def _algorithms(node: Node) -> frozenset[str]:
    child = node.child("algorithms")
    if child.value is None:
        return frozenset({"RS256"})
    words = node.texts("algorithms")
    if not words:
        child.problem("name at least one algorithm")
    for word in words:
        if word not in ALGORITHMS:
            child.problem(f"'{word}' is not offered; known: {', '.join(ALGORITHMS)}")
    return frozenset(words)


def _leeway(node: Node) -> int:
    seconds = node.number("leeway", 30)
    if seconds > 300:
        node.child("leeway").problem(f"{seconds} s is too much; at most 300")
    return seconds


def _roles(node: Node, name: str) -> frozenset[str]:
    return frozenset(_role(text) for text in node.texts(name))


def _role(reference: str) -> str:
    for prefix in _PREFIXES:
        reference = reference.removeprefix(prefix)
    return reference


def _roles_by_word(node: Node, name: str) -> dict[str, frozenset[str]] | None:
    """`{"fr:idm:*": ["internal/role/openidm-admin"]}`."""
    if node.child(name).value is None:
        return None
    return {word: _roles(node.child(name), word) for word, _ in node.child(name).members()}


def _subject(node: Node) -> SubjectMapping:
    if not node.is_object():
        return SubjectMapping()
    component = node.text("queryOnResource", "managed/user")
    if not component.startswith("managed/"):
        node.child("queryOnResource").problem(f"'{component}' is no managed type; write managed/<type>")
    properties = node.child("propertyMapping")
    if properties.value is not None and not isinstance(properties.value, dict):
        properties.problem(f"expected an object, found {kind_of(properties.value)}")
    # `authzRoles/*`, as PingIDM writes it, means the references themselves
    roles = node.text("userRoles", "authzRoles").removesuffix("/*")
    return SubjectMapping(
        component=component,
        property=properties.text("sub", "_id"),
        roles_property=roles or None,
        default_roles=_roles(node, "defaultRoles"),
    )


def _static(node: Node) -> tuple[str, StaticSubject]:
    if not node.is_object():
        return "", StaticSubject("", "", frozenset())
    component, _, name = node.text("localUser", required=True).rpartition("/")
    return node.text("subject", required=True), StaticSubject(
        component.removeprefix("repo/") or "internal/user", name, _roles(node, "roles")
    )
