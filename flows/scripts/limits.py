"""How much one script may take."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of every call of a script; what goes beyond fails that call, never the process."""

    seconds: float = 1.0
    """A script without `openidm`: time of the processor, counted for this whole process, a call."""
    process_seconds: float = 5.0
    """A script with `openidm`: time on the wall a call, without the time that the calls to `openidm` take."""
    memory_bytes: int = 64 * 2**20
    """Of one context, with everything its scripts keep."""
    value_bytes: int = 16 * 2**20
    """Of what goes into one call, and of what comes out."""
    source_bytes: int = 2**20
    """Of one script file or module."""
    processes: int = 16
    """Killable processes at once; a script that finds none free waits its `process_seconds`."""
    nesting: int = 4
    """How deep a script may start another through `openidm.action("script", "eval")`."""
    strikes: int = 3
    """A script that runs out of time so often in a row is not tried again in that session."""
