"""What a transaction promises, on both databases."""

import asyncio
import subprocess
import sys
import textwrap
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text

from conf.database import Database, Duplicate
from conf.errors import BadRequest


@pytest.fixture
async def numbers(database: Database) -> Database:
    async with database.write() as tx:
        await tx.run("create table numbers (id text primary key, n bigint not null)")
        await tx.insert("numbers", ("id", "n"), [("a", 1), ("b", 2), ("c", 3)])
    return database


async def value(database: Database, id: str) -> int | None:
    async with database.read() as tx:
        rows = await tx.fetch("select n from numbers where id = ?", (id,))
    return rows[0][0] if rows else None


async def test_statements_answer_rows_and_counts(numbers: Database) -> None:
    async with numbers.write() as tx:
        assert await tx.run("update numbers set n = n + ? where n > ?", (10, 1)) == 2
        assert await tx.fetch("select id, n from numbers order by id") == [("a", 1), ("b", 12), ("c", 13)]
        await tx.run_many("insert into numbers (id, n) values (?, ?)", [("d", 4), ("e", 5)])
        assert await tx.run("delete from numbers where id = ?", ("nobody",)) == 0
        found = await tx.execute(text("select n from numbers where id = :id"), {"id": "e"})
        assert found.scalar_one() == 5


async def test_question_marks_in_quotes_are_no_placeholders(numbers: Database) -> None:
    async with numbers.read() as tx:
        rows = await tx.fetch("select '?', 'it''s ?', n from numbers where id = ?", ("a",))
    assert rows == [("?", "it's ?", 1)]


async def test_many_ids_go_in_one_parameter(numbers: Database) -> None:
    async with numbers.read() as tx:
        ids = tx.texts(["a", "c", "it's", 'q"', *(f"id{number}" for number in range(40_000))])
        assert await tx.fetch(f"select id from numbers where id {tx.among} order by id", (ids,)) == [
            ("a",),
            ("c",),
        ]
        ns = tx.numbers([2, 2**62])
        assert await tx.fetch(f"select id from numbers where n {tx.among_numbers}", (ns,)) == [("b",)]


async def test_an_error_undoes_everything_and_is_what_the_caller_sees(numbers: Database) -> None:
    async def work() -> None:
        async with numbers.write() as tx:
            await tx.run("update numbers set n = 100 where id = 'a'")
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await work()
    assert await value(numbers, "a") == 1


async def test_a_cancelled_block_undoes_everything(numbers: Database) -> None:
    inside = asyncio.Event()

    async def work() -> None:
        async with numbers.write() as tx:
            await tx.run("update numbers set n = 100 where id = 'a'")
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await value(numbers, "a") == 1
    async with numbers.write() as tx:
        await tx.run("update numbers set n = 7 where id = 'a'")
    assert await value(numbers, "a") == 7


async def test_a_writer_that_is_cancelled_in_the_queue_leaves_no_trace(numbers: Database) -> None:
    other = await Database.open(numbers.url)

    async def work() -> None:
        async with other.write() as tx:
            await tx.run("update numbers set n = 100 where id = 'a'")

    async with numbers.write() as tx:
        await tx.run("update numbers set n = 2 where id = 'a'")
        waiting = [asyncio.create_task(work()) for _ in range(4)]
        await asyncio.wait(waiting, timeout=0.1)
        for each in waiting:
            each.cancel()
    await asyncio.wait(waiting)
    assert all(each.cancelled() for each in waiting)
    for _ in range(5):
        async with other.write() as tx:
            await tx.run("update numbers set n = n + 1 where id = 'a'")
    assert await value(numbers, "a") == 7
    await other.close()


async def test_a_key_that_is_taken_is_a_duplicate(numbers: Database) -> None:
    with pytest.raises(Duplicate, match="with that key already"):
        async with numbers.write() as tx:
            await tx.run("insert into numbers (id, n) values ('a', 1)")
    with pytest.raises(Duplicate):
        async with numbers.write() as tx:
            await tx.insert("numbers", ("id", "n"), [("z", 1), ("a", 1)])
    with pytest.raises(Duplicate):
        async with numbers.write() as tx:
            await tx.execute(text("insert into numbers (id, n) values ('a', 1)"))
    assert await value(numbers, "z") is None


async def test_a_savepoint_fails_alone(numbers: Database) -> None:
    woken: list[str] = []
    async with numbers.write() as tx:
        tx.after_commit(lambda: woken.append("outer"))
        await tx.run("update numbers set n = 10 where id = 'a'")
        with suppress(Duplicate):
            async with tx.savepoint():
                tx.after_commit(lambda: woken.append("inner"))
                await tx.run("update numbers set n = 20 where id = 'b'")
                await tx.run("insert into numbers (id, n) values ('a', 1)")
                pytest.fail("a duplicate was taken")
        async with tx.savepoint():
            await tx.run("update numbers set n = 30 where id = 'c'")
    assert [await value(numbers, id) for id in "abc"] == [10, 2, 30]
    assert woken == ["outer"]


async def test_what_follows_a_commit_sees_it_and_a_rollback_forgets_it(numbers: Database) -> None:
    seen: list[str] = []
    with suppress(LookupError):
        async with numbers.write() as tx:
            tx.after_commit(lambda: seen.append("never"))
            raise LookupError
    async with numbers.write() as tx:
        tx.after_commit(lambda: seen.append("once"))
        assert seen == []
    assert seen == ["once"]


async def test_a_failing_act_after_a_commit_does_not_unmake_it(
    numbers: Database, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise OSError("nobody listens")

    async with numbers.write() as tx:
        await tx.run("update numbers set n = 5 where id = 'a'")
        tx.after_commit(fail)
    assert await value(numbers, "a") == 5
    assert "what was to follow a commit failed" in caplog.text


async def test_readers_keep_their_state_and_do_not_wait(numbers: Database) -> None:
    async with numbers.read() as reader:
        before = await reader.fetch("select n from numbers where id = 'a'")
        async with asyncio.timeout(5), numbers.write() as writer:
            await writer.run("update numbers set n = 99 where id = 'a'")
        assert await reader.fetch("select n from numbers where id = 'a'") == before
    assert await value(numbers, "a") == 99


async def test_a_reader_cannot_write(numbers: Database) -> None:
    with pytest.raises(Exception, match=r"(?i)read-?only|cannot be written"):
        async with numbers.read() as tx:
            await tx.run("update numbers set n = 0")
    assert await value(numbers, "a") == 1


async def test_coroutines_may_share_a_transaction(numbers: Database) -> None:
    async with numbers.write() as tx:
        await asyncio.gather(*(tx.run("update numbers set n = n + 1 where id = 'a'") for _ in range(20)))
    assert await value(numbers, "a") == 21


@pytest.mark.parametrize("bad", ["\ud800", 2**64])
async def test_values_that_no_database_can_keep_are_the_callers_mistake(
    numbers: Database, bad: object
) -> None:
    column = "n" if isinstance(bad, int) else "id"
    with pytest.raises(BadRequest, match="cannot be stored"):
        async with numbers.write() as tx:
            await tx.run(f"update numbers set {column} = ? where id = 'a'", (bad,))


async def test_a_write_that_need_not_be_durable_still_commits(numbers: Database) -> None:
    async with numbers.write(durable=False) as tx:
        await tx.run("update numbers set n = 50 where id = 'a'")
    assert await value(numbers, "a") == 50
    async with numbers.write() as tx:
        setting = "pragma synchronous" if tx.dialect == "sqlite" else "show synchronous_commit"
        assert (await tx.fetch(setting))[0][0] in {2, "on"}


async def test_twenty_writers_who_read_then_update_lose_nothing(numbers: Database) -> None:
    """The same file from four threads, each with a loop and a database of its own, five writers on each."""
    failures: list[BaseException] = []

    async def work(database: Database) -> None:
        for _ in range(100):
            async with database.write() as tx:
                rows = await tx.fetch("select n from numbers where id = 'a'")
                await tx.run("update numbers set n = ? where id = 'a'", (rows[0][0] + 1,))

    async def several() -> None:
        database = await Database.open(numbers.url)
        try:
            await asyncio.gather(*(work(database) for _ in range(5)))
        finally:
            await database.close()

    def thread() -> None:
        try:
            asyncio.run(several())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=thread) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        await asyncio.to_thread(each.join)
    assert failures == []
    assert await value(numbers, "a") == 1 + 4 * 5 * 100


async def test_a_writer_in_another_process_is_waited_for(numbers: Database) -> None:
    program = textwrap.dedent(
        """
        import asyncio, sys
        from conf.database import Database
        async def main():
            database = await Database.open(sys.argv[1])
            async with database.write() as tx:
                await tx.run("update numbers set n = n + 1 where id = 'a'")
                print("held", flush=True)
                sys.stdin.readline()
            await database.close()
        asyncio.run(main())
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, numbers.url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert await asyncio.to_thread(process.stdout.readline) == "held\n"

    async def write() -> None:
        async with numbers.write() as tx:
            await tx.run("update numbers set n = n * 10 where id = 'a'")

    ours = asyncio.create_task(write())
    assert await value(numbers, "a") == 1
    done, _ = await asyncio.wait({ours}, timeout=0.2)
    assert not done
    process.communicate("go\n")
    await ours
    assert await value(numbers, "a") == 20
