"""Intents: the durable orders to carry out what was approved. Claimed under a lease, settled once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from approvals.records import Task
from approvals.states import IntentState, advance_intent
from conf.database import Transaction

LEASE_MS: Final = 15_000
"""How long a worker may take before another one may try."""
LONGEST_PAUSE_MS: Final = 60_000
"""How long an order that failed rests at most before it is tried again."""

_MEMBERS: Final = (
    "seq", "task", "process", "state", "approver", "created_at", "attempts", "owner", "token", "target_id",
    "outcome_code", "message", "detail",
)  # fmt: skip
_COLUMNS: Final = ", ".join(_MEMBERS)


@dataclass(frozen=True)
class Intent:
    """An order and how far it has come."""

    seq: int
    task: int
    process: int
    state: IntentState
    approver: str
    created_at: int
    attempts: int
    owner: str | None
    token: int
    """Rises with each claim; whoever holds an older one has lost the order."""
    target_id: str | None
    outcome_code: int | None
    message: str | None
    detail: Any


async def order_many(tx: Transaction, tasks: Sequence[Task], approver: str, now: int) -> dict[int, int]:
    """Order that approved tasks be carried out; answers the order's number for each task."""
    if not tasks:
        return {}
    await tx.run_many(
        "insert into intent (task, process, state, approver, created_at, not_before, attempts, token)"
        " values (?, ?, ?, ?, ?, 0, 0, 0)",
        [(task.seq, task.process, IntentState.READY, approver, now) for task in tasks],
    )
    rows = await tx.fetch(
        f"select task, seq from intent where task {tx.among_numbers}",
        (tx.numbers([task.seq for task in tasks]),),
    )
    return dict(rows)


async def due(tx: Transaction, now: int, *, limit: int) -> list[Intent]:
    """What `claim` would take."""
    rows = await tx.fetch(
        f"select {_COLUMNS} from intent where (state = 'READY' and not_before <= ?)"
        " or (state = 'CLAIMED' and lease_until < ?) order by seq limit ?",
        (now, now, limit),
    )
    return [_intent(row) for row in rows]


async def claim(
    tx: Transaction, owner: str, now: int, seqs: Sequence[int], *, lease_ms: int = LEASE_MS
) -> list[Intent]:
    """Take those of these that are due: what is ready, and what a worker that went away had taken."""
    rows = await tx.fetch(
        "update intent set state = 'CLAIMED', owner = ?, token = token + 1, lease_until = ?, attempts = attempts + 1"
        f" where seq {tx.among_numbers} and ((state = 'READY' and not_before <= ?)"
        f" or (state = 'CLAIMED' and lease_until < ?)) returning {_COLUMNS}",
        (owner, now + lease_ms, tx.numbers(seqs), now, now),
    )
    return sorted(map(_intent, rows), key=lambda intent: intent.seq)


async def put_back(tx: Transaction, intents: Sequence[Intent]) -> None:
    """Give back, untried, what was claimed in the same transaction."""
    await tx.run_many(
        "update intent set state = 'READY', owner = null, lease_until = null, attempts = attempts - 1"
        " where seq = ? and token = ? and state = 'CLAIMED'",
        [(intent.seq, intent.token) for intent in intents],
    )


async def renew(tx: Transaction, intents: Sequence[Intent], now: int, *, lease_ms: int = LEASE_MS) -> None:
    """Hold what was claimed for longer."""
    await tx.run_many(
        "update intent set lease_until = ? where seq = ? and token = ? and state = 'CLAIMED'",
        [(now + lease_ms, intent.seq, intent.token) for intent in intents],
    )


async def release(tx: Transaction, intent: Intent, not_before: int, message: str | None = None) -> bool:
    """Give an order back, to be tried again from `not_before` on; False when it was no longer ours."""
    changed = await tx.run(
        "update intent set state = 'READY', owner = null, lease_until = null, not_before = ?, message = ?"
        " where seq = ? and token = ? and state = 'CLAIMED'",
        (not_before, message, intent.seq, intent.token),
    )
    return changed == 1


async def settle(
    tx: Transaction,
    intent: Intent,
    state: IntentState,
    now: int,
    *,
    code: int = 200,
    target_id: str | None = None,
    message: str | None = None,
    detail: Any = None,
) -> bool:
    """Write the outcome; False when somebody else has settled it or taken it over."""
    advance_intent(intent.state, state)
    changed = await tx.run(
        "update intent set state = ?, finished_at = ?, outcome_code = ?, target_id = ?, message = ?, detail = ?,"
        " lease_until = null where seq = ? and token = ? and state in ('READY', 'CLAIMED')",
        (
            state,
            now,
            code,
            target_id,
            message,
            None if detail is None else orjson.dumps(detail, default=str).decode(),
            intent.seq,
            intent.token,
        ),
    )
    return changed == 1


async def settle_applied(tx: Transaction, done: Sequence[tuple[Intent, str | None]], now: int) -> None:
    """Write that orders were carried out, each with its target; the caller has seen in `tx` that they are ours."""
    await tx.run_many(
        "update intent set state = ?, finished_at = ?, outcome_code = 200, target_id = ?, message = null,"
        " detail = null, lease_until = null where seq = ? and token = ? and state in ('READY', 'CLAIMED')",
        [(IntentState.APPLIED, now, target, intent.seq, intent.token) for intent, target in done],
    )


async def pull_in(tx: Transaction, now: int) -> None:
    """Leases and pauses that end further away than any lasts: the clock was set back, so they count from now."""
    await tx.run(
        "update intent set lease_until = ? where state = 'CLAIMED' and lease_until > ?",
        (now + LEASE_MS, now + 2 * LEASE_MS),
    )
    await tx.run(
        "update intent set not_before = ? where state = 'READY' and not_before > ?",
        (now, now + 2 * LONGEST_PAUSE_MS),
    )


async def load(tx: Transaction, seqs: Iterable[int]) -> dict[int, Intent]:
    """Orders by number."""
    rows = await tx.fetch(
        f"select {_COLUMNS} from intent where seq {tx.among_numbers}", (tx.numbers(sorted(set(seqs))),)
    )
    return {intent.seq: intent for intent in map(_intent, rows)}


async def of_process(tx: Transaction, process: int) -> list[Intent]:
    """All orders of a process, oldest first."""
    rows = await tx.fetch(f"select {_COLUMNS} from intent where process = ? order by seq", (process,))
    return [_intent(row) for row in rows]


async def lapse(tx: Transaction, owner: str) -> int:
    """Let go of everything a dead worker had taken, without waiting for its leases."""
    return await tx.run(
        "update intent set state = 'READY', owner = null, lease_until = null where owner = ? and state = 'CLAIMED'",
        (owner,),
    )


def _intent(row: tuple[Any, ...]) -> Intent:
    members: dict[str, Any] = dict(zip(_MEMBERS, row, strict=True))
    members["state"] = IntentState(members["state"])
    members["detail"] = members["detail"] and orjson.loads(members["detail"])
    return Intent(**members)
