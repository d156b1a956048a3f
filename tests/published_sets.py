"""Small synthetic data sets in the exact form that their authors publish."""

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import h5py
import numpy as np

GREY = np.full((60, 80, 3), 128, np.uint8)

Instances = Sequence[tuple[int, Sequence[float]]]
"""Code and x1, y1, x2, y2 (as in MATLAB: from 1, including the last pixel) of each instance of a frame."""


def write_video(path: Path, frames: int = 4, size: tuple[int, int] = (80, 60)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, size)
    for index in range(frames):
        writer.write(np.full((size[1], size[0], 3), 20 * index % 256, np.uint8))
    writer.release()


def write_thumos13(root: Path) -> Path:
    """Five videos, of which one file is missing, one is a folder of frames, and one is not annotated."""
    for name in ("Run/v_Run_g01_c01.avi", "Run/v_Run_g02_c01/0001.jpg", "Jump/v_Jump_g01_c01.MP4",
                 "Other/v_Other_g01_c01.avi"):  # fmt: skip
        (root / "UCF-101" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "UCF-101" / name).write_bytes(name.encode())
    lists = root / "ucfTrainTestlist"
    lists.mkdir()
    (lists / "trainlist01.txt").write_text(
        "Run/v_Run_g02_c01.avi 2\r\nRun/v_Run_g03_c01.avi 2\nOther/v_Other_g01_c01.avi 3\n"
    )
    (lists / "testlist01.txt").write_text("Run/v_Run_g01_c01.avi\nJump/v_Jump_g01_c01.avi\n")
    box = np.array([[1, 1, 20, 30], [200, 5, 100, 90]], np.uint8)
    tube = {"label": 1, "sf": np.uint8(3), "ef": np.uint8(5), "boxes": box}
    content = {
        name: {"annotations": [tube], "numf": np.uint8(9), "label": 1}
        for name in ("Run/v_Run_g01_c01", "Run/v_Run_g03_c01", "Jump/v_Jump_g01_c01")
    }
    (root / "annotations").mkdir()
    (root / "annotations" / "pyannot.pkl").write_bytes(pickle.dumps(content, protocol=2))
    return root


def write_ucf_sports(root: Path) -> Path:
    """A test video of frames, a training video of frames and video, one of only a video file."""
    for video, names in {
        "Diving-Side/001": ("2538-5_70133", "2538-5_70133a", "2538-5_70140"),
        "Diving-Side/005": ("2538-5_9", "2538-5_10", "2538-5_11"),
    }.items():
        (root / video / "gt").mkdir(parents=True)
        for number, name in enumerate(names):
            cv2.imwrite(str(root / video / f"{name}.jpg"), GREY)
            line = f"{10 + number}\t{5}\t{20}\t{30}\tRunning\r\n"
            (root / video / "gt" / f"{name}.tif.txt").write_text(line)
    write_video(root / "Diving-Side/005/2538-5_9.avi", 3)
    (root / "Golf-Swing-Side/001/gt").mkdir(parents=True)
    write_video(root / "Golf-Swing-Side/001/3283-8_700991.avi", 3)
    for number in (700991, 700992, 700994):
        (root / f"Golf-Swing-Side/001/gt/3283-8_{number}.tif.txt").write_text("1 2 30 40 ArmSwing\n")
    return root


def write_mat(path: Path, instances: Instances, boxes: bool = True, masks: bool = True) -> None:
    """MATLAB 7.3's layout: HDF5 after a header of 512 bytes, with the axes of every array reversed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = len(instances)
    with h5py.File(path, "w", userblock_size=512) as file:
        file["id"] = np.array([[code for code, _ in instances]], np.float64)
        found = np.array([box for _, box in instances], np.float64).T
        mask = np.zeros((count, 80, 60), np.uint8)
        for one, (_, (x1, y1, x2, y2)) in zip(mask, instances, strict=True):
            one[int(x1) - 1 : int(x2), int(y1) - 1 : int(y2)] = 1
        if boxes:
            file["reBBox"] = found.ravel() if count == 1 else found
        if masks:
            file["reMask"] = mask[0] if count == 1 else mask
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Thu Jan 1 00:00:00 2015 HDF5 schema 1.00 ."
    with open(path, "r+b") as stream:
        stream.write(header.ljust(124) + b"\x00\x02IM")


A2D_FRAMES: Mapping[str, Mapping[str, Instances]] = {
    # two dogs that swap their order in the file, and an adult without an action
    "train_dogs": {
        "00002": [(77, (1, 1, 10, 10)), (77, (51, 31, 70, 50)), (19, (21, 1, 30, 40))],
        "00004": [(77, (53, 31, 72, 50)), (77, (3, 1, 12, 10)), (19, (21, 1, 30, 40))],
    },
    "train_baby": {"00001": [(22, (11, 11, 30, 40))], "00003": [(22, (13, 11, 32, 40))]},
    "test_bird": {"00002": [(44, (5, 6, 24, 25)), (18, (41, 1, 60, 60))], "00003": [(18, (41, 1, 60, 60))]},
}


def write_a2d(root: Path) -> Path:
    lines = []
    for video, frames in A2D_FRAMES.items():
        write_video(root / "clips320H" / f"{video}.mp4.avi", 4)
        (root / "clips320H" / f"{video}.mp4.avi").rename(root / "clips320H" / f"{video}.avi")
        for frame, instances in frames.items():
            write_mat(root / "Annotations/mat" / video / f"{frame}.mat", instances)
        code = next(iter(frames.values()))[0][0]
        lines.append(
            f"{video},{code},0:00:01,0:00:03,60,80,4,{len(frames)},{int(video.startswith('test'))}\n"
        )
    (root / "videoset.csv").write_text("".join(lines))
    return root
