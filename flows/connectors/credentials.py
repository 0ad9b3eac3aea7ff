"""Passwords of connections: written in the provisioner file, or better in the environment or in a file."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conf.errors import ConfigError
from conf.substitution import is_open


@dataclass(frozen=True)
class Secret:
    """Where a password stands. It is read when a connection is opened, so that a changed one takes effect."""

    where: str
    """`provisioner.openicf/ldap: configurationProperties.credentials`."""
    plain: str | None = field(default=None, repr=False)
    variable: str = ""
    file: Path | None = None

    def read(self) -> str:
        """The password; ConfigError says why there is none."""
        if self.plain is not None:
            return self.plain
        if self.file is not None:
            try:
                return self.file.read_text(encoding="utf-8").rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as cause:
                reason = getattr(cause, "strerror", None) or "it is not UTF-8"
                raise ConfigError(f"{self.file} cannot be read: {reason}.", where=self.where) from cause
        found = os.environ.get(self.variable)
        if found is None:
            raise ConfigError(f"The environment variable {self.variable} is not set.", where=self.where)
        return found


def read_secret(value: Any, root: Path, where: str) -> Secret:
    """A text, `{"$env": "NAME"}` or `{"$file": "path"}`; a relative path belongs to the project folder."""
    match value:
        case None:
            return Secret(where, "")
        case str():
            if is_open(value):
                raise ConfigError(
                    f"{value} has no value: set it in the environment, with dots as underscores.", where=where
                )
            return Secret(where, value)
        case {"$env": str() as variable, **rest} if variable and not rest:
            return Secret(where, variable=variable)
        case {"$file": str() as file, **rest} if file and not rest:
            return Secret(where, file=root / file)
        case {"$crypto": _}:
            raise ConfigError(
                "It is encrypted with the key of another installation; write it as "
                '{"$env": "NAME"} or {"$file": "path"}.',
                where=where,
            )
        case _:
            raise ConfigError('Expected a text, {"$env": "NAME"} or {"$file": "path"}.', where=where)
