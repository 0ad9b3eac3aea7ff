"""Configuration that has no effect here: whole files, login modules, audit handlers, hooks, policies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from flows.access import CONDITIONS, unknown_conditions
from flows.policy_rules import RULES
from flows.unsupported.part import Documents, Steps, Unsupported

IN_EFFECT: Final = frozenset(
    {
        "sync",
        "managed",
        "authentication",
        "access",
        "workflow",
        "audit",
        "process/access",
        "external.email",
        "apiVersion",
    }
)
IN_EFFECT_BELOW: Final = ("mapping/", "provisioner.openicf", "reconciliation/", "schedule/", "endpoint/")
LOGIN_MODULES: Final = frozenset(
    {"STATIC_USER", "INTERNAL_USER", "MANAGED_USER", "DELEGATED", "OPENID_CONNECT", "OAUTH", "BEARER"}
)
ELSEWHERE: Final = frozenset({"unique", "mapping-exists"})
"""Policies that the store keeps, or that shipped types name and nothing here needs."""
_REMEDIES: Final = (
    ("router", "its filters are not run: move what they do into hooks of managed types or access.json"),
    ("policy", "declare the policies at the properties of managed.json"),
    ("emailTemplate", "send mail from a process definition in Python"),
    ("selfservice", "people are created by mappings, approvals and REST"),
    ("datasource", "the store is named with --database"),
    ("repo", "the store is named with --database"),
    ("cluster", "start more workers with `recon worker` on the same database"),
    ("servletfilter", "put a reverse proxy before the server"),
    ("ui", "there is no such console; use the command line, /docs and Prefect's dashboard"),
    ("privilege", "write rules into access.json"),
    ("syncfailure", "write syncFailureHandler into the provisioner file"),
)


def files(documents: Documents) -> Iterator[Unsupported]:
    """Files that nothing here reads."""
    for id in documents.documents:
        if id in IN_EFFECT or id.startswith(IN_EFFECT_BELOW):
            continue
        remedy = next((text for word, text in _REMEDIES if id.startswith(word)), "nothing; it does no harm")
        yield documents.part(id, (), "nothing here reads this file", remedy, is_fatal=False)


def logins(documents: Documents) -> Iterator[Unsupported]:
    """Login modules that let nobody in, and scripts that would change who somebody is."""
    document = documents.documents.get("authentication", {})
    prefix: Steps = ("serverAuthContext",) if isinstance(document.get("serverAuthContext"), dict) else ()
    context = document["serverAuthContext"] if prefix else document
    for number, module in enumerate(_list(context.get("authModules"))):
        if not isinstance(module, dict) or module.get("enabled") is False:
            continue
        path: Steps = (*prefix, "authModules", number)
        if module.get("name") not in LOGIN_MODULES:
            what = f"the login module {module.get('name')} has no effect: nobody logs in by it"
            remedy = "use STATIC_USER, MANAGED_USER or OPENID_CONNECT"
            yield documents.part("authentication", (*path, "name"), what, remedy, is_fatal=False)
        properties = module.get("properties")
        for name in ("augmentSecurityContext",):
            if isinstance(properties, dict) and properties.get(name):
                yield documents.part(
                    "authentication",
                    (*path, "properties", name),
                    f"{name} has no effect",
                    "give roles by defaultUserRoles or authzRoles of the user",
                    is_fatal=False,
                )


def audits(documents: Documents) -> Iterator[Unsupported]:
    """Audit handlers beside the store, and filters of what is audited."""
    document = documents.documents.get("audit", {})
    for number, handler in enumerate(_list(document.get("eventHandlers"))):
        if not isinstance(handler, dict) or str(handler.get("class", "")).endswith(
            "RepositoryAuditEventHandler"
        ):
            continue
        config = handler.get("config")
        if isinstance(config, dict) and config.get("enabled") is False:
            continue
        name = str(handler.get("class", "?")).rpartition(".")[2]
        remedy = "read audit/* over REST, or the server's JSON log (RECON_LOG_FORMAT=json)"
        where = ("eventHandlers", number)
        yield documents.part(
            "audit", where, f"the audit handler {name} writes nothing", remedy, is_fatal=False
        )
    for name in ("eventTopics", "exceptionFormatter", "filterPolicies"):
        if name == "eventTopics" and not _filtered(document.get(name)):
            continue
        if document.get(name):
            what = f"{name} has no effect: everything is audited, without passwords"
            yield documents.part("audit", (name,), what, "filter when you read", is_fatal=False)


def versions(documents: Documents) -> Iterator[Unsupported]:
    """Scripts are not told to name a version."""
    warning = documents.documents.get("apiVersion", {}).get("warning")
    if isinstance(warning, dict) and warning.get("includeScripts") is True:
        what = "includeScripts has no effect: only calls from outside are told of a missing version"
        where = ("warning", "includeScripts")
        yield documents.part("apiVersion", where, what, "nothing; it does no harm", is_fatal=False)


def access(documents: Documents) -> Iterator[Unsupported]:
    """Rules that allow nothing, because nobody here knows their condition."""
    for number, rule in enumerate(_list(documents.documents.get("access", {}).get("configs"))):
        custom = rule.get("customAuthz") if isinstance(rule, dict) else None
        unknown = unknown_conditions(custom) if isinstance(custom, str) else []
        if unknown:
            what = f"the condition {unknown[0]} is not known, so that the rule allows nothing"
            remedy = f"write a rule with these alone: {', '.join(sorted(CONDITIONS))}"
            where: Steps = ("configs", number, "customAuthz")
            yield documents.part("access", where, what, remedy, is_fatal=False)


def managed(documents: Documents) -> Iterator[Unsupported]:
    """Hooks that are not run, and policies that nobody knows."""
    for number, type in enumerate(_list(documents.documents.get("managed", {}).get("objects"))):
        if not isinstance(type, dict):
            continue
        path: Steps = ("objects", number)
        schema = type.get("schema")
        properties = schema.get("properties") if isinstance(schema, dict) else None
        for name, property in (properties if isinstance(properties, dict) else {}).items():
            declared = property.get("policies") if isinstance(property, dict) else None
            for at, policy in enumerate(_list(declared)):
                id = policy.get("policyId") if isinstance(policy, dict) else None
                if isinstance(id, str) and id not in RULES and id not in ELSEWHERE:
                    yield documents.part(
                        "managed",
                        (*path, "schema", "properties", name, "policies", at, "policyId"),
                        f"the policy {id} is not known, so it refuses nothing",
                        "check it in onValidate of the property",
                        is_fatal=False,
                    )


def _filtered(topics: Any) -> bool:
    return isinstance(topics, dict) and any(
        isinstance(topic, dict) and topic.get("filter") for topic in topics.values()
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
