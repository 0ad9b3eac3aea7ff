"""Checks of what is running: our server, its clock, Prefect, the port."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from api import address_file
from api.commands.findings import Finding, doubtful, well, wrong
from api.ports import is_free, owner_of
from conf.settings import Settings
from flows.reachable import status_of

SKEW_SECONDS = 5.0


async def check_server(settings: Settings, url: str | None) -> AsyncIterator[Finding]:
    """Whether the server answers, where there should be one; else whether there could be one."""
    url = url or address_file.find(settings.data)
    if url is None:
        yield _port(settings.port)
    else:
        for finding in _answers(url):
            yield finding
    if settings.prefect_api:
        answered = await status_of(f"{settings.prefect_api.rstrip('/')}/health", 3.0)
        if answered == 200:
            yield well("Prefect", settings.prefect_api)
        else:
            yield wrong(
                "Prefect", f"{settings.prefect_api} does not answer", "start it, or unset RECON_PREFECT_API"
            )


def _answers(url: str) -> list[Finding]:
    try:
        with build_opener(ProxyHandler({})).open(f"{url.rstrip('/')}/healthz", timeout=5) as answer:
            date = answer.headers.get("Date")
    except (URLError, OSError) as cause:
        reason = getattr(cause, "reason", cause)
        return [wrong("Server", f"{url} does not answer as it should: {reason}", "start it with `recon up`")]
    found = [well("Server", f"{url} answers")]
    if date is not None:
        apart = abs(parsedate_to_datetime(date).timestamp() - time.time())
        if apart > SKEW_SECONDS:
            found.append(
                doubtful("Clock", f"{apart:.0f} s apart from the server's", "let NTP set both clocks")
            )
        else:
            found.append(well("Clock", "the same as the server's"))
    return found


def _port(port: int) -> Finding:
    if port == 0 or is_free(port):
        return well("Server", f"not running; port {port} is free for it")
    owner = owner_of(port)
    by = f" by process {owner}" if owner else ""
    return doubtful("Server", f"not running, and port {port} is taken{by}", "name another with --port")
