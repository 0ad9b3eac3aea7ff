"""One script for one call: compiled, run in a thread with `openidm` bound to the call, and given up afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from conf.document import Node, Reading
from conf.errors import BadRequest
from conf.script_config import ScriptConfig, read_script
from flows.own_thread import in_own_thread
from flows.patch import Transform
from flows.recon.bridge import Bridge
from flows.script_calls import dispatch

if TYPE_CHECKING:
    from flows.call import Call, Runtime

Json = dict[str, Any]


async def run_script(
    call: Call, config: ScriptConfig, scope: dict[str, Any], mutable: tuple[str, ...] = ()
) -> Any:
    """The script's value; names in `mutable` show its changes afterwards.

    What it does through `openidm` happens in the call's transaction, if it has one. Raises ScriptFailed.
    """
    bridge, inner = Bridge.here(), call.within("script")

    def work() -> Any:
        return _run(bridge, inner, config, scope, mutable)

    return await in_own_thread(work)


def _run(
    bridge: Bridge, call: Call, config: ScriptConfig, scope: dict[str, Any], mutable: tuple[str, ...]
) -> Any:
    host = call.runtime.scripts
    script = host.compile(config)
    with host.session(lambda verb, arguments: bridge.wait(dispatch(call, verb, arguments))) as session:
        return session.run(script, scope, mutable)


def read_script_object(runtime: Runtime, content: Any, where: str) -> ScriptConfig:
    """The script object of a request; BadRequest says what is wrong with it."""
    if not isinstance(content, Mapping):
        raise BadRequest(f"{where}: expected a script object with 'type' and 'source' or 'file'")
    if not content.get("type"):
        raise BadRequest("Embedded script must have type")
    reading = Reading(where, runtime.project.scripts.has)
    config = read_script(Node(dict(content), reading))
    if config is None or reading.problems:
        raise BadRequest(f"{where}: {'; '.join(map(str, reading.problems)) or 'this is not a script object'}")
    if config.language == "python":
        raise BadRequest(f"{where}: only JavaScript is run from a request; Python belongs in a configuration")
    return config


def script_context(call: Call) -> Json:
    """What scripts see as `context`."""
    caller = call.caller
    return {
        "security": {
            "authenticationId": caller.id,
            "authorization": {
                "id": caller.resource_id or caller.id,
                "component": caller.component,
                "roles": sorted(caller.roles),
                "moduleId": caller.module,
            },
        },
        "caller": {"external": caller.via in {"rest", "cli"} and not call.triggers},
        "current": {"name": call.triggers[-1] if call.triggers else "security"},
        **deepcopy(call.context),
    }


def patch_transform(call: Call) -> Transform:
    """Runs the script of a PATCH `transform`, which sees the object as `content`; called from a thread."""
    bridge = Bridge.here()

    def transform(script: Json, content: Json) -> Any:
        config = read_script_object(call.runtime, script, "transform")
        return _run(bridge, call.within("script"), config, {"content": content}, ())

    return transform
