"""`recon token create`: a bearer token for this installation."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Annotated, Final

from cyclopts import Parameter

from api import installation_key
from api.commands import folders
from api.commands.options import Data, Output, Project
from api.commands.outcome import CommandFailed, Exit
from api.commands.printing import note, say, say_json

ADMIN: Final = "openidm-admin"
ADMIN_ROLES: Final = "openidm-admin,openidm-authorized"
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_LONGEST: Final = 86_400


def create(
    *,
    subject: Annotated[
        str | None, Parameter(help="Who the token is for; default: openidm-admin, with all rights.")
    ] = None,
    roles: Annotated[
        str | None,
        Parameter(help="Roles besides the subject's own, separated by commas; default: none for a subject."),
    ] = None,
    expires: Annotated[str, Parameter(help="How long it counts: 90s, 15m or 1h; at most 24h.")] = "1h",
    project: Project = None,
    data: Data = None,
    output: Output = "text",
) -> int:
    """Sign a bearer token with the key of this installation; the key is made when there is none."""
    seconds = read_duration(expires)
    name = (subject or ADMIN).strip()
    if not name or len(name) > 256 or not name.isprintable():
        raise CommandFailed("A subject is a name of 1 to 256 letters that can be shown.", Exit.USAGE)
    given = roles if roles is not None else "" if subject else ADMIN_ROLES
    names = sorted({role.strip().removeprefix("internal/role/") for role in given.split(",")} - {""})
    found = folders.find(project, data)
    folders.ensure(found)
    key = installation_key.create(found.data)
    now = int(time.time())
    token = key.sign(name, names, seconds, now)
    until = datetime.fromtimestamp(now + seconds, UTC).isoformat().replace("+00:00", "Z")
    if output == "json":
        say_json({"token": token, "issuer": key.issuer, "subject": name, "roles": names, "expires": until})
    else:
        say(token)
        note(f"For {name} until {until}. Send it as: Authorization: Bearer <token>")
    return Exit.DONE


def read_duration(text: str) -> int:
    """Seconds of `90s`, `15m` or `1h`."""
    found = re.fullmatch(r"([0-9]{1,6})([smh])", text.strip())
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 0 < seconds <= _LONGEST:
        raise CommandFailed(f"'{text}' is no time such as 90s, 15m or 1h, up to 24h.", Exit.USAGE)
    return seconds
