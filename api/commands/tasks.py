"""`recon tasks`: what waits for a person."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Annotated, Any

from cyclopts import Parameter

from api.commands.options import Output, Reach
from api.commands.outcome import Exit
from api.commands.printing import note, say, say_json, say_json_lines, say_table
from api.commands.server import Server, reach

CURRENT = Reach()
AT_ONCE = 8


def listed(
    *,
    filter: Annotated[str, Parameter(help="Query filter, as 'assignee eq \"async.admin\"'.")] = "true",
    limit: Annotated[int, Parameter(help="How many at most; 0 for all.")] = 100,
    output: Output = "text",
    reached: Reach = CURRENT,
) -> int:
    """Open tasks, the oldest first, each with the object it is about."""
    server = reach(reached)
    found = list(islice(server.query("workflow/taskinstance", filter), limit + 1 if limit > 0 else None))
    more = 0 < limit < len(found)
    tasks = read_all(server, [str(task["_id"]) for task in found[: limit or None]])
    if output == "json":
        say_json_lines(tasks)
    elif not tasks:
        note("Nothing waits for a person.")
    else:
        say_table(
            ("TASK", "NAME", "ASSIGNEE", "SITUATION", "OBJECT", "MAPPING", "SINCE"),
            (_line(task) for task in tasks),
        )
        if more:
            note(f"There are more than {limit}; --limit 0 shows all.")
    return Exit.DONE


def show(task: str, /, *, output: Output = "text", reached: Reach = CURRENT) -> int:
    """One task and what it asks."""
    found = reach(reached).read(f"workflow/taskinstance/{task}")
    if output == "json":
        say_json(found)
        return Exit.DONE
    variables = found.get("variables") or {}
    say(f"{found.get('name')}  (task {found['_id']}, {found.get('processDefinitionId')})")
    say(f"  assignee    {found.get('assignee') or 'nobody yet'}")
    say(f"  since       {found.get('createTime')}")
    for name, value in variables.items():
        if value not in (None, "", []):
            say(f"  {name:<11} {value}")
    asked = [name for field in found.get("formProperties") or () for name in field]
    say(f"  form        {', '.join(asked) or 'none'}")
    return Exit.DONE


def claim(
    task: str,
    /,
    *,
    assignee: Annotated[
        str | None, Parameter(name="--for", help="Who gets it; default: the account of --user.")
    ] = None,
    output: Output = "text",
    reached: Reach = CURRENT,
) -> int:
    """Take a task, or give it to somebody."""
    taker = assignee or reached.user or "openidm-admin"
    answer = reach(reached).act(f"workflow/taskinstance/{task}", "claim", {"userId": taker})
    if output == "json":
        say_json(answer | {"_id": task, "assignee": taker})
    else:
        say(f"Task {task} is {taker}'s.")
    return Exit.DONE


def read_all(server: Server, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Tasks with their variables, which a list leaves out."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda task: server.read(f"workflow/taskinstance/{task}"), ids))


def _line(task: dict[str, Any]) -> Sequence[object]:
    variables = task.get("variables") or {}
    about = variables.get("sourceId") or variables.get("targetId")
    return (
        task["_id"],
        task.get("name"),
        task.get("assignee") or "-",
        variables.get("situation") or "-",
        about or "-",
        variables.get("mapping") or "-",
        task.get("createTime"),
    )
