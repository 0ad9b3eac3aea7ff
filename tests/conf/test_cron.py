"""Quartz expressions: meaning, next times, clock changes."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from conf.cron import Quartz
from conf.errors import BadRequest


def ms(*when: int, zone: str = "UTC", fold: int = 0) -> int:
    return int(datetime(*when, tzinfo=ZoneInfo(zone), fold=fold).timestamp() * 1000)


START = ms(2026, 11, 21, 9)


# the instants are those of Quartz 2.3.2
@pytest.mark.parametrize(
    ("text", "next_time"),
    [
        ("0 0 2 * * ?", (2026, 11, 22, 2)),
        ("0 0 2 ? * 2-6", (2026, 11, 23, 2)),
        ("0 15 10 ? * 6#3", (2026, 12, 18, 10, 15)),
        ("0 0 0 LW * ?", (2026, 11, 30)),
        ("0 0 0 ? * 6L", (2026, 11, 27)),
        ("0 0 2 15 * ? 2027", (2027, 1, 15, 2)),
        ("0 0 2 ? * MON-FRI", (2026, 11, 23, 2)),
        ("0 0 2 ? * FRI-MON", (2026, 11, 22, 2)),
        ("0 0 2 ? * L", (2026, 11, 28, 2)),
        ("0 0 0 L * ?", (2026, 11, 30)),
        ("0 0/5 * * * ?", (2026, 11, 21, 9, 5)),
        ("30 * * * * ?", (2026, 11, 21, 9, 0, 30)),
        ("*/10 * * * * ?", (2026, 11, 21, 9, 0, 10)),
        ("0 0 0 29 2 ?", (2028, 2, 29)),
        ("0 0 12 1 JAN ? 2030-2031", (2030, 1, 1, 12)),
        ("0 0 23-1 * * ?", (2026, 11, 21, 23)),
        ("0 30 9 ? * 2/2", (2026, 11, 23, 9, 30)),
    ],
)
def test_the_next_time_is_that_of_quartz(text: str, next_time: tuple[int, ...]) -> None:
    assert Quartz(text).next_times(START, n=1) == [ms(*next_time)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("banana", "has 1 fields"),
        ("0 0 2 * *", "6 or 7"),
        ("0 0 2 * * *", "exactly one of day of month and day of week"),
        ("0 0 2 ? * ?", "exactly one of day of month and day of week"),
        ("? 0 2 * * ?", "'seconds': '\\?' stands only"),
        ("0 0 2 15W * ?", "'day of month': '15W' \\(nearest weekday\\)"),
        ("0 0 0 L-3 * ?", "'day of month': 'L-3' is not supported"),
        ("0 0 0 L,15 * ?", "'day of month'"),
        ("0 61 * * * ?", "'minutes': '61' is not 0 to 59"),
        ("0 0/90 * * * ?", "'minutes': the step"),
        ("0 0 24 * * ?", "'hours'"),
        ("0 0 0 ? * 8", "'day of week': '8' is not 1 to 7 or SUN to SAT"),
        ("0 0 0 ? * 6#6", "'day of week'"),
        ("0 0 0 1 FOO ?", "'month'"),
        ("0 0 0 30 2 ?", "a day that no month has"),
        ("0 0 0 1 1 ? 1950", "'year'"),
        ("0 0 2 * * ? 2027 x", "has 8 fields"),
        ("0 -5 2 * * ?", "'minutes'"),
    ],
)
def test_a_wrong_expression_is_refused_by_field(text: str, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        Quartz(text)


@pytest.mark.parametrize(
    ("text", "cron5"),
    [
        ("0 0 2 * * ?", "0 2 * * *"),
        ("0 0 2 ? * 2-6", "0 2 * * 1,2,3,4,5"),
        ("0 0 0 ? * 6L", "0 0 * * L5"),
        ("0 15 10 ? * 6#3", "15 10 * * 5#3"),
        ("0 0 */12 * * ?", "0 0,12 * * *"),
        ("30 0 2 * * ?", None),
        ("0 0 0 LW * ?", None),
        ("0 0 2 1 1 ? 2030", None),
    ],
)
def test_five_fields_are_given_where_they_can_say_it(text: str, cron5: str | None) -> None:
    assert Quartz(text).cron5 == cron5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 0 2 * * ?", "At 02:00 every day"),
        ("0 0 2 ? * 2-6", "At 02:00 on Monday through Friday"),
        ("0 0/5 * * * ?", "Every fifth minute of every hour"),
        ("30 0 2 1 1 ? 2030", "At 02:00 on January 1, 30 s past the minute in 2030"),
    ],
)
def test_an_expression_is_said_in_words(text: str, words: str) -> None:
    assert Quartz(text).words == words


BERLIN = "Europe/Berlin"


@pytest.mark.parametrize("text", ["0 30 2 * * ?", "0 0/15 2 * * ?"])
def test_a_time_that_the_clock_leaves_out_fires_once_at_the_end_of_the_gap(text: str) -> None:
    times = Quartz(text).next_times(ms(2026, 3, 28, 12, zone=BERLIN), BERLIN, 2)
    assert times[0] == ms(2026, 3, 29, 3, zone=BERLIN)
    assert times[1] >= ms(2026, 3, 30, 2, zone=BERLIN)


def test_a_time_that_comes_twice_fires_the_first_time_only() -> None:
    times = Quartz("0 30 2 * * ?").next_times(ms(2026, 10, 24, 12, zone=BERLIN), BERLIN, 2)
    assert times == [ms(2026, 10, 25, 2, 30, zone=BERLIN), ms(2026, 10, 26, 2, 30, zone=BERLIN)]
    within = ms(2026, 10, 25, 2, 10, zone=BERLIN, fold=1)
    assert Quartz("0 30 2 * * ?").next_times(within, BERLIN) == [ms(2026, 10, 26, 2, 30, zone=BERLIN)]


def test_seconds_do_not_change_the_rule_for_clock_changes() -> None:
    times = Quartz("15 30 2 * * ?").next_times(ms(2026, 3, 28, 12, zone=BERLIN), BERLIN)
    assert times == [ms(2026, 3, 29, 3, 0, 15, zone=BERLIN)]


def test_an_hourly_expression_keeps_to_real_time() -> None:
    for start in (ms(2026, 3, 28, 20, zone=BERLIN), ms(2026, 10, 24, 20, zone=BERLIN)):
        times = Quartz("0 0 * * * ?").next_times(start, BERLIN, 12)
        assert [after - before for before, after in pairwise(times)] == [3_600_000] * 11


@pytest.mark.parametrize(
    "zone",
    [
        BERLIN,
        "America/New_York",
        "Australia/Lord_Howe",
        "Africa/Cairo",
        "Asia/Kathmandu",
        "America/Sao_Paulo",
    ],
)
@pytest.mark.parametrize("text", ["0 0 2 * * ?", "0 30 2 * * ?", "0 0 0 * * ?"])
def test_a_nightly_expression_fires_exactly_once_a_day_for_a_year(text: str, zone: str) -> None:
    place = ZoneInfo(zone)
    times = Quartz(text).next_times(ms(2025, 12, 31, 12, zone=zone), zone, 365)
    days = [datetime.fromtimestamp(when / 1000, place).date() for when in times]
    first = datetime(2026, 1, 1, tzinfo=UTC).date()
    assert days == [first + timedelta(days=number) for number in range(365)]


def test_an_expression_whose_years_are_over_has_no_next_time() -> None:
    assert Quartz("0 0 2 1 1 ? 2020").next_times(START, n=3) == []
