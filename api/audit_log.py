"""Audit events of the edge (`access`, `authentication`): collected in memory, written many at a time.

A call only appends to a list. At the latest after a second what was collected is written in one transaction; a server
that is killed loses that second, which no other topic does.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from conf.audit_topics import SWITCHABLE, is_audited
from conf.errors import ReconError
from flows.call import Runtime
from flows.store import audit, retention
from flows.store.audit_events import AuditEvent

_LOG = logging.getLogger(__name__)

SECONDS: Final = 1.0
BETWEEN_TRIMS: Final = 3600
"""Seconds."""
_DAY_MS: Final = 86_400_000
MOST: Final = 20_000
"""Events that wait while the store cannot be written; more are counted and dropped."""


class AuditLog:
    """Collects and writes; one per application."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._waiting: list[tuple[str, AuditEvent]] = []
        self._dropped = 0
        self._writing = asyncio.Lock()

    def note(self, topic: str, user_id: str, transaction_id: str, body: Mapping[str, Any]) -> None:
        """Take in an event, unless audit.json leaves its topic out."""
        if not is_audited(self._runtime.project.documents.get("audit"), topic):
            return
        if len(self._waiting) >= MOST:
            self._dropped += 1
            return
        event = AuditEvent(self._runtime.clock(), user_id, transaction_id, body)
        self._waiting.append((topic, event))

    async def write(self) -> None:
        """Write what was collected; kept for the next time when the store cannot be written."""
        async with self._writing:
            if not self._waiting:
                return
            taken, self._waiting = self._waiting, []
            by_topic: dict[str, list[AuditEvent]] = defaultdict(list)
            for topic, event in taken:
                by_topic[topic].append(event)
            try:
                async with self._runtime.database.write() as tx:
                    for topic, events in by_topic.items():
                        await audit.append_events(tx, topic, events)
            except ReconError as error:
                self._waiting = taken + self._waiting
                _LOG.warning("audit waits: %s", error.message)
            if self._dropped and not self._waiting:
                _LOG.error("audit events lost", extra={"event": "audit_lost", "count": self._dropped})
                self._dropped = 0

    async def trim(self) -> None:
        """Forget what is older than the settings say."""
        settings = self._runtime.settings
        for topic in sorted(audit.TOPICS):
            days = settings.access_days if topic in SWITCHABLE else settings.audit_days
            if days is None:
                continue
            before, gone = self._runtime.clock() - days * _DAY_MS, 1
            while gone:
                async with self._runtime.database.write() as tx:
                    gone = await retention.trim_topic(tx, topic, before)

    async def run(self) -> None:
        """Write every second and trim every hour, until cancelled."""
        seconds = 0.0
        while True:
            await asyncio.sleep(SECONDS)
            seconds += SECONDS
            try:
                await self.write()
                if seconds >= BETWEEN_TRIMS:
                    seconds = 0
                    await self.trim()
            except ReconError as error:
                _LOG.warning("audit waits: %s", error.message)
            except Exception:
                _LOG.exception("audit events could not be written")
