"""The repair that the Prefect server is started with."""

import os
import subprocess
import sys
from pathlib import Path

from conf.settings import Settings
from flows.prefect_environment import client_environment
from flows.serving_prefect import BUSY_MS

ASK = """
import asyncio, sys
from flows.serving_prefect import wait_briefly
wait_briefly()
from prefect.server.database.configurations import AioSqliteConfiguration

async def ask():
    engine = await AioSqliteConfiguration(f"sqlite+aiosqlite:///{sys.argv[1]}/it.db").engine()
    async with engine.connect() as connection:
        print((await connection.exec_driver_sql("pragma busy_timeout")).scalar())
    await engine.dispose()

asyncio.run(ask())
"""


def test_connections_of_the_server_to_sqlite_wait_briefly_for_the_lock(tmp_path: Path) -> None:
    settings = Settings(project=tmp_path, data=tmp_path)
    environment = client_environment(settings, "http://127.0.0.1:9/api", os.environ)
    told = subprocess.run(
        [sys.executable, "-c", ASK, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert told.stdout.split() == [str(BUSY_MS)], told.stderr
