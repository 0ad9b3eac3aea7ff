"""`server.json` in the data folder: where the server that runs on it is to be found."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

NAME: Final = "server.json"


def publish(data: Path, host: str, port: int) -> str:
    """Say that a server is there, under the address at which this machine reaches it; answers the address."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    url = f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"
    draft = data / f".{NAME}.{os.getpid()}"
    draft.write_text(json.dumps({"url": url, "pid": os.getpid()}) + "\n")
    draft.replace(data / NAME)
    return url


def withdraw(data: Path) -> None:
    """Say that it is gone, if it was ours."""
    try:
        ours = json.loads((data / NAME).read_text())["pid"] == os.getpid()
    except (OSError, ValueError, KeyError, TypeError):
        return
    if ours:
        (data / NAME).unlink(missing_ok=True)


def find(data: Path) -> str | None:
    """Address of the server that runs on a data folder, as far as it said so."""
    try:
        return str(json.loads((data / NAME).read_text())["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
