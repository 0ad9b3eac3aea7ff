"""Whether calls that name no version of the interface are told so: `conf/apiVersion.json`, in PingIDM's shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from conf.document import Node

ID: Final = "apiVersion"


@dataclass(frozen=True)
class VersionWarning:
    """What happens to a call without `Accept-API-Version`."""

    enabled: bool = False
    """Its answer carries a `Warning`."""
    paths: tuple[str, ...] = ()
    """Paths that the log names, once each, when a call goes to them or below."""

    def logged_as(self, path: str) -> str | None:
        """The longest of the paths that a call to `path` falls under."""
        return max((one for one in self.paths if f"{path}/".startswith(f"{one}/")), key=len, default=None)


def read_api_version(root: Node) -> VersionWarning:
    """The warning that a document with everything put in place asks for."""
    if not root.value or not root.is_object():
        return VersionWarning()
    warning = root.child("warning")
    if warning.value is None or not warning.is_object():
        return VersionWarning()
    paths = tuple(path.strip("/") for path in warning.texts("logFilterResourcePaths"))
    return VersionWarning(warning.flag("enabled", False), paths)
