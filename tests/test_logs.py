"""Progress of long work: lines with the rate and the remaining time, and none for short work."""

import pytest

from actorsup import logs
from actorsup.logs import progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test advances."""
    now = [0.0]
    monkeypatch.setattr(logs.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(logs.sys.stderr, "isatty", lambda: False, raising=False)
    return now


def lines(caplog, clock, seconds: float, **how: bool) -> list[str]:
    with caplog.at_level("INFO"):
        for _ in progress(range(8), 8, "working", **how):
            clock[0] += seconds
    return [record.message for record in caplog.records]


def test_long_work_logs_its_rate_and_the_remaining_time(caplog, clock):
    logged = lines(caplog, clock, seconds=6)
    # 2 items in 12 s, so that 6 more take 36 s
    assert logged[0] == "working: 2 of 8, 0.2 per second, 36 s left"
    assert logged[-1] == "working: 8 of 8 in 48.0 s" and len(logged) == 4


def test_short_work_logs_one_line(caplog, clock):
    assert lines(caplog, clock, seconds=1) == ["working: 8 of 8 in 8.0 s"]


def test_a_part_of_longer_work_is_logged_only_if_it_is_long(caplog, clock):
    assert lines(caplog, clock, seconds=1, is_subtask=True) == []
    assert len(lines(caplog, clock, seconds=6, is_subtask=True)) == 4
