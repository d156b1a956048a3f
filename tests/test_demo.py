"""The demo's generator: what it writes is whole, valid, the same again, and hard."""

import csv
import json
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from actorsup.artifacts.folders import replace_folder
from actorsup.datasets.pickles import read_numbers
from actorsup.demo.actors import PERSON, TEDDY_BEAR, skeleton
from actorsup.demo.images import image_scene, make_images
from actorsup.demo.poses import ACTIONS, IDLING, cycle, spell
from actorsup.demo.scenes import Scene
from actorsup.demo.sequences import HELD_OUT, make_sequences
from actorsup.demo.settings import CLASSES, FILLS, DemoSettings, demo_records
from actorsup.demo.sprites import draw
from actorsup.demo.videos import demo_videos, make_videos

SMALL = DemoSettings(train=12, test=6, frames=5, stills=12, sequences=3, sequence_frames=4)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    make_videos(folder, SMALL)
    make_images(folder / "images_for_detector", SMALL)
    make_sequences(folder / "sequences", SMALL)
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def box_iou(a: np.ndarray, b: np.ndarray) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return width * height / (both - width * height)


def test_records_are_pure_and_balanced() -> None:
    records = demo_records(DemoSettings())
    assert records == demo_records(DemoSettings())
    assert records != demo_records(DemoSettings(seed=1))
    assert len({video for video, _, _ in records}) == len(records) == 264
    count = Counter((split, label) for _, (label,), split in records)
    assert count == {(s, c): n for s, n in (("train", 36), ("test", 8)) for c in CLASSES}
    assert len(CLASSES) >= 6 and list(CLASSES) == sorted(ACTIONS)


def test_ids_do_not_reveal_the_class() -> None:
    records = sorted(demo_records(DemoSettings()))
    labels = [label for _, (label,), _ in records]
    assert not any(label.replace(" ", "") in video for video, (label,), _ in records)
    # neighbours share a class as often as chance has it (1 in 6), not always and not never
    same = np.mean([a == b for a, b in pairwise(labels)])
    assert 0.05 < same < 0.35


def test_both_kinds_of_actors_perform_every_class_equally() -> None:
    count = Counter((v.split, v.labels, v.acting[0].sprite.category) for v in demo_videos(SMALL))
    assert {key: n for key, n in count.items() if key[0] == "train"} == {
        ("train", (label,), kind): 1 for label in CLASSES for kind in (1, 88)
    }


def test_same_seed_same_bytes_and_other_seed_other_bytes(root: Path, tmp_path: Path) -> None:
    make_videos(tmp_path / "again", SMALL)
    make_images(tmp_path / "again" / "images_for_detector", SMALL)
    make_sequences(tmp_path / "again" / "sequences", SMALL)
    assert contents(tmp_path / "again") == contents(root)
    make_videos(tmp_path / "other", replace(SMALL, seed=1))
    videos, others = contents(root / "videos"), contents(tmp_path / "other" / "videos")
    assert videos.keys() == others.keys()
    assert all(videos[name] != others[name] for name in videos)


def test_a_video_depends_only_on_its_label_and_index() -> None:
    several, more = list(demo_videos(SMALL)), list(demo_videos(replace(SMALL, test=9)))
    assert np.array_equal(several[5].scene.image(2), more[5].scene.image(2))


def test_videos_decode_to_what_was_drawn(root: Path) -> None:
    for made in list(demo_videos(SMALL))[:3]:
        capture = cv2.VideoCapture(str(root / f"{made.video}.avi"))
        assert capture.get(cv2.CAP_PROP_FPS) == SMALL.fps
        for frame in range(SMALL.frames):
            ok, image = capture.read()
            assert ok and image.shape == (120, 160, 3)
            difference = image[..., ::-1].astype(float) - made.scene.image(frame)
            assert 20 * np.log10(255 / np.sqrt((difference**2).mean())) > 30  # dB
        assert not capture.read()[0]


def test_form_of_the_tables(root: Path) -> None:
    records = demo_records(SMALL)
    table = rows(root / "videos.csv")
    assert [(r["video"], (r["label"],), r["split"]) for r in table] == records
    boxes = rows(root / "ground_truth.csv")
    assert list(boxes[0]) == ["video", "tube", "class", "frame", "x1", "y1", "x2", "y2", "actor"]
    frames = defaultdict(list)
    for row in boxes:
        frames[row["video"], row["class"], row["tube"]].append(int(row["frame"]))
        x1, y1, x2, y2 = (float(row[name]) for name in ("x1", "y1", "x2", "y2"))
        assert 0 <= x1 < x2 <= SMALL.width and 0 <= y1 < y2 <= SMALL.height
        assert row["actor"] in ("person", "teddy bear")
    assert frames == {(video, label, "0"): list(range(5)) for video, (label,), _ in records}


def test_boxes_are_tight_around_the_actor() -> None:
    for made in demo_videos(SMALL):
        for frame in (0, 4):
            drawn = np.zeros((SMALL.height, SMALL.width, 3), np.uint8)
            draw(drawn, made.acting[0].sprite, frame)
            ys, xs = np.nonzero(drawn.any(-1))
            seen = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
            inside = np.clip(made.acting[0].sprite.boxes[frame], 0, (160, 120, 160, 120))
            assert np.abs(seen - inside).max() < 1.6


def test_actors_are_mostly_in_the_frame_and_in_company() -> None:
    for made in demo_videos(SMALL):
        boxes = made.acting[0].sprite.boxes
        inside = np.clip(boxes, 0, (160, 120, 160, 120))
        share = (inside[:, 2:] - inside[:, :2]).prod(1) / (boxes[:, 2:] - boxes[:, :2]).prod(1)
        assert share.min() > 0.8
        assert 3 <= len(made.idling) <= 5
        assert made.acting[0].sprite in made.scene.sprites


def test_static_boxes_fail_and_boxes_of_one_aspect_ratio_do_not() -> None:
    static, fixed = [], []
    for made in demo_videos(DemoSettings(train=6, test=12)):
        boxes = made.acting[0].sprite.boxes.astype(float)
        middle = boxes[len(boxes) // 2]
        static.append(np.mean([box_iou(middle, box) for box in boxes]))
        ratio = (middle[2] - middle[0]) / (middle[3] - middle[1])
        overlaps = []
        for x1, y1, x2, y2 in boxes:
            height = np.sqrt((x2 - x1) * (y2 - y1) / ratio)
            half = np.array([ratio * height / 2, height / 2])
            centre = np.array([x1 + x2, y1 + y2]) / 2
            overlaps.append(
                box_iou(np.concatenate([centre - half, centre + half]), np.array([x1, y1, x2, y2]))
            )
        fixed.append(np.mean(overlaps))
    assert np.mean(np.array(static) >= 0.5) <= 0.4
    assert np.mean(np.array(static) >= 0.2) <= 0.8
    assert np.mean(np.array(fixed) >= 0.5) >= 0.9


def test_poses_of_classes_differ_and_none_is_another_mirrored() -> None:
    """No class differs from another, or from idling, only by order, tempo or facing direction."""
    whole = {**ACTIONS, **IDLING}
    joints = {name: skeleton(np.array(poses, float), PERSON) for name, poses in whole.items()}
    for name in ACTIONS:
        for other in whole.keys() - {name}:
            for pose in joints[name]:
                for against in joints[other]:
                    for facing in (1, -1):
                        distance = np.linalg.norm(pose - against * np.array([facing, 1]), axis=-1).max()
                        assert distance > 0.2, (name, other)


def test_a_cycle_alternates_between_its_poses() -> None:
    first, second = ACTIONS["crawl"]
    angles = cycle(np.random.default_rng(0), (first, second), 200)
    assert angles.shape == (200, 10)
    for pose in (first, second):
        assert np.abs(angles - np.array(pose)).mean(1).min() < 12
    assert np.abs(np.diff(angles, axis=0)).max() < 40


def test_bones_keep_their_length() -> None:
    angles = np.random.default_rng(0).uniform(-180, 180, (20, 10))
    for body in (PERSON, TEDDY_BEAR):
        joints = skeleton(angles, body)
        for start, end, bone in ((0, 1, 0), (4, 7, 2), (7, 8, 3), (10, 14, 4), (14, 15, 5)):
            assert np.allclose(np.linalg.norm(joints[:, end] - joints[:, start], axis=1), body.bones[bone])


def test_images_are_coco(root: Path) -> None:
    content = json.loads((root / "images_for_detector" / "annotations.json").read_text())
    assert {(c["id"], c["name"]) for c in content["categories"]} == {
        (1, "person"), (37, "sports ball"), (88, "teddy bear")
    }  # fmt: skip
    assert [image["id"] for image in content["images"]] == list(range(1, 13))
    for image in content["images"]:
        pixels = cv2.imread(str(root / "images_for_detector" / "images" / image["file_name"]))
        assert pixels.shape == (image["height"], image["width"], 3)
    annotations = content["annotations"]
    assert len({a["id"] for a in annotations}) == len(annotations) > 24
    assert {a["image_id"] for a in annotations} == set(range(1, 13))
    for annotation in annotations:
        x, y, width, height = annotation["bbox"]
        assert x >= 0 and y >= 0 and width > 0 and height > 0
        assert x + width <= 160.01 and y + height <= 120.01
        assert annotation["area"] == pytest.approx(width * height, abs=0.01)
        assert annotation["category_id"] in (1, 37, 88) and annotation["iscrowd"] == 0
    assert not any(label in json.dumps(content) for label in CLASSES)


def test_images_show_actors_in_poses_that_videos_lack() -> None:
    shapes = []
    for index in range(60):
        for sprite in image_scene(np.random.default_rng([0, 2, index]), SMALL).sprites:
            if sprite.category in (1, 88):
                x1, y1, x2, y2 = sprite.boxes[0]
                shapes.append((x2 - x1) / (y2 - y1))
    wide, tall = np.mean(np.array(shapes) > 1.1), np.mean(np.array(shapes) < 0.6)
    assert wide > 0.1 and tall > 0.2


def test_held_out_sequences_differ(root: Path, tmp_path: Path) -> None:
    make_sequences(tmp_path / "held_out", SMALL, held_out=True)
    folders = (root / "sequences", tmp_path / "held_out")
    names = [(folder / "list.txt").read_text().split() for folder in folders]
    assert len(names[1]) == HELD_OUT and not set(names[0]) & set(names[1])
    truths = [path.read_text() for folder in folders for path in sorted(folder.glob("*/groundtruth.txt"))]
    assert len(set(truths)) == len(truths)


def test_sequences_are_got10k(root: Path) -> None:
    names = (root / "sequences" / "list.txt").read_text().split()
    assert len(names) == 3
    for name in names:
        folder = root / "sequences" / name
        assert sorted(p.name for p in folder.glob("*.jpg")) == [f"{i:08d}.jpg" for i in (1, 2, 3, 4)]
        boxes = np.loadtxt(folder / "groundtruth.txt", delimiter=",")
        assert boxes.shape == (4, 4)
        assert (boxes[:, 2:] > 5).all() and (boxes[:, :2] >= 0).all()
        assert (boxes[:, :2] + boxes[:, 2:] <= (160.01, 120.01)).all()


def test_a_killed_run_leaves_no_finished_output(root: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), replace_folder(tmp_path / "videos") as folder:
        (folder / "v_0000.avi").write_bytes(b"half")
        raise KeyboardInterrupt
    assert not (tmp_path / "videos").exists()
    with replace_folder(tmp_path / "videos") as folder:  # and the next one starts from nothing
        (folder / "v_0001.avi").write_bytes(b"whole")
    assert [p.name for p in tmp_path.rglob("*.avi")] == ["v_0001.avi"]
    assert not [p for p in root.rglob("*") if "partial" in p.name or "tmp" in p.name]


def test_nearer_sprites_hide_farther_ones_whatever_their_order() -> None:
    made = next(iter(demo_videos(SMALL)))
    scene = made.scene
    turned = Scene(scene.backdrop, scene.sprites[::-1])
    assert np.array_equal(scene.image(3), turned.image(3))
    assert len(set(sprite.depth for sprite in scene.sprites)) == len(scene.sprites)


UNTRIMMED = DemoSettings(train=240, test=96, frames=64, untrimmed=True)


def test_fills_match_the_real_annotations(shared: Path) -> None:
    annotations = read_numbers(shared / "data" / "thumos13" / "annotations" / "pyannot.pkl")
    fills = [
        (tube["ef"] - tube["sf"]) / video["numf"]
        for video in annotations.values()
        for tube in video["annotations"]
    ]
    whole = sum(fill == 1 for fill in fills)
    counts = np.histogram([fill for fill in fills if fill < 1], 20, (0, 1))[0]
    assert (*counts.tolist(), whole) == FILLS


def test_actions_fill_untrimmed_videos_like_real_ones() -> None:
    videos = list(demo_videos(replace(UNTRIMMED, frames=64)))
    fills = np.array([end - first for v in videos for a in v.acting for first, end in [a.interval]]) / 64
    shares = np.array(FILLS) / sum(FILLS)
    # the largest distance of the two cumulative shares: Kolmogorov's, at 1 in 100
    edges = np.arange(1, 20) / 20
    distance = [abs((fills < edge).mean() - shares[: i + 1].sum()) for i, edge in enumerate(edges)]
    assert max(distance) < 1.63 / np.sqrt(len(fills))
    both = [v for v in videos if len(v.labels) == 2]
    assert 0.4 < len(both) / len(videos) < 0.6
    assert all(v.labels[0] != v.labels[1] for v in both)
    assert all(tuple(a.action for a in v.acting) == v.labels for v in videos)


def test_untrimmed_actors_idle_outside_their_action() -> None:
    acting, idling = np.full((9, 10), 100.0), np.zeros((9, 10))
    angles = spell(acting, idling, (3, 5))[:, 0]
    assert angles.tolist() == pytest.approx([0, 100 / 3, 200 / 3, 100, 100, 200 / 3, 100 / 3, 0, 0])


def test_ground_truth_of_untrimmed_videos_covers_only_the_interval(tmp_path: Path) -> None:
    settings = replace(SMALL, frames=20, untrimmed=True)
    make_videos(tmp_path, settings)
    frames = defaultdict(list)
    for row in rows(tmp_path / "ground_truth.csv"):
        frames[row["video"], int(row["tube"]), row["class"]].append(int(row["frame"]))
    assert frames == {
        (made.video, tube, acting.action): list(range(*acting.interval))
        for made in demo_videos(settings)
        for tube, acting in enumerate(made.acting)
    }
    labels = {row["video"]: tuple(row["label"].split("|")) for row in rows(tmp_path / "videos.csv")}
    assert labels == {made.video: made.labels for made in demo_videos(settings)}
