"""The product as something that dies: its processes are killed one by one or all at once, and its store is looked into."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import Any

from tests import product, stored

APPROVER = ("async.admin", "Passw0rd")


class Product(product.Product):
    """One `recon up` that may lose any of its processes at any time."""

    def children(self, name: str) -> list[int]:
        """Pids of the supervisor's descendants of that kind: `api`, `worker` or `prefect`."""
        return [pid for pid, kind in self.processes() if kind == name]

    def kill(self, *names: str) -> int:
        """`kill -9` of these children; answers how many were there."""
        killed = 0
        for name in names:
            for pid in self.children(name):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
        return killed

    def die(self) -> None:
        """All of it at once, as when a machine loses its power."""
        assert self.process is not None
        pids = [pid for name in ("worker", "api", "prefect") for pid in self.children(name)]
        for pid in (self.process.pid, *pids):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the store says."""
        return stored.rows(self.store, sql)

    @property
    def store(self) -> str:
        """The address of the database."""
        return self.database or f"sqlite:///{self.data}/reconvene.db"

    def create_approver(self) -> None:
        body = {
            "_id": "asyncadmin",
            "userName": APPROVER[0],
            "givenName": "async",
            "sn": "admin",
            "mail": "async.admin@example.com",
            "password": APPROVER[1],
            "authzRoles": [
                {"_ref": "internal/role/openidm-admin"},
                {"_ref": "internal/role/openidm-authorized"},
            ],
        }
        status, answer = self.call("POST", "managed/user?_action=create", body)
        assert status == 201, answer
