"""`recon/assoc`: what each stored run associated, entry by entry. Ids here are bare, unlike the audit's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from conf.errors import BadRequest, NotFound
from conf.filters.ast import Literal
from conf.reconciliation_mappings import kept_mapping
from flows.merged_entries import merge_of, merged
from flows.projection import read_cookie, select, write_cookie
from flows.resources.recon import unknown
from flows.router import Json, Query, QueryResult, Resource
from flows.store import entries, runs
from flows.store.json_text import dump
from flows.store.run_rows import RunRow
from flows.stored_queries import filter_of

if TYPE_CHECKING:
    from conf.transaction import Transaction
    from flows.call import Call


class AssociationResource(Resource):
    """Summaries of runs that were started with persistAssociations (or as an analysis), while they are kept."""

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        if id is None:
            raise BadRequest("The resource collection recon/assoc cannot be read; query it")
        async with call.read() as transaction:
            run = await runs.read(transaction, id)
            if run is None or not run.persist_associations:
                raise unknown(id)
            return await summary(transaction, run)

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        async with call.read() as transaction:
            found = [
                await summary(transaction, run)
                for run in await runs.list_all(transaction, requests=False)
                if run.persist_associations and run.ended
            ]
        return select(found, query)


class AssociationEntryResource(Resource):
    """`recon/assoc/{run}/entry`: the entries of one run, beside their objects when these are asked for."""

    async def query(self, call: Call, parts: Mapping[str, str], query: Query) -> QueryResult:
        wanted, merge = filter_of(query) or Literal(value=True), merge_of(query)
        start = read_cookie(query.cookie) if query.cookie is not None else query.offset
        async with call.read() as transaction:
            run = await runs.read(transaction, parts["run"])
            if run is None or not run.persist_associations:
                raise unknown(parts["run"])
            about = await summary(transaction, run)
            found, total = await entries.query(
                transaction,
                run.seq,
                wanted,
                same=same_in_all(run, about),
                sort_keys=query.sort_keys,
                page_size=query.page_size + 1 if query.page_size else 0,
                offset=start,
                count=query.total_policy != "NONE",
            )
        more = bool(query.page_size) and len(found) > query.page_size
        rows = [entry_document(run, about, entry) for entry in (found[: query.page_size] if more else found)]
        return QueryResult(
            rows if merge is None else await merged(call, merge, rows),
            cookie=write_cookie(start + query.page_size) if more else None,
            total_policy="EXACT" if total >= 0 else "NONE",
            total=total,
        )

    async def read(
        self, call: Call, parts: Mapping[str, str], id: str | None, fields: tuple[str, ...] = ()
    ) -> Json:
        if id is None:
            raise BadRequest(
                f"The resource collection recon/assoc/{parts['run']}/entry cannot be read; query it"
            )
        asked = Query(filter=f"_id eq {json.dumps(id)}", fields=fields)
        rows: Sequence[Json] = (await self.query(call, parts, asked)).result
        if not rows:
            raise NotFound(f"Entry {id} not found in recon/assoc/{parts['run']}")
        return rows[0]


async def summary(transaction: Transaction, run: RunRow) -> Json:
    """One run as `recon/assoc` shows it; `isAnalysis` is text, as PingIDM has it."""
    pinned = await runs.configuration(transaction, run.id)
    mapping = kept_mapping(pinned or {}, run.mapping)
    ended = run.ended_at or 0
    moment = datetime.fromtimestamp(ended // 1000, UTC)
    return {
        "_id": run.id,
        "_rev": "1",
        "mapping": run.mapping,
        "sourceResourceCollection": None if mapping is None else mapping.source,
        "targetResourceCollection": None if mapping is None else mapping.target,
        "isAnalysis": "true" if run.is_analysis else "false",
        "finishTime": f"{moment:%Y-%m-%dT%H:%M:%S}.{ended % 1000:03d}000Z",
    }


def same_in_all(run: RunRow, about: Json) -> dict[str, str]:
    """Members that every entry of a run has alike."""
    collections = ("sourceResourceCollection", "targetResourceCollection")
    alike = {"mapping": run.mapping, "reconId": run.id}
    return alike | {name: about[name] for name in collections if about[name] is not None}


def entry_document(run: RunRow, about: Json, entry: entries.Entry) -> Json:
    """One entry as `recon/assoc/{id}/entry` shows it."""
    detail: Any = entry.detail
    return {
        "_id": str(entry.seq),
        "_rev": "0",
        "mapping": run.mapping,
        "reconId": run.id,
        "situation": entry.situation,
        "action": entry.action,
        "linkQualifier": entry.qualifier,
        "sourceObjectId": entry.source_id,
        "targetObjectId": entry.target_id,
        "sourceResourceCollection": about["sourceResourceCollection"],
        "targetResourceCollection": about["targetResourceCollection"],
        "status": entry.status,
        "exception": None,
        "message": entry.message,
        "messageDetail": "null" if detail is None else dump(detail),
        "ambiguousTargetObjectIds": None if entry.ambiguous is None else ", ".join(entry.ambiguous),
        "phase": entry.phase,
    }
