"""Checks of mail: whether those who are to be told can be."""

from __future__ import annotations

from collections.abc import AsyncIterator

from api.commands.findings import Finding, doubtful, well, wrong
from conf.document import Node, Reading
from conf.email import ID
from conf.project import LiveProject
from conf.reconciliation_notifications import read_notifications
from conf.reconciliation_schema import Reconciliation
from flows.reports.delivery import NotDelivered, try_server

SUBJECT = "Mail"


async def check_mail(project: LiveProject) -> AsyncIterator[Finding]:
    """Log in at the mail server, where there is one; else say who goes without."""
    server = project.email
    if server is None:
        if ID not in project.documents and (names := _who_writes(project)):
            yield doubtful(
                SUBJECT,
                f"{', '.join(names)} would send mail, and there is no mail server",
                "write conf/external.email.json; docs/two-way.md shows one",
            )
        return
    try:
        await try_server(server)
    except NotDelivered as failure:
        yield wrong(SUBJECT, str(failure), "mend conf/external.email.json; mails wait and are tried again")
    else:
        yield well(SUBJECT, f"{server.host}:{server.port} lets us in")


def _who_writes(project: LiveProject) -> list[str]:
    """The two-way configurations that name a mail address."""
    return [f"reconciliation/{name}" for name, found in project.reconciliations.items() if _writes(found)]


def _writes(configuration: Reconciliation) -> bool:
    root = Node(configuration.raw, Reading(configuration.name))
    notices = (to for each in read_notifications(root) for to in each.to)
    return bool(configuration.email) or any("://" not in to for to in notices)
