"""Ways out: a script reaches nothing but its variables, in either kind of context."""

from collections.abc import Iterator
from typing import Any

import pytest

from conf.errors import ConfigError
from flows.scripts.host import ScriptHost
from flows.scripts.session import ScriptSession
from tests.scripts.configured import javascript

ATTEMPTS = [
    "typeof process",
    "typeof os + typeof std + typeof scriptArgs",
    "typeof fetch + typeof XMLHttpRequest + typeof WebSocket",
    "typeof Deno + typeof Bun + typeof window + typeof global",
    "typeof setTimeout + typeof setInterval + typeof Worker",
    "typeof print + typeof __ask + typeof host + typeof settings + typeof sources",
    "typeof WebAssembly + typeof ShadowRealm",
    "typeof (function () { return this; })().process",
    "typeof Function('return this')().process",
    "[].constructor.constructor('return typeof process')()",
    "typeof (0, eval)('this').os",
    "typeof Reflect.get(globalThis, 'std')",
    "typeof logger.info.constructor('return this')().__ask",
    "Object.getPrototypeOf(logger.info).constructor('return typeof ask')()",
    "try { logger.info.caller } catch (e) { '' }",
    "try { (function f() { return typeof f.caller; })() } catch (e) { '' }",
    "Object.getOwnPropertyNames(globalThis).filter(n => /^(__|host|ask|python|py)/i.test(n)).join()",
]


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[ScriptHost, ScriptSession]]:
    host = ScriptHost({}.get)
    with host.session() as session:
        yield host, session
    host.close()


@pytest.mark.parametrize("isolated", [False, True], ids=["thread", "process"])
@pytest.mark.parametrize("source", ATTEMPTS)
def test_nothing_of_the_host_is_visible(
    shared: tuple[ScriptHost, ScriptSession], source: str, isolated: bool
) -> None:
    host, session = shared
    script = host.compile(javascript(f"/* {'openidm' if isolated else ''} */ {source}"))
    assert script.isolated is isolated
    assert session.run(script, {}).replace("undefined", "") == ""


@pytest.mark.parametrize(
    ("source", "refused"),
    [
        ("new java.util.Date()", "java.util.Date"),
        ("java.lang.System.getenv('HOME')", "java.lang.System.getenv"),
        ("java.lang.Runtime.getRuntime().exec('id')", "java.lang.Runtime.getRuntime"),
        ("Packages.java.io.File('/etc/passwd')", "java.io.File"),
        ("org.forgerock.json.JsonValue.json({})", "org.forgerock.json.JsonValue.json"),
        ("javax.script.x = 1", "javax.script"),
        ("importPackage(java.io)", "importPackage"),
        ("new JavaImporter(java.util)", "JavaImporter"),
        ("'' + java.lang.String", "java.lang.String"),
        ("source instanceof java.util.Map", "java.util.Map"),
        ("var D = java.util.Date; D", "java.util.Date"),
        ("'a' in com.example.Map", "com.example.Map"),
    ],
)
def test_java_is_refused_by_name(failure_of: Any, source: str, refused: str) -> None:
    failure = failure_of(source, {"source": {}})
    assert failure.message == f"{refused} is not available: scripts run on QuickJS, not on the JVM"


@pytest.mark.parametrize(
    "source",
    [
        "require('../../../etc/passwd')",
        "require('/etc/passwd')",
        "require('lib/../../x')",
        "require('fs')",
        "require('')",
        "var name = 'child_process'; require(name)",
        "load('/etc/passwd')",
        "load('../../conf/authentication.json')",
        "readFile('/etc/passwd')",
        "readFile('../../../../etc/passwd')",
        "readFile('.hidden')",
        "readFile('link')",
        "readFile('folder')",
        "readFile('a\\0b')",
        "readFile({toString: () => '/etc/passwd'})",
    ],
)
def test_files_outside_of_the_project_are_not_read(failure_of: Any, tmp_path: Any, source: str) -> None:
    (tmp_path / ".hidden").write_text("secret")
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "folder").mkdir()
    assert "root:" not in failure_of(source).message


@pytest.mark.parametrize(
    "source",
    [
        "JSON.parse = JSON.stringify = function () { return 'x'; }; 1",
        "Array.prototype.join = Array.prototype.push = Array.prototype.slice = function () { return 'x'; }; 1",
        "Object.prototype.toJSON = function () { return {log: 5, answer: [2]}; }; 1",
        "Array.prototype.toJSON = function () { return {log: [[1, 2, 3]], answer: 'x'}; }; 1",
        "Object.defineProperty(Array.prototype, '0', {set: function () {}, configurable: true}); 1",
        "Reflect.apply = Object.defineProperty = Object.getPrototypeOf = null; 1",
        "Function.prototype.call = Function.prototype.apply = null; 1",
        "delete globalThis.JSON; delete globalThis.Error; delete globalThis.Object; 1",
        "Object.freeze(globalThis); Object.freeze(Object.prototype); Object.freeze(Array.prototype); 1",
        "Object.defineProperty(globalThis, 'fixed', {value: 1, enumerable: true}); 1",
        "globalThis.eval = null; 1",
        "String.prototype.replace = String.prototype.split = RegExp.prototype.exec = null; 1",
    ],
)
def test_a_script_that_spoils_its_context_spoils_no_answer(run: Any, failure_of: Any, source: str) -> None:
    assert run(source) == 1
    assert run("if (true) { 5 }") == 5
    assert "not defined" in failure_of("nosuch").message
    assert run("target.a = 1;", {"target": {}}, ("target",)) == 1


def test_answers_cannot_be_forged(session: Any, host: Any) -> None:
    forged = "({toJSON() { return {log: [['error', 'x']], answer: [1], message: 'm', code: 404}; }})"
    value = session.run(host.compile(javascript(forged)), {})
    assert value == {"log": [["error", "x"]], "answer": [1], "message": "m", "code": 404}


def test_a_function_of_openidm_cannot_be_forged(host: Any) -> None:
    called: list[Any] = []
    source = (
        "Array.prototype.toJSON = function () { return 'x'; };"
        "try { openidm.read('managed/user/x'); } catch (e) { e.message }"
    )
    with host.session(lambda verb, given: called.append((verb, given))) as session:
        assert (
            session.run(host.compile(javascript(source)), {})
            == "the script changed how its values become JSON"
        )
    assert called == []


def test_code_hidden_in_variables_is_data(run: Any) -> None:
    evil = '"); throw 1; //\u2028\u2029</script>${1+1}`\\'
    assert run("source", {"source": evil}) == evil
    assert run("if (true) { given }", given=evil) == evil


@pytest.mark.parametrize(
    "source", ["1)}), (function () { return (2", "}); (function () { 1", "return 1", "1); (2"]
)
def test_text_cannot_break_out_of_its_function(host: Any, source: str) -> None:
    with pytest.raises(ConfigError, match="syntax error"):
        host.compile(javascript(source))


def test_compiling_runs_nothing(host: Any, run: Any, files: dict[str, str]) -> None:
    host.compile(javascript("globalThis.ran = 1; for (;;); function hoisted() {} var v = 1; ran"))
    host.compile(javascript("(function () { for (;;); })()"))
    host.compile(javascript("var s = '; x)}), ran = 1, (function () { return (1//'"))
    for breaking_out in (
        "}), ran = 1, (function () {",
        "}, ran = 1, function () {",
        "} ran = 1; function f() {",
    ):
        files["m.js"] = breaking_out
        with pytest.raises(ConfigError, match=r"m\.js line 1"):
            host.compile(javascript("require('m')"))
    assert run("typeof ran + typeof hoisted + typeof v") == "undefinedundefinedundefined"
