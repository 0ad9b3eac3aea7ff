"""The checker over a store that the real engine has filled, on both databases."""

from flows.call import Runtime
from flows.consistency import violations
from tests.approvals.test_sample import NO, YES, complete, reconcile, sample, tasks

__all__ = ["sample"]


async def test_a_walk_through_the_sample_breaks_no_promise(sample: Runtime) -> None:
    await reconcile(sample)
    waiting = await tasks(sample)
    await complete(sample, waiting["bjensen"], YES)
    await complete(sample, waiting["scarter"], NO)
    await reconcile(sample)
    async with sample.database.read() as tx:
        assert await violations(tx, sample.clock(), sample.project.mappings) == []
        assert await violations(tx, sample.clock() + 3_600_000, sample.project.mappings) == []


async def test_an_account_that_lost_its_link_is_named(sample: Runtime) -> None:
    await reconcile(sample)
    waiting = await tasks(sample)
    await complete(sample, waiting["bjensen"], YES)
    async with sample.database.write() as tx:
        await tx.run("delete from link")
    async with sample.database.read() as tx:
        (found,) = await violations(tx, sample.clock(), sample.project.mappings)
    assert (found.invariant, found.row.split()[0]) == ("I8", "managed/user/bjensen")
