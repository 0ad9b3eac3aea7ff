"""`recon _child`: the processes that `recon up` starts; not for people."""

from __future__ import annotations

from typing import Literal


def child(name: Literal["api", "worker"], /) -> int:
    """Run one process of the server, with the settings of the environment."""
    # help and suggestions load this module too, and need none of it
    from api.processes import run_api, run_worker  # noqa: PLC0415
    from conf.settings import Settings  # noqa: PLC0415

    return run_api(Settings()) if name == "api" else run_worker(Settings())
