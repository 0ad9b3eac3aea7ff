"""Systems that can tell whether a password is somebody's."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Authenticates(Protocol):
    """A connector that checks passwords."""

    async def authenticate(self, object_type: str, username: str, password: str) -> str | None:
        """The id of the object with this name and password; None when there is none, whichever is wrong."""
