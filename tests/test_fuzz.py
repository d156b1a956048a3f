"""A few seconds of fuzzing of every reader, and all earlier finds (``tests/fuzz/run.py``)."""

import os
import random
import re
import signal
import sys
import warnings
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from actorsup.errors import ActorsupError

FUZZ = Path(__file__).parent / "fuzz"
sys.path.insert(0, str(FUZZ))

import run  # noqa: E402
from reader import Reader, write  # noqa: E402
from readers import READERS, good_file  # noqa: E402

EXAMPLES = os.environ.get("FUZZ_EXAMPLES")
FINDS = sorted((FUZZ / "corpus").glob("*/*"))


@pytest.mark.filterwarnings("ignore")  # from the damaging functions
@pytest.mark.parametrize("name", READERS)
def test_only_documented_errors_escape(tmp_path, name):
    good = good_file(READERS[name], tmp_path)
    count = int(EXAMPLES or READERS[name].examples)
    data, case = good.read_bytes(), tmp_path / f"case{READERS[name].suffix}"

    @seed(0)
    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.randoms(use_true_random=True))
    def read(chance: random.Random) -> None:
        case.write_bytes(chance.choice(READERS[name].damages)(chance, data))
        check(name, case)

    case.write_bytes(data)
    READERS[name].read(case)
    read()


@pytest.mark.parametrize("find", FINDS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_earlier_finds_stay_fixed(tmp_path, find):
    good_file(READERS[find.parent.name], tmp_path)
    case = tmp_path / f"case{find.suffix}"
    case.write_bytes(find.read_bytes())
    check(find.parent.name, case)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("model", {"settings": {"encoder": "small", "grid": 10**400}}),
        ("model", {"settings": {"encoder": "small", "grid": 1 << 15}}),  # would need 1 TB
        ("model", {"classes": ["kick", "\ud800"]}),
        ("model", {"state": "x"}),
        ("detector", {"categories": 1}),
        ("detector", {"size": None}),
        ("detector", {"state": None}),
        ("tracker", {"state": None}),
        ("encoder", {"state": None}),
    ],
)
def test_weights_too_large_to_keep(tmp_path, name, changes):
    good = good_file(READERS[name], tmp_path)
    torch.save({**torch.load(good, weights_only=True), **changes}, tmp_path / "case.pt")
    with pytest.raises(ActorsupError, match=r"case\.pt: "):
        READERS[name].read(tmp_path / "case.pt")


def test_a_record_too_large_to_keep(tmp_path):
    case = good_file(READERS["cost"], tmp_path)
    case.write_text(case.read_text() + "1" * 200_000)
    with pytest.raises(ActorsupError, match="not a benchmark record"):
        READERS["cost"].read(case)


def raises(path: Path) -> None:
    if path.read_bytes() != b"good":
        raise ValueError("not documented")


def crashes(path: Path) -> None:
    if path.read_bytes() != b"good":
        os.kill(os.getpid(), signal.SIGKILL)


def succeeds(path: Path) -> None:
    path.read_bytes()


@pytest.mark.parametrize(
    ("read", "words"), [(raises, "not documented"), (crashes, "exit -9"), (succeeds, "")]
)
def test_a_find_is_saved_and_exits_with_1(tmp_path, monkeypatch, capfd, read, words):
    reader = Reader(".bin", write("good.bin", "good"), (lambda chance, data: data + b"?",), read)
    monkeypatch.setitem(READERS, "any", reader)
    monkeypatch.setattr(run, "CORPUS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["run.py", "--minutes", "0.005", "--readers", "any"])
    assert run.main() == bool(words)
    lines = capfd.readouterr().out.splitlines()
    assert re.fullmatch(
        r"any: [1-9]\d* files, [1-9]\d* finds" if words else r"any: [1-9]\d* files, 0 finds", lines[0]
    )
    finds = [path.read_bytes() for path in tmp_path.glob("any/*.bin")]
    assert finds == ([b"good?"] if words else []) and all(words in line for line in lines[2:])


def check(name: str, case: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            READERS[name].read(case)
        except ActorsupError as error:
            assert str(error).strip()
