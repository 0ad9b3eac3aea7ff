"""Exit codes, and the error that ends a command with one sentence."""

from enum import IntEnum


class Exit(IntEnum):
    """What the exit code of a command means."""

    DONE = 0
    FAILED = 1
    """The server, the configuration, a run or some of its entries."""
    USAGE = 2
    WAITING = 4
    """With `--wait`: finished, but tasks wait for a person."""
    REFUSED = 5
    """Decided already, or the situation has changed meanwhile."""
    INTERRUPTED = 130


class CommandFailed(Exception):
    """Ends the command; the message goes to standard error."""

    def __init__(self, message: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.code = code
