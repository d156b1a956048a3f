"""Tubes drawn on the frames of their videos.

OpenCV draws them: ``supervision`` would be a new dependency for the 25 lines that draw boxes and labels.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.atomic import replace_atomically
from actorsup.artifacts.shards import ShardReader
from actorsup.artifacts.tube_files import PREDICTIONS_SCHEMA, read_tubes
from actorsup.errors import DataError
from actorsup.evaluation.ground_truth import GroundTruthTube, read_ground_truth
from actorsup.formats.conventions import EXACT
from actorsup.frames.store import FrameStore, Image, VideoFrames
from actorsup.tubes import Tubes

# Okabe and Ito's palette, which color-blind people can distinguish
_PREDICTED = (230, 159, 0)
_TRUE = (86, 180, 233)
_WHITE = (255, 255, 255)
_INK = (20, 20, 20)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_CELL_WIDTH = 240
_GAP = 6
_LINE = 22
_DASH = 6


@dataclass(frozen=True)
class DrawnTube:
    """A tube to draw.

    Attributes:
        boxes: (N, 4) xyxy in pixels of the source frame, NaN where the tube is absent.
        text: Its label.
        is_true: Whether it is ground truth, which is drawn dashed.
    """

    boxes: NDArray[np.float32]
    text: str
    is_true: bool


def draw_predictions(
    frames: Sequence[Path],
    predictions: Sequence[Path],
    ground_truth: Path | None,
    output: Path,
    videos: int = 6,
    columns: int = 6,
) -> None:
    """Draw the best tube of some videos, and their ground truth.

    The videos are spread evenly over the classes and the list, whatever their results.

    Args:
        frames: Frame stores of the videos.
        predictions: Shards of scored tubes.
        ground_truth: The ground-truth table, or None.
        output: The PNG file to write.
        videos: Number of videos, one row each.
        columns: Number of frames of each video, evenly spaced.
    """
    truth = {} if ground_truth is None else read_ground_truth(ground_truth, conventions=EXACT)
    tubes: dict[str, list[DrawnTube]] = {}
    for path in predictions:
        with ShardReader(path, PREDICTIONS_SCHEMA) as shard:
            for video in shard:
                true, best = tubes_to_draw(shard, video, truth.get(video, []))
                tubes[video] = [*true, *best]
    order = sorted(tubes, key=lambda video: (tubes[video][0].text if tubes[video] else "", video))
    chosen = np.linspace(0, len(order) - 1, min(videos, len(order))).astype(int)
    with ExitStack() as stack:
        stores = [stack.enter_context(FrameStore(path)) for path in frames]
        rows = [_row(v, find_frames(stores, v), tubes[v], columns) for v in (order[i] for i in chosen)]
    image = _stack(rows) if rows else np.full((60, 400, 3), 255, np.uint8)
    with replace_atomically(output) as temporary:
        temporary.write_bytes(cv2.imencode(".png", image[..., ::-1])[1].tobytes())


def find_frames(stores: Sequence[FrameStore], video: str) -> VideoFrames:
    """Return the frames of a video.

    Raises:
        DataError: No store has the video.
    """
    for store in stores:
        if video in store:
            return store[video]
    raise DataError(f"{video}: in none of the frame stores; make the tubes again")


def tubes_to_draw(
    shard: ShardReader, video: str, truth: Sequence[GroundTruthTube], count: int = 1
) -> tuple[list[DrawnTube], list[DrawnTube]]:
    """Return the ground-truth tubes of a video, and its ``count`` predictions with the highest scores."""
    classes = [str(name) for name in shard.file.attrs["classes"]]
    tubes = read_tubes(shard[video])
    true = [DrawnTube(tube.dense(tubes.frames), tube.action, True) for tube in truth]
    return true, _best_tubes(tubes, classes, count)


def _best_tubes(tubes: Tubes, classes: Sequence[str], count: int) -> list[DrawnTube]:
    if tubes.class_score is None:
        return []
    score = tubes.class_score.ravel()
    order = np.argsort(-score, kind="stable")[:count]  # NaN, which is no prediction, comes last
    best = [divmod(int(index), len(classes)) for index in order if np.isfinite(score[index])]
    return [DrawnTube(tubes.boxes[p], f"{classes[c]} {tubes.class_score[p, c]:.2f}", False) for p, c in best]


def _row(video: str, images: VideoFrames, tubes: Sequence[DrawnTube], columns: int) -> Image:
    """Frames of a video side by side, below a title."""
    at = np.linspace(0, len(images) - 1, min(columns, len(images))).round().astype(int)
    cells = [_cell(images.shown(int(index)), images, tubes, int(index)) for index in at]
    gap = np.full((cells[0].shape[0], _GAP, 3), 255, np.uint8)
    strip = np.concatenate([part for cell in cells for part in (cell, gap)], 1)
    title = np.full((_LINE, strip.shape[1], 3), 255, np.uint8)
    x = _write(title, video, 2, _INK)
    for kind, is_true, color in (("true", True, _TRUE), ("predicted", False, _PREDICTED)):
        words = [tube.text for tube in tubes if tube.is_true == is_true and tube.text]
        if words:
            cv2.rectangle(title, (x + 14, 5), (x + 26, 17), color, -1)
            x = _write(title, f"{kind}: {', '.join(dict.fromkeys(words))}", x + 32, _INK)
    return np.concatenate([title, strip], 0)


def _cell(image: Image, images: VideoFrames, tubes: Sequence[DrawnTube], index: int) -> Image:
    zoom = _CELL_WIDTH / image.shape[1]
    size = (_CELL_WIDTH, round(image.shape[0] * zoom))
    cell = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    draw_boxes(cell, images, tubes, index)
    _write(cell, str(index), 4, _WHITE, outlined=True)
    return cell


def draw_boxes(
    image: Image, video: VideoFrames, tubes: Sequence[DrawnTube], index: int
) -> list[tuple[int, ...]]:
    """Draw the boxes of tubes into an image of a frame, ground truth dashed.

    Args:
        image: (H, W, 3) uint8 RGB of any size, changed in place.
        video: Gives the size of the source frame.
        tubes: The tubes to draw.
        index: The frame, 0-based.

    Returns:
        The box of each tube, xyxy in pixels of the image; empty where the tube is absent.
    """
    scale = np.array([video.width / image.shape[1], video.height / image.shape[0]] * 2)
    drawn: list[tuple[int, ...]] = []
    for tube in tubes:
        is_present = not np.isnan(tube.boxes[index]).any()
        drawn.append(tuple(int(v) for v in np.round(tube.boxes[index] / scale)) if is_present else ())
        if is_present:
            if tube.is_true:
                _draw_dashed(image, drawn[-1])
            else:
                cv2.rectangle(image, drawn[-1][:2], drawn[-1][2:], _INK, 4)
                cv2.rectangle(image, drawn[-1][:2], drawn[-1][2:], _PREDICTED, 2)
    return drawn


def write_label(image: Image, tube: DrawnTube, box: tuple[int, ...]) -> None:
    """Write the label of a tube at its box: above a prediction, below ground truth."""
    (width, height), _ = cv2.getTextSize(tube.text, _FONT, 0.45, 1)
    x = max(0, min(box[0], image.shape[1] - width - 4))
    y = box[3] + height + 5 if tube.is_true else box[1] - 5
    y = min(max(y, height + 2), image.shape[0] - 4)
    cv2.rectangle(
        image, (x, y - height - 2), (x + width + 4, y + 3), _TRUE if tube.is_true else _PREDICTED, -1
    )
    cv2.putText(image, tube.text, (x + 2, y), _FONT, 0.45, _INK, 1, cv2.LINE_AA)


def _draw_dashed(cell: Image, box: tuple[int, ...]) -> None:
    x1, y1, x2, y2 = box
    for start in range(x1, x2, 2 * _DASH):
        for y in (y1, y2):
            cv2.line(cell, (start, y), (min(start + _DASH, x2), y), _TRUE, 2)
    for start in range(y1, y2, 2 * _DASH):
        for x in (x1, x2):
            cv2.line(cell, (x, start), (x, min(start + _DASH, y2)), _TRUE, 2)


def _write(image: Image, text: str, x: int, color: tuple[int, int, int], outlined: bool = False) -> int:
    """Write a line of text at the top of an image; return the column where it ends."""
    if outlined:
        cv2.putText(image, text, (x, 16), _FONT, 0.45, _INK, 3, cv2.LINE_AA)
    cv2.putText(image, text, (x, 16), _FONT, 0.45, color, 1, cv2.LINE_AA)
    return x + cv2.getTextSize(text, _FONT, 0.45, 1)[0][0]


def _stack(rows: Sequence[Image]) -> Image:
    """Rows stacked vertically, padded with white on the right."""
    width = max(row.shape[1] for row in rows)
    return np.concatenate(
        [np.pad(row, ((0, _GAP), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    )
