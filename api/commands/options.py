"""Options that most commands share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

Output = Annotated[
    Literal["text", "json"],
    Parameter(name=["--output", "-o"], help="`json`: one object, for lists one a line, each with `format`."),
]
Project = Annotated[
    Path | None,
    Parameter(
        name=["--project", "-p"],
        env_var="RECON_PROJECT",
        help="Project folder; default: the one we stand in, else the sample.",
    ),
]
Data = Annotated[
    Path | None,
    Parameter(env_var="RECON_DATA", help="Data folder; default: .recon in the project folder."),
]

Store = Annotated[
    str | None,
    Parameter(
        name="--database",
        env_var="RECON_DATABASE",
        help="`sqlite:////path.db` or `postgresql://user:password@host/name`; default: in the data folder.",
    ),
]


@Parameter(name="*")
@dataclass(frozen=True)
class Reach:
    """How to reach a running server, and as whom."""

    url: Annotated[
        str | None,
        Parameter(env_var="RECON_URL", help="Address of the server; default: what runs on the data folder."),
    ] = None
    user: Annotated[
        str | None,
        Parameter(
            env_var="RECON_USER",
            help="Account to act as, its password from RECON_PASSWORD or a prompt; "
            "default: this machine's administrator, by the key in the data folder.",
        ),
    ] = None
    project: Project = None
    data: Data = None
