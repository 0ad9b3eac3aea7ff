"""What the host says of a script before it ever runs."""

from typing import Any

import pytest

from conf.errors import ConfigError
from conf.script_config import ScriptConfig
from flows.scripts.references import READERS, WRITERS
from tests.scripts.configured import file, javascript


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("if (", "test: the script line 1: JavaScript syntax error: unexpected end of the script"),
        ("var a = 1;\n\nvar b = ;", "test: the script line 3: JavaScript syntax error: .*';'"),
        ("'\ud83d'", "test: the script is not valid text"),
        ("/(/", "test: the script line 1: JavaScript syntax error"),
        ("x" * (2**20 + 1), "a script is at most 1048576 bytes long"),
    ],
)
def test_a_broken_script_is_refused_with_its_line(host: Any, source: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        host.compile(javascript(source))


def test_a_broken_file_is_named(host: Any, files: dict[str, str]) -> None:
    files["roles/broken.js"] = "ok();\n}"
    with pytest.raises(ConfigError, match=r"test: roles/broken\.js line 2: JavaScript syntax error"):
        host.compile(file("roles/broken.js"))


def test_a_broken_module_is_named(host: Any, files: dict[str, str]) -> None:
    files["lib/broken.js"] = "exports.a = ;"
    with pytest.raises(ConfigError, match=r"lib/broken\.js line 1: JavaScript syntax error"):
        host.compile(javascript("require('lib/broken').a"))


@pytest.mark.parametrize("name", ["nosuch.js", "../outside.js", "/etc/passwd", "", "a\0b.js"])
def test_a_missing_file_is_named(host: Any, name: str) -> None:
    with pytest.raises(ConfigError, match="there is no script file"):
        host.compile(file(name))


def test_groovy_is_refused_with_what_to_do(host: Any, files: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="Groovy is not run here; write this script in JavaScript"):
        host.compile(ScriptConfig("groovy", "println 1", None, {}, {}, "test"))
    files["own.groovy"] = "println 1"
    with pytest.raises(ConfigError, match="Groovy is not run here"):
        host.compile(file("own.groovy", "groovy"))
    files["roles/onRecon.groovy"] = "println 1"
    with pytest.raises(ConfigError, match="Groovy is not run here"):
        host.compile(file("roles/onRecon.groovy", "groovy"))


def test_shipped_groovy_has_a_twin(host: Any, session: Any) -> None:
    assert session.run(host.compile(file("roles/onRecon.groovy", "groovy")), {}) is None


def test_compiling_twice_gives_the_same_script_until_its_text_changes(
    host: Any, files: dict[str, str]
) -> None:
    files |= {"a.js": "require('b').n", "b.js": "exports.n = 1"}
    first = host.compile(file("a.js"))
    assert host.compile(file("a.js")) is first
    files["b.js"] = "exports.n = 2"
    second = host.compile(file("a.js"))
    assert second is not first
    files["a.js"] = "3"
    with host.session() as session:
        assert [session.run(script, {}) for script in (first, second, host.compile(file("a.js")))] == [
            1,
            2,
            3,
        ]


@pytest.mark.parametrize(
    ("source", "verbs"),
    [
        ("source.name", frozenset()),
        ("'internal/role/openidm-admin'", frozenset()),
        ("'/openidm/managed/user'", frozenset()),
        ("openidm.read('managed/user/x')", frozenset({"read"})),
        ("openidm . query('a', {}); openidm.create('b', null, {})", frozenset({"query", "create"})),
        ("openidm['read']('x')", READERS | WRITERS),
        ("var o = openidm; o.read('x')", READERS | WRITERS),
        ("require('calls').find()", frozenset({"query"})),
        ("require('through')", frozenset({"query"})),
        ("var name = 'x'; require(name)", READERS | WRITERS),
        ("load('x.js')", READERS | WRITERS),
    ],
)
def test_a_script_tells_what_it_asks_of_openidm(
    host: Any, files: dict[str, str], source: str, verbs: frozenset[str]
) -> None:
    files |= {
        "calls.js": "exports.find = function () { openidm.query('x', {}); }",
        "through.js": "require('./calls')",
    }
    script = host.compile(javascript(source))
    assert script.verbs == verbs
    assert script.uses_openidm is bool(verbs)
    assert script.isolated is bool(verbs)
    assert script.writes is bool(verbs & WRITERS)
