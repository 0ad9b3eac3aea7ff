"""The environment in which Prefect runs for us: its home in our data folder, nothing sent anywhere.

Imports nothing of Prefect: it reads its settings when it is imported, so they must stand before.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from conf.errors import ConfigError
from conf.settings import Settings

#: a server that has died is back within half a minute; longer waiting would hold up the next run
CLIENT_RETRIES = 2
REQUEST_SECONDS = 20
#: the default of 5 s loads every suspended run each time: a third of a core at 10,000 pending approvals
PAUSE_LOOP_SECONDS = 600
DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}


def home(settings: Settings) -> Path:
    """Folder of Prefect's own files."""
    return settings.data.resolve() / "prefect"


def api_address(settings: Settings) -> str:
    """Where the Prefect server's API is: the one that was named, or that of `recon up` on this machine."""
    return settings.prefect_api or f"http://127.0.0.1:{settings.prefect_port}/api"


def client_environment(settings: Settings, api: str, inherited: Mapping[str, str]) -> dict[str, str]:
    """Environment of a process that talks to the Prefect server at `api`.

    Settings of the person's own Prefect (a profile, a cloud key) are left out, unless the server is one
    that was named by `prefect_api`, where they may be what lets us in.
    """
    kept = {
        name: value
        for name, value in inherited.items()
        if settings.prefect_api or not name.startswith("PREFECT_")
    }
    return kept | {
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": str(home(settings)),
        "PREFECT_API_URL": api,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_API_REQUEST_TIMEOUT": str(REQUEST_SECONDS),
        "PREFECT_CLIENT_MAX_RETRIES": str(CLIENT_RETRIES),
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    }


def server_environment(settings: Settings, port: int, inherited: Mapping[str, str]) -> dict[str, str]:
    """Environment of the Prefect server that we start on loopback."""
    api = f"http://127.0.0.1:{port}/api"
    found = client_environment(settings.model_copy(update={"prefect_api": None}), api, inherited)
    found |= {
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_API_PORT": str(port),
        # without it the dashboard asks port 4200, wherever the server listens
        "PREFECT_SERVER_UI_API_URL": api,
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        "PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_LOOP_SECONDS": str(PAUSE_LOOP_SECONDS),
    }
    if settings.prefect_database:
        found["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = with_driver(settings.prefect_database)
    return found


def with_driver(url: str) -> str:
    """The address of a database as Prefect wants it, with its asynchronous driver."""
    kind, separator, rest = url.partition("://")
    driver = DRIVERS.get(kind.partition("+")[0])
    if not separator or driver is None:
        raise ConfigError(
            "The address of Prefect's database is not understood; write sqlite:////folder/file.db "
            "or postgresql://user:password@host:5432/database"
        )
    return f"{driver}://{rest}"
