"""A product with two managed types and mappings between them, emptied for each test."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flows.store import links
from flows.store.links import NewLink
from tests.embedded import Embedded

Json = dict[str, Any]

TABLES = ("managed_object", "link", "recon_entry", "recon_page", "recon_run", "audit_recon", "audit_event")
TYPES = {"objects": [{"name": name} for name in ("src", "dst")]}
SECONDS = 30


def javascript(source: str) -> Json:
    return {"type": "text/javascript", "source": source}


def small(name: str = "small", **more: Any) -> Json:
    """A mapping of one property, from `managed/src` to `managed/dst`."""
    return {
        "name": name,
        "source": "managed/src",
        "target": "managed/dst",
        "properties": [{"source": "mail", "target": "mail"}],
        **more,
    }


@dataclass
class Reconciling:
    """Short ways to configure, fill, run and look."""

    product: Embedded

    async def begin(
        self,
        *mappings: Json,
        sources: Mapping[str, Json] | None = None,
        targets: Mapping[str, Json] | None = None,
        linked: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Empty the store; these mappings, objects and links (of the first mapping) are all there is."""
        if not {"src", "dst"} <= self.product.runtime.project.managed_types.keys():
            await self.must("PUT", "config/managed", TYPES)
        await self.must("PUT", "config/sync", {"mappings": []})
        async with self.product.runtime.database.write() as tx:
            for table in TABLES:
                await tx.run(f"delete from {table}")
        for type, objects in (("src", sources), ("dst", targets)):
            for id, content in (objects or {}).items():
                await self.must("PUT", f"managed/{type}/{id}", content)
        async with self.product.runtime.database.write() as tx:
            name = mappings[0].get("links", mappings[0]["name"]) if mappings else "small"
            await links.insert_many(tx, [NewLink(name, "default", *pair) for pair in linked])
        await self.must("PUT", "config/sync", {"mappings": list(mappings)})

    async def must(self, method: str, path: str, body: Any = None) -> Any:
        """The body of a call that succeeds."""
        status, found = await self.product.call(method, path, body)
        assert status < 300, (method, path, status, found)
        return found

    async def launch(
        self, body: Any = None, *, mapping: str = "small", action: str = "recon", **parameters: str
    ) -> tuple[int, Json]:
        """Status and body of a launch."""
        asked = {"_action": action, "mapping": mapping, **parameters}
        return await self.product.call("POST", f"recon?{urlencode(asked)}", body)

    async def run(self, body: Any = None, **parameters: str) -> Json:
        """Launch, wait for the end; answers the run's document."""
        status, found = await self.launch(body, waitForCompletion="true", **parameters)
        assert status == 200, found
        return await self.read(found["_id"])

    async def read(self, id: str) -> Json:
        return dict(await self.must("GET", f"recon/{id}"))

    async def ended(self, id: str) -> Json:
        async with asyncio.timeout(SECONDS):
            while (run := await self.read(id))["state"] == "ACTIVE":
                await asyncio.sleep(0.01)
        return run

    async def rows(self, path: str, filter: str = "true", **parameters: str) -> list[Json]:
        asked = urlencode({"_queryFilter": filter, **parameters})
        return list((await self.must("GET", f"{path}?{asked}"))["result"])

    async def entries(self, run: Json) -> list[Json]:
        """The entries of a run, as the audit has them."""
        return await self.rows("audit/recon", f'reconId eq "{run["_id"]}" and entryType eq "entry"')

    async def links(self) -> set[tuple[str, str]]:
        return {(row["firstId"], row["secondId"]) for row in await self.rows("repo/link")}

    async def ids(self, type: str) -> set[str]:
        return {row["_id"] for row in await self.rows(f"managed/{type}")}
