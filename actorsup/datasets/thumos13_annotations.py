"""The annotations of UCF101-24 in the three forms that they are published in, as the same tubes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actorsup.boxes import xywh_to_xyxy
from actorsup.datasets.matlab import read_matlab
from actorsup.datasets.pickles import read_numbers
from actorsup.errors import DataError

DEFAULT = Path("annotations/pyannot.pkl")
"""The corrected annotations, below the data set's root."""


@dataclass(frozen=True)
class Tube:
    """The boxes (M, 4) float32 xyxy of one actor in its frames (M,), 0-based, ascending."""

    frames: NDArray[np.int64]
    boxes: NDArray[np.float32]


@dataclass(frozen=True)
class Annotations:
    """What a file of annotations holds.

    Attributes:
        tubes: The tubes of each annotated video by its id.
        frames: Number of frames of each of them.
        splits: Ids of the ``train`` and of the ``test`` videos in splits 1, 2 and 3, where the
            file says.
    """

    tubes: Mapping[str, Sequence[Tube]]
    frames: Mapping[str, int]
    splits: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)


def read_annotations(path: Path) -> Annotations:
    """Read ``pyannot.pkl``, ``finalAnnots.mat`` or ``UCF101v2-GT.pkl``; its content tells which.

    Raises:
        DataError: The file is missing, damaged, or has none of the three forms; the message
            names the video.
    """
    if path.suffix.lower() == ".mat":
        return _matlab(path)
    content = read_numbers(path)
    if not isinstance(content, dict) or not content:
        raise DataError(
            f"{path}: holds no dictionary of videos; wanted the corrected annotations (pyannot.pkl, "
            "finalAnnots.mat) or ACT's cache (UCF101v2-GT.pkl)"
        )
    found = _act(path, content) if "gttubes" in content else _pickle(path, content)
    if odd := [video for video in found.tubes if not isinstance(video, str)]:
        raise DataError(
            f"{path}: a video is called {str(odd[0])[:80]}, which is no text; fetch the file again"
        )
    return found


@contextmanager
def _published_form(path: Path, what: str) -> Iterator[None]:
    """Whatever goes wrong inside is a mistake of the file in what it says of a video."""
    try:
        yield
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise DataError(f"{path}: {what}: not in the published form ({error!r})") from error


def _pickle(path: Path, content: Mapping[str, Any]) -> Annotations:
    tubes, frames = {}, {}
    for video, entry in content.items():
        with _published_form(path, video):
            tubes[video] = [_corrected(a["sf"], a["ef"], a["boxes"]) for a in entry["annotations"]]
            frames[video] = int(entry["numf"])
    return Annotations(tubes, frames)


def _matlab(path: Path) -> Annotations:
    """``finalAnnots.mat``: as the pickle, but for ``sf``, which is 1-based there."""
    wanted = "no MATLAB file of the corrected annotations"
    videos = read_matlab(path, "annot", wanted)
    if not isinstance(videos, list):
        raise DataError(f"{path}: {wanted}; 'annot' is no structure")
    tubes, frames = {}, {}
    for index, entry in enumerate(videos):
        with _published_form(path, f"video {index + 1}"):
            video = str(entry["name"])
        with _published_form(path, video):
            tubes[video] = [_corrected(tube["sf"] - 1, tube["ef"], tube["boxes"]) for tube in entry["tubes"]]
            frames[video] = int(entry["num_imgs"])
    return Annotations(tubes, frames)


def _corrected(first: Any, end: Any, boxes: Any) -> Tube:
    """A tube of the corrected annotations, from its first frame (0-based) to one before ``end``.

    Published are ``[x y w h]`` in 1-based pixels, in uint8 or uint16 that wrap around unless
    converted first.
    """
    first, end = int(first), int(end)
    boxes = np.asarray(boxes).astype(np.float32).reshape(-1, 4)
    if first < 0 or end - first != len(boxes):
        raise ValueError(f"{len(boxes)} boxes for frames {first} to {end}")
    return Tube(np.arange(first, end), xywh_to_xyxy(boxes - np.array([1, 1, 0, 0], np.float32)))


def _act(path: Path, content: Mapping[str, Any]) -> Annotations:
    """ACT's cache: rows ``frame x1 y1 x2 y2``, frames 1-based, corners as ours."""
    tubes, frames = {}, {}
    with _published_form(path, "gttubes"):
        by_video = dict(content["gttubes"])
    for video, by_label in by_video.items():
        with _published_form(path, video):
            tubes[video] = [_act_tube(rows) for label in by_label for rows in by_label[label]]
            frames[video] = int(content["nframes"][video])
    with _published_form(path, "train_videos and test_videos"):
        splits = {
            split: [list(map(str, videos)) for videos in content[f"{split}_videos"]]
            for split in ("train", "test")
        }
    return Annotations(tubes, frames, splits)


def _act_tube(rows: Any) -> Tube:
    rows = np.asarray(rows, np.float32)
    if rows.ndim != 2 or rows.shape[1] != 5:
        raise ValueError(f"a tube of shape {rows.shape}; wanted (frames, 5)")
    frames = rows[:, 0].astype(np.int64) - 1
    if (frames < 0).any() or (np.diff(frames) <= 0).any():
        raise ValueError("frames that do not ascend from 1 on")
    return Tube(frames, rows[:, 1:])
