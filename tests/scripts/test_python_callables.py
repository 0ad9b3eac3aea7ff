"""Python functions as scripts: `module:function`, or a file of the project's script folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conf.errors import ConfigError, Conflict
from flows.scripts.failures import ScriptFailed
from tests.scripts.configured import file, javascript, python

TEXT = """
from conf.errors import Forbidden

def lower(source):
    return source.lower()

def greeting(source, greeting="Hello", **others):
    return f"{greeting} {source} {sorted(others)}"

def optional(source=None, target=None):
    return [source, target]

def change(target):
    target["made"] = (1, 2)

def table(source):
    return {"rows": (1, 2)}

def forbid(source):
    raise Forbidden("not you", detail={"source": source})

def crash(source):
    return source["nosuch"]

def strange():
    return object()

def reads(openidm, source):
    return openidm.read("managed/user/" + source) or "nobody"

async def later():
    return 1

constant = 5
"""


@pytest.fixture
def files() -> dict[str, str]:
    return {"people.py": TEXT}


@pytest.fixture
def call(host: Any, session: Any) -> Any:
    def run(name: str, scope: dict[str, Any], mutable: tuple[str, ...] = (), **variables: Any) -> Any:
        return session.run(host.compile(python(f"people:{name}", **variables)), scope, mutable)

    return run


def test_a_function_gets_the_variables_that_it_names(call: Any) -> None:
    assert call("lower", {"source": "ADA", "linkQualifier": "default"}) == "ada"
    assert call("optional", {"target": {"a": 1}}) == [None, {"a": 1}]
    assert call("greeting", {"source": "Ada", "object": 1}, greeting="Hi") == "Hi Ada ['object']"


def test_live_variables_are_the_callers_own(call: Any) -> None:
    target: dict[str, Any] = {}
    assert call("change", {"target": target}, ("target",)) is None
    assert target == {"made": (1, 2)}


def test_values_come_back_as_json_has_them(call: Any) -> None:
    assert call("table", {"source": 1}) == {"rows": [1, 2]}


@pytest.mark.parametrize(
    ("name", "scope", "status", "message"),
    [
        ("forbid", {"source": 1}, 403, "not you"),
        ("crash", {"source": {}}, 500, "'nosuch'"),
        ("strange", {}, 500, "the script's value is not JSON"),
        ("lower", {"target": {}}, 500, "lower asks for source; in its scope here: target"),
        ("lower", {}, 500, "in its scope here: nothing"),
    ],
)
def test_errors_fail_the_script(call: Any, name: str, scope: Any, status: int, message: str) -> None:
    with pytest.raises(ScriptFailed, match=message) as caught:
        call(name, scope)
    assert caught.value.status == status


def test_openidm_is_an_argument(host: Any) -> None:
    script = host.compile(python("people:reads"))
    assert script.uses_openidm
    assert not host.compile(python("people:lower")).uses_openidm

    def broker(_verb: str, given: list[Any]) -> Any:
        if given == ["managed/user/x"]:
            raise Conflict("busy")
        return {"path": given[0]}

    with host.session(broker) as session:
        assert session.run(script, {"source": "ada"}) == {"path": "managed/user/ada"}
        with pytest.raises(ScriptFailed, match="busy") as caught:
            session.run(script, {"source": "x"})
    assert caught.value.status == 409


@pytest.mark.parametrize("name", ["people.py:lower", "script/people.py:lower"])
def test_a_file_of_the_project_may_be_named(host: Any, session: Any, name: str) -> None:
    assert session.run(host.compile(python(name)), {"source": "A"}) == "a"
    assert session.run(host.compile(file(name, "python")), {"source": "A"}) == "a"


def test_an_installed_module_may_be_named(
    host: Any, session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scripts_of_ours.py").write_text("def twice(source):\n    return 2 * source\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert session.run(host.compile(python("scripts_of_ours:twice")), {"source": 4}) == 8


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nosuch_module:f", "there is no Python module 'nosuch_module'"),
        ("people:nosuch", "module 'people' defines no function 'nosuch'"),
        ("people:constant", "defines no function 'constant'"),
        ("people:Forbidden", "defines no function 'Forbidden'"),
        ("people:later", "is async"),
        ("people", "is not a Python callable of the form module:function"),
        ("people:a b", "is not a Python callable"),
        ("os:system", "'os' belongs to Python itself"),
        ("subprocess:run", "'subprocess' belongs to Python itself"),
        ("builtins:eval", "'builtins' belongs to Python itself"),
        ("orjson:dumps", "defines no function 'dumps'"),
        ("../outside.py:f", "there is no Python module|cannot be imported"),
    ],
)
def test_what_cannot_be_named(host: Any, name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        host.compile(python(name))


@pytest.mark.parametrize(
    ("text", "message"), [("def f(:", r"bad\.py line 1"), ("1 / 0", r"bad\.py cannot be imported")]
)
def test_a_broken_file_is_named(host: Any, files: dict[str, str], text: str, message: str) -> None:
    files["bad.py"] = text
    with pytest.raises(ConfigError, match=message):
        host.compile(python("bad:f"))


def test_pages_run_row_by_row(host: Any, session: Any) -> None:
    found = session.run_many(host.compile(python("people:lower")), [{"source": "A"}, {"source": 5}])
    assert found[0] == "a"
    assert isinstance(found[1], ScriptFailed)


def test_javascript_of_that_name_is_not_python(host: Any, session: Any) -> None:
    assert session.run(host.compile(javascript("'people:lower'")), {}) == "people:lower"
