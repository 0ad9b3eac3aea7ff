"""One field of a Quartz expression: lists, ranges that may wrap, steps, names, and the last-day forms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NoReturn

from conf.errors import BadRequest

_TERM: Final = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?", re.ASCII)


def refuse(text: str, spec: FieldSpec, why: str) -> NoReturn:
    raise BadRequest(f"The schedule '{text}' has a wrong field '{spec.name}': {why}")


@dataclass(frozen=True)
class Meaning:
    """What a field says."""

    values: tuple[int, ...]
    every: bool = False
    special: str = ""
    """`L` or `LW` for the last (week)day of the month, `L` for the last such weekday, `#3` for the third."""


@dataclass(frozen=True)
class FieldSpec:
    """A field by its name, its values and their names."""

    name: str
    values: range
    names: Mapping[str, int] = field(default_factory=dict)

    def read(self, written: str, text: str) -> Meaning:
        """What the field says; BadRequest names the field."""
        if written in ("*", "?"):
            return Meaning(tuple(self.values), every=True)
        if special := self._special(written, text):
            return special
        found: set[int] = set()
        for term in written.split(","):
            found.update(self._term(term, text))
        return Meaning(tuple(sorted(found)), every=found == set(self.values))

    def _special(self, written: str, text: str) -> Meaning | None:
        if self.name == "day of month":
            if written in ("L", "LW"):
                return Meaning((), special=written)
            if "W" in written:
                refuse(text, self, f"'{written}' (nearest weekday) is not supported; name the day itself")
            if "L" in written:
                refuse(text, self, f"'{written}' is not supported; 'L' and 'LW' stand alone")
        if self.name == "day of week":
            if written == "L":
                return Meaning((7,))
            if "#" in written:
                day, _, nth = written.partition("#")
                if nth not in ("1", "2", "3", "4", "5"):
                    refuse(text, self, f"'{written}' must end with #1 to #5")
                return Meaning((self._number(day, text),), special=f"#{nth}")
            if written.endswith("L"):
                return Meaning((self._number(written[:-1], text),), special="L")
        return None

    def _term(self, term: str, text: str) -> list[int]:
        found = _TERM.fullmatch(term)
        if not found:
            refuse(text, self, f"'{term}' is not understood")
        first, last, step_text = found.groups()
        step = int(step_text) if step_text else 1
        if step_text and not 1 <= step <= len(self.values):
            refuse(text, self, f"the step in '{term}' must be 1 to {len(self.values)}")
        if first == "*":
            if last:
                refuse(text, self, f"'{term}' is not understood")
            return list(self.values)[::step]
        low = self._number(first, text)
        if not last:
            return list(range(low, self.values.stop, step)) if step_text else [low]
        high = self._number(last, text)
        if high >= low:
            return list(range(low, high + 1, step))
        # FRI-MON, 22-2: over the end and on from the start
        size = len(self.values)
        return [
            (value - self.values.start) % size + self.values.start
            for value in range(low, high + size + 1, step)
        ]

    def _number(self, written: str, text: str) -> int:
        number = self.names.get(written)
        if number is None and written.isascii() and written.isdigit() and len(written) <= 4:
            number = int(written)
        if number is None or number not in self.values:
            named = f" or {next(iter(self.names))} to {list(self.names)[-1]}" if self.names else ""
            refuse(text, self, f"'{written}' is not {self.values.start} to {self.values.stop - 1}{named}")
        return number
