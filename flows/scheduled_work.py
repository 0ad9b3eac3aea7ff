"""What a job does at its time when it needs no run: liveSync, a script, or a scan for tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows import task_scan
from flows.live_sync import live_sync
from flows.run_script import read_script_object, run_script, script_context

if TYPE_CHECKING:
    from flows.call import Call
    from flows.schedules import Job


async def do_job(call: Call, job: Job) -> str | None:
    """Do it now; answers why it failed where that is no error of the job itself. Raises ReconErrors."""
    if job.live_source is not None:
        answer = await live_sync(call, job.live_source)
        failure = answer.get("lastException")
        return None if failure is None else str(failure["message"])
    context = job.schedule.context
    if job.schedule.service == "taskscanner":
        await task_scan.scan(call, await task_scan.begin(call, job.name, context))
        return None
    script = read_script_object(
        call.runtime, context.get("script"), f"schedule/{job.name}: invokeContext.script"
    )
    scope = {"input": context.get("input"), "context": script_context(call), **script.variables}
    await run_script(call, script, scope)
    return None
