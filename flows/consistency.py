"""The invariants of approvals and runs, checked over the rows of the store: what `recon doctor --fsck` prints.

Each check is one query that finds the rows which break a promise; an empty answer keeps it. Numbers are those of the
protocol's invariants. Read-only, and safe while the system works: what is under way is left out by its lease.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flows.consistency_links import violations_of_links
from flows.consistency_runs import violations_of_runs
from flows.violation import Violation

if TYPE_CHECKING:
    from conf.mapping import ObjectMapping
    from conf.transaction import Transaction

__all__ = ["CHECKS", "Check", "Violation", "violations"]

STUCK_MS: Final = 120_000
"""Work that nobody holds and nobody did for so long is stuck."""


@dataclass(frozen=True)
class Check:
    """One promise; `sql` finds the rows that break it. `:now` and `:stuck` stand for moments."""

    invariant: str
    promise: str
    sql: str


CHECKS: Final[Sequence[Check]] = (
    Check(
        "I1",
        "a task is COMPLETED exactly when it has a decision",
        "select 'task ' || t.seq from task_instance t left join decision d on d.task = t.seq "
        "where (t.status = 'COMPLETED') <> (d.task is not null)",
    ),
    Check(
        "I2",
        "an approval, and nothing else, makes an order to act",
        "select 'order ' || i.seq from intent i left join decision d on d.task = i.task "
        "where d.verdict is null or d.verdict <> 'approved' union all "
        "select 'task ' || d.task from decision d left join intent i on i.task = d.task "
        "where d.verdict = 'approved' and i.task is null",
    ),
    Check(
        "I3",
        "an approval creates once",
        "select 'task ' || task_id from audit_recon where task_id is not null and action = 'CREATE' "
        "and status = 'SUCCESS' group by task_id having count(*) > 1",
    ),
    Check(
        "I4",
        "what was done for a task was approved before",
        "select 'task ' || a.task_id from audit_recon a left join decision d "
        "on cast(d.task as text) = a.task_id and d.verdict = 'approved' and d.at <= a.at "
        "where a.task_id is not null and a.status = 'SUCCESS' and d.task is null",
    ),
    Check(
        "I5",
        "an approved request is carried out, or says why not, within two minutes",
        "select 'order ' || seq || ' ' || state from intent where state in ('READY', 'CLAIMED') "
        "and created_at < :stuck and not_before < :stuck and coalesce(lease_until, 0) < :stuck",
    ),
    Check(
        "I6",
        "an order that was carried out stands in the audit of its task",
        "select 'order ' || i.seq from intent i where i.state = 'APPLIED' "
        "and i.finished_at >= (select coalesce(min(at), 0) from audit_recon) and not exists "
        "(select 1 from audit_recon a where a.task_id = cast(i.task as text) and a.status = 'SUCCESS')",
    ),
    Check(
        "I7",
        "no two links share a source or a target under one type and qualifier",
        "select link_type || ' ' || qualifier || ' ' || first_id from link "
        "group by link_type, qualifier, first_id having count(*) > 1 union all "
        "select link_type || ' ' || qualifier || ' ' || second_id from link "
        "group by link_type, qualifier, second_id having count(*) > 1",
    ),
    Check(
        "I8",
        "no two managed objects of a type share an id or a unique value",
        "select type || '/' || id from managed_object group by type, id having count(*) > 1 union all "
        "select type || ' ' || unique_key from managed_object where unique_key is not null "
        "group by type, unique_key having count(*) > 1",
    ),
    Check(
        "I9",
        "at most one request is open for an object, its situation and action",
        "select mapping || ' ' || object_id from process_instance where open = 1 and mapping is not null "
        "group by mapping, qualifier, side, object_id, situation, action having count(*) > 1",
    ),
    Check(
        "I10",
        "a rejection leads to nothing",
        "select 'task ' || d.task from decision d join intent i on i.task = d.task where d.verdict = 'rejected'",
    ),
    Check(
        "I11",
        "a process that is closed waits for nobody",
        "select 'task ' || t.seq from task_instance t join process_instance p on p.seq = t.process "
        "where p.open = 0 and t.status = 'OPEN'",
    ),
    Check(
        "I11",
        "an order that was refused has done nothing",
        "select 'order ' || i.seq || ' ' || i.state from intent i where i.state in ('STALE', 'FAILED') and exists "
        "(select 1 from audit_recon a where a.task_id = cast(i.task as text) and a.status = 'SUCCESS')",
    ),
    Check(
        "I13",
        "what has ended has an end",
        "select 'task ' || seq from task_instance where (status = 'OPEN') <> (ended_at is null) union all "
        "select 'order ' || seq from intent where state in ('APPLIED', 'STALE', 'FAILED') and finished_at is null "
        "union all select 'process ' || seq from process_instance "
        "where (open = 0) <> (outcome is not null) or (open = 0) <> (ended_at is not null)",
    ),
    Check(
        "I13",
        "a run that has ended has a final stage, an end and no owner",
        "select 'run ' || id from recon_run where state <> 'ACTIVE' and "
        "(working <> 0 or ended_at is null or stage not like 'COMPLETED_%')",
    ),
    Check(
        "I14",
        "at most one run of a mapping works, and it has a live owner",
        "select 'mapping ' || mapping from recon_run where working = 1 group by mapping having count(*) > 1 "
        "union all select 'run ' || id from recon_run where working = 1 and lease_until < :stuck",
    ),
    Check(
        "I16",
        "every decision stands in the audit",
        "select 'task ' || d.task from decision d where d.at >= (select coalesce(min(at), 0) from audit_event) "
        "and not exists (select 1 from audit_event a "
        "where a.topic = 'activity' and a.body like '%workflow/taskinstance/' || d.task || '\"%')",
    ),
    Check(
        "I16",
        "a run begins and ends once in the audit",
        "select 'run ' || recon_id || ': ' || entry_type from audit_recon where entry_type <> 'entry' "
        "and recon_id is not null group by recon_id, entry_type having count(*) > 1",
    ),
    Check(
        "I18",
        "a slot of a schedule starts one run",
        "select run_id from schedule_slot where run_id is not null group by run_id having count(*) > 1",
    ),
)


async def violations(
    transaction: Transaction, now: int, mappings: Sequence[ObjectMapping] = ()
) -> list[Violation]:
    """Every row that breaks a promise, in the order of the checks.

    With the mappings of the project the links of what approvals created are checked too.
    """
    found: list[Violation] = []
    for check in CHECKS:
        sql = check.sql.replace(":stuck", str(now - STUCK_MS)).replace(":now", str(now))
        rows = await transaction.fetch(sql)
        found += [Violation(check.invariant, check.promise, str(row[0])) for row in rows]
    found += await violations_of_runs(transaction)
    return found + await violations_of_links(transaction, mappings)
