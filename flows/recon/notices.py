"""Notices to implicit synchronisation, which the router's process may or may not offer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from flows.recon.page_world import PageWorld

if TYPE_CHECKING:
    from flows.call import Call


def notifier(call: Call, container: str, world: Callable[[], PageWorld]) -> Callable[[], Awaitable[None]]:
    """Tells implicit synchronisation what a world has written to a managed target since it was last told."""

    name = container.removeprefix("managed/")

    async def notify() -> None:
        tell = call.runtime.extras.get("implicit_sync")
        for change in world().take_changes():
            if tell is not None:
                await tell(call, name, change.id, change.before, change.after)

    return notify
