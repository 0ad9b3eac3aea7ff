"""The killable process: ended by the clock, by memory, and with its parent."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import flows.scripts
from flows.scripts.broker import Broker
from flows.scripts.host import ScriptHost
from flows.scripts.javascript import engine
from flows.scripts.limits import Limits
from tests.scripts.configured import javascript


@pytest.fixture
def limits() -> Limits:
    return Limits(process_seconds=0.4, memory_bytes=16 * 2**20)


@pytest.fixture
def broker() -> Broker:
    return lambda _verb, _given: None


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("openidm; for (;;);", id="endless loop"),
        pytest.param("openidm; while (true) { try { while (true); } catch (e) {} }", id="loop in a loop"),
        pytest.param("openidm.read('x'); for (;;);", id="after a call"),
        pytest.param("for (;;) logger.trace('x'); openidm", id="endless log"),
        pytest.param("openidm; throw {get message() { for (;;); }}", id="thrown getter"),
        pytest.param("openidm; for (;;) (2n ** 1000000n).toString();", id="what cannot be interrupted"),
    ],
)
def test_time_is_bounded(run: Any, failure_of: Any, source: str) -> None:
    failure = failure_of(source)
    assert failure.timed_out
    assert failure.message == "the script ran longer than 0.4 s and was stopped"
    assert run("typeof openidm") == "object"


@pytest.mark.parametrize(
    "source",
    [
        "openidm; var a = []; for (;;) a.push(new Uint8Array(100000));",
        "openidm; 'x'.repeat(500000000)",
        "openidm; var s = 'x'; for (;;) s += s;",
    ],
)
def test_memory_is_bounded(run: Any, failure_of: Any, source: str) -> None:
    failure = failure_of(source)
    assert failure.out_of_memory or failure.timed_out
    assert run("typeof openidm") == "object"


def test_time_spent_in_calls_does_not_count(host: ScriptHost) -> None:
    never = threading.Event()
    script = host.compile(javascript("for (var i = 0; i < 4; i++) openidm.read('x'); 'done'"))
    with host.session(lambda _verb, _given: never.wait(0.2)) as session:
        assert session.run(script, {}) == "done"


def test_a_script_that_never_ends_is_given_up(host: ScriptHost) -> None:
    script = host.compile(javascript("openidm; for (;;);"))
    with host.session() as session:
        found = session.run_many(script, [{}] * 5)
    assert [failure.timed_out for failure in found] == [True] * 5
    assert "not tried again" in found[-1].message


def started(seconds: float) -> subprocess.Popen[bytes]:
    child = Path(flows.scripts.__file__).with_name("child.py")
    where = str(Path(engine().__file__).parent)
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(child), where, str(2**24), str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={},
    )


def frame(kind: bytes, text: str) -> bytes:
    return len(text).to_bytes(4, "big") + kind + text.encode()


def test_it_ends_with_its_parent() -> None:
    with started(5) as process:
        process.communicate(timeout=10)
        assert process.returncode == 0


def test_the_kernel_ends_it_when_nobody_watches() -> None:
    host_that_loops = "(function () { return function () { return function () { for (;;); }; }; })()"
    with started(0.2) as process:
        assert process.stdin is not None
        for part in (
            frame(b"B", host_that_loops),
            frame(b"R", "{}"),
            frame(b"D", "{}"),
            frame(b"X", "0 []"),
        ):
            process.stdin.write(part)
        process.stdin.flush()
        assert process.wait(timeout=10) == -14


def test_it_has_few_rights(host: ScriptHost) -> None:
    with host.session() as session:
        session.run(host.compile(javascript("openidm; 1")), {})
        (child,) = (
            int(pid)
            for pid in Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
            if "scripts/child.py" in Path(f"/proc/{pid}/cmdline").read_text()
        )
        limits = Path(f"/proc/{child}/limits").read_text()
        status = Path(f"/proc/{child}/status").read_text()
        descriptors = sorted(entry.name for entry in Path(f"/proc/{child}/fd").iterdir())
        environment = Path(f"/proc/{child}/environ").read_bytes()
    for name in ("Max processes", "Max file size", "Max core file size"):
        assert re.search(rf"{name} +0 +0 ", limits)
    assert environment == b""
    assert descriptors == ["0", "1", "2"]
    if os.getuid() == 0:
        assert "Uid:\t65534\t65534\t65534\t65534" in status


def test_it_starts_fast(host: ScriptHost) -> None:
    """Far from the goal of 150 ms, so that a busy machine does not fail it."""
    begun = time.monotonic()
    with host.session() as session:
        session.run(host.compile(javascript("openidm; 1")), {})
    assert time.monotonic() - begun < 5
