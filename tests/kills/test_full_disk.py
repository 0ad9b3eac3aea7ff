"""The disk fills up at each growth of the database: a sentence, nothing lost, and all goes on once there is room."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kills.databases import LONG
from tests.kills.deciding import check, decide_all, open_tasks, settled
from tests.kills.lives import (
    APPROVED,
    AUDITED,
    PEOPLE,
    USERS,
    Work,
    World,
    broken_promises,
    carry_out_all,
    run_to_its_end,
)
from tests.kills.lives import decide_all as decide_all_at_once
from tests.kills.product import APPROVER, Product
from tests.kills.worlds import Worlds

pytestmark = [pytest.mark.kills, pytest.mark.timeout(900)]

DISK_BYTES = 200_000_000
GROWTH_BYTES = 16_384 if LONG else 65_536
"""The database and its log grow by pages of 16 KiB."""
ON_SQLITE = pytest.mark.parametrize(
    "worlds",
    [
        "sqlite",
        pytest.param(
            "postgresql",
            marks=[
                pytest.mark.services,
                pytest.mark.skip(
                    reason="the disk of a PostgreSQL is its server's, which then stops or says so"
                ),
            ],
        ),
    ],
    indirect=True,
)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own, which only root can have."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", place], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"a disk of its own cannot be mounted: {mounted.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@contextmanager
def room_for(disk: Path, left: int) -> Iterator[None]:
    """Only so many bytes are left on the disk."""
    found = os.statvfs(disk)
    filler = disk / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, found.f_bavail * found.f_frsize - left))
    try:
        yield
    finally:
        filler.unlink()


def at_each_growth(before: World, disk: Path, folder: Path, work: Work) -> Iterator[World]:
    """Worlds whose disk was full at the first growth, the second, ..., and where there was room in a second life."""
    for step in range(10_000):
        world = World(folder / str(step))
        shutil.copytree(before.folder, world.folder)
        shutil.rmtree(world.folder / "data")
        shutil.copytree(before.folder / "data", disk / str(step))
        (world.folder / "data").symlink_to(disk / str(step))
        with room_for(disk, step * GROWTH_BYTES):
            ended, _ = world.live(work)
        assert broken_promises(world) == []
        if ended == 0:
            assert step > 3, "the disk was never full"
            return
        assert ended == 1, f"the life ended with {ended}"
        said = (world.folder / "error").read_text()
        assert said.startswith(("Unavailable", "Interrupted")), said
        assert "disk" in said, said
        world.lapse()
        assert world.live(work)[0] == 0
        assert broken_promises(world) == []
        yield world
        shutil.rmtree(disk / str(step))


@ON_SQLITE
def test_a_run_goes_on(worlds: Worlds, disk: Path, tmp_path: Path) -> None:
    for world in at_each_growth(worlds.born, disk, tmp_path, run_to_its_end):
        assert world.counters() == worlds.undisturbed.counters
        assert world.rows(AUDITED) == worlds.undisturbed.audited
        assert world.rows("select count(*) from task_instance where status = 'OPEN'") == [(PEOPLE,)]


@ON_SQLITE
def test_decisions_are_all_taken_once(worlds: Worlds, disk: Path, tmp_path: Path) -> None:
    for world in at_each_growth(worlds.asked, disk, tmp_path, decide_all_at_once):
        assert world.rows("select count(*) from decision") == [(PEOPLE,)]


@ON_SQLITE
def test_what_was_approved_is_carried_out_once(worlds: Worlds, disk: Path, tmp_path: Path) -> None:
    for world in at_each_growth(worlds.decided, disk, tmp_path, carry_out_all):
        assert world.rows(USERS) == world.rows(APPROVED)
        assert world.rows("select first_id from link order by first_id") == world.rows(APPROVED)
        assert world.rows("select count(*) from intent where state <> 'APPLIED'") == [(0,)]


def test_a_running_server_says_that_its_disk_is_full_and_goes_on_when_there_is_room(
    disk: Path, tmp_path: Path
) -> None:
    (tmp_path / "data").symlink_to(disk)
    with Product(tmp_path, executor="embedded") as product:
        product.create_approver()
        asked, fresh = [f"p{number:02d}" for number in range(20)], [f"q{number:03d}" for number in range(300)]
        product.write_people(asked)
        product.recon()
        tasks = open_tasks(product)
        product.write_people(asked + fresh)
        with room_for(disk, 0):
            body = {"requestApproved": "true"}
            refused = {
                product.call("POST", f"workflow/taskinstance/{task}?_action=complete", body, APPROVER)[0]
                for task in tasks.values()
            }
            assert refused <= {200, 202, 404, 503}
            assert 503 in refused
            assert len(product.query("workflow/taskinstance")) <= len(asked), "reading goes on"
            more = {"userName": "x", "givenName": "x", "sn": "x", "mail": "x@example.com"}
            status, answer = product.call("POST", "managed/user", more)
            assert (status, "disk" in answer["message"]) == (503, True), answer
        run = product.recon()
        assert run["state"] == "SUCCESS", run
        verdicts = dict.fromkeys(open_tasks(product), True)
        decide_all(product, verdicts)
        settled(product, {*asked, *fresh})
        check(product, {*asked, *fresh}, asked + fresh)
