"""What the processes of the server do: answer calls, or carry out runs and decisions."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from api.bound import die_with_parent
from api.ports import handed_over, listen
from conf import logs
from flows.prefect_environment import api_address, client_environment

if TYPE_CHECKING:
    from conf.settings import Settings

GRACE_SECONDS = 5
"""How long the api lets calls under way finish."""
EXIT_SECONDS = 1.0
"""How long a process that has done its work may take to end."""
SHOWN_ELSEWHERE = ("prefect.flow_runs", "prefect.task_runs")
"""Loggers whose lines Prefect shows beside the run; ours say the same."""
TALKATIVE = ("prefect", "httpx", "alembic")
"""Loggers that tell of each request and the like."""


def run_api(settings: Settings) -> int:
    """Serve until SIGTERM or Ctrl-C; answers the exit code."""
    die_with_parent(signal.SIGTERM)
    start_logging(settings)
    import uvicorn  # noqa: PLC0415 - the worker needs none of it

    from api.app import create_app  # noqa: PLC0415
    from api.cut_short import tell_who_is_cut_short  # noqa: PLC0415

    server = uvicorn.Server(
        uvicorn.Config(
            tell_who_is_cut_short(create_app(settings)),
            log_config=None,
            access_log=False,
            lifespan="on",
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )
    server.run(sockets=[handed_over() or listen(settings.host, settings.port)])
    return 0 if server.started else 1


def run_worker(settings: Settings) -> int:
    """Work until SIGTERM or Ctrl-C; answers the exit code."""
    die_with_parent(signal.SIGTERM)
    start_logging(settings)
    if settings.executor == "prefect":
        # before anything imports Prefect, which reads its settings then
        environment = client_environment(settings, api_address(settings), os.environ)
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        os.environ.update(environment)
    from flows.worker import work  # noqa: PLC0415 - the api needs none of it

    try:
        asyncio.run(work(settings))
    finally:
        _end_soon()
    return 0


def _end_soon() -> None:
    """A lane that hangs, or a library that waits for a server that is gone, does not keep the process alive."""
    failed = sys.exc_info()[0] is not None
    last = threading.Timer(EXIT_SECONDS, os._exit, [1 if failed else 0])
    last.daemon = True
    last.start()


def start_logging(settings: Settings) -> None:
    """Log as the settings say, without what libraries tell of each request."""
    logs.configure(settings.log_format, settings.log_level)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_ours_to_tell)


def _is_ours_to_tell(record: logging.LogRecord) -> bool:
    if record.name.startswith(SHOWN_ELSEWHERE):
        return False
    return record.levelno >= logging.WARNING or not record.name.startswith(TALKATIVE)
