"""Everything that a project folder uses and that is not done here, by file and line."""

from __future__ import annotations

from pathlib import Path

from conf.script_files import ScriptFiles
from flows.unsupported import connectors, documents, members, scripts, workflows
from flows.unsupported.part import Documents, Unsupported


def unsupported(root: Path) -> list[Unsupported]:
    """Needs no server and runs nothing; unknown situations and actions are told by reading the project."""
    found = Documents.of(root)
    return sorted(
        {
            *scripts.in_documents(found, ScriptFiles(root)),
            *scripts.in_folders(root),
            *connectors.connectors(found),
            *documents.files(found),
            *documents.logins(found),
            *documents.audits(found),
            *documents.versions(found),
            *documents.access(found),
            *documents.managed(found),
            *members.mappings(found),
            *members.hooks(found),
            *workflows.definitions(root),
            *workflows.requested(found),
        }
    )
