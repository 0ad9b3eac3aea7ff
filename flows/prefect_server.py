"""The Prefect server as a worker knows it before it has imported anything of Prefect."""

from __future__ import annotations

import logging
import threading
from importlib import import_module
from typing import Final

from flows.reachable import status_of

MODULES: Final = ("flows.prefect_executor", "flows.prefect_schedules", "flows.workflow_prefect")
"""All that imports Prefect. Its modules import each other in circles, which only one thread at a time survives."""

_LOG = logging.getLogger(__name__)


class PrefectServer:
    """Where the server is, and whether we are able to talk to it."""

    def __init__(self, api: str) -> None:
        self.api = api
        self._loaded = threading.Event()

    def load(self) -> None:
        """Begin to import Prefect, which takes seconds of the processor, in a thread of its own."""
        threading.Thread(target=self._load, name="import prefect", daemon=True).start()

    @property
    def loaded(self) -> bool:
        """Whether Prefect can be used in this process."""
        return self._loaded.is_set()

    async def answers(self) -> bool:
        """Whether the server is there; takes three seconds at most."""
        return await status_of(f"{self.api}/health") == 200

    def _load(self) -> None:
        try:
            for module in MODULES:
                import_module(module)
        except Exception:
            _LOG.exception("Prefect cannot be imported; the worker goes on without it")
        else:
            self._loaded.set()
