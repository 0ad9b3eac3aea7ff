"""One `recon up` for each data folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from conf.errors import Conflict

NAME = "recon.lock"


def is_in_use(data: Path) -> bool:
    """Whether a `recon up` has the folder, perhaps one that is still starting."""
    try:
        handle = os.open(data / NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


class FolderLock:
    """Held as long as this process lives; the system lets go of it however the process ends."""

    def __init__(self, data: Path) -> None:
        self._path = data / NAME
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.read(self._handle, 32).decode(errors="replace").strip()
            os.close(self._handle)
            by = f"process {owner}" if owner else "another process"
            raise Conflict(
                f"The data folder {data} is in use by {by}; stop it, or name another folder with --data."
            ) from error
        os.ftruncate(self._handle, 0)
        os.write(self._handle, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let others have the folder."""
        os.ftruncate(self._handle, 0)
        os.close(self._handle)
