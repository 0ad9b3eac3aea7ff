"""Accounts that may log in: those of authentication.json, and managed objects with a password."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from conf.authentication import ManagedLogin, StaticUser, role_name
from conf.filters.ast import Comparison
from flows.call import Caller, Runtime
from flows.managed_objects import normalised
from flows.store import managed
from flows.store.managed import Stored

_INACTIVE: Final = frozenset({"inactive", "disabled", "locked", "suspended"})


@dataclass(frozen=True)
class Account:
    """Somebody who may log in, as he is now."""

    caller: Caller
    version: str
    """Changes with every change of the account; what was verified before counts no longer."""
    password: str | None = None
    """In plain, for accounts of the configuration."""
    hashed: str | None = None


class Accounts:
    """Finds accounts; a disabled one is not found."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def by_name(self, name: str, address: str) -> Account | None:
        """The account with this login name; the configuration's own names count first."""
        authentication = self._runtime.project.authentication
        if (user := authentication.static_users.get(name)) is not None:
            return self._static(user, address)
        for login in authentication.managed_logins:
            if (stored := await self._find(login, name)) is not None:
                return self._managed(login, stored, address)
        return None

    async def by_id(self, component: str, id: str, address: str) -> Account | None:
        """The account that a session or token stands for."""
        authentication = self._runtime.project.authentication
        user = authentication.static_users.get(id)
        if user is not None and user.component == component:
            return self._static(user, address)
        for login in authentication.managed_logins:
            if login.component == component:
                async with self._runtime.database.read() as tx:
                    stored = await managed.read(tx, _type_of(login), id)
                return None if stored is None else self._managed(login, stored, address)
        return None

    def _static(self, user: StaticUser, address: str) -> Account | None:
        if not user.password:
            return None
        caller = Caller(
            id=user.name,
            component=user.component.removeprefix("repo/"),
            resource_id=user.name,
            roles=user.roles,
            address=address,
            module="INTERNAL_USER" if user.name != "anonymous" else "STATIC_USER",
        )
        return Account(caller, f"config:{self._runtime.project.generation}", password=user.password)

    async def _find(self, login: ManagedLogin, name: str) -> Stored | None:
        type_name = _type_of(login)
        found = self._runtime.project.managed_types.get(type_name)
        async with self._runtime.database.read() as tx:
            name_property = login_property(login)
            if found is not None and found.unique[:1] == (name_property,):
                by_key = await managed.read_by_unique_key(tx, type_name, [normalised(name)])
                return by_key.get(normalised(name))
            rows = await managed.find(tx, type_name, Comparison((name_property,), "eq", name), page_size=2)
        # a name that two accounts share belongs to neither
        return rows.rows[0] if len(rows.rows) == 1 else None

    def _managed(self, login: ManagedLogin, stored: Stored, address: str) -> Account | None:
        if not is_active(stored.body):
            return None
        secret = (stored.secrets or {}).get(login.password_property) or {}
        caller = Caller(
            id=str(stored.body.get(login_property(login), stored.id)),
            component=login.component,
            resource_id=stored.id,
            roles=login.default_roles | roles_in(stored.body, login.roles_property),
            address=address,
            module=login.module,
        )
        hashed = secret.get("hash") if isinstance(secret, dict) else None
        generation = self._runtime.project.generation
        return Account(
            caller, f"{generation}:{stored.rev}", hashed=hashed if isinstance(hashed, str) else None
        )


def _type_of(login: ManagedLogin) -> str:
    return login.component.removeprefix("managed/")


def login_property(login: ManagedLogin) -> str:
    """PingIDM's own file maps to `username`, the parameter of a stored query on `userName`."""
    return "userName" if login.name_property == "username" else login.name_property


def is_active(body: Mapping[str, Any]) -> bool:
    """Whether the account of this object may be used."""
    return str(body.get("accountStatus", "active")).lower() not in _INACTIVE


def roles_in(body: Mapping[str, Any], property: str | None) -> frozenset[str]:
    """Names of the roles: relationships to `internal/role/x`, or plain texts."""
    given = body.get(property) if property else None
    references = given if isinstance(given, list) else []
    texts = [entry.get("_ref") if isinstance(entry, dict) else entry for entry in references]
    return frozenset(
        role_name(text)
        for text in texts
        if isinstance(text, str) and role_name(text) and "/" not in role_name(text)
    )
