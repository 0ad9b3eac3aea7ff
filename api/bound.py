"""Ties the life of a process to that of the one that started it, also when that one is killed."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PARENT = "RECON_SUPERVISOR"
"""Environment variable with the supervisor's process id."""
_SET_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of prctl(2)."""
COMMAND = ("-P", "-c", "from api.bound import become; become()")
"""Arguments of Python that run the rest of the command line in a process bound by SIGKILL."""


def die_with_parent(sent: signal.Signals) -> None:
    """Ask the kernel for this signal when the supervisor ends; does nothing outside Linux or without one."""
    parent = os.environ.get(PARENT)
    if parent is None or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_SET_PARENT_DEATH_SIGNAL, int(sent), 0, 0, 0)
    # it may have ended before the kernel was asked
    if os.getppid() != int(parent):
        raise SystemExit(1)


def become() -> None:
    """Turn into the command given as arguments, which dies with the supervisor."""
    die_with_parent(signal.SIGKILL)
    os.execv(sys.argv[1], sys.argv[1:])
