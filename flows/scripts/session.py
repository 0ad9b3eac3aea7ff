"""Running scripts for one run, or one request."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

from flows.scripts import python_callables
from flows.scripts.calling import Callbacks
from flows.scripts.failures import ScriptFailed, from_report
from flows.scripts.in_thread import InThread
from flows.scripts.lanes import ProcessLane, Shape
from flows.scripts.script_log import without_log
from flows.scripts.values import from_text, take_over, to_text

if TYPE_CHECKING:
    from flows.scripts.broker import Broker
    from flows.scripts.host import ScriptHost
    from flows.scripts.script import Script

_DEPTH: Final[ContextVar[int]] = ContextVar("script_depth", default=0)


class ScriptSession:
    """Holds contexts and processes until it is closed.

    Any thread may use it, one at a time: what two do at once waits. A broker may call back into the same session.
    """

    def __init__(self, host: ScriptHost, broker: Broker | None = None) -> None:
        self._host = host
        self._limits = host.limits
        self._broker = broker
        self._thread = InThread(host)
        self._idle: list[ProcessLane] = []
        self._strikes: dict[Script, int] = {}

    def __enter__(self) -> ScriptSession:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back what it holds; it can be used again."""
        self._thread.close()
        while self._idle:
            self._host.processes.give_back(self._idle.pop().process)

    def run(self, script: Script, scope: dict[str, Any], mutable: tuple[str, ...] = ()) -> Any:
        """The value of the script's last statement.

        Objects of the names in `mutable` show the script's changes afterwards, also when it throws; the others are
        copies to it. A name that the scope lacks is not defined. Raises ScriptFailed.
        """
        if script.function is not None:
            known = {**deepcopy(dict(script.variables)), **scope}
            return python_callables.run(script.function, known, script.where, self._broker)
        shape, text = self._given(script, scope, mutable)
        return self._taken(shape, self._answer(shape, text), scope)

    def run_many(
        self, script: Script, scopes: Sequence[dict[str, Any]], mutable: tuple[str, ...] = ()
    ) -> list[Any]:
        """`run` for each of the scopes: their values, with a ScriptFailed in the place of each that failed.

        A script without `openidm` gets them all in few calls.
        """
        if script.function is not None or script.isolated:
            return [self._value_or_failure(script, scope, mutable) for scope in scopes]
        answers: list[Any] = []
        groups: dict[Shape, list[int]] = {}
        for position, scope in enumerate(scopes):
            try:
                shape, text = self._given(script, scope, mutable)
            except ScriptFailed as failure:
                answers.append(failure)
            else:
                answers.append((shape, text))
                groups.setdefault(shape, []).append(position)
        for shape, positions in groups.items():

            def alone(text: str, shape: Shape = shape) -> Any:
                try:
                    return self._answer(shape, text)
                except ScriptFailed as failure:
                    return failure

            texts = [answers[position][1] for position in positions]
            found = self._thread.run_many(shape, texts, alone, lambda: self._refused(script))
            for position, answer in zip(positions, found, strict=True):
                answers[position] = self._settled(shape, answer, scopes[position])
        return answers

    def _value_or_failure(self, script: Script, scope: dict[str, Any], mutable: tuple[str, ...]) -> Any:
        try:
            return self.run(script, scope, mutable)
        except ScriptFailed as failure:
            return failure

    def _settled(self, shape: Shape, answer: Any, scope: dict[str, Any]) -> Any:
        if isinstance(answer, ScriptFailed):
            return answer
        try:
            return self._taken(shape, answer, scope)
        except ScriptFailed as failure:
            return failure

    def _given(self, script: Script, scope: dict[str, Any], mutable: tuple[str, ...]) -> tuple[Shape, str]:
        """What the script is given: only what it may read, as JSON."""
        names = script.names(scope)
        live = tuple([name for name in mutable if name in names])
        text = to_text([scope[name] for name in names], script.where, self._limits.value_bytes)
        return (script, names, live), text

    def _answer(self, shape: Shape, text: str) -> Any:
        """What the context answered; raises ScriptFailed when it had to be stopped."""
        script = shape[0]
        if (refused := self._refused(script)) is not None:
            raise refused
        try:
            answer = self._isolated(shape, text) if script.isolated else self._thread.run(shape, text)
        except ScriptFailed as failure:
            if failure.timed_out:
                self._strikes[script] = self._strikes.get(script, 0) + 1
            raise
        if script in self._strikes:
            del self._strikes[script]
        return without_log(from_text(answer, script.where, self._limits.value_bytes), script.where)

    def _refused(self, script: Script) -> ScriptFailed | None:
        """A script that always runs too long would hold up a run for its limit at every entry."""
        strikes = self._strikes.get(script, 0)
        if strikes < self._limits.strikes:
            return None
        message = f"the script ran too long {strikes} times in a row, and is not tried again"
        return ScriptFailed(message, where=script.where, timed_out=True)

    def _isolated(self, shape: Shape, text: str) -> str:
        """Run in a process of its own; a call to `openidm` may come back here and takes another one."""
        script, depth = shape[0], _DEPTH.get()
        if depth >= self._limits.nesting:
            raise ScriptFailed(f"scripts start each other more than {depth} deep", where=script.where)
        lane = self._idle.pop() if self._idle else self._new_lane()
        entered = _DEPTH.set(depth + 1)
        try:
            return lane.run(shape, text, Callbacks(self._host, self._broker, script.where))
        finally:
            _DEPTH.reset(entered)
            if lane.is_alive and not lane.is_full:
                self._idle.append(lane)
            else:
                self._host.processes.give_back(lane.process)

    def _new_lane(self) -> ProcessLane:
        return ProcessLane(self._host.processes.take(self._host.settings))

    def _taken(self, shape: Shape, answer: Any, scope: dict[str, Any]) -> Any:
        """The value of an answer, after the script's changes were taken over into the scope."""
        script, _names, live = shape
        failure = None
        if isinstance(answer, dict):
            failure, answer = answer.get("failure", answer), [None, *answer.get("changed", ())]
        for name, value in zip(live, answer[1:], strict=False):
            scope[name] = take_over(scope[name], value)
        if failure is not None:
            raise from_report(failure, script.where, script.text, self._limits.memory_bytes)
        return answer[0]
