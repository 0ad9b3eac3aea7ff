"""Which of the two LDAP libraries is used."""

from __future__ import annotations

from functools import cache
from typing import Final

from conf.errors import ConfigError
from flows.connectors.ldap_async import AsyncLibrary
from flows.connectors.ldap_native import NativeLibrary
from flows.connectors.ldap_port import Library

LIBRARIES: Final = ("python-ldap", "anyldap")


def find_library(wanted: str, where: str) -> Library:
    """python-ldap where it is installed, else anyldap; ConfigError names the extra to install."""
    for name in (wanted,) if wanted else LIBRARIES:
        if (found := _installed(name)) is not None:
            return found
    extra = "reconvene[ldap-native]" if wanted == "python-ldap" else "reconvene[ldap]"
    faster = "" if wanted else ", or several times faster where a compiler is at hand: reconvene[ldap-native]"
    raise ConfigError(
        f"LDAP needs {wanted or 'a library'} that is not installed: pip install '{extra}'{faster}.",
        where=where,
    )


@cache
def _installed(name: str) -> Library | None:
    try:
        return NativeLibrary() if name == "python-ldap" else AsyncLibrary()
    except ImportError:
        return None
