"""Plays a recorded world against the product and says where its answers differ from those that OpenIDM 7.0.2 gave.

A world is a list of steps (configuration, objects, runs); after each run everything that can be seen is read back.
Left out of the comparison are the deliberate differences that docs/compatibility.md lists.
"""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from conf.database import Database

Json = dict[str, Any]

WORLDS = Path(__file__).with_name("worlds.jsonl")
UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
QUIET = {"SOURCE_IGNORED", "TARGET_IGNORED", "ALL_GONE"}
TARGET_PHASE_SOURCES = {"SOURCE_MISSING", "UNQUALIFIED", "CONFIRMED"}
TYPES = {"objects": [{"name": "src"}, {"name": "dst"}]}


def worlds() -> list[Json]:
    """All recorded worlds."""
    return [json.loads(line) for line in WORLDS.read_text().splitlines()]


class Runtime(Protocol):
    """The player empties the store between worlds."""

    @property
    def database(self) -> Database: ...


class Product(Protocol):
    """Something that answers calls as openidm-admin."""

    @property
    def runtime(self) -> Runtime: ...

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]: ...


class Player:
    """Plays worlds, one after the other, on one product."""

    def __init__(self, product: Product) -> None:
        self.product = product

    async def prepare(self) -> None:
        """Make the object types exist."""
        status, body = await self.product.call("PUT", "config/managed", TYPES)
        assert status in (200, 201), body

    async def play(self, world: Json) -> list[str]:
        """Play one world; answers the differences."""
        await self._clear()
        differences: list[str] = []
        answers = iter(world["answers"])
        types: list[str] = []
        names: list[str] = []
        seen: set[str] = set()
        status = 0
        for step in world["steps"]:
            match step["do"]:
                case "mappings":
                    code, body = await self.product.call("PUT", "config/sync", {"mappings": step["mappings"]})
                    assert code in (200, 201), body
                    types = sorted({m.get("links", m["name"]) for m in step["mappings"]})
                    names = [m["name"] for m in step["mappings"]]
                case "put":
                    status, _ = await self.product.call("PUT", step["path"], step["body"])
                case "delete":
                    status, _ = await self.product.call("DELETE", step["path"])
                case "look":
                    found = {"code": status, **await self._look(names, types, seen)}
                    differences += compare(world, next(answers), found)
                case "recon" | "reconById" as action:
                    differences += compare(world, next(answers), await self._run(action, step, types))
        return differences

    async def _clear(self) -> None:
        database = self.product.runtime.database
        await self.product.call("PUT", "config/sync", {"mappings": []})
        async with database.write() as transaction:
            for table in ("managed_object", "link", "recon_run", "audit_recon", "audit_event"):
                await transaction.run(f"delete from {table}")

    async def _run(self, action: str, step: Json, types: list[str]) -> Json:
        parameters = {"_action": action, "mapping": step["mapping"], "waitForCompletion": "true"}
        if action == "reconById":
            parameters["id"] = step["id"]
        code, body = await self.product.call(
            "POST", f"recon?{urllib.parse.urlencode(parameters)}", step.get("body")
        )
        if code != 200:
            return {"refused": code, "message": body.get("message")}
        _, status = await self.product.call("GET", f"recon/{body['_id']}")
        entries = await self._query("audit/recon", f'reconId eq "{body["_id"]}" and entryType eq "entry"')
        sides = {name: await self._query(f"managed/{name}") for name in ("src", "dst")}
        named = naming(sides)
        shown = [
            {
                "reconciling": e.get("reconciling"),
                **common(e, named),
                "ambiguous": sorted(
                    str(named(one.strip()))
                    for one in (e.get("ambiguousTargetObjectIds") or "").split(",")
                    if one.strip()
                ),
            }
            for e in entries
        ]
        return {**status, "entries": ordered(shown), **await self._state(sides, types, named)}

    async def _look(self, names: list[str], types: list[str], seen: set[str]) -> Json:
        entries = []
        for name in names:
            for e in await self._query("audit/sync", f'mapping eq "{name}"'):
                if e["_id"] not in seen:
                    seen.add(e["_id"])
                    entries.append(e)
        sides = {name: await self._query(f"managed/{name}") for name in ("src", "dst")}
        named = naming(sides)
        return {
            "entries": ordered(common(e, named) for e in entries),
            **await self._state(sides, types, named),
        }

    async def _state(
        self, sides: dict[str, list[Json]], types: list[str], named: Callable[[Any], Any]
    ) -> Json:
        links = [link for name in types for link in await self._query("repo/link", f'linkType eq "{name}"')]

        def plain(o: Json) -> Json:
            return {"_id": named(o["_id"])} | {k: v for k, v in o.items() if k not in ("_id", "_rev")}

        return {
            "src": ordered(map(plain, sides["src"])),
            "dst": ordered(map(plain, sides["dst"])),
            "links": ordered(
                {
                    "linkType": k["linkType"],
                    "linkQualifier": k["linkQualifier"],
                    "firstId": named(k["firstId"]),
                    "secondId": named(k["secondId"]),
                }
                for k in links
            ),
        }

    async def _query(self, resource: str, flt: str = "true") -> list[Json]:
        code, body = await self.product.call(
            "GET", f"{resource}?{urllib.parse.urlencode({'_queryFilter': flt})}"
        )
        assert code == 200, body
        return list(body["result"])


def common(e: Json, named: Callable[[Any], Any]) -> Json:
    """Members that entries of recon and sync share."""
    return {
        "situation": e.get("situation"),
        "action": e.get("action"),
        "status": e.get("status"),
        "linkQualifier": e.get("linkQualifier"),
        "source": named(bare(e.get("sourceObjectId"))),
        "target": named(bare(e.get("targetObjectId"))),
        "message": e.get("message"),
    }


def bare(ref: str | None) -> str | None:
    return ref.rsplit("/", 1)[-1] if ref else None


def naming(sides: dict[str, list[Json]]) -> Callable[[Any], Any]:
    """Ids made by a server are replaced by the object's uid."""
    names = {
        o["_id"]: f"uid:{o.get('uid')}" for found in sides.values() for o in found if UUID.match(o["_id"])
    }
    return lambda value: None if value is None else names.get(value, "uid:?" if UUID.match(value) else value)


def ordered(items: Iterable[Any]) -> list[Any]:
    return sorted(items, key=lambda i: json.dumps(i, sort_keys=True))


def reduced(answer: Json, world: Json) -> Json:
    """The part of an answer that is compared."""
    if "refused" in answer:
        return {"refused": answer["refused"]}
    entries = ordered(
        {k: v for k, v in (e | {"action": quiet(e)}).items() if k != "message"} for e in answer["entries"]
    )
    if "state" not in answer:
        return {"code": answer["code"] // 100, "entries": entries} | {
            k: answer[k] for k in ("src", "dst", "links")
        }
    out: Json = {k: answer[k] for k in ("state", "stage", "statusSummary", "src", "dst", "links")}
    out["situationSummary"] = {k: v for k, v in answer["situationSummary"].items() if v}
    p = answer["progress"]
    out["progress"] = {
        "source": dict(p["source"]["existing"]),
        "target": p["target"]["existing"] | {"created": p["target"]["created"]},
        "links": p["links"]["existing"] | {"created": p["links"]["created"]},
    }
    if any(e["action"] == "CREATE" and e["status"] == "FAILURE" for e in entries):
        del out["progress"]["target"]["created"]
    if any(e["reconciling"] == "target" and e["situation"] in TARGET_PHASE_SOURCES for e in entries):
        del out["progress"]["source"]["processed"]
    if "links.created" in world.get("except", ()):
        del out["progress"]["links"]["created"]
    out["entries"] = entries
    return out


def quiet(e: Json) -> Any:
    """REPORT and NOREPORT of the ignored situations compare as IGNORE."""
    return "IGNORE" if e["situation"] in QUIET and e["action"] in ("REPORT", "NOREPORT") else e["action"]


def compare(world: Json, wanted: Json, found: Json) -> list[str]:
    return differences(reduced(wanted, world), reduced(found, world))


def differences(want: Any, got: Any, at: str = "") -> list[str]:
    if isinstance(want, dict) and isinstance(got, dict):
        return [
            d
            for k in sorted(want.keys() | got.keys())
            for d in differences(want.get(k, "(absent)"), got.get(k, "(absent)"), f"{at}/{k}")
        ]
    if isinstance(want, list) and isinstance(got, list):
        missing = [w for w in want if w not in got]
        extra = [g for g in got if g not in want]
        if not missing and not extra and len(want) != len(got):
            return [f"{at}: {len(want)} expected, {len(got)} found"]
        return [f"{at}: expected {json.dumps(m)}" for m in missing] + [
            f"{at}: found    {json.dumps(e)}" for e in extra
        ]
    return [] if want == got else [f"{at}: expected {json.dumps(want)}, found {json.dumps(got)}"]
