"""Telling people of a run that has ended: once, whatever fails on the way, and never at the run's expense.

What is due stands in the run's row (`mail_due`), what became of it in `mail`:
`{"state": "WAITING", "attempts": 1, "deliveries": [{"name", "to", "state", "at", "error"?}]}`. A delivery that was made
is not made again; one that failed is tried again after 30 s, 1 min, 2 min … at most ten times.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from conf.document import Node, Reading
from conf.filters.ast import Filter, Not
from conf.filters.parse import parse
from conf.reconciliation_notifications import read_notifications, split_addresses
from conf.substitution import Substitution
from flows.reports.content import SOMETHING, attribute_pairs, configuration, report_link
from flows.reports.delivery import NotDelivered, kind_of, send_channel, send_mail
from flows.reports.messages import MOST_OBJECTS, Message, Named, completion, notice
from flows.store import two_way, two_way_retention
from flows.store.two_way_rows import TwoWayRun

if TYPE_CHECKING:
    from conf.transaction import Transaction
    from flows.call import Runtime

FIRST_PAUSE_MS: Final = 30_000
LONGEST_PAUSE_MS: Final = 3_600_000
MOST_ATTEMPTS: Final = 10
DAY_MS: Final = 86_400_000
CLAIM_MS: Final = 600_000
"""How long one attempt has a run to itself; after a crash it is another's turn."""
REPORT: Final = "report"
_FAILED: Final = parse('status eq "FAILURE" or status eq "HELD"')

_LOG = logging.getLogger(__name__)
Json = dict[str, Any]


@dataclass(frozen=True)
class Delivery:
    """One message to one address or channel."""

    name: str
    message: Message
    target: str
    """A mail address, or that of a channel, which holds secrets."""

    @property
    def is_channel(self) -> bool:
        return "://" in self.target

    @property
    def to(self) -> str:
        """For the record; without secrets."""
        return kind_of(self.target) if self.is_channel else self.target

    @property
    def key(self) -> str:
        """The same in each attempt, and a part of a Message-ID."""
        return hashlib.sha256(f"{self.name}\0{self.target}".encode()).hexdigest()[:16]


async def after_run(runtime: Runtime, run_id: str) -> None:
    """Tell people of this run, if it has ended and that is due; calling it again does no harm. Never raises."""
    try:
        await _tell(runtime, run_id)
    except Exception:
        _LOG.exception("people could not be told of the run %s; it is tried again", run_id)


async def tell_due(runtime: Runtime) -> bool:
    """Tell of every run for which it is due; False when there was none."""
    async with runtime.database.read() as tx:
        due = await two_way.to_notify(tx, runtime.clock())
    for run_id in due:
        await after_run(runtime, run_id)
    return bool(due)


async def _tell(runtime: Runtime, run_id: str) -> None:
    now = runtime.clock()
    async with runtime.database.write() as tx:
        run = await two_way.claim_notification(tx, run_id, now, now + CLAIM_MS)
    if run is None:
        return
    before = run.mail or {}
    attempts = int(before.get("attempts", 0)) + 1
    made = {each["key"]: each for each in before.get("deliveries", ()) if each.get("state") == "SENT"}
    try:
        deliveries = await _deliveries(runtime, run)
    except Exception as failure:
        _LOG.exception("what to tell of the run %s cannot be said", run.id)
        unsaid = {"key": "", "name": REPORT, "to": "", "state": "WAITING", "error": type(failure).__name__}
        records = [*made.values(), unsaid]
    else:
        records = [made.get(each.key) or await _deliver(runtime, run, each) for each in deliveries]
    mail, due = outcome(records, attempts, runtime.clock())
    settings = runtime.settings
    async with runtime.database.write() as tx:
        await two_way.update_run(tx, run_id, mail=mail, mail_due=due)
        if due is None:
            oldest = runtime.clock() - settings.history_days * DAY_MS
            await two_way_retention.trim(tx, run.name, settings.history_full_runs, oldest)


def outcome(records: Sequence[Json], attempts: int, now: int) -> tuple[Json, int | None]:
    """What stands in the run's row after an attempt, and when the next one is due."""
    failed = [record for record in records if record["state"] != "SENT"]
    if not failed:
        return {
            "state": "SENT" if records else "NONE",
            "attempts": attempts,
            "deliveries": list(records),
        }, None
    again = attempts < MOST_ATTEMPTS and any(record["state"] == "WAITING" for record in failed)
    if not again:
        records = [
            record if record["state"] == "SENT" else record | {"state": "FAILED"} for record in records
        ]
    mail = {"state": "WAITING" if again else "FAILED", "attempts": attempts, "deliveries": list(records)}
    pause = min(FIRST_PAUSE_MS * 2 ** (attempts - 1), LONGEST_PAUSE_MS)
    return mail, now + pause if again else None


async def _deliver(runtime: Runtime, run: TwoWayRun, delivery: Delivery) -> Json:
    record: Json = {"key": delivery.key, "name": delivery.name, "to": delivery.to, "at": runtime.clock()}
    server = runtime.project.email
    try:
        if delivery.is_channel:
            await send_channel(delivery.target, delivery.message)
        elif server is None:
            # waiting would not help: somebody has to write the file
            missing = "no mail server: conf has no external.email.json, or one that is wrong"
            return record | {"state": "FAILED", "error": missing}
        else:
            id = f"{run.id}.{delivery.key}"
            await send_mail(server, delivery.target, delivery.message, id, run.ended or run.started)
    except NotDelivered as failure:
        _LOG.warning("%s of the run %s was not delivered: %s", delivery.name, run.id, failure)
        return record | {"state": "WAITING", "error": str(failure)}
    except Exception as failure:
        _LOG.exception("%s of the run %s could not be delivered", delivery.name, run.id)
        return record | {"state": "WAITING", "error": f"a mistake of ours: {type(failure).__name__}"}
    return record | {"state": "SENT"}


async def _deliveries(runtime: Runtime, run: TwoWayRun) -> list[Delivery]:
    """Everything that is to be sent of a run, in the same order each time."""
    written = configuration(runtime, run.name)
    document: Mapping[str, Any] = Substitution(runtime.project.root).apply(dict(written))
    link = report_link(runtime.settings, run)
    everybody = list(split_addresses(str(document.get("emailAddressForNotification") or "")))
    if runtime.settings.notifications:
        everybody.append(runtime.settings.notifications)
    pairs = attribute_pairs(document)
    notifications = read_notifications(Node(document, Reading(f"reconciliation/{run.name}")))
    found: list[Delivery] = []
    async with runtime.database.read() as tx:
        counts = await two_way.totals(tx, run.id) or run.counts
        if everybody:
            named = [await _named(tx, run, "Failed or held back", _FAILED)]
            if document.get("sendReportAboutDoNothingCases") is True:
                named.append(await _named(tx, run, "Nothing to do", Not(SOMETHING)))
            message = completion(run, counts, link, named)
            found += [Delivery(REPORT, message, target) for target in everybody]
        for each in notifications:
            met = await _named(tx, run, each.name, each.filter, with_lines=True)
            if met.count:
                message = notice(run, link, each.name, each.message, met, pairs)
                found += [Delivery(each.name, message, target) for target in each.to]
    return found


async def _named(
    tx: Transaction, run: TwoWayRun, heading: str, filter: Filter, *, with_lines: bool = False
) -> Named:
    count = await two_way.count_results(tx, run.id, filter)
    objects = await two_way.results(tx, run.id, filter, page_size=MOST_OBJECTS) if count else []
    return Named(heading, objects, count, with_lines)
