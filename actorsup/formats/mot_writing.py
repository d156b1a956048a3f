"""Write MOT text, in the format that ``mot.py`` describes."""

from collections.abc import Iterable, Sequence
from itertools import chain, islice
from pathlib import Path

import numpy as np

from actorsup.errors import DataError
from actorsup.formats.archive import archive_writer, safe_relative_path
from actorsup.formats.labeled import DECIMALS, LabeledVideo
from actorsup.formats.mot import GROUND_TRUTH_FILE
from actorsup.formats.mot_lines import LABELS_FILE


def write_mot(videos: Iterable[LabeledVideo], output: Path, classes: Sequence[str], origin: int = 0) -> None:
    """Write MOT text: ``<video>/gt/gt.txt`` and ``labels.txt``; ``seqinfo.ini`` if the size is known.

    A zip of a single video omits the folder ``<video>``, as CVAT's import requires. ``conf`` is the score of
    a prediction, or 1 for ground truth. A score of 0 is written as 0.000001, since 0 marks an ignored box.

    Args:
        videos: Videos whose tubes have actions in ``classes``.
        output: Path of a ``.zip`` or of a new folder.
        classes: Names of all classes, in the order of their ids 1, 2, ...
        origin: Coordinate of the first pixel's corner: 0 as in CVAT, 1 as in the MOTChallenge.

    Raises:
        DataError: A class name is not a single line, or a video id is not a path below a folder.
    """
    if wrong := [name for name in classes if len(name.splitlines()) != 1 or name != name.strip()]:
        raise DataError(f"{output}: the class {wrong[0]!r} cannot be a line of {LABELS_FILE}; rename it")
    labels = "".join(f"{name}\n" for name in classes)
    remaining = iter(videos)
    first_videos = list(islice(remaining, 2))
    single = output.suffix.lower() == ".zip" and len(first_videos) == 1
    with archive_writer(output) as add:
        for video in chain(first_videos, remaining):
            folder = "" if single else f"{safe_relative_path(video.video)}/"
            add(f"{folder}gt/{GROUND_TRUTH_FILE}", _text(video, classes, origin))
            add(f"{folder}gt/{LABELS_FILE}", labels)
            if min(video.info.frames, video.info.width, video.info.height) > 0:
                add(f"{folder}seqinfo.ini", _seqinfo(video))


def _text(video: LabeledVideo, classes: Sequence[str], origin: int) -> str:
    lines = []
    for track, tube in enumerate(video.tubes, 1):
        corners = np.round(tube.boxes, DECIMALS)
        size = corners[:, 2:] - corners[:, :2]
        conf = "1" if tube.score is None else f"{tube.score or 1e-6:.6g}"
        label = classes.index(tube.action) + 1
        for frame, (x, y), (w, h) in zip(tube.frames.tolist(), corners[:, :2] + origin, size, strict=True):
            box = ",".join(f"{value + 0.0:.{DECIMALS}f}" for value in (x, y, w, h))
            lines.append((frame, track, f"{frame + 1},{track},{box},{conf},{label},1\n"))
    return "".join(line for *_, line in sorted(lines))


def _seqinfo(video: LabeledVideo) -> str:
    info = video.info
    # Datumaro accepts only these keys, and an integer frame rate
    return (
        f"[Sequence]\nname={video.video.replace('/', '_')}\nimDir=img1\nframeRate={max(1, round(info.fps))}\n"
        f"seqLength={info.frames}\nimWidth={info.width}\nimHeight={info.height}\nimExt=.jpg\n"
    )
