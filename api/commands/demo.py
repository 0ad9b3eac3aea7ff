"""`recon demo`: the approval sample from start to end, without a question."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from typing import Annotated, Literal

from cyclopts import Parameter

from api.commands import folders
from api.commands.options import Output
from api.commands.outcome import Exit
from api.commands.printing import note, say, say_json
from api.commands.throwaway import running
from api.commands.walk import Step, Walk


def demo(
    *,
    executor: Annotated[
        Literal["prefect", "embedded"], Parameter(help="`embedded` goes without a Prefect server.")
    ] = "prefect",
    keep: Annotated[bool, Parameter(negative=(), help="Leave the server on until Ctrl-C.")] = False,
    output: Output = "text",
) -> int:
    """Walk through the approval sample from start to end, on its own, in half a minute.

    Everything happens in a temporary folder and on a free port of this machine; nothing is left behind.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    begun = time.monotonic()
    note("Starting a server on a copy of the sample; this takes a few seconds.")
    with running(folders.SAMPLE, executor) as server:
        _tell(1, Step("Start the server", server.command, server.url, {}, time.monotonic() - begun), output)
        for number, step in enumerate(Walk(server.url).steps(), 2):
            _tell(number, step, output)
        note(f"Done in {time.monotonic() - begun:.0f} s.")
        if keep:
            note(f"The server stays on at {server.url}/docs until Ctrl-C.")
            with suppress(KeyboardInterrupt):
                server.process.wait()
    note("Next: recon up")
    return Exit.DONE


def _tell(number: int, step: Step, output: Output) -> None:
    if output == "json":
        say_json({"step": number, **vars(step)})
        return
    say(f"{_bold(f'{number}. {step.title}')}  ({step.seconds:.1f} s)")
    say(f"   {step.curl}")
    say(f"   -> {step.found}")
    say()


def _bold(text: str) -> str:
    plain = "NO_COLOR" in os.environ or not sys.stdout.isatty()
    return text if plain else f"\x1b[1m{text}\x1b[0m"


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
