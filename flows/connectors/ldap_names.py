"""Distinguished names: compared as directories compare them, and made for new entries."""

from __future__ import annotations

from conf.errors import BadRequest
from flows.connectors.ldap_port import Library, Rdn


def name_key(library: Library, dn: str) -> str:
    """Equal for two spellings of the same name: letter case, blanks and escapes do not matter."""
    try:
        steps = library.split(dn)
    except ValueError:
        return dn.strip().casefold()
    return "\n".join("\t".join(sorted(map(_part, step))) for step in steps)


def is_below(library: Library, dn: str, base: str) -> bool:
    """Whether a name is the base or lies below it."""
    key, above = name_key(library, dn), name_key(library, base)
    return key == above or not above or key.endswith(f"\n{above}")


def child_name(library: Library, attribute: str, value: str, base: str) -> str:
    """The name of an entry directly below the base."""
    return (
        f"{library.join([[(attribute, value, 1)]])},{base}"
        if base
        else library.join([[(attribute, value, 1)]])
    )


def checked(library: Library, dn: str, what: str) -> list[Rdn]:
    """The steps of a name; BadRequest for what is none."""
    try:
        steps = library.split(dn)
    except ValueError:
        steps = []
    if not steps:
        raise BadRequest(
            f"{what}: {dn!r} is not a distinguished name like uid=jdoe,ou=people,dc=example,dc=com."
        )
    return steps


def _part(part: tuple[str, str, int]) -> str:
    attribute, value, _ = part
    return f"{attribute.casefold()}={' '.join(value.casefold().split())}"
