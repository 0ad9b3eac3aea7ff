"""`recon mapping`: what the mappings are, what is wrong with them, and what they make of one object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from api.commands import folders
from api.commands.options import Data, Output, Project, Reach
from api.commands.outcome import Exit
from api.commands.printing import note, say, say_json, say_json_lines, say_table

if TYPE_CHECKING:
    from conf.mapping import ObjectMapping

CURRENT = Reach()


def listed(*, project: Project = None, data: Data = None, output: Output = "text") -> int:
    """The mappings of the project, in processing order. Needs no server."""
    found = _mappings(folders.find(project, data))
    if output == "json":
        say_json_lines(
            {
                "name": mapping.name,
                "source": mapping.source,
                "target": mapping.target,
                "links": mapping.links,
                "enableSync": mapping.enable_sync,
                "problems": list(mapping.problems),
            }
            for mapping in found
        )
    elif not found:
        note("The project has no mapping. The README shows one in 15 lines.")
    else:
        say_table(
            ("MAPPING", "SOURCE", "TARGET", "POLICIES", "STATE"),
            (
                (
                    mapping.name,
                    mapping.source,
                    mapping.target,
                    len(mapping.policies),
                    "out of service: recon mapping validate" if mapping.problems else "in service",
                )
                for mapping in found
            ),
        )
    return Exit.DONE


def validate(
    mapping: Annotated[str | None, Parameter(help="Only this one.")] = None,
    /,
    *,
    project: Project = None,
    data: Data = None,
    output: Output = "text",
) -> int:
    """What is wrong with the mappings, with file, line and remedy; scripts are compiled. Needs no server."""
    from api.commands.outcome import CommandFailed  # noqa: PLC0415

    found = [one for one in _mappings(folders.find(project, data)) if mapping in (None, one.name)]
    if mapping is not None and not found:
        raise CommandFailed(f"No such mapping: {mapping}")
    if output == "json":
        say_json_lines({"name": one.name, "problems": list(one.problems)} for one in found)
    else:
        for one in found:
            say(f"{one.name}: {'out of service' if one.problems else 'sound'}")
            for problem in one.problems:
                say(f"  {problem}")
    return Exit.FAILED if any(one.problems for one in found) else Exit.DONE


def explain(
    mapping: str,
    id: str,
    /,
    *,
    target: Annotated[
        bool, Parameter(negative=(), help="ID is that of a target, which no source has led to.")
    ] = False,
    output: Output = "text",
    reached: Reach = CURRENT,
) -> int:
    """Why the object ID has its situation and action under MAPPING, with the evidence; nothing is written."""
    from api.commands.explanation import show  # noqa: PLC0415
    from api.commands.server import reach  # noqa: PLC0415

    options = {"mapping": mapping, "id": id}
    if target:
        options["target"] = "true"
    answer = reach(reached).act("recon", "explain", **options)
    if output == "json":
        say_json(answer)
    else:
        show(answer)
    return Exit.DONE


def _mappings(where: folders.Folders) -> tuple[ObjectMapping, ...]:
    """Those of the files, their scripts compiled."""
    from conf.project import open_project  # noqa: PLC0415 - help needs none of it
    from conf.settings import Settings  # noqa: PLC0415
    from flows.runtime import open_scripts  # noqa: PLC0415

    project = open_project(where.project)
    scripts = open_scripts(Settings(project=where.project, data=where.data), project)
    scripts.close()
    return project.mappings
