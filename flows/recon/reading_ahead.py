"""Reading a connected system while the page before is worked on: neither has to wait for the other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from flows.recon.source_side import SourcePage


async def reading_ahead(pages: AsyncGenerator[SourcePage]) -> AsyncGenerator[SourcePage]:
    """The same pages in the same order, one of them in hand beyond the one that was asked for.

    What goes wrong with a page is raised when that page is asked for.
    """

    async def following() -> SourcePage | None:
        return await anext(pages, None)

    reading = asyncio.create_task(following())
    try:
        while (page := await reading) is not None:
            reading = asyncio.create_task(following())
            yield page
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await pages.aclose()
