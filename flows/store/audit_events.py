"""Audit events of the other topics (activity, sync, access, authentication, config) and their form on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from conf.errors import BadRequest
from conf.transaction import Row
from flows.store.audit_recon import audit_id, timestamp
from flows.store.json_text import dump, load, plain

COLUMNS: Final = ("topic", "at", "transaction_id", "user_id", "body")
HEAD: Final = frozenset({"_id", "_rev", "transactionId", "timestamp", "userId"})


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One event to append."""

    at: int
    user_id: str = ""
    transaction_id: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict)
    """The members of the topic; those of every event are taken from the fields above."""


def row_of(topic: str, event: AuditEvent) -> Row:
    """The row in the order of COLUMNS."""
    body = event.body
    if not HEAD.isdisjoint(body):
        body = {name: value for name, value in body.items() if name not in HEAD}
    try:
        text = dump(body)
    except BadRequest:
        text = dump(_without_nul(body))
    return (topic, event.at, plain(event.transaction_id), plain(event.user_id), text)


def _without_nul(value: Any) -> Any:
    """What happened is recorded, even where it cannot be kept to the letter."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, Mapping):
        return {plain(str(name)): _without_nul(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nul(member) for member in value]
    return value


def document_of(row: Row) -> dict[str, Any]:
    """The wire form of a database row: seq, then COLUMNS."""
    seq, topic, at, transaction_id, user_id, body = row
    return {
        "_id": audit_id(None, seq),
        "_rev": "1",
        "transactionId": transaction_id,
        "timestamp": timestamp(at),
        "eventName": topic,
        "userId": user_id,
        **load(body),
    }
