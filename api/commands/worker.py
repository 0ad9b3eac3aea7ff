"""`recon worker`: one more worker, on this machine or another."""

from __future__ import annotations

from api.commands.options import Data, Project


def worker(*, project: Project = None, data: Data = None) -> int:
    """Run one more worker for a server that runs elsewhere."""
    raise NotImplementedError
