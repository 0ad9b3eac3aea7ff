"""The Prefect server's database stands beside ours on PostgreSQL."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from conf.errors import ReconError
from conf.settings import Settings
from flows.prefect_database import beside, with_prefect_database
from tests import postgres


@pytest.fixture
def database(postgres_cluster: str) -> Iterator[str]:
    with postgres.database(postgres_cluster) as url:
        yield url


def test_its_name_is_ours_with_an_ending_and_never_too_long() -> None:
    assert beside(make_url("postgresql://u@h/recon")).database == "recon_prefect"
    assert beside(make_url(f"postgresql://u@h/{'x' * 63}")).database == f"{'x' * 55}_prefect"


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(executor="embedded", database="postgresql://u@h/recon"),
        Settings(prefect_api="http://h:4200/api", database="postgresql://u@h/recon"),
        Settings(prefect_database="sqlite:////p.db", database="postgresql://u@h/recon"),
    ],
)
async def test_it_is_left_alone_where_there_is_nothing_to_choose(settings: Settings) -> None:
    assert await with_prefect_database(settings) is settings


@pytest.mark.services
async def test_it_is_created_once(database: str, tmp_path: Path) -> None:
    settings = Settings(database=database, data=tmp_path)
    first, second = await with_prefect_database(settings), await with_prefect_database(settings)
    assert first == second
    assert make_url(str(first.prefect_database)).database == f"{make_url(database).database}_prefect"


@pytest.fixture
def humble(postgres_cluster: str, database: str) -> Iterator[str]:
    """The same database for an account that may create none."""
    postgres.administer(postgres_cluster, "create role humble login")
    yield make_url(database).set(username="humble").render_as_string(hide_password=False)
    postgres.administer(postgres_cluster, "drop role humble")


@pytest.mark.services
async def test_an_account_that_may_not_create_it_keeps_it_in_the_data_folder(
    humble: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        found = await with_prefect_database(Settings(database=humble))
    assert found.prefect_database is None
    assert "RECON_PREFECT_DATABASE" in caplog.text


@pytest.mark.services
async def test_a_database_that_is_not_there_is_said_in_a_sentence(postgres_cluster: str) -> None:
    nowhere = make_url(postgres_cluster).set(database="nosuch").render_as_string(hide_password=False)
    with pytest.raises(ReconError, match="no database of that name"):
        await with_prefect_database(Settings(database=nowhere))
