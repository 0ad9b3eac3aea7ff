"""Who may log in, and how: authentication.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from conf.bearer import BearerIssuer, read_bearer
from conf.document import Node
from conf.substitution import Substitution, is_open

ADMIN: Final = "openidm-admin"
ROLE_PREFIXES: Final = ("internal/role/", "repo/internal/role/")


@dataclass(frozen=True)
class StaticUser:
    """An account that stands in the configuration, `internal/user/<name>`."""

    name: str
    password: str
    """Empty when none is known; nobody logs in with that."""
    roles: frozenset[str]
    """Names below `internal/role/`."""
    component: str = "internal/user"


@dataclass(frozen=True)
class ManagedLogin:
    """Accounts of a managed type that may log in with a password."""

    component: str
    """`managed/user`."""
    name_property: str
    password_property: str
    roles_property: str | None
    default_roles: frozenset[str]
    module: str = "MANAGED_USER"


@dataclass(frozen=True)
class RunAs:
    """Who may act as somebody else (`runAsProperties` of a login module)."""

    admin_roles: frozenset[str]
    disallowed_roles: frozenset[str]
    """Nobody acts as one who has any of these."""
    default_roles: frozenset[str]


@dataclass(frozen=True)
class TokenLogin:
    """Bearer tokens of an OpenID Connect issuer."""

    issuer: str
    audience: str | None = None
    jwks_uri: str | None = None
    scopes: frozenset[str] = frozenset()
    """Scopes that a token must carry."""
    roles_claim: str | None = None
    subject_component: str = "managed/user"
    default_roles: frozenset[str] = frozenset()
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Authentication:
    """The ways to log in that are in force."""

    static_users: Mapping[str, StaticUser] = field(default_factory=dict)
    managed_logins: tuple[ManagedLogin, ...] = ()
    token_logins: tuple[TokenLogin, ...] = ()
    bearer: tuple[BearerIssuer, ...] = ()
    """Issuers whose bearer tokens count."""
    run_as: tuple[RunAs, ...] = ()
    session_minutes: int = 120
    session_idle_minutes: int = 30
    raw: dict[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def lets_somebody_in(self) -> bool:
        """Whether there is any way to log in besides the anonymous account and the key of the command line."""
        people = [user for user in self.static_users.values() if user.password and user.name != "anonymous"]
        return bool(people or self.managed_logins or self.token_logins or self.bearer)

    @property
    def has_default_password(self) -> bool:
        """Whether an account still has the password it was shipped with: only for this machine alone."""
        return any(user.password == name for name, user in self.static_users.items() if name != "anonymous")


def read_authentication(root: Node, substitution: Substitution) -> Authentication:
    """The login modules of the document, those switched off left out."""
    if not root.is_object():
        return Authentication()
    placed = Node(substitution.apply(root.value), root.reading)
    context = placed.child("serverAuthContext")
    source = context if isinstance(context.value, dict) else placed
    static: dict[str, StaticUser] = {}
    managed: list[ManagedLogin] = []
    tokens: list[TokenLogin] = []
    run_as: list[RunAs] = []
    for module in source.child("authModules").elements():
        if not module.is_object() or not module.flag("enabled", True):
            continue
        properties = module.child("properties")
        name = module.text("name", required=True)
        if (masks := properties.child("runAsProperties")).value is not None and masks.is_object():
            run_as.append(_run_as(masks))
        if name == "INTERNAL_USER" and properties.child("username").value is None:
            # the accounts of the repository, which older files lean on
            for user in _repository_users(substitution):
                static.setdefault(user.name, user)
        match name:
            case "STATIC_USER" | "INTERNAL_USER" if properties.child("username").value is not None:
                user = _static_user(properties)
                static[user.name] = user
            case "MANAGED_USER" | "DELEGATED":
                managed.append(_managed_login(properties, name))
            case "OPENID_CONNECT" | "OAUTH" | "BEARER":
                tokens.append(_token_login(properties))
            case _:
                pass  # certificates, pass-through and the like: kept as written, not offered here
    session = source.child("sessionModule").child("properties")
    return Authentication(
        static_users=static,
        managed_logins=tuple(managed),
        token_logins=tuple(tokens),
        run_as=tuple(run_as),
        bearer=read_bearer(placed.child("bearer")),
        session_minutes=_minutes(session, "maxTokenLifeMinutes", 120),
        session_idle_minutes=_minutes(session, "tokenIdleTimeMinutes", 30),
        raw=root.value,
    )


def role_name(reference: str) -> str:
    """`openidm-admin` of `internal/role/openidm-admin`."""
    for prefix in ROLE_PREFIXES:
        reference = reference.removeprefix(prefix)
    return reference


def _static_user(properties: Node) -> StaticUser:
    password = properties.child("password").value
    known = isinstance(password, str) and not is_open(password)
    return StaticUser(
        name=properties.text("username", required=True),
        password=password if known else "",
        roles=_roles(properties),
        component=properties.text("queryOnResource", "internal/user"),
    )


def _repository_users(substitution: Substitution) -> tuple[StaticUser, StaticUser]:
    admin: str = substitution.apply("&{openidm.admin.password}")
    roles = frozenset({"openidm-authorized", ADMIN})
    return StaticUser(ADMIN, admin, roles), StaticUser("anonymous", "anonymous", frozenset({"openidm-reg"}))


def _managed_login(properties: Node, module: str) -> ManagedLogin:
    names = properties.child("propertyMapping")
    name = names.text("authenticationId") or names.text("username", "userName")
    return ManagedLogin(
        component=properties.text("queryOnResource", "managed/user"),
        # the credential query of PingIDM gives `userName` the name `username`
        name_property="userName" if name == "username" else name,
        password_property=names.text("userCredential", "password"),
        roles_property=names.text("userRoles", "authzRoles") or None,
        default_roles=_roles(properties),
        module=module,
    )


def _run_as(node: Node) -> RunAs:
    def roles(name: str, *otherwise: str) -> frozenset[str]:
        given = node.texts(name) if node.child(name).value is not None else otherwise
        return frozenset(map(role_name, given))

    return RunAs(roles("adminRoles", ADMIN), roles("disallowedRunAsRoles", ADMIN), roles("defaultRunAsRoles"))


def _token_login(properties: Node) -> TokenLogin:
    return TokenLogin(
        issuer=properties.text("issuer", required=True),
        audience=properties.text("audience") or None,
        jwks_uri=properties.text("jwksUri") or None,
        scopes=frozenset(properties.texts("scopes")),
        roles_claim=properties.text("rolesClaim") or None,
        subject_component=properties.text("queryOnResource", "managed/user"),
        default_roles=_roles(properties),
        raw=properties.value if isinstance(properties.value, dict) else {},
    )


def _roles(properties: Node) -> frozenset[str]:
    return frozenset(role_name(reference) for reference in properties.texts("defaultUserRoles"))


def _minutes(session: Node, name: str, default: int) -> int:
    """A number that PingIDM's files write as text."""
    value = session.child(name).value
    text = str(value) if value is not None and not isinstance(value, bool) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 and int(text) else default
