"""Round trips with the packages of other tools: what they write is read, and they read what is written.

``make test-all`` runs this file in the environment of requirements-exchange.txt, which has all packages; a
test is skipped where its package is missing. The truth is stated here, independently of readers and writers.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actorsup.formats.convert import Conversion, convert
from actorsup.formats.formats import detect_format, read_labeled
from actorsup.formats.labeled import LabeledVideo

FRAMES, WIDTH, HEIGHT = 8, 64, 48
CLASSES = ["kick", "sit down"]
# class, and box in each frame: frames from 0, corners in pixels from 0
TRACKS: list[tuple[str, dict[int, list[float]]]] = [
    ("kick", {0: [0, 0, 5.25, 6.5], 1: [1, 0.5, 6.25, 7]}),
    ("sit down", {2: [10.25, 20.5, 15.5, 27.25], 3: [11.25, 20.5, 17, 27], 5: [12, 20, 17, 27.75]}),
    ("sit down", {5: [40, 1, 63.5, 47.5], 6: [40, 1, 64, 48], 7: [41, 2, 64, 48]}),
]


@pytest.fixture(autouse=True)
def no_warning(caplog):
    """Fail a test if any file gives a warning."""
    yield
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == []


def table(folder: Path, tracks: list[tuple[str, dict[int, list[float]]]] = TRACKS) -> Path:
    """A ground-truth CSV with the tracks, and the video's sizes in the same folder."""
    lines = ["video,tube,class,frame,x1,y1,x2,y2"]
    for tube, (name, boxes) in enumerate(tracks):
        lines += [f"v,{tube},{name},{frame},{','.join(map(str, box))}" for frame, box in boxes.items()]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gt.csv").write_text("\n".join(lines) + "\n")
    (folder / "videos.csv").write_text(f"video,frames,fps,width,height\nv,{FRAMES},25,{WIDTH},{HEIGHT}\n")
    return folder / "gt.csv"


def exported(folder: Path, form: str, name: str, origin: int | None = None, tracks=TRACKS) -> Path:
    """The file that ``actorsup convert`` makes of the tracks."""
    how = Conversion(output_format=form, videos=folder / "videos.csv", mot_origin=origin)
    convert(table(folder, tracks), folder / name, how)
    return folder / name


def read(path: Path, **how: object) -> LabeledVideo:
    (video,), _ = read_labeled(path, detect_format(path), **how)
    return video


def compare(found: object, truth: object = TRACKS, within: float = 0.0051) -> None:
    """Compare tracks, given as (class, {frame: box}), to the truth in any order of the tracks."""

    def ordered(tracks):
        return sorted((name, sorted(boxes.items())) for name, boxes in tracks)

    for (name, boxes), (true_name, true_boxes) in zip(ordered(found), ordered(truth), strict=True):
        assert (name, [frame for frame, _ in boxes]) == (true_name, [frame for frame, _ in true_boxes])
        assert np.array([box for _, box in boxes]) == pytest.approx(
            np.array([box for _, box in true_boxes]), abs=within
        )


def tracks_of(video: LabeledVideo) -> list[tuple[str, dict[int, list[float]]]]:
    return [
        (tube.action, dict(zip(tube.frames.tolist(), tube.boxes.tolist(), strict=True)))
        for tube in video.tubes
    ]


def corners(x: float, y: float, width: float, height: float) -> list[float]:
    return [x, y, x + width, y + height]


class Gathered(dict):
    """Boxes gathered into tracks by id."""

    def put(self, track: object, name: str, frame: int, box: list[float]) -> None:
        self.setdefault(track, (name, {}))[1][frame] = [float(value) for value in box]
        assert self[track][0] == name


# ---------------------------------------------------------------------------------- pycocotools


def test_pycocotools_reads_written_coco_and_its_results_are_read(tmp_path, capsys):
    pytest.importorskip("pycocotools")
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    reader = COCO(str(exported(tmp_path, "coco", "coco.json")))
    assert [reader.imgs[key]["frame_id"] for key in sorted(reader.getImgIds())] == [*range(FRAMES)]
    found = Gathered()
    for key in reader.getAnnIds():
        (one,) = reader.loadAnns(key)
        name = reader.cats[one["category_id"]]["name"]
        found.put(one["track_id"], name, reader.imgs[one["image_id"]]["frame_id"], corners(*one["bbox"]))
        assert one["area"] == pytest.approx(one["bbox"][2] * one["bbox"][3], abs=1e-3)
    compare(found.values())

    kept = ("image_id", "category_id", "bbox", "track_id")
    results = reader.loadRes([{**{k: one[k] for k in kept}, "score": 0.5} for one in reader.anns.values()])
    evaluation = COCOeval(reader, results, "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1)

    # its results keep the images but not the list of videos
    (tmp_path / "results.json").write_text(json.dumps({**reader.dataset, **results.dataset}))
    video = read(tmp_path / "results.json")
    compare(tracks_of(video))
    assert (video.video, video.info.frames, {tube.score for tube in video.tubes}) == ("v", FRAMES, {0.5})


# ------------------------------------------------------------------------- motmetrics, TrackEval

MOT16 = "1,3,11,21,5.25,6.75,1,1,1\n2,3,12,21,5.25,6.75,1,1,0.5\n2,9,1,1,64,48,0,1,1\n4,4,31,2,2.5,46,1,1,1\n"
"""In the MOTChallenge, the corner of the first pixel is at 1, and 0 after the class marks a box to ignore."""


def motmetrics_tracks(path: Path, names: list[str]) -> Gathered:
    metrics = pytest.importorskip("motmetrics")
    found = Gathered()
    rows = metrics.io.loadtxt(str(path), fmt="mot16", min_confidence=1e-9)
    for (frame, track), row in rows.iterrows():
        box = corners(row["X"], row["Y"], row["Width"], row["Height"])
        found.put(track, names[int(row["ClassId"]) - 1], frame - 1, box)
    return found


def test_motmetrics_reads_written_mot_with_origin_1(tmp_path):
    folder = exported(tmp_path, "mot", "mot", origin=1)
    compare(motmetrics_tracks(folder / "v" / "gt" / "gt.txt", CLASSES).values())


def test_motmetrics_and_our_reader_agree(tmp_path):
    (tmp_path / "v" / "gt").mkdir(parents=True)
    (tmp_path / "v" / "gt" / "gt.txt").write_text(MOT16)
    truth = [
        ("pedestrian", {0: [10, 20, 15.25, 26.75], 1: [11, 20, 16.25, 26.75]}),
        ("pedestrian", {3: [30, 1, 32.5, 47]}),
    ]
    compare(motmetrics_tracks(tmp_path / "v" / "gt" / "gt.txt", ["pedestrian"]).values(), truth)
    compare(tracks_of(read(tmp_path)), truth)


def test_trackeval_reads_written_mot(tmp_path):
    trackeval = pytest.importorskip("trackeval")
    walkers = [("pedestrian", boxes) for _, boxes in TRACKS]
    truth = exported(tmp_path, "mot", "truth", tracks=walkers)
    (tmp_path / "trackers" / "ours" / "data").mkdir(parents=True)
    text = (truth / "v" / "gt" / "gt.txt").read_text()
    (tmp_path / "trackers" / "ours" / "data" / "v.txt").write_text(text)
    (tmp_path / "seqmap.txt").write_text("name\nv\n")
    settings_of_dataset = {
        "GT_FOLDER": str(truth), "TRACKERS_FOLDER": str(tmp_path / "trackers"), "SKIP_SPLIT_FOL": True,
        "SEQMAP_FILE": str(tmp_path / "seqmap.txt"), "PRINT_CONFIG": False,
    }  # fmt: skip
    dataset = trackeval.datasets.MotChallenge2DBox(settings_of_dataset)
    assert dataset.seq_lengths == {"v": FRAMES}
    raw = dataset.get_raw_seq_data("ours", "v")
    for kind in ("gt", "tracker"):
        found = Gathered()
        for frame, (ids, boxes) in enumerate(zip(raw[f"{kind}_ids"], raw[f"{kind}_dets"], strict=True)):
            for track, box in zip(ids, boxes, strict=True):
                found.put(track, "pedestrian", frame, corners(*box))
        compare(found.values(), walkers)
    data = dataset.get_preprocessed_seq_data(raw, "pedestrian")
    scores = trackeval.metrics.HOTA().eval_sequence(data)
    assert scores["HOTA"] == pytest.approx(np.ones_like(scores["HOTA"]))


# ------------------------------------------------------------------------------------- Datumaro


def datumaro_set(tracks=TRACKS):
    """The tracks in Datumaro's own types: an item per frame, boxes of corner and size in pixels from 0."""
    datumaro = pytest.importorskip("datumaro")
    from datumaro.components.media import Image

    items = []
    for frame in range(FRAMES):
        boxes = [
            datumaro.Bbox(
                box[0], box[1], box[2] - box[0], box[3] - box[1], label=CLASSES.index(name),
                attributes={"track_id": track},
            )
            for track, (name, boxes) in enumerate(tracks, 1)
            if (box := boxes.get(frame))
        ]  # fmt: skip
        picture = Image.from_numpy(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
        items.append(
            datumaro.DatasetItem(
                f"frame_{frame:06d}",
                subset="v",
                media=picture,
                annotations=boxes,
                attributes={"frame": frame},
            )
        )
    return datumaro.Dataset.from_iterable(items, categories=CLASSES)


def datumaro_tracks(dataset, frame_of_item) -> Gathered:
    datumaro = pytest.importorskip("datumaro")
    names = [label.name for label in dataset.categories()[datumaro.AnnotationType.label]]
    found = Gathered()
    for item in dataset:
        for box in item.annotations:
            if not box.attributes.get("outside"):
                track = box.attributes["track_id"]
                found.put(track, names[box.label], frame_of_item(item), corners(*box.get_bbox()))
    return found


def read_datumaro(dataset, folder: Path, form: str) -> LabeledVideo:
    """What is read of Datumaro's export, of a single video, which its COCO does not name."""
    options = {"use_track": True} if form == "cvat" else {}
    dataset.export(str(folder), form, save_media=False, **options)
    path = folder / "annotations" / "instances_v.json" if form == "coco_instances" else folder
    return read(path, name="v")


@pytest.mark.parametrize("form", ["mot_seq_gt", "cvat", "coco_instances"])
def test_datumaro_writes_what_is_read(tmp_path, form):
    video = read_datumaro(datumaro_set(), tmp_path / "v", form)
    compare(tracks_of(video))
    assert video.info.frames in (0, FRAMES)
    assert video.annotated is None or video.annotated.tolist() == [*range(FRAMES)]


def test_datumaro_reads_what_is_written(tmp_path):
    datumaro = pytest.importorskip("datumaro")
    mot = datumaro.Dataset.import_from(str(exported(tmp_path, "mot", "mot")), "mot_seq")
    assert len(mot) == FRAMES
    compare(datumaro_tracks(mot, lambda item: int(item.id) - 1).values())
    exported(tmp_path, "cvat", "cvat/v.xml")
    cvat = datumaro.Dataset.import_from(str(tmp_path / "cvat"), "cvat")
    compare(datumaro_tracks(cvat, lambda item: item.attributes["frame"]).values())
    coco = json.loads(exported(tmp_path, "coco", "coco/annotations/instances_v.json").read_text())
    (tmp_path / "coco" / "images").mkdir()
    read_back = datumaro.Dataset.import_from(str(tmp_path / "coco"), "coco_instances")
    truth = sorted(corners(*one["bbox"]) for one in coco["annotations"])
    found = sorted(corners(*box.get_bbox()) for item in read_back for box in item.annotations)
    assert found == truth and len(found) == 8


boxes_of_tracks = st.dictionaries(
    st.integers(0, FRAMES - 1),
    st.tuples(*[st.integers(0, 3000).map(lambda value: value / 100)] * 4).map(
        lambda box: [box[0], box[1], box[0] + box[2], box[1] + box[3]]
    ),
    min_size=1,
)
some_tracks = st.lists(st.tuples(st.sampled_from(CLASSES), boxes_of_tracks), min_size=1, max_size=3)


@given(some_tracks)
@settings(max_examples=15, deadline=None)
def test_any_tracks_through_datumaro(tmp_path_factory, tracks):
    folder = tmp_path_factory.mktemp("any")
    for form in ("mot_seq_gt", "cvat", "coco_instances"):
        compare(tracks_of(read_datumaro(datumaro_set(tracks), folder / form, form)), tracks, within=0.0101)


# ------------------------------------------------------------------------------------- FiftyOne


@pytest.mark.slow
def test_fiftyone_writes_what_is_read_and_reads_what_is_written(tmp_path):
    """Its exporters and loaders, without its database, which needs a MongoDB server.

    It rounds boxes to whole pixels both ways, and its frames count from 1.
    """
    pytest.importorskip("fiftyone")
    from fiftyone.core.labels import Detection, Detections
    from fiftyone.core.metadata import VideoMetadata
    from fiftyone.utils.coco import load_coco_detection_annotations
    from fiftyone.utils.cvat import CVATVideoDatasetExporter, load_cvat_video_annotations

    frames: dict[int, dict[str, Detections]] = {}
    for index, (name, boxes) in enumerate(TRACKS):
        for frame, (x1, y1, x2, y2) in boxes.items():
            relative = [x1 / WIDTH, y1 / HEIGHT, (x2 - x1) / WIDTH, (y2 - y1) / HEIGHT]
            found = frames.setdefault(frame + 1, {"tracks": Detections(detections=[])})
            found["tracks"].detections.append(Detection(label=name, bounding_box=relative, index=index))
    (tmp_path / "v.mp4").write_bytes(b"a video")
    size = VideoMetadata(frame_width=WIDTH, frame_height=HEIGHT, total_frame_count=FRAMES)
    exporter = CVATVideoDatasetExporter(export_dir=str(tmp_path / "out"), export_media=False)
    exporter.setup()
    exporter.export_sample(str(tmp_path / "v.mp4"), None, frames, metadata=size)
    video = read(tmp_path / "out")
    compare(tracks_of(video), within=0.501)
    assert video.info.frames == FRAMES

    _, labels, tracks = load_cvat_video_annotations(str(exported(tmp_path, "cvat", "v.xml")))
    assert [label["name"] for label in labels.labels] == CLASSES
    back = Gathered()
    for track in tracks:
        for frame, one in track.to_labels().items():
            x, y, width, height = one.bounding_box
            box = corners(x * WIDTH, y * HEIGHT, width * WIDTH, height * HEIGHT)
            back.put(track.id, one.label, frame - 1, box)
    compare(back.values(), within=0.501)

    _, names, _, images, annotations = load_coco_detection_annotations(
        str(exported(tmp_path, "coco", "coco.json"))
    )
    assert len(images) == FRAMES
    boxes = sorted(corners(*one.bbox) for of_image in annotations.values() for one in of_image)
    assert [*names.values()] == CLASSES
    assert boxes == sorted(box for _, boxes in TRACKS for box in boxes.values())


# ---------------------------------------------------------------------------------- supervision


@pytest.mark.parametrize("name", ["v.csv", "v.json"])
@pytest.mark.parametrize("scores", [True, False])
def test_supervision_writes_what_is_read(tmp_path, name, scores):
    supervision = pytest.importorskip("supervision")
    sink = (supervision.CSVSink if name == "v.csv" else supervision.JSONSink)(str(tmp_path / name))
    with sink:
        for frame in range(FRAMES):
            found = [(t, label, boxes[frame]) for t, (label, boxes) in enumerate(TRACKS, 1) if frame in boxes]
            if not found:
                sink.append(supervision.Detections.empty(), custom_data={"frame_index": frame})
                continue
            tracks, labels, boxes = zip(*found, strict=True)
            detections = supervision.Detections(
                xyxy=np.array(boxes, np.float32),
                confidence=np.full(len(found), 0.5, np.float32) if scores else None,
                class_id=np.array([CLASSES.index(label) for label in labels]),
                tracker_id=np.array(tracks),
                data={"class_name": np.array(labels)},
            )
            sink.append(detections, custom_data={"frame_index": frame})
    video = read(tmp_path / name)
    compare(tracks_of(video), within=1e-5)
    assert video.video == "v" and {tube.score for tube in video.tubes} == {0.5 if scores else None}
    assert read(tmp_path / name, name="kitchen/tuesday").video == "kitchen/tuesday"


def test_supervision_reads_written_coco(tmp_path):
    supervision = pytest.importorskip("supervision")
    from PIL import Image

    path = exported(tmp_path, "coco", "coco.json")
    (tmp_path / "images" / "v").mkdir(parents=True)
    for frame in range(FRAMES):
        Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "images" / "v" / f"{frame:06d}.jpg")
    dataset = supervision.DetectionDataset.from_coco(str(tmp_path / "images"), str(path))
    assert dataset.classes == CLASSES and len(dataset) == FRAMES
    found = []
    for name, _, detections in dataset:
        frame = int(Path(name).stem)
        found += [
            (CLASSES[label], frame, *map(float, box))
            for label, box in zip(detections.class_id, detections.xyxy, strict=True)
        ]
    truth = [(name, frame, *map(float, box)) for name, boxes in TRACKS for frame, box in boxes.items()]
    assert sorted(found) == sorted(truth)


# --------------------------------------------------------------------------------------- CVAT SDK


def test_written_labels_are_valid_in_cvat(tmp_path):
    models = pytest.importorskip("cvat_sdk.models")
    from cvat_sdk.api_client.model.input_type_enum import InputTypeEnum

    labels = json.loads((exported(tmp_path, "cvat", "cvat") / "labels.json").read_text())
    made: list[Mapping[str, object]] = []
    for label in labels:
        attributes = [
            models.AttributeRequest(**{**one, "input_type": InputTypeEnum(one["input_type"])})
            for one in label["attributes"]
        ]
        made.append(models.PatchedLabelRequest(name=label["name"], attributes=attributes))
    task = models.TaskWriteRequest(name="v", labels=made)
    assert [label.name for label in task.labels] == CLASSES
    assert {one.name for one in task.labels[0].attributes} == {"score", "actor"}
