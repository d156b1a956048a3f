"""Units and numbering of boxes: every reader reports implausible values, and settings convert them."""

import json
import logging
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from published_sets import write_a2d, write_ucf_sports, write_video

from actorsup.artifacts.tube_files import VideoInfo
from actorsup.cli import main
from actorsup.datasets.base import GroundTruth
from actorsup.datasets.ground_truth import write_ground_truth
from actorsup.datasets.ground_truth_checks import in_frames
from actorsup.datasets.ground_truth_files import read_ground_truth_file
from actorsup.datasets.readers import DATASETS, open_dataset
from actorsup.datasets.readers.folder import Folder
from actorsup.detection.detectors import DETECTORS
from actorsup.detection.detectors.supplied import SuppliedDetections, read_supplied
from actorsup.detection.settings import DetectorSettings
from actorsup.errors import DataError
from actorsup.formats.box_units import BOX_FORMAT_NAMES
from actorsup.formats.conventions import EXACT, BoxSource, Conventions, from_corners, to_corners
from actorsup.formats.convert import Conversion, convert
from actorsup.formats.formats import FORMATS
from actorsup.formats.plausibility import (
    check_ends,
    check_lengths,
    check_rates,
    check_scores,
    check_table,
)
from actorsup.workflow.check import inspect_dataset
from actorsup.workflow.dataset import PlannedDataset

CORNERS = ["x1", "y1", "x2", "y2"]
SIZE = np.array([640, 480, 640, 480])
INFO = {"v": VideoInfo(40, 25.0, 640, 480)}
FRACTION = "they look like fractions of the frame"


def walk(num_frames: int = 40) -> pd.DataFrame:
    """Boxes of an actor of 90x180 pixels that walks from the left to the right of 640x480."""
    x, y = np.linspace(20, 500, num_frames), np.full(num_frames, 200.0)
    table = pd.DataFrame({"video": "v", "tube": "0", "class": "run", "frame": np.arange(num_frames)})
    return table.assign(x1=x, y1=y, x2=x + 90, y2=y + 180)


def reread(rows: pd.DataFrame, written: str, read: str) -> pd.DataFrame:
    """The rows if boxes were written in one format, and read in another."""
    boxes = to_corners(from_corners(rows[CORNERS].to_numpy(), written), read)
    return rows.assign(**dict(zip(CORNERS, boxes.T, strict=True)))


def texts(rows: pd.DataFrame, infos=INFO, reader: str = "xyxy", **said) -> list[tuple[bool, str]]:
    source = BoxSource("f", reader, Conventions(**said))
    return [(problem.serious, problem.text) for problem in check_table(source, rows, infos)]


# ------------------------------------------------------------------------------- heuristics


def cases() -> dict[str, tuple[pd.DataFrame, dict, str, dict, bool, tuple[str, ...]]]:
    """Rows, infos, format of the reader, the answer that silences, whether it is an error, words."""
    rows, upper = walk(), walk().assign(x1=lambda t: t["x1"] * 0.15 + 5, y1=40.0)
    upper = upper.assign(x2=upper["x1"] + 90, y2=upper["y1"] + 180)
    scaled = rows.assign(**{c: rows[c] / s for c, s in zip(CORNERS, SIZE, strict=True)})
    overshoot = scaled.assign(x1=scaled["x1"] - 0.05, x2=scaled["x2"] + 0.3)
    filled = walk().assign(y1=10.0, y2=470.0)
    percent = filled.assign(**{c: filled[c] / s * 100 for c, s in zip(CORNERS, SIZE, strict=True)})
    half = {"v": VideoInfo(40, 25.0, 320, 240)}
    return {
        "fractions": (scaled, {}, "xyxy", {"box_unit": "pixels"}, True, (FRACTION, "box_unit: fraction")),
        "overshooting": (overshoot, INFO, "xyxy", {"box_unit": "pixels"}, True, (FRACTION,)),
        "percents": (percent, INFO, "xyxy", {"box_unit": "pixels"}, False, ("percents", "box_unit: percent")),
        "thousandths": (
            percent.assign(**{c: percent[c] * 10 for c in CORNERS}), INFO, "xyxy", {"box_unit": "pixels"},
            False, ("thousandths", "box_unit: 1000x1000"),
        ),
        "twice": (
            rows.assign(**{c: rows[c] * 1.05 for c in CORNERS}), half, "xyxy", {"box_unit": "pixels"}, False,
            ("frames twice as large", "box_unit: 640x480", "21, 210, 115.5, 399"),
        ),
        "outside": (
            rows.assign(**{c: rows[c] + 2000 for c in CORNERS}), INFO, "xyxy", {"box_unit": "pixels"}, True,
            ("40 of 40 boxes lie outside of their frames of 640x480",),
        ),
        "corners as sizes": (
            reread(rows, "xyxy", "xywh"), INFO, "xywh",
            {"box_format": "xywh", "box_unit": "pixels"}, False,
            ("they look like x1, y1, x2, y2", "box_format: xyxy", "20, 200, 110, 380"),
        ),
        "sizes as corners": (
            reread(upper, "xywh", "xyxy"), INFO, "xyxy", {"box_format": "xyxy"}, False,
            ("shrink as they move", "x, y, width, height", "box_format: xywh"),
        ),
        "swapped": (
            reread(rows, "yxyx", "xyxy"), INFO, "xyxy", 
            {"box_format": "xyxy", "box_unit": "pixels"}, False,
            ("they look like y1, x1, y2, x2, or the video is rotated", "box_format: yxyx"),
        ),
        "milliseconds": (
            rows.assign(frame=rows["frame"] * 40), INFO, "xyxy", {"frame_unit": "frames"}, False,
            ("frame 1,560 of v has a box, but the video has 40 frames", "frame_unit: milliseconds"),
        ),
        "milliseconds without a length": (
            rows.assign(frame=np.round(rows["frame"] * 1000 / 30)), {}, "xyxy", {"frame_unit": "frames"},
            False, ("33 or 34 frames apart", "frame_unit: milliseconds"),
        ),
        "from 1": (
            rows.assign(frame=rows["frame"] + 1), INFO, "xyxy", {"frame_base": 0}, False,
            ("frame 40 of v, whose last frame is 39", "frame_base: 1"),
        ),
        "many from 1": (
            pd.concat([rows.assign(video=f"v{i}", frame=rows["frame"] + 1) for i in range(5)]), {}, "xyxy",
            {"frame_base": 0}, False, ("5 of 5 videos begin in frame 1", "frame_base: 1"),
        ),
        "one box each": (
            rows.assign(tube=rows["frame"]), {}, "xyxy", {"frame_unit": "frames"}, False,
            ("all 40 tubes have one box",),
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", cases())
def test_implausible_values_are_reported_and_silenced_by_their_answer(name):
    rows, infos, box_format, answer, serious, words = cases()[name]
    ((is_serious, text),) = texts(rows, infos, box_format)
    assert is_serious == serious and all(word in text for word in words), text
    setting = next(iter(answer))
    assert f"{setting}: {answer[setting]}" in text  # the denial
    assert texts(rows, infos, box_format, **answer) == []


@pytest.mark.parametrize("box_format", ["xyxy", "xywh"])
def test_plausible_boxes_are_silent(box_format):
    rows = walk()
    assert texts(rows, INFO, box_format) == texts(rows, {}, box_format) == []
    touching = rows.assign(x1=0, y1=0, x2=640, y2=480)
    tiny = pd.DataFrame({"video": "v", "tube": "0", "frame": range(30), "x1": 3, "y1": 4, "x2": 6, "y2": 7})
    small = {"v": VideoInfo(30, 25.0, 16, 16)}
    for table, infos in (
        (touching, INFO),
        (tiny, small),
        (tiny.iloc[:1], INFO),
        (tiny.assign(frame=0, tube=range(30)), {"v": VideoInfo(1, 25.0, 64, 48)}),
        (tiny.assign(x2=3, y2=4), INFO),  # without an area
        (tiny.assign(x1=0, y1=0, x2=1, y2=1), INFO),  # exactly the first pixel
        (rows.assign(x2=rows["x2"] + 40), INFO),  # some extend beyond the frame by less than a tenth
        (rows.iloc[:0], INFO),
    ):
        assert texts(table, infos, box_format) == []


def test_rates_lengths_ends_and_scores():
    source = BoxSource("p.json", "xyxy", Conventions(spelling="--predictions-{option} {value}"))
    (wrong,) = check_rates(source, {"a": 25.0, "b": 30.0}, {"a": 50.0, "b": 29.97})
    assert "25 frames/s for a, which has 50; 1 videos" in wrong.text
    assert "--predictions-frame-unit frames" in wrong.text
    (odd,) = check_rates(source, {"a": 29970.0}, {})
    assert "thousandths" in odd.text
    assert check_rates(source, {"a": 30.0, "b": 0.0, "c": 12.0}, {"a": 29.97, "b": 25.0, "c": 12.5}) == []
    lengths = {f"v{i}": 100 + 10 * i for i in range(6)}
    halves = {name: count // 2 for name, count in lengths.items()}
    (half,) = check_lengths(source, halves, lengths)
    assert "0.5 times as many frames" in half.text and "frames of another rate" in half.text
    (end,) = check_ends(source, lengths, halves)
    assert "ends at 0.50 of their length" in end.text
    assert check_lengths(source, lengths, lengths) == check_ends(source, lengths, lengths) == []
    assert check_ends(source, dict.fromkeys(lengths, 32), dict.fromkeys(lengths, 16)) == []  # cut alike
    (percents,) = check_scores(source, np.array([12.5, 99.0, 0.0]))
    assert percents.serious and "12.5 and 99: they look like percents" in percents.text
    assert check_scores(source, np.array([0.5, 1.0, -0.1])) == []


@pytest.mark.parametrize("unit", ["", "fraction"])
@pytest.mark.parametrize("written", ["xywh", "cxcywh"])
def test_boxes_with_x2_below_x1_name_their_format(tmp_path, written, unit):
    rows = walk()
    boxes = from_corners(rows[CORNERS].to_numpy() / (SIZE if unit else 1), written)
    table = rows.assign(**dict(zip(CORNERS, boxes.T, strict=True)))
    table.to_csv(tmp_path / "gt.csv", index=False)
    with pytest.raises(DataError, match=f"wanted x1 <= x2.*numbers look like .*{BOX_FORMAT_NAMES[written]}"):
        read_ground_truth_file(tmp_path / "gt.csv")
    said = Conventions(box_format=written, box_unit=unit or None)
    truth = read_ground_truth_file(tmp_path / "gt.csv", conventions=said)
    expected = rows[CORNERS].to_numpy() / (SIZE if unit else 1)
    np.testing.assert_allclose(truth.boxes[CORNERS].to_numpy(), expected, atol=1e-9)
    table.iloc[[0]].to_csv(tmp_path / "one.csv", index=False)
    one = rows.assign(x2=rows["x2"].where(rows["frame"] != 3, 0))  # a mistake, not a convention
    one.to_csv(tmp_path / "one.csv", index=False)
    with pytest.raises(DataError) as error:
        read_ground_truth_file(tmp_path / "one.csv")
    assert "look like" not in str(error.value)


def test_frames_that_are_not_whole_look_like_seconds(tmp_path):
    walk().assign(frame=lambda t: t["frame"] / 25).to_csv(tmp_path / "gt.csv", index=False)
    with pytest.raises(DataError, match=r"look like seconds, such as 0\.04 and 0\.08; .*frame_unit: seconds"):
        read_ground_truth_file(tmp_path / "gt.csv")


def test_times_of_ground_truth_are_those_of_the_timestamps():
    times = np.array([0, 0.1, 0.2, 1.2, 2.2])  # ten frames per second, then one
    rows = walk(4).assign(frame=[0.1, 0.21, 1.19, 2.2])
    source = BoxSource("gt.csv", "xyxy", Conventions(frame_unit="seconds"))
    truth = GroundTruth(rows, {}, source=source)
    assert in_frames(truth, {"v": VideoInfo(5, 1.8, 64, 48, times)})["frame"].tolist() == [1, 2, 3, 4]
    assert in_frames(truth, {"v": VideoInfo(5, 10, 64, 48)})["frame"].tolist() == [1, 2, 12, 22]


def test_a_million_boxes_take_about_a_second():
    import time

    rows = pd.concat([walk(1000).assign(video=f"v{i}") for i in range(1000)], ignore_index=True)
    infos = {f"v{i}": VideoInfo(1000, 25.0, 640, 480) for i in range(1000)}
    start = time.process_time()
    assert texts(rows, infos) == []
    assert time.process_time() - start < 5  # a second without load


# ------------------------------------------------------------------------------ every reader


def fractions(folder: Path) -> dict[str, Path]:
    """The same boxes in fractions of the frame, in a file of each format."""
    rows = walk().assign(**{c: walk()[c] / s for c, s in zip(CORNERS, SIZE, strict=True)})
    rows.round(6).to_csv(folder / "gt.csv", index=False)
    (folder / "info.csv").write_text("video,frames,fps,width,height\nv,40,25,640,480\n")
    names = {"coco": "gt.json", "cvat": "gt.xml", "mot": "mot", "predictions": "predictions.json"}
    for name in names.values():
        options = Conversion(box_unit="pixels", output_format="mot" if name == "mot" else None)
        convert(
            folder / "gt.csv", folder / name, Conversion(**{**vars(options), "videos": folder / "info.csv"})
        )
    sink = rows.rename(columns=dict(zip(CORNERS, ("x_min", "y_min", "x_max", "y_max"), strict=True)))
    sink = sink.rename(columns={"tube": "tracker_id", "class": "class_name", "frame": "frame_index"})
    (folder / "sink").mkdir()
    sink.drop(columns="video").to_csv(folder / "sink" / "v.csv", index=False)
    return {
        "csv": folder / "gt.csv",
        "supervision": folder / "sink" / "v.csv",
        **{key: folder / name for key, name in names.items()},
    }


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_format_is_checked(tmp_path, format_name, capsys):
    paths = fractions(tmp_path)
    assert set(paths) == set(FORMATS)
    path, predictions = str(paths[format_name]), str(tmp_path / "good.json")
    assert main(["convert", path, str(tmp_path / "out.csv")]) == 2
    error = capsys.readouterr().err
    assert FRACTION in error and "--box-unit fraction" in error and not (tmp_path / "out.csv").exists()
    walk().to_csv(tmp_path / "good.csv", index=False)
    info = str(tmp_path / "info.csv")
    assert (
        main(["convert", str(tmp_path / "good.csv"), predictions, "--to", "predictions", "--videos", info])
        == 0
    )
    output, answer = ["--output", str(tmp_path / "map.csv")], ["--box-unit", "fraction"]
    evaluate = ["evaluate", "--ground-truth", path, "--predictions", predictions, *output]
    if format_name == "predictions":
        good = str(tmp_path / "good.csv")
        evaluate = ["evaluate", "--ground-truth", good, "--predictions", path, *output]
        answer = ["--predictions-box-unit", "fraction"]
    assert main(evaluate) == 2
    assert FRACTION in (error := capsys.readouterr().err) and " ".join(answer) in error
    assert main([*evaluate, *answer]) == 0
    assert "mAP@0.5: 1.0000" in capsys.readouterr().out
    # the right size of frames is in the file, or in a table
    answer = ["--box-unit", "fraction", "--videos", info]
    assert main(["convert", path, str(tmp_path / "out.csv"), *answer]) == 0
    back = pd.read_csv(tmp_path / "out.csv")[CORNERS].dropna().to_numpy()
    np.testing.assert_allclose(back, walk()[CORNERS].to_numpy(), atol=6.5)  # written with two decimals


def published(folder: Path, monkeypatch) -> dict[str, dict]:
    """A section of each type of data set, whose boxes are in fractions of the frame."""
    monkeypatch.chdir(folder)
    ucf = write_ucf_sports(folder / "ucf")
    for text in ucf.rglob("gt/*.txt"):
        text.write_text("0.1 0.2 0.3 0.4 Running\n")
    import h5py

    a2d = write_a2d(folder / "a2d")
    for path in (a2d / "Annotations" / "mat").rglob("*.mat"):
        with h5py.File(path, "r+") as file:
            for name in [name for name in ("reBBox",) if name in file]:
                file[name][...] = file[name][()] / 1000 + 1
    thumos = folder / "thumos"
    (thumos / "UCF-101").mkdir(parents=True)
    (thumos / "ucfTrainTestlist").mkdir()
    for split in ("train", "test"):
        (thumos / "ucfTrainTestlist" / f"{split}list01.txt").write_text(
            "Run/a.avi 1\n" if split == "test" else ""
        )
    boxes = np.array([[1.25, 1.25, 0.25, 0.25]] * 5, np.float32)
    entry = {"annotations": [{"label": 0, "sf": 0, "ef": 5, "boxes": boxes}], "numf": 5}
    (thumos / "annotations").mkdir()
    (thumos / "annotations" / "pyannot.pkl").write_bytes(pickle.dumps({"Run/a": entry}, protocol=2))
    (folder / "videos").mkdir()
    table = walk().assign(**{c: walk()[c] / s for c, s in zip(CORNERS, SIZE, strict=True)})
    table.to_csv(folder / "gt.csv", index=False)
    (folder / "results/mine/source").mkdir(parents=True)
    table.to_csv(folder / "results/mine/source/ground_truth.csv", index=False)
    return {
        "ucf_sports": {"root": str(ucf)},
        "a2d": {"root": str(a2d)},
        "thumos13": {"root": str(thumos)},
        "folder": {"root": str(folder / "videos"), "ground_truth": str(folder / "gt.csv")},
        "demo": {"train_videos": 1, "test_videos": 1},
    }


def test_every_data_set_is_checked(tmp_path, monkeypatch):
    sections = published(tmp_path, monkeypatch)
    assert set(sections) == set(DATASETS)
    for name, section in sections.items():
        with pytest.raises(DataError, match=FRACTION):
            open_dataset("mine", {"type": name, **section}, 0).ground_truth()


def supplied_files(folder: Path) -> dict[str, Path]:
    paths = fractions(folder)
    rows = pd.read_csv(paths["csv"]).assign(score=0.5, category="person")
    rows.to_csv(folder / "detections.csv", index=False)
    entries = [
        {"image_id": f"v/{row.frame}", "category_id": 1, "score": 0.5,
         "bbox": [row.x1, row.y1, row.x2 - row.x1, row.y2 - row.y1]}
        for row in rows.itertuples()
    ]  # fmt: skip
    (folder / "detections.json").write_text(json.dumps(entries))
    lines = [f"{e['image_id'][2:]},-1,{','.join(map(str, e['bbox']))},0.5,-1,-1" for e in entries]
    (folder / "v.txt").write_text(
        "\n".join(f"{int(line.split(',')[0]) + 1},{line.partition(',')[2]}" for line in lines)
    )
    (folder / "detections.xml").write_text(paths["cvat"].read_text().replace("run", "person"))
    return {suffix: folder / name for suffix, name in (
        (".csv", "detections.csv"), (".json", "detections.json"), (".txt", "v.txt"),
        (".xml", "detections.xml"),
    )}  # fmt: skip


def test_every_supplied_file_is_checked_and_converted(tmp_path):
    assert "supplied" in DETECTORS
    for suffix, path in supplied_files(tmp_path).items():
        with pytest.raises(DataError, match=FRACTION):
            read_supplied(path)
        section = {"type": "supplied", "path": str(path), "box_unit": "fraction"}
        detector = SuppliedDetections(path, [1], DetectorSettings.of_section(section))
        found = detector.detections("v", 40, 640, 480, 25.0)
        assert found.frame.tolist() == list(range(40)), suffix
        np.testing.assert_allclose(found.boxes, walk()[CORNERS].to_numpy(), atol=6.5, err_msg=suffix)


def test_supplied_detections_in_times_and_from_1(tmp_path):
    rows = walk().assign(score=0.5, category="person").drop(columns=["tube", "class"])
    rows.assign(frame=rows["frame"] * 40).to_csv(tmp_path / "ms.csv", index=False)
    rows.assign(frame=rows["frame"] + 1).to_csv(tmp_path / "one.csv", index=False)
    rows.assign(frame=rows["frame"] / 25).to_csv(tmp_path / "s.csv", index=False)
    with pytest.raises(DataError, match="frame_unit: seconds"):
        read_supplied(tmp_path / "s.csv")
    for name, said in (
        ("ms.csv", {"frame_unit": "milliseconds"}),
        ("s.csv", {"frame_unit": "seconds"}),
        ("one.csv", {"frame_base": 1}),
    ):
        section = {"type": "supplied", "path": name, **said}
        detector = SuppliedDetections(tmp_path / name, [1], DetectorSettings.of_section(section))
        assert detector.detections("v", 40, 640, 480, 25.0).frame.tolist() == list(range(40))


def test_implausible_detections_are_reported_once(tmp_path, caplog):
    rows = walk().assign(score=0.5, category="person").drop(columns=["tube", "class"])
    table = pd.concat([rows.assign(video=name, **{c: rows[c] * 1.05 for c in CORNERS}) for name in "ab"])
    table.to_csv(tmp_path / "d.csv", index=False)
    detector = SuppliedDetections(tmp_path / "d.csv", [1], DetectorSettings(type="supplied"))
    for name in "ab":
        try:
            detector.detections(name, 40, 320, 240)
        except Exception:
            logging.getLogger("test").info("a box lies outside")
    assert caplog.text.count("frames twice as large") == 1


# ------------------------------------------------------------------- data sets: settings convert


def folder_section(root: Path, rows: pd.DataFrame, **said) -> dict:
    write_video(root / "v.avi", 40, (640, 480))
    rows.to_csv(root / "gt.csv", index=False)
    (root / "videos.csv").write_text("video,label,split\nv,run,test\n")
    paths = {"table": str(root / "videos.csv"), "ground_truth": str(root / "gt.csv")}
    return {"type": "folder", "root": str(root), **paths, **said}


ANSWERS = {
    "fraction": (lambda t: t.assign(**{c: t[c] / s for c, s in zip(CORNERS, SIZE, strict=True)}), "box_unit"),
    "percent": (
        lambda t: t.assign(**{c: t[c] / s * 100 for c, s in zip(CORNERS, SIZE, strict=True)}),
        "box_unit",
    ),
    "1280x960": (lambda t: t.assign(**{c: t[c] * 2 for c in CORNERS}), "box_unit"),
    "xywh": (lambda t: reread(t, "xywh", "xyxy"), "box_format"),
    "cxcywh": (lambda t: reread(t, "cxcywh", "xyxy"), "box_format"),
    "yxyx": (lambda t: reread(t, "yxyx", "xyxy"), "box_format"),
    "milliseconds": (lambda t: t.assign(frame=np.round(t["frame"] * 100)), "frame_unit"),
    "seconds": (lambda t: t.assign(frame=t["frame"] / 10), "frame_unit"),
    1: (lambda t: t.assign(frame=t["frame"] + 1), "frame_base"),
}


@pytest.mark.parametrize("value", ANSWERS)
def test_a_setting_converts_the_ground_truth_of_a_folder(tmp_path, value):
    change, name = ANSWERS[value]
    section = folder_section(tmp_path, change(walk()), **{name: value})
    planned = PlannedDataset("mine", section, 0)
    planned.check_evaluable()
    inspection = inspect_dataset(planned, count_frames=True)
    assert [finding.text for finding in inspection.findings if "no training video" not in finding.text] == []
    (tmp_path / "run.csv").write_text("video,split,frames,fps,width,height\nv,test,40,10,640,480\n")
    write_ground_truth(planned.dataset, tmp_path / "run.csv", tmp_path / "out.csv")
    back = pd.read_csv(tmp_path / "out.csv")
    assert back["frame"].tolist() == list(range(40))
    np.testing.assert_allclose(back[CORNERS].to_numpy(), walk()[CORNERS].to_numpy(), atol=1e-3)


def test_the_plan_and_the_check_refuse_fractions(tmp_path):
    change, _ = ANSWERS["fraction"]
    planned = PlannedDataset("mine", folder_section(tmp_path, change(walk())), 0)
    with pytest.raises(DataError, match=FRACTION):
        planned.check_evaluable()
    (finding,) = [each for each in inspect_dataset(planned).findings if FRACTION in each.text]
    assert finding.serious


def test_the_rule_and_the_check_report_other_frames(tmp_path, caplog):
    change, _ = ANSWERS["1280x960"]
    planned = PlannedDataset("mine", folder_section(tmp_path, change(walk())), 0)
    notes = [each.text for each in inspect_dataset(planned).findings if not each.serious]
    assert any("frames twice as large" in text for text in notes)
    (tmp_path / "run.csv").write_text("video,split,frames,fps,width,height\nv,test,40,10,640,480\n")
    write_ground_truth(planned.dataset, tmp_path / "run.csv", tmp_path / "out.csv")
    assert "frames twice as large" in caplog.text
    outside = walk().assign(**{c: walk()[c] + 5000 for c in CORNERS})
    outside.to_csv(tmp_path / "gt.csv", index=False)
    with pytest.raises(DataError, match="40 of 40 boxes lie outside of their frames"):
        write_ground_truth(
            Folder(tmp_path, None, tmp_path / "gt.csv"), tmp_path / "run.csv", tmp_path / "o.csv"
        )


@pytest.mark.parametrize("format_name", ["mot", "cvat", "csv"])
def test_frames_of_every_format_may_count_from_1(tmp_path, format_name):
    rows, info = walk(), tmp_path / "info.csv"
    info.write_text("video,frames,fps,width,height\nv,41,25,640,480\n")
    rows.assign(frame=rows["frame"] + 1).to_csv(tmp_path / "one.csv", index=False)
    name = {"mot": "mot", "cvat": "a.xml", "csv": "b.csv"}[format_name]
    convert(
        tmp_path / "one.csv",
        tmp_path / name,
        Conversion(output_format=format_name, videos=info, frame_base=0),
    )
    base = 2 if format_name == "mot" else 1  # MOT text counts from 1
    truth = read_ground_truth_file(tmp_path / name, conventions=Conventions(frame_base=min(base, 1)))
    assert truth.boxes["frame"].tolist() == list(range(base - 1, base + 39))


# --------------------------------------------------------------------------- no false alarms


@st.composite
def plausible(draw) -> tuple[pd.DataFrame, VideoInfo]:
    """Tubes of actors that drift through frames of any size, from one frame on."""
    width, height = draw(st.integers(16, 1920)), draw(st.integers(16, 1080))
    num_frames = draw(st.integers(1, 60))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    tables = []
    for tube in range(draw(st.integers(1, 4))):
        first = int(random.integers(0, num_frames))
        frames = np.arange(first, int(random.integers(first, num_frames)) + 1)
        size = random.uniform([4, 4], [max(width * 0.8, 5), max(height * 0.8, 5)])
        ends = random.uniform([0, 0], [width, height] - size, (2, 2))
        corner = ends[0] + np.linspace(0, 1, len(frames))[:, None] * (ends[1] - ends[0])
        corner += random.normal(0, 0.5, corner.shape)
        boxes = np.concatenate([corner, corner + size], axis=1).round(2)
        table = pd.DataFrame({"video": "a/v", "tube": str(tube), "class": "run", "frame": frames})
        tables.append(table.assign(**dict(zip(CORNERS, boxes.T, strict=True))))
    return pd.concat(tables), VideoInfo(num_frames, 25.0, width, height)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plausible())
def test_round_trips_of_plausible_tubes_are_silent(tmp_path, caplog, drawn):
    rows, info = drawn
    caplog.clear()
    rows.to_csv(tmp_path / "gt.csv", index=False)
    (tmp_path / "info.csv").write_text(
        f"video,frames,fps,width,height\na/v,{info.frames},{info.fps},{info.width},{info.height}\n"
    )
    with caplog.at_level(logging.WARNING, "actorsup.formats.plausibility"):
        for format_name, name in (
            ("coco", "a.json"),
            ("cvat", "a.xml"),
            ("mot", "a.zip"),
            ("predictions", "p.json"),
        ):
            options = Conversion(output_format=format_name, videos=tmp_path / "info.csv")
            convert(tmp_path / "gt.csv", tmp_path / name, options)
            convert(tmp_path / name, tmp_path / "back.csv", Conversion(source_format=format_name))
            assert len(pd.read_csv(tmp_path / "back.csv").dropna()) == len(rows)
    assert [record.message for record in caplog.records if record.name.endswith("plausibility")] == []


def test_files_of_this_project_are_taken_at_their_word():
    scaled = walk().assign(**{c: 0.5 for c in CORNERS})
    assert check_table(BoxSource("f", "xyxy", EXACT), scaled, INFO) == []
    assert GroundTruth(scaled, {}).source is None


@pytest.mark.parametrize("name", ["pyannot.pkl", "finalAnnots.mat"])
def test_real_annotations_are_silent(shared, name, caplog):
    root = shared / "data" / "thumos13"
    dataset = open_dataset(
        "t", {"type": "thumos13", "root": str(root), "annotations": f"annotations/{name}"}, 0
    )
    truth = dataset.ground_truth()
    from actorsup.datasets.ground_truth_checks import check_ground_truth

    infos = {v: VideoInfo(count, 25.0, 320, 240) for v, count in truth.frames.items()}
    assert check_ground_truth(truth, infos) == []
    assert not [record for record in caplog.records if "plausibility" in record.name]


def test_the_messy_boxes_of_shared_data_are_an_error(shared):
    path = shared / "data" / "messy" / "units" / "boxes_0_to_1.csv"
    if not path.exists():
        pytest.skip("no messy data")
    with pytest.raises(DataError, match=FRACTION):
        Folder(path.parent, None, path).ground_truth()
