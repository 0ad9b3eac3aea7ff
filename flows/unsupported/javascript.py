"""What a JavaScript written for the JVM uses that another engine has not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_COMMENT_OR_TEXT: Final = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`", re.DOTALL
)
_JVM: Final = re.compile(
    r"(?<![\w$.])(?:(?:Packages\s*\.\s*)?(?:java|javax|org|com)(?:\s*\.\s*\w+)+"
    r"|Packages\b|JavaImporter\b|JavaAdapter\b|importPackage\b|importClass\b)"
)
_OWN: Final = re.compile(r"\b(?:var|let|const|function)\s+(?:java|javax|org|com)\b|[(,]\s*(?:org|com)\s*[,)]")
_OLD: Final = (
    (re.compile(r"\bfor\s+each\s*\("), "for each (...)", "write for (const x of list)"),
    (
        re.compile(r"(?<![\w$.])sync\s*\(\s*function"),
        "sync(function)",
        "leave it out: scripts run one at a time",
    ),
)
_REMEDIES: Final = (
    ("java.lang.System.getProperty", "identityServer.getProperty(name)"),
    ("java.lang.System.getenv", "identityServer.getProperty(name), with &{name} in the configuration"),
    ("java.lang.System.out", "logger.info(text)"),
    ("java.lang.System.currentTimeMillis", "Date.now()"),
    ("java.lang.Thread", "nothing: a script must not wait"),
    ("java.lang.String", "JavaScript's own texts"),
    ("java.lang.Integer", "Number(text) or parseInt(text, 10)"),
    ("java.lang.Math", "Math"),
    ("java.util.UUID", "leave _id out: the store gives one"),
    ("java.util.ArrayList", "an array: []"),
    ("java.util.HashMap", "an object: {}"),
    ("java.util.Date", "new Date()"),
    ("java.util.Calendar", "new Date()"),
    ("java.text.SimpleDateFormat", "new Date().toISOString()"),
    ("java.time", "new Date()"),
    ("java.net", "a connector or a process definition in Python: scripts do not reach the network"),
    ("java.io", "openidm.read: scripts do not reach files"),
    ("java.security", "openidm.hash(value, 'SHA-256')"),
    ("javax.crypto", "openidm.encrypt, openidm.hash"),
    ("org.forgerock", "openidm.*, which offers what scripts of a project need"),
)


def jvm_uses(code: str) -> Iterator[tuple[int, str, str]]:
    """Line (from 0), what is used, and what to write instead; comments and texts do not count."""
    plain = _COMMENT_OR_TEXT.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), code)
    owns = _OWN.search(plain) is not None
    for found in _JVM.finditer(plain):
        name = re.sub(r"\s+", "", found.group()).removeprefix("Packages.")
        if owns and name.split(".")[0] in ("org", "com"):
            continue
        yield plain.count("\n", 0, found.start()), name, _remedy(name)
    for pattern, what, remedy in _OLD:
        for found in pattern.finditer(plain):
            yield plain.count("\n", 0, found.start()), what, remedy


def _remedy(name: str) -> str:
    for known, instead in _REMEDIES:
        if name.startswith(known):
            return f"use {instead}" if not instead.startswith(("leave", "nothing")) else instead
    return "write it in JavaScript, or as a Python function of the project (type python)"
