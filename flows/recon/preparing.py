"""What a page needs done before its transaction opens: passwords hashed, an index on what correlation asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from conf.errors import ReconError
from conf.filters.ast import And, Comparison, Filter, Or
from flows.engine.attributes import mapped_value
from flows.engine.rules import PropertyRule
from flows.recon.queries import side_query
from flows.recon.target_side import ManagedTarget
from flows.store import correlation, managed

if TYPE_CHECKING:
    from flows.recon.run import Run
    from flows.recon.source_side import SourcePage


async def hash_ahead(run: Run, page: SourcePage) -> None:
    """Hash the passwords that the page is going to write; a transaction must not wait for that."""
    if not isinstance(run.target, ManagedTarget):
        return
    secrets = run.call.runtime.project.managed_types[run.target.type].secrets
    rules = [rule for rule in run.rules.properties if len(rule.target) == 1 and rule.target[0] in secrets]
    if not rules or run.row.is_analysis:
        return
    wanted = await asyncio.to_thread(lambda: {id: _secrets(run, rules, source) for id, source in page.items})
    passwords = run.call.runtime.passwords
    async with run.call.read() as transaction:
        linked: dict[str, str] = {}
        for qualifier in run.qualifiers:
            facts = await run.linkage.of_sources(transaction, qualifier, list(wanted))
            linked |= {source_key: fact.target_id for source_key, fact in facts.items()}
        stored = await managed.read_many(transaction, run.target.type, sorted(set(linked.values())))
    fresh: set[str] = set()
    for id, plain in wanted.items():
        known = stored.get(linked.get(run.linkage.source_key(id), ""))
        fresh.update(passwords.changed(None if known is None else known.secrets, plain).values())
    await passwords.prepare(fresh)


def _secrets(run: Run, rules: list[PropertyRule], source: dict[str, Any] | None) -> dict[str, str]:
    found = {}
    for rule in rules if source is not None else ():
        try:
            value = mapped_value(rule, source or {}, run.qualifiers[0])
        except ReconError:
            continue
        if isinstance(value, str):
            found[rule.target[0]] = value
    return found


async def index_correlation(run: Run, page: SourcePage) -> None:
    """Make equality on the attributes that correlation compares cheap, when the target is large."""
    sample = next((source for _, source in page.items if source is not None), None)
    if sample is None or run.sequential or not isinstance(run.target, ManagedTarget):
        return
    for qualifier, hook in run.rules.correlation.items():
        try:
            answer = await asyncio.to_thread(hook, {"source": sample, "linkQualifier": qualifier})
            found = side_query(answer if isinstance(answer, dict) else {}, run.mapping.target).filter
        except ReconError:
            continue
        for comparison in _equalities(found):
            await correlation.ensure_index(
                run.call.runtime.database, run.target.type, comparison.pointer, expected=page.total or 0
            )


def _equalities(found: Filter | None) -> Iterator[Comparison]:
    match found:
        case Comparison(operator="eq"):
            yield found
        case And(operands) | Or(operands):
            for operand in operands:
                yield from _equalities(operand)
        case _:
            return
