"""Reading one mapping: every member by its type, with its default."""

from __future__ import annotations

from conf.document import Node
from conf.mapping_rules import (
    read_condition,
    read_correlation,
    read_pointer,
    read_policies,
    read_properties,
    read_qualifiers,
    read_query,
)
from conf.mapping_schema import LinkType, ObjectMapping
from conf.script_config import read_script


def read_body(node: Node, name: str, source: str, target: str, link_type: LinkType) -> ObjectMapping:
    """The mapping at this node; its problems are in the node's reading."""
    correlation, correlation_script = read_correlation(node)
    clustered = node.flag("clusteredSourceReconEnabled", False)
    node.optional_flag("sourceIdsCaseSensitive")
    node.optional_flag("targetIdsCaseSensitive")
    _check_queue(node.child("queuedSync"))
    retention = node.child("reconAssociation")
    if retention.value is not None:
        retention.is_object()
    return ObjectMapping(
        name=name,
        source=source,
        target=target,
        links=link_type.name,
        link_type=link_type,
        link_qualifiers=read_qualifiers(node.child("linkQualifiers")),
        enable_sync=node.flag("enableSync", True),
        enable_linking=node.flag("enableLinking", True),
        properties=read_properties(node.child("properties")),
        policies=read_policies(node.child("policies")),
        correlation=correlation,
        correlation_script=correlation_script,
        correlate_empty_target_set=node.flag("correlateEmptyTargetSet", False),
        source_condition=read_condition(node.child("sourceCondition")),
        source_query=read_query(node.child("sourceQuery")),
        target_query=read_query(node.child("targetQuery")),
        source_query_full_entry=node.optional_flag("sourceQueryFullEntry"),
        target_query_full_entry=node.optional_flag("targetQueryFullEntry"),
        run_target_phase=node.optional_flag("runTargetPhase"),
        allow_empty_source_set=node.flag("allowEmptySourceSet", False),
        prefetch_links=node.flag("prefetchLinks", True),
        recon_source_query_paging=node.flag("reconSourceQueryPaging", clustered),
        recon_source_query_page_size=node.number("reconSourceQueryPageSize", 10_000 if clustered else 1000),
        task_threads=node.number("taskThreads", 10),
        feed_size=node.number("feedSize", 1000, least=1),
        trigger_sync_properties=_pointers(node.child("triggerSyncProperties")),
        max_analysis_runs=_kept(retention, "maxAnalysisRunsPerMapping"),
        max_runs=_kept(retention, "maxNonAnalysisRunsPerMapping"),
        clustered=clustered,
        raw=node.value,
        valid_source=read_script(node.child("validSource")),
        valid_target=read_script(node.child("validTarget")),
        on_create=read_script(node.child("onCreate")),
        on_update=read_script(node.child("onUpdate")),
        on_delete=read_script(node.child("onDelete")),
        on_link=read_script(node.child("onLink")),
        on_unlink=read_script(node.child("onUnlink")),
        on_recon=read_script(node.child("onRecon")),
        on_error=read_script(node.child("onError")),
        on_mapping=read_script(node.first("onMapping", "defaultMapping")),
        post_mapping=read_script(node.child("postMapping")),
        result=read_script(node.child("result")),
    )


def _check_queue(node: Node) -> None:
    """`queuedSync` has no effect here, but what it says has to make sense."""
    if node.value is None or not node.is_object():
        return
    node.flag("enabled", False)
    for name, least in (
        ("pageSize", 1),
        ("pollingInterval", 0),
        ("maxQueueSize", 1),
        ("maxRetries", -1),
        ("retryDelay", 0),
    ):
        node.number(name, least, least=least)


def _pointers(node: Node) -> tuple[tuple[str, ...], ...] | None:
    if node.value is None:
        return None
    return tuple(found for element in node.elements() if (found := read_pointer(element)) is not None)


def _kept(retention: Node, name: str) -> int | None:
    """How many runs keep their associations; a negative number keeps all."""
    kept = retention.number(name, 1, least=-1)
    return None if kept < 0 else kept
