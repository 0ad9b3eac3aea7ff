"""What carries out the steps of a run: the worker by itself, or Prefect, which then shows each one.

The phases are plain functions; they hand every step to the shell they were given, whichever it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

T = TypeVar("T")


class Interrupted(BaseException):
    """The worker is stopping, or no longer holds the run: leave everything as it is, another one goes on.

    Not an `Exception`, so that whoever turns errors into a failed run lets it pass.
    """


class Shell(Protocol):
    """Carries out the steps of one run."""

    async def step(self, name: str, act: Callable[[], Awaitable[T]]) -> T:
        """Do one step (a phase, or a page of one) and answer what it answered; its errors pass through.

        Raises Interrupted in place of a step that should not begin any more.
        """
        ...

    async def progress(self, fraction: float | None, text: str) -> None:
        """How far the run is, 0 to 1, or None when that is not known; never fails."""
        ...

    async def report(self, title: str, markdown: str, link: str) -> None:
        """What came out, with the address of the run; never fails."""
        ...


@dataclass(frozen=True)
class Report:
    """What came out of a run, as a page."""

    title: str
    markdown: str
    link: str

    @property
    def page(self) -> str:
        """The whole page, as Markdown."""
        return f"# {self.title}\n\n{self.markdown}\n\n[Open this run]({self.link})\n"


async def always() -> None:
    """Every step may begin."""


class EmbeddedShell:
    """Awaits each step directly; shows nothing.

    `before_step` is awaited before each step; it raises Interrupted when the step should not begin.
    """

    def __init__(self, before_step: Callable[[], Awaitable[None]] = always) -> None:
        self._before_step = before_step

    async def step(self, name: str, act: Callable[[], Awaitable[T]]) -> T:
        await self._before_step()
        return await act()

    async def progress(self, fraction: float | None, text: str) -> None:
        return None

    async def report(self, title: str, markdown: str, link: str) -> None:
        return None
