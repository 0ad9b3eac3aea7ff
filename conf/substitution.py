"""Values that stand for others: `&{project.location}` in texts, and `{"$int": "&{port}"}` for other types."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

#: `&{name}` or `&{name|default}`
_PLACE: Final = re.compile(r"&\{([^{}|]+)(?:\|([^{}]*))?\}")

_FOLDERS: Final = (
    "idm.instance.dir",
    "idm.install.dir",
    "idm.data.dir",
    "project.location",
    "launcher.project.location",
    "launcher.install.location",
    "launcher.working.location",
)


_BOOT_PROPERTIES: Final = ("conf/boot/boot.properties", "resolver/boot.properties")

_SHIPPED: Final = {
    "openidm.admin.password": "openidm-admin",
    "openidm.anonymous.password": "anonymous",
    "openidm.host": "localhost",
    "openidm.port.http": "8080",
    "openidm.port.https": "8443",
}


def _boolean(value: Any) -> bool:
    return value if isinstance(value, bool) else str(value).strip().lower() == "true"


def _items(value: Any) -> list[Any]:
    return (
        value if isinstance(value, list) else [part.strip() for part in str(value).split(",") if part.strip()]
    )


_TYPES: Final[Mapping[str, Callable[[Any], Any]]] = {
    "$string": str,
    "$int": int,
    "$integer": int,
    "$number": float,
    "$bool": _boolean,
    "$boolean": _boolean,
    "$list": _items,
    "$array": _items,
}


class Substitution:
    """Puts values in place of their names.

    In order: the project's folders; the environment, where `openidm.admin.password` is `OPENIDM_ADMIN_PASSWORD`; the
    project's boot.properties; the default after the bar; what PingIDM ships. The rest stays as it is written.
    """

    def __init__(self, root: Path, environment: Mapping[str, str] | None = None) -> None:
        self._folders = dict.fromkeys(_FOLDERS, str(root.resolve()))
        self._environment = os.environ if environment is None else environment
        self._properties = _boot_properties(root)

    def apply(self, value: Any) -> Any:
        """A copy with everything put in place."""
        match value:
            case str():
                return _PLACE.sub(self._value, value) if "&{" in value else value
            case list():
                return [self.apply(element) for element in value]
            case dict():
                if len(value) == 1 and (make := _TYPES.get(next(iter(value)))):
                    return self._typed(make, next(iter(value.values())), value)
                return {name: self.apply(member) for name, member in value.items()}
            case _:
                return value

    def _typed(self, make: Callable[[Any], Any], written: Any, whole: Any) -> Any:
        try:
            return make(self.apply(written))
        except (TypeError, ValueError):
            return whole

    def _value(self, place: re.Match[str]) -> str:
        name, default = place.groups()
        if name in self._folders:
            return self._folders[name]
        given = self._environment.get(name.upper().replace(".", "_").replace("-", "_"))
        if given is not None:
            return given
        if name in self._properties:
            return self._properties[name]
        written: str = place.group()
        return _SHIPPED.get(name, written) if default is None else default


def is_open(text: str) -> bool:
    """Whether a name in the text found no value."""
    return _PLACE.search(text) is not None


def _boot_properties(root: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in _BOOT_PROPERTIES:
        try:
            lines = (root / file).read_text(errors="replace").splitlines()
        except OSError:
            continue
        pairs = (line.partition("=") for line in lines if "=" in line and line.strip()[0] not in "#!")
        found |= {name.strip(): value.strip() for name, _, value in pairs}
    return found
