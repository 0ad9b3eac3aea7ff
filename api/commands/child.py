"""`recon _child`: the processes that `recon up` starts; not for people."""

from __future__ import annotations

from typing import Literal


def child(name: Literal["api", "worker"], /) -> int:
    """Run one process of the server, with the settings of the environment."""
    raise NotImplementedError(name)
