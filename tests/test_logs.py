"""Progress of long work, and errors that end a job or a command."""

import errno
import re

import pytest

from actorsup import cli, logs
from actorsup.errors import DataError
from actorsup.logs import job, progress


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


# ---------------------------------------------------------------- errors that end a job or a command


def run_job(folder, error: BaseException) -> str:
    """Return what a job writes to its log file before it ends with an error."""
    with job(folder / "x.log", 1):
        raise error
    return ""


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.ESTALE, "Stale file handle", "t.csv"), "t.csv: Stale file handle; .*keep the file"),
        (
            BlockingIOError(errno.EAGAIN, "x", "0.h5"),
            "0.h5: Resource temporarily unavailable; .*keep the file",
        ),
        (OSError(errno.EIO, "Can't read data (filename = 'f.h5', errno = 5)"), "f.h5: Input/output error"),
        (PermissionError(errno.EACCES, "Permission denied", "t.csv"), "t.csv: Permission denied; check"),
        (MemoryError(), "out of memory; close other programs"),
        (DataError("t.csv: no column"), "t.csv: no column"),
    ],
)
def test_an_error_of_a_file_ends_a_job_in_one_line(tmp_path, capsys, error, line):
    with pytest.raises(SystemExit) as stop:
        run_job(tmp_path, error)
    assert stop.value.code == 1
    screen = capsys.readouterr().err
    assert re.fullmatch(f"ERROR: {line}.*\n", screen) and "bug" not in screen
    # the place in the code is in the log file
    assert ("Traceback" in (tmp_path / "x.log").read_text()) == (not isinstance(error, DataError))


@pytest.mark.parametrize("error", [ValueError("x"), OSError("not about access"), KeyError("a")])
def test_only_a_defect_is_called_a_bug(tmp_path, capsys, error):
    with pytest.raises(type(error)):
        run_job(tmp_path, error)
    assert "this is a bug in actorsup; see the log" in capsys.readouterr().err


def test_a_command_reports_a_file_in_one_line(tmp_path, capsys, monkeypatch):
    def fail(_):
        raise OSError(errno.ESTALE, "Stale file handle", "gt.csv")

    monkeypatch.setattr(cli, "run_evaluation", fail)
    command = ["evaluate", "--ground-truth", "gt.csv", "--predictions", "p.json", "--output", "map.csv"]
    assert cli.main(command) == 2
    assert re.fullmatch("actorsup: gt.csv: Stale file handle; .*keep the file\n", capsys.readouterr().err)
