"""JSON pointers as mappings, filters and PATCH write them: `userName`, `/address/city`, `emails/0`.

A leading slash may be missing; `""` and `/` are the whole object. Tokens are URI-decoded (`%2F` is a slash
inside a name) and know the escapes `~1` and `~0` of RFC 6901.
"""

import re
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

from conf.errors import BadRequest

Pointer = tuple[str, ...]

#: what a URI forbids in a fragment: blanks, control characters, these, a percent sign without two hex digits
_FORBIDDEN: Final = re.compile(r'[\x00-\x20"<>\\^`{|}#\x7f]|%(?![0-9A-Fa-f]{2})')


@lru_cache(maxsize=4096)
def parse(text: str) -> Pointer:
    """The tokens of a pointer; BadRequest for characters that a pointer cannot hold."""
    if found := _FORBIDDEN.search(text):
        raise BadRequest(
            f"{text!r} is not a JSON pointer: {found.group()!r} at position {found.start() + 1} must be "
            "written as % and two hexadecimal digits"
        )
    bare = text.removeprefix("/")
    return tuple(_decode(token) for token in bare.split("/")) if bare else ()


def _decode(token: str) -> str:
    plain = unquote(token, errors="strict") if "%" in token else token
    return plain.replace("~1", "/").replace("~0", "~") if "~" in plain else plain


def text(pointer: Pointer) -> str:
    """The pointer as answers show it, with a leading slash."""
    return "/" + "/".join(token.replace("~", "~0").replace("/", "~1") for token in pointer)


def get(value: Any, pointer: Pointer, default: Any = None) -> Any:
    """What the pointer leads to, or the default; never fails."""
    for token in pointer:
        if isinstance(value, dict):
            if token not in value:
                return default
            value = value[token]
        elif isinstance(value, list):
            index = _index(token)
            if index is None or index >= len(value):
                return default
            value = value[index]
        else:
            return default
    return value


def put(value: Any, pointer: Pointer, content: Any, *, dash_appends: bool = False) -> None:
    """Write `content` in place; missing parents become objects.

    In a list the index may be at most its length, which appends; `-` appends with `dash_appends` (PATCH).
    """
    if not pointer:
        raise BadRequest("cannot replace root object")
    for depth, token in enumerate(pointer[:-1]):
        value = _step(value, token, pointer, depth)
    last = pointer[-1]
    if isinstance(value, dict):
        value[last] = content
        return
    if not isinstance(value, list):
        raise _no_parent(pointer, len(pointer) - 1)
    index = len(value) if dash_appends and last == "-" else _position(value, last, pointer)
    value[index : index + 1] = [content]


def remove(value: Any, pointer: Pointer) -> bool:
    """Take out what the pointer leads to; False when there was nothing."""
    if not pointer:
        raise BadRequest("cannot remove root object")
    parent = get(value, pointer[:-1])
    last = pointer[-1]
    if isinstance(parent, dict) and last in parent:
        del parent[last]
        return True
    index = _index(last)
    if isinstance(parent, list) and index is not None and index < len(parent):
        del parent[index]
        return True
    return False


def _step(value: Any, token: str, pointer: Pointer, depth: int) -> Any:
    if isinstance(value, dict):
        return value.setdefault(token, {})
    if isinstance(value, list):
        index = _position(value, token, pointer)
        if index == len(value):
            value.append({})
        return value[index]
    raise _no_parent(pointer, depth)


def _index(token: str) -> int | None:
    return int(token) if token.isascii() and token.isdigit() and len(token) < 10 else None


def _position(value: list[Any], token: str, pointer: Pointer) -> int:
    index = _index(token)
    if index is None or index > len(value):
        raise BadRequest(
            f"{text(pointer)}: {token!r} is not a position in a list of {len(value)}; "
            f"0 to {len(value)} can be written"
        )
    return index


def _no_parent(pointer: Pointer, depth: int) -> BadRequest:
    return BadRequest(
        f"{text(pointer)} cannot be written: {text(pointer[:depth])} is neither an object nor a list"
    )
