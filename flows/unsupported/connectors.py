"""Connectors that are not here, with the scripts that they would have run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from conf.provisioner import PREFIX
from flows.connectors.registry import CONNECTORS, remedy
from flows.unsupported.part import Documents, Unsupported


def connectors(documents: Documents) -> Iterator[Unsupported]:
    """Provisioner files of connectors that nobody here speaks for, and remote connector servers."""
    known = ", ".join(CONNECTORS)
    for id, document in documents.documents.items():
        if not id.startswith(PREFIX):
            if id.startswith("provisioner.openicf.connectorinfoprovider"):
                yield documents.part(
                    id, (), "connector servers are not used", "delete the file", is_fatal=False
                )
            continue
        reference = document.get("connectorRef")
        full = reference.get("connectorName") if isinstance(reference, dict) else None
        if isinstance(full, str) and (kind := full.rpartition(".")[2]) not in CONNECTORS:
            instead = remedy(kind) or f"reach the system through one of {known}"
            where = ("connectorRef", "connectorName")
            yield documents.part(id, where, f"there is no connector {kind}; there is {known}", instead)
            yield from _scripts(documents, id, instead)
        handler = document.get("syncFailureHandler")
        action = handler.get("postRetryAction") if isinstance(handler, dict) else None
        if action not in (None, "logged-ignore"):
            yield documents.part(
                id,
                ("syncFailureHandler", "postRetryAction"),
                "a change that keeps failing is logged and passed over, whatever is said here",
                "write logged-ignore, and watch audit/sync",
                is_fatal=False,
            )


def _scripts(documents: Documents, id: str, remedy: str) -> Iterator[Unsupported]:
    """The scripts of a scripted connector: `createScriptFileName` and its siblings."""
    properties = documents.documents[id].get("configurationProperties")
    if not isinstance(properties, dict):
        return
    for name, file in properties.items():
        if name.endswith("ScriptFileName") and isinstance(file, str) and file:
            what = f"the connector script {Path(file).name} is not run"
            yield documents.part(id, ("configurationProperties", name), what, remedy)
