"""Which topics audit.json switches on. What runs and approvals do is always recorded: it is part of what they promise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

SWITCHABLE: Final = frozenset({"access", "authentication"})


def is_audited(document: Mapping[str, Any] | None, topic: str) -> bool:
    """Whether a handler that is enabled names the topic; without handlers every topic is audited."""
    handlers = (document or {}).get("eventHandlers")
    if topic not in SWITCHABLE or not isinstance(handlers, list) or not handlers:
        return True
    return any(topic in _topics(handler) for handler in handlers if isinstance(handler, Mapping))


def _topics(handler: Mapping[str, Any]) -> list[Any]:
    config = handler.get("config")
    if not isinstance(config, Mapping) or config.get("enabled") is False:
        return []
    topics = config.get("topics")
    return topics if isinstance(topics, list) else []
