"""A call: who asks, under which id, in which transaction, against which running system."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from conf.database import Database, Transaction
from conf.errors import NotFound
from flows.connectors.base import Connector
from flows.connectors.registry import open_connector
from flows.sealed_values import SealedValues
from flows.store.installation_key import installation_key
from flows.store.passwords import Passwords

if TYPE_CHECKING:
    from conf.project import LiveProject
    from conf.settings import Settings
    from flows.router import Router
    from flows.scripts.host import ScriptHost

_NUMBER = count(1)


def now_ms() -> int:
    """The clock of the running system: epoch milliseconds, UTC."""
    return time.time_ns() // 1_000_000


def new_transaction_id() -> str:
    """`<uuid>-<number>`, the form of a transaction id, which is also the id of a run launched by that request."""
    return f"{uuid.uuid4()}-{next(_NUMBER)}"


@dataclass(frozen=True)
class Caller:
    """Who is calling."""

    id: str
    """authenticationId: `openidm-admin`, or the userName of a managed user."""
    component: str = "internal/user"
    """Collection of the account: `internal/user` or `managed/user`."""
    resource_id: str = ""
    """`_id` of the account inside its component."""
    roles: frozenset[str] = frozenset()
    """Names below `internal/role/`, as `openidm-admin`."""
    via: str = "rest"
    """`rest`, `cli`, `script`, `schedule` or `system`."""
    address: str = ""
    behind: str = ""
    """authenticationId of the administrator who acts as this caller, if one does."""
    module: str = "INTERNAL_USER"

    @property
    def is_admin(self) -> bool:
        return "openidm-admin" in self.roles


SYSTEM = Caller("system", via="system", roles=frozenset({"openidm-admin", "openidm-authorized"}))


@dataclass
class Runtime:
    """The parts of a running process, built once at its edge and passed down; there are no module-level ones."""

    settings: Settings
    database: Database
    project: LiveProject
    router: Router
    scripts: ScriptHost
    clock: Callable[[], int] = now_ms
    wake: Callable[[str], None] = lambda _what: None
    """Wakes the workers: `run`, `intent` or `schedule`. Losing a wake costs at most a poll of 1 s."""
    extras: dict[str, Any] = field(default_factory=dict)
    _connectors: dict[str, tuple[int, Connector]] = field(default_factory=dict)
    _passwords: Passwords | None = None
    _sealed: SealedValues | None = None

    def connector(self, name: str) -> Connector:
        """The connector of `system/<name>` as it is configured now; raises NotFound or ConfigError."""
        generation = self.project.generation
        known = self._connectors.get(name)
        if known is None or known[0] != generation:
            document = self.project.documents.get(f"provisioner.openicf/{name}")
            if document is None:
                raise NotFound(
                    f"Resource 'system/{name}' not found: conf has no provisioner.openicf-{name}.json"
                )
            known = (generation, open_connector(name, document, self.project.root))
            self._connectors[name] = known
        return known[1]

    @property
    def passwords(self) -> Passwords:
        """Hashing with this installation's key."""
        if self._passwords is None:
            self._passwords = Passwords.open(self.settings.data)
        return self._passwords

    @property
    def sealed(self) -> SealedValues:
        """Encryption with this installation's key."""
        if self._sealed is None:
            self._sealed = SealedValues(installation_key(self.settings.data))
        return self._sealed

    def call(self, caller: Caller = SYSTEM, **more: Any) -> Call:
        """A new call with an id of its own."""
        return Call(self, caller, **more)


@dataclass(frozen=True)
class Call:
    """One call down the stack; frozen, so that what is derived from it never leaks upwards."""

    runtime: Runtime
    caller: Caller
    transaction_id: str = field(default_factory=new_transaction_id)
    transaction: Transaction | None = None
    """Open transaction that everything below takes part in; it commits where it was opened."""
    triggers: tuple[str, ...] = ()
    """Contexts such as `recon` or `sync` on the way here, outermost first."""
    context: dict[str, Any] = field(default_factory=dict)
    """What scripts see as `context` beyond security."""

    def inside(self, transaction: Transaction) -> Call:
        """The same call within a transaction."""
        return replace(self, transaction=transaction)

    def within(self, trigger: str) -> Call:
        """The same call, marked as caused by `trigger`."""
        return replace(self, triggers=(*self.triggers, trigger))

    def now(self) -> int:
        return self.runtime.clock()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """The call's own transaction, or a new one that commits at the end of the block."""
        if self.transaction is not None:
            yield self.transaction
            return
        async with self.runtime.database.write() as transaction:
            yield transaction

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """The call's own transaction, or a read-only one."""
        if self.transaction is not None:
            yield self.transaction
            return
        async with self.runtime.database.read() as transaction:
            yield transaction
