"""One page in hand: order, errors and an early end."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from conf.errors import Unavailable
from flows.recon.reading_ahead import reading_ahead
from flows.recon.source_side import SourcePage


class Source:
    """Three pages, the last of which may fail; remembers what was read and whether it was closed."""

    def __init__(self, *, fails: bool = False) -> None:
        self.read: list[str] = []
        self.fails = fails
        self.closed = False

    async def pages(self) -> AsyncGenerator[SourcePage]:
        try:
            for cursor in ("1", "2", "3"):
                await asyncio.sleep(0)
                if self.fails and cursor == "3":
                    raise Unavailable("the system went away")
                self.read.append(cursor)
                yield SourcePage([], cursor=cursor)
        finally:
            self.closed = True


async def test_the_pages_are_the_same_and_the_next_one_is_read_meanwhile() -> None:
    source, seen = Source(), []
    async for page in reading_ahead(source.pages()):
        seen.append(page.cursor)
        await asyncio.sleep(0.01)
        assert source.read == ["1", "2", "3"][: len(seen) + 1]
    assert seen == ["1", "2", "3"]
    assert source.closed


async def test_an_error_is_raised_for_the_page_that_it_belongs_to() -> None:
    pages = reading_ahead(Source(fails=True).pages())
    for expected in ("1", "2"):
        assert (await anext(pages)).cursor == expected
        await asyncio.sleep(0.01)
    with pytest.raises(Unavailable, match="went away"):
        await anext(pages)


async def test_who_stops_early_closes_the_source() -> None:
    source = Source()
    async with aclosing(reading_ahead(source.pages())) as pages:
        await anext(pages)
    assert source.closed
