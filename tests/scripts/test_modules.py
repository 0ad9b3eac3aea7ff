"""`require`, `load`, `readFile`: modules and files of the project, then the built-in ones."""

from pathlib import Path
from typing import Any

import pytest

from tests.scripts.configured import file, javascript


def test_a_module_exports_what_it_assigns(run: Any, files: dict[str, str]) -> None:
    files |= {
        "scim.js": "exports.up = function (s) { return s.toUpperCase(); };",
        "f.js": "module.exports = 7;",
    }
    assert run("require('scim').up(source)", {"source": "x"}) == "X"
    assert run("require('f') + require('f.js') + require('./f')") == 21


def test_modules_find_each_other_beside_themselves(run: Any, files: dict[str, str]) -> None:
    files |= {
        "lib/a.js": "exports.value = require('./b').value + require('../top').value + require('lib/c').value;",
        "lib/b.js": "exports.value = 'b';",
        "lib/c.js": "exports.value = 'c';",
        "top.js": "exports.value = 't';",
    }
    assert run("require('lib/a').value") == "btc"


def test_modules_may_require_each_other_in_a_circle(run: Any, files: dict[str, str]) -> None:
    files |= {
        "a.js": "exports.name = 'a'; exports.other = require('b').name;",
        "b.js": "exports.name = 'b'; exports.seen = require('a').name;",
    }
    assert run("[require('a').other, require('b').seen]") == ["b", "a"]


def test_a_module_runs_once_and_sees_none_of_the_variables(run: Any, files: dict[str, str]) -> None:
    files["m.js"] = (
        "var count = 0; exports.next = function () { return ++count; }; exports.sees = typeof source;"
    )
    assert run("require('m').next() + require('m').next()", {"source": 1}) == 3
    assert run("require('m').sees", {"source": 1}) == "undefined"


def test_json_is_a_module(run: Any, files: dict[str, str]) -> None:
    files["table.json"] = '{"a": 1}'
    assert run("require('table.json').a") == 1


def test_a_failing_module_fails_every_time(failure_of: Any, files: dict[str, str]) -> None:
    files["m.js"] = "throw {code: 503, message: 'not now'}"
    assert failure_of("require('m')").status == 503
    assert failure_of("require('m')").status == 503


def test_a_missing_module_is_an_error_that_the_script_may_catch(run: Any, failure_of: Any) -> None:
    assert run("try { require('lib/handlebars'); } catch (e) { 'without'; }") == "without"
    assert failure_of("require('lib/handlebars')").message.startswith(
        "There is no module 'lib/handlebars': looked"
    )


@pytest.mark.parametrize("source", ["require('a/../../x')", "require('../x')", "require('./../x')"])
def test_modules_stay_inside(failure_of: Any, source: str) -> None:
    assert "is outside of the script folders" in failure_of(source).message


def test_a_project_file_comes_before_a_built_in_one(run: Any, files: dict[str, str]) -> None:
    assert run("require('lib/lodash').first([1])") == 1
    files["lib/lodash.js"] = "exports.own = true;"
    assert run("require('lib/lodash').own") is True


def test_names_that_only_show_when_the_script_runs(run: Any, files: dict[str, str]) -> None:
    files |= {"a.js": "exports.n = 1;", "b.js": "exports.n = require('./a').n + 1;"}
    assert run("['a', 'b'].map(name => require(name).n)") == [1, 2]


def test_load_runs_a_file_in_the_global_scope(run: Any, files: dict[str, str]) -> None:
    files |= {"given.js": "var loaded = 5; function twice(x) { return 2 * x; }", "empty.js": ""}
    assert run("load('given.js'); twice(loaded)") == 10
    assert run("load('empty.js'); typeof loaded + typeof twice") == "undefinedundefined"


def test_read_file_reads_texts_of_the_project(run: Any, tmp_path: Path) -> None:
    (tmp_path / "mail.html").write_text("<p>é</p>")
    assert run("readFile('mail.html')") == "<p>é</p>"
    assert run("readFile(identityServer.getProjectLocation() + '/mail.html')") == "<p>é</p>"


def test_the_identity_server_tells_properties_and_places(run: Any, tmp_path: Path) -> None:
    assert run("identityServer.getProperty('mail.domain')") == "example.com"
    assert (
        run("identityServer.getProperty('nosuch', 'x') + identityServer.getProperty('toString', '')") == "x"
    )
    assert run("identityServer.getProperty('nosuch')") is None
    assert run("identityServer.getProjectLocation()") == str(tmp_path.resolve())


def test_modules_serve_a_whole_page(host: Any, session: Any, files: dict[str, str]) -> None:
    files["m.js"] = "exports.up = function (s) { return s.toUpperCase(); };"
    script = host.compile(javascript("require('m').up(source)"))
    assert session.run_many(script, [{"source": "a"}, {"source": "b"}]) == ["A", "B"]


def test_a_file_is_a_script_too(host: Any, session: Any, files: dict[str, str]) -> None:
    files["validSource.js"] = "source.active === true"
    assert session.run(host.compile(file("validSource.js")), {"source": {"active": True}}) is True
