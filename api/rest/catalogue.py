"""The calls that we document, family by family; the routes of the OpenAPI document come from here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from api.rest.operations import OBJECT, QUERY, Family, Operation, act, collection, instance

_REPORT: Final[Mapping[str, str]] = {
    "format": "html, csv, or json: the figures only; default: as configured",
    "doNothing": "true or false: whether objects with nothing to do are listed; default: as configured",
    "filter": 'Only these objects, such as `case eq "MATCH_FOUND_DIFFERENT"` or `attribute/mail co "@old.org"`',
}
_FILES: Final = ("application/json", "text/html", "text/csv")

FAMILIES: Final[tuple[Family, ...]] = (
    Family(
        "recon",
        "Reconciliation runs",
        (
            Operation("GET", "/recon", "List runs, those in progress too"),
            act(
                "/recon",
                "Start a run, or explain what one would make of an object",
                "recon",
                "reconById",
                "explain",
                mapping="Name of the mapping",
                id="Source id, for reconById and explain",
                target="true: explain the target of that id",
                waitForCompletion="true: answer when the run has ended",
                persistAssociations="true: keep every entry for recon/assoc",
                analyze="true: assess and decide, write nothing",
            ),
            Operation("GET", "/recon/{id}", "Read the status of a run"),
            act("/recon/{id}", "Cancel a run", "cancel"),
            Operation("DELETE", "/recon/{id}", "Remove a run's statistics and associations"),
            Operation("GET", "/recon/assoc", "Query runs that kept their entries", QUERY),
            Operation("GET", "/recon/assoc/{id}", "Read the summary of a run that kept its entries"),
            Operation(
                "GET",
                "/recon/assoc/{id}/entry",
                "Query the entries of a run; _fields may name sourceObject/mail, targetObject",
                QUERY,
                extra={
                    "queryMissingSide": "true: each entry with its source and target as they are now",
                    "sourceQueryFilter": "Only entries of the page whose source is there and matches",
                    "targetQueryFilter": "Only entries of the page whose target is there and matches",
                },
            ),
            Operation("GET", "/recon/assoc/{id}/entry/{entry}", "Read one entry of a run"),
        ),
    ),
    Family(
        "reconciliation",
        "Two-way reconciliation: configurations, reports and history",
        (
            Operation(
                "GET",
                "/reconciliation",
                "List two-way configurations with their last runs",
                answers_anything=True,
            ),
            Operation("GET", "/reconciliation/{name}", "Read a two-way configuration's state and last run"),
            act(
                "/reconciliation/{name}",
                "Start or stop a run; pause or resume the schedule",
                *("start", "stop", "pause", "resume"),
                updatedSince="Only what changed since this time; last: since the last run; none: everything",
                allow="Destructive responses that the guard lets pass this time, with commas between",
                allowEmpty="true: an empty side is no failure this time",
                waitForCompletion="true: answer when the run has ended",
            ),
            Operation(
                "GET",
                "/reconciliation/{name}/report",
                "Report of a run",
                ("_prettyPrint",),
                extra={"run": "Id of the run; default: the last one", **_REPORT},
                produces=_FILES,
            ),
            Operation("GET", "/reconciliation/history", "Query runs, the latest first", QUERY),
            Operation("GET", "/reconciliation/history/{id}", "Read a run with its figures"),
            Operation(
                "DELETE", "/reconciliation/history/{id}", "Forget a run that has ended and its objects"
            ),
            Operation("GET", "/reconciliation/history/{id}/object", "Query the objects of a run", QUERY),
            Operation(
                "GET",
                "/reconciliation/history/{id}/object/{number}",
                "Read one object: both sides, before and after",
            ),
            Operation(
                "GET",
                "/reconciliation/history/{id}/report",
                "Download the objects of a run",
                ("_prettyPrint",),
                extra=_REPORT,
                produces=_FILES,
            ),
        ),
    ),
    Family(
        "sync",
        "Synchronisation of single objects",
        (
            act(
                "/sync",
                "Perform an action on an object, or tell what it is linked to",
                "performAction",
                "getLinkedResources",
                "notifyCreate",
                "notifyUpdate",
                "notifyDelete",
                mapping="Name of the mapping",
                sourceId="Source id",
                situation="Situation that is expected",
                action="Action to perform",
                resourceName="Object, as managed/user/x",
            ),
            Operation("GET", "/sync/mappings", "Query the mappings", QUERY),
        ),
    ),
    Family(
        "workflow",
        "Approvals: definitions, processes, tasks",
        (
            *collection("/workflow/processdefinition", "process definitions", by_post=False),
            Operation("GET", "/workflow/processdefinition/{id}", "Read a process definition"),
            *collection("/workflow/processinstance", "processes"),
            Operation("GET", "/workflow/processinstance/{id}", "Read a process"),
            Operation("DELETE", "/workflow/processinstance/{id}", "End a process"),
            Operation("GET", "/workflow/processinstance/history", "Query processes, ended ones too", QUERY),
            *collection("/workflow/taskinstance", "tasks", by_post=False),
            Operation(
                "POST",
                "/workflow/taskinstance",
                "Decide many tasks: those in `ids`, or all that `_queryFilter` finds when `confirm` is their number",
                actions=("complete",),
                body=OBJECT,
                answers=(200, 202),
            ),
            Operation("GET", "/workflow/taskinstance/{id}", "Read a task"),
            Operation(
                "POST",
                "/workflow/taskinstance/{id}",
                "Decide a task, or take it",
                actions=("complete", "claim"),
                body=OBJECT,
                answers=(200, 202),
            ),
            Operation(
                "PUT",
                "/workflow/taskinstance/{id}",
                "Change assignee, owner, name or description",
                body=OBJECT,
            ),
            Operation("GET", "/workflow/taskinstance/history", "Query tasks, ended ones too", QUERY),
        ),
    ),
    Family(
        "managed",
        "Managed objects",
        (
            *collection("/managed/{type}", "the objects of a type"),
            *instance("/managed/{type}/{id}", "the objects of a type"),
            *collection("/managed/{type}/{object}/{property}", "the references of an object"),
            *instance("/managed/{type}/{object}/{property}/{id}", "the references of an object", patch=False),
            act(
                "/managed/{type}/{id}",
                "Patch by POST",
                "patch",
                body={"type": "array", "items": {"$ref": "#/components/schemas/PatchOperation"}},
            ),
        ),
    ),
    Family(
        "system",
        "Objects of connected systems",
        (
            act(
                "/system",
                "Test all connections, or list connectors",
                "test",
                "availableConnectors",
                "liveSync",
            ),
            act("/system/{name}", "Test one connection", "test", "liveSync"),
            *collection("/system/{name}/{type}", "the objects of a system"),
            *instance("/system/{name}/{type}/{id}", "the objects of a system"),
        ),
    ),
    Family(
        "config",
        "Configuration documents of the project",
        (
            Operation("GET", "/config", "Query the configuration", QUERY, answers_anything=True),
            *instance("/config/{id}", "the documents"),
            *instance("/config/{kind}/{id}", "the documents of a kind"),
        ),
    ),
    Family(
        "audit",
        "What happened, and who did it",
        tuple(
            operation
            for topic in ("recon", "activity", "sync", "config", "authentication", "access")
            for operation in (
                Operation("GET", f"/audit/{topic}", f"Query the events of {topic}", QUERY),
                Operation("GET", f"/audit/{topic}/{{id}}", f"Read an event of {topic}"),
            )
        ),
    ),
    Family(
        "repo/link",
        "Links between sources and targets",
        (
            Operation("GET", "/repo/link", "Query links", QUERY),
            Operation("GET", "/repo/link/{id}", "Read a link"),
            Operation("DELETE", "/repo/link/{id}", "Remove a link", conditional=True),
        ),
    ),
    Family(
        "scheduler",
        "Scheduled jobs",
        (
            *collection("/scheduler/job", "the jobs"),
            *instance("/scheduler/job/{id}", "the jobs", patch=False),
            act(
                "/scheduler/job",
                "Pause or resume all jobs",
                "pauseJobs",
                "resumeJobs",
                "validateQuartzCronExpression",
            ),
            act("/scheduler/job/{id}", "Start a job now, pause it, resume it", "trigger", "pause", "resume"),
            *collection("/taskscanner", "the scans for tasks", by_post=False),
            Operation("GET", "/taskscanner/{id}", "Read how far a scan is"),
            act("/taskscanner", "Start the scan of a job (parameter name)", "execute"),
            act("/taskscanner/{id}", "Cancel a scan", "cancel"),
        ),
    ),
    Family(
        "internal",
        "Internal roles and users",
        (
            *collection("/internal/role", "the roles"),
            *instance("/internal/role/{id}", "the roles", patch=False),
            *collection("/internal/user", "the internal users", by_post=False),
            Operation("GET", "/internal/user/{id}", "Read an internal user"),
        ),
    ),
    Family(
        "policy",
        "Validation of objects",
        (
            Operation("GET", "/policy/{resource}/{type}", "Policies of a type"),
            act(
                "/policy/{resource}/{type}/{id}",
                "Validate an object or some properties",
                "validateObject",
                "validateProperty",
            ),
        ),
    ),
    Family(
        "schema",
        "Schemas of managed types",
        (
            Operation("GET", "/schema", "Query schemas", QUERY),
            Operation("GET", "/schema/managed/{type}", "Read the schema of a managed type"),
        ),
    ),
    Family("script", "Scripts", (act("/script", "Run or compile a script", "eval", "compile"),)),
    Family(
        "endpoint",
        "Endpoints that the project's own scripts answer",
        (
            Operation("GET", "/endpoint/{name}", "Read or query an endpoint", QUERY, answers_anything=True),
            Operation(
                "POST", "/endpoint/{name}", "Create or act at an endpoint", actions=("create",), body=OBJECT
            ),
        ),
    ),
    Family(
        "info",
        "The server itself",
        (
            Operation("GET", "/info/ping", "Whether the server is ready; needs no credentials"),
            Operation("GET", "/info/login", "Who I am"),
            Operation("GET", "/info/version", "Version of the server"),
        ),
    ),
    Family(
        "authentication",
        "Sessions",
        (
            act(
                "/authentication",
                "Open or close a session, or show a password again (X-OpenIDM-Reauth-Password)",
                "login",
                "logout",
                "reauthenticate",
            ),
        ),
    ),
)
