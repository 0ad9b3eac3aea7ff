"""SQL for members of a JSON text, on either database; values are bound, names are quoted literals."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import orjson

from conf.errors import BadRequest
from conf.transaction import Dialect

Path = tuple[str | int, ...]
"""Names in objects and positions in lists."""

MAX_PLACES: Final = 8
SIGNS: Final = {"eq": "=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL that is true, false or null (which counts as false), with its parameters in order."""

    sql: str
    parameters: tuple[Any, ...] = ()


NEVER: Final = Condition("false")
ALWAYS: Final = Condition("true")


@dataclass(frozen=True, slots=True)
class Value:
    """One JSON value in SQL: its type, its plain form, and the form that numbers and booleans are made of."""

    kind: str
    plain: str
    json: str


def any_of(conditions: Iterable[Condition]) -> Condition:
    """Holds when one of them does."""
    return _joined(" or ", conditions, NEVER)


def all_of(conditions: Iterable[Condition]) -> Condition:
    """Holds when all of them do."""
    return _joined(" and ", conditions, ALWAYS)


def _joined(word: str, conditions: Iterable[Condition], nothing: Condition) -> Condition:
    found = list(conditions)
    if len(found) < 2:
        return found[0] if found else nothing
    sql = word.join(condition.sql for condition in found)
    return Condition(f"({sql})", tuple(value for condition in found for value in condition.parameters))


def places(pointer: Sequence[str]) -> list[Path]:
    """Where a pointer may lead: a token of digits is a position in a list or a name in an object."""
    found = list(product(*(_steps(token) for token in pointer)))
    if len(found) > MAX_PLACES:
        raise BadRequest(f"/{'/'.join(pointer)} has too many numbers in it to be searched")
    return found


def _steps(token: str) -> Path:
    if '"' in token or "\0" in token:
        raise BadRequest(f"A member whose name holds a quote or NUL cannot be searched: {token!r}")
    if token.isascii() and token.isdigit() and len(token) < 10 and str(int(token)) == token:
        return (token, int(token))
    return (token,)


def quoted(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def as_json(value: str | Sequence[str]) -> str:
    """A text, or a list of them, as JSON."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError as error:
        raise BadRequest("A text holds characters that cannot be searched for") from error


class JsonSql(ABC):
    """How one database says it."""

    dialect: Dialect
    text_kind: str

    @abstractmethod
    def value(self, body: str, path: Path) -> Value:
        """The value at a place of a JSON text; its kind is null where there is none."""

    @abstractmethod
    def elements(self, body: str, path: Path, alias: str = "e") -> tuple[str, Value]:
        """The elements of a list as a table, and one of them; called only where there is a list."""

    @abstractmethod
    def elements_of(self, values: Sequence[Value], alias: str) -> tuple[str, Value]:
        """The elements of the value that is a list, as a table that is empty when none is."""

    @abstractmethod
    def inside(self, element: Value) -> str:
        """An element of a list as a JSON text to look into; null when there is nothing inside."""

    @abstractmethod
    def number(self, value: Value, operator: str, wanted: float) -> Condition: ...

    @abstractmethod
    def boolean(self, value: Value, operator: str, wanted: bool) -> Condition: ...

    @abstractmethod
    def order(self, values: Sequence[Value]) -> list[str]:
        """What to order by; of the values at most one exists. Missing first, then numbers, then texts."""

    @abstractmethod
    def iso(self, milliseconds: str) -> str:
        """Epoch milliseconds as `2026-01-31T23:59:59.999Z`."""

    @abstractmethod
    def among(self, expression: str, wanted: Sequence[str]) -> Condition:
        """The expression is one of these texts."""

    @abstractmethod
    def collated(self, expression: str) -> str:
        """A text expression to order by, byte by byte."""

    @abstractmethod
    def _sign(self, expression: str, sign: str) -> str:
        """A comparison byte by byte with a placeholder."""

    @abstractmethod
    def _contains(self, expression: str) -> str: ...

    @abstractmethod
    def _starts(self, expression: str, wanted: str) -> Condition: ...

    def text(self, expression: str, operator: str, wanted: str) -> Condition:
        """Compare a text expression with a text; case counts, order is by code point."""
        if "\0" in wanted:  # no stored text holds NUL, and PostgreSQL takes no parameter that does
            short = wanted[: wanted.index("\0")]
            beyond = {"lt": "le", "le": "le", "gt": "gt", "ge": "gt"}.get(operator)
            return NEVER if beyond is None else self.text(expression, beyond, short)
        match operator:
            case "co":
                return Condition(self._contains(expression), (wanted,))
            case "sw":
                return self._starting(expression, wanted)
            case _:
                return Condition(self._sign(expression, SIGNS[operator]), (wanted,))

    def _starting(self, expression: str, wanted: str) -> Condition:
        """A range, which an index serves, unless the last character has no plain successor."""
        if not wanted or wanted[-1] >= "\ud7ff":
            return self._starts(expression, wanted)
        beyond = wanted[:-1] + chr(ord(wanted[-1]) + 1)
        sql = f"({self._sign(expression, '>=')} and {self._sign(expression, '<')})"
        return Condition(sql, (wanted, beyond))

    def is_text(self, value: Value) -> str:
        return f"{value.kind} = '{self.text_kind}'"


class SqliteJson(JsonSql):
    """SQLite 3.40. Paths are literals, for a bound one never meets an index."""

    dialect = "sqlite"
    text_kind = "text"

    def value(self, body: str, path: Path) -> Value:
        # names stand in the stored text as orjson escaped them, and are compared with that
        steps = (f"[{step}]" if isinstance(step, int) else f".{as_json(step)}" for step in path)
        place = quoted(f"${''.join(steps)}")
        plain = f"json_extract({body}, {place})"
        return Value(f"json_type({body}, {place})", plain, place)

    def elements(self, body: str, path: Path, alias: str = "e") -> tuple[str, Value]:
        place = self.value(body, path).json
        return f"json_each({body}, {place}) as {alias}", self._row(alias)

    def elements_of(self, values: Sequence[Value], alias: str) -> tuple[str, Value]:
        cases = " ".join(f"when {value.kind} = 'array' then {value.plain}" for value in values)
        return f"json_each(case {cases} end) as {alias}", self._row(alias)

    def _row(self, alias: str) -> Value:
        return Value(f"{alias}.type", f"{alias}.value", f"{alias}.value")

    def inside(self, element: Value) -> str:
        # a text stands there without its quotes, which is no JSON
        return f"(case when {element.kind} in ('object', 'array') then {element.plain} end)"

    def number(self, value: Value, operator: str, wanted: float) -> Condition:
        guard = f"{value.kind} in ('integer', 'real')"
        return Condition(f"({guard} and {value.plain} {SIGNS[operator]} ?)", (wanted,))

    def boolean(self, value: Value, operator: str, wanted: bool) -> Condition:
        guard = f"{value.kind} in ('true', 'false')"
        return Condition(f"({guard} and {value.plain} {SIGNS[operator]} ?)", (int(wanted),))

    def order(self, values: Sequence[Value]) -> list[str]:
        found = ", ".join(value.plain for value in values)
        return [f"coalesce({found})" if len(values) > 1 else found]

    def iso(self, milliseconds: str) -> str:
        whole = f"strftime('%Y-%m-%dT%H:%M:%S', {milliseconds} / 1000, 'unixepoch')"
        return f"({whole} || printf('.%03dZ', {milliseconds} % 1000))"

    def among(self, expression: str, wanted: Sequence[str]) -> Condition:
        return Condition(f"{expression} in (select value from json_each(?))", (as_json(list(wanted)),))

    def collated(self, expression: str) -> str:
        return expression

    def _sign(self, expression: str, sign: str) -> str:
        return f"{expression} {sign} ?"

    def _contains(self, expression: str) -> str:
        return f"instr({expression}, ?) > 0"

    def _starts(self, expression: str, wanted: str) -> Condition:
        return Condition(f"substr({expression}, 1, ?) = ?", (len(wanted), wanted))


class PostgresJson(JsonSql):
    """PostgreSQL. The body is cast to jsonb, an expression that an index may hold."""

    dialect = "postgresql"
    text_kind = "string"

    def value(self, body: str, path: Path) -> Value:
        # `-> 0` takes a lone text for a list of one, `#>` does not; `-> '-1'` is a name, `#>` takes it for the last
        steps = [(f"#> '{{{step}}}'" if isinstance(step, int) else f"-> {quoted(step)}") for step in path]
        json = f"({' '.join((f'{body}::jsonb', *steps))})"
        last = steps.pop().replace(">", ">>", 1) if steps else "#>> '{}'"
        plain = f"({' '.join((f'{body}::jsonb', *steps, last))})"
        return Value(f"jsonb_typeof({json})", plain, json)

    def elements(self, body: str, path: Path, alias: str = "e") -> tuple[str, Value]:
        return self.elements_of([self.value(body, path)], alias)

    def elements_of(self, values: Sequence[Value], alias: str) -> tuple[str, Value]:
        # the planner may look at elements before it looks at the type
        cases = " ".join(f"when {value.kind} = 'array' then {value.json}" for value in values)
        element = f"{alias}.value"
        return (
            f"jsonb_array_elements(case {cases} end) as {alias}(value)",
            Value(f"jsonb_typeof({element})", f"({element} #>> '{{}}')", element),
        )

    def inside(self, element: Value) -> str:
        return element.json

    def number(self, value: Value, operator: str, wanted: float) -> Condition:
        compared = f"{value.json}::numeric {SIGNS[operator]} ?::text::numeric"
        return Condition(self._guarded(value, "number", compared), (repr(wanted),))

    def boolean(self, value: Value, operator: str, wanted: bool) -> Condition:
        compared = f"{value.json}::boolean {SIGNS[operator]} ?::boolean"
        return Condition(self._guarded(value, "boolean", compared), (wanted,))

    def _guarded(self, value: Value, kind: str, compared: str) -> str:
        # `and` promises no order, and casting a value of another type would fail the query
        return f"(case when {value.kind} = '{kind}' then {compared} else false end)"

    def order(self, values: Sequence[Value]) -> list[str]:
        found = f"coalesce({', '.join(value.json for value in values)})"
        kind = f"jsonb_typeof({found})"
        rank = f"case when {kind} is null or {kind} = 'null' then 0 when {kind} in ('number', 'boolean') then 1 else 2 end"
        number = f"case {kind} when 'number' then {found}::numeric when 'boolean' then {found}::boolean::int else 0 end"
        return [rank, number, f"coalesce({found} #>> '{{}}', '') collate \"C\""]

    def iso(self, milliseconds: str) -> str:
        whole = (
            f"to_char(to_timestamp({milliseconds} / 1000) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS')"
        )
        return f"({whole} || '.' || lpad(({milliseconds} % 1000)::text, 3, '0') || 'Z')"

    def among(self, expression: str, wanted: Sequence[str]) -> Condition:
        texts = [text for text in wanted if "\0" not in text]
        return Condition(f'{expression} collate "C" = any(?::text[])', (texts,))

    def collated(self, expression: str) -> str:
        return f'{expression} collate "C"'

    def _sign(self, expression: str, sign: str) -> str:
        return f'{expression} collate "C" {sign} ?'

    def _contains(self, expression: str) -> str:
        return f"strpos({expression}, ?) > 0"

    def _starts(self, expression: str, wanted: str) -> Condition:
        return Condition(f"starts_with({expression}, ?)", (wanted,))


WORDS: Final[dict[Dialect, JsonSql]] = {"sqlite": SqliteJson(), "postgresql": PostgresJson()}
