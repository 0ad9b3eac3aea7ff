"""`recon init`: a project folder that runs as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from api.commands import folders
from api.commands.options import Output
from api.commands.outcome import Exit
from api.commands.printing import note, say, say_json

EMPTY = "empty"


def init(
    folder: Annotated[
        Path | None, Parameter(help="Where; default: a folder of the sample's name, here.")
    ] = None,
    /,
    *,
    sample: Annotated[
        str, Parameter(help="Which sample, or `empty` for a project without mappings.")
    ] = folders.SAMPLE,
    output: Output = "text",
) -> int:
    """Write a project folder that runs as it is."""
    target = folder or Path(sample)
    if sample == EMPTY:
        folders.make_empty(target)
    else:
        folders.copy_sample(sample, target)
    if output == "json":
        say_json({"project": str(target.resolve()), "sample": sample})
    else:
        say(str(target))
        note(f"Run it with: recon up -p {target}")
    return Exit.DONE
