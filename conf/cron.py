"""Quartz cron expressions, as schedules write them: what they mean, and when they fire next.

Clock changes: an expression that names hours keeps to the wall clock. A time that the change leaves out fires
once, at the first valid minute after the gap; a time that comes twice fires once, the first time. An expression
for every hour keeps to real time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from conf.cron_fields import FieldSpec, Meaning, refuse
from conf.errors import BadRequest

_MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAY_NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTHS: Final = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
DAYS: Final = {name: number for number, name in enumerate(_DAY_NAMES, 1)}
#: any instant: expressions are tried and explained without one
_SOME_DAY: Final = datetime(2000, 1, 1, tzinfo=UTC)

FIELDS: Final = (
    FieldSpec("seconds", range(60)),
    FieldSpec("minutes", range(60)),
    FieldSpec("hours", range(24)),
    FieldSpec("day of month", range(1, 32)),
    FieldSpec("month", range(1, 13), MONTHS),
    FieldSpec("day of week", range(1, 8), DAYS),
    FieldSpec("year", range(1970, 2100)),
)


@dataclass(frozen=True)
class Quartz:
    """A Quartz expression: seconds, minutes, hours, day of month, month, day of week, and perhaps a year."""

    text: str
    fields: tuple[str, ...] = field(init=False)
    """The fields as written, upper-cased."""
    cron: str = field(init=False)
    """The same in five fields (minutes first, Sunday 0), without seconds and years."""
    seconds: tuple[int, ...] = field(init=False)
    years: tuple[int, ...] | None = field(init=False)
    """None: every year."""
    _shown: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        fields = tuple(self.text.upper().split())
        meanings = _read(self.text, fields)
        put = object.__setattr__
        put(self, "fields", fields)
        put(self, "seconds", meanings[0].values)
        put(self, "years", meanings[6].values if len(meanings) == 7 and not meanings[6].every else None)
        in_order = list(zip(meanings, FIELDS, strict=False))
        put(self, "cron", " ".join(_five(meaning, spec) for meaning, spec in in_order[1:6]))
        put(self, "_shown", " ".join(_five(meaning, spec, short=True) for meaning, spec in in_order[:6]))
        try:
            CronSim(self.cron, _SOME_DAY)
        except CronSimError as failure:
            raise BadRequest(f"The schedule '{self.text}' names a day that no month has") from failure

    @property
    def cron5(self) -> str | None:
        """The expression in the five fields that Prefect takes; None when they cannot say it."""
        if self.seconds != (0,) or self.years is not None or "LW" in self.cron:
            return None
        *rest, weekday = self.cron.split()
        # the last Friday is `L5` there, `5L` here
        return " ".join((*rest, f"L{weekday[0]}" if weekday.endswith("L") else weekday))

    @property
    def words(self) -> str:
        """In words: `At 02:00 every day`."""
        single = len(self.seconds) == 1
        said = CronSim(self._shown.split(" ", 1)[1] if single else self._shown, _SOME_DAY).explain()
        if single and self.seconds != (0,):
            said += f", {self.seconds[0]} s past the minute"
        if self.years is not None:
            said += f" in {', '.join(map(str, self.years))}"
        return said

    def next_times(self, after_ms: int, zone: str | tzinfo = "UTC", n: int = 1) -> list[int]:
        """The next `n` times after an instant, in epoch milliseconds; fewer when the years end."""
        place = ZoneInfo(zone) if isinstance(zone, str) else zone
        found: list[int] = []
        start = after_ms
        while len(found) < n and (following := self._following(start, place)) is not None:
            found.append(following)
            start = following
        return found

    def _expression(self) -> str:
        if len(self.seconds) == 1:
            return self.cron
        return f"{','.join(map(str, self.seconds)) if len(self.seconds) < 60 else '*'} {self.cron}"

    def _following(self, after_ms: int, zone: tzinfo) -> int | None:
        # a single second is added afterwards: only five-field expressions keep to the wall clock
        shift = self.seconds[0] if len(self.seconds) == 1 else 0
        start = datetime.fromtimestamp(after_ms / 1000 - shift, UTC).astimezone(zone)
        while True:
            try:
                candidate = next(
                    when
                    for when in CronSim(self._expression(), start)
                    # in the hour that comes twice, the first one may lie behind us
                    if (when.timestamp() + shift) * 1000 > after_ms
                )
            except StopIteration:
                return None
            if self.years is None or candidate.year in self.years:
                return int((candidate.timestamp() + shift) * 1000)
            later = [year for year in self.years if year > candidate.year]
            if not later:
                return None
            start = datetime(later[0], 1, 1, tzinfo=zone) - timedelta(seconds=1)


def _read(text: str, fields: tuple[str, ...]) -> list[Meaning]:
    if len(fields) not in (6, 7):
        raise BadRequest(
            f"The schedule '{text}' has {len(fields)} fields; a Quartz expression has 6 or 7: seconds, "
            "minutes, hours, day of month, month, day of week and perhaps a year, as in '0 0 2 * * ?'"
        )
    if (fields[3] == "?") == (fields[5] == "?"):
        raise BadRequest(
            f"The schedule '{text}' must leave exactly one of day of month and day of week open with '?', "
            "as in '0 0 2 * * ?'"
        )
    for position in (0, 1, 2, 4, *((6,) if len(fields) == 7 else ())):
        if fields[position] == "?":
            refuse(text, FIELDS[position], "'?' stands only for the day of month or the day of week")
    return [spec.read(written, text) for written, spec in zip(fields, FIELDS, strict=False)]


def _five(meaning: Meaning, spec: FieldSpec, *, short: bool = False) -> str:
    """One field as cron writes it; weekdays count from Sunday = 0 there, from 1 in Quartz."""
    less = 1 if spec.name == "day of week" else 0
    if meaning.every:
        return "*"
    if meaning.special == "L" and less:
        return f"{meaning.values[0] - less}L"
    if meaning.special.startswith("#"):
        return f"{meaning.values[0] - less}{meaning.special}"
    if short and (brief := _brief(meaning.values, spec.values, less)):
        return brief
    return meaning.special or ",".join(str(value - less) for value in meaning.values)


def _brief(values: tuple[int, ...], whole: range, less: int) -> str:
    """`*/5` or `2-6` where the values are so regular, for reading."""
    if len(values) < 3:
        return ""
    step = values[1] - values[0]
    if values == tuple(whole)[::step] and not less:
        return f"*/{step}"
    if values == tuple(range(values[0], values[-1] + 1)):
        return f"{values[0] - less}-{values[-1] - less}"
    return ""
