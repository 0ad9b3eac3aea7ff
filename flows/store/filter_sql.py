"""Query filters as SQL: the same answer as `conf.filters.evaluate` gives in memory, with case counting."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol, assert_never

from conf import pointer as json_pointer
from conf.filters.ast import And, AnyElement, Comparison, Filter, Literal, Not, Or, Present, Scalar
from conf.filters.evaluate import value_test
from conf.pointer import Pointer
from conf.transaction import Dialect
from flows.store.json_sql import (
    ALWAYS,
    NEVER,
    SIGNS,
    WORDS,
    Condition,
    JsonSql,
    Path,
    Value,
    all_of,
    any_of,
    places,
)


class Member(Protocol):
    """Something of a table that filters and sort keys can name."""

    def compare(self, words: JsonSql, comparison: Comparison) -> Condition:
        """The comparison; null where the member is missing."""

    def present(self, words: JsonSql) -> Condition:
        """The member is there and not null."""

    def order(self, words: JsonSql) -> list[str]:
        """What to order by."""


class Members(Protocol):
    """The members of a table by their names on the wire."""

    def member(self, pointer: Pointer) -> Member: ...


def condition(filter: Filter, members: Members, dialect: Dialect) -> Condition:
    """The filter as SQL for a WHERE clause."""
    words = WORDS[dialect]
    match filter:
        case Literal(value):
            return ALWAYS if value else NEVER
        case Present(path):
            return members.member(path).present(words)
        case AnyElement(path, operand):
            member = members.member(path)
            return member.any_element(words, operand) if isinstance(member, JsonMember) else NEVER
        case Not(operand):
            inner = condition(operand, members, dialect)
            # null is what a missing member gives; its negation holds
            return Condition(f"not coalesce({inner.sql}, false)", inner.parameters)
        case And(operands):
            return all_of(condition(operand, members, dialect) for operand in operands)
        case Or(operands):
            return any_of(condition(operand, members, dialect) for operand in operands)
        case Comparison():
            return members.member(filter.pointer).compare(words, filter)
        case _:
            assert_never(filter)


def order_by(sort_keys: Sequence[str], members: Members, dialect: Dialect, tie: str) -> str:
    """An ORDER BY list of keys such as `-sn` or `+mail`; `tie` decides among equals."""
    found: list[str] = []
    for key in sort_keys:
        direction = " desc" if key.startswith("-") else ""
        member = members.member(json_pointer.parse(key.lstrip("+- ")))
        found.extend(f"{expression}{direction}" for expression in member.order(WORDS[dialect]))
    return ", ".join((*found, tie))


@dataclass(frozen=True, slots=True)
class Absent:
    """A member that no row has."""

    def compare(self, words: JsonSql, comparison: Comparison) -> Condition:
        return NEVER

    def present(self, words: JsonSql) -> Condition:
        return NEVER

    def order(self, words: JsonSql) -> list[str]:
        return []


class Whole(Absent):
    """The object itself: there, and equal to nothing."""

    def present(self, words: JsonSql) -> Condition:
        return ALWAYS


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A column, or an expression, that holds a text."""

    sqlite: str
    postgresql: str = ""

    def expression(self, words: JsonSql) -> str:
        return self.postgresql if self.postgresql and words is WORDS["postgresql"] else self.sqlite

    def compare(self, words: JsonSql, comparison: Comparison) -> Condition:
        expression, value = self.expression(words), comparison.value
        if isinstance(value, tuple):
            return words.among(expression, [text for text in value if isinstance(text, str)])
        return words.text(expression, comparison.operator, value) if isinstance(value, str) else NEVER

    def present(self, words: JsonSql) -> Condition:
        return Condition(f"{self.expression(words)} is not null")

    def order(self, words: JsonSql) -> list[str]:
        expression = self.expression(words)
        return [f"{expression} is not null", words.collated(expression)]


@dataclass(frozen=True, slots=True)
class Constant:
    """A member with the same text in every row."""

    value: str

    def compare(self, words: JsonSql, comparison: Comparison) -> Condition:
        return ALWAYS if value_test(comparison, ignore_case=False)(self.value) else NEVER

    def present(self, words: JsonSql) -> Condition:
        return ALWAYS

    def order(self, words: JsonSql) -> list[str]:
        return []


INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@dataclass(frozen=True, slots=True)
class TimeColumn:
    """Epoch milliseconds that the wire shows as an ISO text, and that compare as such."""

    column: str

    def compare(self, words: JsonSql, comparison: Comparison) -> Condition:
        value = comparison.value
        sign = SIGNS.get(comparison.operator)
        if sign and isinstance(value, str) and INSTANT.fullmatch(value):
            try:
                at = datetime.fromisoformat(value)
            except ValueError:
                return TextColumn(words.iso(self.column)).compare(words, comparison)
            epoch = datetime(1970, 1, 1, tzinfo=UTC)
            return Condition(f"{self.column} {sign} ?", (round((at - epoch).total_seconds() * 1000),))
        return TextColumn(words.iso(self.column)).compare(words, comparison)

    def present(self, words: JsonSql) -> Condition:
        return Condition(f"{self.column} is not null")

    def order(self, words: JsonSql) -> list[str]:
        return [self.column]


@dataclass(frozen=True, slots=True)
class JsonMember:
    """A member of a JSON text; a list matches when any of its elements does."""

    body: str
    pointer: Pointer
    depth: int = 0
    """Lists that it is inside of."""

    def compare(self, words: JsonSql, comparison: Comparison) -> Condition:
        found: list[Condition] = []
        for place in places(self.pointer):
            value = words.value(self.body, place)
            found.append(_test(words, value, comparison))
            found.append(self._element(words, place, value, comparison))
        return any_of(found)

    def _element(self, words: JsonSql, place: Path, value: Value, comparison: Comparison) -> Condition:
        table, element = words.elements(self.body, place, f"e{self.depth}")
        inner = _test(words, element, comparison)
        sql = f"({value.kind} = 'array' and exists (select 1 from {table} where {inner.sql}))"
        return Condition(sql, inner.parameters)

    def any_element(self, words: JsonSql, operand: Filter) -> Condition:
        """Whether the list there has an element that the filter holds for."""
        values = [words.value(self.body, place) for place in places(self.pointer)]
        table, element = words.elements_of(values, f"e{self.depth}")
        inner = condition(operand, Inside(element, words.inside(element), self.depth + 1), words.dialect)
        return Condition(f"exists (select 1 from {table} where {inner.sql})", inner.parameters)

    def present(self, words: JsonSql) -> Condition:
        values = (words.value(self.body, place) for place in places(self.pointer))
        return any_of(Condition(f"{value.kind} <> 'null'") for value in values)

    def order(self, words: JsonSql) -> list[str]:
        return words.order([words.value(self.body, place) for place in places(self.pointer)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Element(JsonMember):
    """An element of a list itself, which may be no object."""

    element: Value

    def compare(self, words: JsonSql, comparison: Comparison) -> Condition:
        itself = _test(words, self.element, comparison)
        return any_of([itself, JsonMember.compare(self, words, comparison)])

    def present(self, words: JsonSql) -> Condition:
        return Condition(f"{self.element.kind} <> 'null'")


@dataclass(frozen=True, slots=True)
class Inside:
    """The members of an element of a list."""

    element: Value
    body: str
    depth: int

    def member(self, pointer: Pointer) -> Member:
        if pointer:
            return JsonMember(self.body, pointer, self.depth)
        return Element(body=self.body, pointer=(), depth=self.depth, element=self.element)


def _test(words: JsonSql, value: Value, comparison: Comparison) -> Condition:
    """The comparison for one value, which is not looked into when it is a list."""
    wanted = comparison.value
    if not isinstance(wanted, tuple):
        return _scalar(words, value, comparison.operator, wanted)
    texts = [text for text in wanted if isinstance(text, str)]
    others = [_scalar(words, value, "eq", each) for each in wanted if not isinstance(each, str)]
    if texts:
        among = words.among(value.plain, texts)
        others.append(Condition(f"({among.sql} and {words.is_text(value)})", among.parameters))
    return any_of(others)


def _scalar(words: JsonSql, value: Value, operator: str, wanted: Scalar) -> Condition:
    if isinstance(wanted, str):
        compared = words.text(value.plain, operator, wanted)
        return Condition(f"({compared.sql} and {words.is_text(value)})", compared.parameters)
    if operator not in SIGNS:
        return NEVER
    if isinstance(wanted, bool):
        return words.boolean(value, operator, wanted)
    return words.number(value, operator, wanted)


@dataclass(frozen=True)
class Columns:
    """Members that are columns, and JSON for all others when there is a body."""

    known: Mapping[str, Member]
    body: str | None = None

    def member(self, pointer: Pointer) -> Member:
        if pointer and (column := self.known.get(pointer[0])):
            if len(pointer) == 1:
                return column
            return JsonMember(column.body, pointer[1:]) if isinstance(column, JsonMember) else Absent()
        if not pointer:
            return Whole()
        if self.body is None:
            return Absent()
        return JsonMember(self.body, pointer)
