"""`recon history`: two-way runs of the past, down to one object before and after."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Annotated, Any, Final

from cyclopts import Parameter

from api.commands.options import Reach
from api.commands.outcome import CommandFailed, Exit
from api.commands.printing import note, say, say_json, say_json_lines, say_table
from api.commands.report import report_two_way
from api.commands.server import Server, reach
from flows.reports import words

CURRENT = Reach()
#: members of an object that are not attributes
MEMBERS: Final = frozenset(
    {
        "case",
        "situation",
        "response",
        "principal",
        "idmObjectId",
        "resourceObjectId",
        "status",
        "message",
    }
)


def history(  # noqa: PLR0913 - options of a command
    run: Annotated[str | None, Parameter(help="Show the objects of this run.")] = None,
    object: Annotated[str | None, Parameter(help="Show this object of the run (its number).")] = None,
    /,
    *,
    name: Annotated[str | None, Parameter(help="Only runs of this configuration.")] = None,
    case: Annotated[str | None, Parameter(help="Only objects of this case, as NOT_EXIST_IN_IDM_DB.")] = None,
    value: Annotated[
        tuple[str, ...],
        Parameter(
            help="FIELD=VALUE: only what has it; any attribute of either side is a field of an object. Repeatable."
        ),
    ] = (),
    filter: Annotated[
        str | None, Parameter(help="Query filter, as 'attribute/mail co \"@old.org\"'.")
    ] = None,
    sort: Annotated[
        str | None,
        Parameter(help="Order, as principal or -started; several with commas.", allow_leading_hyphen=True),
    ] = None,
    limit: Annotated[int, Parameter(help="How many at most; 0 for all.")] = 50,
    as_json: Annotated[bool, Parameter(name="--json", negative=(), help="One object a line.")] = False,
    reached: Reach = CURRENT,
) -> int:
    """Two-way runs, the latest first; the objects of RUN; or OBJECT of RUN, before and after.

    `recon report RUN --format csv` downloads the objects of a run.
    """
    server = reach(reached)
    if run is None:
        wanted = _filter(filter, {"name": name}, value, attributes=False)
        _runs(*_some(server, "reconciliation/history", wanted, sort, limit), as_json=as_json)
    elif object is not None:
        _object(server.read(f"reconciliation/history/{run}/object/{object}"), as_json=as_json)
    else:
        wanted = _filter(filter, {"case": case and case.upper()}, value, attributes=True)
        found, more = _some(server, f"reconciliation/history/{run}/object", wanted, sort, limit)
        if not as_json:
            report_two_way(server.read(f"reconciliation/history/{run}"))
            say()
        _objects(found, more, as_json=as_json)
    return Exit.DONE


def _some(
    server: Server, path: str, filter: str, sort: str | None, limit: int
) -> tuple[list[dict[str, Any]], bool]:
    """As many as wanted, and whether there are more."""
    options = {"_sortKeys": sort} if sort else {}
    if 0 < limit < 500:
        options["_pageSize"] = str(limit + 1)
    found = list(islice(server.query(path, filter, **options), limit + 1 if limit > 0 else None))
    return (found[:limit], True) if 0 < limit < len(found) else (found, False)


def _filter(
    given: str | None, members: Mapping[str, str | None], values: Sequence[str], *, attributes: bool
) -> str:
    parts = [f"({given})"] if given else []
    parts += [f"{member} eq {json.dumps(wanted)}" for member, wanted in members.items() if wanted]
    parts += [_equals(each, attributes=attributes) for each in values]
    return " and ".join(parts) or "true"


def _equals(written: str, *, attributes: bool) -> str:
    """`FIELD=VALUE` as a filter; a number or a truth may stand there as such or as text."""
    field, sign, value = written.partition("=")
    if not sign or not field:
        raise CommandFailed(f"Write --value FIELD=VALUE, not {written!r}.", Exit.USAGE)
    pointer = f"attribute/{field}" if attributes and field.partition("/")[0] not in MEMBERS else field
    wanted = [json.dumps(value), *_literal(value)]
    either = " or ".join(f"{pointer} eq {each}" for each in wanted)
    return either if len(wanted) == 1 else f"({either})"


def _literal(value: str) -> Iterator[str]:
    digits = value.removeprefix("-")
    if value in ("true", "false") or (digits.isascii() and digits.isdigit() and len(digits) < 16):
        yield value


def _runs(found: list[dict[str, Any]], more: bool, *, as_json: bool) -> None:
    if as_json:
        say_json_lines(found)
        return
    if not found:
        note("No two-way run is known that fits.")
        return
    rows = ((run["started"], run["_id"], run["name"], run["status"], run["result"]) for run in found)
    say_table(("STARTED", "RUN", "NAME", "STATUS", "RESULT"), rows)
    _tell_more(len(found), more)


def _objects(found: list[dict[str, Any]], more: bool, *, as_json: bool) -> None:
    if as_json:
        say_json_lines(found)
        return
    if not found:
        note("No object of this run fits.")
        return
    say_table(
        ("OBJECT", "CASE", "PRINCIPAL", "RESPONSE", "STATUS", "MESSAGE"),
        (
            (
                each["_id"],
                each["case"],
                each["principal"],
                words.response(each["response"]),
                each["status"],
                each["message"],
            )
            for each in found
        ),
    )
    _tell_more(len(found), more)


def _tell_more(shown: int, more: bool) -> None:
    if more:
        note(f"There are more than {shown}; --limit 0 shows all.")


def _object(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        say_json(found)
        return
    say(f"{found['principal'] or 'without a name'}  {found['caseText']}")
    say(f"  situation   {found['situationText']}")
    say(f"  response    {found['responseText']}: {words.status(found['status'])}")
    if found["message"]:
        say(f"  message     {found['message']}")
    say(f"  in IDM      {found['idmObjectId'] or '-'}")
    say(f"  in resource {found['resourceObjectId'] or '-'}")
    if found["attributes"]:
        say()
        say_table(
            ("  ATTRIBUTE", "IDM BEFORE", "IDM AFTER", "RESOURCE BEFORE", "RESOURCE AFTER"),
            (
                (
                    f"{'*' if row['differs'] or row['changed'] else ' '} {row['name']}",
                    *(
                        _one_line(row[side])
                        for side in ("idmBefore", "idmAfter", "resourceBefore", "resourceAfter")
                    ),
                )
                for row in found["attributes"]
            ),
        )


def _one_line(text: str | None) -> str:
    shown = "-" if text is None else text.replace("\n", ", ")
    return shown if len(shown) <= 60 else f"{shown[:59]}…"
