"""`Accept`: whether a caller takes JSON, which is all that the REST interface answers but for reports."""

from __future__ import annotations

import re
from typing import ClassVar, Final

from conf.errors import ReconError

_RANGE: Final = re.compile(r"\s*([\w!#$&^.+*-]+)/([\w!#$&^.+*-]+)\s*(?:;(.*))?", re.DOTALL)
_NONE: Final = re.compile(r"(?:^|;)\s*q\s*=\s*0(?:\.0*)?\s*(?:;|$)", re.IGNORECASE)


class NotAcceptable(ReconError):
    """The caller takes no JSON."""

    code: ClassVar[int] = 406


def check(header: str | None) -> None:
    """Raise NotAcceptable for a header that names formats, none of which is JSON; a broken one says nothing."""
    if header is None or header == "*/*":
        return
    found: dict[int, bool] = {}
    ranges = [match for part in header.split(",") if (match := _RANGE.fullmatch(part))]
    for match in ranges:
        kind, subtype = match[1].lower(), match[2].lower()
        if (rank := _rank(kind, subtype)) is not None:
            found[rank] = found.get(rank, False) or _NONE.search(match[3] or "") is None
    if ranges and not (found and found[max(found)]):
        raise NotAcceptable(
            f"The header Accept: {header[:200]} leaves out application/json, in which answers come"
        )


def _rank(kind: str, subtype: str) -> int | None:
    """How closely a range fits JSON, None when it does not; the closest one decides."""
    if subtype == "json" or subtype.endswith("+json"):
        return 3
    if (kind, subtype) == ("application", "*"):
        return 2
    return 1 if (kind, subtype) == ("*", "*") else None
