"""Logs: one event a line, as JSON or for people; secrets never get that far.

Everything goes through the standard library's logging, so that libraries' lines look like ours. Values that belong to
all lines of a run or a request are bound with `bound`.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, Final, Literal, TextIO

import orjson
import structlog

Event = MutableMapping[str, Any]
Format = Literal["auto", "json", "human"]

REDACTED: Final = "(hidden)"
_SECRET_NAME: Final = re.compile(
    r"pass(word|wd|phrase)|secret|token|credential|authorization|cookie|api_?key|private_?key|\$crypto",
    re.IGNORECASE,
)
#: the password in an address such as postgresql://user:password@host
_SECRET_IN_URL: Final = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/@]+@", re.IGNORECASE)


def configure(format: Format = "auto", level: str = "info", stream: TextIO | None = None) -> None:
    """Send all logging of this process to `stream` (standard error); `auto` is human on a terminal."""
    stream = stream or sys.stderr
    human = format == "human" or (format == "auto" and stream.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.stdlib.PositionalArgumentsFormatter(),
        redact,
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(human, stream),
            ],
        )
    )
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


@contextmanager
def bound(**values: Any) -> Iterator[None]:
    """Every line that this task or thread logs inside carries these values: `with bound(run=run_id):`."""
    with structlog.contextvars.bound_contextvars(**values):
        yield


def redact(_logger: Any, _method: str, event: Event) -> Event:
    """Hide the values of members whose names say that they are secret, at any depth, and passwords in addresses."""
    return {name: REDACTED if _is_secret(name, value) else _clean(value) for name, value in event.items()}


def _is_secret(name: object, value: object) -> bool:
    return value is not None and isinstance(name, str) and _SECRET_NAME.search(name) is not None


def _clean(value: Any) -> Any:
    match value:
        case str() if "://" in value:
            return _SECRET_IN_URL.sub(rf"\1{REDACTED}@", value)
        case Mapping():
            return {
                name: REDACTED if _is_secret(name, member) else _clean(member)
                for name, member in value.items()
            }
        case list() | tuple():
            return [_clean(member) for member in value]
        case _:
            return value


def _renderers(human: bool, stream: TextIO) -> list[structlog.typing.Processor]:
    if human:
        plain = structlog.dev.plain_traceback
        return [
            structlog.dev.ConsoleRenderer(
                colors=stream.isatty(), exception_formatter=plain, timestamp_key="time"
            )
        ]
    return [
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("message"),
        structlog.processors.JSONRenderer(serializer=_json),
    ]


def _json(event: Any, **_options: Any) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
