"""Carries out a claimed run inside its flow run."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from conf.errors import ReconError
from conf.terms import RunState
from flows.prefect_client import Deployments, connected, server_at
from flows.prefect_runs import conclusion_of, flow_run_for
from flows.prefect_shell import Conclusion, PrefectShell, Work, drive
from flows.run_report import report_of, rest_address

if TYPE_CHECKING:
    from flows.call import Runtime
    from flows.store.run_rows import RunRow

_LOG = logging.getLogger(__name__)


class PrefectExecutor:
    """The way of a lane to the Prefect server."""

    def __init__(self, api: str, worker: str) -> None:
        self._api = api
        self._deployments = Deployments(worker)

    def forget(self) -> None:
        """The server was away, and may come back with another database."""
        self._deployments.forget()

    async def execute(
        self,
        runtime: Runtime,
        run: RunRow,
        carry_out: Callable[[PrefectShell], Awaitable[RunRow | None]],
        before_step: Callable[[], Awaitable[None]],
    ) -> bool:
        """Carry the run out in Prefect. False when that could not begin: then nothing of the run was done."""
        failure: ReconError | None = None

        async def concluded(shell: PrefectShell) -> Conclusion | None:
            nonlocal failure
            try:
                ended = await carry_out(shell)
            except ReconError as error:
                failure = error
                return Conclusion(RunState.ACTIVE, error.message)
            if ended is None:
                return None
            if ended.ended and not shell.reported:
                found = report_of(ended, rest_address(runtime.settings))
                await shell.report(found.title, found.markdown, found.link)
            return conclusion_of(ended)

        began = await self._drive(runtime, run, concluded, before_step)
        if failure is not None:
            raise failure
        return began

    async def _drive(
        self,
        runtime: Runtime,
        run: RunRow,
        concluded: Callable[[PrefectShell], Awaitable[Conclusion | None]],
        before_step: Callable[[], Awaitable[None]],
    ) -> bool:
        began = False
        try:
            with server_at(self._api):
                async with connected() as client:
                    flow_run = await flow_run_for(client, self._deployments, runtime.database, run)
                    work = Work(run.mapping, concluded, before_step, client)
                    try:
                        await drive(work, flow_run, run.id)
                    finally:
                        began = work.began
        except ReconError:
            raise
        except Exception:
            # whatever it was, our own row is the truth; the watch puts right what Prefect shows
            _LOG.warning("Prefect failed around the run", extra={"run": run.id}, exc_info=True)
            self._deployments.forget()
        return began
