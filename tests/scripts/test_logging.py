"""What scripts log reaches the Python logger `reconvene.script`."""

import logging
from typing import Any

import pytest

from tests.scripts.configured import javascript


@pytest.fixture(autouse=True)
def _every_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(1, "reconvene.script")


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [(record.levelno, record.getMessage()) for record in caplog.records]


@pytest.mark.parametrize("where", ["", "openidm; "], ids=["thread", "process"])
def test_levels_and_placeholders(run: Any, caplog: pytest.LogCaptureFixture, where: str) -> None:
    source = """
        logger.trace('{} and {}', 'a', {b: [1, null]});
        logger.debug('{} {}', 1);
        logger.info('extra', 2, undefined);
        logger.warn('wrong: {}', new Error('x'));
        logger.error({a: 1});
        console.log('100%', '{}');
        5
    """
    assert run(where + source) == 5
    assert lines(caplog) == [
        (5, 'a and {"b":[1,null]}'),
        (logging.DEBUG, "1 {}"),
        (logging.INFO, "extra 2 undefined"),
        (logging.WARNING, "wrong: Error: x"),
        (logging.ERROR, '{"a":1}'),
        (logging.INFO, "100% {}"),
    ]
    assert {record.__dict__["script"] for record in caplog.records} == {"test"}


def test_a_failing_script_has_logged_too(run: Any, failure_of: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert failure_of("logger.info('before'); throw 'x'").message == "x"
    assert lines(caplog) == [(logging.INFO, "before")]


def test_pages_log_in_order(host: Any, session: Any, caplog: pytest.LogCaptureFixture) -> None:
    session.run_many(host.compile(javascript("logger.info('{}', source)")), [{"source": n} for n in range(3)])
    assert [text for _level, text in lines(caplog)] == ["0", "1", "2"]


def test_what_was_logged_before_a_bomb_in_a_process_is_kept(
    host: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_verb: str, _given: list[Any]) -> Any:
        raise KeyboardInterrupt

    with host.session(fail) as session, pytest.raises(KeyboardInterrupt):
        session.run(host.compile(javascript("logger.info('before'); openidm.read('x')")), {})
    assert lines(caplog) == [(logging.INFO, "before")]


def test_logs_are_bounded(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    run("logger.info('x'.repeat(100000)); for (var i = 0; i < 3000; i++) logger.info('{}', i);")
    assert len(caplog.records) == 1000
    assert len(caplog.records[0].getMessage()) < 10_000
