"""Rate and time left of a run."""

from typing import Any

from api.commands.watch import Pace, duration


def document(stage: str, processed: int, total: str, side: str = "source") -> dict[str, Any]:
    return {
        "stage": stage,
        "stageDescription": "reconciling source entries",
        "progress": {side: {"existing": {"processed": processed, "total": total}}},
    }


def test_the_rate_is_that_of_the_last_half_minute() -> None:
    pace = Pace()
    for second in range(0, 100, 10):
        pace.see(document("ACTIVE_RECONCILING_SOURCE", second * 100, "20000"), float(second))
    for second in range(100, 141, 10):
        pace.see(document("ACTIVE_RECONCILING_SOURCE", 9000 + (second - 90) * 10, "20000"), float(second))
    assert pace.rate == 10
    assert pace.seconds_left == (20000 - 9500) / 10
    assert pace.sentence(document("ACTIVE_RECONCILING_SOURCE", 0, "0")) == (
        "reconciling source entries, 9,500 of 20,000, 10/s, 17 min 30 s left"
    )


def test_without_a_total_there_is_a_rate_and_no_time_left() -> None:
    pace = Pace()
    pace.see(document("ACTIVE_RECONCILING_SOURCE", 0, "?"), 0.0)
    pace.see(document("ACTIVE_RECONCILING_SOURCE", 500, "?"), 1.0)
    assert (pace.rate, pace.seconds_left) == (500, None)
    assert "500, 500/s" in pace.sentence(document("ACTIVE_RECONCILING_SOURCE", 0, "?"))


def test_each_phase_counts_for_itself() -> None:
    pace = Pace()
    pace.see(document("ACTIVE_RECONCILING_SOURCE", 0, "9"), 0.0)
    pace.see(document("ACTIVE_RECONCILING_SOURCE", 9, "9"), 1.0)
    pace.see(document("ACTIVE_RECONCILING_TARGET", 0, "50", "target"), 2.0)
    assert (pace.rate, pace.total, pace.done) == (None, 50, 0)


def test_durations() -> None:
    assert [duration(s) for s in (0.41, 42, 185, 7810)] == ["0.4 s", "42 s", "3 min 5 s", "2 h 10 min"]
