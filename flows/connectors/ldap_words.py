"""What both libraries have under the same names: escaping, DNs, schema definitions and paging controls."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, cast

from flows.connectors.ldap_port import AttributeType, DirectoryError, Rdn, Search

PAGED_RESULTS: Final = "1.2.840.113556.1.4.319"
_BLANKS: Final = re.compile(r"((?:\\.|[^\\,])*)(,?)\s*", re.DOTALL)


class Words:
    """Functions of a library whose module speaks python-ldap's language."""

    def __init__(self, module: Any) -> None:
        self.module = module

    def escape(self, value: str) -> str:
        escaped: str = self.module.filter.escape_filter_chars(value)
        return escaped

    def split(self, dn: str) -> list[Rdn]:
        # blanks after a comma are allowed of old, and not every library knows
        tidy = _BLANKS.sub(lambda found: found[1] + found[2], dn.strip())
        try:
            return cast(list[Rdn], self.module.dn.str2dn(tidy))
        except self.module.LDAPError:
            raise ValueError(f"{dn!r} is not a DN") from None

    def join(self, steps: Sequence[Rdn]) -> str:
        joined: str = self.module.dn.dn2str(steps)
        return joined

    def attribute_type(self, definition: str) -> AttributeType:
        return cast(AttributeType, self.module.schema.AttributeType(definition))

    def controls(self, search: Search) -> list[Any]:
        """What a search carries besides itself."""
        if not search.page_size:
            return []
        paging = self.module.controls.SimplePagedResultsControl
        return [paging(criticality=True, size=search.page_size, cookie=search.cookie)]

    def cookie(self, controls: Iterable[Any]) -> bytes:
        """Where a page ended."""
        for control in controls:
            if control.controlType == PAGED_RESULTS:
                return bytes(control.cookie or b"")
        return b""

    def error(self, cause: Any) -> DirectoryError:
        """A library's error as ours."""
        told = cause.args[0] if cause.args and isinstance(cause.args[0], dict) else {}
        code = told.get("result")
        if code is None:
            code = getattr(cause, "errnum", None)
        info = told.get("info", "") if told else " ".join(map(str, cause.args))
        return DirectoryError(
            80 if code is None else int(code),
            str(info or "").strip(),
            str(told.get("matched") or ""),
            str(told.get("desc") or type(cause).__name__),
        )


def sync_entries(data: Iterable[Any], take: Any) -> None:
    """Hand over the entries of a message of a synchronisation that were added or changed."""
    for item in data:
        dn, attributes, controls = item
        if any(getattr(control, "state", "") in ("add", "modify") for control in controls or ()):
            take(dn, attributes)


def sync_cookie(controls: Iterable[Any], before: str) -> str:
    """The cookie with which a synchronisation ended."""
    found = [control.cookie for control in controls if hasattr(control, "refreshDeletes")]
    last = next((cookie for cookie in found if cookie), before)
    return last.decode() if isinstance(last, bytes) else str(last)
