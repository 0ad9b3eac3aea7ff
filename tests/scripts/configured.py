"""Script objects as a configuration would hold them."""

from __future__ import annotations

from typing import Any

from conf.script_config import ScriptConfig


def javascript(source: str, **variables: Any) -> ScriptConfig:
    return ScriptConfig("javascript", source, None, variables, {}, "test")


def file(name: str, language: str = "javascript", **variables: Any) -> ScriptConfig:
    return ScriptConfig(language, None, name, variables, {}, "test")


def python(name: str, **variables: Any) -> ScriptConfig:
    return ScriptConfig("python", name, None, variables, {}, "test")
