"""What every connector must do; each connector's tests inherit the class and give it a system of their own."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from conf.errors import NotFound, NotSupported, PreconditionFailed, ReconError
from conf.filters.parse import parse
from flows.connectors.base import Connector, Row, SourcePage


async def enumerate_all(connector: Connector, object_type: str, **options: Any) -> list[SourcePage]:
    """All pages of an enumeration."""
    return [page async for page in connector.pages(object_type, **options)]


async def read_all(connector: Connector, object_type: str, **options: Any) -> list[Row]:
    """All sound rows of an enumeration."""
    return [row for page in await enumerate_all(connector, object_type, **options) for row in page.rows]


class ConnectorConformance:
    """A subclass gives `connector`, which holds the objects `u0` to `u9` with members `mail` and `sn`."""

    object_type = "account"
    members: Sequence[str] = ("mail", "sn")

    @pytest.fixture
    def connector(self) -> Connector:
        raise NotImplementedError

    def content(self, number: int) -> dict[str, Any]:
        """An object as the connector gives it, and takes it."""
        return {"_id": f"u{number}", "mail": f"u{number}@example.com", "sn": f"Name {number}"}

    def same(self, found: Mapping[str, Any], number: int, **changes: Any) -> bool:
        wanted = self.content(number) | changes
        return {key: found.get(key) for key in wanted} == wanted

    async def test_it_says_that_it_works(self, connector: Connector) -> None:
        await connector.test()
        assert self.object_type in connector.object_types()

    async def test_everything_is_enumerated_once_and_the_last_page_says_so(
        self, connector: Connector
    ) -> None:
        pages = await enumerate_all(connector, self.object_type)
        rows = [row for page in pages for row in page.rows]
        assert sorted(row["_id"] for row in rows) == [f"u{number}" for number in range(10)]
        assert all(self.same(row, int(row["_id"][1:])) for row in rows)
        assert [page.complete for page in pages] == [False] * (len(pages) - 1) + [True]

    @pytest.mark.parametrize("size", [1, 3, 5, 10, 11])
    async def test_pages_are_no_larger_than_asked_and_lose_nothing(
        self, connector: Connector, size: int
    ) -> None:
        pages = await enumerate_all(connector, self.object_type, page_size=size)
        assert max(len(page.rows) + len(page.broken) for page in pages) <= size
        assert len({row["_id"] for page in pages for row in page.rows}) == 10
        assert [page.complete for page in pages].count(True) == 1
        assert pages[-1].complete

    @pytest.mark.parametrize("size", [1, 3, 4])
    async def test_a_successor_goes_on_after_any_page(self, connector: Connector, size: int) -> None:
        pages = await enumerate_all(connector, self.object_type, page_size=size)
        for index, page in enumerate(pages[:-1]):
            rest = await enumerate_all(connector, self.object_type, page_size=size, resume=page.cursor)
            assert [row for p in rest for row in p.rows] == [
                row for p in pages[index + 1 :] for row in p.rows
            ]
            assert rest[-1].complete

    async def test_only_the_members_asked_for_come(self, connector: Connector) -> None:
        assert {frozenset(r) for r in await read_all(connector, self.object_type, fields=["mail"])} == {
            frozenset({"_id", "mail"})
        }
        assert {frozenset(r) for r in await read_all(connector, self.object_type, fields=["_id"])} == {
            frozenset({"_id"})
        }

    @pytest.mark.parametrize(
        ("text", "numbers"),
        [
            ('_id eq "u3"', {3}),
            ('/mail eq "u4@example.com" or sn eq "Name 5"', {4, 5}),
            ('sn sw "Name" and !(_id eq "u0")', set(range(1, 10))),
            ("mail pr", set(range(10))),
            ("nothing pr", set()),
            ("false", set()),
        ],
    )
    async def test_filters(self, connector: Connector, text: str, numbers: set[int]) -> None:
        pages = await enumerate_all(connector, self.object_type, filter=parse(text), page_size=4)
        assert {row["_id"] for page in pages for row in page.rows} == {f"u{number}" for number in numbers}
        assert pages[-1].complete

    async def test_a_filter_may_ask_for_a_member_that_does_not_come(self, connector: Connector) -> None:
        rows = await read_all(connector, self.object_type, filter=parse('sn eq "Name 7"'), fields=["_id"])
        assert rows == [{"_id": "u7"}]

    async def test_reading_by_id_leaves_out_what_is_not_there(self, connector: Connector) -> None:
        found = await connector.read_many(self.object_type, ["u1", "nobody", "u8"])
        assert sorted(found) == ["u1", "u8"]
        assert self.same(found["u8"], 8)
        assert await connector.read_many(self.object_type, []) == {}

    async def test_an_unknown_object_type_is_not_found(self, connector: Connector) -> None:
        with pytest.raises(NotFound, match="martian"):
            await enumerate_all(connector, "martian")
        with pytest.raises(NotFound):
            await connector.read_many("martian", ["u1"])

    async def test_stopping_in_the_middle_does_no_harm(self, connector: Connector) -> None:
        async for _ in connector.pages(self.object_type, page_size=2):
            break
        assert len(await read_all(connector, self.object_type)) == 10

    async def test_what_is_created_is_found(self, connector: Connector) -> None:
        self.needs(connector, "create")
        created = await connector.create(self.object_type, self.content(10))
        assert self.same(created, 10)
        assert await connector.read_many(self.object_type, ["u10"]) == {"u10": created}
        assert len(await read_all(connector, self.object_type)) == 11

    async def test_creating_what_exists_is_refused_and_changes_nothing(self, connector: Connector) -> None:
        self.needs(connector, "create")
        with pytest.raises(PreconditionFailed, match="u2"):
            await connector.create(self.object_type, self.content(2) | {"sn": "Other"})
        assert self.same((await connector.read_many(self.object_type, ["u2"]))["u2"], 2)

    async def test_an_unknown_member_is_a_bad_request(self, connector: Connector) -> None:
        self.needs(connector, "create")
        with pytest.raises(ReconError, match="shoeSize") as caught:
            await connector.create(self.object_type, self.content(10) | {"shoeSize": "42"})
        assert caught.value.status == 400

    async def test_an_update_writes_what_it_names_and_leaves_the_rest(self, connector: Connector) -> None:
        self.needs(connector, "update")
        updated = await connector.update(self.object_type, "u5", {"sn": "Newname"})
        assert self.same(updated, 5, sn="Newname")
        assert await connector.read_many(self.object_type, ["u5"]) == {"u5": updated}
        assert len(await read_all(connector, self.object_type)) == 10

    async def test_null_clears_a_member(self, connector: Connector) -> None:
        self.needs(connector, "update")
        await connector.update(self.object_type, "u5", {"sn": None})
        assert "sn" not in (await connector.read_many(self.object_type, ["u5"]))["u5"]

    async def test_updating_nobody_is_not_found(self, connector: Connector) -> None:
        self.needs(connector, "update")
        with pytest.raises(NotFound, match="nobody"):
            await connector.update(self.object_type, "nobody", {"sn": "x"})

    async def test_what_is_deleted_is_gone_and_nothing_else(self, connector: Connector) -> None:
        self.needs(connector, "delete")
        await connector.delete(self.object_type, "u9")
        assert sorted(row["_id"] for row in await read_all(connector, self.object_type)) == [
            f"u{number}" for number in range(9)
        ]
        with pytest.raises(NotFound, match="u9"):
            await connector.delete(self.object_type, "u9")

    async def test_what_it_cannot_do_it_says(self, connector: Connector) -> None:
        if not connector.capabilities.changes:
            with pytest.raises(NotSupported):
                await connector.changes(self.object_type, None)

    def needs(self, connector: Connector, capability: str) -> None:
        if not getattr(connector.capabilities, capability):
            pytest.skip(f"this connector does not {capability}")
