"""Scripts without `openidm`, run in the caller's thread: one scope at a time, or a page of them in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from flows.scripts.failures import ScriptFailed
from flows.scripts.javascript import Realm
from flows.scripts.lanes import Shape, ThreadLane
from flows.scripts.script_log import without_log
from flows.scripts.values import from_text

if TYPE_CHECKING:
    from flows.scripts.host import ScriptHost

ROWS_PER_CALL: Final = 1000
_CHARACTERS_PER_CALL: Final = 4_000_000
_SECONDS_PER_ROW: Final = 0.002
"""What a row may add to the time limit of a page; beyond it, rows are tried one by one."""


class InThread:
    """Owns the context of a session, and replaces it once it was stopped."""

    def __init__(self, host: ScriptHost) -> None:
        self._host = host
        self._limits = host.limits
        self._lock = Lock()
        self._lane: ThreadLane | None = None

    def close(self) -> None:
        self._lane = None

    def run(self, shape: Shape, text: str) -> str:
        """The answer of one scope; raises ScriptFailed when the context had to be stopped."""
        with self._lock:
            lane = self._ready()
            try:
                return lane.realm.call(lane.one(shape), text, shape[0].where)
            except ScriptFailed:
                self._lane = None
                raise

    def run_many(
        self,
        shape: Shape,
        texts: Sequence[str],
        alone: Callable[[str], Any],
        refused: Callable[[], ScriptFailed | None],
    ) -> list[Any]:
        """The answers of all scopes, in order.

        `alone` runs the one at which a page got stuck; `refused` says when the script is to be given up.
        """
        done: list[Any] = []
        size = ROWS_PER_CALL
        while len(done) < len(texts):
            if (refusal := refused()) is not None:
                return done + [refusal] * (len(texts) - len(done))
            rows = _page_of(texts, len(done), size)
            found, failure = self._page(shape, rows)
            done += found
            if failure is None:
                continue
            if not found and not failure.timed_out and len(rows) > 1:
                size = len(rows) // 2  # together they are too large
            else:
                done.append(alone(texts[len(done)]))
        return done

    def _page(self, shape: Shape, rows: Sequence[str]) -> tuple[list[Any], ScriptFailed | None]:
        """Answers of the rows that were finished, and what stopped the others."""
        where, most = shape[0].where, self._limits.value_bytes
        seconds = self._limits.seconds + _SECONDS_PER_ROW * len(rows)
        with self._lock:
            lane = self._ready()
            try:
                text = lane.realm.call_longer(lane.many(shape), f"[{','.join(rows)}]", where, seconds)
            except ScriptFailed as failure:
                self._lane = None
                return self._salvaged(lane.realm, shape), failure
        try:
            found = from_text(text, where, most)
        except ScriptFailed as failure:
            return [], failure
        return list(without_log(found, where)), None

    def _salvaged(self, realm: Realm, shape: Shape) -> list[Any]:
        where = shape[0].where
        try:
            found = from_text(realm.host("salvage"), where, self._limits.value_bytes)
        except ScriptFailed:
            return []
        return list(without_log(found, where))

    def _ready(self) -> ThreadLane:
        if self._lane is None or self._lane.is_full:
            self._lane = ThreadLane(Realm(self._limits, self._host.settings))
        return self._lane


def _page_of(texts: Sequence[str], begin: int, most: int) -> Sequence[str]:
    """The next rows: at least one, and no more than go into one call."""
    end, size = begin, 0
    while (
        end < len(texts) and end - begin < most and (size := size + len(texts[end])) <= _CHARACTERS_PER_CALL
    ):
        end += 1
    return texts[begin : max(end, begin + 1)]
