"""The syntax tree of a query filter."""

from dataclasses import dataclass, field
from typing import Final

Scalar = str | int | float | bool
Value = Scalar | tuple[Scalar, ...]

OPERATORS: Final = ("eq", "co", "sw", "lt", "le", "gt", "ge", "in")


@dataclass(frozen=True, slots=True)
class Comparison:
    """`pointer operator value`; the value of `in` is a tuple, of all others a scalar."""

    pointer: tuple[str, ...]
    operator: str
    value: Value
    kind: str = field(init=False, repr=False)
    """Type of the value: `eq 1` and `eq true` are different filters though Python's 1 equals True."""

    def __post_init__(self) -> None:
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        object.__setattr__(self, "kind", " ".join(type(value).__name__ for value in values))


@dataclass(frozen=True, slots=True)
class Present:
    """`pointer pr`: there, and not null."""

    pointer: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnyElement:
    """`pointer[filter]`: a list there has an element that the filter, seen from the element, holds for."""

    pointer: tuple[str, ...]
    operand: "Filter"


@dataclass(frozen=True, slots=True)
class Not:
    """`!(operand)`; true also where the operand is false because a member is missing."""

    operand: "Filter"


@dataclass(frozen=True, slots=True)
class And:
    """All operands hold."""

    operands: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one operand holds."""

    operands: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Literal:
    """`true` or `false`."""

    value: bool


Filter = Comparison | Present | AnyElement | Not | And | Or | Literal
