"""Statistics of the boxes of a file, which is added in parts, for ``actorsup.formats.plausibility``."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from actorsup.artifacts.tube_files import VideoInfo
from actorsup.formats.box_units import BOX_FORMAT_NAMES
from actorsup.formats.conventions import BoxSource, from_corners, to_corners

MIN_BOXES = 20
"""Minimum number of boxes, steps or tubes for a heuristic."""
MIN_VIDEOS = 5
"""Minimum number of videos for a heuristic about what all videos have in common."""
_MAX_SAMPLE = 10_000
"""Maximum number of boxes of a part of a file that are compared with other box formats."""
_CORNERS = ["x1", "y1", "x2", "y2"]
_UNKNOWN = VideoInfo(0, 0.0, 0, 0)


@dataclass
class VideoStatistics:
    """Statistics of one video.

    Attributes:
        info: Length, frame rate and size of the video; 0 if unknown.
        boxes: Number of boxes.
        tiny: Number of boxes within a pixel.
        first: First frame with a box.
        last: Last frame with a box.
    """

    info: VideoInfo
    boxes: int = 0
    tiny: int = 0
    first: int = 2**62
    last: int = -1


class BoxStatistics:
    """Statistics of the boxes of a file.

    Attributes:
        source: The file.
        box_format: What the four numbers of a box in the file were taken for.
        videos: Statistics by video id.
        counts: Number of boxes of each kind: ``boxes``; ``tiny`` (within a pixel), ``fractional`` (tiny, with
            a number that is not whole); ``sized`` (the size of the frame is known) and among these ``area``,
            ``outside``, ``beyond`` (by a tenth of the frame), ``upper left`` (the center) and, of a
            ``sample``, ``fits FORMAT`` (within the frame, were the numbers in this format). Also ``tubes``
            and ``tubes of one box``.
        examples: Numbers of the first two boxes of a kind, as in the file.
        low, high: (2,) smallest x1, y1 and largest x2, y2.
        relative_high: (2,) largest x2 and y2 as shares of the frame.
        relative_sum: (2,) largest x1 + x2 and y1 + y2 as shares of the frame.
        frame_sizes: At most two of the frame sizes, and the smallest sides.
        spread: (4,) sums of squared deviations of the corners from their mean in their tube, as shares.
        steps: Number of differences between consecutive frames of a tube, by difference.

    Args:
        source: The file.
        infos: Length, frame rate and size of videos, by id; boxes are in pixels of these sizes.
    """

    def __init__(self, source: BoxSource, infos: Mapping[str, VideoInfo] | None = None) -> None:
        self.source, self._infos = source, {} if infos is None else infos
        self.box_format = source.conventions.box_format or source.box_format
        self.videos: dict[str, VideoStatistics] = {}
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}
        self.low, self.high = np.full(2, np.inf), np.full(2, -np.inf)
        self.relative_high, self.relative_sum = np.zeros(2), np.zeros(2)
        self.frame_sizes: set[tuple[int, int]] = set()
        self.smallest_frame = np.full(2, np.inf)
        self.spread = np.zeros(4)
        self.steps: Counter[int] = Counter()

    def add_table(self, rows: pd.DataFrame) -> None:
        """Add the rows of a table ``video,tube,frame,x1,y1,x2,y2``; ``tube`` may be missing."""
        tubes = rows["tube"] if "tube" in rows else np.zeros(len(rows), np.int8)
        self.add(rows["video"], tubes, rows["frame"].to_numpy(float), rows[_CORNERS].to_numpy(float))

    def add(self, video: ArrayLike, tube: ArrayLike, frame: NDArray, boxes: NDArray) -> None:
        """Add boxes.

        Args:
            video: Video id of each of N boxes.
            tube: Tube of each box, unique in its video.
            frame: (N,) frame indices.
            boxes: (N, 4) xyxy boxes, in the unit of the file.
        """
        boxes, frame = np.asarray(boxes, float), np.asarray(frame, float)
        usable = np.isfinite(boxes).all(1) & np.isfinite(frame) & (np.abs(frame) < 2**53)
        codes, names = pd.factorize(np.array(video, object)[usable])
        tubes, _ = pd.factorize(np.array(tube, object)[usable])
        boxes, frame = boxes[usable], frame[usable]
        if not len(boxes):
            return
        self.counts["boxes"] += len(boxes)
        self.low = np.minimum(self.low, boxes[:, :2].min(0))
        self.high = np.maximum(self.high, boxes[:, 2:].max(0))
        self._note("example", np.ones(len(boxes), bool), boxes)
        # fractions overshoot the frame a little, and MOT text shifts them by a pixel
        tiny = np.logical_and.reduce(np.abs(boxes - 0.25) <= 1.25, axis=1)
        self._note("tiny", tiny, boxes)
        self.counts["fractional"] += int((tiny & np.any(boxes % 1 != 0, axis=1)).sum())
        videos = self._add_videos(codes, names, np.floor(frame).astype(np.int64), tiny)
        # boxes in another unit belong to frames of another size
        unit_size = self.source.conventions.reference_size
        sizes = [unit_size or (one.info.width, one.info.height) for one in videos]
        size = np.array(sizes, float)[codes]
        sized = np.logical_and.reduce(size > 0, axis=1)
        self._add_sized(boxes[sized], size[sized])
        self._add_tubes(codes, tubes, frame, boxes / np.tile(np.where(sized[:, None], size, np.inf), 2))

    def _note(self, kind: str, affected: NDArray, boxes: NDArray) -> None:
        self.counts[kind] += int(affected.sum())
        kept = self.examples.setdefault(kind, [])
        if len(kept) < 2:
            first = boxes[np.flatnonzero(affected)[: 2 - len(kept)]]
            kept += [
                ", ".join(f"{value:.6g}" for value in from_corners(box, self.box_format)) for box in first
            ]

    def _add_videos(
        self, codes: NDArray, names: NDArray, frame: NDArray, tiny: NDArray
    ) -> list[VideoStatistics]:
        first, last = np.full(len(names), 2**62), np.full(len(names), -1)
        np.minimum.at(first, codes, frame)
        np.maximum.at(last, codes, frame)
        numbers = (np.bincount(codes), np.bincount(codes, tiny).astype(int), first, last)
        seen = []
        for name, boxes, tiny_boxes, low, high in zip(
            names, *(each.tolist() for each in numbers), strict=True
        ):
            one = self.videos.setdefault(str(name), VideoStatistics(self._infos.get(str(name), _UNKNOWN)))
            one.boxes, one.tiny = one.boxes + boxes, one.tiny + tiny_boxes
            one.first, one.last = min(one.first, low), max(one.last, high)
            seen.append(one)
        return seen

    def _add_sized(self, boxes: NDArray, size: NDArray) -> None:
        """Compare boxes (N, 4) with the sizes (N, 2) of their frames."""
        if not len(boxes):
            return
        share = boxes / np.tile(size, 2)
        clipped = np.clip(share, 0, 1)
        has_area = (share[:, 2:] > share[:, :2]).all(1)
        self.counts["sized"] += len(boxes)
        self.counts["area"] += int(has_area.sum())
        self._note("outside", has_area & (clipped[:, 2:] <= clipped[:, :2]).any(1), boxes)
        self._note("beyond", ((share > 1.1) | (share < -0.1)).any(1), boxes)
        center = share[:, :2] + share[:, 2:]
        self.counts["upper left"] += int((center <= 1.02).all(1).sum())
        self.relative_high = np.maximum(self.relative_high, share[:, 2:].max(0))
        self.relative_sum = np.maximum(self.relative_sum, center.max(0))
        self.smallest_frame = np.minimum(self.smallest_frame, size.min(0))
        if len(self.frame_sizes) < 2:
            self.frame_sizes |= {
                (int(size[i, 0]), int(size[i, 1])) for i in (0, int((size != size[0]).any(1).argmax()))
            }
        step = -(-len(boxes) // _MAX_SAMPLE)
        self.counts["sample"] += len(boxes[::step])
        numbers, size = from_corners(boxes[::step], self.box_format), size[::step]
        for name in BOX_FORMAT_NAMES:
            self.counts[f"fits {name}"] += int(fits(to_corners(numbers, name) / np.tile(size, 2)).sum())

    def _add_tubes(self, codes: NDArray, tubes: NDArray, frame: NDArray, share: NDArray) -> None:
        """Add the lengths and steps of tubes, and the movement of their boxes, in shares of the frame."""
        key, _ = pd.factorize(codes.astype(np.int64) * (int(tubes.max()) + 1) + tubes)
        length = np.bincount(key)
        self.counts["tubes"] += len(length)
        self.counts["tubes of one box"] += int((length == 1).sum())
        in_order, frames = key, frame
        if not (np.diff(key) >= 0).all() or (np.diff(frame)[np.diff(key) == 0] < 0).any():
            order = np.lexsort((frame, key))
            in_order, frames = key[order], frame[order]
        steps = np.diff(frames)[np.diff(in_order) == 0]
        whole = np.rint(steps[(steps >= 1) & (steps < 1000)]).astype(np.int64)
        self.steps.update({step: count for step, count in enumerate(np.bincount(whole).tolist()) if count})
        for i in range(4):
            mean = np.bincount(key, share[:, i]) / length
            self.spread[i] += float(((share[:, i] - mean[key]) ** 2).sum())


def fits(share: NDArray) -> NDArray[np.bool_]:
    """Return whether boxes (N, 4) xyxy in shares of their frame are within it, or nearly so."""
    inside = (share >= -0.05).all(1) & (share <= 1.05).all(1)
    return np.asarray(inside & (share[:, 2:] >= share[:, :2]).all(1))
