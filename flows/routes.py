"""Which resource stands at which path: the one address space of REST, scripts and the command line."""

from __future__ import annotations

from flows.resources.associations import AssociationEntryResource, AssociationResource
from flows.resources.audit import Audit, AuditTopic
from flows.resources.authentication import Authentication
from flows.resources.config import Configuration
from flows.resources.endpoint import Endpoint
from flows.resources.info import Info
from flows.resources.internal import InternalObjects
from flows.resources.link import Links
from flows.resources.managed import ManagedObjects
from flows.resources.policy import Policies
from flows.resources.recon import ReconResource
from flows.resources.reconciliation import ReconciliationResource
from flows.resources.reconciliation_history import ReconciliationHistory, ReconciliationObjects
from flows.resources.reconciliation_report import ReconciliationReport
from flows.resources.relationships import Relationships, RoleMembers
from flows.resources.scheduler import Jobs, Scheduler, Triggers
from flows.resources.schema import Schemas
from flows.resources.script import Scripts
from flows.resources.sync import MappingsResource, SyncResource
from flows.resources.system import SystemObjects, Systems
from flows.resources.taskscanner import TaskScanner
from flows.resources.workflow_routes import add_workflow
from flows.router import Router


def build_router() -> Router:
    """All resources at their paths; they find the configuration in the call."""
    router = Router()
    router.add("recon", ReconResource(), deep=True)
    router.add("recon/assoc", AssociationResource())
    router.add("recon/assoc/{run}/entry", AssociationEntryResource())
    router.add("reconciliation", ReconciliationResource())
    router.add("reconciliation/{name}/report", ReconciliationReport())
    router.add("reconciliation/history", ReconciliationHistory())
    router.add("reconciliation/history/{run}/object", ReconciliationObjects())
    router.add("reconciliation/history/{run}/report", ReconciliationReport())
    router.add("sync", SyncResource())
    router.add("sync/mappings", MappingsResource())
    router.add("managed/{type}", ManagedObjects())
    router.add("managed/{type}/{object}/{property}", Relationships())
    router.add("system", Systems())
    router.add("system/{name}/{type}", SystemObjects())
    router.add("repo/link", Links())
    for role in ("internal/role/{role}/authzMembers", "repo/internal/role/{role}/authzMembers"):
        router.add(role, RoleMembers())
    for internal in ("internal/{type}", "repo/internal/{type}"):
        router.add(internal, InternalObjects())
    router.add("config", Configuration(), deep=True)
    router.add("audit", Audit())
    router.add("audit/{topic}", AuditTopic())
    router.add("scheduler", Scheduler())
    router.add("scheduler/job", Jobs())
    router.add("scheduler/trigger", Triggers())
    router.add("taskscanner", TaskScanner())
    router.add("policy", Policies(), deep=True)
    router.add("schema", Schemas(), deep=True)
    router.add("script", Scripts())
    router.add("endpoint/{name}", Endpoint(), deep=True)
    add_workflow(router)
    router.add("info", Info())
    router.add("authentication", Authentication())
    return router
