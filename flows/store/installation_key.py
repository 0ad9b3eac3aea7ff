"""The installation's own key: made on first use, kept in the data folder, readable by its owner alone."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path
from typing import Final

from conf.errors import ConfigError

FILE: Final = "installation.key"
BYTES: Final = 32


def installation_key(folder: Path) -> bytes:
    """The key of this data folder. Losing it is no disaster: passwords that mappings set are written once more."""
    path = folder / FILE
    try:
        if not path.exists():
            _make(path)
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"Others can read {path}; make it private with chmod 600")
        key = bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"The key {path} cannot be used ({error}); repair it, or remove it to get another"
        ) from error
    if len(key) != BYTES:
        raise ConfigError(f"The key {path} has {len(key)} bytes instead of {BYTES}; remove it to get another")
    return key


def _make(path: Path) -> None:
    """Write it beside and link it into place, so that nobody sees half a key and the first of two writers wins."""
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{FILE}.")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(beside, path)
        except FileExistsError:
            return
    finally:
        Path(beside).unlink()
