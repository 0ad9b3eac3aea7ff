"""Conditional headers: `If-Match`, `If-None-Match`, and the revision in `ETag`."""

from conf.errors import BadRequest

ANY = "*"


def revision(header: str | None) -> str | None:
    """The revision that a conditional header names, without its quotes; `*` is any."""
    if header is None:
        return None
    text = header.strip().removeprefix("W/")
    if len(text) >= 2 and text.startswith('"') and text.endswith('"'):
        text = text[1:-1]
    if not text:
        raise BadRequest("The conditional header names no revision; send a revision or *")
    return text


def wants_create(if_match: str | None, if_none_match: str | None) -> bool | None:
    """What a PUT shall do: True create, False update, None whichever fits."""
    if if_none_match is not None:
        if if_match is not None:
            raise BadRequest("The headers If-Match and If-None-Match are mutually exclusive in a PUT")
        if if_none_match != ANY:
            raise BadRequest('"If-None-Match" with a revision makes no sense in a PUT; send If-None-Match: *')
        return True
    return False if if_match is not None else None


def etag(rev: str) -> str:
    """The revision as a header shows it."""
    return f'"{rev}"'
