"""`script`: run or compile a script that the caller sends."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from conf.errors import BadRequest
from flows.router import Resource
from flows.run_script import read_script_object, run_script, script_context

if TYPE_CHECKING:
    from flows.call import Call


class Scripts(Resource):
    """For administrators, who may do everything that a script may."""

    async def action(
        self,
        call: Call,
        parts: Mapping[str, str],
        id: str | None,
        name: str,
        content: Any,
        parameters: Mapping[str, str],
    ) -> Any:
        if id is not None or name not in {"eval", "compile"}:
            raise BadRequest(f"Action {name} on script not supported; offered: eval, compile")
        config = read_script_object(call.runtime, content, "script")
        if name == "compile":
            await asyncio.to_thread(call.runtime.scripts.compile, config)
            return True
        return await run_script(call, config, {"context": script_context(call)})
