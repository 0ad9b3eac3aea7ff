"""Who is there and who is gone, as a synchronisation (RFC 4533) tells by the UUIDs of entries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

_SYNC_INFO: Final = "1.3.6.1.4.1.4203.1.9.1.4"
_ID_SET, _BOOLEAN, _OCTETS = 0xA3, 0x01, 0x04


@dataclass
class Census:
    """Filled in while the answers to one synchronisation come."""

    present: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    names_everybody: bool = False
    """Whoever was not named is gone."""

    def gone(self, known: Iterable[str]) -> Collection[str]:
        """Which of the UUIDs known before are gone."""
        if self.names_everybody:
            return [id for id in known if id not in self.present]
        return [id for id in known if id in self.deleted]

    def take_entries(self, data: Iterable[Any]) -> None:
        """Entries, each with a control that names it."""
        for _, _, controls in data:
            for control in controls or ():
                if hasattr(control, "entryUUID"):
                    is_gone = control.state == "delete"
                    (self.deleted if is_gone else self.present).add(control.entryUUID)

    def take_sets(self, data: Iterable[Any]) -> None:
        """Messages in between, which name entries that did not change, or are gone."""
        for oid, value, _ in data:
            if oid == _SYNC_INFO and value and value[0] == _ID_SET:
                is_gone, ids = read_id_set(value)
                (self.deleted if is_gone else self.present).update(ids)

    def end(self, controls: Iterable[Any]) -> None:
        """The last message says which of the two ways was taken."""
        ends = [control for control in controls if hasattr(control, "refreshDeletes")]
        self.names_everybody = any(not control.refreshDeletes for control in ends)


def read_id_set(value: bytes) -> tuple[bool, list[str]]:
    """Whether these are gone, and their UUIDs: the `syncIdSet` of a message.

    The libraries' own reading takes longer for 100,000 of them than the server takes for everything.
    """
    (_, content), *_ = _elements(value)
    is_gone, ids = False, b""
    for tag, part in _elements(content):
        if tag == _BOOLEAN:
            is_gone = part != b"\0"
        elif tag != _OCTETS:  # that would be a cookie
            ids = part
    return is_gone, [_text(part.hex()) for _, part in _elements(ids)]


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of BER elements that follow one another."""
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            width = length & 0x7F
            length = int.from_bytes(data[at : at + width], "big")
            at += width
        yield tag, data[at : at + length]
        at += length


def _text(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
