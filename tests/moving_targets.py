"""A textured rectangle that moves: in memory, and as a tracking set on disk."""

from pathlib import Path

import cv2
import numpy as np

from actorsup.artifacts.atomic import write_text_atomically
from actorsup.boxes import xyxy_to_xywh


def textured(seed: int, height: int, width: int, blur: float = 2) -> np.ndarray:
    random = np.random.default_rng(seed)
    image = cv2.GaussianBlur(random.integers(0, 255, (height, width, 3), np.uint8), (0, 0), blur)
    return cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX)


def moving(frames: int, seed: int = 0, step=(4, 1), growth: float = 1.0):
    """A textured rectangle that moves over another texture: images, boxes (N, 4)."""
    ground, sprite = textured(seed, 120, 160), textured(seed + 100, 40, 24, blur=3)
    images, boxes = [], []
    for frame in range(frames):
        size = np.round(np.array([24, 40]) * growth**frame).astype(int)
        x, y = 20 + step[0] * frame, 30 + step[1] * frame
        image = ground.copy()
        seen = image[y : y + size[1], x : x + size[0]]  # less where it leaves the frame
        seen[:] = cv2.resize(sprite, (int(size[0]), int(size[1])))[: seen.shape[0], : seen.shape[1]]
        images.append(image)
        boxes.append([x, y, x + size[0], y + size[1]])
    return images, np.array(boxes, np.float32)


def write_sequences(root: Path, count: int, frames: int = 8) -> Path:
    names = [f"s{index}" for index in range(count)]
    for index, name in enumerate(names):
        images, boxes = moving(frames, seed=index, growth=1.04)
        (root / name).mkdir(parents=True)
        for frame, image in enumerate(images):
            cv2.imwrite(str(root / name / f"{frame + 1:08d}.jpg"), image[..., ::-1])
        lines = [",".join(map(str, row)) for row in xyxy_to_xywh(boxes)]
        write_text_atomically(root / name / "groundtruth.txt", "\n".join(lines) + "\n")
    write_text_atomically(root / "list.txt", "\n".join(names) + "\n")
    return root
