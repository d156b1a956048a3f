"""Files that are larger than the memory: peak memory does not grow with the number of videos."""

import json
import tracemalloc
from pathlib import Path

import pytest

from actorsup.errors import DataError
from actorsup.evaluation.ground_truth import read_ground_truth
from actorsup.evaluation.predictions import read_predictions
from actorsup.formats import ground_truth_csv
from actorsup.formats.convert import Conversion, convert
from actorsup.formats.formats import detect_format
from actorsup.formats.json_files import load_json, open_json

FRAMES = 300
TUBE = {
    "interval": [0, FRAMES],
    "boxes": [[f, 1.25, f + 9, 30.5] for f in range(FRAMES)],
    "score": 0.5,
    "class_score": {"run": 0.5},
}
VIDEO = {"frames": FRAMES, "fps": 25, "width": 640, "height": 480, "tubes": [TUBE] * 4}


@pytest.fixture(autouse=True)
def _small_limits(monkeypatch):
    """Keep little in memory, as for large files."""
    for module in ("evaluation.predictions", "formats.box_store", "formats.video_spool"):
        monkeypatch.setattr(f"actorsup.{module}._MAX_BYTES_IN_MEMORY", 1000)
    monkeypatch.setattr("actorsup.formats.json_files._CHUNK", 2**15)


def predictions(folder: Path, count: int) -> Path:
    path = folder / f"p{count}.json"
    path.write_text(json.dumps({"classes": ["run"], "videos": {f"v{n}": VIDEO for n in range(count)}}))
    return path


def table(folder: Path, count: int) -> Path:
    path = folder / f"t{count}.csv"
    rows = (
        f"v{n},{t},run,{f},{f},1.25,{f + 9},30.5\n"
        for n in range(count)
        for t in range(4)
        for f in range(FRAMES)
    )
    path.write_text("video,tube,class,frame,x1,y1,x2,y2\n" + "".join(rows))
    return path


def peak(work, *arguments) -> int:
    work(*arguments)  # imports
    tracemalloc.start()
    try:
        work(*arguments)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def evaluate_predictions(path: Path) -> None:
    for tubes in read_predictions(path).videos.values():
        assert tubes.boxes.shape == (4, FRAMES, 4)


def evaluate_table(path: Path) -> None:
    for tubes in read_ground_truth(path).values():
        assert len(tubes) == 4


def convert_to(output_format: str, name: str):
    return lambda path: convert(
        path, path.with_name(f"{path.stem}_{name}"), Conversion(output_format=output_format)
    )


@pytest.mark.parametrize(
    ("make", "work"),
    [
        (predictions, evaluate_predictions),
        (predictions, convert_to("csv", "o.csv")),
        (predictions, convert_to("coco", "o.json")),
        (predictions, detect_format),
        (table, evaluate_table),
        (table, convert_to("csv", "o.csv")),
    ],
)
def test_memory_does_not_grow_with_the_file(tmp_path, monkeypatch, make, work):
    defaults = ground_truth_csv.ground_truth_chunks.__defaults__
    monkeypatch.setattr(ground_truth_csv.ground_truth_chunks, "__defaults__", (500, *defaults[1:]))
    few, many = make(tmp_path, 4), make(tmp_path, 16)
    growth = peak(work, many) - peak(work, few)
    assert growth < 0.3 * (many.stat().st_size - few.stat().st_size)


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64])
@pytest.mark.parametrize(
    "text",
    [
        '{"a": [1, -2.5e3, true, null, "x\\u00e9\\ud83d\\ude00\\n"], "b": {"c": {}, "d": []}, "e": 12}',
        ' [ 1 , "ab" , [ ] ] ',
        "-12.25",
        "false",
        '"\\\\"',
    ],
)
def test_json_is_read_in_chunks_of_any_size(tmp_path, monkeypatch, text, chunk):
    monkeypatch.setattr("actorsup.formats.json_files._CHUNK", chunk)
    (tmp_path / "x.json").write_text(text)
    assert load_json(tmp_path / "x.json") == json.loads(text)
    with open_json(tmp_path / "x.json") as reader:
        if reader.peek() == "{":
            assert {key: reader.value() for key in reader.members()} == json.loads(text)
        elif reader.peek() == "[":
            assert [*reader.elements()] == json.loads(text)
        else:
            reader.skip()
        reader.check_end()


@pytest.mark.parametrize("chunk", [5, 1000])
@pytest.mark.parametrize(
    "text",
    [
        "", "[", "[1", "[1,", "[1,]", '{"a"', '{"a":', '{"a":1', '{"a":1,}', '{"a":1 "b":2}', '{"a":1,"a":2}',
        "[NaN]", "[Infinity]", "[-Infinity]", "tru", '"\\ud800"', '"\\u12"', "1 2", "[1] x", '"abc',
        '{"a": {"b": 1, "b": 2}}', "{1: 2}", "nul", "[" * 20_000, '"\n"',
    ],
)  # fmt: skip
def test_json_that_is_not_strict_is_refused(tmp_path, monkeypatch, text, chunk):
    monkeypatch.setattr("actorsup.formats.json_files._CHUNK", chunk)
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(DataError, match=r"x\.json"):
        load_json(tmp_path / "x.json")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{"classes": [], "videos": {}}', "predictions"),
        ('{"videos": {"a": 1}, "classes": ["run"]}', "predictions"),
        ('{"videos": [], "images": []}', "coco"),
        ('{"info": {"a": [1]}, "annotations": [], "videos": []}', "coco"),
        ("[]", "coco"),
        ('[{"image_id": 1}]', "coco"),
        ('{"classes": ["run"]}', "predictions"),
    ],
)
def test_the_format_of_json_is_found_from_its_keys(tmp_path, text, wanted):
    (tmp_path / "x.json").write_text(text)
    assert detect_format(tmp_path / "x.json") == wanted


def test_classes_after_the_videos(tmp_path):
    content = {"videos": {"a": VIDEO, "b": VIDEO}, "more": {"x": [1]}, "classes": ["run"]}
    (tmp_path / "p.json").write_text(json.dumps(content))
    videos, classes = read_predictions(tmp_path / "p.json")
    assert [*videos] == ["a", "b"] and classes == ["run"]
