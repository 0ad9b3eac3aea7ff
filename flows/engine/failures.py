"""Two ways to fail: one entry, or the whole run.

An entry failure is recorded on its entry and the run goes on; a run failure breaks the run off. Errors of other layers
that carry a status (scripts, connectors, policies) count as entry failures where they are caught.
"""

from conf.errors import Conflict


class EntryFailed(Conflict):
    """This entry cannot be completed; the message stands in its audit entry."""


class RunFailed(Conflict):
    """The run cannot go on; the message becomes the run's reason."""
