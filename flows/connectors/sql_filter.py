"""Query filters as expressions over columns: values are parameters, names come from the catalogue."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, assert_never

from sqlalchemy import ColumnElement, and_, false, func, literal, not_, or_, true, types

from conf.document import did_you_mean
from conf.errors import BadRequest
from conf.filters.ast import And, AnyElement, Comparison, Filter, Literal, Not, Or, Present, Scalar
from flows.connectors.sql_config import SqlConfig
from flows.connectors.sql_layout import Layout, Place
from flows.connectors.sql_parameters import to_column
from flows.connectors.sql_values import Kind, to_json

_ORDERED = frozenset({Kind.TEXT, Kind.INTEGER, Kind.NUMBER, Kind.DATETIME, Kind.DATE, Kind.TIME, Kind.ANY})


class Asking:
    """Puts filters on objects of one type into SQL. What is null never matches, and negated always."""

    def __init__(self, config: SqlConfig, layout: Layout, dialect: str) -> None:
        self.config = config
        self.layout = layout
        self.dialect = dialect

    def clause(self, node: Filter) -> ColumnElement[bool]:
        """The filter; BadRequest names a member that the object type does not have."""
        match node:
            case Literal(value):
                return true() if value else false()
            case Not(operand):
                return not_(self.clause(operand))
            case And(operands):
                return and_(*(self.clause(operand) for operand in operands))
            case Or(operands):
                return or_(*(self.clause(operand) for operand in operands))
            case Present(pointer):
                found = self._place(pointer)
                return false() if found is None else found.column.is_not(None)
            case AnyElement():
                return false()  # no column is a list
            case Comparison():
                return self._comparison(node)
            case _:
                assert_never(node)

    def _comparison(self, node: Comparison) -> ColumnElement[bool]:
        place = self._place(node.pointer)
        if place is None:
            known = list(self.layout.members)
            name = node.pointer[0] if node.pointer else ""
            hint = did_you_mean(name, known) or f" It has {', '.join(known)}."
            raise BadRequest(
                f"The filter asks for '{name}', which objects of system/{self.config.name}/{self.layout.kind.name} "
                f"do not have.{hint}"
            )
        as_text = self.layout.declared_type(node.pointer[0]) == "string"
        if isinstance(node.value, tuple):
            found = or_(false(), *(self._test(place, "eq", value, as_text=as_text) for value in node.value))
        else:
            found = self._test(place, node.operator, node.value, as_text=as_text)
        return and_(place.column.is_not(None), found)

    def _test(self, place: Place, operator: str, value: Scalar, *, as_text: bool) -> ColumnElement[bool]:
        if operator in ("co", "sw"):
            return self._part(place, operator, value)
        if operator != "eq" and place.kind not in _ORDERED:
            raise _cannot(place, operator)
        if place.kind is Kind.ANY and as_text and operator == "eq":
            return or_(
                false(), *(place.column == literal(one, types.NullType()) for one in candidates(value))
            )
        bound = self._bound(place, value, as_text=as_text)
        if bound is None:
            return false()
        column: ColumnElement[Any] = place.column
        if self.config.ignore_case and place.kind is Kind.TEXT:
            column, bound = func.lower(column), func.lower(bound)
        match operator:
            case "eq":
                return column == bound
            case "lt":
                return column < bound
            case "le":
                return column <= bound
            case "gt":
                return column > bound
            case _:
                return column >= bound

    def _part(self, place: Place, operator: str, value: Scalar) -> ColumnElement[bool]:
        """Begins with, contains; LIKE is of no use on SQLite, where it ignores letter case."""
        if place.kind not in (Kind.TEXT, Kind.ANY):
            raise _cannot(place, operator)
        if not isinstance(value, str) or not _is_sound(value):
            return false()
        column: ColumnElement[Any] = place.column
        if self.config.ignore_case:
            column, value = func.lower(column), value.lower()
        if self.dialect != "sqlite":
            like = column.startswith if operator == "sw" else column.contains
            return like(value, autoescape=True)
        if operator == "sw":
            return func.substr(column, 1, len(value)) == value
        return func.instr(column, value) > 0

    def _bound(self, place: Place, value: Scalar, *, as_text: bool) -> ColumnElement[Any] | None:
        """The value as a parameter; None when no value of the column can be that."""
        loose = self.layout.is_loose
        match place.kind, value:
            case (Kind.TEXT, str()) if not _is_sound(value):
                return None
            case (Kind.INTEGER | Kind.NUMBER | Kind.BOOLEAN, str()) if not as_text:
                return None
            case (Kind.INTEGER, float()):
                return literal(value, types.Float())
            case (Kind.INTEGER | Kind.NUMBER, bool()) | (Kind.TEXT, bool() | int() | float()):
                return None
            case (Kind.BOOLEAN, int() | float()) if not isinstance(value, bool):
                return None
            case (Kind.JSON | Kind.ARRAY, _):
                raise _cannot(place, "eq")
        try:
            made = to_column(value, place.kind, place.type, is_loose=loose)
        except ValueError:
            return None
        if as_text and place.kind in (Kind.INTEGER, Kind.NUMBER) and str(to_json(made)) != value:
            return None  # no number is shown as 007
        if loose:
            return literal(made, types.NullType())
        # as wide as can be, because a number that does not fit a column is not an error
        return literal(made, types.BigInteger() if place.kind is Kind.INTEGER else place.type)

    def any_id(self, ids: Collection[str]) -> ColumnElement[bool]:
        """Rows with one of these ids."""
        return self._any(self.layout.key, ids)

    def named(self, name: str) -> ColumnElement[bool]:
        """Rows with this name."""
        return self._any(self.layout.places[self.layout.kind.display], [name])

    def _any(self, place: Place, texts: Collection[str]) -> ColumnElement[bool]:
        if place.kind is Kind.ANY:
            bound: list[Any] = [literal(one, types.NullType()) for text in texts for one in candidates(text)]
        else:
            bound = [one for text in texts if (one := self._bound(place, text, as_text=True)) is not None]
        return place.column.in_(bound)

    def _place(self, pointer: tuple[str, ...]) -> Place | None:
        if not pointer or pointer[0] not in self.layout.members:
            return None
        if pointer[0] in self.layout.hidden:
            raise BadRequest(f"The filter asks for '{pointer[0]}', which cannot be read.")
        if len(pointer) > 1:
            raise BadRequest(
                f"The filter asks for '{'/'.join(pointer)}'; of a column only the whole can be asked for."
            )
        return self.layout.place(pointer[0])


def candidates(value: Scalar) -> list[Any]:
    """What may be shown as this text where a column holds any value."""
    found: list[Any] = [value] if isinstance(value, str) and _is_sound(value) else []
    for make in (int, float):
        try:
            number = make(value) if isinstance(value, str) and len(value) < 20 else None
        except ValueError:
            continue
        if number is not None and str(number) == value:
            found.append(number)
    return found


def _cannot(place: Place, operator: str) -> BadRequest:
    return BadRequest(f"The column {place.name!r} holds {place.kind} and cannot be asked with {operator}.")


def _is_sound(value: str) -> bool:
    """No text of a database holds NUL or half a character."""
    return "\0" not in value and not any("\ud800" <= sign <= "\udfff" for sign in value)
