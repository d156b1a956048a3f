"""Detectors: suppression, the networks' own results, detections made elsewhere, training."""

import importlib.util
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kills import die_after, steps_taken
from torchvision.ops import batched_nms

from actorsup.artifacts.shards import ShardReader
from actorsup.boxes import iou_matrix
from actorsup.coco import ID_OF
from actorsup.datasets.base import VideoRecord
from actorsup.detection import training
from actorsup.detection.base import SCHEMA, Detections, ImageDetections, read_detections
from actorsup.detection.detectors.supplied import SuppliedDetections
from actorsup.detection.networks import COCO_COLUMNS, build_network, random_network
from actorsup.detection.settings import DetectorSettings, DetectorTrainingSettings
from actorsup.detection.small import trunk_state
from actorsup.detection.stage import build_detector, detect_videos
from actorsup.detection.suppression import suppress
from actorsup.detection.torchvision_models import TorchvisionDetector, merge_others
from actorsup.detection.training import learning_rate_factor, train_detector
from actorsup.errors import ConfigError, DataError, VideoError
from actorsup.frames.settings import FrameSettings
from actorsup.frames.stage import decode_videos
from actorsup.training.weights import load_weights

PERSON, BEAR, BALL = ID_OF["person"], ID_OF["teddy bear"], ID_OF["sports ball"]


def picture(seed: int = 0, height: int = 120, width: int = 160) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


def store_of(path: Path, videos: dict[str, int]) -> Path:
    """A frame store of videos of so many grey frames of 64x48."""
    records = []
    for name, count in videos.items():
        folder = path.parent / "source" / name
        folder.mkdir(parents=True)
        for index in range(count):
            cv2.imwrite(str(folder / f"{index:03d}.png"), np.full((48, 64, 3), 100 + index, np.uint8))
        records.append(VideoRecord(name, folder, "", ()))
    decode_videos(records, path, FrameSettings(), {})
    return path


# ------------------------------------------------------------------------- suppression


@given(st.integers(0, 10_000), st.integers(0, 12), st.sampled_from([0.0, 0.3, 0.6, 1.0]))
@settings(max_examples=60, deadline=None)
def test_suppression_is_torchvisions(seed, count, nms_iou):
    random = np.random.default_rng(seed)
    corner = random.integers(0, 40, (count, 2))
    boxes = np.concatenate([corner, corner + random.integers(5, 40, (count, 2))], 1).astype(np.float32)
    score = random.permutation(count + 1)[1:].astype(np.float32) / (count + 1)
    actor = random.choice([PERSON, BEAR], count).astype(np.int16)
    found = suppress(ImageDetections(boxes, score, actor), 0.2, nms_iou)
    kept = batched_nms(torch.tensor(boxes), torch.tensor(score), torch.tensor(actor), nms_iou).numpy()
    kept = kept[score[kept] >= np.float32(0.2)]
    np.testing.assert_array_equal(found.boxes, boxes[kept])
    np.testing.assert_array_equal(found.score, score[kept])
    np.testing.assert_array_equal(found.actor, actor[kept])


def test_two_categories_do_not_suppress_each_other():
    boxes = np.array([[0, 0, 10, 10]] * 2, np.float32)
    found = ImageDetections(boxes, np.array([0.5, 0.9], np.float32), np.array([PERSON, BEAR], np.int16))
    assert suppress(found, 0.1, 0.6).actor.tolist() == [BEAR, PERSON]


# ---------------------------------------------------------------------------- networks


@pytest.mark.parametrize("columns", [[1], [3, 1], [0 + 2, 5, 4]])
def test_merging_other_classes_keeps_the_scores_of_those_looked_for(columns):
    logits = torch.randn(7, 6, generator=torch.Generator().manual_seed(0))
    expected = logits.softmax(-1)[:, columns]
    torch.testing.assert_close(merge_others(logits, columns).softmax(-1)[:, 1:], expected)


def whole_network(network, image, category, min_score, nms_iou):
    """Detections of one category by the network as torchvision made it."""
    limits = network.module.roi_heads if hasattr(network.module, "roi_heads") else network.module
    limits.score_thresh, limits.nms_thresh, limits.detections_per_img = min_score, nms_iou, 100_000
    with torch.inference_mode():
        pixels = torch.from_numpy(image.transpose(2, 0, 1)).float() / 255
        found = network.module.eval()([pixels])[0]
    label = network.categories.index(category)
    mine = found["labels"] == label
    return found["boxes"][mine].numpy(), found["scores"][mine].numpy()


@pytest.mark.parametrize("architecture", ["small_ssd", "ssdlite320_mobilenet_v3_large"])
def test_looking_for_some_actors_finds_what_the_whole_network_finds_of_them(architecture):
    def network():
        torch.manual_seed(1)
        small = architecture == "small_ssd"
        built = build_network(architecture, (0, PERSON, BALL, BEAR) if small else COCO_COLUMNS)
        # untrained, its scores would hardly differ
        pixels = torch.randn(4, 3, 320, 320)
        built.module.train().backbone(pixels)
        for weights in built.module.head.classification_head.parameters():
            weights.data.normal_(0, 0.3)
        return built

    image = picture()
    boxes, score = whole_network(network(), image, BEAR, 0.0, 0.6)
    low = float(score.max() - 0.2 * (score.max() - score.min()))
    wanted = score >= low
    section = DetectorSettings(type=architecture, min_score=low, nms_iou=0.6)
    detector = TorchvisionDetector(network(), [BEAR], section, torch.device("cpu"))
    found = detector.detect([image])[0]
    assert wanted.sum() > 0
    assert set(found.actor) == {BEAR}
    overlap = iou_matrix(boxes[wanted], found.boxes).max(1)
    assert overlap.min() > 0.999
    assert np.abs(found.score[:1] - score[wanted].max()).max() < 1e-5


def test_detections_of_a_batch_are_those_of_each_image():
    detector = build_detector(DetectorSettings(type="small_ssd", min_score=0.05), [PERSON], None, "cpu")
    images = [picture(seed) for seed in range(3)]
    together = detector.detect(images)
    for image, found in zip(images, together, strict=True):
        (single,) = detector.detect([image])
        np.testing.assert_allclose(found.boxes, single.boxes, atol=1e-3)
        np.testing.assert_allclose(found.score, single.score, atol=1e-5)
        assert (np.diff(found.score) <= 0).all()


def test_an_actor_that_the_network_does_not_know():
    network = random_network("small_ssd", [PERSON])
    with pytest.raises(ConfigError, match="'sports ball'; it knows: person"):
        TorchvisionDetector(network, [BALL], DetectorSettings(), torch.device("cpu"))


def test_models_and_types_that_there_are_not():
    with pytest.raises(
        ConfigError, match=r"allowed: small_ssd, supplied, torchvision, yolox; did you mean .yolox"
    ):
        build_detector(DetectorSettings(type="yolo"), [PERSON], None, "cpu")
    with pytest.raises(ConfigError, match="ssd300_vgg16"):
        build_detector(DetectorSettings(model="ssd301"), [PERSON], None, "cpu")


def test_yolox_finds_what_a_plain_reading_of_its_output_finds(shared):
    specification = importlib.util.spec_from_file_location("plain", shared / "tools" / "plain_linking.py")
    plain = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(plain)
    weights = shared / "weights" / "yolox_nano.onnx"
    detector = build_detector(DetectorSettings(type="yolox"), [PERSON], weights, "cpu")
    capture = cv2.VideoCapture(str(shared / "data/thumos13/UCF-101/Basketball/v_Basketball_g01_c01.avi"))
    _, bgr = capture.read()
    boxes, score = plain.detect(bgr)
    (found,) = detector.detect([bgr[..., ::-1]])
    np.testing.assert_allclose(found.score, score, atol=1e-4)
    np.testing.assert_allclose(found.boxes, boxes, atol=0.05)
    assert len(score) > 0


def test_a_file_that_is_no_yolox(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"not a network")
    with pytest.raises(DataError, match=r"x\.onnx"):
        build_detector(DetectorSettings(type="yolox"), [PERSON], tmp_path / "x.onnx", "cpu")


# ------------------------------------------------------------- detections made elsewhere

CSV = """video,frame,x1,y1,x2,y2,score,category
a,0,1,2,11,12,0.5,person
a,0,1,2,11,13,0.9,1
a,2,5,5,20,30,0.05,person
a,1,-5,5,20,300,0.7,teddy bear
a,1,5,5,20,30,0.7,sports ball
NA,0,0,0,5,5,1,person
b.mp4,0,0,0,5,5,1,person
"""


def supplied(path: Path, text: str = CSV, **more: float) -> SuppliedDetections:
    path.write_text(text)
    return SuppliedDetections(path, [PERSON, BEAR], DetectorSettings(type="supplied", **more))


def test_supplied_csv_by_hand(tmp_path):
    found = supplied(tmp_path / "d.csv").detections("a", 3, 64, 48)
    assert found.frame.tolist() == [0, 1]  # the weaker overlaps the better, one is under the score
    assert found.actor.tolist() == [PERSON, BEAR]
    assert found.boxes.tolist() == [[1, 2, 11, 13], [0, 5, 20, 48]]
    assert len(supplied(tmp_path / "d.csv").detections("NA", 1, 64, 48)) == 1
    assert len(supplied(tmp_path / "d.csv").detections("b", 1, 64, 48)) == 1
    assert len(supplied(tmp_path / "d.csv").detections("unknown", 1, 64, 48)) == 0


def test_supplied_coco_results_are_the_same(tmp_path):
    results = [
        {"image_id": "x/a/0", "category_id": 1, "bbox": [1, 2, 10, 10], "score": 0.5},
        {"image_id": "x/a/2", "category_id": 88, "bbox": [5, 5, 15, 25], "score": 0.75},
    ]
    found = supplied(tmp_path / "d.json", json.dumps(results)).detections("x/a", 3, 64, 48)
    assert found.boxes.tolist() == [[1, 2, 11, 12], [5, 5, 20, 30]]
    assert found.frame.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a,3,1,2,11,12,0.5,person", "frame must be one of 0 to 2"),
        ("a,0,1,2,11,12,1.5,person", r"score must lie in \[0, 1\]"),
        ("a,0,nan,2,11,12,0.5,person", "not a finite number"),
        ("a,0,5,2,5,12,0.5,person", "has no area"),
        ("a,0,70,2,80,12,0.5,person", "outside the frame of 64x48"),
    ],
)
def test_a_bad_supplied_box_fails_only_its_video(tmp_path, row, words):
    detections = supplied(tmp_path / "d.csv", CSV + row + "\n")
    with pytest.raises(VideoError, match=f"line 9: .*{words}"):
        detections.detections("a", 3, 64, 48)
    assert len(detections.detections("NA", 1, 64, 48)) == 1


def test_supplied_detections_of_a_similar_name_are_an_error(tmp_path):
    text = CSV.replace("b.mp4", "1").replace("NA", "C:\\\\data\\\\NA.avi")
    for video, other in (("0001", "1"), ("A", "a"), ("NA", "C:/data/NA")):
        with pytest.raises(VideoError, match=f"no detection of '{video}', but of '{other}'"):
            supplied(tmp_path / "d.csv", text).detections(video, 1, 64, 48)


def test_supplied_files_that_cannot_be_used(tmp_path):
    with pytest.raises(DataError, match="'score' is missing"):
        supplied(tmp_path / "d.csv", CSV.replace("score", "quality"))
    with pytest.raises(DataError, match="line 4: x2 is '20 px'; wanted a number"):
        supplied(tmp_path / "d.csv", CSV.replace("20,30,0.05", "20 px,30,0.05"))
    with pytest.raises(DataError, match="'persn' is no COCO category"):
        supplied(tmp_path / "d.csv", CSV.replace("0.05,person", "0.05,persn"))
    with pytest.raises(DataError, match="row 1"):
        supplied(tmp_path / "d.json", '[{"image_id": 3}]')
    with pytest.raises(DataError, match="wanted a list"):
        supplied(tmp_path / "d.json", "{}")


# ---------------------------------------------------------------------------- the stage


def test_stage_with_supplied_detections(tmp_path, caplog):
    frames = store_of(tmp_path / "f.h5", {"a": 3, "NA": 1, "none": 2, "bad": 1})
    text = CSV + "bad,7,1,1,9,9,0.5,person\n"
    (tmp_path / "d.csv").write_text(text)
    section = DetectorSettings(type="supplied")
    output = tmp_path / "out.h5"
    detect_videos(
        frames, output, section, ["person", "teddy bear"], tmp_path / "d.csv", "cpu", {"made": "so"}
    )
    with ShardReader(output, SCHEMA) as shard:
        assert shard.videos == ["NA", "a", "none"]
        assert "frame must be one of 0 to 0" in shard.failures["bad"]
        assert shard.provenance == {"made": "so"}
        assert dict(shard["a"].attrs) == {"frames": 3, "fps": 25.0, "width": 64, "height": 48}
        assert read_detections(shard["a"]).boxes.tolist() == [[1, 2, 11, 13], [0, 5, 20, 48]]
        assert len(read_detections(shard["none"])) == 0
    assert "d.csv: no detection of none" in caplog.text


def test_stage_scales_boxes_to_the_source(tmp_path):
    folder = tmp_path / "v"
    folder.mkdir()
    cv2.imwrite(str(folder / "0.png"), picture(3, 240, 320))
    whole, half = tmp_path / "w.h5", tmp_path / "h.h5"
    decode_videos([VideoRecord("v", folder, "", ())], whole, FrameSettings("png"), {})
    decode_videos([VideoRecord("v", folder, "", ())], half, FrameSettings("png", max_side=160), {})
    section = DetectorSettings(type="small_ssd", weights="random", min_score=0.3)
    boxes = {}
    for path in (whole, half):
        detect_videos(path, tmp_path / "o.h5", section, ["person"], None, "cpu", {})
        with ShardReader(tmp_path / "o.h5", SCHEMA) as shard:
            boxes[path] = read_detections(shard["v"]).boxes
    # the network resizes both to 160x120, so the boxes in source pixels nearly agree
    assert len(boxes[half]) > 0
    assert iou_matrix(boxes[half], boxes[whole]).max(1).mean() > 0.9
    assert boxes[half].max() > 170


def test_detections_of_no_images():
    assert len(Detections.of_images([], [])) == 0


# --------------------------------------------------------------------------- training


def stills(root: Path, count: int = 8) -> Path:
    """Dark stills, each with a bright upright person and a wide bear."""
    (root / "images").mkdir(parents=True)
    random = np.random.default_rng(0)
    images, annotations = [], []
    for index in range(count):
        image = random.integers(0, 60, (120, 160, 3), np.uint8)
        for category, (w, h), colour in ((PERSON, (18, 40), (255, 80, 80)), (BEAR, (44, 24), (80, 255, 255))):
            x, y = random.integers(0, 160 - w), random.integers(0, 120 - h)
            image[y : y + h, x : x + w] = colour
            box = [int(x), int(y), w, h]
            annotations.append({"image_id": index, "category_id": category, "bbox": box, "iscrowd": 0})
        cv2.imwrite(str(root / "images" / f"{index}.png"), image[..., ::-1])
        images.append({"id": index, "file_name": f"{index}.png", "width": 160, "height": 120})
    categories = [{"id": PERSON, "name": "person"}, {"id": BEAR, "name": "teddy bear"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations.json").write_text(json.dumps(content))
    return root


def train(root: Path, output: Path, epochs: int, seed: int = 0, **more: float) -> dict:
    section = DetectorTrainingSettings(epochs=epochs, batch=4, **more)
    train_detector(root / "images", root / "annotations.json", output, section, "cpu", seed, {"made": "so"})
    return load_weights(output)


def same(a: dict, b: dict) -> bool:
    return all(torch.equal(a["state"][name], b["state"][name]) for name in a["state"])


def test_training_learns_to_find_what_the_stills_show(tmp_path):
    root = stills(tmp_path / "stills", 24)
    train(root, tmp_path / "w.pt", 12, learning_rate=0.005, crop=1.0)
    curve = np.loadtxt(tmp_path / "w.csv", delimiter=",", skiprows=1)
    assert curve[-1, 1:-1].sum() < 0.5 * curve[0, 1:-1].sum()  # the last column is seconds
    section = DetectorSettings(type="small_ssd", min_score=0.3)
    detector = build_detector(section, [BEAR, PERSON], tmp_path / "w.pt", "cpu")
    content = json.loads((root / "annotations.json").read_text())
    image = cv2.imread(str(root / "images" / "0.png"))[..., ::-1]
    (found,) = detector.detect([image])
    for annotation in content["annotations"][:2]:
        x, y, w, h = annotation["bbox"]
        mine = found.boxes[found.actor == annotation["category_id"]]
        assert iou_matrix(np.array([[x, y, x + w, y + h]], np.float32), mine).max() > 0.5
    assert set(trunk_state(tmp_path / "w.pt")) >= {"0.0.weight", "4.1.running_var"}


@pytest.mark.parametrize("killed", [3, 4])
def test_training_is_deterministic_and_resumes_to_the_same_weights(tmp_path, monkeypatch, killed):
    root = stills(tmp_path / "stills")
    whole = train(root, tmp_path / "whole.pt", 3)
    assert same(whole, train(root, tmp_path / "again.pt", 3))
    assert not same(whole, train(root, tmp_path / "other.pt", 3, seed=1))
    with monkeypatch.context() as patch:
        every = steps_taken(patch, training._Training)
        train(root, tmp_path / "counted.pt", 3)
    with monkeypatch.context() as patch:
        die_after(patch, training._Training, killed)
        with pytest.raises(KeyboardInterrupt):
            train(root, tmp_path / "cut.pt", 3)
    with monkeypatch.context() as patch:
        taken = steps_taken(patch, training._Training)
        assert same(whole, train(root, tmp_path / "cut.pt", 3))
    assert taken == every[killed:]


def test_learning_rate_rises_and_falls():
    factors = [learning_rate_factor(step, 100) for step in range(100)]
    assert factors[0] == pytest.approx(0.2)
    assert factors[5] == pytest.approx(1.0)
    assert factors[52] == pytest.approx(0.5, abs=0.02)
    assert factors[-1] < 0.001


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.pop("categories"), "not in COCO's format"),
        (lambda c: c["annotations"][0].update(category_id=7), "category_id 7 is not among"),
        (lambda c: c["annotations"][0].update(image_id=99), "image_id 99"),
        (lambda c: c["images"][0].update(file_name="gone.png"), "1 images are missing"),
        (lambda c: c.update(images=[], annotations=[]), "names no image"),
    ],
)
def test_stills_that_cannot_be_used(tmp_path, change, words):
    root = stills(tmp_path / "stills", 2)
    content = json.loads((root / "annotations.json").read_text())
    change(content)
    (root / "annotations.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=words):
        train(root, tmp_path / "w.pt", 1)


def test_weights_of_another_architecture(tmp_path):
    train(stills(tmp_path / "stills", 2), tmp_path / "w.pt", 1)
    section = DetectorSettings(model="ssdlite320_mobilenet_v3_large")
    with pytest.raises(DataError, match="'small_ssd', wanted those of 'ssdlite320"):
        build_detector(section, [PERSON], tmp_path / "w.pt", "cpu")
    with pytest.raises(DataError, match="no such weights file"):
        build_detector(section, [PERSON], tmp_path / "none.pt", "cpu")
