"""`recon up`: starts the Prefect server, the api and the workers, keeps them running, and ends them in order."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from api.child import Child
from api.folder_lock import FolderLock
from api.liveness import end_when_silent
from api.ports import free_port, listen, owner_of
from api.processes import start_logging
from api.programs import api_program, prefect_program, worker_program
from conf.errors import Conflict, Unavailable
from conf.project import open_project
from conf.settings import Settings
from flows.reachable import status_of
from flows.wake import alive, forget_dead

LOOK_SECONDS = 0.2
SLOW_SECONDS = 60.0
"""Longest wait for the Prefect server before the ready line says that it is still missing."""

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Addresses that stand for all, and where this machine reaches them."""
KNOWN_PASSWORDS = frozenset({"", "admin", "changeit", "openidm-admin", "passw0rd", "password", "secret"})
TRIES = 4
"""So many starts may fail before we give up."""

_LOG = logging.getLogger(__name__)

Executor = Literal["prefect", "embedded"]
Announce = Callable[[str], None]


class PortLost(Unavailable):
    """Somebody else took a port between our look and our start."""


@dataclass(frozen=True)
class Addresses:
    """Where everything is to be found."""

    api: str
    prefect: str | None

    def sentence(self) -> str:
        """The ready line."""
        found = f"reconvene is ready. API {self.api}/openidm · docs {self.api}/docs"
        if self.prefect is None:
            return f"{found} · without Prefect, so no schedule of a mapping fires"
        return f"{found} · Prefect dashboard {self.prefect}"


@dataclass
class Supervisor:
    """The processes of one `recon up`, in the order in which they start."""

    settings: Settings
    addresses: Addresses
    prefect: Child | None
    api: Child
    workers: list[Child]
    stop_asked: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        """Prefect takes longest, so it goes first; the others find the schema up to date."""
        if self.prefect is not None:
            await self.prefect.start()
        from flows.store.schema import upgrade  # noqa: PLC0415 - a second in which Prefect starts already

        await upgrade(self.settings.database_url)
        for child in (self.api, *self.workers):
            await child.start()

    async def ready(self) -> None:
        """Wait until everything answers; a Prefect server that takes very long is not waited for."""
        await self._until(f"{self.addresses.api}/healthz", None)
        while not all(child.pid and self._listens(child.pid) for child in self.workers):
            self._refuse_to_go_on()
            await asyncio.sleep(LOOK_SECONDS)
        if self.addresses.prefect and not await self._until(
            f"{self.addresses.prefect}/api/health", SLOW_SECONDS
        ):
            _LOG.warning("the Prefect server does not answer yet; runs go on without it")
        if self.prefect is not None:
            self.refuse_a_stranger(self.prefect)

    def refuse_a_stranger(self, prefect: Child) -> None:
        """A port that was free can be taken by the time that our server wants it; then another one answers there."""
        port = urlsplit(str(self.addresses.prefect)).port
        owner = owner_of(port) if port else None
        if owner not in (None, prefect.pid):
            raise PortLost(f"Port {port} for the Prefect server was taken by process {owner} meanwhile.")

    async def watch(self) -> None:
        """Once all was ready: end a server that hangs, so that it is started again."""
        watched = [end_when_silent(self.api, f"{self.addresses.api}/healthz")]
        if self.prefect is not None:
            watched.append(end_when_silent(self.prefect, f"{self.addresses.prefect}/api/health"))
        await asyncio.gather(*watched)

    async def stop(self) -> None:
        """Workers first, so that they finish their page, then the api, then Prefect."""
        for group in (self.workers, [self.api], [self.prefect] if self.prefect else []):
            await asyncio.gather(*(self._stop(child) for child in group))
        forget_dead(self.settings.data)

    async def _stop(self, child: Child) -> None:
        stopping = asyncio.create_task(child.stop(at_once=self.hurry.is_set()))
        hurried = asyncio.create_task(self.hurry.wait())
        await asyncio.wait({stopping, hurried}, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        if not stopping.done():
            child.kill()
        await stopping

    def _refuse_to_go_on(self) -> None:
        """Before everything was ready once, a process that ends again and again is a mistake to be told."""
        for child in (self.api, *self.workers):
            if child.restarts >= TRIES:
                raise Unavailable(
                    f"The {child.program.name} ended {TRIES} times at its start; see what it logged."
                )

    def _listens(self, pid: int) -> bool:
        return any(self.settings.data.glob(f"worker-*-{pid}-*.json")) and alive(pid)

    async def _until(self, url: str, within: float | None) -> bool:
        loop = asyncio.get_running_loop()
        deadline = None if within is None else loop.time() + within
        while await status_of(url) != 200:
            self._refuse_to_go_on()
            if deadline is not None and loop.time() > deadline:
                return False
            await asyncio.sleep(LOOK_SECONDS)
        return True


async def supervise(
    settings: Settings,
    *,
    executor: Executor | None = None,
    executor_workers: int = 1,
    announce: Announce | None = None,
) -> int:
    """Run the product until SIGTERM or Ctrl-C; answers the exit code.

    What cannot start (a taken port, a folder in use, a schema we do not know) raises ReconError before anything
    runs. `announce` is given the ready line; it is printed on standard output by default.
    """
    settings = settings.model_copy(update={"executor": executor or settings.executor})
    if not logging.getLogger().handlers:
        start_logging(settings)
    refuse_default_passwords(settings)
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FolderLock(settings.data)
    try:
        with listen(settings.host, settings.port) as listener:
            settings = await _with_prefect_database(settings)
            for attempt in range(1, TRIES + 1):
                supervisor = build(settings, listener, executor_workers)
                try:
                    with _signals(supervisor):
                        await _run(supervisor, announce or _print)
                except PortLost as error:
                    if attempt == TRIES:
                        raise
                    _LOG.warning("%s Starting again with another port.", error.message)
                else:
                    break
    finally:
        lock.release()
    return 0


def refuse_default_passwords(settings: Settings) -> None:
    """Raise ReconError where others could reach a server whose passwords they know."""
    authentication = open_project(settings.project).authentication
    known = [
        name
        for name, user in authentication.static_users.items()
        if name != "anonymous" and user.password.lower() in {name.lower(), *KNOWN_PASSWORDS}
    ]
    if not settings.is_loopback and (known or authentication.has_default_password):
        raise Conflict(
            f"Listening on {settings.host} is refused while {', '.join(known) or 'an account'} still has a password "
            "that everybody knows: set OPENIDM_ADMIN_PASSWORD or change conf/authentication.json, "
            "or listen on 127.0.0.1."
        )


async def _with_prefect_database(settings: Settings) -> Settings:
    if settings.database is None:
        return settings
    from flows.prefect_database import with_prefect_database  # noqa: PLC0415 - the default needs none of it

    return await with_prefect_database(settings)


def build(settings: Settings, listener: socket.socket, workers: int) -> Supervisor:
    """The processes, not started yet."""
    reached = EVERYWHERE.get(settings.host, settings.host)
    host = f"[{reached}]" if ":" in reached else reached
    api = f"http://{host}:{listener.getsockname()[1]}"
    prefect: Child | None = None
    dashboard: str | None = None
    if settings.executor == "prefect":
        if settings.prefect_api is None:
            port = free_port(settings.prefect_port)
            prefect = Child(prefect_program(settings, port))
            settings = settings.model_copy(update={"prefect_api": f"http://127.0.0.1:{port}/api"})
        dashboard = str(settings.prefect_api).removesuffix("/api")

    async def lapse(pid: int) -> None:
        await _lapse(settings, pid)

    return Supervisor(
        settings,
        Addresses(api, dashboard),
        prefect,
        Child(api_program(settings, listener)),
        [Child(worker_program(settings, number), ended=lapse) for number in range(1, workers + 1)],
    )


async def _lapse(settings: Settings, pid: int) -> None:
    """What a dead worker held is free at once; without this it would be in a lease's time."""
    from conf.database import Database  # noqa: PLC0415 - as above
    from flows.worker_rows import lapse_leases  # noqa: PLC0415

    database = await Database.open(settings.database_url)
    try:
        await lapse_leases(database, socket.gethostname(), pid)
    finally:
        await database.close()


async def _run(supervisor: Supervisor, announce: Announce) -> None:
    watch: asyncio.Task[None] | None = None
    try:
        await supervisor.start()
        readiness = asyncio.create_task(supervisor.ready())
        stop = asyncio.create_task(supervisor.stop_asked.wait())
        await asyncio.wait({readiness, stop}, return_when=asyncio.FIRST_COMPLETED)
        if readiness.done():
            readiness.result()
            announce(supervisor.addresses.sentence())
            watch = asyncio.create_task(supervisor.watch())
        else:
            readiness.cancel()
        await stop
    finally:
        if watch is not None:
            watch.cancel()
        await supervisor.stop()


@contextmanager
def _signals(supervisor: Supervisor) -> Iterator[None]:
    """The first SIGTERM or Ctrl-C ends everything in order, the second one at once."""

    def asked() -> None:
        if supervisor.stop_asked.is_set():
            supervisor.hurry.set()
        supervisor.stop_asked.set()

    loop = asyncio.get_running_loop()
    for sent in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(sent, asked)
    try:
        yield
    finally:
        for sent in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(sent)


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
