"""Script objects of the configuration, and the names of the scripts that are built in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from conf.document import Node, did_you_mean, kind_of

LANGUAGES: Final = {
    "text/javascript": "javascript",
    "application/javascript": "javascript",
    "javascript": "javascript",
    "python": "python",
    "text/x-python": "python",
    "groovy": "groovy",
    "text/x-groovy": "groovy",
}

BUILT_IN_SCRIPTS: Final = frozenset(
    {
        "workflow/triggerWorkflowFromSync.js",
        "ui/correlateTreeToQueryFilter.js",
        "policy.js",
        "roles/conditionalRoles.js",
        "roles/defaultMapping.js",
        "roles/defaultMapping.groovy",
        "roles/defaultPostMapping.groovy",
        "roles/onRecon.groovy",
        "roles/effectiveAssignments.js",
        "roles/effectiveRoles.js",
        "roles/mergeWithTarget.js",
        "roles/noOp.js",
        "roles/removeFromTarget.js",
        "roles/replaceTarget.js",
        "compensate.js",
    }
)
"""Files that a mapping may name though the project has none of them: the engine brings its own."""

SHIPPED_HOOKS: Final = frozenset(
    {
        "onDelete-user-cleanup.js",
        "roles/conditionalRoles.js",
        "roles/effectiveAssignments.js",
        "roles/effectiveRoles.js",
        "roles/onDelete-roles.js",
        "roles/onSync-assignments.js",
        "roles/onSync-roles.js",
        "roles/postOperation-roles.js",
        "roles/update-users-of-role.js",
        "ui/onCreate-user-set-default-fields.js",
        "ui/onCreateUser.js",
        "ui/onDelete-user-cleanup.js",
        "ui/onUpdate-user-set-default-fields.js",
        "ui/onUpdateUser.js",
        "ui/onValidate-user-sensitive-fields.js",
        "ui/notification/onValidate-notification.js",
    }
)
"""Hooks of managed types that PingIDM and OpenIDM 7 ship. What they do is done otherwise here, or not at all; a type
that names one runs without it, unless the project has a file of that name."""

_OWN_MEMBERS: Final = frozenset({"type", "source", "file", "name", "globals"})
_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True, eq=False)
class ScriptConfig:
    """A script object as it stands in a configuration file; compared by identity."""

    language: str
    """`javascript`, `python` or `groovy`."""
    source: str | None
    """Inline code; for `python` the dotted name `module:function`."""
    file: str | None
    """Name relative to the project's `script` folder, the project, or the built-in scripts."""
    variables: dict[str, Any]
    """Members beyond the script's own, and `globals`: variables in its scope, as copies."""
    raw: dict[str, Any]
    where: str
    """Place in the configuration, for messages: `sync: mappings[0].validSource`."""

    @property
    def is_built_in(self) -> bool:
        """Whether the name is that of a built-in script; a file of the project takes its place."""
        return self.file is not None and is_built_in(self.file)


def is_built_in(file: str) -> bool:
    """Whether a script file of that name is built in."""
    return file.removeprefix("script/") in BUILT_IN_SCRIPTS


def is_shipped_hook(file: str) -> bool:
    """Whether PingIDM ships a hook of that name that nothing here needs."""
    return file.removeprefix("script/") in SHIPPED_HOOKS


def read_script(node: Node) -> ScriptConfig | None:
    """The script object at this node, or None where there is none; what is wrong is noted as a problem."""
    if node.value is None or not node.is_object():
        return None
    raw: dict[str, Any] = node.value
    before = len(node.reading.problems)
    language = _language(node)
    source, file = _source(node), _file(node)
    if language == "python":
        source, file = source or file or node.text("name"), None
        if source and not _DOTTED.fullmatch(source):
            node.problem(f"'{source}' is not a dotted name of the form package.module:function")
    elif source is None and file is None:
        node.problem(
            "a script needs 'source' (inline code) or 'file' (a name below the project's script folder)"
        )
    elif source is not None and file is not None:
        node.problem("a script has either 'source' or 'file', not both")
    elif language == "groovy" and not is_built_in(file or ""):
        why = "Groovy is not run here; write this script in JavaScript (type text/javascript)"
        node.problem(why, is_script=True)
    elif file is not None and not is_built_in(file) and not node.reading.has_script(file):
        hint = did_you_mean(file, BUILT_IN_SCRIPTS)
        why = f"there is no script file '{file}' in the project's script folder.{hint}"
        node.child("file").problem(why, is_script=True)
    globals_ = node.mapping("globals") or {}
    variables = {name: value for name, value in raw.items() if name not in _OWN_MEMBERS} | globals_
    script = ScriptConfig(language, source, file, variables, raw, node.place)
    if len(node.reading.problems) == before and (wrong := node.reading.script_problem(script)):
        node.problem(wrong, is_script=True)
    return script


def _language(node: Node) -> str:
    name = node.text("type", required=True)
    language = LANGUAGES.get(name.strip().lower())
    if language is None and name:
        known = "text/javascript, python"
        node.child("type").problem(f"'{name}' is not a script language; known: {known}")
    return language or "javascript"


def _source(node: Node) -> str | None:
    child = node.child("source")
    match child.value:
        case None:
            return None
        case str(text):
            return text
        case [*lines] if all(isinstance(line, str) for line in lines):
            return "\n".join(lines)
        case other:
            child.problem(f"expected the code as a text or a list of lines, found {kind_of(other)}")
            return ""


def _file(node: Node) -> str | None:
    return node.text("file") or (node.text("name") if node.child("source").value is None else "") or None
