"""`openidm` in scripts: calls reach the broker, and its errors reach the script."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conf.errors import Conflict, Forbidden, NotFound, PreconditionFailed, Unavailable
from flows.scripts.failures import ScriptFailed
from flows.scripts.host import ScriptHost
from flows.scripts.limits import Limits
from tests.scripts.configured import javascript


class Repository:
    """Answers as the router would, and remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[Any]]] = []
        self.objects: dict[str, Any] = {"managed/user/ada": {"_id": "ada", "name": "Ada"}}

    def __call__(self, verb: str, given: list[Any]) -> Any:
        self.asked.append((verb, given))
        match verb, given:
            case "read", [path, *_]:
                if path not in self.objects:
                    raise NotFound(f"Object {path} not found")
                return self.objects[path]
            case "query", [_container, {"_queryFilter": _}, *_]:
                return {"result": list(self.objects.values())}
            case "create", [container, id, content, *_]:
                path = f"{container}/{id}"
                if path in self.objects:
                    raise PreconditionFailed("Create rejected as Object with same ID already exists")
                self.objects[path] = {"_id": id, **content}
                return self.objects[path]
            case "decrypt", [value]:
                return value["secret"][::-1]
            case "action", _:
                raise Forbidden("Policy validation failed", detail={"result": False})
            case _:
                return None


def children() -> list[int]:
    """Script processes that this one started; other tests of the session may have servers of theirs."""
    found = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
    return [int(pid) for pid in found if "scripts/child.py" in Path(f"/proc/{pid}/cmdline").read_text()]


@pytest.fixture
def broker() -> Repository:
    return Repository()


def test_reading_gives_the_object_or_null(run: Any) -> None:
    assert run("openidm.read('managed/user/ada').name") == "Ada"
    assert run("openidm.read('managed/user/nobody')") is None


def test_arguments_arrive_as_given(run: Any, broker: Repository) -> None:
    run("openidm.query('managed/user', {'_queryFilter': 'true'}, ['name', '*'])")
    run("openidm.update('managed/user/ada', null, {a: undefined})")
    run("openidm.patch('managed/user/ada', '1', [{operation: 'remove', field: 'a'}], undefined, undefined)")
    run("openidm.delete('managed/user/ada', null)")
    run(
        "openidm.isHashed({}); openidm.matches('x', {}); openidm.hash('x', 'SHA'); openidm.encrypt(1, null, 'k')"
    )
    assert broker.asked == [
        ("query", ["managed/user", {"_queryFilter": "true"}, ["name", "*"]]),
        ("update", ["managed/user/ada", None, {"a": None}]),
        ("patch", ["managed/user/ada", "1", [{"operation": "remove", "field": "a"}]]),
        ("delete", ["managed/user/ada", None]),
        ("isHashed", [{}]),
        ("matches", ["x", {}]),
        ("hash", ["x", "SHA"]),
        ("encrypt", [1, None, "k"]),
    ]


def test_a_script_calls_several_times_and_uses_the_answers(run: Any, broker: Repository) -> None:
    source = """
        var made = [];
        ['b', 'c'].forEach(function (id) { made.push(openidm.create('managed/user', id, {name: id})._id); });
        target.count = openidm.query('managed/user', {_queryFilter: 'true'}).result.length;
        openidm.decrypt({secret: 'abc'}) + made.join();
    """
    target: dict[str, Any] = {}
    assert run(source, {"target": target}, ("target",)) == "cbab,c"
    assert target == {"count": 3}


def test_an_error_of_a_call_can_be_caught(run: Any) -> None:
    source = """
        try { openidm.create('managed/user', 'ada', {}); }
        catch (e) { [e.code, e.message, e instanceof Error, e.javaException.getCode(), '' + e]; }
    """
    assert run(source) == [
        412,
        "Create rejected as Object with same ID already exists",
        True,
        412,
        "ResourceException: Create rejected as Object with same ID already exists",
    ]


def test_an_error_of_a_call_that_nobody_catches_is_the_failure(failure_of: Any) -> None:
    failure = failure_of("openidm.action('managed/user', 'x', {})")
    assert (failure.status, failure.message) == (403, "Policy validation failed")
    assert failure.detail == {"result": False}


def test_without_a_broker_every_call_is_refused(host: ScriptHost) -> None:
    with (
        host.session() as session,
        pytest.raises(ScriptFailed, match=r"openidm\.read is not available") as caught,
    ):
        session.run(host.compile(javascript("openidm.read('x')")), {})
    assert caught.value.status == 501


def test_what_a_call_answers_must_be_json(host: ScriptHost) -> None:
    with host.session(lambda _verb, _given: object()) as session:
        found = session.run(host.compile(javascript("try { openidm.read('x') } catch (e) { e.message }")), {})
    assert "not JSON" in found


def test_an_error_without_a_status_passes_through(host: ScriptHost) -> None:
    def broken(_verb: str, _given: list[Any]) -> Any:
        raise ZeroDivisionError

    script = host.compile(javascript("try { openidm.read('x') } catch (e) { 'caught' }"))
    with host.session(broken) as session:
        with pytest.raises(ZeroDivisionError):
            session.run(script, {})
        with pytest.raises(ZeroDivisionError):
            session.run(script, {})


def test_a_process_that_dies_fails_the_script_alone(host: ScriptHost) -> None:
    def kill(_verb: str, _given: list[Any]) -> Any:
        (child,) = children()
        os.kill(child, signal.SIGKILL)

    script = host.compile(javascript("openidm.read('x'); openidm.read('x')"))
    with host.session(kill) as session:
        with pytest.raises(ScriptFailed, match=r"process ended unexpectedly \(signal 9\)"):
            session.run(script, {})
        assert session.run(host.compile(javascript("typeof openidm")), {}) == "object"


def test_processes_are_kept_warm_and_forget_everything(host: ScriptHost) -> None:
    keep = host.compile(javascript("openidm; kept = 1; Array.prototype.kept = 1; logger.kept = 1; kept"))
    look = host.compile(javascript("openidm; typeof kept + typeof [].kept"))
    with host.session() as session:
        session.run(keep, {})
        (first,) = children()
    with host.session() as session:
        assert session.run(look, {}) == "undefinedundefined"
        assert children() == [first]


def test_closing_the_host_ends_its_processes(host: ScriptHost) -> None:
    with host.session() as session:
        session.run(host.compile(javascript("openidm; 1")), {})
    assert len(children()) == 1
    host.close()
    assert children() == []


def test_a_forgotten_session_leaves_no_process_behind(host: ScriptHost) -> None:
    session = host.session()
    session.run(host.compile(javascript("openidm; 1")), {})
    assert len(children()) == 1
    del session
    gc.collect()
    assert children() == []


def test_a_call_may_run_scripts_itself_but_not_for_ever(host: ScriptHost) -> None:
    again = host.compile(javascript("openidm.action('script', 'eval', {}) + 1"))
    last = host.compile(javascript("typeof openidm"))

    def once(_verb: str, _given: list[Any]) -> Any:
        return session.run(last, {})

    def always(_verb: str, _given: list[Any]) -> Any:
        return endless.run(again, {})

    with host.session(once) as session:
        assert session.run(again, {}) == "object1"
    with host.session(always) as endless, pytest.raises(ScriptFailed, match="more than 4 deep"):
        endless.run(again, {})


def test_many_sessions_share_few_processes() -> None:
    host = ScriptHost({}.get, Limits(processes=1, process_seconds=0.2))
    script = host.compile(javascript("openidm; 1"))
    try:
        with host.session() as first:
            assert first.run(script, {}) == 1
            with host.session() as second, pytest.raises(Unavailable, match="Too many scripts"):
                second.run(script, {})
        with host.session() as third:
            assert third.run(script, {}) == 1
    finally:
        host.close()


def test_several_threads_use_one_host(host: ScriptHost) -> None:
    script = host.compile(javascript("openidm.read('managed/user/' + source).name"))
    plain = host.compile(javascript("source + 1"))
    found: dict[int, list[Any]] = {}

    def work(number: int) -> None:
        broker: Callable[[str, list[Any]], Any] = lambda _verb, given: {"name": given[0]}  # noqa: E731
        with host.session(broker) as session:
            found[number] = [
                (session.run(script, {"source": number * 100 + i}), session.run(plain, {"source": i}))
                for i in range(20)
            ]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: [(f"managed/user/{n * 100 + i}", i + 1) for i in range(20)] for n in range(3)}


def test_one_session_may_be_used_by_one_thread_after_another(host: ScriptHost) -> None:
    session = host.session(lambda _verb, given: given[0])
    scripts = [host.compile(javascript("source * 2")), host.compile(javascript("openidm.read(source)"))]
    found: list[Any] = []
    for number in range(3):
        thread = threading.Thread(
            target=lambda number=number: found.extend(
                session.run(script, {"source": number}) for script in scripts
            )
        )
        thread.start()
        thread.join()
    session.close()
    assert found == [0, 0, 2, 1, 4, 2]


def test_a_page_of_calling_scripts_runs_row_by_row(host: ScriptHost) -> None:
    def answer(_verb: str, given: list[Any]) -> Any:
        if given[0] == 1:
            raise Conflict("not this one")
        return given[0]

    script = host.compile(javascript("openidm.read(source)"))
    with host.session(answer) as session:
        first, second, third = session.run_many(script, [{"source": i} for i in range(3)])
    assert (first, third) == (0, 2)
    assert isinstance(second, ScriptFailed)
    assert second.status == 409
