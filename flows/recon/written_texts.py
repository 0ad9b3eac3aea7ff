"""What a page wrote, by the texts it has: the correlation of each source looks at a few objects, not at all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from conf.pointer import Pointer
from flows.store.anchors import Anchor, texts_at
from flows.store.managed_rows import Stored


@dataclass
class WrittenTexts:
    """Ids by attribute and text, kept from the first time that an attribute is asked for.

    An id may stand under a text that its object has no more: who asks looks again.
    """

    _ids: dict[Pointer, dict[str, set[str]]] = field(default_factory=dict)

    def note(self, stored: Stored) -> None:
        """An object was written."""
        for pointer in self._ids:
            self._note(pointer, stored)

    def having(self, anchor: Anchor, written: Iterable[Stored]) -> Collection[str]:
        """Ids of written objects that may have the text there; `written` is all of them."""
        pointer, text = anchor
        if pointer not in self._ids:
            self._ids[pointer] = {}
            for stored in written:
                self._note(pointer, stored)
        return self._ids[pointer].get(text, ())

    def _note(self, pointer: Pointer, stored: Stored) -> None:
        for text in texts_at({"_id": stored.id, **stored.body}, pointer):
            self._ids[pointer].setdefault(text, set()).add(stored.id)
