"""Managed objects in sets."""

import pytest

from conf.database import Database, Duplicate
from conf.errors import BadRequest
from conf.filters.parse import parse
from flows.store import managed
from flows.store.managed import Stored, new_rev, parse_rev, rev_text

USER = "managed/user"


def user(number: int, **more: object) -> Stored:
    return Stored(
        f"u{number}", new_rev(), {"userName": f"user{number}", "n": number, **more}, None, f"user{number}"
    )


async def test_objects_come_back_as_they_went_in(database: Database) -> None:
    body = {"sn": "Jensen", "tags": ["a", {"b": None}], "é": "😀", "n": 1.5, "big": 2**53 + 1}
    row = Stored("x", new_rev(), body, {"password": {"hash": "h", "digest": "d"}}, "key")
    async with database.write() as tx:
        await managed.insert_many(tx, USER, [row])
    async with database.read() as tx:
        found = await managed.read(tx, USER, "x")
        assert found == row
        assert found is not None
        assert list(found.body) == list(body)
        assert found.object() == {"_id": "x", "_rev": rev_text(row.rev), **body}
        assert await managed.read(tx, "managed/role", "x") is None


async def test_many_are_read_by_id_and_by_unique_key(database: Database) -> None:
    async with database.write() as tx:
        await managed.insert_many(tx, USER, [user(number) for number in range(6000)])
        wanted = [f"u{number}" for number in range(5990, 6010)]
        assert sorted(await managed.read_many(tx, USER, wanted)) == sorted(wanted[:10])
        assert len(await managed.read_many(tx, USER, [f"u{number}" for number in range(6000)])) == 6000
        by_key = await managed.read_by_unique_key(tx, USER, ["user3", "nobody"])
        assert {key: row.id for key, row in by_key.items()} == {"user3": "u3"}
        assert await managed.read_ids(tx, USER, ["u1", "nobody"]) == ["u1"]


async def test_ids_follow_the_order_of_creation(database: Database) -> None:
    async with database.write() as tx:
        await managed.insert_many(tx, USER, [user(3), user(1)])
        await managed.insert_many(tx, USER, [user(2)])
        await managed.update_many(tx, USER, [user(3, changed=True)])
        assert await managed.ids(tx, USER) == ["u3", "u1", "u2"]
        assert await managed.ids(tx, USER, parse("n lt 3")) == ["u1", "u2"]
        assert await managed.count(tx, USER) == 3


async def test_a_query_goes_page_by_page(database: Database) -> None:
    async with database.write() as tx:
        await managed.insert_many(tx, USER, [user(number) for number in range(7)])
        seen, after = [], None
        while True:
            page = await managed.find(tx, USER, parse("n gt 0"), page_size=4, after=after, count=True)
            assert page.total == 6
            seen.append([row.id for row in page.rows])
            if (after := page.after) is None:
                break
        assert seen == [["u1", "u2", "u3", "u4"], ["u5", "u6"]]


async def test_a_sorted_query_goes_page_by_page(database: Database) -> None:
    async with database.write() as tx:
        await managed.insert_many(tx, USER, [user(number) for number in range(5)])
        first = await managed.find(tx, USER, sort_keys=("-n",), page_size=3)
        second = await managed.find(tx, USER, sort_keys=("-n",), page_size=3, after=first.after)
        assert [row.id for row in (*first.rows, *second.rows)] == ["u4", "u3", "u2", "u1", "u0"]
        assert second.after is None
        beyond = await managed.find(tx, USER, page_size=2, offset=4)
        assert [row.id for row in beyond.rows] == ["u4"]
        assert (await managed.find(tx, USER, page_size=2, offset=10**6)).rows == []


@pytest.mark.parametrize("after", ["", "s", "o1", "s-1", "nonsense", "s99999999999999999999999"])
async def test_a_cookie_of_another_query_is_refused(database: Database, after: str) -> None:
    async with database.read() as tx:
        with pytest.raises(BadRequest, match="cookie"):
            await managed.find(tx, USER, page_size=2, after=after)


async def test_ids_and_unique_keys_are_taken_once(database: Database) -> None:
    async with database.write() as tx:
        await managed.insert_many(tx, USER, [user(1), user(2)])
    other_key = Stored("u9", 1, {}, None, "user1")
    for row in (user(1), other_key):
        with pytest.raises(Duplicate):
            async with database.write() as tx:
                await managed.insert_many(tx, USER, [user(5), row])
    async with database.write() as tx:
        assert await managed.ids(tx, USER) == ["u1", "u2"]
        assert await managed.taken(tx, USER, [user(1), other_key, user(7)]) == ({"u1"}, {"user1"})
        # the same id and key in another type, and no key at all, are no matter
        await managed.insert_many(tx, "managed/role", [user(1), Stored("a", 1, {}), Stored("b", 1, {})])


async def test_an_update_may_ask_for_the_revision_it_read(database: Database) -> None:
    async with database.write() as tx:
        first = user(1)
        await managed.insert_many(tx, USER, [first])
        second = user(1, sn="x")
        assert await managed.update_if(tx, USER, second, first.rev)
        assert not await managed.update_if(tx, USER, user(1, sn="y"), first.rev)
        assert await managed.read(tx, USER, "u1") == second


async def test_deleting_counts_what_was_there(database: Database) -> None:
    async with database.write() as tx:
        await managed.insert_many(tx, USER, [user(number) for number in range(3)])
        assert await managed.delete_many(tx, USER, ["u0", "u2", "nobody"]) == 2
        assert await managed.ids(tx, USER) == ["u1"]


@pytest.mark.parametrize("text", ["\0", "a\0b", "\\\0"])
async def test_nul_is_refused_on_both_databases(database: Database, text: str) -> None:
    with pytest.raises(BadRequest, match="NUL"):
        async with database.write() as tx:
            await managed.insert_many(tx, USER, [user(1, sn=text)])


async def test_text_that_looks_like_an_escaped_nul_is_kept(database: Database) -> None:
    async with database.write() as tx:
        await managed.insert_many(tx, USER, [user(1, sn="\\u0000")])
        assert await managed.ids(tx, USER, parse(r'sn eq "\\u0000"')) == ["u1"]


async def test_lone_surrogates_and_huge_numbers_are_refused(database: Database) -> None:
    for value in ("\ud800", 2**70):
        with pytest.raises(BadRequest, match="cannot be stored"):
            async with database.write() as tx:
                await managed.insert_many(tx, USER, [user(1, sn=value)])


def test_revisions_have_sixteen_hexadecimal_digits() -> None:
    assert rev_text(255) == "00000000000000ff"
    for _ in range(100):
        rev = new_rev()
        assert parse_rev(rev_text(rev)) == rev
    for text in (
        "",
        "0",
        "-000000000000001",
        "fffffffffffffffff",
        "ffffffffffffffff",
        "000000000000000g",
        "0x00000000000001",
    ):
        assert parse_rev(text) is None
