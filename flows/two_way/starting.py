"""Starting and stopping two-way runs: what REST, the command line and schedules share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conf.document import did_you_mean
from conf.errors import BadRequest, Conflict, NotFound
from conf.reconciliation import LAST
from conf.reconciliation_terms import DESTRUCTIVE, Response, Treatment
from flows.launch import cancel
from flows.store import runs, two_way
from flows.store.two_way import TwoWayRun
from flows.two_way.prepare import COMPLETE, last_token, milliseconds, since_ms
from flows.two_way.state import Options, State

if TYPE_CHECKING:
    from conf.reconciliation_schema import Reconciliation
    from flows.call import Call

Json = dict[str, Any]

INACTIVE = "FAIL_PROCESS_INACTIVE"
RUNNING = "FAIL_PROCESS_ALREADY_RUNNING"
NOT_FINISHED = "previous run is not finished yet"


async def start(call: Call, name: str, options: Options, *, trigger: str = "rest") -> TwoWayRun:
    """Begin a run; a worker carries it out. Its id is the call's transaction id.

    Raises NotFound for an unknown configuration; Conflict with `detail.reason` for one that is inactive, out of service
    or still running.
    """
    configuration = call.runtime.project.reconciliation(name)
    refuse_unfit(configuration)
    before = await last_token(call, configuration)
    since = since_ms(options.updated_since or configuration.updated_since, before)
    run = TwoWayRun(
        id=call.transaction_id,
        name=name,
        started=call.now(),
        trigger=trigger,
        user_id=call.caller.id,
        is_manual=configuration.treatment is not Treatment.NONE,
        direction=str(configuration.direction),
        idm_changed_since=since,
        resource_changed_since=since,
        request=options.dump() | {"state": State().dump()},
    )
    async with call.write() as transaction:
        if under_way := await two_way.active(transaction, name):
            raise Conflict(
                f"{NOT_FINISHED[0].upper()}{NOT_FINISHED[1:]}: run {under_way[0].id} of {name} is "
                f"{under_way[0].status}",
                detail={"reason": RUNNING, "run": under_way[0].id},
            )
        await two_way.add_run(transaction, run)
        transaction.after_commit(lambda: call.runtime.wake("run"))
    return run


def refuse_unfit(configuration: Reconciliation) -> None:
    """Raise Conflict for a configuration that cannot be run."""
    name = configuration.name
    if configuration.problems:
        raise Conflict(f"Reconciliation {name} is out of service: {'; '.join(configuration.problems)}")
    if not configuration.is_active:
        raise Conflict(
            f"Reconciliation {name} is inactive; set its status to Active to start it",
            detail={"reason": INACTIVE},
        )


async def stop(call: Call, run_id: str) -> TwoWayRun:
    """Ask a run to stop; it does within a page, and what was done stays. One that has ended stays so."""
    async with call.write() as transaction:
        run = await two_way.read_run(transaction, run_id)
        if run is None:
            raise NotFound(f"There is no two-way run {run_id}")
        if run.ended is not None:
            return run
        await two_way.update_run(transaction, run_id, status="STOPPING")
        stages = State.load(run.request.get("state")).stages
        for stage in stages:
            if await runs.read(transaction, stage.run) is not None:
                await cancel(call.inside(transaction), stage.run)
        transaction.after_commit(lambda: call.runtime.wake("run"))
        found = await two_way.read_run(transaction, run_id)
    return found or run


def read_options(body: Any) -> Options:
    """The options of a request body; BadRequest names the member that is wrong."""
    given = body if isinstance(body, dict) else {}
    since = given.get("updatedSince")
    if since is not None:
        if not isinstance(since, str):
            raise BadRequest("/updatedSince: expected a time as text, last, or none")
        if since not in (LAST, COMPLETE):
            try:
                milliseconds(since)
            except ValueError as error:
                raise BadRequest(
                    f"/updatedSince: '{since}' is not a time; write 2026-01-31T02:00:00+01:00, last, or none"
                ) from error
    allow = given.get("allow", [])
    if isinstance(allow, str):
        allow = [part.strip() for part in allow.split(",") if part.strip()]
    if not isinstance(allow, list):
        raise BadRequest("/allow: expected a list of responses that the guards let pass")
    known = {str(response): response for response in DESTRUCTIVE}
    for word in allow:
        if word not in known:
            hint = did_you_mean(str(word), known) or f" Known: {', '.join(sorted(known))}."
            raise BadRequest(f"/allow: '{word}' is not a destructive response.{hint}")
    empty = given.get("allowEmpty", False)
    if not isinstance(empty, bool):
        raise BadRequest("/allowEmpty: expected true or false")
    return Options(since, frozenset(Response(word) for word in allow), empty)
