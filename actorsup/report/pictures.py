"""Pictures to look at: tubes drawn on the frames of their videos."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.artifacts.atomic import replacing
from actorsup.artifacts.shards import ShardReader
from actorsup.artifacts.tube_files import PREDICTIONS_SCHEMA, TUBES_SCHEMA, read_tubes
from actorsup.errors import DataError
from actorsup.frames.store import FrameStore, Image, VideoFrames
from actorsup.tubes import Tubes

# Okabe and Ito's colours, told apart by colour-blind people; ground truth is dashed besides
_PREDICTED = (230, 159, 0)
_TRUE = (86, 180, 233)
_PAPER = (255, 255, 255)
_INK = (20, 20, 20)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_CELL_WIDTH = 240
_GAP = 6
_LINE = 22
_DASH = 6


@dataclass(frozen=True)
class DrawnTube:
    """One tube to draw: its boxes (N, 4) xyxy in source pixels, NaN where absent, and its words."""

    boxes: NDArray
    text: str
    true: bool


def draw_predictions(
    frames: Sequence[Path],
    predictions: Sequence[Path],
    ground_truth: Path | None,
    output: Path,
    videos: int = 6,
    columns: int = 6,
) -> None:
    """Draw the best tube of some videos for its best class, beside the ground truth.

    The videos are spread evenly over the classes and the list, not chosen by how well they went.

    Args:
        frames: Frame stores that hold the videos.
        predictions: Shards of scored tubes.
        ground_truth: The table of ground truth, or None.
        output: The PNG to write.
        videos: Number of videos, a row each.
        columns: Number of frames of each, evenly through the video.
    """
    boxes = None if ground_truth is None else pd.read_csv(ground_truth, dtype={"video": str, "class": str})
    rows: dict[str, list[DrawnTube]] = {}
    for path in predictions:
        with ShardReader(path, PREDICTIONS_SCHEMA) as shard:
            classes = [str(name) for name in shard.file.attrs["classes"]]
            for video in shard:
                tubes = read_tubes(shard[video])
                true = [] if boxes is None else true_tubes(boxes[boxes["video"] == video], tubes.frames)
                rows[video] = [*true, *best_tubes(tubes, classes)]
    _draw_rows(frames, _spread(rows, videos), output, columns)


def draw_proposals(
    frames: Sequence[Path], tubes: Sequence[Path], output: Path, count: int = 5, columns: int = 6
) -> None:
    """Draw the ``count`` best proposals of every video of some shards of tubes, a row a video."""
    rows = {}
    for path in tubes:
        with ShardReader(path, TUBES_SCHEMA) as shard:
            for video in shard:
                best = read_tubes(shard[video]).first(count)
                words = [f"{n}: {score:.2f}" for n, score in enumerate(best.score, 1)]
                rows[video] = [DrawnTube(b, w, False) for b, w in zip(best.boxes, words, strict=True)]
    _draw_rows(frames, rows, output, columns)


def best_tubes(tubes: Tubes, classes: Sequence[str], count: int = 1) -> list[DrawnTube]:
    """The ``count`` predictions of the highest scores, whatever their class; fewer where there are fewer."""
    if tubes.class_score is None:
        return []
    score = tubes.class_score.ravel()
    order = np.argsort(-score, kind="stable")[:count]  # NaN, no prediction, comes last
    found = [np.unravel_index(index, tubes.class_score.shape) for index in order if np.isfinite(score[index])]
    return [
        DrawnTube(tubes.boxes[tube], f"{classes[int(best)]} {tubes.class_score[tube, best]:.2f}", False)
        for tube, best in found
    ]


def true_tubes(rows: pd.DataFrame, frames: int) -> list[DrawnTube]:
    """The ground-truth tubes of a video of so many frames, of its rows of the table of ground truth."""
    drawn = []
    for _, tube in rows.groupby("tube", sort=True):
        tube = tube[tube["frame"].between(0, frames - 1)]
        boxes = np.full((frames, 4), np.nan, np.float32)
        boxes[tube["frame"].to_numpy(int)] = tube[["x1", "y1", "x2", "y2"]].to_numpy(np.float32)
        drawn.append(DrawnTube(boxes, str(tube["class"].iloc[0]) if len(tube) else "", True))
    return drawn


def _spread(rows: dict[str, list[DrawnTube]], count: int) -> dict[str, list[DrawnTube]]:
    """Evenly through the videos, ordered by what they show first."""
    order = sorted(rows, key=lambda video: (rows[video][0].text if rows[video] else "", video))
    chosen = np.linspace(0, len(order) - 1, min(count, len(order))).astype(int)
    return {order[index]: rows[order[index]] for index in chosen}


def _draw_rows(frames: Iterable[Path], rows: dict[str, list[DrawnTube]], output: Path, columns: int) -> None:
    drawn = []
    with ExitStack() as stack:
        stores = [stack.enter_context(FrameStore(path)) for path in frames]
        for video, tubes in rows.items():
            store = next((store for store in stores if video in store), None)
            if store is None:
                raise DataError(f"{video}: in none of the frame stores; make the tubes again")
            drawn.append(_row(video, store[video], tubes, columns))
    write_png(output, _stack(drawn) if drawn else np.full((60, 400, 3), 255, np.uint8))


def _row(video: str, images: VideoFrames, tubes: Sequence[DrawnTube], columns: int) -> Image:
    """Frames of a video side by side, under a line of what is drawn."""
    at = np.linspace(0, len(images) - 1, min(columns, len(images))).round().astype(int)
    cells = [_cell(images[int(index)], images, tubes, int(index)) for index in at]
    gap = np.full((cells[0].shape[0], _GAP, 3), 255, np.uint8)
    strip = np.concatenate([part for cell in cells for part in (cell, gap)], 1)
    title = np.full((_LINE, strip.shape[1], 3), 255, np.uint8)
    x = _write(title, video, 2, _INK)
    for kind, colour in (("true", _TRUE), ("predicted", _PREDICTED)):
        words = [tube.text for tube in tubes if tube.true == (kind == "true") and tube.text]
        if words:
            cv2.rectangle(title, (x + 14, 5), (x + 26, 17), colour, -1)
            x = _write(title, f"{kind}: {', '.join(dict.fromkeys(words))}", x + 32, _INK)
    return np.concatenate([title, strip], 0)


def _cell(image: Image, images: VideoFrames, tubes: Sequence[DrawnTube], index: int) -> Image:
    zoom = _CELL_WIDTH / image.shape[1]
    size = (_CELL_WIDTH, round(image.shape[0] * zoom))
    cell = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    draw_boxes(cell, images, tubes, index)
    _write(cell, str(index), 4, _PAPER, outlined=True)
    return cell


def draw_boxes(
    image: Image, of: VideoFrames, tubes: Sequence[DrawnTube], index: int
) -> list[tuple[int, ...]]:
    """Draw the boxes of tubes in a frame into an image of it of any size, ground truth dashed.

    Args:
        image: (H, W, 3) uint8 RGB, drawn into.
        of: The video.
        tubes: In pixels of the source frame.
        index: The frame, 0-based.

    Returns:
        For each tube its box, xyxy in pixels of the image; nothing where it is absent.
    """
    scale = np.array([of.width / image.shape[1], of.height / image.shape[0]] * 2)
    drawn: list[tuple[int, ...]] = []
    for tube in tubes:
        there = not np.isnan(tube.boxes[index]).any()
        drawn.append(tuple(int(v) for v in np.round(tube.boxes[index] / scale)) if there else ())
        if there:
            (_dashed if tube.true else _solid)(image, drawn[-1])
    return drawn


def write_label(image: Image, tube: DrawnTube, box: tuple[int, ...]) -> None:
    """Write a tube's words at its box: a prediction's above it, ground truth's below."""
    (width, height), _ = cv2.getTextSize(tube.text, _FONT, 0.45, 1)
    x = max(0, min(box[0], image.shape[1] - width - 4))
    y = box[3] + height + 5 if tube.true else box[1] - 5
    y = min(max(y, height + 2), image.shape[0] - 4)
    cv2.rectangle(image, (x, y - height - 2), (x + width + 4, y + 3), _TRUE if tube.true else _PREDICTED, -1)
    cv2.putText(image, tube.text, (x + 2, y), _FONT, 0.45, _INK, 1, cv2.LINE_AA)


def _solid(cell: Image, box: tuple[int, ...]) -> None:
    x1, y1, x2, y2 = box
    cv2.rectangle(cell, (x1, y1), (x2, y2), _INK, 4)
    cv2.rectangle(cell, (x1, y1), (x2, y2), _PREDICTED, 2)


def _dashed(cell: Image, box: tuple[int, ...]) -> None:
    x1, y1, x2, y2 = box
    for start in range(x1, x2, 2 * _DASH):
        for y in (y1, y2):
            cv2.line(cell, (start, y), (min(start + _DASH, x2), y), _TRUE, 2)
    for start in range(y1, y2, 2 * _DASH):
        for x in (x1, x2):
            cv2.line(cell, (x, start), (x, min(start + _DASH, y2)), _TRUE, 2)


def _write(image: Image, text: str, x: int, colour: tuple[int, int, int], outlined: bool = False) -> int:
    """Write a line of text at the top of an image; gives the column where it ends."""
    if outlined:
        cv2.putText(image, text, (x, 16), _FONT, 0.45, _INK, 3, cv2.LINE_AA)
    cv2.putText(image, text, (x, 16), _FONT, 0.45, colour, 1, cv2.LINE_AA)
    return x + cv2.getTextSize(text, _FONT, 0.45, 1)[0][0]


def _stack(rows: Sequence[Image]) -> Image:
    """Rows under one another, the narrower ones filled with white."""
    width = max(row.shape[1] for row in rows)
    return np.concatenate(
        [np.pad(row, ((0, _GAP), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    )


def write_png(path: Path, image: Image) -> None:
    """Write an image (H, W, 3) uint8 RGB as PNG, whole or not at all."""
    encoded = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
    with replacing(path) as temporary:
        temporary.write_bytes(encoded.tobytes())
