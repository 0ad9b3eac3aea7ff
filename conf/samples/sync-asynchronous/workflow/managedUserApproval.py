"""An account is created for a new source object only after a person has said yes.

The mapping starts this process for an ABSENT situation (`"workflowName": "managedUserApproval"` in `conf/sync.json`).
Copy this file to write a process of your own: any name, any number of tasks, in `workflow/` of your project folder.
"""

from flows.process import Approves, FieldType, FormField, Process, UserTask, process


@process(
    key="managedUserApproval",
    name="Managed User Approval Workflow",
    decides_only=True,
    tasks=[
        UserTask(
            key="evaluateRequest",
            name="Evaluate request",
            assignee="async.admin",
            form=(
                FormField("requesterName", "Requester's name", expression="${sourceId}", writable=False),
                FormField(
                    "requestApproved",
                    "Do you approve the request?",
                    type=FieldType.ENUM,
                    values={"true": "Yes", "false": "No"},
                    required=True,
                ),
            ),
            approves=Approves("requestApproved", "true"),
        )
    ],
)
async def managed_user_approval(request: Process) -> None:
    # the flow run is suspended here, for as long as it takes, until a person has completed the task
    decision = await request.evaluate("evaluateRequest")

    # the situation is assessed anew: if it is no longer the one that was approved, nothing is created
    if decision.approved:
        await request.perform_action()
