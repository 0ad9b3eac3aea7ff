"""An answer that is not the last word yet."""

from typing import Any


class Pending(dict[str, Any]):
    """A body for status 202: the request is kept and carried out, its outcome is not known yet."""
