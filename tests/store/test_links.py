"""Links, in sets."""

import pytest

from conf.database import Database, Duplicate
from conf.filters.parse import parse
from flows.store import links, managed
from flows.store.links import NewLink
from flows.store.managed_rows import Stored


async def some_links(database: Database) -> None:
    async with database.write() as tx:
        await links.insert_many(
            tx,
            [
                NewLink("hr", "default", "a", "1", b"print", 7),
                NewLink("hr", "default", "b", "2"),
                NewLink("hr", "test", "a", "3"),
                NewLink("crm", "default", "a", "1"),
            ],
        )


async def test_links_are_found_from_both_ends(database: Database) -> None:
    await some_links(database)
    async with database.read() as tx:
        found = await links.by_first(tx, "hr", "default", ["a", "b", "nobody"])
        assert {first: link.second_id for first, link in found.items()} == {"a": "1", "b": "2"}
        assert (found["a"].fingerprint, found["a"].target_rev) == (b"print", 7)
        back = await links.by_second(tx, "hr", "test", ["1", "3"])
        assert {second: link.first_id for second, link in back.items()} == {"3": "a"}
        assert await links.by_first(tx, "hr", "default", []) == {}


async def test_a_link_tells_the_present_revision_of_what_it_leads_to_when_asked(database: Database) -> None:
    await some_links(database)
    async with database.write() as tx:
        await managed.insert_many(tx, "user", [Stored("1", 41, {}), Stored("a", 42, {})])
    async with database.read() as tx:
        led = await links.by_first(tx, "hr", "default", ["a", "b"], leading_to="user")
        assert {first: link.present_rev for first, link in led.items()} == {"a": 41, "b": None}
        back = await links.by_second(tx, "hr", "default", ["1"], leading_to="user")
        assert (back["1"].present_rev, back["1"].fingerprint) == (42, b"print")
        assert (await links.by_first(tx, "hr", "default", ["a"]))["a"].present_rev is None


async def test_links_of_a_type_are_counted_and_listed_in_order(database: Database) -> None:
    await some_links(database)
    async with database.read() as tx:
        assert await links.counts(tx, "hr") == {"default": 2, "test": 1}
        assert sorted(await links.qualifiers(tx, "hr")) == ["default", "test"]
        assert await links.qualifiers(tx, "none") == []
        everything = await links.all_links(tx, "hr")
        assert [(link.qualifier, link.first_id) for link in everything] == [
            ("default", "a"),
            ("default", "b"),
            ("test", "a"),
        ]
        assert await links.all_links(tx, "hr", "default", after=everything[0].seq, limit=1) == [everything[1]]


@pytest.mark.parametrize("pair", [("a", "9"), ("z", "1")])
async def test_each_end_is_linked_once_a_qualifier(database: Database, pair: tuple[str, str]) -> None:
    await some_links(database)
    with pytest.raises(Duplicate):
        async with database.write() as tx:
            await links.insert_many(tx, [NewLink("hr", "default", *pair)])


async def test_a_link_with_other_ends_forgets_its_fingerprint(database: Database) -> None:
    await some_links(database)
    async with database.write() as tx:
        link = (await links.by_first(tx, "hr", "default", ["a"]))["a"]
        await links.repoint(tx, link.seq, "a", "9")
        moved = (await links.by_first(tx, "hr", "default", ["a"]))["a"]
        assert (moved.id, moved.second_id, moved.rev, moved.fingerprint, moved.target_rev) == (
            link.id,
            "9",
            2,
            None,
            None,
        )
        await links.set_fingerprints(tx, [(link.seq, b"new", 8)])
        again = await links.read(tx, link.id)
        assert again is not None
        assert (again.fingerprint, again.target_rev, again.rev) == (b"new", 8, 2)


async def test_links_go_by_number_by_end_and_by_type(database: Database) -> None:
    await some_links(database)
    async with database.write() as tx:
        assert await links.delete_by_second(tx, ["hr", "crm", "none"], ["1", "3"]) == 3
        assert await links.delete_by_first(tx, ["hr"], ["nobody"]) == 0
        rest = await links.all_links(tx, "hr")
        assert await links.delete_many(tx, [link.seq for link in rest] + [999]) == 1
        await links.insert_many(tx, [NewLink("hr", "default", "a", "1")])
        assert await links.delete_type(tx, "hr") == 1


async def test_links_are_queried_by_the_names_of_the_wire(database: Database) -> None:
    await some_links(database)
    async with database.read() as tx:
        found, total = await links.query(
            tx,
            parse('linkType eq "hr" and firstId eq "a"'),
            sort_keys=("-secondId",),
            page_size=1,
            count=True,
        )
        assert total == 2
        document = found[0].document()
        assert document == {
            "_id": found[0].id,
            "_rev": "1",
            "linkType": "hr",
            "linkQualifier": "test",
            "firstId": "a",
            "secondId": "3",
        }
        assert (await links.query(tx, parse(f'_id eq "{found[0].id}"')))[0] == found
        assert (await links.query(tx, parse('_id eq "x" or nothing pr')))[0] == []
        assert await links.read(tx, "x") is None
        assert await links.read(tx, found[0].id) == found[0]


async def test_set_lookups_use_the_index(database: Database) -> None:
    async with database.write() as tx:
        await links.insert_many(
            tx, [NewLink("hr", "default", f"a{number}", f"b{number}") for number in range(2000)]
        )
        if tx.dialect == "postgresql":
            await tx.run("analyze link")
        word = "explain query plan" if tx.dialect == "sqlite" else "explain"
        for column in ("first", "second"):
            rows = await tx.fetch(
                f"{word} select * from link where link_type = ? and qualifier = ? and {column}_id {tx.among}",
                ("hr", "default", tx.texts(["a1", "b2"])),
            )
            shown = "\n".join(str(row) for row in rows)
            assert "uq_link" in shown or f"link_type=? AND qualifier=? AND {column}_id=?" in shown, shown
